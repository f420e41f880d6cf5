"""The nearest of many names: that of each one alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from rapidfuzz.distance import Indel

import taxoloss
from taxoloss.errors.suggestions import did_you_mean, nearest, nearest_of_each
from taxoloss.taxonomy.matching import match

WORDS = st.text(st.sampled_from("abAB é"), max_size=7)


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, max_size=12))
@settings(max_examples=examples(300), deadline=None, derandomize=True)
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
    wrong: list[str | tuple[str, ...]] = ["aa", ("x", "bb"), ("z", "c"), ("y", "dd"), "cc", ("y", "q")]
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
