"""What is asked for in an order: no sets, numbers of any library; and the nearest of many names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import pandas
import polars
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

import taxoloss
from taxoloss import Taxonomy
from taxoloss.binding import class_list
from taxoloss.matching import match
from taxoloss.names import did_you_mean, nearest, nearest_of_each

T = taxoloss.load({"tree": {"x": ["a", "b"], "y": ["c", "d"]}})
NAMES = ["d", "a", "c", "b"]
ORDERED: list[Callable[[list[str]], Any]] = [
    list, tuple, deque, iter, np.array, pandas.Index, pandas.Series, pandas.Categorical, polars.Series,
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


# -- the nearest of many ---------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("abAB é"), max_size=7)


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, max_size=12))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_nearest_of_many_is_that_of_each(words: list[str], candidates: list[str]) -> None:
    """Against a loop over the likenesses: at least .62, of equals the last; case counts nothing."""
    found = nearest_of_each(words, candidates)
    for word, guess in zip(words, found, strict=True):
        assert guess == nearest(word, candidates)
        scores = [Indel.normalized_similarity(word.casefold(), other.casefold()) for other in candidates]
        best = max(scores, default=0.0)
        if best < 0.62:
            assert guess is None
            continue
        last = max(i for i, score in enumerate(scores) if score == best)
        same = [other for other in candidates if other.casefold() == candidates[last].casefold()]
        assert guess == same[0]


def test_help_is_that_of_one_name_alone() -> None:
    """Names, parts of paths, and both at once: as if each were the only one that is wrong."""
    wrong = ["aa", ("x", "bb"), ("z", "c"), ("y", "dd"), "cc", ("y", "q")]
    tree = taxoloss.load({"tree": {"x": ["aaa", "bbb"], "y": ["ccc", "ddd"], "zz": ["e"]}})
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        tree.bind().node_ids(wrong)
    expected = [
        "did you mean `aaa`?", "did you mean `bbb` under `x`?", did_you_mean("z", ["x", "y", "zz"]),
        "did you mean `ddd` under `y`?", "did you mean `ccc`?", None,
    ]  # fmt: skip
    assert [fault.help for fault in caught.value.faults] == expected


def test_a_long_list_of_misspelt_classes() -> None:
    """All have their guess, as the first of them has; more than can be compared have none."""
    names = [f"{number:05d}-{'abcdefgh'[number % 8] * 6}" for number in range(2_000)]
    wrong = [f"{name}x" for name in names]
    tree = taxoloss.load({"tree": names})
    found = match(tree, wrong)
    assert [guess.path for guess in found.guesses] == [(name,) for name in names]
    assert [fault.help for fault in found.faults[:2_000]] == [f"did you mean `{name}`?" for name in names]
