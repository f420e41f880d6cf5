"""A threshold for each clade of a level, and for what is left over in the clades above.

From the level upwards: a clade with rows enough for a threshold has its own, made from its rows. What is
left over in its parent, the rows of those children that have none, is a pool; where this is enough it has
a threshold, else it goes on upwards; at the root whatever is left has one. So no row counts twice.

Which clades have rows enough is read from the rows themselves, and must not spoil the promise. Let D be
the n rows and the new one, c one more than is enough, and let the pools be made from D: from the level
upwards a pool of less than c rows of D goes on. This does not depend on which row of D is the new one; so
in each pool every row is equally often the new one, and by (1) of `calibrate` the mean loss in a pool is at
most the risk. In numbers of the calibration rows: the new row's own clade has one row more in D, the others
have not. So with m rows

    a clade has a threshold where     m + 1 >= c
    its rows go on to the pool where  m < c

and with m = c - 1 both: its rows then count for others, as they would if the new row were among those.

With groups a row weighs 1 / (rows of its group), so that the mean of a group is the sum over the pools.
By how much a new group's rows add to a pool is not known, only that it is 0 to 1. Where both are possible
the higher threshold is taken, and what may belong to a pool counts there as far as it does harm: its losses
beyond its share of the budget.

With `confidence` nothing is exchanged: given how many rows each clade has, the errors of a pool are a sum
of independent draws, whose lower tail is below that of the binomial with the same mean (Hoeffding 1956). So
the rows of a pool are those that use it, and its promise is for clades in the shares that these rows have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Enough", "Pool", "clade_thresholds", "pools_of"]


@dataclass(frozen=True, eq=False)
class Pool:
    """Rows that share a threshold: below which log-odds their loss rises, and by how much."""

    at: Tensor  # (steps,)
    rise: Tensor  # (steps,)
    #: The weight of its rows that its budget is for.
    weight: float
    #: The least and the most that its rows may weigh.
    low: float
    high: float


@dataclass(frozen=True)
class Enough:
    """How many rows are enough, and who goes on upwards."""

    least: int
    risk: float
    #: Every row weighs 1.
    single: bool
    #: The promise is for the mean: a pool of just enough rows counts above as well.
    mean: bool

    def may_stop(self, pool: Pool) -> bool:
        """A row of this pool may have the pool's threshold."""
        return pool.high >= self.least

    def stops(self, pool: Pool) -> bool:
        """A row of this pool has the pool's threshold."""
        return self.may_stop(pool) if self.single else pool.low >= self.least + 1

    def may_go_on(self, pool: Pool) -> bool:
        """Rows of this pool may belong to the one above."""
        return pool.low < self.least + self.mean

    def goes_on(self, pool: Pool) -> bool:
        """Rows of this pool belong to the one above."""
        return self.may_go_on(pool) if self.single else pool.high < self.least


def pools_of(at: Tensor, rise: Tensor, weight: Tensor, clade: Tensor, count: int) -> list[Pool]:
    """One pool for each of `count` clades, of rows (n,) with steps `at` and `rise` (n, L)."""
    order = clade.argsort(stable=True)
    sizes = torch.bincount(clade, minlength=count).tolist()
    parts = zip(*(torch.split(part[order], sizes) for part in (at, rise, weight)), strict=True)
    return [_pool(a, r, round(float(w.sum()), 9)) for a, r, w in parts]


def _pool(at: Tensor, rise: Tensor, weight: float) -> Pool:
    """Of the rows of a clade, at and rise (rows, L)."""
    counts = rise > 0
    return Pool(at[counts], rise[counts], weight, weight, weight)


def clade_thresholds(
    lines: list[list[int]], pools: Iterable[Pool], enough: Enough, cut: Callable[[Pool], float]
) -> tuple[float, ...]:
    """For each node of a level its threshold.

    Args:
        lines: for each node of the level the root, its ancestors, and itself.
        pools: for each node of the level its rows.
        enough: how many rows a threshold of one's own takes.
        cut: the threshold of a pool.
    """
    level = len(lines[0]) - 1
    here = {line[level]: pool for line, pool in zip(lines, pools, strict=True)}
    found: list[dict[int, tuple[float, bool]]] = []
    for column in range(level, -1, -1):
        found.append({node: _stop(pool, enough, cut, column == 0) for node, pool in here.items()})
        if column:
            here = _above(here, {line[column]: line[column - 1] for line in lines}, enough)
    return tuple(_threshold(line[::-1], found) for line in lines)


def _stop(pool: Pool, enough: Enough, cut: Callable[[Pool], float], last: bool) -> tuple[float, bool]:
    """The threshold of a pool, -inf where no row has it; and whether all of its rows do."""
    threshold = cut(pool) if last or enough.may_stop(pool) else -math.inf
    return threshold, last or enough.stops(pool)


def _threshold(upwards: list[int], found: list[dict[int, tuple[float, bool]]]) -> float:
    highest = -math.inf
    for node, stops in zip(upwards, found, strict=True):
        threshold, last = stops[node]
        highest = max(highest, threshold)
        if last:
            break
    return highest


def _above(here: dict[int, Pool], parent: dict[int, int], enough: Enough) -> dict[int, Pool]:
    """The pools one level up."""
    children: dict[int, list[Pool]] = {above: [] for above in parent.values()}
    for node, pool in here.items():
        if enough.goes_on(pool):
            children[parent[node]].append(pool)
        elif enough.may_go_on(pool):
            children[parent[node]].append(_harm(pool, enough.risk))
    return {node: _joined(pools) for node, pools in children.items()}


def _joined(pools: list[Pool]) -> Pool:
    none = torch.zeros(0, dtype=torch.float64, device="cpu")
    weights = ([p.weight for p in pools], [p.low for p in pools], [p.high for p in pools])
    return Pool(
        torch.cat([none, *(pool.at for pool in pools)]),
        torch.cat([none, *(pool.rise for pool in pools)]),
        *(round(math.fsum(each), 9) for each in weights),
    )


def _harm(pool: Pool, risk: float) -> Pool:
    """What may or may not belong to a pool: its losses beyond its share of the budget, and no budget."""
    at, order = pool.at.sort(descending=True, stable=True)
    beyond = (pool.rise[order].cumsum(0) - risk * pool.weight).clamp(min=0)
    rise = beyond.diff(prepend=beyond.new_zeros(1))
    return Pool(at[rise > 0], rise[rise > 0], 0.0, 0.0, pool.high)
