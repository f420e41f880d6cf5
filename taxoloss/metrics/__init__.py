"""Metrics of a hierarchical classifier, as torchmetrics metrics; `functional` has them as functions.

Imports taxonomy, plot, functional.
"""

from taxoloss.metrics import functional
from taxoloss.metrics.bootstrap import Bootstrap, Interval, bootstrap, paired
from taxoloss.metrics.calibration import LevelCalibrationError
from taxoloss.metrics.collection import TaxonomyCollection, collection
from taxoloss.metrics.confusion import Confusion, LevelConfusionMatrix
from taxoloss.metrics.distances import HierarchicalDistance, MistakeSeverity, TreeInducedError
from taxoloss.metrics.f_score import HierarchicalFScore
from taxoloss.metrics.hops import HOPS
from taxoloss.metrics.level_accuracy import FullPathAccuracy, LevelAccuracy
from taxoloss.metrics.operating_curve import OperatingCurve
from taxoloss.metrics.risk_coverage import RiskCoverage

__all__ = [
    "HOPS",
    "Bootstrap",
    "Confusion",
    "FullPathAccuracy",
    "HierarchicalDistance",
    "HierarchicalFScore",
    "Interval",
    "LevelAccuracy",
    "LevelCalibrationError",
    "LevelConfusionMatrix",
    "MistakeSeverity",
    "OperatingCurve",
    "RiskCoverage",
    "TaxonomyCollection",
    "TreeInducedError",
    "bootstrap",
    "collection",
    "functional",
    "paired",
]
