"""What is asked for in an order: no sets, numbers of any library."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum
from typing import Any

import networkx as nx
import numpy as np
import pandas
import polars
import pytest
import torch
from torch.utils.data import Subset

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import BindingError, FormError
from taxoloss.taxonomy.class_names import class_list
from taxoloss.weighting.schedules import by_level

T = taxoloss.load({"tree": {"x": ["a", "b"], "y": ["c", "d"]}})
NAMES = ["d", "a", "c", "b"]
ORDERED: list[Callable[[list[str]], Any]] = [
    list, tuple, deque, iter, np.array, pandas.Index, pandas.Series, polars.Series,
    lambda names: pandas.Categorical(names, names), lambda names: pandas.CategoricalIndex(names, names),
    lambda names: polars.Series(names, dtype=polars.Enum(names)), lambda names: np.array(names, object),
    lambda names: (name for name in names), lambda names: dict.fromkeys(names).keys(),
    lambda names: dict(enumerate(names)), lambda names: dict(enumerate(names)).values(),
    lambda names: OrderedDict(reversed([*enumerate(names)])),
    lambda names: {str(i): name for i, name in enumerate(names)},
    *(lambda names, kind=kind: {name: kind(i) for i, name in enumerate(names)}
      for kind in (int, np.int8, np.int64, np.uint16, torch.tensor, np.array)),
    *(lambda names, kind=kind: {kind(i): name for i, name in enumerate(names)}
      for kind in (int, np.int64, np.uint8)),
    lambda names: dict(zip(names, np.argsort(np.argsort(range(4))), strict=True)),
]  # fmt: skip


@pytest.mark.parametrize("make", ORDERED)
def test_what_has_an_order(make: Callable[[list[str]], Any]) -> None:
    """Lists, views, arrays, frames, mappings with numbers of any library."""
    assert T.bind(make(NAMES)).classes == tuple(NAMES)
    assert T.restrict(make(NAMES)).classes == tuple(NAMES)


UNORDERED: list[Callable[[Any], Any]] = [
    T.bind, T.restrict, T.bind().node_ids, class_list,
    lambda names: Taxonomy.from_paths({(name,) for name in names}),
    lambda names: Taxonomy.from_paths([names, ("e",)]),
    lambda names: Taxonomy.from_paths([("a", "b", "c", "d"), ("e", "f", "g", "h")], levels=names),
    lambda names: Taxonomy.from_graph(nx.DiGraph([("r", "a"), ("r", "b")]), levels=names),
]  # fmt: skip


@pytest.mark.parametrize("call", UNORDERED)
@pytest.mark.parametrize("kind", [set, frozenset, type("Names", (set,), {})])
def test_what_has_none(call: Callable[[Any], Any], kind: type[Any]) -> None:
    """A set is a TypeError wherever an order is meant: each process has another one."""
    with pytest.raises(TypeError, match=r"in their order, got a .*, which has none: give a list"):
        call(kind(NAMES))


def test_a_set_is_refused_in_every_process() -> None:
    """What was another order in each process is one error in all of them."""
    code = "import taxoloss\ntry: print(taxoloss.load({'tree': [*'abcd']}).bind({*'abcd'}).classes)\n"
    code += "except TypeError as error: print(error)"
    told = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        call = [sys.executable, "-c", code]
        done = subprocess.run(call, capture_output=True, env=environment, check=True)
        told.add(done.stdout)
    assert len(told) == 1


class Held:
    """An object that holds names, as datasets do, and gives something else by its index."""

    def __init__(self, name: str) -> None:
        setattr(self, name, NAMES)

    def __getitem__(self, index: int) -> None:
        raise AssertionError("this loads an image")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (np.unique([3, 1, 2]), TypeError, "got int64 .*give the names, in the order of the numbers"),
        ([0, 1, 2, 3], TypeError, "got int 0: give the names, in the order of the numbers"),
        (torch.arange(4), TypeError, "give the names, in the order of the numbers"),
        (Held("names"), TypeError, "got Held: give its .names"),
        (Held("classes"), TypeError, "got Held: give its .classes"),
        (Held("classes_"), TypeError, "got Held: give its .classes_"),
        (pandas.CategoricalDtype(NAMES), TypeError, r"got CategoricalDtype: give its \.categories$"),
        (np.array("a"), TypeError, "expected a list of class names, got ndarray array.'a'.*no dimension"),
        (torch.tensor(1), TypeError, "expected a list of class names, got Tensor tensor.1., of no dim"),
        (
            Subset[Any](Held("classes"), [0]),  # type: ignore[arg-type]
            TypeError,
            r"got Subset: give its \.dataset\.classes$",
        ),
        (np.array(NAMES, "S"), TypeError, r"got bytes_ .*b'd'.*: its text is name\.decode"),
        (np.array([NAMES]), TypeError, r"give them alone, class_names\[0\]"),
        (7, TypeError, "expected a list of class names, got int"),
        (b"abcd", TypeError, "got the text b'abcd'"),
        ({"a": True, "b": False}, ValueError, "such as 'a' -> True"),
        ({"a": np.True_, "b": np.False_}, ValueError, "such as 'a' -> "),
        ({"a": torch.tensor(True), "b": torch.tensor(False)}, ValueError, "such as 'a' -> tensor"),
        ({"a": 0.0, "b": 1.0}, ValueError, "such as 'a' -> 0.0"),
        ({"a": "0", "b": "1"}, ValueError, "such as 'a' -> '0'"),
        ({"a": 0, "b": 2}, ValueError, r"class numbers 0 to 1, each once, got \[0, 2\]"),
        ({"a": np.int64(1), "b": np.int64(1)}, ValueError, r"each once, got \[1, 1\]"),
        ({"1": "a", "01": "b"}, ValueError, r"each once, got \[1, 1\]"),
    ],
)
def test_what_is_no_list_of_names(given: Any, error: type[Exception], words: str) -> None:
    """What was expected, what was found, and where the names are."""
    with pytest.raises(error, match=words):
        T.bind(given)


@pytest.mark.parametrize("kind", [int, float, str, np.int8])
@pytest.mark.parametrize("call", [T.bind, T.restrict])
def test_a_series_has_one_order(call: Callable[[Any], Any], kind: Callable[[int], Any]) -> None:
    """Its names as they stand, or by the class numbers of its index: where these differ, both are told."""
    names = pandas.Series(NAMES, index=[kind(number) for number in (2, 0, 3, 1)])
    with pytest.raises(ValueError, match=r"got two: 'd', 'a', 'c', .* stand, 'a', 'b', 'd', .* num"):
        call(names)
    assert call(names.reset_index(drop=True)).classes == tuple(NAMES)
    assert call({int(key): name for key, name in names.to_dict().items()}).classes == ("a", "b", "d", "c")
    for index in ([0, 1, 2, 3], [7, 3, 1, 0], [1, 1, 0, 0], list("dacb")):
        assert call(pandas.Series(NAMES, index=index)).classes == tuple(NAMES)
    assert T.bind().node_ids(names).tolist() == [3, 0, 2, 1]  # labels of rows have no class numbers


@pytest.mark.parametrize("call", [T.bind, T.restrict])
@pytest.mark.parametrize(
    "given",
    [
        pandas.Categorical(NAMES), pandas.Categorical(["d", "a", "d"], NAMES),
        pandas.CategoricalIndex(NAMES),
        pandas.Series(NAMES, dtype="category"), pandas.Series(NAMES, dtype="category").unique(),
        polars.Series(NAMES, dtype=polars.Enum(sorted(NAMES))),
    ],
)  # fmt: skip
def test_a_categorical_has_one_order(call: Callable[[Any], Any], given: Any) -> None:
    """Its values as they stand, or its categories, whose numbers are its codes."""
    with pytest.raises(ValueError, match=r"got two: 'd', 'a', .* as they stand, .* by the codes"):
        call(given)
    assert call(given.dtype.categories).classes == tuple(given.dtype.categories)
    assert T.bind().node_ids(given).tolist() == T.bind().node_ids([*given]).tolist()  # labels of rows


def test_digits_that_are_names_and_numbers() -> None:
    """{"0": "1", ..} is number -> name or name -> number: where these are two orders, both are told."""
    digits = Taxonomy.from_paths([("even", "0"), ("odd", "1"), ("even", "2")])
    cycle = {"0": "1", "1": "2", "2": "0"}
    with pytest.raises(
        ValueError, match=r"got two: '1', '2', '0' .* '2', '0', '1' where .* name -> number"
    ):
        digits.bind(cycle)
    assert digits.bind({int(number): name for number, name in cycle.items()}).classes == ("1", "2", "0")
    assert digits.bind({name: int(number) for name, number in cycle.items()}).classes == ("2", "0", "1")
    assert digits.bind({"0": "1", "1": "0", "2": "2"}).classes == ("1", "0", "2")


def test_labels_of_rows() -> None:
    """One sentence, and not one a row; a name that is there twice is told as such."""
    with pytest.raises(BindingError, match="the 4,000 names are 4, most of them several times") as caught:
        T.bind(NAMES * 1000)
    assert len(caught.value.faults) == 1
    with pytest.raises(BindingError, match="class 4, `d`, is class 0 already"):
        T.bind([*NAMES, "d"])


def test_the_class_of_fastai_for_what_is_missing() -> None:
    """One sentence that says what to do; and of [tokens, classes] the place of the classes."""
    with pytest.raises(
        BindingError, match=r"`#na#`, is no leaf of the tree\n.*CategoryBlock\(add_na=False"
    ):
        T.bind(["#na#", *NAMES])
    with pytest.raises(TypeError, match=r"give them alone, class_names\[1\]"):
        T.bind([["xxunk", "the"], np.array(NAMES)])  # type: ignore[list-item]


# -- names that are members of an enumeration ------------------------------------------------------


class Label(str, Enum):
    """Its members say `Label.first` of themselves, and have the hash of `first`."""

    first = "d"
    second = "a"
    third = "c"
    fourth = "caf\u00e9"


TEXTS = ("d", "a", "c", "caf\u00e9")


def test_a_member_of_an_enumeration_is_its_text() -> None:
    """As a class, an alias, a level, a key, a column: whatever str() makes of it."""
    members, made = [*Label], taxoloss.load({"tree": [*TEXTS]})
    for t in (
        taxoloss.load({"tree": members}),
        taxoloss.load({"tree": dict.fromkeys(members)}),
        taxoloss.load({"tree": [{"name": member} for member in members]}),
        Taxonomy.from_paths([(member,) for member in members]),
        Taxonomy.from_paths([(text,) for text in TEXTS]).bind(Label),
        made.bind({member: number for number, member in enumerate(members)}),
        made.bind([(member,) for member in members]),
        made.restrict(Label),
    ):
        assert t.classes == TEXTS
        assert {type(name) for name in t.classes} == {str}
    assert made.bind().node_ids(Label).tolist() == [0, 1, 2, 3]
    graph = nx.DiGraph([("r", member) for member in members])
    assert Taxonomy.from_graph(graph).classes == TEXTS
    for number in range(4):
        graph.nodes[members[number]]["level"] = Label.third
    assert Taxonomy.from_graph(graph, levels=[Label.third]).levels == ("c",)
    frame = pandas.DataFrame({Label.first: ["x", "x"], Label.second: ["y", "z"]})
    assert Taxonomy.from_paths(frame).levels == ("d", "a")
    alias = taxoloss.load({"name": Label.first, "tree": [{"name": "x", "aliases": [Label.fourth]}, "y"]})
    assert (alias.name, alias.bind(["y", "caf\u00e9"]).classes) == ("d", ("y", "x"))
    table = by_level({Label.first: 0.25, Label.second: 0.75})(Taxonomy.from_paths(frame).bind())
    assert table[0].tolist() == [0.25, 0.75]


# -- lists of a mapping ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [set, frozenset, deque, iter, np.array, lambda names: dict(names).keys()])
@pytest.mark.parametrize(
    "make",
    [
        lambda some: {"levels": some, "tree": {"x": ["a", "b"], "y": ["c"]}},
        lambda some: {"tree": [{"name": "a", "aliases": some}, "b"]},
        lambda some: {"tree": some},
        lambda some: {"tree": {"x": some, "y": ["c"]}},
        lambda some: {"tree": [{"name": "x", "children": some}, "y"]},
        lambda some: {"tree": [some, "y"]},
        lambda some: {"levels": [some], "tree": ["a", "b"]},
    ],
)
def test_a_list_of_a_mapping_is_a_list(make: Callable[[Any], Any], kind: Callable[[Any], Any]) -> None:
    """A set has another order in each process, and a stream is empty when it is read again."""
    given = kind(["gx", "sy"])
    with pytest.raises(FormError, match=r"T116") as caught:
        taxoloss.load(make(given))
    assert type(given).__name__ in str(caught.value)
