"""Answers of any node, weighing how much it says against how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from taxoloss.decisions.cut import log_odds_of
from taxoloss.decisions.inputs import Allowed, Answer, Nodes, Scores, decide
from taxoloss.decisions.ties import rounding
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.log_odds import level_log_odds
from taxoloss.functional.masses import argmax, level_masses
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["hedge", "most_specific"]


def most_specific(
    logits: Scores,
    taxonomy: Taxonomy,
    threshold: float = 0.5,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
    probabilities: bool = False,
) -> Answer:
    """Of all nodes that are surer than a threshold the one with the most information.

    information(n) = 1 - log(classes below n) / log(C). Of equally informative nodes the most probable is
    answered, of equally probable ones that on the deepest level (where all classes are), then the first
    in `nodes(level)`. Compared by log-odds, as in `climb`; inner nodes within 32 roundings (float64: 7e-15,
    float32: 4e-6) are equal. Below 0.5 the answer can jump to another branch as the threshold falls, so
    that no promise can be calibrated for it.

    Args:
        logits, taxonomy, allowed, return_probability, probabilities: as in `leaf`.
        threshold: a probability in [0, 1].

    Raises:
        ValueError, TypeError: as `climb`; a `Threshold`, which is of one path.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> logits = torch.tensor([[2.0, 1.9, 2.1], [5.0, 0.0, 0.0]])
    >>> [info.name for info in t.describe(most_specific(logits, t))]
    ['cat', 'Bengal']

    Source: Valmadre, NeurIPS 2022 (majority inference at 0.5).
    """
    least = log_odds_of(threshold)

    def rule(z: Tensor, tensors: Nodes) -> tuple[Tensor, Tensor]:
        odds = level_log_odds(z, taxonomy)
        pairs = _with_information(odds, tensors)
        scores = [torch.where(o > least, information, -torch.inf) for o, information in pairs]
        certain = torch.full_like(odds[0][:, 0], torch.inf)
        ids, found = _best_node(scores, odds, z, tensors, certain)
        return ids, torch.sigmoid(found)

    return decide(logits, taxonomy, rule, allowed, return_probability, probabilities)


def hedge(
    logits: Scores,
    taxonomy: Taxonomy,
    tradeoff: float,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
    probabilities: bool = False,
) -> Answer:
    """The node with the largest (information(n) + tradeoff) P(n): hedging one's bets.

    A tradeoff of 0 weighs what is said by how sure it is; the larger the tradeoff, the higher up the
    answer. Of equals the most probable is answered, then that on the deepest level (where all classes
    are), then the first in `nodes(level)`. Scores, and probabilities of inner nodes, within 32 roundings
    (float64: 7e-15, float32: 4e-6) are equal.

    Args:
        logits, taxonomy, allowed, return_probability, probabilities: as in `leaf`.
        tradeoff: 0 or more.

    Raises:
        ValueError, TypeError: a tradeoff that is negative or no number; and as `leaf`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> logits = torch.tensor([[2.0, 1.9, -1.0]])
    >>> [t.describe(hedge(logits, t, tradeoff))[0].name for tradeoff in (0.0, 1.0, 100.0)]
    ['Bengal', 'cat', '']

    Source: Deng et al., CVPR 2012 (DARTS).
    """
    if isinstance(tradeoff, bool) or not isinstance(tradeoff, (int, float)):
        raise TypeError(f"expected tradeoff as a number, got {type(tradeoff).__name__}")
    if not 0 <= tradeoff < math.inf:
        raise ValueError(f"expected tradeoff as a finite number, 0 or larger, got {tradeoff}")

    def rule(z: Tensor, tensors: Nodes) -> tuple[Tensor, Tensor]:
        masses = level_masses(z, tensors)
        scores = [(i + tradeoff) * mass for mass, i in _with_information(masses, tensors)]
        # The sum, not 1: a node with all classes must not lose to the root by a rounding.
        # The nodes of a level of a graph may share classes: only its classes sum to 1.
        whole = masses[-1 if isinstance(tensors, GraphNodes) else 0].sum(1)
        return _best_node(scores, masses, z, tensors, whole, tradeoff)

    return decide(logits, taxonomy, rule, allowed, return_probability, probabilities)


def _with_information(values: Sequence[Tensor], tensors: Nodes) -> list[tuple[Tensor, Tensor]]:
    """Each level's values with the information (1, W_l, 1..1) of its nodes."""
    pairs = []
    for value, nodes in zip(values, tensors.nodes, strict=True):
        information = tensors.information[nodes].to(value.dtype)
        pairs.append((value, information.view(1, -1, *[1] * (value.dim() - 2))))
    return pairs


def _best_node(
    scores: Sequence[Tensor],
    ties: Sequence[Tensor],
    logits: Tensor,
    tensors: Nodes,
    root: Tensor,
    value: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The node with the largest score; of equals by tie-breaker, then the deepest level, then the first.

    Of scores (N, W_l, d1..dk) for each level; the root's tie-breaker is `root`, its score value * root,
    or 0. Without a value scores are no sums, and are equal only where they are the same.
    """
    best, tie = torch.zeros_like(root) if value is None else value * root, root
    scale = 1.0 if value is None else 0.0  # log-odds, or probabilities
    ids = torch.full_like(best, tensors.root, dtype=torch.long)
    for level, (score, breaker, nodes) in enumerate(zip(scores, ties, tensors.nodes, strict=True)):
        top = score.amax(1)
        slack = torch.zeros_like(top) if value is None else rounding(top)
        among = score >= (top - slack).unsqueeze(1)
        if level == len(scores) - 1:
            index = argmax(torch.where(among, logits, -torch.inf))  # classes are told apart exactly
        else:
            index = _first_largest(torch.where(among, breaker, -torch.inf), scale)
        here = breaker.gather(1, index.unsqueeze(1)).squeeze(1)
        level_with = (top - best).abs() <= slack
        better = (top > best + slack) | (level_with & (here >= tie - rounding(tie, scale)))
        best, tie = torch.where(better, top, best), torch.where(better, here, tie)
        ids = torch.where(better, nodes[index], ids)
    return ids, tie


def _first_largest(values: Tensor, scale: float) -> Tensor:
    """The index (N, d1..dk) of the first number that is the largest but for rounding."""
    most = values.amax(1, keepdim=True)
    return argmax((values >= most - rounding(most, scale)).to(values.dtype))
