"""Scores as bars and lines: by level, over steps, with intervals, against chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from taxoloss.plot.figures import COLOUR, OTHER, axes_of, legend
from taxoloss.taxonomy.exports.lettering import ems, shortened
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["bars", "by_height", "height_names", "in_tree_order", "intervals", "lines", "pairs"]

#: Heights up to which bars have their numbers above them, and ticks what the heights mean.
_MOST_WORDS = 8


def in_tree_order(taxonomy: Taxonomy, scores: Mapping[str, Any]) -> dict[str, Any]:
    """Scores by level, the top level first; other scores as they are."""
    known = [level for level in taxonomy.levels if level in scores]
    return {level: scores[level] for level in known} if len(known) == len(scores) else dict(scores)


def bars(ax: Any, scores: Mapping[str, Any], upper: float | None) -> None:
    """A bar for each score, in their order."""
    values = [float(value) for value in scores.values()]
    drawn = ax.bar(range(len(values)), np.nan_to_num(values), color=COLOUR, width=0.7)
    ax.bar_label(drawn, [f"{value:.3f}" for value in values])
    names = [shortened(name) for name in scores]
    slanted: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    crowded = len(values) > 1 and sum(map(len, names)) > 36
    ax.set_xticks(range(len(values)), names, parse_math=False, **(slanted if crowded else {}))
    beside = 0.5 if len(values) > 2 else 1.5  # one bar alone is no wall
    ax.set_xlim(-beside, len(values) - 1 + beside)
    if upper is None:
        ax.margins(y=0.1)
    ax.set_ylim(0, upper if upper is None else upper * 1.08)


def lines(ax: Any, results: Sequence[Any]) -> None:
    """A line for each scalar score over a list of results."""
    if not results:
        raise ValueError("expected val as a result of compute, or as a list of them, got an empty list")
    first = results[0]
    named = isinstance(first, Mapping)
    names = [name for name in first if getattr(first[name], "ndim", 0) == 0] if named else [""]
    for name in names:
        values = [float(result[name] if named else result) for result in results]
        shown = f" {name}" if name.startswith("_") else name
        ax.plot(range(len(values)), values, marker="o", label=shown)
    ax.set_xlabel("step")
    ax.xaxis.get_major_locator().set_params(integer=True)
    if named:
        legend(ax)


def intervals(ax: Any, scores: Mapping[str, tuple[float, float, float]]) -> None:
    """A point for each score (value, low, high), with its interval, the first at the top."""
    places = range(len(scores))
    for place, (value, low, high) in zip(places, scores.values(), strict=True):
        ax.plot([low, high], [place, place], color=COLOUR, linewidth=1.5)
        ax.plot([value], [place], "o", color=COLOUR)
        if np.isfinite(value):
            words = f"{value:.3f} ({low:.3f} to {high:.3f})"
            ax.text(1.02, place, words, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.set_yticks(places, [shortened(name) for name in scores], parse_math=False)
    ax.set_ylim(len(scores) - 0.5, -0.6)


def height_names(taxonomy: Taxonomy, heights: IntArray) -> list[str]:
    """What LCA heights 1, 2, .. mean: "same genus", where all nodes of a height stand on one level.

    Args:
        taxonomy: bound.
        heights: (V,) of the nodes by id.
    """
    level_of, names = taxonomy.tree.level[taxonomy.nodes_by_id], []
    for height in range(1, int(heights.max()) + 1):
        levels = set(level_of[heights == height].tolist())
        (level,) = levels if len(levels) == 1 else (None,)
        if level is None:
            names.append("")
        else:
            names.append(f"same {shortened(taxonomy.levels[level - 1])}" if level else "nothing shared")
    return names


def by_height(ax: Any, mistakes: Any, chance: Any, names: Sequence[str]) -> None:
    """Mistakes at LCA heights 1, 2, .. beside those that chance makes, as many in all."""
    heights = np.arange(1, len(mistakes) + 1)
    few = len(heights) <= _MOST_WORDS
    for side, counts, colour, label in (
        (-0.2, mistakes, COLOUR, "mistakes"),
        (0.2, chance, OTHER, "as many by chance"),
    ):
        drawn = ax.bar(heights + side, np.nan_to_num(counts), width=0.4, color=colour, label=label)
        if few:
            ax.bar_label(drawn, [f"{count:,.0f}" for count in np.nan_to_num(counts)], fontsize=8)
    words = [
        f"{height}\n{name}" if few and name else f"{height}"
        for height, name in zip(heights, names, strict=True)
    ]
    size = 9 if max(map(len, words)) * len(words) < 60 else 7
    ax.set_xticks(heights, words, parse_math=False, fontsize=size)
    ax.set(xlabel="height of the lowest common ancestor, in edges", ylabel="mistakes")
    ax.margins(y=0.25)  # room for the legend
    ax.set_ylim(bottom=0)
    ax.yaxis.get_major_locator().set_params(integer=True)
    legend(ax)


def pairs(rows: Sequence[tuple[str, str, int, float]], level: str, ax: Any = None) -> tuple[Any, Any]:
    """A horizontal bar for each (truth, answer, count, share of the truth), the first at the top."""
    places, counts = range(len(rows)), [count for _, _, count, _ in rows]
    names = [f"{shortened(truth)} → {shortened(answer)}" for truth, answer, _, _ in rows]
    beside = max(map(ems, names), default=0.0) * 8 / 72
    figure, ax = axes_of(ax, (4.5 + beside, 1.2 + 0.26 * max(2, len(rows))))
    drawn = ax.barh(places, counts, color=COLOUR)
    ax.bar_label(drawn, [f" {count:,} ({share:.0%})" for _, _, count, share in rows], fontsize=8)
    ax.set_yticks(places, names, parse_math=False, fontsize=8)
    ax.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    ax.margins(x=0.15)
    ax.set_xlim(left=0)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("samples (share of the target's)")
    title = "what is taken for what most often" if rows else "nothing is taken for another"
    ax.set_title(f"{shortened(level)}: {title}", parse_math=False, fontsize=10)
    return figure, ax
