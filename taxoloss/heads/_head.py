"""What all heads share: a linear map from features to scores of nodes, and which tree it was made for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from taxoloss.closed_form import wide_dtype
from taxoloss.handles import at_trace_time
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
        self._known = taxonomy.known_bindings
        self.register_buffer("binding", _as_tensor(self._known[:1])[0])
        #: The digest that was compared last, and how often it had been written to.
        self._compared: tuple[int, int] = (0, 0)

    def reset_parameters(self) -> None:
        """All scores to zero, the uniform distribution: also of a module that was made on meta."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            self.binding.copy_(_as_tensor(self._known[:1])[0])

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
        if torch.compiler.is_compiling():
            _refuse_another(self.binding, self._known, type(self).__name__)
        else:
            self._compare_binding()

    def _compare_binding(self) -> None:
        """RuntimeError where what was written into the module is the state of another class order.

        `load_state_dict` looks before it loads; but what writes into the module itself
        (torch.distributed.checkpoint, `from_pretrained`) is found here, at the next call.
        """
        stored = self.binding
        compared = (id(stored), 0 if stored.is_inference() else stored._version)
        if compared == self._compared:
            return
        if stored.is_cpu or compared[0] != self._compared[0]:
            _refuse_another(stored, self._known, type(self).__name__)
        else:  # e.g. by DistributedDataParallel before each step: not worth waiting for the device
            torch._assert_async((stored == _as_tensor(self._known).to(stored.device)).all(1).any())
        self._compared = compared

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_compared": (0, 0)}

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        stored = state_dict.get(prefix + "binding")
        if stored is not None and not stored.is_meta and _digest(stored) not in self._known:
            errors = rest[-1]  # load_state_dict raises these, all at once
            errors.append(_words(stored, self._known, type(self).__name__))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def extra_repr(self) -> str:
        """What the head was made of."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.taxonomy!r}{bias}"


def _digest(stored: Tensor) -> str:
    return bytes(stored.tolist()).hex()


def _as_tensor(digests: tuple[str, ...]) -> Tensor:
    """(n, 32) uint8, on the default device, as parameters are."""
    return torch.tensor([list(bytes.fromhex(digest)) for digest in digests], dtype=torch.uint8)


def _words(stored: Tensor, known: tuple[str, ...], name: str) -> str:
    return (
        f"the state of {name} was stored for another taxonomy or another order of classes: "
        f"binding_digest {_digest(stored)[:12]}.., here {known[0][:12]}.."
    )


@at_trace_time
def _refuse_another(stored: Tensor, known: tuple[str, ...], name: str) -> None:
    """RuntimeError where the digest in a module is that of another class order."""
    if stored.is_meta or type(stored) is not Tensor or torch._C._are_functorch_transforms_active():
        return  # nothing can be read
    if _digest(stored) not in known:
        raise RuntimeError(
            f"{_words(stored, known, name)}; or the module was made without memory and never filled: "
            "reset_parameters() does that"
        )


def down(values: Tensor, parents: Sequence[Tensor | None], sizes: list[int], dim: int) -> list[Tensor]:
    """For each depth the sums of values from the top to each of its nodes.

    `values` holds along `dim` the nodes of depth 1, then those of depth 2, ..: sizes[d] nodes at a time;
    parents[d] says for each where its parent stands among those of the depth before; parents[0] is None.
    """
    sums: list[Tensor] = []
    for own, parent in zip(torch.split(values, sizes, dim), parents, strict=True):
        sums.append(own if parent is None else own + sums[-1].index_select(dim, parent))
    return sums
