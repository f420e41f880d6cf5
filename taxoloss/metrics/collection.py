"""The metrics that most people want, in one line."""

from __future__ import annotations

from typing import Any

import torch
from torchmetrics import MetricCollection

from taxoloss.metrics.base.at_once import count_at_once
from taxoloss.metrics.base.batch import Batch, one_pass
from taxoloss.metrics.base.sum_metric import SumMetric, check_top_k
from taxoloss.metrics.families import FAMILIES, best_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["TaxonomyCollection", "collection"]

_OWN = frozenset(family.metric for family in FAMILIES)


class TaxonomyCollection(MetricCollection):
    """A MetricCollection whose metrics share what they compute of a batch; made by `collection`.

    Its scores come in the order of its metrics, levels from the top: torchmetrics would sort them.
    """

    def __init__(self, metrics: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(metrics, **kwargs)
        for name in metrics:
            self._modules[name] = self._modules.pop(name)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Counts a batch in every metric."""
        if not self._groups_checked or self._state_is_copy or not self._count(args, kwargs):
            with one_pass():
                super().update(*args, **kwargs)

    def _count(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Counts in the first metric of each group, whose state the others have; False where it may not.

        This is what torchmetrics does, but for its way to set an attribute, which costs more than to count
        a small batch.
        """
        modules: dict[str, Any] = self._modules
        groups = [(modules[first], others) for first, *others in self._groups.values()]
        if not all(_is_plain(first) for first, _ in groups):
            return False
        if kwargs and groups:
            kwargs = groups[0][0]._filter_kwargs(**kwargs)
        if len(args) == 2 and not kwargs and _at_once([first for first, _ in groups], *args):
            for first, others in groups:
                _is_counted(first, [modules[name] for name in others])
            return True
        batch: Batch | None = None
        with torch.no_grad():
            for first, others in groups:
                if batch is None or not first.reads(batch):
                    batch = first.batch(*args, shared=True, **kwargs)
                first.count(batch)
                _is_counted(first, [modules[name] for name in others])
        return True

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Counts a batch in every metric, and gives the scores of the batch.

        Their mean over batches is not the score of all of them: log the collection, not this.
        """
        with one_pass():
            result: dict[str, Any] = super().forward(*args, **kwargs)
        return result


def _is_plain(metric: Any) -> bool:
    """Whether a metric is one of ours on the CPU, whose `update` is what torchmetrics made of it."""
    wrapped = getattr(metric.update, "__wrapped__", None)
    return getattr(wrapped, "__func__", None) is SumMetric.update and metric._device.type == "cpu"


def _at_once(metrics: list[Any], preds: Any, target: Any) -> bool:
    """Whether a batch was counted in metrics at once; not where one is somebody else's."""
    return all(type(metric) in _OWN for metric in metrics) and count_at_once(metrics, preds, target)


def _is_counted(first: Any, others: list[Any]) -> None:
    """Notes that a batch was counted in a metric, whose state the others have."""
    state = first.__dict__
    state["_update_count"] += 1
    state["_computed"] = None
    if others:
        shared = {name: state[name] for name in (*first._defaults, "_update_count", "_computed")}
        for other in others:
            other.__dict__.update(shared)


def collection(
    taxonomy: Taxonomy,
    *,
    calibration: bool = True,
    ranking: bool = False,
    curves: bool = False,
    top_k: int | None = None,
    ignore_index: int = -100,
    probabilities: bool = False,
    prefix: str | None = None,
    postfix: str | None = None,
) -> TaxonomyCollection:
    """A MetricCollection of scalars under flat keys.

    Call `update` in each step. In Lightning log the collection, `self.log_dict(collection)`, not the dict
    of a call: the mean of batches' scores is not the score (severity is NaN where one has no mistake).

    accuracy/LEVEL, full_path_accuracy, severity, distance, tree_induced_error, precision, recall, f1 and
    calibration_error/LEVEL; all averages are micro. "." in a level's name, which torch forbids, is "_".
    Where nodes have several parents there is no HOPS: top_K_hops is left out, and ranking=True refused.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        calibration: with calibration_error/LEVEL; False where predictions are node ids (decisions).
        ranking: with hops; sorts all classes of each sample.
        curves: with aurc, average_correct, average_precision, recall_at_90_correct and
            recall_at_95_correct (information, in 4,096 bins).
        top_k: with top_K_accuracy/LEVEL (the ancestors of the K best classes), top_K_distance and
            top_K_hops; for logits, or rankings of K classes or more.
        ignore_index: targets of this number are not counted.
        probabilities: floating-point predictions are probabilities, as in `LevelAccuracy`.
        prefix, postfix: of the keys, such as "val/".

    Raises:
        ValueError, TypeError: as `LevelAccuracy`.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> metrics = taxoloss.metrics.collection(t, calibration=False)
    >>> metrics.update(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0]))
    >>> for name, value in metrics.compute().items():
    ...     print(name, round(float(value), 2))
    accuracy/depth_1 0.67
    accuracy/depth_2 0.33
    full_path_accuracy 0.33
    severity 1.5
    distance 1.0
    tree_induced_error 2.0
    precision 0.5
    recall 0.5
    f1 0.5
    """
    asked = {"calibration": calibration, "ranking": ranking, "curves": curves}
    chosen = [
        family.made(taxonomy, ignore_index, probabilities)
        for family in FAMILIES
        if family.option is None or asked[family.option]
    ]
    chosen += (
        [
            family.made(taxonomy, ignore_index, probabilities)
            for family in best_of(taxonomy, check_top_k(top_k))
        ]
        if top_k is not None
        else []
    )
    metrics = {name: metric for family in chosen for name, metric in family.items()}
    groups = [list(family) for family in chosen]
    return TaxonomyCollection(metrics, prefix=prefix, postfix=postfix, compute_groups=groups)
