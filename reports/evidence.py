"""How much evidence there is, and how it came about, as far as the data tell: seeds, games, policy, checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from reports.contrasts import Contrast
from reports.frame import GridData
from reports.page import Text
from reports.text import count, listed, number, plural

SEEDS = 5
"""The fewest to publish (statistics.md rule 2)."""

GAMES = 500
"""The fewest evaluation games of a seed behind a win rate (statistics.md rule 3)."""


def too_few(data: GridData) -> list[Text]:
    """One warning where results rest on fewer seeds or games than rules 2 and 3 ask for; none for a search.

    Before anything is finished, where they will rest on fewer seeds.
    """
    if data.search:
        return []
    found = [words for words in (_few_seeds(data), _few_games(data)) if words]
    return [Text(" ".join(found), "warning")] if found else []


def _few_seeds(data: GridData) -> str:
    pairs = [(environment, method) for environment in data.environments for method in data.methods]
    counts, which = [n for pair in pairs if (n := len(data.done(*pair)))], "finished"
    if not counts:
        counts, which = [n for pair in pairs if (n := len(data.group(*pair)))], "planned"
    claims = data.plan.settings.get("claims")
    asked = int(claims["content"]["seeds"]) if claims else SEEDS
    if min(counts) >= max(asked, SEEDS):
        return ""
    wanted = [f"results to publish need {SEEDS}"] if min(counts) < SEEDS else []
    wanted += [f"the claims of `{claims['name']}` ask for {asked}"] if min(counts) < asked and claims else []
    return f"Few seeds: {_range(counts, f'{which} seed')} per method, where {' and '.join(wanted)}."


def _few_games(data: GridData) -> str:
    done = data.cells[data.cells["status"] == "done"]
    if "episodes" not in done:
        return ""
    played: dict[int, list[int]] = {}
    where: dict[int, list[str]] = {}
    for environment in data.environments:
        games = done["episodes"][done["environment"] == environment].dropna()
        asked = _games_asked(data, environment)
        played.setdefault(asked, []).extend(map(int, games))
        where.setdefault(asked, []).append(data.environment_label(environment))
    few = {asked: games for asked, games in played.items() if games and min(games) < asked}
    told = [
        f"{_range(games, 'evaluation game')} per seed{f' on {listed(where[asked])}' if len(played) > 1 else ''}, "
        f"where {asked} are asked for{_noise(data, games, asked)}"
        for asked, games in few.items()
    ]
    return f"Few games: {'; '.join(told)}." if told else ""


def _games_asked(data: GridData, environment: str) -> int:
    """How many games a score of an environment is to be over: those of rule 3 for a win rate, else those of the paper.

    The latter are what the plan has before its preset and overrides; where it does not say it, as imported results,
    those of rule 3.
    """
    if data.counts_wins(environment):
        return GAMES
    changes = (data.plan.settings.get("changes") or {}).get(environment, {})
    if "evaluation.episodes" in changes:
        return int(changes["evaluation.episodes"][0])
    keys = [cell.stages.get(data.plan.result) for cell in data.plan.cells if cell.environment == environment]
    planned = [data.plan.stages[key].params.get("episodes") for key in keys if key is not None]
    return next((int(episodes) for episodes in planned if episodes is not None), GAMES)


def _noise(data: GridData, games: list[int], asked: int) -> str:
    if asked != GAMES or not any(map(data.counts_wins, data.environments)):
        return ""
    return f" (standard error of a win rate: up to {_points(min(games))} points for {_points(GAMES)})"


def _range(counts: list[int], noun: str) -> str:
    low, high = min(counts), max(counts)
    return plural(low, noun) if low == high else f"{count(low)} to {count(high)} {noun}s"


def _points(games: int) -> str:
    """The largest standard error of a win rate over so many games, in percentage points."""
    return number(50 / sqrt(games), 1)


def nothing_finished(data: GridData) -> bool:
    """Whether no cell of the grid is done."""
    return not (data.cells["status"] == "done").any()


def with_results(data: GridData, found: Sequence[Contrast]) -> list[Contrast]:
    """Those of the comparisons that are on an environment where something is finished."""
    return [contrast for contrast in found if not data.done(contrast.environment).empty]


def without_results(data: GridData) -> list[Text]:
    """A note that names the environments on which something can be run but nothing is finished, if there are any."""
    runnable = set(data.cells["environment"][data.cells["status"] != "unavailable"])
    names = [data.environment_label(e) for e in data.environments if e in runnable and data.done(e).empty]
    return [Text(f"Nothing is finished on {listed(names)}, so nothing is compared there.", "note")] if names else []


def policy_modes(data: GridData) -> list[str]:
    """How the finished evaluations chose actions: argmax, sampled, …; empty where no run says it."""
    return sorted({str(m["policy_mode"]) for m in data.stages["metrics"] if "policy_mode" in m})


def scored(data: GridData) -> str:
    """What a score is of; of imported results nobody here knows that."""
    if data.plan.origin is not None:
        return (
            f"The scores are on {data.games_label}. They are imported: which checkpoint they are of, how it was chosen "
            "and whether all methods played the same games is not known here."
        )
    return f"The score is the last checkpoint's on {data.games_label}; no checkpoint is chosen by it."


def played(data: GridData) -> str:
    """How the games of the learning curves were played."""
    if data.plan.origin is not None:
        return "The curves are imported: how their games were chosen and played is not known here."
    how = f" in the mode of the final evaluation ({' or '.join(modes)})" if (modes := policy_modes(data)) else ""
    return (
        f"The games are a fixed list, played at fixed intervals{how}; no decision reads them. Training episodes are "
        "played by the sampling policy."
    )
