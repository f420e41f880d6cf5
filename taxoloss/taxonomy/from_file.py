"""From the nodes of a file to a tree: every check that needs more than one line of the file."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.taxonomy.also_under import FurtherParents
from taxoloss.taxonomy.file.document import Document, Mark
from taxoloss.taxonomy.file.models import LevelSpec
from taxoloss.taxonomy.file.parser import NodeRow, ParsedFile
from taxoloss.taxonomy.spelling import lookalike
from taxoloss.taxonomy.tree.arrays import Tree
from taxoloss.taxonomy.tree.builder import TreeBuilder, Words

__all__ = ["build_tree"]


def build_tree(parsed: ParsedFile) -> Tree:
    """The tree of a parsed file; FormError or MeaningError with every fault of the file."""
    document, rows = parsed.document, parsed.rows
    specs = parsed.spec.levels if parsed.spec is not None else None
    if specs is not None:
        _check_levels(specs, parsed.level_marks, document)
    names = tuple(spec.name for spec in specs) if specs is not None else None
    builder = _RowTree(rows, names, document)
    for row in rows:
        builder.add(row.parent + 1, row.name, known=bool(row.name))  # else it is a fault of form already
    builder.find_further_parents()
    _check_aliases(rows, builder.also_under, document)
    if parsed.spec is not None:
        builder.place_all()
        if not document.log.faults:  # a tree that is at fault may have leaves that were not read
            builder.check_leaves(parent for _, parent in builder.also_under)
    if document.log.faults:
        _warn_of_lookalikes(rows, document)
    document.log.raise_all()
    # The file is read in depth-first order: row i is node i + 1 of the tree as well.
    levels = names or tuple(f"depth_{i + 1}" for i in range(max(builder.level)))
    return builder.tree(levels, arranged=True, also_under=builder.also_under)


class _RowTree(TreeBuilder):
    """Row i of the file is node i + 1."""

    def __init__(self, rows: Sequence[NodeRow], levels: tuple[str, ...] | None, document: Document) -> None:
        super().__init__(document.log, inf if levels is None else len(levels))
        self.rows = rows
        self.levels = levels or ()
        self.number = {name: index for index, name in enumerate(self.levels, 1)}
        self.document = document
        self.further: FurtherParents | None = None

    @property
    def also_under(self) -> list[tuple[int, int]]:
        """(node, further parent), in increasing order."""
        return [] if self.further is None else self.further.edges()

    def find_further_parents(self) -> None:
        """Those that nodes name, without redundant ones; T201, T211, T213 and T214 where they cannot be."""
        if not any(row.also_under for row in self.rows):
            return
        self.further = FurtherParents(self.rows, self.names, self.document)
        if self.further.check_cycles(self):
            self.further.drop_redundant()
            self.join(self.further.edges())
        else:
            self.further = None  # levels are then those of the tree as it is written

    def place_all(self) -> None:
        """The level of each node: the one it names, else one below its parent's."""
        if self.further is not None and self.further.edges():
            self.place_along(self.further.parents(), self.named_level)
            self.check_limit()
            return
        for node, row in enumerate(self.rows, 1):
            above = self.level[row.parent + 1]
            self.place(row.parent + 1, self.named_level(node, above), instead=above + 1)

    def check_limit(self) -> None:
        """T111 where a longest path is longer than any path that is written may be."""
        most = self.document.limits.levels
        node = max(range(len(self.level)), key=self.level.__getitem__)
        if self.level[node] > most:
            message = f"{quoted(self.names[node])} is deeper than {most} levels by its longest path"
            self.document.fault("T111", message, self.rows[node - 1].mark, path=_path(self.rows, node - 1))

    def named_level(self, node: int, above: int) -> int:
        """The level that a node names, else the one below; T205 where there is none of the name."""
        name = self.rows[node - 1].level
        named = above + 1 if name is None else self.number.get(name)
        if named is None:
            self.note_no_level(node)
        return named or above + 1

    def note_no_level(self, node: int) -> None:
        row = self.rows[node - 1]
        name = row.level or ""
        message = f"{quoted(row.name)} names the level {quoted(name)}, which is not in `levels`"
        expected = "one of " + ", ".join(self.number) if self.number else "a list `levels` at the top"
        words: Words = {"path": _path(self.rows, node - 1), "expected": expected}
        words["help"] = did_you_mean(name, list(self.number))
        # At the word that is wrong, not at the node's name.
        self.document.fault("T205", message, row.level_mark, found=name, **words)

    # -- what is said of a fault --------------------------------------------------------------------

    def where(self, node: int) -> Words:
        place = self.document.place(self.rows[node - 1].mark)
        return {**super().where(node), **place, "path": _path(self.rows, node - 1)}

    def twice(self, node: int, first: int, parent: int) -> Words:
        notes = (self.document.note("first written here", self.rows[first - 1].mark),)
        words = {**super().twice(node, first, parent), "notes": notes}
        words["help"] = "rename one, or give it another parent"
        further = None if self.further is None else self.further.marks.get((node, parent))
        return words if further is None else {**words, **self.document.place(further)}

    def too_deep(self, node: int, level: int) -> Words:
        words = super().too_deep(node, level)
        return {
            **words,
            "found": f"depth {len(words['path'])}",
            "expected": f"at most {len(self.levels)} levels: {', '.join(self.levels) or 'none'}",
            "help": "name one more level in `levels`, or take one out of the tree",
        }

    def not_below(self, node: int, level: int, above: int) -> Words:
        named = self.levels[level - 1]
        message = f"{quoted(self.names[node])} is on level {quoted(named)}, not below its parent's level"
        expected = "one of " + ", ".join(key for key, value in self.number.items() if value > above)
        return {**self.where(node), "message": message, "found": named, "expected": expected}

    def not_below_one(self, node: int, parent: int, level: int) -> Words:
        words = super().not_below_one(node, parent, level)
        if self.further is not None and parent in self.further.of(node):
            words |= self.further.level_words(node, parent, self.levels[level - 1])
        return words

    def cycle(self, keys: Sequence[Any]) -> Words:
        return super().cycle(keys) if self.further is None else self.further.cycle(keys)

    def few_leaves(self, leaves: int) -> Words:
        last = self.rows[-1] if self.rows else None
        message = f"the tree has {leaves} leaf, {quoted(last.name)}" if last else "no leaves"
        place = self.document.place(last.mark if last else None)
        return {**place, "message": message, "path": ("tree",), "expected": "at least two leaves"}


def _path(rows: Sequence[NodeRow], index: int) -> tuple[str, ...]:
    names: list[str] = []
    while index >= 0:
        names.append(rows[index].name)
        index = rows[index].parent
    return tuple(reversed(names))


def _check_levels(specs: Sequence[LevelSpec], marks: Sequence[Mark | None], document: Document) -> None:
    most = document.limits.levels
    if len(specs) > most:
        message = f"{len(specs)} levels; at most {most} levels are allowed"
        document.fault("T111", message, marks[most], path=("levels",))
    seen: dict[str, Mark | None] = {}
    for spec, mark in zip(specs, marks, strict=True):
        if spec.name in seen:
            message = f"the level {quoted(spec.name)} is named twice"
            notes = (document.note("first written here", seen[spec.name]),)
            path = ("levels", spec.name)
            document.fault("T209", message, mark, found=spec.name, notes=notes, path=path)
        seen.setdefault(spec.name, mark)
    weights = [spec.weight for spec in specs]
    missing = [spec.name for spec in specs if spec.weight is None]
    if missing and len(missing) < len(specs):
        mark = marks[weights.index(None)]
        message = "only some levels have a weight; none for " + ", ".join(map(quoted, missing))
        expected = "a weight for every level (0 leaves a level out), or for none"
        document.fault("T207", message, mark, path=("levels", missing[0]), expected=expected)
    elif weights and not missing and not any(weights):
        message = "all level weights are 0: nothing would be learned"
        document.fault("T208", message, marks[0], path=("levels",), expected="one weight above 0")


def _warn_of_lookalikes(rows: Sequence[NodeRow], document: Document) -> None:
    """Beside other faults; of a sound file `taxoloss inspect` tells the same."""
    alike: dict[tuple[int, str], NodeRow] = {}
    for index, row in enumerate(rows):
        twin = alike.setdefault((row.parent, lookalike(row.name)), row)
        if twin.name != row.name and row.name:
            message = f"{quoted(row.name)} looks like its sibling {quoted(twin.name)}"
            notes = (document.note("this one", twin.mark),)
            document.fault("T408", message, row.mark, path=_path(rows, index), notes=notes)


def _check_aliases(
    rows: Sequence[NodeRow], also_under: Sequence[tuple[int, int]], document: Document
) -> None:
    """An alias must not name two leaves: which of them would a dataset mean?"""
    if not any(row.aliases for row in rows):
        return
    parents = {row.parent for row in rows} | {parent - 1 for _, parent in also_under}
    leaves = [(index, row) for index, row in enumerate(rows) if index not in parents and row.name]
    owner = {row.name: index for index, row in leaves}
    for index, row in leaves:
        for alias in row.aliases:
            other = owner.setdefault(alias, index)
            if other != index:
                message = f"the alias {quoted(alias)} of {quoted(row.name)} also names another leaf"
                notes = (document.note("this one", rows[other].mark),)
                path = _path(rows, index)
                document.fault("T210", message, row.mark, path=path, found=alias, notes=notes)
