"""Pairs of truths and answers: all rows are in them, folded up the tree only as far as is needed."""

from __future__ import annotations

from collections import Counter

import numpy as np
from gathered_cases import Rows, flat, rows_of, some_rows, species
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS

from taxoloss.report.numbers.pairs import pairs


def as_counts(found: dict[str, list[int]]) -> dict[tuple[int, int], int]:
    """The pairs as a dict, each once, in order."""
    keys = list(zip(found["truth"], found["answer"], strict=True))
    assert keys == sorted(set(keys))
    return dict(zip(keys, found["count"], strict=True))


def plain(rows: Rows) -> Counter[tuple[int, int]]:
    """The pairs of all rows, counted one by one."""
    g = rows.gathered
    return Counter(zip(g.node_target.tolist(), g.node_answer.tolist(), strict=True))


@SETTINGS
@given(rows=some_rows())
def test_few_pairs_stand_as_they_are(rows: Rows) -> None:
    """Each pair of a truth and an answer as often as it occurs."""
    found = pairs(rows.gathered)
    assert as_counts(found) == plain(rows)
    assert found["folded"] == found["left_out"] == 0


@SETTINGS
@given(rows=some_rows(least=10), most=st.integers(1, 12))
def test_many_pairs_are_folded(rows: Rows, most: int) -> None:
    """They are few then; what is shared stays shared, and a truth that was answered stays so."""
    found, before = pairs(rows.gathered, most), plain(rows)
    after = as_counts(found)
    assert len(after) <= most
    assert sum(after.values()) + found["left_out"] == len(rows.gathered)
    came_from = [{old for old in before if is_folded(rows, old, new)} for new in after]
    assert all(came_from)
    if not found["left_out"]:
        assert set().union(*came_from) == set(before)
    kept = sum(min(count, after.get(pair, 0)) for pair, count in before.items())
    assert found["folded"] + found["left_out"] >= len(rows.gathered) - kept


def is_folded(rows: Rows, old: tuple[int, int], new: tuple[int, int]) -> bool:
    """Whether a pair may have become another: each above the old, and below what the old two share."""
    if old[0] == old[1]:
        return new[0] == new[1] and new[0] in rows.home_line(old[0])
    above = new[0] in rows.home_line(old[0]) and new[1] in rows.home_line(old[1])
    return above and rows.shared_home(*new) == rows.shared_home(*old)


def test_the_rarest_pairs_are_folded_first() -> None:
    """Two single rows across families become one pair of families; the frequent ones stay."""
    t = species()
    target, answer = [0, 0, 0, 1, 2, 3], [1, 1, 1, 1, 12, 16]
    rows = rows_of(t, answer, target)
    node = t.nodes_by_id.tolist()
    families = [int(t.nodes_by_id[t.node_id(name)]) for name in ("F0", "F1")]
    found = pairs(rows.gathered, most=3)
    wanted = {(node[0], node[1]): 3, (node[1], node[1]): 1, (families[0], families[1]): 2}
    assert as_counts(found) == wanted
    assert (found["folded"], found["left_out"]) == (2, 0)


def test_what_no_fold_makes_few_is_left_out_and_told() -> None:
    """A flat tree has nothing to fold to: the most frequent pairs stay."""
    r = np.random.default_rng(0)
    rows = rows_of(flat(9), r.integers(0, 9, 300), r.integers(0, 9, 300))
    found, before = pairs(rows.gathered, most=20), plain(rows)
    after = as_counts(found)
    assert min(after.values()) >= max(count for pair, count in before.items() if pair not in after)
    assert all(before[pair] == count for pair, count in after.items())
    assert (found["folded"], found["left_out"]) == (0, 300 - sum(after.values()))
