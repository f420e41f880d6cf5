"""A taxonomy in configs, hyperparameters, checkpoints, processes: to_dict, from_dict, pickles, copies."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import io
import json
import pickle
import re
import sys
from collections import UserDict, UserList
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from trees import bound_taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.plain_data import ReadOnlyDict

calm = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))

FILE = {
    "name": "pets", "description": "two\nlines", "version": "1.10",
    "levels": [
        {"name": "species", "weight": 0.3, "description": "cat or dog"}, {"name": "breed", "weight": 0.7},
    ],
    "tree": [
        {"name": "cat", "children": [{"name": "Bengal", "aliases": ["leopard cat", "no"]}, "Sphynx"]},
        {"name": "dog", "children": [{"name": "pug", "description": "flat"}, "12:30", "猫"]},
    ],
}  # fmt: skip
PETS = taxoloss.load(FILE).bind(["pug", "猫", "Bengal", "12:30", "Sphynx"], node_targets=True)


FIELDS = list(inspect.signature(Taxonomy).parameters)


def fields(t: Taxonomy) -> dict[str, Any]:
    """Everything that a taxonomy holds, as values that can be compared."""
    tree = t.tree
    held = {name: getattr(t, name) for name in FIELDS if name not in ("tree", "order")}
    arrays = {"parent": tree.parent.tolist(), "level": tree.level.tolist()}
    order = None if t.order is None else t.order.tolist()
    return {**held, **arrays, "names": tree.names, "levels": tree.levels, "order": order}


def same(one: Taxonomy, other: Taxonomy) -> None:
    """Equal, and in all that equality does not look at too."""
    assert one == other
    assert fields(one) == fields(other)
    assert (one.digest, one.binding_digest) == (other.digest, other.binding_digest)
    assert (one.classes, hash(one), repr(one)) == (other.classes, hash(other), repr(other))


def kinds(value: Any) -> set[type]:
    """The exact types of a value and all that is in it."""
    inside = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return {type(value)}.union(*map(kinds, inside if isinstance(value, (dict, list)) else ()))


def through_torch(value: Any) -> Any:
    """Saved and loaded as a checkpoint of which no code is trusted."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def through_yaml(value: Any) -> Any:
    """As the YAML of a config."""
    return yaml.safe_load(yaml.safe_dump(value, allow_unicode=True))


@calm
@given(bound_taxonomies(), st.booleans())
def test_there_and_back(t: Taxonomy, unbound: bool) -> None:
    """Python's own types only; JSON, YAML and a checkpoint give back the same taxonomy."""
    if unbound:
        t = t.replace(order=None, node_targets=False)
    data = t.to_dict()
    assert kinds(data) <= {dict, list, str, int, float, bool, type(None)}
    for again in (data, json.loads(json.dumps(data)), through_yaml(data), through_torch(data)):
        same(Taxonomy.from_dict(again), t)
    assert data == Taxonomy.from_dict(data).to_dict()


@pytest.mark.parametrize("name", ["pets", "isic4", "imagenet1k", "naics2022"])
def test_bundled_trees(name: str) -> None:
    t = taxoloss.load(name)
    same(Taxonomy.from_dict(json.loads(json.dumps(t.to_dict()))), t)


def test_what_only_behaves_as_text_and_numbers() -> None:
    """numpy's text and numbers in, Python's out; mappings and sequences of other classes are read."""
    rows = np.array([("cat", "Bengal"), ("dog", "pug")])
    made = Taxonomy.from_paths([tuple(row) for row in rows], np.array(["species", "breed"]).tolist())
    weights = {"species": np.float64(0.25), "breed": np.float32(0.75)}
    t = made.replace(level_weights=weights).bind(rows[::-1, 1].tolist())
    data = t.to_dict()
    assert kinds(data) <= {dict, list, str, int, float, bool, type(None)}
    same(Taxonomy.from_dict(data), t)

    def wrapped(value: Any) -> Any:
        if isinstance(value, dict):
            return UserDict({key: wrapped(item) for key, item in value.items()})
        return UserList(map(wrapped, value)) if isinstance(value, list) else value

    same(Taxonomy.from_dict(wrapped(PETS.to_dict())), PETS)


@pytest.mark.slow
def test_a_large_tree() -> None:
    """50,000 classes: as arrays, not node by node."""
    t = Taxonomy.from_paths([(f"g{i // 50}", f"s{i}") for i in range(50_000)]).bind()
    same(Taxonomy.from_dict(json.loads(json.dumps(t.to_dict()))), t)


# -- what was changed in between -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("taxoloss", "taxonomy 2", "with taxoloss: 'taxonomy 1', got 'taxonomy 2' there"),
        ("names", ["cat", "Bengal", "Sphynx", "dog", "pugg", "12:30", "猫"], "the tree whose digest"),
        ("names", ["cat", "Bengal", "Bengal", "dog", "pug", "12:30", "猫"], "`Bengal` as nodes 2 and 3"),
        ("names", ["cat", "Bengal", "\x00", "dog", "pug", "12:30", "猫"], "node 3: the name `.x00` holds"),
        ("names", ["cat", "Bengal", 3, "dog", "pug", "12:30", "猫"], "names.2: .*string, got 3"),
        ("names", ["cat"], "as many names as parents and node_levels, got {'names': 1, 'parents': 7"),
        ("names", "cat", "names: .*tuple, got 'cat'"),
        ("parents", [0, 1, 1, 0, 4, 4, 0], "the tree whose digest"),
        ("parents", [0, 1, 1, 0, 4, 4, 9], "node 7: expected a parent's number, below its own, got 9"),
        ("parents", [1, 1, 1, 0, 4, 4, 4], "node 1: expected a parent's number, below its own, got 1"),
        ("parents", [0, 1, 1, 0, 4, 1, 4], "in depth-first order, got .0, 1, 1, 0, 4, 1, 4"),
        ("parents", [0, 1, 1, 0, 4, 4, 10**30], "expected numbers of nodes as parents, got 10000000"),
        ("parents", [0, 1, 1, 0, 4, 4, -1], "node 7: expected a parent's number"),
        ("parents", [0, 1, 1, 0, 4, 4, True], "parents.6: .*integer, got True"),
        ("parents", [0, 1, 2, 3, 4, 5, 6], "below its parent's, at most 2, got 2"),
        ("node_levels", [1, 2, 2, 1, 2, 2, 1], "below its parent's, at most 2, got 1"),
        ("node_levels", [1, 2, 2, 1, 2, 2, 3], "below its parent's, at most 2, got 3"),
        ("node_levels", [2, 2, 2, 1, 2, 2, 2], "node 2: expected a level below its parent's"),
        ("levels", ["species", "species"], "expected levels of different names, got `species`, `species`"),
        ("levels", ["species", "race"], "the tree whose digest"),
        ("levels", [{"name": "species", "weight": 1}, "breed"], "weight for every level or for none"),
        ("levels", [{"name": "species", "weight": -1}, "breed"], "levels.0.weight: .*greater than"),
        ("order", [0, 1, 2, 3, 4], "the order of the classes whose binding_digest"),
        ("order", [0, 1, 2, 3, 3], "the numbers 0 to 4, each once, got .0, 1, 2, 3, 3"),
        ("order", [0, 1], "the numbers 0 to 4, each once"),
        ("order", None, "the order of the classes whose binding_digest"),
        ("aliases", [[9, ["x"]]], "aliases of nodes 1 to 7, each once, got .9"),
        ("aliases", [[2, ["x"]], [2, ["y"]]], "aliases of nodes 1 to 7, each once, got .2, 2"),
        ("descriptions", [[0, "x"]], "descriptions of nodes 1 to 7, each once, got .0"),
        ("node_targets", "yes", "node_targets: .*boolean, got 'yes'"),
        ("digest", "0" * 64, "whose digest stands beside it, 000000000000, got"),
        ("binding_digest", "0" * 64, "whose binding_digest stands beside it, 000000000000, got"),
        ("digest", None, "digest: .*string, got None"),
        ("orders", [1], "orders: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_what_was_changed_is_refused(key: str, value: Any, words: str) -> None:
    """A ValueError with what stands there and what was expected; both digests where they differ."""
    data = {**PETS.to_dict(), key: value}
    with pytest.raises(ValueError, match=f"(?s){words}"):
        Taxonomy.from_dict(data)


@pytest.mark.parametrize("key", sorted(PETS.to_dict().keys() - {"name", "description", "version"}))
def test_a_key_that_is_missing(key: str) -> None:
    data = PETS.to_dict()
    del data[key]
    with pytest.raises(ValueError, match=key):
        Taxonomy.from_dict(data)


def test_both_digests_are_shown() -> None:
    other = PETS.bind(["Bengal", "pug", "猫", "12:30", "Sphynx"], node_targets=True)
    data = {**PETS.to_dict(), "order": other.to_dict()["order"]}
    words = f"{PETS.binding_digest[:12]}, got {other.binding_digest[:12]}"
    with pytest.raises(ValueError, match=words):
        Taxonomy.from_dict(data)


@pytest.mark.parametrize("given", [None, "pets", [], 3, PETS])
def test_what_is_no_mapping(given: Any) -> None:
    with pytest.raises(TypeError, match=re.escape("expected the dict of Taxonomy.to_dict, got")):
        Taxonomy.from_dict(given)


_ONE = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
_ANY = st.recursive(
    _ONE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(_ANY, st.sampled_from(sorted(PETS.to_dict())))
@settings(max_examples=examples(300), deadline=None)
def test_any_value_in_any_place(value: Any, key: str) -> None:
    """Either a taxonomy of the same digests, or a ValueError."""
    data = {**PETS.to_dict(), key: value}
    try:
        t = Taxonomy.from_dict(data)
    except ValueError:
        return
    assert (t.digest, t.binding_digest) == (PETS.digest, PETS.binding_digest)


# -- the object itself -----------------------------------------------------------------------------

unbound_too = pytest.mark.parametrize("t", [PETS, taxoloss.load(FILE)], ids=["bound", "unbound"])


@unbound_too
def test_copies_and_pickles(t: Taxonomy) -> None:
    """Of every protocol; nothing that was copied can be written to."""
    pickles = [pickle.loads(pickle.dumps(t, number)) for number in range(pickle.HIGHEST_PROTOCOL + 1)]
    for again in (*pickles, copy.copy(t), copy.deepcopy(t), t.replace()):
        same(again, t)
        for array in (again.tree.parent, again.tree.level, again.tree.leaves):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
        with pytest.raises(TypeError, match="cannot be changed"):
            again.aliases[1] = ("x",)


@unbound_too
def test_it_is_nothing_to_take_apart(t: Taxonomy) -> None:
    """No dataclass: frameworks take it as a value, also in a config of theirs that holds one."""

    @dataclasses.dataclass
    class Config:
        taxonomy: Taxonomy
        lr: float = 0.1

    assert not any(map(dataclasses.is_dataclass, (t, *Taxonomy.__mro__)))
    assert dataclasses.asdict(Config(t)) == {"taxonomy": t, "lr": 0.1}


@unbound_too
def test_another_that_differs(t: Taxonomy) -> None:
    """`replace`, which copy.replace calls; what it does not hold is refused, and it stays as it is."""
    values = fields(t)
    other = t.replace(name="cats", version=None, aliases={})
    assert fields(other) == {**values, "name": "cats", "version": None, "aliases": {}}
    assert (other.tree is t.tree, fields(t)) == (True, values)
    if sys.version_info >= (3, 13):
        assert copy.replace(t, name="cats").name == "cats"
    with pytest.raises(TypeError, match="title"):
        t.replace(title="cats")
    with pytest.raises(AttributeError, match=r"cannot be changed: t\.replace\(name=\.\.\.\) makes another"):
        t.name = "cats"
    with pytest.raises(AttributeError, match="cannot be changed: name stays"):
        del t.name


@unbound_too
def test_in_a_checkpoint_of_which_no_code_is_trusted(t: Taxonomy) -> None:
    """A taxonomy itself loads with weights_only=True; a changed one is refused, as `from_dict` does."""
    t = t.replace(notes=("a note",))
    same(through_torch({"hparams": [t]})["hparams"][0], t)
    assert t.notes == through_torch(t).notes
    changed = pickle.dumps(t).replace("猫".encode(), "犬".encode())
    with pytest.raises(ValueError, match="it was changed after"):
        pickle.loads(changed)


def test_a_pickle_of_0_1() -> None:
    """Its fields, set one by one."""
    again = Taxonomy.__new__(Taxonomy)
    again.__setstate__({name: getattr(PETS, name) for name in FIELDS})
    same(again, PETS)
    assert taxoloss.TaxonomyLoss(again)(torch.zeros(1, 5), torch.tensor([0])) > 0


def test_the_mappings_are_read_only() -> None:
    """As dicts to read, to compare, to copy and to write as JSON; whatever changes a dict raises."""
    held = ReadOnlyDict({"a": 1})
    changes: dict[str, Any] = {
        "__setitem__": ("b", 2), "__delitem__": ("a",), "__ior__": ({"b": 2},), "clear": (), "pop": ("a",),
        "popitem": (), "setdefault": ("b", 2), "update": ({"b": 2},),
    }  # fmt: skip
    for name, arguments in changes.items():
        with pytest.raises(TypeError, match="cannot be changed"):
            getattr(held, name)(*arguments)
    with pytest.raises(TypeError, match="cannot be changed"):
        held.update(b=2)
    known = {name for name in vars(dict) if name not in vars(object) or name in ("__ior__",)}
    reading = {
        "__class_getitem__", "__contains__", "__getitem__", "__iter__", "__len__", "__or__", "__reversed__",
        "__ror__", "copy", "fromkeys", "get", "items", "keys", "values",
    }  # fmt: skip
    assert known - set(changes) <= reading
    assert (held, json.dumps(held)) == ({"a": 1}, '{"a": 1}')
    for again in (copy.copy(held), copy.deepcopy(held), pickle.loads(pickle.dumps(held))):
        assert (type(again), again) == (ReadOnlyDict, held)
    assert (held | {"b": 2}, held.copy(), type(held.copy())) == ({"a": 1, "b": 2}, {"a": 1}, dict)


class Lesson(torch.nn.Module):
    """A module that holds a taxonomy, as those of trainers do."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__()
        self.taxonomy, self.loss = taxonomy, taxoloss.TaxonomyLoss(taxonomy)
        self.head = taxoloss.heads.PathSum(3, taxonomy)


def test_in_a_module(tmp_path: Path) -> None:
    """Copied, pickled and saved whole; and its hyperparameters as plain data, without trust."""
    lesson, x = Lesson(PETS), torch.randn(2, 3)
    torch.save(lesson, tmp_path / "whole.pt")
    whole = torch.load(tmp_path / "whole.pt", weights_only=False)
    for again in (copy.deepcopy(lesson), pickle.loads(pickle.dumps(lesson)), whole):
        same(again.taxonomy, PETS)
        y = torch.tensor([0, 5])
        assert torch.equal(again.loss(again.head(x), y), lesson.loss(lesson.head(x), y))
    torch.save({"state": lesson.state_dict(), "taxonomy": PETS.to_dict()}, tmp_path / "plain.pt")
    stored = torch.load(tmp_path / "plain.pt", weights_only=True)
    again = Lesson(Taxonomy.from_dict(stored["taxonomy"]))
    again.load_state_dict(stored["state"])
    same(again.taxonomy, PETS)


class Labels(torch.utils.data.Dataset[Any]):
    """Rows that each need the taxonomy."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    def __len__(self) -> int:
        return self.taxonomy.num_nodes

    def __getitem__(self, index: int) -> int:
        return self.taxonomy.node_id(self.taxonomy.path(index))


@pytest.mark.slow
def test_in_the_workers_of_a_loader() -> None:
    """Processes that are spawned get it pickled."""
    loader = torch.utils.data.DataLoader(
        Labels(PETS), batch_size=3, num_workers=1, multiprocessing_context="spawn"
    )
    assert torch.cat(list(loader)).tolist() == list(range(PETS.num_nodes))
