"""The loss of a `Case` and its gradient by their definition, in plain Python: no code of the package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from trees import Case

Array = npt.NDArray[np.float64]


def random_logits(case: Case, rng: np.random.Generator, *shape: int, scale: float = 3.0) -> Array:
    """Logits (n, C, d1..dk) for shape (n, d1..dk)."""
    return rng.normal(0, scale, (shape[0], case.num_classes, *shape[1:]))


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
