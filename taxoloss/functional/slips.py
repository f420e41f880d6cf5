"""The commonest slips of loops around a loss: what to do about targets of another shape, dtype or place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["SWAPPED", "kind_of", "logits_help", "target_help"]

SWAPPED = "; the arguments are swapped: logits come first, loss(logits, target), metric(preds, target)"


def kind_of(value: Any) -> str:
    """What stands in the place of a tensor; of a model's dict its keys too, and what makes ids of names.

    >>> kind_of({"out": 1, "aux": 2})
    "dict with the keys 'out', 'aux': pass the tensor, output['out']"
    >>> kind_of(["Bengal", "pug"])
    "list with names such as 'Bengal': t.node_ids(names) makes node ids of them"
    """
    name = type(value).__name__
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
        return f"{name} with names such as {value[0]!r:.40}: t.node_ids(names) makes node ids of them"
    if not isinstance(value, Mapping) or not value:
        return name
    best = next((key for key in ("logits", "out") if key in value), next(iter(value)))
    shown = ", ".join(repr(key) for key in list(value)[:5])
    return f"{name} with the keys {shown}: pass the tensor, output[{best!r}]"


def logits_help(logits: Tensor, target: Any, classes: int, may_read: bool) -> str:
    """What to do about logits without the dimension of C classes; "" where it is not plain.

    >>> logits_help(torch.zeros(8, 2, 2, 3), None, classes=3, may_read=True)
    '; pass logits.movedim(-1, 1)'
    """
    if _swapped(logits, target, classes, may_read):
        return SWAPPED
    last = logits.is_floating_point() and logits.dim() > 2 and logits.shape[-1] == classes
    return "; pass logits.movedim(-1, 1)" if last else ""


def target_help(logits: Tensor, target: Tensor, may_read: bool, classes: int | None = None) -> str:
    """What to do about a target that does not fit logits (C,) or (N, C, d1..dk); "" where it is not plain.

    classes: the C of the taxonomy, where what stands for logits may be none.

    >>> logits = torch.zeros(8, 3, 4, 4)
    >>> target_help(logits, torch.zeros(8, 1, 4, 4), may_read=True)
    '; pass target.squeeze(1).long()'
    >>> target_help(logits, torch.zeros(8, 4, 4, 3), may_read=True)
    '; the classes stand last: pass target.movedim(-1, 1)'
    """
    classes = classes or logits.shape[min(logits.dim() - 1, 1)]
    if logits.shape == target.shape:
        return "; one-hot rows: pass target.argmax(1), or to a loss target.float() as class probabilities"
    if _swapped(logits, target, classes, may_read):
        return SWAPPED
    expected = _without_classes(logits)
    if logits.dim() > 2 and target.shape == (*expected, classes):
        return "; the classes stand last: pass target.movedim(-1, 1)"
    inner = target.dim() == logits.dim() > 1 and target.shape[1] > classes
    if inner and target.is_floating_point() and _without_classes(target) == expected:
        return (
            "; labels above the classes cannot be mixed as targets: mix losses, lam * loss(logits, a) + "
            "(1 - lam) * loss(logits, b)"
        )
    squeezed = _with_channel(expected) if logits.dim() > 1 else None
    if target.shape not in (expected, squeezed) or not _whole(target, may_read):
        return ""
    call = "target.squeeze(1)" if target.shape == squeezed else "target"
    call += "" if target.dtype in (torch.long, torch.uint8) else ".long()"
    return f"; pass {call}" if call != "target" else ""


def _swapped(logits: Tensor, target: Any, classes: int, may_read: bool) -> bool:
    """Whether the first argument looks like the targets of the second."""
    if not isinstance(target, Tensor) or not target.is_floating_point() or target.dim() == 0:
        return False
    if target.shape[min(target.dim() - 1, 1)] != classes or not _whole(logits, may_read):
        return False
    expected = _without_classes(target)
    shapes = [expected, _with_channel(expected)]
    # A target of as many numbers may be class probabilities; integers are no logits.
    return logits.shape in shapes or (not logits.is_floating_point() and logits.shape == target.shape)


def _without_classes(logits: Tensor) -> tuple[int, ...]:
    return (logits.shape[0], *logits.shape[2:]) if logits.dim() > 1 else ()


def _with_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:1], 1, *shape[1:])


def _whole(tensor: Tensor, may_read: bool) -> bool:
    """Whether numbers are whole, as far as Python may look at them."""
    if not tensor.is_floating_point() or not may_read:
        return True
    return bool((tensor.detach() == tensor.detach().round()).all())
