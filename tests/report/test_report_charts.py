"""The charts' specs: valid, without a warning, and what they draw is what the document says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browser import Opened, browser, opened
from documents import HOSTILE, regular
from filled import LEVELS, full

from taxoloss.report.charts import charts
from taxoloss.report.rendering import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHAPE = regular((3, 3, 3), HOSTILE, LEVELS)
DOCUMENT = full(SHAPE, 900)
#: The section in which each chart stands, the spec, and what the reader is told of it.
PLACES = {
    "icicle": "tree",
    "severity": "mistakes",
    "curve": "unsure",
    "promises": "unsure",
    "shares": "unsure",
    "reliability": "calibration",
    "differences": "versus",
}
#: Compiles the specs as they stand in the document, and returns what Vega-Lite warns of.
COMPILE = """() => {
  const said = [];
  const tell = (...words) => { said.push(words.join(" ")); return logger; };
  const logger = { level: () => logger, error: tell, warn: tell, info: () => logger, debug: () => logger };
  for (const [name, spec] of Object.entries(report.data.charts)) {
    if (name !== "icicle") vegaLite.compile(spec, { logger });
    else vega.parse(spec, {}, { ast: true });
  }
  return said;
}"""


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """One browser for all tests."""
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(running: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The page of the document, with every section built."""
    path = tmp_path_factory.mktemp("charts") / "report.html"
    path.write_text(render(DOCUMENT), encoding="utf-8")
    with opened(running, path) as seen:
        for section in sorted(set(PLACES.values())):
            seen.page.evaluate("id => report.reveal(id)", section)
        seen.page.wait_for_function("document.querySelectorAll('.plot svg').length === 7")
        yield seen
        seen.quiet()


def tips(page: Opened, section: str, first: str) -> list[dict[str, str]]:
    """What marks of a section's charts say at the pointer, if the first thing they say has this title."""
    held: list[dict[str, str] | None] = page.page.locator(f"#{section} .plot path").evaluate_all(
        "all => all.map(mark => mark.__data__?.tooltip ?? null)"
    )
    return [tip for tip in held if isinstance(tip, dict) and next(iter(tip), None) == first]


def test_specs_are_plain_data_without_numbers() -> None:
    """They are JSON, each made anew, and name their data instead of holding it."""
    assert json.loads(json.dumps(charts())) == charts()
    assert charts()["icicle"] is not charts()["icicle"]
    for name, spec in charts().items():
        assert spec["$schema"].startswith("https://vega.github.io/schema/"), name
        data = spec["data"]
        assert [one["name"] for one in (data if isinstance(data, list) else [data])], name
        assert "values" not in json.dumps(data), name


def test_a_name_stands_out_on_a_cell_of_any_colour() -> None:
    """Of the two inks between which the icicle chooses, one has 4.5 to 1 on whatever ground."""
    chosen = re.search(r"\? '(#\w{6})' : '(#\w{6})'", json.dumps(charts()["icicle"]))
    assert chosen is not None

    def luminance(colour: str) -> float:
        """Of WCAG 2."""
        values = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in values]
        return sum(one * share for one, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    high, low = (luminance(colour) + 0.05 for colour in chosen.groups())
    grounds = [0.05 + step / 1000 for step in range(1001)]
    assert min(max(high / ground, ground / low) for ground in grounds) >= 4.5


def test_vega_lite_warns_of_nothing(page: Opened) -> None:
    """All specs compile."""
    assert page.page.evaluate(COMPILE) == []


def test_every_spec_has_its_place(page: Opened) -> None:
    """And each chart says in a sentence what it shows."""
    assert sorted(PLACES) == sorted(charts())
    for section in set(PLACES.values()):
        plots = page.page.locator(f"#{section} .plot")
        assert plots.count() == list(PLACES.values()).count(section)
        for role, said in plots.evaluate_all("all => all.map(plot => [plot.role, plot.ariaLabel])"):
            assert role in ("img", "graphics-document")
            assert " " in said


def test_severity_draws_a_bar_for_each_share(page: Opened) -> None:
    """Of both models and of chance, in the order of the document."""
    names = (*DOCUMENT["file"]["names"], "chance")
    expected: list[Any] = [
        (of, _where(one["level"]), pytest.approx(100 * one[field], abs=0.051))
        for one in DOCUMENT["mistakes"]["severity"]["shared"]
        for of, field in zip(names, ("share", "other", "chance"), strict=True)
    ]
    said = tips(page, "mistakes", "of")
    assert [(tip["of"], tip["stays in"], float(tip["share"][:-1])) for tip in said] == expected


def _where(level: str | None) -> str:
    return "no level in common" if level is None else f"same {level}"


def test_points_of_reliability_are_the_bins(page: Opened) -> None:
    """All levels, bins without an answer left out."""
    said = tips(page, "calibration", "stated")
    bins = [one for level in DOCUMENT["calibration"]["levels"] for one in level["bins"] if one["count"]]
    keys = {"stated": "stated", "right": "right", "at least": "low", "at most": "high"}
    assert said == [
        {**{name: f"{100 * one[key]:.1f}%" for name, key in keys.items()}, "answers": str(one["count"])}
        for one in bins
    ]
    assert len(said) > 10


def test_points_of_promises_are_what_was_delivered(page: Opened) -> None:
    """A broken promise has another word, and with it another shape."""
    said = tips(page, "unsure", "promised")
    promises = DOCUMENT["unsure"]["promises"]
    points = [tip for tip in said if "delivered" in tip]
    assert [tip["delivered"] for tip in points] == [f"{100 * one['delivered']:.2f}%" for one in promises]
    assert [tip["the promise"] for tip in points] == ["kept"] * (len(promises) - 1) + ["broken"]
    shapes = page.page.locator("#unsure .mark-symbol path").evaluate_all(
        "all => all.filter(mark => mark.__data__?.tooltip?.delivered).map(mark => mark.__data__.shape)"
    )
    assert shapes == ["circle"] * (len(promises) - 1) + ["triangle-up"]


def test_bars_of_levels_are_the_shares(page: Opened) -> None:
    """One for each level of each promise."""
    said = [tip["share"] for tip in tips(page, "unsure", "promised") if "share" in tip]
    shares = [share for promise in DOCUMENT["unsure"]["promises"] for share in promise["shares"] if share]
    assert said == [f"{100 * share:.1f}%" for share in shares]


def test_the_curve_has_a_point_for_each_threshold(page: Opened) -> None:
    """With the numbers of the document."""
    said = [(tip["wrong"], tip["information"]) for tip in tips(page, "unsure", "threshold")]
    assert said == [
        (f"{100 * one['wrong']:.1f}%", f"{100 * one['information']:.1f}%")
        for one in DOCUMENT["unsure"]["curve"]
    ]


def test_differences_are_those_of_nodes(page: Opened) -> None:
    """The node, its rows and the difference; those that gain stand above those that lose."""
    said = tips(page, "versus", "node")
    columns = DOCUMENT["versus"]["nodes"]
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    nodes = {SHAPE.path(one["node"]): one for one in rows}
    assert said
    found = [nodes[tip["node"]] for tip in said]
    assert [tip["rows"] for tip in said] == [str(one["rows"]) for one in found]
    assert [tip["difference"].replace("−", "-") for tip in said] == [
        f"{100 * one['difference']:+.1f}" for one in found
    ]
    signs = [one["difference"] > 0 for one in found]
    assert signs == sorted(signs, reverse=True)
    assert [tip["this"] == "may be chance" for tip in said] == [one["may_be_chance"] for one in found]


def test_cells_of_the_icicle_are_nodes_with_their_shares(page: Opened) -> None:
    """As high as their rows, each inside its parent's cell; a bar is as long as the share that is right."""
    cells = page.page.locator("#icicle .cells-drawn path").evaluate_all(
        "all => all.map(({ __data__: { datum, height } }) => ({ ...datum, height }))"
    )
    tree = DOCUMENT["tree"]
    high = {cell["node"]: cell["height"] for cell in cells if not cell["name"].startswith("and ")}
    assert set(high) == {node for node, rows in enumerate(tree["rows"]) if rows}
    for cell in cells:
        node = cell["node"]
        assert cell["share"] == pytest.approx(tree["right"][node] / tree["rows"][node])
        assert cell["height"] == pytest.approx(high[0] * tree["rows"][node] / tree["rows"][0])
        if node:
            parent = next(one for one in cells if one["node"] == tree["parent"][node])
            assert parent["top"] - 1e-9 <= cell["top"]
            assert cell["bottom"] <= parent["bottom"] + 1e-9
            assert cell["left"] == pytest.approx(parent["right"])
