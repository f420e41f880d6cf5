"""How much each ancestor of a target counts: the weights (V, L) of the loss. Imports errors, taxonomy."""

from __future__ import annotations

from taxoloss.weighting.checks import Table
from taxoloss.weighting.schedules import (
    SCHEDULES,
    Schedule,
    balanced,
    by_level,
    deepest,
    geometric,
    hxe,
    label_balanced,
    uniform,
)
from taxoloss.weighting.table import LevelWeights, weight_table

__all__ = [
    "SCHEDULES",
    "LevelWeights",
    "Schedule",
    "Table",
    "balanced",
    "by_level",
    "deepest",
    "geometric",
    "hxe",
    "label_balanced",
    "uniform",
    "weight_table",
]
