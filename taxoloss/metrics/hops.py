"""Order-aware severity of a whole ranking.

Let r_j be the number of distinct LCA heights (with the target) that are smaller than class j's: the rank
that class j deserves, 0 for the target. For the ranking j_1, j_2, .. and e_1 <= e_2 <= .., the same ranks
sorted, which is the best order there is,

    HOPS@K = 1 - sum over i <= K of w_i |e_i - r(j_i)| / sum over i <= K of w_i |e_i - e_(K+1-i)|

clipped to [0, 1]. A place i whose e_i is k weighs 2^-k at the start of its group of equal ranks and falls
linearly towards 2^-(k+1) over the group, in the last group towards 0. Where the denominator is 0 (all of
the first K places deserve one rank), HOPS is 1 for a perfect order and 0 for any other: HOPS@1 is accuracy.

The ranks of a target come from its line of ancestors alone. Classes whose LCA with the target is node n
form a ring of (classes below n) - (classes below the next node of the line) classes, and heights grow
up the line. So with the sizes of the line's nodes as s, those of equal size counted once,

    e_i = the number of sizes <= i (places counted from 0),  r_j = the number of sizes < that of the
    smallest node of the line that holds j
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows, row_blocks
from taxoloss.functional.node_tensors import NodeTensors, node_tensors
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.sum_metric import UNIT, Contributions, Result, SumMetric, check_top_k, fixed
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["HOPS"]

#: Numbers of a block of rows.
_BLOCK = 1 << 20


class HOPS(SumMetric):
    """Mean over samples of HOPS: how well a whole ranking follows the tree (micro average).

    It answers whether what comes after the first answer is near the truth too. In [0, 1], larger is better,
    1 where classes are ranked by their LCA height; not for comparing trees, nor for fine differences: it
    rewards the order of the top groups most. For an inner target the classes below it deserve rank 0.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        top_k: how many places count; None: all.
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape:
        - preds: logits (C,), (N, C) or (N, C, d1..dk), ranked by value, the first of equals first; or a
          ranking, classes (N, K, d1..dk) with the best first (`taxoloss.decisions.ranking`)
        - target: node ids (), (N,) or (N, d1..dk)

    Raises:
        ValueError: as `LevelAccuracy`; one answer a sample; a ranking that is shorter than top_k; a node
            has several parents, where heights do not grow along one line: take `TreeInducedError`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> hops = HOPS(t)
    >>> hops.update(torch.tensor([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0]]), torch.tensor([0, 0]))
    >>> hops.compute()  # the second puts the dog before the other cat
    tensor(0.8500)

    Source: Sani et al., CVPR 2026 (Hier-COS), Hierarchically Ordered Preference Score.
    """

    higher_is_better = True
    plot_upper_bound = 1.0

    def __init__(
        self,
        taxonomy: Taxonomy,
        top_k: int | None = None,
        ignore_index: int = -100,
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        self.top_k = None if top_k is None else check_top_k(top_k)
        if isinstance(taxonomy, Taxonomy):
            taxonomy.require_tree("HOPS (not TreeInducedError, which counts edges of any),")
        super().__init__(
            taxonomy, top_k, size=2, ignore_index=ignore_index, probabilities=probabilities, **kwargs
        )

    def _rows(self, batch: Batch) -> Contributions:
        places = min(self.top_k or len(self.taxonomy), len(self.taxonomy))
        order = flat_rows(self._order(batch, places))
        blocks, tensors = row_blocks(len(order), places, _BLOCK), node_tensors(self.taxonomy, order.device)
        scores = torch.cat([_hops(order[rows], batch.target[rows], tensors) for rows in blocks])
        return Contributions(torch.stack([fixed(scores), torch.ones_like(batch.target)], 1))

    def _order(self, batch: Batch, places: int) -> Tensor:
        """(N, places, d1..dk): classes, the best first."""
        if batch.ranking is not None:
            return batch.best_classes(places)
        logits = batch.need_logits("HOPS")
        return logits.sort(dim=1, descending=True, stable=True).indices[:, :places]

    def _score(self, sums: Tensor) -> Result:
        return sums[..., 0] / (UNIT * sums[..., 1])


def _hops(ranking: Tensor, target: Tensor, tensors: NodeTensors) -> Tensor:
    """(n,) of rankings (n, K) and targets (n,)."""
    line = tensors.lines[target]
    sizes = tensors.classes_below[line]
    # Of nodes of one size the last counts; the whole tree's size is larger than any place.
    ends = torch.ones_like(sizes, dtype=torch.bool)
    ends[:, :-1] = sizes[:, :-1] != sizes[:, 1:]
    deserved = _deserved(ranking, line, ends, tensors)
    place = torch.arange(ranking.shape[1], device=target.device)
    best = torch.zeros_like(ranking)
    start, stop = torch.zeros_like(ranking), torch.full_like(ranking, tensors.num_classes)
    for size, end in zip(sizes.unbind(1), ends.unbind(1), strict=True):  # widest first
        size, end = size.unsqueeze(1), end.unsqueeze(1)
        passed = size <= place
        best = best + (passed & end)
        start = torch.where(passed, torch.maximum(start, size), start)
        stop = torch.where(passed, stop, size)
    last = ends.sum(1, keepdim=True) - 1
    fall = (place - start) / (stop - start)
    weight = torch.exp2(-best.to(fall.dtype)) * (1 - torch.where(best == last, fall, fall / 2))
    found = (weight * (best - deserved).abs()).sum(1)
    worst = (weight * (best - best.flip(1)).abs()).sum(1)
    ratio = torch.where(worst > 0, found / worst, (found > 0).to(found.dtype))
    return 1 - ratio.clamp(0, 1)


def _deserved(ranking: Tensor, line: Tensor, ends: Tensor, tensors: NodeTensors) -> Tensor:
    """(n, K): the rank that each class of a ranking deserves."""
    position = tensors.start[ranking]
    rank = torch.zeros_like(ranking)
    # A class outside a node of the line lies behind it: each such size is smaller than its own.
    for node, end in zip(line.unbind(1), ends.unbind(1), strict=True):
        start, stop = tensors.start[node].unsqueeze(1), tensors.stop[node].unsqueeze(1)
        rank = rank + (((position < start) | (position >= stop)) & end.unsqueeze(1))
    return rank
