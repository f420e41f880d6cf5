"""A module whose state knows the class order that it was made for, and refuses the state of another."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from taxoloss.functional.inputs import host_may_read, transformed
from taxoloss.heads.binding import Binding, as_bytes, refuse_another
from taxoloss.taxonomy.cache import apart
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Bound"]


class Bound(nn.Module):
    """A module with the digest of a bound taxonomy as a buffer `binding`."""

    binding: Tensor

    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__()
        self.taxonomy = taxonomy
        self._order = apart(Binding, taxonomy)
        self.register_buffer("binding", as_bytes(self._order.digests[:1])[0])
        #: The digest that was compared last, or on a device the tensor that held it.
        self._seen: Any = None

    def reset_parameters(self) -> None:
        """The digest as it was made: also of a module that was made on meta."""
        with torch.no_grad():
            self.binding.copy_(as_bytes(self._order.digests[:1])[0])

    def compare_binding(self) -> None:
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
            if said and not prefix:
                state_dict.clear()  # torch's own copy: nothing of it reaches this module or its parts
                return
            # Inside a model torch has written into other parts by now: with the digest of that state here,
            # the next call raises too, where without it a body and a head of two states would answer.
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)
