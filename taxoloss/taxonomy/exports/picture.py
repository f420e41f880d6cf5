"""A tree drawn from left to right: SVG, PNG or PDF (pip install "taxoloss[sweep]": matplotlib)."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import partial

from taxoloss.errors.characters import escape_invisible
from taxoloss.taxonomy.exports.output_format import OutputFormat
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FORMATS", "picture"]

_MOST_ROWS = 400
_MOST_CHILDREN = 40


@dataclass
class _Box:
    text: str
    depth: int
    children: list[_Box] = field(default_factory=list)
    row: float = 0.0


def picture(taxonomy: Taxonomy, format: str, depth: int | None = None) -> bytes:
    """The picture; branches with many children, and what is below `depth`, are cut and counted."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    root = _boxes(taxonomy, depth)
    rows = _place(root)
    deepest = max(box.depth for box in _all(root))
    figure = Figure(figsize=(2.2 * (deepest + 1) + 1.5, max(1.5, 0.2 * rows + 0.5)))
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.axis("off")
    axes.set_xlim(0, deepest + 1.4)
    axes.set_ylim(rows - 0.5, -0.5)
    for box in _all(root):
        axes.text(box.depth + 0.03, box.row, box.text, fontsize=8, va="center", parse_math=False)
        for child in box.children:
            start, stop = box.depth + 0.72, child.depth
            middle = (start + stop) / 2
            axes.plot(
                [start, middle, middle, stop],
                [box.row, box.row, child.row, child.row],
                color="0.6",
                linewidth=0.6,
            )
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "taxoloss"}):
        figure.savefig(out, format=format, dpi=120, metadata={"Date": None} if format == "svg" else None)
    return out.getvalue()


def _boxes(taxonomy: Taxonomy, depth: int | None) -> _Box:
    """What is drawn: breadth first, until there are enough rows."""
    tree = taxonomy.tree
    below = tree.children()
    root = _Box(_short(taxonomy.name or "root"), 0)
    waiting, rows = [(0, root)], 1
    for node, box in waiting:
        children = below[node]
        if not children:
            continue
        shown = children[:_MOST_CHILDREN] if rows + len(children) <= _MOST_ROWS or rows == 1 else ()
        shown = () if depth is not None and box.depth >= depth else shown
        for child in shown:
            box.children.append(_Box(_short(tree.names[child]), box.depth + 1))
            waiting.append((child, box.children[-1]))
        rows += max(0, len(shown) - 1)
        if not shown:
            box.text += f"  ({int(tree.stop[node] - tree.start[node]):,})"
        elif len(shown) < len(children):
            box.children.append(_Box(f"... {len(children) - len(shown):,} more", box.depth + 1))
    return root


def _short(name: str) -> str:
    shown = escape_invisible(name)
    return shown if len(shown) <= 24 else shown[:23] + "\u2026"


def _all(root: _Box) -> list[_Box]:
    boxes = [root]
    for box in boxes:
        boxes += box.children
    return boxes


def _place(root: _Box) -> int:
    """Gives each box its row, leaves one below the other; returns how many there are."""
    rows = 0
    stack = [(root, False)]
    while stack:
        box, done = stack.pop()
        if not box.children:
            box.row = rows
            rows += 1
        elif done:
            box.row = (box.children[0].row + box.children[-1].row) / 2
        else:
            stack.append((box, True))
            stack += [(child, False) for child in reversed(box.children)]
    return rows


FORMATS = tuple(
    OutputFormat(name, partial(picture, format=name), (f".{name}",), takes=("depth",), needs="matplotlib")
    for name in ("svg", "png", "pdf")
)
