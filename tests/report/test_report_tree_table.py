"""The tree as a table that folds, and a node's panel: their numbers are the document's or counted again."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import Opened, browser, opened
from documents import HOSTILE, Rows, Shape, document, drawn, regular

from taxoloss.report.rendering import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHAPE = regular((4, 3, 5), HOSTILE, ("order", "family", "species"))
ROWS = drawn(SHAPE, 1500, seed=7)
DOCUMENT = document(SHAPE, ROWS)
TREE = DOCUMENT["tree"]
NAMES = "#tree .tabulator-row .tabulator-cell[tabulator-field='name']"


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with browser() as one:
        yield one


@pytest.fixture
def seen(running: Browser, tmp_path: Path) -> Iterator[Opened]:
    """The page of the document above, at its tree; it must have stayed quiet."""
    path = tmp_path / "report.html"
    path.write_text(render(DOCUMENT), encoding="utf-8")
    with opened(running, path, height=1400, fragment="tree") as one:
        one.page.locator("#tree .tabulator-row").first.wait_for()
        yield one
        one.quiet()


def nodes(seen: Opened) -> list[int]:
    """The nodes whose rows stand in the table, top to bottom."""
    rows = seen.page.locator("#tree .tabulator-row").all()
    return [int(row.get_attribute("data-node") or -1) for row in rows]


def children(node: int) -> list[int]:
    """The nodes right below a node."""
    return [one for one, parent in enumerate(SHAPE.parent) if parent == node and one > 0]


def test_levels_that_fit_stand_by_mistakes_explained(seen: Opened) -> None:
    """The root and whole levels below it, siblings in the order of the mistakes that part at them."""
    shown = nodes(seen)
    assert shown[0] == 0
    for node in [0, *children(0)]:
        below = [one for one in shown if one in children(node)]
        assert sorted(below) == children(node)
        assert [TREE["parted"][one] for one in below] == sorted(
            (TREE["parted"][one] for one in below), reverse=True
        )


def test_cells_are_the_documents_numbers(seen: Opened) -> None:
    """Rows, accuracy, mistakes explained and wrong answers of each row that stands."""
    for node in nodes(seen):
        row = seen.page.locator(f"#tree .tabulator-row[data-node='{node}']")
        texts = {
            field: row.locator(f"[tabulator-field='{field}']").inner_text()
            for field in ("rows", "accuracy", "parted", "wrong")
        }
        assert texts == {
            "rows": f"{TREE['rows'][node]:,}",
            "accuracy": f"{100 * TREE['right'][node] / TREE['rows'][node]:.1f} %",
            "parted": f"{TREE['parted'][node]:,}",
            "wrong": f"{TREE['wrong'][node]:,}",
        }


def test_a_row_unfolds_and_folds(seen: Opened) -> None:
    """The sign before a name unfolds what is below it, and folds it again."""
    before = nodes(seen)
    family = children(1)[0]
    sign = f"#tree .tabulator-row[data-node='{family}'] .fold"
    seen.page.locator(sign).click()
    assert set(nodes(seen)) == {*before, *children(family)}
    seen.page.locator(sign).click()
    assert nodes(seen) == before


def test_headers_sort_by_click_and_by_key(seen: Opened) -> None:
    """Children stand in the order of the column that was chosen; the other way at the second time."""

    def shown() -> list[int]:
        """The rows of the nodes right below the root."""
        return [TREE["rows"][node] for node in nodes(seen) if node in children(0)]

    header = seen.page.locator("#tree .tabulator-col[tabulator-field='rows']")
    header.click()
    assert shown() == sorted((TREE["rows"][node] for node in children(0)), reverse=True)
    header.press("Enter")
    assert shown() == sorted(TREE["rows"][node] for node in children(0))
    assert header.get_attribute("aria-sort") == "ascending"


def test_a_search_unfolds_to_what_it_finds(seen: Opened) -> None:
    """What is found stands with what is above it, and nothing else; an empty search restores the table."""
    before = nodes(seen)
    field = seen.page.get_by_label("Find a name in the tree")
    for words in ("alert(1)", "FOX", "node 5", "__proto__", "nothing like it"):
        field.fill(words)
        found = [node for node, name in enumerate(SHAPE.name) if words.lower() in name.lower()]
        assert set(nodes(seen)) == {0, *(one for node in found for one in SHAPE.line(node))}
        assert seen.page.locator("#tree [role='status']").first.inner_text() == f"{len(found)} found"
    field.fill("")
    assert nodes(seen) == before


def test_the_csv_holds_every_node(seen: Opened, tmp_path: Path) -> None:
    """All nodes in the order of the tree, names and numbers as they are."""
    file = seen.saved("#tree button[aria-label^='Download CSV']", tmp_path)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["Path"] for row in rows] == [SHAPE.path(node) for node in range(len(SHAPE.name))]
    assert [int(row["Rows"]) for row in rows] == TREE["rows"]
    assert [int(row["Mistakes explained"]) for row in rows] == TREE["parted"]
    assert [int(row["Wrong"]) for row in rows] == TREE["wrong"]
    for node, row in enumerate(rows):
        assert float(row["Accuracy"]) == TREE["right"][node] / TREE["rows"][node]
        stated = (TREE["stated"][node] - TREE["answered_right"][node]) / TREE["answered"][node]
        assert float(row["Surer than right"]) == pytest.approx(stated)


def test_within_the_parent_is_counted_from_the_rows(seen: Opened, tmp_path: Path) -> None:
    """Of a node's rows those whose answer stays below its parent; nothing is said below the root."""
    file = seen.saved("#tree button[aria-label^='Download CSV']", tmp_path)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        shown = [row["Within parent"] for row in csv.DictReader(lines)]
    for node, text in enumerate(shown):
        if SHAPE.level[node] < 2:
            assert text == ""
            continue
        pairs = zip(ROWS.truth, ROWS.answer, strict=True)
        stays = [SHAPE.parent[node] in SHAPE.line(b) for a, b in pairs if node in SHAPE.line(a)]
        assert float(text) == pytest.approx(sum(stays) / len(stays))


def test_precision_and_intervals(seen: Opened, tmp_path: Path) -> None:
    """Of the answers at a node how many are right; the ends of an interval solve what defines them."""
    file = seen.saved("#tree button[aria-label^='Download CSV']", tmp_path)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        shown = [row["Precision"] for row in csv.DictReader(lines)]
    for node, text in enumerate(shown):
        if TREE["answered"][node]:
            assert float(text) == pytest.approx(TREE["answered_right"][node] / TREE["answered"][node])
    for node in (0, 1, SHAPE.leaves()[0]):
        p, n = TREE["right"][node] / TREE["rows"][node], TREE["rows"][node]
        said = seen.page.evaluate("(node) => report.node.accuracyEnds(node)", node)
        for end in said.split(" to "):
            q = float(end.removesuffix(" %")) / 100
            assert abs(p - q) == pytest.approx(1.96 * (q * (1 - q) / n) ** 0.5, abs=0.002)


def test_long_names_take_two_lines(seen: Opened) -> None:
    """The column of names is wide enough to read; a long one is cut after its second line."""
    seen.page.locator("#tree input[type='search']").fill("long long")
    cells = seen.page.locator(NAMES, has_text="long long")
    cells.first.wait_for()
    seen.page.wait_for_timeout(200)
    heights = [cell.bounding_box() for cell in cells.all()]
    assert all(box is not None and box["width"] >= 224 and box["height"] < 60 for box in heights)
    assert all(box is not None and box["height"] > 45 for box in heights)


def test_the_worst_child_has_the_lowest_accuracy(seen: Opened, tmp_path: Path) -> None:
    """Its name and its accuracy stand beside its parent."""
    file = seen.saved("#tree button[aria-label^='Download CSV']", tmp_path)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        shown = [row["Worst child"] for row in csv.DictReader(lines)]
    for node, text in enumerate(shown):
        shares = [TREE["right"][child] / TREE["rows"][child] for child in children(node)]
        assert (text == "") == (shares == [])
        if shares:
            assert text.endswith(f"({100 * min(shares):.0f} %)")


def test_keys_choose_a_node(seen: Opened) -> None:
    """Arrows move between rows, right unfolds, Enter shows the node's panel."""
    seen.page.locator("#tree .tabulator").focus()
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("ArrowDown")
    chosen = nodes(seen)[1]
    seen.page.keyboard.press("Enter")
    assert seen.page.locator("#panel h3 bdi").text_content() == SHAPE.name[chosen]
    seen.page.keyboard.press("ArrowLeft")
    assert not set(children(chosen)) & set(nodes(seen))
    seen.page.keyboard.press("ArrowRight")
    assert set(children(chosen)) <= set(nodes(seen))


def confused(shape: Shape, node: int, of_truth: bool) -> Counter[int]:
    """The other ends of the pairs that lead out of a node, neither at nor above or below each other."""
    counts: Counter[int] = Counter()
    for truth, answer in zip(ROWS.truth, ROWS.answer, strict=True):
        here, other = (truth, answer) if of_truth else (answer, truth)
        if node in shape.line(here) and node not in shape.line(other) and other not in shape.line(node):
            counts[other] += 1
    return counts


def test_a_panel_counts_what_a_node_is_taken_for(seen: Opened) -> None:
    """The nodes that its rows are answered as, and those that are answered as it, the largest first."""
    for node in (0, 1, 2, 30, SHAPE.leaves()[0], SHAPE.leaves()[-1]):
        seen.page.evaluate("(node) => report.select(node)", node)
        for number, of_truth in enumerate((True, False)):
            part = seen.page.locator("#panel .columns > div").nth(number)
            counts = sorted(confused(SHAPE, node, of_truth).values(), reverse=True)
            shown = part.locator("tbody td:nth-child(2)").all_inner_texts()
            assert shown == [f"{count:,}" for count in counts[:8]]
            assert ("and " in part.inner_text()) == (sum(counts[8:]) > 0)


def test_a_panel_shows_its_worst_mistakes(seen: Opened) -> None:
    """Wrong rows of the node with names and pictures; the surest of equal height first."""
    node = SHAPE.leaves()[0]
    seen.page.evaluate("(node) => report.select(node)", node)
    samples = DOCUMENT["samples"]
    mine = [index for index, truth in enumerate(samples["truth"]) if truth == node]
    mine.sort(key=lambda index: -samples["probability"][index])
    assert seen.texts("#panel .card-id") == [samples["id"][index] for index in mine[:12]]
    pictures = sum(samples["image"][index] is not None for index in mine[:12])
    assert seen.page.locator("#panel .card img").count() == pictures


def test_a_panel_says_how_many_mistakes_it_does_not_show(seen: Opened) -> None:
    """Where twelve stand of more; and why not all of them are in the page."""
    seen.page.evaluate("(node) => report.select(node)", 0)
    said = seen.page.locator("#panel .cards-note").inner_text()
    assert said.startswith(f"12 of its {TREE['wrong'][0]:,} mistakes. ")
    assert "of each class" in said


def test_a_picture_is_shown_larger(seen: Opened) -> None:
    """By pointer and by keyboard; Escape closes it, and the keyboard is back at the picture."""
    picture = seen.page.locator("#panel .card button.picture").first
    larger = seen.page.locator("dialog[open] img")
    picture.click()
    assert larger.get_attribute("src") == DOCUMENT["images"][0]
    seen.page.keyboard.press("Escape")
    larger.wait_for(state="detached")
    picture.focus()
    seen.page.keyboard.press("Enter")
    larger.wait_for()
    seen.page.get_by_role("button", name="Close").click()
    larger.wait_for(state="detached")
    assert picture.evaluate("one => one === document.activeElement")


def test_a_node_below_several_parents(running: Browser, tmp_path: Path) -> None:
    """Its panel names all parents; an answer that is below the truth by another parent is no mistake."""
    shape = regular((2, 2), ("Canis", "wolf", "dog", "Pet", "cat", "fish"))
    content = document(shape, Rows([4, 2], [3, 5], [0.9, 0.8]))
    content["tree"]["also_under"] = [[3, 4]]  # a dog is a pet too
    path = tmp_path / "report.html"
    path.write_text(render(content), encoding="utf-8")
    with opened(running, path, fragment="tree") as seen:
        seen.page.evaluate("report.select(3)")
        assert seen.texts("#panel .crumbs button") == ["all classes", "Canis", "Pet"]
        seen.page.evaluate("report.select(4)")
        assert "No answer leaves it." in seen.page.locator("#panel").inner_text()
        seen.page.evaluate("report.select(2)")
        assert seen.texts("#panel .columns > div:first-child tbody th") == ["cat"]
        seen.quiet()
