"""One head and one loss for each arm of a comparison, all on the same features, all beginning alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.heads import ConditionalSoftmax, Flat, LevelHeads, PathSum
from taxoloss.heads.head import Head
from taxoloss.loss import TaxonomyLoss
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.schedules import deepest
from taxoloss.weighting.table import LevelWeights

__all__ = ["ARMS", "Arm", "arm"]

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

#: What each arm is.
ARMS: Mapping[str, str] = {
    "flat": "cross-entropy of the classes",
    "flat_scaled": "flat, its learning rate multiplied by the weight of the deepest level",
    "smoothing": "flat with label smoothing 0.1",
    "pseudo": "flat, after labels above a class were replaced by a first net's best class below them",
    "taxonomy": "one softmax over the classes, the taxonomy loss",
    "path_sum": "a score for each node, summed along the path; the taxonomy loss",
    "conditional": "a softmax among siblings; the taxonomy loss",
    "level_heads": "one softmax for each level, masked cross-entropy for each",
}
_HEADS = {"path_sum": PathSum, "conditional": ConditionalSoftmax, "level_heads": LevelHeads}
_FLAT = ("flat", "flat_scaled", "smoothing", "pseudo")
SMOOTHING = 0.1


@dataclass(frozen=True)
class Arm:
    """A head and what it minimises."""

    name: str
    head: Head
    #: Of features (N, in_features) and node ids (N,).
    loss: Loss
    #: What the learning rate is multiplied by.
    rate: float
    #: Whether labels above a class teach it anything.
    coarse: bool

    def usable(self, target: Tensor) -> Tensor:
        """The places (M,) of the targets (N,) that teach this arm: give each arm batches of these.

        An arm that passes over nine labels in ten would otherwise see batches of a tenth of the size.
        """
        classes = plan_of(self.head.taxonomy).num_classes
        keep = (target >= 0) & ((target < classes) | torch.tensor(self.coarse))
        return keep.nonzero().squeeze(1)


def arm(
    name: str, in_features: int, taxonomy: Taxonomy, level_weights: LevelWeights = None, bias: bool = True
) -> Arm:
    """The arm of a name, one of `ARMS`.

    Args:
        name: see `ARMS`; "pseudo" is trained as "flat" is, on labels that `pseudo_labels` made.
        in_features: the width of the features.
        taxonomy: bound.
        level_weights: of the arms with a taxonomy loss (None: `deepest`, the likelihood of the labels), of
            level_heads (by level; None: 1 each) and flat_scaled (by level).
        bias: of the head.

    Raises:
        ValueError: no such arm, or weights that it cannot have.

    >>> import taxoloss, torch
    >>> pets = taxoloss.load("pets").bind(node_targets=True)
    >>> features, target = torch.randn(4, 8), torch.tensor([0, 1, 37, 38])
    >>> for name in ("flat", "taxonomy"):
    ...     one = arm(name, 8, pets)
    ...     print(name, len(one.usable(target)), f"{one.loss(features, target).item():.3f}")
    flat 2 3.611
    taxonomy 4 2.185
    """
    if name not in ARMS:
        words = f"there is no arm {name!r}; expected {', '.join(ARMS)}"
        raise ValueError(with_suggestion(words, name, list(ARMS)))
    head = _HEADS.get(name, Flat)(in_features, taxonomy, bias)
    loss = _loss(name, head, taxonomy, level_weights)
    return Arm(name, head, loss, _rate(name, taxonomy, level_weights), name not in _FLAT)


def _rate(name: str, taxonomy: Taxonomy, level_weights: LevelWeights) -> float:
    if name != "flat_scaled":
        return 1.0
    if not isinstance(level_weights, Mapping) or not level_weights.get(taxonomy.levels[-1]):
        raise ValueError(
            f"flat_scaled scales the rate by the weight of {taxonomy.levels[-1]}: expected level_weights "
            f"as a dict with a weight above 0 for it, got {level_weights!r}"
        )
    return float(level_weights[taxonomy.levels[-1]]) / sum(map(float, level_weights.values()))


def _loss(name: str, head: Head, taxonomy: Taxonomy, level_weights: LevelWeights) -> Loss:
    if name in _FLAT:
        return _flat(head, plan_of(taxonomy).num_classes, SMOOTHING if name == "smoothing" else 0.0)
    if isinstance(head, LevelHeads):
        if level_weights is not None and not isinstance(level_weights, Mapping):
            raise ValueError(f"level_heads take weights by level, got {level_weights!r}")
        weights = level_weights
        return lambda features, target: head.loss(features, target, weights)
    loss = TaxonomyLoss(taxonomy, deepest() if level_weights is None else level_weights)
    return lambda features, target: loss(head(features), target)


def _flat(head: Head, classes: int, smoothing: float) -> Loss:
    """Cross-entropy of the targets that are classes; labels above them count for nothing."""

    def loss(features: Tensor, target: Tensor) -> Tensor:
        label = target.masked_fill(target >= classes, -100)
        return F.cross_entropy(head(features), label, label_smoothing=smoothing)

    return loss
