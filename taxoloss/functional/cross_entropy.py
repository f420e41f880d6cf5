"""The loss and the level probabilities as functions: checks, kernel, reduction, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32, wide_dtype
from taxoloss.functional.distributed_tensors import Rows, is_distributed
from taxoloss.functional.graphs.loss import graph_loss
from taxoloss.functional.graphs.reach import reach_tensors
from taxoloss.functional.graphs.tables import GraphLossTensors
from taxoloss.functional.inputs import (
    autocast_enabled,
    batched,
    check_ignore_index,
    check_logits,
    check_options,
    check_target,
    check_width,
    is_dressed,
    refuse_softmax,
    target_ids,
    undressed,
    without_autocast,
)
from taxoloss.functional.kernels.dispatch import row_losses
from taxoloss.functional.kernels.loss_tensors import LossTensors, count_of, nan_of_none
from taxoloss.functional.kernels.native.losses import native_losses, serves
from taxoloss.functional.kernels.spread import SpreadTarget, in_closed_form, spread_losses
from taxoloss.functional.kernels.step import step_loss
from taxoloss.functional.soft_targets import index_loss, probability_loss
from taxoloss.taxonomy.cache import apart, cached
from taxoloss.taxonomy.plan import GraphPlan, loss_plan_of, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import WeightTable, numbers_by_level
from taxoloss.weighting.table import LevelWeights, used_levels, weight_table

__all__ = ["AnyTensors", "cross_entropy", "new_tensors", "taxonomy_cross_entropy"]

#: The tables of a loss.
AnyTensors: TypeAlias = LossTensors | GraphLossTensors


def taxonomy_cross_entropy(
    logits: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    level_weights: LevelWeights = None,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy on every level of a tree: - sum over l of w_l log P(ancestor of the target on level l).

    P(n) is the sum of softmax(logits) over the classes below node n. With one level, or all weight on
    the classes, it is `torch.nn.functional.cross_entropy`. Where nodes have several parents the sum is over
    all ancestors of the target: those on a level share its weight (docs/mathematics.md). Use
    `taxoloss.TaxonomyLoss` in a training loop, and under torch.compile: it keeps its tables.

    Args:
        logits: (C,), (N, C) or (N, C, d1..dk), any real floating dtype; half and bfloat16 are computed
            in float32.
        target: node ids, integers, (), (N,) or (N, d1..dk): classes 0..C-1, or any node where
            the taxonomy was bound with node_targets=True; or class probabilities of the logits' shape; or,
            bound so, probabilities of all V = num_nodes nodes, (V,), (N, V) or (N, V, d1..dk), by node id.
            Each node's part costs what that node would as a target; the root's part costs nothing.
        taxonomy: bound (`Taxonomy.bind`).
        level_weights: a dict of weights by level, used as given; a schedule of `taxoloss.weighting`, or its
            text, such as "hxe:0.5"; a table (nodes, levels); None: the file's weights, else 1 / L each.
            Where nodes have several parents, also weights of pairs of a node and an ancestor, (P,).
        weight: (C,) class weights, as in torch; a node above the classes weighs their mean.
        ignore_index: targets of this number cost nothing and are not counted.
        reduction: "none" (the target's shape), "mean" (over the valid samples, by weight) or "sum".
        label_smoothing: in [0, 1]: this much of the target is spread over the nodes of each level.

    Returns:
        The loss in the logits' dtype (float32 for half and bfloat16 under autocast).

    Raises:
        ValueError: other shapes, a class count that is not the taxonomy's, wrong weights or reduction;
            the first rows are probabilities (on a CPU, outside compilers and transforms).
        IndexError: a target out of range.
        RuntimeError: whatever else torch's cross-entropy raises it for.
        TypeError: not tensors, or not a Taxonomy.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> logits = torch.tensor([[2.0, 1.0, 0.0]])
    >>> taxonomy_cross_entropy(logits, torch.tensor([1]), t, {"depth_1": 0.5, "depth_2": 0.5})
    tensor(0.7510)

    Source: Muller & Smith, VISAPP 2020, eq. 3 (all weights 1); Bertinetto et al., CVPR 2020, eq. 1 with
    w_l = lambda_l - lambda_(l+1).
    """
    tensors = _tensors(taxonomy, level_weights)
    check_ignore_index(taxonomy, ignore_index)
    return cross_entropy(tensors, logits, target, weight, ignore_index, reduction, label_smoothing)


# -- shared with the module and the metrics --------------------------------------------------------


def cross_entropy(
    tensors: AnyTensors,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    wait: bool = False,
) -> Tensor:
    """The loss for tables that are ready: checks, then the kernel, then the reduction.

    Of tensors of a subclass the loss is one too, as torch's is: of the logits', else of the target's.
    wait: whether to look at the numbers of a device that is waited for.
    """
    if weight is None and reduction in ("mean", "sum") and isinstance(tensors, LossTensors):
        loss = step_loss(tensors, logits, target, ignore_index, reduction, label_smoothing)
        if loss is not None:
            return loss
    if is_distributed(logits) or is_distributed(target):
        return _of_rows(tensors, logits, target, weight, ignore_index, reduction, label_smoothing)
    dress = next((type(tensor) for tensor in (logits, target) if is_dressed(tensor)), None)
    if dress is not None:
        plain = undressed(logits), undressed(target), undressed(weight)
        loss = cross_entropy(tensors, *plain, ignore_index, reduction, label_smoothing, wait)
        return loss.as_subclass(dress)
    check_logits(logits, tensors.plan, target)
    check_target(logits, target, tensors.plan)
    check_width(target, tensors.plan.num_targets)
    refuse_softmax(logits, target, wait)
    check_options(logits, target, weight, ignore_index, reduction, label_smoothing, tensors.plan)
    tensors = tensors.on(logits.device)
    weight = None if weight is None else _on(logits.device, weight)
    autocast = autocast_enabled(logits.device.type)
    with without_autocast(logits):
        if isinstance(tensors, GraphLossTensors):
            result = graph_loss(tensors, logits, target, weight, ignore_index, reduction, label_smoothing)
        elif target.is_floating_point():
            result = _of_probabilities(tensors, logits, target, weight, reduction, label_smoothing)
        else:
            result = _of_indices(tensors, logits, target, weight, ignore_index, reduction, label_smoothing)
    return result.to(wide_dtype(logits) if autocast else _dtype(logits, target, weight))


def _dtype(logits: Tensor, target: Tensor, weight: Tensor | None) -> torch.dtype:
    """Of the loss, outside autocast."""
    if not target.is_floating_point():
        return logits.dtype
    dtype = torch.promote_types(logits.dtype, target.dtype)
    return dtype if weight is None else torch.promote_types(dtype, weight.dtype)


def _of_rows(
    tensors: AnyTensors,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """The loss of DTensors, of which each process has rows: that of all rows, on every process."""
    rows = Rows(logits, target)
    check_options(rows.logits, rows.target, weight, ignore_index, reduction, smoothing, tensors.plan)
    autocast = autocast_enabled(rows.logits.device.type)
    dtype = wide_dtype(rows.logits) if autocast else _dtype(rows.logits, rows.target, weight)
    if reduction == "none":
        loss = cross_entropy(tensors, rows.logits, rows.target, weight, ignore_index, "none", smoothing)
        return rows.row_results(
            loss, logits.shape[:1] + logits.shape[2:] if logits.dim() > 1 else logits.shape[1:]
        )
    wide = at_least_float32(rows.logits)  # a sum of half numbers may be none
    weight = None if weight is None else weight.to(wide.dtype)
    total = rows.total(cross_entropy(tensors, wide, rows.target, weight, ignore_index, "sum", smoothing))
    if reduction == "mean":
        count = rows.total(_local_count(tensors, rows, weight, ignore_index))
        total = torch.where(count == 0, torch.nan, total / torch.where(count == 0, 1, count))
    return total.to(dtype)


def _local_count(tensors: AnyTensors, rows: Rows, weight: Tensor | None, ignore_index: int) -> Tensor:
    """By what a mean over all processes divides, of the rows of this one."""
    if rows.target.is_floating_point():
        numbers = rows.logits.numel() // tensors.plan.num_classes  # a target may hold all nodes
        return rows.logits.new_tensor(numbers, dtype=torch.long)
    here = tensors.on(rows.logits.device)
    ids, valid = target_ids(rows.target, ignore_index, tensors.plan)
    node_weight = None if weight is None else here.node_weights(_on(rows.logits.device, weight))
    return torch.as_tensor(count_of(ids, valid, node_weight), device=rows.logits.device)


def _of_indices(
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    shape = target.shape if logits.dim() > 1 else ()
    logits = batched(logits)
    node_weight = None if weight is None else tensors.node_weights(weight)
    constant = node_weight is None or not node_weight.requires_grad
    library = serves(tensors, logits) if smoothing == 0 and constant else None
    if library is not None:
        loss = native_losses(library, tensors, logits, target, node_weight, ignore_index, reduction)
        return loss.reshape(shape) if reduction == "none" else loss
    if smoothing > 0 and in_closed_form(logits, node_weight):
        spread = SpreadTarget(target, node_weight, node_weight, smoothing, ignore_index, reduction)
        loss = spread_losses(tensors, logits, spread)
        return loss.reshape(shape) if reduction == "none" else loss
    ids, valid = target_ids(target, ignore_index, tensors.plan)
    count = count_of(ids, valid, node_weight) if reduction == "mean" else None
    if smoothing > 0 or not constant:
        loss = index_loss(tensors, logits, ids, valid, node_weight, smoothing)
        loss = loss if reduction == "none" else loss.sum()
        loss = loss if count is None else loss / count
    else:
        weights = tensors.row_weights(ids, valid, node_weight, count)
        loss = row_losses(tensors, logits, ids, weights, reduce=reduction != "none")
        loss = nan_of_none(loss, count)
    return loss.reshape(shape) if reduction == "none" else loss


def _on(device: torch.device, weight: Tensor) -> Tensor:
    """Class weights for logits of a device; RuntimeError where they hold no numbers."""
    if weight.is_meta and device.type != "meta":
        raise RuntimeError(
            f"expected class weights with numbers for logits on {device}, got a tensor on the meta device: "
            "make them outside of torch.device('meta')"
        )
    return weight.to(device)


def _of_probabilities(
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    smoothing: float,
) -> Tensor:
    one, logits, target = logits.dim() == 1, batched(logits), batched(target)
    node_weight, of_classes = None, target.shape[1] == logits.shape[1]
    if weight is not None and (smoothing > 0 or not of_classes):
        node_weight = tensors.node_weights(weight)
    own = weight if of_classes else node_weight
    if in_closed_form(logits, target, weight):
        spread = SpreadTarget(target, own, node_weight, smoothing, -100, reduction)
        loss = spread_losses(tensors, logits, spread)
        return loss.squeeze(0) if reduction == "none" and one else loss
    loss = probability_loss(tensors, logits, target, own, node_weight, smoothing)
    if reduction == "none":
        return loss.squeeze(0) if one else loss
    return loss.sum() if reduction == "sum" else loss.sum() / loss.numel()


def new_tensors(taxonomy: Taxonomy, table: WeightTable) -> AnyTensors:
    """Tables of their own for a table of weights."""
    plan = loss_plan_of(taxonomy)
    if isinstance(plan, GraphPlan):
        return GraphLossTensors(plan, table, reach_tensors(taxonomy))
    return LossTensors(plan, table)


def _tensors(taxonomy: Taxonomy, level_weights: LevelWeights) -> AnyTensors:
    """Tables for None, texts and weights by level, which can be recognised by their values, are kept."""
    if level_weights is None or isinstance(level_weights, str):
        return cached(taxonomy, _loss_tensors, level_weights)
    loss_plan_of(taxonomy)  # raises where it is no bound taxonomy
    if isinstance(level_weights, Mapping):
        return cached(taxonomy, _loss_tensors, numbers_by_level(level_weights, taxonomy.levels))
    if torch.compiler.is_dynamo_compiling():
        raise RuntimeError(
            "expected level weights by name or a text under torch.compile, got a schedule or a table, "
            "which need not be the same at the next call: compile a taxoloss.TaxonomyLoss"
        )
    return apart(_of_table, taxonomy, weight_table(taxonomy, level_weights))


def _loss_tensors(taxonomy: Taxonomy, key: tuple[float, ...] | str | None) -> AnyTensors:
    given = dict(zip(taxonomy.levels, key, strict=True)) if isinstance(key, tuple) else key
    return _of_table(taxonomy, weight_table(taxonomy, given))


def _of_table(taxonomy: Taxonomy, table: WeightTable) -> AnyTensors:
    if not taxonomy.is_tree:
        return new_tensors(taxonomy, table)
    return cached(taxonomy, _integers, used_levels(table)).reweighted(table)


def _integers(taxonomy: Taxonomy, used: tuple[int, ...]) -> LossTensors:
    """The tables of all weightings of the same levels, which differ in `weights` only."""
    plan = plan_of(taxonomy)
    table = np.zeros(plan.counted.shape)
    table[:, list(used)] = 1.0
    return LossTensors(plan, table)
