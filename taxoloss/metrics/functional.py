"""The metrics as functions of all predictions and targets at once.

Arguments, shapes, errors and sources are those of the classes of `taxoloss.metrics`.

>>> import taxoloss, torch
>>> from taxoloss.metrics import functional
>>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
>>> functional.mistake_severity(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0]), t)
tensor(1.5000)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from taxoloss.metrics.base.batch import Scores
from taxoloss.metrics.base.sum_metric import SumMetric
from taxoloss.metrics.calibration import LevelCalibrationError
from taxoloss.metrics.confusion import LevelConfusionMatrix
from taxoloss.metrics.distances import HierarchicalDistance, MistakeSeverity, TreeInducedError
from taxoloss.metrics.f_score import HierarchicalFScore
from taxoloss.metrics.hops import HOPS
from taxoloss.metrics.level_accuracy import FullPathAccuracy, LevelAccuracy
from taxoloss.metrics.operating_curve import OperatingCurve
from taxoloss.metrics.risk_coverage import RiskCoverage
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = [
    "full_path_accuracy",
    "hierarchical_distance",
    "hierarchical_f_score",
    "hops",
    "level_accuracy",
    "level_calibration_error",
    "level_confusion_matrix",
    "mistake_severity",
    "operating_curve",
    "risk_coverage",
    "tree_induced_error",
]


def level_accuracy(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    top_k: int = 1,
    decision: str = "marginal",
    ignore_index: int = -100,
    probabilities: bool = False,
) -> dict[str, Tensor]:
    """level -> accuracy, as `LevelAccuracy`."""
    return _several(
        LevelAccuracy(taxonomy, top_k, decision, ignore_index, probabilities=probabilities), preds, target
    )


def full_path_accuracy(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> Tensor:
    """The share of samples whose every level is right, as `FullPathAccuracy`."""
    return _one(FullPathAccuracy(taxonomy, ignore_index, probabilities=probabilities), preds, target)


def hierarchical_distance(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    top_k: int = 1,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> Tensor:
    """Mean LCA height of the k best classes, as `HierarchicalDistance`."""
    return _one(
        HierarchicalDistance(taxonomy, top_k, ignore_index, probabilities=probabilities), preds, target
    )


def mistake_severity(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> Tensor:
    """Mean LCA height of the mistakes, as `MistakeSeverity`."""
    return _one(MistakeSeverity(taxonomy, ignore_index, probabilities=probabilities), preds, target)


def tree_induced_error(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> Tensor:
    """Mean number of edges between answer and target, as `TreeInducedError`."""
    return _one(TreeInducedError(taxonomy, ignore_index, probabilities=probabilities), preds, target)


def hops(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    top_k: int | None = None,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> Tensor:
    """How well a whole ranking follows the tree, as `HOPS`."""
    return _one(HOPS(taxonomy, top_k, ignore_index, probabilities=probabilities), preds, target)


def hierarchical_f_score(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    average: str = "micro",
    ignore_index: int = -100,
    probabilities: bool = False,
) -> dict[str, Tensor]:
    """precision, recall and f1 of the sets of ancestors, as `HierarchicalFScore`."""
    return _several(
        HierarchicalFScore(taxonomy, average, ignore_index, probabilities=probabilities), preds, target
    )


def level_calibration_error(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    n_bins: int = 15,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> dict[str, Tensor]:
    """level -> expected calibration error, as `LevelCalibrationError`."""
    return _several(
        LevelCalibrationError(taxonomy, n_bins, ignore_index, probabilities=probabilities), preds, target
    )


def operating_curve(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    value: str = "information",
    exact: bool = True,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> dict[str, Tensor]:
    """Averages over all thresholds and recalls at 90 and 95 % correct, as `OperatingCurve`."""
    return _several(
        OperatingCurve(taxonomy, value, exact, ignore_index, probabilities=probabilities), preds, target
    )


def risk_coverage(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    exact: bool = True,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> dict[str, Tensor]:
    """aurc, coverage and risk, as `RiskCoverage`."""
    return _several(RiskCoverage(taxonomy, exact, ignore_index, probabilities=probabilities), preds, target)


def level_confusion_matrix(
    preds: Scores,
    target: Scores,
    taxonomy: Taxonomy,
    *,
    levels: Sequence[str] | None = None,
    ignore_index: int = -100,
    probabilities: bool = False,
) -> dict[str, Tensor]:
    """level -> counts (targets, answers), as `LevelConfusionMatrix`."""
    return _several(
        LevelConfusionMatrix(taxonomy, levels, ignore_index, probabilities=probabilities), preds, target
    )


def _one(metric: SumMetric, preds: Scores, target: Scores) -> Tensor:
    result: Tensor = _computed(metric, preds, target)
    return result


def _several(metric: SumMetric, preds: Scores, target: Scores) -> dict[str, Tensor]:
    result: dict[str, Tensor] = _computed(metric, preds, target)
    return result


def _computed(metric: SumMetric, preds: Scores, target: Scores) -> Any:
    if isinstance(preds, Tensor):
        metric = metric.to(preds.device)
    metric.sync_on_compute = False  # a function of these numbers, whatever the rank
    metric.update(preds, target)
    return metric.compute()
