"""The loss of node ids by the compiled kernel: one call of C, and the gradient is ready when it returns.

What the kernel is handed has been checked: dtypes, devices, shapes and strides here and in inputs.py;
whether each target is a row of the tables by the kernel, before it looks anything up. Rows whose masses
underflow it leaves out: they are done again, in float64 by the kernel, and where that too underflows in
log space.
"""

from __future__ import annotations

import ctypes
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.inputs import check_range, host_may_read
from taxoloss.functional.kernels.chunks import ChunkTensors
from taxoloss.functional.kernels.closed_form import by_definition, in_log_space, times
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.native.blocks import Blocks, blocks_of
from taxoloss.functional.kernels.native.library import Call, Kernel, Tree, kernel

__all__ = ["again_with_a_graph", "costs_of_rows", "native_losses", "reads", "serves", "tree_of"]

#: What the kernel answers.
_BAD_TARGET, _NO_MEMORY = 1, 2
#: What no target is: where none is ignored.
_NO_TARGET = -(1 << 63)
#: Levels that the kernel has room for.
_MOST_LEVELS = 64
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def serves(tensors: LossTensors, logits: Tensor) -> Kernel | None:
    """The kernel, if it is there and can read these logits: numbers on the CPU, in an eager call."""
    # First whether this is an eager call: a compiler must not follow into the loading of a library.
    return reads(tensors.chunks, logits) if host_may_read(logits) else None


def reads(chunks: ChunkTensors, logits: Tensor) -> Kernel | None:
    """The kernel, if it is there, has room for the levels, and a form for the dtype of the logits."""
    found = kernel()
    if found is None or logits.dtype not in _DTYPES or logits.layout != torch.strided:
        return None
    return found if chunks.levels <= _MOST_LEVELS else None


class _Tree:
    """The tables of a loss as the kernel reads them; they stay where they are as long as this lives."""

    def __init__(self, chunks: ChunkTensors, weights: Tensor | None) -> None:
        self.held = (chunks.edges, weights, chunks.order, chunks.inverse, blocks := _blocks_of(chunks))
        addresses = [None if tensor is None else tensor.data_ptr() for tensor in self.held[:4]]
        sizes = (chunks.classes, len(chunks.edges), chunks.levels)
        tables = () if blocks is None else (len(blocks.first) - 1, *(table.ctypes.data for table in blocks))
        self.reference = ctypes.byref(Tree(*sizes, *addresses, *tables))


_BLOCKS: WeakKeyDictionary[ChunkTensors, Blocks] = WeakKeyDictionary()


def _blocks_of(chunks: ChunkTensors) -> Blocks | None:
    """Of classes in another order than the tree's, made once."""
    found = _BLOCKS.get(chunks)
    if found is None and chunks.order is not None:
        found = _BLOCKS[chunks] = blocks_of(chunks.order.numpy(), chunks.edges.numpy())
    return found


_TREES: WeakKeyDictionary[LossTensors, _Tree] = WeakKeyDictionary()


def tree_of(tensors: LossTensors) -> _Tree:
    """The tables of a loss for the kernel, made once."""
    found = _TREES.get(tensors)
    if found is None:
        found = _TREES[tensors] = _Tree(tensors.chunks, tensors.weights)
    return found


class _Native(Function):
    """Row losses, their sum or their mean; the gradient is ready when forward ends."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        tensors: LossTensors,
        library: Kernel,
        node_weight: Tensor | None,
        ignore_index: int,
        reduction: str,
        recorded: bool,
    ) -> Tensor:
        needed = recorded and ctx.needs_input_grad[0]
        wide = logits if logits.dtype in _DTYPES[:2] else logits.float()
        gradient = torch.empty_like(wide) if needed else None
        result, count = _call(
            library, tensors, wide, target, gradient, node_weight, ignore_index, reduction
        )
        if gradient is not None:
            ctx.save_for_backward(logits, target, node_weight, gradient)
            ctx.tensors, ctx.ignored, ctx.reduction = tensors, ignore_index, reduction
            ctx.count = count if reduction == "mean" else None
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, node_weight, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():
            gradient = again_with_a_graph(ctx, logits, target, node_weight, upstream)
        else:
            none = ctx.reduction == "none"
            by_row = upstream.view(len(logits), 1, *logits.shape[2:]) if none else upstream
            gradient = times(gradient, by_row).to(logits.dtype)
        return gradient, *[None] * 7


def again_with_a_graph(
    ctx: Any, logits: Tensor, target: Tensor, node_weight: Tensor | None, upstream: Tensor
) -> Tensor:
    """The gradient of logits (N, C) or (N, C, D), that can be differentiated again (create_graph).

    ctx holds the tensors, the ignored number, and what a mean divides by, or None. upstream: a scalar, or
    one a row.
    """
    valid = target != ctx.ignored
    ids = torch.where(valid, target, 0)
    weights = ctx.tensors.row_weights(ids, valid, node_weight, ctx.count)
    flat = logits.double().movedim(1, -1).reshape(-1, logits.shape[1])
    losses = by_definition(flat, ids, weights, ctx.tensors.chunks)
    out = losses if upstream.dim() else losses.sum()
    (gradient,) = torch.autograd.grad(out, logits, upstream.double(), create_graph=True)
    return gradient


def _call(
    library: Kernel,
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    gradient: Tensor | None,
    node_weight: Tensor | None,
    ignore_index: int,
    reduction: str,
) -> tuple[Tensor, float]:
    """The losses or their sum or mean, and what a mean divides by; writes the gradient.

    Of logits (N, C) or (N, C, D) in float32 or float64, target (rows,) long, node_weight (V,) float64.
    """
    call = _new_call(logits, target, gradient)
    call.ignored, call.mean = ignore_index, reduction == "mean"
    if node_weight is not None:
        call.node_weight = node_weight.data_ptr()
    none = reduction == "none"
    result = logits.new_empty(target.shape if none else ())
    setattr(call, "losses" if none else "total", result.data_ptr())
    tree = tree_of(tensors)
    if _run(library, tree, call, logits) == _BAD_TARGET:
        check_range(target[target != ignore_index], tensors.plan)
    if call.lost_rows:
        rows = _lost_rows(library, tree, call, logits, target)
        count = call.count if reduction == "mean" else None
        weights = tensors.row_weights(target[rows], None, node_weight, count)
        again = _done_again(library, tensors.chunks, logits, target[rows], weights, rows, gradient)
        if none:
            result[rows] = again.to(result.dtype)
        else:
            result.fill_(call.sum + float(again.sum()))
    return result, call.count


def costs_of_rows(
    library: Kernel,
    chunks: ChunkTensors,
    logits: Tensor,
    target: Tensor,
    weights: Tensor,
    gradient: Tensor | None,
    *,
    reduce: bool = False,
) -> Tensor:
    """The loss of each row (rows,), or the sum, in the dtype of the logits; writes the sum's gradient.

    Args:
        library: the kernel.
        chunks: of the taxonomy.
        logits: (N, C) or (N, C, D) in float32 or float64.
        target: (rows,) long in 0..T-1; rows are N, or N * D.
        weights: (rows, K) float64: of each row's levels; all 0 for a row that is ignored.
        gradient: like the logits, or None.
        reduce: whether to add the rows up.

    Raises:
        IndexError: a target is no row of the tables.
    """
    target, weights = target.contiguous(), weights.double().contiguous()
    call, tree = _new_call(logits, target, gradient), _Tree(chunks, None)
    result = logits.new_empty(() if reduce else target.shape)
    setattr(call, "total" if reduce else "losses", result.data_ptr())
    call.ignored, call.row_weights = _NO_TARGET, weights.data_ptr()
    if _run(library, tree, call, logits) == _BAD_TARGET:
        raise IndexError(f"expected targets in 0..{len(chunks.edges) - 1}, got {int(target[call.bad_row])}")
    if call.lost_rows:
        rows = _lost_rows(library, tree, call, logits, target)
        again = _done_again(library, chunks, logits, target[rows], weights[rows], rows, gradient)
        if reduce:
            result.fill_(call.sum + float(again.sum()))
        else:
            result[rows] = again.to(result.dtype)
    return result


def _new_call(logits: Tensor, target: Tensor, gradient: Tensor | None) -> Call:
    """A call for logits and gradient (N, C) or (N, C, D), and targets (rows,)."""
    call = Call(threads=torch.get_num_threads(), logits=logits.data_ptr(), target=target.data_ptr())
    call.samples, call.places = len(logits), 1 if logits.dim() == 2 else logits.shape[2]
    call.logits_by_sample, call.logits_by_class, *place = logits.stride()
    call.logits_by_place = place[0] if place else 0
    if gradient is not None:
        call.gradient = gradient.data_ptr()
        call.gradient_by_sample, call.gradient_by_class, *place = gradient.stride()
        call.gradient_by_place = place[0] if place else 0
    return call


def _run(library: Kernel, tree: _Tree, call: Call, logits: Tensor) -> int:
    status: int = library.rows(tree.reference, call, logits.dtype == torch.float64, library.form)
    if status == _NO_MEMORY:
        raise MemoryError("the native kernel found no memory for the rows of a batch")
    return status


def _lost_rows(library: Kernel, tree: _Tree, call: Call, logits: Tensor, target: Tensor) -> Tensor:
    """(n,): the rows whose masses underflowed, of a call that said that there are some."""
    lost = target.new_empty(target.shape, dtype=torch.bool)
    call.lost = lost.data_ptr()
    _run(library, tree, call, logits)
    return lost.nonzero().squeeze(1)


def _done_again(
    library: Kernel,
    chunks: ChunkTensors,
    logits: Tensor,
    target: Tensor,
    weights: Tensor,
    rows: Tensor,
    gradient: Tensor | None,
) -> Tensor:
    """The losses (n,) of some rows in float64, and where that underflows too in log space.

    Of logits and gradient (N, C) or (N, C, D); target (n,) and weights (n, K) of the rows.
    """
    dense = logits.dim() == 3
    sample = rows // logits.shape[2] if dense else rows
    z = (logits[sample, :, rows % logits.shape[2]] if dense else logits[rows]).double()
    slope = None if gradient is None else torch.empty_like(z)
    if logits.dtype == torch.float64:
        costs, slope = in_log_space(z, target, weights, chunks, gradient is not None)
        losses = costs.sum(1)
    else:
        losses = costs_of_rows(library, chunks, z, target, weights, slope)
    if gradient is not None and slope is not None:
        if dense:
            gradient[sample, :, rows % logits.shape[2]] = slope.to(gradient.dtype)
        else:
            gradient[rows] = slope.to(gradient.dtype)
    return losses


def native_losses(
    library: Kernel,
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    node_weight: Tensor | None,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """The loss of each target (N, d1..dk), their sum or their mean; float32, or float64 for float64 logits.

    Args:
        library: what `serves` gave.
        tensors: of the taxonomy and the level weights.
        logits: (N, C, d1..dk), any floating dtype and strides.
        target: (N, d1..dk) integers.
        node_weight: (V,): the weights of all nodes, or None; no gradient flows to them.
        ignore_index: targets of this number cost nothing and are not counted.
        reduction: "none", "mean" or "sum".

    Raises:
        IndexError: a target is no row of the tables.
    """
    recorded = torch.is_grad_enabled()  # inside forward it is always off
    flat = logits if logits.dim() == 2 else logits.flatten(2)
    ids = target.long().reshape(-1).contiguous()
    result: Tensor = _Native.apply(
        flat.resolve_neg(), ids, tensors, library, node_weight, ignore_index, reduction, recorded
    )
    return result.view(target.shape) if reduction == "none" and logits.dim() > 2 else result
