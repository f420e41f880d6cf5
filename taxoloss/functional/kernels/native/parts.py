"""Where the probability of a node goes in the tree of units, so that sums going up bring it to all above.

With weights that all classes share, a target brings the weight of its run to each unit above its own, and
to its own that of the levels where it stands: the `part` of the run that they are. So `part` of its
probability counts as that of the unit itself, and the rest as that of the unit right above.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from taxoloss.functional.kernels.unit_tables import UnitTables
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Parts", "parts_of"]


class Parts(NamedTuple):
    """Of targets that are no classes: what of their probability belongs to each unit, or to a class."""

    start: IntArray  # (U + 2,): of each unit, and of the classes after the last
    target: IntArray  # (n,)
    of_class: IntArray  # (n,): the class, where it is one
    weight: npt.NDArray[np.float64]  # (n,)


def parts_of(tables: UnitTables) -> Parts | None:
    """The parts of all targets; None where their weights are not those that classes share."""
    units, points = tables.units, tables.points()
    if tables.run is None:
        return None
    run, leaf_run = np.asarray(tables.run[tables.group]), np.asarray(tables.run[tables.leaf_group])
    weights, of_target = np.asarray(tables.weights, np.float64), units.of_target
    place = np.where(of_target < 0, -1, np.arange(of_target.shape[1])).max(1)  # (T,): the deepest level
    place = np.where(place < 0, -1, np.take_along_axis(of_target, place[:, None].clip(0), 1)[:, 0])
    full = np.concatenate([run[:-1], leaf_run[units.parent_of_class], [1.0]])[place]
    own = np.where(of_target == place[:, None], weights, 0.0).sum(1)
    part = np.where(place < 0, 0.0, own / np.where(full == 0, np.nan, full))
    part = np.where(np.isclose(part, 1, 1e-12, 0), 1.0, part)
    if not ((part >= 0) & (part <= 1)).all():
        return None
    target = np.repeat(np.arange(len(place)), np.diff(points.start))
    above = points.unit != place[target]
    count = np.bincount(target[above], minlength=len(place))
    same = np.isclose(points.weight[above], run[np.minimum(points.unit[above], units.units)], 1e-12, 0)
    whole = (place < 0) | (count == _weighed_above(tables, run)[place])
    return _parts(tables, place, part) if same.all() and whole.all() else None


def _parts(tables: UnitTables, place: IntArray, part: npt.NDArray[np.float64]) -> Parts:
    """Of targets at their places (T,): unit u, U + c for class c, -1 for none."""
    units, target = tables.units, np.arange(len(place))
    above = np.append(np.append(units.parent, units.parent_of_class), units.units)[place]
    here = (target >= units.classes) & (place >= 0) & (part != 0)
    rest = (target >= units.classes) & (place >= 0) & (part != 1) & (above < units.units)
    unit = np.concatenate([place[here], above[rest]])
    of_class = np.maximum(unit - units.units, 0)
    unit = np.minimum(unit, units.units)
    order = np.argsort(unit, kind="stable")
    return Parts(
        np.searchsorted(unit[order], np.arange(units.units + 2)),
        np.concatenate([target[here], target[rest]])[order],
        of_class[order],
        np.concatenate([part[here], 1 - part[rest]])[order],
    )


def _weighed_above(tables: UnitTables, run: npt.NDArray[np.float64]) -> IntArray:
    """(U + C,): how many of the units above each unit and class weigh something."""
    units = tables.units
    parent = np.append(units.parent, units.units)
    above = np.append(units.parent, units.parent_of_class)
    weighed, found = np.append(run[:-1] != 0, False), np.zeros(len(above), np.int64)
    while (above < units.units).any():
        found += weighed[above]
        above = parent[above]
    return found
