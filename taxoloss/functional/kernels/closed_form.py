"""The loss and its gradient on a CPU, both in forward, from the masses of the rings of each target.

With p = softmax(logits), r_k the mass of ring k (chunks.py), P_l and Q_l its sums from inside and
from outside, w_l the weights of the target's row and c a factor of the row:

    loss = sum over l of w_l log(1 / P_l) = sum over l of w_l log1p(Q_l / P_l)                  (1)

since P_l + Q_l = 1. For a column j in ring k, d log P_l / dz_j = p_j (1 / P_l - 1) = p_j Q_l / P_l where
l <= k (j is below that ancestor), and -p_j where l > k. So

    dz_j = p_j b_k,   b_k = sum over l > k of w_l  -  sum over l <= k of w_l Q_l / P_l           (2)

Masses are sums of positive numbers: nothing cancels where P_l is near 1 (Q_l is not formed as 1 - P_l)
nor where it is near 0 (p_j is not subtracted from p_j / P_l). One buffer of the logits' size is made, for
p, and becomes the gradient. The numbers per row, K of them, are in float64.

Where a mass underflows in float32 (odds Q_l / P_l beyond _MOST_ODDS) a row has lost digits. It is done
again from its logits in float64, and where that too underflows in log space, masked.py, whose
gradient is a formula as well: nothing here needs autograd, so that a compiler may call all of it. A row
without weight costs nothing, whatever its logits are.

The gradient is kept in float32 or float64, also for narrower logits, and is rounded to their dtype after
it was multiplied by what comes from above: what a loss scaler makes representable is not lost before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.arithmetic import row_blocks, wide_dtype
from taxoloss.functional.inputs import host_may_read
from taxoloss.functional.kernels import definition
from taxoloss.functional.kernels.chunks import ChunkTensors
from taxoloss.functional.kernels.few_classes import are_moderate, costs_and_slope, lost_rows
from taxoloss.functional.kernels.masked import losses_and_slopes

__all__ = [
    "Block",
    "blocks_of",
    "by_definition",
    "closed_form_losses",
    "in_log_space",
    "losses_and_gradient",
    "times",
    "times_upstream",
]

#: Whether the backward that runs keeps its graph; where torch cannot tell, it may.
_graph_is_kept = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)
#: Odds Q / P up to which the masses of a row keep all their digits.
_MOST_ODDS = {torch.float32: 1e20, torch.float64: 1e200}
#: Logits of a block of rows, 4 MB in float32, and its entries, 2 MB in each of float64 and int64.
_BLOCK, _ENTRIES = 1 << 20, 1 << 18


class _Entries:
    """A contiguous buffer (n, C), seen as whole chunks, as the columns of cut chunks, and as the tail."""

    def __init__(self, buffer: Tensor, tensors: ChunkTensors, cut: Tensor) -> None:
        rows, classes = buffer.shape
        width, columns = tensors.width, tensors.whole * tensors.width
        self.sizes = [tensors.whole, tensors.chosen, tensors.tail]
        self.tail = buffer[:, columns:] if tensors.tail else None
        # (n, whole, width)
        self.whole = (buffer[:, :columns] if tensors.tail else buffer).view(rows, tensors.whole, width)
        # Any `width` numbers in a row of memory; a cut chunk is one of them.
        self.windows = buffer.as_strided((rows * classes - width + 1, width), (1, 1))
        first = torch.arange(0, rows * classes, classes, device=cut.device)
        self.index = (cut + first.unsqueeze(1)).view(-1)  # (n * cut chunks,): where each begins
        self.chosen = self.windows.index_select(0, self.index).view(rows, -1)  # (n, chosen)

    def sums(self) -> Tensor:
        """(n, entries) in float64: sums of whole chunks, then single columns."""
        out = self.chosen.new_empty(len(self.chosen), sum(self.sizes), dtype=torch.float64)
        whole, chosen, tail = out.split_with_sizes(self.sizes, 1)
        whole.copy_(self.whole.sum(2))
        chosen.copy_(self.chosen)
        if self.tail is not None:
            tail.copy_(self.tail)
        return out

    def scale(self, factors: Tensor) -> None:
        """Multiplies the buffer by a factor for each entry, (n, entries)."""
        whole, chosen, tail = factors.split_with_sizes(self.sizes, 1)
        self.whole.mul_(whole.unsqueeze(2))
        self.windows.index_copy_(0, self.index, self.chosen.mul_(chosen).view(-1, self.windows.shape[1]))
        if self.tail is not None:
            self.tail.mul_(tail)


def _costs_of_block(
    buffer: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """What each level costs, (n, K), and the rows (n,) whose masses underflowed, if any did.

    Of probabilities (n, C) in depth-first order, which become the gradient.
    """
    looked_up = tensors.whole or tensors.rings is None
    cut = tensors.cut.index_select(0, target) if looked_up else tensors.cut
    ring = tensors.ring_of_entries(target, cut)  # (n, entries)
    entries = _Entries(buffer, tensors, cut) if tensors.whole else None
    values = buffer if entries is None else entries.sums()  # float64: few classes, or sums
    masses = weights.new_zeros(len(target), tensors.levels + 2)  # r_0 .. r_K, and what is thrown away
    masses.scatter_add_(1, ring, values)
    inside, outside = torch.chunk(masses @ tensors.sums, 2, 1)  # P and Q, (n, K)
    odds = outside / inside
    costs = weights * torch.log1p(odds)
    if gradient:
        by_ring = torch.cat([weights * odds, weights], 1) @ tensors.factors  # b, (n, K + 2)
        factors = by_ring.to(buffer.dtype).gather(1, ring)  # (n, entries)
        if entries is None:
            buffer.mul_(factors)
        else:
            entries.scale(factors)
    most = _MOST_ODDS[buffer.dtype]
    if odds.max().item() <= most:
        return costs, None
    return costs, ~(odds <= most).all(1)  # NaN too


class Block(NamedTuple):
    """Samples and places of logits (N, C, D) that are done at once."""

    samples: slice
    places: slice
    rows: slice  # among the N * D

    def of(self, tensor: Tensor) -> Tensor:
        """(n, d, C): a view."""
        return tensor[self.samples, :, self.places].movedim(1, 2)


def blocks_of(samples: int, places: int, size: int) -> Iterator[Block]:
    """Blocks of about `size` rows: some places of one sample, or all places of some samples.

    A block is small enough to stay in a cache through all passes, and what is made for it is small beside
    the logits: nothing is copied into another layout as a whole.
    """
    parts = -(-places // size)
    width, height = -(-places // parts), max(1, size // places)
    for first in range(0, samples, height):
        last = min(first + height, samples)
        for start in range(0, places, width):
            stop = min(start + width, places)
            rows = slice(first * places + start, (last - 1) * places + stop)
            yield Block(slice(first, last), slice(start, stop), rows)


def _costs(
    logits: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, gradient: Tensor | None
) -> Tensor:
    """What each level costs, (rows, K) in float64; writes the gradient of the sum of all."""
    size = max(1, min(_BLOCK // logits.shape[1], _ENTRIES // tensors.entries))
    if logits.dim() == 2:
        if len(logits) <= size:
            return _costs_of_rows(logits, target, weights, tensors, gradient)
        logits, gradient = logits.unsqueeze(2), None if gradient is None else gradient.unsqueeze(2)
    costs = []
    for block in blocks_of(logits.shape[0], logits.shape[2], size):
        z, rows = block.of(logits).flatten(0, 1), block.rows  # z (n * d, C)
        slope = None if gradient is None else block.of(gradient)
        # Places of some samples are rows of a matrix where their strides agree, else of a buffer.
        direct = slope is not None and _is_matrix(slope)
        flat = None if slope is None else slope.flatten(0, 1) if direct else slope.new_empty(z.shape)
        costs.append(_costs_of_rows(z, target[rows], weights[rows], tensors, flat))
        if slope is not None and flat is not None and not direct:
            slope.copy_(flat.view(slope.shape))
    return torch.cat(costs)


def _is_matrix(tensor: Tensor) -> bool:
    """Whether (n, d, C) is (n * d, C) without a copy."""
    n, d, _ = tensor.shape
    return n == 1 or d == 1 or tensor.stride(0) == d * tensor.stride(1)


def _costs_of_rows(
    z: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, slope: Tensor | None
) -> Tensor:
    """The same, (n, K), of one block (n, C); slope (n, C)."""
    fits = z.dtype != torch.float64 and tensors.few.serves and are_moderate(weights)
    narrow = z.float() if fits else None
    lost = None if narrow is None else lost_rows(narrow)
    if narrow is None or (lost is not None and bool(lost.all())):
        costs, lost = _by_rings(z, target, weights.double(), tensors, slope)
    else:
        costs = costs_and_slope(narrow, target, weights, tensors.few, slope)
    if lost is not None:
        _do_again(z, target, weights, tensors, lost, costs, slope)
    return costs


def _by_rings(
    z: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, slope: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """The same, and the rows (n,) whose masses underflowed, if any did."""
    # With few classes a sum has few terms, and the rounding of z - max, 2e-6 of a term at a gap of 60, does
    # not average out; float64 costs little there.
    wide = wide_dtype(z) if tensors.whole else torch.float64
    ordered = z if tensors.order is None else z.gather(1, tensors.order.expand_as(z))
    direct = slope is not None and tensors.order is None and slope.dtype == wide and slope.is_contiguous()
    buffer = torch.softmax(ordered, 1, dtype=wide, out=slope if direct else None)
    costs, lost = _costs_of_block(buffer, target, weights, tensors, slope is not None)
    if slope is not None and not direct:
        slope.copy_(buffer if tensors.inverse is None else _back(buffer, tensors.inverse))
    return costs, lost


def _do_again(
    z: Tensor,
    target: Tensor,
    weights: Tensor,
    tensors: ChunkTensors,
    lost: Tensor,
    costs: Tensor,
    slope: Tensor | None,
) -> None:
    """Writes costs and gradient of rows whose masses underflowed: by this form in float64, or in log space.

    Those of rows without weight are 0, whatever they hold.
    """
    counted = (weights != 0).any(1)
    nothing = (lost & ~counted).nonzero().squeeze(1)
    costs[nothing] = 0.0
    if slope is not None:
        slope[nothing] = 0.0
    rows = (lost & counted).nonzero().squeeze(1)
    if len(rows) == 0:
        return
    again = in_log_space if z.dtype == torch.float64 else _in_float64
    found, redone = again(
        z[rows].double(), target[rows], weights[rows].double(), tensors, slope is not None
    )
    costs[rows] = found.to(costs.dtype)
    if slope is not None and redone is not None:
        slope[rows] = redone.to(slope.dtype)


def _in_float64(
    z: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """Costs and gradient of rows whose masses underflowed in float32, by the same form."""
    slope = torch.empty_like(z) if gradient else None
    return _costs_of_rows(z, target, weights, tensors, slope), slope


def in_log_space(
    z: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """Costs (all in one column) and gradient of rows whose masses underflowed in float64 too."""
    costs = torch.zeros_like(weights)
    slope = torch.empty_like(z) if gradient else None
    position = tensors.inverse
    if position is None:
        position = torch.arange(z.shape[1], device=z.device)
    # A few rows at a time: a mask for each level is made of their logits.
    for rows in row_blocks(len(z), z.shape[1] * tensors.levels, _BLOCK):
        start, stop = _ranges(target[rows], tensors)
        costs[rows, 0], found = losses_and_slopes(z[rows], start, stop, weights[rows], position, gradient)
        if slope is not None and found is not None:
            slope[rows] = found
    return costs, slope


def _back(buffer: Tensor, inverse: Tensor) -> Tensor:
    """From depth-first order to the order of the classes."""
    return buffer.gather(1, inverse.expand_as(buffer))


def _ranges(target: Tensor, tensors: ChunkTensors) -> tuple[Tensor, Tensor]:
    """(n, K) and (n, K): where the ranges of the targets' ancestors start and stop."""
    edges = tensors.edges.index_select(0, target)
    return edges[:, : tensors.levels], edges[:, tensors.levels :].flip(1)


def by_definition(logits: Tensor, target: Tensor, row_weights: Tensor, tensors: ChunkTensors) -> Tensor:
    """The loss (N,) of each row as its definition says, of logits (N, C) and weights (N, K)."""
    return definition.row_losses(logits, *_ranges(target, tensors), row_weights, tensors.order)


def losses_and_gradient(
    logits: Tensor,
    target: Tensor,
    weights: Tensor,
    tensors: ChunkTensors,
    gradient: Tensor | None,
    reduce: bool,
) -> Tensor:
    """The loss of each row, (rows,), or their sum; writes the gradient of the sum of all.

    The arguments are those of `closed_form_losses`; gradient: like the logits, in `wide_dtype`, or None.
    """
    if target.numel() == 0:
        return logits.new_zeros(() if reduce else target.shape, dtype=wide_dtype(logits))
    costs = _costs(logits, target, weights, tensors, gradient)
    return (costs.sum() if reduce else costs.sum(1)).to(wide_dtype(logits))


class _ClosedForm(Function):
    """Row losses, or their sum; the gradient is ready when forward ends."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        weights: Tensor,
        tensors: ChunkTensors,
        reduce: bool,
        recorded: bool,
    ) -> Tensor:
        needed = recorded and ctx.needs_input_grad[0]
        gradient = torch.empty_like(logits, dtype=wide_dtype(logits)) if needed else None
        losses = losses_and_gradient(logits, target, weights, tensors, gradient, reduce)
        if gradient is not None:
            ctx.save_for_backward(logits, target, weights, gradient)
            ctx.tensors, ctx.reduce = tensors, reduce
        return losses

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, weights, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: a gradient that can be differentiated again
            flat = logits.double().movedim(1, -1).reshape(-1, logits.shape[1])
            losses = by_definition(flat, target, weights, ctx.tensors)
            out = losses.sum() if ctx.reduce else losses
            (gradient,) = torch.autograd.grad(out, logits, upstream.double(), create_graph=True)
        else:
            by_row = upstream if ctx.reduce else upstream.view(len(logits), 1, *logits.shape[2:])
            gradient = times(gradient, by_row).to(logits.dtype)
        return gradient, None, None, None, None, None


def times(gradient: Tensor, upstream: Tensor) -> Tensor:
    """The product; in place where the graph ends here."""
    kept = _graph_is_kept()
    if not host_may_read(upstream):
        return times_upstream(gradient, upstream)
    if upstream.numel() == 1 and upstream.item() == 1.0:
        return gradient.clone() if kept else gradient  # what is kept must not be the caller's to change
    if not bool(torch.isfinite(upstream).all()):
        return times_upstream(gradient, upstream)
    factor = upstream.to(gradient.dtype)
    return gradient * factor if kept else gradient.mul_(factor)


def times_upstream(gradient: Tensor, upstream: Tensor) -> Tensor:
    """The product, where 0 stays 0 whatever comes from above."""
    return torch.where(gradient == 0, 0.0, gradient * upstream.to(gradient.dtype))


def closed_form_losses(
    logits: Tensor, target: Tensor, weights: Tensor, tensors: ChunkTensors, *, reduce: bool
) -> Tensor:
    """The loss of each row, (rows,), or their sum; float32, or float64 for logits in float64.

    Args:
        logits: (N, C) or (N, C, D) on the CPU, any floating dtype and strides.
        target: (rows,) long in 0..T-1; rows are N, or N * D.
        weights: (rows, K) float64: of each row's levels; all 0 for a row that is ignored.
        tensors: of the taxonomy.
        reduce: whether to add the rows up.
    """
    recorded = torch.is_grad_enabled()  # inside forward it is always off
    result: Tensor = _ClosedForm.apply(logits, target, weights, tensors, reduce, recorded)
    return result
