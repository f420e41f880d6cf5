"""Lists of texts and lists of lists: class names, paths, rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found
from taxoloss.sources.formats.json_links import pair_readings
from taxoloss.sources.formats.json_values import Place, is_number, is_text, line_of
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.separators import cut_at, cuts_of, split_path
from taxoloss.sources.tables import words
from taxoloss.sources.tables.header import settle_header
from taxoloss.sources.tables.table import Table
from taxoloss.taxonomy.file.document import ListValue, ScalarValue

__all__ = ["look_at_rows", "look_at_texts", "names_reading", "paths_reading", "sure_mark"]


def sure_mark(texts: Sequence[str]) -> str | None:
    """The separator of paths, where it is plain which one it is; None where there is none."""
    grade, cuts = cuts_of(texts)
    return cuts[0].mark if grade is Grade.PLAIN and len(cuts) == 1 else None


def look_at_texts(texts: Sequence[ScalarValue], place: Place) -> Look:
    """A list of texts: paths where they share a separator and first names, else class names."""
    what = f"a list of {counted(len(texts), 'text')}{place.said}"
    if all(is_number(text) for text in texts):
        return Look(
            f"a list of {counted(len(texts), 'number')}{place.said}", needs="names, or paths of names"
        )
    written = [text.text for text in texts]
    asked = place.options.separator
    flat = names_reading(texts, place, "a list of class names")
    grade, cuts = (Grade.PLAIN, [cut_at(written, asked)]) if asked is not None else cuts_of(written)
    paths = [paths_reading(texts, place, cut.mark, grade or Grade.CELLS) for cut in cuts]
    return Look(what, [*paths, flat])


def names_reading(names: Sequence[ScalarValue], place: Place, how: str) -> Reading:
    """Names as one level, in their order."""
    said = f"{how}, {counted(len(names), 'name')}{place.said}"
    rows: list[tuple[str, ...]] = [(name.text,) for name in names]
    make = partial(_found, rows, [line_of(name) or 1 for name in names], "names", said, place)
    return Reading("names", said, Grade.CELLS, make, "--kind names")


def paths_reading(texts: Sequence[ScalarValue], place: Place, mark: str, grade: Grade) -> Reading:
    """Texts as paths, split at a separator."""
    said = f"paths split at {quoted(mark)}, {counted(len(texts), 'path')}{place.said}"
    rows = [tuple(name.strip() for name in split_path(text.text, mark)) for text in texts]
    make = partial(_found, rows, [line_of(text) or 1 for text in texts], "paths", said, place)
    return Reading("paths", said, grade, make, f"--kind paths --separator {_shell(mark)}")


def _shell(mark: str) -> str:
    return f"'{mark}'" if mark != "\t" else "$'\\t'"


def _found(rows: list[tuple[str, ...]], lines: list[int], kind: str, how: str, place: Place) -> Found:
    made = Rows(place.file, place.options, rows=rows, lines=lines)
    return Found(made.taxonomy(), kind, how, tuple(made.notes))


# -- rows of a table -------------------------------------------------------------------------------


def look_at_rows(value: ListValue, place: Place) -> Look | None:
    """A list of lists: rows of one width are a table, others paths; None where it holds else."""
    rows = [_cells(item) for item in value.items if isinstance(item, ListValue)]
    if not rows or len(rows) < len(value.items) or any(row is None for row in rows):
        return None
    full = [row for row in rows if row]
    lines = [line_of(item) or 1 for item in value.items]
    what = f"a list of {counted(len(full), 'row')}{place.said}"
    cells = [cell for row in full for cell in row]
    if all(is_number(cell) for cell in cells):
        return Look(f"{what} of numbers", needs="rows of names")
    widths = {len(row) for row in full}
    if len(widths) > 1:
        return Look(what, [_paths_of(full, lines, place)])
    table = _table(full, lines, place)
    pairs = pair_readings(value, place) if widths == {2} and place.options.kind == "edges" else []
    return Look(f"{what} of {counted(widths.pop(), 'cell')}", pairs, [table], _NEEDS)


_NEEDS = "rows of names from top to leaf, of a child and its parent, or of a class and its group"


def _cells(value: ListValue) -> list[ScalarValue] | None:
    cells = [item for item in value.items if isinstance(item, ScalarValue)]
    return cells if len(cells) == len(value.items) else None


def _text(cell: ScalarValue) -> str:
    return "" if cell.is_null else cell.text


def _paths_of(rows: list[list[ScalarValue]], lines: list[int], place: Place) -> Reading:
    names = [tuple(map(_text, row)) for row in rows]
    said = f"lists of names from top to leaf, {counted(len(rows), 'path')}{place.said}"
    make = partial(_found, names, lines, "paths", said, place)
    return Reading("paths", said, Grade.PLAIN, make, "--kind paths")


def _table(rows: list[list[ScalarValue]], lines: list[int], place: Place) -> Table:
    texts = [tuple(map(_text, row)) for row in rows]
    headed = place.options.header if place.options.header is not None else _is_header(rows)
    table = Table(place.file, texts[0], texts[1:], lines[1:], lines[0])
    return settle_header(table, replace(place.options, header=headed))


def _is_header(rows: list[list[ScalarValue]]) -> bool:
    """Texts that stand in no other row, above numbers or called as columns are."""
    first, rest = rows[0], rows[1:]
    if not rest or not all(map(is_text, first)):
        return False
    columns = list(zip(*([_text(cell) for cell in row] for row in rest), strict=True))
    if any(cell.text in column for cell, column in zip(first, columns, strict=True)):
        return False
    known = all(words.is_known(words.folded(cell.text)) for cell in first)
    return known or any(all(is_number(row[i]) for row in rest) for i in range(len(first)))
