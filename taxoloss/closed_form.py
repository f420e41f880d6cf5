"""The loss and its gradient on a CPU, both in forward, from the masses of the rings of each target.

With p = softmax(logits), r_k the mass of ring k (taxoloss/rings.py), P_l and Q_l its sums from inside and
from outside, w_l the weights of the target's row and c a factor of the row:

    loss = sum over l of w_l log(1 / P_l) = sum over l of w_l log1p(Q_l / P_l)                  (1)

since P_l + Q_l = 1. For a column j in ring k, d log P_l / dz_j = p_j (1 / P_l - 1) = p_j Q_l / P_l where
l <= k (j is below that ancestor), and -p_j where l > k. So

    dz_j = p_j b_k,   b_k = sum over l > k of w_l  -  sum over l <= k of w_l Q_l / P_l           (2)

Masses are sums of positive numbers: nothing cancels where P_l is near 1 (Q_l is not formed as 1 - P_l)
nor where it is near 0 (p_j is not subtracted from p_j / P_l). One buffer of the logits' size is made, for
p, and becomes the gradient. The numbers per row, K of them, are in float64.

Where a mass underflows in float32 (odds Q_l / P_l beyond _MOST_ODDS) a row has lost digits; it is done
again from its logits by the definition, taxoloss/_reference.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss import _reference
from taxoloss.rings import Chunks

__all__ = ["ChunkTables", "at_least_float32", "by_definition", "closed_form_losses", "wide_dtype"]

#: Odds Q / P up to which the masses of a row keep all their digits.
_MOST_ODDS = {torch.float32: 1e20, torch.float64: 1e200}
#: Numbers of a level that are done again at once.
_REDONE = 1 << 22


def wide_dtype(tensor: Tensor) -> torch.dtype:
    """What is computed in: float32, or float64 where the input is float64."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def at_least_float32(tensor: Tensor) -> Tensor:
    """float16 and bfloat16 as float32."""
    return tensor.to(wide_dtype(tensor))


class ChunkTables:
    """The chunks of a taxonomy's columns as tensors; always on the CPU."""

    def __init__(self, chunks: Chunks, order: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        self.chunks = chunks
        self.width, self.whole, self.levels = chunks.width, chunks.whole, chunks.levels
        self.cut = torch.from_numpy(chunks.cut)
        self.edges = torch.from_numpy(chunks.edges)
        self.rings = None if chunks.rings is None else torch.from_numpy(chunks.rings)
        classes = len(order)
        self.tail = classes - self.whole * self.width
        self.chosen = self.cut.shape[1] * self.width
        #: position -> class and class -> position; None where the classes stand in depth-first order.
        ordered = bool((order == np.arange(classes)).all())
        self.order = None if ordered else torch.from_numpy(order.copy())
        self.inverse = None if ordered else torch.from_numpy(np.argsort(order))
        # Masses of rings (K + 1, and one for what is thrown away) to (P_1 .. P_K, Q_1 .. Q_K), and back
        # from the factors of Q / P and of 1 to b of the rings.
        level, ring = torch.arange(1, self.levels + 1), torch.arange(self.levels + 2).unsqueeze(1)
        inside = (ring >= level) & (ring <= self.levels)
        outside = ring < level
        self.sums = torch.cat([inside, outside], 1).double()
        self.factors = torch.cat([-inside.double(), outside.double()], 1).T.contiguous()

    def ring_of_entries(self, target: Tensor, cut: Tensor) -> Tensor:
        """(N, entries) of the targets; long."""
        if self.rings is not None:
            return self.rings.index_select(0, target).long()
        edges = self.edges.index_select(0, target)
        chunks = torch.arange(self.whole) * self.width
        columns = (cut.unsqueeze(2) + torch.arange(self.width)).flatten(1)
        tail = torch.arange(self.whole * self.width, self.whole * self.width + self.tail)
        rows = [part.expand(len(edges), -1) for part in (chunks, columns, tail)]
        passed = torch.searchsorted(edges, torch.cat(rows, 1), right=True)
        ring = torch.minimum(passed, 2 * self.levels - passed)
        return ring.scatter_(1, cut // self.width, self.levels + 1)


class _Entries:
    """A buffer (N, C), seen as whole chunks, as the columns of cut chunks, and as the tail."""

    def __init__(self, buffer: Tensor, tables: ChunkTables, cut: Tensor) -> None:
        rows, classes = buffer.shape
        width, whole = tables.width, tables.whole
        self.tables = tables
        self.tail = buffer[:, whole * width :]
        if whole:
            self.whole = buffer[:, : whole * width].view(rows, whole, width)
            # Any `width` numbers in a row of memory; a cut chunk is one of them.
            self.windows = buffer.as_strided((rows * classes - width + 1, width), (1, 1))
            self.index = (cut + torch.arange(0, rows * classes, classes).unsqueeze(1)).view(-1)

    def sums(self) -> Tensor:
        """(N, entries): sums of whole chunks, then single columns."""
        if not self.tables.whole:
            return self.tail
        rows = len(self.tail)
        parts = [self.whole.sum(2), self.windows.index_select(0, self.index).view(rows, -1), self.tail]
        return torch.cat(parts if self.tables.tail else parts[:2], 1)

    def scale(self, values: Tensor, factors: Tensor) -> None:
        """Multiplies the buffer by a factor for each entry; values are what `sums` gave."""
        tables = self.tables
        if not tables.whole:
            self.tail.mul_(factors)
            return
        columns = slice(tables.whole, tables.whole + tables.chosen)
        scaled = values[:, columns] * factors[:, columns]
        self.whole.mul_(factors[:, : tables.whole].unsqueeze(2))
        self.windows.index_copy_(0, self.index, scaled.view(-1, tables.width))
        if tables.tail:
            self.tail.mul_(factors[:, tables.whole + tables.chosen :])


def _losses(
    logits: Tensor,
    target: Tensor,
    row_weights: Tensor,
    tables: ChunkTables,
    gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Losses (N,) in float64, and the gradient of their sum (N, C) or None."""
    wide = wide_dtype(logits)
    ordered = logits if tables.order is None else logits.gather(1, tables.order.expand_as(logits))
    buffer = torch.softmax(ordered, 1, dtype=wide)
    cut = tables.cut.index_select(0, target)
    ring = tables.ring_of_entries(target, cut)
    entries = _Entries(buffer, tables, cut)
    values = entries.sums()
    masses = torch.zeros(len(target), tables.levels + 2, dtype=torch.float64)
    masses.scatter_add_(1, ring, values.double())
    sums = masses @ tables.sums
    odds = sums[:, tables.levels :] / sums[:, : tables.levels]
    losses = (row_weights * torch.log1p(odds)).sum(1)
    lost = not odds.max().item() <= _MOST_ODDS[wide] if odds.numel() else False
    if gradient:
        factors = torch.cat([row_weights * odds, row_weights], 1) @ tables.factors
        entries.scale(values, factors.to(wide).gather(1, ring))
        if tables.inverse is not None:
            buffer = buffer.gather(1, tables.inverse.expand_as(buffer))
    if lost:
        rows = (~(odds <= _MOST_ODDS[wide])).any(1).nonzero().squeeze(1)
        _redo(rows, losses, buffer if gradient else None, logits, target, row_weights, tables)
    return losses, buffer if gradient else None


def _redo(
    rows: Tensor,
    losses: Tensor,
    gradient: Tensor | None,
    logits: Tensor,
    target: Tensor,
    row_weights: Tensor,
    tables: ChunkTables,
) -> None:
    """Puts what the definition gives in the place of rows whose masses underflowed."""
    ignored = (row_weights[rows] == 0).all(1)
    losses[rows[ignored]] = 0.0
    if gradient is not None:
        gradient[rows[ignored]] = 0.0
    # A few rows at a time: what autograd keeps for each level is as large as their logits.
    at_once = max(1, _REDONE // (logits.shape[1] * tables.levels))
    for some in torch.split(rows[~ignored], at_once):
        with torch.enable_grad():
            raw = logits[some].detach().double().requires_grad_(gradient is not None)
            again = by_definition(raw, target[some], row_weights[some], tables)
            if gradient is not None:
                (by_row,) = torch.autograd.grad(again.sum(), raw)
                gradient[some] = by_row.to(gradient.dtype)
        losses[some] = again.detach()


def by_definition(logits: Tensor, target: Tensor, row_weights: Tensor, tables: ChunkTables) -> Tensor:
    """The loss of each row as its definition says."""
    edges = tables.edges.index_select(0, target)
    start, stop = edges[:, : tables.levels], edges[:, tables.levels :].flip(1)
    return _reference.row_losses(logits, start, stop, row_weights, tables.order)


class _ClosedForm(Function):
    """Row losses, or their sum; the gradient is ready when forward ends."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, weights: Tensor, tables: ChunkTables, reduce: bool
    ) -> Tensor:
        needed = ctx.needs_input_grad[0]
        losses, gradient = _losses(logits, target, weights, tables, needed)
        if needed and gradient is not None:
            ctx.save_for_backward(logits, target, weights, gradient.to(logits.dtype))
            ctx.tables, ctx.reduce = tables, reduce
        return (losses.sum() if reduce else losses).to(wide_dtype(logits))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, weights, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: a gradient that can be differentiated again
            losses = by_definition(at_least_float32(logits), target, weights, ctx.tables)
            out = losses.sum() if ctx.reduce else losses
            (gradient,) = torch.autograd.grad(out, logits, upstream, create_graph=True)
        elif not ctx.reduce:
            gradient = gradient * upstream.unsqueeze(1).to(gradient.dtype)
        elif upstream.item() != 1.0:
            gradient = gradient * upstream.to(gradient.dtype)
        return gradient, None, None, None, None


def closed_form_losses(
    logits: Tensor, target: Tensor, weights: Tensor, tables: ChunkTables, *, reduce: bool
) -> Tensor:
    """The loss of each row, (N,), or their sum; float32, or float64 for logits in float64.

    Args:
        logits: (N, C) on the CPU, any floating dtype and strides.
        target: (N,) long in 0..T-1.
        weights: (N, K) float64: of each row's levels; all 0 for a row that is ignored.
        tables: of the taxonomy.
        reduce: whether to add the rows up.
    """
    result: Tensor = _ClosedForm.apply(logits, target, weights, tables, reduce)
    return result
