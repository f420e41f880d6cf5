"""Texts whose lines say what stands below what in their own way: RDP, RCV1, a parent and its children."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import takewhile

from taxoloss.errors.characters import counted, quoted
from taxoloss.sources.base import Found, Options
from taxoloss.sources.formats.pairs import readings_of_pairs
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.lines import Lines, all_match, without_bullets
from taxoloss.sources.reading import Grade, Reading

__all__ = ["is_parent_index", "readings_of_edges"]

_RDP = re.compile(r"(?P<id>-?\d+)\*(?P<name>[^*]*)\*(?P<parent>-?\d+)\*(?P<depth>-?\d+)\*(?P<rank>[^*]*)")
_RCV1 = re.compile(
    r"parent:\s*(?P<parent>\S+)\s+child:\s*(?P<child>\S+)(?:\s+child-description:\s*(?P<words>.*))?", re.I
)
_COLON = re.compile(r"(?P<parent>[^:]+):\s*(?P<children>\S.*)")
_BRACKETS = re.compile(
    r"(?P<parent>[^:=\[{(]*[^:=\[{(\s])\s*(?:(?:[:=]|=>|->)\s*\[|[:=]?\s*\{)"
    r"(?P<children>[^\[\]{}]+)[\]}][,;]?"
)
_PARENTHESES = re.compile(r"(?P<parent>[^()]*[^()\s])\s*\((?P<children>[^()]+)\)[,;.]?")
_DASH = re.compile(r"(?P<parent>[^,]*?\S)\s+[-–—]\s+(?P<children>\S.*)")
_IS_A = re.compile(
    r"(?P<child>\S+(?:\s\S+){0,3}?)\s+(?:is[-_ ]an?|isa|rdfs:subClassOf|subClassOf|subclass of|kind of)\s+"
    r"(?P<parent>\S+(?:\s\S+){0,3})",  # names, no sentences
    re.IGNORECASE,
)
_INDEX = re.compile(r"(?P<name>\S.*?)[ \t]+(?P<number>-?\d+)")
_NO_PARENT = frozenset(("none", "null", "-1", "-"))


def readings_of_edges(lines: Lines, options: Options) -> list[Reading]:
    """The readings of lines that have a syntax of their own for edges."""
    lines = without_bullets(lines, "line")
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
    return _adjacency(lines, options) or readings_of_pairs(lines, options)


def _pair_reading(
    lines: Lines, pairs: Sequence[tuple[str, str]], how: str, grade: Grade, options: Options
) -> Reading:
    """Children with their parents, a pair a line."""
    whole = f"{how}, {counted(len(pairs), 'line')}"
    rows = [(parent, child) for child, parent in pairs]
    return Reading("edges", whole, grade, partial(_children, lines, rows, whole, options), "--kind edges")


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
    for cut, mark in _CUTS:
        rows = list(takewhile(bool, map(partial(cut, mark=options.separator), lines.texts)))
        if len(rows) == len(lines.texts) and (grade := _grade(rows, mark)) is not None:
            how = f"a parent and its children a line, {mark}, {counted(len(rows), 'line')}"
            make = partial(_children, lines, rows, how, options)
            return [Reading("edges", how, grade, make, "--kind edges")]
    return []


def _tabbed(text: str, mark: str | None) -> list[str]:
    cells = [cell.strip() for cell in text.rstrip("\t").split("\t")]
    return cells if all(cells) and mark in (None, "\t") else []


def _listed(text: str, mark: str | None) -> list[str]:
    """A group and its members with commas and no spaces between them."""
    cells = [cell.strip() for cell in text.rstrip(",").split(",")]
    plain = all(cells) and '"' not in text and ", " not in text
    return cells if plain and mark in (None, ",") else []


def _coloned(text: str, mark: str | None) -> list[str]:
    match = _COLON.fullmatch(text.strip())
    return (
        [] if match is None else _with_children(match, mark or (";" if ";" in match["children"] else ","))
    )


def _spaced(text: str, mark: str | None) -> list[str]:
    """`animals: cat dog`: the spaces may stand in one name."""
    match = _COLON.fullmatch(text.strip())
    plain = match is not None and not re.search(r"[,;]", match["children"])
    return _with_children(match, None) if match is not None and plain and mark in (None, " ") else []


def _bracketed(text: str, mark: str | None) -> list[str]:
    """`animal = [cat, dog]`, `animal { cat dog }`."""
    match = _BRACKETS.fullmatch(text.strip())
    return [] if match is None else _with_children(match, mark or ("," if "," in text else None))


def _in_parentheses(text: str, mark: str | None) -> list[str]:
    """`animal(cat, dog)`: what stands there may say what the name means."""
    match = _PARENTHESES.fullmatch(text.strip())
    return [] if match is None else _with_children(match, mark or ",")


def _dashed(text: str, mark: str | None) -> list[str]:
    match = _DASH.fullmatch(text.strip())
    return [] if match is None else _with_children(match, mark or ",")


def _with_children(match: re.Match[str], mark: str | None) -> list[str]:
    """The parent and the children that a mark, or spaces, separate; none where one has no name."""
    cells = [match["parent"], *match["children"].strip(" ,;").split(mark)]
    cells = [cell.strip().strip("\"'") for cell in cells]
    return cells if all(cells) else []


#: How a line names a parent and its children, in words.
_CUTS = (
    (_tabbed, "after a tab"),
    (_bracketed, "in brackets"),
    (_coloned, "after a colon"),
    (_listed, "after commas"),
    (_spaced, "after a colon, spaces between them"),
    (_in_parentheses, "in parentheses"),
    (_dashed, "after a dash"),
)
#: The ways in which nothing else is written.
_PLAIN = ("after a colon", "in brackets")


def _grade(rows: Sequence[Sequence[str]], mark: str) -> Grade | None:
    """How plain it is that the first cell of each line is the parent of the others."""
    parents = Counter(row[0] for row in rows)
    children = Counter(cell for row in rows for cell in row[1:])
    long = sum(len(row) > 2 for row in rows)
    alone = len(parents) == len(rows) and len(children) == children.total() > 0
    if not alone or not (long or mark == "in brackets"):
        return None
    if mark == "after a dash" and all(row[0].isdecimal() for row in rows):
        return None  # ids before names
    if mark in _PLAIN and (mark == "in brackets" or long >= 0.5 * len(rows)):
        return Grade.PLAIN
    chained = any(parent in children for parent in parents)
    return Grade.PLAIN if chained and mark in ("after a tab", *_PLAIN) else Grade.CELLS


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
