"""Confusion matrices in the order of the tree, from 2 nodes to thousands.

Colours are shares of each target's samples, on a scale of square roots: most confusions are rare, and they
are what a reader looks for. Where nodes are many, groups have names instead of nodes; where cells are
smaller than a dot of a screen, a dot is the largest of a block of cells, so that none is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.plot.figures import axes_of, panels, width_of
from taxoloss.taxonomy.exports.lettering import ems, shortened
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["matrices"]

#: Nodes, or groups of nodes, up to which all have their names.
_MOST_NAMES = 40
#: Borders of groups that are drawn at most, for each level.
_MOST_BORDERS = 60
#: Blocks of cells along a side of a picture at most.
_MOST_BLOCKS = 300
#: Inches of a node in a new figure; of the smallest and the largest matrix in it.
_NODE, _SMALLEST, _LARGEST = 0.24, 2.6, 6.5
#: Points: letters, and what a line of them takes; the smallest in cells; between two borders.
_FONT, _LINE, _TINY, _APART = 8.0, 9.5, 4.0, 4.0
#: The share of nodes that are in groups with names.
_ENOUGH = 0.75


def matrices(taxonomy: Taxonomy, counts: Mapping[str, IntArray], ax: Any = None) -> Any:
    """(figure, axes) of a matrix for each level, the top level first; axes are an array for several.

    In axes that are given the matrix of the deepest level is drawn.
    """
    levels = sorted(counts, key=taxonomy.level_number)
    if ax is not None:
        figure, ax = axes_of(ax)
        image = _matrix(ax, taxonomy, levels[-1], counts[levels[-1]], 0.8 * width_of(ax))
        _colour_bar(figure, image, ax)
        return figure, ax
    words = [_room_for_names(taxonomy, level) for level in levels]
    wanted = [_side(len(counts[level])) + room for level, room in zip(levels, words, strict=True)]
    figure, made = panels(wanted)
    for (one, side), level, room in zip(made, levels, words, strict=True):
        # The colour bar takes some of it.
        image = _matrix(one, taxonomy, level, counts[level], 0.92 * max(side - room, side / 3))
    axes = [one for one, _ in made]
    _colour_bar(figure, image, axes)
    return figure, axes[0] if len(axes) == 1 else np.array(axes)


def _side(nodes: int) -> float:
    """Inches of a matrix without its words."""
    return float(np.clip(_NODE * nodes, _SMALLEST, _LARGEST))


def _room_for_names(taxonomy: Taxonomy, level: str) -> float:
    """Inches beside a matrix: a line of words, and the longest name, of groups perhaps."""
    names = taxonomy.nodes(level)
    widest = max(ems(shortened(name)) for name in names) if len(names) <= _MOST_NAMES else 12.0
    return 0.7 + widest * _FONT / 72


def _matrix(ax: Any, taxonomy: Taxonomy, level: str, counts: IntArray, inches: float) -> Any:
    """Draws counts (targets, answers), in index order, into axes of about this side; gives the image."""
    number = taxonomy.level_number(level)
    order = np.argsort(taxonomy.level_nodes(number))  # depth-first numbers: the order of the tree
    rows = counts[np.ix_(order, order)]
    groups = _groups(taxonomy, number, order)
    points = 72 * inches / len(rows)
    shares = _shares(rows)
    image, block = _image(ax, shares)
    _borders(ax, groups, points)
    _names(ax, groups, points)
    _numbers(ax, rows, shares, points)
    title = [f"{shortened(level)}: {len(rows):,} nodes, {int(rows.sum()):,} samples"]
    title += ["grey: no samples"] * bool(np.isnan(shares).any())
    title += [f"a dot: the largest of {block} × {block} cells"] * (block > 1)
    ax.set_title("\n".join(title), parse_math=False, fontsize=9)
    return image


def _shares(rows: IntArray) -> npt.NDArray[np.float64]:
    """Each row's shares; NaN where it has no samples."""
    totals = rows.sum(1, keepdims=True)
    return np.where(totals > 0, rows / np.maximum(totals, 1), np.nan)


def _image(ax: Any, shares: npt.NDArray[np.float64]) -> tuple[Any, int]:
    """The image, and how many cells along a side a dot of it stands for."""
    from matplotlib import colormaps
    from matplotlib.colors import PowerNorm

    size = len(shares)
    block = -(-size // _MOST_BLOCKS)
    blocks = -(-size // block)
    padded = np.full((blocks * block,) * 2, -1.0)
    padded[:size, :size] = np.nan_to_num(shares, nan=-1.0)
    largest = padded.reshape(blocks, block, blocks, block).max((1, 3))
    ends = (-0.5, blocks * block - 0.5, blocks * block - 0.5, -0.5)
    image = ax.imshow(
        np.ma.masked_less(largest, 0),
        norm=PowerNorm(0.5, 0, 1),
        cmap=colormaps["Blues"].with_extremes(bad="0.9"),
        interpolation="nearest",
        extent=ends,
    )
    ax.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    return image, block


def _colour_bar(figure: Any, image: Any, axes: Any) -> None:
    shrink = 0.9 if figure.bbox.height / figure.dpi < 5 else 0.6
    bar = figure.colorbar(image, ax=axes, shrink=shrink, aspect=30, ticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
    bar.ax.set_yticklabels(["0", "1 %", "5 %", "20 %", "50 %", "100 %"], fontsize=8)
    bar.set_label("share of the target's samples", fontsize=8)


# -- names and borders -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Groups:
    """Nodes side by side that have one ancestor on a level; the nodes themselves at last."""

    level: str
    names: list[str]
    #: The first of each group, then the number of all.
    starts: IntArray

    @property
    def middles(self) -> npt.NDArray[np.float64]:
        return (self.starts[:-1] + self.starts[1:] - 1) / 2


def _groups(taxonomy: Taxonomy, number: int, order: IntArray) -> list[_Groups]:
    """The groups of the nodes of a level, in tree order, on each level down to it.

    A node with several parents stands below the first, its home.
    """
    tree, group = taxonomy.tree, taxonomy.level_nodes(number)[order]
    found: list[_Groups] = []
    for level in range(number, 0, -1):
        while (higher := tree.level[tree.parent[group]] >= level).any():
            group = np.where(higher, tree.parent[group], group)
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        names = [shortened(tree.names[node]) for node in group[starts].tolist()]
        found.insert(0, _Groups(taxonomy.levels[level - 1], names, np.append(starts, len(order))))
    return found


def _borders(ax: Any, groups: Sequence[_Groups], points: float) -> None:
    """Thin lines between groups of siblings, those of the top level the widest."""
    size = int(groups[-1].starts[-1])
    width, drawn = 1.2, np.array([0, size])
    for one in groups[:-1]:
        # Where most groups hold one node the lines would hide the cells.
        if len(one.names) > min(_MOST_BORDERS, size / 2):
            break
        before = len(drawn)
        for border in one.starts[1:-1].tolist():
            if np.abs(drawn - border).min() * points >= _APART:
                drawn = np.append(drawn, border)
        width = min(width, 0.7) if len(drawn) > 12 else width
        for border in drawn[before:] - 0.5:
            ax.axhline(border, color="0.25", linewidth=width)
            ax.axvline(border, color="0.25", linewidth=width)
        width /= 2 if len(drawn) > before else 1


def _names(ax: Any, groups: Sequence[_Groups], points: float) -> None:
    """Names of all nodes on both axes, or of the groups, or of some nodes."""
    nodes = groups[-1]
    size = len(nodes.names)
    if size <= _MOST_NAMES:
        _ticks(ax, nodes.middles, nodes.names, min(_FONT, max(_TINY, 0.8 * points)), points)
        words = ""
    else:
        group, shown = _named(groups, points)
        places, names = group.middles[shown], [group.names[i] for i in shown]
        _ticks(ax, places, names, _FONT, points)
        ax.tick_params(length=0)
        if len(group.names) <= _MOST_BORDERS:
            ax.set_xticks(group.starts - 0.5, minor=True)
            ax.set_yticks(group.starts - 0.5, minor=True)
        some = "" if len(shown) == len(group.names) else f"{len(shown):,} of {len(group.names):,} names: "
        words = f" ({some}{shortened(group.level)})"
    ax.set_xlabel(f"answer{words}", parse_math=False)
    ax.set_ylabel(f"target{words}", parse_math=False)


def _named(groups: Sequence[_Groups], points: float) -> tuple[_Groups, IntArray]:
    """Which groups have names: of the deepest level where they hold most nodes, else of that with most."""
    choices = [one for one in groups[:-1] if len(one.names) > 1] or groups[-1:]
    shown = [(one, _apart(one, _LINE / points)) for one in choices]
    held = [np.diff(one.starts)[which].sum() for one, which in shown]
    all_nodes = int(groups[-1].starts[-1])
    enough = [one for one, nodes in zip(shown, held, strict=True) if nodes >= _ENOUGH * all_nodes]
    return enough[-1] if enough else shown[int(np.argmax(held))]


def _apart(group: _Groups, distance: float) -> IntArray:
    """The largest groups whose middles are so many nodes apart."""
    shown: list[int] = []
    middles = group.middles
    for one in np.argsort(-np.diff(group.starts), kind="stable").tolist():
        if all(abs(middles[one] - middles[other]) >= distance for other in shown):
            shown.append(one)
    return np.array(sorted(shown))


def _ticks(ax: Any, places: Any, names: Sequence[str], size: float, points: float) -> None:
    # Names that are no wider than their columns stand upright.
    fits = max(map(ems, names)) * size <= points
    ax.set_xticks(places, names, rotation=0 if fits else 90, fontsize=size, parse_math=False)
    ax.set_yticks(places, names, fontsize=size, parse_math=False)


def _numbers(ax: Any, rows: IntArray, shares: npt.NDArray[np.float64], points: float) -> None:
    """The counts in their cells, where the largest fits; no zeros."""
    digits = len(f"{int(rows.max(initial=0)):,}")
    size = min(_FONT + 1, 0.7 * points, 0.9 * points / (0.65 * digits))
    if size < _TINY:
        return
    for row, column in zip(*np.nonzero(rows), strict=True):
        colour = "white" if shares[row, column] > 0.4 else "black"
        ax.text(
            column,
            row,
            f"{int(rows[row, column]):,}",
            color=colour,
            fontsize=size,
            ha="center",
            va="center",
        )
