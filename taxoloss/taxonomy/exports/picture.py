"""A tree drawn from left to right: SVG, PNG or PDF (pip install "taxoloss[plot]": matplotlib).

Of a node with several parents the tree has the first, its home; dashed arrows come from the others.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

from taxoloss.errors.characters import counted
from taxoloss.taxonomy.exports.folding import Place, fold
from taxoloss.taxonomy.exports.lettering import ems, shortened
from taxoloss.taxonomy.exports.output_format import OutputFormat
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import Tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FORMATS", "Drawing", "picture"]

#: Of a file, which can be enlarged.
_MOST_ROWS = 400
_FONT = 8.0
#: Inches: of a row, between a name and the next column, around the tree, of a node's dot.
_ROW, _GAP, _MARGIN, _DOT = 0.175, 0.3, 0.1, 0.12
#: Rows above the tree for the names of its levels.
_HEAD = 1.6
_LINES, _WORDS = "0.65", "0.35"
_DASHES = (0, (4, 2))


class Drawing:
    """The lines, names, heads and dashed arrows of a taxonomy, in inches from the upper left corner.

    Args:
        taxonomy: whose tree is drawn.
        rows: at most so many; large groups of siblings are folded (`fold`).
        depth: what lies further below the root is counted instead of drawn.
        values: of nodes (depth-first numbers) that have a dot before their names.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        rows: int = _MOST_ROWS,
        depth: int | None = None,
        values: Mapping[int, float] | None = None,
    ) -> None:
        self.root = fold(taxonomy.tree, shortened(taxonomy.name or "root"), rows, depth)
        self.places = list(self.root.all())
        self.values = values or {}
        self.indent = _DOT if self.values else 0.0
        levels = range(1, 1 + max(place.level for place in self.places))
        self.heads = ["", *(_head(taxonomy, level) for level in levels)]
        #: Where each column starts, and where the last one ends.
        self.starts = list(accumulate(map(self._width, range(len(self.heads))), initial=_MARGIN))
        self.rows = sum(not place.children for place in self.places)
        #: Further parents, each with a node below it, both of them shown; and the row that tells of them.
        self.further = _further(taxonomy.tree, self.places)
        self.note = "" if taxonomy.is_tree else _note(taxonomy.tree, len(self.further))

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches that show all names."""
        rows = self.rows + bool(self.note)
        width = max(self.starts[-1] - _GAP, _MARGIN + _inches(self.note))
        return width + _MARGIN, (rows + _HEAD) * _ROW + 2 * _MARGIN

    def draw(self, axes: Axes, scale: float = 1.0) -> None:
        """Draws into axes; `scale` is that of the letters, 1 where the axes are as large as `size`."""
        width, height = self.size
        axes.axis("off")
        axes.set(xlim=(0, width), ylim=(height, 0))
        self._lines(axes)
        self._arrows(axes, scale)
        words: dict[str, Any] = {"fontsize": _FONT * scale, "va": "center", "parse_math": False}
        for place in self.places:
            x, y = self.at(place)
            colour = "black" if place.node is not None else _WORDS
            axes.text(x + self.indent, y, place.text, color=colour, **words)
        for start, head in zip(self.starts, self.heads, strict=False):
            if head:
                axes.text(start, _MARGIN + _ROW / 2, head, color=_WORDS, style="italic", **words)
        if self.note:
            low = _MARGIN + (_HEAD + self.rows + 0.5) * _ROW
            axes.text(_MARGIN, low, self.note, color=_WORDS, style="italic", **words)

    def at(self, place: Place) -> tuple[float, float]:
        """Where a node's dot stands, or its name where there are no dots."""
        return self.starts[place.level], _MARGIN + (_HEAD + place.row + 0.5) * _ROW

    def dots(self, axes: Axes, scale: float = 1.0) -> Any:
        """Draws a dot for each node that has a value, and gives the artist whose colours they are."""
        shown = [place for place in self.places if place.node in self.values]
        return axes.scatter(
            [self.at(place)[0] + self.indent / 3 for place in shown],
            [self.at(place)[1] for place in shown],
            c=[self.values[place.node] for place in shown if place.node is not None],
            vmin=min(self.values.values()),
            vmax=max(self.values.values()),
            s=42 * scale**2,
            edgecolors="0.3",
            linewidths=0.4,
            zorder=3,
            cmap="viridis",
        )

    def _lines(self, axes: Axes) -> None:
        """From the end of a name to where its children's column begins, down, and to each child."""
        from matplotlib.collections import LineCollection

        lines: list[Sequence[tuple[float, float]]] = []
        for place in self.places:
            start, y = self._end(place)
            for child in place.children:
                stop, row = self._front(child)
                turn = self.starts[place.level + 1] - _GAP / 2
                lines.append([(start, y), (turn, y), (turn, row), (stop, row)])
        axes.add_collection(LineCollection(lines, colors=_LINES, linewidths=0.6), autolim=False)

    def _arrows(self, axes: Axes, scale: float) -> None:
        """From the names of further parents to the nodes below them."""
        from matplotlib.patches import FancyArrowPatch

        style: dict[str, Any] = {"arrowstyle": "-|>", "linestyle": _DASHES, "shrinkA": 0, "shrinkB": 0}
        for parent, node in self.further:
            ends = self._end(parent), self._front(node)
            axes.add_patch(
                FancyArrowPatch(*ends, color=_WORDS, linewidth=0.6, mutation_scale=6 * scale, **style)
            )

    def _end(self, place: Place) -> tuple[float, float]:
        """Behind a name."""
        x, y = self.at(place)
        return x + self.indent + _inches(place.text) + 0.05, y

    def _front(self, place: Place) -> tuple[float, float]:
        """Before a name, or the dot before it."""
        x, y = self.at(place)
        return x + (0.0 if place.node in self.values else self.indent) - 0.04, y

    def _width(self, level: int) -> float:
        texts = (place.text for place in self.places if place.level == level)
        return max(_inches(self.heads[level]), *map(_inches, texts), 0) + self.indent + _GAP


def picture(taxonomy: Taxonomy, format: str, depth: int | None = None) -> bytes:
    """The picture; groups of many siblings, and what is below `depth`, are cut and counted.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{format} needs matplotlib: pip install "taxoloss[plot]"') from error
    drawing = Drawing(taxonomy, depth=depth)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure.add_axes((0, 0, 1, 1)))
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "taxoloss"}), catch_warnings():
        # A name may hold any letter: an SVG keeps it as text, a PNG shows a box for it.
        filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(out, format=format, dpi=120, metadata={"Date": None} if format == "svg" else None)
    return out.getvalue()


def _further(tree: Tree, places: Sequence[Place]) -> list[tuple[Place, Place]]:
    shown = {place.node: place for place in places if place.node is not None}
    pairs = () if tree.also_under is None else tree.also_under.tolist()
    return [(shown[above], shown[node]) for node, above in pairs if node in shown and above in shown]


def _note(tree: Tree, drawn: int) -> str:
    """What the arrows are, and how many there would be if all nodes were shown."""
    edges = 0 if tree.also_under is None else len(tree.also_under)
    some = f"{drawn:,} of " if drawn < edges else ""
    return f"dashed: {some}{counted(edges, 'edge')} from further parents"


def _head(taxonomy: Taxonomy, level: int) -> str:
    name = taxonomy.levels[level - 1]
    return f"{shortened(name)} ({len(taxonomy.tree.at_level(level)):,})"


def _inches(text: str) -> float:
    return ems(text) * _FONT / 72


FORMATS = tuple(
    OutputFormat(
        name,
        partial(picture, format=name),
        (f".{name}",),
        ("levels", "parents"),
        takes=("depth",),
        needs="matplotlib",
    )
    for name in ("svg", "png", "pdf")
)
