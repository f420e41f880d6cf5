"""A page in the browser: it stays quiet, shows every name as text, and its numbers are the document's."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import browser, opened
from documents import HOSTILE, Rows, Shape, document, drawn, regular, two_genera

import taxoloss
from taxoloss.report.rendering import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Hostile names on every level, and plain ones beside them.
SHAPE = regular((3, 6), HOSTILE, ("genus", "species"))
DOCUMENT = document(SHAPE, drawn(SHAPE, 700, seed=3), title=HOSTILE[0])
#: Words of markup whose contrast with the ground behind them is below 4.5, with it.
FAINT = """() => {
    const drawn = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parts = (colour) => {
        drawn.clearRect(0, 0, 1, 1);
        drawn.fillStyle = colour;
        drawn.fillRect(0, 0, 1, 1);
        const [red, green, blue, alpha] = drawn.getImageData(0, 0, 1, 1).data;
        return [red, green, blue, alpha / 255];
    };
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
    const linear = (one) => (one <= 10.3 ? one / 3294.6 : ((one / 255 + 0.055) / 1.055) ** 2.4);
    const shares = [0.2126, 0.7152, 0.0722];
    const light = (colour) => colour.reduce((sum, one, i) => sum + linear(one) * shares[i], 0);
    const around = (one) => (one === null ? [] : [getComputedStyle(one), ...around(one.parentElement)]);
    const white = [255, 255, 255];
    const found = [];
    for (const element of document.querySelectorAll("body *:not(svg, svg *, script, style, noscript)")) {
        const own = [...element.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
        if (!own || !element.checkVisibility({ visibilityProperty: true })) continue;
        const styles = around(element);
        const ground = styles.reduceRight((below, one) => over(parts(one.backgroundColor), below), white);
        const ink = parts(styles[0].color);
        ink[3] *= styles.reduce((all, style) => all * Number(style.opacity), 1);
        const [low, high] = [light(ground), light(over(ink, ground))].sort((a, b) => a - b);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < 4.5) found.push([contrast, element.className, element.textContent]);
    }
    return found;
}"""
BUILD_ALL = "() => report.sections.forEach((entry) => report.reveal(entry.id))"


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the document above."""
    return written(tmp_path_factory.mktemp("page"), DOCUMENT)


def written(folder: Path, content: dict[str, Any]) -> Path:
    """A document's page on disk."""
    made = folder / "report.html"
    made.write_text(render(content), encoding="utf-8")
    return made


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 820, 1440])
def test_it_is_quiet_and_fits_the_window(running: Browser, path: Path, width: int, colours: Any) -> None:
    """No message, dialog or request, whatever the names are; and nothing to scroll sideways."""
    with opened(running, path, width=width, colours=colours) as seen:
        seen.page.evaluate(BUILD_ALL)
        seen.page.wait_for_timeout(200)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        seen.quiet()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_words_stand_out(running: Browser, tmp_path: Path, colours: Any) -> None:
    """Every word is read at 4.5 to 1, also on cells of the confusion and on bars, however dark they are."""
    shape = regular((3, 3, 2, 2), (), ("order", "family", "genus", "species"))
    with opened(running, written(tmp_path, document(shape, drawn(shape, 3000))), colours=colours) as seen:
        seen.page.evaluate(BUILD_ALL)
        seen.page.locator("#confusion td.cell").first.wait_for()
        for by in ("row", "column", "none"):
            seen.page.locator("#confusion .choices button", has_text=by).click()
            assert seen.page.evaluate(FAINT) == []


def test_names_are_text(running: Browser, path: Path) -> None:
    """A node's panel shows its name letter by letter, or says that it is blank."""
    with opened(running, path) as seen:
        seen.page.evaluate(BUILD_ALL)
        for node, name in enumerate(SHAPE.name):
            seen.page.evaluate("(node) => report.select(node)", node)
            shown = seen.page.locator("#panel h3 bdi").text_content()
            assert shown == {"": "all classes", "\u200b": "(blank name)"}.get(name, name)
        assert seen.page.title().strip() == HOSTILE[0]
        assert seen.page.locator("h1").text_content() == HOSTILE[0]
        seen.quiet()


def test_a_script_that_came_with_data_does_not_run(running: Browser, path: Path) -> None:
    """The policy holds: neither a script that is put into the page nor a handler in markup runs."""
    with opened(running, path) as seen:
        seen.page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.harm = 1";
                document.body.append(script);
                const host = document.createElement("div");
                host.innerHTML = "<img src=x onerror='window.harm = 2'>";
                document.body.append(host);
            }"""
        )
        seen.page.wait_for_timeout(200)
        assert seen.page.evaluate("window.harm === undefined")
        assert any("Content Security Policy" in text for text in seen.said)


def test_levels_in_words(running: Browser, path: Path) -> None:
    """The table of levels holds the document's numbers."""
    with opened(running, path) as seen:
        rows = seen.page.locator("#first table.plain tbody tr")
        for number, level in enumerate(DOCUMENT["first"]["levels"]):
            cells = rows.nth(number).locator("th, td").all_inner_texts()
            assert cells[:3] == [level["level"], f"{level['rows']:,}", f"{100 * level['accuracy']:.1f} %"]
            assert cells[3] == f"{100 * level['low']:.1f} to {100 * level['high']:.1f} %"


def test_where_mistakes_stay(running: Browser, path: Path) -> None:
    """The bars' legends count right, unspecific and wrong answers, and mistakes by what they share."""
    mistakes = DOCUMENT["first"]["mistakes"]
    counts = [mistakes[kind] for kind in ("right", "unspecific", "wrong")]
    counts += [part["count"] for part in mistakes["shared"]]
    with opened(running, path) as seen:
        assert seen.texts("#first .stack-legend strong") == [f"{count:,}" for count in counts]
        assert f"stay in the same {SHAPE.levels[0]}" in seen.texts("#first .stack-legend li")[3]


def test_metrics_are_saved_as_they_are(running: Browser, path: Path, tmp_path: Path) -> None:
    """The CSV of the metrics holds what evaluate says, to the last digit."""
    with opened(running, path) as seen:
        file = seen.saved("#first button[aria-label^='Download CSV']", tmp_path)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        saved = {row["Metric"]: row for row in csv.DictReader(lines)}
    metrics = DOCUMENT["evaluate"]["metrics"]
    assert set(saved) == set(metrics)
    for name, score in metrics.items():
        texts = [saved[name][column] for column in ("Value", "95 % from", "to")]
        assert [float(text) if text else None for text in texts] == [
            score["value"],
            score["low"],
            score["high"],
        ]


def test_every_metric_says_what_it_is(running: Browser, path: Path) -> None:
    """All that the library counts by default; and why three of them are one number, where they are."""
    taxonomy = taxoloss.load({"levels": ["a/b", "c"], "tree": {"x": ["p", "q"], "y": ["r", "s"]}}).bind()
    scores = taxoloss.metrics.collection(taxonomy, ranking=True, curves=True, top_k=2)
    one, other = {"value": 0.5}, {"value": 0.6}
    with opened(running, path) as seen:
        for name in scores:
            assert len(seen.page.evaluate("(name) => report.meaning(name)", name)) > 40, name
        assert seen.page.evaluate("report.meaning('constructor/x')") == ""
        alike = "(found) => report.alike(found) !== null"
        assert seen.page.evaluate(alike, {"precision": one, "recall": one, "f1": one})
        assert not seen.page.evaluate(alike, {"precision": one, "recall": other, "f1": one})
        assert not seen.page.evaluate(alike, {"precision": one})


def test_warnings_name_their_kind_and_their_nodes(running: Browser, path: Path) -> None:
    """A warning is a sentence with its kind in words; its nodes can be chosen."""
    with opened(running, path) as seen:
        text = seen.page.locator("#first .warnings").inner_text()
        warning = DOCUMENT["first"]["warnings"][0]
        assert warning["kind"] in text
        assert warning["text"] in text
        seen.page.locator("#first .warnings button").first.click()
        assert seen.page.locator("#panel h3 bdi").text_content() == SHAPE.name[warning["nodes"][0]]
        seen.quiet()


def test_nothing_is_built_before_it_is_near(running: Browser, path: Path) -> None:
    """Sections are built as they come near the window, by their address, and all before printing."""
    built = "() => report.sections.filter((entry) => entry.built).map((entry) => entry.id)"
    with opened(running, path, height=500) as seen:
        seen.page.wait_for_timeout(200)
        assert "confusion" not in seen.page.evaluate(built)
        seen.page.locator("#contents a[href='#confusion']").click()
        seen.page.locator("#confusion table").wait_for()
    with opened(running, path, height=500, fragment="confusion") as seen:
        seen.page.locator("#confusion table").wait_for()
        seen.page.pdf()
        assert len(seen.page.evaluate(built)) == len(seen.page.locator("section").all())
        seen.quiet()


def test_what_is_printed(running: Browser, path: Path) -> None:
    """On paper the tree's rows that stand are all there, with the confusion's headers, and no buttons."""
    with opened(running, path) as seen:
        seen.page.evaluate(BUILD_ALL)
        seen.page.locator("#tree .tabulator-row").first.wait_for()
        shown = seen.page.locator("#tree .tabulator-row").count()
        seen.page.emulate_media(media="print")
        seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert seen.page.locator("#tree .printed tbody tr").count() == shown
        assert seen.page.locator("#tree .printed").is_visible()
        assert seen.page.locator("#confusion .strip-row button").first.is_visible()
        assert not seen.page.get_by_role("button", name="Download CSV").first.is_visible()
        assert not seen.page.locator("#contents").is_visible()
        seen.quiet()


def test_every_control_has_a_name(running: Browser, path: Path) -> None:
    """Buttons, fields and pictures say what they are; identifiers stand once; sections have headings."""
    nameless = """() => [...document.querySelectorAll("button, input, img, [role=img]")]
        .filter((one) => !(one.getAttribute("aria-label") || one.alt || one.textContent.trim()))
        .map((one) => one.outerHTML.slice(0, 200))"""
    with opened(running, path) as seen:
        seen.page.evaluate(BUILD_ALL)
        assert seen.page.evaluate(nameless) == []
        names = seen.page.evaluate("[...document.querySelectorAll('main [id]')].map((one) => one.id)")
        assert len(names) == len(set(names))
        assert seen.page.evaluate("document.querySelectorAll('section:not(:has(h2))').length") == 0


@pytest.mark.parametrize(
    "rows",
    [
        Rows([], [], []),
        Rows([2], [2], [1.0]),
        Rows([2, 3], [5, 6], [0.5, 0.5]),
        Rows([1, 2], [2, 0], [0.5, 0.5]),
    ],
    ids=["no_row", "all_right", "all_wrong", "inner_nodes"],
)
def test_pages_of_few_rows(running: Browser, tmp_path: Path, rows: Rows) -> None:
    """No row, one row, no mistake, nothing but mistakes: a page."""
    with opened(running, written(tmp_path, document(two_genera(), rows))) as seen:
        seen.page.evaluate(BUILD_ALL)
        assert "could not be drawn" not in seen.page.locator("main").inner_text()
        seen.quiet()


def test_what_a_file_does_not_state_is_left_out(running: Browser, tmp_path: Path) -> None:
    """No probabilities, names of samples nor pictures: a dash, and numbers of rows."""
    content = document(two_genera(), Rows([2, 3], [5, 5], [0.5, 0.5]))
    content["tree"]["stated"] = None
    content["samples"].update(id=None, probability=None, image=[None, None], said={"0": "<b>dingo</b>"})
    content["first"]["levels"][0].update(accuracy=None, low=None, high=None, chance=None, majority=None)
    content["first"]["levels"][0].update(majority_name=None)
    with opened(running, written(tmp_path, content)) as seen:
        seen.page.evaluate(BUILD_ALL)
        cards = seen.texts("#panel .card")
        assert "row 1" in cards[0]
        assert "<b>dingo</b>" in cards[0]
        assert seen.page.locator("#panel img").count() == 0
        assert "–" in seen.texts("#first table.plain tbody tr")[0]
        seen.quiet()


def test_no_text_of_a_csv_is_computed(running: Browser, tmp_path: Path) -> None:
    """Where a spreadsheet would take a name for a formula, an apostrophe stands first; numbers stay."""
    names = ["=1+1", "@SUM(A1)", "-1+1", "+cmd|' /C calc'!A0", "-12", "1-1"]
    shape = regular((6,), names, ("species",))
    with opened(running, written(tmp_path, document(shape, drawn(shape, 60, seed=1)))) as seen:
        seen.page.evaluate(BUILD_ALL)
        file = seen.saved("#tree button[aria-label^='Download CSV']", tmp_path)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        shown = {row["Path"] for row in csv.DictReader(lines)}
    assert shown == {*(f"'{name}" for name in names[:4]), *names[4:], "all classes"}


@pytest.mark.parametrize("section", ["confusion", "mistakes", "calibration"])
def test_a_link_leads_to_its_section(running: Browser, path: Path, section: str) -> None:
    """Sections on the way are built and grow meanwhile: the one that was asked for stands at the top."""
    there = """(id) => {
        const top = document.getElementById(id).getBoundingClientRect().top;
        const ends = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
        return top >= 0 && (top < 100 || (ends && top < innerHeight));
    }"""
    with opened(running, path, height=600, fragment=section) as seen:
        seen.page.wait_for_timeout(700)
        assert seen.page.evaluate(there, section)
    with opened(running, path, height=600) as seen:
        seen.page.locator(f"#contents a[href='#{section}']").click()
        seen.page.wait_for_timeout(700)
        assert seen.page.evaluate(there, section)


def test_nodes_with_many_ways_up(running: Browser, tmp_path: Path) -> None:
    """A ladder of forty rungs, each with two parents: a billion ways lead up, and each node is met once."""
    rungs, name, parent = 40, [""], [0]
    for side in "ab":
        for rung in range(rungs):
            name.append(f"{side}{rung}")
            parent.append(len(name) - 2 if rung else 0)
    levels = [(node - 1) % rungs + 1 if node else 0 for node in range(len(name))]
    shape = Shape(name, parent, levels, [f"level {rung}" for rung in range(rungs)])
    content = document(shape, Rows([rungs], [2 * rungs], [0.5]))
    also = [(node, node + rungs - 1) for node in range(2, rungs + 1)]
    also += [(node, node - rungs - 1) for node in range(rungs + 2, 2 * rungs + 1)]
    content["tree"]["also_under"] = also
    with opened(running, written(tmp_path, content)) as seen:
        seen.page.evaluate(BUILD_ALL)
        under = seen.page.evaluate(
            "nodes => nodes.map((w) => nodes.map((v) => report.tree.under(v, w)))", [*range(len(name))]
        )
    above = [{node} for node in range(len(name))]
    for _ in range(rungs):
        for node, one in [*enumerate(parent), *also]:
            above[node] |= above[one]
    assert under == [[node in found for node in range(len(name))] for found in above]
