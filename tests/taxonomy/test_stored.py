"""check_state: what was stored beside a model is compared by name, and what differs is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trees import Case, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.stored import same_but_for_order

PETS = Taxonomy.from_paths([("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "pug")], ["species", "breed"])
HERE = PETS.bind(["pug", "Sphynx", "Bengal"])


def state_of(t: Taxonomy) -> dict[str, Any]:
    """What a user stores."""
    return {"weight": torch.zeros(3), "taxoloss": t.to_dict()}


def refusal(t: Taxonomy, state: Any) -> str:
    """The words of the error, on one line."""
    with pytest.raises((TypeError, ValueError)) as caught:
        t.check_state(state)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(case=taxonomies(), data=st.data())
def test_another_order_is_told_by_the_first_class_that_differs(case: Case, data: st.DataObject) -> None:
    """The column and both classes are those that a loop over the names finds."""
    t = case.taxonomy
    other = t.bind(data.draw(st.permutations(t.paths())), node_targets=data.draw(st.booleans()))
    differ = [i for i, (one, two) in enumerate(zip(other.paths(), t.paths(), strict=True)) if one != two]
    assert same_but_for_order(other, t)
    if not differ:
        t.check_state(state_of(other))
        return
    said = refusal(t, state_of(other))
    first = differ[0]
    there, here = ("/".join(u.paths()[first]) for u in (other, t))
    assert f"another order of the classes: {len(differ)} of {len(t)} columns are another class" in said
    assert f"the first is column {first}, `{there}` there and `{here}` here" in said


def test_after_torch_load(tmp_path: Path) -> None:
    """What torch keeps without pickled objects is enough."""
    torch.save(state_of(HERE), tmp_path / "state.pt")
    found = torch.load(tmp_path / "state.pt", weights_only=True)
    HERE.check_state(found)
    PETS.bind(HERE.paths(), node_targets=True).check_state(found)
    assert "another order" in refusal(PETS.bind(), found)


@pytest.mark.parametrize(
    ("rows", "levels", "words"),
    [
        ([("cat", "Bengal"), ("cat", "Manx"), ("dog", "pug")], None, "(`cat/Manx`); 1 class here is"),
        ([("cat", "Bengal"), ("dog", "Sphynx"), ("dog", "pug")], None, "not in this tree (`dog/Sphynx`)"),
        ([("cat", "Bengal"), ("dog", "pug")], None, "1 class here is not in it (`cat/Sphynx`)"),
        ([("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "pug")], ["kind", "a"], "levels are kind > a"),
    ],
)  # fmt: skip
def test_another_tree(rows: list[tuple[str, str]], levels: list[str] | None, words: str) -> None:
    """Classes that are gone, new or elsewhere are named, and how a head is moved."""
    stored = Taxonomy.from_paths(rows, levels or ["species", "breed"]).bind()
    said = refusal(HERE, state_of(stored))
    assert said.startswith("the state is of another tree: ")
    assert words in said
    assert "diff(t) says what changed" in said
    assert not same_but_for_order(stored, HERE)


def test_fewer_columns() -> None:
    """A column that is not there is no class."""
    stored = PETS.restrict(["pug", "Sphynx"])
    words = "1 of 3 columns is another class, the first is column 2, no class there and `cat/Bengal` here"
    assert words in refusal(HERE, state_of(stored))


def test_the_same_classes_at_other_levels_or_with_leaves_of_their_own() -> None:
    """Where the names are the same the nodes that differ are named."""
    levels = ["species", "coat", "breed"]
    one, other = (
        Taxonomy.from_paths([("cat", *cat), ("dog", None, "pug")], levels).bind()
        for cat in ((None, "Bengal"), ("Bengal", None))
    )
    assert "of the same classes, but 1 node differs: `cat/Bengal`; " in refusal(one, state_of(other))
    plain = Taxonomy.from_paths([("cat", "cat"), ("cat", "Bengal"), ("dog", "pug")])
    grown = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")])
    grown = grown.bind(["cat", "Bengal", "pug"], inner_classes=True)
    assert grown.paths() == plain.bind().paths()
    assert "another tree" in refusal(plain.bind(), state_of(grown))


def test_the_order_of_the_file_alone() -> None:
    """The columns are the same, the numbers of inner nodes are not."""
    rows = [("dog", "pug"), ("cat", "Sphynx"), ("cat", "Bengal")]
    stored = Taxonomy.from_paths(rows, ["species", "breed"]).bind(HERE.classes)
    said = refusal(HERE, state_of(stored))
    assert "of another order: the tree lists its nodes in another order; " in said
    assert same_but_for_order(stored, HERE)


def test_names_that_read_alike() -> None:
    """Paths that are one text are shown as tuples."""
    t = Taxonomy.from_paths([("a", "b/c"), ("a/b", "c")])
    said = refusal(t.bind(), state_of(t.bind([("a/b", "c"), ("a", "b/c")])))
    assert "column 0, `('a/b', 'c')` there and `('a', 'b/c')` here" in said


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"weight": 1}, 'store it beside the weights: state["taxoloss"] = t.to_dict()'),
        ({"weight": 1, "tree": HERE.to_dict()}, "state['tree'] is one: t.check_state({"),
        ({"epoch": 1, "state_dict": state_of(HERE)}, "state['state_dict'] has one: t.check_state(state["),
        (HERE.to_dict(), "got that dict itself: t.check_state({'taxoloss': it})"),
        (torch.nn.Linear(1, 1), "as torch.load gives it; got Linear"),
        ({"taxoloss": HERE}, "the dict of Taxonomy.to_dict, got Taxonomy"),
        ({"taxoloss": {"taxoloss": "taxonomy 9"}}, "'taxonomy 1', got 'taxonomy 9' there"),
        ({"taxoloss": PETS.to_dict()}, "was stored with a taxonomy that was not bound"),
        ({"taxoloss": HERE.to_dict() | {"order": [0, 1, 2]}}, "it was changed after"),
    ],
)  # fmt: skip
def test_no_such_state(state: Any, words: str) -> None:
    """What is no stored state, or was changed, is said in a sentence."""
    assert words in refusal(HERE, state)


def test_a_taxonomy_that_is_not_bound() -> None:
    """It cannot say which column is which class."""
    assert "check_state needs a bound taxonomy" in refusal(PETS, state_of(HERE))


def test_bundled_names_in_a_sorted_order() -> None:
    """The commonest slip: the dataset sorts, the file does not."""
    pets = taxoloss.load("pets")
    names: list[str] = sorted(pets.classes, key=str.casefold)
    said = refusal(pets.bind(names), state_of(pets.bind()))
    assert "33 of 37 columns are another class" in said
