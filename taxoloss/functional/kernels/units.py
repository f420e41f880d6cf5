"""The different sets of classes that the nodes of some levels have: a tree of *units*, each of them once.

A node and its only child have the same probability, and so has a class on each level where it stands. So of
the nodes of all levels only different ranges of depth-first positions are kept. A range of one class is
that class; a range of all classes has P = 1 and costs nothing. The others are the U inner units: at most
C - 2 of them however many levels there are. A unit stands on consecutive levels, its run. Units are sorted
from the last level of their run up, so that a unit comes before its parent, and those of one run are
neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.plan import Plan
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Points", "Units", "points_of", "units_of"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """U inner units of C classes on K levels; U itself stands for the root, U + c for class c."""

    classes: int
    units: int
    levels: int
    #: (U,): the unit above, U at the top; (C,): the inner unit above a class.
    parent: IntArray
    parent_of_class: IntArray
    #: (U + 1,): first level and behind the last level of a unit's run; of the root: 0 and 0.
    first: IntArray
    last: IntArray
    #: (U + 1,): the same of the classes right below a unit.
    first_below: IntArray
    last_below: IntArray
    #: (T, K): the unit of a target's ancestor on each level; -1: not counted there, or the root.
    of_target: IntArray
    #: (U,): a node of each unit.
    node: IntArray


@dataclass(frozen=True, eq=False)
class Points:
    """What targets bring to units, as the rows of a sparse matrix: target t brings `weight` to `unit`."""

    #: (T + 1,): where the entries of each target start.
    start: IntArray
    unit: IntArray
    weight: FloatArray


def units_of(plan: Plan, used: tuple[int, ...]) -> Units:
    """The units of the levels (0 .. L-1) of a plan that are used."""
    classes, nodes = plan.num_classes, [plan.nodes[level] for level in used]
    starts, stops = [plan.start[ids] for ids in nodes], [plan.stop[ids] for ids in nodes]
    keys = [start * (classes + 1) + stop for start, stop in zip(starts, stops, strict=True)]
    sizes = [stop - start for start, stop in zip(starts, stops, strict=True)]
    inner = [(size > 1) & (size < classes) for size in sizes]
    found, first, last, node = _runs(keys, inner, nodes)
    order = np.lexsort((found, first, -last))
    found, first, last, node = found[order], first[order], last[order], node[order]
    by_key = np.argsort(found)
    unit_of = []
    for key, size, start, many in zip(keys, sizes, starts, inner, strict=True):
        unit = np.where(size == 1, len(found) + plan.depth_first[start], -1)
        unit[many] = by_key[np.searchsorted(found, key[many], sorter=by_key)]
        unit_of.append(unit)
    # The way of each class down the levels.
    way = np.stack([unit[plan.class_to_node[level]] for unit, level in zip(unit_of, used, strict=True)])
    above = np.full(classes, len(found))
    first_of_class = np.zeros(classes, np.int64)
    parent = np.full(len(found), len(found))
    for units in way:
        many = (units >= 0) & (units < len(found))
        # All classes below a unit have come by the same way; the unit itself may go on a level deeper.
        new = many & (units != above)
        parent[units[new]] = above[new]
        above = np.where(many, units, above)
        first_of_class += units < len(found)
    first_below = np.full(len(found) + 1, len(used))
    first_below[above] = first_of_class
    targets = slice(plan.num_targets)
    columns = [
        np.where(plan.counted[targets, level], unit[plan.ancestors[targets, level]], -1)
        for unit, level in zip(unit_of, used, strict=True)
    ]
    return Units(
        classes=classes,
        units=len(found),
        levels=len(used),
        parent=parent,
        parent_of_class=above,
        first=np.append(first, 0),
        last=np.append(last + 1, 0),
        first_below=first_below,
        last_below=np.full(len(found) + 1, len(used)),
        of_target=np.stack(columns, 1),
        node=node,
    )


def _runs(
    keys: list[IntArray], inner: list[npt.NDArray[np.bool_]], nodes: list[IntArray]
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """The ranges, the first and the last level of each, and a node of it."""
    level = np.concatenate([np.full(int(many.sum()), at) for at, many in enumerate(inner)])
    key = np.concatenate([key[many] for key, many in zip(keys, inner, strict=True)])
    node = np.concatenate([ids[many] for ids, many in zip(nodes, inner, strict=True)])
    found, at, number = np.unique(key, return_index=True, return_inverse=True)
    last = np.zeros(len(found), np.int64)
    last[number.reshape(-1)] = level  # ascending: the last assignment stays
    return found, level[at].astype(np.int64), last, node[at]


def points_of(units: Units, weights: FloatArray) -> Points:
    """What each target weighs its ancestors, by weights (T, K); what weighs nothing is left out."""
    counted = (weights != 0) & (units.of_target >= 0)
    target, level = np.nonzero(counted)
    unit, weight = units.of_target[target, level], weights[target, level]
    begins = np.ones(len(unit), bool)
    begins[1:] = (unit[1:] != unit[:-1]) | (target[1:] != target[:-1])
    at = np.flatnonzero(begins)
    total = np.add.reduceat(weight, at) if len(at) else weight
    start = np.searchsorted(target[at], np.arange(len(weights) + 1))
    return Points(start, unit[at], total)
