"""What goes into a model and what comes out of it, for whatever calls models that it does not know."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

__all__ = ["Inputs", "evaluating", "inputs_of", "logits_in"]

#: Where model classes keep their logits: transformers and torchvision's segmentation.
_KEYS = ("logits", "out")


class Inputs:
    """The arguments of a call: by position and by name, and what the model calls them."""

    def __init__(self, args: tuple[Any, ...], named: dict[str, Any], model: Any) -> None:
        self.args, self.named = _two_rows((args, named))
        self.names = _names(model, self.args, self.named)

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors in them, in the order of `names`."""
        return _tensors((self.args, self.named))


def inputs_of(example: Any, model: nn.Module) -> Inputs:
    """The arguments in an example: one tensor, a tuple of arguments, or a mapping of named ones.

    None: what the model itself says it takes.

    Raises:
        TypeError: it is none of these, or the model does not say.
        ValueError: nothing in it is a batch.
    """
    if example is None:
        example = _own_example(model)
    args: tuple[Any, ...] = ()
    named: dict[str, Any] = {}
    if isinstance(example, Tensor):
        args = (example,)
    elif isinstance(example, Mapping):
        named = {str(name): value for name, value in example.items()}
    elif isinstance(example, (tuple, list)):
        args = tuple(example)
    else:
        raise TypeError(
            "expected example as a tensor, a tuple of arguments or a dict of named ones, got "
            f"{type(example).__name__}"
        )
    return Inputs(args, named, model)


def _own_example(model: nn.Module) -> Any:
    """Lightning's example_input_array, transformers' dummy_inputs, timm's input_size, or in_features."""
    if (found := getattr(model, "example_input_array", None)) is not None:
        return found
    if isinstance(found := getattr(model, "dummy_inputs", None), Mapping):
        return found
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    size = (getattr(model, "pretrained_cfg", None) or {}).get("input_size")
    first = next((part for part in model.modules() if not list(part.children())), model)
    width = getattr(first, "in_features", None)
    if size is None and isinstance(width, int):
        size = (width,)
    if size is None:
        raise TypeError(
            f"expected an example of what {type(model).__name__} takes, since the model does not say: "
            "example=torch.randn(2, 3, 224, 224), a tuple of arguments, or a dict of named ones"
        )
    return torch.randn(2, *size).to(like.device, like.dtype)


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(values) if isinstance(leaf, Tensor)]


def _two_rows(inputs: Any) -> Any:
    """Two rows instead of one: a batch of one is a number that the exporter takes for a constant."""
    sizes = {leaf.shape[0] for leaf in _tensors(inputs) if leaf.dim()}
    if not sizes:
        raise ValueError("expected an example with a batch of rows in its first dimension, got none")
    if max(sizes) == 0:
        raise ValueError("expected an example of one row or more, got 0 rows")
    if sizes != {1}:
        return inputs

    def twice(leaf: Any) -> Any:
        return torch.cat([leaf, leaf]) if isinstance(leaf, Tensor) and leaf.dim() else leaf

    return pytree.tree_map(twice, inputs)


def _names(model: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> list[str]:
    """A name for each tensor: that of the parameter, with a number where it holds several."""
    try:
        bound = inspect.signature(model.forward).bind(*args, **named)
    except (TypeError, ValueError) as error:
        if isinstance(error, TypeError):
            raise TypeError(f"the example does not fit {type(model).__name__}.forward: {error}") from None
        return [f"input_{at}" for at, _ in enumerate(_tensors((args, named)))]
    by_position = iter(args)
    words: list[str] = []
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            words += [f"{name}_{at}" for at, _ in enumerate(value)]
        elif len(words) < len(args):
            words.append(name)
    names = [word for word, arg in zip(words, by_position, strict=False) for word in _each(word, arg)]
    return names + [word for key, arg in named.items() for word in _each(key, arg)]


def _each(word: str, value: Any) -> list[str]:
    count = len(_tensors(value))
    return [word] if count == 1 else [f"{word}_{at}" for at in range(count)]


def logits_in(output: Any, classes: int) -> Tensor:
    """The logits in what a model gives: a tensor, `.logits`, or what else holds one tensor of C columns.

    Raises:
        TypeError: no tensor of C columns, or several.
    """
    if isinstance(output, Tensor):
        return output
    for key in _KEYS:
        found = output.get(key) if isinstance(output, Mapping) else getattr(output, key, None)
        if isinstance(found, Tensor):
            return found
    if isinstance(output, (tuple, list, Mapping)):
        parts = list(output.values()) if isinstance(output, Mapping) else list(output)
        fitting = [part for part in parts if _has_columns(part, classes)]
        if len(fitting) == 1:
            return fitting[0]  # type: ignore[no-any-return]
        held = f"with {len(fitting)} tensors of {classes} columns"
        raise TypeError(
            f"expected a model that gives logits (N, {classes}, d1..dk), got a {type(output).__name__} "
            f"{held}: export a module that gives the logits alone"
        )
    raise TypeError(
        f"expected a model that gives logits (N, {classes}, d1..dk), got {type(output).__name__} without "
        "`.logits`"
    )


def _has_columns(part: Any, classes: int) -> bool:
    if not isinstance(part, Tensor) or not part.is_floating_point():
        return False
    return part.dim() > 1 and part.shape[1] == classes


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A context in which a model and all its parts are in evaluation mode; after it each is as it was."""
    before = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training
