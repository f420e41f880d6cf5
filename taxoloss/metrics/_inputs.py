"""What every metric asks of its predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.checks import check_logits, readable
from taxoloss.plan import Plan

__all__ = ["check_answers", "check_predictions", "is_ranking"]

_FIRST_ROWS = 8


def check_predictions(preds: Tensor, target: Tensor, plan: Plan) -> None:
    """ValueError or TypeError where predictions and targets are not what a metric can score."""
    for name, value in (("preds", preds), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"expected {name} as a Tensor, got {type(value).__name__}")
    if target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(f"expected target as integer node ids, got {target.dtype}")
    if preds.dtype == torch.bool:
        raise ValueError("expected preds as logits or integer node ids, got torch.bool")
    expected = preds.shape
    if preds.is_floating_point():
        check_logits(preds, plan)
        if readable(preds):
            _refuse_probabilities(preds)
            _refuse_nan(preds)
    elif is_ranking(preds, target):
        _check_ranking(preds, plan)
    if preds.is_floating_point() or is_ranking(preds, target):
        expected = torch.Size([*preds.shape[:1], *preds.shape[2:]] if preds.dim() > 1 else [])
    if target.shape != expected:
        raise ValueError(
            f"expected target of shape {tuple(expected)} for preds of shape {tuple(preds.shape)}, "
            f"got {tuple(target.shape)}"
        )


def is_ranking(preds: Tensor, target: Tensor) -> bool:
    """Whether integers are classes in order, (N, K, d1..dk) for targets (N, d1..dk)."""
    return not preds.is_floating_point() and preds.dim() == target.dim() + 1 > 1


def _check_ranking(preds: Tensor, plan: Plan) -> None:
    """ValueError or IndexError where classes in order are none, or stand there twice."""
    wrong = (preds < 0) | (preds >= plan.num_classes)
    if wrong.any():
        value = int(preds[wrong][0])
        raise IndexError(f"expected a ranking of classes, 0..{plan.num_classes - 1}, got {value}")
    ordered = preds.sort(1 if preds.dim() > 1 else 0).values
    if bool((ordered.diff(dim=1 if preds.dim() > 1 else 0) == 0).any()):
        raise ValueError(
            "expected preds as logits, one node id a sample, or a ranking in which no class stands twice; "
            f"got integers of shape {tuple(preds.shape)} that repeat"
        )


def check_answers(answers: Tensor, plan: Plan) -> None:
    """IndexError where a node id is none."""
    wrong = (answers < 0) | (answers >= plan.num_nodes)
    if wrong.any():
        raise IndexError(f"expected answers in 0..{plan.num_nodes - 1}, got {int(answers[wrong][0])}")


def _refuse_nan(preds: Tensor) -> None:
    """A NaN is the largest of its row to torch, and so would be an answer."""
    best = preds.amax(min(preds.dim() - 1, 1)) if preds.numel() else preds
    if bool(best.isnan().any()):
        row = int(best.isnan().reshape(len(best) if best.dim() else 1, -1).any(1).nonzero()[0])
        raise ValueError(f"expected logits without NaN, got NaN in row {row}")


def _refuse_probabilities(preds: Tensor) -> None:
    """Probabilities read as logits are the commonest mistake: P = .93 would become .35."""
    rows = preds[:_FIRST_ROWS].float() if preds.dim() > 1 else preds[None].float()
    if rows.numel() == 0:
        return
    sums = rows.sum(1)
    close = (sums - 1).abs() < 1e-3
    if bool(((rows >= 0) & (rows <= 1)).all() and close.all()):
        raise ValueError(
            "expected logits or log-probabilities, got rows in [0, 1] that sum to 1: these look like "
            "probabilities; pass p.log()"
        )
