"""The samples of two files side by side: by the names of a column, or row by row.

Row by row both files are read in pieces. By a column the second is read whole: its rows stand anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.pieces import IntArray, chosen, joined, row_numbers
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.taxonomy.placeholders import is_missing
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Alone", "Pairing"]

_SHOWN = 3


@dataclass
class Alone:
    """The samples that only one of two files has.

    Args:
        count: how many.
        shown: some of them, in words.
    """

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, names: Sequence[str]) -> None:
        """Takes the names of some."""
        self.count += len(names)
        self.shown += names[: _SHOWN - len(self.shown)]

    def __str__(self) -> str:
        more = ", .." if self.count > len(self.shown) else ""
        return f"{self.count:,} ({', '.join(self.shown)}{more})"


class Pairing:
    """Two files whose samples are the same.

    Args:
        a, b: samples of one bound taxonomy, in its order.
        taxonomy: that one.
        by: the column that names the samples in both files; None: they stand in the same rows.
        common: whether samples that only one file has are left out; else they are an error.
    """

    def __init__(
        self, a: Samples, b: Samples, taxonomy: Taxonomy, by: str | None = None, common: bool = False
    ) -> None:
        self.a, self.b, self.taxonomy, self.by, self.common = a, b, taxonomy, by, common
        #: What was left out while pieces were read.
        self.only_a, self.only_b, self.uncounted = Alone(), Alone(), 0

    def pieces(self) -> Iterator[tuple[Piece, Piece]]:
        """The same samples of both files, in the order of the first; not those whose truth is the root.

        Raises:
            PredictionError: samples without a counterpart; a name twice, or none; other truths, or groups.
        """
        self.only_a, self.only_b, self.uncounted = Alone(), Alone(), 0
        rows = 0
        for a, b in self._by_row() if self.by is None else self._by_name(self.by):
            self._check(a, b)
            a, b = self._counted(a, b)
            if len(a.target):
                rows += len(a.target)
                yield a, b
        if not rows:
            raise PredictionError(
                f"{self.a.path} and {self.b.path}: expected a sample or more in both, with a truth below "
                "the root, got none"
            )

    def _counted(self, a: Piece, b: Piece) -> tuple[Piece, Piece]:
        """Those whose truth is not the root, which tells nothing."""
        told = (a.target != self.taxonomy.num_nodes - 1).numpy()
        if told.all():
            return a, b
        self.uncounted += int((~told).sum())
        return chosen(a, np.flatnonzero(told)), chosen(b, np.flatnonzero(told))

    def groups(self) -> list[str]:
        """The group of each sample, in the order of `pieces`.

        Raises:
            PredictionError: as `pieces`; one group alone.
        """
        found = [name.strip() for a, _ in self.pieces() for name in a.groups or ()]
        if len(set(found)) < 2:
            raise PredictionError(
                f"{self.a.path}: expected two groups or more to draw from, got one, {quoted(found[0])}"
            )
        return found

    # -- row by row ----------------------------------------------------------------------------

    def _by_row(self) -> Iterator[tuple[Piece, Piece]]:
        """Rows that one file leaves out are left out of both."""
        _check_counts(self.a, self.b, _stated(self.a), _stated(self.b))
        others = _Rows(self.b)
        last = 0
        for a in self.a.pieces():
            numbers = row_numbers(a)
            last = int(numbers[-1])
            b = others.up_to(last)
            if b is None:
                self.only_a.add(_row_names(numbers))
            else:
                yield self._in_both(a, b, numbers, row_numbers(b))
        rest = others.rest()
        self.only_b.add(_row_names(rest))
        # A file that states no count leaves no row out: its last row counts.
        ends = _stated(self.a) or last, _stated(self.b) or max(others.last, *rest.tolist(), 0)
        _check_counts(self.a, self.b, *ends)

    def _in_both(self, a: Piece, b: Piece, of_a: IntArray, of_b: IntArray) -> tuple[Piece, Piece]:
        if np.array_equal(of_a, of_b):
            return a, b
        _, at_a, at_b = np.intersect1d(of_a, of_b, assume_unique=True, return_indices=True)
        self.only_a.add(_row_names(np.delete(of_a, at_a)))
        self.only_b.add(_row_names(np.delete(of_b, at_b)))
        return chosen(a, at_a), chosen(b, at_b)

    # -- by a column ---------------------------------------------------------------------------

    def _by_name(self, by: str) -> Iterator[tuple[Piece, Piece]]:
        whole, places = self._named
        rows: dict[str, int] = {}
        for a in self.a.pieces():
            names = _names(a, by, self.a, rows)
            found = np.array([places.get(name, -1) for name in names], np.int64)
            both = np.flatnonzero(found >= 0)
            self.only_a.add([quoted(names[at]) for at in np.flatnonzero(found < 0).tolist()])
            yield chosen(a, both), chosen(whole, found[both])
        self.only_b.add([quoted(name) for name in places if name not in rows])
        self._check_alone()

    @cached_property
    def _named(self) -> tuple[Piece, Mapping[str, int]]:
        """The second file whole, and where in it each name stands."""
        assert self.by is not None
        whole = joined(list(self.b.pieces()))
        names = _names(whole, self.by, self.b, {})
        return whole, {name: place for place, name in enumerate(names)}

    def _check_alone(self) -> None:
        sides = [(self.a.path, self.only_a), (self.b.path, self.only_b)]
        told = [f"{alone} only in {path}" for path, alone in sides if alone.count]
        if told and not self.common:
            dropped = self.a.left_out or self.b.left_out
            raise PredictionError(
                f"expected the same samples in both files, got {' and '.join(told)}"
                + ("; rows that were left out count as not there" if dropped else "")
                + "; --common compares those in both"
            )

    # -- what must agree -----------------------------------------------------------------------

    def _check(self, a: Piece, b: Piece) -> None:
        differ = torch.nonzero(a.target != b.target)
        if len(differ):
            place = int(differ[0])
            truths = (quoted("/".join(self.taxonomy.path(int(p.target[place])))) for p in (a, b))
            help = (
                "; where the rows stand in another order, --by COLUMN pairs them by the name of the sample"
                if self.by is None
                else ""
            )
            raise PredictionError(
                f"{self._place(a, b, place)}: expected one truth, got {' and '.join(truths)}{help}"
            )
        if a.groups is not None and b.groups is not None:
            self._check_groups(a, b, a.groups, b.groups)

    def _check_groups(self, a: Piece, b: Piece, one: Sequence[str], other: Sequence[str]) -> None:
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            if is_missing(left) or left.strip() != right.strip():
                shown = " and ".join("none" if is_missing(n) else quoted(n) for n in (left, right))
                raise PredictionError(
                    f"{self._place(a, b, place)}: expected one group in both files, got {shown}"
                )

    def _place(self, a: Piece, b: Piece, place: int) -> str:
        rows = f"{self.a.path}: row {a.row(place)}; {self.b.path}: row {b.row(place)}"
        if self.by is None:
            return f"{self.a.path} and {self.b.path}: row {a.row(place)}"
        assert a.ids is not None
        return f"{quoted(a.ids[place].strip())} ({rows})"


class _Rows:
    """The rows of a file in order, taken up to a number."""

    def __init__(self, samples: Samples) -> None:
        self._pieces = samples.pieces()
        self._ahead: Piece | None = None
        #: The last that was taken.
        self.last = 0

    def up_to(self, last: int) -> Piece | None:
        """The rows that were not taken yet, up to that number; None where there are none."""
        parts = []
        while (piece := self._ahead or next(self._pieces, None)) is not None:
            numbers = row_numbers(piece)
            count = int(np.searchsorted(numbers, last, side="right"))
            whole = count == len(numbers)
            self._ahead = None if whole else chosen(piece, np.arange(count, len(numbers)))
            if count:
                parts.append(piece if whole else chosen(piece, np.arange(count)))
                self.last = int(numbers[count - 1])
            if not whole:
                break
        return joined(parts) if parts else None

    def rest(self) -> IntArray:
        """(n,): the numbers of those that were not taken."""
        ahead = () if self._ahead is None else (self._ahead,)
        return np.concatenate([np.empty(0, np.int64), *map(row_numbers, (*ahead, *self._pieces))])


def _stated(samples: Samples) -> int | None:
    """How many rows a file has, with those left out, where it says so."""
    return None if samples.rows is None else samples.rows + samples.left_out


def _check_counts(a: Samples, b: Samples, of_a: int | None, of_b: int | None) -> None:
    if of_a is not None and of_b is not None and of_a != of_b:
        raise PredictionError(
            f"expected the same samples in both files, got {counted(of_a, 'row')} in {a.path} and {of_b:,} "
            f"in {b.path}; --by COLUMN pairs them by the name of the sample"
        )


def _row_names(numbers: IntArray) -> list[str]:
    return [f"row {number}" for number in numbers.tolist()]


def _names(piece: Piece, by: str, samples: Samples, seen: dict[str, int]) -> list[str]:
    """The names of samples, which `seen` takes with their rows; PredictionError where one comes twice."""
    assert piece.ids is not None
    names = [name.strip() for name in piece.ids]
    for place, name in enumerate(names):
        row = piece.row(place)
        if not name:
            raise PredictionError(f"{samples.path}: row {row}: expected a name in column {by!r}, got none")
        if name in seen:
            raise PredictionError(
                f"{samples.path}: expected each name once in column {by!r}, got {quoted(name)} in rows "
                f"{seen[name]} and {row}"
            )
        seen[name] = row
    return names
