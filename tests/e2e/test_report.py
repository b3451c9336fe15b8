"""The report as files: complete, repeatable, readable by everybody, and a page that needs nothing but itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmark.errors import BadInput
from benchmark.store import RunStore
from reports.build import build, digest
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


def test_every_table_is_there_in_four_formats_whose_links_lead_somewhere(folder: Path) -> None:
    for sidecar in folder.glob("tables/*.json"):
        files = json.loads(sidecar.read_text())["sha256"]
        assert set(files) == {f"{sidecar.stem}.{ending}" for ending in ("md", "tex", "csv", "html")}
        assert all(hashlib.sha256((sidecar.parent / name).read_bytes()).hexdigest() == files[name] for name in files)
    page = Page((folder / "tables" / "absent.html").read_text())
    links = [link["href"] or "" for link in page.all("a")]
    assert links
    assert all((folder / "tables" / href).is_file() for href in links)


def test_the_footer_stands_on_every_page_and_can_be_checked(folder: Path, page: Page) -> None:
    facts = json.loads((folder / "report.json").read_text())
    footer = f"plan {facts['plan']} · report {facts['report']} · 7 of 12 cells"
    assert facts["plan"] == digest(RunStore(folder.parent.parent).plan("synthetic").to_json())
    assert (folder / "report.html").read_text().count(f"<footer>{footer}</footer>") == sum(
        1 for _ in page.all("section")
    )
    assert (folder / "report.md").read_text().endswith(f"---\n\n{footer}\n")
    for name, expected in facts["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written - set(facts["sha256"]) <= {"report.json", "plan.json", "registrations.json"}


def test_other_results_have_another_digest_and_equal_ones_the_same_files_elsewhere(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, {"ldd": METHODS["ldd"]}, (0,))
    for name, level in (("one", 0.5), ("same", 0.5), ("other", 0.75)):
        write_runs(tmp_path / name, plan, win_rate=lambda *_, level=level: level, points=4)
        build(tmp_path / name, "synthetic")
    one, same, other = (
        json.loads((tmp_path / name / "grids/synthetic/report.json").read_text()) for name in ("one", "same", "other")
    )
    assert one == same
    assert one["plan"] == other["plan"]
    assert one["report"] != other["report"]


def test_a_pdf_of_an_earlier_state_does_not_stay_and_whoever_waits_hears_how_far_it_is(folder: Path) -> None:
    (folder / "report.pdf").write_bytes(b"of yesterday")
    heard: list[tuple[int, int, str]] = []
    report = build(folder.parent.parent, "synthetic", lambda *words: heard.append(words))
    assert not (folder / "report.pdf").exists()
    assert report.note == "no report.pdf: LDD_BENCH_CHROMIUM=off says so"
    parts = list(dict.fromkeys(words for _, _, words in heard))
    assert parts == [
        "reading the runs", "curves", "pages and figures", "tables", "writing the data", "printing the PDF",
    ]  # fmt: skip
    figures = [(done, total) for done, total, words in heard if words == "figures"]
    assert figures == [(done, len(figures) - 1) for done in range(len(figures))]


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

    VOID = frozenset({"meta", "link", "img", "source", "br", "hr", "wbr"})

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
