"""Tables in JSON that are written by column, as pandas does: {"species": [...], "genus": [...]}."""

from __future__ import annotations

from collections.abc import Sequence

from taxoloss.errors.characters import counted
from taxoloss.sources.formats.json_records import NEEDS
from taxoloss.sources.formats.json_values import Place, is_numbered, is_text, line_of, text_of
from taxoloss.sources.formats.json_words import HOLDERS, bare
from taxoloss.sources.reading import Look
from taxoloss.sources.tables.table import Table
from taxoloss.taxonomy.file.document import ListValue, MappingValue, ScalarValue, Value

__all__ = ["look_at_columns"]


def look_at_columns(value: MappingValue, place: Place) -> Look | None:
    """{"species": ["a", "b"], "genus": ["x", "x"]}, as pandas writes a table; None where it is none."""
    split = _split(value, place)
    if split is not None:
        return split
    numbers = _row_numbers(value)
    columns = {key.text: _column(below, numbers) for key, below in value.pairs}
    lengths = {len(cells) if cells is not None else -1 for cells in columns.values()}
    if len(columns) < 2 or len(lengths) > 1 or lengths <= {-1, 0, 1} or _are_label_maps(value):
        return None
    full = {key: cells or [] for key, cells in columns.items()}
    if not any(len(set(cells)) < len(cells) for cells in full.values()):
        return None  # no name twice: groups and their classes
    line = line_of(value) or 1
    rows = list(zip(*full.values(), strict=True))
    what = (
        f"a table of {counted(len(rows), 'row')} with the columns {', '.join(list(full)[:8])}{place.said}"
    )
    return Look(what, tables=[Table(place.file, tuple(full), rows, [line] * len(rows))], needs=NEEDS)


def _are_label_maps(value: MappingValue) -> bool:
    """Whether labels by number stand beside maps of these: {"labels": {"0": "car"}, "map": {"0": 1}}."""
    maps = [(bare(key.text), below) for key, below in value.pairs if isinstance(below, MappingValue)]
    numbers = {word for word, one in maps if not any(is_text(below) for _, below in one.pairs)}
    return any(word in HOLDERS - numbers for word, _ in maps) and any("map" in word for word in numbers)


def _row_numbers(value: MappingValue) -> list[str]:
    """The numbers of the rows, where cells stand below them: those of the first column."""
    first = value.pairs[0][1]
    return [key.text for key, _ in first.pairs] if isinstance(first, MappingValue) else []


def _column(value: Value, rows: Sequence[str] = ()) -> list[str] | None:
    """The cells of a list, or of a mapping of the numbers of the rows to cells."""
    if isinstance(value, MappingValue):
        if not is_numbered(value) or [key.text for key, _ in value.pairs] != list(rows):
            return None
        value = ListValue([below for _, below in value.pairs])
    if not isinstance(value, ListValue) or not all(isinstance(item, ScalarValue) for item in value.items):
        return None
    return [text_of(item) or "" for item in value.items]


def _split(value: MappingValue, place: Place) -> Look | None:
    """{"columns": [...], "data": [[...]]}."""
    header = _column(value.get("columns") or MappingValue())
    data = value.get("data")
    if not header or not isinstance(data, ListValue):
        return None
    rows = [_column(item) for item in data.items]
    if any(row is None or len(row) != len(header) for row in rows):
        return None
    lines = [line_of(item) or 1 for item in data.items]
    columns = ", ".join(header[:8])
    what = f"a table of {counted(len(rows), 'row')} with the columns {columns}{place.said}"
    return Look(what, tables=[Table(place.file, tuple(header), [tuple(r or ()) for r in rows], lines)])
