"""A number for each class and sample, as samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from taxoloss.evaluation.answers import LEFT_OUT, Truth
from taxoloss.evaluation.joined import Truths
from taxoloss.evaluation.nodes import Nodes
from taxoloss.evaluation.predictions import Block, PredictionFile
from taxoloss.evaluation.sample_names import Different
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.evaluation.targets import TargetReader

__all__ = ["matrix_samples"]


def matrix_samples(
    file: PredictionFile,
    nodes: Nodes,
    notes: Sequence[str] = (),
    sample_id: str | None = None,
    group: str | None = None,
    truths: Truths | None = None,
) -> Samples:
    """The samples of a file whose columns are the classes of a bound taxonomy, in its order.

    Args:
        file: opened.
        nodes: what its targets call.
        notes: on its columns.
        sample_id, group: columns that were kept.
        truths: of the samples, by their names; None: the file has targets.
    """

    def pieces() -> Iterator[Piece]:
        targets = TargetReader(file, nodes)
        names = None if sample_id is None else Different(file.path, sample_id, file.called)
        left = 0
        for block in file.blocks():
            ids = None if names is None else names.take(block.kept[sample_id or ""], block.first)
            if truths is not None and ids is not None:
                truth = truths.of(ids)
            else:
                groups = block.kept.get(group) if group else None
                truth = Truth(np.array(targets(block), np.int64), "", groups=groups)
            kept = np.flatnonzero(truth.targets != LEFT_OUT)
            if len(kept):
                yield _piece(file, block, truth, ids, kept, left)
            left += len(block.values) - len(kept)

    how = f"{file.values} of {file.width:,} classes" + (f" against {truths.how}" if truths else "")
    grouped = group is not None or (truths is not None and truths.groups is not None)
    return Samples(file.path, how, pieces, (*file.notes, *notes), file.rows, grouped=grouped)


def _piece(
    file: PredictionFile,
    block: Block,
    truth: Truth,
    ids: Sequence[str] | None,
    kept: npt.NDArray[np.int64],
    left: int,
) -> Piece:
    """The rows of a block that are kept, after `left` rows that were not."""
    logits, target = _logits(file, block), torch.from_numpy(truth.targets)
    if not left and len(kept) == len(target):
        return Piece(block.first, logits, target, ids=ids, groups=truth.groups)
    chosen = kept.tolist()

    def of(cells: Sequence[str] | None) -> list[str] | None:
        return None if cells is None else [cells[row] for row in chosen]

    rows = [block.first + row for row in chosen]
    return Piece(block.first - left, logits[kept], target[kept], rows, of(ids), of(truth.groups))


def _logits(file: PredictionFile, block: Block) -> Tensor:
    values = block.values
    if file.values == "probs":
        with np.errstate(divide="ignore"):
            values = np.log(values)
    elif ((values >= 0) & (values <= 1)).all():
        # A person said that these are logits, and metrics refuse what looks like probabilities: less 1 they
        # have the same softmax, and do not. In float64, so that the small ones stay apart.
        values = values.astype(np.float64) - 1
    return torch.from_numpy(values)
