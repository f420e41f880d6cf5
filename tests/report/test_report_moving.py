"""Where a reader lands: menu, address and buttons lead to their place on a page still being drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import Opened, browser, opened
from documents import regular
from filled import LEVELS, full

from taxoloss.report.rendering import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SECTIONS = ("first", "tree", "confusion", "mistakes", "unsure", "advice", "calibration", "versus")
DOCUMENT = full(regular((3, 4, 4), (), LEVELS), 900)
#: From the top of the window to the heading, and whether the page ends in the window.
LANDED = """(id) => [document.getElementById(`${id}-title`).getBoundingClientRect().top,
    window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2]"""


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page in which every section has something to show."""
    made = tmp_path_factory.mktemp("moving") / "report.html"
    made.write_text(render(DOCUMENT), encoding="utf-8")
    return made


def landed(seen: Opened, section: str) -> bool:
    """Whether the heading stands below the menu two seconds later, or the page has no more below."""
    seen.page.wait_for_timeout(2000)
    top, end = seen.page.evaluate(LANDED, section)
    return bool(0 <= top <= 160 or (end and 0 <= top <= seen.page.evaluate("window.innerHeight")))


@pytest.mark.parametrize("width", [390, 1440])
def test_menu_items_lead_to_their_headings(running: Browser, path: Path, width: int) -> None:
    """On a page that was just opened, each of them; the sections above are drawn before."""
    for section in SECTIONS:
        with opened(running, path, width=width) as seen:
            seen.page.locator(f"#contents a[href='#{section}']").click()
            assert landed(seen, section), section
            seen.quiet()


def test_an_address_leads_to_its_heading(running: Browser, path: Path) -> None:
    """As a menu item does, when the page is opened there."""
    for section in ("mistakes", "calibration"):
        with opened(running, path, fragment=section) as seen:
            assert landed(seen, section), section


def test_a_reader_who_moves_is_not_held(running: Browser, path: Path) -> None:
    """Whoever turns the wheel right after a click stays where the wheel led."""
    with opened(running, path) as seen:
        seen.page.locator("#contents a[href='#confusion']").click()
        seen.page.mouse.move(700, 500)
        seen.page.mouse.wheel(0, -600)
        seen.page.wait_for_timeout(1500)
        assert seen.page.evaluate(LANDED, "confusion")[0] > 300


@pytest.mark.parametrize("width", [390, 1440])
def test_a_node_is_shown_in_the_confusion_below_the_menu(running: Browser, path: Path, width: int) -> None:
    """With the heads of the columns in view, and the node's row in the box."""
    leaf = DOCUMENT["tree"]["name"].index("node 15")
    tops = """() => ["#contents", "#confusion thead", "#confusion .matrix-box"].map((one) =>
        document.querySelector(one).getBoundingClientRect()).flatMap((one) => [one.top, one.bottom])"""
    with opened(running, path, width=width) as seen:
        seen.page.evaluate("(node) => report.select(node, true)", leaf)
        seen.page.locator("#panel").get_by_role("button", name="Show in the confusion").click()
        seen.page.wait_for_timeout(2000)
        _, menu, heads, _, top, bottom = seen.page.evaluate(tops)
        assert menu <= top <= heads + 2 <= 300
        row = seen.page.evaluate("document.activeElement.getBoundingClientRect().top")
        assert top < row < min(bottom, 900)
        seen.quiet()


def test_boxes_are_marked_where_they_are_cut(running: Browser, path: Path) -> None:
    """On a phone the menu and wide tables show that there is more, on its side."""
    cut = """() => ["#contents", "#tree .tabulator"].map((one) => document.querySelector(one)).map(
        ({ classList: one }) => ["cut-start", "cut-end"].map((name) => one.contains(name)))"""
    with opened(running, path, width=390) as seen:
        seen.page.evaluate("() => report.reveal('tree', true)")
        seen.page.locator("#tree .tabulator-row").first.wait_for()
        seen.page.wait_for_timeout(300)
        marks = seen.page.evaluate(cut)
        assert marks == [[False, True], [False, True]]
        seen.page.evaluate("() => document.getElementById('contents').scrollTo(10000, 0)")
        seen.page.wait_for_timeout(300)
        assert seen.page.evaluate(cut)[0] == [True, False]
    with opened(running, path) as seen:
        seen.page.wait_for_timeout(300)
        assert (
            seen.page.evaluate("document.querySelectorAll('#first .cut-end, #contents.cut-end').length")
            == 0
        )
