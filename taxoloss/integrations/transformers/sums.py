"""The loss as Trainer asks for it: a sum over the labels here, divided by the labels of the whole batch.

Trainer cuts a batch into pieces (gradient accumulation, processes). A mean over each piece, added up, is
the mean over none: pieces with few labels would count as much as full ones. So

    loss of a piece = sum over its labels / num_items_in_batch

where num_items_in_batch is what Trainer counts in all pieces: labels other than -100. Added up over the
pieces that is the mean of the batch.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from taxoloss.errors.packages import package
from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.inputs import host_may_read, refuse_probabilities
from taxoloss.integrations.transformers.arguments import check_arguments, many_gpus
from taxoloss.integrations.transformers.outputs import classes_second, logits_of
from taxoloss.loss import TaxonomyLoss

__all__ = ["IGNORED", "LossOfTrainer", "compute_loss_func"]

#: The label that Trainer does not count, whatever a loss ignores.
IGNORED = -100


def compute_loss_func(loss: TaxonomyLoss, args: Any = None) -> LossOfTrainer:
    """The loss for `Trainer(compute_loss_func=...)`: sum / num_items_in_batch, the mean of the whole batch.

    The mean is that of the labels other than -100 of all pieces of a batch, under gradient accumulation and
    in several processes too. `loss.set_level_weights` acts on it.

    Args:
        loss: a TaxonomyLoss with reduction "mean" or "sum", which are the same here.
        args: the Trainer's TrainingArguments, which are then checked (`check_arguments`).

    Returns:
        f(outputs, labels, num_items_in_batch=None) -> a scalar, float32 for half and bfloat16 logits; of
        outputs.logits (N, C), (N, T, C) or (N, C, d1..dk) and node ids (N,), (N, T) or (N, d1..dk).

    Raises:
        TypeError: loss is no TaxonomyLoss; later: the model gives a tuple, labels are none or soft.
        ValueError: the loss has class weights, another ignore_index than -100 or reduction "none"; later:
            the output has no logits, or of another number of classes, or probabilities in their place.
        ImportError: transformers is missing, or older than 4.46, the first with this hook.

    >>> import taxoloss, torch
    >>> pets = taxoloss.load("pets").bind()
    >>> computed = compute_loss_func(taxoloss.TaxonomyLoss(pets))
    >>> logits, labels = torch.zeros(4, 37, requires_grad=True), torch.tensor([0, 5, -100, 36])
    >>> float(computed({"logits": logits}, labels, num_items_in_batch=6).detach()) # half of six labels
    1.12...

    Source: https://huggingface.co/docs/transformers/main_classes/trainer
    """
    package("transformers", "compute_loss_func", "transformers", "4.46")
    _check_loss(loss)
    if args is not None:
        check_arguments(args)
    return LossOfTrainer(loss)


class LossOfTrainer:
    """What `compute_loss_func` makes."""

    def __init__(self, loss: TaxonomyLoss) -> None:
        self.loss = loss
        self._looked = False

    def __call__(
        self, outputs: Any, labels: Tensor | None, num_items_in_batch: Tensor | float | None = None
    ) -> Tensor:
        """The sum over the labels of a piece, by the number of labels in all pieces."""
        logits = logits_of(outputs)
        total, here = self.sum(logits, labels)
        if num_items_in_batch is None:
            if total.requires_grad:
                raise ValueError(
                    "expected num_items_in_batch in training, got None: under gradient accumulation "
                    "the mean of a piece is too large; in a loop of your own call the loss itself"
                )
            return _divided(total, here)
        count = _count(num_items_in_batch, logits.device)
        if self._may_look(logits) and bool(count < here):
            raise ValueError(
                f"expected num_items_in_batch of the {int(here)} labels here or more, got "
                f"{float(count):g}: the model shifts its labels, as causal language models do"
            )
        self._looked = True
        return _divided(total, count)

    def sum(self, logits: Tensor, labels: Any) -> tuple[Tensor, Tensor]:
        """The sum over labels other than -100, and their number."""
        _check_labels(labels)
        logits = at_least_float32(classes_second(logits, labels))
        if self._may_look(logits):
            refuse_probabilities(logits)
        summed = copy.copy(self.loss)  # at each call: its level weights may have changed
        summed.reduction = "sum"
        total: Tensor = summed(logits, labels)
        return total, (labels != IGNORED).sum()

    def _may_look(self, logits: Tensor) -> bool:
        """Whether to look at numbers: always on the CPU, once where a device must be waited for."""
        return host_may_read(logits) or not self._looked

    def __repr__(self) -> str:
        return f"compute_loss_func({self.loss!r})"


def _divided(total: Tensor, count: Tensor) -> Tensor:
    """total / count; of no labels NaN, as torch's mean, but the gradient of the logits is 0."""
    return torch.where(count == 0, torch.nan, total / torch.where(count == 0, 1, count))


def _count(given: Any, device: torch.device) -> Tensor:
    if isinstance(given, Tensor):
        if given.numel() != 1:
            raise ValueError(many_gpus(given.numel()))
        return given.detach().reshape(()).to(device)
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        found = f"{type(given).__name__} {given!r:.40}"
        raise TypeError(f"expected num_items_in_batch as a number or a tensor of one, got {found}")
    return torch.tensor(given, device=device)


def _check_loss(loss: Any) -> None:
    if not isinstance(loss, TaxonomyLoss):
        raise TypeError(f"expected a TaxonomyLoss, got {type(loss).__name__}")
    if loss.ignore_index != IGNORED:
        raise ValueError(
            f"expected a loss with ignore_index=-100, got {loss.ignore_index}: Trainer counts every "
            f"label but -100; write -100 in the labels (labels[labels == {loss.ignore_index}] = -100)"
        )
    if loss.weight is not None:
        raise ValueError(
            "expected a loss without class weights, got weight=...: Trainer divides by the number of "
            "labels, not by their weights; draw classes more often (a sampler), or give the table of "
            "taxoloss.weighting.label_balanced"
        )
    if loss.reduction == "none":
        raise ValueError("expected a loss with reduction 'mean' or 'sum', got 'none': Trainer needs one")


def _check_labels(labels: Any) -> None:
    if labels is None:
        raise TypeError(
            "expected labels, got None: call the dataset's column `labels` (or `label`), and keep "
            "TrainingArguments.label_names as it is"
        )
    if not isinstance(labels, Tensor):
        raise TypeError(f"expected labels as a Tensor of node ids, got {type(labels).__name__}")
    if labels.is_floating_point():
        raise TypeError(
            f"expected labels as node ids, got {labels.dtype} of shape {tuple(labels.shape)}: of soft "
            "labels Trainer counts every number as a label; mix in a training loop of your own"
        )
