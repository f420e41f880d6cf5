"""Decisions: from the logits of a model to a node of the tree, any class or inner node."""

from taxoloss.decisions.calibrate import calibrate_levels, calibrate_threshold
from taxoloss.decisions.delivered import Delivered, RiskCurve, report, risk_curve
from taxoloss.decisions.expected_cost import minimum_cost
from taxoloss.decisions.level_calibration import LevelCalibration
from taxoloss.decisions.ranking import ranking
from taxoloss.decisions.rules import at_level, climb, leaf, top_down
from taxoloss.decisions.specific import hedge, most_specific
from taxoloss.decisions.threshold import Threshold
from taxoloss.decisions.why import Explanation, why

__all__ = [
    "Delivered",
    "Explanation",
    "LevelCalibration",
    "RiskCurve",
    "Threshold",
    "at_level",
    "calibrate_levels",
    "calibrate_threshold",
    "climb",
    "hedge",
    "leaf",
    "minimum_cost",
    "most_specific",
    "ranking",
    "report",
    "risk_curve",
    "top_down",
    "why",
]
