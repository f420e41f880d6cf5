"""Weights where nodes have several parents: what pairs weigh, and of which the truth is the least."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis_settings import SETTINGS
from torch import Tensor
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss, weighting
from taxoloss.cli.inspection.weights import weighting_facts
from taxoloss.taxonomy.plan import graph_plan_of
from taxoloss.weighting.text import parse_schedule, schedule_text

TWO = [
    {"name": "A", "children": ["x", {"name": "y", "also_under": ["B"]}]},
    {"name": "B", "children": ["z"]},
]
TRUTH = [0.2, 0.5, 0.3]
HALVES = {"group": 0.5, "class": 0.5}


def two_groups() -> Taxonomy:
    """x under A, y under A and B, z under B."""
    return taxoloss.load({"levels": ["group", "class"], "tree": TWO}).bind(node_targets=True)


def minimiser(t: Taxonomy, weights: Any, truth: Tensor) -> Tensor:
    """The probabilities at which the mean loss over labels of the true probabilities is least."""
    loss = TaxonomyLoss(t, weights)
    z = torch.zeros(1, len(t), dtype=torch.float64, requires_grad=True)
    steps = torch.optim.LBFGS(
        [z], max_iter=500, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        steps.zero_grad()
        value = loss(z, truth.unsqueeze(0))
        value.backward()
        return value

    steps.step(closure)
    return z.detach().softmax(1)[0]


def test_shared_level_weights_are_not_proper() -> None:
    """The example of the documentation: .14, .64, .22 where .20, .50, .30 is true, which `proper` finds."""
    t, truth = two_groups(), torch.tensor(TRUTH, dtype=torch.float64)
    starts = graph_plan_of(t).ancestors.starts[:4]
    assert np.add.reduceat(weighting.proper(HALVES)(t), starts)[:-1].tolist() == [1.5, 1.5, 1.5]
    assert weighting.by_level(HALVES)(t)[:3].sum(1).tolist() == [1.0, 1.0, 1.0]
    torch.testing.assert_close(
        minimiser(t, HALVES, truth), torch.tensor([0.14, 0.64, 0.22]).double(), atol=0.005, rtol=0
    )
    found = minimiser(t, weighting.proper(HALVES), truth)
    torch.testing.assert_close(found, truth, atol=1e-6, rtol=0)


@given(graphs(), seeds)
@SETTINGS
def test_the_truth_is_the_minimiser_of_proper_weights(case: GraphCase, rng: np.random.Generator) -> None:
    """On random graphs, of random weights of nodes: the gradient is 0 there, other places cost more."""
    t = case.taxonomy.bind(node_targets=True)
    of_node = rng.choice([0.0, 1.0], t.num_nodes) * rng.uniform(0.1, 1, t.num_nodes)
    of_node[: len(t)] += 0.1
    loss = TaxonomyLoss(t, weighting.proper(of_node))
    truth = torch.tensor(rng.dirichlet(np.ones(len(t)), 1)).clamp(min=1e-6)
    truth /= truth.sum()
    z = truth.log().requires_grad_()
    value = loss(z, truth)
    (slope,) = torch.autograd.grad(value, z)
    assert slope.abs().max() < 1e-12
    others = truth.log() + torch.tensor(rng.normal(0, 1, (20, len(t))))
    rows = TaxonomyLoss(t, weighting.proper(of_node), reduction="none")(others, truth.expand(20, -1))
    assert (rows >= value).all()
    if not t.is_tree:
        starts = graph_plan_of(t).ancestors.starts[: len(t) + 1]
        totals = np.add.reduceat(weighting.proper(of_node)(t), starts)[:-1]
        np.testing.assert_allclose(totals, totals[0], rtol=1e-12)


@given(taxonomies(), seeds)
@SETTINGS
def test_proper_weights_of_levels_on_a_tree(case: Case, rng: np.random.Generator) -> None:
    """Each node takes what its levels weigh: the loss is that of the levels."""
    t = case.taxonomy
    row = {level: float(weight) for level, weight in zip(t.levels, rng.uniform(0.1, 2, 9), strict=False)}
    z, y = torch.tensor(rng.normal(0, 3, (5, len(t)))), torch.tensor(rng.integers(0, len(t), 5))
    proper, by_level = (TaxonomyLoss(t, made) for made in (weighting.proper(row), weighting.by_level(row)))
    torch.testing.assert_close(proper(z, y), by_level(z, y))


def test_weights_by_name_and_by_id() -> None:
    """A dict of nodes, an array of all; the root weighs nothing; text there and back."""
    t = two_groups()
    by_name = weighting.proper({"A": 1.0, "B": 0.5, ("A", "x"): 0.25})
    array = np.zeros(t.num_nodes)
    array[[t.node_id("A"), t.node_id("B"), t.node_id("x"), t.num_nodes - 1]] = [1.0, 0.5, 0.25, 9.0]
    assert by_name(t).tolist() == weighting.proper(array)(t).tolist()
    assert by_name(t)[:7].tolist() == [0.5, 1.0, 0.0, 1.0, 0.5, 1.0, 0.5]
    levels = weighting.proper(HALVES)
    assert parse_schedule(schedule_text(levels))(t).tolist() == levels(t).tolist()
    assert parse_schedule("proper:A=1,B=0.5,x=0.25")(t).tolist() == by_name(t).tolist()
    with pytest.raises(ValueError, match="has no text"):
        schedule_text(weighting.proper(array))


def test_own_is_deepest() -> None:
    """One schedule with a name for graphs."""
    assert weighting.own is weighting.deepest
    assert weighting.own()(two_groups())[:7].tolist() == [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"group": 0.5}, "no weight for 'class'"),
        ({"A": -1.0}, "expected finite weights"),
        ({"A": 0.0}, "above 0 below the root"),
        (np.ones(3), "one a node id"),
    ],
)
def test_what_is_refused(weights: Any, words: str) -> None:
    """In words."""
    with pytest.raises(ValueError, match=words):
        weighting.proper(weights)(two_groups())


def test_a_name_that_is_no_node() -> None:
    """The nearest name is told."""
    with pytest.raises(taxoloss.errors.BindingError, match="AB"):
        weighting.proper({"AB": 1.0})(two_groups())


@pytest.mark.parametrize("schedule", ["uniform", "deepest", "geometric:0.5", "proper:group=0.5,class=0.5"])
def test_inspect_shows_what_ancestors_weigh(schedule: str) -> None:
    """Each ancestor of a class of the fewest and of the most, and the sum: what equal logits cost."""
    facts = weighting_facts(two_groups(), parse_schedule(schedule))
    paths = [[share.node for share in target.levels] for target in facts.targets]
    assert paths == [[("A",), ("A", "x")], [("A",), ("B",), ("A", "y")], [("A",)]]
    loss = TaxonomyLoss(two_groups(), schedule, reduction="none")
    target = torch.tensor([0, 1, two_groups().node_id("A")])
    expected = [share.chance_loss for share in facts.targets]
    assert loss(torch.zeros(3, 3, dtype=torch.float64), target).tolist() == pytest.approx(expected)
