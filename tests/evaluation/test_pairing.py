"""Samples of two files side by side: the same pairs, however the files are cut and ordered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from compare_command import taxonomy
from hypothesis import given
from hypothesis import strategies as st

from taxoloss.evaluation.pairing import Pairing
from taxoloss.evaluation.pieces import in_order_of
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.samples import Piece, Samples

N = 30
#: The truth of each row: the classes in turn.
TRUTH = np.arange(N) % 8


def samples(name: str, rows: list[int], cuts: set[int], *, total: int = N, names: bool = False) -> Samples:
    """Some rows of a file, each answered by its own number, in pieces that end at cuts."""
    parts = [
        part for part in np.split(np.array(rows, int), sorted(cuts & set(range(len(rows))))) if len(part)
    ]

    def pieces() -> Iterator[Piece]:
        for part in parts:
            ids = [f"i{row}" for row in part] if names else None
            target = torch.from_numpy(TRUTH[part - 1])
            yield Piece(1, torch.from_numpy(part), target, part.tolist(), ids)

    return Samples(Path(name), "", pieces, rows=len(rows), left_out=total - len(rows), places=1)


def paired(pairing: Pairing) -> list[tuple[int, int]]:
    """The rows of each pair: answers are row numbers here."""
    found: list[tuple[int, int]] = []
    for a, b in pairing.pieces():
        assert a.target.tolist() == b.target.tolist() == TRUTH[a.preds.numpy() - 1].tolist()
        assert [a.row(place) for place in range(len(a.target))] == a.preds.tolist()
        found += zip(a.preds.tolist(), b.preds.tolist(), strict=True)
    return found


ROWS = st.sets(st.integers(1, N), min_size=1).map(sorted)
CUTS = st.sets(st.integers(1, N - 1))


@given(rows_a=ROWS, rows_b=ROWS, cuts_a=CUTS, cuts_b=CUTS)
def test_row_by_row(rows_a: list[int], rows_b: list[int], cuts_a: set[int], cuts_b: set[int]) -> None:
    """What both have, in order; what only one has is counted and named; twice the same."""
    pairing = Pairing(samples("a", rows_a, cuts_a), samples("b", rows_b, cuts_b), taxonomy())
    both = sorted(set(rows_a) & set(rows_b))
    if not both:
        with pytest.raises(PredictionError, match="a sample or more in both"):
            paired(pairing)
        return
    for _ in range(2):
        assert paired(pairing) == [(row, row) for row in both]
        for alone, mine, others in ((pairing.only_a, rows_a, rows_b), (pairing.only_b, rows_b, rows_a)):
            left = sorted(set(mine) - set(others))
            assert alone.count == len(left)
            assert alone.shown == [f"row {row}" for row in left[:3]]


@given(rows_a=ROWS, rows_b=ROWS, cuts_a=CUTS, cuts_b=CUTS, common=st.booleans(), shuffle=st.randoms())
def test_by_name(
    rows_a: list[int], rows_b: list[int], cuts_a: set[int], cuts_b: set[int], common: bool, shuffle: Any
) -> None:
    """In the order of the first, whatever that of the second; else an error unless that is said."""
    order = [*rows_b]
    shuffle.shuffle(order)
    a, b = samples("a", rows_a, cuts_a, names=True), samples("b", order, cuts_b, names=True)
    pairing = Pairing(a, b, taxonomy(), "id", common)
    both = [row for row in rows_a if row in rows_b]
    if not both or (not common and rows_a != rows_b):
        with pytest.raises(PredictionError, match=r"expected (the same samples in both|a sample or more)"):
            paired(pairing)
        return
    assert paired(pairing) == [(row, row) for row in both]
    assert pairing.only_a.count == len(rows_a) - len(both)
    assert pairing.only_b.count == len(rows_b) - len(both)


@given(count_a=st.integers(1, N), count_b=st.integers(1, N), known=st.booleans(), cuts=CUTS)
def test_files_of_other_lengths(count_a: int, count_b: int, known: bool, cuts: set[int]) -> None:
    """Both counts are told, whether the files say them or they are seen at the end only."""
    sides = [
        samples(name, list(range(1, n + 1)), cuts, total=n) for name, n in (("a", count_a), ("b", count_b))
    ]
    if not known:
        sides = [Samples(side.path, "", side.pieces, places=1) for side in sides]
    pairing = Pairing(sides[0], sides[1], taxonomy())
    if count_a == count_b:
        assert len(paired(pairing)) == count_a
        return
    with pytest.raises(PredictionError, match=rf"got {count_a} rows? in a and {count_b} in b"):
        paired(pairing)


@given(seed=st.integers(0, 1000))
def test_another_order_of_the_classes(seed: int) -> None:
    """Columns, answers and truths, also inner nodes, mean the same nodes afterwards."""
    t = taxonomy()
    r = np.random.default_rng(seed)
    own = t.bind([t.classes[i] for i in r.permutation(8)], node_targets=True)
    nodes = torch.from_numpy(r.integers(0, own.num_nodes, 12))
    logits = torch.from_numpy(r.normal(size=(12, 8)))
    for preds in (logits, nodes, torch.from_numpy(r.integers(0, 8, (12, 3)))):
        there = Samples(Path("b"), "", lambda preds=preds: iter([Piece(1, preds, nodes)]))  # type: ignore[misc]
        (piece,) = in_order_of(t, there, own).pieces()
        assert [t.path(int(y)) for y in piece.target] == [own.path(int(y)) for y in nodes]
        if preds.is_floating_point():
            for column, name in enumerate(t.classes):
                assert torch.equal(piece.preds[:, column], preds[:, own.classes.index(name)])
        else:
            said = [[t.path(int(x)) for x in found.reshape(-1)] for found in (piece.preds,)]
            assert said == [[own.path(int(x)) for x in preds.reshape(-1)]]
