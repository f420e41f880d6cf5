"""How far wrong answers are from the truth, in edges of the tree.

The height of a node is the number of edges to its deepest leaf; LCA is the lowest common ancestor, where
nodes have several parents the most informative one: that with the fewest classes below. An
answer below its target is cut back to the target: the label cannot tell more. A class above other classes
(`Taxonomy.bind(names, inner_classes=True)`) is seen as its node, but is a label that tells all: an answer
below it is not cut back. So with a the LCA of both

    distance = 0 where a is the target, else height(a)
    tree-induced error = depth(answer) + depth(target) - 2 depth(a), and 0 where a is the target;
    with several parents the fewest edges of a way through a common ancestor
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows
from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.chance import chance_by_height
from taxoloss.metrics.base.sum_metric import Contributions, Result, SumMetric, check_top_k
from taxoloss.plot import scores
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["HierarchicalDistance", "MistakeSeverity", "TreeInducedError"]


class HierarchicalDistance(SumMetric):
    """Mean over samples of the mean LCA height of the k best classes, in edges (micro average): HD@k.

    It answers how far up the tree one must go until answer and truth agree, right answers counting 0. From
    0 to the height of the tree, smaller is better; not for comparing trees, whose heights differ. Classes
    whose logits are equal may stand in for each other at place k.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        top_k: how many of the best classes; at most all.
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`; preds may also be a ranking, classes (N, K, d1..dk) with the best
    first (`taxoloss.decisions.ranking`). Node ids with top_k above 1 raise ValueError.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> distance = HierarchicalDistance(t)
    >>> distance.update(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0]))  # right, the other cat, a dog
    >>> distance.compute()
    tensor(1.)

    Source: Bertinetto et al., CVPR 2020, section 4.1 (average hierarchical distance of top-k).
    """

    higher_is_better = False

    def __init__(
        self,
        taxonomy: Taxonomy,
        top_k: int = 1,
        ignore_index: int = -100,
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        self.top_k = check_top_k(top_k)
        super().__init__(
            taxonomy, top_k, size=2, ignore_index=ignore_index, probabilities=probabilities, **kwargs
        )
        if self.top_k == 1:
            self.part = "distances"

    def _rows(self, batch: Batch) -> Contributions:
        if self.top_k == 1:
            return Contributions(batch.facts[:, 2:4])
        best = flat_rows(batch.best_classes(self.top_k))
        target = batch.target.unsqueeze(1)
        lca = batch.tensors.lca(best, target)
        distance = torch.where(lca == target, 0, batch.tensors.height[lca]).sum(1)
        return Contributions(torch.stack([distance, torch.ones_like(distance)], 1))

    def _score(self, sums: Tensor) -> Result:
        return sums[..., 0] / (min(self.top_k, len(self.taxonomy)) * sums[..., 1])


class MistakeSeverity(SumMetric):
    """Mean LCA height of the mistakes, in edges (micro average); NaN where there is none.

    It answers how bad a mistake is when there is one. From 1 to the height of the tree, smaller is better;
    not on its own: a model that makes many small mistakes more looks better (read it beside the accuracy,
    or take `HierarchicalDistance`). A mistake is an answer that is neither the target nor below it.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> severity = MistakeSeverity(t)
    >>> severity.update(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0]))  # right, the other cat, a dog
    >>> severity.compute()
    tensor(1.5000)

    Source: Bertinetto et al., CVPR 2020, section 4.1 (hierarchical distance of a mistake).
    """

    higher_is_better = False
    part = "mistakes"

    def __init__(
        self, taxonomy: Taxonomy, ignore_index: int = -100, *, probabilities: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(taxonomy, size=2, ignore_index=ignore_index, probabilities=probabilities, **kwargs)
        # How many samples have each height (0 where they are right), answer and target, for pictures.
        self._parts = [_height(taxonomy) + 1, taxonomy.num_nodes, taxonomy.num_nodes]
        self._counts = self._state.replace("sums_", "counts_", 1)
        zeros = torch.zeros(sum(self._parts), dtype=torch.long)
        self.add_state(self._counts, default=zeros, dist_reduce_fx="sum")

    @property
    def tallied(self) -> dict[str, str]:
        """Two of them."""
        return {**super().tallied, self._counts: "counts"}

    def count(self, batch: Batch) -> None:
        """Counts a batch, and its mistakes by their heights."""
        super().count(batch)
        counts = batch.sums_of("counts")
        if counts is not None:
            getattr(self, self._counts).add_(counts)
            return
        heights, nodes, _ = self._parts
        cells = torch.cat([batch.facts[:, 0], batch.answer + heights, batch.target + (heights + nodes)])
        getattr(self, self._counts).index_add_(0, cells, batch.valid.long().repeat(3))

    def by_height(self) -> tuple[Tensor, Tensor]:
        """Mistakes (H,) of LCA height 1, 2, .. H; and as many (H,), float64, as chance would make them.

        Chance draws answers as often as they were given, but apart from the targets. H is the height of the
        tree; without a mistake chance has NaN. Counts are those of this process.

        Raises:
            ValueError: a state was loaded that taxoloss 0.1 wrote, which holds the mean alone.

        >>> import taxoloss, torch
        >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
        >>> severity = MistakeSeverity(t)
        >>> severity.update(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 0, 2]))
        >>> severity.by_height()
        (tensor([2, 0]), tensor([0.8000, 1.2000], dtype=torch.float64))
        """
        heights, answers, targets = getattr(self, self._counts).cpu().split(self._parts)
        mistakes = heights[1:]
        known, wanted = int(mistakes.sum()), int(self.sums[1])
        if known != wanted:
            raise ValueError(
                f"expected {wanted:,} mistakes by their heights, got {known:,}: the state that was loaded "
                "holds their mean alone, which plot(metric.compute()) draws"
            )
        if not known:
            return mistakes, mistakes.double() * torch.nan
        chance = torch.from_numpy(chance_by_height(self.taxonomy, answers.numpy(), targets.numpy()))
        return mistakes, known * chance / chance.sum()

    def _score(self, sums: Tensor) -> Result:
        return sums[..., 0] / sums[..., 1]

    def _rows(self, batch: Batch) -> Contributions:
        return Contributions(batch.facts[:, :2])

    def _draw_counted(self, ax: Any, val: Any) -> None:
        mistakes, chance = (counts.numpy() for counts in self.by_height())
        heights = nodes_of(self.taxonomy).height.numpy()
        scores.by_height(ax, mistakes, chance, scores.height_names(self.taxonomy, heights))
        if not mistakes.sum():
            ax.set_title("no mistake")
            return
        apart = np.average(np.arange(1, len(chance) + 1), weights=chance)
        ax.set_title(f"severity: {float(val):.2f} edges on average, {apart:.2f} by chance", fontsize=10)


class TreeInducedError(SumMetric):
    """Mean number of edges between answer and target (micro average).

    It answers how many steps along the tree the answers are away, a right but unspecific answer costing
    the steps that it leaves out. From 0 to twice the depth of the tree, smaller is better; not where
    branches have been given ranks unevenly: each extra rank is an edge. Where nodes have several parents it
    is the shortest way through a common ancestor: what FathomNet's contests and Cellarium's cell types call
    the score in hops, of answers of `taxoloss.decisions.minimum_cost` with the cost "edges".

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> error = TreeInducedError(t)
    >>> error.update(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0]))  # right, the other cat, a dog
    >>> error.compute()
    tensor(2.)

    Source: Dekel, Keshet & Singer, ICML 2004.
    """

    higher_is_better = False
    part = "edges"

    def __init__(
        self, taxonomy: Taxonomy, ignore_index: int = -100, *, probabilities: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(taxonomy, size=2, ignore_index=ignore_index, probabilities=probabilities, **kwargs)

    def _rows(self, batch: Batch) -> Contributions:
        return Contributions(batch.facts[:, 4:6])

    def _score(self, sums: Tensor) -> Result:
        return sums[..., 0] / sums[..., 1]


def _height(taxonomy: Taxonomy) -> int:
    """Edges of the longest way down the tree."""
    if taxonomy.is_tree:
        return int(taxonomy.tree.height[0])
    return int(nodes_of(taxonomy).height[-1])  # the root's
