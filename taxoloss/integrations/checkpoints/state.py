"""The tensors of a model by names that no wrapper changes, and those that no file can hold.

`DistributedDataParallel` puts "module." before every name and `torch.compile` "_orig_mod.", also in the
middle of one. A file has the names without them, so that it loads with either, or none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy

from taxoloss.errors.characters import quoted
from taxoloss.errors.packages import package

__all__ = ["NEEDED", "ModelState", "held_apart", "listed", "safetensors_torch", "state_of", "tied_names"]

_MOST = 3
#: What needs safetensors, the extra that has it, and the lowest version that serves.
NEEDED = ("a checkpoint of taxoloss", "checkpoints", "0.4.3")
#: What wrappers call what they wrap, and nobody else calls anything.
_WRAPPED = frozenset({"_orig_mod", "_checkpoint_wrapped_module", "_forward_module", "_original_module"})


@dataclass(frozen=True)
class ModelState:
    """The live tensors of a model by their plain names."""

    #: Plain name -> the parameter or buffer itself.
    live: Mapping[str, Tensor]
    #: Plain name -> that of the model's own state_dict.
    own_names: Mapping[str, str]
    #: Plain name -> module.
    modules: Mapping[str, nn.Module]
    #: The names, as they stand in the model, of what DistributedDataParallel wraps; and of all modules.
    wrapped: frozenset[str] = frozenset()
    own_modules: tuple[str, ...] = ()
    #: Plain name of a module -> the number of the form of its state, where not 1.
    versions: Mapping[str, int] = field(default_factory=dict)

    def names_of(self, *tensors: Tensor | None) -> list[str]:
        """The names of these very tensors, whatever their modules are called."""
        return [name for name, value in self.live.items() if any(value is tensor for tensor in tensors)]

    def plain(self, name: str) -> str:
        """A name as it stands in the model without what wrappers add."""
        return _plain(name, self.wrapped)


def state_of(model: Any, use: str) -> ModelState:
    """The state of a module, or of what its state_dict gave.

    Args:
        model: a module, or names and tensors.
        use: "saved" or "loaded", for the words.

    Raises:
        TypeError: neither; or a part of the state is no tensor.
        ValueError: tensors that hold no numbers, or that a file cannot hold.
    """
    if isinstance(model, nn.Module):
        state = _of_module(model, use)
    elif isinstance(model, Mapping) and all(isinstance(name, str) for name in model):
        state = ModelState(model, {name: name for name in model}, {}, versions=_versions(model))
    else:
        raise TypeError(f"expected a model, a torch.nn.Module, got {type(model).__name__} {model!r:.60}")
    _refuse_other_values(state.live)
    _refuse_tensors(state.live, use)
    return state


def _of_module(model: nn.Module, use: str) -> ModelState:
    modules = list(model.named_modules(remove_duplicate=False))
    _refuse_sharded(modules, use)
    wrapped = frozenset(
        f"{path}.module" if path else "module"
        for path, module in modules
        if isinstance(module, (DataParallel, DistributedDataParallel))
    )
    live = model.state_dict(keep_vars=True)
    own = {_plain(name, wrapped): name for name in live}
    return ModelState(
        {name: live[there] for name, there in own.items()},
        own,
        {_plain(path, wrapped): module for path, module in modules},
        wrapped,
        tuple(path for path, _ in modules),
        {_plain(path, wrapped): number for path, number in _versions(live).items()},
    )


def _versions(state: Mapping[str, Any]) -> dict[str, int]:
    """What torch keeps with a state_dict, so that a module may read an older form of its state."""
    kept = getattr(state, "_metadata", {})
    numbers = {name: data.get("version", 1) for name, data in kept.items()}
    return {name: number for name, number in numbers.items() if type(number) is int and number != 1}


def _plain(name: str, wrapped: frozenset[str]) -> str:
    parts = name.split(".")
    heads = (".".join(parts[: number + 1]) for number in range(len(parts)))
    pairs = zip(parts, heads, strict=True)
    return ".".join(part for part, head in pairs if part not in _WRAPPED and head not in wrapped)


# -- what is refused -------------------------------------------------------------------------------


def listed(names: Iterable[str], most: int = _MOST) -> str:
    """The first of some names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - most:,} more" if len(found) > most else ""
    return ", ".join(map(quoted, found[:most])) + more


def _refuse_sharded(modules: Iterable[tuple[str, nn.Module]], use: str) -> None:
    sharded = getattr(sys.modules.get("torch.distributed.fsdp"), "FullyShardedDataParallel", ())
    if any(isinstance(module, sharded) for _, module in modules):
        raise ValueError(f"a model in FullyShardedDataParallel cannot be {use} here: {_WHOLE[use]}")


_GATHER = (
    "torch.distributed.checkpoint.state_dict.get_model_state_dict(model, options=StateDictOptions("
    "full_state_dict=True, cpu_offload=True)) gathers it on every rank, and taxoloss.save takes what it "
    "gives on rank 0 in place of the model"
)
_WHOLE = {"saved": _GATHER, "loaded": "load it before it is sharded"}


def _refuse_other_values(live: Mapping[str, Any]) -> None:
    """TypeError where a part of a state_dict is an object, which only pickle would hold."""
    others = {name: value for name, value in live.items() if not isinstance(value, Tensor)}
    if others:
        name, value = next(iter(others.items()))
        made = "get_extra_state" if name.endswith("_extra_state") else "state_dict"
        raise TypeError(
            f"expected tensors alone in the state of the model, got {type(value).__name__} as "
            f"{listed(others)}: a file without pickle holds no objects; let {made} give a tensor"
        )


def _refuse_tensors(live: Mapping[str, Tensor], use: str) -> None:
    """ValueError where tensors have no numbers of their own, or are in no form that a file holds."""
    empty = "give it memory first (to_empty, then reset_parameters or load_state_dict)"
    kinds: dict[str, tuple[Callable[[Tensor], bool], str]] = {
        "made at the first call, which was not yet (lazy modules)": (is_lazy, "call the model once before"),
        "on the device meta, without numbers": (lambda tensor: tensor.is_meta, empty),
        "spread over processes (DTensor)": (_is_spread, _WHOLE[use]),
        "of a subclass that keeps its numbers elsewhere": (_is_indirect, "make it plain tensors first"),
        "sparse or quantized": (_is_not_dense, "make it dense first"),
    }
    for what, (found, advice) in kinds.items():
        if names := [name for name, tensor in live.items() if found(tensor)]:
            raise ValueError(f"{listed(names)} cannot be {use}, being {what}: {advice}")
    if use == "saved" and (names := [name for name, tensor in live.items() if not _holds(tensor.dtype)]):
        kind = live[names[0]].dtype
        raise ValueError(f"{listed(names)} cannot be saved: safetensors has no {kind}; convert it first")


def _is_spread(tensor: Tensor) -> bool:
    return type(tensor).__name__ == "DTensor"


def _is_indirect(tensor: Tensor) -> bool:
    return type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__


def _is_not_dense(tensor: Tensor) -> bool:
    return tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested


def safetensors_torch() -> Any:
    """The package that reads and writes the files."""
    return package("safetensors.torch", *NEEDED)


@cache
def _holds(dtype: torch.dtype) -> bool:
    """Whether a file can hold numbers of a kind: tried, since it depends on the version."""
    files = safetensors_torch()
    try:
        return bool(files.load(files.save({"x": torch.zeros(1).to(dtype)}))["x"].dtype == dtype)
    except Exception:  # whatever it says of a kind that it does not know
        return False


# -- what is written -------------------------------------------------------------------------------


def held_apart(live: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors on the CPU that share no memory; and of tied ones, which are written once, name -> name."""
    tied = tied_names(live)
    seen: set[int] = set()
    held = {}
    for name, tensor in live.items():
        if name not in tied:
            plain = tensor.detach().as_subclass(Tensor).cpu().resolve_conj().resolve_neg().contiguous()
            storage = plain.untyped_storage()
            if storage.data_ptr() in seen or storage.nbytes() != plain.nbytes:
                plain = plain.clone()
            seen.add(plain.untyped_storage().data_ptr())
            held[name] = plain
    return held, tied


def tied_names(live: Mapping[str, Tensor]) -> dict[str, str]:
    """Of each tensor that is an earlier one the name of that: tied weights."""
    first: dict[Any, str] = {}
    tied = {}
    for name, tensor in live.items():
        place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if tensor.numel() and first.setdefault(place, name) != name:
            tied[name] = first[place]
    return tied
