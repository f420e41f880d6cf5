"""Derivatives in every way that torch takes them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cpu_forms import Loss, batch, loss_on, slope
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacrev, jvp, vmap
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint
from trees import Wide, wide_tree

from taxoloss import TaxonomyLoss
from taxoloss.functional.kernels import definition as by_definition

TREE = wide_tree(7, 4, shuffled=True)
CHUNKED = wide_tree(263, 3, shuffled=True)
TREES = pytest.mark.parametrize("tree", [TREE, CHUNKED], ids=["small", "chunked"])
WEIGHT = torch.linspace(0.2, 2, 7, dtype=torch.float64)
#: Options of the loss.
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weight": {"weight": WEIGHT},
    "smoothing": {"label_smoothing": 0.2},
    "all": {"weight": WEIGHT, "label_smoothing": 0.2, "ignore_index": 3},
}
OPTION = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
#: Forward mode compiles some of torch's own decompositions with what torch itself calls deprecated.
FORWARD_MODE = pytest.mark.filterwarnings("ignore:.*torch.jit.script")
REDUCTION = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])


def differences(loss: Loss, logits: Tensor, target: Tensor, direction: Tensor) -> Tensor:
    """The slope of the losses along a direction, by central differences in float64."""
    step = 1e-5
    ahead, behind = (loss(logits + s * direction, target) for s in (step, -step))
    return (ahead - behind) / (2 * step)


# -- finite differences ----------------------------------------------------------------------------


@pytest.mark.sample(7)
@FORWARD_MODE
@OPTION
@REDUCTION
@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_gradcheck(options: dict[str, Any], reduction: str, shape: tuple[int, ...]) -> None:
    """First and second derivatives, backward and forward, of rows and of dense logits."""
    logits, target = batch(TREE, *shape)
    target[target == -100] = options.get("ignore_index", -100)
    loss = loss_on(TREE, reduction=reduction, **options)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(loss, (logits, target), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (logits, target))


@pytest.mark.sample(5)
@FORWARD_MODE
@REDUCTION
@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_gradcheck_of_chunks(reduction: str, shape: tuple[int, ...]) -> None:
    """The same, along random directions, in a tree whose columns are cut into chunks."""
    logits, target = batch(CHUNKED, *shape)
    assert TaxonomyLoss(CHUNKED.taxonomy).tensors.chunks.whole > 0
    loss = loss_on(CHUNKED, reduction=reduction)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(loss, (logits, target), fast_mode=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (logits, target), fast_mode=True)


# -- torch.func ------------------------------------------------------------------------------------


@TREES
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("shape", [(4,), (4, 2)])
def test_func_grad(tree: Wide, reduction: str, shape: tuple[int, ...]) -> None:
    """grad is the ordinary backward."""
    logits, target = batch(tree, *shape)
    loss = loss_on(tree, reduction=reduction)
    assert_close(grad(loss)(logits, target), slope(loss, logits, target))


@TREES
@pytest.mark.parametrize("scale", [30.0, 1e4])
def test_func_grad_of_extreme_logits(tree: Wide, scale: float) -> None:
    """Also there, and where classes are masked."""
    logits, target = batch(tree, 6)
    logits, loss = logits * scale, loss_on(tree, reduction="sum")
    logits[:, 5] = -torch.inf
    target[target == 5] = 6
    expected = slope(loss, logits, target)
    assert torch.isfinite(expected).all()
    assert_close(grad(loss)(logits, target), expected)
    assert_close(vmap(grad(loss))(logits, target), expected)


@TREES
@pytest.mark.parametrize("bad", [-1, -7, 10**6])
def test_bad_targets_in_transforms(tree: Wide, bad: int) -> None:
    """A number that is no target raises there too, and one that is ignored does not."""
    logits, target = batch(tree, 4)
    target[0] = bad
    for call in (grad(loss_on(tree)), vmap(loss_on(tree)), vmap(grad(loss_on(tree)))):
        with pytest.raises((IndexError, RuntimeError)):
            call(logits, target)
    ignoring = loss_on(tree, reduction="sum", ignore_index=bad)
    target[target == -100] = bad
    assert torch.equal(vmap(ignoring)(logits, target) == 0, target == bad)


@TREES
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_vmap(tree: Wide, smoothing: float) -> None:
    """Over samples, and over batches: the losses of each alone."""
    logits, target = batch(tree, 6)
    loss = loss_on(tree, reduction="sum", label_smoothing=smoothing)
    rows = torch.stack([loss(z, y) for z, y in zip(logits, target, strict=True)])
    assert_close(vmap(loss)(logits, target), rows)
    two = vmap(loss)(logits.unflatten(0, (2, 3)), target.unflatten(0, (2, 3)))
    assert_close(two, rows.unflatten(0, (2, 3)).sum(1))
    columns = vmap(loss, in_dims=(1, 0))(logits.T.contiguous(), target)
    assert_close(columns, rows)
    one = vmap(loss, in_dims=(0, None))(logits, target[1])
    assert_close(one, torch.stack([loss(z, target[1]) for z in logits]))


@TREES
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradients_of_samples(tree: Wide, smoothing: float) -> None:
    """vmap(grad): for each sample the gradient of its own loss."""
    logits, target = batch(tree, 6)
    loss = loss_on(tree, reduction="sum", label_smoothing=smoothing)
    assert_close(vmap(grad(loss))(logits, target), slope(loss, logits, target))


@TREES
def test_jacrev(tree: Wide) -> None:
    """A row of the Jacobian for each loss; 0 in the columns of the other samples."""
    logits, target = batch(tree, 4)
    loss = loss_on(tree, reduction="none")
    found = jacrev(loss)(logits, target)
    assert found.shape == (4, 4, tree.classes)
    rows = slope(loss, logits, target)
    for one in range(4):
        for other in range(4):
            expected = rows[one] if one == other else torch.zeros_like(rows[one])
            assert_close(found[one, other], expected)


@FORWARD_MODE
@TREES
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_jvp(tree: Wide, smoothing: float) -> None:
    """Forward mode, of torch.func and of dual numbers: the gradient along a direction."""
    logits, target = batch(tree, 4)
    loss = loss_on(tree, reduction="none", label_smoothing=smoothing)
    direction = torch.randn_like(logits)
    expected = (slope(loss, logits, target) * direction).sum(1)
    pair: Any = jvp(lambda z: loss(z, target), (logits,), (direction,))
    value, found = pair
    assert_close(value, loss(logits, target))
    assert_close(found, expected)
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(loss(forward_ad.make_dual(logits, direction), target))
    assert_close(dual.tangent, expected)
    assert_close(differences(loss, logits, target, direction), expected, rtol=1e-6, atol=1e-8)


@FORWARD_MODE
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_hessian(smoothing: float) -> None:
    """Symmetric, 0 along a constant, and what differences of the gradient give."""
    logits, target = (tensor[1:2] for tensor in batch(TREE, 4))  # an inner node
    loss = loss_on(TREE, reduction="sum", label_smoothing=smoothing)
    found = hessian(loss)(logits, target)[0, :, 0]
    assert_close(found, found.mT)
    assert_close(found.sum(1), torch.zeros(TREE.classes, dtype=torch.float64))
    for row, unit in zip(found, torch.eye(TREE.classes, dtype=torch.float64), strict=True):
        along = differences(lambda z, y: slope(loss, z, y), logits, target, unit)[0]
        assert_close(row, along, rtol=1e-6, atol=1e-8)


def test_functional_call() -> None:
    """Gradients of the samples of a model whose loss is a module, by its parameters."""
    logits, target = batch(TREE, 5)
    head, loss = nn.Linear(7, 7).double(), TaxonomyLoss(TREE.taxonomy, TREE.level_weights)

    def of_sample(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss(functional_call(head, parameters, (x[None],)), y[None])

    parameters = {name: value.detach() for name, value in head.named_parameters()}
    valid = target != -100
    found = vmap(grad(of_sample), in_dims=(None, 0, 0))(parameters, logits[valid], target[valid])
    for x, y, weight in zip(logits[valid], target[valid], found["weight"], strict=True):
        (expected,) = torch.autograd.grad(loss(head(x[None]), y[None]), head.weight)
        assert_close(weight, expected)


# -- gradients of gradients, and graphs that are kept ----------------------------------------------


@pytest.mark.sample(5)
@TREES
@REDUCTION
@pytest.mark.parametrize("shape", [(4,), (3, 2)])
def test_double_backward_is_the_definitions(tree: Wide, reduction: str, shape: tuple[int, ...]) -> None:
    """The gradient of a function of the gradient, against autograd through the definition."""
    logits, target = batch(tree, *shape)
    module = TaxonomyLoss(tree.taxonomy, tree.level_weights, reduction=reduction)
    kept, ids, valid = module.tensors, target.clamp(min=0), target >= 0

    def definition(z: Tensor) -> Tensor:
        weights = kept.look_up(kept.weights, ids) * valid.unsqueeze(-1)
        start, stop = (kept.look_up(table, ids) for table in (kept.start, kept.stop))
        losses = by_definition.losses(z, start, stop, weights, kept.order)
        return losses / valid.sum() if reduction == "mean" else losses

    found = []
    for loss in (lambda z: module(z, target), definition):
        given = logits.clone().requires_grad_()
        (first,) = torch.autograd.grad(loss(given).sum(), given, create_graph=True)
        found.append((first.detach(), torch.autograd.grad(first.square().sum(), given)[0]))
    assert_close(*found)


@TREES
@REDUCTION
def test_a_kept_graph_gives_its_gradient_again(tree: Wide, reduction: str) -> None:
    """Whatever is done in between to the gradient that the caller was given."""
    logits, target = batch(tree, 4)
    logits.requires_grad_()
    total = loss_on(tree, reduction=reduction)(logits, target).sum()
    (first,) = torch.autograd.grad(total, logits, retain_graph=True)
    kept = first.clone()
    first.mul_(-7)
    (second,) = torch.autograd.grad(total, logits, retain_graph=True)
    assert torch.equal(second, kept)
    second.zero_()
    total.backward(retain_graph=True)
    assert logits.grad is not None
    logits.grad.clamp_(-1e-3, 1e-3)  # as clipping does
    logits.grad = None
    total.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad, kept)


def test_gradients_add_up() -> None:
    """Two backward passes through a kept graph give twice the gradient, as for any loss."""
    logits, target = batch(TREE, 4)
    loss = loss_on(TREE)
    expected = slope(loss, logits, target)
    logits.requires_grad_()
    value = loss(logits, target)
    value.backward(retain_graph=True)
    value.backward()
    assert_close(logits.grad, 2 * expected)


def test_checkpointing() -> None:
    """A head and its loss that are computed again in backward: the same gradients."""
    logits, target = batch(TREE, 5)
    head, loss = nn.Linear(7, 7).double(), TaxonomyLoss(TREE.taxonomy, TREE.level_weights)

    def run(x: Tensor) -> Tensor:
        return loss(head(x), target)

    found = []
    for step in (run, lambda x: checkpoint(run, x, use_reentrant=False)):
        x = logits.clone().requires_grad_()
        found.append(torch.autograd.grad(step(x), [x, *head.parameters()]))
    assert_close(*found)
