"""The loss where nodes have several parents: by its definition, beside trees, in every regime of a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from graph_losses import GraphOracle, exact_row, geometric_weights, level_weights, proper_weights
from graphs import GraphCase, bound, graphs, wide_diamond
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss, weighting
from taxoloss.functional.cross_entropy import cross_entropy, new_tensors
from taxoloss.functional.graphs.closed_form import padded
from taxoloss.functional.graphs.definition import masked_losses, row_losses
from taxoloss.functional.graphs.loss import _index_losses
from taxoloss.functional.graphs.tables import GraphLossTensors
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.weighting.graphs import shared_by_level

INF = math.inf


def schedules(case: GraphCase, rng: np.random.Generator) -> list[tuple[Any, Any]]:
    """Level weights, and what the oracle makes of them."""
    row = rng.uniform(0.1, 2, case.depth).tolist()
    by_level = {f"L{number + 1}": float(weight) for number, weight in enumerate(row)}
    of_node = {node: float(rng.choice([0, 1, 1]) * rng.uniform(0.1, 1)) for node in case.nodes}
    of_node[case.classes[0]] = 0.3
    by_node = {case.path(node): weight for node, weight in of_node.items()}
    return [
        (by_level, level_weights(row)),
        (weighting.uniform(), level_weights([1 / case.depth] * case.depth)),
        (weighting.own(), lambda _, node: {node: 1.0}),
        (weighting.geometric(0.6), geometric_weights(0.6)),
        (weighting.proper(by_node), proper_weights(of_node)),
    ]


def found_of(loss: TaxonomyLoss, logits: Any, target: Any) -> tuple[Tensor, Tensor]:
    """A loss and the gradient of its sum."""
    z = torch.tensor(logits, requires_grad=True)
    value = loss(z, torch.tensor(target))
    return value.detach(), torch.autograd.grad(value.sum(), z)[0]


def close(found: Tensor, expected: Any, within: float = 1e-11) -> None:
    """Within 1e-11."""
    torch.testing.assert_close(
        found.double(), torch.as_tensor(expected, dtype=torch.float64), rtol=within, atol=within
    )


@given(graphs(), seeds)
@SETTINGS
def test_node_ids(case: GraphCase, rng: np.random.Generator) -> None:
    """Every schedule, class weights, ignored rows and the root, row by row; and the mean by weight."""
    t, order, by_id = bound(case, rng)
    weight = rng.uniform(0.1, 2, len(t)).tolist()
    logits, target = rng.normal(0, 3, (9, len(t))), rng.integers(0, t.num_nodes, 9)
    target[4] = -100
    for made, weigh in schedules(case, rng):
        oracle = GraphOracle(case, order, weigh, weight=weight)
        rows = [
            oracle.row(z.tolist(), oracle.index_costs(by_id[y]) if y >= 0 else {})
            for z, y in zip(logits, target, strict=True)
        ]
        values, slopes = (np.array(part) for part in zip(*rows, strict=True))
        loss = TaxonomyLoss(t, made, weight=torch.tensor(weight, dtype=torch.float64), reduction="none")
        value, slope = found_of(loss, logits, target)
        close(value, values)
        close(slope, slopes)
        total = math.fsum(oracle.node_weight(by_id[y]) for y in target if y >= 0)
        mean = TaxonomyLoss(t, made, weight=torch.tensor(weight, dtype=torch.float64))
        close(found_of(mean, logits, target)[0], math.fsum(values) / total)
        close(found_of(mean, logits, target)[1], slopes / total)


@given(graphs(), seeds)
@SETTINGS
def test_spread_targets(case: GraphCase, rng: np.random.Generator) -> None:
    """Smoothing of ids and of class probabilities; probabilities of classes and of nodes."""
    t, order, by_id = bound(case, rng)
    row, weight = (rng.uniform(0.1, 2, count).tolist() for count in (case.depth, len(t)))
    by_level = {f"L{number + 1}": float(w) for number, w in enumerate(row)}
    logits, ids = rng.normal(0, 3, (5, len(t))), rng.integers(0, t.num_nodes, 5)
    q, of_nodes = rng.dirichlet(np.ones(len(t)), 5), rng.dirichlet(np.ones(t.num_nodes), 5)
    for e in (0.0, 0.2, 1.0):
        oracle = GraphOracle(case, order, level_weights(row), row, weight, e)
        loss = TaxonomyLoss(
            t,
            by_level,
            weight=torch.tensor(weight, dtype=torch.float64),
            reduction="none",
            label_smoothing=e,
        )
        costs = {
            "ids": [oracle.index_costs(by_id[y]) for y in ids],
            "classes": [oracle.soft_costs(dict(zip(order, share, strict=True))) for share in q],
        }
        targets = {"ids": ids, "classes": q}
        if e == 0:
            costs["nodes"] = [oracle.soft_costs(dict(zip(by_id, share, strict=True))) for share in of_nodes]
            targets["nodes"] = of_nodes
        for kind, target in targets.items():
            rows = [oracle.row(z.tolist(), cost) for z, cost in zip(logits, costs[kind], strict=True)]
            values, slopes = (np.array(part) for part in zip(*rows, strict=True))
            value, slope = found_of(loss, logits, target)
            close(value, values)
            close(slope, slopes)


@given(taxonomies(), seeds)
@SETTINGS
def test_a_graph_of_single_parents_is_the_tree(case: Case, rng: np.random.Generator) -> None:
    """Ids, smoothing, probabilities, weights: the same numbers; and the same class weights of nodes."""
    t = case.taxonomy
    row = {level: float(weight) for level, weight in zip(t.levels, rng.uniform(0.1, 2, 9), strict=False)}
    weight = torch.tensor(rng.uniform(0.1, 2, len(t)))
    logits, ids = torch.tensor(rng.normal(0, 3, (7, len(t)))), torch.tensor(rng.integers(0, t.num_nodes, 7))
    q = torch.tensor(rng.dirichlet(np.ones(len(t)), 7))
    table = weighting.by_level(row)(t)
    both = new_tensors(t, table), GraphLossTensors(graph_plan_of(t), table)
    close(both[1].node_weights(weight), both[0].node_weights(weight))
    for target in (ids, q):
        for reduction in ("none", "mean", "sum"):
            for e in (0.0, 0.3):
                found = []
                for tensors in both:
                    z = logits.clone().requires_grad_()
                    value = cross_entropy(tensors, z, target, weight, -100, reduction, e)
                    found.append((value.detach(), torch.autograd.grad(value.sum(), z)[0]))
                close(found[1][0], found[0][0], 1e-12)
                close(found[1][1], found[0][1], 1e-12)


@given(graphs(), seeds)
@SETTINGS
def test_a_redundant_edge_changes_nothing(case: GraphCase, rng: np.random.Generator) -> None:
    """The file with it and without it."""
    logits = rng.normal(0, 3, (5, len(case.classes)))
    target = rng.integers(0, len(case.classes), 5)
    trees = (taxoloss.load(case.file(redundant)).bind() for redundant in (True, False))
    one, other = (found_of(TaxonomyLoss(t, "geometric:0.5"), logits, target) for t in trees)
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


# -- the regimes of a row --------------------------------------------------------------------------


def hard_rows(t: Taxonomy, rng: np.random.Generator, target: list[int]) -> Tensor:
    """A class far above the others, below the target or not; masked classes, whole targets; confidence."""
    reached = graph_plan_of(t).classes
    z = rng.normal(0, 3, (len(target), len(t)))
    for row, gap in enumerate((0.0, 30.0, 100.0, 500.0, 1000.0, 1e4)):
        below = reached[target[row]]
        z[row, int(rng.integers(len(t))) if row % 2 else below[0]] += gap
    z[6, int(rng.integers(len(t)))] = -INF
    if len(reached[target[7]]) < len(t):
        z[7, reached[target[7]]] = -INF
    z[8] = 0.0
    z[9, reached[target[9]]] += 45.0
    z[10, reached[target[10]][0]] += 700.0
    return torch.from_numpy(z)


@given(graphs(), seeds)
@SETTINGS
def test_every_form_in_every_regime(case: GraphCase, rng: np.random.Generator) -> None:
    """Losses and gradients beside sixty digits: the closed form, masks, the definition; float32 too."""
    t, _, _ = bound(case, rng)
    plan = graph_plan_of(t)
    count = len(plan.ancestors.items)
    table = rng.choice([0.0, 1.0, 1.0], count) * rng.uniform(0.1, 2, count)
    table[0] = 1.0
    tensors = GraphLossTensors(plan, table)
    target = rng.integers(0, t.num_nodes - 1, 11)
    logits, ids, ones = hard_rows(t, rng, target.tolist()), torch.tensor(target), torch.ones(11).double()
    nodes, weights = padded(tensors, ids, ones)
    forms = {
        "closed": lambda z: _index_losses(tensors, z, ids, ones, reduce=False),
        "masked": lambda z: masked_losses(z, nodes, weights, tensors.reach),
        "definition": lambda z: row_losses(z.double(), nodes, weights, tensors.reach),
    }
    for dtype, within in ((torch.float64, 1e-12), (torch.float32, 5e-7)):
        rounded = logits.to(dtype)
        truth = [exact_row(z, _costs(t, table, y)) for z, y in zip(rounded.tolist(), target, strict=True)]
        for form in forms.values():
            z = rounded.clone().requires_grad_()
            losses = form(z)
            (slopes,) = torch.autograd.grad(losses.sum(), z)
            for row, (value, slope) in enumerate(truth):
                _assert_exact(
                    losses[row].detach().double(), torch.tensor(value, dtype=torch.float64), within
                )
                _assert_exact(slopes[row].double(), torch.tensor(slope, dtype=torch.float64), within)


def _costs(t: Taxonomy, table: Any, target: int) -> list[tuple[set[int], float]]:
    plan = graph_plan_of(t)
    pairs = range(*plan.ancestors.starts[target : target + 2])
    below = [set(plan.classes[int(plan.ancestors.items[pair])].tolist()) for pair in pairs]
    weights = [float(table[pair]) for pair in pairs]
    return [(one, w) for one, w in zip(below, weights, strict=True) if w > 0 and len(one) < len(t)]


def _assert_exact(found: Tensor, truth: Tensor, within: float) -> None:
    same = found == truth
    assert (same | ((found - truth).abs() <= within * truth.abs().max() + 1e-37)).all(), (found, truth)


@pytest.mark.parametrize("gap", [20.0, 40.0, 200.0, 600.0])
def test_the_gradient_where_all_is_nearly_certain(gap: float) -> None:
    """A diamond of 40 classes whose target is far above: P is 1, its gradient all but 0 and right."""
    t, target = wide_diamond(), 3
    z = torch.randn(1, 40, generator=torch.Generator().manual_seed(0))
    z[0, target] += gap
    loss = TaxonomyLoss(t, weighting.geometric(0.3))
    z.requires_grad_()
    value = loss(z, torch.tensor([target]))
    value.backward()
    assert z.grad is not None
    table = weighting.geometric(0.3)(t)
    expected, slope = exact_row(z[0].tolist(), _costs(t, table, target))
    exact = torch.tensor(slope, dtype=torch.float64)
    big = exact.abs() > 1e-37  # what float32 holds with all digits
    assert ((z.grad[0].double() - exact).abs() <= 5e-7 * exact.abs())[big].all()
    assert abs(value.item() - expected) <= 5e-7 * expected + 1e-37


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("below", [5.0, 25.0, 300.0, INF])
def test_the_rest_of_many_small_classes(dtype: torch.dtype, below: float) -> None:
    """Of 1,500 even classes all but one are reached: that one is summed by itself, also where it is 0."""
    classes = [{"name": f"c{at}", "also_under": ["other"]} if at < 2 else f"c{at}" for at in range(1499)]
    most = {"name": "most", "children": classes}
    t = taxoloss.load({"tree": [most, {"name": "other", "children": ["alone"]}]}).bind()
    z = torch.randn(2, 1500, generator=torch.Generator().manual_seed(0)).to(dtype)
    z[:, t.node_id("alone")] -= below
    _assert_steps(t, {"depth_1": 1.0, "depth_2": 0.0}, z, [7, 1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("step", [3.0, 12.0, 25.0, 90.0])
def test_certainty_in_steps(dtype: torch.dtype, step: float) -> None:
    """Each of nested groups, of two chains that meet, has all but a little of the next one's mass."""
    inner: dict[str, Any] = {"name": "target"}
    for at in range(6):
        inner = {"name": f"g{at}", "children": [inner, f"c{at}"]}
    inner["children"][0]["children"][0]["also_under"] = ["other"]
    t = taxoloss.load({"tree": [inner, {"name": "other", "children": ["o"]}, "alone"]}).bind()
    z = torch.zeros(1, len(t), dtype=dtype)
    for at in range(6):
        z[0, t.node_id(f"c{at}")] -= (at + 1) * step
    z[0, t.node_id("o")] -= 7 * step
    z[0, t.node_id("alone")] -= 7.5 * step
    _assert_steps(t, "uniform", z, [t.node_id("target")])


def _assert_steps(t: Taxonomy, level_weights: Any, z: Tensor, target: list[int]) -> None:
    """Losses and gradients, each entry to its own digits."""
    given = z.clone().requires_grad_()
    losses = TaxonomyLoss(t, level_weights, reduction="none")(given, torch.tensor(target))
    (slopes,) = torch.autograd.grad(losses.sum(), given)
    plan, table = graph_plan_of(t), weighting.weight_table(t, level_weights)
    pairs, within = shared_by_level(plan, table), 5e-7 if z.dtype == torch.float32 else 1e-11
    for row, label in enumerate(target):
        value, slope = exact_row(z[row].tolist(), _costs(t, pairs, label))
        exact, large = (
            torch.tensor(slope, dtype=torch.float64),
            1e-37 if z.dtype == torch.float32 else 1e-300,
        )
        assert abs(losses[row].item() - value) <= within * value + large
        kept = exact.abs() > large  # what the dtype holds with all digits
        assert ((slopes[row].double() - exact).abs() <= within * exact.abs())[kept].all()


@given(st.data(), seeds)
@SETTINGS
def test_chains_and_classes_alone(data: st.DataObject, rng: np.random.Generator) -> None:
    """A row whose logits mean nothing costs nothing where it is ignored or weighs nothing."""
    t, _, _ = bound(data.draw(graphs()), rng)
    z = torch.full((3, len(t)), data.draw(st.sampled_from([math.nan, INF, -INF]))).requires_grad_()
    target = torch.tensor([-100, t.num_nodes - 1, -100])
    for e in (0.0, 0.1):
        value = TaxonomyLoss(t, reduction="sum", label_smoothing=e)(z, target)
        (slope,) = torch.autograd.grad(value, z)
        assert value.item() == 0
        assert not slope.any()
