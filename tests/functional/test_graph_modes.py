"""The loss on graphs wherever torch's runs: shapes, dtypes, autocast, transforms, compilers."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
import torch
from compilers import compiler
from graphs import wide_diamond
from torch import Tensor, nn
from torch.func import grad, hessian, jacrev, jvp, vmap
from torch.testing import assert_close

from taxoloss import TaxonomyLoss, decisions, heads, metrics, weighting
from taxoloss.functional import taxonomy_cross_entropy

# Compilers and forward mode warn of torch's own parts.
pytestmark = pytest.mark.filterwarnings("ignore")

GRAPH = wide_diamond()
TARGET = torch.tensor([0, 3, 44, 41, 12, -100])
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "weighted": {"weight": torch.linspace(0.1, 2, 40, dtype=torch.float64)},
}
KINDS = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def logits(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """The same every time."""
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return made.to(dtype).requires_grad_()


def slope(value: Tensor, z: Tensor) -> Tensor:
    """The gradient of a sum."""
    return torch.autograd.grad(value.sum(), z)[0]


@KINDS
def test_torch_func(options: dict[str, Any]) -> None:
    """grad, vmap, jvp, jacrev and hessian of eager's function."""
    loss = TaxonomyLoss(GRAPH, "geometric:0.4", reduction="sum", **options)
    z = logits(6, 40)
    eager = slope(loss(z, TARGET), z)
    z = z.detach()
    assert_close(grad(loss)(z, TARGET), eager)
    assert_close(jacrev(loss)(z, TARGET), eager)
    assert_close(vmap(grad(loss))(z, TARGET), eager)
    assert_close(jvp(lambda q: loss(q, TARGET), (z,), (eager,))[1], (eager * eager).sum())
    assert hessian(lambda q: loss(q, TARGET[:1]))(z[:1]).isfinite().all()


@KINDS
def test_gradients_of_gradients(options: dict[str, Any]) -> None:
    """By differences; of probabilities as targets too, and of these."""
    loss = TaxonomyLoss(GRAPH, "geometric:0.4", reduction="sum", **options)
    z = logits(3, 40)
    assert torch.autograd.gradcheck(lambda q: loss(q, TARGET[2:5]), z)
    assert torch.autograd.gradgradcheck(lambda q: loss(q, TARGET[2:5]), z)
    soft = logits(2, 40).detach().softmax(1).requires_grad_()
    assert torch.autograd.gradcheck(loss, (logits(2, 40), soft))
    assert torch.autograd.gradgradcheck(loss, (logits(2, 40), soft))


def test_class_weights_may_ask_for_a_gradient() -> None:
    """Of the sum and of the mean."""
    weight = OPTIONS["weighted"]["weight"].clone().requires_grad_()
    z = logits(6, 40)

    def value(weight: Tensor) -> Tensor:
        return taxonomy_cross_entropy(z, TARGET, GRAPH, weight=weight)

    assert torch.autograd.gradcheck(value, weight)


@KINDS
def test_shapes(options: dict[str, Any]) -> None:
    """(C,), (N, C, d1, d2) in any layout, no rows; rows one by one are the rows of a batch."""
    loss = TaxonomyLoss(GRAPH, reduction="none", **options)
    z, target = logits(2, 40, 3, 2), torch.randint(0, 44, (2, 3, 2))
    dense, flat = loss(z, target), loss(z.movedim(1, -1).reshape(-1, 40), target.reshape(-1))
    assert_close(dense.reshape(-1), flat)
    assert_close(slope(dense, z), slope(flat, z))
    last = z.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    assert_close(slope(loss(last, target), last), slope(loss(z, target), z))
    assert_close(loss(z[0, :, 0, 0], target[0, 0, 0]), dense[0, 0, 0])
    soft = z.detach().softmax(1)
    assert loss(z, soft).shape == (2, 3, 2)
    assert loss(z[:0], target[:0]).shape == (0, 3, 2)
    mean = TaxonomyLoss(GRAPH, **options)
    assert mean(z[:0], target[:0]).isnan()
    assert mean(z, torch.full_like(target, -100)).isnan()
    assert not slope(mean(z, torch.full_like(target, -100)), z).any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtypes_and_autocast(dtype: torch.dtype) -> None:
    """The loss has the logits' dtype, or float32 under autocast; the numbers are those of float64."""
    loss = TaxonomyLoss(GRAPH)
    z = logits(6, 40, dtype=dtype)
    exact = z.detach().double().requires_grad_()
    value, truth = loss(z, TARGET), loss(exact, TARGET)
    assert value.dtype == dtype
    assert_close(value, truth.to(dtype))
    assert_close(slope(value, z), slope(truth, exact).to(dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = loss(z, TARGET)
    assert cast.dtype == torch.float32
    assert_close(cast, truth.float())


@pytest.mark.skipif(bool(compiler()), reason=compiler())
@KINDS
def test_compiled(options: dict[str, Any]) -> None:
    """In one graph, for ids and probabilities, dense ones and other batch sizes: eager's numbers."""
    options = {**options, "weight": options["weight"].float()} if "weight" in options else options
    loss = TaxonomyLoss(GRAPH, "geometric:0.4", reduction="none", **options)
    compiled = torch.compile(loss, fullgraph=True)
    dense = torch.randint(0, 40, (2, 3))
    for shape, target in (((6, 40), TARGET), ((4, 40), TARGET[:4]), ((2, 40, 3), dense)):
        one, other = (logits(*shape, dtype=torch.float32) for _ in range(2))
        assert_close(compiled(one, target), loss(other, target))
        assert_close(slope(compiled(one, target), one), slope(loss(other, target), other))


def test_exported() -> None:
    """By masks, which trace."""
    loss, z = TaxonomyLoss(GRAPH), logits(6, 40, dtype=torch.float32).detach()
    program = torch.export.export(loss, (z, TARGET))
    assert_close(program.module()(z, TARGET), loss(z, TARGET))


def test_the_module() -> None:
    """Copies, pickles, other weights in place, an empty state; ids out of range; per level by hand."""
    loss = TaxonomyLoss(GRAPH, {"depth_1": 1.0, "depth_2": 0.5, "depth_3": 0.25})
    z = logits(6, 40)
    value = loss(z, TARGET)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert_close(other(z, TARGET), value)
    tensors = loss.tensors
    loss.set_level_weights({"depth_1": 0.5, "depth_2": 0.25, "depth_3": 0.125})
    assert loss.tensors is tensors
    assert_close(loss(z, TARGET), value / 2)
    loss.set_level_weights(weighting.own())
    assert loss.tensors is not tensors
    assert "deepest()" in repr(loss)
    assert isinstance(loss, nn.CrossEntropyLoss)
    assert not loss.state_dict()
    with pytest.raises(IndexError, match="expected targets in"):
        loss(z, torch.full((6,), GRAPH.num_nodes))
    means = loss.per_level(z, TARGET)
    for level in GRAPH.levels:
        single = TaxonomyLoss(
            GRAPH, {name: float(name == level) for name in GRAPH.levels}, reduction="none"
        )
        counted = [GRAPH.describe([int(y)])[0].level != "depth_1" or level == "depth_1" for y in TARGET[:5]]
        if level != "depth_3":
            assert_close(means[level], single(z, TARGET)[:5][torch.tensor(counted)].mean())


def test_own_with_classes_above_classes_is_the_published_recipe() -> None:
    """- log of the probability of all outputs at or below the label."""
    names = ["g0", "g1", "bottom", *GRAPH.classes]
    t = GRAPH.bind(names, inner_classes=True, node_targets=True)
    z = logits(2, len(names))
    label = t.node_id("g1", inner=True)
    below = torch.tensor([label in t.ancestors(c) for c in range(len(names))])
    value = TaxonomyLoss(t, weighting.own(), reduction="none")(z, torch.tensor([label, 5]))
    log_p = z.log_softmax(1)
    assert_close(value, torch.stack([-log_p[0, below].logsumexp(0), -log_p[1, 5]]))
    assert int(below.sum()) == 1 + 14


def test_own_goes_on_where_the_published_formula_stops() -> None:
    """- log (P + 1e-6) has its value where P is no less, and neither value nor gradient far below."""
    loss = TaxonomyLoss(GRAPH, weighting.own())
    label = GRAPH.node_id("g1")
    below = torch.tensor([label in GRAPH.ancestors(c) for c in range(40)])

    def both(gap: float) -> list[tuple[float, float]]:
        z = torch.zeros(1, 40, dtype=torch.float64)
        z[0, below.logical_not().nonzero()[0]] = gap
        z.requires_grad_()
        known = -torch.log(z.softmax(1)[:, below].sum(1) + 1e-6).mean()
        values = (loss(z, torch.tensor([label])), known)
        return [(float(v), float(torch.autograd.grad(v, z)[0].abs().max())) for v in values]

    (ours, pull), (published, its_pull) = both(1.0)
    assert (ours, pull) == pytest.approx((published, its_pull), rel=1e-5)
    (ours, pull), (published, its_pull) = both(40.0)
    assert (ours, pull) == pytest.approx((40 - math.log(int(below.sum())), 1.0))
    assert published < 13.9
    assert its_pull < 1e-9


def test_what_needs_a_tree_says_so() -> None:
    """Schedules, heads, metrics, decisions; probabilities for logits."""
    calls: list[Any] = [
        lambda: TaxonomyLoss(GRAPH, "hxe:0.5"),
        lambda: TaxonomyLoss(GRAPH, "balanced"),
        lambda: heads.LevelHeads(3, GRAPH),
        lambda: metrics.HOPS(GRAPH),
        lambda: decisions.top_down(torch.zeros(1, 40), GRAPH, 0.5),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="needs a tree"):
            call()
    with pytest.raises(ValueError, match="look like probabilities"):
        TaxonomyLoss(GRAPH)(logits(6, 40).softmax(1), TARGET)
    with pytest.raises(ValueError, match="one for each pair"):
        TaxonomyLoss(GRAPH, torch.ones(3))
