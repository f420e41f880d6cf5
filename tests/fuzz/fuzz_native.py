"""Random calls of the loss, by the native kernel and by Python: the same numbers, or the same words.

In short in tests/functional/test_native_inputs.py; `make fuzz`: python tests/fuzz/fuzz_native.py.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import rounds
import torch
from kernel_forms import python_form
from torch import Tensor
from trees import Wide, wide_tree

from taxoloss.functional.arithmetic import wide_dtype
from taxoloss.functional.cross_entropy import cross_entropy
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.native import library

__all__ = ["Call", "calls", "outcome", "unlike"]

#: (classes, levels): both forms of the kernel, their borders, one level, and as many as there may be.
_TREES = [
    (2, 1), (2, 2), (3, 5), (7, 2), (16, 3), (17, 9), (32, 8), (37, 2), (63, 4), (64, 4), (65, 4),
    (100, 1), (255, 3), (257, 6), (400, 12), (90, 64),
]  # fmt: skip
_LAYOUTS = ("plain", "columns", "every other", "one row", "one class", "last", "offset", "negative")
_NUMBERS = (0.0, -0.0, math.inf, -math.inf, math.nan, 1e30, -1e30, 88.0, -88.0, 1e-30)
#: Class weights of a ramp (C,).
_WEIGHTS: dict[str, Callable[[Tensor], Tensor | None]] = {
    "none": lambda ramp: None,
    "ramp": lambda ramp: ramp,
    "zeros": lambda ramp: ramp * (torch.arange(len(ramp)) % 3 > 0),
}
#: What rounding makes of the gradient and the loss beside the largest number of a result.
_ROUNDED = {torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 2e-3, torch.bfloat16: 2e-2}


@dataclass(frozen=True)
class Call:
    """One call: of which tree, in what shape and layout, with which options; the seed draws its tensors."""

    tree: tuple[int, int, bool]
    shape: tuple[int, ...]
    dtype: torch.dtype
    layout: str
    scale: float
    bad: bool
    #: "ids", or probabilities of "classes" or "nodes".
    target: str
    options: dict[str, Any] = field(hash=False)
    seed: int = 0

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Logits (N, C, d1..dk), some of them odd, and targets (N, d1..dk), some of them ignored."""
        draw = torch.Generator().manual_seed(self.seed)
        tree = _tree(*self.tree)
        n, *places = self.shape
        z = torch.randn(n, tree.classes, *places, generator=draw, dtype=torch.float64) * self.scale
        if self.seed % 5 == 0 and z.numel():
            some = torch.randint(z.numel(), (1 + z.numel() // 20,), generator=draw)
            odd = torch.tensor(_NUMBERS, dtype=z.dtype)
            z.view(-1)[some] = odd[torch.randint(len(odd), some.shape, generator=draw)]
        y = torch.randint(tree.taxonomy.num_nodes, self.shape, generator=draw)
        ignored = torch.rand(self.shape, generator=draw) < (0.2 if self.seed % 3 else 1.0 * (self.seed % 2))
        y[ignored] = self.options["ignore_index"]
        if self.bad and y.numel():
            y.view(-1)[self.seed % y.numel()] = (-1, tree.taxonomy.num_nodes, 1 << 62, -(1 << 63))[
                self.seed % 4
            ]
        y = torch.stack([y, y + 1], -1)[..., 0] if self.seed % 2 else y
        y = y if self.target == "ids" else self._shares(draw)
        return _laid_out(z.to(self.dtype), self.layout), y

    def _shares(self, draw: torch.Generator) -> Tensor:
        """Probabilities (N, S, d1..dk) of classes or of nodes, many of them 0, in a layout of their own."""
        tree = _tree(*self.tree)
        size = tree.classes if self.target == "classes" else tree.taxonomy.num_nodes
        q = torch.rand(self.shape[0], size, *self.shape[1:], generator=draw)
        q = q.masked_fill(torch.rand(q.shape, generator=draw) < (0.6 if self.seed % 4 else 1.0), 0.0)
        dtype = torch.float64 if self.seed % 7 == 0 else self.dtype
        return _laid_out(q.to(dtype), _LAYOUTS[self.seed % len(_LAYOUTS)])


def _laid_out(z: Tensor, layout: str) -> Tensor:
    """The numbers in another layout; expanded ones have fewer numbers."""
    if layout == "columns":
        return z.movedim(1, -1).contiguous().movedim(-1, 1)
    if layout == "every other":
        return torch.stack([z, -z], -1).flatten(-2)[..., ::2] if z.dim() > 1 else z
    if layout == "one row":
        return z[:1].expand(z.shape) if len(z) else z
    if layout == "one class":
        return z[:, :1].expand(z.shape)
    if layout == "last":
        return z[..., :1].expand(z.shape) if z.dim() > 2 and z.shape[-1] else z
    if layout == "offset":
        return torch.cat([z.new_zeros(3), z.reshape(-1)])[3:].view(z.shape)
    if layout == "negative":
        return torch._neg_view(-z)
    return z


@cache
def _tree(classes: int, levels: int, shuffled: bool) -> Wide:
    return wide_tree(classes, levels, shuffled=shuffled)


@cache
def _tables(tree: tuple[int, int, bool]) -> LossTensors:
    return _tree(*tree).tables()


def calls(count: int, seed: int) -> Iterator[Call]:
    """Random calls."""
    draw = random.Random(seed)
    for number in range(count):
        tree = (*draw.choice(_TREES), draw.random() < 0.5)
        few = tree[0] < 70
        shape = [draw.choice([0, 1, 2, 3, 7, 8, 9, 17, 33] if few else [0, 1, 2, 3, 5])]
        shape += draw.choice([[], [], [1], [3], [8], [17], [2, 3], [0]])
        dtype = draw.choice([torch.float32, torch.float32, torch.float64, torch.float16, torch.bfloat16])
        options = {
            "reduction": draw.choice(["none", "mean", "sum"]),
            "ignore_index": draw.choice([-100, -100, 0, -1, 1 << 40]),
            "weight": draw.choice(["none", "none", *_WEIGHTS]),
            "smoothing": draw.choice([0.0, 0.0, 0.0, 0.1, 1.0]),
        }
        target = draw.choice(["ids", "ids", "ids", "classes", "nodes"])
        if target != "ids":
            options["ignore_index"] = -100
        scale = draw.choice([0.0, 1.0, 5.0, 30.0, 100.0, 1e4])
        layout, bad = draw.choice(_LAYOUTS), draw.random() < 0.05
        yield Call(
            tree, tuple(shape), dtype, layout, scale, bad, target, options, seed * 1_000_003 + number
        )


def outcome(call: Call) -> list[Tensor] | str:
    """Loss and gradient, or what is raised."""
    logits, target = call.tensors()
    weight = _WEIGHTS[call.options["weight"]](torch.linspace(0.5, 2, call.tree[0], dtype=call.dtype))
    ignored, reduction, smoothing = (
        call.options[name] for name in ("ignore_index", "reduction", "smoothing")
    )
    given = logits.detach().requires_grad_(call.seed % 4 > 0)
    try:
        value = cross_entropy(_tables(call.tree), given, target, weight, ignored, reduction, smoothing)
    except (IndexError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    if not given.requires_grad:
        return [value]
    up = torch.linspace(-1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    up = up if call.seed % 7 else torch.ones_like(up)
    return [value.detach(), *torch.autograd.grad(value, given, up)]


def _size(call: Call, name: str, result: Tensor) -> float:
    """Beside what rounding is measured: the largest number of a gradient, 1 for a loss.

    Of spread targets, which cancel, at least all that is said: the weights of all levels.
    """
    finite = result[result.isfinite()].abs().double()
    largest = float(finite.max()) if name == "gradient" and finite.numel() else 1.0
    spread = call.target != "ids" or call.options["smoothing"] > 0
    return max(largest, sum(_tree(*call.tree).level_weights.values())) if spread else largest


def unlike(call: Call) -> str:
    """How the two forms differ, or ""."""
    native = outcome(call)
    with python_form():
        python = outcome(call)
    if isinstance(native, str) or isinstance(python, str):
        return "" if native == python else f"native {native}, Python {python}"
    for name, one, other in zip(("loss", "gradient"), native, python, strict=False):
        if one.dtype != other.dtype or one.shape != other.shape:
            return f"{name}: native {one.dtype} {one.shape}, Python {other.dtype} {other.shape}"
        most = _ROUNDED[call.dtype]
        # Each class that is smaller has lost digits, in either form.
        room = max(most * _size(call, name, other), call.tree[0] * torch.finfo(wide_dtype(one)).tiny)
        if not torch.allclose(one.double(), other.double(), rtol=most, atol=room, equal_nan=True):
            return f"{name}: native {one.tolist()}, Python {other.tolist()}"
    return ""


def at_each_width(count: int, seed: int) -> Iterator[Call]:
    """Random calls, each by another width of vectors that the processor has."""
    found = library.kernel()
    if found is None:
        sys.exit("the native kernel was not compiled: nothing to compare")
    widest = found.form
    for number, call in enumerate(calls(count, seed)):
        found.form = number % (widest + 1)
        yield call


if __name__ == "__main__":
    rounds.main("calls by the native kernel and by Python", at_each_width, unlike, 100_000)
