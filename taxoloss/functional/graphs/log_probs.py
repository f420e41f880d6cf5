"""log P of every node on the levels of a graph, from logits.

A class counts in each node that reaches it, so that the nodes of a level are no partition: their P may sum
to more than 1, and no level is made of the one below it. Each node is summed over its own classes,

    log P(a) = logsumexp(z over what a reaches) - logsumexp(z)

by the definition in the pairs (peak, rest) of log_sums.py: for compilers, transforms and devices, and for
gradients that are differentiated again. A CPU does it twenty times as fast by a product with the sparse
matrix of what nodes reach, in float64, where p = softmax(z) underflows 745 below the largest logit:

    log P(a) = log S_a,   S_a = the sum of p over what a reaches

As d log S_a / dz_j = p_j / S_a - p_j where a reaches j, and - p_j elsewhere, with g_a what is pulled at it

    dz_j = p_j (the sum of g_a / S_a over the a that reach j  -  the sum of all g_a)

Rows in which a node has next to no mass go by the definition.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.arithmetic import flat_rows, row_blocks, with_places
from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.functional.graphs.masses import SMALLEST
from taxoloss.functional.graphs.reach import ReachTensors
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.log_sums import LogProbs, Sums, merge, merge_all
from taxoloss.taxonomy.plan import GraphPlan

__all__ = ["GraphLogProbs", "Known", "inner_log_probs", "node_log_probs"]

#: Numbers of a block of rows: 2 MB in float64, of which a few are held.
_BLOCK = 1 << 18


class Known(NamedTuple):
    """What LogProbs is, computed."""

    values: Tensor

    def all(self) -> Tensor:
        """(N, nodes, d1..dk)."""
        return self.values


class GraphLogProbs(DeviceTensors):
    """log P of every node on all levels (0 .. L-1)."""

    def __init__(self, plan: GraphPlan, reach: ReachTensors) -> None:
        self.reach = reach
        #: For each level but the deepest, which is the classes, (W,): node ids in index order.
        self.nodes = tuple(map(torch.tensor, plan.nodes[:-1]))

    def __call__(self, logits: Tensor) -> dict[int, Known]:
        """Logits (N, C, d1..dk) in float32 or float64 -> level -> its log-probabilities."""
        of_classes = torch.log_softmax(logits, 1)
        every = torch.cat([of_classes, self._of_inner_nodes(logits)], 1)
        found = {level: Known(every.index_select(1, nodes)) for level, nodes in enumerate(self.nodes)}
        return {**found, len(self.nodes): Known(of_classes)}

    def _of_inner_nodes(self, logits: Tensor) -> Tensor:
        """(N, V - C, d1..dk)."""
        if not host_may_read(logits):
            return inner_log_probs(logits, self.reach)
        logs: Tensor = _FromMasses.apply(flat_rows(logits), self.reach, torch.is_grad_enabled())
        return with_places(logs, logits.shape[:1] + logits.shape[2:])


def inner_log_probs(z: Tensor, reach: ReachTensors) -> Tensor:
    """log P (N, V - C, d1..dk) of inner nodes by the definition, from logits (N, C, d1..dk)."""
    return LogProbs(_inner_sums(z, reach), merge_all(Sums(z))).all()


def _inner_sums(z: Tensor, reach: ReachTensors) -> Sums:
    nodes, entries = reach.inner_entries
    return merge(Sums(z.index_select(1, entries)), nodes, reach.num_nodes - reach.num_classes)


def node_log_probs(z: Tensor, reach: ReachTensors) -> Tensor:
    """log P (R, V) of all nodes by the definition, from logits (R, C)."""
    total = merge_all(Sums(z))
    return torch.cat([LogProbs(sums, total).all() for sums in (Sums(z), _inner_sums(z, reach))], 1)


class _FromMasses(Function):
    """log P (R, V - C) of inner nodes, from logits (R, C)."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, reach: ReachTensors, recorded: bool) -> Tensor:
        logs = z.new_empty(len(z), reach.num_nodes - reach.num_classes)
        for rows in row_blocks(len(z), reach.num_nodes, _BLOCK):
            _, sums, lost = _masses(z[rows], reach)
            block = sums.log_().to(z.dtype)
            for few in _parts_of(lost, reach):
                block[few] = inner_log_probs(z[rows][few], reach)
            logs[rows] = block
        if recorded:
            ctx.save_for_backward(z)
            ctx.reach = reach
        return logs

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (z,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: a gradient that can be differentiated again
            return _by_definition(z, upstream, ctx.reach, create_graph=True), None, None
        slopes = torch.empty_like(z)
        for rows in row_blocks(len(z), ctx.reach.num_nodes, _BLOCK):
            slopes[rows] = _slopes(z[rows], upstream[rows], ctx.reach)
        return slopes, None, None


def _masses(z: Tensor, reach: ReachTensors) -> tuple[Tensor, Tensor, Tensor]:
    """p (n, C) and S (n, V - C) in float64, and the rows (m,) whose digits may be lost, or are NaN."""
    p = torch.softmax(z, 1, dtype=torch.float64)
    sums = (reach.inner @ p.T).T
    return p, sums, (~(sums >= SMALLEST)).any(1).nonzero().squeeze(1)


def _slopes(z: Tensor, pull: Tensor, reach: ReachTensors) -> Tensor:
    """The gradient (n, C) of what is pulled (n, V - C)."""
    p, sums, lost = _masses(z, reach)
    pulled = (reach.inner_transposed @ (pull / sums).T).T - pull.sum(1, keepdim=True, dtype=torch.float64)
    slopes = p.mul_(pulled).to(z.dtype)
    for few in _parts_of(lost, reach):
        slopes[few] = _by_definition(z[few], pull[few], reach)
    return slopes


def _parts_of(rows: Tensor, reach: ReachTensors) -> list[Tensor]:
    """Rows (m,) in blocks whose listed classes can be held; none where there are no rows."""
    width = len(reach.inner_entries[0])
    return [rows[part] for part in row_blocks(len(rows), width, _BLOCK)] if len(rows) else []


@torch.enable_grad()
def _by_definition(z: Tensor, pull: Tensor, reach: ReachTensors, create_graph: bool = False) -> Tensor:
    z = z if create_graph else z.detach().requires_grad_()
    logs = inner_log_probs(z, reach)
    return torch.autograd.grad(logs, z, pull, create_graph=create_graph)[0]
