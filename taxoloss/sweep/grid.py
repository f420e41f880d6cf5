"""Which cells a sweep has: products of axes, and points on the simplex of level weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from taxoloss.sweep.cell import BALANCED, Cell, digest, plain
from taxoloss.sweep.columns import not_a_setting
from taxoloss.sweep.errors import SweepError
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.table import weight_table
from taxoloss.weighting.text import parse_schedule

__all__ = ["cells_of", "grid", "simplex"]


def grid(**axes: Iterable[Any]) -> list[dict[str, Any]]:
    """The settings of every cell of a product of axes, the last axis the fastest.

    Some names have a meaning: `weights` (a dict by level, a schedule of `taxoloss.weighting`, or the text
    of one), `arm` and `seed`. Others are the training function's own. Grids are added as lists are.

    Raises:
        SweepError: an axis without values, or with a value that JSON has no word for.
        TypeError: an axis that is no list of values.

    >>> grid(arm=["flat"], seed=range(2)) + grid(weights=["hxe:0.5"], seed=[0])
    [{'arm': 'flat', 'seed': 0}, {'arm': 'flat', 'seed': 1}, {'weights': 'hxe:0.5', 'seed': 0}]
    """
    values = {name: list(_values(name, axis)) for name, axis in axes.items()}
    return [dict(zip(values, point, strict=True)) for point in product(*values.values())]


def _values(name: str, axis: Iterable[Any]) -> Iterator[Any]:
    if isinstance(axis, (str, bytes, Mapping)) or not isinstance(axis, Iterable):
        raise TypeError(f"expected a list of values for {name}, got {type(axis).__name__} {axis!r}")
    found = [plain(value, name) for value in axis]
    if not found:
        raise SweepError(f"the axis {name} has no values: the grid is empty")
    return iter(found)


def simplex(levels: Sequence[str], step: float) -> list[dict[str, float]]:
    """All weights by level that are multiples of a step and sum to 1; for two levels a line.

    Args:
        levels: names, top to bottom: taxonomy.levels.
        step: 1 / step must be a whole number.

    Raises:
        SweepError: a step that does not divide 1, or no levels.

    >>> simplex(["species", "breed"], 0.5)
    [{'species': 1.0, 'breed': 0.0}, {'species': 0.5, 'breed': 0.5}, {'species': 0.0, 'breed': 1.0}]
    """
    parts = round(1 / step) if step > 0 else 0
    if not levels or parts < 1 or abs(parts * step - 1) > 1e-9:
        raise SweepError(f"expected a step that divides 1, such as 0.1 or 0.05, got {step}")
    points = [
        (*head, parts - sum(head))
        for head in product(range(parts, -1, -1), repeat=len(levels) - 1)
        if sum(head) <= parts
    ]
    return [{name: n / parts for name, n in zip(levels, point, strict=True)} for point in points]


def cells_of(settings: Iterable[Mapping[str, Any]], taxonomy: Taxonomy, identity: str) -> list[Cell]:
    """The cells of a sweep, each once, checked before anything is trained.

    Raises:
        SweepError: no cells; a setting that JSON cannot hold or that is called like a column; weights that
            do not fit the taxonomy, every fault at once.
    """
    found: dict[str, Cell] = {}
    faults: dict[str, str] = {}
    for number, given in enumerate(settings, 1):
        if not isinstance(given, Mapping):
            raise TypeError(f"expected the settings of cell {number} as a dict, got {type(given).__name__}")
        values = _checked(given, number, taxonomy.levels)
        weights = repr(values.get("weights"))
        if weights not in faults:
            faults[weights] = _fault(values.get("weights"), taxonomy)
        cell = Cell(values, digest([identity, values])[:20])
        found.setdefault(cell.id, cell)
    if wrong := [f"weights {text}: {fault}" for text, fault in faults.items() if fault]:
        raise SweepError("\n".join(wrong))
    if not found:
        raise SweepError("the grid is empty: there are no cells to train")
    return list(found.values())


def _checked(given: Mapping[str, Any], number: int, levels: Sequence[str]) -> dict[str, Any]:
    """Settings as JSON holds them."""
    if wrong := [name for name in given if not isinstance(name, str)]:
        raise SweepError(f"expected the names of the settings of cell {number} as text, got {wrong[0]!r}")
    values = {name: plain(value, name) for name, value in given.items()}
    if reserved := not_a_setting(values.keys(), levels):
        raise SweepError(
            f"cell {number} has the setting {', '.join(reserved)}: the name of a column of results.csv"
            "; what all cells have in common belongs into config"
        )
    return values


def _fault(weights: Any, taxonomy: Taxonomy) -> str:
    """What is wrong with weights, "" where they fit."""
    if weights is None or weights == BALANCED:
        return ""
    try:
        weight_table(taxonomy, parse_schedule(weights) if isinstance(weights, str) else weights)
    except (ValueError, TypeError) as error:
        return str(error)
    return ""
