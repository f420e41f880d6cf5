"""The further parents that nodes of a file name: from words to nodes, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import Note
from taxoloss.taxonomy.binding import NameIndex
from taxoloss.taxonomy.file.document import Document, Mark
from taxoloss.taxonomy.file.parser import NodeRow
from taxoloss.taxonomy.tree.arrays import Tree
from taxoloss.taxonomy.tree.builder import TreeBuilder, Words
from taxoloss.taxonomy.tree.reach import REDUNDANT, redundant_edges

__all__ = ["FurtherParents"]


class FurtherParents:
    """For each node that names some (`also_under`) its further parents, and where they are named.

    Row i of a file is node i + 1; node 0 is the root.
    """

    def __init__(self, rows: Sequence[NodeRow], names: Sequence[str], document: Document) -> None:
        self.rows, self.document = rows, document
        #: Of (node, further parent) the place of the word that says so.
        self.marks: dict[tuple[int, int], Mark | None] = {}
        self.home = {node: row.parent + 1 for node, row in enumerate(rows, 1)}
        parent = np.array([0, *self.home.values()], np.int64)
        self.tree = Tree(tuple(names), parent, np.zeros(len(parent), np.int64), ())
        aliases = {node: row.aliases for node, row in enumerate(rows, 1) if row.aliases}
        self.index = NameIndex(self.tree, aliases)
        self._find()

    def of(self, node: int) -> list[int]:
        """The further parents of a node."""
        return self._of.get(node, [])

    def parents(self) -> dict[int, list[int]]:
        """All parents of each node, its home first."""
        return {node: [home, *self.of(node)] for node, home in self.home.items()}

    def edges(self) -> list[tuple[int, int]]:
        """(node, further parent), in increasing order."""
        return sorted((node, parent) for node, parents in self._of.items() for parent in parents)

    # -- from words to nodes -----------------------------------------------------------------------

    def _find(self) -> None:
        self._of: dict[int, list[int]] = {}
        for node, row in enumerate(self.rows, 1):
            for words, mark in row.also_under:
                parent = self._node(node, words, mark)
                if parent is not None and (node, parent) not in self.marks:
                    self.marks[node, parent] = mark
                    self._of.setdefault(node, []).append(parent)
                elif parent is not None:
                    self._warn(node, f"{self._shown(parent)} is named twice", mark)

    def _node(self, node: int, words: str | tuple[str, ...], mark: Mark | None) -> int | None:
        """The node that the words name; T213 where it is none, or several."""
        found = self.index.find(words)
        if found == [0]:
            found = []
        if len(found) == 1:
            return found[0]
        shown = words if isinstance(words, str) else "/".join(words) or "[]"
        message = f"{self._shown(node)} is also under {quoted(shown)}, which is no node of the tree"
        help = next(iter(self.index.hints([words], self.tree.names[1:])), None) if words else None
        if found:
            paths = [quoted("/".join(self.tree.path(one))) for one in found]
            message = f"{self._shown(node)} is also under {quoted(shown)}, which names {len(found)} nodes: "
            message += ", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
            help = f"give the path, such as {paths[0]}"
        expected = "the path of another node, or its name where that is unique"
        self._fault("T213", node, message, mark, found=shown, expected=expected, help=help)
        return None

    # -- what is wrong with them -------------------------------------------------------------------

    def check_cycles(self, builder: TreeBuilder) -> bool:
        """Whether there is no cycle; T211 for each, with the edges that make it."""
        before = len(self.document.log.faults)
        for node, parents in self._of.items():
            if node in parents:
                message = f"{self._shown(node)} is also under itself"
                mark = self.marks[node, node]
                self._fault("T211", node, message, mark, expected="another node")
        others = {
            node: [p for p in parents if p not in (0, node)] for node, parents in self.parents().items()
        }
        builder.check_cycles(others)
        return len(self.document.log.faults) == before

    def cycle(self, nodes: Sequence[int]) -> Words:
        """Of T211: the cycle from top to bottom, and where each of its edges is written."""
        edges = [(below, above) for above, below in pairwise(nodes)]
        named = [edge for edge in edges if edge in self.marks]
        shown = " > ".join(map(self._shown, nodes))
        notes = tuple(self._edge(below, above) for below, above in edges if (below, above) != named[0])
        return {
            **self.document.place(self.marks[named[0]]),
            "message": f"a cycle: {shown}",
            "path": self.tree.path(named[0][0]),
            "found": self.tree.names[named[0][1]],
            "expected": "no cycle",
            "help": f"take {self._shown(named[0][1])} out of `also_under` of {self._shown(named[0][0])}",
            "notes": notes,
        }

    def _edge(self, node: int, parent: int) -> Note:
        if (node, parent) in self.marks:
            text = f"{self._shown(node)} is also under {self._shown(parent)}"
            return self.document.note(text, self.marks[node, parent])
        text = f"{self._shown(node)} is written under {self._shown(parent)}"
        return self.document.note(text, self.rows[node - 1].mark)

    def drop_redundant(self) -> None:
        """Leaves out edges that others say as well (T412); T214 where that is the one to the home."""
        for node, home in self.home.items():
            if home in self.of(node):
                message = f"{self._shown(node)} is written under {self._shown(home)}"
                self._warn(node, message, self.marks[node, home])
                self._of[node].remove(home)
        for node, parent, lower in redundant_edges(self.parents()):
            if parent == self.home[node]:
                self._above(node, parent, lower)
                continue
            way = f"{self._shown(lower)}, which is below {self._shown(parent)} already"
            self._warn(node, f"{self._shown(node)} is under {way}", self.marks[node, parent])
            self._of[node].remove(parent)
        self._of = {node: parents for node, parents in self._of.items() if parents}

    def _above(self, node: int, home: int, lower: int) -> None:
        """T214: a further parent is itself below the place where the node is written."""
        where = f"under {self._shown(home)}" if home else "at the top"
        message = f"{self._shown(node)} is written {where}, and also under {self._shown(lower)}, which is"
        message += " below it" if home else " below the top, as all are"
        help = f"write it under {self._shown(lower)}"
        found = self.tree.names[lower]
        self._fault("T214", node, message, self.marks.get((node, lower)), found=found, help=help)

    def level_words(self, node: int, parent: int, level: str) -> Words:
        """Of T206: a further parent that stands on no level above the node's own."""
        further = f"not below the level of its further parent {self._shown(parent)}"
        return {
            **self.document.place(self.marks[node, parent]),
            "message": f"{self._shown(node)} is on level {quoted(level)}, {further}",
            "path": self.tree.path(node),
            "found": level,
        }

    def _shown(self, node: int) -> str:
        """A node by its name, or by its path where others are called so."""
        name = self.tree.names[node]
        return quoted(name if len(self.index.by_name(name)) < 2 else "/".join(self.tree.path(node)))

    def _warn(self, node: int, message: str, mark: Mark | None) -> None:
        help = "take it out of `also_under`"
        self._fault("T412", node, f"{REDUNDANT}{message}", mark, help=help)

    def _fault(self, code: str, node: int, message: str, mark: Mark | None, **more: str | None) -> None:
        self.document.fault(code, message, mark, path=self.tree.path(node), **more)
