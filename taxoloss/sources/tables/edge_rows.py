"""Rows of children and parents as a graph of nodes: ids, none-words, parents without a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import FormError
from taxoloss.sources.base import Options, listed, refuse
from taxoloss.sources.graph import SourceGraph
from taxoloss.sources.separators import split_path
from taxoloss.sources.tables.columns import Column, whole_numbers
from taxoloss.sources.tables.edges import NO_PARENT, Edges, parents_of
from taxoloss.sources.tables.table import Table

__all__ = ["edge_graph"]


@dataclass(frozen=True)
class _Beside:
    """The columns that say more of a node."""

    rank: Column | None = None
    number: Column | None = None
    aliases: Column | None = None
    description: Column | None = None


def edge_graph(table: Table, columns: Sequence[Column], edges: Edges, options: Options) -> SourceGraph:
    """The nodes of the rows, each below its parent; what was taken for what is noted.

    Where rows have ids, a parent that has no row is a fault, T212, unless `missing_parent` says what
    becomes of it. Where children are names, a parent that is nobody's child is a node at the top.
    """
    beside = _beside(columns, edges)
    if beside.rank is not None and beside.number is not None and options.ranks is None:
        options = replace(options, ranks=_numbered(beside.rank, beside.number))
    nodes = SourceGraph(table.file, options)
    keys = whole_numbers(edges.child.cells)
    known = {key for key in keys if key}
    parents = _parents(nodes, edges, keys, known, options)
    lost = _without_row(nodes, table, keys, parents, known, options) if edges.has_ids else set()
    unnamed: list[str] = []
    called: dict[str, tuple[str, int]] = {}
    for row, (key, up, line) in enumerate(zip(keys, parents, table.lines, strict=True)):
        if not key or row in lost:
            continue
        name = edges.title.cells[row] if edges.title is not None else ""
        if name and called.setdefault(key, (name, line))[0] != name:
            raise _two_names(table, key, called[key], name, line)
        unnamed += [key] if edges.title is not None and not name else []
        nodes.add(key, name or None, line=line, **_facts(beside, row))
        for one in parents_of(up) if edges.several else _several(up, known):
            nodes.link(key, one, line)
    if empty := sum(not key for key in keys):
        nodes.notes.append(f"{counted(empty, 'row')} without a cell in {quoted(edges.child.name)} left out")
    if unnamed:
        nodes.notes.append(
            f"{counted(len(unnamed), 'row')} without a name, called by the id: {listed(unnamed)}"
        )
    return nodes


def _two_names(table: Table, key: str, first: tuple[str, int], name: str, line: int) -> FormError:
    """The error of two rows with one id that call it differently: other languages, or a slip."""
    shown = f"{quoted(first[0])} (line {first[1]}) and {quoted(name)}"
    help = "keep the rows of one language, or one row for each id"
    return refuse(table.file, f"the id {quoted(key)} has two names: {shown}", line=line, help=help)


def _beside(columns: Sequence[Column], edges: Edges) -> _Beside:
    rest = {column.word: column for column in columns if column not in edges.columns}
    rank = next((rest[word] for word in ("rank", "taxonrank", "rank_name", "level") if word in rest), None)
    return _Beside(rank, rest.get("level_number"), rest.get("aliases"), rest.get("description"))


def _facts(beside: _Beside, row: int) -> Mapping[str, Any]:  # what SourceGraph.add takes
    aliases = beside.aliases.cells[row] if beside.aliases is not None else ""
    return {
        "rank": (beside.rank.cells[row] or None) if beside.rank is not None else None,
        "aliases": split_path(aliases, "|") if aliases else (),
        "description": (beside.description.cells[row] or None) if beside.description is not None else None,
    }


def _numbered(level: Column, number: Column) -> tuple[str, ...]:
    """The names of the levels in the order of their numbers."""
    pairs = zip(level.cells, number.cells, strict=True)
    numbers = {name: int(text) for name, text in pairs if name and text.isdecimal() and len(text) < 9}
    return tuple(sorted(numbers, key=lambda name: numbers[name]))


def _parents(
    nodes: SourceGraph, edges: Edges, keys: Sequence[str], known: set[str], options: Options
) -> list[str]:
    """The parent of each row, "" where it has none: empty, its own id, or a word for none that is no id."""
    none: Counter[str] = Counter()
    own = 0
    found = []
    for key, up in zip(keys, whole_numbers(edges.parent.cells), strict=True):
        if up and up == key:
            own, up = own + 1, ""
        elif up and up not in known and (up.casefold() in NO_PARENT or up in options.missing):
            none[up] += 1
            up = ""
        found.append(up)
    for word, count in none.items():
        nodes.notes.append(
            f"{quoted(word)} in {quoted(edges.parent.name)} means no parent: {counted(count, 'row')}"
        )
    if own:
        nodes.notes.append(f"{counted(own, 'row')} with the own id as parent: at the top")
    return found


def _several(up: str, known: set[str]) -> list[str]:
    """The parents in a cell: the text itself, or where only its parts are ids of rows, these: "2,3"."""
    parts = parents_of(up)
    return parts if up not in known and len(parts) > 1 and known.issuperset(parts) else [up] * bool(up)


def _without_row(
    nodes: SourceGraph,
    table: Table,
    keys: Sequence[str],
    parents: list[str],
    known: set[str],
    options: Options,
) -> set[int]:
    """Rows whose parent has none are faults, or put at the top, or dropped with all below them."""
    lost = [row for row, up in enumerate(parents) if not known.issuperset(_several(up, known))]
    if not lost:
        return set()
    if options.missing_parent is None:
        for number, row in enumerate(lost):
            message = f"{quoted(keys[row])} has the parent {quoted(parents[row])}, which has no row"
            help = "--missing-parent top puts such rows at the top, --missing-parent drop leaves them out"
            more = {} if number else {"expected": "the id of a row", "help": help}
            nodes.fault("T212", message, table.lines[row], found=parents[row], **more)
        return set()
    shown = listed([f"{keys[row]} below {parents[row]}" for row in lost])
    if options.missing_parent == "top":
        for row in lost:
            parents[row] = ""
        nodes.notes.append(f"{counted(len(lost), 'row')} whose parent has no row, put at the top: {shown}")
        return set()
    dropped = _below(lost, keys, parents)
    nodes.notes.append(f"{counted(len(dropped), 'row')} left out, for a parent has no row: {shown}")
    return dropped


def _below(rows: Sequence[int], keys: Sequence[str], parents: Sequence[str]) -> set[int]:
    """These rows and all that are below them."""
    children: dict[str, list[int]] = {}
    for row, up in enumerate(parents):
        children.setdefault(up, []).append(row)
    found: set[int] = set()
    stack = list(rows)
    while stack:
        row = stack.pop()
        if row not in found:
            found.add(row)
            stack += children.get(keys[row], [])
    return found
