"""Confusion in tree order: whatever is unfolded, its cells are counts of the rows."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import Opened, browser, opened
from documents import Rows, Shape, document, drawn, regular, two_genera

from taxoloss.report.rendering import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REST = "(other)"
SAVE = "#confusion button[aria-label^='Download CSV']"


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with browser() as one:
        yield one


def written(folder: Path, shape: Shape, rows: Rows) -> Path:
    """The page of these rows."""
    path = folder / "report.html"
    path.write_text(render(document(shape, rows)), encoding="utf-8")
    return path


def saved(seen: Opened, folder: Path) -> tuple[list[str], dict[tuple[str, str], int]]:
    """The paths of the rows as they stand, and the cells, read back from the file that is saved."""
    with seen.saved(SAVE, folder).open(encoding="utf-8-sig", newline="") as lines:
        head, *body = list(csv.reader(lines))
    assert [row[0] for row in body] == head[1:]
    cells = {(row[0], head[c]): int(row[c]) for row in body for c in range(1, len(head))}
    return head[1:], cells


def home(shape: Shape, node: int, items: set[str]) -> str:
    """The item a node is counted in: the first at or above it that stands, or the rest of its branch."""
    for one in shape.line(node):
        path = shape.path(one)
        if one > 0 and path in items:
            return path
        left = REST if one == 0 else f"{path} / {REST}"
        if left in items:
            return left
    raise AssertionError(f"{shape.path(node)} is counted nowhere among {sorted(items)}")


def expected(shape: Shape, rows: Rows, items: list[str]) -> dict[tuple[str, str], int]:
    """The cells of these items, counted row by row."""
    names = set(items)
    counts = Counter(
        (home(shape, truth, names), home(shape, answer, names))
        for truth, answer in zip(rows.truth, rows.answer, strict=True)
    )
    return {(a, b): counts[a, b] for a in items for b in items}


def head(seen: Opened, node: int, side: str = "row") -> str:
    """The selector of a node's button on a side."""
    return f"#confusion :is(.head-{side}, .strip-{side}) button[data-node='{node}']"


def test_classes_that_fit_all_stand(running: Browser, tmp_path: Path) -> None:
    """A small tree is unfolded to its classes, and its cells are the pairs."""
    shape = two_genera()
    rows = drawn(shape, 300, seed=1)
    with opened(running, written(tmp_path, shape, rows), fragment="confusion") as seen:
        items, cells = saved(seen, tmp_path)
        assert [item for item in items if REST not in item] == [shape.path(leaf) for leaf in shape.leaves()]
        assert cells == expected(shape, rows, items)
        assert sum(cells.values()) == len(rows.truth)
        seen.quiet()


@pytest.mark.parametrize("side", ["row", "column"])
def test_a_click_unfolds_and_folds(running: Browser, tmp_path: Path, side: str) -> None:
    """A branch unfolds on both sides at its header, and folds at the strip around its children."""
    shape = regular((6, 8, 3), levels=("order", "family", "species"))
    rows = drawn(shape, 900, seed=2)
    with opened(running, written(tmp_path, shape, rows), fragment="confusion") as seen:
        before, _ = saved(seen, tmp_path)
        first = 1
        assert shape.path(first) in before
        seen.page.locator(head(seen, first, side)).click()
        after, cells = saved(seen, tmp_path)
        assert {shape.path(node) for node in range(len(shape.name)) if shape.parent[node] == first} <= set(
            after
        )
        assert shape.path(first) not in after
        assert cells == expected(shape, rows, after)
        for one in ("row", "column"):
            assert seen.page.locator(head(seen, first, one)).get_attribute("aria-expanded") == "true"
        seen.page.locator(head(seen, first, side)).click()
        assert saved(seen, tmp_path)[0] == before
        seen.quiet()


@pytest.mark.parametrize("key", ["Enter", " "])
def test_keys_unfold_and_stay_where_they_are(running: Browser, tmp_path: Path, key: str) -> None:
    """Enter and Space unfold the header that has the focus; the focus stays in the matrix."""
    shape = regular((6, 8, 3))
    with opened(running, written(tmp_path, shape, drawn(shape, 500)), fragment="confusion") as seen:
        before, _ = saved(seen, tmp_path)
        seen.page.locator(head(seen, 1)).focus()
        seen.page.keyboard.press(key)
        assert saved(seen, tmp_path)[0] != before
        assert "unfolded" in seen.page.locator("#confusion [aria-live]").inner_text()


def test_arrows_move_between_cells(running: Browser, tmp_path: Path) -> None:
    """One cell is in the order of Tab; arrows move; the line below says the cell's numbers."""
    shape = two_genera()
    rows = Rows([2, 2, 2, 3], [2, 3, 3, 3], [0.5] * 4)
    with opened(running, written(tmp_path, shape, rows), fragment="confusion") as seen:
        assert seen.page.locator("#confusion table [tabindex='0']").count() == 1
        seen.page.locator("#confusion td.cell").first.click()
        seen.page.keyboard.press("ArrowRight")
        live = seen.page.locator("#confusion [aria-live]")
        assert live.inner_text() == (
            "truth: Vulpes / red fox; answer: Vulpes / arctic fox; "
            "2 rows: 66.7 % of the truth's, 66.7 % of the answer's"
        )
        seen.page.keyboard.press("ArrowDown")
        assert (
            "truth: Vulpes / arctic fox; answer: Vulpes / arctic fox; 1 row: 100.0 %" in live.inner_text()
        )
        seen.page.keyboard.press("ArrowLeft")
        seen.page.keyboard.press("ArrowLeft")
        assert seen.page.evaluate("document.activeElement.textContent") == "arctic fox"
        seen.page.keyboard.press("ArrowLeft")
        assert seen.page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
        seen.page.keyboard.press("Enter")
        assert shape.path(1) in saved(seen, tmp_path)[0]
        assert seen.page.locator("#confusion table [tabindex='0']").count() == 1


def test_cells_show_counts_or_shares(running: Browser, tmp_path: Path) -> None:
    """Counts, or whole hundredths of the row or of the column; never 0 or 100 for what is neither."""
    shape = two_genera()
    rows = drawn(shape, 400, seed=5, right=0.97)
    with opened(running, written(tmp_path, shape, rows), fragment="confusion") as seen:
        items, cells = saved(seen, tmp_path)
        whole = {
            "row": {(a, b): sum(cells[a, c] for c in items) for a in items for b in items},
            "column": {(a, b): sum(cells[c, b] for c in items) for a in items for b in items},
        }
        for by in ("none", "row", "column"):
            seen.page.locator("#confusion .choices").get_by_role("button", name=by, exact=True).click()
            texts = seen.texts("#confusion td.cell")
            for text, (pair, count) in zip(texts, cells.items(), strict=True):
                if by == "none":
                    assert text == (str(count) if count else "")
                    continue
                share = 100 * count / max(1, whole[by][pair])
                assert (text == "") == (count == 0)
                assert (text == "<1") == (0 < share < 1)
                assert (text == "100") == (share == 100)
                if text not in ("", "<1", "99"):
                    assert abs(int(text) - share) <= 0.5


def test_totals_are_sums(running: Browser, tmp_path: Path) -> None:
    """Rows of each truth on the right, answers below."""
    shape = regular((3, 4))
    rows = drawn(shape, 300, seed=8)
    with opened(running, written(tmp_path, shape, rows), fragment="confusion") as seen:
        items, cells = saved(seen, tmp_path)
        right = seen.texts("#confusion tbody tr:not(.totals) td.total")
        below = seen.texts("#confusion tr.totals td.total")
        assert right == [str(sum(cells[a, b] for b in items)) for a in items]
        assert below == [*(str(sum(cells[a, b] for a in items)) for b in items), "300"]


@pytest.mark.parametrize("fanouts", [(300,), (50, 60), (2, 2, 2, 2, 2, 30)], ids=["flat", "wide", "deep"])
def test_never_more_than_forty_rows(running: Browser, tmp_path: Path, fanouts: tuple[int, ...]) -> None:
    """Whatever is unfolded in any order, at most 40 rows stand, and each row of the file is counted."""
    shape = regular(fanouts, levels=[f"level {number}" for number in range(len(fanouts))])
    rows = drawn(shape, 800, seed=4)
    chance = random.Random(6)
    with opened(running, written(tmp_path, shape, rows), fragment="confusion") as seen:
        for _ in range(8):
            items, cells = saved(seen, tmp_path)
            assert len(items) <= 40
            assert cells == expected(shape, rows, items)
            assert sum(cells.values()) == len(rows.truth)
            buttons = seen.page.locator("#confusion :is(.head-row, .strip-row) button")
            if buttons.count() == 0:
                break
            node = int(buttons.nth(chance.randrange(buttons.count())).get_attribute("data-node") or 0)
            folded = seen.page.locator(head(seen, node)).get_attribute("aria-expanded") == "false"
            seen.page.locator(head(seen, node)).click()
            shown = seen.page.locator(head(seen, node)).get_attribute("aria-expanded")
            assert shown == ("true" if folded else "false")
        seen.quiet()


def test_a_panel_leads_to_its_branch(running: Browser, tmp_path: Path) -> None:
    """The button of a node's panel unfolds down to the node."""
    shape = regular((30, 10, 4))
    leaf = shape.leaves()[-1]
    with opened(running, written(tmp_path, shape, drawn(shape, 2000)), fragment="confusion") as seen:
        seen.page.evaluate("(node) => report.select(node, true)", leaf)
        seen.page.locator("#panel").get_by_role("button", name="Show in the confusion").click()
        assert shape.path(leaf) in saved(seen, tmp_path)[0]
        seen.quiet()


def test_a_cell_shows_its_samples(running: Browser, tmp_path: Path) -> None:
    """Those of the page whose truth and answer are counted in it, by pointer and key; folding ends it."""
    shape = regular((3, 3, 3))
    path = written(tmp_path, shape, drawn(shape, 600, seed=5))
    samples = document(shape, drawn(shape, 600, seed=5))["samples"]
    with opened(running, path, fragment="confusion") as seen:
        seen.page.locator("#confusion button", has_text="Fold all").click()
        items = saved(seen, tmp_path)[0]
        names = set(items)
        for row, column, key in ((0, 1, ""), (1, 2, "Enter"), (2, 2, " ")):
            cell = seen.page.locator(f"#confusion td.cell[data-r='{row}'][data-c='{column}']")
            if key:
                cell.focus()
                seen.page.keyboard.press(key)
            else:
                cell.click()
            shown = [
                name
                for name, truth, answer in zip(
                    samples["id"], samples["truth"], samples["answer"], strict=True
                )
                if (home(shape, truth, names), home(shape, answer, names)) == (items[row], items[column])
            ]
            assert shown
            assert seen.texts("#cell .card-id") == shown[:12]
            assert len(seen.texts("#cell h4 button")) == 2
        seen.page.locator("#confusion button", has_text="Fold all").click()
        assert seen.texts("#cell .card-id") == []
        seen.quiet()
