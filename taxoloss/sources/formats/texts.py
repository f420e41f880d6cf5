"""Texts, and parquet: a list of lines, or a table that each layout of tables looks at."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Options, refuse
from taxoloss.sources.formats.codes import readings_of_code_lines
from taxoloss.sources.formats.edge_lines import is_parent_index, readings_of_edges
from taxoloss.sources.formats.file_lists import readings_of_files
from taxoloss.sources.formats.format import HEAD, Format
from taxoloss.sources.formats.headings import readings_of_headings, without_rules
from taxoloss.sources.formats.indented import indented_column, readings_of_indents
from taxoloss.sources.formats.pairs import asked_pairs, table_at
from taxoloss.sources.formats.table_lines import is_ragged, laid_out, without_title
from taxoloss.sources.formats.tables import NEEDS
from taxoloss.sources.formats.text_lists import (
    names_as_they_are,
    path_reading,
    readings_below_levels,
    readings_of_list,
    readings_of_paths,
)
from taxoloss.sources.lines import Lines, cells_of, delimiter_of, in_names, open_lines
from taxoloss.sources.reading import Grade, Look, Reading
from taxoloss.sources.refusals import code_refusal
from taxoloss.sources.separators import cut_at, cuts_of
from taxoloss.sources.tables.header import settle_header
from taxoloss.sources.tables.judgement import judged
from taxoloss.sources.tables.second_table import check_blank_lines
from taxoloss.sources.tables.table import Table, open_table, seen, table_of_text
from taxoloss.sources.tables.words import folded, is_hierarchy, is_known

__all__ = ["FORMAT", "look_at_text"]

_LIST_NEEDS = (
    "one name a line (--kind names), paths with a separator between names (--kind paths --separator '/'), "
    "names indented below their parents (--kind indented), codes (--kind codes), or a table"
)
#: The kinds of tables, which a separator may cut from lines.
_CUT = ("table", "edges", "bins", "ranks", "names")
#: The kinds that are lists of lines.
_LISTS = ("names", "paths", "indented", "codes")


def look_at_text(path: Path, options: Options) -> Look:
    """What a text is: the readings of its lines, and the table that it may be."""
    if path.suffix.lower() == ".parquet":
        return _look_at_table(open_table(path, options))
    whole = open_lines(path, options)
    if options.kind == "names" and options.columns is None:
        return Look(_seen(whole), names_as_they_are(whole, options), needs=_LIST_NEEDS)
    if refused := code_refusal(whole.file, whole.text[:HEAD]):
        raise refused
    if options.kind in (None, "table", "paths") and options.columns is None:
        told = readings_below_levels(whole.unquoted(), options)
        if told:
            return Look(_seen(whole), told, needs=_LIST_NEEDS)
    lines = whole.prepared()
    if options.kind in (None, "table", "paths") and not (options.columns or options.separator):
        files = readings_of_files(lines, options)
        if files:
            return Look(_seen(whole), files, needs=_LIST_NEEDS)
    delimiter = delimiter_of(lines)
    if options.separator is not None and options.kind in _CUT and (options.columns or delimiter is None):
        return _cut_at_separator(lines, options)
    if options.separator is None and options.kind in (None, *_CUT):
        if (rows := laid_out(lines)) is not None:
            return _look_at_table(_table(rows, "\t", options))
        lines, delimiter = without_title(lines, delimiter)
        _check_header(lines, options)
    if options.columns is not None and (options.kind != "indented" or delimiter is not None):
        return _look_at_table(_table(lines, delimiter, options))
    if options.kind not in (None, "table", "edges", *_LISTS):
        return _look_at_table(_table(lines, delimiter, options))
    if delimiter is not None and _is_table(lines, delimiter, options):
        return _both(lines, delimiter, options)
    if delimiter is None and options.kind in (None, "table") and is_ragged(lines):
        return _ragged(lines, options)
    return _of_list(whole, lines.unquoted(), options)


def _cut_at_separator(lines: Lines, options: Options) -> Look:
    """The table of lines cut at the separator that was asked for."""
    readings = asked_pairs(lines, options)
    readings = readings or ([] if options.columns else readings_of_edges(lines, options))
    if readings and options.kind == "edges":
        return Look(_seen(lines), readings, needs=_LIST_NEEDS)
    return _look_at_table(table_at(lines, options.separator or "", options))


def _check_header(lines: Lines, options: Options) -> None:
    """FormError where the first line names a column less than the rows have, as R writes tables."""
    below = lines.kept([False, *[True] * (len(lines.texts) - 1)])
    if options.header is False or len(below.texts) < 2 or delimiter_of(lines) is not None:
        return
    mark = delimiter_of(below)
    rows = cells_of(lines.texts[:2], mark) if mark is not None else []
    if len(rows) < 2:
        return  # a cell in quotes goes on in the next line
    first, second = rows
    if 1 < len(first) < len(second) and _are_columns(first):
        message = f"the first line names {len(first)} columns, the rows have {len(second)} cells"
        help = "name the first column too, as of the numbers of rows, or leave it out"
        raise refuse(lines.file, message, line=lines.numbers[1], help=help)


def _are_columns(cells: list[str]) -> bool:
    """Whether cells name columns, two at least as tables of classes have them."""
    return all(map(str.strip, cells)) and sum(is_known(folded(cell)) for cell in cells) > 1


def _is_table(lines: Lines, delimiter: str, options: Options) -> bool:
    """Whether lines of as many cells are a table: no paths, and no list of names with commas."""
    if options.kind == "indented" or (options.separator == delimiter and options.kind != "codes"):
        return False
    if delimiter in ";|" and _has_rank_prefixes(lines, delimiter):
        return options.kind not in (None, "paths", "table")
    if delimiter in ";|" and options.kind is None and cut_at(lines.texts, delimiter).lists:
        return any(is_known(folded(cell)) for cell in cells_of(lines.texts[:1], delimiter)[0])
    if delimiter == "," and in_names(lines.texts, ","):
        if readings_of_edges(lines, options):
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
    readings = _members(lines, delimiter, options)
    if delimiter == "\t" and options.kind in (None, "table", "edges", "paths"):
        readings += readings_of_edges(lines, options) if options.separator is None else []
        readings += readings_of_paths(lines, options) if len(look.tables[0].header) == 2 else []
    readings = [one for one in [*column, *readings] if one.grade is Grade.PLAIN]
    if options.kind == "paths":
        readings += readings_of_paths(lines, options, delimiter)
    if delimiter == "," and in_names(lines.texts, ",") and options.kind in (None, "table"):
        readings += [replace(one, grade=Grade.CELLS) for one in readings_of_list(lines, options)]
    return replace(look, readings=readings)


def _ragged(lines: Lines, options: Options) -> Look:
    """Lines of cells, not as many each: a group and its members, paths, or a table that is none."""
    paths = readings_of_paths(lines, options)
    if _is_plain(paths):
        return Look(_seen(lines), paths, needs=_LIST_NEEDS)
    if groups := _groups_or_paths(lines, ",", Grade.CELLS, options):
        return Look(_seen(lines), groups, needs=_LIST_NEEDS)
    return _look_at_table(_table(lines, ",", options))


def _members(lines: Lines, delimiter: str, options: Options) -> list[Reading]:
    """Groups with as many members each, where no cell of three or more comes again: no ranks either."""
    rows = cells_of(lines.texts, delimiter)
    cells = [cell for row in rows for cell in row]
    named = any(is_known(folded(cell)) for cell in rows[0])
    numbers = any(all(cell.strip().isdecimal() for cell in column) for column in zip(*rows, strict=False))
    if (
        options.kind not in (None, "edges")
        or delimiter not in ",\t"
        or len(rows[0]) < 3
        or named
        or numbers
    ):
        return []
    if len(set(cells)) < len(cells) or not all(map(str.strip, cells)):
        return []
    return _groups_or_paths(lines, delimiter, Grade.PLAIN, options)


def _groups_or_paths(lines: Lines, delimiter: str, grade: Grade, options: Options) -> list[Reading]:
    """Lines as a group with its members each, and as a path each; none where they are no groups."""
    groups = [replace(one, grade=grade) for one in readings_of_edges(lines, options)]
    return [*groups, path_reading(lines, cut_at(lines.texts, delimiter), grade, options)] if groups else []


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
    if options.separator is None and options.kind is None:
        _check_comments(lines)
    if options.separator is None and is_parent_index(lines):
        saw = f"a list of names with a number each, {quoted(lines.texts[0])}"
        needs = "names alone, or a table of child and parent: a number may be a count or a parent's line"
        return Look(saw, needs=needs)
    return Look(_seen(lines), _unasked(whole, lines, options), needs=_LIST_NEEDS)


def _check_comments(lines: Lines) -> None:
    """FormError where a comment may stand behind some of the names."""
    behind = [re.search(r"\S\s+(#\s+\S.*)", text) for text in lines.texts]
    at = next((number for number, match in enumerate(behind) if match), None)
    if at is None or all(behind):
        return
    message = f"{quoted(behind[at][1])} is a comment behind a name, or a part of it"  # type: ignore[index]
    help = "leave the comments out; --kind names and --kind paths take the lines as they are"
    raise refuse(lines.file, message, line=lines.numbers[at], help=help)


def _indented(whole: Lines, lines: Lines, options: Options) -> list[Reading]:
    """The reading as indented text; the column of a table that is, or headings, where nothing else is."""
    lines = without_rules(lines)
    delimiter = delimiter_of(lines)
    column = indented_column(lines, delimiter, options) if delimiter else []
    indents = column or readings_of_indents(lines, options) or readings_of_indents(whole, options)
    return indents or readings_of_headings(whole, lines, options)


def _unasked(whole: Lines, lines: Lines, options: Options) -> list[Reading]:
    """The readings of the highest grade; of those that are as good all."""
    if options.separator is not None:
        return readings_of_list(lines, options)
    lines = without_rules(lines)
    readings = readings_of_edges(lines, options) or readings_of_indents(lines, options)
    if _is_plain(readings):
        return readings
    headed = readings_of_headings(whole, lines, options)
    if _is_plain(headed) and not readings:
        return headed
    lists = readings_of_list(lines, options)
    codes = readings_of_code_lines(lines, options)
    paths = _is_plain(lists) and lists[0].kind == "paths"
    if _is_plain(codes) and not paths:
        return codes
    if not paths:
        readings += [*codes, *headed]
    if headed and len(lines.texts) < len(whole.texts):
        lists = _without_comments(lines, lists)
    # Lists that are indented, or start with codes, are as likely as lists of names.
    return [*readings, *(replace(one, grade=Grade.CELLS) for one in lists)] if readings else lists


def _without_comments(lines: Lines, lists: list[Reading]) -> list[Reading]:
    """The lists with the option that leaves comments out: names alone are the lines as they are."""
    if any(re.search(r"[,;|\t\"]", text) for text in lines.texts):
        return lists
    option = "--kind names --columns column_1 --no-header"
    return [replace(one, option=option) if one.option == "--kind names" else one for one in lists]


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
    if options.kind is None and options.columns is None:
        check_blank_lines(settled)
    return replace(settled, notes=(*lines.notes, *settled.notes))


def _look_at_table(table: Table) -> Look:
    return Look(seen(table), tables=[table], needs=NEEDS)


FORMAT = Format("table", title="CSV, TSV or parquet", suffixes=(".parquet",), look=look_at_text)
