"""Modules of somebody's own that are made with a taxonomy; annotations are classes here, and no texts."""

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from taxoloss import Taxonomy
from taxoloss.heads import PathSum
from taxoloss.integrations.transformers import coders


class HubClassifier(nn.Module, PyTorchModelHubMixin, coders=coders):
    """One of two arguments is the taxonomy."""

    def __init__(self, width: int, taxonomy: Taxonomy | None = None, other: Taxonomy = None) -> None:  # type: ignore[assignment]
        super().__init__()
        self.body = nn.Linear(3, width)
        self.head = PathSum(width, taxonomy or other)
        nn.init.normal_(self.head.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Leaf logits."""
        return self.head(self.body(features))


class TextAnnotated(nn.Module, PyTorchModelHubMixin, coders=coders):
    """As below `from __future__ import annotations`."""

    def __init__(self, width: int, taxonomy: "Taxonomy") -> None:
        super().__init__()
        self.head = PathSum(width, taxonomy)


class Uncoded(HubClassifier):
    """A subclass that does not repeat the coders."""

    def __init__(self, width: int, taxonomy: Taxonomy) -> None:
        super().__init__(width, taxonomy)
