"""The regimes of a row, up to logits that no sum of probabilities survives, in every way to run a loss.

A row whose masses underflow is done again inside forward. That must work wherever forward runs: inside a
graph that a compiler made, under hooks on what is saved, in forward that is run once more in backward,
under transforms and without gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from compilers import compiler
from cpu_forms import Loss, loss_of
from mpmath import mp, mpf
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.func import grad, grad_and_value, hessian, jacrev, jvp, vmap
from torch.utils.checkpoint import checkpoint
from trees import Wide, wide_tree

# Compilers and forward mode warn of torch's own parts.
pytestmark = pytest.mark.filterwarnings("ignore")

INF = math.inf
TREES = {
    "small": wide_tree(7, 4, shuffled=True),
    "chunked": wide_tree(300, 3),
    "wide": wide_tree(2000, 3, shuffled=True),
}
TREE = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
#: How far a wrong class is above all others; at 100 a mass of float32 is 0, at 800 one of float64.
GAPS = (0.0, 100.0, 500.0, 1000.0, 1e4)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
BOUNDS = {torch.float32: 1e-6, torch.float64: 1e-12}


@cache
def rows_of(tree: Wide, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A row of each regime: the gaps, a masked target, group and stranger, and what is ignored."""
    rng = np.random.default_rng(tree.classes)
    group = next(c for c in range(tree.classes) if 1 < len(tree.lines[c][0]) < tree.classes - 1)
    below = tree.lines[group][0]
    other = next(c for c in range(tree.classes) if c not in below)
    z = torch.from_numpy(rng.normal(size=(len(GAPS) + 6, tree.classes))).to(dtype)
    for row, gap in enumerate(GAPS):
        z[row, other] += gap
    masked, whole, strangers, *ignored = range(len(GAPS), len(z))
    z[masked, group] = -INF
    z[whole, below] = -INF
    z[strangers, other] = -INF
    for row, value in zip(ignored, (-INF, INF, math.nan), strict=True):
        z[row] = value
    target = torch.full((len(z),), group)
    target[ignored] = -100
    return z, target


@cache
def truth_of(tree: Wide, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Row losses and their gradients to sixty digits, given as float64; 0 where a row is ignored."""
    found = [
        exact_row(row, tree, label)
        for row, label in zip(*map(Tensor.tolist, rows_of(tree, dtype)), strict=True)
    ]
    losses, slopes = zip(*found, strict=True)
    return torch.tensor(losses, dtype=torch.float64), torch.tensor(slopes, dtype=torch.float64)


def exact_row(logits: list[float], tree: Wide, label: int) -> tuple[float, list[float]]:
    """The definition; a node without mass costs inf, and pulls its class where it is one, as in torch."""
    if label == -100:
        return 0.0, [0.0] * len(logits)
    with mp.workdps(60):
        top = max(logits)
        terms = [mp.exp(mpf(z) - mpf(top)) if z > -INF else mpf(0) for z in logits]
        total, loss, factors = mp.fsum(terms), mpf(0), [mpf(0)] * len(terms)
        pull = mpf(0)
        for w, below in zip(tree.level_weights.values(), tree.lines[label], strict=True):
            inside = set(below)
            mass = mp.fsum(terms[j] for j in below)
            rest = mp.fsum(term for j, term in enumerate(terms) if j not in inside)
            loss += w * mp.log1p(rest / mass) if mass else mp.inf
            pull += w if not mass and len(below) == 1 else 0
            for j in range(len(terms)):
                factors[j] += w if j not in inside else -w * rest / mass if mass else 0
        slope = [float(term * factor / total) for term, factor in zip(terms, factors, strict=True)]
        slope[label] -= float(pull)
        return float(loss), slope


def assert_exact(dtype: torch.dtype, found: Tensor, truth: Tensor) -> None:
    """Within the bound of the dtype, beside the largest entry of each row; inf where the truth is."""
    size = truth.abs() if truth.dim() == 1 else truth.abs().amax(1, keepdim=True)
    same = found.double() == truth
    error = (found.double() - truth).abs()
    assert (same | (error <= BOUNDS[dtype] * size + torch.finfo(dtype).tiny)).all()


# -- the ways to a gradient ------------------------------------------------------------------------


def backward(run: Callable[[Tensor], Tensor], z: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """A value, and the gradient of its sum by the ordinary backward."""
    given = z.clone().requires_grad_()
    value = run(given)
    slope = torch.autograd.grad(value, given, torch.ones_like(value), **options)[0]
    return value.detach(), slope.detach()


def hooked(context: Callable[[], Any]) -> Callable[[Loss, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Forward and backward inside a context."""

    def way(loss: Loss, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with context():
            return backward(lambda x: loss(x, y), z)

    return way


def checkpointed(reentrant: bool) -> Callable[[Loss, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Forward once more in backward."""

    def way(loss: Loss, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        given = z.clone().requires_grad_()
        value = checkpoint(loss, given, y, use_reentrant=reentrant)
        (value * 1).backward(torch.ones_like(value))
        assert given.grad is not None
        return value.detach(), given.grad

    return way


def _first(of: Any) -> Tensor:
    found: Tensor = of[0]
    return found


def of_module(loss: Loss, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """With hooks before and after, as those that shard a model have."""

    class Inner(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return loss(x, y)

    module = Inner()
    module.register_forward_pre_hook(lambda _, given: (given[0].clone(),))
    module.register_forward_hook(lambda _, __, out: out.clone())
    module.register_full_backward_pre_hook(lambda _, up: (_first(up).clone(),))
    module.register_full_backward_hook(lambda _, into, __: (_first(into).clone(),))
    return backward(module, z)


def by_func(loss: Loss, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """torch.func.grad of the sum; the value beside it."""

    def summed(x: Tensor) -> tuple[Tensor, Tensor]:
        value = loss(x, y)
        return value.sum(), value

    slope, (_, value) = grad_and_value(summed, has_aux=True)(z)
    return value, slope


def by_vmap(loss: Loss, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Each row on its own."""
    return vmap(lambda x, t: loss(x[None], t[None])[0])(z, y), vmap(
        grad(lambda x, t: loss(x[None], t[None])[0])
    )(z, y)


def by_rows(loss: Loss, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Backward for many upstream gradients at once, of the first rows alone."""
    given = z.clone().requires_grad_()
    value = loss(given, y)
    units = torch.eye(len(value), dtype=value.dtype)
    found = torch.autograd.grad(value, given, units, is_grads_batched=True)[0]
    assert (found.abs().sum(2) * (1 - units) == 0).all()
    return value.detach(), found.diagonal(dim1=0, dim2=1).T


WAYS: dict[str, Callable[[Loss, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "backward": lambda loss, z, y: backward(lambda x: loss(x, y), z),
    "create_graph": lambda loss, z, y: backward(lambda x: loss(x, y), z, create_graph=True),
    "retain_graph": lambda loss, z, y: backward(lambda x: loss(x, y), z, retain_graph=True),
    "save_on_cpu": hooked(save_on_cpu),
    "saved_tensors_hooks": hooked(lambda: saved_tensors_hooks(lambda x: x.clone(), lambda x: x)),
    "anomaly": hooked(lambda: torch.autograd.detect_anomaly(check_nan=False)),
    "checkpoint": checkpointed(reentrant=False),
    "reentrant checkpoint": checkpointed(reentrant=True),
    "module hooks": of_module,
    "func.grad": by_func,
    "vmap": by_vmap,
    "batched": by_rows,
}


@pytest.mark.sample(11)
@DTYPES
@TREE
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way(way: Any, tree: Wide, dtype: torch.dtype) -> None:
    """Loss and gradient of every row are those of sixty digits, and 0 in what is ignored."""
    value, slope = way(loss_of(tree, reduction="none"), *rows_of(tree, dtype))
    truth = truth_of(tree, dtype)
    assert (value.dtype, slope.dtype) == (dtype, dtype)
    assert_exact(dtype, value, truth[0])
    assert_exact(dtype, slope, truth[1])


@pytest.mark.sample(7)
@TREE
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    "way", ["backward", "save_on_cpu", "checkpoint", "reentrant checkpoint", "func.grad"]
)
def test_reductions(way: str, reduction: str, tree: Wide) -> None:
    """Of all rows that are finite, with what is ignored among them."""
    z, target = rows_of(tree, torch.float32)
    values, slopes = truth_of(tree, torch.float32)
    kept = torch.isfinite(values)
    share = 1 / int((target[kept] != -100).sum()) if reduction == "mean" else 1.0
    value, slope = WAYS[way](loss_of(tree, reduction=reduction), z[kept], target[kept])
    assert_exact(torch.float32, value[None], values[kept].sum()[None] * share)
    assert_exact(torch.float32, slope, slopes[kept] * share)


@pytest.mark.slow
@TREE
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled(backend: str, tree: Wide) -> None:
    """In one graph, forward and backward, with and without checkpoints in it."""
    if backend == "inductor" and compiler():
        pytest.skip(f"no C++ compiler works: {compiler():.100}")
    torch._dynamo.reset()
    loss = loss_of(tree, reduction="none")
    ways: list[Loss] = [torch.compile(loss, fullgraph=True, backend=backend)]
    if backend == "aot_eager":
        inner = lambda z, y: checkpoint(loss, z, y, use_reentrant=False)  # noqa: E731
        ways.append(torch.compile(inner, backend=backend))
    z, target = rows_of(tree, torch.float32)
    for way in ways:
        for name in ("backward", "save_on_cpu"):
            value, slope = WAYS[name](way, z, target)
            for found, truth in zip((value, slope), truth_of(tree, torch.float32), strict=True):
                assert_exact(torch.float32, found, truth)
    with torch.inference_mode():
        assert_exact(torch.float32, ways[0](z, target), truth_of(tree, torch.float32)[0])


@pytest.mark.sample(5)
@DTYPES
@TREE
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients(mode: Any, tree: Wide, dtype: torch.dtype) -> None:
    """The same values, of logits that are asked for a gradient and of others."""
    z, target = rows_of(tree, dtype)
    loss = loss_of(tree, reduction="none")
    with mode():
        for given in (z, z.clone().requires_grad_()):
            assert_exact(dtype, loss(given, target), truth_of(tree, dtype)[0])


@TREE
def test_forward_mode(tree: Wide) -> None:
    """The slope along a direction, where the loss is finite."""
    z, target = rows_of(tree, torch.float64)
    values, slopes = truth_of(tree, torch.float64)
    kept = torch.isfinite(values)
    direction = torch.from_numpy(np.random.default_rng(0).normal(size=z.shape))
    loss = loss_of(tree, reduction="none")
    pair: Any = jvp(lambda x: loss(x, target), (z,), (direction,))
    value, found = pair
    assert_exact(torch.float64, value, values)
    expected = (slopes * direction).sum(1)
    bound = 1e-12 * (slopes * direction).abs().sum(1)
    assert ((found - expected).abs() <= bound)[kept].all()


def test_second_derivatives_at_any_gap() -> None:
    """The Hessian of each row, twice, and the gradient of a gradient: those of sixty digits."""
    tree = TREES["small"]
    z, target = rows_of(tree, torch.float64)
    finite = torch.isfinite(truth_of(tree, torch.float64)[0])
    loss = loss_of(tree, reduction="sum")
    for row in finite.nonzero().squeeze(1).tolist():
        truth = exact_hessian(z[row].tolist(), tree, int(target[row]))
        for _ in range(2):
            found = hessian(loss)(z[row], target[row])
            torch.testing.assert_close(found, truth, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(jacrev(grad(loss))(z[row], target[row]), truth, rtol=1e-9, atol=1e-12)
        given = z[row].clone().requires_grad_()
        with save_on_cpu():
            (first,) = torch.autograd.grad(loss(given, target[row]), given, create_graph=True)
            rows = [torch.autograd.grad(x, given, retain_graph=True)[0] for x in first]
        torch.testing.assert_close(torch.stack(rows), truth, rtol=1e-9, atol=1e-12)


def exact_hessian(logits: list[float], tree: Wide, label: int) -> Tensor:
    """sum over l of w_l [(diag(p) - p p') - (diag(q) - q q')], q the shares inside the node."""
    classes = len(logits)
    found = torch.zeros(classes, classes, dtype=torch.float64)
    if label == -100:
        return found
    with mp.workdps(60):
        top = max(logits)
        terms = [mp.exp(mpf(z) - mpf(top)) if z > -INF else mpf(0) for z in logits]
        total = mp.fsum(terms)
        for w, below in zip(tree.level_weights.values(), tree.lines[label], strict=True):
            mass, inside = mp.fsum(terms[j] for j in below), set(below)
            p = [term / total for term in terms]
            q = [term / mass if j in inside else mpf(0) for j, term in enumerate(terms)]
            for i in range(classes):
                for j in range(classes):
                    same = (p[i] - q[i]) if i == j else 0
                    found[i, j] += float(w * (same - p[i] * p[j] + q[i] * q[j]))
    return found
