"""Taxonomy.node_ids of rows of ranks, some of them missing."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import polars as pl
import pytest

from taxoloss import Taxonomy
from taxoloss.errors.faults import BindingError

LABELS = (
    ("Carnivora", "Felidae", "Felis", "Felis catus"),
    ("Carnivora", "Felidae", "Felis", None),
    ("Carnivora", None, "Canis", None),
    (None, None, None, "Canis lupus"),
    ("Diptera", None, None, "Phoridae indet"),
    ("Diptera", None, None, None),
)
MEANT = [
    ("Carnivora", "Felidae", "Felis", "Felis catus"),
    ("Carnivora", "Felidae", "Felis"),
    ("Carnivora", "Canidae", "Canis"),
    ("Carnivora", "Canidae", "Canis", "Canis lupus"),
    ("Diptera", "Phoridae indet"),
    ("Diptera",),
]


@pytest.fixture(scope="module")
def t() -> Taxonomy:
    """Bound."""
    silvestris = ("Carnivora", "Felidae", "Felis", "Felis silvestris")
    return Taxonomy.from_paths([MEANT[0], MEANT[3], LABELS[4], silvestris]).bind()


@pytest.mark.parametrize("nothing", [None, math.nan, "", pd.NA, pd.NaT, " "])
def test_node_ids_of_rows(t: Taxonomy, nothing: Any) -> None:
    """Missing ranks are skipped, at the end, in the middle and at the top."""
    rows = [tuple(nothing if cell is None else cell for cell in row) for row in LABELS]
    expected = t.node_ids(MEANT).tolist()
    for names in (
        rows,
        [*map(list, rows)],
        pd.DataFrame(rows, dtype=object).values,
        iter(rows),
        pd.Series(rows),
    ):
        assert t.node_ids(names).tolist() == expected
    assert (
        t.node_ids([("Carnivora", nothing), "Felis", ()]).tolist()
        == t.node_ids(["Carnivora", "Felis", ()]).tolist()
    )


def test_node_ids_of_rows_that_are_wrong(t: Taxonomy) -> None:
    """All of them, each with its position; the other names as ever."""
    rows = ["Felis", ("Canidae", None, "Felis"), (None, math.nan), ("Carnivora", "Felid", None), "Feliss"]
    with pytest.raises(BindingError) as caught:
        t.node_ids(rows)
    text = str(caught.value)
    assert "T302: `Felis` is `Carnivora/Felidae/Felis` in the tree, not below `Canidae`: position 1" in text
    assert "T117: position 2 names nothing" in text
    assert "T302: `Felid` is no node of the tree: position 3\n  help: did you mean `Felidae`?" in text
    assert "`Feliss` is no node of the tree" in text
    assert text.endswith("4 errors")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["Felis", math.nan],
            "expected a name, or a path as a tuple of names, got float nan (position 1)",
        ),
        (["Felis", None], "got NoneType None (position 1)"),
        (
            [("Carnivora", "Felidae", 3)],
            "a tuple with int 3 in place 2: ('Carnivora', 'Felidae', 3) (position 0)",
        ),
        ([("Carnivora", None, 3)], "position 0 holds int 3; expected a name as text"),
        (
            pd.DataFrame({"order": ["x"]}),
            "expected names or paths, got a DataFrame: t.targets(table) reads",
        ),
        (pl.DataFrame({"order": ["x"]}), "got a DataFrame: t.targets(table)"),
    ],
)
def test_node_ids_of_no_names(t: Taxonomy, names: Any, message: str) -> None:
    """The cell at fault and its place."""
    with pytest.raises(TypeError) as caught:
        t.node_ids(names)
    assert message in str(caught.value)


def test_classes_above_other_classes(t: Taxonomy) -> None:
    """A row that ends at a node that is a class itself is that class, in tables too."""
    outputs = ["Felis", "Felis catus", "Felis silvestris", "Canis lupus", "Phoridae indet"]
    bound = t.bind(outputs, inner_classes=True)
    rows = [("Carnivora", None, "Felis", None), ("Carnivora", "Felidae", "Felis", None), MEANT[0]]
    assert bound.node_ids([*rows, "Felis"]).tolist() == [0, 0, 1, 0]
    assert bound.targets([*rows, "Felis", "Carnivora/Felis", ("Felidae", "Felis")]).tolist() == [
        0,
        0,
        1,
        0,
        0,
        0,
    ]
    assert bound.targets(["Felidae"])[0] == bound.node_id("Felidae")
