"""Two models on the same samples: every score of both, the differences with intervals, what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from taxoloss.evaluation.branches import Branches, compare_branches
from taxoloss.evaluation.changes import Changes, Judged, judge
from taxoloss.evaluation.rows import answer_of
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.evaluation.scores import notes_on_parents
from taxoloss.metrics.bootstrap import Interval, bootstrap, paired
from taxoloss.metrics.collection import collection
from taxoloss.taxonomy.row_groups import group_codes
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Comparison", "Difference", "Form", "compare", "form_of"]

#: Called with the same samples of both files, and how they are judged.
Watch = Callable[[Piece, Piece, Judged], None]


@dataclass(frozen=True)
class Form:
    """What of two files is compared: logits (places None), answers (1), or the first places of rankings."""

    places: int | None

    def scores(self, taxonomy: Taxonomy) -> MetricCollection:
        """What is compared; no curves, whose bins would be kept for each draw."""
        logits = self.places is None
        top_k = self.places if (self.places or 1) > 1 else None
        ranking = logits and taxonomy.is_tree
        return collection(taxonomy, calibration=logits, ranking=ranking, top_k=top_k)

    def of(self, piece: Piece) -> Piece:
        """The piece in this form."""
        if self.places is None:
            return piece
        ranked = not piece.preds.is_floating_point() and piece.preds.dim() > 1
        preds = piece.preds[:, : self.places] if ranked and self.places > 1 else answer_of(piece.preds)
        return replace(piece, preds=preds)


def form_of(a: Samples, b: Samples) -> Form:
    """Logits where both have them, else what both have: the shorter of two rankings, or single answers."""
    if a.places is None and b.places is None:
        return Form(None)
    return Form(min(samples.places or 1 for samples in (a, b)))


@dataclass(frozen=True)
class Difference:
    """A score of two models.

    Args:
        a, b: of each.
        interval: b - a and its ends; NaN where one has no score.
        higher_is_better: None: neither is.
    """

    a: float
    b: float
    interval: Interval
    higher_is_better: bool | None


@dataclass(frozen=True)
class Comparison:
    """Two models, a and b, on the same samples.

    Args:
        scores: by the keys of `metrics.collection`.
        changes: how many samples were answered how.
        branches: that gained and lost most.
        groups: how many; None: samples were drawn one by one.
        notes: what a reader must know of the scores.
    """

    scores: dict[str, Difference]
    changes: Changes
    branches: Branches
    groups: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many samples."""
        return self.changes.rows


def compare(
    pairs: Iterable[tuple[Piece, Piece]],
    taxonomy: Taxonomy,
    wanted: MetricCollection,
    groups: Sequence[str] | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
    watch: Watch | None = None,
) -> Comparison:
    """Compares two models; differences are those of b minus those of a.

    Args:
        pairs: the same samples of both, with equal targets, none of them the root; one or more.
        taxonomy: bound with node_targets=True.
        wanted: the scores, which the predictions of both allow.
        groups: of all samples, in their order: they are drawn whole. None: samples are drawn one by one.
        draws: of the bootstrap.
        seed: of the draws.
        watch: called with each pair of pieces.
    """
    better = {str(name): metric.higher_is_better for name, metric in wanted.items(copy_state=False)}
    one, other = (bootstrap(wanted, draws=draws, seed=seed, groups=groups) for _ in range(2))
    changes = Changes()
    judged_rows: list[Tensor] = []
    for a, b in pairs:
        one.update(a.preds, a.target)
        other.update(b.preds, b.target)
        judged = judge(a, b, taxonomy)
        changes += Changes.of(judged)
        judged_rows.append(torch.stack([a.target, judged.right_a.long(), judged.right_b.long()]))
        if watch is not None:
            watch(a, b, judged)
    target, right_a, right_b = torch.cat(judged_rows, 1).numpy()
    codes = None if groups is None else group_codes(groups)
    branches = compare_branches(taxonomy, target, right_a == 1, right_b == 1, codes)
    of_a, of_b, apart = one.compute(), other.compute(), paired(other, one)
    scores = {
        name: Difference(of_a[name].value, of_b[name].value, interval, better[name])
        for name, interval in apart.items()
    }
    units = None if codes is None else len(np.unique(codes))
    return Comparison(scores, changes, branches, units, notes_on_parents(taxonomy))
