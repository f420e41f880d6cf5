"""Random trees, and the definition of every number in plain Python: no code of the package.

A `Case` keeps its own parents and levels, from which it is told where each class stands. Its
nodes are numbers of a small table, 0 the root; `ids` says which target id the design gives each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import taxoloss
from taxoloss import Taxonomy

Array = npt.NDArray[np.float64]

MAX_LEAVES = 25
#: No time limits, and the same trees on every run.
SETTINGS = settings(
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class Case:
    """A bound taxonomy, and the table of nodes and the order of classes that it was made from."""

    taxonomy: Taxonomy
    parent: tuple[int, ...]
    level: tuple[int, ...]
    names: tuple[str, ...]
    #: Number of levels; they are called L1 .. Ln.
    depth: int
    #: For each class its node.
    order: tuple[int, ...]

    def __repr__(self) -> str:
        return f"Case(parent={self.parent}, level={self.level}, order={self.order})"

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.order)

    @property
    def level_names(self) -> list[str]:
        """The names of the levels, top to bottom."""
        return [f"L{level}" for level in range(1, self.depth + 1)]

    def by_name(self, values: Sequence[float]) -> dict[str, float]:
        """One value a level as the dict that the loss takes."""
        return dict(zip(self.level_names, values, strict=True))

    def children(self, node: int) -> list[int]:
        """The nodes below a node, in the order of the tree."""
        return [n for n in range(1, len(self.parent)) if self.parent[n] == node]

    def line(self, node: int) -> list[int]:
        """The node and its ancestors, top down, the root left out."""
        line: list[int] = []
        while node:
            line.insert(0, node)
            node = self.parent[node]
        return line

    def path(self, node: int) -> tuple[str, ...]:
        """The names from the top down to a node."""
        return tuple(self.names[n] for n in self.line(node))

    def classes_below(self, node: int) -> list[int]:
        """The classes whose path holds the node; all of them for the root."""
        lines = [self.line(leaf) for leaf in self.order]
        return [c for c, line in enumerate(lines) if node == 0 or node in line]

    @cached_property
    def preorder(self) -> list[int]:
        """The nodes in the order of the tree, the root first."""
        return list(_walk(self, 0, after=False))

    @cached_property
    def ids(self) -> dict[int, int]:
        """Node -> target id: classes first, inner nodes in post-order, the root last."""
        inner = [n for n in _walk(self, 0, after=True) if n not in self.order]
        return {node: number for number, node in enumerate([*self.order, *inner])}

    @cached_property
    def by_id(self) -> list[int]:
        """Target id -> node."""
        return sorted(self.ids, key=self.ids.__getitem__)

    @cached_property
    def below(self) -> dict[int, list[int]]:
        """Node -> the classes below it."""
        return {node: self.classes_below(node) for node in range(len(self.parent))}

    def stands(self, label: int, level: int) -> int:
        """The node that a class has on a level: its own ancestor there, or what stands for it."""
        line = self.line(self.order[label])
        deeper = [node for node in line if self.level[node] >= level]
        return deeper[0] if deeper else line[-1]

    @cached_property
    def at_level(self) -> list[list[int]]:
        """For each level its nodes in index order: the tree's, on the deepest the classes'."""
        found = []
        for level in range(1, self.depth):
            here = {self.stands(label, level) for label in range(self.num_classes)}
            found.append([node for node in self.preorder if node in here])
        return [*found, list(self.order)]

    def counted(self, node: int, level: int) -> int | None:
        """The node on a level that a target counts for; None where the target stands above it."""
        here = {self.stands(label, level) for label in self.below[node]}
        known = here <= set(self.line(node))
        return here.pop() if known else None


def _walk(case: Case, node: int, after: bool) -> Iterator[int]:
    if not after:
        yield node
    for child in case.children(node):
        yield from _walk(case, child, after)
    if after:
        yield node


# -- making trees ----------------------------------------------------------------------------------


@st.composite
def taxonomies(draw: st.DrawFn, min_depth: int = 1, max_nodes: int = 34) -> Case:
    """Bound trees of 2..25 classes: ragged, with missing ranks, chains and repeated names."""
    depth = draw(st.integers(min_depth, 5))
    parent, level = [0], [0]
    for _ in range(draw(st.integers(1, max_nodes))):
        above = draw(st.sampled_from([n for n in range(len(level)) if level[n] < depth]))
        parent.append(above)
        level.append(min(depth, level[above] + draw(st.sampled_from((1, 1, 1, 2, 3)))))
        if len(_leaves(parent)) == MAX_LEAVES:
            break
    if len(_leaves(parent)) < 2:
        parent.append(0)
        level.append(1)
    order = draw(st.permutations(_leaves(parent)))
    return bound(parent, level, depth, order, as_rows=draw(st.booleans()))


def _leaves(parent: Sequence[int]) -> list[int]:
    return [node for node in range(1, len(parent)) if node not in parent[1:]]


def bound(
    parent: Sequence[int],
    level: Sequence[int],
    depth: int,
    order: Sequence[int],
    as_rows: bool = False,
    node_targets: bool = True,
) -> Case:
    """The case of a table of nodes; siblings are called n0, n1, ... in every branch."""
    earlier = [list(parent[1:node]).count(parent[node]) for node in range(len(parent))]
    names = tuple(f"n{rank}" for rank in earlier)
    unmade: Any = None
    case = Case(unmade, tuple(parent), tuple(level), names, depth, tuple(order))
    taxonomy = from_rows(case) if as_rows else from_mapping(case)
    paths = [case.path(leaf) for leaf in order]
    return replace(case, taxonomy=taxonomy.bind(paths, node_targets=node_targets))


def from_rows(case: Case) -> Taxonomy:
    """The tree through rows of names, None where a rank is missing."""
    rows = []
    for leaf in (node for node in case.preorder if node in case.order):
        row: list[str | None] = [None] * case.depth
        for node in case.line(leaf):
            row[case.level[node] - 1] = case.names[node]
        rows.append(row)
    return Taxonomy.from_paths(rows, case.level_names)


def from_mapping(case: Case) -> Taxonomy:
    """The tree through what a file holds, levels named where ranks are missing."""
    return taxoloss.load({"levels": case.level_names, "tree": _items(case, 0)})


def _items(case: Case, node: int) -> list[Any]:
    items: list[Any] = []
    for child in case.children(node):
        item: dict[str, Any] = {"name": case.names[child]}
        if case.level[child] != case.level[node] + 1:
            item["level"] = f"L{case.level[child]}"
        if child not in case.order:
            item["children"] = _items(case, child)
        items.append(item if len(item) > 1 else case.names[child])
    return items


def random_logits(case: Case, rng: np.random.Generator, *shape: int, scale: float = 3.0) -> Array:
    """Logits (n, C, d1..dk) for shape (n, d1..dk)."""
    return rng.normal(0, scale, (shape[0], case.num_classes, *shape[1:]))


seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


# -- the definition --------------------------------------------------------------------------------


def softmax(logits: Sequence[float]) -> list[float]:
    """Probabilities of the classes."""
    top = max(logits)
    terms = [math.exp(z - top) for z in logits]
    total = math.fsum(terms)
    return [term / total for term in terms]


def probability(case: Case, logits: Sequence[float], node: int) -> float:
    """P(n): the sum of softmax over the classes below the node."""
    p = softmax(logits)
    return math.fsum(p[label] for label in case.below[node])


@dataclass(frozen=True)
class Options:
    """What the loss depends on besides logits and target."""

    #: One row a node (by target id), one column a level.
    table: Array
    weight: Sequence[float] | Array | None = None
    smoothing: float = 0.0

    def node_weight(self, case: Case, node: int) -> float:
        """The mean weight of the classes below a node."""
        below = case.below[node]
        return 1.0 if self.weight is None else math.fsum(self.weight[c] for c in below) / len(below)


Costs = dict[int, float]


def index_costs(case: Case, target: int, options: Options) -> Costs:
    """How much of -log P(n) each node n brings to the loss of a node id."""
    node, e = case.by_id[target], options.smoothing
    costs: Costs = {}
    for number, nodes in enumerate(case.at_level):
        there = case.counted(node, number + 1)
        if there is None:
            continue
        w = float(options.table[target, number])
        _add(costs, there, w * (1 - e) * options.node_weight(case, node))
        for other in nodes if e else ():
            _add(costs, other, w * e / len(nodes) * options.node_weight(case, other))
    return costs


def probability_costs(case: Case, target: Sequence[float], options: Options) -> Costs:
    """The same for class probabilities: (1-e) q_c weight_c on each class's ancestors, e spread."""
    e = options.smoothing
    costs: Costs = {}
    for number, nodes in enumerate(case.at_level):
        for label, q in enumerate(target):
            w = float(options.table[label, number])
            weight = options.node_weight(case, case.order[label])
            _add(costs, case.stands(label, number + 1), w * (1 - e) * q * weight)
        shared = float(options.table[0, number])  # one weight for all classes
        for other in nodes if e else ():
            _add(costs, other, shared * e / len(nodes) * options.node_weight(case, other))
    return costs


def _add(costs: Costs, node: int, value: float) -> None:
    costs[node] = costs.get(node, 0.0) + value


def row_loss(case: Case, logits: Sequence[float], costs: Costs) -> tuple[float, Array]:
    """The loss of one sample and its gradient: d(-log P(n)) = p_j - [j below n] p_j / P(n)."""
    p = np.array(softmax(logits))
    value, gradient = 0.0, np.zeros(len(p))
    for node, cost in costs.items():
        mass = math.fsum(p[label] for label in case.below[node])
        inside = np.isin(np.arange(len(p)), case.below[node])
        value -= cost * math.log(mass)
        gradient += cost * (p - np.where(inside, p / mass, 0.0))
    return value, gradient


def batch_loss(
    case: Case,
    logits: Array,
    target: npt.NDArray[Any],
    options: Options,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> tuple[Array, Array]:
    """Loss and gradient of logits (N, C); for reduction "none" the gradient of the sum."""
    values, gradient, total = np.zeros(len(target)), np.zeros(logits.shape), 0.0
    for i, label in enumerate(target):
        if target.ndim == 2:
            costs, share = probability_costs(case, label, options), 1.0
        elif label == ignore_index:
            continue
        else:
            costs = index_costs(case, int(label), options)
            share = options.node_weight(case, case.by_id[label])
        values[i], gradient[i] = row_loss(case, logits[i].tolist(), costs)
        total += share
    if reduction == "none":
        return values, gradient
    scale = total if reduction == "mean" else 1.0
    return np.float64(math.fsum(values)) / scale, gradient / scale


def level_table(case: Case, weights: Sequence[float]) -> Array:
    """The table that weights by level mean: 0 where a target stands above the level."""
    table = np.zeros((len(case.ids), case.depth))
    for node, target in case.ids.items():
        for number in range(case.depth):
            known = case.counted(node, number + 1) is not None
            table[target, number] = weights[number] if known else 0.0
    return table


def random_table(case: Case, rng: np.random.Generator) -> Array:
    """Weights that differ from node to node, some of them 0."""
    table = level_table(case, [1.0] * case.depth)
    return table * rng.choice([0.0, 1.0, 1.0], table.shape) * rng.uniform(0, 2, table.shape)


def tensor(values: Any) -> torch.Tensor:
    """A tensor that asks for its gradient where it holds floating-point numbers."""
    made = torch.tensor(np.asarray(values))
    return made.requires_grad_(made.is_floating_point())
