"""Predictions of the classes of an older tree, read as those of a newer one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from taxoloss.evaluation.predictions import Block, PredictionError, PredictionFile
from taxoloss.evaluation.targets import TargetReader, integer_names
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.versions.migration import Migration

__all__ = ["OldNames", "migrated"]

Path_ = tuple[str, ...]

_EXPECTED = "an old class or node by name or path, or an old class's number"


class OldNames:
    """What the names and paths of an old tree call."""

    def __init__(self, migration: Migration) -> None:
        self._nodes: dict[str, list[Path_]] = {}
        for old in filter(None, migration.nodes):
            self._call(("/".join(old), old[-1]), old)
        for texts, old in zip(migration.names, migration.old_classes, strict=True):
            self._call(texts, old)
        self._number = {old: number for number, old in enumerate(migration.old_classes)}
        #: Names and aliases that are integers.
        self.integers = integer_names(chain((old[-1] for old in migration.nodes if old), *migration.names))

    def _call(self, texts: Iterable[str], old: Path_) -> None:
        for text in texts:
            nodes = self._nodes.setdefault(nfc(text), [])
            if old not in nodes:
                nodes.append(old)

    def nodes(self, name: Name) -> list[Path_]:
        """The paths of the nodes that a name may mean."""
        if isinstance(name, tuple):
            return [name]
        return self._nodes.get(nfc(name)) or self._nodes.get(nfc(name.strip()), [])

    def node(self, name: Name) -> Path_:
        """The path of the one node of a name; ValueError where there is none, or several."""
        found = self.nodes(name)
        if len(found) != 1:
            several = f": it names {len(found)} nodes, {', '.join(map(repr, found[:4]))}" if found else ""
            raise ValueError(f"expected {_EXPECTED}, got {name!r:.100}{several}")
        return found[0]

    def classes(self, name: Name) -> list[int]:
        """The numbers of the classes that a name may mean."""
        return [self._number[old] for old in self.nodes(name) if old in self._number]


def migrated(
    file: PredictionFile, migration: Migration, names: OldNames, columns: Sequence[Name]
) -> PredictionFile:
    """The file with the new classes as columns, and the new nodes as targets.

    Args:
        file: of the old classes.
        migration: from the old tree to the new one.
        names: of the old tree.
        columns: the old classes' names or paths in the order of the columns.

    Raises:
        PredictionError: a column is no old class; while reading, a target is no old node.
    """
    order = _order(file, migration, names, columns)

    def read(_: PredictionFile) -> Iterator[Block]:
        targets = _targets(file, migration, names, order)
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
            yield Block(block.first, new, targets(block))

    new_names = tuple("/".join(path) for path in migration.new_classes)
    return dataclasses.replace(
        file, read=read, values="logits", width=len(new_names), columns=new_names, integers={}
    )


def _order(
    file: PredictionFile, migration: Migration, names: OldNames, columns: Sequence[Name]
) -> npt.NDArray[np.int64]:
    """For each old class of the map its column in the file."""
    count = len(migration.old_classes)
    if file.width != count or len(columns) != count:
        width = len(columns) if file.width == count else file.width
        raise PredictionError(f"{file.path}: expected {count} columns, the old classes, got {width}")
    column_of: dict[int, int] = {}
    for column, name in enumerate(columns):
        found = names.classes(name)
        if len(found) != 1:
            several = f", which names {len(found)} of them" if found else ""
            raise PredictionError(
                f"{file.path}: expected the old classes as columns, got {name!r:.100}{several}"
            )
        if column_of.setdefault(found[0], column) != column:
            raise PredictionError(
                f"{file.path}: expected each old class as one column, got {name!r:.100} twice"
            )
    return np.array([column_of[number] for number in range(count)], np.int64)


def _targets(
    file: PredictionFile, migration: Migration, names: OldNames, order: npt.NDArray[np.int64]
) -> TargetReader[Path_]:
    """New paths of old names, of paths, and of class numbers, which are those of the file's columns."""
    classes = tuple(migration.old_classes[number] for number in np.argsort(order).tolist())
    return TargetReader(
        file,
        lambda name: migration.nodes[names.node(name)],
        lambda number: migration.nodes[classes[number]],
        classes.__getitem__,
        len(classes),
        names.integers,
        "an old class or node by name or path",
    )
