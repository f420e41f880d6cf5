"""How much each ancestor of a target counts: the weights (V, L) of the loss. Imports errors, taxonomy."""

from __future__ import annotations

from taxoloss.weighting.checks import WeightTable
from taxoloss.weighting.proper import proper
from taxoloss.weighting.schedules import (
    SCHEDULES,
    Schedule,
    balanced,
    by_level,
    deepest,
    geometric,
    hxe,
    label_balanced,
    own,
    uniform,
)
from taxoloss.weighting.table import LevelWeights, weight_table

Table = WeightTable  # its name in 0.1

__all__ = [
    "SCHEDULES",
    "LevelWeights",
    "Schedule",
    "WeightTable",
    "balanced",
    "by_level",
    "deepest",
    "geometric",
    "hxe",
    "label_balanced",
    "own",
    "proper",
    "uniform",
    "weight_table",
]
