"""The report as people meet it: in a browser on a telephone and a desk, by keyboard, by day and by night; on paper."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from reports.build import Report, build
from reports.writing import pdf
from tests import printing
from tests.synthetic import TEN_METHODS, make_plan, write_runs
from tests.toy import PATIENCE_S

WIDTHS = (380, 1280)
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """Ten methods, one of them failed on a seed, one not available; with its PDF."""
    with pytest.MonkeyPatch.context() as patch:
        printing.chromium(patch)
        root = tmp_path_factory.mktemp("runs")
        plan = make_plan({"rtfm-s1": "RTFM S1"}, TEN_METHODS, (0, 1), unavailable={"vae": "not built yet"})
        write_runs(root, plan, failed={"rtfm-s1/ldd/1": "ValueError: loss is nan"}, points=6)
        yield build(root, "synthetic")


@pytest.fixture(scope="module")
def browser(report: Report) -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        printing.absent("playwright is not installed (the extra `dev`)")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as driver:
        program = printing.chromium(patch)
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        opened = driver.chromium.launch(executable_path=program, args=arguments, timeout=1000 * PATIENCE_S)
        yield opened
        opened.close()


@pytest.fixture(params=[(width, theme) for width in WIDTHS for theme in THEMES], ids=str, scope="module")
def page(request: pytest.FixtureRequest, browser: Any, report: Report) -> Iterator[Any]:
    """The page in a window, with what the browser complained of and what it asked for in `said` and `asked`."""
    width, theme = request.param
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
    page.set_default_timeout(1000 * PATIENCE_S)
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("requestfailed", lambda wanted: page.said.append(f"failed: {wanted.url[:80]}"))
    page.on("request", lambda wanted: page.asked.append(wanted.url))
    page.goto(report.paths[0].as_uri(), wait_until="load")
    page.theme = theme
    yield page
    page.close()


def test_the_browser_has_nothing_to_complain_of_and_asks_nobody(page: Any, report: Report) -> None:
    assert page.said == []
    assert {url for url in page.asked if not url.startswith("data:")} == {report.paths[0].as_uri()}


def test_all_images_decode_and_each_figure_shows_the_one_of_its_theme(page: Any) -> None:
    broken = page.evaluate(
        """async () => {
            const broken = [];
            for (const image of document.images) {
                await image.decode().catch(() => broken.push(image.alt));
                if (!image.naturalWidth) broken.push(image.alt);
            }
            return broken;
        }"""
    )
    assert broken == []
    seen = "[...document.querySelectorAll('.gallery figure')].map(figure => [...figure.querySelectorAll('img')]"
    shown = page.evaluate(f"{seen}.filter(image => image.checkVisibility()).map(image => image.className))")
    assert len(shown) > 4
    assert all(images == [page.theme] for images in shown)


def test_only_wide_tables_scroll_sideways_each_in_its_own_region(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    hidden = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth && one.tabIndex < 0)"
    )
    assert hidden == []  # what scrolls can be reached by keyboard
    main = page.locator("#table-main .scroll")
    head = main.locator("tbody th").first
    before = head.bounding_box()["x"]
    main.evaluate("region => { region.scrollLeft = 10000; }")
    if page.viewport_size["width"] == 380:
        assert main.evaluate("region => region.scrollLeft") > 100
    assert head.bounding_box()["x"] == pytest.approx(before, abs=2)  # the environment's name stays in sight


def test_text_stands_out_from_the_paper(page: Any) -> None:
    """WCAG's contrast of at least 4.5 between text and what is behind it, headings, notes and links included."""
    colours = page.evaluate(
        """() => ['body', '.note', 'a', 'small', 'footer', '.warning'].map(name => {
            const one = document.querySelector(`main ${name}`) || document.querySelector(name);
            let behind = one;
            while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
            return [name, getComputedStyle(one).color, getComputedStyle(behind).backgroundColor];
        })"""
    )
    for name, ink, paper in colours:
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name
    assert (luminance(colours[0][2]) > 0.5) == (page.theme == "light")


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, as WCAG defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_keyboard_comes_first_to_the_way_past_the_contents(browser: Any, report: Report) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(1000 * PATIENCE_S)
    page.goto(report.paths[0].as_uri())
    focused = "document.activeElement.getAttribute('href') || document.activeElement.className"
    stops = []
    for _ in range(4):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(focused))
    assert stops == ["#report", "#verdict", "#results", stops[3]]
    assert stops[3].startswith("#")
    page.keyboard.press("Shift+Tab")
    page.goto(report.paths[0].as_uri())
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["x"] >= 0  # it can be seen while it has the focus
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.close()


def text_of(report: Report, *options: str) -> list[str]:
    """The text of the PDF, sheet by sheet."""
    command = [printing.program("pdftotext"), "-layout", *options, str(report.paths[2]), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\f")[:-1]


def test_the_paper_has_every_page_on_a_new_sheet_and_a_footer_on_every_sheet(report: Report) -> None:
    sheets = text_of(report)
    html = report.paths[0].read_text(encoding="utf-8")
    (footer,) = set(re.findall(r"<footer>(.*)</footer>", html))
    assert re.fullmatch(r"plan [0-9a-f]{12} · report [0-9a-f]{12} · \d+ of 20 cells", footer)
    for number, sheet in enumerate(sheets, 1):
        lines = [" ".join(line.split()) for line in sheet.splitlines() if line.strip()]
        assert lines[-1] == f"LDD-Bench: synthetic · {footer} {number} / {len(sheets)}", number
    titles = re.findall(r'<span class="ordinal">(\w+\.)</span> (.*)</h2>', html)
    tops = [" ".join(next(line for line in sheet.splitlines() if line.strip()).split()) for sheet in sheets]
    assert tops[0] == "LDD-Bench: synthetic"
    assert [top for top in tops if re.match(r"(\d+|[A-Z])\. ", top)] == [" ".join(title) for title in titles[1:]]


def test_the_paper_shows_what_the_screen_folds_and_says_nothing_of_this_machine(report: Report) -> None:
    text = "".join(text_of(report))
    keys = {
        path.name for path in report.paths[0].parent.parent.parent.iterdir() if re.fullmatch("[0-9a-f]{16}", path.name)
    }
    assert len(keys) > 30
    assert all(key in text for key in keys)
    printed = report.paths[2].read_bytes()
    assert b"file://" not in printed
    assert b"/CreationDate" not in printed


def test_printing_again_gives_the_same_bytes(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    printing.chromium(monkeypatch)
    page = '<!doctype html><title>x</title><h1>Win rate</h1><img alt="" src="data:image/svg+xml,%3Csvg/%3E"><p>0.5</p>'
    assert pdf.print_page(page) == pdf.print_page(page)
