"""Predictions of the classes of an older tree, read as those of a newer one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from taxoloss.migration import Migration
from taxoloss.prediction_files import Block, PredictionError, PredictionFile

__all__ = ["migrated"]


def migrated(file: PredictionFile, migration: Migration, columns: Sequence[str] | None) -> PredictionFile:
    """The file with the new classes as columns, and the new nodes as targets.

    Args:
        file: of the old classes.
        migration: from the old tree to the new one.
        columns: the old classes' names in the order of the columns; None: that of the migration.

    Raises:
        PredictionError: a column is no old class; while reading, a target is no old node.
    """
    order = _order(file, migration, columns)
    targets = _Targets(file, migration)

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
            given: Sequence[str | int] = block.targets
            found = [targets(target, block.first + i) for i, target in enumerate(given)]
            yield Block(block.first, new, found)

    names = tuple("/".join(path) for path in migration.new_classes)
    return dataclasses.replace(file, read=read, values="logits", width=len(names), columns=names)


def _order(
    file: PredictionFile, migration: Migration, columns: Sequence[str] | None
) -> npt.NDArray[np.int64]:
    """For each old class of the map its column in the file."""
    count = len(migration.old_classes)
    if file.width != count:
        raise PredictionError(f"{file.path}: expected {count} columns, the old classes, got {file.width}")
    if columns is None:
        return np.arange(count)
    number = {text: i for i, texts in enumerate(migration.names) for text in texts}
    found = [number.get(name.strip()) for name in columns]
    if None in found or len(set(found)) < count:
        wrong = next((name for name, i in zip(columns, found, strict=True) if i is None), "a class twice")
        raise PredictionError(f"{file.path}: expected the old classes as columns, got {wrong!r}")
    return np.argsort(np.array(found, np.int64))


class _Targets:
    """New paths of old names, paths and class numbers."""

    def __init__(self, file: PredictionFile, migration: Migration) -> None:
        self.file, self.migration = file, migration
        self.by_text = {"/".join(old): new for old, new in migration.nodes.items()}
        count = Counter(old[-1] for old in migration.nodes)
        for old, new in migration.nodes.items():
            if count[old[-1]] == 1:
                self.by_text.setdefault(old[-1], new)
        for texts, old in zip(migration.names, migration.old_classes, strict=True):
            self.by_text |= dict.fromkeys(texts, migration.nodes[old])

    def __call__(self, target: str | int, row: int) -> str:
        text = str(target).strip()
        new = self.by_text.get(text)
        if new is None and text.isdecimal() and int(text) < len(self.migration.old_classes):
            new = self.migration.nodes[self.migration.old_classes[int(text)]]
        if new is None:
            expected = "an old class or node by name or path, or an old class's number"
            raise PredictionError(f"{self.file.place(row)}: expected {expected}, got {text!r}")
        return "/".join(new)
