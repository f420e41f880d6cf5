"""A model that answers nodes by a decision, and what it answers exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from taxoloss import Taxonomy

__all__ = ["exported"]


class Answering(nn.Module):
    """A linear head of three features, and a decision on its logits."""

    def __init__(self, rule: Callable[..., Any], taxonomy: Taxonomy) -> None:
        super().__init__()
        self.head, self.rule, self.taxonomy = nn.Linear(3, len(taxonomy)), rule, taxonomy

    def forward(self, features: Tensor) -> Any:
        """Node ids and probabilities of features (N, 3)."""
        return self.rule(self.head(features), self.taxonomy, return_probability=True)


def exported(rule: Callable[..., Any], taxonomy: Taxonomy) -> tuple[Any, Any]:
    """What one exported graph answers to more rows than it was made with, and what the model does."""
    model = Answering(rule, taxonomy)
    features = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)) * 4
    wanted = model(features)
    rows = torch.export.Dim("rows", min=2)
    program = torch.export.export(model, (features[:4],), dynamic_shapes=({0: rows},))
    return program.module()(features), wanted
