"""What a loss keeps of the logits that it was given, whatever their strides, and what it leaves alone."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from cpu_forms import batch, loss_on, slope
from torch import Tensor
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from trees import Wide, wide_tree

from taxoloss import TaxonomyLoss
from taxoloss.functional.kernels import closed_form

TREE = wide_tree(9, 4, shuffled=True)
CHUNKED = wide_tree(263, 3, shuffled=True)
ORDERED = wide_tree(263, 3)
TREES = pytest.mark.parametrize("tree", [TREE, CHUNKED, ORDERED], ids=["small", "chunked", "ordered"])
REDUCTION = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])


@pytest.mark.sample(5)
@TREES
@pytest.mark.parametrize("shape", [(4,), (3, 2)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_callers_tensors_are_left_alone(tree: Wide, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Logits and targets hold after forward and backward what they held before."""
    logits, target = batch(tree, *shape, dtype=dtype)
    before = logits.clone(), target.clone()
    logits.requires_grad_()
    for reduction in ("none", "mean"):
        loss_on(tree, reduction=reduction)(logits, target).sum().backward()
    assert torch.equal(logits.detach(), before[0])
    assert torch.equal(target, before[1])
    assert logits._version == 0


@pytest.mark.sample(5)
@TREES
@REDUCTION
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_nothing_is_recorded_without_gradients(tree: Wide, reduction: str, mode: Any) -> None:
    """No graph, so nothing of the logits' size is kept; the value is the same."""
    logits, target = batch(tree, 4)
    logits.requires_grad_()
    loss = loss_on(tree, reduction=reduction)
    with mode():
        value = loss(logits, target)
    assert (value.grad_fn, value.requires_grad) == (None, False)
    assert torch.equal(value, loss(logits, target).detach())
    assert loss(logits.detach(), target).grad_fn is None


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest memory that any operation makes, beside that of some tensors."""

    def __init__(self, *given: Tensor) -> None:
        super().__init__()
        self.bytes, self.given = 0, {tensor.untyped_storage().data_ptr() for tensor in given}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        made = [leaf.untyped_storage() for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        sizes = [memory.nbytes() for memory in made if memory.data_ptr() not in self.given]
        self.bytes = max(self.bytes, *sizes, 0)
        return result


@TREES
@pytest.mark.parametrize("shape", [(64,), (8, 8)])
def test_no_memory_of_the_logits_size_without_gradients(
    tree: Wide, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With them there is one, the gradient; without them a block of rows is the largest."""
    monkeypatch.setattr(closed_form, "_ENTRIES", tree.classes)
    logits, target = batch(tree, *shape)
    loss, size = loss_on(tree), logits.nbytes
    loss(logits, target)  # makes the tables
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        given = logits.clone().requires_grad_()
        with Largest(given) as largest, mode():
            loss(given, target)
        assert (largest.bytes == size) if mode is torch.enable_grad else (largest.bytes < size / 2)


def strided(tree: Wide) -> dict[str, Tensor]:
    """Logits (4, C) that are not contiguous."""
    classes = tree.classes
    wide = torch.randn(8, 2 * classes, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return {
        "one row": wide[:1, :classes].expand(4, -1),
        "one column": wide[:4, :1].expand(-1, classes),
        "transposed": wide[:4, :classes].T.contiguous().T,
        "sliced": wide[::2, 3 : 3 + classes],
        "every other": wide[:4, ::2],
    }


@pytest.mark.sample(4)
@TREES
@pytest.mark.parametrize("name", strided(TREE))
def test_any_strides(tree: Wide, name: str) -> None:
    """As their contiguous copy, in value and gradient."""
    logits, target = strided(tree)[name], batch(tree, 4)[1]
    assert not logits.is_contiguous()
    loss = loss_on(tree, reduction="none")
    copied = logits.contiguous().requires_grad_()
    expected = loss(copied, target)
    given = logits.detach().requires_grad_()
    value = loss(given, target)
    assert_close(value, expected)
    (one,) = torch.autograd.grad(value.sum(), given)
    (other,) = torch.autograd.grad(expected.sum(), copied)
    assert_close(one, other)


@TREES
def test_dense_logits_of_any_strides(tree: Wide) -> None:
    """Channels last, sliced and expanded (N, C, d1, d2): as their contiguous copies."""
    logits, target = batch(tree, 3, 2, 4)
    views = (
        logits.contiguous(memory_format=torch.channels_last),
        logits.repeat(1, 1, 1, 2)[..., ::2],
        logits[:1].expand(3, -1, -1, -1),
        logits[..., :1].expand(-1, -1, -1, 4),
    )
    loss = loss_on(tree, reduction="none")
    for view in views:
        assert not view.is_contiguous()
        given, copied = view.detach().requires_grad_(), view.detach().contiguous().requires_grad_()
        value, expected = loss(given, target), loss(copied, target)
        assert_close(value, expected)
        slopes = [torch.autograd.grad(v.sum(), z)[0] for v, z in ((value, given), (expected, copied))]
        assert_close(*slopes)


@TREES
def test_copies_of_a_module_in_use(tree: Wide) -> None:
    """Deepcopy and pickle between forward and backward, and after other level weights were set."""
    logits, target = batch(tree, 4)
    module = TaxonomyLoss(tree.taxonomy)
    module.set_level_weights(tree.level_weights)
    expected = slope(loss_on(tree), logits, target)
    given = logits.clone().requires_grad_()
    value = module(given, target)
    for copied in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(copied(logits, target), value.detach())
        assert_close(slope(copied, logits, target), expected)
        copied.set_level_weights(dict.fromkeys(tree.taxonomy.levels, 1.0))
    assert_close(torch.autograd.grad(value, given)[0], expected)
    assert torch.equal(module(logits, target), value.detach())
