"""The blocks in which the closed form goes through logits: few for any shape, no copy of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from cpu_forms import loss_of
from kernel_forms import python_form
from largest import Largest
from torch import Tensor
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss.functional.kernels import closed_form

TREES = {"small": wide_tree(9, 3, shuffled=True), "chunked": wide_tree(300, 3)}
TREE = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)


@pytest.fixture
def _python() -> Iterator[None]:
    """The Python form, which has blocks."""
    with python_form():
        yield


def both(tree: Wide, logits: Tensor, target: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """Loss and gradient."""
    given = logits.detach().requires_grad_()
    value = loss_of(tree, **options)(given, target)
    up = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).view(value.shape)
    return value.detach(), torch.autograd.grad(value, given, up)[0]


def calls_of(tree: Wide, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> int:
    """How many blocks logits of a shape are done in."""
    done = closed_form._costs_of_rows
    seen = []

    def noted(z: Tensor, *rest: Any) -> Any:
        seen.append(len(z))
        return done(z, *rest)

    monkeypatch.setattr(closed_form, "_costs_of_rows", noted)
    target = torch.randint(tree.classes, (shape[0], *shape[2:]), generator=torch.Generator().manual_seed(0))
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    both(tree, logits, target, reduction="none")
    assert sum(seen) == target.numel()
    monkeypatch.undo()
    return len(seen)


@pytest.mark.slow
@pytest.mark.one_form("python")
@pytest.mark.usefixtures("_python")
@TREE
@pytest.mark.parametrize("rows", [7, 4096])
@pytest.mark.parametrize("places", [(1,), (1, 1), (2,), (7,), (3, 3)])
def test_short_dense_shapes_are_few_blocks(
    places: tuple[int, ...], rows: int, tree: Wide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most twice as many as for the same number of rows (N, C), and one more."""
    number = rows
    for place in places:
        number *= place
    flat = calls_of(tree, monkeypatch, (number, tree.classes))
    assert calls_of(tree, monkeypatch, (rows, tree.classes, *places)) <= 2 * flat + 1


@pytest.mark.one_form("python")
@pytest.mark.usefixtures("_python")
@pytest.mark.parametrize("rows", [(1 << 18) // 9, (1 << 18) // 9 + 1])
def test_many_rows_are_blocks_by_the_short_cut_too(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to so many logits they are done at once, which takes memory for all; with the same numbers."""
    tree = TREES["small"]
    logits = torch.randn(rows, 9, generator=torch.Generator().manual_seed(0))
    target = torch.arange(rows) % 9
    value, slope = both(tree, logits, target)
    rings, one = both(tree, logits.double(), target)
    assert_close(value.double(), rings, rtol=1e-6, atol=0)
    assert ((slope - one).abs() <= 1e-6 * one.abs().amax(1, keepdim=True)).all()
    monkeypatch.setattr(closed_form, "_costs_of_rows", None)
    if rows * 9 <= 1 << 18:
        both(tree, logits, target)
    else:
        with pytest.raises(TypeError):
            both(tree, logits, target)


@pytest.mark.sample(7)
@pytest.mark.one_form("python")
@pytest.mark.usefixtures("_python")
@TREE
@pytest.mark.parametrize("entries", [1, 700, 9000])
@pytest.mark.parametrize("layout", ["contiguous", "channels last", "transposed", "strided", "expanded"])
@pytest.mark.parametrize("shape", [(6,), (5, 1), (1, 7), (4, 3), (3, 2, 5), (2, 40)], ids=str)
def test_any_block_gives_the_same(
    shape: tuple[int, ...], layout: str, entries: int, tree: Wide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of a block and the strides: the losses and gradients of rows one by one."""
    generator = torch.Generator().manual_seed(0)
    rows, dims = shape[0], len(shape) + 1
    logits = torch.randn(rows, tree.classes, *shape[1:], generator=generator, dtype=torch.float64)
    target = torch.randint(tree.classes, shape, generator=generator)
    if layout == "channels last":
        logits = logits.movedim(1, -1).contiguous().movedim(-1, 1)
    if layout == "transposed":
        logits = logits.transpose(0, dims - 1).contiguous().transpose(0, dims - 1)
    if layout == "strided":
        logits = logits.repeat_interleave(2, -1)[..., ::2]
    if layout == "expanded":
        logits = logits[:1].expand(rows, *[-1] * (dims - 1))
    flat = logits.movedim(1, -1).reshape(-1, tree.classes)
    value, slope = both(tree, flat, target.reshape(-1), reduction="none")
    monkeypatch.setattr(closed_form, "_ENTRIES", entries)
    found, found_slope = both(tree, logits, target, reduction="none")
    assert_close(found.reshape(-1), value)
    assert_close(found_slope.movedim(1, -1).reshape(-1, tree.classes), slope)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 9, 400, 400), (3000, 9, 5, 5), (60000, 9, 1)], ids=str)
@pytest.mark.parametrize("last", [False, True])
def test_no_copy_of_the_whole(shape: tuple[int, ...], last: bool) -> None:
    """No operation gives more than the gradient, or the tables of the rows, holds."""
    tree = TREES["small"]
    logits = torch.randn(shape)
    if last:
        logits = logits.movedim(1, -1).contiguous().movedim(-1, 1)
    target = torch.randint(9, (shape[0], *shape[2:]))
    sizes: list[int] = []

    class Copies(Largest):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = super().__torch_dispatch__(func, types, args, kwargs)
            whole = isinstance(result, Tensor) and result.numel() >= logits.numel()
            if whole and result.untyped_storage().data_ptr() != logits.untyped_storage().data_ptr():
                sizes.append(result.untyped_storage().data_ptr())
            return result

    with Copies():
        loss_of(tree)(logits.requires_grad_(), target).backward()
    assert len(set(sizes)) == 1  # the gradient itself
