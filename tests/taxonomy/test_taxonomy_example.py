"""Taxonomy: one small tree whose numbers can be written down, and that nothing can change it."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.taxonomy import NodeInfo

PETS = {
    "levels": ["species", "breed"],
    "tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle", "pug", "boxer"]},
}
ORDER = ["pug", "Sphynx", "boxer", "Bengal", "beagle"]


@pytest.fixture
def pets() -> Taxonomy:
    """Five pets, bound in an order of their own."""
    return taxoloss.load(PETS).bind(ORDER)


# -- one tree by hand ------------------------------------------------------------------------------


def test_the_numbers_of_five_pets(pets: Taxonomy) -> None:
    """Names, indices and ids as one would write them down."""
    assert pets.classes == tuple(ORDER)
    assert pets.nodes("species") == ("cat", "dog")
    assert pets.ancestor_index("species").tolist() == [1, 0, 1, 0, 1]
    assert pets.aggregation_matrix("species").tolist() == [[0, 1], [1, 0], [0, 1], [1, 0], [0, 1]]
    names: list[Any] = ["pug", "cat", ("dog",), ("cat", "Bengal"), ()]
    assert pets.node_ids(names).tolist() == [0, 5, 6, 3, 7]
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


DIGEST = "bedd8254cd84ae7d975a7dc09902a8afbcaa35b425322d690dd15f2d9e348e45"
BINDING_DIGEST = "e2ba714aa0c514b029718f6243dca20736815281e704485b753c509eef18793f"


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


FIELDS = list(inspect.signature(Taxonomy).parameters)


@pytest.mark.parametrize("field", [*FIELDS, "classes", "new"])
def test_no_attribute_can_be_set(pets: Taxonomy, field: str) -> None:
    """AttributeError for every field, and for names that are none."""
    with pytest.raises(AttributeError):
        setattr(pets, field, None)


def _arrays(t: Taxonomy) -> dict[str, np.ndarray]:
    arrays: dict[str, Any] = {
        "order": t.order,
        "nodes_by_id": t.nodes_by_id,
        "ids_of_nodes": t.ids_of_nodes,
    }
    arrays["level_nodes"] = t.level_nodes(len(t.levels))
    for name in ("parent", "level", "depth", "is_leaf", "size", "leaves", "start", "stop", "inner"):
        arrays[name] = getattr(t.tree, name)
    return arrays


@pytest.mark.parametrize("made", ["load", "from_paths", "restrict", "pickle", "deepcopy"])
def test_no_element_of_an_array_can_be_set(pets: Taxonomy, made: str) -> None:
    """Arrays that the tree keeps are read-only, however it was made."""
    t = {
        "load": lambda: pets,
        "from_paths": lambda: Taxonomy.from_paths(pets.paths()).bind(),
        "restrict": lambda: pets.restrict(["pug", "Bengal"]),
        "pickle": lambda: pickle.loads(pickle.dumps(pets)),
        "deepcopy": lambda: copy.deepcopy(pets),
    }[made]()
    assert [name for name, array in _arrays(t).items() if array.flags.writeable] == []


@pytest.mark.parametrize("name", ["level_weights", "aliases", "descriptions", "level_descriptions"])
def test_no_item_of_a_mapping_can_be_set(name: str) -> None:
    """A bundled tree is one object for all who load it: nobody can change it for the others."""
    levels = [{"name": "s", "weight": 1, "description": "x"}]
    node = {"name": "a", "aliases": ["b"], "description": "y"}
    t = taxoloss.load({"levels": levels, "tree": [node, "c"]})
    values = getattr(t, name)
    for key in list(values):
        with pytest.raises(TypeError):
            values[key] = values[key]


def test_tensors_are_the_callers_own(pets: Taxonomy) -> None:
    """Writing into a tensor that was given out does not change the tree."""
    for get in (lambda: pets.ancestor_index("species"), lambda: pets.node_ids(["cat", "pug"]),
                lambda: pets.aggregation_matrix("species")):  # fmt: skip
        before = get().clone()
        get().fill_(0)
        assert torch.equal(get(), before)
