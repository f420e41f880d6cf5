"""How much each ancestor of a target counts: schedules that fill the table of weights.

A schedule is called with a bound taxonomy and gives a table (V, L) of numbers: row t is the target node
t, column l the weight of -log P(ancestor of t on level l). A row weighs no level below its own node. A
schedule, a dict of weights by level, or such a table is what `level_weights` takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from taxoloss.names import did_you_mean
from taxoloss.plan import Plan, plan_of
from taxoloss.taxonomy import Taxonomy

__all__ = ["LevelWeights", "Table", "by_level", "deepest", "uniform", "weight_table"]

Table: TypeAlias = npt.NDArray[np.float64]
Schedule: TypeAlias = Callable[[Taxonomy], Table]
LevelWeights: TypeAlias = "Mapping[str, float] | Schedule | npt.ArrayLike | None"


def by_level(weights: Mapping[str, float]) -> Schedule:
    """One weight for each level, by its name; used as given, without normalisation.

    Args:
        weights: a weight, 0 or larger, for every level of the taxonomy; 0 leaves a level out.

    Raises (when called with a taxonomy):
        ValueError: a level is unknown or missing, a weight is negative or not finite, all are 0.
        TypeError: not a mapping of names to numbers.

    >>> import taxoloss
    >>> t = taxoloss.load("pets").bind()
    >>> by_level({"species": 0.3, "breed": 0.7})(t)[0].tolist()
    [0.3, 0.7]

    Source: I. Flath, "Hierarchical Loss Function", 2020 (two levels).
    """

    def schedule(taxonomy: Taxonomy) -> Table:
        row = _checked_weights(weights, taxonomy.levels)
        return np.where(plan_of(taxonomy).counted, row[None, :], 0.0)

    return schedule


def uniform() -> Schedule:
    """The same weight, 1/L, for each of the L levels.

    >>> import taxoloss
    >>> uniform()(taxoloss.load("pets").bind())[0].tolist()
    [0.5, 0.5]

    Source: B. R. Muller and W. Smith, "A Hierarchical Loss for Semantic Segmentation", VISAPP 2020
    (all weights 1).
    """

    def schedule(taxonomy: Taxonomy) -> Table:
        counted = plan_of(taxonomy).counted
        return np.where(counted, 1.0 / counted.shape[1], 0.0)

    return schedule


def deepest() -> Schedule:
    """Weight 1 on the target's own node, 0 elsewhere: the likelihood of what the label says.

    On data labelled with classes only it is flat cross-entropy. The root as a target says nothing and
    costs nothing.

    >>> import taxoloss
    >>> t = taxoloss.load("pets").bind(node_targets=True)
    >>> deepest()(t)[t.node_ids(["Bengal", "cat"])].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    def schedule(taxonomy: Taxonomy) -> Table:
        counted = plan_of(taxonomy).counted
        below = np.pad(counted[:, 1:], ((0, 0), (0, 1)))
        return (counted & ~below).astype(np.float64)

    return schedule


# -- what level_weights takes ----------------------------------------------------------------------


def weight_table(taxonomy: Taxonomy, level_weights: LevelWeights) -> Table:
    """The table (V, L) of whatever `level_weights` is; None: the file's weights, else uniform.

    Raises:
        ValueError: a weight is unknown, missing, negative or not finite, all are 0, or a table has
            another shape or weighs a level below its row's node.
        TypeError: level_weights is none of the things that it may be.
    """
    plan = plan_of(taxonomy)
    if level_weights is None:
        given = taxonomy.level_weights
        schedule: Schedule = uniform() if given is None else by_level(given)
        return schedule(taxonomy)
    if isinstance(level_weights, Mapping):
        return by_level(level_weights)(taxonomy)
    given_as: Any = level_weights
    for name, maker in {"by_level": by_level, "uniform": uniform, "deepest": deepest}.items():
        if given_as is maker:
            raise TypeError(
                f"expected a schedule as level_weights: weighting.{name}(...), with parentheses"
            )
    if callable(level_weights):
        return _checked_table(level_weights(taxonomy), plan)
    if isinstance(level_weights, (str, bytes, int, float)):
        raise TypeError(
            f"expected level_weights as a dict with the levels {', '.join(plan.levels)}, a schedule "
            f"of taxoloss.weighting, or a table; got {type(level_weights).__name__} "
            f"{level_weights!r}"
        )
    return _checked_table(level_weights, plan)


def _checked_weights(weights: Mapping[str, float], levels: tuple[str, ...]) -> Table:
    if not isinstance(weights, Mapping):
        raise TypeError(f"expected level weights by name, got {type(weights).__name__} {weights!r}")
    for name in weights:
        if name not in levels:
            known = ", ".join(map(repr, levels))
            expected = "; ".join(filter(None, (known, did_you_mean(str(name), levels))))
            raise ValueError(f"there is no level {name!r}; expected {expected}")
    missing = [level for level in levels if level not in weights]
    if missing:
        raise ValueError(
            f"no weight for {', '.join(map(repr, missing))}; expected one for each of "
            f"{', '.join(map(repr, levels))} (0 leaves a level out), got {dict(weights)}"
        )
    row = np.array([_number(level, weights[level]) for level in levels])
    if not row.any():
        raise ValueError(f"expected a level weight above 0, got {dict(weights)}")
    return row


def _number(level: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number) and not isinstance(value, float):
        raise TypeError(f"expected a number as the weight of {level!r}, got {value!r}")
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected a finite weight, 0 or larger, for the level {level!r}, got {number}")
    return number


def _checked_table(values: Any, plan: Plan) -> Table:
    values = values.detach().cpu() if hasattr(values, "detach") else values
    try:
        table = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"expected a table of numbers as level_weights: {error}") from None
    if table.shape != plan.counted.shape:
        raise ValueError(
            f"expected a table of weights of shape {plan.counted.shape} (nodes, levels), got "
            f"{table.shape}; a weight for each level is given as a dict by name"
        )
    if not (np.isfinite(table).all() and (table >= 0).all()):
        node, level = np.argwhere(~(np.isfinite(table) & (table >= 0)))[0]
        raise ValueError(
            f"expected finite weights, 0 or larger; node {node} on level "
            f"{plan.levels[level]!r} has {table[node, level]}"
        )
    if table[~plan.counted].any():
        node, level = np.argwhere((table != 0) & ~plan.counted)[0]
        raise ValueError(
            f"node {node} weighs the level {plan.levels[level]!r}, which is below it, by "
            f"{table[node, level]}; expected 0"
        )
    if not table.any():
        raise ValueError("expected a weight above 0, got a table of zeros")
    return table
