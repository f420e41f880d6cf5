"""What all heads share: a linear map from features to scores of nodes, and which tree it was made for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from taxoloss.functional.arithmetic import at_least_float32
from taxoloss.functional.distributed_tensors import refuse_distributed
from taxoloss.functional.inputs import help_for_tracer, host_may_read, refuse_script, transformed
from taxoloss.heads.binding import Binding, as_bytes, refuse_another
from taxoloss.taxonomy.cache import apart
from taxoloss.taxonomy.plan import plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Head"]


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
        self._order = apart(Binding, taxonomy)
        self.register_buffer("binding", as_bytes(self._order.digests[:1])[0])
        #: The digest that was compared last, or on a device the tensor that held it.
        self._seen: Any = None

    def reset_parameters(self) -> None:
        """All scores to zero, the uniform distribution: also of a module that was made on meta."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            self.binding.copy_(as_bytes(self._order.digests[:1])[0])

    def scores(self, features: Tensor) -> Tensor:
        """Scores (..., nodes) of features (..., in_features), in float32 or float64."""
        self.check(features)
        scores = F.linear(features, self.weight, self.bias)
        return at_least_float32(scores)

    def check(self, features: Tensor) -> None:
        """Refuses features of another width or without fractions."""
        if not isinstance(features, Tensor) or not features.is_floating_point():
            kind = features.dtype if isinstance(features, Tensor) else type(features).__name__
            raise TypeError(
                f"expected features as a tensor of floating-point numbers, got {kind}"
                f"{help_for_tracer(features)}"
            )
        refuse_distributed(features, "features")
        if features.dim() == 0 or features.shape[-1] != self.in_features:
            raise ValueError(
                f"expected features (..., {self.in_features}), the last dimension being in_features; "
                f"got {tuple(features.shape)}"
            )
        self._compare_binding()

    def _compare_binding(self) -> None:
        """RuntimeError where what was written into the module is the state of another class order.

        `load_state_dict` looks before it loads; but what writes into the module itself
        (torch.distributed.checkpoint, `from_pretrained`) is found here, at the next call.
        """
        stored, known, name = self.binding, self._order.digests, type(self).__name__
        if torch.compiler.is_compiling():
            refuse_another(stored, known, name)  # once, while it is traced
            if torch.compiler.is_dynamo_compiling() and not torch.compiler._is_exporting_flag:
                fits = self._order.on(stored.device).is_of(stored)
                torch._assert_async(fits, "the state of a head was stored for another order of classes")
            return
        if stored.is_meta or transformed() or (stored.is_cpu and not host_may_read(stored)):
            return  # there are no numbers
        seen = stored.tolist() if stored.is_cpu else id(stored)
        if seen != self._seen:
            refuse_another(stored, known, name)
            self._seen = seen
        elif not stored.is_cpu:
            # Numbers on a device are waited for once: DistributedDataParallel writes them before each step.
            torch._assert_async(self._order.on(stored.device).is_of(stored))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_seen": None}

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        stored = state_dict.get(prefix + "binding")
        if stored is not None and not stored.is_meta:
            said = self._order.words(stored, type(self).__name__)
            errors = rest[-1]  # load_state_dict raises these, all at once
            errors.extend([said] if said else [])
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    __prepare_scriptable__ = refuse_script

    def extra_repr(self) -> str:
        """What the head was made of."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.taxonomy!r}{bias}"
