"""Metrics of a hierarchical classifier, as torchmetrics metrics."""

from taxoloss.metrics.level_accuracy import LevelAccuracy

__all__ = ["LevelAccuracy"]
