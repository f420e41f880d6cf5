"""What has no weight is left out, never multiplied by 0: in every form of the loss, heads and metrics.

Rows that are ignored, targets and classes and levels of weight 0, masked classes: whatever their logits
hold, the loss and the gradient are those without them, and 0 in what was left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import hypothesis.strategies as st
import loss_oracle as oracle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cpu_forms import batch as wide_batch
from cpu_forms import loss_of
from hypothesis import assume, given
from hypothesis_settings import SETTINGS
from loss_oracle import Options
from torch import Tensor
from torch.testing import assert_close
from trees import Case, Wide, bound, seeds, taxonomies, wide_tree

from taxoloss import TaxonomyLoss, weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels import definition as by_definition
from taxoloss.functional.kernels.compiled_closed_form import _closed_form
from taxoloss.functional.kernels.dispatch import row_losses
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.masked import masked_row_losses

Rng = np.random.Generator
BAD = (math.nan, math.inf, -math.inf)
REDUCTIONS = st.sampled_from(["none", "mean", "sum"])
SMOOTHING = st.sampled_from([0.0, 0.1, 1.0])
WEIGHT = torch.tensor([0.5, 0.0, 2.0, 1.0, 0.0, 1.5], dtype=torch.float64)
ROWS = [
    ("a", "b", "0"),
    ("a", "b", "1"),
    ("a", "c", "2"),
    ("d", "e", "3"),
    ("d", "f", "4"),
    ("d", "f", "5"),
]


def both(loss: Callable[[Tensor], Tensor], logits: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient for an upstream gradient of mixed numbers."""
    z = logits.detach().clone().requires_grad_()
    value = loss(z)
    up = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).view(value.shape)
    return value.detach(), torch.autograd.grad(value, z, up)[0]


def by_func(loss: Callable[[Tensor], Tensor], logits: Tensor) -> tuple[Tensor, Tensor]:
    """The same by torch.func."""

    def summed(x: Tensor) -> tuple[Tensor, Tensor]:
        value = loss(x)
        up = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).view(value.shape)
        return (value * up).sum(), value

    slope, (_, value) = torch.func.grad_and_value(summed, has_aux=True)(logits)
    return value, slope


def poisoned(rng: Rng, logits: Tensor, rows: Tensor) -> Tensor:
    """Logits (N, C, d1..dk) in which some rows (N, d1..dk) hold bad numbers: nothing else, or one."""
    flat = logits.movedim(1, -1).reshape(-1, logits.shape[1]).clone()
    for row in rows.reshape(-1).nonzero().squeeze(1).tolist():
        bad = BAD[rng.integers(3)]
        if rng.integers(2):
            flat[row] = bad
        else:
            flat[row, rng.integers(flat.shape[1])] = bad
    shape = (logits.shape[0], *logits.shape[2:], logits.shape[1])
    return flat.view(shape).movedim(-1, 1).contiguous()


def assert_left_out(
    run: Callable[[Tensor], tuple[Tensor, Tensor]], clean: Tensor, bad: Tensor, rows: Tensor
) -> None:
    """The loss and the gradient of clean logits, and gradient 0 in the rows (N, d1..dk)."""
    (value, slope), (found, found_slope) = run(clean), run(bad)
    assert not found.isnan().any() or value.isnan().any()
    assert_close(found, value, equal_nan=True)
    assert_close(found_slope, slope, equal_nan=True)
    assert (found_slope.movedim(1, -1)[rows] == 0).all()


# -- the loss itself -------------------------------------------------------------------------------


@SETTINGS
@given(
    taxonomies(), seeds, REDUCTIONS, SMOOTHING, st.sampled_from([(6,), (2, 3), (3, 2, 1)]), st.booleans()
)
def test_rows_without_weight(
    case: Case, rng: Rng, reduction: str, smoothing: float, shape: tuple[int, ...], weighted: bool
) -> None:
    """Ignored rows, the root, targets on unused levels and of class weight 0: by two ways to a gradient."""
    table = oracle.random_table(case, rng)
    assume(table.any())
    target = rng.choice([*case.ids.values(), -100, -100], shape)
    weight = None
    if weighted:
        weight = torch.from_numpy(
            rng.uniform(0.1, 2, case.num_classes) * (rng.random(case.num_classes) < 0.7)
        )
        weight[0] = 1.0
    options = Options(table, None if weight is None else weight.tolist(), smoothing)
    costs = [{} if y == -100 else oracle.index_costs(case, int(y), options) for y in target.ravel()]
    rows = torch.tensor([not any(cost.values()) for cost in costs]).view(shape)
    share = [0 if y == -100 else options.node_weight(case, case.by_id[y]) for y in target.ravel()]
    assume(sum(share) > 0)
    labels = torch.from_numpy(target)
    extra: dict[str, Any] = {"weight": weight, "label_smoothing": smoothing}
    clean = torch.from_numpy(oracle.random_logits(case, rng, *shape))
    bad = poisoned(rng, clean, rows)

    def loss(z: Tensor) -> Tensor:
        return taxonomy_cross_entropy(z, labels, case.taxonomy, table, reduction=reduction, **extra)

    for way in (both, by_func):
        assert_left_out(partial(way, loss), clean, bad, rows)
    if reduction == "none":
        flat = clean.movedim(1, -1).reshape(-1, case.num_classes)
        expected = [oracle.row_loss(case, z, cost)[0] for z, cost in zip(flat.tolist(), costs, strict=True)]
        assert_close(loss(bad).flatten(), torch.tensor(expected, dtype=torch.float64))


@SETTINGS
@given(taxonomies(), seeds, REDUCTIONS)
def test_class_weights_that_learn(case: Case, rng: Rng, reduction: str) -> None:
    """Ignored rows have no part in the gradient of class weights either; a weight of 0 has its own."""
    levels = case.by_name(rng.uniform(0.1, 2, case.depth).tolist())
    target = torch.tensor([0, 1, -100, -100])
    clean = torch.from_numpy(oracle.random_logits(case, rng, 4))
    bad = poisoned(rng, clean, target < 0)
    found = []
    for z in (clean, bad):
        logits, weight = z.clone().requires_grad_(), torch.ones(case.num_classes, dtype=torch.float64)
        weight[1] = 0
        weight.requires_grad_()
        value = taxonomy_cross_entropy(
            logits, target, case.taxonomy, levels, weight=weight, reduction=reduction
        )
        found.append((value.detach(), *torch.autograd.grad(value.sum(), (logits, weight))))
    assert_close(*found)
    assert found[0][2][1] != 0


@SETTINGS
@given(taxonomies(), seeds, REDUCTIONS, SMOOTHING, st.booleans())
def test_probabilities_without_weight(
    case: Case, rng: Rng, reduction: str, smoothing: float, by_node: bool
) -> None:
    """Rows of probabilities that weigh nothing: all 0, or on classes of weight 0."""
    table = (
        oracle.random_table(case, rng)
        if by_node
        else oracle.level_table(case, rng.uniform(0.1, 2, case.depth).tolist())
    )
    assume(table[: case.num_classes].any())
    weight = rng.uniform(0.1, 2, case.num_classes) * (rng.random(case.num_classes) < 0.7)
    q = rng.random((5, case.num_classes)) * (rng.random((5, case.num_classes)) < 0.5)
    q[0], q[1] = 0, q[1] * (weight == 0)
    weighs = (q * weight) @ table[: case.num_classes]
    if smoothing:  # a level that all classes weigh alike is smoothed whatever the probabilities are
        classes, uniform = table[: case.num_classes], (table[: case.num_classes] == table[0]).all(0)
        weighs = weighs + np.where(uniform, classes[0], q @ classes) * weight.any()
    rows = torch.from_numpy((weighs == 0).all(1))
    clean = torch.from_numpy(oracle.random_logits(case, rng, 5))
    extra: Any = {"weight": torch.from_numpy(weight), "label_smoothing": smoothing, "reduction": reduction}

    def loss(z: Tensor) -> Tensor:
        return taxonomy_cross_entropy(z, torch.from_numpy(q), case.taxonomy, table, **extra)

    for way in (both, by_func):
        assert_left_out(partial(way, loss), clean, poisoned(rng, clean, rows), rows)


@SETTINGS
@given(taxonomies(), seeds, SMOOTHING, st.booleans(), st.booleans())
def test_masked_classes_without_weight(
    case: Case, rng: Rng, smoothing: float, weighted: bool, soft: bool
) -> None:
    """Classes at -inf that no weighed node needs: the definition without the nodes that weigh nothing."""
    table = oracle.level_table(
        case, (rng.uniform(0.1, 2, case.depth) * (rng.random(case.depth) < 0.6)).tolist()
    )
    assume(table[: case.num_classes].any())
    weight = (
        rng.uniform(0.1, 2, case.num_classes) * (rng.random(case.num_classes) < 0.5) if weighted else None
    )
    options = Options(table, None if weight is None else weight.tolist(), smoothing)
    if soft:
        target: Any = rng.random((4, case.num_classes)) * (rng.random((4, case.num_classes)) < 0.4)
        costs = [oracle.probability_costs(case, q, options) for q in target]
    else:
        target = rng.choice(list(case.ids.values()), 4)
        costs = [oracle.index_costs(case, int(y), options) for y in target]
    z = oracle.random_logits(case, rng, 4)
    costs = [{node: cost for node, cost in row.items() if cost} for row in costs]
    for row, cost in zip(z, costs, strict=True):
        gone = rng.random(case.num_classes) < 0.6
        for node in [0, *cost]:  # each node that costs keeps a class
            gone[case.below[node][0]] = False
        row[gone] = -math.inf
    expected = [oracle.row_loss(case, row, cost) for row, cost in zip(z.tolist(), costs, strict=True)]
    values, slopes = (np.stack([row[part] for row in expected]) for part in (0, 1))
    extra: Any = {
        "weight": None if weight is None else torch.from_numpy(weight),
        "label_smoothing": smoothing,
    }

    def loss(x: Tensor) -> Tensor:
        labels = torch.from_numpy(target)
        return taxonomy_cross_entropy(x, labels, case.taxonomy, table, reduction="none", **extra)

    logits = torch.from_numpy(z)
    up = torch.linspace(0.5, 2, 4, dtype=torch.float64)[:, None]
    for way in (both, by_func):
        value, slope = way(loss, logits)
        assert_close(value, torch.from_numpy(values), rtol=1e-9, atol=1e-12)
        assert_close(slope, torch.from_numpy(slopes) * up, rtol=1e-9, atol=1e-12)
        assert (slope[logits == -math.inf] == 0).all()


def test_inner_targets_on_unused_levels() -> None:
    """A node that stands only on a level of weight 0 costs 0 and is counted by the mean of its classes."""
    case = bound([0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 2, 2, 2, 2, 2], 2, [3, 4, 5, 6, 7])
    t, z = case.taxonomy, torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    weight = torch.tensor([1.0, 3.0, 0.5, 0.5, 2.0])
    target = torch.tensor([t.node_id(("n0",)), 4, t.node_id(())])
    for smoothing in (0.0, 0.1):
        options: Any = {"weight": weight, "label_smoothing": smoothing}
        found = taxonomy_cross_entropy(z, target, t, {"L1": 0.0, "L2": 1.0}, **options)
        alone = F.cross_entropy(z[1:2], target[1:2], reduction="sum", **options)
        assert_close(found, alone / (2.0 + 2.0 + 1.4))
        ones = TaxonomyLoss(t, {"L1": 0.0, "L2": 1.0}, weight=torch.ones(5))
        assert_close(ones(z, target), F.cross_entropy(z[1:2], target[1:2]) / 3)


def test_no_weight_times_what_is_infinite() -> None:
    """inf where it is the value, not 0 * inf: level weights, all of the smoothing, class weights."""
    case = bound([0, 0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 2, 2], 2, [3, 4, 5, 6])
    z = torch.tensor([[-math.inf, -math.inf, 1.0, 2.0]])
    on_masked = torch.tensor([[0.5, 0.0, 0.5, 0.0]])
    assert taxonomy_cross_entropy(z, on_masked, case.taxonomy, weighting.deepest()) == math.inf
    for target in (torch.tensor([0]), on_masked):
        assert taxonomy_cross_entropy(z, target, case.taxonomy, label_smoothing=1.0) == math.inf
    table = np.ones((7, 2))
    table[0], table[4:] = (0.0, 1.0), 0.0
    weight = torch.tensor([math.inf, 1.0, 1.0, 1.0])
    options: Any = {"weight": weight, "reduction": "none"}
    zeros, first = torch.zeros(1, 4), torch.tensor([0])
    assert taxonomy_cross_entropy(zeros, first, case.taxonomy, table, **options) == math.inf


# -- the forms one by one --------------------------------------------------------------------------

FORM_TREES = {"small": wide_tree(9, 3, shuffled=True), "chunked": wide_tree(300, 3)}
TREE = pytest.mark.parametrize("tree", FORM_TREES.values(), ids=FORM_TREES)
Arguments = tuple[LossTensors, Tensor, Tensor]


def closed(kept: LossTensors, ids: Tensor, weights: Tensor) -> Callable[[Tensor], Tensor]:
    """The form of eager CPU tensors."""
    return lambda z: row_losses(kept, z, ids, weights, reduce=False)


def operation(kept: LossTensors, ids: Tensor, weights: Tensor) -> Callable[[Tensor], Tensor]:
    """The operation that a compiled graph calls."""
    tables = [getattr(kept.chunks, field.name) for field in fields(kept.chunks)]
    return lambda z: _closed_form(z, ids, weights, *tables, False, True)[0]


def masks(kept: LossTensors, ids: Tensor, weights: Tensor) -> Callable[[Tensor], Tensor]:
    """The form of compilers and other devices."""
    start, stop = kept.look_up(kept.start, ids), kept.look_up(kept.stop, ids)
    return lambda z: masked_row_losses(z, start, stop, weights, kept.position, kept.order)


def definition(kept: LossTensors, ids: Tensor, weights: Tensor) -> Callable[[Tensor], Tensor]:
    """The form of transforms."""
    start, stop = kept.look_up(kept.start, ids), kept.look_up(kept.stop, ids)
    return lambda z: by_definition.losses(z, start, stop, weights, kept.order)


@pytest.mark.sample(7)
@TREE
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("form", [closed, operation, masks, definition])
def test_forms(form: Any, bad: float, dtype: torch.dtype, tree: Wide) -> None:
    """Rows whose weights are all 0, with one bad number and with nothing else; others lose no bit."""
    kept = tree.tables()
    clean, target = wide_batch(tree, 8, dtype=dtype)
    ids = target.clamp(min=0)
    rows = torch.tensor([False, True, True, False, True, False, False, True])
    weights = kept.look_up(kept.weights, ids).masked_fill(rows[:, None], 0.0)
    logits = clean.clone()
    logits[1], logits[2, 0], logits[4, -1], logits[7] = bad, bad, bad, bad
    (value, slope), (found, found_slope) = (both(form(kept, ids, weights), z) for z in (clean, logits))
    assert torch.equal(found, value)
    assert torch.equal(found_slope, slope)
    assert (found_slope[rows] == 0).all()


@pytest.mark.sample(5)
@TREE
@pytest.mark.parametrize("form", [closed, operation, masks])
@pytest.mark.parametrize("up", [math.inf, math.nan])
def test_what_comes_from_above(form: Any, up: float, tree: Wide) -> None:
    """An infinite or undefined factor, as of a loss scaler, leaves 0 what has no weight."""
    kept = tree.tables()
    logits, target = wide_batch(tree, 5, dtype=torch.float32)
    logits[:, 1] = -math.inf
    ids, rows = (
        target.clamp(min=0).masked_fill(target == 1, 2),
        torch.tensor([False, True, False, True, True]),
    )
    weights = kept.look_up(kept.weights, ids).masked_fill(rows[:, None], 0.0)
    logits.requires_grad_()
    value = form(kept, ids, weights)(logits)
    (slope,) = torch.autograd.grad(value, logits, torch.full_like(value, up))
    assert (slope[rows] == 0).all()
    assert (slope[:, 1] == 0).all()
    assert not slope[~rows, 2:].isfinite().all()


@pytest.mark.slow
@TREE
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}], ids=str)
def test_compiled(options: dict[str, Any], tree: Wide) -> None:
    """Eager's loss and gradient in one graph, with ignored rows and rows of class weight 0."""
    torch._dynamo.reset()
    weight = torch.linspace(0, 1, tree.classes)
    loss = loss_of(tree, weight=weight, **options)
    clean, target = wide_batch(tree, 6, dtype=torch.float32)
    rows = torch.tensor([False, False, True, False, True, False])
    target = target.masked_fill(rows, -100)
    if not options.get("label_smoothing"):
        target[5], rows[5] = 0, True
    logits = clean.clone()
    logits[2], logits[4], logits[5, 3] = -math.inf, math.nan, math.inf if rows[5] else clean[5, 3]
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    value, slope = both(lambda z: loss(z, target), clean)
    for run in (loss, compiled):
        found, found_slope = both(partial(run, target=target), logits)
        assert_close(found, value)
        assert_close(found_slope, slope)
        assert (found_slope[rows] == 0).all()


@pytest.mark.parametrize("bad", BAD[:2])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2}, {"soft": True}], ids=str)
def test_a_row_that_counts_hides_nothing(options: dict[str, Any], bad: float) -> None:
    """NaN in loss and gradient, by every way: a real fault is seen."""
    tree = FORM_TREES["small"]
    extra = {"label_smoothing": options.get("label_smoothing", 0.0)}
    loss = loss_of(tree, reduction="none", **extra)
    logits, target = wide_batch(tree, 4)
    logits[0, 4] = bad
    if options.get("soft"):
        target = F.one_hot(target.clamp(0, 8), 9).double()
    for way in (both, by_func):
        value, slope = way(lambda z: loss(z, target), logits)
        assert value.isnan().tolist() == [True, False, False, False]
        assert slope.isnan().any(1).tolist() == [True, False, False, False]


def test_per_level() -> None:
    """Ignored rows and rows above a level do not enter the means."""
    tree = FORM_TREES["small"]
    loss = loss_of(tree)
    logits, target = wide_batch(tree, 6)
    target[3] = -100
    expected = loss.per_level(logits, target)
    logits[target == -100] = math.nan
    assert_close(loss.per_level(logits, target), expected)
