"""What counts as equal: numbers that differ by no more than the rounding of the sums they are made of.

Sums of the same probabilities in another order differ in their last digits. So numbers within 32 roundings
(float64: 7e-15, float32: 4e-6) of the larger one, or of the scale that both are sums on, are equal. Logits
are no sums: they are compared as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["rounding", "snapped"]

_ROUNDINGS = 32


def rounding(values: Tensor, scale: float | Tensor = 0.0) -> Tensor:
    """By how much numbers (..) may miss what they stand for: relative to themselves, or to a scale."""
    largest = torch.finfo(values.dtype).max / _ROUNDINGS  # infinite numbers have finite roundings
    size = torch.maximum(values.abs(), torch.as_tensor(scale, dtype=values.dtype, device=values.device))
    return _ROUNDINGS * torch.finfo(values.dtype).eps * size.clamp(max=largest)


def snapped(values: Tensor, scale: float | Tensor) -> Tensor:
    """Numbers (N, W, d1..dk) of which those that are equal but for rounding are the same number.

    In order they fall into runs without a gap of a rounding. The numbers of a run become its first; where
    it is longer than a rounding it is cut each time that one is full.
    """
    inorder = values.sort(dim=1)
    rising, step = inorder.values, rounding(inorder.values, scale)
    new = torch.ones_like(rising, dtype=torch.bool)
    new[:, 1:] = rising[:, 1:] - rising[:, :-1] > step[:, 1:]
    start = torch.where(new, rising, -torch.inf).cummax(1).values
    cut = start + ((rising - start) / step).floor() * step
    same = torch.where(rising > start, cut, rising)
    return torch.empty_like(values).scatter(1, inorder.indices, same)
