"""The plots of docs/performance.md, from the results alone."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure

from benchmarks.suite.labels import NATIVE, PURE, label
from taxoloss.taxonomy.file.atomic import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Result = dict[str, Any]
BLUE, ORANGE, GREY = "#1f6fb2", "#d1662b", "#777777"
#: The competitors of both forms, as words and color.
FORMS = (("ours", NATIVE, BLUE), ("ours pure", PURE, ORANGE))
#: Text stays text, and the same results give the same file.
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "taxoloss",
    "font.size": 9,
    "font.family": "sans-serif",
}


def draw(results: dict[str, Result], docs: Path) -> None:
    """A file for each question that has a plot and an answer."""
    with matplotlib.rc_context(STYLE):
        for question, (plot, width, height) in PLOTS.items():
            if question in results:
                figure = Figure(figsize=(width, height), layout="constrained")
                axes = figure.add_subplot()
                plot(axes, results[question])
                axes.spines[["top", "right"]].set_visible(False)
                svg = io.StringIO()
                metadata = {"Date": None, "Creator": None}
                figure.savefig(svg, format="svg", metadata=metadata, transparent=False)
                lines = [line.rstrip() for line in svg.getvalue().splitlines()]
                write_whole(docs / f"performance_{question}.svg", "\n".join(lines) + "\n")


def _line(axes: Axes, at: list[int], found: list[Result | None], **style: Any) -> None:
    """Medians of ratios with their quartiles; where one was not measured, nothing."""
    shown = [(x, one) for x, one in zip(at, found, strict=True) if one is not None]
    middle = [one["median"] for _, one in shown]
    low = [one["median"] - one["q1"] for _, one in shown]
    high = [one["q3"] - one["median"] for _, one in shown]
    style = {"marker": "o", "markersize": 3.5, "capsize": 2, "linewidth": 1.3, **style}
    axes.errorbar([x for x, _ in shown], middle, (low, high), **style)


def over_flat(case: Result, name: str) -> Result | None:
    """The ratio of a competitor; None where it was left out."""
    found: Result | None = case["results"].get(name, {}).get("over", {}).get("flat")
    return found


def threads(case: Result) -> str:
    """1 thread, 2 threads."""
    return f"{case['threads']} thread{'s' if case['threads'] > 1 else ''}"


def most_threads(result: Result) -> list[Result]:
    """The cases with as many threads as any has."""
    most = max(case["threads"] for case in result["cases"])
    return [case for case in result["cases"] if case["threads"] == most]


def _finish(axes: Axes, below: str) -> None:
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(below)
    axes.set_ylabel("time of a step / flat cross-entropy")
    axes.legend(frameon=False)


def classes(axes: Axes, result: Result) -> None:
    """The ratio over the number of classes, of both forms in both orders."""
    cases = most_threads(result)
    at = list(range(len(cases)))
    for name, form, color in FORMS:
        for order, line in (("", "-"), (" permuted", ":")):
            found = [over_flat(case, name + order) for case in cases]
            words = f"{form},{order or ' tree order'}"
            _line(axes, at, found, label=words, color=color, linestyle=line)
        bounds = [_bound(case, name) for case in cases]
        marks = {x: bound for x, bound in zip(at, bounds, strict=True) if bound is not None}
        style: Any = {"markersize": 16, "color": color, "label": f"goal, {form}", "zorder": 3}
        axes.plot(list(marks), list(marks.values()), "_", **style)
    labels = [f"{case['shape'][0]:,} × {case['shape'][1]:,}\nL {case['levels']}" for case in cases]
    axes.set_xticks(at, labels)
    _finish(axes, f"batch × classes, and levels; {threads(cases[0])}")


def _bound(case: Result, name: str) -> float | None:
    found = [goal["at_most"] for goal in case["goals"] if (goal["of"], goal["over"]) == (name, "flat")]
    return found[0] if found else None


def levels(axes: Axes, result: Result) -> None:
    """The ratio over the number of levels, of both forms."""
    for case, line in zip(result["cases"], ("-", ":"), strict=False):
        for name, form, color in (("levels ", *FORMS[0][1:]), ("levels pure ", *FORMS[1][1:])):
            names = [one for one in case["competitors"] if re.fullmatch(rf"{name}\d+", one)]
            at = [int(one.removeprefix(name)) for one in names]
            found = [over_flat(case, one) for one in names]
            _line(axes, at, found, label=f"{form}, {threads(case)}", color=color, linestyle=line)
            axes.set_xticks(at)
    _finish(axes, "levels")


def peers(axes: Axes, result: Result) -> None:
    """The ratios at one size, as bars."""
    case = next(case for case in most_threads(result) if case["shape"][1] == 1_000)
    names = list(case["results"])
    ratios = [case["results"][name]["over"]["flat"]["median"] for name in names]
    colors = {name: color for name, _, color in FORMS}
    bars = axes.barh(
        [label(name) for name in names], ratios, color=[colors.get(name, GREY) for name in names]
    )
    axes.bar_label(bars, [f"{ratio:,.1f}" for ratio in ratios], padding=3)
    axes.axvline(1, color=GREY, linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    size = " × ".join(f"{size:,}" for size in case["shape"])
    axes.set_xlabel(f"step / flat cross-entropy, {size}, {threads(case)}")


#: Question -> what draws it, and the inches it has.
PLOTS = {"classes": (classes, 8.0, 3.8), "levels": (levels, 5.5, 3.2), "peers": (peers, 7.5, 2.6)}
