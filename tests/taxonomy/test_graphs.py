"""Nodes with several parents: every table and matrix against a graph by hand, and against networkx."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from graphs import GraphCase, graphs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from trees import Case, bound_taxonomies, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.plan import graph_plan_of, plan_of
from taxoloss.taxonomy.tree.reach import compiled

DIAMOND = {
    "levels": ["a", "b", "c"],
    "tree": [
        {"name": "cat", "children": ["lynx", {"name": "lion", "children": [
            {"name": "liger", "also_under": ["tiger"]}]}]},
        {"name": "wild", "children": [{"name": "tiger", "children": ["sher"]}, "wolf"]},
        "eel",
    ],
}  # fmt: skip


def diamond() -> Taxonomy:
    """A liger below lion and tiger, and so below cat and wild."""
    return taxoloss.load(DIAMOND).bind(["wolf", "liger", "eel", "sher", "lynx"], node_targets=True)


def ids(case: GraphCase, t: Taxonomy) -> dict[int, int]:
    """The target id of each node of a graph."""
    return {node: t.node_id(case.path(node)) for node in (0, *case.nodes)}


def bound(case: GraphCase, data: st.DataObject) -> Taxonomy:
    """The taxonomy with its classes in a random order."""
    order = data.draw(st.permutations(case.classes))
    return case.taxonomy.bind([f"n{label}" for label in order], node_targets=True)


def test_a_diamond_by_hand() -> None:
    """A liger has two parents and four nodes above it; the matrix has two ones in its row."""
    t = diamond()
    called = {t.path(node)[-1] for node in t.ancestors("liger")[:-1]}
    assert not t.is_tree
    assert [t.path(node) for node in t.parents("liger")] == [("cat", "lion"), ("wild", "tiger")]
    assert called == {"cat", "lion", "wild", "tiger"}
    assert t.ancestors("liger")[-1] == t.num_nodes - 1
    assert t.nodes("a") == ("cat", "wild", "eel")
    assert t.nodes("b") == ("lynx", "lion", "tiger", "wolf", "eel")
    assert t.aggregation_matrix("a").tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert t.parents(t.node_id("cat")) == (t.num_nodes - 1,)
    assert t.parents(t.num_nodes - 1) == ()


def test_its_ways_in(tmp_path: Path) -> None:
    """A path, a name, an alias name a further parent; of one node all children are written elsewhere."""
    nodes = [
        {"name": "lion", "children": [{"name": "liger", "also_under": ["Panthera tigris", "wild/big"]}]},
        {"name": "tiger", "aliases": ["Panthera tigris"]},
        {"name": "wild", "children": [{"name": "big"}, "wolf"]},
    ]
    t = taxoloss.load({"tree": nodes}).bind()
    assert t.classes == ("liger", "wolf")
    assert [t.path(node)[-1] for node in t.parents("liger")] == ["lion", "tiger", "big"]
    assert t.tree.num_leaves.tolist() == [2, 1, 1, 1, 2, 1, 1]
    t.save(tmp_path / "a.yaml")
    assert "also_under: [tiger, big]" in (tmp_path / "a.yaml").read_text()
    assert taxoloss.load(tmp_path / "a.yaml") == taxoloss.load({"tree": nodes})


@given(graphs(), st.data())
@SETTINGS
def test_parents_ancestors_and_levels(case: GraphCase, data: st.DataObject) -> None:
    """By hand, and as networkx says of `graph`."""
    t = bound(case, data)
    number = ids(case, t)
    graph = t.graph
    assert t.is_tree == all(len(parents) < 2 for parents in case.parents)
    assert set(graph.edges) == {(number[parent], number[node]) for parent, node in case.edges}
    for node in case.nodes:
        parents = [number[parent] for parent in case.parents[node]]
        assert t.parents(number[node])[0] == parents[0]
        assert sorted(t.parents(case.path(node))) == sorted(parents)
        assert set(t.ancestors(number[node])) == {number[one] for one in case.above[node]}
        assert set(t.ancestors(number[node])) == nx.ancestors(graph, number[node])
        assert graph.nodes[number[node]]["level"] == f"L{case.level[node]}"
    assert len(t.notes) == sum(map(len, case.redundant))


@given(graphs(), st.data())
@SETTINGS
def test_matrices_of_levels(case: GraphCase, data: st.DataObject) -> None:
    """A column of a level's node has a one for each class that it reaches."""
    t = bound(case, data)
    label = {f"n{node}": node for node in case.nodes}
    for number, level in enumerate(t.levels, 1):
        nodes = [label[name] for name in t.nodes(level)]
        assert set(nodes) == case.stands(number)
        matrix = t.aggregation_matrix(level)
        expected = [[float(label[name] in case.below(node)) for node in nodes] for name in t.classes]
        assert matrix.tolist() == expected
        assert (matrix.sum(1) >= 1).all()
        assert torch.equal(t.aggregation_matrix(level, sparse=True).to_dense(), matrix)
    assert t.nodes(t.levels[-1]) == t.classes


@given(graphs(), st.data())
@SETTINGS
def test_the_plan(case: GraphCase, data: st.DataObject) -> None:
    """Classes below each node, ancestors-or-self of each, by id; made once."""
    t = bound(case, data)
    number, plan = ids(case, t), graph_plan_of(t)
    assert plan is graph_plan_of(t)
    for node in case.nodes:
        line = {node, *case.above[node]} - {0}
        assert plan.classes[number[node]].tolist() == sorted(number[one] for one in case.below(node))
        assert plan.ancestors[number[node]].tolist() == sorted(number[one] for one in line)
        assert plan.parents[number[node]].tolist() == sorted(number[one] for one in case.parents[node])
        assert plan.level[number[node]] == case.level[node]
    assert plan.classes[number[0]].tolist() == list(range(len(t)))
    assert [len(plan.ancestors), plan.num_classes, plan.num_targets] == [t.num_nodes, len(t), t.num_nodes]


@given(taxonomies())
@SETTINGS
def test_a_tree_compiled_as_a_graph_is_the_tree(case: Case) -> None:
    """Every table of a tree's plan, from the closure alone; and every matrix."""
    t = case.taxonomy
    tree, graph, closure = plan_of(t), graph_plan_of(t), compiled(t.tree.all_edges(), t.tree.is_leaf)
    below = [graph.classes[node].tolist() for node in range(graph.num_nodes)]
    for node in range(graph.num_nodes):
        assert below[node] == sorted(tree.depth_first[tree.start[node] : tree.stop[node]].tolist())
        line = set(graph.ancestors[node].tolist())
        counted = tree.ancestors[node][tree.counted[node]].tolist()
        assert {ids[index] for ids, index in zip(tree.nodes, counted, strict=False)} <= line
        parents = graph.parents[node].tolist()
        assert (parents or [node]) == [tree.parent[node]]
    for level, nodes in enumerate(graph.nodes):
        assert np.array_equal(nodes, tree.nodes[level])
        places = [[label in below[node] for node in nodes.tolist()].index(True) for label in range(len(t))]
        assert places == tree.class_to_node[level].tolist()
        matrix = torch.tensor([[label in below[n] for n in nodes.tolist()] for label in range(len(t))])
        assert torch.equal(t.aggregation_matrix(t.levels[level]), matrix.float())
    assert closure.leaves.sizes.tolist() == t.tree.num_leaves.tolist()
    assert (tree.num_targets, tree.num_classes, tree.num_nodes, tree.levels) == (
        graph.num_targets, graph.num_classes, graph.num_nodes, graph.levels,
    )  # fmt: skip


@given(graphs(), st.data(), st.sampled_from(["yaml", "json"]))
@SETTINGS
def test_it_is_kept(case: GraphCase, data: st.DataObject, suffix: str) -> None:
    """By files, by to_dict, by pickle."""
    import tempfile

    t = bound(case, data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"graph.{suffix}")
        t.save(path)
        again = taxoloss.load(path)
    assert again == case.taxonomy
    assert again.digest == case.taxonomy.digest
    assert again.notes == ()
    assert Taxonomy.from_dict(json.loads(json.dumps(t.to_dict()))) == t
    assert pickle.loads(pickle.dumps(t)) == copy.deepcopy(t) == t
    assert taxoloss.load(case.file(with_redundant=False)) == case.taxonomy


@given(graphs(), st.data())
@SETTINGS
def test_the_digest_covers_every_edge(case: GraphCase, data: st.DataObject) -> None:
    """A graph with one edge less is another; the tree of the homes has the digest that it always had."""
    several = [node for node in case.nodes if len(case.parents[node]) > 1]
    if not several:
        assert "also_under" not in case.taxonomy.to_dict()
        return
    node = data.draw(st.sampled_from(several))
    fewer = [of if one != node else of[:-1] for one, of in enumerate(case.parents)]
    other = GraphCase(tuple(fewer), case.redundant, case.skipped)
    assert taxoloss.load(other.file(False)).digest != case.taxonomy.digest


@given(graphs(), st.data())
@SETTINGS
def test_restricted_to_some_classes(case: GraphCase, data: st.DataObject) -> None:
    """The nodes above them, with all of their parents."""
    kept = data.draw(st.lists(st.sampled_from(case.classes), unique=True, min_size=2))
    t = case.taxonomy.restrict([f"n{label}" for label in kept], node_targets=True)
    line = set(kept).union(*(case.above[label] for label in kept))
    assert t.classes == tuple(f"n{label}" for label in kept)
    edges = {(parent, node) for parent, node in case.edges if node in line}
    number = ids_of(case, t, line)
    assert set(t.graph.edges) == {(number[parent], number[node]) for parent, node in edges}
    assert t.is_tree == all(len(case.parents[node]) < 2 for node in line)


def ids_of(case: GraphCase, t: Taxonomy, nodes: set[int]) -> dict[int, int]:
    """The target ids of some nodes."""
    return {node: t.node_id(case.path(node)) for node in nodes}


@given(graphs(), st.data())
@SETTINGS
def test_classes_above_others(case: GraphCase, data: st.DataObject) -> None:
    """A leaf of its own below its node, which keeps its parents; `save` writes the file without it."""
    inner = [node for node in case.nodes if node not in case.classes]
    chosen = data.draw(st.lists(st.sampled_from(inner), unique=True)) if inner else []
    order = data.draw(st.permutations([*case.classes, *chosen]))
    t = case.taxonomy.bind([f"n{node}" for node in order], inner_classes=True)
    assert t.classes == tuple(f"n{node}" for node in order)
    for node in order:
        above = {t.path(one)[-1:] for one in t.ancestors(t.node_id(case.path(node)))}
        own = {(f"n{node}",)} if node in chosen else set()
        assert above == {case.path(one)[-1:] for one in case.above[node]} | own
    assert Taxonomy.from_dict(t.to_dict()) == t
    assert t.tree.without_own_leaves()[0].digest == case.taxonomy.digest


@given(bound_taxonomies())
@SETTINGS
def test_a_tree_says_its_parents(t: Taxonomy) -> None:
    """One for each node; above it those of its path."""
    for node in range(t.num_nodes - 1):
        (parent,) = t.parents(node)
        assert t.path(node)[: len(t.path(parent))] == t.path(parent)
        assert t.ancestors(node) == tuple(sorted({parent, *t.ancestors(parent)}))


@pytest.mark.parametrize(
    "change", [{"also_under": [[1, 2]]}, {"also_under": [[3, 3]]}, {"also_under": [[6, 1]]}]
)
def test_a_changed_dict_is_refused(change: dict[str, Any]) -> None:
    """Edges that are none, that lead up, or that say nothing."""
    with pytest.raises(ValueError, match="expected"):
        Taxonomy.from_dict({**diamond().to_dict(), **change})


@pytest.mark.parametrize("ask", ["parents", "ancestors"])
def test_questions_that_are_none(ask: str) -> None:
    """Not bound, no such node, no such id: as `node_id` says."""
    with pytest.raises(ValueError, match="needs a bound taxonomy"):
        getattr(taxoloss.load(DIAMOND), ask)("lynx")
    with pytest.raises(taxoloss.errors.BindingError, match="did you mean `lynx`"):
        getattr(diamond(), ask)("lynks")
    with pytest.raises(ValueError, match=r"expected a node id in 0\.\.9"):
        getattr(diamond(), ask)(12)
    with pytest.raises(TypeError, match="expected a node id, got float"):
        getattr(diamond(), ask)(1.5)


def test_networkx_is_not_imported_for_trees() -> None:
    """Loading, binding and saving a tree asks for none of it."""
    import subprocess
    import sys

    code = (
        "import sys, taxoloss; t = taxoloss.load('pets').bind(); t.parents(0); t.ancestors(0); "
        "print('networkx' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_longest_path_has_the_limit_of_levels() -> None:
    """Further parents make no more levels than a file may have."""
    nodes = [
        {"name": f"g{k}", "children": [{"name": f"n{k}", "also_under": [f"n{k - 1}"] if k else []}]}
        for k in range(70)
    ]
    tree = {"tree": [*nodes, "x"]}
    with pytest.raises(taxoloss.TaxonomyError, match="T111: `n69` is deeper than 64 levels"):
        taxoloss.load(tree)
    assert len(taxoloss.load(tree, limits=taxoloss.Limits(levels=71)).levels) == 71


def test_rows_of_ranks_along_any_edge() -> None:
    """A table says another parent than the home; one that is none is refused."""
    t = diamond()
    rows = [("wild", "tiger", "liger"), ("cat", "lion", "liger"), ("wild", None, "liger"), "tiger/liger"]
    assert t.node_ids(rows[:3]).tolist() == [t.node_id("liger")] * 3
    assert t.targets([rows[3]]).tolist() == [t.node_id("liger")]
    with pytest.raises(taxoloss.errors.BindingError, match="not below `cat`"):
        t.targets({"a": ["cat"], "c": ["wolf"]}, ["a", "c"])


def test_no_path_along_any_edge_means_two_nodes() -> None:
    """T201 also where one of two of a name is there by a further parent."""
    edges = [("r", "A"), ("r", "B"), ("A", "x"), ("A", "y"), ("B", "x"), ("B", "x of B")]
    graph: nx.DiGraph[str] = nx.DiGraph(edges)
    graph.nodes["x of B"]["name"] = "x"
    with pytest.raises(taxoloss.TaxonomyError, match=r"T201.*`x` stands twice"):
        Taxonomy.from_graph(graph, parents="all")
    graph.nodes["x of B"]["name"] = "z"
    t = Taxonomy.from_graph(graph, parents="all")
    assert t.bind().targets(["A/x", "B/x", "B/z"]).tolist() == [0, 0, 2]
