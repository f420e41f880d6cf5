"""Which nodes of a level are taken for which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss.metrics.base import plots
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.sum_metric import Contributions, Result, SumMetric
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LevelConfusionMatrix"]

#: Cells of all matrices together that are made without being asked for by name: 128 MB.
_MOST_CELLS = 1 << 24


class LevelConfusionMatrix(SumMetric):
    """Counts of targets (rows) and answers (columns) on each level: a dict level -> (nodes, nodes), int64.

    It answers what is taken for what. Rows and columns are in the order of `taxonomy.nodes(level)`; the
    picture (`plot`) puts them in the order of the tree. Not for levels of many thousand nodes: the matrix
    is quadratic. On a level the answer is the node with the largest probability; an answer that stands
    above the level has no cell there.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        levels: names of levels; None: all, if that takes no more than 2^24 cells.
        ignore_index: targets of this number are not counted.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`; too many cells raise ValueError.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> confusion = LevelConfusionMatrix(t)
    >>> confusion.update(torch.tensor([0, 1, 2, 0]), torch.tensor([0, 0, 2, 2]))
    >>> confusion.compute()["depth_1"]
    tensor([[2, 0],
            [1, 1]])
    """

    higher_is_better = None

    def __init__(
        self,
        taxonomy: Taxonomy,
        levels: Sequence[str] | None = None,
        ignore_index: int = -100,
        **kwargs: Any,
    ) -> None:
        if isinstance(levels, str) or not (levels is None or isinstance(levels, Iterable)):
            raise TypeError(f"expected levels as a list of names, got {levels!r}")
        plan_of(taxonomy)  # raises, in words, where it is none
        known = taxonomy.levels
        self.levels = tuple(known if levels is None else levels)
        self._numbers = [taxonomy.level_number(level) - 1 for level in self.levels]
        self._widths = [len(taxonomy.level_nodes(number + 1)) for number in self._numbers]
        cells = sum(width**2 for width in self._widths)
        if levels is None and cells > _MOST_CELLS:
            raise ValueError(
                f"expected levels=[...] for {self._widths[-1]:,} classes, since all levels take "
                f"{cells:,} cells; the levels are {', '.join(known)}"
            )
        super().__init__(taxonomy, *self.levels, size=cells, ignore_index=ignore_index, **kwargs)

    def _rows(self, batch: Batch) -> Contributions:
        answers, wanted = batch.level_answers[:, self._numbers], batch.wanted[:, self._numbers]
        widths = torch.tensor(self._widths, device=wanted.device)
        first = widths.square().cumsum(0) - widths.square()
        counted = batch.counted[:, self._numbers] & (answers >= 0)
        cells = torch.where(counted, first + wanted * widths + answers, 0)
        return Contributions(counted.long().unsqueeze(2), cells)

    def score(self, sums: Tensor) -> Result:
        """level -> counts (.., nodes, nodes), int64."""
        parts = torch.split(sums, [width**2 for width in self._widths], -1)
        shaped = zip(self.levels, parts, self._widths, strict=True)
        return {level: part.reshape(*part.shape[:-1], width, width) for level, part, width in shaped}

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """A matrix a level, in the order of the tree; in axes that are given the deepest level's.

        Args:
            val: a result of `compute`; None: computes now.
            ax: axes to draw in.
        """
        val = self.compute() if val is None else val
        levels = list(val) if ax is None else list(val)[-1:]
        figure, axes = plots.axes_of(ax, len(levels), figsize=(5 * len(levels), 5))
        for one, level in zip(np.ravel(axes), levels, strict=True):
            plots.matrix(one, self.taxonomy, level, val[level])
        return figure, axes

    def _score(self, sums: Tensor) -> Result:
        raise NotImplementedError("a confusion matrix is its sums")  # pragma: no cover
