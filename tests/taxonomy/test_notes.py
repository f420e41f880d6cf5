"""Taxonomy.notes: what from_paths noticed in the rows; placeholders."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import MeaningError
from taxoloss.taxonomy.placeholders import is_missing, is_placeholder

CLEAN = [("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "pug")]


def notes(*rows: tuple[Any, ...], **options: Any) -> tuple[str, ...]:
    """Those of clean rows and these."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Taxonomy.from_paths([*CLEAN, *rows], **options).notes


# -- what is noticed -------------------------------------------------------------------------------


def test_clean_rows_have_none() -> None:
    """Nor has a repeated row, a missing rank or a tree of a file."""
    assert notes(CLEAN[0], ("fish", None), (None, "newt")) == ()
    assert taxoloss.load({"tree": {"cat": [" a", "NA"]}}).notes == ()


def test_a_class_above_other_classes() -> None:
    """A row that ends where others go on, before or behind it: rows are counted, nodes shown."""
    (note,) = notes(("cat",), ("cat", None), ("dog", ""))
    assert note.startswith(
        "3 rows end at inner nodes, which may be targets but are no classes: `cat`, `dog`;"
    )
    assert note.endswith("bind(names, inner_classes=True) gives each a class of its own")
    t = Taxonomy.from_paths([("A",), ("A", "B"), ("A", "C"), ("D",)])
    assert (t.classes, len(t.notes)) == (("B", "C", "D"), 1)
    assert t.notes[0].startswith(
        "1 row ends at an inner node, which may be a target but is no class: `A`; "
    )


def test_many_are_counted() -> None:
    """Three are shown."""
    rows = [row for i in range(40) for row in [(f"g{i}",), (f"g{i}", f"s{i}")]]
    (note,) = Taxonomy.from_paths(rows).notes
    assert "40 rows end at inner nodes" in note
    assert "`g0`, `g1`, `g2` and 37 more" in note


@pytest.mark.parametrize("space", [" ", "  ", "\t", "\u00a0", "\n"])
def test_spaces_around_names(space: str) -> None:
    """They are left out, as in `taxoloss init`: one node, and a note."""
    rows = [("cat" + space, "Bengal"), ("cat", space + "Korat"), (space + "cat", "Bengal" + space)]
    t = Taxonomy.from_paths([*CLEAN, *rows])
    assert t == Taxonomy.from_paths([*CLEAN, ("cat", "Korat")])
    (note,) = t.notes
    assert note.startswith("spaces around 4 names are left out: ")
    assert repr("cat" + space) in note


def test_spaces_inside_names() -> None:
    """Two names, which is told."""
    (note,) = notes(("dog", "St  Bernard"), ("dog", "St Bernard"), ("dog", "a  b"))
    assert note == "names that differ in spaces only are taken as two: 'St  Bernard' and 'St Bernard'"


@pytest.mark.parametrize(
    "text", ["NA", "n/a", "nan", "None", "null", "-", "?", "unknown", "Unassigned", "sp.", "g__", "D_5__",
             "s__unidentified", "incertae sedis", "Incertae_sedis", "<NA>"],
)  # fmt: skip
def test_placeholders_stay_names_and_are_told(text: str) -> None:
    """Nothing vanishes from a tree of Python unasked; the note says how to ask, and that does it."""
    (note,) = notes(("dog", text), ("cat", text))
    assert f"`{text}` is taken as a name" in note
    assert f"from_paths(rows, missing=[{text!r}])" in note
    asked = Taxonomy.from_paths([*CLEAN, ("cat", f" {text} "), ("fish", text)], missing=[text])
    assert asked == Taxonomy.from_paths([*CLEAN, ("fish", None)])
    assert not any(text in note for note in asked.notes if "spaces" not in note)


@pytest.mark.parametrize(
    "name",
    ["Rodent sp.", "Felis sp", "empty", "blank", "other", "g__Felis", "unknown bird", "Nana", "spam", "no"],
)
def test_names_that_are_names(name: str) -> None:
    """Classes of camera traps and others."""
    assert not is_placeholder(name)
    assert notes(("dog", name)) == ()


def test_rows_without_a_name() -> None:
    """Left out, counted, with the first of them; where there is nothing else, that is the fault."""
    (note,) = notes(("", None), ("fish",), (), ("  ",), (float("nan"),), (None,))
    assert note == "5 rows name nothing: row 4, 6, 7 and 2 more"
    assert notes(("", None)) == ("1 row names nothing: row 4",)
    with pytest.raises(MeaningError, match="T202"):
        Taxonomy.from_paths([("",), (None,)])


def test_missing_is_a_list_of_texts() -> None:
    """A text alone would be its letters."""
    with pytest.raises(TypeError, match="expected missing as a list of texts, got the text 'NA'"):
        Taxonomy.from_paths(CLEAN, missing="NA")


def test_what_is_missing() -> None:
    """Arrays and lists are no missing values, whatever their comparison says."""
    missing: list[Any] = [np.float32("nan"), np.datetime64("NaT"), " ", ""]
    there: list[Any] = [np.array([1, 2]), [], (), 0, False, "0"]
    assert list(map(is_missing, [*missing, *there])) == [True] * 4 + [False] * 6


# -- where they go ---------------------------------------------------------------------------------


def noted() -> Taxonomy:
    """With two notes."""
    return Taxonomy.from_paths([*CLEAN, ("cat",), ("dog", "NA")])


def test_they_are_no_part_of_the_tree() -> None:
    """Equality, digests, files and dicts know nothing of them."""
    t = noted()
    bare = t.replace(notes=())
    assert len(t.notes) == 2
    assert (t, hash(t), t.digest, t.binding_digest) == (bare, hash(bare), bare.digest, bare.binding_digest)
    assert t.to_dict() == bare.to_dict()
    assert Taxonomy.from_dict(t.to_dict()).notes == ()


def test_they_stay_with_it() -> None:
    """When it is bound, restricted, copied and pickled."""
    t = noted()
    for other in (
        t.bind(), t.bind(["NA", "pug", "Bengal", "Sphynx"]), t.restrict(["pug", "Bengal"]), copy.copy(t),
        copy.deepcopy(t), pickle.loads(pickle.dumps(t)),
    ):  # fmt: skip
        assert other.notes == t.notes


def test_the_repr_counts_them() -> None:
    """Where there are any."""
    assert repr(noted()) == "Taxonomy(4 classes, depth_1 2 > depth_2 4, not bound, 2 notes)"
    one = Taxonomy.from_paths([*CLEAN, ("cat",)]).bind(node_targets=True)
    assert repr(one).endswith("bound in the file's order, node targets, 1 note)")
    assert repr(Taxonomy.from_paths(CLEAN)).endswith("not bound)")


@SETTINGS
@given(st.lists(st.lists(st.sampled_from(["a", " a", "b", "NA", "g__", "", None]), max_size=3), max_size=8))
def test_nothing_is_silent(rows: list[list[str | None]]) -> None:
    """Without a note each row is a class, its path the names as they stand."""
    rows = [["x", "y"], ["x", "z"], *rows]
    try:
        t = Taxonomy.from_paths(rows)
    except MeaningError:
        return
    if not t.notes:
        assert {tuple(filter(None, row)) for row in rows} == set(t.paths())
