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
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from taxoloss.plan import Plan
from taxoloss.tree import IntArray
from taxoloss.weighting import Table

__all__ = ["LevelLogProbs", "LogProbs", "LossTables", "index_loss", "probability_loss"]


class _Sums(NamedTuple):
    """Sums of exponentials as pairs: log of the sum = peak + rest; a class is its own sum, rest None."""

    value: Tensor  # the logits of classes, else the peaks: constants to autograd
    rest: Tensor | None = None

    def above(self, base: Tensor) -> Tensor:
        """log of the sum, minus a base."""
        return self.value - base if self.rest is None else (self.value - base) + self.rest

    def gather(self, index: Tensor) -> _Sums:
        """The sums (N, 1, d1..dk) that an index of that shape picks."""
        rest = None if self.rest is None else self.rest.gather(1, index)
        return _Sums(self.value.gather(1, index), rest)


class LogProbs(NamedTuple):
    """log P of the nodes of one level; computed where it is asked for."""

    sums: _Sums
    total: _Sums

    def all(self) -> Tensor:
        """(N, nodes, d1..dk)."""
        return self._relative(self.sums)

    def at(self, index: Tensor) -> Tensor:
        """(N, d1..dk): of one node a row."""
        return self._relative(self.sums.gather(index.unsqueeze(1))).squeeze(1)

    def _relative(self, sums: _Sums) -> Tensor:
        # Peaks from peaks, rests from rests: differences of like numbers.
        difference = sums.value - self.total.value
        assert self.total.rest is not None  # all classes together are more than one
        return difference + (-self.total.rest if sums.rest is None else sums.rest - self.total.rest)


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

    def forward(self, logits: Tensor) -> dict[int, LogProbs]:
        """Logits (N, C, d1..dk) in float32 or float64 -> level -> its log-probabilities."""
        sums = _Sums(logits)
        found: dict[int, _Sums] = {}
        for level, name, width in self._steps:
            if name is not None:
                sums = _merge(sums, getattr(self, name), width)
            found[level] = sums
        total = _merge_all(sums)
        return {level: LogProbs(sums, total) for level, sums in found.items()}


def _finite(peak: Tensor) -> Tensor:
    """-inf as 0: what is subtracted from -inf must not be -inf."""
    return peak.masked_fill(peak == -torch.inf, 0.0)


def _merge(children: _Sums, group: Tensor, width: int) -> _Sums:
    """The sums of children as the sums of their parents: child i of dimension 1 is below group[i]."""
    peaks = children.value.detach()
    shape = (peaks.shape[0], width, *peaks.shape[2:])
    index = group.view(1, -1, *[1] * (peaks.dim() - 2)).expand_as(peaks)
    top = peaks.new_full(shape, -torch.inf).scatter_reduce(1, index, peaks, "amax")
    # sum of exp(child) = exp(top) * sum of exp(child - top)
    terms = torch.exp(children.above(_finite(top).index_select(1, group)))
    return _Sums(top, _log(terms.new_zeros(shape).index_add(1, group, terms)))


def _merge_all(children: _Sums) -> _Sums:
    top = children.value.detach().amax(1, keepdim=True)
    return _Sums(top, _log(torch.exp(children.above(_finite(top))).sum(1, keepdim=True)))


def _log(total: Tensor) -> Tensor:
    """log, with gradient 0 (not NaN) at a total of 0. NaN stays NaN."""
    empty = total == 0
    return torch.log(total.masked_fill(empty, 1.0)).masked_fill(empty, -torch.inf)


class LossTables(nn.Module):
    """A plan and a table of weights as tensors that move with the module that holds them."""

    ancestors: Tensor
    class_to_node: Tensor
    class_to_id: Tensor

    def __init__(self, plan: Plan, table: Table) -> None:
        super().__init__()
        self.plan = plan
        self.used = used_levels(table)
        self.log_probs = LevelLogProbs(plan, self.used)
        self.register_buffer("ancestors", _long(plan.ancestors), persistent=False)
        self.register_buffer("class_to_node", _long(plan.class_to_node), persistent=False)
        on_levels = zip(plan.nodes, plan.class_to_node, strict=True)
        class_to_id = np.stack([nodes[index] for nodes, index in on_levels])
        self.register_buffer("class_to_id", _long(class_to_id), persistent=False)
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
        wide = weight.to(_table_dtype(weight.device))
        total, count = wide.new_zeros(2, self.plan.num_nodes).unbind(0)
        for nodes in self.class_to_id:  # a node on two levels is counted twice, and so are its classes
            total = total.index_add(0, nodes, wide)
            count = count.index_add(0, nodes, torch.ones_like(wide))
        inner = (total / count)[self.plan.num_classes : -1]
        return torch.cat([weight, inner.to(weight.dtype), wide.mean(0, keepdim=True).to(weight.dtype)])


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
    for level in tables.used:
        log_p = log_probs[level]
        term = -log_p.at(ancestors[:, level].reshape(target.shape))
        if node_weight is not None:
            term = times(node_weight.index_select(0, flat).reshape(target.shape), term)
        if smoothing > 0:
            term = (1 - smoothing) * term + smoothing * _level_mean(tables, log_p.all(), level, node_weight)
        loss = loss + times(weights[:, level].reshape(target.shape), term)
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
    column = [1, -1, *[1] * (target.dim() - 2)]
    mass = target if weight is None else target * weight.view(column)
    loss: Tensor | None = None
    for level in tables.used:
        log_p = log_probs[level].all()
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
