"""What can be said at which error: thresholds over all rows, and promises beside what they deliver.

An answer at a threshold t is the deepest node of a row's path that is surer than t (where nodes have
several parents the most informative one of its line): the paths that were gathered say so without the
logits.

Rows 1, 3, 5, .. calibrate and the others are what is delivered, or where there are groups the groups 1, 3,
5, .. whole: as `evaluate` does with a risk, but without its limit on calibration rows. A threshold is made
anew for each risk, and the promise of each holds for a risk that was chosen before looking. Of answers
with stated probabilities (stated.py) a threshold says which are given at all.

Delivered: k of m scored rows wrong, with the exact interval (Clopper & Pearson 1934) of 95 %. Rows of one
group hang together, so that groups are the units there: with k_g wrong of m_g rows in each of G groups, R
= k / m and e_g = k_g - R m_g, whose sum is 0,

    R +- 1.96 sqrt(G / (G - 1) sum of e_g^2) / m

The true rate of one threshold is above the risk about as often as below. So a promise is called broken only
where the scored rows say that the rate is above its band: the lower end of what is delivered is above the
upper end of the band (above the risk itself, where no band is known).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss.decisions import Delivered, Threshold
from taxoloss.decisions.calibration.binomial import exact_interval
from taxoloss.decisions.calibration.conformal import threshold_of
from taxoloss.decisions.calibration.paths import Paths, answered, staircase
from taxoloss.evaluation.data import number
from taxoloss.report.numbers.gathered import FloatArray, Gathered
from taxoloss.report.numbers.stated import LEVELS, stated_paths
from taxoloss.taxonomy.row_groups import group_codes
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["RISKS", "unsure"]

#: What is promised.
RISKS = (
    0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08,
    0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5,
)  # fmt: skip
#: Thresholds of the curve that come from where answers change, and as many from where they become wrong.
_POINTS = 29
_NO_NUMBER = (
    "A threshold needs to know how sure the model is: give a number for each class, or the probabilities "
    "of the answers, in a column that --score names."
)
#: The quantile of 95 % of a normal distribution, both sides together.
_Z = 1.959963984540054


def unsure(
    found: Gathered,
    *,
    decision: str = "climb",
    coarse: str = "wrong",
    groups: Sequence[str] | None = None,
    threshold: Threshold | None = None,
    delivered: Delivered | None = None,
) -> dict[str, Any]:
    """The part `unsure` of a document; where no threshold can be set, `why` in words.

    Args:
        found: the rows.
        decision: that their paths were gathered for.
        coarse: what is done with labels above the classes, as in `calibrate_threshold`.
        groups: the group of each row that was taken, also of those that tell nothing.
        threshold, delivered: of the risk that was asked for.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> rows, target = Collector(t), torch.arange(300) % 3
    >>> logits = 4 * torch.eye(3)[target] + torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    >>> rows.take(Piece(1, logits, target), logits)
    >>> page = unsure(rows.gathered())
    >>> page["levels"], page["calibration_rows"], [p["risk"] for p in page["promises"]][:3]
    (['root', 'depth_1', 'depth_2'], 150, [0.002, 0.005, 0.01])
    """
    paths, taxonomy = found.paths or stated_paths(found), found.taxonomy
    if paths is None:
        return {"why": _NO_NUMBER}
    calibrates, units = _split(paths, groups)
    calibration, scored = paths.only(calibrates), paths.only(~calibrates)
    counted = [_counted(part, coarse) for part in (paths, calibration, scored)]
    if min(len(part.classes) for part in counted[1:]) == 0:
        return {"why": _too_few(units is not None, coarse)}
    codes = None if units is None else torch.from_numpy(units)
    made = [
        threshold_of(calibration, taxonomy, risk, decision, groups=codes, coarse=coarse) for risk in RISKS
    ]
    promises = [_promise(one, _rows(one, counted[2], taxonomy, codes)) for one in made]
    if found.paths is None:  # the root stands for an answer that is kept back
        for promise in promises:
            promise["sentence"] = promise["sentence"].replace("the root is always", "nothing is ever")
    return {
        "levels": list(LEVELS) if found.paths is None else ["root", *taxonomy.levels],
        "curve": _curve(counted[0], taxonomy),
        "promises": promises,
        "calibration_rows": len(counted[1].classes),
        "scored_rows": len(counted[2].classes),
        "chosen": None if threshold is None or delivered is None else _chosen(threshold, delivered),
    }


def _split(paths: Paths, groups: Sequence[str] | None) -> tuple[Tensor, Any]:
    """(n,) bool: which rows calibrate; and the number of each taken row's group, None without groups.

    Rows that tell nothing count as well when every second one is taken, as `evaluate` counts them.
    """
    place = paths.kept.nonzero().squeeze(1)
    units = None if groups is None else group_codes(groups, tuple(paths.kept.shape))
    unit = place if units is None else torch.from_numpy(units)[place]
    return unit % 2 == 0, units


def _counted(paths: Paths, coarse: str) -> Paths:
    return paths.without_coarse() if coarse == "skip" else paths


def _too_few(grouped: bool, coarse: str) -> str:
    unit = "group" if grouped else "row"
    which = " labelled with a class" if coarse == "skip" else ""
    return (
        f"Every second {unit} sets the threshold and the others show what it delivers: a row{which} is "
        "needed in each half."
    )


# -- the curve -------------------------------------------------------------------------------------


def _curve(paths: Paths, taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Of all rows, from a class always to the root always."""
    points = []
    for log_odds in _thresholds(paths):
        answers = _answers(paths, paths.log_odds > log_odds, taxonomy)
        points.append(
            {
                "threshold": _probability(log_odds),
                "log_odds": number(log_odds),
                "wrong": answers.wrong.mean().item(),
                "information": answers.information,
                "shares": answers.shares,
            }
        )
    return points


def _thresholds(paths: Paths) -> list[float]:
    """Log-odds in rising order, between them as many answers that change, or become wrong."""
    rise, at = staircase(paths, paths.log_odds, "wrong")
    chosen = [-math.inf, math.inf]
    for values in (paths.log_odds.reshape(-1), at[rise > 0]):
        steps = values.sort().values
        if len(steps):
            places = np.linspace(0, len(steps) - 1, _POINTS).round().astype(np.int64)
            chosen += steps[torch.from_numpy(places)].tolist()
    return sorted({*chosen})


def _probability(log_odds: float) -> float:
    """1 / (1 + exp(-log_odds)), also where the exponential would overflow."""
    small = math.exp(-abs(log_odds))
    return 1 / (1 + small) if log_odds > 0 else small / (1 + small)


# -- promises --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Answers:
    """What is answered to m rows."""

    wrong: FloatArray  # (m,): 1 where the answer is neither the label nor above it
    information: float
    shares: list[float]  # by the level of the answer, the root first
    groups: Any = None  # (m,)


def _answers(paths: Paths, taken: Tensor, taxonomy: Taxonomy, groups: Tensor | None = None) -> _Answers:
    """What is answered where the nodes taken, (m, L), are above a threshold."""
    # Of answers with a stated probability there is one node a row, whatever the levels.
    levels = 1 if paths.line.shape[1] == 1 else len(taxonomy.levels)
    node, level, wrong = _answered(paths, taken)
    shares = torch.bincount(level, minlength=1 + levels).double() / len(level)
    information = float(paths.tensors.information.cpu()[node].double().mean())
    units = None if groups is None else groups[paths.kept].numpy()
    return _Answers(wrong.double().numpy(), information, shares.tolist(), units)


def _answered(paths: Paths, taken: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(n,) each: the node that is answered, its level or whether it is, and whether it is wrong."""
    if paths.line.shape[1] == 1:  # one node a row, on whatever level
        given = taken[:, 0]
        node = torch.where(given, paths.line[:, 0], paths.tensors.root)
        return node, given.long(), given & paths.wrong[:, 0]
    node, level = answered(paths, taken)
    # The answer may stand on several places of its line, and is wrong on all of them or on none.
    return node, level, (paths.wrong & (paths.line == node.unsqueeze(1))).any(1)


def _rows(threshold: Threshold, scored: Paths, taxonomy: Taxonomy, groups: Tensor | None) -> _Answers:
    """What a threshold answers to the scored rows."""
    taken = threshold.above(scored.log_odds, scored.classes, taxonomy)
    return _answers(scored, taken, taxonomy, groups)


def _promise(threshold: Threshold, answers: _Answers) -> dict[str, Any]:
    """A promise beside what is delivered."""
    wrong, rows = int(answers.wrong.sum()), len(answers.wrong)
    interval: Any = exact_interval(wrong, rows)
    if answers.groups is not None:
        interval = _of_groups(answers.wrong, answers.groups)
    return _beside(threshold, wrong, rows, interval, answers.information, answers.shares)


def _chosen(threshold: Threshold, delivered: Delivered) -> dict[str, Any]:
    """The promise that was asked for; of groups the interval is not known here."""
    share = delivered.overall
    wrong = share.wrong + share.unjudged  # what a promise counts
    interval: Any = (
        exact_interval(wrong, share.rows) if threshold.unit == "samples" and share.rows else None
    )
    shares = [level.rows / max(1, share.rows) for level in delivered.by_level]
    return _beside(threshold, wrong, share.rows, interval, delivered.information, shares)


def _beside(
    threshold: Threshold,
    wrong: int,
    rows: int,
    interval: tuple[float, float] | None,
    information: float,
    shares: list[float],
) -> dict[str, Any]:
    low, high = threshold.band or (None, None)
    rate = wrong / rows if rows else math.nan
    ends = (None, None) if interval is None else interval
    allowed = threshold.risk if high is None else high
    at_least = rate if ends[0] is None else ends[0]
    return {
        "risk": threshold.risk,
        "log_odds": number(threshold.log_odds),
        "probability": threshold.probability,
        "sentence": str(threshold),
        "low": low,
        "high": high,
        "rows": rows,
        "delivered": number(rate),
        "delivered_low": ends[0],
        "delivered_high": ends[1],
        "information": number(information),
        "shares": shares,
        "kept": not at_least > allowed,
    }


def _of_groups(wrong: FloatArray, groups: Any) -> tuple[float, float] | None:
    """The interval of a share of rows that come in groups; None where there is one group: see the head."""
    _, code = np.unique(groups, return_inverse=True)
    rows, bad = np.bincount(code), np.bincount(code, wrong)
    count, rate = len(rows), wrong.mean()
    if count < 2:
        return None
    error = _Z * math.sqrt(count / (count - 1) * float(((bad - rate * rows) ** 2).sum())) / len(wrong)
    return max(0.0, float(rate) - error), min(1.0, float(rate) + error)
