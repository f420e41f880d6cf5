"""The trade between correct and specific answers over all thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows, row_blocks
from taxoloss.functional.graphs.nodes import GraphNodes
from taxoloss.functional.log_odds import level_log_odds
from taxoloss.functional.node_tensors import NodeTensors
from taxoloss.metrics.base.batch import Batch
from taxoloss.metrics.base.curve_metric import (
    Curve,
    CurveMetric,
    Steps,
    steps_between,
    surer_than_what_says_more,
)
from taxoloss.metrics.base.sum_metric import Result
from taxoloss.plot import curves
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["OperatingCurve"]

_VALUES = ("depth", "information")
#: Numbers (rows x nodes) of a block of rows.
_BLOCK = 1 << 22


class OperatingCurve(CurveMetric):
    """Correctness and precision over recall at every threshold: a dict of four scores (micro average).

    It answers how much can be said for how much correctness, over all thresholds at once. All in [0, 1],
    larger is better; not for choosing one threshold. At a threshold the answer is the most informative
    node whose log-odds are above it, so each sample answers its nodes in turn that are more informative
    than every surer one. With v a node's value (its depth, or its information 1 - log(classes below) /
    log(C)) and a the LCA of answer and target (of nodes with several parents the common ancestor with the
    fewest classes below), the answer cut back to the target where it is below,

        recall = v(a) / v(target)    precision = v(a) / v(answer), 0 / 0 = 1
        correct: answer and target are on one path

    average_correct and average_precision are the areas below the best correct, or precision, among the
    points of the curve with at least a given recall; recall_at_90_correct is the largest recall of a point
    with at least 90 % correct.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        value: "information" or "depth".
        exact: keep every step, or add the steps up in 4,096 bins; then `bin_error` bounds the error of
            the two averages.
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        kwargs: those of `torchmetrics.Metric`.

    Shape and errors: as `LevelAccuracy`; node ids, or an unknown value, raise ValueError.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle", "pug"]}}).bind()
    >>> curve = OperatingCurve(t)
    >>> curve.update(torch.tensor([[3.0, 2.0, 0.0, 0.0], [3.0, 2.0, 0.0, 0.0]]), torch.tensor([0, 1]))
    >>> for name, value in curve.compute().items():
    ...     print(name, round(float(value), 4))
    average_correct 0.625
    average_precision 0.6875
    recall_at_90_correct 0.5
    recall_at_95_correct 0.5

    Source: Valmadre, NeurIPS 2022, section 4 (its code orders answers by information for both values).
    """

    higher_is_better = True
    plot_upper_bound = 1.0

    def __init__(
        self,
        taxonomy: Taxonomy,
        value: str = "information",
        exact: bool = True,
        ignore_index: int = -100,
        *,
        probabilities: bool = False,
        **kwargs: Any,
    ) -> None:
        if value not in _VALUES:
            raise ValueError(f"expected value as one of {_VALUES}, got {value!r}")
        self.value = value
        super().__init__(
            taxonomy,
            value,
            fields=3,
            exact=exact,
            ignore_index=ignore_index,
            probabilities=probabilities,
            **kwargs,
        )

    def compute(self) -> Any:
        """The scores of all samples since the last reset, and bin_error where exact is False."""
        found = {name: value.to(self.sums.device) for name, value in self._scores(self.curve()).items()}
        return found if self.only is None else found[self.only]

    def _draw_counted(self, ax: Any, val: Any) -> None:
        if isinstance(val, Mapping):
            curves.operating_curve(ax, self.curve().fields.numpy(), val, self.value)
        else:
            self._draw(ax, val)

    def _score(self, sums: Tensor) -> Result:
        curves = [self._scores(self._binned_curve(row)) for row in sums.reshape(-1, sums.shape[-1])]
        return {n: torch.stack([c[n] for c in curves]).reshape(sums.shape[:-1]) for n in curves[0]}

    def _scores(self, curve: Curve) -> dict[str, Tensor]:
        recall, precision, correct = curve.fields.unbind(1)
        found = {
            "average_correct": _area(recall, correct),
            "average_precision": _area(recall, precision),
            "recall_at_90_correct": _largest(recall, correct, 0.90),
            "recall_at_95_correct": _largest(recall, correct, 0.95),
        }
        if not self.exact:
            # A point that is left out lies within what its bin travelled, in each direction.
            across, one, other = curve.travel[1:].amax(0).unbind(0)
            found["bin_error"] = across + torch.maximum(one, other)
        nothing = not bool(torch.isfinite(recall[0]))
        return {n: (value * torch.nan if nothing else value).float() for n, value in found.items()}

    def _steps_of(self, batch: Batch) -> Steps:
        logits, tensors = batch.need_logits("an operating curve"), batch.tensors
        z = flat_rows(logits)
        blocks = row_blocks(len(z), z.shape[1], _BLOCK)
        found = [
            self._steps_of_rows(z[rows], batch.target[rows], batch.taxonomy, tensors) for rows in blocks
        ]
        return Steps(*(torch.cat(part) for part in zip(*found, strict=True)))

    def _steps_of_rows(
        self, logits: Tensor, target: Tensor, taxonomy: Taxonomy, tensors: NodeTensors | GraphNodes
    ) -> Steps:
        """Of logits (n, C): from the surest answer to the most informative."""
        odds, nodes, made = _answers(logits, taxonomy, tensors)
        fields = self._fields_of(nodes, target.unsqueeze(1), tensors)
        return steps_between(fields, odds, made)

    def _fields_of(self, nodes: Tensor, target: Tensor, tensors: NodeTensors | GraphNodes) -> Tensor:
        """(n, G, 3): recall, precision and correct of answers (n, G)."""
        value = tensors.information if self.value == "information" else tensors.depth
        lca = tensors.lca(nodes, target)
        shared, whole = value[lca], value[target]
        said = torch.where(lca == target, whole, value[nodes])
        recall = torch.where(whole == 0, 1.0, shared / whole)
        precision = torch.where(said == 0, 1.0, shared / said)
        correct = ((lca == target) | (lca == tensors.node(nodes))).to(recall.dtype)
        return torch.stack([recall, precision, correct], 2)


def _answers(
    logits: Tensor, taxonomy: Taxonomy, tensors: NodeTensors | GraphNodes
) -> tuple[Tensor, Tensor, Tensor]:
    """Of logits (n, C), for each of G amounts of information, the least (the root's) first:

    log-odds (n, G) and id (n, G) of the surest node with that much, the deepest and then the first of
    equals, and whether no node that is as sure or surer says as much or more.
    """
    rows = len(logits)
    deepest_first = [*reversed(level_log_odds(logits, taxonomy)), logits.new_full((rows, 1), torch.inf)]
    odds = torch.cat([part.to(logits.dtype) for part in deepest_first], 1)
    root = torch.tensor([tensors.root], device=logits.device)
    ids = torch.cat([*reversed(tensors.nodes), root])
    sizes, group = torch.unique(tensors.classes_below[tensors.node(ids)], return_inverse=True)
    group = (len(sizes) - 1 - group).expand_as(odds)  # the largest nodes say least
    best = odds.new_full((rows, len(sizes)), -torch.inf).scatter_reduce(1, group, odds, "amax")
    column = torch.arange(len(ids), device=odds.device).expand_as(odds)
    column = torch.where(odds == best.gather(1, group), column, len(ids) - 1)
    first = torch.full_like(best, len(ids) - 1, dtype=torch.long).scatter_reduce(1, group, column, "amin")
    return best, ids[first], surer_than_what_says_more(best)


def _area(recall: Tensor, score: Tensor) -> Tensor:
    """The integral over r from 0 to 1 of the best score among points with recall >= r."""
    recall, order = recall.sort(descending=True)
    best = score[order].cummax(0).values
    return (best * (recall - torch.nn.functional.pad(recall[1:], (0, 1)))).sum()


def _largest(recall: Tensor, correct: Tensor, least: float) -> Tensor:
    """The largest recall of the points that are correct enough; 0 where none is."""
    # Means are sums of rounded fractions: an exact share must not fall short by the rounding.
    return torch.where(correct >= least - 1e-9, recall, 0.0).max()
