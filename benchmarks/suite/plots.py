"""The plots of docs/performance.md, from the results alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure

from benchmarks.suite.labels import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Result = dict[str, Any]
BLUE, ORANGE, GREY = "#1f6fb2", "#d1662b", "#777777"
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
                path = docs / f"performance_{question}.svg"
                figure.savefig(path, metadata={"Date": None, "Creator": None}, transparent=False)
                lines = path.read_text(encoding="utf-8").splitlines()
                path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def _line(axes: Axes, cases: list[Result], names: list[str], over: str, **style: Any) -> None:
    """Medians of one competitor a case, with their quartiles."""
    found = [case["results"][name]["over"][over] for case, name in zip(cases, names, strict=True)]
    middle = [one["median"] for one in found]
    low = [one["median"] - one["q1"] for one in found]
    high = [one["q3"] - one["median"] for one in found]
    at = style.pop("at", range(len(found)))
    axes.errorbar(at, middle, (low, high), marker="o", markersize=3.5, capsize=2, linewidth=1.3, **style)


def threads(case: Result) -> str:
    """1 thread, 2 threads."""
    return f"{case['threads']} thread{'s' if case['threads'] > 1 else ''}"


def by_threads(result: Result) -> list[list[Result]]:
    """The cases, most threads first."""
    counts = sorted({case["threads"] for case in result["cases"]}, reverse=True)
    return [[case for case in result["cases"] if case["threads"] == count] for count in counts]


def classes(axes: Axes, result: Result) -> None:
    """The ratio over the number of classes."""
    for cases, line in zip(by_threads(result), ("-", ":"), strict=False):
        for name, words, color in (("ours", "tree order", BLUE), ("ours permuted", "permuted", ORANGE)):
            title = f"{words}, {threads(cases[0])}"
            _line(axes, cases, [name] * len(cases), "flat", label=title, color=color, linestyle=line)
    cases = by_threads(result)[0]
    goals = {at: goal["at_most"] for at, case in enumerate(cases) for goal in case["goals"]}
    axes.plot(list(goals), list(goals.values()), "_", markersize=16, color="black", label="goal", zorder=3)
    axes.axhline(1, color=GREY, linewidth=0.8)
    labels = [f"{case['shape'][0]:,} × {case['shape'][1]:,}\nL {case['levels']}" for case in cases]
    axes.set_xticks(range(len(cases)), labels)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("batch × classes, and levels")
    axes.set_ylabel("time of a step / flat cross-entropy")
    axes.legend(frameon=False)


def levels(axes: Axes, result: Result) -> None:
    """The ratio over the number of levels."""
    for case, color in zip(result["cases"], (BLUE, ORANGE), strict=False):
        names = case["competitors"][1:]
        at = [int(name.split()[1]) for name in names]
        cases = [case] * len(names)
        _line(axes, cases, names, "flat", at=at, label=threads(case), color=color)
        axes.set_xticks(at)
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("levels")
    axes.set_ylabel("time of a step / flat cross-entropy")
    axes.legend(frameon=False)


def peers(axes: Axes, result: Result) -> None:
    """The ratios of the last shape, most threads, as bars."""
    last = result["cases"][-1]["shape"]
    case = next(case for case in result["cases"] if case["shape"] == last)
    names = list(case["results"])
    ratios = [case["results"][name]["over"]["flat"]["median"] for name in names]
    colors = [BLUE if name == "ours" else GREY for name in names]
    bars = axes.barh([label(name) for name in names], ratios, color=colors)
    axes.bar_label(bars, [f"{ratio:,.1f}" for ratio in ratios], padding=3)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    size = f"{last[0]:,} × {last[1]:,}, {threads(case)}"
    axes.set_xlabel(f"step / flat cross-entropy, {size}")


PLOTS = {"classes": (classes, 8.0, 3.6), "levels": (levels, 5.0, 3.0), "peers": (peers, 7.5, 2.4)}
