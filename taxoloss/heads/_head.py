"""What all heads share: a linear map from features to scores of nodes, and which tree it was made for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from taxoloss.closed_form import wide_dtype
from taxoloss.plan import plan_of
from taxoloss.taxonomy import Taxonomy

__all__ = ["Head", "down"]


class Head(nn.Module):
    """Features (..., in_features) -> leaf logits (..., C), by way of one score for each of some nodes.

    All parameters begin at zero, and every head then says that all classes are equally probable: heads
    that are compared begin alike. The digest of the taxonomy and of its class order is a buffer, so that
    a state_dict of another tree or order is refused and not loaded column by column.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    binding: Tensor

    def __init__(self, in_features: int, taxonomy: Taxonomy, scores: int, bias: bool) -> None:
        plan = plan_of(taxonomy)
        if isinstance(in_features, bool) or not isinstance(in_features, int):
            raise TypeError(f"expected in_features as an integer, got {type(in_features).__name__}")
        if in_features < 1:
            raise ValueError(f"expected in_features of 1 or more, got {in_features}")
        super().__init__()
        self.in_features, self.num_classes = in_features, plan.num_classes
        self.taxonomy = taxonomy
        self.weight = nn.Parameter(torch.zeros(scores, in_features))
        self.bias = nn.Parameter(torch.zeros(scores)) if bias else None
        digest = bytearray.fromhex(taxonomy.binding_digest)
        self.register_buffer("binding", torch.frombuffer(digest, dtype=torch.uint8).clone())

    def reset_parameters(self) -> None:
        """All scores to zero: the uniform distribution."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()

    def scores(self, features: Tensor) -> Tensor:
        """Scores (..., nodes) of features (..., in_features), in float32 or float64."""
        self.check(features)
        scores = F.linear(features, self.weight, self.bias)
        return scores.to(wide_dtype(scores))

    def check(self, features: Tensor) -> None:
        """Refuses features of another width or without fractions."""
        if not isinstance(features, Tensor) or not features.is_floating_point():
            kind = features.dtype if isinstance(features, Tensor) else type(features).__name__
            raise TypeError(f"expected features as a tensor of floating-point numbers, got {kind}")
        if features.dim() == 0 or features.shape[-1] != self.in_features:
            raise ValueError(
                f"expected features (..., {self.in_features}), the last dimension being in_features; "
                f"got {tuple(features.shape)}"
            )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        stored = state_dict.get(prefix + "binding")
        if stored is not None and not self.taxonomy.same_binding(bytes(stored.tolist()).hex()):
            errors = rest[-1]  # load_state_dict raises these, all at once
            errors.append(
                f"the state of {type(self).__name__} was stored for another taxonomy or another order of "
                f"classes: binding_digest {_hex(stored)}.., here {_hex(self.binding)}.."
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def extra_repr(self) -> str:
        """What the head was made of."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.taxonomy!r}{bias}"


def _hex(digest: Tensor) -> str:
    return bytes(digest.tolist()).hex()[:12]


def down(values: Tensor, parents: list[Tensor], sizes: list[int], dim: int) -> list[Tensor]:
    """For each depth the sums of values from the top to each of its nodes.

    `values` holds along `dim` the nodes of depth 1, then those of depth 2, ..: sizes[d] nodes at a time;
    parents[d] says for each where its parent stands among those of the depth before.
    """
    sums: list[Tensor] = []
    for own, parent in zip(torch.split(values, sizes, dim), parents, strict=True):
        sums.append(own + sums[-1].index_select(dim, parent) if sums else own)
    return sums
