"""One softmax for each level, trained level by level, read one by one, top-down or summed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from taxoloss.functional.inputs import check_width, target_ids
from taxoloss.functional.masses import greedy_class
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.heads.head import Head, tree_plan
from taxoloss.heads.path_sums import down
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.weighting.checks import numbers_by_level
from taxoloss.weighting.table import by_name

__all__ = ["LevelHeads"]


class LevelHeads(Head):
    """A softmax over the nodes of each level, each blind to the others.

    The levels are trained by `loss`, and read in three ways: as leaf logits (a call of the module), the
    logit of a class being the sum of the levels' log-probabilities on its path; top-down; or each level
    by itself, where the answers of two levels may contradict each other.

    Args:
        in_features: the width of the features.
        taxonomy: bound to the dataset's classes (`Taxonomy.bind`).
        bias: whether each node's score has a constant of its own.

    Shape:
        - input: features (..., in_features)
        - output: leaf logits (..., C) in float32 or float64
        - weight: (W_1 + .. + W_L, in_features), level by level from the top, each in the order of
          taxonomy.nodes(level); bias: (W_1 + .. + W_L,)

    Raises:
        TypeError: the taxonomy is no Taxonomy, in_features no integer, features no floating-point tensor.
        ValueError: the taxonomy is not bound, or has nodes with several parents; in_features below 1,
            features of another width.
        RuntimeError: load_state_dict, of the state of another taxonomy or class order.

    >>> import taxoloss, torch
    >>> head = LevelHeads(512, taxoloss.load("pets").bind())
    >>> features = torch.randn(8, 512)
    >>> head(features).shape, head.loss(features, torch.arange(8))
    (torch.Size([8, 37]), tensor(4.3041, grad_fn=...))
    """

    def __init__(self, in_features: int, taxonomy: Taxonomy, bias: bool = True) -> None:
        plan = tree_plan(taxonomy, "LevelHeads")
        super().__init__(in_features, taxonomy, sum(plan.widths), bias)
        self.widths = list(plan.widths)

    @staticmethod
    def row_nodes(taxonomy: Taxonomy) -> list[tuple[int, tuple[str, ...]]]:
        """The nodes of each level, in the order of the level, with its number."""
        levels = enumerate(map(taxonomy.paths, taxonomy.levels), 1)
        return [(level, path) for level, paths in levels for path in paths]

    def forward(self, features: Tensor) -> Tensor:
        """Leaf logits (..., C): the sums of the levels' log-probabilities on the paths."""
        levels = torch.split(self.scores(features), self.widths, -1)
        logs = torch.cat([F.log_softmax(level, -1) for level in levels], -1)
        groups = node_tensors(self.taxonomy, logs.device).groups[:-1]
        return down(logs, (None, *groups), self.widths, logs.dim() - 1)[-1]

    def level_logits(self, features: Tensor) -> dict[str, Tensor]:
        """For each level the logits (..., W) of its nodes, in the order of taxonomy.nodes(level)."""
        levels = torch.split(self.scores(features), self.widths, -1)
        return dict(zip(self.taxonomy.levels, levels, strict=True))

    @torch.no_grad()
    def one_by_one(self, features: Tensor) -> dict[str, Tensor]:
        """For each level the index (...) of its best node in taxonomy.nodes(level)."""
        return {name: logits.argmax(-1) for name, logits in self.level_logits(features).items()}

    @torch.no_grad()
    def top_down(self, features: Tensor) -> Tensor:
        """The class (...) that is reached from the top by the best child each time."""
        tensors = node_tensors(self.taxonomy, features.device)
        levels = [x.reshape(-1, x.shape[-1]) for x in self.level_logits(features).values()]
        return greedy_class(levels, tensors).reshape(features.shape[:-1])

    def loss(
        self,
        features: Tensor,
        target: Tensor,
        level_weights: Mapping[str, float] | str | None = None,
        *,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """The sum over levels of w * (mean cross-entropy of the samples whose label reaches the level).

        A level that no label of the batch reaches costs nothing; a batch without labels is NaN, as that of
        torch's cross-entropy is.

        Args:
            features: (..., in_features).
            target: (...), node ids; a label above a level is not counted there.
            level_weights: one number for each level, as a dict or as text, by_level:LEVEL=NUMBER,..; None:
                1 each.
            ignore_index: targets of this number are not counted.
            label_smoothing: in [0, 1], within each level.

        Raises:
            ValueError: a weight is unknown, missing or negative, or target has another shape than features,
                or is of floats.
            IndexError: a target is no node.
        """
        weights = self._weights(level_weights)
        if target.shape != features.shape[:-1]:
            help = "; pass target.squeeze(-1)" if target.shape == (*features.shape[:-1], 1) else ""
            raise ValueError(
                f"expected target {tuple(features.shape[:-1])}, a node for each of features "
                f"{tuple(features.shape)}, got {tuple(target.shape)}{help}"
            )
        tensors = node_tensors(self.taxonomy, features.device)
        plan = plan_of(self.taxonomy)
        check_width(target, plan.num_targets)
        ids, valid = target_ids(target.reshape(-1), ignore_index, plan)
        counted = tensors.counted[ids] if valid is None else tensors.counted[ids] & valid[:, None]
        # What has no weight is left out, not multiplied by 0: an ignored sample may be anything.
        features = torch.where(counted.any(1).view(target.shape).unsqueeze(-1), features, 0.0)
        total = features.new_zeros((), dtype=torch.float32)
        for number, (level, logits) in enumerate(self.level_logits(features).items()):
            if weights[level] == 0:
                continue
            here = counted[:, number]
            cost = F.cross_entropy(
                torch.where(here.unsqueeze(1), logits.reshape(-1, logits.shape[-1]), 0.0),
                tensors.ancestors[ids, number].masked_fill(~here, -100),
                reduction="sum",
                label_smoothing=label_smoothing,
            )
            total = total + weights[level] * cost / here.sum().clamp(min=1)
        return total.masked_fill(~counted.any(), torch.nan)

    def _weights(self, given: Mapping[str, float] | str | None) -> dict[str, float]:
        if given is None:
            return dict.fromkeys(self.taxonomy.levels, 1.0)
        levels = self.taxonomy.levels
        weights: Any = given if isinstance(given, Mapping) else by_name(given)
        return dict(zip(levels, numbers_by_level(weights, levels), strict=True))
