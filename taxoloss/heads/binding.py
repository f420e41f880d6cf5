"""Which class order the state of a head belongs to: a digest in it, compared with that of the taxonomy.

The digest is a buffer of bytes. What averages models over time averages it too, and cuts fractions off, so
each byte may be one less than it was: within one in every byte is the same. No other order is as near, but
in 3^32 of 256^32 cases.
"""

from __future__ import annotations

import torch
from torch import Tensor

from taxoloss.functional.device_tensors import DeviceTensors
from taxoloss.taxonomy.cache import at_trace_time
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Binding", "as_bytes", "refuse_another"]


class Binding(DeviceTensors):
    """The digests that say a taxonomy's class order: today's first."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.digests = taxonomy.known_bindings
        self.known = as_bytes(self.digests)

    def is_of(self, stored: Tensor) -> Tensor:
        """Whether a digest (32,) in any dtype is one of them: a scalar, on the device of both."""
        return ((stored.float() - self.known.float()).abs() <= 1).all(1).any()

    def words(self, stored: Tensor, name: str) -> str:
        """That it is none of them; "" where it is."""
        return _words([float(value) for value in stored.flatten().tolist()], self.digests, name)


def as_bytes(digests: tuple[str, ...]) -> Tensor:
    """(n, 32) uint8, on the default device, as parameters are."""
    return torch.tensor([list(bytes.fromhex(digest)) for digest in digests], dtype=torch.uint8)


def _words(stored: list[float], known: tuple[str, ...], name: str) -> str:
    for digest in map(bytes.fromhex, known):
        if len(stored) == len(digest) and all(abs(a - b) <= 1 for a, b in zip(stored, digest, strict=True)):
            return ""
    here = bytes(int(value) if 0 <= value < 256 else 0 for value in stored).hex()
    return (
        f"the state of {name} was stored for another taxonomy or another order of classes: "
        f"binding_digest {here[:12]}.., here {known[0][:12]}.."
    )


@at_trace_time
def refuse_another(stored: Tensor, known: tuple[str, ...], name: str) -> None:
    """RuntimeError where a digest is none of those that are known."""
    if stored.is_meta or type(stored) is not Tensor or torch._C._are_functorch_transforms_active():
        return  # nothing can be read
    said = _words([float(value) for value in stored.flatten().tolist()], known, name)
    if said:
        raise RuntimeError(
            f"{said}; or the module was made without memory and never filled: reset_parameters() does that"
        )
