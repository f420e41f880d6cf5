"""What every metric asks of its predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.checks import check_logits
from taxoloss.plan import Plan

__all__ = ["check_predictions"]

_FIRST_ROWS = 8


def check_predictions(preds: Tensor, target: Tensor, plan: Plan) -> None:
    """ValueError or TypeError where predictions and targets are not what a metric can score."""
    for name, value in (("preds", preds), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"expected {name} as a Tensor, got {type(value).__name__}")
    if target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(f"expected target as integer node ids, got {target.dtype}")
    expected = preds.shape
    if preds.is_floating_point():
        check_logits(preds, plan)
        _refuse_probabilities(preds)
        expected = torch.Size([*preds.shape[:1], *preds.shape[2:]] if preds.dim() > 1 else [])
    elif preds.dtype == torch.bool:
        raise ValueError("expected preds as logits or integer node ids, got torch.bool")
    if target.shape != expected:
        raise ValueError(
            f"expected target of shape {tuple(expected)} for preds of shape {tuple(preds.shape)}, "
            f"got {tuple(target.shape)}"
        )


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
