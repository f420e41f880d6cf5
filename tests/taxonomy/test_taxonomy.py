"""Taxonomy: what holds for every tree, whatever its shape and its binding."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from typing import Any

import networkx as nx
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from trees import bound_taxonomies, leaves, nested, nodes

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.taxonomy import NodeInfo

calm = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))

# -- what holds for every tree ---------------------------------------------------------------------


@calm
@given(bound_taxonomies())
def test_each_level_partitions_the_classes(t: Taxonomy) -> None:
    """Each class is below exactly one node of each level, and that node is on its path."""
    for level in t.levels:
        index = t.ancestor_index(level)
        paths = t.paths(level)
        assert index.dtype == torch.int64
        assert index.shape == (len(t),)
        assert sorted(set(index.tolist())) == list(range(len(paths)))
        assert len(set(paths)) == len(paths)
        for path, node in zip(t.paths(), index.tolist(), strict=True):
            assert path[: len(paths[node])] == paths[node]
        assert t.nodes(level) == tuple(path[-1] for path in paths)


@calm
@given(bound_taxonomies())
def test_deeper_levels_refine_higher_ones(t: Taxonomy) -> None:
    """Two classes that one level joins are joined by every level above it."""
    for above, below in zip(t.levels, t.levels[1:], strict=False):
        pairs = torch.stack([t.ancestor_index(below), t.ancestor_index(above)], 1).tolist()
        assert len(set(map(tuple, pairs))) == len(t.nodes(below))


@calm
@given(bound_taxonomies())
def test_the_deepest_level_is_the_classes(t: Taxonomy) -> None:
    """Its nodes stand in the bound class order: its log-probabilities are log_softmax."""
    assert t.nodes(t.levels[-1]) == t.classes
    assert t.paths(t.levels[-1]) == t.paths()
    assert t.ancestor_index(t.levels[-1]).tolist() == list(range(len(t)))


@calm
@given(bound_taxonomies())
def test_other_levels_stand_in_tree_order(t: Taxonomy) -> None:
    """The nodes of an inner level do not depend on the binding."""
    for level in t.levels[:-1]:
        assert t.paths(level) == t.replace(order=None).paths(level)


@calm
@given(nested(), st.randoms())
def test_node_ids_of_every_node(tree: dict[str, Any], random: Any) -> None:
    """Classes 0..C-1; inner nodes from C on in post-order whatever the binding; the root last."""
    order = list(leaves(tree))
    random.shuffle(order)
    t = taxoloss.load({"tree": tree}).bind(order)
    nfc = {t.node_id(path): path for path, _ in nodes(tree)}
    inner = [path for path, leaf in nodes(tree) if not leaf]
    assert t.num_nodes == len(nfc) + 1
    assert [t.node_id(path) for path in order] == list(range(len(t)))
    assert [t.node_id(path) for path in inner] == list(range(len(t), t.num_nodes - 1))
    assert t.node_id(()) == t.num_nodes - 1
    every = [*order, *inner, ()]
    assert t.node_ids(every).tolist() == list(range(t.num_nodes))
    assert t.node_ids(every).dtype == torch.int64
    assert [t.node_id(t.path(i)) for i in range(t.num_nodes)] == list(range(t.num_nodes))


@calm
@given(bound_taxonomies())
def test_describe_every_node(t: Taxonomy) -> None:
    """Name, level and path of every id; ints, lists and tensors give the same."""
    infos = t.describe(torch.arange(t.num_nodes))
    assert infos == t.describe(list(range(t.num_nodes)))
    assert [t.describe(i)[0] for i in range(t.num_nodes)] == infos
    assert [info.path for info in infos] == [t.path(i) for i in range(t.num_nodes)]
    assert infos[-1] == NodeInfo("", None, ())
    for info in infos[:-1]:
        assert info.name == info.path[-1]
        assert info.path in t.paths(info.level)
        above = t.describe(t.node_id(info.path[:-1]))[0].level
        assert above is None or t.levels.index(above) < t.levels.index(str(info.level))


@calm
@given(bound_taxonomies())
def test_aggregation_matrices(t: Taxonomy) -> None:
    """Dense and sparse are equal, rows one-hot, column sums the leaves below."""
    for level in t.levels:
        dense = t.aggregation_matrix(level)
        sparse = t.aggregation_matrix(level, sparse=True)
        assert sparse.is_sparse
        assert dense.dtype == sparse.dtype == torch.float32
        assert torch.equal(sparse.to_dense(), dense)
        assert torch.equal(dense.argmax(1), t.ancestor_index(level))
        assert dense.sum(1).tolist() == [1.0] * len(t)
        assert dense.max(1).values.tolist() == [1.0] * len(t)
        counts = Counter(t.ancestor_index(level).tolist())
        assert dense.sum(0).tolist() == [counts[i] for i in range(len(t.nodes(level)))]
        below = [sum(p[: len(q)] == q for p in t.paths()) for q in t.paths(level)]
        assert dense.sum(0).tolist() == below


@calm
@given(bound_taxonomies())
def test_the_graph(t: Taxonomy) -> None:
    """An arborescence of target ids from the root, with names and levels; made anew each time."""
    graph = t.graph
    assert nx.is_arborescence(graph)
    assert sorted(graph) == list(range(t.num_nodes))
    assert {node for node in graph if graph.out_degree(node) == 0} == set(range(len(t)))
    assert [node for node in graph if graph.in_degree(node) == 0] == [t.num_nodes - 1]
    for above, below in graph.edges:
        assert t.path(below)[:-1] == t.path(above)
    for node, info in enumerate(t.describe(range(t.num_nodes))):
        assert graph.nodes[node] == {"name": info.name, "level": info.level}
    graph.remove_node(0)
    assert 0 in t.graph


@calm
@given(bound_taxonomies())
def test_edges_and_children(t: Taxonomy) -> None:
    """Each node but the root is the child of one node, whose path is one name shorter."""
    tree, children = t.tree, t.tree.children()
    assert [node for _, node in tree.edges()] == list(range(1, len(tree)))
    assert all(tree.path(parent) == tree.path(node)[:-1] for parent, node in tree.edges())
    for parent, below in enumerate(children):
        assert list(below) == tree.children_of(parent).tolist()
        assert list(below) == sorted(node for up, node in tree.edges() if up == parent)
    assert [len(below) for below in children] == tree.num_children.tolist()
    assert [not below for below in children] == tree.is_leaf.tolist()


@calm
@given(bound_taxonomies())
def test_from_graph_gives_it_back(t: Taxonomy) -> None:
    """from_graph(t.graph, t.levels) has the same paths, levels and digest."""
    again = Taxonomy.from_graph(t.graph, t.levels)
    assert Counter(again.paths()) == Counter(t.paths())
    assert again.bind(t.paths(), node_targets=t.node_targets) == t
    assert again.digest == t.digest


@calm
@given(nested())
def test_from_paths_gives_it_back(tree: dict[str, Any]) -> None:
    """from_paths(t.paths(), t.levels) has the same digest: depth l is level l."""
    assume(all(name == name.strip() for path in leaves(tree) for name in path))
    t = taxoloss.load({"tree": tree})
    again = Taxonomy.from_paths(t.paths(), t.levels)
    assert (again.digest, again) == (t.digest, t)
    assert Taxonomy.from_paths([*t.paths(), *t.paths()]).digest == t.digest


@calm
@given(bound_taxonomies(), st.data())
def test_restrict(t: Taxonomy, data: st.DataObject) -> None:
    """The classes given in their order, their paths as they were, the levels kept."""
    some = data.draw(st.permutations(t.paths()))[: data.draw(st.integers(2, len(t)))]
    part = t.restrict(some)
    assert part.paths() == tuple(some)
    assert part.levels == t.levels
    assert part.is_bound
    for level in t.levels:
        kept = set(part.paths(level))
        assert kept <= set(t.paths(level))
        assert [p for p in t.paths(level) if p in kept] == list(part.paths(level)) or (
            level == t.levels[-1]
        )
    inner = {part.path(i) for i in range(len(part), part.num_nodes)}
    assert inner == {path[:n] for path in some for n in range(len(path))}
    assert Counter(n for names in part.aliases.values() for n in names) == Counter(
        n for path, names in _by_path(t, t.aliases).items() for n in names if path in _kept(part)
    )
    assert _by_path(part, part.descriptions) == {
        path: text for path, text in _by_path(t, t.descriptions).items() if path in _kept(part)
    }
    assert t.restrict(t.paths()).binding_digest == t.bind(t.paths()).binding_digest


def _by_path(t: Taxonomy, values: Any) -> dict[tuple[str, ...], Any]:
    return {t.tree.path(node): value for node, value in values.items()}


def _kept(t: Taxonomy) -> set[tuple[str, ...]]:
    return {t.path(i) for i in range(t.num_nodes)}


@calm
@given(bound_taxonomies())
def test_equality_is_by_binding(t: Taxonomy) -> None:
    """Equal tree, levels, order and node_targets: equal, with one hash; else not."""
    same = t.replace(name="another", description="x", level_weights=None)
    assert (same, hash(same), same.digest) == (t, hash(t), t.digest)
    unbound = t.replace(order=None, node_targets=False)
    turned = t.bind(t.paths()[::-1], node_targets=t.node_targets)
    other = t.bind(t.paths(), node_targets=not t.node_targets)
    assert t.bind(t.paths(), node_targets=t.node_targets) == t
    assert len({t, same, unbound, turned, other}) == 4
    assert {unbound.digest, turned.digest, other.digest} == {t.digest}
    assert t != t.digest
    assert len(t.digest) == len(t.binding_digest) == 64


@calm
@given(bound_taxonomies())
def test_copies(t: Taxonomy) -> None:
    """Pickled and copied trees are equal and answer the same."""
    t.index.find("a")
    for again in (pickle.loads(pickle.dumps(t)), copy.copy(t), copy.deepcopy(t)):
        assert (again, hash(again), again.binding_digest) == (t, hash(t), t.binding_digest)
        assert repr(again) == repr(t)
        assert again.paths() == t.paths()
        assert again.describe(range(t.num_nodes)) == t.describe(range(t.num_nodes))
        assert again.aliases == t.aliases
