"""Predictions of the classes of an older tree, read as those of a newer one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from taxoloss.evaluation.predictions import Block, PredictionError, PredictionFile
from taxoloss.taxonomy.versions.migration import Migration

__all__ = ["migrated"]


def migrated(file: PredictionFile, migration: Migration, order: npt.NDArray[np.int64]) -> PredictionFile:
    """The file with the new classes as columns; its targets stay as they are.

    Args:
        file: of the old classes.
        migration: from the old tree to the new one.
        order: for each old class of the map its column in the file.
    """

    def read(_: PredictionFile) -> Iterator[Block]:
        for block in file.blocks():
            values = block.values[:, order]
            if file.values == "probs":
                with np.errstate(divide="ignore"):
                    values = np.log(values)
            new = migration.log_probs(values)
            lost = (new == -np.inf).all(1)
            if lost.any():
                place = file.place(block.first + int(np.flatnonzero(lost)[0]))
                raise PredictionError(
                    f"{place}: all probability stands on classes that the new tree has not"
                )
            yield dataclasses.replace(block, values=new)

    names = tuple("/".join(path) for path in migration.new_classes)
    return dataclasses.replace(file, read=read, values="logits", said=True, width=len(names), columns=names)
