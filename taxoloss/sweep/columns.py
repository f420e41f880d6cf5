"""Whose the columns of results.csv are: the sweep's, a setting's or a row's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

__all__ = ["RESERVED", "is_score", "mean_accuracy", "not_a_row", "not_a_setting", "required_columns"]

#: Columns of results.csv that no setting may be called.
RESERVED = {"epochs", "train_loss", "valid_loss", "w", "id", "seconds", "versions", "reading"}
#: What no row may be called: columns of the sweep, and settings with a meaning.
_NOT_MEASURED = {"w", "id", "seconds", "versions", "seed", "arm", "weights"}
_MEASURES = {"train_loss", "valid_loss", "severity", "distance"}


def required_columns(levels: Sequence[str]) -> list[str]:
    """What a training function yields for every epoch: two losses, and an accuracy for each level.

    >>> required_columns(["species", "breed"])
    ['train_loss', 'valid_loss', 'accuracy_breed', 'accuracy_species']
    """
    return ["train_loss", "valid_loss", *(f"accuracy_{level}" for level in reversed(levels))]


def is_score(name: str) -> bool:
    """Whether a column holds numbers that are compared: of validation, or of a test.

    >>> is_score("accuracy_breed"), is_score("test_severity"), is_score("test_set")
    (True, True, False)
    """
    name = name.removeprefix("test_")
    return name in _MEASURES or name.startswith("accuracy_")


def mean_accuracy(row: Mapping[str, Any], levels: Sequence[str] | None = None) -> float:
    """The mean over the levels of a row's accuracies; None: over all that it has.

    >>> mean_accuracy({"accuracy_breed": 0.5, "accuracy_species": 0.9, "valid_loss": 1.0})
    0.7
    """
    if levels is None:
        return fmean(value for name, value in row.items() if name.startswith("accuracy_"))
    return fmean(row[f"accuracy_{level}"] for level in levels)


def not_a_setting(names: Collection[str], levels: Sequence[str]) -> list[str]:
    """The names that are columns of the sweep or of a row."""
    shares = {f"weight_{level}" for level in levels}
    return sorted(name for name in names if name in RESERVED | shares or is_score(name))


def not_a_row(names: Collection[str], levels: Sequence[str]) -> list[str]:
    """The names that are columns of the sweep, or settings with a meaning."""
    return sorted(_NOT_MEASURED.union(f"weight_{level}" for level in levels).intersection(names))
