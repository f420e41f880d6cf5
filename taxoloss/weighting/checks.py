"""What the arguments of weight schedules must be: numbers, weights by level, tables, counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.taxonomy.cache import at_trace_time
from taxoloss.taxonomy.names import text_of
from taxoloss.taxonomy.plan import GraphPlan, LossPlan
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.graphs import counted_levels

__all__ = [
    "WeightTable",
    "checked_counts",
    "checked_mapping",
    "checked_number",
    "checked_table",
    "checked_weights",
    "numbers",
    "numbers_by_level",
]

#: The weights as an array (V, L): a row for each node as a target, a column for each level.
WeightTable: TypeAlias = npt.NDArray[np.float64]


def checked_number(value: Any, what: str) -> float:
    """A number as a float, NaN and infinity among them; TypeError for anything else."""
    wrong = TypeError(f"expected a number as {what}, got {type(value).__name__} {value!r:.60}")
    _check_constant(value, what)
    if isinstance(value, (bool, str, bytes)):
        raise wrong
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise wrong from None


def _check_constant(value: Any, what: str) -> None:
    """A gradient that never comes must not be asked for in silence."""
    if getattr(value, "requires_grad", False):
        raise TypeError(f"expected a constant as {what}, got a tensor that requires a gradient; detach it")


def checked_mapping(weights: Any) -> dict[str, float]:
    """Weights by level as a dict of our own; TypeError for anything else."""
    if not isinstance(weights, Mapping):
        raise TypeError(f"expected level weights by name, got {type(weights).__name__} {weights!r}")
    return {text_of(name) if isinstance(name, str) else name: weight for name, weight in weights.items()}


def checked_weights(weights: Mapping[str, float], levels: tuple[str, ...]) -> WeightTable:
    """Weights by level as a row (L,)."""
    for name in weights:
        if name not in levels:
            known = ", ".join(map(repr, levels))
            expected = with_suggestion(known, str(name), levels)
            raise ValueError(f"there is no level {name!r}; expected {expected}")
    missing = [level for level in levels if level not in weights]
    if missing:
        raise ValueError(
            f"no weight for {', '.join(map(repr, missing))}; expected one for each of "
            f"{', '.join(map(repr, levels))} (0 leaves a level out), got {dict(weights)}"
        )
    row = np.array([_level_weight(level, weights[level]) for level in levels])
    if not row.any():
        raise ValueError(f"expected a level weight above 0, got {dict(weights)}")
    return row


@at_trace_time
def numbers_by_level(weights: Mapping[str, float], levels: tuple[str, ...]) -> tuple[float, ...]:
    """Weights by level as numbers (L,), checked, and then also a key: equal only where the weights are."""
    plain = tuple(weights.get(level) for level in levels) if isinstance(weights, Mapping) else ()
    if plain and len(weights) == len(levels) and all(type(w) is float and 0 < w < math.inf for w in plain):
        return plain  # type: ignore[return-value]
    return tuple(checked_weights(checked_mapping(weights), levels).tolist())


def _level_weight(level: str, value: Any) -> float:
    number = checked_number(value, f"the weight of {level!r}")
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected a finite weight, 0 or larger, for the level {level!r}, got {number}")
    return number


def numbers(values: Any, what: str) -> WeightTable:
    """An array, a list or a tensor as a new float64 array."""
    _check_constant(values, what)
    values = values.cpu() if hasattr(values, "cpu") else values
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"expected {what}: {error}") from None


def checked_table(values: Any, plan: LossPlan) -> WeightTable:
    """A table of weights (V, L), finite, 0 or larger, 0 below each row's node, somewhere above 0.

    Where nodes have several parents, weights of pairs (P,) as well.
    """
    table = numbers(values, "a table of numbers as level_weights")
    if isinstance(plan, GraphPlan) and table.ndim == 1:
        _check_pairs(table, plan)
    else:
        counted = counted_levels(plan) if isinstance(plan, GraphPlan) else plan.counted
        _check_by_level(table, counted, plan.levels)
    if not table.any():
        raise ValueError("expected a weight above 0, got a table of zeros")
    return table


def _check_by_level(table: WeightTable, counted: npt.NDArray[np.bool_], levels: tuple[str, ...]) -> None:
    if table.shape != counted.shape:
        raise ValueError(
            f"expected a table of weights of shape {counted.shape} (nodes, levels), got "
            f"{table.shape}; a weight for each level is given as a dict by name"
        )
    if not (np.isfinite(table).all() and (table >= 0).all()):
        node, level = np.argwhere(~(np.isfinite(table) & (table >= 0)))[0]
        raise ValueError(
            f"expected finite weights, 0 or larger; node {node} on level "
            f"{levels[level]!r} has {table[node, level]}"
        )
    if table[~counted].any():
        node, level = np.argwhere((table != 0) & ~counted)[0]
        raise ValueError(
            f"node {node} weighs the level {levels[level]!r}, which is below it, by "
            f"{table[node, level]}; expected 0"
        )


def _check_pairs(weights: WeightTable, plan: GraphPlan) -> None:
    if len(weights) != len(plan.ancestors.items):
        raise ValueError(
            f"expected {len(plan.ancestors.items)} weights, one for each pair of a node and an ancestor of "
            f"it or itself, or a table (nodes, levels), got {len(weights)}"
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        target, ancestor = plan.ancestors.numbers[wrong[0]], plan.ancestors.items[wrong[0]]
        raise ValueError(
            f"expected finite weights, 0 or larger; node {target} weighs its ancestor {ancestor} by "
            f"{weights[wrong[0]]}"
        )


def checked_counts(counts: Any, taxonomy: Taxonomy, plan: LossPlan) -> WeightTable:
    """Numbers of samples, by target id or by name, as an array (V,)."""
    by_id = np.zeros(plan.num_nodes)
    if isinstance(counts, Mapping):
        nodes = taxonomy.ids_of_nodes[taxonomy.index.nodes([*counts])]
        values = [checked_number(value, f"the count of {name!r}") for name, value in counts.items()]
        np.add.at(by_id, nodes, values)
    elif counts.shape in ((plan.num_classes,), (plan.num_nodes,)):
        by_id[: len(counts)] = counts
    else:
        raise ValueError(
            f"expected counts of shape ({plan.num_classes},), one a class, or ({plan.num_nodes},), "
            f"one a node id, got {counts.shape}; "
            "torch.bincount(target, minlength=taxonomy.num_nodes) makes them"
        )
    wrong = np.flatnonzero(~(np.isfinite(by_id) & (by_id >= 0)))
    if len(wrong):
        raise ValueError(f"expected finite counts, 0 or larger; node {wrong[0]} has {by_id[wrong[0]]}")
    return by_id
