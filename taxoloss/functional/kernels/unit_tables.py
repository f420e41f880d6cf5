"""The units of a loss (units.py) as what the forms of spread targets look up; always on the CPU."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.kernels.chunks import ChunkTensors
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.unit_masses import Factor, Masses, SmallMasses, masses_of
from taxoloss.functional.kernels.units import Points, Units, points_of, units_of

__all__ = ["UnitTables", "unit_tables"]


class Brought(NamedTuple):
    """What some targets bring, S of them."""

    #: (U + 1, S): to units; the root is brought nothing.
    to_units: Factor
    #: (C, 1): each class to itself.
    alone: Tensor
    #: (C, S): the same where targets above the classes are as probable as one of them; else None.
    to_classes: Factor | None


class UnitTables:
    """U units, C classes, K levels, T targets, G runs of levels; U is the root, U + c class c."""

    def __init__(self, tensors: LossTensors) -> None:
        units, weights = _units(tensors), tensors.weights
        self.units = units
        self.weights = weights  # (T, K)
        self.parent = torch.from_numpy(units.parent)  # (U,)
        self.parent_of_class = torch.from_numpy(units.parent_of_class)  # (C,)
        #: (U,): a node of each unit; (U + C,): the same and the classes.
        self.nodes = torch.cat([torch.from_numpy(units.node), torch.arange(units.classes, device="cpu")])
        #: (U + 1 + C,): the same with the root.
        root = torch.tensor([tensors.plan.num_nodes - 1], device="cpu")
        self.node_of_each = torch.cat([self.nodes[: units.units], root, self.nodes[units.units :]])
        #: (T, K): the unit of a target's ancestor; U + C where there is none.
        of_target = np.where(units.of_target < 0, units.units + units.classes, units.of_target)
        self.of_target = torch.from_numpy(of_target)
        #: (T, K): the same with U for what is no inner unit; (T,): the class of a target, and its weight.
        self.inner_of_target = self.of_target.clamp(max=units.units)
        of_class = (self.of_target >= units.units) & (self.of_target < units.units + units.classes)
        self.class_of_target = torch.where(of_class, self.of_target - units.units, 0).amax(1)
        self.weight_of_class = (weights * of_class).sum(1)
        #: (K,): 1 / W_l.
        widths = [tensors.plan.widths[level] for level in tensors.used]
        self.per_node = 1 / torch.tensor(widths, dtype=torch.float64, device="cpu")
        runs = np.stack(
            [np.append(units.first, units.first_below), np.append(units.last, units.last_below)], 1
        )
        found, group = np.unique(runs, axis=0, return_inverse=True)
        group = group.reshape(-1)
        self.runs = torch.from_numpy(found)  # (G, 2)
        self.group = torch.from_numpy(group[: units.units + 1].copy())  # (U + 1,)
        self.leaf_group = torch.from_numpy(group[units.units + 1 :].copy())  # (U + 1,)
        #: (U + 1 + C,): of the units, the root and the classes.
        self.group_of_each = torch.cat([self.group, self.leaf_group[self.parent_of_class]])
        level = torch.arange(units.levels, device="cpu")
        #: (G, K): 1 where a level is one of a run.
        of_run = ((level >= self.runs[:, :1]) & (level < self.runs[:, 1:])).double()
        #: (G, K): what each level brings to each node of a run, of what is spread over its nodes.
        self.spread_over = of_run * self.per_node
        #: (G,): the weights of runs where all classes share those of each level, else None.
        self.run = of_run @ weights[0].double() if all(tensors.shared) else None
        self._chunks = tensors.chunks
        self._brought: dict[tuple[int, torch.dtype], Brought] = {}

    @cached_property
    def masses(self) -> Masses:
        """How they add up; tables for other weights share it."""
        found = _MASSES.get(self._chunks)
        if found is None:
            found = _MASSES[self._chunks] = masses_of(self.units)
        return found

    def points(self) -> Points:
        """What targets bring to units."""
        return points_of(self.units, self.weights.numpy())

    def brought(self, sources: int, dtype: torch.dtype) -> Brought:
        """What the first targets bring."""
        found = self._brought.get((sources, dtype))
        if found is None:
            found = self._brought[sources, dtype] = self._brought_by(sources, dtype)
        return found

    def _brought_by(self, sources: int, dtype: torch.dtype) -> Brought:
        points, units, classes = self.points(), self.units.units, self.units.classes
        target = np.arange(sources).repeat(np.diff(points.start[: sources + 1]))
        unit, weight = points.unit[: len(target)], torch.from_numpy(points.weight[: len(target)]).to(dtype)
        inner, matrix = unit < units, self.masses.matrix
        to_units = matrix(unit[inner], target[inner], (units + 1, sources), weight[inner])
        unit, target, weight = unit[~inner] - units, target[~inner], weight[~inner]
        column = self.weight_of_class[:classes].to(dtype).unsqueeze(1)
        alone = (target < classes).all()
        return Brought(
            to_units, column, None if alone else matrix(unit, target, (classes, sources), weight)
        )

    @cached_property
    def small(self) -> tuple[Tensor, Tensor] | None:
        """(T, U + 1 + C), of a small tree: what a target brings, and what it spreads."""
        if not isinstance(self.masses, SmallMasses):
            return None
        targets, units = len(self.of_target), self.units.units
        every = torch.eye(targets, dtype=torch.float64, device="cpu")
        brought = torch.zeros(targets, len(self.group_of_each), dtype=torch.float64, device="cpu")
        brought[:, : units + 1] = (self.brought(targets, torch.float64).to_units @ every).T
        label = self.class_of_target.unsqueeze(1) + units + 1
        brought.scatter_(1, label, self.weight_of_class.unsqueeze(1))
        return brought, (self.weights @ self.spread_over.T)[:, self.group_of_each]


class _Kept(NamedTuple):
    revision: int
    tables: UnitTables


_UNITS: WeakKeyDictionary[ChunkTensors, Units] = WeakKeyDictionary()
_MASSES: WeakKeyDictionary[ChunkTensors, Masses] = WeakKeyDictionary()
_TABLES: WeakKeyDictionary[LossTensors, _Kept] = WeakKeyDictionary()


def _units(tensors: LossTensors) -> Units:
    """Other weights of the same levels have the same units."""
    found = _UNITS.get(tensors.chunks)
    if found is None:
        found = _UNITS[tensors.chunks] = units_of(tensors.plan, tensors.used)
    return found


def unit_tables(tensors: LossTensors) -> UnitTables:
    """The tables of a loss on the CPU, kept until other weights are put in place."""
    kept = _TABLES.get(tensors)
    if kept is None or kept.revision != tensors.revision:
        kept = _TABLES[tensors] = _Kept(tensors.revision, UnitTables(tensors))
    return kept.tables
