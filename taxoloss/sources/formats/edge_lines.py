"""Texts whose lines say what stands below what in their own way: RDP, RCV1, a parent and its children."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import takewhile

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found, Options
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.lines import Lines, all_match
from taxoloss.sources.reading import Grade, Reading

__all__ = ["is_parent_index", "readings_of_edges"]

_RDP = re.compile(r"(?P<id>-?\d+)\*(?P<name>[^*]*)\*(?P<parent>-?\d+)\*(?P<depth>-?\d+)\*(?P<rank>[^*]*)")
_RCV1 = re.compile(
    r"parent:\s*(?P<parent>\S+)\s+child:\s*(?P<child>\S+)(?:\s+child-description:\s*(?P<words>.*))?", re.I
)
_COLON = re.compile(r"(?P<parent>[^:]+):\s*(?P<children>\S.*)")
_IS_A = re.compile(
    r"(?P<child>\S+(?:\s\S+){0,3}?)\s+(?:is[-_ ]an?|isa|rdfs:subClassOf|subClassOf|subclass of|kind of)\s+"
    r"(?P<parent>\S+(?:\s\S+){0,3})",  # names, no sentences
    re.IGNORECASE,
)
#: Arrows, and what points from a parent to a child or back.
_ARROWS = ("->", "=>", "→", ">")
_INDEX = re.compile(r"(?P<name>\S.*?)[ \t]+(?P<number>-?\d+)")
_NO_PARENT = frozenset(("none", "null", "-1", "-"))


def readings_of_edges(lines: Lines, options: Options) -> list[Reading]:
    """The readings of lines that have a syntax of their own for edges."""
    for pattern, make, how in ((_RDP, _rdp, "id*name*parent*depth*rank"), (_RCV1, _rcv1, "parent: child:")):
        matches = all_match(pattern, [text.strip() for text in lines.texts])
        if matches is not None:
            whole = f"{how}, {counted(len(matches), 'line')}"
            made = partial(make, lines, matches, whole, options)
            return [Reading("edges", whole, Grade.PLAIN, made, "--kind edges")]
    matches = all_match(_IS_A, [text.strip() for text in lines.texts])
    if matches is not None and len(matches) > 1:
        pairs = [(match["child"].strip(), match["parent"].strip()) for match in matches]
        return [_pair_reading(lines, pairs, "child is a parent", Grade.PLAIN, options)]
    return _arrows(lines, options) or _adjacency(lines, options)


def _pair_reading(
    lines: Lines, pairs: Sequence[tuple[str, str]], how: str, grade: Grade, options: Options
) -> Reading:
    """Children with their parents, a pair a line."""
    whole = f"{how}, {counted(len(pairs), 'line')}"
    rows = [(parent, child) for child, parent in pairs]
    return Reading("edges", whole, grade, partial(_children, lines, rows, whole, options), "--kind edges")


def _arrows(lines: Lines, options: Options) -> list[Reading]:
    """`Animal -> Cat` lines some of whose ends are starts too: edges downwards, or upwards.

    They may be paths of two names as well: those are shown beside them.
    """
    for mark in _ARROWS:
        cut = [[name.strip() for name in text.split(mark)] for text in lines.texts]
        if not all(len(names) == 2 and all(names) for names in cut):
            continue
        pairs = [(first, second) for first, second in cut]
        starts, ends = {first for first, _ in pairs}, {second for _, second in pairs}
        if not starts & ends:
            continue
        down = [(second, first) for first, second in pairs]
        ways = ((down, f"parent {mark} child"), (pairs, f"child {mark} parent"))
        return [_pair_reading(lines, way, how, Grade.CELLS, options) for way, how in ways]
    return []


def _rdp(lines: Lines, matches: Sequence[re.Match[str]], how: str, options: Options) -> Found:
    """The classifier of RDP: the root is left out, and is no rank."""
    nodes = SourceGraph(lines.file, options)
    nodes.notes += lines.notes
    ids = {match["id"] for match in matches}
    tops = {match["id"] for match in matches if match["parent"] not in ids}
    root = tops if len(tops) == 1 else set()
    for match, line in zip(matches, lines.numbers, strict=True):
        if match["id"] in root:
            nodes.notes.append(f"the root {quoted(match['name'])} is left out: it holds all classes")
            continue
        nodes.add(match["id"], match["name"], rank=match["rank"] or None, line=line)
        if match["parent"] in ids - root:
            nodes.link(match["id"], match["parent"], line)
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))


def _rcv1(lines: Lines, matches: Sequence[re.Match[str]], how: str, options: Options) -> Found:
    """The topics of Reuters: codes with their descriptions."""
    nodes = SourceGraph(lines.file, options)
    nodes.notes += lines.notes
    for match, line in zip(matches, lines.numbers, strict=True):
        words, child, parent = (match["words"] or "").strip(), match["child"], match["parent"]
        by_title = options.node_name == "title" and words
        description = child if by_title else words or None
        nodes.add(child, words if by_title else None, description=description, line=line)
        if parent.casefold() not in _NO_PARENT:
            nodes.link(child, parent, line)
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))


# -- a parent and its children ---------------------------------------------------------------------


def _adjacency(lines: Lines, options: Options) -> list[Reading]:
    """A parent and its children a line, with tabs between them or as `cat: Bengal, Siamese`."""
    for cut, mark in ((_tabbed, "a tab"), (_coloned, "a colon")):
        rows = list(takewhile(bool, map(cut, lines.texts)))
        if len(rows) == len(lines.texts) and (grade := _grade(rows, mark)) is not None:
            how = f"a parent and its children a line, after {mark}, {counted(len(rows), 'line')}"
            make = partial(_children, lines, rows, how, options)
            return [Reading("edges", how, grade, make, "--kind edges")]
    return []


def _tabbed(text: str) -> list[str]:
    cells = [cell.strip() for cell in text.rstrip("\t").split("\t")]
    return cells if all(cells) else []


def _coloned(text: str) -> list[str]:
    match = _COLON.fullmatch(text.strip())
    if match is None:
        return []
    mark = ";" if ";" in match["children"] else ","
    cells = [
        match["parent"].strip(),
        *(cell.strip() for cell in match["children"].strip(" ,;").split(mark)),
    ]
    return cells if all(cells) else []


def _grade(rows: Sequence[Sequence[str]], mark: str) -> Grade | None:
    """How plain it is that the first cell of each line is the parent of the others."""
    parents = Counter(row[0] for row in rows)
    children = Counter(cell for row in rows for cell in row[1:])
    long = sum(len(row) > 2 for row in rows)
    alone = len(parents) == len(rows) and len(children) == children.total() > 0
    if not alone or not long:
        return None
    if mark == "a colon" and all(len(row) > 2 for row in rows):
        return Grade.PLAIN
    chained = any(parent in children for parent in parents)
    return Grade.PLAIN if chained or (mark == "a colon" and long >= 0.5 * len(rows)) else Grade.CELLS


def _children(lines: Lines, rows: Iterable[Sequence[str]], how: str, options: Options) -> Found:
    nodes = SourceGraph(lines.file, options)
    nodes.notes += lines.notes
    for (parent, *children), line in zip(rows, lines.numbers, strict=True):
        nodes.add(parent, line=line)
        for child in children:
            nodes.link(child, parent, line)
    return Found(nodes.taxonomy(), "edges", how, tuple(nodes.notes))


# -- names and numbers -----------------------------------------------------------------------------


def is_parent_index(lines: Lines) -> bool:
    """Whether each name is followed by a number that may be the line of its parent: cat 2."""
    matches = all_match(_INDEX, [text.strip() for text in lines.texts])
    if matches is None or len(matches) < 3:
        return False
    numbers = Counter(int(match["number"]) for match in matches)
    names = {match["name"] for match in matches}
    again = max(numbers.values()) > 1
    return again and len(names) == len(matches) and min(numbers) in (-1, 0) and max(numbers) <= len(matches)
