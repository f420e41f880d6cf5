"""Nodes put below each other one by one, and what makes them no tree: each such fault is found here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any, TypeAlias, TypeVar

import numpy as np

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import FaultLog
from taxoloss.taxonomy.names import MAX_NAME, name_faults
from taxoloss.taxonomy.tree.arrays import Tree, arrange
from taxoloss.taxonomy.tree.reach import topological_order

__all__ = ["TreeBuilder", "Words"]

#: What is said of a fault: the fields of a `Fault` beside its code.
Words: TypeAlias = dict[str, Any]
_Key = TypeVar("_Key", bound=Hashable)


class TreeBuilder:
    """Nodes by number, parents first, the root 0; what cannot stand where it is put is noted in the log.

    A class of its own for each kind of source says where a node stands there (`where`), and, where the
    words below do not fit, what is at fault.
    """

    def __init__(self, log: FaultLog, deepest: float = inf) -> None:
        self.log = log
        self.deepest = deepest
        self.names = [""]
        self.parent = [0]
        self.level = [0]
        # A dict for each parent: one dict of pairs (parent, name) is slower and several times as large.
        self.children: defaultdict[int, dict[str, int]] = defaultdict(dict)

    # -- child and parent, in any order -------------------------------------------------------------

    def check_parents(self, parents: Mapping[_Key, Sequence[_Key]]) -> None:
        """T203 for each node with several parents."""
        for key, above in parents.items():
            if len(above) > 1:
                self.log.note("T203", **self.several_parents(key, above))

    def check_cycles(self, parents: Mapping[_Key, Sequence[_Key]]) -> None:
        """T211 for each cycle; where nodes have several parents, for the first from each start."""
        for cycle in _cycles(parents):
            self.log.note("T211", **self.cycle(cycle))

    # -- nodes, parents first -----------------------------------------------------------------------

    def add(self, parent: int, name: str, *, known: bool = True) -> int:
        """A new node; T201 where a sibling has its name (which is not known where it is at fault)."""
        node = len(self.names)
        self.names.append(name)
        self.parent.append(parent)
        if known and (first := self.children[parent].setdefault(name, node)) != node:
            self.log.note("T201", **self.twice(node, first, parent))
        return node

    def join(self, further: Iterable[tuple[int, int]]) -> None:
        """T201 where a node's further parent (node, parent) has another child of its name."""
        for node, parent in further:
            if (first := self.children[parent].setdefault(self.names[node], node)) != node:
                self.log.note("T201", **self.twice(node, first, parent))

    def check_name(self, node: int, name: str) -> None:
        """A fault of form where the name of a node is none."""
        if name.isprintable() and name.strip() and len(name) <= MAX_NAME:
            return  # a quarter of the time of a million rows; no character that names forbid is printable
        for code, message in name_faults(name):
            self.log.note(code, **self.no_name(node, message))

    def place(self, parent: int, level: int, instead: int | None = None) -> None:
        """The level of the next node without one; T206 where it is not below its parent's.

        `instead` then stands for it. T204 where it is too deep: once for a branch.
        """
        node, above = len(self.level), self.level[parent]
        if level <= above:
            self.log.note("T206", **self.not_below(node, level, above))
            level = level if instead is None else instead
        self.check_first_depth(node, level, above)
        self.level.append(level)

    def check_first_depth(self, node: int, level: int, above: int) -> None:
        """T204 where a level is too deep, and the level above it is not."""
        if level > self.deepest >= above:
            self.check_depth(node, level)

    def place_along(
        self, parents: Mapping[int, Sequence[int]], level_of: Callable[[int, int], int]
    ) -> None:
        """The level of every node, below all of its parents: that of its longest path.

        Args:
            parents: of each node but the root; without a cycle.
            level_of: the level of a node, from its number and the level of the deepest of its parents.
        """
        self.level = [0] * len(self.names)
        edges = ((parent, node) for node, above in parents.items() for parent in above)
        for node in topological_order(edges)[1:]:
            deepest = max(self.level[parent] for parent in parents[node])
            level = level_of(node, deepest)
            for parent in parents[node]:
                if level <= self.level[parent]:
                    self.log.note("T206", **self.not_below_one(node, parent, level))
            self.level[node] = max(level, deepest + 1)
            self.check_first_depth(node, self.level[node], deepest)

    def check_depth(self, node: int, level: int) -> bool:
        """Whether a level is not too deep for a node; T204 where it is."""
        if level > self.deepest:
            self.log.note("T204", **self.too_deep(node, level))
        return level <= self.deepest

    def check_level(self, node: int, level: int) -> None:
        """T206 where a node that is named again stands on another level than before."""
        if level != self.level[node]:
            self.log.note("T206", **self.on_two_levels(node, level))

    def check_leaves(self, further: Iterable[int] = ()) -> None:
        """T202 where there are fewer than two leaves; further parents are none."""
        leaves = len(self.names) - 1 - len({*self.parent[1:], *further} - {0})
        if leaves < 2:
            self.log.note("T202", **self.few_leaves(leaves))

    def tree(
        self,
        levels: tuple[str, ...],
        *,
        arranged: bool = False,
        also_under: Sequence[tuple[int, int]] = (),
    ) -> Tree:
        """The tree in depth-first order (`arranged`: that of the numbers), siblings as they came.

        `also_under` are (node, further parent), in any order.
        """
        parent, level = np.array(self.parent, np.int64), np.array(self.level, np.int64)
        also = np.array(sorted(also_under), np.int64) if also_under else None
        if arranged:
            return Tree(tuple(self.names), parent, level, levels, also_under=also)
        order = arrange(parent)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        names = tuple(map(self.names.__getitem__, order.tolist()))
        if also is not None:
            also = np.array(sorted(number[also].tolist()), np.int64)
        return Tree(names, number[parent[order]], level[order], levels, also_under=also)

    # -- what is said of a fault --------------------------------------------------------------------

    def where(self, node: int) -> Words:
        """What every fault of a node says: its place, and its name as what was found."""
        return {"found": self.names[node]}

    def called(self, key: Any) -> str:
        """A node of `parents` by its name."""
        return str(key)

    def no_name(self, node: int, message: str) -> Words:
        """Of a name at fault."""
        return {**self.where(node), "message": message}

    def twice(self, node: int, first: int, parent: int) -> Words:
        """Of T201."""
        below = f"under {quoted(self.names[parent])}" if parent else "at the top"
        return {**self.where(node), "message": f"{quoted(self.names[node])} stands twice {below}"}

    def several_parents(self, key: Any, parents: Sequence[Any]) -> Words:
        """Of T203."""
        shown = ", ".join(quoted(self.called(parent)) for parent in dict.fromkeys(parents))
        message = f"{quoted(self.called(key))} has {len(parents)} parents: {shown}"
        return {"message": message, "found": self.called(key), "expected": "one parent"}

    def too_deep(self, node: int, level: int) -> Words:
        """Of T204."""
        return {**self.where(node), "message": f"{quoted(self.names[node])} is below the deepest level"}

    def not_below(self, node: int, level: int, above: int) -> Words:
        """Of T206, for a level that is not below the parent's, `above`."""
        message = f"{quoted(self.names[node])}: level {level} is not below its parent's level {above}"
        return {**self.where(node), "message": message}

    def not_below_one(self, node: int, parent: int, level: int) -> Words:
        """The same of one of several parents."""
        return self.not_below(node, level, self.level[parent])

    def on_two_levels(self, node: int, level: int) -> Words:
        """Of T206, for a node that is named again, on this level."""
        message = f"{quoted(self.names[node])} stands on level {level}, and on level {self.level[node]}"
        return {**self.where(node), "message": message}

    def cycle(self, keys: Sequence[Any]) -> Words:
        """Of T211."""
        shown = " > ".join(quoted(self.called(key)) for key in keys)
        return {"message": f"a cycle: {shown}", "expected": "no cycle"}

    def few_leaves(self, leaves: int) -> Words:
        """Of T202."""
        return {"message": "there are fewer than two leaves", "expected": "at least two"}


def _cycles(parents: Mapping[_Key, Sequence[_Key]]) -> Iterator[list[_Key]]:
    """Cycles from top to bottom, the first node again at the end: at most one from each start."""
    done: set[_Key] = set()
    for start in parents:
        if start in done:
            continue
        path: dict[_Key, None] = {start: None}
        cycle: list[_Key] = []
        waiting = [iter(parents[start])]
        while waiting:
            for key in waiting[-1]:
                if key in path and not cycle:
                    keys = list(path)
                    cycle = [*keys[keys.index(key) :], key][::-1]
                elif key not in path and key not in done:
                    path[key] = None
                    waiting.append(iter(parents[key]))
                    break
            else:
                waiting.pop()
                done.add(path.popitem()[0])
        if cycle:
            yield cycle
