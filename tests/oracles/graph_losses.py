"""The loss of a graph and its gradient by their definition, in plain Python: no code of the package."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt
from graphs import GraphCase
from mpmath import mp, mpf

__all__ = ["GraphOracle", "exact_row", "geometric_weights", "level_weights", "proper_weights"]

Array = npt.NDArray[np.float64]
Costs = dict[int, float]
#: Of a target what it weighs each of its ancestors.
Weigh = Callable[[GraphCase, int], Costs]


def line(case: GraphCase, node: int) -> set[int]:
    """A node and all above it, the root left out."""
    return {node, *case.above[node]} - {0}


def on_level(case: GraphCase, node: int, level: int) -> set[int]:
    """Its ancestors on a level; where there is none the highest below; nothing below an inner node."""
    nodes, label = line(case, node), node in case.classes
    if case.level[node] < level and not label:
        return set()
    here = {one for one in nodes if case.level[one] == level}
    deeper = {one for one in nodes if case.level[one] > level}
    return here or {one for one in deeper if not case.above[one] & deeper} or {node}


def level_weights(weights: Sequence[float]) -> Weigh:
    """Of weights by level: each is shared by a target's ancestors on that level."""

    def weigh(case: GraphCase, node: int) -> Costs:
        costs: Costs = {}
        for level, weight in enumerate(weights, 1):
            nodes = on_level(case, node, level) if node else set()
            for one in nodes:
                costs[one] = costs.get(one, 0.0) + weight / len(nodes)
        return costs

    return weigh


def geometric_weights(d: float) -> Weigh:
    """By the shortest way up, as networkx finds it."""

    def weigh(case: GraphCase, node: int) -> Costs:
        graph = nx.DiGraph(case.edges)
        ways = nx.single_target_shortest_path_length(graph, node)
        return {one: d * (1 - d) ** edges for one, edges in dict(ways).items() if one}

    return weigh


def proper_weights(of_node: Costs) -> Weigh:
    """One weight a node; classes are filled up to the largest sum."""

    def weigh(case: GraphCase, node: int) -> Costs:
        sums = {c: sum(of_node.get(one, 0.0) for one in line(case, c)) for c in case.classes}
        costs = {one: of_node.get(one, 0.0) for one in line(case, node)}
        if node in case.classes:
            costs[node] += max(sums.values()) - sums[node]
        return costs

    return weigh


@dataclass(frozen=True)
class GraphOracle:
    """What a loss depends on besides logits and target; numbers of nodes are the case's."""

    case: GraphCase
    #: For each class its node.
    order: Sequence[int]
    weigh: Weigh
    #: By level, where smoothing spreads what they weigh.
    levels: Sequence[float] = ()
    weight: Sequence[float] | None = None
    smoothing: float = 0.0

    def below(self, node: int) -> list[int]:
        """The class numbers below a node."""
        return [at for at, label in enumerate(self.order) if label in self.case.below(node) or not node]

    def node_weight(self, node: int) -> float:
        """The mean weight of the classes below."""
        below = self.below(node)
        return 1.0 if self.weight is None else math.fsum(self.weight[c] for c in below) / len(below)

    def index_costs(self, node: int) -> Costs:
        """How much of -log P each node brings to the loss of a target."""
        e, own = self.smoothing, self.node_weight(node)
        costs = {one: (1 - e) * own * w for one, w in self.weigh(self.case, node).items()} if node else {}
        if e and node:
            for level, w in enumerate(self.levels, 1):
                if on_level(self.case, node, level):
                    self._spread(costs, level, e * w)
        return costs

    def soft_costs(self, shares: dict[int, float]) -> Costs:
        """The same of probabilities of nodes; with smoothing, of classes."""
        costs: Costs = {}
        for node, share in shares.items():
            for one, w in self.weigh(self.case, node).items() if node else ():
                part = (1 - self.smoothing) * share * self.node_weight(node) * w
                costs[one] = costs.get(one, 0.0) + part
        for level, w in enumerate(self.levels, 1) if self.smoothing else ():
            self._spread(costs, level, self.smoothing * w)
        return costs

    def _spread(self, costs: Costs, level: int, weight: float) -> None:
        nodes = self.case.stands(level) if level < self.case.depth else set(self.case.classes)
        for one in nodes:
            costs[one] = costs.get(one, 0.0) + weight / len(nodes) * self.node_weight(one)

    def row(self, logits: Sequence[float], costs: Costs) -> tuple[float, Array]:
        """The loss of one sample and its gradient: d(-log P(n)) = p_j - [j below n] p_j / P(n)."""
        top = max(logits)
        terms = np.array([math.exp(z - top) for z in logits])
        p = terms / math.fsum(terms)
        value, gradient = 0.0, np.zeros(len(p))
        for node, cost in costs.items():
            inside = np.isin(np.arange(len(p)), self.below(node))
            mass = math.fsum(p[inside])
            value -= cost * math.log(mass)
            gradient += cost * (p - np.where(inside, p / mass, 0.0))
        return value, gradient


def exact_row(
    logits: Sequence[float], costs: Sequence[tuple[set[int], float]]
) -> tuple[float, list[float]]:
    """A row to sixty digits, of the classes that each ancestor reaches and its weight, 0 left out.

    An ancestor without mass costs inf, and pulls its class where that is all it reaches, as in torch.
    """
    count = len(logits)
    with mp.workdps(60):
        top = max(logits)
        terms = [mp.exp(mpf(z) - mpf(top)) if z > -math.inf else mpf(0) for z in logits]
        total, loss, factors, pulls = mp.fsum(terms), mpf(0), [mpf(0)] * count, [mpf(0)] * count
        for inside, weight in costs:
            mass = mp.fsum(terms[j] for j in inside)
            rest = mp.fsum(term for j, term in enumerate(terms) if j not in inside)
            loss += weight * mp.log1p(rest / mass) if mass else mp.inf
            if not mass and len(inside) == 1:
                pulls[min(inside)] += weight
            for j in range(count):
                lacking = -weight * rest / mass if mass else 0
                factors[j] += lacking if j in inside else weight
        slopes = [t * f / total - pull for t, f, pull in zip(terms, factors, pulls, strict=True)]
        return float(loss), [float(slope) for slope in slopes]
