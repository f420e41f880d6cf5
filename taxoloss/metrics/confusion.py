"""Which nodes of a level are taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from taxoloss.errors.characters import quoted
from taxoloss.functional.graphs.nodes import GraphNodes, graph_nodes
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.sum_metric import Contributions, Result, SumMetric
from taxoloss.plot import matrices, scores
from taxoloss.taxonomy.plan import loss_plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Confusion", "LevelConfusionMatrix"]

#: Cells of all matrices together that are made without being asked for by name: 128 MB.
_MOST_CELLS = 1 << 24


class Confusion(NamedTuple):
    """How often a node is taken for another, by name; where names of a level repeat, by path a/b/c."""

    truth: str
    answer: str
    count: int  # type: ignore[assignment]  # a tuple's method of that name counts equal items
    #: The count over that of all samples of this truth.
    share: float


class LevelConfusionMatrix(SumMetric):
    """Counts of targets (rows) and answers (columns) on each level: a dict level -> (nodes, nodes), int64.

    It answers what is taken for what. Rows and columns are in the order of `taxonomy.nodes(level)`; the
    picture (`plot`) puts them in the order of the tree. Not for levels of many thousand nodes: the matrix
    is quadratic. On a level the answer is the node with the largest probability; an answer that stands
    above the level has no cell there. Where nodes have several parents, the levels that are asked for are
    those on which each class has one node: a sample is in one row.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        levels: names of levels; None: all, if that takes no more than 2^24 cells.
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`; too many cells raise ValueError, and so does a level on which a
    class has several nodes.

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
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(levels, str) or not (levels is None or isinstance(levels, Iterable)):
            raise TypeError(f"expected levels as a list of names, got {levels!r}")
        loss_plan_of(taxonomy)  # raises, in words, where it is none
        known = taxonomy.levels
        self.levels = tuple(known if levels is None else levels)
        self._numbers = [taxonomy.level_number(level) - 1 for level in self.levels]
        _check_one_node(taxonomy, self._numbers)
        self._widths = [len(taxonomy.level_nodes(number + 1)) for number in self._numbers]
        cells = sum(width**2 for width in self._widths)
        if levels is None and cells > _MOST_CELLS:
            raise ValueError(
                f"expected levels=[...] for {self._widths[-1]:,} classes, since all levels take "
                f"{cells:,} cells; the levels are {', '.join(known)}"
            )
        super().__init__(
            taxonomy,
            *self.levels,
            size=cells,
            ignore_index=ignore_index,
            probabilities=probabilities,
            **kwargs,
        )

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

    def worst_pairs(self, n: int = 10, level: str | None = None) -> list[Confusion]:
        """The most frequent confusions of a level, (truth, answer, count, share), the worst first.

        Equal counts are in the order of the tree: by truth, then by answer.

        Args:
            n: at most so many; those that never happened are left out.
            level: None: the deepest of `levels`.

        Raises:
            ValueError: n is no integer of 1 or more; the level is none of `levels`.

        >>> import taxoloss, torch
        >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
        >>> confusion = LevelConfusionMatrix(t)
        >>> confusion.update(torch.tensor([0, 1, 1, 2, 2]), torch.tensor([0, 0, 0, 0, 2]))
        >>> confusion.worst_pairs(1)
        [Confusion(truth='Bengal', answer='Sphynx', count=2, share=0.5)]
        """
        level = self._level(level)
        names, counts = self._names(level), self._arrays(self.compute())[level]
        wrong, totals = counts - np.diag(np.diag(counts)), counts.sum(1).tolist()
        found = _largest(wrong, _checked(n), self._place(level))
        often = [int(counts[pair]) for pair in found]
        return [
            Confusion(names[row], names[column], count, count / totals[row])
            for (row, column), count in zip(found, often, strict=True)
        ]

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """A matrix for each level, the top level first, in the order of the tree: (figure, axes).

        Colours are shares of each target's samples, numbers in the cells are counts, an empty cell is 0.
        Where nodes are many, names are those of their groups. Axes are an array for several levels.

        Args:
            val: a result of `compute`; None: computes now.
            ax: axes to draw in the matrix of the deepest level; None: a figure of all levels.

        Raises:
            ImportError: matplotlib is not installed.
            TypeError, ValueError: val is no result of this metric.
        """
        return matrices.matrices(self.taxonomy, self._arrays(self.compute() if val is None else val), ax)

    def plot_worst_pairs(self, n: int = 10, level: str | None = None, ax: Any = None) -> Any:
        """Bars of `worst_pairs`, the worst at the top: (figure, axes).

        Args:
            n, level: as in `worst_pairs`.
            ax: axes to draw in; None: a figure of the size that the bars need.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: as `worst_pairs`.
        """
        return scores.pairs(self.worst_pairs(n, level), self._level(level), ax)

    def _level(self, level: str | None) -> str:
        """The level that is meant, one of `levels`."""
        if level is None:
            return max(self.levels, key=self.taxonomy.level_number)
        if level not in self.levels:
            raise ValueError(f"expected a level, one of {', '.join(self.levels)}; got {level!r}")
        return level

    def _names(self, level: str) -> Sequence[str]:
        """Of each node of a level what no other is called there."""
        names, paths = self.taxonomy.nodes(level), self.taxonomy.paths(level)
        often = Counter(names)
        return [
            name if often[name] == 1 else "/".join(path) for name, path in zip(names, paths, strict=True)
        ]

    def _place(self, level: str) -> IntArray:
        """Of each node of a level its place in the order of the tree."""
        return np.argsort(np.argsort(self.taxonomy.level_nodes(self.taxonomy.level_number(level))))

    def _arrays(self, val: Any) -> dict[str, IntArray]:
        """A result as arrays, checked."""
        if not isinstance(val, Mapping) or not val:
            raise TypeError(f"expected val as a dict level -> counts, got {type(val).__name__} {val!r:.60}")
        arrays = {}
        for level, counts in val.items():
            width = len(self.taxonomy.level_nodes(self.taxonomy.level_number(level)))
            found = np.asarray(counts.cpu() if isinstance(counts, Tensor) else counts)
            found = found.reshape(1, 1) if found.size == width == 1 else found  # torchmetrics' result is ()
            if found.shape != (width, width):
                raise ValueError(f"expected counts ({width}, {width}) of {level}, got {found.shape}")
            arrays[level] = found
        return arrays

    def _score(self, sums: Tensor) -> Result:
        raise NotImplementedError("a confusion matrix is its sums")  # pragma: no cover


def _check_one_node(taxonomy: Taxonomy, numbers: Sequence[int]) -> None:
    """ValueError where a class has several nodes on one of these levels, 0 .. L-1."""
    if taxonomy.is_tree:
        return
    nodes = graph_nodes(taxonomy)
    possible = [level for level, single in zip(taxonomy.levels, nodes.single, strict=True) if single]
    for number in numbers:
        if not nodes.single[number]:
            raise ValueError(
                f"expected levels=[...] on which each class has one node, of {', '.join(possible)}; got "
                f"{taxonomy.levels[number]}, on which {_several_nodes(taxonomy, nodes, number)}"
            )


def _several_nodes(taxonomy: Taxonomy, nodes: GraphNodes, number: int) -> str:
    """The first class that has several nodes on a level, and these."""
    on_it = nodes.on_level[nodes.lines, number] & (nodes.lines >= 0)
    label = int((on_it.sum(1) > 1).nonzero()[0])
    names = ["/".join(taxonomy.path(int(node))) for node in nodes.lines[label][on_it[label]]]
    return f"{quoted('/'.join(taxonomy.path(label)))} has {', '.join(map(quoted, names))}"


def _largest(counts: IntArray, most: int, place: IntArray) -> list[tuple[int, int]]:
    """(row, column) of the largest counts above 0; of equal ones the first by the places of their nodes."""
    found = counts[counts > 0]
    # Only what may be among them is sorted: there are up to 2^24 cells.
    least = np.partition(found, -most)[-most] if len(found) > most else 1
    rows, columns = np.nonzero(counts >= least)
    order = np.lexsort((place[columns], place[rows], -counts[rows, columns]))[:most]
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))


def _checked(n: Any) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"expected n as an integer, 1 or larger, got {n!r}")
    return n
