"""What takes ids and levels says what it takes, whatever it is given; no word of numpy's or torch's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import BindingError, MeaningError

T = taxoloss.load(
    {"levels": ["family", "genus"], "tree": {"cats": ["lion", "lynx"], "dogs": ["fox"]}}
).bind()

#: Words of a library's insides, which say nothing to the person who made the slip.
INSIDES = re.compile(
    r"ufunc|truth value|cannot be interpreted|not supported between|scalar|iterable|Error\b"
)

NO_NUMBER: list[Any] = [
    "genus", "species", "lion", "1", "", 1.0, 1.5, float("nan"), True, False, None, b"x", ("genus",), [1],
    {1}, {"genus": 1}, Path("genus"), np.float64(1), np.bool_(True), np.array([1, 2]), np.array(1.5),
    torch.tensor(1.0), torch.tensor(True), Ellipsis,
]  # fmt: skip


def said(kind: type[Exception] | tuple[type[Exception], ...], call: Any, *given: Any) -> str:
    """The words of the error that a call ends with, none of them of the insides of a library."""
    with pytest.raises(kind) as caught:
        call(*given)
    assert not INSIDES.search(str(caught.value))
    return str(caught.value)


@pytest.mark.parametrize("value", NO_NUMBER, ids=repr)
@pytest.mark.parametrize("name", ["class_to_node", "level_nodes"])
def test_a_level_by_its_number(name: str, value: Any) -> None:
    """What is no integer is refused as that; the name of a level is told what takes it."""
    words = said(TypeError, getattr(T, name), value)
    assert words.startswith(f"expected the number of a level, 1 to 2, got {type(value).__name__} ")
    line = re.search(r"t\.(nodes|ancestor_index)\('genus'\) takes the name", words)
    assert (line is not None) == (isinstance(value, str) and value == "genus")


@pytest.mark.parametrize("number", [0, -1, 3, 999, 10**30, np.int64(3)])
@pytest.mark.parametrize("name", ["class_to_node", "level_nodes"])
def test_a_level_that_is_not_there(name: str, number: int) -> None:
    words = said(ValueError, getattr(T, name), number)
    assert words == f"expected the number of a level, 1 to 2, got {number}"


@pytest.mark.parametrize("number", [1, 2, np.int32(1), np.int64(2), torch.tensor(1)])
def test_a_level_that_is_there(number: Any) -> None:
    """Integers of every library are numbers."""
    assert T.class_to_node(number).tolist() == [[0, 0, 1], [0, 1, 2]][int(number) - 1]
    assert len(T.level_nodes(number)) == [2, 3][int(number) - 1]


@pytest.mark.parametrize(
    "value", [v for v in NO_NUMBER if v is not None and not isinstance(v, str)], ids=repr
)
@pytest.mark.parametrize("name", ["nodes", "paths", "ancestor_index", "aggregation_matrix", "level_number"])
def test_a_level_by_its_name(name: str, value: Any) -> None:
    assert "expected a level, one of family, genus; got " in said(ValueError, getattr(T, name), value)


@pytest.mark.parametrize("value", NO_NUMBER, ids=repr)
@pytest.mark.parametrize("name", ["path", "describe"])
def test_a_node_by_its_id(name: str, value: Any) -> None:
    """Of a name the call that has its id is shown; what describe can take apart it takes apart."""
    if name == "describe" and (isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim)):
        assert [len(info) for info in T.describe(value)] == [3] * len(value)
        return
    words = said(TypeError, getattr(T, name), value)
    assert words.startswith(("expected a node id, got ", "expected node ids in their order, got a set"))
    if isinstance(value, str):
        assert f"t.node_id({value!r}) is that of a name" in words


@pytest.mark.parametrize("number", [-1, 6, 999, 10**30])
@pytest.mark.parametrize("name", ["path", "describe"])
def test_an_id_that_is_not_there(name: str, number: int) -> None:
    assert said(ValueError, getattr(T, name), number) == f"expected a node id in 0..5, got {number}"


def test_ids_in_every_form() -> None:
    """One, nested lists, arrays, tensors, a series, the numbers of a range."""
    wanted = [info.path for info in T.describe([0, 1, 3, 5])]
    assert wanted == [("cats", "lion"), ("cats", "lynx"), ("cats",), ()]
    forms: list[Any] = [
        [0, 1, 3, 5], (0, 1, 3, 5), [[0, 1], [3, 5]], np.array([[0, 1], [3, 5]]), [[0], [1, 3, 5]],
        torch.tensor([0, 1, 3, 5]), pd.Series([0, 1, 3, 5]), [torch.tensor(0), 1, np.int64(3), 5],
    ]  # fmt: skip
    for ids in forms:
        assert [info.path for info in T.describe(ids)] == wanted
    assert [info.name for info in T.describe(range(2))] == ["lion", "lynx"]
    assert T.describe([]) == []
    assert "t.node_id('fox') is that of a name" in said(TypeError, T.describe, [0, "fox"])


@pytest.mark.parametrize("name", ["bind", "restrict", "node_ids"])
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (Path("labels.txt"), "its lines are pathlib.Path('labels.txt').read_text().splitlines()"),
        ("lion", "got the text 'lion'"), (b"lion", "got the text b'lion'"), (5, "got int"),
        (True, "got bool"), (1.5, "got float"), (Ellipsis, "got object"),
        ([["cats", 7]], "a list with int 7 in place 1"), ([Path("lion")], "got PosixPath"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_names(name: str, names: Any, words: str) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(T, name)(names)
    assert words in str(caught.value)
    assert "is not iterable" not in str(caught.value)


@pytest.mark.parametrize("name", ["bind", "restrict"])
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (pd.DataFrame({"a": ["lion"]}), "got DataFrame: give one of its columns"),
        ([("cats", None)], "a tuple with NoneType None in place 1: ('cats', None)"),
        ([("cats", float("nan"))], "a tuple with float nan in place 1"),
    ],
)
def test_classes_have_no_missing_ranks(name: str, names: Any, words: str) -> None:
    """Unlike the labels that `node_ids` and `targets` take."""
    assert words in said(TypeError, getattr(T, name), names)


# -- restrict --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "node", "below"),
    [
        (
            {"fish": {"Cyprinidae": ["carp", "roach"], "Esocidae": ["pike"]}, "birds": ["crow"]},
            "Cyprinidae",
            2,
        ),
        ({"fish": {"Cyprinidae": ["carp", "roach"], "Esocidae": ["pike"]}, "birds": ["crow"]}, "fish", 3),
        ({"it's": ["a", "b"], "y": ["c"]}, "it's", 2),
        ({"a/b": ['say "x"', "b"], "y": ["c"]}, "a/b", 2),
        ({"x": {"y": ["p", "q"]}, "z": {"y": ["r", "s", "t"]}}, ("z", "y"), 3),
    ],
)  # fmt: skip
def test_restrict_to_an_inner_node(tree: Any, node: Any, below: int) -> None:
    """It says that it needs classes, and the line that gives those of the node runs; no advice for bind."""
    t = taxoloss.load({"tree": tree})
    with pytest.raises(BindingError) as caught:
        t.restrict([node])
    text = str(caught.value)
    assert "restrict takes classes" in text
    assert "allowed= of taxoloss.decisions" in text
    assert "bind" not in text
    (line,) = (line.strip() for line in text.splitlines() if line.strip().startswith("t.restrict("))
    assert len(eval(line, {"t": t})) == below


WRITTEN = [
    str.lower, str.upper, str.title, lambda name: name.replace(" ", "_"), lambda name: f" {name}",
    lambda name: name.lower().replace(" ", "_"),
]  # fmt: skip
WORDS = st.sampled_from(["red", "Pallas's", "tailed", "Hawk", "x1", "de", "E.", "O'Neill"])
NAMES = st.lists(
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=3, max_size=12, unique_by=str.lower
)


@given(NAMES, st.sampled_from(WRITTEN), st.sampled_from(["bind", "restrict"]), st.booleans(), st.data())
@settings(max_examples=examples(150), deadline=None)
def test_the_line_mends_as_many_as_it_says(
    names: list[str], written: Any, method: str, paths: bool, data: st.DataObject
) -> None:
    """Counted by running it: whatever the names, in the words of the method that was called."""
    t = taxoloss.load({"tree": {"g": names, "h": ["other"]}})
    some = data.draw(st.integers(1, len(names)))
    asked: list[Any] = [written(name) for name in names[:some]] + names[some:]
    asked.append(("h", "other") if paths else "other")
    try:
        getattr(t, method)(asked)
        return
    except BindingError as error:
        text = str(error)
    found = re.search(r"this mends (\d+ of them|them|it):\n +(t\.(\w+)\(\[.*)", text)
    if found is None:
        return
    assert found[3] == method
    wrong = [name for name in asked if isinstance(name, str) and name not in t.classes]
    said = re.search(r"the (\d+) names differ", text)
    count = int(found[1].split()[0]) if found[1][0].isdigit() else int(said[1]) if said else 1
    mended = eval(found[2].replace(f"t.{method}(", "list("), {"class_names": asked})
    assert sum(a in wrong and b in t.classes for a, b in zip(asked, mended, strict=True)) == count
    assert all(
        b == a for a, b in zip(asked, mended, strict=True) if a not in wrong or not isinstance(a, str)
    )
    if count == len(wrong):
        wanted = [*(("g", name) for name in names), ("h", "other")]
        assert list(getattr(t, method)(mended).paths()) == wanted


def test_the_line_for_codes_in_small_letters() -> None:
    """All of them: name.title() would leave some, those with a letter behind a letter."""
    codes = ["A00", "B01", "C7A", "C7B", "D3A", "M1A", "O9A", "Z3A", "QA0", "AB1"]
    t = taxoloss.load({"tree": {"x": codes[:5], "y": codes[5:]}})
    with pytest.raises(BindingError) as caught:
        t.restrict([name.lower() for name in t.classes])
    lines = (caught.value.faults[0].help or "").splitlines()
    assert lines[1] == f"the {len(t)} names differ in spelling only; this mends them:"
    bound = eval(lines[2], {"t": t, "class_names": [name.lower() for name in t.classes]})
    assert bound.classes == t.classes


def test_two_names_that_would_be_one_are_not_counted() -> None:
    """maine coon and MAINE COON are both Maine Coon: no rule makes two classes of it."""
    t = taxoloss.load({"tree": ["Maine Coon", "Bengal", "pug"]})
    with pytest.raises(BindingError) as caught:
        t.bind(["maine coon", "MAINE COON", "Bengal"])
    assert "this mends" not in str(caught.value)


# -- from_graph ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edges",
    [
        [("cat", "pet"), ("dog", "pet")],
        [("Bengal", "cat"), ("Siamese", "cat"), ("pug", "dog"), ("cat", "pet"), ("dog", "pet")],
        [(2, 1), (3, 1), (4, 2), (5, 2), (6, 3)],
        [("a", "r"), ("b", "r"), ("c", "s"), ("d", "s")],
        [("a", "b"), ("b", "c"), ("d", "c")],
    ],
)
@pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiDiGraph])
def test_edges_that_point_upwards(edges: list[Any], kind: Any) -> None:
    """Told as that, not as many parents; the call that is shown reads what is one tree."""
    graph = kind(edges)
    with pytest.raises(MeaningError) as caught:
        Taxonomy.from_graph(graph)
    (fault,) = caught.value.faults
    assert (fault.code, fault.message) == (
        "T211",
        "the edges point upwards (child -> parent): reverse them",
    )
    assert fault.help is not None
    one_root = sum(graph.out_degree(node) == 0 for node in graph) == 1
    if one_root and len(graph) - len({parent for _, parent in edges}) > 1:
        assert len(eval(fault.help, {"taxoloss": taxoloss, "graph": graph})) > 1


@pytest.mark.parametrize(
    ("edges", "words", "upwards"),
    [
        ([("r", "a"), ("r", "b"), ("a", "c"), ("b", "c")], "`c` has 2 parents", False),
        ([("a", "r"), ("b", "r"), ("c", "a"), ("c", "b"), ("d", "a")], "`r` has 2 parents", True),
        ([("r", "a"), ("s", "b")], "2 nodes have no parent", False),
        ([("a", "b"), ("b", "a"), ("c", "a")], "`a` has 2 parents", False),
        ([("r", "r"), ("a", "r"), ("b", "r")], "`r` has 3 parents", False),
    ],
)
def test_other_graphs_that_are_no_trees(edges: list[Any], words: str, upwards: bool) -> None:
    """Their own faults; where only the direction would mend most of them, it is asked."""
    with pytest.raises(MeaningError) as caught:
        Taxonomy.from_graph(nx.DiGraph(edges))
    assert words in str(caught.value)
    assert "the edges point upwards (" not in str(caught.value)
    assert ("where the edges point upwards" in str(caught.value)) == upwards


@pytest.mark.parametrize("graph", [[("a", "b")], None, "a", {"a": ["b"]}, pd.DataFrame({"a": ["b"]})])
def test_what_is_no_graph(graph: Any) -> None:
    assert said(TypeError, Taxonomy.from_graph, graph).startswith(
        "expected a networkx.DiGraph, parent -> child"
    )
