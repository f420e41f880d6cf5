"""All scored rows as small arrays, from one pass over them; what a report counts is counted of these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from taxoloss.decisions.calibration.paths import Paths, paths_of
from taxoloss.evaluation.pieces import row_numbers
from taxoloss.evaluation.rows import answer_of, answer_probability, is_wrong
from taxoloss.evaluation.samples import Piece
from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.metrics.base.batch import Batch, batch_of, one_pass
from taxoloss.metrics.calibration import LevelCalibrationError
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["BoolArray", "Collector", "FloatArray", "Gathered", "IntArray"]

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

#: What metrics do not count beside the root: no node has this id.
_IGNORED = -100


@dataclass(frozen=True, eq=False)
class Gathered:
    """The n rows whose truth is known below the root, and what was answered; L levels.

    A row is right (the answer is the truth or below it), unspecific (above it: true, but it says less), or
    wrong. Nodes are target ids where a name says nothing else, tree numbers (depth-first, the root 0) in
    those that begin with `node_`, and in `shared`.

    Args:
        taxonomy: bound.
        target: (n,) node ids.
        answer: (n,) node ids; of logits the best class, of a ranking the first.
        probability: (n,) of the answer, NaN where it is not known; None: of no row.
        unknown: (n,) whether the answer is no node; it stands as the root.
        row: (n,) the number in the file, from 1.
        ids: what the samples are called.
        said: what was answered, where it is no node.
        shared: (n,) tree numbers: the lowest common ancestor of answer and truth; where nodes have
            several parents the most informative one.
        height: (n,) edges from what they share down to the deepest class; 0 where the row is right.
        right, wrong: (n,).
        level_right: (n, L) whether the answer on a level is right and counts there.
        level_counted: (n, L) whether the truth has a node on a level.
        calibration: level -> of each bin how many answers, their mean probability, the share that is
            right (NaN where empty); None: no logits.
        paths: the nodes that a threshold chooses from; None: no logits.
        kept: (rows taken,) which of all rows these are.
    """

    taxonomy: Taxonomy
    target: IntArray
    answer: IntArray
    probability: FloatArray | None
    unknown: BoolArray
    row: IntArray
    ids: tuple[str, ...] | None
    said: dict[int, str]
    shared: IntArray
    height: IntArray
    right: BoolArray
    wrong: BoolArray
    level_right: BoolArray
    level_counted: BoolArray
    calibration: dict[str, tuple[FloatArray, FloatArray, FloatArray]] | None
    paths: Paths | None
    kept: BoolArray

    def __len__(self) -> int:
        """How many rows."""
        return len(self.target)

    @cached_property
    def unspecific(self) -> BoolArray:
        """(n,): the answer is a node above the truth."""
        return ~(self.right | self.wrong)

    @cached_property
    def node_target(self) -> IntArray:
        """(n,): the tree numbers of the truths."""
        return self.taxonomy.nodes_by_id[self.target]

    @cached_property
    def node_answer(self) -> IntArray:
        """(n,): the tree numbers of the answers."""
        return self.taxonomy.nodes_by_id[self.answer]


class Collector:
    """Keeps what a report needs of each piece that is scored: `take` is a watch of `evaluate`.

    Args:
        taxonomy: bound with node_targets=True.
        decision: on whose path a threshold would choose: "climb" or "top_down".

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> rows = Collector(t)
    >>> preds = torch.tensor([0, 1, 3, 2])  # Bengal, Sphynx, some cat, pug
    >>> rows.take(Piece(1, preds, torch.zeros(4, dtype=torch.long)), preds)
    >>> found = rows.gathered()
    >>> found.right.tolist(), found.wrong.tolist(), found.height.tolist(), found.shared.tolist()
    ([True, False, False, False], [False, True, False, True], [0, 1, 1, 2], [2, 1, 1, 0])
    """

    def __init__(self, taxonomy: Taxonomy, decision: str = "climb") -> None:
        self.taxonomy, self.decision = taxonomy, decision
        self._tensors = nodes_of(taxonomy)
        self._calibration = LevelCalibrationError(taxonomy)
        self._columns: dict[str, list[Tensor]] = {}
        self._ids: list[str] | None = []
        self._said: dict[int, str] = {}
        self._paths: list[Paths] = []
        self._kept: list[Tensor] = []
        self._rows = 0

    def take(self, piece: Piece, answers: Tensor) -> None:
        """Takes the samples of a piece, and what was answered to them.

        Args:
            piece: n samples.
            answers: logits (n, C), node ids (n,), or rankings (n, K).
        """
        logits = piece.preds if piece.preds.is_floating_point() else None
        with one_pass(), torch.no_grad():
            batch = batch_of(self.taxonomy, answers, piece.target, _IGNORED, shared=True)
            columns = self._of_batch(batch, piece.unknown_answers()) | self._of_piece(piece)
            columns["probability"] = self._probability(piece, answers, batch)
            if logits is not None:
                self._calibration.update(logits, piece.target)
                self._paths.append(paths_of(logits, piece.target, self.taxonomy, self.decision))
        self._kept.append(batch.valid.cpu())
        for name, values in columns.items():
            self._columns.setdefault(name, []).append(values[batch.valid].cpu())
        self._take_texts(piece, batch.valid)

    def _of_piece(self, piece: Piece) -> dict[str, Tensor]:
        """(n,) each: what the file says of its rows."""
        rows = torch.from_numpy(row_numbers(piece))
        return {"target": piece.target, "unknown": piece.unknown_answers(), "row": rows}

    def _of_batch(self, batch: Batch, unknown: Tensor) -> dict[str, Tensor]:
        """(n,) and (n, L): what metrics say of the rows."""
        levels = len(self.taxonomy.levels)
        facts = batch.level_facts.bool()
        return {
            "answer": batch.answer,
            "shared": self._tensors.lca(batch.answer, batch.target),
            "height": batch.facts[:, 2],
            "right": (batch.facts[:, 1] == 0) & ~unknown,
            "wrong": is_wrong(batch.answer, batch.target, self._tensors) | unknown,
            "level_right": facts[:, :levels],
            "level_counted": facts[:, levels : 2 * levels],
        }

    def _probability(self, piece: Piece, answers: Tensor, batch: Batch) -> Tensor:
        """(n,): of the answers as they were given; NaN where the file states none."""
        if answers.is_floating_point():  # the best class, which metrics have asked for: float32
            return batch.level_probabilities[:, -1].double()
        if piece.preds.is_floating_point():
            return answer_probability(piece.preds, answer_of(answers), self._tensors)
        if piece.probability is None:
            return torch.full((len(piece.target),), torch.nan, dtype=torch.float64, device="cpu")
        return piece.probability.double()

    def _take_texts(self, piece: Piece, kept: Tensor) -> None:
        """The names of the rows that are kept, and what they answer that is no node."""
        places = kept.nonzero().squeeze(1)
        if piece.ids is None:
            self._ids = None
        elif self._ids is not None:
            self._ids.extend(piece.ids[place] for place in places.tolist())
        if piece.said is not None:
            for row in piece.unknown_answers()[places].nonzero().squeeze(1).tolist():
                self._said[self._rows + row] = piece.said[int(places[row])]
        self._rows += len(places)

    def gathered(self) -> Gathered:
        """All rows that were taken; ValueError where no piece was."""
        if not self._columns:
            raise ValueError("expected a piece of samples or more, got none")
        columns: dict[str, Any] = {name: torch.cat(parts).numpy() for name, parts in self._columns.items()}
        columns["shared"] = self.taxonomy.nodes_by_id[columns["shared"]]
        if np.isnan(columns["probability"]).all():
            columns["probability"] = None
        return Gathered(
            taxonomy=self.taxonomy,
            ids=None if self._ids is None else tuple(self._ids),
            said=self._said,
            calibration=self._bins() if self._paths else None,
            paths=_joined(self._paths) if self._paths else None,
            kept=torch.cat(self._kept).numpy(),
            **columns,
        )

    def _bins(self) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
        found = {}
        for level, columns in self._calibration.reliability().items():
            count, stated, right = (column.double().numpy() for column in columns)
            found[level] = count, stated, right
        return found


def _joined(paths: list[Paths]) -> Paths:
    """The paths of all rows, one piece after the other."""
    names = "classes", "target", "log_odds", "line", "wrong", "kept"
    columns: dict[str, Any] = {name: torch.cat([getattr(one, name) for one in paths]) for name in names}
    return replace(paths[0], **columns)
