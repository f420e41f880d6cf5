"""Groups of rows are numbered alike whatever holds their names; what is none is refused with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS

from taxoloss.taxonomy.row_groups import group_codes

TEXTS, NUMBERS = ["lake", "north", "lake", "hill"], [5, 2, 5, 9]
HOLDERS: dict[str, Any] = {
    "list of texts": TEXTS,
    "list of numbers": NUMBERS,
    "tuple": tuple(TEXTS),
    "iterator": (name for name in TEXTS),
    "numpy numbers in a list": [np.int16(number) for number in NUMBERS],
    "tensors in a list": [torch.tensor(number) for number in NUMBERS],
    "array of texts": np.array(TEXTS),
    "array of objects": np.array(TEXTS, object),
    "array of numbers": np.array(NUMBERS, np.uint8),
    "tensor": torch.tensor(NUMBERS, dtype=torch.int32),
    "pandas texts": pd.Series(TEXTS, index=[3, 1, 2, 0]),
    "pandas categories": pd.Series(TEXTS, dtype="category"),
    "pandas numbers": pd.Series(NUMBERS, dtype="Int64"),
    "pandas frame of one column": pd.DataFrame({"site": TEXTS}),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_same_whatever_holds_them(holder: str) -> None:
    """By first appearance, in the order of the rows, not of an index."""
    assert group_codes(HOLDERS[holder], (4,)).tolist() == [0, 1, 0, 2]


def test_columns_of_polars() -> None:
    """Texts, categories and numbers; null is no group, and what has no rows yet no column."""
    pl = pytest.importorskip("polars")
    for column in (TEXTS, NUMBERS, pl.Series(TEXTS, dtype=pl.Categorical)):
        assert group_codes(pl.Series("site", column), (4,)).tolist() == [0, 1, 0, 2]
    with pytest.raises(ValueError, match="position 1 has none, None"):
        group_codes(pl.Series(["lake", None]))
    with pytest.raises(TypeError, match="got LazyFrame"):
        group_codes(pl.LazyFrame({"site": TEXTS}))


@SETTINGS
@given(st.lists(st.integers(-(2**40), 2**40), min_size=1), st.integers(1, 3))
def test_numbers_in_an_array_and_texts(numbers: list[int], width: int) -> None:
    """Against a dict of first appearances; in an array of any shape by its order in memory."""
    first: dict[int, int] = {}
    wanted = [first.setdefault(number, len(first)) for number in numbers]
    assert group_codes([f"site {number}" for number in numbers]).tolist() == wanted
    assert group_codes(np.array(numbers)).tolist() == wanted
    wide = np.repeat(np.array(numbers), width).reshape(-1, width)
    assert group_codes(torch.from_numpy(wide), wide.shape).tolist() == [[code] * width for code in wanted]


NO_GROUPS: list[tuple[Any, str]] = [
    ("lake", "got str 'lake'"),
    (3, "got int 3"),
    (None, "got NoneType None"),
    ({"lake": 1}, "got dict"),
    ({"lake", "north"}, "in their order, got a set"),
    ([1.0, 2.0], "got float 1.0 at position 0"),
    ([1, True], "got bool True at position 1"),
    ([("lake", 3)], r"got tuple \('lake', 3\) at position 0"),
    (np.array([1.5]), "got float64"),
    (torch.tensor([True]), "got torch.bool"),
    (np.array(["2026-01-01"], "datetime64[D]"), "got datetime64"),
    (["2", 1], "got both, '2' and 1"),
    (pd.DataFrame({"site": TEXTS, "year": NUMBERS}), "got 2 columns, site, year"),
]


@pytest.mark.parametrize(("groups", "words"), NO_GROUPS, ids=[words for _, words in NO_GROUPS])
def test_what_is_no_group(groups: Any, words: str) -> None:
    """With what it is, and where."""
    with pytest.raises(TypeError, match=words):
        group_codes(groups)


@pytest.mark.parametrize(
    ("groups", "place"),
    [
        (["lake", None], "position 1 has none, None"),
        (["", "lake"], "position 0 has none, ''"),
        (pd.Series([1, None]), "position 1 has none, nan"),
        (pd.Series(["lake", None], index=["a", "b"]), r"position 1 \(index 'b'\) has none"),
        (pd.Series([1, None], dtype="Int64"), "position 1 has none, <NA>"),
    ],
    ids=["None", "empty", "NaN", "index", "NA"],
)
def test_a_row_without_a_group(groups: Any, place: str) -> None:
    """It is in no group of its own, and in no group with others that have none."""
    with pytest.raises(ValueError, match=place):
        group_codes(groups)


@pytest.mark.parametrize(
    ("groups", "found"), [(TEXTS[:3], r"\(3,\)"), ([], r"\(0,\)"), (torch.zeros(2, 2).long(), r"\(2, 2\)")]
)
def test_another_shape(groups: Any, found: str) -> None:
    """With both."""
    with pytest.raises(ValueError, match=rf"\(4,\).*{found}"):
        group_codes(groups, (4,))
