"""Docstrings are plain text with `names`, formulas and examples; Sphinx reads reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sphinx.application import Sphinx

__all__ = ["escaped", "setup"]

_INDENTED = re.compile(r" {4}\S")
#: Text in `...` or ``...``, in which nothing is a mark.
_QUOTED = re.compile(r"(`+[^`]*`+)")


def escaped(line: str) -> str:
    """The line with |, * and a last _ that stand for themselves."""
    parts = _QUOTED.split(line)
    parts[::2] = [re.sub(r"(?<!\\)([|*]|(?<=\w)_(?![\w:]))", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def _is_formula(lines: list[str], place: int) -> bool:
    """An indented line below an empty one, where the text above is not indented."""
    if not _INDENTED.match(lines[place]) or place < 2 or lines[place - 1].strip():
        return False
    above = next((line for line in reversed(lines[: place - 1]) if line.strip()), "")
    return not above.startswith(" ")


def _converted(lines: list[str]) -> Iterator[str]:
    """The same text in reStructuredText: formulas and examples are shown as they stand."""
    formula = example = False
    for place, line in enumerate(lines):
        if _is_formula(lines, place):
            formula = True
            yield ".. code-block:: text"
            yield ""
        formula = formula and (not line.strip() or line.startswith("    "))
        example = line.strip() != "" and (example or line.lstrip().startswith(">>>"))
        yield line if formula or example else escaped(line)


def _process(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    if lines:
        lines[:] = _converted(list(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx; before napoleon, which reads the sections."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True}
