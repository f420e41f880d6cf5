"""The nodes of a source put below each other, and what is said where they cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import Note
from taxoloss.sources.all_parents import Parents, numbered
from taxoloss.taxonomy.tree.builder import TreeBuilder, Words

if TYPE_CHECKING:
    from taxoloss.sources.graph import SourceGraph

__all__ = ["GraphTree"]


class GraphTree(TreeBuilder):
    """The nodes of a source, depth first, each with its key."""

    def __init__(self, graph: SourceGraph) -> None:
        super().__init__(graph.log)
        self.graph = graph
        self.keys = [""]  # of the nodes, the root's first
        self.number: dict[str, int] = {}  # of the ranks that are levels

    def place_next(self, key: str, above: int) -> None:
        """The level of the next node: that of its rank, or the one below its parent's."""
        level = self.level_of(key, self.level[above])
        self.place(above, level)
        self.check_limit(key, level)

    def place_all(self, parents: Parents) -> list[tuple[int, int]]:
        """The levels of all nodes, below all of their parents; and (node, further parent) of each."""
        number = {key: place for place, key in enumerate(self.keys)}
        of = numbered(parents, number)
        self.place_along(of, lambda node, above: self.level_of(self.keys[node], above))
        deepest = max(range(len(self.level)), key=self.level.__getitem__)
        self.check_limit(self.keys[deepest], self.level[deepest])
        return [(node, parent) for node, above in of.items() for parent in above[1:]]

    def level_of(self, key: str, above: int) -> int:
        """The level of a node's rank, where ranks are levels; else the one below."""
        rank = (self.graph.nodes[key].rank or "").casefold()
        return self.number[rank] if self.number else above + 1

    def check_limit(self, key: str, level: int) -> None:
        """T111 where a node is too deep."""
        node, most = self.graph.nodes[key], self.graph.options.limits.levels
        if level > most:
            self.graph.fault("T111", f"{quoted(node.name)} is deeper than {most} levels", node.line)
            self.log.raise_all()

    # -- what is said of a fault --------------------------------------------------------------------

    def where(self, node: int) -> Words:
        return self.where_key(self.keys[node])

    def where_key(self, key: str) -> Words:
        """The same by key."""
        return {"line": self.graph.nodes[key].line, "found": self.graph.nodes[key].name}

    def called(self, key: str) -> str:
        return self.graph.called(key)

    def several_parents(self, key: str, parents: Sequence[str]) -> Words:
        help = "--parent all keeps them; --parent first, most-common or ask keeps one"
        return {**super().several_parents(key, parents), **self.where_key(key), "help": help}

    def cycle(self, keys: Sequence[str]) -> Words:
        shown = " > ".join(quoted(self.graph.nodes[key].name) for key in keys[:20])
        line = self.graph.nodes[keys[0]].line
        return {"line": line, "message": f"a cycle: {shown}", "expected": "no cycle"}

    def not_below(self, node: int, level: int, above: int) -> Words:
        ranks, words = list(self.number), self.where(node)
        of = f"of rank {ranks[level - 1]}, stands below one of rank {ranks[above - 1]}"
        return {**words, "message": f"{quoted(words['found'])}, {of}"}

    def twice(self, node: int, first: int, parent: int) -> Words:
        one, other = self.keys[first], self.keys[node]
        note = Note(f"these are {one} and {other} in the source", self.graph.nodes[one].line)
        return {**super().twice(node, first, parent), "notes": (note,)}

    def few_leaves(self, leaves: int) -> Words:
        return {"message": "the source holds fewer than two leaves", "expected": "at least two"}
