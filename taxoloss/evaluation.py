"""Scores of predictions in a file: a decision, then all metrics with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss import decisions, metrics
from taxoloss.binding import split_text
from taxoloss.metrics.bootstrap import Interval
from taxoloss.prediction_files import Block, PredictionError, PredictionFile
from taxoloss.taxonomy import Taxonomy

__all__ = ["DECISIONS", "Evaluation", "Settings", "evaluate"]

DECISIONS = ("leaf", "climb", "top_down", "most_specific", "minimum_cost", "hedge")
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
    ids = _TargetIds(file, taxonomy)
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
        scores.update(logits if plain else _decide(logits, taxonomy, settings, threshold), target)
        progress(len(block.values))
    if rows == 0:
        raise PredictionError(f"{file.path}: expected two rows or more: one to calibrate, one to score")
    return Evaluation(scores.compute(), rows, uncounted, calibrated, threshold, delivered, better)


class _TargetIds:
    """Node ids of names, paths and numbers."""

    def __init__(self, file: PredictionFile, taxonomy: Taxonomy) -> None:
        self.file, self.taxonomy = file, taxonomy
        self._known: dict[str | int, int] = {}

    def __call__(self, block: Block) -> Tensor:
        found = []
        targets: Iterable[str | int] = block.targets
        for number, target in enumerate(targets):
            if target not in self._known:
                self._known[target] = self._find(target, block.first + number)
            found.append(self._known[target])
        return torch.tensor(found, dtype=torch.long)

    def _find(self, target: str | int, row: int) -> int:
        """A name is looked up first; a number that is no name is an id."""
        count = self.taxonomy.num_nodes
        text = str(target).strip()
        if isinstance(target, str):
            try:
                return self.taxonomy.node_id(split_text(text, self.taxonomy.index))
            except ValueError as error:
                if not text.lstrip("-").isdigit():
                    words = _one_line(error)
                    raise PredictionError(f"{self.file.place(row)}: target {text!r}: {words}") from None
        if not 0 <= int(text) < count:
            raise PredictionError(
                f"{self.file.place(row)}: expected a target in 0..{count - 1}, or a name, got {text}"
            )
        return int(text)


def _one_line(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


def _tensors(file: PredictionFile, block: Block, ids: _TargetIds) -> tuple[Tensor, Tensor]:
    """Logits (n, C) and targets (n,)."""
    values = block.values
    if file.values == "probs":
        with np.errstate(divide="ignore"):
            values = np.log(values)
    return torch.from_numpy(values), ids(block)


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
    ids = _TargetIds(file, taxonomy)
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


def _decide(
    logits: Tensor, taxonomy: Taxonomy, settings: Settings, threshold: decisions.Threshold | None
) -> Any:
    name = settings.decision
    rule = getattr(decisions, name or "leaf")
    if name in ("leaf", "minimum_cost"):
        return rule(logits, taxonomy)
    if name == "hedge":
        return rule(logits, taxonomy, settings.tradeoff)
    if threshold is not None:
        return rule(logits, taxonomy, threshold)
    return rule(logits, taxonomy, 0.5 if settings.threshold is None else settings.threshold)
