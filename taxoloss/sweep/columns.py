"""The columns of results.csv: their names, and whose they are: the sweep's, a setting's or a row's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

__all__ = [
    "ANSWERS",
    "FIXED",
    "REQUIRED",
    "SETTINGS",
    "TEST",
    "accuracy_column",
    "is_accuracy",
    "is_score",
    "level_of",
    "mean_accuracy",
    "not_a_row",
    "not_a_setting",
    "required_columns",
    "weight_column",
]

#: Columns that every table of a sweep has, in its order; required_columns come after the first.
FIXED = ("epochs", "w", "id", "seed", "arm", "seconds", "versions", "reading", "weights")
#: Those of them without which a file is no table of a sweep.
REQUIRED = ("epochs", "id", "seed")
#: Those that are settings with a meaning.
SETTINGS = ("seed", "arm", "weights")
#: Those that a row may say itself.
_OF_A_ROW = ("epochs", "reading")
_LOSSES = ("train_loss", "valid_loss")
#: Scores of answers in edges, where lower is better.
ANSWERS = ("severity", "distance")
#: What the names of scores begin with: of one level; of a test.
_ACCURACY, TEST = "accuracy_", "test_"


def accuracy_column(level: str) -> str:
    """The accuracy of a level."""
    return f"{_ACCURACY}{level}"


def weight_column(level: str) -> str:
    """The weight of a level."""
    return f"weight_{level}"


def required_columns(levels: Sequence[str]) -> list[str]:
    """What a training function yields for every epoch: two losses, and an accuracy for each level.

    >>> required_columns(["species", "breed"])
    ['train_loss', 'valid_loss', 'accuracy_breed', 'accuracy_species']
    """
    return [*_LOSSES, *map(accuracy_column, reversed(levels))]


def is_score(name: str) -> bool:
    """Whether a column holds numbers that are compared: of validation, or of a test.

    >>> is_score("accuracy_breed"), is_score("test_severity"), is_score("test_set")
    (True, True, False)
    """
    name = name.removeprefix(TEST)
    return name in (*_LOSSES, *ANSWERS) or level_of(name) is not None


def is_accuracy(name: str) -> bool:
    """Whether a column of scores holds shares from 0 to 1: of validation, or of a test.

    >>> is_accuracy("accuracy_breed"), is_accuracy("test_accuracy_breed"), is_accuracy("severity")
    (True, True, False)
    """
    return _ACCURACY in name


def level_of(name: str) -> str | None:
    """The level whose accuracy on validation data a column holds; None where it holds something else.

    >>> level_of("accuracy_breed"), level_of("test_accuracy_breed")
    ('breed', None)
    """
    return name.removeprefix(_ACCURACY) if name.startswith(_ACCURACY) else None


def mean_accuracy(row: Mapping[str, Any], levels: Sequence[str] | None = None) -> float:
    """The mean over the levels of a row's accuracies on validation data; of all that it has, or of some.

    >>> mean_accuracy({"accuracy_breed": 0.5, "accuracy_species": 0.9, "valid_loss": 1.0})
    0.7
    """
    if levels is None:
        return fmean(value for name, value in row.items() if level_of(name) is not None)
    return fmean(row[accuracy_column(level)] for level in levels)


def not_a_setting(names: Collection[str], levels: Sequence[str]) -> list[str]:
    """The names that are columns of the sweep or of a row."""
    taken = {*FIXED, *map(weight_column, levels)}.difference(SETTINGS)
    return sorted(name for name in names if name in taken or is_score(name))


def not_a_row(names: Collection[str], levels: Sequence[str]) -> list[str]:
    """The names that are columns of the sweep, or settings with a meaning."""
    taken = {*FIXED, *map(weight_column, levels)}.difference(_OF_A_ROW)
    return sorted(taken.intersection(names))
