"""The pictures of a sweep, each written whole; the same table gives the same SVG, byte for byte."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxoloss.sweep.errors import TableError
from taxoloss.sweep.report.by_weight import by_weight
from taxoloss.sweep.report.compare import Comparison
from taxoloss.sweep.report.differences import differences
from taxoloss.sweep.report.front import front
from taxoloss.sweep.report.triangle import triangle
from taxoloss.taxonomy.file.atomic import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Drawn", "draw"]

#: Name of the file -> what draws it: a figure, or in words why there is none.
PICTURES: dict[str, Callable[[Sequence[Comparison], Sequence[str]], Figure | str]] = {
    "weights": by_weight,
    "differences": differences,
    "front": front,
    "triangle": triangle,
}
#: Text stays text, a name with $ is no formula, and the same numbers give the same file.
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "taxoloss",
    "text.parse_math": False,
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.facecolor": "white",
}


@dataclass(frozen=True)
class Drawn:
    """The files that were written, and why some pictures were not drawn."""

    files: list[Path]
    skipped: dict[str, str]


def draw(
    compared: Sequence[Comparison],
    scores: Sequence[str],
    out: str | Path,
    formats: Sequence[str] = ("png", "svg"),
) -> Drawn:
    """Draws what the comparisons hold: weights, differences, front, triangle.

    Args:
        compared: of `compare`.
        scores: columns, as `scores_of` gives them.
        out: a folder, made where it is not there.
        formats: png, svg, or both.

    Raises:
        TableError: a file cannot be written.
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib

    files: list[Path] = []
    skipped: dict[str, str] = {}
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # A setting may hold any letter: an SVG keeps it as text, a PNG shows a box for it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        for name, picture in PICTURES.items():
            figure = picture(compared, scores)
            if isinstance(figure, str):
                skipped[name] = figure
            else:
                files += [_write(figure, Path(out) / f"{name}.{kind}") for kind in formats]
    return Drawn(files, skipped)


def _write(figure: Figure, path: Path) -> Path:
    """The file is whole or not there; through links."""
    data = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
    figure.savefig(data, format=path.suffix[1:], dpi=150, metadata=metadata)
    content = data.getvalue()
    if path.suffix == ".svg":
        content = b"".join(line.rstrip() + b"\n" for line in content.splitlines())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise TableError(f"{path} cannot be written: {error.strerror or error}") from None
    return path
