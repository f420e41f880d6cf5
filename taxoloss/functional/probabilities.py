"""Probabilities as logits, for what takes logits: checked, and turned into logs in one place.

With p the probabilities of a row and m the largest of them, the logits are

    z = log(p / m)

whose softmax is p: a constant added to all logits changes nothing, and of fractions k / n (votes of trees
and of neighbours) the ratios are right to a rounding, so that equals stay equal. A class of probability 0
has the logit -inf, which is left out of every sum. Rows that sum to 1 but for rounding are divided by their
sum, as softmax does.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.inputs import host_may_read, transformed
from taxoloss.functional.rounding import ROUNDED, rounding

__all__ = ["logits_of"]


def logits_of(probabilities: Tensor, counted: Tensor | None = None) -> Tensor:
    """Logits (N, C, d1..dk) of probabilities of that shape, in float32 or float64.

    Args:
        probabilities: rows of [0, 1] that sum to 1.
        counted: (R,): which of the R = N * d1 * .. * dk rows are looked at; the others may hold anything.

    Raises:
        TypeError: integers.
        ValueError: a row that is none, with its sum; not looked for where torch traces.

    >>> logits_of(torch.tensor([[0.5, 0.25, 0.25, 0.0]])).softmax(1)
    tensor([[0.5000, 0.2500, 0.2500, 0.0000]])
    """
    p = at_least_float32(probabilities.detach())
    readable = _on_host(p)
    if readable is not None:
        _check(readable, None if counted is None else counted.cpu())
    return torch.log(p / p.amax(1, keepdim=True))


def _on_host(p: Tensor) -> Tensor | None:
    """Probabilities where Python may look at them; None where it may not.

    They were asked for by name: so a look at the numbers of another device is worth its time.
    """
    if p.is_cuda and not (torch.compiler.is_compiling() or transformed()):
        p = p if torch.cuda.is_current_stream_capturing() else p.cpu()
    return p if host_may_read(p) else None


def _check(p: Tensor, counted: Tensor | None) -> None:
    """ValueError at the first row that is no distribution."""
    if not p.numel():
        return
    rows = p.movedim(1, -1).reshape(-1, p.shape[1])
    sums = rows.sum(1, dtype=torch.float64)
    wrong = ~((rows >= 0) & (rows <= 1 + ROUNDED)).all(1) | ~((sums - 1).abs() <= ROUNDED)
    if counted is not None:
        wrong = wrong & counted
    for row in wrong.nonzero().reshape(-1).tolist():
        _check_row(rows[row], float(sums[row]), row * len(p) // len(rows))


def _check_row(row: Tensor, total: float, number: int) -> None:
    low, high = float(row.min()), float(row.max())
    if low >= 0 and high <= 1 + ROUNDED:
        if abs(total - 1) <= ROUNDED + float(rounding(row.numpy()[None], "probs")[0]):
            return  # numbers with few digits
        found = f"row {number}, whose sum is {total:.6g}"
    elif np.isnan(low):
        found = f"NaN in row {number}, whose sum is {total:.6g}"
    else:
        found = f"{low if low < 0 else high:.6g} in row {number}, whose sum is {total:.6g}"
    raise ValueError(
        f"expected with probabilities=True rows of numbers in [0, 1] that sum to 1, got {found}"
        f"{_advice(low, high, total)}"
    )


def _advice(low: float, high: float, total: float) -> str:
    if abs(total - 100) <= 100 * ROUNDED and low >= 0:
        return ": these look like percent; give p / 100"
    if low < 0 or high > 1 + ROUNDED:
        return ": these are logits or log-probabilities, if anything; leave probabilities=True out"
    return ""
