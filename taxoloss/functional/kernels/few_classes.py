"""The loss and its gradient of few classes and logits of moderate size, by two products of matrices.

No ranges are followed row by row: with M a matrix of zeros and ones, a column for the classes inside each
range of a tree and one for those outside, E = exp(logits) M holds the masses of all ranges for all rows,
unnormalised. A row looks up those of its target's ancestors. One class of the target's innermost range,
its *own*, which all of these ranges hold, is taken out of E first and added to what is inside after:

    P_l = e_own + (E M)[inside R_l]        Q_l = (E M)[outside R_l]

so that a range of this class alone has an empty inside, and what is outside of it are all other classes:
one pair of columns serves all such ranges, and M has few columns. With S = P_l + Q_l, the same for all l,
the cost and the gradient of closed_form.py are

    sum over l of w_l log1p(Q_l / P_l)        dz_j = e_j b_j,
    b_j = sum over l, j outside R_l, of w_l / S  -  sum over l, j inside R_l, of (w_l / S) (Q_l / P_l)

The first sum is that of w_l / S, put in the columns of what is outside, times M transposed; the second the
same of the columns of what is inside. For the own class, inside all ranges, the second sum is all.

Masses are sums of positive numbers and nothing cancels. exp is taken of the logits as they are: a
difference from the largest would be rounded, by 2e-6 of a term at a gap of 60. So logits must lie within
+-_MOST: then no mass, odds or factor leaves the range of float32. Sums are in float64, for few terms do
not average out their rounding; all else is in float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["RangeTables", "costs_and_slope", "moderate", "range_tables"]

#: Logits: exp(80), the largest odds of two of them, times C, is far below the largest float32.
_MOST = 40.0
#: Entries of M up to which the products beat looking at the rings of each row.
_ENTRIES = 4096
#: The columns of M are filled up to a multiple of this: products of matrices are faster so.
_PAD = 8


class RangeTables(NamedTuple):
    """C classes, T targets, K levels; S columns."""

    #: (T, 2K + 2): the own class of a target; its columns of what is inside, of all, of what is outside.
    columns: Tensor
    masses: Tensor  # M transposed, (S, C) float64
    slopes: Tensor  # the same in float32, negative for what is inside


def range_tables(edges: IntArray, depth_first: IntArray) -> RangeTables | None:
    """The tables for edges (T, 2K) of ranges (chunks.py); None where M would be large.

    depth_first: (C,): position -> class.
    """
    levels = edges.shape[1] // 2
    start, stop = edges[:, :levels], edges[:, levels:][:, ::-1]
    ends = np.stack([start, stop], 2)  # (T, K, 2)
    ends = np.where(stop[..., None] - start[..., None] == 1, 0, ends)  # a class alone: nothing but it
    ranges, number = np.unique(np.concatenate([[[0, 0]], ends.reshape(-1, 2)]), axis=0, return_inverse=True)
    count, classes = len(ranges), len(depth_first)
    width = -(-(2 * count + 1) // _PAD) * _PAD
    if classes * width > _ENTRIES:
        return None
    position = np.argsort(depth_first)
    inside = (position >= ranges[:, :1]) & (position < ranges[:, 1:])  # (ranges, C)
    slopes = np.zeros((width, classes), np.float32)
    slopes[:count], slopes[count : 2 * count] = -inside.astype(np.float32), ~inside
    masses = np.abs(slopes).astype(np.float64)
    masses[2 * count] = 1  # of all classes; what is put there has no slope
    number = number.reshape(-1)[1:].reshape(start.shape)
    every = np.full((len(edges), 1), 2 * count)
    columns = np.concatenate([depth_first[start[:, -1:]], number, every, number + count], 1)
    return RangeTables(*map(torch.from_numpy, (columns, masses, slopes)))


def moderate(z: Tensor) -> bool:
    """Whether all logits lie within the bounds of this form; NaN do not."""
    low, high = torch.aminmax(z if z.stride(1) == 1 else z.t())  # columns that lie in a row are one copy less
    return low.item() >= -_MOST and high.item() <= _MOST


def costs_and_slope(
    z: Tensor, target: Tensor, weights: Tensor, tables: RangeTables, slope: Tensor | None
) -> Tensor:
    """What each level costs, (n, K); writes the gradient of the sum of all.

    Args:
        z: (n, C) float32, `moderate`, any strides.
        target: (n,) long in 0..T-1.
        weights: (n, K).
        tables: of the tree.
        slope: (n, C) float32, or None.
    """
    levels = weights.shape[1]
    terms = torch.exp(z)
    own, columns = tables.columns.index_select(0, target).split_with_sizes((1, 2 * levels + 1), 1)
    alone = terms.gather(1, own)
    terms.scatter_(1, own, 0.0)
    sums = (tables.masses @ terms.double().t()).t().gather(1, columns).float()
    holding, outside = sums.split_with_sizes((levels + 1, levels), 1)
    inside, total = holding.add_(alone).split_with_sizes((levels, 1), 1)
    odds = outside / inside
    weights = weights.float()
    if slope is not None:
        share = weights / total
        pull = share * odds
        factors = sums.new_zeros(len(target), tables.slopes.shape[0])
        both = torch.cat([pull, total, share], 1)
        factors.scatter_add_(1, columns, both)
        torch.mul(terms, torch.mm(factors, tables.slopes, out=torch.empty_like(terms)), out=slope)
        slope.scatter_(1, own, pull.sum(1, keepdim=True).mul_(alone).neg_())
    return torch.log1p(odds).mul_(weights)
