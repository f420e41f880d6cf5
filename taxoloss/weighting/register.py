"""What a weight schedule is, and the register of those there are: one function each, `@schedule(...)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import numpy as np

from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import WeightTable

__all__ = ["SCHEDULES", "TAKES", "Schedule", "Takes", "schedule"]

_P = ParamSpec("_P")


@dataclass(frozen=True, eq=False, repr=False)
class Schedule:
    """A way to weigh the ancestors of a target: called with a bound taxonomy, it gives the table (V, L).

    >>> from taxoloss import weighting
    >>> weighting.geometric(0.7)
    geometric(0.7)
    """

    #: Called with the taxonomy and the arguments; it has the name of the function that makes the schedule.
    fill: Callable[..., WeightTable]
    arguments: tuple[Any, ...] = ()

    def __call__(self, taxonomy: Taxonomy) -> WeightTable:
        """The table (V, L), float64."""
        return self.fill(taxonomy, *self.arguments)

    def __repr__(self) -> str:
        return f"{self.fill.__name__}({', '.join(map(_shown, self.arguments))})"

    def __reduce__(self) -> tuple[Callable[..., Schedule], tuple[Any, ...]]:
        """Copies and pickles call the maker: `fill` cannot be found by its name, which is the maker's."""
        maker = SCHEDULES.get(getattr(self.fill, "__name__", ""))
        if getattr(maker, "__wrapped__", None) is self.fill and maker is not None:
            return maker, self.arguments
        return Schedule, (self.fill, self.arguments)


def _shown(argument: Any) -> str:
    if not isinstance(argument, np.ndarray):
        return repr(argument)
    return np.array2string(argument, separator=", ", threshold=12, max_line_width=10**6)


class Takes(Enum):
    """What a schedule takes beside the taxonomy, and how a text says it: `taxoloss.weighting.text`."""

    nothing = ""
    number = "NUMBER"
    weights = "LEVEL=NUMBER,LEVEL=NUMBER,..."
    nodes = "LEVEL=NUMBER,.. or NODE=NUMBER,.."
    counts = None  # of a data set: no text holds them


#: The functions that make schedules, by name.
SCHEDULES: dict[str, Callable[..., Schedule]] = {}
#: What each of them takes.
TAKES: dict[str, Takes] = {}


def schedule(
    takes: Takes, **checks: Callable[[Any], Any]
) -> Callable[[Callable[Concatenate[Taxonomy, _P], WeightTable]], Callable[_P, Schedule]]:
    """Registers a function (taxonomy, argument) -> table (V, L) as the schedule of its name.

    The name then stands for the maker: called with the argument, which `checks[name of the argument]`
    takes as it was given and returns as it is kept, it gives the `Schedule`.
    """

    def register(fill: Callable[Concatenate[Taxonomy, _P], WeightTable]) -> Callable[_P, Schedule]:
        name = fill.__name__
        if name in SCHEDULES:
            raise ValueError(f"expected a new name for a schedule, got a second {name!r}")
        _, *parameters = inspect.signature(fill).parameters.values()
        signature = inspect.Signature(parameters, return_annotation="Schedule")

        @wraps(fill)
        def make(*args: _P.args, **kwargs: _P.kwargs) -> Schedule:
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError as error:
                raise TypeError(f"{name}(): {error}") from None
            return Schedule(fill, tuple(checks.get(key, _as_given)(given[key]) for key in given))

        make.__signature__ = signature  # type: ignore[attr-defined]
        SCHEDULES[name], TAKES[name] = make, takes
        return make

    return register


def _as_given(argument: Any) -> Any:
    return argument
