"""One cell of a sweep: the settings of one training run, and the digest that it is known by."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.sweep.errors import SweepError
from taxoloss.taxonomy.names import text_of
from taxoloss.weighting.schedules import Schedule, label_balanced
from taxoloss.weighting.table import LevelWeights
from taxoloss.weighting.text import parse_schedule, schedule_text

__all__ = ["Cell", "canonical", "digest", "plain"]

#: The text of weights that need counts: those of the labels that the training function sees.
BALANCED = "label_balanced"
_DEEPEST = 64  # lists and dicts in one another
_LONGEST = 14_000  # bits of a whole number; Python reads no more digits


@dataclass(frozen=True)
class Cell:
    """The settings of one training run.

    >>> cell = Cell({"arm": "taxonomy", "weights": {"species": 0.3, "breed": 0.7}, "seed": 1}, "5f0a")
    >>> cell["arm"], cell.get("lr", 0.1), cell.level_weights()
    ('taxonomy', 0.1, {'species': 0.3, 'breed': 0.7})
    """

    #: Plain JSON values by name.
    settings: Mapping[str, Any]
    #: The digest of configuration, taxonomy, split and settings.
    id: str

    def __getitem__(self, name: str) -> Any:
        """A setting; KeyError names the nearest one."""
        if name not in self.settings:
            words = f"no setting {name!r} in this cell"
            raise KeyError(with_suggestion(words, name, list(self.settings)))
        return self.settings[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A setting, or the default where the cell has none of that name."""
        return self.settings.get(name, default)

    @property
    def seed(self) -> int:
        """The setting "seed", 0 where there is none."""
        return int(self.settings.get("seed", 0))

    def level_weights(self, counts: Any = None) -> LevelWeights:
        """The setting "weights" as `level_weights` takes it; None where there is none.

        Args:
            counts: for the text "label_balanced" only: how many labels each node has.

        Raises:
            SweepError: label_balanced without counts.
        """
        given = self.settings.get("weights")
        if given == BALANCED:
            if counts is None:
                raise SweepError("the weights are label_balanced: give Cell.level_weights the counts")
            return label_balanced(counts)
        return parse_schedule(given) if isinstance(given, str) else given


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """A value as JSON holds it: schedules as their text, numpy's numbers as Python's.

    Raises:
        SweepError: a number that is not finite, or what JSON has no word for.
    """
    if depth > _DEEPEST:
        raise SweepError(f"{name:.60} is nested more than {_DEEPEST} times, or holds itself")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, name)
    if isinstance(value, Schedule):
        return schedule_text(value)
    if isinstance(value, Mapping):
        return _by_name(value, name, depth)
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{name}[{at}]", depth + 1) for at, item in enumerate(value)]
    if callable(getattr(value, "item", None)) and getattr(value, "ndim", 1) == 0:
        return plain(value.item(), name, depth + 1)
    return _number(value, name)


def _text(value: str, name: str) -> str:
    """Text that a file can hold."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SweepError(f"expected {name} as text, got {value!a:.60}: {error.reason}") from None
    return text_of(value)


def _by_name(value: Mapping[Any, Any], name: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        inner = _text(text_of(key), name)
        if inner in found:
            raise SweepError(f"{name} has two entries that JSON calls {inner!r}: expected each name once")
        found[inner] = plain(item, f"{name}.{inner}", depth + 1)
    return found


def _number(value: Any, name: str) -> float:
    if not isinstance(value, (int, float)):
        kind = type(value).__name__
        raise SweepError(
            f"expected {name} as text, a number, a list or a dict of these, got {kind} {value!r}"
        )
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        raise SweepError(f"expected {name} as a number, got one of {value.bit_length():,} bits")
    if not math.isfinite(value if isinstance(value, float) else 0):
        raise SweepError(f"expected a finite number as {name}, got {value}")
    return value


def canonical(value: Any) -> str:
    """One text for equal values: sorted keys, and whole numbers without a point."""
    return json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, (list, tuple)) else value


def digest(value: Any) -> str:
    """64 hex digits of the canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
