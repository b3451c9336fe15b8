"""The stage that records games of NetHack: every game counted, the same for everybody, continued where it was cut."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("nle")

import envs
from agents.networks import build
from agents.recordings import playing, record
from agents.recordings.corpus import GAMES, INDEX, TTYRECS, Corpus, Game
from agents.recordings.register import register
from agents.recordings.stream import WindowStream
from envs.base import EnvError
from tests.nethack_archives import nld_aa
from tests.nethack_examples import TINY
from tests.nethack_recordings import recording
from tests.plain_job import PlainJob


@pytest.fixture(autouse=True)
def four_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (playing, record):
        monkeypatch.setattr(module, "AT_ONCE", 4)


class Interrupted(PlainJob):
    """Is stopped at the first progress that is told after so many finished games."""

    def progress(self, done: int, total: int, **shown: float) -> None:
        if done >= 5:
            raise KeyboardInterrupt


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.ttyrec3.bz2"))


def rows(index: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(index)) as connection:
        return connection.execute(query).fetchall()


def test_every_game_has_its_ttyrec_its_row_and_its_place_in_the_list(tmp_path: Path) -> None:
    job = recording(tmp_path, episodes=6)
    told: list[tuple[int, int]] = []
    job.progress = lambda done, total, **shown: told.append((done, total))  # type: ignore[method-assign]
    result = record.record(job)
    folder = tmp_path / "corpus"
    corpus = Corpus.open(tmp_path)
    expected = [f"0000{number // 4}/nle.{number:07d}.ttyrec3.bz2" for number in range(6)]
    assert files(folder / TTYRECS) == [game.files[0] for game in corpus.games] == expected
    assert rows(folder / INDEX, "SELECT path FROM ttyrecs ORDER BY gameid") == [(file,) for file in expected]
    assert rows(folder / INDEX, "SELECT root FROM roots") == [(str(folder / TTYRECS),)]
    assert rows(folder / INDEX, "SELECT points, turns, maxlvl, death FROM games ORDER BY gameid") == [
        (game.points, game.turns, game.depth, game.death) for game in corpus.games
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus"]
    assert (told[0][1], told[-1], told == sorted(told)) == (6, (6, 6), True)
    assert (result["games"], result["episodes"], result["skipped"]) == (6, 6, 0)
    assert result["frames"] == corpus.frames > 6 * 20
    assert result["corpus_sha256"] == corpus.sha256
    assert result["turns"] == pytest.approx(sum(game.turns for game in corpus.games) / 6)
    assert (0 < result["episode_length"] <= 60, result["win_rate"]) == (True, 0.0)
    assert job.rows == [
        {"frames": corpus.frames}
        | {k: result[k] for k in ("score", "turns", "depth", "win_rate", "episode_return", "episode_length")}
    ]


def test_a_corpus_is_the_same_for_any_number_of_processes_and_another_for_another_seed(tmp_path: Path) -> None:
    def corpus(name: str, processes: int, seed: int = 3) -> Corpus:
        env = {"id": "nethack", "name": "nethack-challenge", "options": {"max_steps": 60, "processes": processes}}
        record.record(recording(tmp_path / name, episodes=5, env=env, seed=seed))
        return Corpus.open(tmp_path / name)

    here, there, other = corpus("here", 0), corpus("there", 2), corpus("other", 0, seed=4)
    assert here.games == there.games and here.sha256 == there.sha256
    assert not {game.sha256 for game in here.games} & {game.sha256 for game in other.games}
    assert len({game.sha256 for game in here.games}) == 5


def test_an_interrupted_recording_keeps_its_finished_batches(tmp_path: Path) -> None:
    unbroken = recording(tmp_path / "unbroken", episodes=9)
    expected = record.record(unbroken)
    broken = recording(tmp_path / "broken", episodes=9)
    with pytest.raises(KeyboardInterrupt):
        record.record(Interrupted(broken.params, broken.folder))
    kept = tmp_path / "broken" / "corpus" / TTYRECS / "00000"
    before = [(path.name, path.stat().st_mtime_ns) for path in sorted(kept.iterdir())]
    assert len(before) == 6 and not (tmp_path / "broken" / "corpus" / GAMES).exists()
    assert record.record(broken) == expected
    assert [(path.name, path.stat().st_mtime_ns) for path in sorted(kept.iterdir())] == before
    assert Corpus.open(broken.folder).games == Corpus.open(unbroken.folder).games


def test_a_stage_that_died_before_its_result_plays_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = recording(tmp_path, episodes=5)
    expected = record.record(job)
    (tmp_path / "corpus" / record.SCRATCH / "kept").mkdir(parents=True)  # it was killed while it cleaned up
    monkeypatch.setattr(record, "play", lambda *args: pytest.fail("games are played again"))
    assert record.record(job) == expected
    assert not (tmp_path / "corpus" / record.SCRATCH).exists()


def pressed(job: PlainJob) -> set[str]:
    """The keys that a stage's player presses, by name, in 200 steps."""
    env = envs.make("nethack-challenge", 8, seed=1, processes=0)
    act, observation = playing.player(job, env, seed=7), env.reset()
    names = set()
    for _ in range(200):
        actions = act(observation)
        names |= {env.layout.actions[action] for action in actions.tolist()}
        observation, *_ = env.step(actions)
    env.close()
    return names


def test_the_random_player_presses_the_keys_of_nethack_score_and_so_never_quits(tmp_path: Path) -> None:
    assert pressed(recording(tmp_path)) == set(envs.make("nethack-score").layout.actions)


def test_a_policy_presses_the_keys_that_it_was_trained_with(tmp_path: Path) -> None:
    layout = envs.make("nethack-score").layout
    net = build(layout, TINY, seed=1)
    torch.save({"network": TINY, "weights": net.state_dict(), "frames": 10}, tmp_path / "policy.pt")
    job = recording(tmp_path / "run", source="checkpoint", random_actions=0.5)
    job.parents = {"demonstrator": tmp_path}
    assert pressed(job) <= set(layout.actions)
    assert record.record(job)["games"] == 7


def test_an_unknown_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvError, match=r"method\.demos is 'oracle', expected expert, random or checkpoint"):
        record.record(recording(tmp_path, source="oracle"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine registered games of an NLD-AA."""
    folder = tmp_path_factory.mktemp("archive")
    register("nld-aa", nld_aa(folder, runs=3), folder / "index", lambda done, total: None)
    return folder / "index"


def chosen(folder: Path, index: Path | None, player: str = "nld-aa", episodes: int = 4) -> PlainJob:
    path = None if index is None else str(index)
    return recording(folder, source="expert", player=player, episodes=episodes, **{"@index": path})


def test_games_of_an_archive_are_drawn_and_stay_where_they_are(tmp_path: Path, archive: Path) -> None:
    result = record.record(chosen(tmp_path / "run", archive))
    corpus, everything = Corpus.open(tmp_path / "run"), Corpus.open(archive)
    assert (result["games"], result["episodes"]) == (4, 4)
    assert set(corpus.games) < set(everything.games) and corpus.games != everything.games[:4]
    assert list(corpus.games) == sorted(corpus.games, key=lambda game: game.files)
    assert files(tmp_path / "run") == []
    assert result["score"] == result["episode_return"] == sum(game.points for game in corpus.games) / 4
    shutil.move(tmp_path / "run", tmp_path / "moved")
    assert WindowStream(Corpus.open(tmp_path / "moved"), "fitted", 2, validation=0.3).next().real.all()
    assert record.record(chosen(tmp_path / "moved", archive)) == result
    assert record.record(chosen(tmp_path / "all", archive, episodes=100))["games"] == 9


def test_what_is_drawn_of_an_archive_is_fitted_and_held_out_like_the_whole(tmp_path: Path) -> None:
    games = tuple(Game((f"run/{number}",), 50, 10, 20, 1, "quit", str(number)) for number in range(1000))
    Corpus("nld-aa", "nld-aa", 3, games, {}, tmp_path / INDEX).write(tmp_path)

    def drawn(seed: int) -> Corpus:
        job = chosen(tmp_path / str(seed), tmp_path, episodes=100)
        job.params = {**job.params, "seed": seed}
        record.record(job)
        return Corpus.open(job.folder)

    one, other = drawn(1), drawn(2)
    assert 5 < len(one.part("held_out", 0.15)) < 30
    assert 0 < len(set(one.games) & set(other.games)) < 30
    everywhere = set(Corpus.open(tmp_path).part("held_out", 0.15))
    assert set(one.part("held_out", 0.15)) == everywhere & set(one.games)


@pytest.mark.parametrize(
    ("given", "player", "said"),
    [
        (
            False,
            "nld-aa",
            r"player nld-aa needs nethack\.index, the folder that run_all\.py data nethack has registered",
        ),
        (True, "nld-nao", r"holds nld-aa, but the player is nld-nao; name the index of nld-nao"),
    ],
)
def test_a_missing_or_wrong_archive_is_named(
    tmp_path: Path, archive: Path, given: bool, player: str, said: str
) -> None:
    with pytest.raises(EnvError, match=said):
        record.record(chosen(tmp_path, archive if given else None, player))
