"""Taxonomy: what holds for every tree, and each way of making, reading and saving one."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rows import bound, leaves, nodes, ranked, trees

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy import NodeInfo

calm = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

PETS = {
    "levels": ["species", "breed"],
    "tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle", "pug", "boxer"]},
}
ORDER = ["pug", "Sphynx", "boxer", "Bengal", "beagle"]


@pytest.fixture
def pets() -> Taxonomy:
    """Five pets, bound in an order of their own."""
    return taxoloss.load(PETS).bind(ORDER)


# -- what holds for every tree ---------------------------------------------------------------------


@calm
@given(bound())
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
@given(bound())
def test_deeper_levels_refine_higher_ones(t: Taxonomy) -> None:
    """Two classes that one level joins are joined by every level above it."""
    for above, below in zip(t.levels, t.levels[1:], strict=False):
        pairs = set(zip(t.ancestor_index(below).tolist(), t.ancestor_index(above).tolist(), strict=True))
        assert len(pairs) == len(t.nodes(below))


@calm
@given(bound())
def test_the_deepest_level_is_the_classes(t: Taxonomy) -> None:
    """Its nodes stand in the bound class order: its log-probabilities are log_softmax."""
    assert t.nodes(t.levels[-1]) == t.classes
    assert t.paths(t.levels[-1]) == t.paths()
    assert t.ancestor_index(t.levels[-1]).tolist() == list(range(len(t)))


@calm
@given(bound())
def test_other_levels_stand_in_tree_order(t: Taxonomy) -> None:
    """The nodes of an inner level do not depend on the binding."""
    for level in t.levels[:-1]:
        assert t.paths(level) == dataclasses.replace(t, order=None).paths(level)


@calm
@given(trees(), st.randoms())
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
@given(bound())
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
@given(bound())
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
@given(bound())
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
@given(bound())
def test_from_graph_gives_it_back(t: Taxonomy) -> None:
    """from_graph(t.graph, t.levels) has the same paths, levels and digest."""
    again = Taxonomy.from_graph(t.graph, t.levels)
    assert Counter(again.paths()) == Counter(t.paths())
    assert again.bind(t.paths(), node_targets=t.node_targets) == t
    assert again.digest == t.digest


@calm
@given(trees())
def test_from_paths_gives_it_back(tree: dict[str, Any]) -> None:
    """from_paths(t.paths(), t.levels) has the same digest: depth l is level l."""
    t = taxoloss.load({"tree": tree})
    again = Taxonomy.from_paths(t.paths(), t.levels)
    assert (again.digest, again) == (t.digest, t)
    assert Taxonomy.from_paths([*t.paths(), *t.paths()]).digest == t.digest


@calm
@given(trees() | ranked(), st.sampled_from([".yaml", ".yml", ".json", ".JSON", ""]))
def test_save_and_load(source: dict[str, Any], suffix: str) -> None:
    """What was saved loads to an equal tree, with all that people said about it."""
    t = taxoloss.load(source if "levels" in source and "tree" in source else {"tree": source})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"saved{suffix}"
        t.save(path)
        again = taxoloss.load(path)
        assert list(Path(folder).iterdir()) == [path]
    assert (again.digest, again) == (t.digest, t)
    for field in dataclasses.fields(t):
        if field.name not in ("tree", "order"):
            assert getattr(again, field.name) == getattr(t, field.name)


@calm
@given(bound(), st.data())
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
@given(bound())
def test_equality_is_by_binding(t: Taxonomy) -> None:
    """Equal tree, levels, order and node_targets: equal, with one hash; else not."""
    same = dataclasses.replace(t, name="another", description="x", level_weights=None)
    assert (same, hash(same), same.digest) == (t, hash(t), t.digest)
    unbound = dataclasses.replace(t, order=None, node_targets=False)
    turned = t.bind(t.paths()[::-1], node_targets=t.node_targets)
    other = t.bind(t.paths(), node_targets=not t.node_targets)
    assert t.bind(t.paths(), node_targets=t.node_targets) == t
    assert len({t, same, unbound, turned, other}) == 4
    assert {unbound.digest, turned.digest, other.digest} == {t.digest}
    assert t != t.digest
    assert len(t.digest) == len(t.binding_digest) == 64


@calm
@given(bound())
def test_copies(t: Taxonomy) -> None:
    """Pickled and copied trees are equal and answer the same."""
    t.index.find("a")
    for again in (pickle.loads(pickle.dumps(t)), copy.copy(t), copy.deepcopy(t)):
        assert (again, hash(again), again.binding_digest) == (t, hash(t), t.binding_digest)
        assert repr(again) == repr(t)
        assert again.paths() == t.paths()
        assert [again.path(i) for i in range(t.num_nodes)] == [t.path(i) for i in range(t.num_nodes)]
        assert again.aliases == t.aliases


# -- one tree by hand ------------------------------------------------------------------------------


def test_the_numbers_of_five_pets(pets: Taxonomy) -> None:
    """Names, indices and ids as one would write them down."""
    assert pets.classes == tuple(ORDER)
    assert pets.nodes("species") == ("cat", "dog")
    assert pets.ancestor_index("species").tolist() == [1, 0, 1, 0, 1]
    assert pets.aggregation_matrix("species").tolist() == [[0, 1], [1, 0], [0, 1], [1, 0], [0, 1]]
    assert pets.node_ids(["pug", "cat", ("dog",), ("cat", "Bengal"), ()]).tolist() == [0, 5, 6, 3, 7]
    assert pets.node_id("dog") == 6
    assert pets.describe([0, 5, 7]) == [
        NodeInfo("pug", "breed", ("dog", "pug")), NodeInfo("cat", "species", ("cat",)),
        NodeInfo("", None, ()),
    ]  # fmt: skip
    assert (len(pets), pets.num_nodes) == (5, 8)
    assert repr(pets) == "Taxonomy(5 classes, species 2 > breed 5, bound)"
    assert repr(taxoloss.load(PETS).bind(node_targets=True)) == (
        "Taxonomy(5 classes, species 2 > breed 5, bound in the file's order, node targets)"
    )


def test_digests_are_fixed() -> None:
    """They are stored with checkpoints: a new version of the package must not change them."""
    t = taxoloss.load(PETS)
    assert t.digest != taxoloss.load({**PETS, "levels": ["a", "b"]}).digest
    assert t.digest == taxoloss.load({**PETS, "name": "x", "version": "2"}).digest
    weighted = [{"name": "species", "weight": 1}, {"name": "breed", "weight": 2}]
    assert t.digest == taxoloss.load({**PETS, "levels": weighted}).digest
    assert t.digest == DIGEST
    assert t.bind(ORDER).binding_digest == BINDING_DIGEST


DIGEST = "?"
BINDING_DIGEST = "?"


def test_post_order_of_a_ragged_tree() -> None:
    """Children before parents, siblings in tree order."""
    t = taxoloss.load({"tree": {"a": {"b": {"c": ["d", "e"]}, "f": ["g"]}, "h": None, "i": ["j"]}})
    t = t.bind(["h", "e", "d", "j", "g"])
    inner = [t.path(i) for i in range(5, t.num_nodes)]
    assert inner == [("a", "b", "c"), ("a", "b"), ("a", "f"), ("a",), ("i",), ()]


@pytest.mark.parametrize("node", [-1, 8, 10**6])
def test_ids_out_of_range(pets: Taxonomy, node: int) -> None:
    """ValueError with the range, from path and describe."""
    for call in (pets.path, pets.describe, lambda i: pets.describe([0, i])):
        with pytest.raises(ValueError, match=rf"expected a node id in 0\.\.7, got {node}"):
            call(node)


@pytest.mark.parametrize("name", ["nodes", "paths", "ancestor_index", "aggregation_matrix"])
def test_an_unknown_level(pets: Taxonomy, name: str) -> None:
    """ValueError with the levels there are and the nearest one."""
    with pytest.raises(ValueError) as caught:
        getattr(pets, name)("breeds")
    assert str(caught.value) == (
        "expected a level, one of species, breed; got 'breeds'; did you mean `breed`?"
    )


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("ancestor_index", "breed"), ("aggregation_matrix", "species"), ("node_id", "cat"),
        ("node_ids", ["cat"]),
    ],
)  # fmt: skip
def test_unbound_says_how_to_bind(name: str, argument: Any) -> None:
    """ValueError with both ways to say the order."""
    with pytest.raises(ValueError) as caught:
        getattr(taxoloss.load(PETS), name)(argument)
    for words in ("needs a bound taxonomy", "t.bind(dataset.classes)", "t.bind()", "t.classes"):
        assert words in str(caught.value)


# -- immutability ----------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [*(f.name for f in dataclasses.fields(Taxonomy)), "classes", "new"])
def test_no_attribute_can_be_set(pets: Taxonomy, field: str) -> None:
    """AttributeError for every field, and for names that are none."""
    with pytest.raises(AttributeError):
        setattr(pets, field, None)


def _arrays(t: Taxonomy) -> dict[str, np.ndarray]:
    arrays = {"order": t.order, "nodes_by_id": t.nodes_by_id, "ids_of_nodes": t.ids_of_nodes}
    arrays["level_nodes"] = t.level_nodes(len(t.levels))
    for name in ("parent", "level", "depth", "is_leaf", "size", "leaves", "start", "stop", "inner"):
        arrays[name] = getattr(t.tree, name)
    return arrays


@pytest.mark.parametrize("name", list(_arrays(taxoloss.load(PETS).bind())))
@pytest.mark.parametrize("made", ["load", "from_paths", "restrict", "pickle", "deepcopy"])
def test_no_element_of_an_array_can_be_set(pets: Taxonomy, made: str, name: str) -> None:
    """Arrays that the tree keeps are read-only, however it was made."""
    t = {
        "load": lambda: pets,
        "from_paths": lambda: Taxonomy.from_paths(pets.paths()).bind(),
        "restrict": lambda: pets.restrict(["pug", "Bengal"]),
        "pickle": lambda: pickle.loads(pickle.dumps(pets)),
        "deepcopy": lambda: copy.deepcopy(pets),
    }[made]()
    array = _arrays(t)[name]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = array[1]


def test_tensors_are_the_callers_own(pets: Taxonomy) -> None:
    """Writing into a tensor that was given out does not change the tree."""
    for get in (lambda: pets.ancestor_index("species"), lambda: pets.node_ids(["cat", "pug"]),
                lambda: pets.aggregation_matrix("species")):  # fmt: skip
        before = get().clone()
        get().fill_(0)
        assert torch.equal(get(), before)


# -- saving ----------------------------------------------------------------------------------------


def test_a_saved_file_is_short(tmp_path: Path) -> None:
    """Nested mappings and lists, written out only where more has to be said."""
    path = tmp_path / "pets.yaml"
    taxoloss.load({"name": "no", **PETS}).save(path)
    assert path.read_text() == (
        "name: 'no'\nlevels:\n  - species\n  - breed\ntree:\n  cat:\n    - Bengal\n    - Sphynx\n"
        "  dog:\n    - beagle\n    - pug\n    - boxer\n"
    )
    taxoloss.load(PETS).save(tmp_path / "pets.json")
    assert json.loads((tmp_path / "pets.json").read_text()) == PETS


def test_saving_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails the old file is as it was, and no temporary one stays."""
    path = tmp_path / "pets.yaml"
    path.write_text("old")

    def fails(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fails)
    with pytest.raises(OSError, match="disk full"):
        taxoloss.load(PETS).save(path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("pets.yaml", "old")]


_LONG = "x" * 10_001
WRITABLE: dict[str, Any] = {
    "65 levels": lambda: Taxonomy.from_paths([[f"n{i}{j}" for i in range(65)] for j in "ab"], list(map(str, range(65)))),
    "blank name": lambda: Taxonomy.from_paths([("a", "  "), ("a", "b")]),
    "blank node of a graph": lambda: Taxonomy.from_graph(nx.DiGraph([("r", ""), ("r", "b")])),
    "long name in rows": lambda: Taxonomy.from_paths([("a", _LONG), ("a", "b")]),
    "long name in a mapping": lambda: taxoloss.load({"tree": [_LONG, "b"]}),
    "long description": lambda: taxoloss.load({"description": _LONG, "tree": ["a", "b"]}),
    "zero-width level": lambda: Taxonomy.from_paths([("a", "c"), ("a", "b")], ["s\u200b", "t"]),
    "invisible taxonomy name": lambda: Taxonomy.from_paths([("a",), ("b",)], name="x\u200b"),
    "blank taxonomy name": lambda: Taxonomy.from_paths([("a",), ("b",)], name=""),
    "zero-width description": lambda: taxoloss.load({"description": "a\u200bb", "tree": ["a", "b"]}),
    "bidi source": lambda: taxoloss.load({"source": "a\u202eb", "tree": ["a", "b"]}),
    "control character in a node's description": lambda: taxoloss.load(
        {"tree": [{"name": "a", "description": "x\x9by"}, "b"]}
    ),
    "line break in a description": lambda: taxoloss.load(
        {"description": "a\r\nb\rc\n\td", "tree": ["a", "b"]}
    ),
    "blanks around a description": lambda: taxoloss.load(
        {"description": " \n a  \n\n", "tree": ["a", "b"]}
    ),
    "null in a head": lambda: taxoloss.load({"name": "null", "version": "~", "tree": ["~", "null"]}),
    "empty description": lambda: taxoloss.load(
        {"description": "", "tree": [{"name": "a", "description": ""}, "b"]}
    ),
    "subnormal weights": lambda: taxoloss.load(
        {"levels": [{"name": "s", "weight": 5e-324}, {"name": "t", "weight": 1e308}], "tree": {"x": ["a", "b"]}}
    ),
    "graph that skips to a level": lambda: _skipping_graph(),
}


def _skipping_graph() -> Taxonomy:
    graph = nx.DiGraph([("r", "x"), ("x", "a"), ("r", "b")])
    graph.nodes["a"]["level"] = "species"
    return Taxonomy.from_graph(graph, ["order", "genus", "species"])


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@pytest.mark.parametrize("name", list(WRITABLE))
def test_what_can_be_made_can_be_saved_and_loaded(name: str, suffix: str, tmp_path: Path) -> None:
    """Either it is refused when it is made, or its saved file loads to the same."""
    try:
        t = WRITABLE[name]()
    except ValueError:
        return
    t.save(tmp_path / f"saved{suffix}")
    again = taxoloss.load(tmp_path / f"saved{suffix}")
    assert again == t
    for field in dataclasses.fields(t):
        if field.name not in ("tree", "order"):
            assert getattr(again, field.name) == getattr(t, field.name)
