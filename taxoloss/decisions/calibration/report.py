"""What a threshold delivers on labelled rows, beside what it promises; and what each risk costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from taxoloss.decisions.calibration.coarse import coarse_labels, coarse_sentence
from taxoloss.decisions.calibration.conformal import calibrate_threshold
from taxoloss.decisions.calibration.levels import LevelCalibration
from taxoloss.decisions.calibration.paths import Paths, answered, paths_of
from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.inputs import Allowed, Scores, read_once
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Delivered", "RiskCurve", "Share", "report", "risk_curve"]

_RISKS = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Share:
    """Wrong answers among some rows, those that cannot be judged, and the edges that they are too far down.

    An answer below a label above the classes cannot be judged: it is neither right nor wrong.
    """

    name: str
    rows: int
    #: Neither the label, nor above it, nor below a label above the classes.
    wrong: int
    #: Edges below what an answer shares with its label, also of those that cannot be judged.
    edges: int
    unjudged: int = 0

    @property
    def rate(self) -> float:
        """The share that is surely wrong; NaN where there are no rows."""
        return self._of_rows(self.wrong)

    @property
    def unjudged_rate(self) -> float:
        """The share that cannot be judged; NaN where there are no rows."""
        return self._of_rows(self.unjudged)

    @property
    def rate_at_most(self) -> float:
        """The share that is wrong if all are that cannot be judged: what a promise counts."""
        return self._of_rows(self.wrong + self.unjudged)

    @property
    def edges_a_row(self) -> float:
        """The edges that an answer is too far down on average; NaN where there are no rows."""
        return self._of_rows(self.edges)

    def _of_rows(self, count: int) -> float:
        return count / self.rows if self.rows else math.nan

    def __add__(self, other: Share) -> Share:
        counts = ((getattr(self, n) + getattr(other, n)) for n in ("rows", "wrong", "edges", "unjudged"))
        return Share(self.name, *counts)

    def delivered(self, loss: str, all_judged: bool) -> str:
        """In the unit of the promise; what cannot be judged in a column of its own, if there is any."""
        wrong = f"{100 * self.rate:6.2f} % wrong"
        if not all_judged:
            wrong += f"  {100 * self.unjudged_rate:6.2f} % not judged"
        return f"{self.edges_a_row:6.3f} edges too far down, {wrong}" if loss == "height" else wrong


@dataclass(frozen=True)
class Delivered:
    """Wrong answers of a threshold: altogether, by level of the answer, by branch of the target.

    Of a threshold made with coarse="skip" these are of the rows labelled with a class.
    """

    promise: float
    overall: Share
    #: The root, then each level.
    by_level: tuple[Share, ...]
    #: The nodes of the top level that are above a target. Where nodes have several parents, a row counts in
    #: each that is above its target.
    by_branch: tuple[Share, ...]
    #: The mean information of the answers, from 0 (root) to 1 (class).
    information: float
    #: The promise in words, and the loss that it is for.
    promised: str
    loss: str
    #: The rows labelled above the classes, and whether the others count them: as `Threshold.coarse_as`.
    coarse: Share
    coarse_as: str
    #: Where nodes have several parents an answer beside its label may be right: they may share classes.
    beside: bool = False

    def __add__(self, other: Delivered) -> Delivered:
        """Of two pieces of the same rows."""
        overall = self.overall + other.overall
        pieces = ((self.information, self.overall.rows), (other.information, other.overall.rows))
        said = sum(information * rows for information, rows in pieces if rows)
        return replace(
            self,
            overall=overall,
            by_level=_together(self.by_level, other.by_level),
            by_branch=_together(self.by_branch, other.by_branch),
            information=said / overall.rows if overall.rows else math.nan,
            coarse=self.coarse + other.coarse,
        )

    def __str__(self) -> str:
        lines = [f"promised {self.promised}; {self._delivered()}", *self._coarse()]
        lines.append(
            "the promise is not for each level of the answer or branch of the truth: "
            "these have their own rates"
        )
        judged = self.overall.unjudged == 0
        for title, shares in (("answered at", self.by_level), ("branch of the truth", self.by_branch)):
            width = max((len(share.name) for share in shares), default=0)
            lines.append(title)
            for share in shares:
                rate = share.delivered(self.loss, judged) if share.rows else ""
                lines.append(f"  {share.name:{width}}  {share.rows:8,} rows  {rate}".rstrip())
        return "\n".join(lines)

    def _delivered(self) -> str:
        if not self.overall.rows:
            return "no row here to deliver it on"
        found = f"{100 * self.overall.rate_at_most:.2f} %"
        parts = (
            f"{100 * self.overall.rate:.2f} % wrong, {100 * self.overall.unjudged_rate:.2f} % not judged"
        )
        if self.loss == "height":
            wrong = parts if self.overall.unjudged else f"{found} wrong"
            found = f"{self.overall.edges_a_row:.3f} edges, and {wrong},"
        elif self.overall.unjudged:
            found = f"{found} ({parts})"
        return f"delivered here {found} of {self.overall.rows:,} rows, information {self.information:.3f}"

    def _coarse(self) -> list[str]:
        """A line on the rows labelled above the classes, where there are any."""
        share, rows = self.coarse, self.overall.rows
        if not share.rows:
            return []
        if self.coarse_as == "skip":
            right = share.rows - share.wrong - share.unjudged
            return [
                f"{coarse_labels(share.rows, rows + share.rows)}, and not counted here: {right:,} right, "
                f"{share.wrong:,} wrong, {share.unjudged:,} that cannot be judged "
                f"(deeper than the label{self._or_beside()})"
            ]
        deeper = (
            f"{share.unjudged:,} answer{' is' if share.unjudged == 1 else 's are'} deeper than the "
            f"label{self._or_beside()}"
        )
        return [
            f"{coarse_labels(share.rows, rows)}: {deeper} and cannot be judged; the promise counts such "
            "answers as wrong"
        ]

    def _or_beside(self) -> str:
        return " or share classes with it" if self.beside else ""


def report(
    threshold: Threshold,
    logits: Scores,
    target: Any,
    taxonomy: Taxonomy,
    *,
    allowed: Allowed = None,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> Delivered:
    """What a threshold delivers on labelled rows: new ones, or those of its calibration.

    An answer below a label above the classes (or, where nodes have several parents, one beside it that
    shares classes with it) is neither right nor wrong: such rows are counted by themselves
    (`Share.unjudged`). A promise made with coarse="wrong" counts them as wrong; one made with coarse="skip"
    is not for rows labelled so: all of them are counted by themselves (`Delivered.coarse`).

    Args:
        threshold: of `calibrate_threshold`.
        logits, target, taxonomy, allowed, ignore_index, probabilities: as in `calibrate_threshold`.

    Raises:
        ValueError: another taxonomy; and as `calibrate_threshold`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> g = torch.Generator().manual_seed(0)
    >>> target = torch.randint(0, 3, (2000,), generator=g)
    >>> logits = 2 * torch.eye(3)[target] + torch.randn(2000, 3, generator=g)
    >>> threshold = calibrate_threshold(logits[:1000], target[:1000], t, risk=0.05)
    >>> delivered = report(threshold, logits[1000:], target[1000:], t)
    >>> 0.03 < delivered.overall.rate < 0.07
    True
    """
    paths = paths_of(logits, target, taxonomy, threshold.decision, ignore_index, allowed, probabilities)
    taken = threshold.above(paths.log_odds, paths.classes, taxonomy)
    answers = _answers(paths, taken, taxonomy)
    counted = ~paths.coarse if threshold.coarse_as == "skip" else torch.ones_like(paths.coarse)
    names = ("root", *taxonomy.levels)
    by_level = [
        _share(name, counted & (answers.level == number), answers) for number, name in enumerate(names)
    ]
    by_branch = [
        _share(" > ".join(taxonomy.path(node)), counted & rows, answers)
        for node, rows in _branches(paths, counted)
    ]
    return Delivered(
        promise=threshold.risk,
        overall=_share("all", counted, answers),
        by_level=tuple(by_level),
        by_branch=tuple(by_branch),
        information=float(paths.tensors.information.cpu()[answers.node[counted]].double().mean()),
        promised=threshold.promise,
        loss=threshold.loss,
        coarse=_share("labelled above the classes", paths.coarse, answers),
        coarse_as=threshold.coarse_as,
        beside=not taxonomy.is_tree,
    )


class _Answers(NamedTuple):
    """Of n rows."""

    level: Tensor  # (n,): 0 for the root
    node: Tensor  # (n,)
    edges: Tensor  # (n,): how far it is below what it shares with the target
    judged: Tensor  # (n,): whether it is known to be right or wrong


def _answers(paths: Paths, taken: Tensor, taxonomy: Taxonomy) -> _Answers:
    tensors = paths.tensors
    answer, own = answered(paths, taken)
    here, target = answer.to(tensors.device), paths.target.to(tensors.device)
    shared, edges = tensors.lca(here, target).cpu(), tensors.edges_up(here, target).cpu()
    unknown = shared == paths.target
    if isinstance(tensors, GraphNodes):
        unknown = _share_classes(tensors.node(here).cpu(), paths.target, taxonomy)
    return _Answers(own, answer, edges, ~paths.coarse | ~unknown | (edges == 0))


def _share_classes(answer: Tensor, target: Tensor, taxonomy: Taxonomy) -> Tensor:
    """(n,): whether a class is below both, so that an answer that is not above its label may be right."""
    below = graph_plan_of(taxonomy).classes
    pairs, place = torch.unique(torch.stack([answer, target], 1), dim=0, return_inverse=True)
    found = [np.intersect1d(below[one], below[other]).size > 0 for one, other in pairs.tolist()]
    return torch.tensor(found, dtype=torch.bool)[place]


def _branches(paths: Paths, counted: Tensor) -> Iterator[tuple[int, Tensor]]:
    """The nodes of the top level above a target that counts, and which rows (n,) they are above."""
    tensors, lines = paths.tensors, paths.tensors.lines.cpu()
    if isinstance(tensors, GraphNodes):
        line = lines[paths.target]
        top = torch.where(tensors.on_level.cpu()[line, 0] & (line >= 0), line, -1)
    else:
        # A target above the top level's ranks has no branch; others have the node that stands there.
        top = lines[paths.target, 1:2]
    for node in torch.unique(top[counted]).tolist():
        if node >= 0:
            yield node, (top == node).any(1)


def _together(one: Sequence[Share], other: Sequence[Share]) -> tuple[Share, ...]:
    """By name, in the order in which the names appear."""
    found: dict[str, Share] = {}
    for share in (*one, *other):
        found[share.name] = found[share.name] + share if share.name in found else share
    return tuple(found.values())


def _share(name: str, rows: Tensor, answers: _Answers) -> Share:
    """Of some of the rows, (n,) bool."""
    edges, judged = answers.edges[rows], answers.judged[rows]
    wrong = (edges > 0) & judged
    return Share(name, int(rows.sum()), int(wrong.sum()), int(edges.sum()), int((~judged).sum()))


@dataclass(frozen=True)
class RiskCurve:
    """What each promise costs: a row for each risk."""

    levels: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    delivered: tuple[Delivered, ...]

    def __str__(self) -> str:
        judged = not any(found.overall.unjudged for found in self.delivered)
        wrong = ["wrong"] if judged else ["wrong", "not judged"]
        heads = ["risk", "log-odds", *wrong, "information", *("root", *self.levels)]
        rows = [heads]
        for threshold, found in zip(self.thresholds, self.delivered, strict=True):
            shares = [f"{share.rows / max(1, found.overall.rows):.1%}" for share in found.by_level]
            rows.append(
                [
                    f"{threshold.risk:g}",
                    f"{threshold.log_odds:.3f}",
                    f"{found.overall.rate:.2%}",
                    *([] if judged else [f"{found.overall.unjudged_rate:.2%}"]),
                    f"{found.information:.3f}",
                    *shares,
                ]
            )
        widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
        lines = ["  ".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)) for row in rows]
        told = {coarse_sentence(made.coarse, made.rows, made.coarse_as).strip() for made in self.thresholds}
        return "\n".join([*lines, *filter(None, told)])


def risk_curve(
    logits: Scores,
    target: Any,
    taxonomy: Taxonomy,
    risks: Sequence[float] = _RISKS,
    decision: str = "climb",
    *,
    levels: LevelCalibration | None = None,
    coarse: str = "wrong",
    allowed: Allowed = None,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> RiskCurve:
    """For several risks the threshold, and how specific the answers then are: print it to choose.

    To see what a risk costs, not to pick the luckiest: the promise holds for a risk that was chosen before.
    Rates are of the calibration rows themselves.

    Args:
        logits, target, taxonomy, decision: as in `calibrate_threshold`.
        levels, coarse, allowed, ignore_index, probabilities: as there.
        risks: shares in (0, 1).

    Raises:
        ValueError: as `calibrate_threshold`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> g = torch.Generator().manual_seed(0)
    >>> target = torch.randint(0, 3, (1000,), generator=g)
    >>> logits = 2 * torch.eye(3)[target] + torch.randn(1000, 3, generator=g)
    >>> print(risk_curve(logits, target, t, risks=[0.01, 0.1]))
    risk  log-odds  wrong  information   root  depth_1  depth_2
    ...
    """
    allowed = read_once(allowed)
    thresholds, delivered = [], []
    for risk in risks:
        made = calibrate_threshold(
            logits,
            target,
            taxonomy,
            risk,
            decision,
            levels=levels,
            coarse=coarse,
            allowed=allowed,
            ignore_index=ignore_index,
            probabilities=probabilities,
        )
        thresholds.append(made)
        found = report(
            made,
            logits,
            target,
            taxonomy,
            allowed=allowed,
            ignore_index=ignore_index,
            probabilities=probabilities,
        )
        delivered.append(found)
    return RiskCurve(taxonomy.levels, tuple(thresholds), tuple(delivered))
