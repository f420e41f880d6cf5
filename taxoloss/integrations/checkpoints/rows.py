"""Rows that follow the classes, moved to their places in another order by the names of their nodes.

Which rows those are is said by what a module is, or by the caller; the shape of a tensor never says it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.loss import _Loss

from taxoloss.errors.characters import quoted
from taxoloss.errors.suggestions import nearest
from taxoloss.heads.binding import Binding, as_bytes
from taxoloss.heads.head import Head
from taxoloss.integrations.checkpoints.bindings import called, heads_in
from taxoloss.integrations.checkpoints.state import ModelState, listed
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["head_names", "reordered"]

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
#: Views of the same number of bytes: rows are moved whatever their numbers are.
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def head_names(head: str | Iterable[str] | None, reorder: bool) -> tuple[str, ...] | None:
    """The names that `head` says; None where it says nothing.

    Raises:
        TypeError: no names.
        ValueError: it is said without reorder=True.
    """
    if head is None:
        return None
    names = (head,) if isinstance(head, str) else tuple(head) if isinstance(head, Iterable) else (head,)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"expected names of modules as head, got {type(name).__name__} {name!r:.60}")
    if not reorder:
        raise ValueError(f"head={head!r:.60} says what reorder=True moves: say reorder=True too")
    return names


def reordered(
    tensors: Mapping[str, Tensor],
    state: ModelState,
    old: Taxonomy,
    new: Taxonomy,
    head: Sequence[str] | None,
    what: str,
) -> dict[str, Tensor]:
    """The tensors of a file for the new order of the classes.

    Args:
        tensors: of the file, in the old order.
        state: of the model that they are loaded into.
        old: the taxonomy of the file.
        new: the same tree in the order that is asked for.
        head: names of further modules or tensors; None: nobody said that there are none.
        what: the file, for the words.

    Raises:
        ValueError: a name is not there or is no layer of C outputs; nothing is named, or not all that may
            follow the classes; a head in the file is of a third order.
    """
    classes = _places([(0, path) for path in old.paths()], [(0, path) for path in new.paths()])
    named = [key for name in head or () for key in _named(name, state, len(new))]
    if new.same_binding(old.binding_digest):
        return dict(tensors)
    rows = {**_of_heads(state, old, new), **dict.fromkeys(named, classes)}
    _refuse_unnamed(state, rows, head, len(new))
    moved = {name: _moved(tensor, rows.get(name)) for name, tensor in tensors.items()}
    return {**moved, **_bindings(tensors, state, old, new, what)}


def _places(old: Sequence[Hashable], new: Sequence[Hashable]) -> Tensor:
    """For each new row the number of the old one."""
    number = {key: place for place, key in enumerate(old)}
    return torch.tensor([number[key] for key in new], dtype=torch.long, device="cpu")


def _moved(tensor: Tensor, places: Tensor | None) -> Tensor:
    if places is None or tensor.dim() == 0 or len(tensor) != len(places):
        return tensor  # one of another shape is refused with all others
    bits = tensor.contiguous().view(_BITS[tensor.element_size()])
    return bits.index_select(0, places).view(tensor.dtype)


# -- heads of taxoloss ------------------------------------------------------------------------------


def _of_heads(state: ModelState, old: Taxonomy, new: Taxonomy) -> dict[str, Tensor]:
    """The places of the rows of taxoloss's heads, by the names of the tensors."""
    found = {}
    for name, head in heads_in(state).items():
        try:
            places = _places(head.row_nodes(old), head.row_nodes(new))
        except NotImplementedError:
            raise ValueError(
                f"{called(name, head)} does not say which rows are which nodes: give it row_nodes"
            ) from None
        found.update(dict.fromkeys(_own_rows(name, head, state), places))
    return found


def _own_rows(name: str, head: Head, state: ModelState) -> list[str]:
    """The names of a head's weight and bias; ValueError where these are computed from others."""
    found = []
    for part in ("weight", "bias"):
        tensor = getattr(head, part)
        if tensor is None:
            continue
        if not (keys := state.names_of(tensor)):
            raise ValueError(
                f"the {part} of {called(name, head)} is not in its state but computed from other tensors "
                f"(weight_norm, spectral_norm, pruning, an adapter), whose rows are not moved: make it "
                f"plain before it is saved and loaded "
                f"(torch.nn.utils.parametrize.remove_parametrizations), or go on in the order of the file, "
                f"load_checkpoint(path, None).taxonomy"
            )
        found += keys
    return found


def _bindings(
    tensors: Mapping[str, Tensor], state: ModelState, old: Taxonomy, new: Taxonomy, what: str
) -> dict[str, Tensor]:
    """The digests of the new order, for heads whose digest in the file is that of the old one."""
    found, binding = {}, Binding(old)
    digest = as_bytes(new.known_bindings[:1])[0].cpu()
    for name, head in heads_in(state).items():
        for key in state.names_of(head.binding):
            if key in tensors:
                if said := binding.words(tensors[key], called(name, head)):
                    raise ValueError(f"{what} is damaged or was changed: {said}")
                found[key] = digest.to(tensors[key].dtype)
    return found


# -- what `head` names ------------------------------------------------------------------------------


def _named(name: str, state: ModelState, classes: int) -> list[str]:
    """The tensors that a name means, each with a row a class."""
    plain = state.plain(name)
    if plain in state.live:
        return _checked([plain], name, state, classes)
    module = state.modules.get(plain)
    if module is None:
        guess = nearest(plain, [*filter(None, state.modules), *state.live])
        meant = f"; did you mean {quoted(guess)}?" if guess else ""
        raise ValueError(f"head= names {quoted(name)}, which is not in the model{meant}")
    if isinstance(module, Head):
        return []  # moved in any case
    own = [key for key in state.live if key.startswith(f"{plain}." if plain else "")]
    if isinstance(module, _Loss):
        return _checked(own, name, state, classes)
    _refuse_no_layer(name, module, state)
    keys = state.names_of(module.weight, module.bias)  # type: ignore[arg-type]
    if others := [key for key in own if key not in keys]:
        raise ValueError(
            f"head= names {quoted(name)}, whose state is more than a weight and a bias ({listed(others)}): "
            f"take parametrizations off, or name the tensors (C, ...) themselves"
        )
    return _checked(keys, name, state, classes)


def _checked(keys: list[str], name: str, state: ModelState, classes: int) -> list[str]:
    named = state.live.get(state.plain(name))
    if named is not None and named.shape[:1] == (classes,) and classes in named.shape[1:]:
        raise ValueError(
            f"head= names {quoted(name)} {tuple(named.shape)}: its rows would be moved, and not "
            f"its columns, which may follow the classes too: name the layer if it is the weight of one; "
            f"what has a row and a column a class cannot be moved"
        )
    wrong = [key for key in keys if state.live[key].dim() == 0 or len(state.live[key]) != classes]
    if wrong or not keys:
        got = f"{quoted(wrong[0])} {tuple(state.live[wrong[0]].shape)}" if wrong else "no tensor"
        raise ValueError(
            f"expected {quoted(name)}, which head= names, to have a row for each of the {classes} classes, "
            f"got {got}"
        )
    return keys


def _refuse_no_layer(name: str, module: nn.Module, state: ModelState) -> None:
    if not isinstance(module, _LAYERS):
        inside = [key for key in _layers(state) if key.startswith(f"{state.plain(name)}.")]
        which = f", such as {quoted(inside[-1])}" if inside else ""
        raise ValueError(
            f"head= names {quoted(name)}, a {type(module).__name__}; expected a layer (nn.Linear, "
            f"nn.Conv1d to Conv3d){which}, or a tensor (C, ...)"
        )
    if getattr(module, "groups", 1) != 1:
        raise ValueError(
            f"head= names {quoted(name)}, a convolution in {module.groups} groups, each of which reads "
            f"channels of its own: its outputs cannot be moved"
        )


def _layers(state: ModelState) -> dict[str, nn.Module]:
    return {name: module for name, module in state.modules.items() if isinstance(module, _LAYERS)}


# -- what nobody named ------------------------------------------------------------------------------


def _refuse_unnamed(
    state: ModelState, rows: Mapping[str, Any], head: Sequence[str] | None, classes: int
) -> None:
    """ValueError where something may follow the classes, and nobody said whether."""
    heads = heads_in(state)
    if not heads and not head:
        raise ValueError(
            f"reorder=True moves rows of taxoloss's heads, of which the model has none, and of what head= "
            f"names, never by shape alone: {_candidates(state, classes)}"
        )
    digests = state.names_of(*(module.binding for module in heads.values()))
    left = [
        key
        for key, tensor in state.live.items()
        if _may_follow(tensor, classes) and key not in rows and key not in digests
    ]
    if weights := [key for key in left if key in _of_losses(state)]:
        raise ValueError(
            f"{listed(weights)}, of a loss, has a number for each class, in the old order: name it in head="
        )
    if left and head is None:
        raise ValueError(
            f"a row or column for each of the {classes} classes stands in {listed(left)} too: name in "
            f"head= the modules or tensors whose rows follow the classes, head=() where none of these does"
        )


def _may_follow(tensor: Tensor, classes: int) -> bool:
    """Whether a tensor has a row a class, or as a matrix a column a class, as adapters may have."""
    return classes in (tensor.shape if tensor.dim() <= 2 else tensor.shape[:1])


def _of_losses(state: ModelState) -> list[str]:
    """Class weights that losses of torch keep in their state."""
    losses = [module for module in state.modules.values() if isinstance(module, _Loss)]
    return state.names_of(*(buffer for loss in losses for buffer in loss.buffers(recurse=False)))


def _candidates(state: ModelState, classes: int) -> str:
    """The last layers that have as many outputs as there are classes."""
    found = [name for name, layer in _layers(state).items() if len(layer.weight) == classes]  # type: ignore[arg-type]
    if not found:
        return f"no layer of the model has {classes} outputs"
    ways = " or ".join(f"head={name!r}" for name in reversed(found[-3:]))
    return f"if it is the layer that gives the {classes} logits, say {ways}"
