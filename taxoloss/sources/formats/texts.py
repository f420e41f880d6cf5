"""Texts, and parquet: a list of lines, or a table that each layout of tables looks at."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Options, refuse
from taxoloss.sources.formats.codes import readings_of_code_lines
from taxoloss.sources.formats.edge_lines import is_parent_index, readings_of_edges
from taxoloss.sources.formats.format import Format
from taxoloss.sources.formats.indented import (
    indented_column,
    readings_of_headings,
    readings_of_indents,
)
from taxoloss.sources.formats.tables import NEEDS
from taxoloss.sources.formats.text_lists import (
    names_as_they_are,
    readings_below_levels,
    readings_of_list,
    readings_of_paths,
)
from taxoloss.sources.lines import Lines, cells_of, delimiter_of, in_names, open_lines
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.separators import cuts_of
from taxoloss.sources.tables.header import settle_header
from taxoloss.sources.tables.judgement import judged
from taxoloss.sources.tables.table import Table, open_table, seen, table_of_text
from taxoloss.sources.tables.words import folded, is_hierarchy, is_known

__all__ = ["FORMAT", "look_at_text"]

_LIST_NEEDS = (
    "one name a line (--kind names), paths with a separator between names (--kind paths --separator '/'), "
    "names indented below their parents (--kind indented), codes (--kind codes), or a table"
)
#: The kinds that are lists of lines.
_LISTS = ("names", "paths", "indented", "codes")


def look_at_text(path: Path, options: Options) -> Look:
    """What a text is: the readings of its lines, and the table that it may be."""
    if path.suffix.lower() == ".parquet":
        return _look_at_table(open_table(path, options))
    whole = open_lines(path, options)
    if options.kind == "names" and options.columns is None:
        return Look(_seen(whole), names_as_they_are(whole, options), needs=_LIST_NEEDS)
    if options.kind in (None, "table", "paths") and options.columns is None:
        told = readings_below_levels(whole.unquoted(), options)
        if told:
            return Look(_seen(whole), told, needs=_LIST_NEEDS)
    lines = _without_title(whole.prepared(), options)
    delimiter = delimiter_of(lines)
    if options.columns is not None:
        return _look_at_table(_table(lines, delimiter, options))
    if options.kind not in (None, "table", "edges", *_LISTS):
        return _look_at_table(_table(lines, delimiter, options))
    if delimiter is not None and _is_table(lines, delimiter, options):
        return _both(lines, delimiter, options)
    return _of_list(whole, lines.unquoted(), options)


def _without_title(lines: Lines, options: Options) -> Lines:
    """Without a first line that is the title of a table; FormError where it names too few columns."""
    below = lines.kept([False, *[True] * (len(lines.texts) - 1)])
    if options.header is False or len(below.texts) < 3 or delimiter_of(lines) is not None:
        return lines
    mark = delimiter_of(below)
    first, second = cells_of(lines.texts[:2], mark) if mark is not None else ([], [])
    if len(first) == 1 and _are_columns(second):
        note = f"the first line, {quoted(lines.texts[0])}, is the title of the table: it is left out"
        return lines.kept([False, *[True] * (len(lines.texts) - 1)], note)
    if 1 < len(first) < len(second) and _are_columns(first):
        message = f"the first line names {len(first)} columns, the rows have {len(second)} cells"
        help = "name the first column too, as of the numbers of rows, or leave it out"
        raise refuse(lines.file, message, line=lines.numbers[1], help=help)
    return lines


def _are_columns(cells: list[str]) -> bool:
    """Whether cells name columns, two at least as tables of classes have them."""
    return all(map(str.strip, cells)) and sum(is_known(folded(cell)) for cell in cells) > 1


def _is_table(lines: Lines, delimiter: str, options: Options) -> bool:
    """Whether lines of as many cells are a table: no paths, and no list of names with commas."""
    if options.kind == "indented" or (options.separator == delimiter and options.kind != "codes"):
        return False
    if delimiter in ";|" and _has_rank_prefixes(lines, delimiter):
        return options.kind not in (None, "paths", "table")
    if delimiter == "," and in_names(lines.texts, ","):
        if _is_plain(readings_of_edges(lines, options)):
            return False  # cat: Bengal, Siamese
        grade, cuts = cuts_of(lines.texts)
        return grade is not Grade.PLAIN and not any(cut.share >= 0.8 for cut in cuts)
    return True


def _has_rank_prefixes(lines: Lines, delimiter: str) -> bool:
    """Whether every name is written d__Bacteria."""
    rows = cells_of(lines.texts[:1000], delimiter)
    return all(re.match(r"\s*(\w{1,3}__|D_\d+__)", cell) for row in rows for cell in row if cell)


def _both(lines: Lines, delimiter: str, options: Options) -> Look:
    """A table, and what its lines are beside it."""
    column = indented_column(lines, delimiter, options)
    table = _table(lines, delimiter, options)
    if column and not any(is_hierarchy(c.word) for one in judged(table).chains for c in one.columns):
        return Look(_seen(lines), column, needs=NEEDS)
    look = _look_at_table(table)
    readings: list[Reading] = []
    if delimiter == "\t" and options.kind in (None, "table", "edges", "paths"):
        readings = readings_of_edges(lines, options) if options.separator is None else []
        readings += readings_of_paths(lines, options) if len(look.tables[0].header) == 2 else []
    readings = [one for one in [*column, *readings] if one.grade is Grade.PLAIN]
    if options.kind == "paths":
        readings += readings_of_paths(lines, options, delimiter)
    if delimiter == "," and in_names(lines.texts, ",") and options.kind in (None, "table"):
        readings += [replace(one, grade=Grade.CELLS) for one in readings_of_list(lines, options)]
    return replace(look, readings=readings)


def _of_list(whole: Lines, lines: Lines, options: Options) -> Look:
    """Lines that are no table, as what they show, or as what was asked for."""
    makers = {
        "paths": lambda: readings_of_paths(lines, options),
        "indented": lambda: _indented(whole, lines, options),
        "codes": lambda: readings_of_code_lines(lines, options),
        "edges": lambda: readings_of_edges(lines, options),
    }
    if options.kind in makers:
        readings = makers[options.kind]()
        tabled = options.kind in ("edges", "indented") and not readings
        tables = [_table(lines, None, options)] if tabled else []
        saw, mark = _seen(lines), options.separator
        if mark is not None and options.kind == "paths" and not readings:
            saw += f", none of which holds {quoted(mark)}"
        return Look(saw, readings, tables, needs=_LIST_NEEDS)
    if options.separator is None and is_parent_index(lines):
        saw = f"a list of names with a number each, {quoted(lines.texts[0])}"
        needs = "names alone, or a table of child and parent: a number may be a count or a parent's line"
        return Look(saw, needs=needs)
    return Look(_seen(lines), _unasked(whole, lines, options), needs=_LIST_NEEDS)


def _indented(whole: Lines, lines: Lines, options: Options) -> list[Reading]:
    """The reading as indented text; the column of a table that is, where nothing else is."""
    delimiter = delimiter_of(lines)
    column = indented_column(lines, delimiter, options) if delimiter else []
    return column or readings_of_indents(lines, options) or readings_of_indents(whole, options)


def _unasked(whole: Lines, lines: Lines, options: Options) -> list[Reading]:
    """The readings of the highest grade; of those that are as good all."""
    if options.separator is not None:
        return readings_of_list(lines, options)
    readings = readings_of_edges(lines, options) or readings_of_indents(lines, options)
    if _is_plain(readings):
        return readings
    if len(lines.texts) < len(whole.texts) and any(t.startswith("#") for t in whole.texts[2:]):
        headed = readings_of_indents(whole, options) or readings_of_headings(whole, options)
        readings += headed
    lists = readings_of_list(lines, options)
    codes = readings_of_code_lines(lines, options)
    if _is_plain(codes) and not (_is_plain(lists) and lists[0].kind == "paths"):
        return codes
    if readings or (codes and not (_is_plain(lists) and lists[0].kind == "paths")):
        # Lists that are indented, or start with codes, are as likely as lists of names.
        return [*readings, *codes, *(replace(one, grade=Grade.CELLS) for one in lists)]
    return lists


def _is_plain(readings: list[Reading]) -> bool:
    return any(reading.grade is Grade.PLAIN for reading in readings)


def _seen(lines: Lines) -> str:
    return f"a text of {counted(len(lines.texts), 'line')}"


def _table(lines: Lines, delimiter: str | None, options: Options) -> Table:
    """The table of the lines; a header that starts with # names its columns."""
    header = lines.header
    if header is not None and delimiter is not None and options.header is not False:
        cells = cells_of([header], delimiter)
        if cells and len(cells[0]) == len(cells_of(lines.texts[:1], delimiter)[0]):
            number = lines.numbers[0] - 1
            lines = replace(lines, texts=(header, *lines.texts), numbers=(number, *lines.numbers))
            options = replace(options, header=True)
    table = table_of_text(lines.text, lines.file, options, delimiter)
    settled = settle_header(table, options)
    return replace(settled, notes=(*lines.notes, *settled.notes))


def _look_at_table(table: Table) -> Look:
    return Look(seen(table), tables=[table], needs=NEEDS)


FORMAT = Format("table", title="CSV, TSV or parquet", suffixes=(".parquet",), look=look_at_text)
