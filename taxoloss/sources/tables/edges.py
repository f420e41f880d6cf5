"""Columns that are child and parent: which of a table's columns hold ids, names, and what is above."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from taxoloss.sources.reading import Grade
from taxoloss.sources.tables import words
from taxoloss.sources.tables.columns import Column, whole_numbers

__all__ = ["NO_PARENT", "Edges", "edges_of", "edges_of_columns", "parents_of"]

#: What stands for "no parent", where no row is called so.
NO_PARENT = frozenset(("", "0", "-1", "#", "-", "null", "none", "nan", "na", "n/a", "nil", "<na>", "root"))
_NO_TITLE = ("empty", "link", "date", "file", "uuid")
#: Beside "source", what the other end of an edge is called.
_TARGETS = ("target", "to", "child")
_SOURCES = ("source", "from", "subject_parent")


@dataclass(frozen=True)
class Edges:
    """A column of children, one of their parents, and the one that says what the children are called.

    Args:
        title: the column of names where the children are ids; None where they are names.
        chained: whether some parent is a child too.
        has_ids: whether each row is one node, known by its id: then a parent must have a row.
        titles: other columns that may say what the children are called.
        several: whether cells list parents: "animal|pet".
        guessed: whether only the cells say so, and no name of a column.
    """

    child: Column
    parent: Column
    title: Column | None
    chained: bool
    has_ids: bool
    grade: Grade
    titles: tuple[Column, ...] = ()
    several: bool = False
    guessed: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are used."""
        return (self.child, self.parent, *([self.title] if self.title is not None else []))


def parents_in(parent: Column, child: Column) -> set[str]:
    """The parents, without what stands for none and is no child."""
    cells, known = set(whole_numbers(parent.cells)), set(whole_numbers(child.cells))
    return {cell for cell in cells if cell and (cell in known or cell.casefold() not in NO_PARENT)}


def _without_parents(parent: Column, others: Sequence[Column]) -> Edges | None:
    """Where every node stands at the top: ids beside names."""
    ids = [c for c in others if words.is_id(c.word) and c.is_unique]
    return (
        _edges(ids[0], parent, others, chained=False) if ids and words.is_sure_parent(parent.word) else None
    )


def _share(parent: Column, child: Column) -> float:
    """The share of the parents that are children."""
    above = parents_in(parent, child)
    return len(above.intersection(whole_numbers(child.cells))) / len(above) if above else 0.0


def edges_of(columns: Sequence[Column]) -> list[Edges]:
    """The edges that a table shows: a column is called a parent's, and its cells are another column's."""
    parents = [column for column in columns if words.is_parent(column.word)]
    pairs = [pair for parent in parents if (pair := _pair(parent, columns)) is not None]
    pairs += _source_and_target(columns)
    pairs = pairs or _unnamed_pairs(columns)
    # parent_id beside parent_name: the ids
    ids = [pair for pair in pairs if pair.has_ids and pair.chained]
    best = ids[:1] or [pair for pair in pairs if pair.chained][:1] or pairs[:1]
    return best + [replace(pair, title=title) for pair in best for title in pair.titles]


def _source_and_target(columns: Sequence[Column]) -> list[Edges]:
    """Edges as graphs have them: source and target, from and to."""
    by_word = {column.word: column for column in columns}
    child = next((by_word[word] for word in _TARGETS if word in by_word), None)
    parent = next((by_word[word] for word in _SOURCES if word in by_word), None)
    if child is None or parent is None:
        return []
    if child.filled > len(child.counts) and parent.filled == len(parent.counts):
        child, parent = parent, child  # one target for each source, and not the other way: upwards
    chained = _share(parent, child) > 0
    return [Edges(child, parent, None, chained, False, Grade.PLAIN if chained else Grade.NAME)]


def _unnamed_pairs(columns: Sequence[Column]) -> list[Edges]:
    """Ids beside a column that holds some of them again, or nothing: parents under another name."""
    ids = [c for c in columns if c.is_unique and (c.is_number or " " not in "".join(c.cells))]
    found = []
    for child in ids if len(columns) > 2 else []:
        others = [c for c in columns if c is not child and not words.is_known(c.word)]
        for parent in (c for c in others if _may_be_parents(c, child)):
            edges = _edges(child, parent, columns, chained=True)
            if edges.title is not None:
                found.append(replace(edges, grade=Grade.CELLS, guessed=True))
    return found


def _may_be_parents(parent: Column, child: Column) -> bool:
    """Whether some cells are empty, and all others ids of other rows, some twice, without a circle."""
    above = dict(zip(child.cells, parent.cells, strict=True))
    filled = {cell for cell in parent.cells if cell}
    if not filled <= above.keys() or not len(filled) < parent.filled < len(parent.cells):
        return False
    left = set(above)
    while tops := {node for node in left if above[node] not in left}:
        left -= tops
    return not left


def _pair(parent: Column, columns: Sequence[Column]) -> Edges | None:
    """The child of a parent column: the column that holds most of the parents."""
    others = [c for c in columns if c is not parent and c.filled and not words.is_parent(c.word)]
    if not any(parents_in(parent, other) for other in others):
        return _without_parents(parent, others)
    scored = [(_share(parent, other), _likely(other, parent), -other.number, other) for other in others]
    share, _, _, child = max(scored, key=lambda score: score[:3])
    if share == 0:
        return _unchained(parent, others)
    found = _edges(child, parent, columns, chained=True)
    return found if words.is_sure_parent(parent.word) else replace(found, grade=Grade.CELLS)


def _likely(column: Column, parent: Column) -> int:
    """How likely a column is the other end, by its name: parent_id goes with id, parent_name with name."""
    rest = _rest(parent)
    same = bool(rest) and (column.word == rest or column.word.endswith(f"_{rest}"))
    return 2 * same + (words.is_id(column.word) or bool(words.is_name(column.word)))


def _unchained(parent: Column, others: Sequence[Column]) -> Edges | None:
    """Where no parent is a child: ids that have no row, or groups of a table of classes."""
    ids = [c for c in others if words.is_id(c.word) and c.word and c.is_unique]
    same_form = [c for c in ids if c.kind == parent.kind and (c.is_number or words.is_id(_rest(parent)))]
    if same_form:
        return _edges(same_form[0], parent, others, chained=False)
    named = [c for c in others if c.names_nodes and c not in ids and not words.is_beside(c.word)]
    named = [c for c in named if not c.is_number] or named  # a number a row is no class beside a name
    named.sort(key=lambda c: (words.is_name(c.word) or (50 if c.word in words.CLASS else 99), c.number))
    if not named:
        return None
    grade = Grade.PLAIN if len(named) == 1 else Grade.CELLS
    return Edges(named[0], parent, None, False, False, grade, several=lists_parents(parent))


def lists_parents(parent: Column) -> bool:
    """Whether a column of parents has several in a cell: by its name, or they stand there alone too."""
    lists = [parts for cell in parent.counts if len(parts := parents_of(cell)) > 1]
    plural = parent.word.endswith(("parents", "superclasses", "hypernyms"))
    return bool(lists) and (plural or any(parent.counts.keys() >= set(parts) for parts in lists))


def parents_of(cell: str) -> list[str]:
    """The parts of a cell that may be parents: "2,3", "animal|pet"."""
    return [part for text in re.split(r"[,;|]", cell) if (part := text.strip())]


def _rest(parent: Column) -> str:
    """What the name of a parent column says beside that: "id" of parent_id."""
    return parent.word.replace("parent", "").strip("_")


def _edges(child: Column, parent: Column, columns: Sequence[Column], *, chained: bool) -> Edges:
    """Children with what they are called; where they are ids, several columns may say so."""
    titles = _titles(child, [c for c in columns if c is not child and c is not parent])
    title = titles[0] if titles else None
    grade = Grade.PLAIN if len(titles) < 2 else Grade.CELLS
    return Edges(child, parent, title, chained, child.is_number or title is not None, grade, titles[1:])


def _titles(child: Column, others: Sequence[Column]) -> tuple[Column, ...]:
    """The column that says what the children are called; all that may, where no name tells."""
    if words.is_name(child.word) and not child.is_number:
        return ()
    names = [c for c in others if not words.is_parent(c.word) and c.kind not in _NO_TITLE]
    named = sorted((c for c in names if words.is_name(c.word)), key=lambda c: words.is_name(c.word))
    if named:
        return (named[0],)
    other = (words.is_beside, words.is_hierarchy, words.is_id)
    free = [c for c in names if c.kind == "name" and not any(says(c.word) for says in other)]
    coded = child.is_number or words.is_id(child.word)
    return tuple(c for c in free if coded and 2 * len(c.counts) > len(child.counts))


def edges_of_columns(chosen: Sequence[Column], columns: Sequence[Column]) -> Edges:
    """The edges of the columns that were asked for: CHILD,PARENT or CHILD,PARENT,NAME."""
    child, parent = chosen[:2]
    chained = _share(parent, child) > 0
    found = _edges(child, parent, columns, chained=chained)
    title = chosen[2] if len(chosen) > 2 else found.title
    return Edges(child, parent, title, chained, title is not None or found.has_ids, Grade.PLAIN)
