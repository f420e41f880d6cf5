"""The sections with charts in a browser: a reader moves the slider, chooses pairs and saves files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from browser import Opened, browser, opened
from documents import HOSTILE, document, drawn, regular
from filled import LEVELS, NAMES, full

from taxoloss.report.rendering import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHAPE = regular((3, 3, 3), HOSTILE, LEVELS)
DOCUMENT = full(SHAPE, 900)
SECTIONS = ("tree", "mistakes", "unsure", "advice", "calibration", "versus")


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """One browser for all tests."""
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(running: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The page of the document; it complains of nothing and asks for nothing."""
    with opened(running, _written(tmp_path_factory.mktemp("sections"), DOCUMENT)) as seen:
        yield seen
        seen.quiet()


def _written(folder: Path, numbers: dict[str, Any]) -> Path:
    path = folder / "report.html"
    path.write_text(render(numbers), encoding="utf-8")
    return path


def reveal(seen: Opened, section: str) -> None:
    """Builds a section, scrolls to it and waits for the rows of its tables."""
    seen.page.evaluate("id => report.reveal(id, true)", section)
    seen.page.wait_for_function(
        """id => [...document.querySelectorAll(`#${id} .table-box`)].every((box) =>
          box.querySelector(".tabulator-row, .tabulator-placeholder"))""",
        arg=section,
    )


def drawn_charts(seen: Opened, section: str) -> None:
    """Waits until the section's charts stand there."""
    seen.page.wait_for_function(
        "id => [...document.querySelectorAll(`#${id} .plot`)].every((plot) => plot.querySelector('svg'))",
        arg=section,
    )


def text(seen: Opened, selector: str) -> str:
    """The text of the one element that a selector finds."""
    return seen.page.locator(selector).inner_text()


# -- thresholds ------------------------------------------------------------------------------------


#: From 5 %, the fourth promise: where each key leads, one after the other.
KEYS = [("Home", 0), ("ArrowRight", 1), ("ArrowUp", 2), ("End", -1), ("ArrowLeft", -2)]


@pytest.mark.parametrize(("key", "place"), KEYS)
def test_the_slider_moves_by_keyboard(page: Opened, key: str, place: int) -> None:
    """Every text is of the promise it stands on."""
    reveal(page, "unsure")
    if key == "Home":
        assert text(page, "#risk-value") == "5 %"
    page.page.locator("#risk").focus()
    page.page.keyboard.press(key)
    promise = DOCUMENT["unsure"]["promises"][place]
    risk = f"{100 * promise['risk']:g} %"
    assert text(page, "#risk-value") == text(page, "#unsure-risk") == risk
    assert page.page.locator("#risk").get_attribute("aria-valuetext") == risk
    assert text(page, "#unsure-sentence") == promise["sentence"]
    assert text(page, "#unsure-threshold") == f"{promise['probability']:.4f}"
    assert text(page, "#unsure-delivered") == f"{100 * promise['delivered']:.2f} %"
    for name, low, high in (("band", "low", "high"), ("interval", "delivered_low", "delivered_high")):
        ends = [float(end.split(" ")[0]) for end in text(page, f"#unsure-{name}").split(" to ")]
        assert ends == pytest.approx([100 * promise[low], 100 * promise[high]], abs=0.0051)
    assert ("does not contradict" in text(page, "#unsure-verdict")) == promise["kept"]


def test_charts_follow_the_slider(page: Opened) -> None:
    """The chosen points stand where the promise was delivered, and the row of its shares is ringed."""
    reveal(page, "unsure")
    drawn_charts(page, "unsure")
    page.page.locator("#risk").focus()
    page.page.keyboard.press("Home")
    page.page.locator("#unsure .plot text", has_text="at most 0.2 %").wait_for()
    shares = page.texts("#unsure .share-text")
    assert shares == [f"{100 * share:.1f} %" for share in DOCUMENT["unsure"]["promises"][0]["shares"]]


# -- mistakes --------------------------------------------------------------------------------------


def test_a_pair_shows_its_samples(page: Opened) -> None:
    """The first pair at once, another one when its row is chosen, by pointer or by keyboard."""
    reveal(page, "mistakes")
    pairs = DOCUMENT["mistakes"]["pairs"]
    assert _cards(page) == _samples(pairs[0])
    rows = page.page.locator("#mistakes .tabulator-row")
    rows.nth(2).click()
    assert _cards(page) == _samples(pairs[2])
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    assert _cards(page) == _samples(pairs[3])
    assert f"{pairs[3]['count']} row" in text(page, "#pair > p >> nth=0")


def _cards(seen: Opened) -> list[str]:
    return seen.texts("#pair .card-id")


def _samples(pair: dict[str, Any]) -> list[str]:
    """The names of the samples of a pair that stand in the document."""
    samples = DOCUMENT["samples"]
    columns = zip(samples["id"], samples["truth"], samples["answer"], strict=True)
    return [name for name, truth, answer in columns if (truth, answer) == (pair["truth"], pair["answer"])]


def test_pairs_are_saved_as_csv(page: Opened, tmp_path: Path) -> None:
    """All of them, with whole paths and numbers as they are."""
    reveal(page, "mistakes")
    saved = page.saved("#mistakes button[aria-label='Download CSV: Pairs of mistakes']", tmp_path)
    assert saved.name == "pairs.csv"
    with saved.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == [
        "Truth", "Answer", "Both are in", "Rows", "Rows of the truth", "The other way", "Edges up",
    ]  # fmt: skip
    assert rows[1:] == [
        [SHAPE.path(pair[key]) for key in ("truth", "answer", "shared")]
        + [str(pair[key]) for key in ("count", "of", "back", "edges")]
        for pair in DOCUMENT["mistakes"]["pairs"]
    ]


def _most_frequent() -> list[dict[str, Any]]:
    """The pairs by their rows, of equals in tree order."""
    pairs: list[dict[str, Any]] = DOCUMENT["mistakes"]["pairs"]
    return sorted(pairs, key=lambda pair: (-pair["count"], pair["truth"], pair["answer"]))


def test_pairs_in_either_order(page: Opened) -> None:
    """Those across branches first, or the most frequent; the first of them shows its samples."""
    reveal(page, "mistakes")
    counts = "#mistakes .tabulator[aria-label^='Pairs'] .tabulator-cell[tabulator-field='count']"
    for words, pairs in (
        ("most frequent first", _most_frequent()),
        ("across branches first", DOCUMENT["mistakes"]["pairs"]),
    ):
        page.page.get_by_role("button", name=words).click()
        shown = page.texts(counts)
        assert shown == [f"{pair['count']:,}" for pair in pairs[: len(shown)]]
        assert _cards(page) == _samples(pairs[0])


def test_the_most_frequent_confusions_stand_first(page: Opened) -> None:
    """Five of them in the first section, with their share of the truth's rows."""
    rows = page.page.locator("#frequent tbody tr")
    assert rows.count() == 5
    for number, pair in enumerate(_most_frequent()[:5]):
        assert rows.nth(number).locator("td").all_inner_texts()[1:] == [
            f"{pair['count']:,}", f"{100 * pair['count'] / pair['of'] + 1e-9:.1f} %",
        ]  # fmt: skip


def test_doubtful_labels_are_listed(page: Opened) -> None:
    """The surest first; a chosen one shows its card."""
    reveal(page, "mistakes")
    samples = DOCUMENT["samples"]
    chosen = DOCUMENT["mistakes"]["labels"]["rows"]
    table = "#mistakes .tabulator[aria-label^='Labels that may be wrong']"
    cells = page.texts(f"{table} .tabulator-cell[tabulator-field='id']")
    assert cells == [samples["id"][i] for i in chosen]


# -- pictures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "alt", "name"),
    [
        ("tree", "The tree as nested cells", "icicle"),
        ("mistakes", "Shares of the mistakes", "severity"),
        ("unsure", "The delivered share", "promises"),
        ("calibration", "Stated probability", "calibration"),
        ("versus", "Differences in accuracy", "gained-and-lost"),
    ],
)
def test_charts_are_saved_as_pictures(
    page: Opened, tmp_path: Path, section: str, alt: str, name: str
) -> None:
    """SVG that is read as XML, and PNG of twice as many points."""
    reveal(page, section)
    drawn_charts(page, section)
    vector = page.saved(f"#{section} button[aria-label^='Save SVG: {alt}']", tmp_path)
    assert vector.name == f"{name}.svg"
    root = ElementTree.fromstring(vector.read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert sum(1 for _ in root.iter("{http://www.w3.org/2000/svg}path")) > 5
    raster = page.saved(f"#{section} button[aria-label^='Save PNG: {alt}']", tmp_path)
    head = raster.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    size = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    assert size == tuple(round(2 * float(root.attrib[key])) for key in ("width", "height"))


def test_charts_say_what_they_show(page: Opened) -> None:
    """Each drawing is called as the buttons that save it say, once it stands."""
    for section in SECTIONS:
        reveal(page, section)
        drawn_charts(page, section)
    for chart in page.page.locator("figure.chart").all():
        said = chart.locator(".plot[role='img']").get_attribute("aria-label")
        assert chart.locator("button").first.get_attribute("aria-label") == f"Save SVG: {said}"


# -- the icicle ------------------------------------------------------------------------------------


def test_the_icicle_goes_deeper_and_back(page: Opened) -> None:
    """A click on a cell shows what lies below it, a click on the first column leads up again."""
    reveal(page, "tree")
    drawn_charts(page, "tree")
    child = SHAPE.parent.index(0, 1)
    page.page.locator("#icicle svg").click(position=_middle(page, child))
    page.page.wait_for_function(_SHOWS, arg=child)
    assert page.page.evaluate("report.chosen()") == child
    page.page.locator("#icicle svg").click(position=_middle(page, child))
    page.page.wait_for_function(_SHOWS, arg=0)
    assert page.page.evaluate("report.chosen()") == 0
    page.page.locator("#icicle select").select_option(str(child))
    assert page.page.evaluate("report.chosen()") == child


#: Whether the icicle shows a node in its first column.
_SHOWS = """(node) => [...document.querySelectorAll('#icicle .cells-drawn path')]
  .map((cell) => cell.__data__.datum).some((one) => one.node === node && one.left === 0)"""


def _middle(seen: Opened, node: int) -> Any:
    """The middle of a node's cell, in points of the drawing."""
    return seen.page.evaluate(
        """(node) => {
          const all = [...document.querySelectorAll('#icicle .cells-drawn path')];
          const cell = all.find((one) => one.__data__.datum.node === node).getBoundingClientRect();
          const drawing = document.querySelector('#icicle svg').getBoundingClientRect();
          return { x: cell.x + cell.width / 2 - drawing.x, y: cell.y + cell.height / 2 - drawing.y };
        }""",
        node,
    )


# -- two models, and nothing to say ------------------------------------------------------------------


def test_every_number_of_two_models_has_its_difference(page: Opened) -> None:
    """With the interval, and a verdict that knows which numbers are better when they are low."""
    reveal(page, "versus")
    table = "#versus .tabulator[aria-label^='Every number']"
    metrics = DOCUMENT["compare"]["metrics"]
    assert page.texts(f"{table} .tabulator-cell[tabulator-field='metric']") == list(metrics)
    for field in ("a", "b", "difference", "low", "high"):
        cells = page.texts(f"{table} .tabulator-cell[tabulator-field='{field}']")
        assert [float(cell.replace("−", "-")) for cell in cells] == [one[field] for one in metrics.values()]
    verdicts = page.texts(f"{table} .tabulator-cell[tabulator-field='verdict']")
    assert verdicts == ["▲ better", "▼ worse", "may be chance"]
    for name in NAMES:
        assert name in text(page, "#versus p >> nth=0")


def test_names_of_models_are_text(running: Browser, tmp_path: Path) -> None:
    """They head columns and stand in sentences, letter by letter, whatever they are."""
    names = [HOSTILE[1], "<b>bold</b> & </script><script>alert(5)</script>"]
    made = full(SHAPE, 60)
    made["file"]["names"] = names
    for side, name in zip("ab", names, strict=True):
        made["compare"][side]["name"] = name
    with opened(running, _written(tmp_path, made)) as seen:
        for section in SECTIONS:
            reveal(seen, section)
        for table in seen.page.locator("#versus .tabulator").all():
            assert table.locator(".tabulator-col-title").all_inner_texts()[1:5].count(names[0]) == 1
        for name in names:
            assert name in text(seen, "#versus p >> nth=0")
        seen.quiet()


def test_advice_is_offered_in_words(page: Opened) -> None:
    """With the counts it stands on."""
    reveal(page, "advice")
    (merge,), (move,) = DOCUMENT["advice"]["merge"], DOCUMENT["advice"]["move"]
    offers = page.texts("#advice .offer")
    assert [
        " ".join(one["text"].split()) in " ".join(offer.split())
        for one, offer in zip((merge, move), offers, strict=True)
    ]
    assert page.texts("#advice .offer >> nth=0 >> td") == [
        str(merge[key]) for key in ("a_right", "a_as_b", "b_as_a", "b_right")
    ]


@pytest.mark.parametrize("right", [1.0, 0.0])
def test_sections_without_numbers_say_why(running: Browser, tmp_path: Path, right: float) -> None:
    """One sentence each, whether all is right or all is wrong."""
    shape = regular((2, 2), (), ("genus", "species"))
    with opened(running, _written(tmp_path, document(shape, drawn(shape, 40, right=right)))) as seen:
        for section in SECTIONS:
            reveal(seen, section)
        for section in ("unsure", "calibration", "versus"):
            assert len(seen.texts(f"#{section} .host > p")) == 1
        seen.quiet()


@pytest.mark.parametrize("width", [360, 820, 1440])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_section_is_wider_than_the_window(
    running: Browser, tmp_path: Path, width: int, colours: Any
) -> None:
    """Wide tables and charts scroll inside their own boxes, and the colours change while it is open."""
    with opened(running, _written(tmp_path, DOCUMENT), width=width, colours=colours) as seen:
        for section in SECTIONS:
            reveal(seen, section)
            drawn_charts(seen, section)
        assert seen.page.evaluate("document.documentElement.scrollWidth") == width
        seen.page.emulate_media(color_scheme="light" if colours == "dark" else "dark")
        drawn_charts(seen, "versus")
        seen.quiet()


def test_the_risk_that_was_asked_for_is_told(running: Browser, tmp_path: Path) -> None:
    """Also where the slider has no such risk; the slider starts at the nearest one."""
    shape = regular((2, 2), (), ("genus", "species"))
    made = full(shape, 60)
    promise = made["unsure"]["promises"][4]
    made["unsure"]["chosen"] = promise | {"risk": 0.09, "sentence": "At most 9 %."}
    with opened(running, _written(tmp_path, made)) as seen:
        reveal(seen, "unsure")
        said = text(seen, "#unsure-asked")
        assert said.startswith(
            "Asked for: at most 9 % wrong. At most 9 %. Delivered on 30 rows: 9.00 % (95 %: "
        )
        assert text(seen, "#risk-value") == "10 %"
        seen.quiet()


def test_a_promise_that_answers_nothing_is_told(running: Browser, tmp_path: Path) -> None:
    """In place of the verdict; the slider starts at the first risk from 5 % that says something."""
    made = full(regular((2, 2), (), ("genus", "species")), 60)
    for promise in made["unsure"]["promises"][:5]:
        promise.update(log_odds=None, probability=1.0, delivered=0.0, shares=[1.0, 0.0, 0.0], kept=True)
    with opened(running, _written(tmp_path, made)) as seen:
        reveal(seen, "unsure")
        assert text(seen, "#risk-value") == "20 %"
        seen.page.locator("#risk").focus()
        seen.page.keyboard.press("Home")
        assert text(seen, "#unsure-verdict").startswith("Nothing is answered: ")
        seen.quiet()


@pytest.mark.parametrize("classes", [60, 700])
def test_many_small_cells_stand_as_one(running: Browser, tmp_path: Path, classes: int) -> None:
    """No cell is lower than three points; what is left of all rows stands in one cell with its share."""
    shape = regular((classes,), (), ("class",))
    made = document(shape, drawn(shape, 20 * classes))
    with opened(running, _written(tmp_path, made)) as seen:
        reveal(seen, "tree")
        drawn_charts(seen, "tree")
        cells: list[dict[str, Any]] = seen.page.locator("#icicle .cells-drawn path").evaluate_all(
            "all => all.map(({ __data__: { datum, height } }) => ({ ...datum, height }))"
        )
        tree = made["tree"]
        shown = [cell["node"] for cell in cells if not cell["name"].startswith("and ")]
        assert all(cell["height"] >= 3 for cell in cells if cell["node"] in shown)
        hidden = [node for node in range(1, classes + 1) if node not in shown]
        rest = [cell for cell in cells if cell["name"].startswith("and ")]
        assert len(rest) == bool(hidden)
        for cell in rest:
            assert cell["name"] == f"and {len(hidden)} more nodes"
            rows, right = (sum(tree[key][node] for node in hidden) for key in ("rows", "right"))
            assert cell["share"] == pytest.approx(right / rows)
            assert cell["height"] == pytest.approx(cells[0]["height"] * rows / tree["rows"][0])
        seen.quiet()
