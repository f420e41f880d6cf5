"""What a threshold is: a probability, or whatever says which log-odds are above it."""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Cut", "ThresholdLike", "above", "deepest_above", "first_above", "log_odds_of"]


@runtime_checkable
class Cut(Protocol):
    """A threshold that may differ by class and level, such as `Threshold`."""

    def above(self, odds: Tensor, classes: Tensor, taxonomy: Taxonomy) -> Tensor:
        """(N, L, d1..dk) bool: which of the nodes on the path of a class are above the threshold.

        Where nodes have several parents (N, K, d1..dk), on the line of the class.
        """
        ...


ThresholdLike: TypeAlias = float | Cut


def above(
    threshold: ThresholdLike, odds: Tensor, classes: Tensor, taxonomy: Taxonomy, decision: str
) -> Tensor:
    """Which log-odds (N, L, d1..dk) on the paths of classes (N, d1..dk) are above a threshold."""
    if isinstance(threshold, Cut):
        made_for = getattr(threshold, "decision", decision)
        if made_for != decision:
            raise ValueError(f"expected a threshold calibrated for {decision}, got one for {made_for}")
        return threshold.above(odds, classes, taxonomy)
    return odds > log_odds_of(threshold)


def first_above(taken: Tensor, line: Tensor, root: int) -> tuple[Tensor, Tensor]:
    """The first node taken (N, K, d1..dk) on lines of that shape, and its place; else the root, and K."""
    width = taken.shape[1]
    places = torch.arange(width, device=taken.device).view(1, -1, *[1] * (taken.dim() - 2))
    place = torch.where(taken, places, width).amin(1)
    ids = line.gather(1, place.clamp(max=width - 1).unsqueeze(1)).squeeze(1)
    return torch.where(place < width, ids, root), place


def log_odds_of(threshold: Any) -> float:
    """log p - log(1 - p) of a probability; TypeError or ValueError where it is none."""
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
        raise TypeError(
            f"expected threshold as a probability or a Threshold, got {type(threshold).__name__}"
        )
    if not 0 <= threshold <= 1:
        raise ValueError(f"expected threshold as a probability in [0, 1], got {threshold}")
    if threshold in (0, 1):
        return math.inf if threshold == 1 else -math.inf
    return math.log(threshold) - math.log1p(-threshold)


def deepest_above(taken: Tensor, classes: Tensor, lines: Tensor) -> tuple[Tensor, Tensor]:
    """The deepest node taken (N, L, d1..dk) on the paths of classes, and its level 1..L, 0 the root's."""
    levels = torch.arange(1, taken.shape[1] + 1, device=taken.device)
    levels = levels.view(1, -1, *[1] * (taken.dim() - 2))
    level = torch.where(taken, levels, 0).amax(1)
    return lines[classes, level], level
