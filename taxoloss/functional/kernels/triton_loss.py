"""The loss of each row and its gradient from two Triton kernels; imported only when asked for.

Without triton this module imports all the same, and `available()` says so. The formulas stand in
triton_kernels.py. No call waits for the device or branches on what a tensor holds, so both
can be captured in a CUDA graph, and the batch size is in the grid alone: another one compiles nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from taxoloss.functional.kernels import definition
from taxoloss.functional.kernels.triton_kernels import backward, forward, triton

__all__ = ["available", "row_gradients", "row_losses", "triton_losses"]

_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def available() -> bool:
    """Whether the kernels can run: triton is there, and so is a GPU or Triton's interpreter."""
    return triton is not None and (torch.cuda.is_available() or bool(triton.knobs.runtime.interpret))


def row_losses(
    logits: Tensor,
    target: Tensor,
    start: Tensor,
    stop: Tensor,
    weights: Tensor,
    order: Tensor | None = None,
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of each row, sum over l of w_l log(1 + Q_l / P_l), and what its gradient needs.

    Args:
        logits: (N, C) or (N, C, D) in float32, float16 or bfloat16, with any strides. A row is read in
            its own stride: for D > 1 neighbouring rows share what a load fetches.
        target: (N,) or (N * D,) int64, rows of the tables; -1: an ignored row, loss 0. Any other outside
            0 .. T-1 reads no table and makes the row's loss and gradient NaN.
        start, stop: (T, L) int32: the ancestors of target t cover the depth-first positions
            start[t, l] .. stop[t, l] - 1, each range inside the one before. A level on which a target
            does not count has the range of the level above (the first: 0 .. C) and weight 0.
        weights: (T, L) float32.
        order: (C,) int32, depth-first position -> class; None: they are the same.
        scale: (N,) float32, multiplies each row's weights.

    Returns:
        The losses (N,) in float32; the peaks and slopes (N, L + 1) of the rings, for `row_gradients`.

    Raises:
        TypeError: a dtype other than these; float64 logits are the caller's to compute elsewhere.
        ValueError: shapes that do not match, tables that are not contiguous.
    """
    logits = logits if logits.dim() == 3 else logits.unsqueeze(-1)
    _check(logits, target, start, stop, order)
    _check_like(weights, start, "weights")
    if scale is not None and scale.shape != target.shape:
        raise ValueError(f"expected a scale {target.shape}, got {scale.shape}")
    rows, levels = target.shape[0], start.shape[1]
    loss = logits.new_empty(rows, dtype=torch.float32)
    peaks = logits.new_empty((rows, levels + 1), dtype=torch.float32)
    slopes = torch.empty_like(peaks)
    if rows > 0:
        with torch.cuda.device_of(logits):  # type: ignore[no-untyped-call]
            forward[(rows,)](
                logits, target, start, stop, weights, order, scale, loss, peaks, slopes,
                start.shape[0], logits.shape[1], logits.shape[2], *logits.stride(), target.stride(0),
                0 if scale is None else scale.stride(0),
                levels=levels, lanes=triton.next_power_of_2(levels), **_tiles(logits.shape[1]),
            )  # fmt: skip
    return loss, peaks, slopes


def row_gradients(
    logits: Tensor,
    target: Tensor,
    start: Tensor,
    stop: Tensor,
    peaks: Tensor,
    slopes: Tensor,
    upstream: Tensor,
    order: Tensor | None = None,
) -> Tensor:
    """The gradient of sum(upstream * losses), like the logits but a new contiguous tensor.

    Args:
        logits, target, start, stop, order: as they were given to `row_losses`, unchanged since.
        peaks, slopes: as `row_losses` returned them.
        upstream: (N,) in any floating dtype and with any stride; an expanded scalar has stride 0.

    Raises:
        TypeError, ValueError: as `row_losses`.
    """
    shape = logits.shape
    logits = logits if logits.dim() == 3 else logits.unsqueeze(-1)
    _check(logits, target, start, stop, order)
    if upstream.shape != target.shape:
        raise ValueError(f"expected an upstream gradient {target.shape}, got {upstream.shape}")
    gradient = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
    if target.shape[0] > 0:
        with torch.cuda.device_of(logits):  # type: ignore[no-untyped-call]
            backward[(target.shape[0],)](
                logits, target, start, stop, order, peaks, slopes, upstream, gradient,
                start.shape[0], logits.shape[1], logits.shape[2], *logits.stride(), target.stride(0),
                upstream.stride(0), *gradient.stride(),
                levels=start.shape[1], **_tiles(logits.shape[1]),
            )  # fmt: skip
    return gradient.view(shape)


def _tiles(classes: int) -> dict[str, int]:
    """Tile sizes and warps: 16 elements a thread in a full tile, one in a narrow one."""
    tile = min(max(triton.next_power_of_2(classes), 32), 4096)
    warps = max(tile // 512, 1)
    return {"tile": tile, "narrow": min(tile, 32 * warps), "num_warps": warps}


def _check(logits: Tensor, target: Tensor, start: Tensor, stop: Tensor, order: Tensor | None) -> None:
    """Shapes, dtypes and layout only: what the tensors hold is not looked at."""
    if logits.dtype not in _DTYPES:
        raise TypeError(f"expected logits in float32, float16 or bfloat16, got {logits.dtype}")
    if target.dtype != torch.int64 or start.dtype != torch.int32:
        raise TypeError(f"expected int64 targets and int32 tables, got {target.dtype} and {start.dtype}")
    if logits.dim() != 3 or target.shape != (logits.shape[0] * logits.shape[2],):
        raise ValueError(
            f"expected logits (N, C, D) and targets (N * D,), got {logits.shape} and {target.shape}"
        )
    if start.dim() != 2 or start.shape[1] < 1 or not start.is_contiguous():
        raise ValueError(f"expected contiguous tables (T, L), got {start.shape}, strides {start.stride()}")
    _check_like(stop, start, "stop")
    if order is not None and (order.shape != logits.shape[1:2] or not order.is_contiguous()):
        raise ValueError(f"expected an order ({logits.shape[1]},), contiguous, got {order.shape}")


def _check_like(table: Tensor, start: Tensor, name: str) -> None:
    if table.shape != start.shape or not table.is_contiguous():
        raise ValueError(f"expected {name} like start, contiguous {start.shape}, got {table.shape}")


class _Triton(Function):
    """Row losses; backward reads the logits again and writes the gradient in one pass."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, start: Tensor, stop: Tensor, weights: Tensor, order: Tensor | None
    ) -> Tensor:
        # logits (N, C) or (N, C, D); start, stop, weights (rows, K)
        rows = torch.arange(start.shape[0], device=logits.device)  # each row has a row of the tables
        short = (start.int(), stop.int())
        narrow = None if order is None else order.int()
        losses, peaks, slopes = row_losses(logits, rows, *short, weights.float(), narrow)
        ctx.save_for_backward(logits, start, stop, weights, order, peaks, slopes)
        return losses

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        logits, start, stop, weights, order, peaks, slopes = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph: a gradient that can be differentiated again
            shape = (logits.shape[0], *logits.shape[2:], -1)  # (N[, D], K)
            start, stop, weights = (table.view(shape) for table in (start, stop, weights))
            losses = definition.losses(logits, start, stop, weights, order)
            (gradient,) = torch.autograd.grad(losses.flatten(), logits, upstream, create_graph=True)
        else:
            rows = torch.arange(start.shape[0], device=logits.device)
            narrow = None if order is None else order.int()
            short = (start.int(), stop.int())
            gradient = row_gradients(logits, rows, *short, peaks, slopes, upstream, narrow)
        return gradient, None, None, None, None


def triton_losses(
    logits: Tensor, start: Tensor, stop: Tensor, weights: Tensor, order: Tensor | None = None
) -> Tensor:
    """Losses (N, d1..dk) in float32 of logits (N, C, d1..dk), with a gradient.

    Args:
        logits: in float32, float16 or bfloat16, on a device that `available` speaks of.
        start, stop: (N, d1..dk, K) the ranges of each target's ancestors, top to bottom.
        weights: (N, d1..dk, K): all 0 for a row that is ignored.
        order: (C,): depth-first position -> class; None: the same.
    """
    tensors = (table.flatten(0, -2).contiguous() for table in (start, stop, weights))
    flat = logits if logits.dim() < 4 else logits.flatten(2)
    losses: Tensor = _Triton.apply(flat, *tensors, order)
    return losses.view(start.shape[:-1])
