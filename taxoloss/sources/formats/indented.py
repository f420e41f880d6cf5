"""Indented text: spaces, tabs, bullets, dashes, headings, the drawings of `tree`, a column of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found, Options, refuse
from taxoloss.sources.counts_behind import without_counts
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.lines import Lines, cells_of
from taxoloss.sources.name_lists import columns_option
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.tables.judgement import judged
from taxoloss.sources.tables.outlines import indented_cells, outline_of
from taxoloss.sources.tables.table import Table
from taxoloss.sources.tables.words import folded, is_known

__all__ = ["FORMAT", "Indents", "indented_column", "reading_of", "readings_of_indents"]

_SPACES = re.compile(r"[ \t\u00a0\u3000]*")
_DRAWN = re.compile(
    r"(?P<before>[\s\u00a0│|]*)(?:[├└┌]─+┬?|\|--+|`--+|\+--+|\\--+)[ \u00a0]?(?P<name>\S.*)"
)
_SUMMARY = re.compile(r"\d+ director(y|ies)(, \d+ files?)?")
_BULLET = re.compile(r"([-*+•‣▪◦○●·o]|\d+[.)])[ \t]+(?=\S)")
_OUTLINE = re.compile(r"([A-Z]|[IVXLC]+|\d+)[.)][ \t]+(?=\S)")
_RUN = re.compile(r"(?P<run>-+|\*+|\++|\.+|>+|#+|=+|_+)[ \t]*(?P<name>[^\s\-*+.>#=_].*)")


@dataclass(frozen=True)
class Indents:
    """How far each line stands to the right, its name, and how plain it is that this is a tree."""

    lines: Lines
    widths: tuple[int, ...]
    names: tuple[str, ...]
    how: str
    grade: Grade
    #: Whether the first line, alone on the left, is what the drawing is of.
    rooted: bool = False

    @property
    def unit(self) -> int:
        """How far a level is to the right of the one above."""
        places = sorted(set(self.widths))
        return min((right - left for left, right in pairwise(places)), default=1)


def readings_of_indents(lines: Lines, options: Options) -> list[Reading]:
    """The readings of lines as indented text: none where every line starts at the left."""
    for look in (_drawn, _spaced, _marked):
        found = look(lines)
        if found is not None:
            return [reading_of(_without_counts(found), options)]
    return []


def _without_counts(found: Indents) -> Indents:
    """Without the counts behind all names; the root that a drawing is of has none."""
    start = int(found.rooted)
    names, told = without_counts(found.names[start:], found.widths[start:])
    lines = found.lines.having(found.lines.texts, *told)
    return replace(found, lines=lines, names=(*found.names[:start], *names))


def indented_column(lines: Lines, delimiter: str, options: Options) -> list[Reading]:
    """The reading of a table one of whose columns, the last, is indented: a report of Kraken."""
    rows = cells_of(lines.texts, delimiter)
    if len(rows) < 2 or len(rows) != len(lines.texts) or len({len(row) for row in rows}) != 1:
        return []
    if _is_header(rows, options):
        note = f"the first line, {quoted(lines.texts[0])}, names the columns"
        rows, lines = rows[1:], lines.kept([False, *[True] * (len(rows) - 1)], note)
    names = lines.having([row[-1] for row in rows])
    widths = [len(text) - len(text.lstrip(" ")) for text in names.texts]
    deeper = sum(width > 0 for width in widths)
    if deeper < 0.2 * len(widths) or min(widths) > 0 or set(widths) == {0, 1}:
        return []
    found = _spaced(names)
    others = f"columns 1 to {len(rows[0]) - 1}" if len(rows[0]) > 2 else "column 1"
    return [reading_of(found, options, (others,))] if found is not None else []


def _is_header(rows: Sequence[Sequence[str]], options: Options) -> bool:
    """Whether the first row names columns: no number, where all the others have one."""
    if options.header is not None:
        return options.header
    numbered = all(re.search(r"\d", row[0]) for row in rows[1:])
    named = numbered and not re.search(r"\d", rows[0][0])
    return len(rows) > 1 and (named or any(is_known(folded(cell)) for cell in rows[0]))


def reading_of(found: Indents, options: Options, unused: tuple[str, ...] = ()) -> Reading:
    """The reading of lines as far to the right as they stand."""
    make = partial(_read, found, options)
    return Reading("indented", found.how, found.grade, make, "--kind indented", unused=unused)


# -- how far a line stands to the right ------------------------------------------------------------


def _drawn(lines: Lines) -> Indents | None:
    """What `tree` draws; its last line, which counts, is left out."""
    if lines.texts and _SUMMARY.fullmatch(lines.texts[-1].strip()):
        lines = lines.kept([*[True] * (len(lines.texts) - 1), False])
    matches = [_DRAWN.fullmatch(text) for text in lines.texts]
    drawn = sum(match is not None for match in matches)
    if drawn < 2 or drawn < 0.5 * len(matches):
        return None
    widths = [match.start("name") if match else 0 for match in matches]
    names = [match["name"] if match else text for match, text in zip(matches, lines.texts, strict=True)]
    how = f"as drawn, {counted(len(names), 'line')}"
    rooted = matches[0] is None and drawn == len(matches) - 1
    return Indents(lines, tuple(widths), tuple(names), how, Grade.PLAIN, rooted)


def _spaced(lines: Lines) -> Indents | None:
    """Spaces or tabs before names, and bullets after them."""
    before = [_SPACES.match(text)[0] for text in lines.texts]  # type: ignore[index]
    widths, names = list(map(len, before)), [text.strip() for text in lines.texts]
    least = min(widths, default=0)
    widths = [width - least for width in widths]
    deeper = sum(width > 0 for width in widths)
    if not deeper:
        return None
    names = _without_marks(names, widths)
    if {*"".join(before)} >= {" ", "\t"}:
        grade = Grade.PLAIN  # the reading says in which line they are mixed
    else:
        # A few names with a space before them are slips, or a tree.
        few = set(widths) == {0, 1} and " " in "".join(before) and deeper < 0.5 * len(widths)
        grade = Grade.CELLS if few or widths[0] > 0 else Grade.PLAIN
    how = f"indented by {'tabs' if '	' in ''.join(before) else 'spaces'}, {counted(len(names), 'line')}"
    return Indents(lines, tuple(widths), tuple(names), how, grade)


def _without_marks(names: list[str], widths: Sequence[int]) -> list[str]:
    """Names without the bullets before all leaves, and without the colons behind all others."""
    inner = [below > here for here, below in zip(widths, [*widths[1:], 0], strict=True)]
    pairs = list(zip(names, inner, strict=True))
    if all(_BULLET.match(name) for name, above in pairs if not above):
        names = [_BULLET.sub("", name, count=1) for name in names]
        if all(_OUTLINE.match(name) for name, above in pairs if above):
            marked = zip(names, inner, strict=True)
            names = [_OUTLINE.sub("", name, count=1) if above else name for name, above in marked]
    if all(name.endswith(":") == above for name, above in pairs):
        names = [name.rstrip(":") for name in names]
    return names


def _marked(lines: Lines) -> Indents | None:
    """Marks before names, as many as the name is deep: - and --, * and **."""
    matches = [_RUN.fullmatch(text.strip()) for text in lines.texts]
    marks = {match["run"][0] for match in matches if match}
    widths = [len(match["run"]) if match else 0 for match in matches]
    if len(marks) != 1 or len(set(widths)) < 2 or widths[0] != min(widths):
        return None
    count = sum(width > 0 for width in widths)
    spaced = sum(bool(m and m.string[m.end("run")].isspace()) for m in matches)
    plain = spaced == count >= 0.3 * len(widths) or min(widths) > 0
    names = [m["name"] if m else text.strip() for m, text in zip(matches, lines.texts, strict=True)]
    names = _without_marks(names, widths)
    how = f"`{marks.pop()}` before the names, {counted(len(names), 'line')}"
    return Indents(lines, tuple(widths), tuple(names), how, Grade.PLAIN if plain else Grade.CELLS)


# -- the tree of it --------------------------------------------------------------------------------


def _read(found: Indents, options: Options) -> Found:
    lines = found.lines
    nodes = SourceGraph(lines.file, options)
    nodes.notes += lines.notes
    _check_mixed(lines)
    depths = _depths(found)
    above: list[str] = []
    for name, depth, line in zip(found.names, depths, lines.numbers, strict=True):
        key = f"line {line}"
        nodes.add(key, name, line=line)
        if depth:
            nodes.link(key, above[depth - 1], line)
        above[depth:] = [key]
    return Found(nodes.taxonomy(), "indented", found.how, tuple(nodes.notes))


def _depths(found: Indents) -> list[int]:
    """The depth of each line; FormError where one is two levels below the line above it."""
    least, unit = min(found.widths), found.unit
    depths: list[int] = []
    file, numbers = found.lines.file, found.lines.numbers
    for width, name, line in zip(found.widths, found.names, numbers, strict=True):
        depth, rest = divmod(width - least, unit)
        if rest:
            places = f"a level is {unit} to the right of the one above it"
            raise refuse(file, f"{quoted(name)} stands between two levels: {places}", line=line)
        last = depths[-1] if depths else -1
        if depth > last + 1:
            of = f"{counted(depth - last, 'level')} below the line above it" if depths else "to the right"
            help = "indent all levels by as much; --kind names reads a flat list"
            raise refuse(file, f"{quoted(name)} stands {of}", line=line, expected="one at most", help=help)
        depths.append(depth)
    return depths


def _check_mixed(lines: Lines) -> None:
    first: dict[str, int] = {}
    for text, line in zip(lines.texts, lines.numbers, strict=True):
        for mark in set(_SPACES.match(text)[0]) & {" ", "\t"}:  # type: ignore[index]
            first.setdefault(mark, line)
    if len(first) == 2 and not _DRAWN.fullmatch(lines.texts[-1]):
        message = f"lines are indented by tabs (line {first['	']}) and by spaces (line {first[' ']})"
        raise refuse(lines.file, message, line=max(first.values()), expected="one of them")


def _of_table(table: Table, options: Options) -> list[Reading]:
    """The reading of a table whose rows are an outline; of the one column that was asked for."""
    if options.columns is None:
        found = outline_of(table)
    elif options.kind == "indented" and len(options.columns) == 1:
        found = indented_cells(table, judged(table).columns[table.column(options.columns[0])])
    else:
        return []
    if found is None:
        return []
    how = f"{found.how}, {counted(len(table.rows), 'row')}"
    lines = Lines(table.file, found.names, tuple(table.lines))
    grade = Grade.PLAIN if found.sure else Grade.CELLS
    indents = Indents(lines, found.depths, found.names, how, grade)
    used = {column.number for column in found.columns}
    unused = tuple(name for number, name in enumerate(table.header) if number not in used)
    option = f"--kind indented {columns_option([found.option])}" if found.option else "--kind indented"
    # What spaces say is another tree than what the other columns say of the same names.
    covers = frozenset[str]() if found.drawn else frozenset(map(str, used))
    return [replace(reading_of(indents, options, unused), covers=covers, option=option)]


FORMAT = Format(
    "indented",
    title="indented text",
    of_table=_of_table,
    form="names, one a line, each further to the right than its parent by spaces, tabs or dashes",
    example=("indented.txt", "cat\n  Bengal\n  Siamese\ndog\n  pug\n"),
)
