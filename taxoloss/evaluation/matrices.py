"""A number for each class and sample, as samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from taxoloss.evaluation.nodes import Nodes
from taxoloss.evaluation.predictions import Block, PredictionFile
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.evaluation.targets import TargetReader

__all__ = ["matrix_samples"]


def matrix_samples(
    file: PredictionFile,
    nodes: Nodes,
    notes: Sequence[str] = (),
    sample_id: str | None = None,
    group: str | None = None,
) -> Samples:
    """The samples of a file whose columns are the classes of a bound taxonomy, in its order.

    Args:
        file: opened.
        nodes: what its targets call.
        notes: on its columns.
        sample_id, group: columns that were kept.
    """

    def pieces() -> Iterator[Piece]:
        targets = TargetReader(file, nodes)
        for block in file.blocks():
            target = torch.tensor(targets(block), dtype=torch.long)
            ids, groups = (block.kept.get(name) if name else None for name in (sample_id, group))
            yield Piece(block.first, _logits(file, block), target, ids=ids, groups=groups)

    how = f"{file.values} of {file.width:,} classes"
    return Samples(file.path, how, pieces, tuple(notes), file.rows, grouped=group is not None)


def _logits(file: PredictionFile, block: Block) -> Tensor:
    values = block.values
    if file.values == "probs":
        with np.errstate(divide="ignore"):
            values = np.log(values)
    return torch.from_numpy(values)
