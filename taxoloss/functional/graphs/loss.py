"""The loss on graphs for logits, targets and options that have been checked: which form, and the reduction.

on the CPU                        closed_form.py; spread.py where the target is spread over nodes
the same, under torch.compile     compiled.py: a call of the closed form
exported, other devices           definition.py by masks, its gradient a formula
torch.func, forward mode,         definition.py, differentiable any number of times
gradients of gradients
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows, wide_dtype, wide_on
from taxoloss.functional.graphs.closed_form import closed_form_losses
from taxoloss.functional.graphs.compiled import compiled_losses
from taxoloss.functional.graphs.definition import masked_losses, row_losses
from taxoloss.functional.graphs.reach import reach_tensors
from taxoloss.functional.graphs.spread import spread_losses
from taxoloss.functional.graphs.tables import GraphLossTensors
from taxoloss.functional.inputs import batched, host_may_read, target_ids, transformed
from taxoloss.functional.kernels.dispatch import is_called
from taxoloss.functional.kernels.loss_tensors import LossTensors, count_of, nan_of_none
from taxoloss.taxonomy.cache import apart
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.graphs import counted_levels

__all__ = ["graph_loss", "level_costs"]


def graph_loss(
    tensors: GraphLossTensors,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """The loss of checked arguments, on the device of the tables."""
    if target.is_floating_point():
        return _of_probabilities(tensors, logits, target, weight, reduction, smoothing)
    shape = target.shape if logits.dim() > 1 else ()
    logits = batched(logits)
    node_weight = None if weight is None else tensors.node_weights(weight)
    ids, valid = target_ids(target, ignore_index, tensors.plan)
    count = count_of(ids, valid, node_weight) if reduction == "mean" else None
    factor = _factors(tensors, ids, valid, node_weight)
    if smoothing > 0 or factor.requires_grad:
        given = tensors, ids.reshape(-1), valid, factor.reshape(-1), node_weight, smoothing
        weigh = partial(_index_weights, *given)
        loss = spread_losses(flat_rows(logits), weigh, not factor.requires_grad, tensors.reach)
        loss = loss.view(ids.shape) if reduction == "none" else loss.sum()
        loss = loss if count is None else loss / count
    else:
        factor = factor if count is None else torch.where(factor == 0, 0.0, factor / count)
        loss = _index_losses(tensors, logits, ids, factor, reduce=reduction != "none")
        loss = nan_of_none(loss, count)
    return loss.reshape(shape) if reduction == "none" else loss


def _factors(
    tensors: GraphLossTensors, ids: Tensor, valid: Tensor | None, node_weight: Tensor | None
) -> Tensor:
    """(N, d1..dk): what each row's weights are multiplied by; 0 where it is ignored."""
    if node_weight is None:
        factor = torch.ones(ids.shape, dtype=wide_on(ids.device), device=ids.device)
    else:
        factor = LossTensors.look_up(node_weight.unsqueeze(1), ids).squeeze(-1)
    return factor if valid is None else torch.where(valid, factor, 0.0)


def _index_losses(
    tensors: GraphLossTensors, logits: Tensor, ids: Tensor, factor: Tensor, *, reduce: bool
) -> Tensor:
    """The loss (N, d1..dk) of node ids (N, d1..dk), each times its factor (N, d1..dk); or their sum."""
    eager = host_may_read(logits)
    if eager or is_called(logits):
        of_rows = closed_form_losses if eager else compiled_losses
        flat = logits if logits.dim() == 2 else logits.flatten(2)
        losses = of_rows(flat, ids.reshape(-1), factor.reshape(-1), tensors, reduce=reduce)
        return losses if reduce else losses.view(ids.shape)
    nodes = LossTensors.look_up(tensors.padded_nodes, ids).flatten(0, -2)
    weights = LossTensors.look_up(tensors.padded_weights, ids) * factor.unsqueeze(-1)
    rows, weights = flat_rows(logits), weights.flatten(0, -2)
    if transformed():
        wide = rows.to(wide_on(rows.device))
        losses = row_losses(wide, nodes, weights, tensors.reach).to(wide_dtype(logits))
    else:
        losses = masked_losses(rows, nodes, weights, tensors.reach)
    return losses.sum() if reduce else losses.view(ids.shape)


def level_costs(taxonomy: Taxonomy, logits: Tensor, ids: Tensor) -> tuple[list[Tensor], Tensor]:
    """For each of the L levels the mean of -log P (N, d1..dk) over the target's ancestors there.

    And which targets count there, (N, d1..dk, L).
    """
    plan = graph_plan_of(taxonomy)
    counted = counted_levels(plan)
    one = torch.ones(ids.shape, dtype=wide_on(ids.device), device=ids.device)
    costs = []
    for level in range(len(plan.levels)):
        table = np.where(counted & (np.arange(counted.shape[1]) == level), 1.0, 0.0)
        tensors = apart(GraphLossTensors, plan, table, reach_tensors(taxonomy)).on(logits.device)
        costs.append(_index_losses(tensors, logits, ids, one, reduce=False))
    return costs, torch.from_numpy(counted).to(ids.device)[ids]


# -- targets that are spread over nodes ------------------------------------------------------------


def _index_weights(
    tensors: GraphLossTensors,
    ids: Tensor,
    valid: Tensor | None,
    factor: Tensor,
    node_weight: Tensor | None,
    smoothing: float,
    rows: slice,
) -> Tensor:
    """(n, V): by what some targets of ids (R,) weigh all nodes: 1 - e of their ancestors, e of levels."""
    ids, factor = ids[rows], factor[rows]
    nodes, weights = (LossTensors.look_up(t, ids) for t in (tensors.padded_nodes, tensors.padded_weights))
    none = factor.new_zeros(ids.shape[0], tensors.plan.num_nodes)
    brought = none.scatter_add(1, nodes, weights * factor.unsqueeze(1))
    if smoothing == 0:
        return brought
    levels = LossTensors.look_up(tensors.levels, ids)
    brought = (1 - smoothing) * brought + smoothing * _over_levels(tensors, levels, node_weight)
    return brought if valid is None else torch.where(valid.reshape(-1)[rows, None], brought, 0.0)


def _over_levels(tensors: GraphLossTensors, levels: Tensor, node_weight: Tensor | None) -> Tensor:
    """(R, V): weights of levels (R, L), spread equally over the nodes of each."""
    spread = levels @ tensors.per_node
    return spread if node_weight is None else spread * node_weight


def _of_probabilities(
    tensors: GraphLossTensors,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """Each class or node brings its share of what it weighs as a target."""
    one, logits, target = logits.dim() == 1, batched(logits), batched(target)
    shape = target.shape[:1] + target.shape[2:]
    node_weight = None if weight is None else tensors.node_weights(weight)
    shares = flat_rows(target)
    weigh = partial(_shared_weights, tensors, shares, node_weight, smoothing)
    constant = not shares.requires_grad and (node_weight is None or not node_weight.requires_grad)
    loss = spread_losses(flat_rows(logits), weigh, constant, tensors.reach)
    if reduction == "none":
        return loss.view(()) if one else loss.view(shape)
    return loss.sum() if reduction == "sum" else loss.sum() / loss.numel()


def _shared_weights(
    tensors: GraphLossTensors, shares: Tensor, node_weight: Tensor | None, smoothing: float, rows: slice
) -> Tensor:
    """(n, V): by what some of the probabilities (R, S) weigh all nodes."""
    shares = shares[rows].to(wide_on(shares.device))
    sources = shares.shape[1]
    mass = shares if node_weight is None else shares * node_weight[:sources]
    brought = tensors.pushed(mass)
    if smoothing == 0:
        return brought
    levels = shares @ tensors.levels[:sources]
    if sources == tensors.plan.num_classes:
        # Where classes share a level's weight, it does not depend on the probabilities.
        levels = torch.where(tensors.shared, tensors.levels[0], levels)
    return (1 - smoothing) * brought + smoothing * _over_levels(tensors, levels, node_weight)
