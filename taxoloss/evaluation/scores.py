"""Scores of samples: a decision, then all metrics with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape

import numpy as np
import torch
from torch import Tensor

from taxoloss import decisions, metrics
from taxoloss.errors.characters import counted
from taxoloss.evaluation.pieces import chosen
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.rules import RULES
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.metrics.bootstrap import Interval
from taxoloss.taxonomy.row_groups import group_codes
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Evaluation", "Settings", "answered", "evaluate", "wanted_metrics"]

#: Rows, and numbers, that a calibration keeps in memory.
_CALIBRATION_ROWS, _CALIBRATION_NUMBERS = 20_000, 1 << 26


@dataclass(frozen=True)
class Settings:
    """How answers are made and scored."""

    decision: str | None = None
    risk: float | None = None
    threshold: float | None = None
    tradeoff: float = 0.0
    coarse: str = "wrong"
    draws: int = 200
    confidence: float = 0.95
    seed: int = 0


@dataclass
class Evaluation:
    """What came out."""

    scores: dict[str, Interval]
    #: How the file was read and answered, and what was left out, in words.
    reading: str
    notes: tuple[str, ...]
    rows: int
    left_out: int
    #: Rows whose target is the root.
    uncounted: int
    calibration_rows: int = 0
    threshold: decisions.Threshold | None = None
    delivered: decisions.Delivered | None = None
    higher_is_better: dict[str, bool | None] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """The scores as a table, for a notebook."""
        told = "".join(f"<p>{escape(text)}</p>" for text in (self.reading, *self.notes))
        head = "".join(f"<th>{name}</th>" for name in ("metric", "value", "95 % interval", "better"))
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.table()
        )
        return f"{told}<p>{counted(self.rows, 'row')}</p><table><tr>{head}</tr>{rows}</table>"

    def table(self) -> list[tuple[str, str, str, str]]:
        """For each metric its name, its value, its interval, and whether more is better, as text."""
        words = {True: "up", False: "down", None: ""}
        rows = []
        for name, (value, low, high) in self.scores.items():
            if math.isnan(value):
                rows.append((name, "nothing counted", "", ""))
                continue
            better = words[self.higher_is_better.get(name)]
            rows.append((name, f"{value:.4f}", f"{low:.4f} to {high:.4f}", better))
        return rows


@contextmanager
def _several_parents(taxonomy: Taxonomy) -> Iterator[None]:
    """PredictionError where a decision refuses nodes with several parents."""
    try:
        yield
    except ValueError as error:
        if taxonomy.is_tree:
            raise
        raise PredictionError(str(error)) from None


#: Called with the samples that are scored, and what is answered to them: logits, node ids or a ranking.
Watch = Callable[[Piece, Tensor], None]


def evaluate(
    samples: Samples,
    taxonomy: Taxonomy,
    settings: Settings,
    progress: Callable[[int], None],
    watch: Watch | None = None,
) -> Evaluation:
    """Scores samples of a bound taxonomy.

    With a risk every second row, from the first, calibrates the threshold (20,000 at most), and the
    others are scored. Where samples have groups, it is every second group, and the intervals draw groups.

    Args:
        samples: of that taxonomy, in its order.
        taxonomy: bound with node_targets=True.
        settings: the decision, and the intervals.
        progress: called with the number of rows after each piece.
        watch: called with each piece that is scored.

    Raises:
        PredictionError: with the place.
    """
    if settings.decision is not None and samples.places is not None:
        raise PredictionError(
            f"{samples.path}: --decision {settings.decision} needs a number for each class, got "
            f"{samples.how}"
        )
    split = _Split(samples)
    split.require_groups(settings.risk is not None)
    threshold, calibrated = _threshold(samples, taxonomy, settings, split)
    wanted = wanted_metrics(samples, taxonomy, settings)
    better = {str(name): m.higher_is_better for name, m in wanted.items(copy_state=False)}
    scores = metrics.bootstrap(
        wanted,
        draws=settings.draws,
        confidence=settings.confidence,
        seed=settings.seed,
        groups=split.scored_groups(threshold is not None),
    )
    rows = uncounted = 0
    delivered: decisions.Delivered | None = None
    for piece, calibrates in split.pieces():
        read = len(piece.target)
        if threshold is not None:
            piece = chosen(piece, np.flatnonzero(~calibrates.numpy()))
            more = decisions.report(threshold, piece.preds, piece.target, taxonomy)
            delivered = more if delivered is None else delivered + more
        rows += len(piece.target)
        uncounted += int((piece.target == taxonomy.num_nodes - 1).sum())
        answers = answered(piece.preds, taxonomy, settings, threshold)
        scores.update(answers, piece.target)
        if watch is not None:
            watch(piece, answers)
        progress(read)
    if rows == 0:
        raise PredictionError(f"{samples.path}: expected two rows or more: one to calibrate, one to score")
    reading = f"{samples.how}; {_how_answered(samples, settings)}"
    return Evaluation(
        scores.compute(),
        reading,
        (*samples.notes, *notes_on_parents(taxonomy)),
        rows,
        samples.left_out,
        uncounted,
        calibrated,
        threshold,
        delivered,
        better,
    )


def wanted_metrics(samples: Samples, taxonomy: Taxonomy, settings: Settings) -> metrics.TaxonomyCollection:
    """Every metric that the answers, and the taxonomy, allow."""
    logits = samples.places is None and settings.decision is None
    places = samples.places or 1
    return metrics.collection(
        taxonomy,
        calibration=logits,
        ranking=logits and taxonomy.is_tree,
        curves=logits,
        top_k=places if places > 1 else None,
    )


def notes_on_parents(taxonomy: Taxonomy) -> tuple[str, ...]:
    """What a reader must know of scores where nodes have several parents."""
    if taxonomy.is_tree:
        return ()
    count = counted(len(taxonomy.tree.several_parents), "node")
    return (
        f"{count} with several parents: what answer and truth share is the common ancestor with the fewest "
        "classes below, and each of the truth's nodes on a level is right; hops needs a tree",
    )


def _how_answered(samples: Samples, settings: Settings) -> str:
    """How an answer came of what was read."""
    if samples.places is not None:
        return "an answer above a level is wrong on it"
    if settings.decision is not None:
        return f"answers by --decision {settings.decision}"
    return (
        "classes by the largest number; levels by summed probabilities (--decision leaf reads levels from "
        "the class)"
    )


# -- the threshold ---------------------------------------------------------------------------------


class _Split:
    """Which samples calibrate: rows 1, 3, 5, .., or where there are groups, the groups 1, 3, 5, .. whole.

    Groups are asked for before the first sample is scored: the file is read once more.
    """

    def __init__(self, samples: Samples) -> None:
        self.samples, self.groups = samples, None
        if samples.grouped:
            names = [group for piece in samples.pieces() for group in piece.groups or ()]
            self.groups = _codes(names, samples)

    def require_groups(self, calibrates: bool) -> None:
        """PredictionError where too few groups are scored for an interval, or calibrate."""
        if self.groups is None:
            return
        count, needed = int(self.groups.max()) + 1, 4 if calibrates else 2
        if count < needed:
            why = ": every second one calibrates, and two are needed to draw from" * calibrates
            raise PredictionError(
                f"{self.samples.path}: --group: expected {needed} groups or more, got {count}{why}"
            )

    def pieces(self) -> Iterator[tuple[Piece, Tensor]]:
        """The samples, and (n,) whether each of them calibrates."""
        start = 0
        for piece in self.samples.pieces():
            stop = start + len(piece.target)
            unit = np.arange(start, stop) if self.groups is None else self.groups[start:stop]
            yield piece, torch.from_numpy(unit % 2 == 0)
            start = stop

    def scored_groups(self, calibrated: bool) -> IntArray | None:
        """The groups of the samples that are scored."""
        if self.groups is None or not calibrated:
            return self.groups
        return group_codes(self.groups[self.groups % 2 == 1])


def _codes(names: Sequence[str], samples: Samples) -> IntArray:
    """The groups as numbers, 0 for the first."""
    try:
        return group_codes(names)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"{samples.path}: --group: {error}") from None


def _threshold(
    samples: Samples, taxonomy: Taxonomy, settings: Settings, split: _Split
) -> tuple[decisions.Threshold | None, int]:
    if settings.risk is None:
        return None, 0
    logits, target, groups = _calibration_rows(taxonomy, split)
    with _several_parents(taxonomy):
        made = decisions.calibrate_threshold(
            logits,
            target,
            taxonomy,
            settings.risk,
            settings.decision or "climb",
            groups=groups,
            coarse=settings.coarse,
        )
    return made, len(target)


def _calibration_rows(taxonomy: Taxonomy, split: _Split) -> tuple[Tensor, Tensor, list[str] | None]:
    left = min(_CALIBRATION_ROWS, max(1, _CALIBRATION_NUMBERS // len(taxonomy)))
    parts: list[Piece] = []
    for piece, calibrates in split.pieces():
        places = np.flatnonzero(calibrates.numpy())[:left]
        parts.append(chosen(piece, places))
        left -= len(places)
        if left == 0:
            break
    groups = [group for part in parts for group in part.groups or ()]
    logits, target = torch.cat([part.preds for part in parts]), torch.cat([part.target for part in parts])
    return logits, target, groups or None


def answered(
    logits: Tensor, taxonomy: Taxonomy, settings: Settings, threshold: decisions.Threshold | None = None
) -> Tensor:
    """The answers of the decision; without one what was given: logits, answers, rankings."""
    if settings.decision is None:
        return logits
    least = 0.5 if settings.threshold is None else settings.threshold
    values = {"threshold": least if threshold is None else threshold, "tradeoff": settings.tradeoff}
    taken = [values[name] for name in RULES[settings.decision].takes]
    with _several_parents(taxonomy):
        found: Tensor = getattr(decisions, settings.decision)(logits, taxonomy, *taken)
    return found
