"""Whether tensors of a file are those of a model: looked at before any is loaded."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from taxoloss.errors.characters import counted, quoted
from taxoloss.integrations.checkpoints.state import ModelState, listed, tied_names

__all__ = ["refuse_misfits"]

_MOST = 10


def refuse_misfits(tensors: Mapping[str, Tensor], state: ModelState, what: str) -> None:
    """ValueError with all that is missing, unexpected, of another shape or kind, or no longer tied."""
    live = state.live
    both = [name for name in live if name in tensors]
    shapes = [name for name in both if tensors[name].shape != live[name].shape]
    kinds = [name for name in both if not _same_kind(tensors[name].dtype, live[name].dtype)]
    said = [
        _named("missing in the file", [name for name in live if name not in tensors]),
        _named("not in the model", [name for name in tensors if name not in live]),
        _pairs("of another shape", {n: (tuple(tensors[n].shape), tuple(live[n].shape)) for n in shapes}),
        _pairs("of another kind", {n: (tensors[n].dtype, live[n].dtype) for n in kinds}),
        _named("that the model ties to another, with other values", _untied(tensors, live, both)),
    ]
    if any(said):
        raise ValueError(f"{what} is the state of another model: {'; '.join(filter(None, said))}")


def _named(what: str, names: list[str]) -> str:
    return f"{counted(len(names), 'tensor')} {what} ({listed(names, _MOST)})" if names else ""


def _pairs(what: str, pairs: Mapping[str, tuple[object, object]]) -> str:
    shown = [f"{quoted(name)} {there}, here {here}" for name, (there, here) in pairs.items()][:_MOST]
    more = [f"and {len(pairs) - _MOST:,} more"] if len(pairs) > _MOST else []
    return f"{counted(len(pairs), 'tensor')} {what} ({', '.join(shown + more)})" if pairs else ""


def _same_kind(one: torch.dtype, other: torch.dtype) -> bool:
    """Whether numbers of one kind are written as the other without losing what they are."""
    if one.is_complex or other.is_complex:
        return one.is_complex == other.is_complex
    if one.is_floating_point or other.is_floating_point:
        return one.is_floating_point == other.is_floating_point
    return one == other


def _untied(tensors: Mapping[str, Tensor], live: Mapping[str, Tensor], both: list[str]) -> list[str]:
    """Names of one tensor of the model to which the file has different values."""
    pairs = [(name, of) for name, of in tied_names({name: live[name] for name in both}).items()]
    return [name for name, of in pairs if not _equal(tensors[name], tensors[of])]


def _equal(one: Tensor, other: Tensor) -> bool:
    """Bit by bit: NaN is NaN."""
    if one is other:
        return True
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))
