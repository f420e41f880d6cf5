"""Whose columns they are: which are classes, in what order, and which are something else.

What names the columns may be said more than once, and then it must be one order. A column that is no class
(a file name, a date) is left out, and told; a class without a column is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import as_question, nearest_of_each
from taxoloss.evaluation.predictions import PredictionError, PredictionFile
from taxoloss.taxonomy.class_names import Name

__all__ = ["ClassNames", "Columns", "choose_columns", "column_names"]

_Stated = tuple[str, Sequence[Name]]
_Find = Callable[[Name], Collection[Any]]
_MOST_SHOWN = 10


@dataclass(frozen=True)
class ClassNames:
    """What the columns of classes may be called.

    Args:
        find: the classes that a name may mean.
        find_inner: the inner nodes that it may mean, where these are no classes.
        paths: of all classes.
        texts: all that calls a class, for the nearest.
    """

    find: _Find
    find_inner: _Find
    paths: Sequence[tuple[str, ...]]
    texts: Sequence[str]


@dataclass(frozen=True)
class Columns:
    """The file with its columns of classes, where those of inner nodes stand, and what is neither."""

    file: PredictionFile
    inner: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()


def choose_columns(file: PredictionFile, classes: ClassNames, stated: bool) -> Columns:
    """The columns of a table that are classes; of arrays all are.

    Args:
        file: opened.
        classes: of the tree, or of an older one.
        stated: whether something beside the header names the columns, and says how many there are.

    Raises:
        PredictionError: fewer than half of the classes have a column, or some have none.
    """
    if not file.header:
        return Columns(file)
    name_of = file.header.__getitem__
    fitting = [place for place in file.places if classes.find(name_of(place))]
    inner = tuple(p for p in file.places if p not in set(fitting) and classes.find_inner(name_of(p)))
    if not fitting and not inner:  # names of nobody: something else says the order
        numbered = [place for place in file.places if name_of(place).isdecimal()]
        if [name_of(place) for place in numbered] == list(map(str, range(len(numbered)))) and numbered:
            others = tuple(name_of(place) for place in file.places if place not in set(numbered))
            return Columns(file.with_columns(numbered), left_out=others)
        if stated:
            return Columns(file)
    left_out = tuple(name_of(p) for p in file.places if p not in {*fitting, *inner})
    if not stated:
        names = [name_of(place) for place in fitting]
        _require_most(file, classes, names)
        _require_all(file, classes, names, left_out)
    return Columns(file.with_columns(fitting), inner, left_out)


def _require_most(file: PredictionFile, classes: ClassNames, fitting: Sequence[str]) -> None:
    count = len(classes.paths)
    if 2 * len(fitting) >= count:
        return
    columns = file.columns or ()
    shown = ", ".join(quoted(name) for name in columns[:4]) + (", .." if len(columns) > 4 else "")
    example = "/".join(classes.paths[0])
    raise PredictionError(
        f"{file.path}: expected a column for each of the {count:,} classes, called as in the tree "
        f"(such as {quoted(example)}), got {len(fitting)} among {shown}; if a column holds the names that "
        "were answered, say --prediction NAME"
    )


def _require_all(
    file: PredictionFile, classes: ClassNames, fitting: Sequence[str], others: Sequence[str]
) -> None:
    found = {number for name in fitting for number in classes.find(name)}
    missing = [
        path for path in classes.paths if found.isdisjoint(classes.find(path)) and classes.find(path)
    ]
    if not missing:
        return
    guesses = dict(zip(others, nearest_of_each(others, classes.texts), strict=True))
    questions = [
        f"  column {quoted(name)}: {question}"
        for name, guess in guesses.items()
        if (question := as_question(name, guess))
    ]
    shown = ", ".join(quoted("/".join(path)) for path in missing[:_MOST_SHOWN])
    more = f" and {len(missing) - _MOST_SHOWN:,} more" if len(missing) > _MOST_SHOWN else ""
    have = "has" if len(missing) == 1 else "have"
    lines = [
        f"{file.path}: expected a column for each of the {len(classes.paths):,} classes; "
        f"{len(missing):,} {have} none: {shown}{more}",
        *questions[:_MOST_SHOWN],
    ]
    raise PredictionError("\n".join(lines))


# -- their order -----------------------------------------------------------------------------------


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
