"""Random trees some of whose inner nodes are classes, and what metrics say of them, by networkx."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import networkx as nx
from hypothesis import strategies as st
from trees import Case, Path, from_mapping, taxonomies

from taxoloss import Taxonomy

#: The rows of a table with a family (a class), a genus (a class) and species, as in contests at sea.
SEA = [
    ("Octopodidae", "Octopus", "Octopus rubescens"),
    ("Octopodidae", "Octopus", "Octopus cyanea"),
    ("Octopodidae", "Muusoctopus", "Muusoctopus robustus"),
    ("Sebastidae", "Sebastes", "Sebastes diploproa"),
    ("Sebastidae", "Sebastolobus", "Sebastolobus alascanus"),
]
CLASSES = ["Octopodidae", *(row[-1] for row in SEA), "Sebastes"]


@dataclass(frozen=True)
class InnerCase:
    """A tree of nodes 0 (the root), 1, .., which of them are the classes, and the taxonomy bound."""

    case: Case
    #: For each class its node: a leaf or an inner node.
    nodes: tuple[int, ...]
    #: The taxonomy before it is bound, and bound with inner classes.
    unbound: Taxonomy
    taxonomy: Taxonomy

    def __repr__(self) -> str:
        return f"InnerCase({self.case!r}, nodes={self.nodes})"

    @property
    def paths(self) -> list[Path]:
        """What the dataset calls its classes."""
        return [self.case.path(node) for node in self.nodes]

    @cached_property
    def graph(self) -> nx.DiGraph[int]:
        """The tree as it was before any class got a leaf of its own."""
        return nx.DiGraph([(self.case.parent[node], node) for node in range(1, len(self.case.parent))])

    @cached_property
    def steps(self) -> dict[int, dict[int, int]]:
        """Edges between any two nodes."""
        return dict(nx.all_pairs_shortest_path_length(self.graph.to_undirected()))

    @cached_property
    def node_of(self) -> dict[int, int]:
        """Target id -> node: classes, then inner nodes, found by their paths."""
        by_path = {self.case.path(node): node for node in range(len(self.case.parent))}
        count = len(self.nodes)
        inner = range(count, self.taxonomy.num_nodes)
        return {**dict(enumerate(self.nodes)), **{n: by_path[self.taxonomy.path(n)] for n in inner}}

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Every answer with every target, the root no target."""
        root = self.taxonomy.num_nodes - 1
        return ((a, t) for a in self.node_of for t in self.node_of if t != root)

    def line(self, node: int) -> list[int]:
        """The root, the ancestors, the node."""
        return [int(n) for n in nx.shortest_path(self.graph, 0, node)]

    def lca(self, one: int, other: int) -> int:
        """The lowest common ancestor of two nodes."""
        return [node for node in self.line(one) if node in self.line(other)][-1]

    def height(self, node: int) -> int:
        """Edges to the deepest node below."""
        return max(nx.single_source_shortest_path_length(self.graph, node).values())

    def is_right(self, answer: int, target: int) -> bool:
        """The target's node; where the target is no class, also what is below it."""
        a, t = self.node_of[answer], self.node_of[target]
        return a == t or (target >= len(self.nodes) and t in self.line(a))

    def is_true(self, answer: int, target: int) -> bool:
        """The target's node or one above it."""
        return self.node_of[answer] in self.line(self.node_of[target])

    def edges(self, answer: int, target: int) -> int:
        """0 for a right answer, else the shortest path in the tree."""
        right = self.is_right(answer, target)
        return 0 if right else self.steps[self.node_of[answer]][self.node_of[target]]

    def distance(self, answer: int, target: int) -> int:
        """0 for a right answer, else the height of the LCA."""
        a, t = self.node_of[answer], self.node_of[target]
        return 0 if self.is_right(answer, target) else self.height(self.lca(a, t))

    def ancestors(self, node: int) -> set[int]:
        """Ancestors-or-self without the root."""
        return set(self.line(node)) - {0}

    def on_level(self, ident: int, level: int) -> tuple[int, bool] | None:
        """What an id stands for on a level: a node, or that very class; None below an inner node."""
        node = self.node_of[ident]
        deep = [n for n in self.line(node)[1:] if self.case.level[n] >= level]
        if deep:
            return deep[0], False
        return (node, True) if node in self.nodes else None


@st.composite
def inner_cases(draw: st.DrawFn) -> InnerCase:
    """At least one class is an inner node; classes are in any order."""
    case = draw(taxonomies(min_depth=2).filter(lambda c: any(c.parent[n] for n in range(1, len(c.parent)))))
    case = replace(case, names=("", *(f"x{node}" for node in range(1, len(case.parent)))))
    inner = [node for node in range(1, len(case.parent)) if node not in case.order]
    chosen = draw(st.lists(st.sampled_from(inner), min_size=1, unique=True))
    nodes = draw(st.permutations([*case.order, *chosen]))
    unbound = from_mapping(case)
    names = [case.path(node) for node in nodes]
    return InnerCase(
        case, tuple(nodes), unbound, unbound.bind(names, node_targets=True, inner_classes=True)
    )
