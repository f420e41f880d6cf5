"""What a threshold delivers on labelled rows, beside what it promises; and what each risk costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from taxoloss.decisions.calibration.conformal import Paths, calibrate_threshold, coarse_rows, paths_of
from taxoloss.decisions.calibration.levels import LevelCalibration
from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.inputs import Allowed, read_once
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Delivered", "RiskCurve", "Share", "report", "risk_curve"]

_RISKS = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Share:
    """Wrong answers among some rows, and the edges that they are too far down."""

    name: str
    rows: int
    wrong: int
    edges: int

    @property
    def rate(self) -> float:
        """The share that is wrong; NaN where there are no rows."""
        return self.wrong / self.rows if self.rows else math.nan

    @property
    def edges_a_row(self) -> float:
        """The edges that an answer is too far down on average; NaN where there are no rows."""
        return self.edges / self.rows if self.rows else math.nan

    def __add__(self, other: Share) -> Share:
        return Share(self.name, self.rows + other.rows, self.wrong + other.wrong, self.edges + other.edges)

    def delivered(self, loss: str) -> str:
        """In the unit of the promise."""
        wrong = f"{100 * self.rate:6.2f} % wrong"
        return f"{self.edges_a_row:6.3f} edges too far down, {wrong}" if loss == "height" else wrong


@dataclass(frozen=True)
class Delivered:
    """Wrong answers of a threshold: altogether, by level of the answer, by branch of the target."""

    promise: float
    overall: Share
    #: The root, then each level.
    by_level: tuple[Share, ...]
    #: The nodes of the top level that are above a target.
    by_branch: tuple[Share, ...]
    #: The mean information of the answers, from 0 (root) to 1 (class).
    information: float
    #: The promise in words, and the loss that it is for.
    promised: str
    loss: str
    #: Rows with a label above a class, below which every answer counts as wrong.
    coarse: int

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
        lines = [f"promised {self.promised}; {self._delivered()}"]
        if self.coarse:
            lines.append(
                f"{self.coarse:,} rows labelled above a class: a deeper answer counts as wrong there"
            )
        lines.append(
            "the promise is not for each level of the answer or branch of the truth: "
            "these have their own rates"
        )
        for title, shares in (("answered at", self.by_level), ("branch of the truth", self.by_branch)):
            width = max((len(share.name) for share in shares), default=0)
            lines.append(title)
            for share in shares:
                rate = share.delivered(self.loss) if share.rows else ""
                lines.append(f"  {share.name:{width}}  {share.rows:8,} rows  {rate}".rstrip())
        return "\n".join(lines)

    def _delivered(self) -> str:
        if not self.overall.rows:
            return "no row here to deliver it on"
        found = f"{100 * self.overall.rate:.2f} %"
        if self.loss == "height":
            found = f"{self.overall.edges_a_row:.3f} edges, and {found} wrong,"
        return f"delivered here {found} of {self.overall.rows:,} rows, information {self.information:.3f}"


def report(
    threshold: Threshold,
    logits: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    *,
    allowed: Allowed = None,
    ignore_index: int = -100,
) -> Delivered:
    """What a threshold delivers on labelled rows: new ones, or those of its calibration.

    Args:
        threshold: of `calibrate_threshold`.
        logits, target, taxonomy, allowed, ignore_index: as in `calibrate_threshold`.

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
    paths = paths_of(logits, target, taxonomy, threshold.decision, ignore_index, allowed)
    taken = threshold.above(paths.log_odds, paths.classes, taxonomy)
    level, answer, edges = _answers(paths, taken)
    names = ("root", *taxonomy.levels)
    by_level = [_share(name, level == number, edges) for number, name in enumerate(names)]
    # A target above the top level's ranks has no branch; others have the node that stands there.
    branch = paths.tensors.lines.cpu()[paths.target, 1]
    found, of_row = torch.unique(branch, return_inverse=True)
    paths_to = [" > ".join(taxonomy.path(int(node))) for node in found]
    by_branch = [_share(name, of_row == number, edges) for number, name in enumerate(paths_to)]
    return Delivered(
        promise=threshold.risk,
        overall=_share("all", torch.ones_like(edges, dtype=torch.bool), edges),
        by_level=tuple(by_level),
        by_branch=tuple(by_branch),
        information=float(paths.tensors.information.cpu()[answer].double().mean()),
        promised=threshold.promise,
        loss=threshold.loss,
        coarse=coarse_rows(paths),
    )


def _answers(paths: Paths, taken: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Level (0: the root) and node of each row's answer, and the edges that it is too far down."""
    tensors, rows = paths.tensors, torch.arange(len(taken), device="cpu")
    line = tensors.lines.cpu()[paths.classes]
    levels = torch.arange(1, line.shape[1], device="cpu")
    answer = line[rows, torch.where(taken, levels, 0).amax(1)]
    # A node that stands for missing ranks is answered on its own level.
    own = (line == answer.unsqueeze(1)).long().argmax(1)
    depth, shared = tensors.depth.cpu(), tensors.lca(answer, paths.target).cpu()
    return own, answer, depth[answer] - depth[shared]


def _together(one: Sequence[Share], other: Sequence[Share]) -> tuple[Share, ...]:
    """By name, in the order in which the names appear."""
    found: dict[str, Share] = {}
    for share in (*one, *other):
        found[share.name] = found[share.name] + share if share.name in found else share
    return tuple(found.values())


def _share(name: str, rows: Tensor, edges: Tensor) -> Share:
    return Share(name, int(rows.sum()), int((edges[rows] > 0).sum()), int(edges[rows].sum()))


@dataclass(frozen=True)
class RiskCurve:
    """What each promise costs: a row for each risk."""

    levels: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    delivered: tuple[Delivered, ...]

    def __str__(self) -> str:
        heads = ["risk", "log-odds", "wrong", "information", *("root", *self.levels)]
        rows = [heads]
        for threshold, found in zip(self.thresholds, self.delivered, strict=True):
            shares = [f"{share.rows / max(1, found.overall.rows):.1%}" for share in found.by_level]
            rows.append(
                [
                    f"{threshold.risk:g}",
                    f"{threshold.log_odds:.3f}",
                    f"{found.overall.rate:.2%}",
                    f"{found.information:.3f}",
                    *shares,
                ]
            )
        widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
        return "\n".join("  ".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)) for row in rows)


def risk_curve(
    logits: Tensor,
    target: Tensor,
    taxonomy: Taxonomy,
    risks: Sequence[float] = _RISKS,
    decision: str = "climb",
    *,
    levels: LevelCalibration | None = None,
    allowed: Allowed = None,
    ignore_index: int = -100,
) -> RiskCurve:
    """For several risks the threshold, and how specific the answers then are: print it to choose.

    To see what a risk costs, not to pick the luckiest: the promise holds for a risk that was chosen before.
    Rates are of the calibration rows themselves.

    Args:
        logits, target, taxonomy, decision, levels, allowed, ignore_index: as in `calibrate_threshold`.
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
            allowed=allowed,
            ignore_index=ignore_index,
        )
        thresholds.append(made)
        found = report(made, logits, target, taxonomy, allowed=allowed, ignore_index=ignore_index)
        delivered.append(found)
    return RiskCurve(taxonomy.levels, tuple(thresholds), tuple(delivered))
