"""Tables of ranks, paths, edges and bins as taxonomies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import FormError
from taxoloss.sources.base import Found, Options
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.separators import split_path
from taxoloss.sources.tables.layout import WORDS, Layout, layout_of
from taxoloss.sources.tables.table import SEPARATORS, Table, folded

__all__ = ["FORMATS", "NEEDS", "settle_header"]

_LEVEL, _ALIASES, _DESCRIPTION = "level", "aliases", "description"


NEEDS = (
    "ranks from top to leaf (--columns order,family,species), a child and its parent "
    "(--kind edges --columns CHILD,PARENT), "
    "a class and its group (--kind bins --columns CLASS,BIN), or paths (--columns PATH)"
)


def readings_as(kind: str, table: Table, options: Options) -> list[Reading]:
    """The readings of a table as one kind."""
    try:
        layout = layout_of(table, kind, options)
    except FormError:
        return []
    names = ",".join(table.header[i] for i in layout.columns)
    make = partial(found_in, table, layout, options)
    return [Reading(kind, names, Grade.PLAIN, make, f"--kind {kind} --columns {names}")]


def settle_header(table: Table, options: Options) -> list[str]:
    """Whether the first line names the columns; a note where only the look of it tells."""
    notes: list[str] = []
    headed = options.header
    if headed is None:
        headed, notes = _looks_headed(table, options)
    if not headed:
        table.rows.insert(0, table.header)
        table.lines.insert(0, 1)
        names = {1: ("path",), 2: ("", "")}
        count = len(table.header)
        table.header = names.get(count, tuple(f"column_{i + 1}" for i in range(count)))
    return notes


def _looks_headed(table: Table, options: Options) -> tuple[bool, list[str]]:
    header = table.header
    if options.columns is not None or any(folded(name) in WORDS for name in header):
        return True, []
    again = any(name and name == row[column] for column, name in enumerate(header) for row in table.rows)
    if again:
        return False, []
    if len(header) == 1:
        if _names_levels(table):
            return True, []
        shown = quoted(header[0])
        return False, [
            f"the first line, {shown}, is taken as a name like the others; --header says that it is none"
        ]
    shown = ", ".join(map(quoted, header))
    return True, [f"the first line is taken as names of columns: {shown}; --no-header says that it is data"]


def _names_levels(table: Table) -> bool:
    """Whether the first of one column's rows is order/family/species above paths as deep at most."""
    mark = _separator([table.header[0]])
    depth = len(split_path(table.header[0], mark))
    tops = {split_path(row[0], mark)[0] for row in table.rows}
    if table.header[0].endswith("/"):
        return True
    same = split_path(table.header[0], mark)[0] in tops
    deepest = max((len(split_path(row[0], mark)) for row in table.rows), default=0)
    return not same and 1 < deepest <= depth


def found_in(table: Table, layout: Layout, options: Options) -> Found:
    """The taxonomy of a table whose layout is known."""
    named = [table.header[column] for column in layout.columns]
    if layout.kind == "edges":
        return _edges(table, layout, options)
    if layout.kind == "paths":
        return _paths(table, layout.columns[0], options)
    rows = Rows(table.file, options, strict=layout.kind == "bins")
    columns = layout.columns
    if layout.kind == "bins":
        columns = columns[::-1]
        how = (
            f"{named[0]} -> {named[1]}"
            if all(named)
            else f"column {columns[1] + 1} below column {columns[0] + 1}"
        )
    else:
        how = " > ".join(named)
    rows.levels = tuple(table.header[column] for column in columns)
    if not all(rows.levels):
        rows.levels = ("bin", "class") if layout.kind == "bins" else None
    for row, line in zip(table.rows, table.lines, strict=True):
        rows.add([row[column] for column in columns], line)
    taxonomy = rows.taxonomy()
    return Found(taxonomy, layout.kind, f"{how}, {counted(len(table.rows), 'row')}", tuple(rows.notes))


# -- paths -----------------------------------------------------------------------------------------


def _separator(texts: list[str]) -> str:
    """The separator that most of the texts hold; of several the first."""
    counts = {mark: sum(mark in text for text in texts) for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: (counts[mark], -SEPARATORS.index(mark)))


def _paths(table: Table, column: int, options: Options) -> Found:
    texts = [row[column] for row in table.rows]
    named = [mark for mark in SEPARATORS if mark in table.header[column]]
    mark = options.separator or (named[0] if named else _separator(texts[:10_000]))
    rows = Rows(table.file, options)
    header = split_path(table.header[column], mark)
    if len(header) == 2 and not header[1]:
        header.pop()  # "breed/": one level
    split = [split_path(text, mark) for text in texts]
    deepest = max(map(len, split), default=1)
    if len(header) >= max(deepest, 2) or (table.header[column].endswith("/") and deepest == 1):
        rows.levels = tuple(name.strip() for name in header)
    for names, line in zip(split, table.lines, strict=True):
        rows.add(names, line)
    how = f"split at `{mark}`, {counted(len(texts), 'row')}" if deepest > 1 else counted(len(texts), "row")
    kind = "paths" if deepest > 1 else "names"
    return Found(rows.taxonomy(), kind, how, tuple(rows.notes))


# -- child and parent ------------------------------------------------------------------------------


def _numbered(table: Table, level: int, number: int) -> tuple[str, ...]:
    """The names of the levels in the order of their numbers."""
    numbers = {row[level]: row[number] for row in table.rows if row[level] and row[number].isdecimal()}
    return tuple(sorted(numbers, key=lambda name: (len(numbers[name]), numbers[name])))


def _edges(table: Table, layout: Layout, options: Options) -> Found:
    child, parent = layout.columns
    extra = {name: i for i, name in enumerate(table.header) if i not in layout.columns}
    numbers = extra.get("level_number")
    if numbers is not None and _LEVEL in extra and options.ranks is None:
        options = replace(options, ranks=_numbered(table, extra[_LEVEL], numbers))
    nodes = SourceGraph(table.file, options)
    name_at = next((extra[n] for n in ("name", "label", "title") if n in extra), None)
    rank_at = next((extra[n] for n in ("rank", "taxonRank", _LEVEL) if n in extra), None)
    for row, line in zip(table.rows, table.lines, strict=True):
        key, up = row[child].strip(), row[parent].strip()
        name = row[name_at].strip() if name_at is not None and row[name_at].strip() else None
        rank = row[rank_at].strip() if rank_at is not None else ""
        aliases = (
            split_path(row[extra[_ALIASES]], "|") if _ALIASES in extra and row[extra[_ALIASES]] else ()
        )
        description = row[extra[_DESCRIPTION]] if _DESCRIPTION in extra else None
        nodes.add(key, name, rank=rank or None, aliases=aliases, description=description, line=line)
        if up and up not in options.missing:
            nodes.link(key, up, line)
    how = f"{table.header[child]} below {table.header[parent]}, {counted(len(table.rows), 'row')}"
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))


# -- the formats -----------------------------------------------------------------------------------

_RANKS = """\
order,family,species
Carnivora,Felidae,cat
Carnivora,Felidae,lynx
Rodentia,,mouse
"""
_PATHS = "cat/Bengal\ncat/Siamese\ndog/pug\ndog/a\\/b\n"
_PARENTS = "child,parent\ncat,pet\ndog,pet\npug,dog\nbeagle,dog\n"
_BINS = "class,bin\npug,dog\nbeagle,dog\nBengal,cat\n"
_NAMES = "pug\nBengal\nbeagle\n"


def _layout(kind: str, file: str, text: str) -> Format:
    return Format(kind, of_table=partial(readings_as, kind), example=(file, text))


FORMATS = (
    _layout("ranks", "ranks.csv", _RANKS),
    _layout("paths", "paths.txt", _PATHS),
    _layout("edges", "edges.csv", _PARENTS),
    _layout("bins", "bins.csv", _BINS),
    Format("names", title="a list of class names", example=("names.txt", _NAMES)),
)
