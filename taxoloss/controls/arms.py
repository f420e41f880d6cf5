"""One head and one loss for each arm of a comparison, all on the same features, all beginning alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.heads import ConditionalSoftmax, Flat, LevelHeads, PathSum
from taxoloss.heads.head import Head
from taxoloss.loss import TaxonomyLoss
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.schedules import deepest
from taxoloss.weighting.table import LevelWeights, by_name

__all__ = ["ARMS", "RECIPES", "Arm", "Recipe", "arm"]

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


# -- what arms minimise ----------------------------------------------------------------------------


def _classes_only(
    head: Head, taxonomy: Taxonomy, level_weights: LevelWeights, smoothing: float = 0.0
) -> Loss:
    """Cross-entropy of the targets that are classes; labels above them count for nothing."""
    classes = len(taxonomy)

    def loss(features: Tensor, target: Tensor) -> Tensor:
        label = target.masked_fill(target >= classes, -100)
        return F.cross_entropy(head(features), label, label_smoothing=smoothing)

    return loss


def _taxonomy_loss(head: Head, taxonomy: Taxonomy, level_weights: LevelWeights) -> Loss:
    loss = TaxonomyLoss(taxonomy, deepest() if level_weights is None else level_weights)
    return lambda features, target: loss(head(features), target)


def _by_level(head: LevelHeads, taxonomy: Taxonomy, level_weights: LevelWeights) -> Loss:
    if level_weights is not None and not isinstance(level_weights, Mapping):
        raise ValueError(f"level_heads take weights by level, got {level_weights!r}")
    return lambda features, target: head.loss(features, target, level_weights)


def _unscaled(taxonomy: Taxonomy, level_weights: LevelWeights) -> float:
    return 1.0


def _share_of_deepest(taxonomy: Taxonomy, level_weights: LevelWeights) -> float:
    if not isinstance(level_weights, Mapping) or not level_weights.get(taxonomy.levels[-1]):
        raise ValueError(
            f"flat_scaled scales the rate by the weight of {taxonomy.levels[-1]}: expected level_weights "
            f"as a dict with a weight above 0 for it, got {level_weights!r}"
        )
    return float(level_weights[taxonomy.levels[-1]]) / sum(map(float, level_weights.values()))


# -- the arms --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """How an arm is made."""

    #: What it is, as `ARMS` says it.
    words: str
    #: Of (in_features, taxonomy, bias).
    head: Callable[[int, Taxonomy, bool], Any] = Flat
    #: Of (that head, taxonomy, level_weights).
    loss: Callable[[Any, Taxonomy, LevelWeights], Loss] = _taxonomy_loss
    #: What its learning rate is multiplied by, of (taxonomy, level_weights).
    rate: Callable[[Taxonomy, LevelWeights], float] = _unscaled
    #: Whether labels above a class teach it anything.
    coarse: bool = True


#: A record an arm.
RECIPES: Mapping[str, Recipe] = {
    "flat": Recipe("cross-entropy of the classes", loss=_classes_only, coarse=False),
    "flat_scaled": Recipe(
        "flat, its learning rate multiplied by the weight of the deepest level",
        loss=_classes_only,
        rate=_share_of_deepest,
        coarse=False,
    ),
    "smoothing": Recipe(
        "flat with label smoothing 0.1", loss=partial(_classes_only, smoothing=0.1), coarse=False
    ),
    "pseudo": Recipe(
        "flat, after labels above a class were replaced by a first net's best class below them",
        loss=_classes_only,
        coarse=False,
    ),
    "taxonomy": Recipe("one softmax over the classes, the taxonomy loss"),
    "path_sum": Recipe("a score for each node, summed along the path; the taxonomy loss", PathSum),
    "conditional": Recipe("a softmax among siblings; the taxonomy loss", ConditionalSoftmax),
    "level_heads": Recipe(
        "one softmax for each level, masked cross-entropy for each", LevelHeads, _by_level
    ),
}
#: What each arm is.
ARMS: Mapping[str, str] = {name: recipe.words for name, recipe in RECIPES.items()}


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
        classes = target < len(self.head.taxonomy)
        keep = (target >= 0) & (classes | torch.tensor(self.coarse))
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
            level_heads (by level; None: 1 each) and flat_scaled (by level, also as text: by_level:..).
        bias: of the head.

    Raises:
        ValueError: no such arm, or weights that it cannot have; conditional and level_heads where nodes
            have several parents.

    >>> import taxoloss, torch
    >>> pets = taxoloss.load("pets").bind(node_targets=True)
    >>> features, target = torch.randn(4, 8), torch.tensor([0, 1, 37, 38])
    >>> for name in ("flat", "taxonomy"):
    ...     one = arm(name, 8, pets)
    ...     print(name, len(one.usable(target)), f"{one.loss(features, target).item():.3f}")
    flat 2 3.611
    taxonomy 4 2.185
    """
    if name not in RECIPES:
        words = f"there is no arm {name!r}; expected {', '.join(RECIPES)}"
        raise ValueError(with_suggestion(words, name, list(RECIPES)))
    recipe = RECIPES[name]
    head = recipe.head(in_features, taxonomy, bias)
    level_weights = by_name(level_weights)
    loss = recipe.loss(head, taxonomy, level_weights)
    return Arm(name, head, loss, recipe.rate(taxonomy, level_weights), recipe.coarse)
