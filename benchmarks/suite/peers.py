"""Other ways to the same loss, a published package with another one, and what autograd alone costs."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from benchmarks.suite.cases import Competitor, LeftOutError
from taxoloss import Taxonomy
from taxoloss.taxonomy.plan import plan_of

#: Bytes of the matrices, or of the gathered logits, that are still tried.
MOST_BYTES = 1 << 29


def _check_size(what: str, numbers: int) -> None:
    if 4 * numbers > MOST_BYTES:
        raise LeftOutError(f"{what} would take {4e-9 * numbers:.1f} GB")


class DenseMatrices:
    """log(softmax @ A), A a matrix (classes, nodes) of zeros and ones for each level; equal weights."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        plan = plan_of(taxonomy)
        _check_size("its matrices", plan.num_classes * sum(plan.widths))
        self.groups = [torch.from_numpy(row) for row in plan.class_to_node]
        self.matrices = [F.one_hot(group).float() for group in self.groups]

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        probabilities = torch.softmax(logits, 1)
        costs = [
            F.nll_loss(torch.log(probabilities @ matrix), group[target])
            for matrix, group in zip(self.matrices, self.groups, strict=True)
        ]
        return torch.stack(costs).mean()


class Scatter:
    """logsumexp of each node's logits, level by level, by scattering; equal weights."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        plan = plan_of(taxonomy)
        self.widths = plan.widths
        self.groups = [torch.from_numpy(row) for row in plan.class_to_node]

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        levels = zip(self.groups, self.widths, strict=True)
        costs = [F.nll_loss(_log_probs(logits, group, width), group[target]) for group, width in levels]
        return torch.stack(costs).mean()


class GatheredGroups:
    """log_softmax on each level, of the logsumexp of its nodes, gathered and padded; equal weights."""

    def __init__(self, taxonomy: Taxonomy, rows: int) -> None:
        self.groups = [torch.from_numpy(row) for row in plan_of(taxonomy).class_to_node]
        counts = [torch.bincount(group) for group in self.groups]
        _check_size("its gathered logits", rows * sum(len(one) * int(one.max()) for one in counts))
        self.padded = [_padded(group) for group in self.groups]

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        wide = F.pad(logits, (0, 1), value=-torch.inf)
        costs = [
            F.cross_entropy(wide[:, padded].logsumexp(2), group[target])
            for padded, group in zip(self.padded, self.groups, strict=True)
        ]
        return torch.stack(costs).mean()


def _padded(group: Tensor) -> Tensor:
    """(nodes, most classes below one): the classes below each node, filled up with C."""
    below = [torch.nonzero(group == node).squeeze(1) for node in range(int(group.max()) + 1)]
    return torch.nn.utils.rnn.pad_sequence(below, batch_first=True, padding_value=len(group))


def _log_probs(logits: Tensor, group: Tensor, width: int) -> Tensor:
    """(N, width): of the nodes of one level."""
    rows = len(logits)
    peak = logits.new_full((rows, width), -torch.inf)
    peak.scatter_reduce_(1, group.expand(rows, -1), logits.detach(), "amax")
    terms = torch.exp(logits - peak.index_select(1, group))
    sums = logits.new_zeros(rows, width).index_add(1, group, terms)
    return torch.log_softmax(torch.log(sums) + peak, 1)


class _Empty(Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        ctx.save_for_backward(logits)
        return logits.new_empty(())

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        (logits,) = ctx.saved_tensors
        return torch.empty_like(logits)


def empty_function(logits: Tensor, target: Tensor) -> Tensor:
    """An autograd.Function in Python that computes nothing: no number is written in either direction."""
    result: Tensor = _Empty.apply(logits)
    return result


def hierarchicalsoftmax(rows: list[tuple[str, ...]], like: Tensor, target: Tensor) -> Competitor:
    """The package of that name: a softmax below each node, logits for each node but an only child."""
    if importlib.util.find_spec("hierarchicalsoftmax") is None:
        raise LeftOutError("hierarchicalsoftmax is not installed")
    from hierarchicalsoftmax import HierarchicalSoftmaxLoss, SoftmaxNode

    root, leaves = SoftmaxNode("root"), []
    nodes: dict[tuple[str, ...], Any] = {(): root}
    for row in rows:
        for depth in range(len(row)):
            path = row[: depth + 1]
            if path not in nodes:
                nodes[path] = SoftmaxNode(row[depth], parent=nodes[row[:depth]])
        leaves.append(nodes[row])
    root.set_indexes()
    ids = root.get_node_ids_tensor(leaves)
    logits = torch.randn(len(like), root.children_softmax_end_index)
    logits.requires_grad_(like.requires_grad)
    return Competitor(HierarchicalSoftmaxLoss(root), logits, ids[target])
