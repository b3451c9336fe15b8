"""Curves are read fast and word for word: damage is named, an unfinished line is not there yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from benchmark.files import Damaged
from benchmark.store import RunStore
from reports import curve_data
from reports.curve_data import Curves, read_curves, write_curves
from reports.frame import load
from tests.synthetic import make_plan, write_runs

KEY = "0123456789abcdef"


def store_with(root: Path, text: str, key: str = KEY) -> RunStore:
    store = RunStore(root)
    store.curve_file(key).parent.mkdir(parents=True, exist_ok=True)
    store.curve_file(key).write_text(text, encoding="utf-8", newline="")
    return store


def read(root: Path, text: str) -> Curves:
    return read_curves(store_with(root, text), [KEY])


def points(curves: Curves, metric: str) -> list[tuple[float, float]]:
    frames, values = curves.points(KEY, metric)
    return list(zip(frames.tolist(), values.tolist(), strict=True))


def test_rows_of_different_metrics_are_one_curve_each(tmp_path: Path) -> None:
    curves = read(tmp_path, '{"frames": 0, "test/x": 0.5}\n{"frames": 10, "loss": 2}\n{"frames": 10, "test/x": 1.0}\n')
    assert curves.keys() == (KEY,)
    assert set(curves.metrics(KEY)) == {"test/x", "loss"}
    assert points(curves, "test/x") == [(0, 0.5), (10, 1.0)]
    assert points(curves, "loss") == [(10, 2.0)]
    assert points(curves, "unheard of") == []
    assert curves.tidy(KEY).to_numpy().tolist() == [[0, "test/x", 0.5], [10, "test/x", 1.0], [10, "loss", 2.0]]


def test_a_line_that_is_being_written_is_not_there_yet(tmp_path: Path) -> None:
    assert points(read(tmp_path, '{"frames": 1, "x": 0.5}\n{"frames": 2, "x": 0.'), "x") == [(1, 0.5)]
    assert read(tmp_path, '{"frames": 1, "x"').keys() == ()
    assert read_curves(RunStore(tmp_path), ["fedcba9876543210"]).keys() == ()


@pytest.mark.parametrize(
    "line",
    [
        '{"frames": 2, "x"',
        "",
        "5",
        "[2]",
        '{"x": 0.5}',
        '{"frames": null, "x": 0.5}',
        '{"frames": "two", "x": 0.5}',
        '{"frames": 2}{"frames": 3}',
        '{"frames": 2} and more',
        "\x00\x00\x00",
    ],
)
def test_damage_is_named_by_file_and_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(Damaged, match=rf"{KEY}/metrics.jsonl is damaged in line 2; move .*{KEY} away"):
        read(tmp_path, f'{{"frames": 1, "x": 0.5}}\n{line}\n{{"frames": 3, "x": 0.5}}\n')


def test_damage_in_one_of_many_curves_is_found(tmp_path: Path) -> None:
    keys = [f"{number:016x}" for number in range(40)]
    for key in keys:
        store = store_with(tmp_path, '{"frames": 1, "x": 0.5}\n' + ("{\n" if key == keys[33] else ""), key)
    with pytest.raises(Damaged, match=f"{keys[33]}/metrics.jsonl is damaged in line 2"):
        read_curves(store, keys)


ODD = [
    '{"frames": 1, "x": NaN}\n{"frames": 2, "x": 0.25}\n',
    '{"frames": 1, "x": null}\n{"frames": 2, "x": 3}\n',
    '{"frames": 1, "x": Infinity}\n{"frames": 2, "x": -1e-320}\n',
    '{"frames": 1, "x": true}\n{"frames": 2, "x": 0.1}\n',
    '{"frames": 1, "x": true}\n{"frames": 2, "x": false}\n',
    '{"frames": 1, "x": 1, "x": 2}\n',
    '{"frames": 1, "x": "2026-11-23"}\n{"frames": 2, "y": [1, 2]}\n{"frames": 3, "x": 4}\n',
    '{"frames": 1, "x": "word"}\n',
    '{"frames": 1, "x": 0.1}\r\n{"frames": 2, "x": 0.1}\r\n',
    '{"frames": 1.5, "x": 0.30000000000000004}\n{"frames": 20000000000, "x": 123456789012345678901234567890}\n',
    '{"frames": 1, "x": {"y": 1}}\n',
    '{"frames": 1, "frames per second": 9}\n{"frames": 2, "größe": 1}\n',
]


@pytest.mark.parametrize("text", ODD)
def test_the_fast_parser_reads_what_the_exact_one_reads(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = read(tmp_path, text)
    monkeypatch.setattr(curve_data, "_parse", lambda data: None)
    exact = read(tmp_path, text)
    assert set(fast.metrics(KEY)) == set(exact.metrics(KEY))
    for metric in exact.metrics(KEY):
        assert points(fast, metric) == points(exact, metric)


def test_numbers_keep_their_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = (rng.standard_normal(500) * 10.0 ** rng.integers(-30, 30, 500)).tolist()
    curves = read(tmp_path, "".join(json.dumps({"frames": n, "x": value}) + "\n" for n, value in enumerate(values)))
    assert curves.points(KEY, "x")[1].tolist() == values


def test_frames_rise_and_the_last_word_on_a_frame_counts(tmp_path: Path) -> None:
    curves = read(tmp_path, '{"frames": 5, "x": 1}\n{"frames": 2, "x": 2}\n{"frames": 5, "x": 3}\n')
    assert points(curves, "x") == [(2, 2.0), (5, 3.0)]


def test_whoever_waits_is_told_how_far_the_reading_is(tmp_path: Path) -> None:
    store, told = store_with(tmp_path, '{"frames": 1}\n'), []
    read_curves(store, [KEY, "fedcba9876543210"], lambda *words: told.append(words))
    assert told == [(0, 2, "curves"), (1, 2, "curves"), (2, 2, "curves")]


def rows(table: pd.DataFrame, columns: Sequence[str]) -> list[list[object]]:
    return table.sort_values(list(columns))[list(columns)].to_numpy().tolist()


def test_the_file_for_others_has_a_row_per_logged_number_and_a_shared_stage_once(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, seeds=(0, 1))
    store = write_runs(tmp_path, plan, points=5)
    shared = next(cell.stages["pretrain"] for cell in plan.cells if cell.method == "ldd")
    store.curve_file(shared).write_text('{"frames": 3, "loss": 0.5}\n', encoding="utf-8")
    curves = load(tmp_path, "synthetic").curves
    write_curves(tmp_path / "curves.parquet", curves, {key: stage.kind for key, stage in plan.stages.items()})
    found = pyarrow.parquet.read_table(tmp_path / "curves.parquet").to_pandas()
    wanted = pd.concat([curves.tidy(key).assign(key=key, stage=plan.stages[key].kind) for key in curves.columns])
    columns = ("key", "stage", "frames", "metric", "value")
    assert tuple(found.columns) == columns
    assert rows(found.astype({"key": str, "stage": str, "metric": str}), columns) == rows(wanted, columns)
    assert (found["key"] == shared).sum() == 1


def test_without_a_curve_the_file_is_there_and_empty(tmp_path: Path) -> None:
    write_curves(tmp_path / "curves.parquet", Curves({}), {})
    assert pyarrow.parquet.read_table(tmp_path / "curves.parquet").num_rows == 0
