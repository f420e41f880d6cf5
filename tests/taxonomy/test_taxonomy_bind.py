"""Binding: which output of the model is which class, and what is said where it cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from trees import bound_taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import BindingError, FormError

calm = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))

TREE: dict[str, Any] = {
    "levels": ["family", "genus", "species"],
    "tree": {
        "cats": {
            "big": [{"name": "lion", "aliases": ["Leo", "simba"]}, "tiger"],
            "small": ["other"],
        },
        "dogs": {"wild": ["wolf", "other"], "caf\u00e9": ["pug"]},
    },
}
LEAVES: list[Any] = [
    "lion", "tiger", ("cats", "small", "other"), "wolf", ("dogs", "wild", "other"), "pug",
]  # fmt: skip


@pytest.fixture
def t() -> Taxonomy:
    """Six classes; `other` is two of them."""
    return taxoloss.load(TREE)


def faults(call: Callable[[], Any]) -> list[tuple[str, str | None]]:
    """Code and name of every fault of a BindingError, in alphabetical order."""
    with pytest.raises(BindingError) as caught:
        call()
    assert isinstance(caught.value, taxoloss.TaxonomyError)
    return sorted((f.code, f.found or "/".join(f.path)) for f in caught.value.faults)


# -- ways to say the order -------------------------------------------------------------------------


@calm
@given(bound_taxonomies(), st.data())
def test_a_shuffled_order_is_the_order(t: Taxonomy, data: st.DataObject) -> None:
    """bind gives the classes in the order given, in each of the forms that people hold."""
    order = data.draw(st.permutations(t.paths()))
    by_paths = t.bind(order)
    assert by_paths.paths() == tuple(order)
    assert by_paths.classes == tuple(path[-1] for path in order)
    shuffled = data.draw(st.permutations(list(enumerate(order))))
    forms: list[Any] = [
        tuple(order), [list(path) for path in order], {path: i for i, path in shuffled},
        dict(shuffled), dict.fromkeys(order).keys(),
    ]  # fmt: skip
    names = [path[-1] for path in order]
    if len(set(names)) == len(names) and not t.aliases:
        forms += [names, np.array(names, object), dict(enumerate(names))]
        forms += [{name: i for i, name in enumerate(names)}]
    for form in forms:
        assert t.bind(form) == by_paths
        assert t.bind().bind(form) == by_paths
    assert t.bind(iter(order)) == by_paths
    assert t.bind(order, node_targets=True).node_targets


def test_none_is_the_order_of_the_file(t: Taxonomy) -> None:
    """And unbound the classes stand in it too, but are not said to."""
    assert t.bind().paths() == t.paths() == t.bind(LEAVES).paths()
    assert (t.is_bound, t.bind().is_bound) == (False, True)
    assert t.bind().node_targets is False
    assert t.bind() == t.bind(LEAVES)
    assert t.bind() != t


def test_aliases_and_normal_forms(t: Taxonomy) -> None:
    """An alias stands for its leaf; names are compared in NFC, in paths too."""
    order = [("dogs", "cafe\u0301", "pug"), "simba", "tiger", LEAVES[2], "wolf", LEAVES[4]]
    assert t.bind(order).classes == ("pug", "lion", "tiger", "other", "wolf", "other")
    assert t.bind().node_id("Leo") == t.bind().node_id("lion") == 0
    assert t.bind().node_id("cafe\u0301") == t.bind().node_id(("dogs", "caf\u00e9"))


def test_a_bare_name_need_be_unique_among_the_leaves_only() -> None:
    """An inner node of the same name does not make a class ambiguous."""
    t = taxoloss.load({"tree": {"a": ["a", "b"], "c": ["d"]}})
    assert t.bind(["d", "a", "b"]).paths() == (("c", "d"), ("a", "a"), ("a", "b"))
    assert faults(lambda: t.bind().node_id("a")) == [("T304", "a")]
    assert t.bind().node_id(("a",)) == 3


# -- what is wrong with an order -------------------------------------------------------------------


def test_all_that_is_wrong_at_once(t: Taxonomy) -> None:
    """Missing, extra, twice, ambiguous, inner: every one in one error, none of them twice."""
    order = ["lion", "Leo", "other", "dogs", "wolff", "zebra"]
    assert faults(lambda: t.bind(order)) == [
        ("T301", "cats/big/tiger"), ("T301", "dogs/caf\u00e9/pug"), ("T301", "dogs/wild/wolf"),
        ("T302", "wolff"), ("T302", "zebra"), ("T303", "Leo"), ("T304", "other"), ("T305", "dogs"),
    ]  # fmt: skip
    with pytest.raises(BindingError) as caught:
        t.bind(order)
    for words in (
        "the leaf `cats/big/tiger` is missing from the classes",
        "class 4, `wolff`, is no leaf of the tree", "did you mean `wolf`?",
        "class 5, `zebra`, is no leaf of the tree",
        "class 1, `Leo`, is class 0 already, as `lion`",
        "`other` names 2 nodes: `cats/small/other`, `dogs/wild/other`",
        "give the path, such as ('cats', 'small', 'other')",
        "class 3, `dogs`, is an inner node with 3 leaves", "node_targets=True",
        "8 errors",
    ):  # fmt: skip
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (LEAVES[:-1], [("T301", "dogs/caf\u00e9/pug")]),
        ([*LEAVES, "zebra"], [("T302", "zebra")]),
        ([*LEAVES, "lion"], [("T303", "lion")]),
        ([*LEAVES, ("cats", "big", "lion")], [("T303", "cats/big/lion")]),
        ([*LEAVES, ("cats", "big", "pug")], [("T302", "cats/big/pug")]),
        ([*LEAVES, ("cats", "big")], [("T305", "cats/big")]),
        ([*LEAVES, ()], [("T305", "")]),
        ([*LEAVES, ""], [("T302", "")]),
        ([*LEAVES[:5], "Pug"], [("T302", "Pug")]),
        ([*LEAVES, "zebra", "zebra"], [("T302", "zebra"), ("T302", "zebra")]),
        ([*LEAVES[:2], "other", "other", *LEAVES[3:4], "pug"], [("T304", "other")] * 2),
        (["lion"] * 6, [("T301", "/".join(path)) for path in sorted([
            ("cats", "big", "tiger"), ("cats", "small", "other"), ("dogs", "caf\u00e9", "pug"),
            ("dogs", "wild", "other"), ("dogs", "wild", "wolf")])] + [("T303", "lion")] * 5),
    ],
)  # fmt: skip
def test_one_thing_wrong(t: Taxonomy, order: list[Any], expected: list[tuple[str, str]]) -> None:
    """Each fault alone brings no other with it, and one fault for each class at fault."""
    assert faults(lambda: t.bind(order)) == sorted(expected)


def test_an_empty_list(t: Taxonomy) -> None:
    """Every leaf is missing, and all of them are listed."""
    assert [code for code, _ in faults(lambda: t.bind([]))] == ["T301"] * 6
    assert [code for code, _ in faults(lambda: t.bind({}))] == ["T301"] * 6


@pytest.mark.parametrize("method", ["bind", "restrict"])
def test_a_bare_string_is_no_list(t: Taxonomy, method: str) -> None:
    """TypeError with the text; nobody's classes are letters."""
    with pytest.raises(TypeError, match="expected a list of class names, got the text 'lion'"):
        getattr(t, method)("lion")


@pytest.mark.parametrize("name", [1, None, 2.5, b"lion", ("cats", 1), {"lion"}])
def test_what_is_no_name(t: Taxonomy, name: Any) -> None:
    """TypeError with its type, from all that take names."""
    for call in (t.bind, t.restrict, t.bind().node_ids):
        with pytest.raises(TypeError, match="expected a name, or a path as a tuple of names, got"):
            call([name])


@pytest.mark.parametrize(
    "numbers",
    [
        {"lion": 1, "tiger": 2}, {"lion": 0, "tiger": 2}, {"lion": 0, "tiger": 0},
        {1: "lion", 2: "tiger"}, {"lion": -1, "tiger": 0},
    ],
)  # fmt: skip
def test_class_numbers_with_gaps(t: Taxonomy, numbers: dict[Any, Any]) -> None:
    """ValueError with the numbers that are needed and those that came."""
    for call in (t.bind, t.restrict):
        with pytest.raises(ValueError, match="expected the class numbers 0 to 1, each once, got"):
            call(numbers)


def test_missing_leaves_only_point_to_restrict(t: Taxonomy) -> None:
    """50 species of 10,000: the error says what to call; with other faults it does not."""
    with pytest.raises(BindingError, match=r"t\.restrict\(class_names\)"):
        t.bind(LEAVES[:3])
    with pytest.raises(BindingError) as caught:
        t.bind([*LEAVES[:3], "zebra"])
    assert "restrict" not in str(caught.value)


def test_one_spelling_rule_for_all() -> None:
    """27 names with spaces for underscores: 27 faults, and one line of Python that mends them."""
    right = [f"breed_{i}" for i in range(27)] + [f"breed{i}" for i in range(10)]
    t = taxoloss.load({"tree": {"cat": right[:12], "dog": right[12:]}})
    check_spelling(t, 27)


def test_the_names_of_the_pets_with_spaces() -> None:
    """15 dogs are misspelt; names with spaces of cats are aliases, and the rule serves them."""
    check_spelling(taxoloss.load("pets"), 15)


def check_spelling(t: Taxonomy, count: int) -> None:
    """Names with spaces: a fault for each, none for a missing leaf, and the rule once."""
    written = [name.replace("_", " ") for name in t.classes]
    aliases = {alias for names in t.aliases.values() for alias in names}
    wrong = [name for name in written if " " in name and name not in aliases]
    assert len(wrong) == count
    with pytest.raises(BindingError) as caught:
        t.bind(written)
    assert [(fault.code, fault.found) for fault in caught.value.faults] == [
        ("T302", name) for name in wrong
    ]
    helps = [fault.help or "" for fault in caught.value.faults]
    for name, help in zip(wrong, helps, strict=True):
        assert help.startswith(f"did you mean `{name.replace(' ', '_')}`?")
    words = f"the {count} names differ in spelling only; this mends them:"
    rule = 't.bind([name.replace(" ", "_") for name in class_names])'
    assert eval(rule, {"t": t, "class_names": written}).classes == t.classes
    assert sum(words in help for help in helps) == sum(rule in help for help in helps) == 1


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (["american_bulldog", "great_pyrenees"], ["American Bulldog", "Great Pyrenees"]),
        (["sea-lion", "polar-bear"], ["sea_lion", "polar_bear"]),
        (["sea lion", "polar bear"], ["sea-lion", "polar-bear"]),
        (["lion", "bear"], ["Lion", "Bear"]),
        (["Lion", "Bear"], ["lion", "bear"]),
        (["lion", "bear"], [" lion", "bear "]),
        (["Sea Lion", "Polar Bear"], ["sea_lion", "polar_bear"]),
    ],
)
def test_the_rule_mends_what_it_says(right: list[str], wrong: list[str]) -> None:
    """The expression of the help, evaluated, binds."""
    t = taxoloss.load({"tree": right})
    with pytest.raises(BindingError) as caught:
        t.bind(wrong)
    lines = [line for fault in caught.value.faults for line in (fault.help or "").splitlines()]
    (rule,) = (line for line in lines if line.startswith("t.bind("))
    assert eval(rule, {"t": t, "class_names": wrong}).classes == tuple(right)


# -- restrict, node_id, node_ids -------------------------------------------------------------------


def test_restrict_keeps_aliases_and_levels(t: Taxonomy) -> None:
    """The tree of four classes, in the order given, at three levels."""
    part = t.restrict(["pug", "Leo", LEAVES[4]], node_targets=True)
    assert part.levels == ("family", "genus", "species")
    assert part.paths() == (("dogs", "caf\u00e9", "pug"), ("cats", "big", "lion"), LEAVES[4])
    assert part.nodes("genus") == ("big", "wild", "caf\u00e9")
    assert part.node_id("simba") == 1
    assert part.node_id("other") == 2
    assert part.node_targets


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        ([], [("T202", "")]), (["lion"], [("T202", "")]), (["lion", "lion"], [("T303", "lion")]),
        (["lion", "zebra"], [("T302", "zebra")]),
        (["cats", "other"], [("T304", "other"), ("T305", "cats")]),
    ],
)  # fmt: skip
def test_restrict_refuses(t: Taxonomy, some: list[Any], expected: list[tuple[str, str]]) -> None:
    """Fewer than two classes, and what bind refuses but missing ones."""
    assert faults(lambda: t.restrict(some)) == expected


def test_node_ids_name_all_that_are_wrong(t: Taxonomy) -> None:
    """Unknown and ambiguous names and paths, each once, with the nearest right name."""
    b = t.bind()
    wrong: list[Any] = ["lion", "tigger", "other", ("cats", "bigg"), ("lion",)]
    assert faults(lambda: b.node_ids(wrong)) == [
        ("T302", "cats/bigg"), ("T302", "lion"), ("T302", "tigger"), ("T304", "other"),
    ]  # fmt: skip
    with pytest.raises(BindingError) as caught:
        b.node_ids(wrong)
    assert "`tigger` is no node of the tree" in str(caught.value)
    assert "did you mean `tiger`?" in str(caught.value)
    assert "did you mean `big` under `cats`?" in str(caught.value)
    assert b.node_ids([]).tolist() == []
    with pytest.raises(TypeError):
        b.node_ids("lion")


def test_a_binding_error_is_a_class_of_its_own(t: Taxonomy) -> None:
    """BindingErrors are no FormErrors, pickle, and have no line where there is no file."""
    import pickle

    with pytest.raises(BindingError) as caught:
        t.bind(["lion\x1b[31m"])
    error = caught.value
    assert not isinstance(error, FormError)
    assert pickle.loads(pickle.dumps(error)).faults == error.faults
    assert {fault.line for fault in error.faults} == {None}
    assert "\x1b" not in str(error)


def test_names_that_differ_in_spelling_only_are_always_paired() -> None:
    """However little of a short name is left without its underscores."""
    t = Taxonomy.from_paths([("x", "a_b_c_d"), ("x", "e")])
    with pytest.raises(BindingError, match="did you mean `a_b_c_d`") as caught:
        t.bind(["a b c d", "e"])
    assert len(caught.value.faults) == 1


def test_a_wrong_path_gets_the_nearest_sibling() -> None:
    """Of the first part that is not there: among its siblings, not among all leaves."""
    t = taxoloss.load({"tree": {"cat": ["Bengal", "Siamese"], "dog": ["Bengals", "pug"]}})
    with pytest.raises(BindingError, match=r"did you mean `Bengal` under `cat`\?"):
        t.bind([("cat", "Bengall"), "Siamese", "Bengals", "pug"])
    with pytest.raises(BindingError, match=r"did you mean `dog`\?"):
        t.bind(node_targets=True).node_ids([("dogs", "pug")])
    with pytest.raises(BindingError) as caught:
        t.bind().node_id(("cat", "xyz"))
    assert caught.value.faults[0].help is None
