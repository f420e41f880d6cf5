"""Answers of any node of the tree, weighing how much it says against how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from taxoloss.decisions._cut import log_odds_of
from taxoloss.decisions._inputs import Allowed, Answer, decide
from taxoloss.masses import argmax, level_log_odds, level_masses
from taxoloss.node_tables import NodeTables
from taxoloss.taxonomy import Taxonomy

__all__ = ["hedge", "most_specific"]


def most_specific(
    logits: Tensor,
    taxonomy: Taxonomy,
    threshold: float = 0.5,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
) -> Answer:
    """Of all nodes that are surer than a threshold the one with the most information.

    information(n) = 1 - log(classes below n) / log(C). Of equally informative nodes the most probable is
    answered, of equally probable ones the deepest, then the first in `nodes(level)`. Compared by log-odds,
    as in `climb`. Below 0.5 the answer can jump to another branch as the threshold falls, so that no
    promise can be calibrated for it.

    Args:
        logits, taxonomy, allowed, return_probability: as in `leaf`.
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

    def rule(z: Tensor, tables: NodeTables) -> tuple[Tensor, Tensor]:
        odds = level_log_odds(z, taxonomy)
        pairs = _with_information(odds, tables)
        scores = [torch.where(o > least, information, -torch.inf) for o, information in pairs]
        certain = torch.full_like(odds[0][:, 0], torch.inf)
        ids, found = _best_node(scores, odds, tables, certain)
        return ids, torch.sigmoid(found)

    return decide(logits, taxonomy, rule, allowed, return_probability)


def hedge(
    logits: Tensor,
    taxonomy: Taxonomy,
    tradeoff: float,
    *,
    allowed: Allowed = None,
    return_probability: bool = False,
) -> Answer:
    """The node with the largest (information(n) + tradeoff) P(n): hedging one's bets.

    A tradeoff of 0 weighs what is said by how sure it is; the larger the tradeoff, the higher up the
    answer. Of equals the most probable is answered, then the deepest, then the first in `nodes(level)`.

    Args:
        logits, taxonomy, allowed, return_probability: as in `leaf`.
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

    def rule(z: Tensor, tables: NodeTables) -> tuple[Tensor, Tensor]:
        masses = level_masses(z, tables)
        scores = [(i + tradeoff) * mass for mass, i in _with_information(masses, tables)]
        # The sum, not 1: a node with all classes must not lose to the root by a rounding.
        return _best_node(scores, masses, tables, masses[0].sum(1), tradeoff)

    return decide(logits, taxonomy, rule, allowed, return_probability)


def _with_information(values: Sequence[Tensor], tables: NodeTables) -> list[tuple[Tensor, Tensor]]:
    """Each level's values with the information (1, W_l, 1..1) of its nodes."""
    pairs = []
    for value, nodes in zip(values, tables.nodes, strict=True):
        information = tables.information[nodes].to(value.dtype)
        pairs.append((value, information.view(1, -1, *[1] * (value.dim() - 2))))
    return pairs


def _best_node(
    scores: Sequence[Tensor],
    ties: Sequence[Tensor],
    tables: NodeTables,
    root: Tensor,
    value: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The node with the largest score; of equals by tie-breaker, then the deepest, then the first.

    Of scores (N, W_l, d1..dk) for each level; the root's tie-breaker is `root`, its score value * root,
    or 0.
    """
    best, tie = torch.zeros_like(root) if value is None else value * root, root
    ids = torch.full(best.shape, tables.root, device=best.device)
    for score, breaker, nodes in zip(scores, ties, tables.nodes, strict=True):
        top = score.amax(1)
        # Among those with the level's largest score the largest tie-breaker.
        index = argmax(torch.where(score == top.unsqueeze(1), breaker, -torch.inf))
        here = breaker.gather(1, index.unsqueeze(1)).squeeze(1)
        better = (top > best) | ((top == best) & (here >= tie))
        best, tie = torch.where(better, top, best), torch.where(better, here, tie)
        ids = torch.where(better, nodes[index], ids)
    return ids, tie
