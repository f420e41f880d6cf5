"""Scores of predictions in a file: a decision, then all metrics with intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss import decisions, metrics
from taxoloss.evaluation.predictions import Block, PredictionError, PredictionFile
from taxoloss.evaluation.rules import RULES
from taxoloss.evaluation.targets import TargetReader, integer_names, name_of_text
from taxoloss.metrics.bootstrap import Interval
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Evaluation", "Settings", "evaluate"]

#: Rows, and numbers, that a calibration keeps in memory.
_CALIBRATION_ROWS, _CALIBRATION_NUMBERS = 20_000, 1 << 26


@dataclass(frozen=True)
class Settings:
    """How answers are made and scored."""

    decision: str | None = None
    risk: float | None = None
    threshold: float | None = None
    tradeoff: float = 0.0
    draws: int = 200
    confidence: float = 0.95
    seed: int = 0


@dataclass
class Evaluation:
    """What came out."""

    scores: dict[str, Interval]
    rows: int
    #: Rows whose target is the root.
    uncounted: int
    calibration_rows: int = 0
    threshold: decisions.Threshold | None = None
    delivered: decisions.Delivered | None = None
    higher_is_better: dict[str, bool | None] = field(default_factory=dict)


def evaluate(
    file: PredictionFile, taxonomy: Taxonomy, settings: Settings, progress: Callable[[int], None]
) -> Evaluation:
    """Scores a file whose columns are the classes of a bound taxonomy, in its order.

    With a risk every second row, from the first, calibrates the threshold (20,000 at most), and the
    others are scored.

    Args:
        file: opened.
        taxonomy: bound with node_targets=True.
        settings: the decision, and the intervals.
        progress: called with the number of rows after each block.

    Raises:
        PredictionError: with the place.
    """
    threshold, calibrated = _threshold(file, taxonomy, settings)
    ids = _targets(file, taxonomy)
    plain = settings.decision is None
    wanted = metrics.collection(taxonomy, calibration=plain, ranking=plain, curves=plain)
    better = {str(name): m.higher_is_better for name, m in wanted.items(copy_state=False)}
    scores = metrics.bootstrap(
        wanted, draws=settings.draws, confidence=settings.confidence, seed=settings.seed
    )
    rows = uncounted = 0
    delivered: decisions.Delivered | None = None
    for block in file.blocks():
        logits, target = _tensors(file, block, ids)
        if threshold is not None:
            scored = ~_calibrates(block.first, len(target))
            logits, target = logits[scored], target[scored]
            piece = decisions.report(threshold, logits, target, taxonomy)
            delivered = piece if delivered is None else delivered + piece
        rows, uncounted = rows + len(target), uncounted + int((target == taxonomy.num_nodes - 1).sum())
        scores.update(_decided(logits, taxonomy, settings, threshold), target)
        progress(len(block.values))
    if rows == 0:
        raise PredictionError(f"{file.path}: expected two rows or more: one to calibrate, one to score")
    return Evaluation(scores.compute(), rows, uncounted, calibrated, threshold, delivered, better)


def _targets(file: PredictionFile, taxonomy: Taxonomy) -> TargetReader[int]:
    """Node ids of names, paths and ids."""
    index, names = taxonomy.index, taxonomy.tree.names[1:]
    aliases = chain.from_iterable(taxonomy.aliases.values())

    def find(name: Name) -> int:
        try:
            return taxonomy.node_id(name_of_text(name, index) if isinstance(name, str) else name)
        except ValueError as error:
            raise ValueError(f"target {name!r:.100}: {error}") from None

    integers = integer_names(chain(names, aliases))
    return TargetReader(file, find, int, taxonomy.path, taxonomy.num_nodes, integers)


def _tensors(file: PredictionFile, block: Block, ids: TargetReader[int]) -> tuple[Tensor, Tensor]:
    """Logits (n, C) and targets (n,)."""
    values = block.values
    if file.values == "probs":
        with np.errstate(divide="ignore"):
            values = np.log(values)
    return torch.from_numpy(values), torch.tensor(ids(block), dtype=torch.long)


def _calibrates(first: int, rows: int) -> Tensor:
    """(rows,) bool: rows 1, 3, 5, .. calibrate."""
    return torch.arange(first, first + rows) % 2 == 1


def _threshold(
    file: PredictionFile, taxonomy: Taxonomy, settings: Settings
) -> tuple[decisions.Threshold | None, int]:
    if settings.risk is None:
        return None, 0
    logits, target = _calibration_rows(file, taxonomy)
    decision = settings.decision or "climb"
    made = decisions.calibrate_threshold(logits, target, taxonomy, settings.risk, decision)
    return made, made.n


def _calibration_rows(file: PredictionFile, taxonomy: Taxonomy) -> tuple[Tensor, Tensor]:
    ids = _targets(file, taxonomy)
    left = min(_CALIBRATION_ROWS, max(1, _CALIBRATION_NUMBERS // len(taxonomy)))
    parts: list[tuple[Tensor, Tensor]] = []
    for block in file.blocks():
        logits, target = _tensors(file, block, ids)
        chosen = torch.nonzero(_calibrates(block.first, len(target))).squeeze(1)[:left]
        parts.append((logits[chosen], target[chosen]))
        left -= len(chosen)
        if left == 0:
            break
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def _decided(
    logits: Tensor, taxonomy: Taxonomy, settings: Settings, threshold: decisions.Threshold | None
) -> Any:
    """The answers of the decision; without one the logits."""
    if settings.decision is None:
        return logits
    least = 0.5 if settings.threshold is None else settings.threshold
    values = {"threshold": least if threshold is None else threshold, "tradeoff": settings.tradeoff}
    taken = [values[name] for name in RULES[settings.decision].takes]
    return getattr(decisions, settings.decision)(logits, taxonomy, *taken)
