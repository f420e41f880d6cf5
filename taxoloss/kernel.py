"""The mathematics: log P of the nodes of a tree from logits, and the loss of each row, in log space.

With logits z over the classes, P(n) = sum of softmax(z) over the classes below node n:

    log P(n) = logsumexp(z below n) - logsumexp(z)

Each sum is kept as a pair (peak, rest): peak, the largest logit below n, is a constant to autograd, and
rest = log(sum of exp(z - peak)) lies in [0, log(classes below n)]. So a constant added to all logits, or
logits of +-1e4, cost no digits: log P(n) = (peak_n - peak) + (rest_n - rest), two differences of like
numbers. A sum over probabilities is never formed; a sum of zero terms (all classes below n masked by
-inf) is -inf with gradient 0, not NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from taxoloss.plan import Plan
from taxoloss.tree import IntArray
from taxoloss.weighting import Table

__all__ = ["LevelLogProbs", "LossTables", "index_loss", "probability_loss"]


class LevelLogProbs(nn.Module):
    """log P of every node on some levels (0 .. L-1), going up the tree from the classes."""

    def __init__(self, plan: Plan, levels: Sequence[int]) -> None:
        super().__init__()
        self._steps: list[tuple[int, str | None, int]] = []
        for level, group in plan.steps(levels):
            name = None if group is None else f"group_{level}"
            if name is not None and group is not None:
                self.register_buffer(name, _long(group), persistent=False)
            self._steps.append((level, name, plan.widths[level]))

    def forward(self, logits: Tensor) -> dict[int, Tensor]:
        """Logits (N, C, d1..dk) in float32 or float64 -> level -> (N, nodes, d1..dk)."""
        peak = logits.detach()
        rest = logits - _finite_peak(peak)  # 0; -inf for a masked class
        masses: dict[int, tuple[Tensor, Tensor]] = {}
        for level, name, width in self._steps:
            if name is not None:
                peak, rest = _merge(peak, rest, getattr(self, name), width)
            masses[level] = peak, rest
        all_peak, all_rest = _merge_all(peak, rest)
        return {level: (peak - all_peak) + (rest - all_rest) for level, (peak, rest) in masses.items()}


def _finite_peak(peak: Tensor) -> Tensor:
    """-inf as 0: what is subtracted from -inf must not be -inf."""
    return torch.where(peak == -torch.inf, torch.zeros_like(peak), peak)


def _merge(peak: Tensor, rest: Tensor, group: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """The sums of children as the sums of their parents: child i of dimension 1 is below group[i]."""
    shape = (peak.shape[0], width, *peak.shape[2:])
    index = group.view(1, -1, *[1] * (peak.dim() - 2)).expand_as(peak)
    top = peak.new_full(shape, -torch.inf).scatter_reduce(1, index, peak, "amax")
    base = _finite_peak(top)
    # sum of exp(child) = exp(base) * sum of exp(peak_child - base + rest_child)
    terms = torch.exp((peak - base.index_select(1, group)) + rest)
    total = terms.new_zeros(shape).index_add(1, group, terms)
    return top, _log(total)


def _merge_all(peak: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    top = peak.amax(1, keepdim=True)
    terms = torch.exp((peak - _finite_peak(top)) + rest)
    return top, _log(terms.sum(1, keepdim=True))


def _log(total: Tensor) -> Tensor:
    """log, with gradient 0 (not NaN) at a total of 0. NaN stays NaN."""
    empty = total == 0
    return torch.log(total.masked_fill(empty, 1.0)).masked_fill(empty, -torch.inf)


class LossTables(nn.Module):
    """A plan and a table of weights as tensors that move with the module that holds them."""

    ancestors: Tensor
    class_to_node: Tensor
    depth_first: Tensor
    start: Tensor
    stop: Tensor

    def __init__(self, plan: Plan, table: Table) -> None:
        super().__init__()
        self.plan = plan
        self.used = used_levels(table)
        self.log_probs = LevelLogProbs(plan, self.used)
        self.register_buffer("ancestors", _long(plan.ancestors), persistent=False)
        self.register_buffer("class_to_node", _long(plan.class_to_node), persistent=False)
        for name in ("depth_first", "start", "stop"):
            self.register_buffer(name, _long(getattr(plan, name)), persistent=False)
        for level in self.used:
            self.register_buffer(f"nodes_{level}", _long(plan.nodes[level]), persistent=False)
        self.weights = torch.empty(0)
        self.fill(table)

    def fill(self, table: Table) -> None:
        """Puts other weights on the same levels, in place: nothing that was compiled is lost."""
        new = torch.from_numpy(np.ascontiguousarray(table))
        if self.weights.shape == new.shape:
            self.weights.copy_(new)
        else:
            self.weights = new.to(self.ancestors.device, _table_dtype(self.ancestors.device))
        #: For each level its weight where all classes share one, else None.
        classes = table[: self.plan.num_classes]
        same = (classes == classes[:1]).all(0)
        self.shared = tuple(bool(value) for value in same)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> LossTables:
        # The weights follow the device but never the dtype: .half() must not round .3 to .30005.
        # So they are no buffer, and stay in float64 where the device has it.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        device = self.ancestors.device
        self.weights = self.weights.to(device, _table_dtype(device))
        return self

    def nodes(self, level: int) -> Tensor:
        """Node ids of a level, in index order."""
        nodes: Tensor = getattr(self, f"nodes_{level}")
        return nodes

    def node_weights(self, weight: Tensor) -> Tensor:
        """Class weights (C,) as weights of all nodes (V,): a node weighs the mean of its classes."""
        # The classes below a node are a range of the depth-first order: a difference of running sums.
        wide = weight.to(_table_dtype(weight.device)).index_select(0, self.depth_first)
        running = torch.cat([wide.new_zeros(1), wide.cumsum(0)])
        mean = (running[self.stop] - running[self.start]) / (self.stop - self.start)
        return torch.cat([weight, mean[self.plan.num_classes :].to(weight.dtype)])


def used_levels(table: Table) -> tuple[int, ...]:
    """The levels (0 .. L-1) that some target weighs; no other is computed."""
    return tuple(np.flatnonzero(table.any(axis=0)).tolist())


def _table_dtype(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64


def _long(array: IntArray) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.int64))


def times(weight: Tensor, value: Tensor) -> Tensor:
    """weight * value with 0 * inf = 0: what has no weight costs nothing, even where it is impossible."""
    return weight * value.masked_fill((weight == 0) & ~torch.isfinite(value), 0.0)


def index_loss(
    tables: LossTables,
    log_probs: dict[int, Tensor],
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
    dtype = next(iter(log_probs.values())).dtype
    weights = tables.weights.index_select(0, flat).to(dtype)
    loss = log_probs[tables.used[0]].new_zeros(target.shape)
    for level in tables.used:
        log_p = log_probs[level]
        index = ancestors[:, level].reshape(target.shape).unsqueeze(1)
        term = -log_p.gather(1, index).squeeze(1)
        if node_weight is not None:
            term = times(node_weight.index_select(0, flat).reshape(target.shape), term)
        if smoothing > 0:
            term = (1 - smoothing) * term + smoothing * _level_mean(tables, log_p, level, node_weight)
        loss = loss + times(weights[:, level].reshape(target.shape), term)
    return loss


def probability_loss(
    tables: LossTables,
    log_probs: dict[int, Tensor],
    target: Tensor,
    weight: Tensor | None,
    node_weight: Tensor | None,
    smoothing: float,
) -> Tensor:
    """The loss (N, d1..dk) of targets that are class probabilities q (N, C, d1..dk).

    The mixture of the classes' losses: each class brings its weight and its row of the table, and is
    then pushed up the tree: sum over l, n of -log P(n) * (sum over classes c below n of q_c weight_c w_cl).
    """
    column = [1, -1, *[1] * (target.dim() - 2)]
    mass = target if weight is None else target * weight.view(column)
    loss: Tensor | None = None
    for level in tables.used:
        log_p = log_probs[level]
        share = tables.weights[: tables.plan.num_classes, level].to(log_p.dtype)
        shared = tables.shared[level]
        pushed = mass if shared else mass * share.view(column)
        size = (log_p.shape[0], tables.plan.widths[level], *log_p.shape[2:])
        up = tables.class_to_node[level]
        on_level = pushed.new_zeros(size).index_add(1, up, pushed)
        term = times(on_level, -log_p).sum(1)
        if smoothing > 0:
            scale = 1.0 if shared else (target * share.view(column)).sum(1)
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
