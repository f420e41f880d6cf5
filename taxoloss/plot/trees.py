"""A tree with its levels as columns, coloured by a number of each node."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from taxoloss.errors.characters import quoted
from taxoloss.plot.figures import axes_of, pyplot
from taxoloss.taxonomy.exports.picture import Drawing
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["tree"]

#: Inches: the colour bar beside a tree with its numbers, and its height.
_BAR, _BAR_HEIGHT = 1.0, 3.0


def tree(
    taxonomy: Taxonomy,
    values: Any = None,
    *,
    rows: int = 60,
    depth: int | None = None,
    label: str = "",
    ax: Any = None,
) -> tuple[Any, Any]:
    """A picture of the tree, its levels as columns: (figure, axes) of matplotlib.

    Large groups of siblings are folded into "... 26 more"; if that is not enough, the deepest levels are
    left out, and what stands above them says how many classes it holds. A node with several parents stands
    below the first; dashed arrows come from the others.

    Args:
        taxonomy: bound or not.
        values: a number for each node, which gives it a dot of a colour: a dict of names or paths, where
            nodes may be left out; or a sequence of C numbers (classes) or V numbers (all nodes) in the
            order of their ids. NaN is no dot.
        rows: at most so many.
        depth: down to how many edges below the root.
        label: what the values are, beside the colour bar.
        ax: axes to draw in, in letters that fit; None: a figure of the size that the tree needs.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: rows or depth is no whole number from 1 on; there are other than C or V
            values, one is no finite number, or two are for one node.
        BindingError: a name is no node, or several.

    >>> import taxoloss
    >>> from matplotlib.figure import Figure
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}})
    >>> figure, ax = taxoloss.plot.tree(t, {"cat": 0.9, "Bengal": 0.4}, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts]
    ['root', 'cat', 'Bengal', 'Sphynx', 'dog', 'beagle', 'depth_1 (2)', 'depth_2 (3)']
    """
    if not isinstance(taxonomy, Taxonomy):
        raise TypeError(f"expected a Taxonomy, got {type(taxonomy).__name__} {taxonomy!r:.60}")
    colours = _numbers_of_nodes(taxonomy, values)
    most = _whole(rows, "rows")
    drawing = Drawing(taxonomy, most, None if depth is None else _whole(depth, "depth"), colours)
    bar = None
    if ax is None:
        figure, ax, bar = _new_figure(drawing.size, with_bar=bool(colours))
        scale = 1.0
    else:
        figure, ax = axes_of(ax)
        scale = _scale(drawing.size, ax)
    drawing.draw(ax, scale)
    if colours:
        dots = drawing.dots(ax, scale)
        beside = {"cax": bar} if bar is not None else {"ax": ax, "shrink": 0.5}
        figure.colorbar(dots, **beside).set_label(label, parse_math=False)
    return figure, ax


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"expected {what} as an integer, 1 or larger, got {value!r}")
    return value


def _new_figure(size: tuple[float, float], with_bar: bool) -> tuple[Any, Any, Any]:
    """A figure for a tree of a size, and a colour bar to its right: figure, axes, axes of the bar."""
    width, height = size
    whole = width + _BAR * with_bar, max(height, 1.6 * with_bar)
    figure = pyplot().figure(figsize=whole)
    ax = figure.add_axes((0, 1 - height / whole[1], width / whole[0], height / whole[1]))
    if not with_bar:
        return figure, ax, None
    bar = min(_BAR_HEIGHT, whole[1] - 0.4)
    place = ((width + 0.1) / whole[0], 1 - (bar + 0.2) / whole[1], 0.15 / whole[0], bar / whole[1])
    return figure, ax, figure.add_axes(place)


def _scale(size: tuple[float, float], ax: Any) -> float:
    """How much smaller letters must be in axes than a tree of a size has them."""
    box, dpi = ax.get_window_extent(), ax.get_figure().get_dpi()
    return float(min(1.0, box.width / dpi / size[0], box.height / dpi / size[1]))


def _numbers_of_nodes(taxonomy: Taxonomy, values: Any) -> dict[int, float]:
    """The number of each node (depth-first) that has one."""
    if values is None:
        return {}
    named = _by_name(taxonomy, values) if isinstance(values, Mapping) else _by_id(taxonomy, values)
    found = {}
    for node, name, value in named:
        number = _number(value, name)
        if not math.isnan(number):
            found[node] = number
    return found


def _by_name(taxonomy: Taxonomy, values: Mapping[Any, Any]) -> Iterable[tuple[int, str, Any]]:
    names = list(values)
    nodes = taxonomy.index.nodes(names).tolist() if names else []
    first: dict[int, Any] = {}
    for node, name in zip(nodes, names, strict=True):
        if node in first:
            both = f"{first[node]!r}: {values[first[node]]!r} and {name!r}: {values[name]!r}"
            raise ValueError(f"expected one value for each node, got two for one: {both}")
        first[node] = name
    return [(node, repr(name), values[name]) for node, name in first.items()]


def _by_id(taxonomy: Taxonomy, values: Any) -> Iterable[tuple[int, str, Any]]:
    taxonomy.require_bound("plot.tree with a sequence of values")
    numbers = _listed(values)
    classes, nodes = len(taxonomy), taxonomy.num_nodes
    if len(numbers) not in (classes, nodes):
        what = f"{classes:,} values (one a class) or {nodes:,} (one a node)"
        raise ValueError(f"expected {what}, got {len(numbers):,}")
    order = taxonomy.nodes_by_id.tolist()[: len(numbers)]
    return [
        (node, quoted(taxonomy.tree.names[node]), number)
        for node, number in zip(order, numbers, strict=True)
    ]


def _listed(values: Any) -> list[Any]:
    """A sequence, array or tensor as a list."""
    expected = "expected values as a dict name -> number, or as a sequence of numbers"
    if hasattr(values, "to_dict"):  # its index may say which value is whose, and its order something else
        raise TypeError(f"{expected}, got a {type(values).__name__}: say values.to_dict() or .to_numpy()")
    values = values.detach().cpu() if hasattr(values, "detach") else values
    values = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{expected}, got {type(values).__name__} {values!r:.60}")
    return list(values)


def _number(value: Any, name: str) -> float:
    """A number, or NaN."""
    value = value.item() if getattr(value, "shape", None) == () else value
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"expected a number for {name}, got {type(value).__name__} {value!r:.60}")
    if math.isinf(value):
        raise ValueError(f"expected a finite number for {name}, got {value!r}")
    return float(value)
