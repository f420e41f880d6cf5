"""The loss where the target is spread over nodes: label smoothing, and class probabilities as targets.

Both need log P of all nodes of a level, so they go up the tree level by level (taxoloss/log_probs.py) and
leave the gradient to autograd.
"""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.log_probs import LogProbs
from taxoloss.tables import LossTables

__all__ = ["index_loss", "probability_loss"]


def times(weight: Tensor, value: Tensor) -> Tensor:
    """weight * value with 0 * inf = 0: what has no weight costs nothing, even where it is impossible."""
    return weight * value.masked_fill((weight == 0) & ~torch.isfinite(value), 0.0)


def index_loss(
    tables: LossTables,
    log_probs: dict[int, LogProbs],
    target: Tensor,
    node_weight: Tensor | None,
    smoothing: float,
) -> Tensor:
    """The loss (N, d1..dk) of targets that are node ids (N, d1..dk).

    sum over levels l of w_l * [(1 - e) * weight[y] * -log P(y_l)
                                + e / n_l * sum over the level's nodes n of weight[n] * -log P(n)]
    """
    flat = target.reshape(-1)
    ancestors = tables.ancestors.index_select(0, flat)
    like = log_probs[tables.used[0]].sums.value
    weights = tables.weights.index_select(0, flat).to(like.dtype)
    loss = like.new_zeros(target.shape)
    for column, level in enumerate(tables.used):
        log_p = log_probs[level]
        term = -log_p.at(ancestors[:, column].reshape(target.shape))
        if node_weight is not None:
            term = times(node_weight.index_select(0, flat).reshape(target.shape), term)
        if smoothing > 0:
            term = (1 - smoothing) * term + smoothing * _level_mean(tables, log_p.all(), level, node_weight)
        loss = loss + times(weights[:, column].reshape(target.shape), term)
    return loss


def probability_loss(
    tables: LossTables,
    log_probs: dict[int, LogProbs],
    target: Tensor,
    weight: Tensor | None,
    node_weight: Tensor | None,
    smoothing: float,
) -> Tensor:
    """The loss (N, d1..dk) of targets that are class probabilities q (N, C, d1..dk).

    The mixture of the classes' losses: each class brings its weight and its row of the table, and is
    then pushed up the tree: sum over l, n of -log P(n) * (sum over classes c below n of q_c weight_c w_cl).
    """
    by_class = [1, -1, *[1] * (target.dim() - 2)]
    mass = target if weight is None else target * weight.view(by_class)
    loss: Tensor | None = None
    for column, level in enumerate(tables.used):
        log_p = log_probs[level].all()
        share = tables.weights[: tables.plan.num_classes, column].to(log_p.dtype)
        shared = tables.shared[column]
        pushed = mass if shared else mass * share.view(by_class)
        size = (log_p.shape[0], tables.plan.widths[level], *log_p.shape[2:])
        up = tables.class_to_node[column]
        on_level = pushed.new_zeros(size).index_add(1, up, pushed)
        term = times(on_level, -log_p).sum(1)
        if smoothing > 0:
            scale = 1.0 if shared else (target * share.view(by_class)).sum(1)
            spread = _level_mean(tables, log_p, level, node_weight)
            term = (1 - smoothing) * term + smoothing * (scale * spread)
        if shared:
            term = share[0] * term
        loss = term if loss is None else loss + term
    assert loss is not None  # a table of zeros was refused at construction
    return loss


def _level_mean(tables: LossTables, log_p: Tensor, level: int, node_weight: Tensor | None) -> Tensor:
    """The mean over a level's nodes of weight[n] * -log P(n): the cost of a uniform target."""
    cost = -log_p
    if node_weight is not None:
        on_level = node_weight.index_select(0, tables.nodes(level))
        cost = times(on_level.view(1, -1, *[1] * (log_p.dim() - 2)), cost)
    return cost.sum(1) / tables.plan.widths[level]
