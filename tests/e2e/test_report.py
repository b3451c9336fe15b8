"""The report as files: complete, repeatable, readable by everybody, and a page that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.errors import BadInput
from reports.build import build
from tests.synthetic import METHODS, make_plan, write_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a grid with a failed policy, a cell that is missing and a method that cannot be run."""
    root = tmp_path_factory.mktemp("runs")
    methods = {**METHODS, "vae": {"label": "VAE", "provenance": "reimplemented"}}
    plan = make_plan({"rtfm-s1": "RTFM S1"}, methods, unavailable={"vae": "not built yet"})
    failed = {"rtfm-s1/ldd/1": "ValueError: <b>loss</b> is nan | frame 90000"}
    write_runs(root, plan, skip=frozenset({"rtfm-s1/ldd/2"}), failed=failed, points=6)
    report = build(root, "synthetic")
    assert report.paths == (root / "grids/synthetic/report.html", root / "grids/synthetic/report.md")
    assert report.note == "no report.pdf: LDD_BENCH_CHROMIUM=off says so"
    return report.paths[0].parent


def test_a_failure_leads_to_its_log(folder: Path) -> None:
    failure = next(line for line in (folder / "report.md").read_text().splitlines() if "| failed | policy:" in line)
    assert r"ValueError: &lt;b&gt;loss&lt;/b&gt; is nan \| frame 90000" in failure
    log = failure.split("](")[1].split(")")[0]
    assert (folder / log).read_text().startswith("log of policy rtfm-s1/ldd/1")


def test_every_image_of_the_markdown_is_there(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    images = [part.split(")")[0] for part in text.split("](") if part.startswith("figures/")]
    assert images.index("figures/scores-rtfm-s1.png") < images.index("figures/curves-rtfm-s1.png")
    assert sorted(images) == sorted(f"figures/{path.name}" for path in folder.glob("figures/*.png"))
    assert all((folder / image).read_bytes().startswith(b"\x89PNG") for image in images)


def test_every_figure_and_table_knows_its_runs(folder: Path) -> None:
    sidecars = [*folder.glob("figures/*.json"), *folder.glob("tables/*.json")]
    assert {path.stem for path in sidecars} >= {"main", "seeds", "differences", "scores-rtfm-s1", "curves-rtfm-s1"}
    for path in sidecars:
        facts = json.loads(path.read_text())
        assert all((folder.parent.parent / key).is_dir() for key in facts["runs"]) or path.stem == "runs", path
        assert all((path.parent / name).is_file() for name in facts["sha256"]), path
    assert len(json.loads((folder / "tables" / "main.json").read_text())["runs"]) == 7


def test_building_twice_gives_the_same_bytes_and_leaves_nothing_old(folder: Path) -> None:
    def files() -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = files()
    (folder / "figures" / "curves-removed.png").write_bytes(b"of an environment that the grid has no more")
    build(folder.parent.parent, "synthetic")
    assert files() == before


def test_a_grid_that_was_never_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'nowhere' has not been run"):
        build(tmp_path, "nowhere")
    assert not (tmp_path / "grids").exists()


class Page(HTMLParser):
    """What the tests ask of the page."""

    VOID = frozenset({"meta", "link", "img", "source", "br", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unbalanced: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text())


def test_the_page_is_well_formed(page: Page) -> None:
    assert page.unbalanced == []
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_asks_nobody_for_anything(page: Page, folder: Path) -> None:
    addresses = [a[name] or "" for _, a in page.tags for name in ("src", "srcset", "href") if name in a]
    assert all(address.startswith(("data:", "#", "../../")) for address in addresses)
    assert not list(page.all("script"))
    text = (folder / "report.html").read_text()
    assert "@import" not in text
    assert "url(" not in text


def test_links_lead_somewhere(page: Page, folder: Path) -> None:
    anchors = {attributes.get("id") for _, attributes in page.tags}
    for link in page.all("a"):
        href = link["href"] or ""
        assert href[1:] in anchors if href.startswith("#") else (folder / href).exists(), href


def test_the_page_can_be_read_without_seeing_it(page: Page) -> None:
    assert all(image["alt"] for image in page.all("img"))
    assert all(heading.get("scope") in ("row", "col") for heading in page.all("th"))
    assert sum(1 for _ in page.all("caption")) == sum(1 for _ in page.all("table"))
    headings = [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    assert next(page.all("html"))["lang"] == "en"


def test_what_a_run_says_cannot_become_markup(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert "&lt;b&gt;loss&lt;/b&gt;" in text
    assert "<b>loss</b>" not in text
