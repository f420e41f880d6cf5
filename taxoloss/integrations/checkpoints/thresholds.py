"""The threshold of a checkpoint: of its tree and order, as JSON, and in another order of the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

from taxoloss.decisions.calibration.levels import LevelCalibration
from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.decisions.cut import log_odds_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["AnyThreshold", "checked_threshold", "plain_threshold", "reordered_threshold", "threshold_of"]

#: What a decision takes as its threshold, and the maps of levels that one may be made with.
AnyThreshold: TypeAlias = Threshold | LevelCalibration | float | None
_LEVELS = "taxoloss levels 1"


def checked_threshold(threshold: Any, taxonomy: Taxonomy) -> AnyThreshold:
    """A threshold that belongs to a taxonomy.

    Raises:
        TypeError: it is none.
        ValueError: it was calibrated on another tree or another order of the classes; no probability.
    """
    if threshold is None:
        return None
    if isinstance(threshold, Threshold):
        threshold.require(taxonomy)
        if threshold.levels is not None:
            _require_levels(threshold.levels, taxonomy)
        return threshold
    if isinstance(threshold, LevelCalibration):
        _require_levels(threshold, taxonomy)
        return threshold
    log_odds_of(threshold)
    return float(threshold)


def _require_levels(levels: LevelCalibration, taxonomy: Taxonomy) -> None:
    if not taxonomy.same_binding(levels.digest):
        raise ValueError(
            f"expected levels calibrated on this tree and class order, {taxonomy.binding_digest[:12]}, got "
            f"{levels.digest[:12]}: calibrate again"
        )


def plain_threshold(threshold: AnyThreshold) -> Any:
    """What JSON holds of it."""
    if isinstance(threshold, Threshold):
        return threshold.to_dict()
    if isinstance(threshold, LevelCalibration):
        return {"format": _LEVELS} | asdict(threshold)
    return threshold


def threshold_of(data: Any, taxonomy: Taxonomy) -> AnyThreshold:
    """The threshold that `plain_threshold` wrote, checked as it was when it was saved."""
    read = data
    if isinstance(data, Mapping):
        kinds = LevelCalibration if data.get("format") == _LEVELS else Threshold
        read = kinds.from_dict(data)
    return checked_threshold(read, taxonomy)


def reordered_threshold(threshold: AnyThreshold, old: Taxonomy, new: Taxonomy) -> AnyThreshold:
    """The same threshold for the same tree in another order of the classes.

    It compares log-odds of nodes, which no order changes; only of the level that has thresholds of its own
    the nodes may stand in another order.
    """
    if isinstance(threshold, LevelCalibration):
        return replace(threshold, digest=new.binding_digest)
    if not isinstance(threshold, Threshold):
        return threshold
    levels = None if threshold.levels is None else replace(threshold.levels, digest=new.binding_digest)
    clades: Sequence[float] = threshold.clades
    if threshold.level is not None:
        by_path = dict(zip(old.paths(threshold.level), clades, strict=True))
        clades = [by_path[path] for path in new.paths(threshold.level)]
    return replace(
        threshold, digest=new.digest, binding_digest=new.binding_digest, clades=tuple(clades), levels=levels
    )
