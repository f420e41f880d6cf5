"""The commonest call, with no more Python around its kernel than it needs: a small step is all calls.

Plain float32 logits (N, C) on the CPU, reduced, without class weights, in no mode of torch; long targets
(N,), and by the compiled kernel also smoothed, or probabilities of the classes or of all nodes.
Here nothing is refused: whatever is not plainly such a call goes the general way, which has the words.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import Parameter

from taxoloss.functional.inputs import below_0, refuse_softmax, transformed
from taxoloss.functional.kernels.closed_form import losses_and_gradient, times
from taxoloss.functional.kernels.few_classes import Weighted, ends_of, sum_of_losses, within
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.native.library import Call, Kernel
from taxoloss.functional.kernels.native.losses import again_with_a_graph, reads, tree_of
from taxoloss.functional.kernels.spread import SpreadTarget, spread_of_plain
from taxoloss.functional.soft_targets import FEW_NODES

__all__ = ["is_plain", "step_loss"]

_PLAIN = (Tensor, Parameter)
#: Logits of few classes that are done at once; of more the general way makes blocks.
_SMALL = 1 << 18


def step_loss(
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Tensor | None:
    """The sum or mean of the losses; None where this is another call, or a row must be done again.

    Raises:
        ValueError: the first rows are probabilities.
    """
    if not is_plain(logits, target, tensors.chunks.classes):
        return None
    of_ids = target.dtype is torch.int64
    if not of_ids and not _fits(tensors, target, logits.shape):
        return None
    library = reads(tensors.chunks, logits)
    if library is None and 0 <= ignore_index < tensors.plan.num_targets:
        return None
    recorded = torch.is_grad_enabled() and logits.requires_grad
    if smoothing != 0 or not of_ids:
        if (
            library is None
            or tensors.most_nodes < FEW_NODES
            or type(smoothing) is not float
            or not 0 <= smoothing <= 1
        ):
            return None
        spread = SpreadTarget(target, None, None, smoothing, ignore_index, reduction, True)
        return spread_of_plain(tensors, library, logits, spread, recorded)
    try:
        result: Tensor | None = _Step.apply(
            logits, target, tensors, library, ignore_index, reduction, recorded
        )
    # In Python a row that is ignored, or is none, is found when it is looked up: torch raises the one for
    # the first dimension, the other for others. The general way tells them apart.
    except (IndexError, RuntimeError):
        return None
    return result


def is_plain(logits: Tensor, target: Tensor, classes: int) -> bool:
    """Whether these are float32 logits (N, C) and N ids, or float32 targets of some shape, on the CPU."""
    if torch.compiler.is_compiling() or type(logits) not in _PLAIN or type(target) is not Tensor:
        return False
    shape = logits.shape
    if logits.dtype is not torch.float32 or len(shape) != 2 or shape[1] != classes or shape[0] == 0:
        return False
    if target.dtype is torch.int64:
        if target.shape != shape[:1]:
            return False
    elif target.dtype is not torch.float32:
        return False
    if logits.layout != torch.strided or target.layout != torch.strided:
        return False
    if not (logits.is_cpu and target.is_cpu and target.is_contiguous()):
        return False
    return not (_in_a_mode() or logits.is_neg())


def _fits(tensors: LossTensors, target: Tensor, shape: torch.Size) -> bool:
    """Whether these are probabilities of classes, or of all nodes where they may be targets; constants."""
    if target.dim() != 2 or target.shape[0] != shape[0] or target.requires_grad or target.is_neg():
        return False
    nodes = tensors.plan.num_nodes
    return target.shape[1] == shape[1] or target.shape[1] == nodes == tensors.plan.num_targets


def _in_a_mode() -> bool:
    """Whether tensors are traced, transformed, cast or watched here."""
    return (
        torch._C._is_tracing()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._len_torch_function_stack() > 0
        or transformed()
        or torch.is_autocast_enabled("cpu")
    )


class _Step(Function):
    """The sum or mean; the gradient is ready when forward ends."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        tensors: LossTensors,
        library: Kernel | None,
        ignore_index: int,
        reduction: str,
        recorded: bool,
    ) -> Tensor | None:
        gradient = torch.empty_like(logits) if recorded else None
        mean = reduction == "mean"
        result: Tensor | None
        if library is None:
            result, count = _in_python(tensors, logits, target, gradient, mean)
        else:
            result, count = _by_kernel(library, tensors, logits, target, gradient, ignore_index, mean)
        if result is not None and gradient is not None:
            ctx.save_for_backward(logits, target, gradient)
            ctx.tensors, ctx.ignored = tensors, ignore_index
            ctx.count = count if mean else None
        return result

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():
            gradient = again_with_a_graph(ctx, logits, target, None, upstream)
        else:
            gradient = times(gradient, upstream)
        return gradient, None, None, None, None, None, None


def _in_python(
    tensors: LossTensors, logits: Tensor, target: Tensor, gradient: Tensor | None, mean: bool
) -> tuple[Tensor, float]:
    """The sum or mean, and by what a mean divides; writes the gradient."""
    few, count = tensors.chunks.few, len(target)
    small = few.inside is not None and logits.numel() <= _SMALL
    weighted = _weighted(tensors, count if mean else 1) if small else None
    least, most = (math.nan, math.nan) if weighted is None else ends_of(logits)
    if not below_0(logits):
        refuse_softmax(logits, target)
    if weighted is not None and within(least, most):
        return sum_of_losses(logits, target, few, weighted, gradient), count
    weights = _row_weights(tensors, target, count if mean else 1)
    return losses_and_gradient(logits, target, weights, tensors.chunks, gradient, True), count


class _Made(NamedTuple):
    """What was made of the weights of tables, at a revision, and of that divided by a count."""

    revision: int
    whole: Weighted | None
    divisor: int
    shared: Weighted | None


_WEIGHTED: WeakKeyDictionary[LossTensors, _Made] = WeakKeyDictionary()
#: A row of weights at a revision, divided by a count.
_ROWS: WeakKeyDictionary[LossTensors, tuple[tuple[int, int], Tensor]] = WeakKeyDictionary()


def _weighted(tensors: LossTensors, count: int) -> Weighted | None:
    """What few classes' targets bring, of weights that are divided by a count."""
    found = _WEIGHTED.get(tensors)
    if found is None or (found.revision, found.divisor) != (tensors.revision, count):
        kept = found is not None and found.revision == tensors.revision
        whole = found.whole if found and kept else Weighted.of(tensors.chunks.few, tensors.weights)
        shared = None if whole is None else whole.over(count)
        found = _WEIGHTED[tensors] = _Made(tensors.revision, whole, count, shared)
    return found.shared


def _row_weights(tensors: LossTensors, target: Tensor, count: int) -> Tensor:
    """(N, K): the weights of the targets divided by a count; kept where all targets share them."""
    if tensors.plan.num_targets > tensors.plan.num_classes or not all(tensors.shared):
        return tensors.weights.index_select(0, target).div_(count)
    made_of, found = (tensors.revision, count), _ROWS.get(tensors)
    if found is None or found[0] != made_of:
        found = _ROWS[tensors] = made_of, tensors.weights[:1] / count
    return found[1].expand(len(target), -1)


def _by_kernel(
    library: Kernel,
    tensors: LossTensors,
    logits: Tensor,
    target: Tensor,
    gradient: Tensor | None,
    ignore_index: int,
    mean: bool,
) -> tuple[Tensor | None, float]:
    """The same by the compiled kernel; None where a row must be done again."""
    result = torch.empty((), dtype=torch.float32, device="cpu")
    by_sample, by_class = logits.stride()
    to_sample, to_class = (0, 0) if gradient is None else gradient.stride()
    call = Call(
        logits.shape[0], 1, logits.data_ptr(), by_sample, by_class, 0, target.data_ptr(), None, None,
        ignore_index, mean, None if gradient is None else gradient.data_ptr(), to_sample, to_class, 0, None,
        result.data_ptr(), None, torch.get_num_threads(), 0.0, 0.0, 0, 0, 1,
    )  # fmt: skip
    status = library.rows(tree_of(tensors).reference, call, False, library.form)
    if status or call.lost_rows:
        return None, 0
    if call.look:
        refuse_softmax(logits, target)
    return result, call.count
