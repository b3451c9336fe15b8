"""What scores are normalised by: win rates of a random player and of our expert on the test games (rule 10).

    python -m benchmark.perf.references [--episodes 50000] [--only messenger_s1]

For every environment, without a preset and with each that it has, the lines for its configuration file are printed.
Random: uniform over the actions that are valid. Expert: the environment's own demonstrator, which sees the true state.
What the file stores must be of the very games and options, and lie within the 99.9% interval of what is measured;
otherwise the exit status is 1. An environment whose file says `references: null` has none. They are in no stage's key.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmark.configs import Configs, resolved
from benchmark.perf.episodes import Player, Sample, allowed, play

PLAYERS: dict[str, tuple[Player, int]] = {"random": ("valid", 1), "expert": ("expert", 2)}
"""Reference -> who plays, and with which seed."""
NO_DIFFERENCE = frozenset({
    "tokenizer", "tokenizer_files", "vocabulary", "wording", "data_dir", "shuffle_manual", "shuffle_layers",
    "redraw_text", "time_penalty", "multi_combination",
})  # fmt: skip
"""Options that change how a game is told, what a step costs, or training games only, and so no win on a test game."""

ROUNDING = 5e-5  # four decimals are stored


def settings(configs: Configs, prefix: str = "") -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Environments whose file's name begins so, without a preset and with each that they have: the composed section."""
    presets = sorted(path.name for path in (configs.folder / "preset").iterdir())
    with configs.hydra():
        for name in [name for name in configs.members("env") if name.startswith(prefix)]:
            section = resolved_section(configs, name, None)
            if "unavailable" in section or section.get("references", {}) is None:
                continue
            for preset in (None, *presets):
                if preset is None or name in configs.members(f"preset/{preset}"):
                    yield name, preset, resolved_section(configs, name, preset)


def resolved_section(configs: Configs, name: str, preset: str | None) -> dict[str, Any]:
    """The section `env` of a composition; `configs.hydra()` must be entered."""
    words = [f"env={name}", *([f"+preset/{preset}={name}"] if preset else [])]
    return dict(resolved(configs.compose(words, " ".join(words)).env, name))


def matter(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a win rate depends on."""
    return {key: value for key, value in options.items() if key not in NO_DIFFERENCE}


def stored(section: Mapping[str, Any], player: str) -> float | None:
    """The win rate that the configuration has; None where it has none, or one of other games or options."""
    found = section.get("references") or {}
    about = (section["games"]["final"]["test"], matter(section["options"]))
    if (found.get("games"), found.get("options")) != about:
        return None
    return float(found[player]["win_rate"])


def main() -> int:
    """Measures, prints the lines for the configuration, and compares them with those that are there."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.references")
    parser.add_argument("--episodes", type=int, default=50_000, help="of each player, in each setting")
    parser.add_argument("--only", default="", metavar="PREFIX", help="environments whose file's name begins so")
    given = parser.parse_args()
    torch.set_num_threads(1)
    known: dict[str, dict[str, Sample]] = {}
    wrong = 0
    for name, preset, section in settings(Configs(Path("configs")), given.only):
        games, options = section["games"]["final"]["test"], matter(section["options"])
        place = f"{games} {options}"
        if place not in known:
            known[place] = {
                player: play(games, who, given.episodes, seed, **section["options"])[0]
                for player, (who, seed) in PLAYERS.items()
            }
        print(f"configs/{f'preset/{preset}' if preset else 'env'}/{name}.yaml\n  references:")
        for player, sample in known[place].items():
            here = stored(section, player)
            right = here is not None and abs(sample.mean - here) <= allowed(sample) + ROUNDING
            wrong += not right
            verdict = "" if right else f", NOT the {here} that is stored"
            print(f"    {player}: {{win_rate: {sample.mean:.4f}}}  # +-{allowed(sample):.4f}{verdict}")
        print(f"    games: {games}\n    options: {_flow(options)}", flush=True)
    print(f"{wrong} references are missing or wrong" if wrong else "all references are right")
    return int(wrong > 0)


def _flow(options: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(options), default_flow_style=True, sort_keys=False, width=1000).strip()


if __name__ == "__main__":
    sys.exit(main())
