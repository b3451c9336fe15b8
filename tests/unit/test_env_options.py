"""The options of the environments stand in configs/env for the user and in dataclasses for the code: they agree."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import envs
from benchmark.configs import Configs, resolved

CONFIGS = Configs(Path(__file__).resolve().parents[2] / "configs")
AVAILABLE = [
    name
    for name in CONFIGS.members("env")
    if "unavailable" not in CONFIGS.read(f"env/{name}")["env"]
    and CONFIGS.read(f"env/{name}")["env"]["games"]["final"]["train"] in envs.ids()
]
"""Those that can be played here: the original Messenger needs its own package."""

OTHERWISE = {"messenger-s1-emma": {"view": "emma", "vocabulary": "family", "max_steps": 10, "time_penalty": 0.0}}
"""What the configuration of an environment has otherwise than the code, which knows one default per game."""

NOT_OF_A_RUN = {"image", "record_to", "games", "processes", "player"}
"""Options of the code that a configuration does not set: what recorders and other people's agents ask for."""


def game_of(env: dict[str, Any]) -> str:
    """The game that a configuration plays: its id, or the id less what makes it another configuration."""
    return str(env["games"]["final"]["train"]).removesuffix("-train")


@pytest.fixture(scope="module", params=AVAILABLE)
def env(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The section `env` as a job gets it."""
    with CONFIGS.hydra():
        config = CONFIGS.compose([f"env={request.param}"], about=request.param)
    return dict(resolved(config.env, request.param))


def test_every_family_has_a_configuration() -> None:
    """The original Messenger, where it is installed, serves to check the family messenger and needs none."""
    assert {name.split("_")[0] for name in AVAILABLE} == {env_id.split("-")[0] for env_id in envs.ids()}


def test_a_configuration_lists_every_option_with_the_default_of_the_code(env: dict[str, Any]) -> None:
    every = asdict(envs.make(env["games"]["final"]["train"]).options)  # type: ignore[attr-defined]
    defaults = {name: value for name, value in every.items() if name not in NOT_OF_A_RUN}
    assert env["options"] == defaults | OTHERWISE.get(env["id"], {})
    assert env["id"].startswith(game_of(env))
    assert {name: type(value) for name, value in env["options"].items()} == {
        name: type(value) for name, value in defaults.items()
    }


def test_tuning_plays_on_the_cut_of_the_training_games_and_never_on_test_games(env: dict[str, Any]) -> None:
    """NetHack has no list of games to cut: every episode is a new dungeon, drawn from the seed and the purpose."""
    if env["id"].startswith("nethack-"):
        assert env["games"] == {split: {"train": game_of(env), "test": game_of(env)} for split in ("final", "tune")}
        return
    assert env["games"] == {
        "final": {"train": f"{game_of(env)}-train", "test": f"{game_of(env)}-test"},
        "tune": {"train": f"{game_of(env)}-fit", "test": f"{game_of(env)}-dev"},
    }


@pytest.mark.parametrize("split", ["final", "tune"])
@pytest.mark.parametrize("side", ["train", "test"])
def test_a_configuration_builds_the_environment_that_no_options_build(
    env: dict[str, Any], split: str, side: str
) -> None:
    env_id = env["games"][split][side]
    plain = envs.make(env_id, **OTHERWISE.get(env["id"], {}))
    configured = envs.make(env_id, **env["options"])
    assert configured.layout == plain.layout
    plain.reset(), configured.reset()
    configured.load_state_dict(plain.state_dict())  # refuses a state of other options
