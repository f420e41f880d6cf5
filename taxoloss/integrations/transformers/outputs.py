"""The logits in what a model of transformers gives, and where their classes are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

__all__ = ["classes_second", "logits_of"]


def logits_of(outputs: Any) -> Tensor:
    """The logits of a model's output.

    Raises:
        TypeError: a tuple or a tensor, of which Trainer would evaluate all but the first entry.
        ValueError: there are no logits among its keys.
    """
    if isinstance(outputs, (tuple, list, Tensor)) or not isinstance(outputs, Mapping):
        raise TypeError(
            "expected the model's output as a ModelOutput or a dict with logits, got "
            f"{type(outputs).__name__}, of which Trainer would evaluate outputs[1:]: return "
            "{'logits': logits}, or set return_dict=True"
        )
    logits = outputs.get("logits")
    if not isinstance(logits, Tensor):
        found = ", ".join(map(str, outputs)) or "nothing"
        raise ValueError(
            f"expected logits in the model's output, got {found}: use a model with a classification head, "
            "such as AutoModelForImageClassification"
        )
    return logits


def classes_second(logits: Tensor, labels: Tensor) -> Tensor:
    """Logits with their classes in dimension 1, (N, C, d1..dk), as taxoloss and torch have them.

    Models of tokens and frames give (N, T, C); those of images (N, C) and (N, C, H, W).

    Raises:
        ValueError: the labels of (N, T, C) are not (N, T), or those of an image have another size.
    """
    if not logits.is_floating_point() or logits.dim() < 3:
        return logits
    if logits.dim() == 3:
        if labels.shape != logits.shape[:2]:
            raise ValueError(
                f"expected labels (N, T) for logits (N, T, C) {tuple(logits.shape)}, classes last as "
                f"in transformers, got labels {tuple(labels.shape)}"
            )
        return logits.movedim(2, 1)
    if labels.dim() == logits.dim() - 1 and labels.shape[1:] != logits.shape[2:]:
        raise ValueError(
            f"expected logits in the size of the labels, {tuple(labels.shape[1:])}, got "
            f"{tuple(logits.shape[2:])}: let the model enlarge them (torch.nn.functional.interpolate)"
        )
    return logits
