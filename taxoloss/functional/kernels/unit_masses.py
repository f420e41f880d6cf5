"""Sums of classes up to the units of a loss, and of units down to the classes, for many rows at once.

Columns of (.., n) are rows of the batch. With what is said of units, A, and of classes, and their total S,

    F(j) = S - sum over units u above j of A(u) (1 + odds(u))

is what class j is told; see native/spread_call.h. A small tree is one matrix, and the rows stay as they lie
in memory. Of a larger one most of that matrix would be 0: there whole rows of memory are added up, in stages
of some layers each, so that a sum has few terms.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.kernels.units import Points, Units
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Masses", "masses_of"]

#: Entries up to which a matrix costs less than sums.
_SMALL = 1 << 13
#: By what a stage divides the number of nodes that are still to be added up.
_SHRINK = 4
#: Odds from which they may be put together with what they are differences of.
_SURE = 1e-6
#: What is left of a target below this much of it is its rounding.
_ROUNDING = {torch.float32: 1e-6, torch.float64: 1e-14}


class Factor(Protocol):
    """A matrix that values (columns, n) can be multiplied with."""

    def __matmul__(self, values: Tensor) -> Tensor:
        """(rows, n)."""


class Masses(Protocol):
    """How the masses of a tree of U units and C classes add up."""

    def shifted(self, z: Tensor) -> Tensor:
        """(C, n): logits less their largest, new, in the layout that is computed in."""

    def scaled(self, q: Tensor, factor: Tensor) -> Tensor:
        """(S, n): numbers times factors (S, 1) or (), new, in that layout."""

    def inside(self, e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The masses (U, n) of units, (U, n) of what is outside of each, and (n,) of all."""

    def told(self, said: Tensor, odds: Tensor, of_classes: Tensor, total: Tensor) -> Tensor:
        """F (C, n), of what is said of units (U, n), of all classes (n,) and of both (n,)."""

    def brings(self, points: Points, sources: int) -> Factor:
        """(U, S): what the first targets bring to units."""


def masses_of(units: Units) -> Masses:
    """The form that is fast for a tree."""
    small = (2 * units.units + 1) * units.classes <= _SMALL
    return _SmallMasses(units) if small else _StagedMasses(units)


def _pairs(units: Units, node: IntArray, first: int, last: int) -> tuple[IntArray, IntArray]:
    """Units in first .. last - 1 and what is below them: of nodes, whose way up is followed as far as that.

    Nodes are units, U the root and U + 1 + c class c.
    """
    parent = np.concatenate([units.parent, [units.units + 1], units.parent_of_class])
    found, at = [], node
    above = parent[node]
    while (inside := (above >= first) & (above < last)).any():
        at, above = at[inside], above[inside]
        found.append((above, at))
        above = parent[above]
    if not found:
        return node[:0], node[:0]
    return np.concatenate([above for above, _ in found]), np.concatenate([at for _, at in found])


def _brought(units: Units, points: Points, sources: int) -> tuple[IntArray, IntArray, Tensor]:
    """Unit, target and weight of what the first targets bring to units."""
    target = np.arange(sources).repeat(np.diff(points.start[: sources + 1]))
    unit, weight = points.unit[: len(target)], points.weight[: len(target)]
    inner = unit < units.units
    return unit[inner], target[inner], torch.from_numpy(weight[inner])


# -- small trees -----------------------------------------------------------------------------------


class _Dense:
    """A matrix in each dtype in which it was asked for."""

    def __init__(self, matrix: Tensor) -> None:
        self._kept = {matrix.dtype: matrix}
        self._matrix = matrix

    def __matmul__(self, values: Tensor) -> Tensor:
        return self.of(values.dtype) @ values

    def of(self, dtype: torch.dtype) -> Tensor:
        """The matrix in a dtype."""
        if dtype not in self._kept:
            self._kept[dtype] = self._matrix.to(dtype)
        return self._kept[dtype]


class _SmallMasses:
    """By a matrix with a row for each unit and one for what is outside of it: nothing cancels."""

    def __init__(self, units: Units) -> None:
        self.units = units
        unit, node = _pairs(units, np.arange(units.classes) + units.units + 1, 0, units.units)
        below = torch.zeros(units.units, units.classes, dtype=torch.float64, device="cpu")
        below[torch.from_numpy(unit), torch.from_numpy(node - units.units - 1)] = 1.0
        every = below.new_ones(1, units.classes)
        self._up = _Dense(torch.cat([below, 1 - below, every]))
        self._down = _Dense(torch.cat([1 - below, -below, every]))

    def shifted(self, z: Tensor) -> Tensor:
        """As the logits lie."""
        return z - z.amax(0)

    def scaled(self, q: Tensor, factor: Tensor) -> Tensor:
        """As the probabilities lie."""
        return q * factor

    def inside(self, e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """In one product."""
        found = self._up @ e
        return found[: self.units.units], found[self.units.units : -1], found[-1]

    def told(self, said: Tensor, odds: Tensor, of_classes: Tensor, total: Tensor) -> Tensor:
        """What is said of classes and of units that are not above j, less A odds of those that are."""
        values = torch.cat([said, said * odds, of_classes.unsqueeze(0)])
        return (values.T @ self._down.of(values.dtype)).T

    def brings(self, points: Points, sources: int) -> Factor:
        """With its zeros."""
        unit, target, weight = _brought(self.units, points, sources)
        matrix = torch.zeros(self.units.units, sources, dtype=torch.float64, device="cpu")
        matrix[torch.from_numpy(unit), torch.from_numpy(target)] = weight
        return _Dense(matrix)


# -- larger trees ----------------------------------------------------------------------------------


class _Sparse:
    """A matrix of entries in any order; 1 each without weights."""

    def __init__(self, row: IntArray, column: IntArray, rows: int, weight: Tensor | None = None) -> None:
        order = np.lexsort((column, row))
        self._start = torch.from_numpy(np.searchsorted(row[order], np.arange(rows + 1)))
        self._column = torch.from_numpy(column[order])
        self._weight = None if weight is None else _Dense(weight[torch.from_numpy(order)])

    def __matmul__(self, values: Tensor) -> Tensor:
        weight = None if self._weight is None else self._weight.of(values.dtype)
        return torch.embedding_bag(
            values, self._column, self._start, False, 0, False, weight, include_last_offset=True
        )[0]


class _StagedMasses:
    """By sums of rows of memory. What goes through a stage: units that are done, and classes below others."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self._up, self._down = [], []
        for first, last in pairwise(_cuts(units)):
            row, column, rows, columns = _stage(units, first, last)
            self._up.append(_Sparse(row, column, rows))
            self._down.insert(0, _Sparse(column, row, columns))

    def shifted(self, z: Tensor) -> Tensor:
        """A class after the other."""
        return torch.sub(z, z.amax(0), out=z.new_empty(z.shape))

    def scaled(self, q: Tensor, factor: Tensor) -> Tensor:
        """A target after the other."""
        return torch.mul(q, factor, out=q.new_empty(q.shape))

    def inside(self, e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the stages, the root last; outside is what is left of it."""
        for stage in self._up:
            e = stage @ e
        inside, whole = e[:-1], e[-1]
        return inside, (whole - inside).clamp_(min=0), whole

    def told(self, said: Tensor, odds: Tensor, of_classes: Tensor, total: Tensor) -> Tensor:
        """S - D and H apart where odds are small."""
        least = odds.amin().item() if odds.numel() else 1.0
        if least > _SURE:
            return self._below((odds + 1).mul_(said).neg_(), total)
        left = self._below(-said, total)
        left.masked_fill_(left.abs() <= _ROUNDING[left.dtype] * total.abs(), 0.0)
        return left.sub_(self._below(said * odds, torch.zeros_like(total)))

    def _below(self, said: Tensor, total: Tensor) -> Tensor:
        """The sums (C, n) of values of units (U, n) above each class, and of the root."""
        values = torch.cat([said, total.unsqueeze(0)])
        for stage in self._down:
            values = stage @ values
        return values

    def brings(self, points: Points, sources: int) -> Factor:
        """Without its zeros."""
        unit, target, weight = _brought(self.units, points, sources)
        return _Sparse(unit, target, self.units.units, weight)


def _cuts(units: Units) -> list[int]:
    """Where stages begin and end among the units, the root behind them."""
    found, begun = [0], units.classes
    for last in np.flatnonzero(np.diff(units.last[:-1])) + 1:
        left = int((units.parent[:last] >= last).sum() + (units.parent_of_class >= last).sum())
        if left * _SHRINK <= begun:
            found.append(int(last))
            begun = left
    return [*found, units.units + 1]


def _stage(units: Units, first: int, last: int) -> tuple[IntArray, IntArray, int, int]:
    """Rows and columns, and the numbers of both, of the matrix that adds up the units first .. last - 1."""
    classes = np.arange(units.classes) + units.units + 1
    before = np.concatenate([np.arange(first), classes[units.parent_of_class >= first]])
    after = np.concatenate([np.arange(last), classes[units.parent_of_class >= last]])
    unit, node = _pairs(units, before, first, last)
    kept = np.intersect1d(before, after)
    row, column = np.zeros((2, units.units + 1 + units.classes), np.int64)
    row[after], column[before] = np.arange(len(after)), np.arange(len(before))
    return row[np.append(unit, kept)], column[np.append(node, kept)], len(after), len(before)
