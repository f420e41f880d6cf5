"""Where digits are kept: narrow gradients are scaled, then rounded, and spread targets do not cancel."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import hypothesis.strategies as st
import loss_oracle as oracle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cpu_forms import batch, loss_of, masks, public
from hypothesis import given
from hypothesis_settings import SETTINGS
from loss_oracle import Options
from torch import Tensor
from trees import Wide, bound, seeds, wide_tree

from taxoloss import TaxonomyLoss
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels.compiled_closed_form import _closed_form

TREES = {
    "small": wide_tree(9, 3, shuffled=True),
    "ordered": wide_tree(300, 3),
    "chunked": wide_tree(300, 3, shuffled=True),
}
TREE = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
NARROW = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
#: As a loss scaler begins, and as it may end.
SCALES = (65536.0, 3.0, 2.0**24)


def operation(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """The closed form as a compiled graph calls it."""
    kept = tree.tables()
    tables = [getattr(kept.chunks, field.name) for field in fields(kept.chunks)]
    return _closed_form(logits, target, kept.look_up(kept.weights, target), *tables, False, True)[0]


# -- scaled, then rounded --------------------------------------------------------------------------


@pytest.mark.sample(7)
@TREE
@NARROW
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("form", [public, operation, masks])
def test_the_factor_of_each_row_comes_before_rounding(
    form: Any, scale: float, dtype: torch.dtype, tree: Wide
) -> None:
    """Bit for bit float32's gradient times what comes from above, rounded once."""
    logits, target = batch(tree, 40, dtype=dtype)
    target, up = target.clamp(min=0), torch.linspace(-1, 1, 40) * scale * 1e-3
    found = []
    for z in (logits.clone().requires_grad_(), logits.float().requires_grad_()):
        with torch.autocast("cpu", torch.bfloat16):  # a float32 loss, and factors that no float16 holds
            value = form(tree, z, target)
        found.append(torch.autograd.grad(value, z, up)[0])
    assert found[0].dtype == dtype
    assert torch.equal(found[0], found[1].to(dtype))


@pytest.mark.slow
@TREE
@NARROW
@pytest.mark.parametrize(
    ("shape", "compiled"), [((40,), False), ((2, 3, 4), False), ((5, 8), True)], ids=str
)
def test_a_loss_scaler_loses_nothing(
    compiled: bool, shape: tuple[int, ...], dtype: torch.dtype, tree: Wide
) -> None:
    """Means over many rows: as few entries are 0 as float32's, scaled, would leave."""
    torch._dynamo.reset()
    logits, target = batch(tree, *shape, dtype=dtype)
    loss = loss_of(tree)
    run = torch.compile(loss, fullgraph=True, backend="aot_eager") if compiled else loss
    for scale in SCALES:
        found = []
        for z in (logits.clone().requires_grad_(), logits.float().requires_grad_()):
            with torch.autocast("cpu", torch.bfloat16):
                value = run(z, target)
            found.append(torch.autograd.grad(value * scale, z)[0])
        torch.testing.assert_close(found[0], found[1].to(dtype), rtol=torch.finfo(dtype).eps, atol=0)
        assert torch.equal(found[0] == 0, found[1].to(dtype) == 0)


def test_float16_of_many_pixels() -> None:
    """At a scale of 32,768 hardly more of a segmentation's gradient is 0 than of flat cross-entropy's."""
    tree = wide_tree(8, 2)
    logits = torch.randn(4, 8, 64, 64, generator=torch.Generator().manual_seed(0)).half() * 2
    target = torch.randint(8, (4, 64, 64), generator=torch.Generator().manual_seed(1))
    zeros = []
    for loss in (loss_of(tree), F.cross_entropy):
        z = logits.clone().requires_grad_()
        with torch.autocast("cpu", torch.float16):
            value = loss(z, target)
        (slope,) = torch.autograd.grad(value * 32768 / 16, z)
        zeros.append((slope == 0).float().mean().item())
    assert zeros[0] <= zeros[1] + 0.002


# -- spread targets --------------------------------------------------------------------------------


@SETTINGS
@given(
    seeds,
    st.integers(2, 24),
    st.integers(1, 7),
    st.sampled_from([0.05, 1.0, 5.0]),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.booleans(),
)
def test_spread_targets_of_narrow_deep_trees(
    rng: np.random.Generator, classes: int, levels: int, scale: float, smoothing: float, soft: bool
) -> None:
    """In float32, within 1e-6 of a row's largest entry: in a few classes all of a row may nearly cancel."""
    split = rng.integers(0, levels, classes)  # down to here a class shares its line with others
    parent, level, order = [0], [0], []
    trunk = [0]
    for depth in range(1, int(split.max()) + 1):
        parent.append(trunk[-1])
        level.append(depth)
        trunk.append(len(parent) - 1)
    for at in split.tolist():
        above = trunk[at]
        for depth in range(at + 1, levels + 1):
            parent.append(above)
            level.append(depth)
            above = len(parent) - 1
        order.append(above)
    case = bound(parent, level, levels, order)
    weight = rng.uniform(0.1, 3, classes).astype(np.float32)
    weights = rng.uniform(0.1, 1, levels).tolist()
    z = oracle.random_logits(case, rng, 6, scale=scale).astype(np.float32)
    target: Any = rng.integers(classes, size=6)
    if soft:
        target = rng.dirichlet(np.ones(classes), 6).astype(np.float32)
    options = Options(oracle.level_table(case, weights), weight.tolist(), smoothing)
    wide = target.astype(np.float64) if soft else target
    value, slope = oracle.batch_loss(case, z.astype(np.float64), wide, options, reduction="none")
    logits = torch.from_numpy(z).requires_grad_()
    found = taxonomy_cross_entropy(
        logits, torch.from_numpy(target), case.taxonomy, case.by_name(weights),
        weight=torch.from_numpy(weight), label_smoothing=smoothing, reduction="none",
    )  # fmt: skip
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert (found.dtype, gradient.dtype) == (torch.float32, torch.float32)
    # The definition in float64 is off by some 1e-15 itself.
    assert (np.abs(found.detach().numpy() - value) <= 1e-6 * np.abs(value) + 1e-14).all()
    largest = np.abs(slope).max(1, keepdims=True)
    assert (np.abs(gradient.numpy() - slope) <= 1e-6 * largest + 1e-14).all()


def test_a_narrow_level_of_a_wide_tree() -> None:
    """All weight on two groups of 600 classes: as exact as two classes."""
    tree = wide_tree(600, 3)
    rows = [(f"g{label % 2}", f"{label}") for label in range(600)]
    taxonomy = type(tree.taxonomy).from_paths(rows, ["group", "leaf"]).bind()
    loss = TaxonomyLoss(taxonomy, {"group": 1.0, "leaf": 0.0}, label_smoothing=0.1, reduction="sum")
    logits = torch.randn(200, 600, generator=torch.Generator().manual_seed(0))
    logits[:, ::2] += torch.linspace(2.9, 3.0, 200)[:, None]  # p near 0.95, where the gradient is 0
    target = torch.zeros(200, dtype=torch.long)
    slopes = []
    for z in (logits.clone().requires_grad_(), logits.double().requires_grad_()):
        slopes.append(torch.autograd.grad(loss(z, target), z)[0].double())
    largest = slopes[1].abs().amax(1, keepdim=True)
    assert ((slopes[0] - slopes[1]).abs() <= 1e-6 * largest).all()
