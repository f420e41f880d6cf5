"""A tree drawn from left to right: SVG, PNG or PDF (pip install "taxoloss[plot]": matplotlib)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

from taxoloss.taxonomy.exports.folding import Place, fold
from taxoloss.taxonomy.exports.lettering import ems, shortened
from taxoloss.taxonomy.exports.output_format import OutputFormat
from taxoloss.taxonomy.taxonomy import Taxonomy

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


class Drawing:
    """The lines, names and heads of a tree, in inches from the upper left corner.

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

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in inches that show all names."""
        return self.starts[-1] - _GAP + _MARGIN, (self.rows + _HEAD) * _ROW + 2 * _MARGIN

    def draw(self, axes: Axes, scale: float = 1.0) -> None:
        """Draws into axes; `scale` is that of the letters, 1 where the axes are as large as `size`."""
        width, height = self.size
        axes.axis("off")
        axes.set(xlim=(0, width), ylim=(height, 0))
        self._lines(axes)
        words: dict[str, Any] = {"fontsize": _FONT * scale, "va": "center", "parse_math": False}
        for place in self.places:
            x, y = self.at(place)
            colour = "black" if place.node is not None else _WORDS
            axes.text(x + self.indent, y, place.text, color=colour, **words)
        for start, head in zip(self.starts, self.heads, strict=False):
            if head:
                axes.text(start, _MARGIN + _ROW / 2, head, color=_WORDS, style="italic", **words)

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
            x, y = self.at(place)
            for child in place.children:
                stop, row = self.at(child)
                stop += 0.0 if child.node in self.values else self.indent
                turn = self.starts[place.level + 1] - _GAP / 2
                start = x + self.indent + _inches(place.text) + 0.05
                lines.append([(start, y), (turn, y), (turn, row), (stop - 0.04, row)])
        axes.add_collection(LineCollection(lines, colors=_LINES, linewidths=0.6), autolim=False)

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
        ("levels",),
        takes=("depth",),
        needs="matplotlib",
    )
    for name in ("svg", "png", "pdf")
)
