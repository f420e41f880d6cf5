"""Common ancestors, depths, heights and ways where nodes have several parents: brute force, and trees."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from graph_oracle import Oracle
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis_settings import SETTINGS
from inner_cases import InnerCase, inner_cases
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.functional.graphs.nodes import GraphNodes, graph_nodes, nodes_of
from taxoloss.functional.masses import level_answers, level_masses
from taxoloss.functional.node_tensors import FACTS, NodeTensors, node_tensors

pytestmark = pytest.mark.one_form("integers of the file alone")


def pairs_of(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """All pairs of ids, (V * V,) each."""
    ids = torch.arange(count)
    return ids.repeat_interleave(count), ids.repeat(count)


def same_as_of_a_tree(t: Taxonomy) -> None:
    """Every table and every fact of all pairs of nodes."""
    graph, tree = graph_nodes(t), node_tensors(t)
    one, other = pairs_of(t.num_nodes)
    for name in ("depth", "height", "classes_below", "information", "counted"):
        assert torch.equal(getattr(graph, name), getattr(tree, name)), name
    for name in ("seen_as", "as_class"):
        found, expected = getattr(graph, name), getattr(tree, name)
        assert found is None if expected is None else torch.equal(found, expected)
    assert all(map(torch.equal, graph.nodes, tree.nodes))
    assert torch.equal(graph.lca(one, other), tree.lca(one, other))
    assert torch.equal(graph.at_or_above(one, other), tree.at_or_above(one, other))
    assert torch.equal(graph.facts(one, other), tree.facts(one, other))
    wanted = tree.counted[one] & tree.counted[other] & (tree.ancestors[one] == tree.ancestors[other])
    assert torch.equal(graph.share_level(one, other), wanted)


@given(taxonomies())
@SETTINGS
def test_a_tree_has_the_numbers_of_trees(case: Case) -> None:
    """In any order of classes."""
    same_as_of_a_tree(case.taxonomy)


@given(graphs())
@SETTINGS
def test_facts_of_all_pairs(case: GraphCase) -> None:
    """Depths, shared ancestors, ways and heights."""
    oracle = Oracle(case)
    t = oracle.taxonomy
    tensors, (one, other) = graph_nodes(t), pairs_of(t.num_nodes)
    found = tensors.facts(one, other).tolist()
    for (a, b), row in zip(product(range(t.num_nodes), repeat=2), found, strict=True):
        assert row == oracle.facts(a, b), (oracle.nodes[a], oracle.nodes[b])
    assert tensors.height.tolist() == [oracle.height(oracle.nodes[n]) for n in range(t.num_nodes)]


@given(graphs())
@SETTINGS
def test_the_common_ancestor_is_the_most_informative(case: GraphCase) -> None:
    """The same from both sides."""
    oracle = Oracle(case)
    one, other = pairs_of(oracle.taxonomy.num_nodes)
    tensors = graph_nodes(oracle.taxonomy)
    found = tensors.lca(one, other)
    assert torch.equal(found, tensors.lca(other, one))
    expected = [oracle.lca(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    assert [oracle.nodes[number] for number in found.tolist()] == expected
    above = [oracle.nodes[a] in oracle.above(b) for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    assert tensors.at_or_above(one, other).tolist() == above


@given(graphs())
@SETTINGS
def test_which_levels_count(case: GraphCase) -> None:
    """Those that have a node which is the target or above it."""
    oracle = Oracle(case)
    tensors = graph_nodes(oracle.taxonomy)
    on = [case.stands(level) for level in range(1, case.depth)] + [set(case.classes)]
    for number in range(oracle.taxonomy.num_nodes):
        above = oracle.above(number)
        assert tensors.counted[number].tolist() == [bool(nodes & above) for nodes in on]


@given(inner_cases())
@SETTINGS
def test_a_class_above_others_is_seen_as_its_node(inner: InnerCase) -> None:
    """As in trees."""
    same_as_of_a_tree(inner.taxonomy)


@given(graphs(), seeds)
@SETTINGS
def test_masses_of_levels(case: GraphCase, seed: np.random.Generator) -> None:
    """Sums over what each node reaches, of rows and of maps; the answer is the first of the largest."""
    oracle = Oracle(case)
    t, tensors = oracle.taxonomy, graph_nodes(oracle.taxonomy)
    z = torch.from_numpy(seed.normal(size=(2, len(t), 3)))
    p, best = z.softmax(1), level_answers(z, tensors)[0]
    for level, (mass, nodes) in enumerate(zip(level_masses(z, tensors), tensors.nodes, strict=True)):
        reached = [[t.node_id(case.path(c)) for c in case.below(oracle.nodes[n])] for n in nodes.tolist()]
        expected = torch.stack([p[:, classes].sum(1) for classes in reached], 1)
        torch.testing.assert_close(mass, expected, rtol=1e-14, atol=0)
        assert torch.equal(best[:, level], mass.argmax(1))
        torch.testing.assert_close(level_masses(z[..., 0], tensors)[level], mass[..., 0])


def test_a_graph_has_the_tables_of_graphs_and_a_tree_those_of_trees() -> None:
    """Asked for in one way."""
    liger = {"name": "liger", "also_under": ["tiger"]}
    graph = taxoloss.load(
        {"tree": [{"name": "lion", "children": [liger, "simba"]}, {"name": "tiger", "children": ["sher"]}]}
    )
    assert isinstance(nodes_of(graph.bind()), GraphNodes)
    assert isinstance(nodes_of(taxoloss.load("pets").bind()), NodeTensors)
    assert len(FACTS) == nodes_of(graph.bind()).facts(torch.tensor([0]), torch.tensor([1])).shape[1]
    with pytest.raises(TypeError, match="expected a bound Taxonomy"):
        nodes_of("pets")  # type: ignore[arg-type]
