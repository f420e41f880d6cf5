"""How good a promise is: exact binomial and beta."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["allowed_errors", "at_least", "beta_band", "exact_interval"]


# -- how good the promise is -----------------------------------------------------------------------


def beta_band(n: int, risk: float, share: float = 0.9) -> tuple[float, float]:
    """Between what the true risk of one calibrated threshold lies `share` of the time.

    With k = n - ceil((n + 1)(1 - risk)) calibration rows that may be wrong, and no ties, it is
    distributed as Beta(k + 1, n - k), whose distribution function at x is P(Binomial(n, x) > k).

    Source: Vovk, ACML 2012; Angelopoulos & Bates 2021, section 3.2.
    """
    k = max(0, math.floor(round((n + 1) * risk, 9)) - 1)
    tail = (1 - share) / 2
    return _quantile(n, k, tail), _quantile(n, k, 1 - tail)


def allowed_errors(n: int, risk: float, confidence: float) -> int:
    """The largest k with P(Binomial(n, risk) <= k) <= 1 - confidence; -1 where there is none.

    Source: Bates et al., JACM 2021 (RCPS), with the exact binomial for a 0/1 loss.
    """
    cumulative = np.cumsum(np.exp(_log_binomial(n, risk)))
    return int(np.count_nonzero(cumulative <= 1 - confidence)) - 1


def exact_interval(k: int, n: int, share: float = 0.95) -> tuple[float, float]:
    """Of a share of which k in n were drawn, the interval that holds in `share` of the cases or more.

    Its lower end is the share with which k or more come in (1 - share) / 2 of the cases, its upper end that
    with which k or fewer do. P(Binomial(n, x) > k) is the distribution function of Beta(k + 1, n - k) at x.

    Source: Clopper & Pearson, Biometrika 1934.
    """
    tail = (1 - share) / 2
    low = 0.0 if k == 0 else _quantile(n, k - 1, tail)
    return low, 1.0 if k == n else _quantile(n, k, 1 - tail)


def at_least(k: int, n: int) -> float:
    """P(Binomial(n, 1/2) >= k)."""
    return min(1.0, float(np.exp(_log_binomial(n, 0.5)[k:]).sum()))


def _quantile(n: int, k: int, level: float) -> float:
    low, high = 0.0, 1.0
    i, coefficient = np.arange(k + 1), _log_coefficients(n)[: k + 1]
    for _ in range(60):
        middle = (low + high) / 2
        # Neither 0 nor 1, which no quantile of so few rows is next to.
        terms = coefficient + i * math.log(middle) + (n - i) * math.log1p(-middle)
        below = 1 - float(np.exp(terms).sum())
        low, high = (middle, high) if below < level else (low, middle)
    return (low + high) / 2


def _log_binomial(n: int, p: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """log P(Binomial(n, p) = i) for i = 0 .. n."""
    i = np.arange(n + 1)
    log_p = math.log(p) if p > 0 else -1e300
    log_q = math.log1p(-p) if p < 1 else -1e300
    found: np.ndarray[Any, np.dtype[np.float64]] = _log_coefficients(n) + i * log_p + (n - i) * log_q
    return found


def _log_coefficients(n: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """log (n over i) for i = 0 .. n."""
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    found: np.ndarray[Any, np.dtype[np.float64]] = factorial[n] - factorial - factorial[::-1]
    return found
