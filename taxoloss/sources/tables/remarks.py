"""Rows of a table that are no data: notes below it, rules, units, the names of its columns again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.tables.table import Table
from taxoloss.sources.taxa.words import is_synonym

__all__ = ["without_remarks"]

_RULE = re.compile(r":?(-{2,}|={2,}|_{3,}|~{3,}|\*{3,}|#{3,}|\.{3,}|…|⋮):?")
_REMARK = re.compile(
    r"([*†‡§¹²³]+\s*\S.*|\(?\d[\d,. ]* rows?( in set)?\.?\)?"
    r"|(foot)?(notes?|remarks?|sources?|legend|n\.?b\.?|references?|citation|license|licence|quellen?|hinweis"
    r"|anmerkung(en)?|fuentes?|notas?|remarques?|データ|注)\s*[:：.]\s*\S.*)",
    re.IGNORECASE,
)
#: Whether a name is in use, in tables that are no Darwin Core.
_STATUS = "taxon_status"
#: From so many words on a text alone in the last row is no name.
_WORDS = 5
_TYPES = frozenset((
    "text", "texts", "string", "str", "varchar", "char", "character", "characters", "int", "integer",
    "float", "double", "number", "numeric", "decimal", "bool", "boolean", "date", "factor", "categorical",
    "chr", "dbl", "fct", "lgl", "unit", "units", "count", "n", "-",
))  # fmt: skip


def without_remarks(table: Table) -> Table:
    """The table without rows that are none of its data; a note tells which they are."""
    if len(table.header) < 2 or len(table.rows) < 2:
        return table
    rows = [tuple(cell.strip() for cell in row) for row in table.rows]
    header = tuple(name.strip().casefold() for name in table.header)
    status = header.index(_STATUS) if _STATUS in header else None
    kinds: tuple[tuple[str, Callable[[int], bool]], ...] = (
        ("names the columns again", lambda at: tuple(map(str.casefold, rows[at])) == header),
        ("is a rule", lambda at: _is_rule(rows[at])),
        ("says the types of the columns", lambda at: at == 0 and _are_types(rows[at])),
        ("is no name in use", lambda at: status is not None and is_synonym(rows[at][status])),
        ("is a note on the table", lambda at: _is_remark(rows, at)),
    )
    notes, gone = [], set()
    for what, says in kinds:
        found = [at for at in range(len(rows)) if at not in gone and says(at)]
        gone.update(found)
        notes += [_told(table, rows, found, what)] if found else []
    if not gone or len(gone) == len(rows):
        return table
    kept = [at for at in range(len(rows)) if at not in gone]
    return replace(
        table,
        rows=[table.rows[at] for at in kept],
        lines=[table.lines[at] for at in kept],
        notes=(*table.notes, *notes),
    )


def _told(table: Table, rows: Sequence[tuple[str, ...]], found: Sequence[int], what: str) -> str:
    shown = ", ".join(cell for cell in rows[found[0]] if cell)
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    left = f"{counted(len(found), 'row')} left out"
    return f"line {table.lines[found[0]]:,}{more}, {quoted(shown)}, {what}: {left}"


def _is_rule(row: Sequence[str]) -> bool:
    """Whether all cells are drawn: -----."""
    cells = [cell for cell in row if cell]
    long = any(len(cell) > 2 for cell in cells) or len(cells) > 2
    return bool(cells) and long and all(map(_RULE.fullmatch, cells))


def _are_types(row: Sequence[str]) -> bool:
    """Whether all cells are words for what a column holds: text, (text), integer."""
    words = [cell.strip("()[]<>").casefold() for cell in row if cell]
    return len(words) > 1 and not _TYPES.isdisjoint(words) and all(word in _TYPES for word in words)


def _is_remark(rows: Sequence[tuple[str, ...]], at: int) -> bool:
    """Whether a row is one text where others have more: a source, or a sentence at the end."""
    alone = [cell for cell in rows[at] if cell]
    if len(alone) != 1 or not rows[at][0]:
        return False
    if _REMARK.fullmatch(alone[0]):
        return True
    last = not any(sum(map(bool, row)) > 1 for row in rows[at + 1 :])
    fuller = all(sum(map(bool, row)) > 1 for row in rows[:at])
    return last and fuller and len(alone[0].split()) >= _WORDS
