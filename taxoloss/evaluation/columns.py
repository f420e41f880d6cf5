"""Whose columns they are: what names them may be said more than once, and then it must be one order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Any

from taxoloss.evaluation.predictions import PredictionError, PredictionFile
from taxoloss.taxonomy.class_names import Name

__all__ = ["column_names"]

_Stated = tuple[str, Sequence[Name]]
_Find = Callable[[Name], Collection[Any]]


def column_names(file: PredictionFile, find: _Find, *stated: _Stated | None) -> Sequence[Name]:
    """The names of the columns.

    Numbers 0..C-1 that are no names, as tables without names have them, say nothing.

    Args:
        file: whose header, or array `classes`, may name them.
        find: the classes that a name may mean.
        stated: where else they are named, and the names; the first there is goes before the header.

    Raises:
        PredictionError: nothing names them; two that name them contradict each other.
    """
    all_stated = [one for one in stated if one is not None]
    if file.columns is not None and not _are_numbers(file.columns, find):
        where = "the array classes" if file.path.suffix.lower() == ".npz" else "the header"
        all_stated.insert(1 if stated[0] is not None else 0, (where, file.columns))
    if not all_stated:
        numbers = ", got the numbers 0, 1, .. in their place" if file.columns is not None else ""
        raise PredictionError(
            f"{file.path}: expected the names of the columns: --classes FILE, an array `classes` in an "
            "`.npz`, or --file-order if they stand in the order of the taxonomy file (with --migration: of "
            f"the old one){numbers}"
        )
    for other in all_stated[1:]:
        _compare(file, all_stated[0], other, find)
    return all_stated[0][1]


def _are_numbers(columns: Sequence[str], find: _Find) -> bool:
    numbers = all(name == str(number) for number, name in enumerate(columns))
    return numbers and not any(map(find, columns))


def _compare(file: PredictionFile, one: _Stated, other: _Stated, find: _Find) -> None:
    """PredictionError where a column has a name here and that of another class there."""
    (where, names), (elsewhere, others) = one, other
    if len(names) != len(others):
        raise PredictionError(
            f"{file.path}: expected {len(others)} classes in {where}, as in {elsewhere}, got {len(names)}"
        )
    for number, (name, found) in enumerate(zip(names, others, strict=True)):
        if name != found and set(find(name)).isdisjoint(find(found)):
            raise PredictionError(
                f"{file.path}: expected one order of the classes, got two: from class {number} on "
                f"{_shown(names, number)} in {where}, {_shown(others, number)} in {elsewhere}; mend one, "
                "or leave it out"
            )


def _shown(names: Sequence[Name], start: int) -> str:
    shown = [name if isinstance(name, str) else "/".join(name) for name in islice(names, start, start + 3)]
    return ", ".join(map(repr, shown)) + (", .." if start + 3 < len(names) else "")
