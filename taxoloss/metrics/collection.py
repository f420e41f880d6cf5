"""The metrics that most people want, in one line."""

from __future__ import annotations

from typing import Any

from torchmetrics import MetricCollection

from taxoloss.metrics.base.batch import one_pass
from taxoloss.metrics.base.sum_metric import SumMetric
from taxoloss.metrics.calibration import LevelCalibrationError
from taxoloss.metrics.distances import HierarchicalDistance, MistakeSeverity, TreeInducedError
from taxoloss.metrics.f_score import HierarchicalFScore
from taxoloss.metrics.hops import HOPS
from taxoloss.metrics.level_accuracy import FullPathAccuracy, LevelAccuracy
from taxoloss.metrics.operating_curve import OperatingCurve
from taxoloss.metrics.risk_coverage import RiskCoverage
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["TaxonomyCollection", "collection"]

_CURVE = ("average_correct", "average_precision", "recall_at_90_correct", "recall_at_95_correct")


class TaxonomyCollection(MetricCollection):
    """A MetricCollection whose metrics share what they compute of a batch; made by `collection`."""

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Counts a batch in every metric."""
        with one_pass():
            super().update(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Counts a batch in every metric, and gives the scores of the batch.

        Their mean over batches is not the score of all of them: log the collection, not this.
        """
        with one_pass():
            result: dict[str, Any] = super().forward(*args, **kwargs)
        return result


def collection(
    taxonomy: Taxonomy,
    *,
    calibration: bool = True,
    ranking: bool = False,
    curves: bool = False,
    ignore_index: int = -100,
    prefix: str | None = None,
    postfix: str | None = None,
) -> TaxonomyCollection:
    """A MetricCollection of scalars under flat keys.

    Call `update` in each step. In Lightning log the collection, `self.log_dict(collection)`, not the dict
    of a call: the mean of batches' scores is not the score (severity is NaN where one has no mistake).

    accuracy/LEVEL, full_path_accuracy, severity, distance, tree_induced_error, precision, recall, f1 and
    calibration_error/LEVEL; all averages are micro. "." in a level's name, which torch forbids, is "_".

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        calibration: with calibration_error/LEVEL; False where predictions are node ids (decisions).
        ranking: with hops; sorts all classes of each sample.
        curves: with aurc, average_correct, average_precision, recall_at_90_correct and
            recall_at_95_correct (information, in 4,096 bins).
        ignore_index: targets of this number are not counted.
        prefix, postfix: of the keys, such as "val/".

    Raises:
        ValueError, TypeError: as `LevelAccuracy`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> metrics = taxoloss.metrics.collection(t, calibration=False)
    >>> metrics.update(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0]))
    >>> for name, value in sorted(metrics.compute().items()):
    ...     print(name, round(float(value), 2))
    accuracy/depth_1 0.67
    accuracy/depth_2 0.33
    distance 1.0
    f1 0.5
    full_path_accuracy 0.33
    precision 0.5
    recall 0.5
    severity 1.5
    tree_induced_error 2.0
    """
    common: dict[str, Any] = {"ignore_index": ignore_index}
    families: list[dict[str, SumMetric]] = [
        _by_level("accuracy", taxonomy, LevelAccuracy, common),
        {"full_path_accuracy": FullPathAccuracy(taxonomy, **common)},
        {"severity": MistakeSeverity(taxonomy, **common)},
        {"distance": HierarchicalDistance(taxonomy, **common)},
        {"tree_induced_error": TreeInducedError(taxonomy, **common)},
        {
            name: _only(HierarchicalFScore(taxonomy, **common), name)
            for name in ("precision", "recall", "f1")
        },
    ]
    if calibration:
        families.append(_by_level("calibration_error", taxonomy, LevelCalibrationError, common))
    if ranking:
        families.append({"hops": HOPS(taxonomy, **common)})
    if curves:
        common["exact"] = False
        families.append({"aurc": _only(RiskCoverage(taxonomy, **common), "aurc")})
        families.append({name: _only(OperatingCurve(taxonomy, **common), name) for name in _CURVE})
    metrics = {name: metric for family in families for name, metric in family.items()}
    # Those of one family have one state: it is updated once.
    groups = [list(family) for family in families]
    return TaxonomyCollection(metrics, prefix=prefix, postfix=postfix, compute_groups=groups)  # type: ignore[arg-type]


def _by_level(
    name: str, taxonomy: Taxonomy, kind: type[LevelAccuracy] | type[LevelCalibrationError], common: Any
) -> dict[str, SumMetric]:
    found: dict[str, SumMetric] = {}
    for level in getattr(taxonomy, "levels", ()) or ("",):
        key = f"{name}/{level.replace('.', '_')}"
        if key in found:
            raise ValueError(f"expected level names that differ in more than . and _, got {level!r}")
        found[key] = _only(kind(taxonomy, **common), level)
    return found


def _only(metric: SumMetric, key: str) -> SumMetric:
    """The metric, whose compute gives one of its scores."""
    metric.only = key
    return metric
