"""Rows as a report gathers them, and what plain Python says of a tree's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from taxoloss import Taxonomy
from taxoloss.evaluation.samples import Piece
from taxoloss.report.numbers.gathered import Collector, Gathered

__all__ = ["children", "classes_below", "gathered", "line", "random_answers", "shared", "wrong"]


def gathered(taxonomy: Taxonomy, preds: Any, target: Any, **fields: Any) -> Gathered:
    """Of one piece: logits (n, C) or node ids (n,), and targets (n,)."""
    preds, target = torch.as_tensor(preds), torch.as_tensor(target)
    collector = Collector(taxonomy)
    collector.take(Piece(1, preds, target, **fields), preds)
    return collector.gathered()


def random_answers(taxonomy: Taxonomy, rng: np.random.Generator, count: int = 40) -> Gathered:
    """Nodes for nodes, with probabilities, a fifth of them unknown and some with equal probabilities."""
    target, answer = (torch.from_numpy(rng.integers(0, taxonomy.num_nodes, count)) for _ in range(2))
    answer = torch.where(torch.from_numpy(rng.random(count) < 0.4), target, answer)
    unknown = torch.from_numpy(rng.random(count) < 0.2)
    answer = torch.where(unknown, taxonomy.num_nodes - 1, answer)
    probability = torch.from_numpy(rng.integers(0, 11, count) / 10)
    probability[torch.from_numpy(rng.random(count) < 0.1)] = torch.nan
    said = [f"text {number}" for number in range(count)]
    return gathered(taxonomy, answer, target, probability=probability, unknown=unknown, said=said)


def line(taxonomy: Taxonomy, node: int) -> list[int]:
    """The root, and on to a node: tree numbers, along homes."""
    found = [node]
    while found[0]:
        found.insert(0, int(taxonomy.tree.parent[found[0]]))
    return found


def shared(taxonomy: Taxonomy, one: int, other: int) -> int:
    """The deepest node in both lines."""
    others = line(taxonomy, other)
    return [node for node in line(taxonomy, one) if node in others][-1]


def wrong(taxonomy: Taxonomy, truth: int, answer: int) -> bool:
    """Neither is in the line of the other."""
    return shared(taxonomy, truth, answer) not in (truth, answer)


def children(taxonomy: Taxonomy, node: int) -> list[int]:
    """The nodes whose parent it is."""
    return [n for n in range(1, len(taxonomy.tree)) if taxonomy.tree.parent[n] == node]


def classes_below(taxonomy: Taxonomy, node: int) -> list[int]:
    """The tree numbers of the classes at or below a node."""
    inner: Sequence[int] = taxonomy.tree.parent.tolist()
    return [n for n in range(1, len(taxonomy.tree)) if n not in inner[1:] and node in line(taxonomy, n)]
