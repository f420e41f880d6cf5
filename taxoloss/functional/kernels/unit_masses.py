"""Sums of classes up to the units of a loss, and of units down to the classes, for many rows at once.

Columns of (.., n) are rows of the batch. U + 1 rows are those of units, the root last. With A what is said
of units, W of all classes, S of both, what class j is told is

    F(j) = W + sum over units u not above j of A(u) - sum over u above j of A(u) odds(u)       (1)
         = S - sum over u above j of A(u) (1 + odds(u))                                        (2)

The matrices of a small tree have (1), in which nothing cancels, and let the rows lie as they do in memory.
In those of a larger one nearly all would be 0: there rows of memory are added up, in stages of some layers
each so that a sum has few terms, and (2) has half of the terms.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import turned
from taxoloss.functional.kernels.units import Units
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Factor", "Masses", "SmallMasses", "Sparse", "masses_of"]

#: Numbers of a matrix of targets, units and classes up to which it costs less than sums.
_SMALL = 1 << 14
#: By what a stage divides the number of nodes that are still to be added up.
_SHRINK = 8
#: Of how many parts logits are given one.
_ROOM = 3
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

    def laid(self, q: Tensor) -> Tensor:
        """(S, n): the same numbers, new, in that layout."""

    def ratios(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Of masses (C, n): what this form takes for units (U + 1, n), and the mass of all classes (n,)."""

    def surprise(self, ratios: Tensor) -> Tensor:
        """-log P (U + 1, n), new."""

    def told(self, said: Tensor, ratios: Tensor, least: float) -> Tensor:
        """F (C, n) of -A and -W (U + 1, n), which is written over, as are ratios, at least `least`."""

    def matrix(self, row: IntArray, column: IntArray, shape: tuple[int, int], weight: Tensor) -> Factor:
        """Of entries in any order, in the dtype of their weights."""


def masses_of(units: Units) -> Masses:
    """The form that is fast for a tree."""
    small = len(units.of_target) * (units.units + 1 + units.classes) <= _SMALL
    return SmallMasses(units) if small else _StagedMasses(units)


def _pairs(units: Units, node: IntArray, first: int, last: int) -> tuple[IntArray, IntArray]:
    """Units in first .. last - 1 and what is below them: of nodes, whose way up is followed as far as that.

    Nodes are units, U the root and U + 1 + c class c.
    """
    parent = np.concatenate([units.parent, [units.units + 1], units.parent_of_class])
    found, below, above = [(node[:0], node[:0])], node, parent[node]
    while (inside := (above >= first) & (above < last)).any():
        below, above = below[inside], above[inside]
        found.append((above, below))
        above = parent[above]
    return np.concatenate([above for above, _ in found]), np.concatenate([below for _, below in found])


class SmallMasses:
    """Of a small tree, in float64."""

    def __init__(self, units: Units) -> None:
        self.units = units
        unit, node = _pairs(units, np.arange(units.classes) + units.units + 1, 0, units.units)
        below = torch.zeros(units.units, units.classes, dtype=torch.float64, device="cpu")
        below[torch.from_numpy(unit), torch.from_numpy(node - units.units - 1)] = 1.0
        all, none = below.new_ones(1, units.classes), below.new_zeros(1, units.classes)
        self._up = torch.cat([below, all, 1 - below, none]).T.contiguous()
        self._down = torch.cat([below - 1, -all, below, none])

    def shifted(self, z: Tensor) -> Tensor:
        """As the logits lie."""
        return z - z.amax(0)

    def laid(self, q: Tensor) -> Tensor:
        """As they lie."""
        return q.clone()

    def ratios(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Odds: what is outside over what is inside."""
        inside, outside = (e.T @ self._up).T.chunk(2)
        return outside / inside, inside[-1]

    def surprise(self, ratios: Tensor) -> Tensor:
        """log (1 + odds)."""
        return ratios.log1p()

    def told(self, said: Tensor, ratios: Tensor, least: float) -> Tensor:
        """By (1)."""
        return (torch.cat([said.T, ratios.mul_(said).T], 1) @ self._down).T

    def matrix(self, row: IntArray, column: IntArray, shape: tuple[int, int], weight: Tensor) -> Factor:
        """With its zeros."""
        found = weight.new_zeros(shape)
        found[torch.from_numpy(row), torch.from_numpy(column)] = weight
        return found


# -- larger trees ----------------------------------------------------------------------------------


class Sparse:
    """A matrix of entries in any order, 1 each without weights."""

    def __init__(self, row: IntArray, column: IntArray, rows: int, weight: Tensor | None = None) -> None:
        order = np.lexsort((column, row))
        self._start = torch.from_numpy(np.searchsorted(row[order], np.arange(rows + 1)))
        self._column = torch.from_numpy(column[order])
        self._weight = None if weight is None else weight[torch.from_numpy(order)]

    def __matmul__(self, values: Tensor) -> Tensor:
        """(rows, n) of values (columns, n)."""
        if values.shape[1] == 0:  # of several threads, torch's refuses rows of no numbers
            return values.new_zeros(len(self._start) - 1, 0)
        return torch.embedding_bag(
            values, self._column, self._start, False, 0, False, self._weight, include_last_offset=True
        )[0]


class _StagedMasses:
    """Of a larger tree. Through a stage go units that are done, and classes that are below others."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self._up: list[Sparse] = []
        self._down: list[Sparse] = []
        for first, last in pairwise(_cuts(units)):
            row, column, rows, columns = _stage(units, first, last)
            self._up.append(Sparse(row, column, rows))
            self._down.insert(0, Sparse(column, row, columns))

    def shifted(self, z: Tensor) -> Tensor:
        """A class after the other."""
        # What is not written costs nothing. But an allocator (glibc's) that was given back so large a piece
        # keeps more of what it is given back next, and the steps that follow find their memory there.
        return torch.sub(z, z.amax(0), out=z.new_empty(_ROOM, *z.shape)[0])

    def laid(self, q: Tensor) -> Tensor:
        """A target after the other."""
        return turned(q)  # faster than an operation on memory in another order

    def ratios(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """1 / P. Not below 1: all classes are added up in the same order as some of them, and more."""
        for stage in self._up:
            e = stage @ e
        whole = e[-1].clone()
        return torch.div(whole, e, out=e), whole

    def surprise(self, ratios: Tensor) -> Tensor:
        """log (1 / P)."""
        return ratios.log()

    def told(self, said: Tensor, ratios: Tensor, least: float) -> Tensor:
        """By (2); where odds are small, S less the sum of A and the sum of A odds are apart."""
        total = said.sum(0).neg_()
        if least > 1 + _SURE:
            values = ratios.mul_(said)
            values[-1] = total
            return self._below(values)
        said[-1] = total
        left = self._below(said)
        left.masked_fill_(left.abs() <= _ROUNDING[left.dtype] * total.abs(), 0.0)
        return left.add_(self._below(ratios.sub_(1).mul_(said)))

    def _below(self, values: Tensor) -> Tensor:
        """The sums (C, n) of values (U + 1, n) above each class."""
        for stage in self._down:
            values = stage @ values
        return values

    def matrix(self, row: IntArray, column: IntArray, shape: tuple[int, int], weight: Tensor) -> Factor:
        """Without its zeros."""
        return Sparse(row, column, shape[0], weight)


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
