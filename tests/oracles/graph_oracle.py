"""What metrics and decisions say where nodes have several parents, by sets of ancestors and by networkx."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import networkx as nx
from graphs import GraphCase


class Oracle:
    """What is said of pairs of ids, by sets of ancestors and by networkx."""

    def __init__(self, case: GraphCase) -> None:
        self.case, self.graph = case, nx.DiGraph(case.edges)
        self.taxonomy = case.taxonomy.bind(node_targets=True)
        self.ids = {node: self.taxonomy.node_id(case.path(node)) for node in [0, *case.nodes]}
        self.nodes = {number: node for node, number in self.ids.items()}
        ways = nx.single_target_shortest_path_length
        self.ways = {node: dict(ways(self.graph, node)) for node in self.ids}

    def above(self, number: int) -> set[int]:
        """The nodes of an id, all above it, and the root."""
        node = self.nodes[number]
        return {node, *self.case.above[node], 0}

    def below(self, node: int) -> int:
        """How many classes."""
        return len(self.case.below(node)) if node else len(self.case.classes)

    def height(self, node: int) -> int:
        """By the longest of all ways down."""
        below = {node, *nx.descendants(self.graph, node)}
        return nx.dag_longest_path_length(self.graph.subgraph(below))

    def lca(self, one: int, other: int) -> int:
        """The node that says most; of equals the deepest, then that with the smallest id."""
        level = self.case.level
        common = self.above(one) & self.above(other)
        return min(common, key=lambda node: (self.below(node), -level[node], self.ids[node]))

    def facts(self, answer: int, target: int) -> list[int]:
        """In the order of FACTS."""
        a, b = self.above(answer), self.above(target)
        said, true = len(a) - 1, len(b) - 1
        if self.nodes[target] in a:
            return [0, 0, 0, 1, 0, 1, true, true, true, 1]
        height = self.height(self.lca(answer, target))
        one, other = (self.ways[self.nodes[number]] for number in (answer, target))
        edges = min(one[node] + other[node] for node in a & b)
        return [height, 1, height, 1, edges, 1, len(a & b) - 1, said, true, 1]

    @cached_property
    def levels(self) -> list[list[int]]:
        """For each level its nodes in index order."""
        by_path = {self.case.path(node): node for node in self.case.nodes}
        return [[by_path[path] for path in self.taxonomy.paths(level)] for level in self.taxonomy.levels]

    @cached_property
    def classes_below(self) -> dict[int, list[int]]:
        """Of each node the numbers of its classes; all of them for the root."""
        of_all = {0: self.case.classes} | {node: [*self.case.below(node)] for node in self.case.nodes}
        return {node: sorted(self.ids[one] for one in found) for node, found in of_all.items()}

    def probability(self, logits: Sequence[float], node: int) -> float:
        """The sum over the classes that a node reaches."""
        top = max(logits)
        terms = [math.exp(z - top) for z in logits]
        return math.fsum(terms[label] for label in self.classes_below[node]) / math.fsum(terms)

    def best(self, logits: Sequence[float], level: int, k: int = 1) -> list[int]:
        """The k most probable nodes of a level, 0 .. L-1, the first of equals first."""
        return sorted(self.levels[level], key=lambda node: -self.probability(logits, node))[:k]

    def best_classes(self, logits: Sequence[float], k: int = 1) -> list[int]:
        """The ids of the k classes with the largest logits."""
        return sorted(range(len(logits)), key=lambda label: -logits[label])[:k]

    def on_level(self, number: int, level: int) -> set[int]:
        """The nodes of a level that are an id's own or above it."""
        return self.above(number) & set(self.levels[level])

    def information(self, node: int) -> float:
        """1 - log(classes below) / log(classes)."""
        return 1 - math.log(self.below(node)) / math.log(self.below(0))
