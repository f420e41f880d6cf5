"""What every metric asks of its predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.arithmetic import flat_rows
from taxoloss.functional.distributed_tensors import refuse_distributed
from taxoloss.functional.inputs import (
    check_logits,
    check_width,
    host_may_read,
    refuse_nan,
    refuse_probabilities,
)
from taxoloss.functional.slips import kind_of, target_help
from taxoloss.taxonomy.plan import LossPlan

__all__ = ["check_predictions", "check_values", "is_ranking"]


def check_predictions(preds: Tensor, target: Tensor, plan: LossPlan, probabilities: bool = False) -> None:
    """ValueError or TypeError where predictions and targets are not what a metric can score."""
    for name, value in (("preds", preds), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"expected {name} as a Tensor, got {kind_of(value)}")
        refuse_distributed(value, name)
    if target.is_floating_point() or target.dtype == torch.bool:
        help = target_help(preds, target, host_may_read(target), plan.num_classes) if preds.dim() else ""
        raise ValueError(f"expected target as integer node ids, got {target.dtype}{help}")
    check_width(target, plan.num_targets)
    if preds.dtype == torch.bool:
        raise ValueError("expected preds as logits or integer node ids, got torch.bool")
    if probabilities and is_ranking(preds, target):
        raise ValueError(
            "expected with probabilities=True floating-point numbers, or a node id a sample, got "
            f"{preds.dtype} of shape {tuple(preds.shape)}: probabilities of 0 and 1 are given as floats, "
            "and a ranking is scored without probabilities=True"
        )
    check_width(preds, plan.num_classes, "preds")
    expected = preds.shape
    if preds.is_floating_point():
        check_logits(preds, plan)
    if preds.is_floating_point() or is_ranking(preds, target):
        expected = torch.Size([*preds.shape[:1], *preds.shape[2:]] if preds.dim() > 1 else [])
    if target.shape != expected:
        raise ValueError(
            f"expected target of shape {tuple(expected)} for preds of shape {tuple(preds.shape)}, "
            f"got {tuple(target.shape)}{_target_help(preds, target, expected)}"
        )


def _target_help(preds: Tensor, target: Tensor, expected: torch.Size) -> str:
    """What to do about a target of another shape."""
    if preds.is_floating_point():
        return target_help(preds, target, host_may_read(target))
    return "; pass target.squeeze(1)" if target.shape == (*expected[:1], 1, *expected[1:]) else ""


def check_values(preds: Tensor, target: Tensor, counted: Tensor, plan: LossPlan) -> None:
    """ValueError or IndexError where the predictions of rows that are counted, (R,), are none."""
    if preds.is_floating_point():
        if host_may_read(preds):
            refuse_probabilities(preds, counted, option=True)
            refuse_nan(preds, counted)
    elif is_ranking(preds, target):
        _check_ranking(flat_rows(preds)[counted], plan)
    else:
        _check_answers(preds.reshape(-1)[counted], plan)


def is_ranking(preds: Tensor, target: Tensor) -> bool:
    """Whether integers are classes in order, (N, K, d1..dk) for targets (N, d1..dk)."""
    return not preds.is_floating_point() and preds.dim() == target.dim() + 1 > 1


def _check_ranking(preds: Tensor, plan: LossPlan) -> None:
    """ValueError or IndexError where classes in order, (n, K), are none, or stand there twice."""
    wrong = (preds < 0) | (preds >= plan.num_classes)
    if wrong.any():
        value = int(preds[wrong][0])
        raise IndexError(f"expected a ranking of classes, 0..{plan.num_classes - 1}, got {value}")
    if bool((preds.sort(1).values.diff(dim=1) == 0).any()):
        raise ValueError(
            "expected preds as logits, one node id a sample, or a ranking in which no class stands twice; "
            f"got {preds.shape[1]} integers a sample that repeat"
        )


def _check_answers(answers: Tensor, plan: LossPlan) -> None:
    """IndexError where a node id is none."""
    wrong = (answers < 0) | (answers >= plan.num_nodes)
    if wrong.any():
        raise IndexError(f"expected answers in 0..{plan.num_nodes - 1}, got {int(answers[wrong][0])}")
