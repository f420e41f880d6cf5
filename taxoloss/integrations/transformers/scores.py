"""The metrics of taxoloss as Trainer asks for them: plain floats, over all samples of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from taxoloss.errors.packages import package
from taxoloss.integrations.orders import check_one_order
from taxoloss.integrations.transformers.arguments import check_direction
from taxoloss.integrations.transformers.outputs import classes_second
from taxoloss.integrations.transformers.sums import IGNORED, LossOfTrainer, compute_loss_func
from taxoloss.loss import TaxonomyLoss
from taxoloss.metrics.collection import collection
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["MetricsOfTrainer", "compute_metrics", "preprocess_logits_for_metrics"]

#: Numbers that are scored in one pass.
_PIECE = 1 << 22


def compute_metrics(
    taxonomy: Taxonomy, args: Any = None, *, loss: TaxonomyLoss | None = None, **options: Any
) -> MetricsOfTrainer:
    """The metrics for `Trainer(compute_metrics=...)`, also with batch_eval_metrics=True.

    Trainer writes `eval_` before the keys of `taxoloss.metrics.collection`: eval_accuracy/LEVEL,
    eval_severity (NaN where there is no mistake), ... They are the scores of all samples, not means over
    batches. Labels of -100 are not counted.

    Args:
        taxonomy: bound (`Taxonomy.bind`).
        args: the Trainer's TrainingArguments: it is then checked that greater_is_better fits the metric
            for the best model.
        loss: with it `eval_loss` is the mean over all labels. Trainer's own is a mean over batches, in
            which a batch with few labels counts as much as a full one.
        options: of `taxoloss.metrics.collection`, such as curves=True.

    Returns:
        f(EvalPrediction, compute_result=None) -> dict key -> float; its `reset` forgets an evaluation that
        was broken off under batch_eval_metrics.

    Raises:
        ValueError, TypeError: as `collection` and `compute_loss_func`; a loss with another order of the
            classes; args under which Trainer would keep the worst model. Later: a model that gives several
            outputs of one shape, labels that are texts.

    >>> import numpy as np, taxoloss
    >>> from transformers import EvalPrediction
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> scores = compute_metrics(t, calibration=False)
    >>> found = scores(EvalPrediction(predictions=5 * np.eye(3), label_ids=np.array([0, 0, -100])))
    >>> found["accuracy/depth_1"], found["accuracy/depth_2"]
    (1.0, 0.5)
    """
    package("transformers", "compute_metrics", "transformers", "4.46")
    for name in ("prefix", "postfix", "ignore_index"):
        if name in options:
            raise TypeError(f"expected no {name}: Trainer writes its own before the keys, and ignores -100")
    metrics = collection(taxonomy, ignore_index=IGNORED, **options)
    made = MetricsOfTrainer(metrics, None if loss is None else compute_loss_func(loss))
    if loss is not None:
        check_one_order("a loss", loss.taxonomy, taxonomy)
    if args is not None:
        higher = {name: metric.higher_is_better for name, metric in metrics.items()}
        check_direction(args, {**higher, "loss": False})
    return made


def preprocess_logits_for_metrics(logits: Any, labels: Any) -> Any:
    """The logits alone, for `Trainer(preprocess_logits_for_metrics=...)`.

    A model that gives hidden states or attentions too has them gathered and kept without it.

    Raises:
        ValueError: the model gives several outputs of one shape, and any may be the logits.

    >>> preprocess_logits_for_metrics(("logits", "hidden states"), None)
    'logits'
    """
    return _first(logits) if isinstance(logits, (tuple, list)) and logits else logits


def _first(outputs: Any) -> Any:
    """The first output; ValueError where another has its shape."""
    shapes = [tuple(getattr(output, "shape", ())) for output in outputs]
    same = shapes.count(shapes[0]) if shapes[0] else 1
    if same > 1:
        raise ValueError(
            f"expected one output that may be the logits, got {same} of shape {shapes[0]}, in the order in "
            "which the model gives them: choose, Trainer(preprocess_logits_for_metrics=lambda outputs, "
            "labels: outputs[0])"
        )
    return outputs[0]


class MetricsOfTrainer:
    """What `compute_metrics` makes."""

    def __init__(self, metrics: Any, loss: LossOfTrainer | None) -> None:
        self.metrics, self.loss = metrics, loss
        for metric in metrics.values():
            metric.sync_on_compute = False  # Trainer has gathered the samples of all processes
        self._cost = self._labels = 0.0

    def __call__(self, evaluated: Any, compute_result: bool | None = None) -> dict[str, float]:
        """Counts what was evaluated, and gives the scores unless compute_result is False."""
        if compute_result is None:
            self.reset()  # all at once, whatever was counted before
        for logits, labels in _batches(evaluated.predictions, evaluated.label_ids):
            self._count(logits, labels)
        if compute_result is False:
            return {}
        scores = {name: float(value) for name, value in self.metrics.compute().items()}
        if self.loss is not None:
            scores["loss"] = self._cost / self._labels if self._labels else float("nan")
        self.reset()
        return scores

    def reset(self) -> None:
        """Forgets what was counted."""
        self.metrics.reset()
        self._cost = self._labels = 0.0

    @torch.no_grad()
    def _count(self, logits: Tensor, labels: Tensor) -> None:
        self.metrics.to(logits.device)
        rows = max(1, _PIECE // max(1, logits[:1].numel()))
        for part, truth in zip(torch.split(logits, rows), torch.split(labels, rows), strict=True):
            self.metrics.update(classes_second(part, truth), truth)
            if self.loss is not None:
                cost, here = self.loss.sum(part, truth)
                self._cost += float(cost)
                self._labels += float(here)

    def __repr__(self) -> str:
        return f"compute_metrics({', '.join(self.metrics)})"


def _batches(predictions: Any, labels: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits and labels, of all samples or (eval_do_concat_batches=False) batch by batch."""
    if isinstance(predictions, list):
        for one, other in zip(predictions, labels, strict=True):
            yield from _batches(one, other)
        return
    if isinstance(labels, tuple):
        raise TypeError(
            f"expected one kind of labels, got {len(labels)}: set TrainingArguments(label_names=['labels'])"
        )
    if isinstance(predictions, tuple):
        if not predictions:
            raise TypeError(
                "expected predictions, got none: Trainer evaluates outputs[1:] of a model that gives a "
                "tuple; return {'logits': logits}"
            )
        predictions = _first(predictions)
    logits, truth = _tensor(predictions, "predictions"), _tensor(labels, "label_ids")
    if len(logits) != len(truth):
        raise ValueError(
            f"expected as many predictions as labels, got {len(logits)} and {len(truth)}: "
            "Trainer evaluates outputs[1:] of a model that gives a tensor; return {'logits': logits}"
        )
    yield logits, truth


def _tensor(value: Any, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    if not hasattr(value, "__array__"):
        raise TypeError(f"expected {name} as an array or a tensor, got {type(value).__name__}")
    if getattr(value, "dtype", None) is not None and value.dtype.kind not in "biuf":
        raise TypeError(
            f"expected {name} as numbers, got {value.dtype}: labels are node ids, t.node_ids(names)"
        )
    return torch.tensor(value)
