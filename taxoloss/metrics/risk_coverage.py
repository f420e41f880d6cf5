"""Risk against coverage, where coverage is how much the answers say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows
from taxoloss.functional.graphs.log_odds import line_log_odds
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.curve_metric import (
    Curve,
    CurveMetric,
    Steps,
    steps_between,
    surer_than_what_says_more,
)
from taxoloss.metrics.base.sum_metric import Result
from taxoloss.plot import curves
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["RiskCoverage"]

#: By how many log-odds of a graph must differ to be two.
_ROUNDINGS = 32


class RiskCoverage(CurveMetric):
    """Risk over coverage of `climb` at every threshold: dict aurc, and the curve's coverage and risk.

    It answers how wrong the answers are for how much they say, over all thresholds at once. aurc is in
    [0, 1], smaller is better; not for choosing one threshold (`taxoloss.decisions.calibrate_threshold`
    does). The answer at a threshold is the deepest node on the best class's path whose log-odds are above
    it; where nodes have several parents, the most informative of the class and all nodes above it, so that
    risk may fall again. Coverage is its mean information, 1 - log(classes below) / log(C): 0 for the root,
    1 for a class. Risk is the share of answers that are neither the target nor above it. aurc is the area
    below the curve by the trapezoid rule.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        exact: keep every step, or add the steps up in 4,096 bins; then `bin_error` bounds aurc's error.
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`; node ids raise ValueError.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle", "pug"]}}).bind()
    >>> curve = RiskCoverage(t)
    >>> curve.update(torch.tensor([[3.0, 2.0, 0.0, 0.0], [3.0, 2.0, 0.0, 0.0]]), torch.tensor([0, 1]))
    >>> {name: value.tolist() for name, value in curve.compute().items()}
    {'aurc': 0.125, 'coverage': [0.0, 0.5, 1.0], 'risk': [0.0, 0.0, 0.5]}

    Source: Goren et al., NeurIPS 2024 (hierarchical selective classification), hAURC.
    """

    higher_is_better = False
    plot_upper_bound = 1.0

    def __init__(
        self,
        taxonomy: Taxonomy,
        exact: bool = True,
        ignore_index: int = -100,
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            taxonomy,
            fields=2,
            exact=exact,
            ignore_index=ignore_index,
            probabilities=probabilities,
            **kwargs,
        )

    def compute(self) -> Any:
        """aurc, coverage (points,), risk (points,), and bin_error where exact is False."""
        curve, device = self.curve(), self.sums.device
        coverage, risk = curve.fields.unbind(1)
        found = self._area(curve)
        found |= {"coverage": coverage.float(), "risk": risk.float()}
        found = {name: value.to(device) for name, value in found.items()}
        return found if self.only is None else found[self.only]

    def _draw(self, ax: Any, val: Any) -> None:
        if isinstance(val, Mapping):
            curves.risk(ax, {name: value.cpu().numpy() for name, value in val.items()})
        else:
            super()._draw(ax, val)

    def _score(self, sums: Tensor) -> Result:
        areas = [self._area(self._binned_curve(row)) for row in sums.reshape(-1, sums.shape[-1])]
        return {
            name: torch.stack([area[name] for area in areas]).reshape(sums.shape[:-1]) for name in areas[0]
        }

    def _area(self, curve: Curve) -> dict[str, Tensor]:
        coverage, risk = curve.fields.unbind(1)
        found = {"aurc": torch.trapezoid(risk, coverage).float()}
        if not bool(torch.isfinite(coverage[0])):
            found["aurc"] = torch.full_like(found["aurc"], torch.nan)
        if not self.exact:
            # Coverage rises with every step. A risk that goes from r to s by way of t in all leaves the
            # line between the two by t / 2 at most, on average: by (s - r) / 2 where it rises too.
            found["bin_error"] = (coverage.diff() * curve.travel[1:, 1]).sum().float() / 2
        return found

    def _steps_of(self, batch: Batch) -> Steps:
        logits, tensors = batch.need_logits("a risk-coverage curve"), batch.tensors
        best = batch.best_class
        shaped = best.reshape(len(logits), *logits.shape[2:])
        if isinstance(tensors, GraphNodes):
            return _steps_on_lines(flat_rows(line_log_odds(logits, shaped, batch.taxonomy)), batch, tensors)
        odds = path_log_odds(logits, shaped, batch.taxonomy, zeros=self.probabilities)
        odds = flat_rows(odds)
        fields = _fields(tensors.lines[best], batch, tensors)
        made = torch.ones_like(odds, dtype=torch.bool)
        return Steps(fields[:, 0], odds, fields.diff(dim=1), made)


def _fields(line: Tensor, batch: Batch, tensors: NodeTensors | GraphNodes) -> Tensor:
    """(R, G, 2): information and wrong of answers (R, G)."""
    wrong = ~tensors.at_or_above(line, batch.target.unsqueeze(1))
    return torch.stack([tensors.information[line], wrong.to(tensors.information.dtype)], 2)


def _steps_on_lines(odds: Tensor, batch: Batch, tensors: GraphNodes) -> Steps:
    """Of log-odds (R, K) of the lines of the best classes: from the root to what says more and more."""
    line = tensors.lines[batch.best_class].flip(1)
    line = torch.cat([torch.full_like(line[:, :1], tensors.root), line], 1)
    odds = torch.cat([torch.full_like(odds[:, :1], torch.inf), odds.flip(1)], 1)
    # Where classes are impossible, nodes may have the same sums but for their order.
    made = surer_than_what_says_more(odds, _ROUNDINGS * torch.finfo(odds.dtype).eps)
    made[:, 0] = True  # at the threshold 1 nothing is above it
    return steps_between(_fields(torch.where(line < 0, tensors.root, line), batch, tensors), odds, made)
