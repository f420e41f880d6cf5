"""Texts of one name, or one path, a line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found, Options, listed
from taxoloss.sources.counts_behind import without_counts
from taxoloss.sources.inat_names import RankedNames, ranked_names
from taxoloss.sources.initials import without_initials
from taxoloss.sources.lines import Lines, all_match, cells_at, without_bullets
from taxoloss.sources.reading import Grade, Reading
from taxoloss.sources.rows import Rows
from taxoloss.sources.separators import Cut, cut_at, cuts_of, split_path, upward_mark
from taxoloss.sources.tables.shapes import upward_refusal
from taxoloss.sources.tables.words import folded, is_head

__all__ = [
    "names_as_they_are",
    "path_reading",
    "readings_below_levels",
    "readings_of_list",
    "readings_of_names",
    "readings_of_paths",
]

_ID_BEFORE = (
    re.compile(r"\s*(?P<id>\S+?)\s*:\s+(?P<rest>\S.*)"),
    re.compile(r"\s*(?P<id>\S*\d\S*?)\s*[|,;=]\s*(?P<rest>\S.*)"),
    re.compile(r"\s*(?P<id>\w*\d\w*)\s+[-–]\s+(?P<rest>\S.*)"),
    re.compile(r"\s*(?P<id>\S*\d\S*)\t\s*(?P<rest>\S.*)"),
    re.compile(r"\s*[\[(]?(?P<id>\d+)[.):\]]?\s+(?P<rest>\S.*)"),
    re.compile(r"(?P<id>\d+)_(?P<rest>\S.*)"),
)
_ID_BEHIND = (re.compile(r"(?P<rest>\S.*?)\s*[\s,;:]\s*(?P<id>\d+)\s*"),)
_NUMBER_APART = re.compile(r"(?P<rest>\S.*?):?\s+(?P<id>\d+)\s*")
#: A path without spaces, and a number behind it.
_NUMBER_BEHIND = re.compile(r"\s*(?P<rest>\S*[^\s/]/[^\s/]\S*)\s+(?P<id>-?\d+)\s*")
_LEVEL = re.compile(r"(level|depth|tier|rank|l|category|cat)_?\d+")
#: Marks between the names of levels, above paths.
_LEVEL_MARKS = ("/", " > ", ">", "::", "->", "--", "~", "^")
#: Of a list of names: lines with more words than these are sentences.
_WORDS_OF_TEXT = 10


def readings_of_list(lines: Lines, options: Options) -> list[Reading]:
    """The readings of lines as paths, and as names: both where neither is plain."""
    if options.separator is not None:
        return readings_of_paths(lines, options)
    paths = readings_of_paths(lines, options)
    if paths and paths[0].grade >= Grade.PLAIN:
        return paths
    if options.kind is None and (shown := upward_mark(lines.texts)) is not None:
        raise upward_refusal(lines.file, shown)
    return [*paths, *readings_of_names(lines, options, Grade.CELLS if paths else Grade.PLAIN)]


def readings_below_levels(lines: Lines, options: Options) -> list[Reading]:
    """The reading of lines whose first names the levels beyond doubt: order/family/species, tier/kind/.

    `convert` ends that line with a slash.
    """
    if options.header is False or options.separator is not None or len(lines.texts) < 2:
        return []
    head = lines.texts[0].strip()
    for mark in [mark for mark in _LEVEL_MARKS if mark in head]:
        cut = cut_at(lines.texts, mark)
        first, others = cut.rows[0], cut.rows[1:]
        deepest = max(map(len, others))
        ended = mark == "/" and head.endswith("/") and all(row[-1] for row in others)
        if ended and all(first[:-1]) and deepest < len(first):
            return [_marked_reading(lines, cut, options)]
        if 1 < len(first) >= deepest > 1 and _are_words(first):
            return [path_reading(lines, cut, Grade.PLAIN, options)]
    return []


def _marked_reading(lines: Lines, cut: Cut, options: Options) -> Reading:
    if len(cut.rows[0]) > 2:
        return path_reading(lines, cut, Grade.PLAIN, options)
    reading = _name_reading(lines, Grade.PLAIN, options)
    return replace(reading, kind="paths" if options.kind == "paths" else "names")


# -- paths -----------------------------------------------------------------------------------------


def readings_of_paths(lines: Lines, options: Options, only: str | None = None) -> list[Reading]:
    """The readings of lines as paths: one for each separator that explains them about as well.

    Args:
        only: the separator that may be one, where it makes a table of the lines too.
    """
    lines = _without_counts(lines)
    if options.separator is not None:
        body = _without_ids(lines, options.separator) or lines
        cut = cut_at(body.texts, options.separator)
        return [path_reading(body, cut, Grade.PLAIN, options)] if cut.share else []
    if options.header is not True and (known := ranked_names(lines.texts)) is not None:
        return [_ranked_reading(lines, known, options)]
    lines = _cut_off(lines, _ID_BEHIND[0], of_list=True) or _without_numbers(lines) or lines
    headed = options.header is not False and len(lines.texts) > 2 and _are_words(lines.texts[:1])
    whole, (grade, cuts) = lines, cuts_of(lines.texts[headed:])
    for pattern in _ID_BEFORE:
        cut_off = _cut_off(lines, pattern)
        if cut_off is None:
            continue
        below, found = cuts_of(cut_off.texts)
        if below is not None and below >= (grade or Grade.NAME):
            whole, grade, cuts = cut_off, below, found
            break
    kept = [cut for cut in cuts if grade is not None and only in (None, cut.core)]
    bodies = ((_cut_off(whole, _own_ids(cut.mark)) or whole, cut.mark) for cut in kept)
    return [path_reading(body, cut_at(body.texts, mark), grade, options) for body, mark in bodies if grade]


def _without_counts(lines: Lines) -> Lines:
    """The lines without the counts in brackets that stand behind all of them, or all but a header."""
    texts = [text.strip() for text in lines.texts]
    headed = int(is_head(folded(texts[0])))
    names, told = without_counts(texts[headed:], [0] * (len(texts) - headed))
    return lines.having([*texts[:headed], *names], *told) if told else lines


def _ranked_reading(lines: Lines, known: RankedNames, options: Options) -> Reading:
    how = f"an id, ranks and the species split at `_`, {counted(len(known.names), 'line')}"
    make = partial(_ranked, lines, known, how, options)
    return Reading("paths", how, Grade.KNOWN, make, "--kind paths")


def _ranked(lines: Lines, known: RankedNames, how: str, options: Options) -> Found:
    rows = Rows(lines.file, options, known.levels, list(known.paths), list(lines.numbers))
    rows.notes += [*lines.notes, f"{known.note}; --kind names reads the lines as they are"]
    return Found(known.with_aliases(rows.taxonomy()), "paths", how, tuple(rows.notes))


def _without_ids(lines: Lines, separator: str) -> Lines | None:
    """The paths without the ids before them, where each line has one of its own."""
    patterns = (_own_ids(separator), *_ID_BEFORE)
    return next((cut for p in patterns if (cut := _cut_off(lines, p)) is not None), None)


def _own_ids(separator: str) -> re.Pattern[str]:
    """An id that the separator itself cuts off: 0--Bread--Bagel."""
    return re.compile(r"(?P<id>\d+)\s*" + re.escape(separator) + r"\s*(?P<rest>\S.*)")


def _cut_off(lines: Lines, pattern: re.Pattern[str], of_list: bool = False) -> Lines | None:
    """The lines without the id that each has of its own; None where they have none.

    Args:
        of_list: whether only the numbers of a list, 0, 1, 2, ..., are ids.
    """
    matches = all_match(pattern, lines.texts) or []
    ids = [match["id"] for match in matches]
    if len(ids) < 2 or len(set(ids)) < len(ids):
        return None
    if not all(re.search(r"\d|://", one) for one in ids) or (of_list and not _is_count(ids)):
        return None
    where = "before" if pattern.groupindex["id"] == 1 else "behind"
    if where == "behind" and len({match["rest"] for match in matches}) < len(ids):
        return None
    note = f"the {counted(len(ids), 'id')} {where} the names are left out: {listed(ids, 2)}"
    return lines.having([match["rest"].rstrip() for match in matches], note)


def _without_numbers(lines: Lines) -> Lines | None:
    """The paths without the number that stands behind each after a space: a count, or another class."""
    matches = all_match(_NUMBER_BEHIND, lines.texts)
    if matches is None or len({match["rest"] for match in matches}) < len(matches) or len(matches) < 2:
        return None
    note = f"the numbers behind {counted(len(matches), 'path')} are left out: "
    return lines.having([match["rest"] for match in matches], note + listed([m["id"] for m in matches], 2))


def _is_count(ids: Sequence[str]) -> bool:
    """Whether ids are the numbers 0, 1, 2, ... or 1, 2, 3, ... in any order."""
    if not all(one.isdecimal() for one in ids):
        return False
    numbers = sorted(map(int, ids))
    return numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def path_reading(lines: Lines, cut: Cut, grade: Grade, options: Options) -> Reading:
    """The reading of lines cut at a separator as paths."""
    mark = cut.core if cut.core != "\t" else "a tab"
    how = f"split at `{mark}`, {counted(len(cut.rows), 'line')}"
    make = partial(_paths, lines, cut, how, options)
    shown = '"$(printf "\\t")"' if cut.mark == "\t" else f"'{cut.mark}'"
    return Reading("paths", how, grade, make, f"--kind paths --separator {shown}")


def _paths(lines: Lines, cut: Cut, how: str, options: Options) -> Found:
    rows = Rows(lines.file, options)
    head = _head_of_paths(lines, cut, options)
    rows.notes += [*lines.notes, *head.notes]
    rows.levels = head.levels
    paths, told = list(cut.rows[head.is_there :]), tuple[str, ...]()
    if options.kind is None and head.levels is None:
        paths, told = without_initials(paths, "--kind paths")
    rows.notes += told
    for names, line in zip(paths, lines.numbers[head.is_there :], strict=True):
        rows.add(names, line)
    return Found(rows.taxonomy(), "paths", how, tuple(rows.notes))


@dataclass(frozen=True)
class _Head:
    """Whether the first line names something else than a node, the levels, and what is said of it."""

    is_there: bool = False
    levels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def _head_of_paths(lines: Lines, cut: Cut, options: Options) -> _Head:
    first, others = list(cut.rows[0]), cut.rows[1:]
    deepest = max((len(row) for row in others), default=0)
    marked = not first[-1] and all(row[-1] for row in others) and len(first) > deepest
    names = [*first[:-1]] if not first[-1] else first
    same = any(row[0] == first[0] for row in others)
    plain = (marked or (_are_words(names) and not same)) and bool(others)
    if not (options.header if options.header is not None else plain):
        doubt = options.header is None and len(others) > 1 and not same and 1 < deepest <= len(first)
        return _Head(notes=(_doubt(lines.texts[0], "a path"),) if doubt else ())
    levels = tuple(names) if len(names) >= deepest else None
    note = f"the first line, {quoted(lines.texts[0])}, names {'the levels' if levels else 'the column'}"
    return _Head(
        True, levels, () if options.header or levels else (f"{note}: --no-header says that it is data",)
    )


def _are_words(names: Sequence[str]) -> bool:
    """Whether each is what people call a level or a column."""
    return all(is_head(folded(name)) or _LEVEL.fullmatch(folded(name)) for name in names)


def _doubt(first: str, what: str) -> str:
    shown = f"the first line, {quoted(first)}, is taken as {what} like the others"
    return f"{shown}; --header says that it is none"


# -- names -----------------------------------------------------------------------------------------


def names_as_they_are(lines: Lines, options: Options) -> list[Reading]:
    """Each line as a name, as it is: no line is left out but the first of a header that was asked for."""
    if lines.file.lower().endswith((".csv", ".tsv")):
        lines = lines.unquoted()
    return [_name_reading(lines, Grade.PLAIN, options)]


def readings_of_names(lines: Lines, options: Options, grade: Grade) -> list[Reading]:
    """The readings of lines as names, without bullets before them; no list of sentences is one."""
    words = sorted(text.count(" ") for text in lines.texts)
    if words[len(words) // 2] >= _WORDS_OF_TEXT:
        return []
    lines = without_bullets(lines)
    if options.kind is None and grade is Grade.PLAIN:
        lines = _without_counts(lines)
    for pattern in (*_ID_BEFORE, *_ID_BEHIND) if grade is Grade.PLAIN else ():
        cut = _cut_off(lines, pattern, of_list=True)
        if cut is not None:
            return [_name_reading(cut, grade, options)]
    for pattern in (*_ID_BEFORE, _NUMBER_APART):
        cut = _cut_off(lines, pattern)
        if cut is not None:
            return _with_or_without_ids(lines, cut, pattern, grade, options)
    return [_name_reading(lines, grade, options)]


def _with_or_without_ids(
    lines: Lines, cut: Lines, pattern: re.Pattern[str], grade: Grade, options: Options
) -> list[Reading]:
    """The readings of names with their ids and without; the first alone where no option says the other."""
    short = _short_reading(lines, cut, pattern, options)
    if short is not None:
        return [_name_reading(lines, Grade.CELLS, options), short]
    where = "before" if pattern.groupindex["id"] == 1 else "behind"
    told = lines.having(lines.texts, f"the ids {where} the names are kept as parts of them")
    return [_name_reading(told, grade, options)]


def _short_reading(lines: Lines, cut: Lines, pattern: re.Pattern[str], options: Options) -> Reading | None:
    """The reading of names without their ids; None where no separator cuts the lines so."""
    before = pattern.groupindex["id"] == 1
    matches = all_match(pattern, lines.texts) or []
    ends = [(m.end("id"), m.start("rest")) if before else (m.end("rest"), m.start("id")) for m in matches]
    between = {text[a:b] for text, (a, b) in zip(lines.texts, ends, strict=True)}
    marks = [*between, *{mark.strip() or " " for mark in between}]
    for mark in marks if len(between) == 1 else marks[len(between) :]:
        rows = cells_at(lines.texts, mark)
        if rows is not None and [row[before] for row in rows] == [text.strip() for text in cut.texts]:
            option = f"--kind names --columns column_{before + 1} --separator '{mark}'"
            return replace(_name_reading(cut, Grade.CELLS, options), option=option)
    return None


def _name_reading(lines: Lines, grade: Grade, options: Options) -> Reading:
    how = counted(len(lines.texts), "line")
    make = partial(_names, lines, how, options)
    return Reading("names", how, grade, make, "--kind names")


def _names(lines: Lines, how: str, options: Options) -> Found:
    rows = Rows(lines.file, options)
    rows.notes += lines.notes
    first = lines.texts[0].strip()
    headed, notes = _heads_names(lines, options)
    rows.notes += notes
    texts: Sequence[str] = lines.texts[headed:]
    if first.endswith("/") and headed and len(first) > 1:
        # What `convert` writes: a slash in a name has a backslash before it.
        rows.levels = (split_path(first, "/")[0],)
        texts = ["/".join(split_path(text, "/")) for text in texts]
    for text, line in zip(texts, lines.numbers[headed:], strict=True):
        rows.add((text,), line)
    rows.notes += _repeated(texts)
    return Found(rows.taxonomy(), "names", how, tuple(rows.notes))


def _heads_names(lines: Lines, options: Options) -> tuple[bool, list[str]]:
    """Whether the first line names the column; a note where that is not plain."""
    if options.header is not None:
        return options.header, []
    first, others = lines.texts[0].strip(), [text.strip() for text in lines.texts[1:]]
    marked = first.endswith("/") and len(first) > 1 and not any(text.endswith("/") for text in others)
    words = sum(is_head(folded(text)) for text in others[:1000])
    if marked:
        return True, []
    if is_head(folded(first)) and not words and options.kind != "names" and len(others) > 1:
        note = f"the first line, {quoted(first)}, is taken as the name of the column"
        return True, [f"{note}; --no-header says that it is a name like the others"]
    return False, [_doubt(lines.texts[0], "a name")]


def _repeated(names: Sequence[str]) -> Iterator[str]:
    again = [name for name, count in Counter(names).items() if count > 1]
    if again:
        what = "name that stands" if len(again) == 1 else "names that stand"
        yield f"{len(again):,} {what} in several lines: {listed(again)}"
