"""Whether stated probabilities mean what they say, bin by bin.

Of n answers in a bin k are right. The share that is right in the long run lies, in 95 % of cases, in
Wilson's interval: the shares p from which k / n is no further than z standard deviations, |k / n - p| <= z
sqrt(p (1 - p) / n); solved for p

    (k / n + z^2 / 2n +- z sqrt(k / n (1 - k / n) / n + z^2 / 4n^2)) / (1 + z^2 / n)

Source: Wilson, JASA 1927.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from taxoloss.evaluation.data import number
from taxoloss.functional.tallies import BINS
from taxoloss.metrics.bootstrap import Interval
from taxoloss.report.numbers.gathered import BoolArray, FloatArray, Gathered

__all__ = ["calibration", "wilson"]

#: The quantile of 95 % of a normal distribution, both sides together.
_Z = 1.959963984540054


def calibration(found: Gathered, scores: Mapping[str, Interval]) -> dict[str, Any]:
    """The part `calibration` of a document.

    With logits a curve for each level. Where the file states a probability of each answer there is one,
    "answers": there an answer that is the truth, below it or above it is right, since the probability is
    for the node that was answered. Without probabilities `why`, in words.

    Args:
        found: the rows.
        scores: of `evaluate`, from which errors are taken where it has them.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> rows, answers = Collector(t), torch.tensor([0, 1])
    >>> rows.take(Piece(1, answers, torch.tensor([0, 2]), probability=torch.tensor([0.75, 0.75])), answers)
    >>> [level["error"] for level in calibration(rows.gathered(), {})["levels"]]
    [0.25]
    """
    bins = found.calibration
    if bins is None:
        if found.probability is None:
            return {"why": "The file states no probabilities; --score names a column that does."}
        known = ~np.isnan(found.probability)
        bins = {"answers": _bins(found.probability[known], ~found.wrong[known])}
    return {"levels": [_level(name, *columns, scores) for name, columns in bins.items()]}


def _bins(stated: FloatArray, right: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of bins of equal width how many, their mean probability, the share that is right; NaN where empty."""
    place = np.clip((stated * BINS).astype(np.int64), 0, BINS - 1)
    count = np.bincount(place, minlength=BINS).astype(np.float64)
    sums = (np.bincount(place, values, minlength=BINS) for values in (stated, right))
    mean, share = (np.divide(one, count, out=np.full(BINS, np.nan), where=count > 0) for one in sums)
    return count, mean, share


def _level(
    name: str, count: FloatArray, stated: FloatArray, right: FloatArray, scores: Mapping[str, Interval]
) -> dict[str, Any]:
    """A curve, and its error: sum over bins of (answers in it / all) |share right - mean probability|."""
    some = count > 0
    error = math.nan
    if some.any():
        error = float(np.average(np.abs(right[some] - stated[some]), weights=count[some]))
    key = f"calibration_error/{name.replace('.', '_')}"
    return {
        "level": name,
        "error": number(scores[key].value if key in scores else error),
        "bins": [
            _bin(*values) for values in zip(count.tolist(), stated.tolist(), right.tolist(), strict=True)
        ],
    }


def _bin(count: float, stated: float, right: float) -> dict[str, Any]:
    low, high = wilson(right, count) if count else (math.nan, math.nan)
    named = {"stated": stated, "right": right, "low": low, "high": high}
    return {"count": int(count), **{key: number(value) for key, value in named.items()}}


def wilson(share: float, count: float, z: float = _Z) -> tuple[float, float]:
    """The interval of a share of `count` rows; see the head of this file.

    >>> [round(end, 3) for end in wilson(0.0, 10)]
    [0.0, 0.278]
    """
    centre = share + z * z / (2 * count)
    error = z * math.sqrt(max(0.0, share * (1 - share)) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    # The share is inside, whatever the rounding.
    return max(0.0, min(share, (centre - error) / scale)), min(1.0, max(share, (centre + error) / scale))
