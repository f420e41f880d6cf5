"""One class, or one level."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.decisions.inputs import Allowed, Answer, Nodes, Scores, decide
from taxoloss.functional.arithmetic import row_blocks
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.group_sums import group_sums
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.masses import argmax, level_masses
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["at_level", "leaf"]

#: Logits of a block of rows.
_BLOCK = 1 << 22


def leaf(
    logits: Scores,
    taxonomy: Taxonomy,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
    probabilities: bool = False,
) -> Answer:
    """The class with the largest logit, the first of equals.

    Args:
        logits: (C,), (N, C) or (N, C, d1..dk), a tensor, or an array or table of numpy, pandas or polars
            (columns that have names are put into the order of the classes); log-probabilities serve. Half
            and bfloat16 are computed in float32.
        taxonomy: bound (`Taxonomy.bind`).
        allowed: node ids, such as the species that are known to live there; an inner node allows all
            classes below it. No other class is answered, and probabilities are those among the allowed.
        return_probability: also give each answer's probability.
        probabilities: the first argument holds probabilities, such as those of `predict_proba`: rows of
            [0, 1] that sum to 1. A class of probability 0 is never answered.

    Returns:
        Node ids (N, d1..dk); with return_probability a pair of ids and probabilities.

    Raises:
        ValueError: another class count, probabilities without probabilities=True, rows that are none
            with it, NaN, a row without a finite logit, nothing allowed, a taxonomy that is not bound;
            columns that are not the classes.
        IndexError, TypeError: allowed is no list of node ids.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> leaf(torch.tensor([[2.0, 1.9, 2.1], [1.0, 3.0, 0.0]]), t)
    tensor([2, 1])
    >>> leaf(torch.tensor([[2.0, 1.9, 2.1], [1.0, 3.0, 0.0]]), t, allowed=[t.node_id("cat")])
    tensor([0, 1])
    >>> leaf(torch.tensor([[0.0, 0.4, 0.6]]), t, probabilities=True)
    tensor([2])
    """

    def rule(z: Tensor, tensors: Nodes) -> tuple[Tensor, Tensor]:
        best = argmax(z)
        chosen = z.gather(1, best.unsqueeze(1)).squeeze(1)
        return best, torch.exp(chosen - torch.logsumexp(z, 1)) if return_probability else chosen

    return decide(logits, taxonomy, rule, allowed, return_probability, probabilities)


def at_level(
    logits: Scores,
    taxonomy: Taxonomy,
    level: str,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
    probabilities: bool = False,
) -> Answer:
    """The most probable node of a level (the sum over its classes), the first of equals in `nodes(level)`.

    Where a rank is missing, the node that stands for it is answered. A class counts in each node of the
    level that is above it: where nodes have several parents, probabilities may come to more than 1. On the
    CPU it works in blocks of rows: 10,000 rows of 350,000 classes need no more memory than their logits.

    Args:
        logits, taxonomy, allowed, return_probability, probabilities: as in `leaf`.
        level: name of a level.

    Raises:
        ValueError: no such level; and as `leaf`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> t.describe(at_level(torch.tensor([[2.0, 1.9, 2.1]]), t, "depth_1"))[0].name
    'cat'
    """
    number = taxonomy.level_number(level) - 1

    def rule(z: Tensor, tensors: Nodes) -> tuple[Tensor, Tensor]:
        best, mass = (
            _in_blocks(z, number, tensors) if host_may_read(z) else _best_of_level(z, number, tensors)
        )
        return tensors.nodes[number][best], mass

    return decide(logits, taxonomy, rule, allowed, return_probability, probabilities)


def _in_blocks(z: Tensor, number: int, tensors: Nodes) -> tuple[Tensor, Tensor]:
    blocks = row_blocks(len(z), z[:1].numel(), _BLOCK)
    best, masses = zip(*(_best_of_level(z[rows], number, tensors) for rows in blocks), strict=True)
    return torch.cat(best), torch.cat(masses)


def _best_of_level(z: Tensor, number: int, tensors: Nodes) -> tuple[Tensor, Tensor]:
    if isinstance(tensors, GraphNodes):
        masses = level_masses(z, tensors)[number]
    else:
        masses = _masses_of_level(z, number, tensors)
    best = argmax(masses)
    return best, masses.gather(1, best.unsqueeze(1)).squeeze(1)


def _masses_of_level(z: Tensor, number: int, tensors: NodeTensors) -> Tensor:
    masses = torch.softmax(z, 1)
    if number < len(tensors.levels) - 1:
        group = tensors.ancestors[: tensors.num_classes, number]
        masses = group_sums(masses, group, len(tensors.nodes[number]))
    return masses
