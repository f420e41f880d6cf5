"""The loss and its gradient of few classes, with logits of moderate size: no row is followed on its own.

With e = exp(logits), an ancestor l of a row's target has the masses P_l, the sum of e inside its range, and
Q_l, that of e outside, both unnormalised: P_l + Q_l = S for all l. The cost and the gradient of
closed_form.py are then

    sum over l of w_l log1p(Q_l / P_l)        dz_j = e_j b_j,
    b_j = sum over l, j outside R_l, of w_l / S  -  sum over l, j inside R_l, of (w_l / S) (Q_l / P_l)   (1)

Sums of positive numbers: nothing cancels. exp is taken of the logits as they are: a difference from the
largest would be rounded, by 2e-6 of a term at a gap of 60. Where an e is below _LEAST or above _MOST the
row is lost, and is done by the general form. No mass, odds or factor of the others leaves the range of
float32, if weights are moderate too: e / S is multiplied by the rest of (1), so that nothing smaller than
the gradient itself is formed.

Both are products of matrices. M holds a column for what is inside each range of the tree and one for what
is outside; E M are the masses of all ranges, of which a row looks up its own. (1) is the product of its
factors, put in the same places, with M transposed.

A small tree has its whole M, and a batch few calls: odds are taken of all ranges, and those count whose
weight a target brings.

Else M has few columns: one class of the innermost range, the *own* class, is taken out of E first and added
to what is inside after. A range of this class alone has then an empty inside, and outside of it are all
other classes: the same columns serve all such ranges. For the own class, inside all ranges, b is the second
sum of (1). More terms do not average out their rounding: E M is in float64, all else in float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import product, rounds_products
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = [
    "FewTables",
    "Weighted",
    "are_moderate",
    "costs_and_slope",
    "ends_of",
    "few_tables",
    "lost_rows",
    "sum_of_losses",
    "within",
]

#: Logits whose exp has odds far inside the range of float32: 1e-17 to 1e17.
_LEAST, _MOST = -39.0, 39.0
#: Times the largest odds, it is a number of float32.
_MOST_WEIGHT = 100.0
#: Classes up to which sums of exponentials in float32 keep what a loss needs, and entries of the whole M.
_CLASSES, _WHOLE = 64, 1 << 13
#: Entries of M up to which the products beat looking at the rings of each row.
_PRODUCTS = 4096
#: The columns of M are filled up to a multiple of this: products of matrices are faster so.
_PAD = 8


class FewTables(NamedTuple):
    """C classes, T targets, K levels, R or S columns of M; None where there would be too many numbers."""

    #: (T, K): of the ranges; or (T, 2K + 1): the own class, ranges, and what is outside of them.
    columns: Tensor | None
    inside: Tensor | None  # (C, R) float32, of the whole M: ranges, the last is all classes
    outside: Tensor | None  # (C, R) float32
    sums: Tensor | None  # (S, C) float64: the smaller M transposed

    @property
    def serves(self) -> bool:
        """Whether there are tables."""
        return self.columns is not None


def few_tables(edges: IntArray, depth_first: IntArray) -> FewTables:
    """The tables for edges (T, 2K) of ranges (chunks.py); depth_first (C,): position -> class."""
    levels, classes = edges.shape[1] // 2, len(depth_first)
    ends = np.stack([edges[:, :levels], edges[:, levels:][:, ::-1]], 2)  # (T, K, 2)
    position = np.argsort(depth_first)
    ranges, number = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    columns = number.reshape(-1, levels)
    width = _padded(len(ranges) + 1)
    if classes <= _CLASSES and 2 * width * classes <= _WHOLE:
        inside = np.ones((classes, width), bool)
        inside[:, : len(ranges)] = _inside(ranges, position).T
        one, other = (torch.from_numpy(half.astype(np.float32)) for half in (inside, ~inside))
        return FewTables(torch.from_numpy(columns), one, other, None)
    alone = ends[..., 1:] - ends[..., :1] == 1
    # Range 0 is the empty one.
    every = np.concatenate([[[0, 0]], np.where(alone, 0, ends).reshape(-1, 2)])
    ranges, number = np.unique(every, axis=0, return_inverse=True)
    columns, count = number.reshape(-1)[1:].reshape(-1, levels), len(ranges)
    width = _padded(2 * count)
    if width * classes > _PRODUCTS:
        return FewTables(None, None, None, None)
    sums = np.zeros((width, classes))
    sums[:count] = _inside(ranges, position)
    sums[count : 2 * count] = 1 - sums[:count]
    columns = np.concatenate([depth_first[ends[:, -1, :1]], columns, columns + count], 1)
    return FewTables(torch.from_numpy(columns), None, None, torch.from_numpy(sums))


def _padded(columns: int) -> int:
    return -(-columns // _PAD) * _PAD


def _inside(ends: IntArray, position: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(.., C): whether a class, at a position (C,), is inside ranges (.., 2)."""
    return (position >= ends[..., :1]) & (position < ends[..., 1:])


def lost_rows(logits: Tensor) -> Tensor | None:
    """Which rows (n,) of logits (n, C) this form cannot do, if any are."""
    if within(*ends_of(logits)):
        return None
    return ~((logits >= _LEAST) & (logits <= _MOST)).all(1)  # NaN too


def ends_of(logits: Tensor) -> tuple[float, float]:
    """The least and the largest of logits (n, C); NaN where one is."""
    # of other strides aminmax makes a copy
    least, most = torch.aminmax(logits if logits.stride(1) == 1 else logits.t())
    return least.item(), most.item()


def within(least: float, most: float) -> bool:
    """Whether no row of such logits is lost."""
    return least >= _LEAST and most <= _MOST


def are_moderate(weights: Tensor) -> bool:
    """Whether no product of weights (.., K) and odds overflows."""
    return bool((weights.abs() <= _MOST_WEIGHT).all())


def costs_and_slope(
    logits: Tensor, target: Tensor, weights: Tensor, tables: FewTables, slope: Tensor | None
) -> Tensor:
    """What each level costs, (n, K); anything in rows that are lost.

    Args:
        logits: (n, C) float32, any strides.
        target: (n,) long in 0..T-1.
        weights: (n, K); they are moderate.
        tables: of the tree; there are some.
        slope: (n, C) float32, where the gradient of the sum of all goes, or None.
    """
    terms, weights = torch.exp(logits), weights.float()
    assert tables.columns is not None
    columns = tables.columns.index_select(0, target)
    if tables.inside is not None:
        odds = _by_all_ranges(terms, columns, weights, tables, slope)
    else:
        odds = _by_own_ranges(terms, columns, weights, tables.sums, slope)
    return torch.log1p(odds).mul_(weights)


def _by_all_ranges(
    terms: Tensor, columns: Tensor, weights: Tensor, tables: FewTables, slope: Tensor | None
) -> Tensor:
    """Odds (n, K) of terms (n, C); writes the gradient.

    columns, weights: (n, K).
    """
    inside, odds = _masses(terms, tables)
    own = odds.gather(1, columns)
    if slope is not None:
        assert tables.inside is not None
        assert tables.outside is not None
        of_ranges = terms.new_zeros(odds.shape).scatter_add_(1, columns, weights)
        by_class = product(of_ranges, tables.outside.t())
        by_class.sub_(product(odds.mul_(of_ranges), tables.inside.t()))
        torch.mul(terms.div_(inside[:, -1:]), by_class, out=slope)
    return own


def _masses(terms: Tensor, tables: FewTables) -> tuple[Tensor, Tensor]:
    """(n, R) and (n, R): of terms (n, C) the masses of all ranges, the last S, and their odds."""
    assert tables.inside is not None
    assert tables.outside is not None
    multiplied = product if rounds_products("cpu") else torch.mm
    inside = multiplied(terms, tables.inside)
    return inside, multiplied(terms, tables.outside).div_(inside)


class Weighted(NamedTuple):
    """What T targets bring of weights that no row changes: a step of few classes makes the fewest calls."""

    ranges: Tensor  # (T, R): the weight of each range
    outside: Tensor  # (T, C): the first sum of (1) times S
    inside: Tensor  # (R, C) float32: -1 inside a range

    @staticmethod
    def of(tables: FewTables, weights: Tensor) -> Weighted | None:
        """Of weights (T, K) of all targets, in their dtype.

        None without a whole M, or where a product might overflow.
        """
        if tables.columns is None or tables.inside is None or tables.outside is None:
            return None
        if not are_moderate(weights):
            return None
        none = weights.new_zeros(len(weights), tables.inside.shape[1])
        ranges = none.scatter_add_(1, tables.columns, weights)
        outside = ranges @ tables.outside.t().to(ranges.dtype)
        return Weighted(ranges, outside, tables.inside.t().neg().contiguous())

    def over(self, count: float) -> Weighted:
        """Divided by a count, in float32."""
        return self._replace(ranges=(self.ranges / count).float(), outside=(self.outside / count).float())


def sum_of_losses(
    logits: Tensor, target: Tensor, tables: FewTables, weighted: Weighted, slope: Tensor | None
) -> Tensor:
    """The sum of all losses; writes the gradient.

    The arguments are those of `costs_and_slope`, and weights in float32; no row is lost.
    """
    terms = torch.exp(logits)
    weights = weighted.ranges.index_select(0, target)
    inside, odds = _masses(terms, tables)
    found = torch.log1p(odds).mul_(weights).sum()
    if slope is not None:
        added = _added if rounds_products("cpu") else torch.addmm
        by_class = added(weighted.outside.index_select(0, target), odds.mul_(weights), weighted.inside)
        torch.mul(terms.div_(inside.narrow(1, inside.shape[1] - 1, 1)), by_class, out=slope)
    return found


def _added(to: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return to + product(one, other)


def _by_own_ranges(
    terms: Tensor, columns: Tensor, weights: Tensor, sums: Tensor | None, slope: Tensor | None
) -> Tensor:
    """The same; columns (n, 2K + 1) begin with the own class."""
    assert sums is not None
    levels = weights.shape[1]
    own, columns = columns.split_with_sizes((1, 2 * levels), 1)
    alone = terms.gather(1, own)
    terms.scatter_(1, own, 0.0)
    # (n, 2K) in memory, as the columns are
    masses = (sums @ terms.double().t()).t().gather(1, columns).float()
    inside, outside = torch.chunk(masses, 2, 1)
    inside.add_(alone)
    odds = outside / inside
    if slope is not None:
        whole = inside[:, :1] + outside[:, :1]
        factors = torch.cat([(weights * odds).neg_(), weights], 1)
        placed = factors.new_zeros(len(terms), len(sums)).scatter_add_(1, columns, factors)
        by_class = product(placed, sums.float())
        torch.mul(terms.div_(whole), by_class, out=slope)
        slope.scatter_(1, own, factors[:, :levels].sum(1, keepdim=True).mul_(alone.div_(whole)))
    return odds
