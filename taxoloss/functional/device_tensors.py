"""Tensors that functions look up, made once on the CPU and copied to each device that asks for them.

They are no buffers of a module. What fills a model from a checkpoint (`to_empty`, deferred initialisation,
`from_pretrained`) replaces every buffer that the checkpoint does not hold by memory that nobody wrote, and
an index table is not in it. Here a table is a plain tensor with its values from the start, and a device is
served when its logits come, whether or not a module was moved there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import taxoloss.functional.hyperparameters  # noqa: F401 - told to torch once
from taxoloss.functional.arithmetic import wide_on
from taxoloss.taxonomy.cache import apart, at_trace_time, named, new_name

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DeviceTensors"]

_CPU = torch.device("cpu")
#: What each object has for itself.
_OWN = ("_copies", "_handle")


class DeviceTensors:
    """Tensors and tuples of them, on one device; what else it holds is the same on all devices."""

    #: Where the tensors are.
    device: torch.device = _CPU
    _copies: _Copies
    _handle: str

    def __new__(cls, *_: Any, **__: Any) -> Self:
        made = super().__new__(cls)
        made.__dict__["_handle"] = new_name(made)
        return made

    def on(self, device: torch.device) -> Self:
        """These tables on a device: the same object for the same device."""
        mode = _fake_mode()
        if mode is not None:  # it needs no such device, and its tensors are not kept
            return self._with_tensors(lambda tensor: mode.from_tensor(tensor).to(device), device)
        if device == self.device:
            return self
        # The copy is made while a compiler traces, not in its graph, which looks it up.
        name = _copied_to(self._handle, device)
        found: Self = getattr(self._copies, name)
        return found

    def everywhere(self) -> Iterable[Self]:
        """These tables on every device that has asked for them, the CPU among them."""
        return vars(_copies_of(self)).values()

    def _with_tensors(self, move: Callable[[Tensor], Tensor], device: torch.device) -> Self:
        copy = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            if name not in _OWN:
                copy.__dict__[name] = _moved(value, move, device)
        copy.__dict__["device"] = device
        return copy

    def __getstate__(self) -> dict[str, Any]:
        original = _copies_of(self).cpu
        return {name: value for name, value in original.__dict__.items() if name not in _OWN}


class _Copies:
    """Tables by device, as attributes."""

    def __init__(self, original: DeviceTensors) -> None:
        self.cpu = original


def _copies_of(tensors: DeviceTensors) -> _Copies:
    copies: _Copies = tensors.__dict__.setdefault("_copies", _Copies(tensors))
    return copies


@at_trace_time
def _copied_to(handle: str, device: torch.device) -> str:
    """The name of the copy on a device, which is there then."""
    tensors: DeviceTensors = named(handle)
    copies, name = _copies_of(tensors), str(device).replace(":", "_")
    if not hasattr(copies, name):
        setattr(copies, name, apart(_copy, copies.cpu, device))
    return name


def _copy(original: DeviceTensors, device: torch.device) -> DeviceTensors:
    def move(tensor: Tensor) -> Tensor:
        return tensor.to(device, wide_on(device) if tensor.dtype == torch.float64 else None)

    copy = original._with_tensors(move, device)
    copy.__dict__["_copies"] = original._copies
    return copy


def _moved(value: Any, move: Callable[[Tensor], Tensor], device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return move(value)
    if isinstance(value, tuple):
        return tuple(_moved(part, move, device) for part in value)
    return value.on(device) if isinstance(value, DeviceTensors) else value


def _fake_mode() -> Any:
    """The FakeTensorMode that is on and takes no real tensors, or None."""
    if torch.compiler.is_compiling() or "torch._subclasses.fake_tensor" not in sys.modules:
        return None
    mode = torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE)
    return None if mode is None or mode.allow_non_fake_inputs else mode
