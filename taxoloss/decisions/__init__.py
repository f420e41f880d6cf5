"""Decisions: from the logits of a model to a node of the tree, any class or inner node.

Imports taxonomy, weighting, functional.
"""

from taxoloss.decisions.any_node import hedge, most_specific
from taxoloss.decisions.calibration.conformal import calibrate_levels, calibrate_threshold
from taxoloss.decisions.calibration.levels import LevelCalibration
from taxoloss.decisions.calibration.report import Delivered, RiskCurve, report, risk_curve
from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.expected_cost import minimum_cost
from taxoloss.decisions.leaf import at_level, leaf
from taxoloss.decisions.on_path import climb, top_down
from taxoloss.decisions.ranking import ranking
from taxoloss.decisions.reasons import Reasons, why

Explanation = Reasons  # its name in 0.1

__all__ = [
    "Delivered",
    "LevelCalibration",
    "Reasons",
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
