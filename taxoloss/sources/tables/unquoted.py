"""Tables with tabs in which a quote is a letter like any other, as GBIF writes its downloads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Options, refuse

__all__ = ["UnquotedRows", "unquoted_rows"]


@dataclass(frozen=True)
class UnquotedRows:
    """The rows of lines cut at their tabs, and the number of each line."""

    rows: list[tuple[str, ...]]
    lines: list[int]

    @property
    def note(self) -> str:
        """How many cells hold a quote."""
        held = [cell for row in self.rows for cell in row if '"' in cell]
        shown = quoted(max(held, key=_is_quoted))  # one whose quotes could be meant as such comes first
        return f"quotes are read as letters, as in GBIF's downloads: {counted(len(held), 'cell')}, {shown}"

    def check(self, file: str, options: Options) -> None:
        """FormError where a cell is longer than a limit."""
        most = options.limits.scalar
        for row, line in zip(self.rows, self.lines, strict=True):
            if max(map(len, row)) > most:
                raise refuse(file, f"a cell is longer than {most:,} letters", line=line)


def unquoted_rows(text: str) -> UnquotedRows | None:
    """The rows of a text whose lines have as many tabs each; None where quotes stand around cells.

    A cell in quotes that runs over several lines would leave lines with fewer tabs. Where all cells of
    a column, or of the first line, stand in quotes, these are meant as quotes.
    """
    if '"' not in text:
        return None
    numbered = [(n, line) for n, line in enumerate(re.split(r"\r\n|\n|\r", text), 1) if line.strip()]
    rows = [tuple(line.split("\t")) for _, line in numbered]
    width = len(rows[0]) if rows else 0
    if len(rows) < 2 or width < 2 or any(len(row) != width for row in rows):
        return None
    if any(map(_is_quoted, rows[0])) or any(_all_quoted(column) for column in zip(*rows[1:], strict=True)):
        return None
    return UnquotedRows(rows, [number for number, _ in numbered])


def _all_quoted(cells: tuple[str, ...]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(map(_is_quoted, filled))


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'
