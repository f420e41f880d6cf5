"""The loss and its gradient of few classes, with logits of moderate size: no row is followed on its own.

With e = exp(logits), an ancestor l of a row's target has the masses P_l, the sum of e inside its range, and
Q_l, that of e outside, both unnormalised: P_l + Q_l = S for all l. The cost and the gradient of
closed_form.py are then

    sum over l of w_l log1p(Q_l / P_l)        dz_j = e_j b_j,
    b_j = sum over l, j outside R_l, of w_l / S  -  sum over l, j inside R_l, of (w_l / S) (Q_l / P_l)   (1)

Sums of positive numbers: nothing cancels. exp is taken of the logits as they are: a difference from the
largest would be rounded, by 2e-6 of a term at a gap of 60. Where an e is below _LEAST or above _MOST the
row is lost, and is done by the general form. No mass, odds or factor of the others leaves the range of
float32.

A small batch is all calls, and has the fewest by masks: a target's K ranges and their complements as 2K
rows of zeros and ones. They are looked up, give its masses times e, summed over the columns, and b times
the factors of (1), summed over the ranges.

A large batch is all arithmetic, and has the least by products of matrices. M holds a column for what is
inside each range of the tree and one for what is outside; E M are the masses of all ranges, of which
a row looks up its own. (1) is the product of its factors, put in the same places, with M transposed. So
that M has few columns, one class of the innermost range, the *own* class, is taken out of E first and added
to what is inside after. A range of this class alone has then an empty inside, and outside of it are all
other classes: the same columns serve all such ranges. For the own class, inside all ranges, b is the second
sum of (1). Few terms do not average out their rounding: E M is in float64, all else in float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["FewTables", "costs_and_slope", "few_tables", "lost_rows"]

#: exp of a logit: the odds of two of them are far inside the range of float32.
_LEAST, _MOST = 1e-17, 1e17
#: Numbers in a table of masks, and in the masks of the rows of a batch.
_TABLE, _MASKS = 1 << 19, 3 << 16
#: Entries of M up to which the products beat looking at the rings of each row.
_PRODUCTS = 4096
#: The columns of M are filled up to a multiple of this: products of matrices are faster so.
_PAD = 8


class FewTables(NamedTuple):
    """C classes, T targets, K levels, S columns of M; None where there would be too many numbers."""

    masks: Tensor | None  # (2K, T, C) float32: inside R_1 .. R_K, outside of R_1 .. R_K
    columns: Tensor | None  # (T, 2K + 1): the own class, and the columns of M in the same order
    sums: Tensor | None  # M transposed, (S, C) float64

    def masks_for(self, rows: int) -> Tensor | None:
        """The masks, where they serve so many rows best."""
        if self.masks is None or rows * self.masks.shape[0] * self.masks.shape[2] > _MASKS:
            return None
        return self.masks

    def serves(self, rows: int) -> bool:
        """Whether there are tables for so many rows."""
        return self.sums is not None or self.masks_for(rows) is not None


def few_tables(edges: IntArray, depth_first: IntArray) -> FewTables:
    """The tables for edges (T, 2K) of ranges (chunks.py); depth_first (C,): position -> class."""
    levels, classes = edges.shape[1] // 2, len(depth_first)
    ends = np.stack([edges[:, :levels], edges[:, levels:][:, ::-1]], 2)  # (T, K, 2)
    position = np.argsort(depth_first)
    masks = None
    if edges.size * classes <= _TABLE:
        inside = _inside(ends.swapaxes(0, 1), position)  # (K, T, C)
        masks = torch.from_numpy(np.concatenate([inside, ~inside]).astype(np.float32))
    alone = ends[..., 1:] - ends[..., :1] == 1
    # Range 0 is the empty one.
    every = np.concatenate([[[0, 0]], np.where(alone, 0, ends).reshape(-1, 2)])
    ranges, number = np.unique(every, axis=0, return_inverse=True)
    number, count = number.reshape(-1)[1:].reshape(-1, levels), len(ranges)
    width = -(-2 * count // _PAD) * _PAD
    if width * classes > _PRODUCTS:
        return FewTables(masks, None, None)
    sums = np.zeros((width, classes))
    sums[:count] = _inside(ranges, position)
    sums[count : 2 * count] = 1 - sums[:count]
    columns = np.concatenate([depth_first[ends[:, -1, :1]], number, number + count], 1)
    return FewTables(masks, torch.from_numpy(columns), torch.from_numpy(sums))


def _inside(ends: IntArray, position: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(.., C): whether a class, at a position (C,), is inside ranges (.., 2)."""
    return (position >= ends[..., :1]) & (position < ends[..., 1:])


def lost_rows(terms: Tensor) -> Tensor | None:
    """Which rows (n,) of exp(logits) (n, C) this form cannot do, if any are."""
    # of other strides aminmax makes a copy
    least, most = torch.aminmax(terms if terms.stride(1) == 1 else terms.t())
    if least.item() >= _LEAST and most.item() <= _MOST:
        return None
    return ~((terms >= _LEAST) & (terms <= _MOST)).all(1)  # NaN too


def costs_and_slope(
    terms: Tensor, target: Tensor, weights: Tensor, tables: FewTables, slope: Tensor | None
) -> Tensor:
    """What each level costs, (n, K); anything in rows that are lost.

    Args:
        terms: exp(logits), (n, C) float32, any strides; they are used up.
        target: (n,) long in 0..T-1.
        weights: (n, K).
        tables: of the tree; they serve n rows.
        slope: (n, C) float32, where the gradient of the sum of all goes, or None.
    """
    weights = weights.float().t()
    masks = tables.masks_for(len(target))
    if masks is not None:
        odds = _by_masks(terms, masks.index_select(1, target), weights, slope)
    else:
        odds = _by_products(terms, target, weights, tables, slope)
    return torch.log1p(odds).mul_(weights).t()


def _by_masks(terms: Tensor, masks: Tensor, weights: Tensor, slope: Tensor | None) -> Tensor:
    """Odds (K, n) of terms (n, C) and masks (2K, n, C), which are used up; writes the gradient.

    weights: (K, n).
    """
    inside, outside = torch.chunk((masks * terms).sum(2), 2)
    odds = outside / inside
    if slope is not None:
        factors = _factors(odds, weights / (inside + outside))
        torch.mul(terms, masks.mul_(factors.unsqueeze(2)).sum(0), out=slope)
    return odds


def _by_products(
    terms: Tensor, target: Tensor, weights: Tensor, tables: FewTables, slope: Tensor | None
) -> Tensor:
    """The same of terms (n, C)."""
    assert tables.columns is not None
    assert tables.sums is not None
    levels = len(weights)
    own, columns = tables.columns.index_select(0, target).split_with_sizes((1, 2 * levels), 1)
    alone = terms.gather(1, own)
    terms.scatter_(1, own, 0.0)
    # (n, 2K) in memory, as the columns are
    masses = (tables.sums @ terms.double().t()).t().gather(1, columns).float().t()
    inside, outside = torch.chunk(masses, 2)
    inside.add_(alone.t())
    odds = outside / inside
    if slope is not None:
        factors = _factors(odds, weights / (inside + outside)).t()
        placed = factors.new_zeros(len(target), len(tables.sums)).scatter_add_(1, columns, factors)
        by_class = torch.mm(placed, tables.sums.float(), out=torch.empty_like(terms))
        torch.mul(terms, by_class, out=slope)
        slope.scatter_(1, own, factors[:, :levels].sum(1, keepdim=True).mul_(alone))
    return odds


def _factors(odds: Tensor, share: Tensor) -> Tensor:
    """(2K, n): of (1), for what is inside and for what is outside; share (K, n): w_l / S."""
    return torch.cat([(share * odds).neg_(), share])
