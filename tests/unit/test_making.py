"""Pages and their figures, made in one process or in several."""

from __future__ import annotations

import pytest

from reports import making
from reports.frame import GridData, load
from reports.making import Made, made
from reports.page import Page, Text
from reports.pages import PAGES, SLOW
from tests.synthetic import make_plan, write_runs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("pages")
    write_runs(root, make_plan({"rtfm-s1": "RTFM S1"}), points=6)
    return load(root, "synthetic")


def content(found: list[Made]) -> list[tuple[str, dict[str, object], list[str]]]:
    return [(one.page.id, dict(one.figures), [t.to_markdown() for t in one.page.tables()]) for one in found]


def test_several_processes_make_the_same_pages_in_the_same_order(
    data: GridData, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = made(data, PAGES, SLOW)
    monkeypatch.setattr(making, "FEW", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1})
    assert content(made(data, PAGES, SLOW)) == content(alone)
    assert alone[0].page.id == "verdict"
    assert any(one.figures for one in alone)


def nothing_to_say(_data: GridData) -> None:
    return None


def broken(_data: GridData) -> Page:
    raise ValueError("this page cannot be made")


def plain(_data: GridData) -> Page:
    return Page("plain", "Plain", (Text("words"),))


@pytest.mark.parametrize("few", [1, 1000])
def test_a_page_without_words_is_left_out_and_one_that_fails_is_heard(
    data: GridData, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(making, "FEW", few)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1})
    assert [one.page.id for one in made(data, (nothing_to_say, plain))] == ["plain"]
    with pytest.raises(ValueError, match="this page cannot be made"):
        made(data, (plain, broken))


def test_whoever_waits_hears_of_every_page(data: GridData) -> None:
    heard: list[tuple[int, int, str]] = []
    made(data, (plain, plain), listen=lambda *words: heard.append(words))
    assert heard == [(0, 2, "pages and figures"), (1, 2, "pages and figures"), (2, 2, "pages and figures")]
