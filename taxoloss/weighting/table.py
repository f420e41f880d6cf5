"""The table (V, L) of whatever level_weights is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.cache import at_trace_time
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import WeightTable, checked_table
from taxoloss.weighting.register import TAKES, Takes
from taxoloss.weighting.schedules import SCHEDULES, Schedule, by_level, uniform
from taxoloss.weighting.text import parse_schedule

__all__ = ["LevelWeights", "by_name", "used_levels", "weight_table"]


def used_levels(table: WeightTable) -> tuple[int, ...]:
    """The levels (0 .. L-1) that some target weighs; no other is computed."""
    return tuple(np.flatnonzero(table.any(axis=0)).tolist())


#: What `level_weights` may be: weights by level, a schedule or its text, a table; None for the file's own.
LevelWeights: TypeAlias = (
    "Mapping[str, float] | str | Schedule | Callable[[Taxonomy], npt.ArrayLike] | npt.ArrayLike | None"
)


def weight_table(taxonomy: Taxonomy, level_weights: LevelWeights) -> WeightTable:
    """The table (V, L) of whatever `level_weights` is; None: the file's weights, else uniform.

    Where nodes have several parents it may be of pairs, (P,): of each target and its ancestors, in the
    order of target ids, then of ancestors' ids. A text is a schedule's:
    `taxoloss.weighting.text.parse_schedule`.

    Raises:
        ValueError: a weight is unknown, missing, negative or not finite, all are 0, a table has another
            shape or weighs a level below its row's node, or a text is no schedule's.
        TypeError: level_weights is none of the things that it may be.

    >>> import taxoloss
    >>> weight_table(taxoloss.load("pets").bind(), "geometric:0.75")[0].tolist()
    [0.1875, 0.75]
    """
    plan = loss_plan_of(taxonomy)
    if level_weights is None:
        given = taxonomy.level_weights
        return uniform()(taxonomy) if given is None else by_level(given)(taxonomy)
    if isinstance(level_weights, Mapping):
        return by_level(level_weights)(taxonomy)
    given_as: Any = level_weights
    for name, maker in SCHEDULES.items():
        if given_as is maker:
            raise TypeError(
                f"expected a schedule as level_weights: weighting.{name}(...), with parentheses"
            )
    if isinstance(level_weights, str):
        return parse_schedule(level_weights)(taxonomy)
    if callable(level_weights):
        return checked_table(level_weights(taxonomy), plan)
    if isinstance(level_weights, (bytes, int, float)):
        raise TypeError(
            f"expected level_weights as a dict with the levels {', '.join(plan.levels)}, a schedule "
            f"of taxoloss.weighting or its text (hxe:0.5), or a table; got {type(level_weights).__name__} "
            f"{level_weights!r}"
        )
    return checked_table(level_weights, plan)


@at_trace_time
def by_name(level_weights: LevelWeights) -> LevelWeights:
    """The schedule `by_level`, or its text, as the dict that it was made of; anything else as it is.

    >>> by_name("by_level:species=0.3,breed=0.7")
    {'species': 0.3, 'breed': 0.7}
    """
    given: Any = parse_schedule(level_weights) if isinstance(level_weights, str) else level_weights
    if isinstance(given, Schedule) and TAKES.get(given.fill.__name__) is Takes.weights:
        return dict(given.arguments[0])
    return level_weights
