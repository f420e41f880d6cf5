"""How far sums of probabilities may be from 1, by the number of digits that the probabilities have.

A number x with p binary digits stands for one within u |x| of it, u = 2^-p: 2^-8 in bfloat16, 2^-11 in
float16, whose smallest numbers are within 2^-25; with k decimals, for one within 10^-k / 2. So the sum of
rounded probabilities is within sum u p of the sum of the true ones; and of rounded log-probabilities l,
whose true ones are l + e with |e| <= u |l|, within sum exp(l + u |l|) - exp(l).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDED", "rounding"]

#: How far from 1 sums may be of numbers in full precision.
ROUNDED = 1e-3
#: The most that digits explain: beyond it probabilities are missing.
_MOST = 0.05
_SMALLEST_HALF = 2.0**-25
_DECIMALS = (3, 4, 5, 6)


def rounding(values: npt.NDArray[Any], kind: str) -> npt.NDArray[np.float64]:
    """(n,) how far the rounding of (n, C) probs or log_probs may have moved the sums of their rows.

    0 where the numbers have more digits than float16 and than six decimals.

    >>> rounding(np.array([[0.5, 0.25, 0.25]]), "probs").round(4)
    array([0.0039])
    >>> rounding(np.array([[0.123, 0.677, 0.2]]), "probs")
    array([0.0015])
    """
    within = _half_digits(values)
    if within is None:
        return np.zeros(len(values))
    if kind == "log_probs":
        with np.errstate(over="ignore", invalid="ignore"):
            within = np.exp(values + within) - np.exp(values)
    moved: npt.NDArray[np.float64] = np.minimum(within.sum(1, dtype=np.float64), _MOST)
    return moved


def _half_digits(values: npt.NDArray[Any]) -> npt.NDArray[np.float64] | None:
    """(n, C) how far each number may be from the one it stands for; None: in full precision."""
    for digits in (8, 11):
        if _has_binary_digits(values, digits):
            size = np.where(np.isfinite(values), np.abs(values), 0).astype(np.float64)
            return size * 2.0**-digits + _SMALLEST_HALF
    for decimals in _DECIMALS:
        if np.array_equal(np.round(values, decimals), values):
            return np.full(values.shape, 0.5 * 10.0**-decimals)
    return None


def _has_binary_digits(values: npt.NDArray[Any], digits: int) -> bool:
    mantissa = np.ldexp(np.frexp(values)[0], digits)
    return bool((mantissa == np.round(mantissa)).all())
