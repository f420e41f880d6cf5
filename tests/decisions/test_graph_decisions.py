"""Decisions where nodes have several parents: each against its definition, on trees those of trees."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import graph_decisions as oracle_of
import numpy as np
import pytest
import torch
from answering import exported
from graph_oracle import Oracle
from graphs import GraphCase, graphs, wide_diamond
from hypothesis import given
from hypothesis_settings import SETTINGS
from inner_cases import InnerCase, inner_cases
from loss_oracle import random_logits
from torch import Tensor
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy, decisions
from taxoloss.decisions import inputs
from taxoloss.decisions.expected_cost import expected_costs
from taxoloss.functional import log_odds
from taxoloss.functional.graphs import class_costs as costs_of_pairs
from taxoloss.functional.graphs.class_costs import COSTS, class_costs
from taxoloss.functional.graphs.nodes import graph_nodes
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.integrations.named_decisions import decision_of

Rng = np.random.Generator
GRAPH = wide_diamond()
LOGITS = 3 * torch.randn(9, 40, generator=torch.Generator().manual_seed(0))

#: Every decision that gives one node a row and takes a graph.
RULES: dict[str, Callable[..., Any]] = {
    "leaf": decisions.leaf,
    "at_level": lambda z, t, **o: decisions.at_level(z, t, t.levels[0], **o),
    "climb": lambda z, t, **o: decisions.climb(z, t, 0.7, **o),
    "most_specific": lambda z, t, **o: decisions.most_specific(z, t, 0.3, **o),
    "hedge": lambda z, t, **o: decisions.hedge(z, t, 0.2, **o),
    "minimum_cost": decisions.minimum_cost,
    "edges": lambda z, t, **o: decisions.minimum_cost(z, t, "edges", **o),
}


def drawn(oracle: Oracle, rng: Rng, rows: int, scale: float = 4.0) -> Any:
    """Logits (rows, C)."""
    return rng.normal(size=(rows, len(oracle.taxonomy))) * scale


def definition(oracle: Oracle, logits: Any, name: str) -> int:
    """The node that a decision of RULES answers."""
    if name == "leaf":
        return oracle.nodes[oracle.best_classes(logits)[0]]
    if name == "at_level":
        return oracle.best(logits, 0)[0]
    if name == "climb":
        return oracle_of.climbed(oracle, logits, math.log(0.7 / 0.3))
    if name == "most_specific":
        return oracle_of.most_specific(oracle, logits, math.log(0.3 / 0.7))
    return oracle_of.hedged(oracle, logits, 0.2)


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("minimum_cost", "edges")])
@SETTINGS
@given(case=graphs(), rng=seeds)
def test_against_the_definition(name: str, case: GraphCase, rng: Rng) -> None:
    """The answer, and its probability."""
    oracle = Oracle(case)
    logits = drawn(oracle, rng, 4)
    ids, p = RULES[name](torch.from_numpy(logits), oracle.taxonomy, return_probability=True)
    for row, found, stated in zip(logits.tolist(), ids.tolist(), p.tolist(), strict=True):
        assert oracle.nodes[found] == definition(oracle, row, name)
        assert math.isclose(stated, oracle.probability(row, oracle.nodes[found]), rel_tol=1e-9)


@pytest.mark.parametrize("cost", COSTS)
@SETTINGS
@given(case=graphs(), rng=seeds)
def test_the_least_expected_cost(cost: str, case: GraphCase, rng: Rng) -> None:
    """Costs of all pairs, and of answers; a ranking by cost rises."""
    oracle = Oracle(case)
    t, classes = oracle.taxonomy, range(len(oracle.taxonomy))
    wanted = [[oracle_of.cost(oracle, cost, one, other) for other in classes] for one in classes]
    assert class_costs(t, cost).matrix.tolist() == wanted
    logits = drawn(oracle, rng, 4)
    found: Any = decisions.minimum_cost(torch.from_numpy(logits), t, cost)
    order: Any = decisions.ranking(torch.from_numpy(logits), t, "cost")
    for row, answer, ranked in zip(logits.tolist(), found.tolist(), order.tolist(), strict=True):
        costs = [oracle_of.expected_cost(oracle, row, cost, label) for label in classes]
        assert math.isclose(costs[answer], min(costs), rel_tol=1e-9, abs_tol=1e-12)
        if cost == "lca_height":
            assert sorted(ranked) == [*classes]
            assert all(costs[a] <= costs[b] + 1e-9 for a, b in pairwise(ranked))


@SETTINGS
@given(taxonomies(), seeds)
def test_edges_on_trees(case: Case, rng: Rng) -> None:
    """What telescopes is the sum over all pairs."""
    edges_of_a_tree(case.taxonomy, torch.from_numpy(random_logits(case, rng, 4)))


@SETTINGS
@given(inner_cases(), seeds)
def test_edges_on_trees_with_classes_above_others(inner: InnerCase, rng: Rng) -> None:
    """A class above other classes is seen as its node."""
    z = torch.from_numpy(rng.normal(size=(3, len(inner.nodes), 2)))
    edges_of_a_tree(inner.taxonomy, z)


def edges_of_a_tree(t: Taxonomy, z: Tensor) -> None:
    """The same of the tree, of the graph's matrix, and of a matrix by hand."""
    for cost in COSTS:
        matrix = class_costs(t, cost).matrix.double()
        expected = expected_costs(z, t, node_tensors(t), cost)[0]
        wanted = torch.einsum("nj...,ij->ni...", z.softmax(1), matrix)
        torch.testing.assert_close(expected, wanted, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(expected_costs(z, t, graph_nodes(t), cost)[0], wanted)


def as_graphs(patch: pytest.MonkeyPatch) -> None:
    """Trees are decided as graphs are."""
    for module in (inputs, log_odds):
        patch.setattr(module, "nodes_of", graph_nodes)


def same_as_a_tree(name: str, t: Taxonomy, z: Tensor) -> None:
    """Answers and probabilities; equal costs differ by rounding, and are looked at above."""
    wanted = RULES[name](z, t, return_probability=True)
    with pytest.MonkeyPatch.context() as patch:
        as_graphs(patch)
        found = RULES[name](z, t, return_probability=True)
    assert torch.equal(found[0], wanted[0])
    torch.testing.assert_close(found[1], wanted[1])


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("minimum_cost", "edges")])
@SETTINGS
@given(case=taxonomies(), rng=seeds)
def test_a_tree_is_decided_as_a_tree(name: str, case: Case, rng: Rng) -> None:
    """Also where a class is impossible."""
    same_as_a_tree(name, case.taxonomy, torch.from_numpy(random_logits(case, rng, 5)))


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("minimum_cost", "edges")])
@SETTINGS
@given(inner=inner_cases(), rng=seeds)
def test_classes_above_others(name: str, inner: InnerCase, rng: Rng) -> None:
    """A leaf of its own is answered as in trees."""
    same_as_a_tree(name, inner.taxonomy, torch.from_numpy(rng.normal(size=(5, len(inner.nodes))) * 4))


@pytest.mark.parametrize("name", RULES)
@SETTINGS
@given(case=graphs(), rng=seeds)
def test_allowed(name: str, case: GraphCase, rng: Rng) -> None:
    """As if the other classes had no logits: those that one of some nodes reaches are left."""
    oracle = Oracle(case)
    logits = drawn(oracle, rng, 3)
    nodes = rng.choice(oracle.taxonomy.num_nodes, rng.integers(1, 4)).tolist()
    classes = sorted({label for n in nodes for label in oracle.classes_below[oracle.nodes[n]]})
    masked = np.full_like(logits, -np.inf)
    masked[:, classes] = logits[:, classes]
    z = torch.from_numpy(logits)
    ids, p = RULES[name](z, oracle.taxonomy, allowed=nodes, return_probability=True)
    assert torch.equal(ids, RULES[name](torch.from_numpy(masked), oracle.taxonomy))
    assert bool(((p > 0) & (p <= 1 + 1e-12)).all())
    order: Any = decisions.ranking(z, oracle.taxonomy, "probability", allowed=nodes)
    assert all(sorted(row) == classes for row in order.tolist())


@pytest.mark.parametrize("name", RULES)
def test_shapes_and_dtypes(name: str) -> None:
    """(C,), (N, C), (N, C, d1, d2), no rows; half, bfloat16, probabilities."""
    rule = RULES[name]
    found = rule(LOGITS, GRAPH)
    assert [int(rule(row, GRAPH)) for row in LOGITS] == found.tolist()
    dense = LOGITS.reshape(1, 3, 3, 40).movedim(-1, 1)
    assert torch.equal(rule(dense, GRAPH), found.reshape(1, 3, 3))
    _, p = rule(dense, GRAPH, return_probability=True)
    torch.testing.assert_close(p.reshape(9), rule(LOGITS, GRAPH, return_probability=True)[1])
    assert rule(LOGITS[:0], GRAPH).shape == (0,)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        assert torch.equal(rule(LOGITS.to(dtype), GRAPH), rule(LOGITS.to(dtype).float(), GRAPH))
    p = LOGITS.double().softmax(1)
    assert torch.equal(rule(p, GRAPH, probabilities=True), rule(p.log(), GRAPH))


@pytest.mark.parametrize("name", RULES)
def test_large_logits(name: str) -> None:
    """+-1e4, and classes masked by -inf."""
    rows = torch.zeros(3, 40)
    rows[0, :3] = torch.tensor([1e4, -1e4, 5.0])
    rows[1, 2:] = -torch.inf
    ids, p = RULES[name](rows, GRAPH, return_probability=True)
    assert bool(((p >= 0) & (p <= 1)).all())
    assert torch.equal(ids, RULES[name](rows.double(), GRAPH))


@pytest.mark.parametrize("name", RULES)
def test_export(name: str) -> None:
    """One exported graph answers as the model does, for any number of rows."""
    found, wanted = exported(RULES[name], GRAPH)
    assert torch.equal(found[0], wanted[0])
    torch.testing.assert_close(found[1], wanted[1])


def test_what_goes_down_one_way_is_refused() -> None:
    """With what takes a graph instead."""
    with pytest.raises(ValueError, match=r"top_down needs a tree.*climb takes it"):
        decisions.top_down(LOGITS, GRAPH)
    with pytest.raises(ValueError, match=r"ranking by levels needs a tree.*by='cost'"):
        decisions.ranking(LOGITS, GRAPH)


def test_too_many_classes_for_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before the memory is asked for."""
    monkeypatch.setattr(costs_of_pairs, "_MOST_CLASSES", 39)
    fresh = wide_diamond()
    for call in (decisions.minimum_cost, lambda z, t: decisions.ranking(z, t, "cost")):
        with pytest.raises(ValueError, match=r"at most 39 classes.*got 40"):
            call(LOGITS, fresh)


def test_hops_by_hand() -> None:
    """A liger is as near to a tiger as to a lion: two edges to each; and four to what is elsewhere."""
    liger = {"name": "liger", "also_under": ["tiger"]}
    tree = [
        {"name": "lion", "children": [liger, "simba"]},
        {"name": "tiger", "children": ["sher"]},
        {"name": "dog", "children": ["rex"]},
    ]
    t = taxoloss.load({"tree": tree}).bind()
    number = {name: t.node_id(name) for name in ("liger", "simba", "sher", "rex")}
    edges = class_costs(t, "edges").matrix
    assert [int(edges[number["liger"], number[name]]) for name in number] == [0, 2, 2, 4]
    assert int(edges[number["simba"], number["sher"]]) == 4
    logits = torch.full((1, 4), -9.0)
    logits[0, [number["simba"], number["sher"], number["liger"]]] = torch.tensor([0.1, 0.1, -0.5])
    assert decisions.minimum_cost(logits, t, "edges").tolist() == [number["liger"]]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", RULES)
def test_compiled(name: str) -> None:
    """One graph that answers as the eager call; on a taxonomy that nothing has asked anything before."""
    t = wide_diamond()
    compiled = torch.compile(
        lambda z: RULES[name](z, t, return_probability=True), backend="eager", fullgraph=True
    )
    found, wanted = compiled(LOGITS), RULES[name](LOGITS, GRAPH, return_probability=True)
    assert torch.equal(found[0], wanted[0])
    torch.testing.assert_close(found[1], wanted[1])


def test_a_calibrated_threshold_compiled() -> None:
    """It looks at nothing but numbers."""
    logits = LOGITS.repeat(20, 1)
    made = decisions.calibrate_threshold(logits, logits.argmax(1).roll(3), GRAPH, 0.5)
    compiled = torch.compile(lambda z: decisions.climb(z, GRAPH, made), backend="eager", fullgraph=True)
    assert torch.equal(compiled(LOGITS), decisions.climb(LOGITS, GRAPH, made))  # type: ignore[arg-type]


def test_by_name() -> None:
    """As settings: text, and a threshold."""
    made = decisions.calibrate_threshold(LOGITS, LOGITS.argmax(1), GRAPH, 0.5)
    for setting in (
        "leaf",
        "climb:0.8",
        "most_specific",
        "hedge:0.2",
        "minimum_cost",
        "at_level:depth_2",
        made,
    ):
        assert decision_of(setting, GRAPH)(LOGITS, GRAPH).shape == (9,)
    with pytest.raises(ValueError, match="top_down needs a tree"):
        decision_of("top_down:0.5", GRAPH)(LOGITS, GRAPH)
