"""The metrics of the collection, one record each: under which keys, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from taxoloss.metrics.base.sum_metric import SumMetric
from taxoloss.metrics.calibration import LevelCalibrationError
from taxoloss.metrics.distances import HierarchicalDistance, MistakeSeverity, TreeInducedError
from taxoloss.metrics.f_score import HierarchicalFScore
from taxoloss.metrics.hops import HOPS
from taxoloss.metrics.level_accuracy import FullPathAccuracy, LevelAccuracy
from taxoloss.metrics.operating_curve import OperatingCurve
from taxoloss.metrics.risk_coverage import RiskCoverage
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["FAMILIES", "Family", "best_of"]

#: Of a taxonomy the keys of a metric in the collection, each with which of its scores it is (None: all).
Keys: TypeAlias = Callable[[Taxonomy], Mapping[str, str | None]]


def _alone(name: str) -> Keys:
    return lambda taxonomy: {name: None}


def _each(*names: str) -> Keys:
    return lambda taxonomy: {name: name for name in names}


def _by_level(name: str) -> Keys:
    def keys(taxonomy: Taxonomy) -> Mapping[str, str | None]:
        found: dict[str, str | None] = {}
        for level in getattr(taxonomy, "levels", ()) or ("",):
            key = f"{name}/{level.replace('.', '_')}"
            if key in found:
                raise ValueError(f"expected level names that differ in more than . and _, got {level!r}")
            found[key] = level
        return found

    return keys


@dataclass(frozen=True)
class Family:
    """A metric in the collection: its scores have one state, which is counted once."""

    metric: Callable[..., SumMetric]
    keys: Keys
    #: The option of `collection` that asks for it; None: it is always there.
    option: str | None = None
    #: What it is made with, beside a taxonomy and ignore_index.
    settings: Mapping[str, Any] = field(default_factory=dict)

    def made(
        self, taxonomy: Taxonomy, ignore_index: int, probabilities: bool = False
    ) -> dict[str, SumMetric]:
        """A metric for each key."""
        found: dict[str, SumMetric] = {}
        for key, score in self.keys(taxonomy).items():
            metric = self.metric(
                taxonomy, ignore_index=ignore_index, probabilities=probabilities, **self.settings
            )
            metric.only = score
            found[key] = metric
        return found


#: A record a metric.
FAMILIES: tuple[Family, ...] = (
    Family(LevelAccuracy, _by_level("accuracy")),
    Family(FullPathAccuracy, _alone("full_path_accuracy")),
    Family(MistakeSeverity, _alone("severity")),
    Family(HierarchicalDistance, _alone("distance")),
    Family(TreeInducedError, _alone("tree_induced_error")),
    Family(HierarchicalFScore, _each("precision", "recall", "f1")),
    Family(LevelCalibrationError, _by_level("calibration_error"), "calibration"),
    Family(HOPS, _alone("hops"), "ranking"),
    Family(RiskCoverage, _each("aurc"), "curves", {"exact": False}),
    Family(
        OperatingCurve,
        _each("average_correct", "average_precision", "recall_at_90_correct", "recall_at_95_correct"),
        "curves",
        {"exact": False},
    ),
)


def best_of(taxonomy: Taxonomy, places: int) -> tuple[Family, ...]:
    """The metrics of the first few classes of a ranking; HOPS of a tree alone."""
    ordered = Family(HOPS, _alone(f"top_{places}_hops"), None, {"top_k": places})
    return (
        Family(
            LevelAccuracy, _by_level(f"top_{places}_accuracy"), None, {"top_k": places, "decision": "leaf"}
        ),
        Family(HierarchicalDistance, _alone(f"top_{places}_distance"), None, {"top_k": places}),
        *([ordered] if getattr(taxonomy, "is_tree", True) else []),
    )
