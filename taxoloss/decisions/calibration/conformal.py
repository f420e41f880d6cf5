"""From labelled rows to a threshold with a promise (conformal risk control).

As a threshold t falls, the loss of a labelled row rises in steps (paths.py): with the 0/1 loss by 1 at s_i,
the smallest threshold from which on every answer to row i is right. Where nodes have several parents the
steps are those of the worst answer so far, whose mean is never below that of the loss.

Let R(t) be the mean loss over n rows, B its bound (1, or the depth of the tree), r the risk asked for, and

    t = inf { t : n / (n + 1) R(t) + B / (n + 1) <= r }                                                 (1)

If the n rows and a new one are exchangeable, the new row's expected loss at t is at most r: for any n, any
model, any distribution. With the 0/1 loss t is an order statistic, the m-th smallest s_i with

    m = ceil((n + 1)(1 - r))

and m > n (too few rows) leaves the root alone. By (1) the sum of losses may be r (n + 1) - B: sorted from
the surest, steps are taken until that budget is spent, and t is where the next would begin.

Sources: Angelopoulos et al., ICLR 2024 (conformal risk control), eq. 4; Vovk et al. 2005 (split conformal);
Bates et al., JACM 2021, for `confidence`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss.decisions.calibration.binomial import allowed_errors
from taxoloss.decisions.calibration.coarse import check_coarse
from taxoloss.decisions.calibration.levels import METHODS, LevelCalibration, broken_line
from taxoloss.decisions.calibration.paths import Paths, most_edges, paths_of, staircase
from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.clades import Enough, Pool, clade_thresholds, pools_of
from taxoloss.decisions.inputs import Allowed, Nodes, Scores
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.taxonomy.row_groups import group_codes
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import checked_number

__all__ = ["calibrate_levels", "calibrate_threshold", "threshold_of"]

_LOSSES = ("wrong", "height")
_NARROW = {"float16": np.float16, "float32": np.float32}


def calibrate_threshold(
    logits: Scores,
    target: Any,
    taxonomy: Taxonomy,
    risk: float,
    decision: str = "climb",
    confidence: float | None = None,
    *,
    loss: str = "wrong",
    groups: Any = None,
    per: str | None = None,
    levels: LevelCalibration | None = None,
    coarse: str = "wrong",
    allowed: Allowed = None,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> Threshold:
    """The lowest threshold that keeps a promise: wrong on at most `risk` of new samples, on average.

    The promise: the chance that the answer for one new sample is neither its target nor above it is at most
    `risk`, over the draw of the n calibration rows and the new one, if these are exchangeable (drawn
    alike, in any order). It holds for every n, model and tree; where n < 1 / risk - 1 it can only be kept
    by answering the root always, and the threshold says so. It holds on average: not for each level, branch
    or species (`report` shows these), and not after the camera, the season or the model has changed. Where
    nodes have several parents a row counts as wrong from the highest threshold on at which its answer is,
    though a lower one may answer it rightly again: the rate is then lower than the risk, if anything. The
    rows must not have been used for anything else: not for training, stopping, temperature or `levels`
    (share no rows between these).

    Args:
        logits: (N, C) or (N, C, d1..dk), as in `leaf`.
        target: node ids (N, d1..dk), a tensor or a column of numpy, pandas or polars; inner nodes, which
            are labels above the classes (see `coarse`), where the taxonomy was bound with
            node_targets=True.
        taxonomy: bound (`Taxonomy.bind`).
        risk: in (0, 1); with loss="height" edges, above 0.
        decision: "climb" or "top_down".
        confidence: in (0, 1): the promise then holds for this one threshold with this probability over
            the draw of the calibration rows, by the exact binomial. With `per` for each of its thresholds;
            for one that clades share, in the shares that they have among the calibration rows.
        loss: "wrong", or "height": the edges from the answer up to what it shares with the target; of
            several ways up the shortest.
        groups: for each row its group, as text or integer: a column of pandas or polars, a list, an array
            or a tensor (N, d1..dk). Rows of one group (a site, a patient) are not exchangeable one by one;
            the promise is then for the mean of a new group, and n counts groups.
        per: a level: a threshold for each predicted node there with rows enough (1 / risk - 1; with
            loss="height" depth / risk - 1; with `confidence` log(1 - confidence) / log(1 - risk)), from its
            rows. The others share one in their parent, from the rows of these others alone; where these are
            too few, in its parent, and so on. The promise holds for each threshold, so also altogether.
            With `groups` rows weigh 1 / (rows of their group), and the promise is for a new group's rows
            in the clade so weighed. Where nodes have several parents, only a level of which, and of all
            above it, every class has one node.
        levels: of `calibrate_levels`, made on other rows.
        coarse: what is done with rows labelled above the classes (with inner nodes; a class above other
            classes is no such label). "wrong": a deeper answer than the label counts as wrong, since nobody
            knows; so answers go less deep. "skip": these rows are left out, all of them and whatever the
            answer. Which rows count is then read off the labels alone, and the promise holds for new rows
            whose label would be a class: P(wrong | the label is a class) <= risk. It says nothing about the
            others, which may be harder. The threshold tells how many there were (`Threshold.coarse`).
        allowed: as in `leaf`; the answers then need the same.
        ignore_index: targets of this number are left out, and so are targets that are the root.
        probabilities: as in `leaf`.

    Returns:
        A `Threshold`: print it to read the promise. `threshold.save(path)` keeps it beside the model, and
        `Threshold.load(path)` reads it.

    Raises:
        TypeError: risk or confidence is no number; groups are neither texts nor integers.
        ValueError: another decision ("most_specific" and "hedge" are not monotone), loss, risk,
            confidence, level or coarse; confidence with loss="height" or groups; groups of another shape
            than the targets; no row; "top_down" or `per` where nodes have several parents; and as `leaf`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> g = torch.Generator().manual_seed(0)
    >>> target = torch.randint(0, 3, (1000,), generator=g)
    >>> logits = 2 * torch.eye(3)[target] + torch.randn(1000, 3, generator=g)
    >>> print(calibrate_threshold(logits, target, t, risk=0.05))
    With 1,000 calibration samples: wrong on at most 5 % on average; 9 times in 10 the true rate is
    between 3.9 and 6.2 %.
    """
    risk = _written(risk, "risk")
    confidence = None if confidence is None else _written(confidence, "confidence")
    _check(taxonomy, risk, confidence, loss, groups is not None, per)
    check_coarse(coarse)
    if levels is not None and not taxonomy.same_binding(levels.digest):
        raise ValueError(
            f"expected levels calibrated on this tree and class order, {taxonomy.binding_digest[:12]}, got "
            f"{levels.digest[:12]}"
        )
    labelled = paths_of(logits, target, taxonomy, decision, ignore_index, allowed, probabilities)
    codes = None if groups is None else torch.from_numpy(group_codes(groups, tuple(target.shape)))
    return threshold_of(
        labelled,
        taxonomy,
        risk,
        decision,
        confidence,
        loss=loss,
        groups=codes,
        per=per,
        levels=levels,
        coarse=coarse,
    )


def threshold_of(
    labelled: Paths,
    taxonomy: Taxonomy,
    risk: float,
    decision: str = "climb",
    confidence: float | None = None,
    *,
    loss: str = "wrong",
    groups: Tensor | None = None,
    per: str | None = None,
    levels: LevelCalibration | None = None,
    coarse: str = "wrong",
) -> Threshold:
    """`calibrate_threshold` of paths that are known; its arguments are checked there.

    Args:
        labelled: the paths of rows.
        taxonomy: bound, of the paths.
        decision: that the paths were made for.
        groups: the number of the group of each row that was given, as `Paths.kept`.
        risk, confidence, loss, per, levels, coarse: as in `calibrate_threshold`.

    Raises:
        ValueError: no row counts; `per` where nodes have several parents, as in `calibrate_threshold`.
    """
    paths = _counted(labelled, coarse)
    odds = paths.log_odds if levels is None else levels(paths.log_odds)
    bound = 1 if loss == "wrong" else most_edges(paths.tensors)
    of_row, n = _groups(groups, paths.kept)
    weight = 1 / torch.bincount(of_row, minlength=n)[of_row].double()  # (rows,)
    rise, at = staircase(paths, odds, loss)
    rise = rise * weight.unsqueeze(1)
    everything = pools_of(at, rise, weight, torch.zeros_like(of_row), 1)[0]

    def cut(pool: Pool) -> float:
        return _spend(pool, _budget(pool.weight, risk, confidence, bound))

    needed = _least(risk, confidence, bound)
    clades: tuple[float, ...] = ()
    if per is not None:
        number = taxonomy.level_number(per) - 1
        lines = _clade_lines(paths.tensors, number, taxonomy)
        clade = paths.tensors.ancestors.cpu()[paths.classes, number]  # (rows,)
        pools = pools_of(at, rise, weight, clade, len(lines))
        enough = Enough(needed, risk, groups is None, confidence is None)
        clades = clade_thresholds(lines, pools, enough, cut)
    log_odds = cut(everything)
    return Threshold(
        decision=decision,
        risk=risk,
        n=n,
        log_odds=log_odds,
        digest=taxonomy.digest,
        binding_digest=taxonomy.binding_digest,
        confidence=confidence,
        loss=loss,
        unit="samples" if groups is None else "groups",
        level=per,
        clades=clades,
        levels=levels,
        coarse=int(labelled.coarse.sum()),
        at_threshold=int((everything.at == log_odds).sum()) if n >= needed else 0,
        rows=len(labelled.classes),
        coarse_as=coarse,
        needed=needed,
        worst=isinstance(paths.tensors, GraphNodes),
    )


def _counted(labelled: Paths, coarse: str) -> Paths:
    """The rows that a calibration counts; ValueError where there are none."""
    rows = len(labelled.classes)
    if rows == 0:
        raise ValueError("expected a calibration row or more, got none that counts")
    if coarse == "wrong":
        return labelled
    if bool(labelled.coarse.all()):
        raise ValueError(
            f"expected with coarse='skip' a row or more labelled with a class, got {rows:,} rows, all of "
            "them labelled above the classes"
        )
    return labelled.without_coarse()


def _budget(weight: float, risk: float, confidence: float | None, bound: int) -> float:
    """What the losses of rows of this weight may add up to."""
    if confidence is not None:
        return float(allowed_errors(round(weight), risk, confidence))
    return float(_exact(risk) * (Fraction(str(weight)) + 1) - bound)


def _least(risk: float, confidence: float | None, bound: int) -> int:
    """The fewest rows that leave a budget."""
    if confidence is None:
        return max(0, math.ceil(bound / _exact(risk)) - 1)
    # No error in n rows with a chance of (1 - risk)^n, which must be at most 1 - confidence.
    least = math.ceil(math.log1p(-confidence) / math.log1p(-risk))
    return least if allowed_errors(least, risk, confidence) >= 0 else least + 1


def _clade_lines(tensors: Nodes, number: int, taxonomy: Taxonomy) -> list[list[int]]:
    """For each node of a level (0 .. L-1) the root, its ancestor on each level above, and itself."""
    nodes = tensors.nodes[number]
    if not isinstance(tensors, GraphNodes):
        found: list[list[int]] = tensors.lines[nodes, : number + 2].tolist()
        return found
    if not (all(tensors.single[: number + 1]) and bool(tensors.counted[nodes, : number + 1].all())):
        level = taxonomy.levels[number]
        taxonomy.require_tree(
            f"per={level!r} (a class has several nodes there, or on a level above it)",
            instead="without `per` there is one threshold for all",
        )
    above = [tensors.nodes[level][tensors.ancestors[nodes, level]] for level in range(number + 1)]
    lines: list[list[int]] = torch.stack([torch.full_like(nodes, tensors.root), *above], 1).tolist()
    return lines


def _spend(pool: Pool, budget: float) -> float:
    """The log-odds of the first step, from the surest, with which the sum of rises exceeds the budget."""
    if budget < 0:
        return math.inf
    at, order = pool.at.sort(descending=True, stable=True)
    # Rises are shares 1 / (rows of a group): a sum may miss a whole number by its rounding.
    spent = pool.rise[order].cumsum(0) > budget + 1e-9
    return float(at[int(spent.long().argmax())]) if bool(spent.any()) else -math.inf


def _groups(groups: Tensor | None, kept: Tensor) -> tuple[Tensor, int]:
    """(n,): each kept row's group, from 0; and their number."""
    if groups is None:
        return torch.arange(int(kept.sum()), device="cpu"), int(kept.sum())
    names, of_row = torch.unique(groups.reshape(-1)[kept], return_inverse=True)
    return of_row, len(names)


def _written(value: Any, what: str) -> float:
    """A number of any library as the shortest decimal that its type reads as it: .05, not .0500000007."""
    if isinstance(value, bool):
        raise ValueError(f"expected a number as {what}, got {value}")
    number = checked_number(value, what)
    narrow = _NARROW.get(str(getattr(value, "dtype", "")).removeprefix("torch."))
    return number if narrow is None else float(str(narrow(number)))


def _exact(risk: float) -> Fraction:
    """The decimal that was written, not its neighbour in binary: .05 x 20 is 1."""
    return Fraction(str(risk))


def _check(
    taxonomy: Taxonomy,
    risk: float,
    confidence: float | None,
    loss: str,
    grouped: bool,
    per: str | None,
) -> None:
    if loss not in _LOSSES:
        raise ValueError(f"expected loss as one of {_LOSSES}, got {loss!r}")
    if not 0 < risk < (math.inf if loss == "height" else 1):
        raise ValueError(f"expected risk as a share in (0, 1), or edges above 0, got {risk!r}")
    if confidence is not None:
        if not 0 < confidence < 1:
            raise ValueError(f"expected confidence in (0, 1), got {confidence!r}")
        if loss != "wrong" or grouped:
            raise ValueError(
                "expected confidence with loss='wrong' and without groups: it counts wrong rows"
            )
    if per is not None:
        taxonomy.level_number(per)


def calibrate_levels(
    logits: Scores,
    target: Any,
    taxonomy: Taxonomy,
    method: str = "platt",
    *,
    decision: str = "climb",
    coarse: str = "wrong",
    allowed: Allowed = None,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> LevelCalibration:
    """For each level a strictly rising map of log-odds, so that a threshold means the same on every level.

    An option, not a default. On one corpus (ICD-10-CM texts, 5 splits) Platt per level raised the correct
    information at 5 % risk from 48 to 52 (+4.2 +- 0.7 points) where one label in ten was a leaf, and
    gave nothing with all labels (-0.3 +- 0.3; isotonic with 200 rows lost 3.1 +- 0.5). Give the result to
    `calibrate_threshold(levels=...)`, on other rows than these: the promise needs rows that nothing has
    seen.

    Args:
        logits, target, taxonomy, decision, allowed, ignore_index, probabilities: as in
            `calibrate_threshold`.
        coarse: as there. "wrong" makes levels below the labels look less sure than they are; "skip" leaves
            the rows labelled above the classes out, on all levels.
        method: "platt" (a scale and a shift a level), "temperature" (a scale), or "isotonic".

    Raises:
        ValueError: another method or coarse; no row; nodes with several parents, whose classes have not one
            node a level; and as `calibrate_threshold`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> g = torch.Generator().manual_seed(0)
    >>> target = torch.randint(0, 3, (2000,), generator=g)
    >>> logits = 8 * torch.eye(3)[target] + 4 * torch.randn(2000, 3, generator=g)  # twice as sure as right
    >>> levels = calibrate_levels(logits[:1000], target[:1000], t, "temperature")
    >>> threshold = calibrate_threshold(logits[1000:], target[1000:], t, 0.05, levels=levels)
    """
    if method not in METHODS:
        raise ValueError(f"expected method as one of {METHODS}, got {method!r}")
    if isinstance(taxonomy, Taxonomy):
        taxonomy.require_tree("calibrate_levels", instead="calibrate_threshold takes it without levels")
    check_coarse(coarse)
    labelled = paths_of(logits, target, taxonomy, decision, ignore_index, allowed, probabilities)
    paths = _counted(labelled, coarse)
    odds, right = paths.log_odds.numpy(), (~paths.wrong).double().numpy()
    knots = tuple(broken_line(odds[:, at], right[:, at], method) for at in range(odds.shape[1]))
    found = int(labelled.coarse.sum())
    return LevelCalibration(method, len(odds), taxonomy.binding_digest, knots, found, coarse)
