"""Windows of recorded games: what NLE's own dataset reads, cut, shuffled, resumed, and never silently incomplete."""

from __future__ import annotations

import io
import logging
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("nle")

from agents.recordings.corpus import INDEX, TTYRECS, Corpus
from agents.recordings.register import register
from agents.recordings.stream import Window, WindowStream
from envs.base import EnvError
from tests.nethack_archives import nld_aa, nld_nao
from tests.nethack_recordings import frames_by_nle, recorded

FIELDS = ("tty_chars", "tty_colors", "tty_cursor")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Seven games, of which one is held out where a seventh is."""
    return recorded(tmp_path_factory.mktemp("run"))


@pytest.fixture
def own(corpus: Corpus, tmp_path: Path) -> Path:
    """A copy of the corpus' folder, at another place, to be damaged."""
    return Path(shutil.copytree(corpus.index.parent, tmp_path / "moved"))


def lane(windows: list[Window], number: int) -> dict[str, torch.Tensor]:
    """All that a lane showed, one frame after the other."""
    fields = {name: torch.cat([w.observation[name][:, number] for w in windows]) for name in FIELDS}
    rest = {name: torch.cat([getattr(w, name)[:, number] for w in windows]) for name in ("starts", "real", "keys")}
    return fields | rest


def pieces(windows: list[Window], number: int) -> list[dict[str, torch.Tensor]]:
    """What a lane showed, cut where games start; what is cut off at the end comes last."""
    shown = lane(windows, number)
    cuts = [*shown["starts"].nonzero().squeeze(1).tolist(), len(shown["starts"])]
    return [{name: field[a:b] for name, field in shown.items()} for a, b in pairwise(cuts)]


def shows(piece: dict[str, torch.Tensor], game: dict[str, np.ndarray]) -> bool:
    """Does a piece show the game from its first frame on?"""
    length = len(piece["keys"])
    if length > len(game["done"]):
        return False
    same = (piece[name].numpy().astype(int) == game[name][:length].astype(int) for name in FIELDS)
    return all(field.all() for field in same) and (piece["keys"].numpy() == game["keypresses"][:length]).all()


def number_of(piece: dict[str, torch.Tensor], games: list[dict[str, np.ndarray]]) -> int:
    found = [number for number, game in enumerate(games) if shows(piece, game)]
    assert len(found) == 1, f"a piece of {len(piece['keys'])} frames shows the games {found}"
    return found[0]


def test_lanes_show_whole_games_as_nle_reads_them_and_never_wait(corpus: Corpus) -> None:
    games = frames_by_nle(corpus)
    stream = WindowStream(corpus, "fitted", batch=3, length=33, seed=1, validation=1 / 7)
    windows = [stream.next() for _ in range(20)]
    assert all(window.real.all() for window in windows)
    assert windows[0].starts[0].all()
    for number in range(3):
        *whole, _ = pieces(windows, number)
        assert len(whole) > 2
        for piece in whole:
            assert len(piece["keys"]) == len(games[number_of(piece, games)]["done"])


def test_every_fitted_game_comes_once_before_any_comes_again(corpus: Corpus) -> None:
    games = frames_by_nle(corpus)
    stream = WindowStream(corpus, "fitted", batch=1, length=50, seed=2, validation=1 / 7)
    order = [number_of(piece, games) for piece in pieces([stream.next() for _ in range(45)], 0)]
    assert sorted(order[:6]) == sorted(order[6:12]) == [0, 1, 2, 3, 4, 5]
    assert order[:6] != order[6:12]


def test_shapes_and_types(corpus: Corpus) -> None:
    window = WindowStream(corpus, "fitted", batch=2, length=5).next()
    assert {name: (tuple(field.shape), field.dtype) for name, field in window.observation.items()} == {
        "tty_chars": ((5, 2, 24, 80), torch.uint8),
        "tty_colors": ((5, 2, 24, 80), torch.uint8),
        "tty_cursor": ((5, 2, 2), torch.uint8),
    }
    assert [(tuple(f.shape), f.dtype) for f in (window.starts, window.real, window.keys)] == [
        ((5, 2), torch.bool),
        ((5, 2), torch.bool),
        ((5, 2), torch.int64),
    ]


def test_the_order_follows_the_seed_alone(corpus: Corpus) -> None:
    def begin(seed: int) -> torch.Tensor:
        stream = WindowStream(corpus, "fitted", batch=6, length=33, seed=seed)
        return torch.cat([stream.next().keys for _ in range(3)])

    assert torch.equal(begin(1), begin(1))
    assert not torch.equal(begin(1), begin(2))


@pytest.mark.parametrize("before", [0, 1, 4, 11])
@pytest.mark.parametrize("length", [1, 33])
def test_an_interrupted_stream_continues_with_the_very_next_window(corpus: Corpus, before: int, length: int) -> None:
    unbroken, broken = (WindowStream(corpus, "fitted", batch=3, length=length, seed=5) for _ in range(2))
    for _ in range(before * 33 // length):
        unbroken.next(), broken.next()
    checkpoint = io.BytesIO()
    torch.save(broken.state_dict(), checkpoint)
    checkpoint.seek(0)
    resumed = WindowStream(corpus, "fitted", batch=3, length=length, seed=99)
    resumed.load_state_dict(torch.load(checkpoint, weights_only=True))
    for _ in range(10 * 33 // length):
        ours, theirs = unbroken.next(), resumed.next()
        assert torch.equal(ours.starts, theirs.starts) and torch.equal(ours.keys, theirs.keys)
        assert all(torch.equal(ours.observation[name], theirs.observation[name]) for name in FIELDS)


def test_once_shows_every_held_out_frame_once_in_windows_of_one_game(corpus: Corpus) -> None:
    games = frames_by_nle(corpus)[5:]
    for batch in (1, 4):
        stream = WindowStream(corpus, "held_out", batch, length=33, validation=2 / 7)
        stream.next()  # what has been drawn before makes no difference
        windows = list(stream.once())
        assert sum(window.real.shape[1] for window in windows) == stream.windows
        rows = [lane([w], b) for w in windows for b in range(w.real.shape[1])]
        assert all(row["real"].diff().sum() <= 1 and not row["starts"][1:].any() for row in rows)
        shown = torch.cat([row["tty_chars"][row["real"]] for row in rows]).numpy()
        assert (shown == np.concatenate([game["tty_chars"] for game in games])).all()
        assert sum(int(row["starts"].sum()) for row in rows) == len(games)


def test_a_few_windows_are_spread_over_all_games(corpus: Corpus) -> None:
    stream = WindowStream(corpus, "held_out", batch=2, length=10, validation=2 / 7)
    everything = torch.cat([window.keys for window in stream.once()], 1)
    few = torch.cat([window.keys for window in stream.once(at_most=3)], 1)
    chosen = [0, round((stream.windows - 1) / 2), stream.windows - 1]
    assert torch.equal(few, everything[:, chosen])


def test_the_parts_of_a_game_of_nld_nao_are_one_game_without_keys(tmp_path: Path) -> None:
    archive = nld_nao(tmp_path, nld_aa(tmp_path, runs=1))
    corpus = register("nld-nao", archive, tmp_path / "index", lambda done, total: None)
    assert [len(game.files) for game in corpus.games] == [2, 1, 1]
    windows = list(WindowStream(Corpus.open(tmp_path / "index"), "held_out", 1, validation=0.999).once())
    assert sum(int(window.starts.sum()) for window in windows) == 3
    assert sum(int(window.real.sum()) for window in windows) == corpus.frames
    assert not any(window.keys.any() for window in windows)


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif how == "one byte":
        path.write_bytes(content[:11] + bytes([content[11] ^ 1]) + content[12:])  # of the first block's checksum
    elif how == "another game":
        path.write_bytes(path.with_name("nle.0000001.ttyrec3.bz2").read_bytes())


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "No such file"),
        ("cut off", "cut off"),
        ("one byte", "damaged"),
        ("another game", "frames, not"),
    ],
)
def test_a_damaged_ttyrec_is_named_and_skipped(
    own: Path, how: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = "00000/nle.0000002.ttyrec3.bz2"
    whole = frames_by_nle(Corpus.open(own))
    damage(own / TTYRECS / file, how)
    stream = WindowStream(Corpus.open(own), "fitted", batch=1, seed=1, validation=1 / 7)
    with caplog.at_level(logging.WARNING):
        seen = {number_of(piece, whole) for piece in pieces([stream.next() for _ in range(40)], 0)}
    assert seen == {0, 1, 3, 4, 5}
    assert list(stream.skipped) == [file] and reason in stream.skipped[file]
    assert [record.getMessage() for record in caplog.records] == [f"skipped {file}: {stream.skipped[file]}"]


def test_a_stream_continues_where_a_game_that_it_was_in_has_been_lost(own: Path) -> None:
    stream = WindowStream(Corpus.open(own), "fitted", batch=2, seed=1)
    stream.next()
    state = stream.state_dict()
    lost = state["lanes"][0][0]
    (own / TTYRECS / lost).unlink()
    resumed = WindowStream(Corpus.open(own), "fitted", batch=2, seed=1)
    resumed.load_state_dict(state)
    ours, theirs = stream.next(), resumed.next()
    assert torch.equal(ours.keys[:, 1], theirs.keys[:, 1])
    assert theirs.starts[0, 0] and list(resumed.skipped) == [lost]


def test_where_no_game_can_be_read_the_first_reasons_are_told(own: Path) -> None:
    shutil.rmtree(own / TTYRECS / "00000")
    stream = WindowStream(Corpus.open(own), "fitted", batch=2)
    with pytest.raises(EnvError, match=r"none of the 5 games of the part fitted can be read: .*No such file"):
        stream.next()


@pytest.mark.parametrize("how", ["missing", "no database", "another database"])
def test_the_damaged_index_of_games_recorded_here_is_named_and_made_anew(corpus: Corpus, own: Path, how: str) -> None:
    if how == "missing":
        (own / INDEX).unlink()
    elif how == "no database":
        (own / INDEX).write_bytes(b"this is no database" * 100)
    else:
        (own / INDEX).write_bytes(b"")
    stream, unharmed = (WindowStream(Corpus.open(path), "fitted", 2, seed=1) for path in (own, corpus.index.parent))
    assert torch.equal(stream.next().keys, unharmed.next().keys)
    assert INDEX in stream.skipped and "xlogfiles" in stream.skipped[INDEX] and not unharmed.skipped


def test_the_damaged_index_of_an_archive_asks_for_a_new_registration(tmp_path: Path) -> None:
    register("nld-aa", nld_aa(tmp_path, runs=1), tmp_path / "index", lambda done, total: None)
    (tmp_path / "index" / INDEX).write_bytes(b"this is no database" * 100)
    with pytest.raises(EnvError, match=r"ttyrecs.db is no readable index of nld-aa .*register it anew"):
        WindowStream(Corpus.open(tmp_path / "index"), "fitted", 1)


def test_a_folder_may_have_any_name(corpus: Corpus, tmp_path: Path) -> None:
    folder = shutil.copytree(corpus.index.parent, tmp_path / "a folder? #1 [100%]")
    stream = WindowStream(Corpus.open(Path(folder)), "fitted", batch=2, seed=1)
    assert stream.next().real.all() and not stream.skipped
