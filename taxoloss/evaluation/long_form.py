"""A row for each class of a sample: gathered to a number for each class, or to rankings of the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.names import NameReading, read_names, unknown_names
from taxoloss.evaluation.nodes import Nodes
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.request import Request
from taxoloss.evaluation.tables import Numbers, SampleTable
from taxoloss.evaluation.text import expected_number

__all__ = ["ClassNumbers", "gathered", "is_long"]


@dataclass(frozen=True, eq=False)
class ClassNumbers:
    """What the names of the classes call, each node by a number of its own.

    Args:
        nodes: their numbers; those below `classes` are the classes.
        classes: how many.
        ordered: whether the order of the classes was said.
    """

    nodes: Nodes
    classes: int
    ordered: bool


def is_long(table: SampleTable, request: Request) -> bool:
    """Whether rows with a number share the names of their samples."""
    if request.sample_id is None or request.score is None:
        return False
    ids = table.cells(request.sample_id)
    return len(set(ids)) < len(ids)


def gathered(table: SampleTable, column: str, request: Request, numbers: ClassNumbers) -> SampleTable:
    """A row for each sample, in the order in which they come first.

    Where each sample has a number for each class these are the table's numbers, the classes in the order of
    their numbers; else the column of classes holds rankings, the largest number first.

    Args:
        table: with a row for each class of a sample.
        column: of the names of classes.
        request: how it is to be read.
        numbers: of the classes.

    Raises:
        PredictionError: names are unknown, a class stands twice or lacks, a cell is no number, the rows of
            a sample differ in what is said of the sample.
    """
    return _Gathering(table, column, request, numbers).table()


class _Gathering:
    """The rows of a table by the sample that they speak of."""

    def __init__(self, table: SampleTable, column: str, request: Request, numbers: ClassNumbers) -> None:
        self.source, self.column, self.request, self.numbers = table, column, request, numbers
        self.id_name, self.score_name = request.sample_id or "", request.score or ""
        self.cells = table.cells(column)
        self.score_cells = table.cells(self.score_name)
        self.scores = [self._number(row) for row in range(len(table))]
        self.rows = self._rows_of_samples()
        self.samples = list(self.rows)
        self.ids = self._read()
        self._require_different()

    def table(self) -> SampleTable:
        """The table of the samples."""
        found = [self._numbers_of(sample) for sample in self.samples]
        names = found[0].keys()
        whole = self._has_all(found[0]) and all(one.keys() == names for one in found)
        if whole and len(self.ids) == len(set(self.cells)):
            self._refuse_unknown()
            return self._matrix(found, sorted(names))
        self._refuse_values(found, whole)
        return self._rankings(sum(map(self._has_all, found)), whole)

    # -- what the rows hold --------------------------------------------------------------------

    def _where(self, column: str) -> str:
        return f"{self.source.path}: column {column!r}"

    def _number(self, row: int) -> float:
        cell, decimal = self.score_cells[row], self.request.decimal
        expected = expected_number(cell, decimal)
        if expected is None and (number := float(cell.replace(decimal, "."))) == number:
            return number
        raise PredictionError(
            f"{self._where(self.score_name)}: expected {expected or 'a number'} in "
            f"{self.source.called(row)}, "
            f"got {cell!r:.60}"
        )

    def _rows_of_samples(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(self.source.cells(self.id_name)):
            if not name:
                raise PredictionError(
                    f"{self.source.path}: {self.source.called(row)}: expected the name of a sample in "
                    f"{quoted(self.id_name)}"
                )
            rows.setdefault(name, []).append(row)
        return rows

    def _read(self) -> Mapping[str, int]:
        """The number of each cell of the column of classes."""
        where, nodes = self._where(self.column), self.numbers.nodes
        reading = read_names(self.cells, nodes, where, ordered=self.numbers.ordered)
        if reading.unknown and self.request.unknown in ("error", "root"):
            raise unknown_names(reading, nodes, where, self._first(reading))
        return reading.ids

    def _first(self, reading: NameReading) -> dict[str, str]:
        first: dict[str, str] = {}
        for row, cell in enumerate(self.cells):
            if cell in reading.unknown:
                first.setdefault(cell, f"in {self.source.called(row)}")
        return first

    def _require_different(self) -> None:
        """PredictionError where a sample has a class twice."""
        for sample, rows in self.rows.items():
            first: dict[int | str, int] = {}
            for row in rows:
                node = self.ids.get(self.cells[row], self.cells[row])
                earlier = first.setdefault(node, row)
                if earlier != row:
                    raise PredictionError(
                        f"{self.source.path}: expected each class once for the sample "
                        f"{quoted(sample)}, got "
                        f"{quoted(self.cells[earlier])} in {self.source.called(earlier)} and "
                        f"{quoted(self.cells[row])} in {self.source.called(row)}"
                    )

    def _of_sample(self, column: str) -> list[str]:
        """What the rows of each sample say alike."""
        cells = self.source.cells(column)
        for sample, rows in self.rows.items():
            other = next((row for row in rows if cells[row] != cells[rows[0]]), None)
            if other is not None:
                raise PredictionError(
                    f"{self._where(column)}: expected one for the sample {quoted(sample)}, got "
                    f"{quoted(cells[rows[0]])} in {self.source.called(rows[0])} and "
                    f"{quoted(cells[other])} in "
                    f"{self.source.called(other)}"
                )
        return [cells[rows[0]] for rows in self.rows.values()]

    # -- numbers, or rankings ------------------------------------------------------------------

    def _numbers_of(self, sample: str) -> dict[int, float]:
        """The number of each node that a sample has one of."""
        return {
            self.ids[self.cells[row]]: self.scores[row]
            for row in self.rows[sample]
            if self.cells[row] in self.ids
        }

    def _has_all(self, numbers: Mapping[int, float]) -> bool:
        return all(number in numbers for number in range(self.numbers.classes))

    def _kept(self) -> dict[str, list[str]]:
        """The columns that speak of samples."""
        request, header = self.request, self.source.header
        named = [*(name for name in request.target if request.targets is None), request.group]
        kept = {self.id_name: self.samples}
        return kept | {name: self._of_sample(name) for name in named if name is not None and name in header}

    def _called(self) -> Callable[[int], str]:
        samples, rows, called = self.samples, self.rows, self.source.called
        return lambda row: f"sample {quoted(samples[row])} (from {called(rows[samples[row]][0])})"

    def _matrix(self, found: Sequence[Mapping[int, float]], order: Sequence[int]) -> SampleTable:
        names: dict[int, str] = {}
        for cell, number in self.ids.items():
            names.setdefault(number, cell)
        columns = tuple(self._column(names[number], number) for number in order)
        values = np.array([[numbers[number] for number in order] for numbers in found])
        kept, what = self._kept(), f"{counted(len(self.source), 'row')}, one for each class and sample"
        return SampleTable(
            self.source.path,
            tuple(kept),
            kept,
            self._called(),
            what,
            numbers=Numbers(columns, values, self.request.values),
            notes=self.source.notes,
            in_order=False,
        )

    def _column(self, cell: str, number: int) -> str:
        """The name of a column: a node's, or where cells are ids its path."""
        nodes = self.numbers.nodes
        is_id = not nodes.integers and cell == str(number)
        return "/".join(nodes.path_of(number)) if is_id else cell

    def _other_names(self) -> str:
        """The names that are no node, as a message shows them."""
        unknown = list(dict.fromkeys(cell for cell in self.cells if cell not in self.ids))
        shown = ", ".join(quoted(cell) if cell else "no name" for cell in unknown[:3])
        return shown + (f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else "")

    def _refuse_unknown(self) -> None:
        """PredictionError where --unknown speaks of answers, and each sample has numbers instead."""
        unknown = self.request.unknown
        if unknown in ("wrong", "root") or (unknown == "drop" and self.request.targets is None):
            more = " (drop leaves out samples without a truth in --targets)" if unknown != "drop" else ""
            raise PredictionError(
                f"{self.source.path}: --unknown {unknown} speaks of names that were answered, and "
                f"here each sample has a number for each class: leave it out{more}"
            )

    def _refuse_values(self, found: Sequence[Mapping[int, float]], whole: bool) -> None:
        """PredictionError where numbers of all classes were said, and a sample has not all, or others."""
        if self.request.values is None:
            return
        if whole:
            raise PredictionError(
                f"{self.source.path}: --values {self.request.values} needs numbers of classes alone, got "
                f"some for {self._other_names()}, which is no node: what the classes have without it is "
                "not what the model said; without --values the best name of each sample is scored"
            )
        place = next((row for row, numbers in enumerate(found) if not self._has_all(numbers)), None)
        if place is None:
            place = next(row for row, numbers in enumerate(found) if numbers.keys() != found[0].keys())
        missing = [number for number in range(self.numbers.classes) if number not in found[place]]
        shown = ", ".join(quoted("/".join(self.numbers.nodes.path_of(number))) for number in missing[:3])
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        lacks = f"lacks {shown}{more}" if missing else "has other nodes than the first"
        raise PredictionError(
            f"{self.source.path}: --values {self.request.values} needs a number of each class "
            "for each sample, "
            f"and {quoted(self.samples[place])} {lacks}; without --values rows are rankings of the best"
        )

    def _rankings(self, complete: int, whole: bool) -> SampleTable:
        ranked = [sorted(rows, key=lambda row: -self.scores[row]) for rows in self.rows.values()]
        ties = sum(len({self.scores[row] for row in rows}) < len(rows) for rows in ranked)
        kept = self._kept()
        if all(0 <= self.scores[rows[0]] <= 1 for rows in ranked):  # else they are no probabilities
            kept[self.score_name] = [self.score_cells[rows[0]] for rows in ranked]
        best = 1 if whole else None
        lengths = sorted({len(rows) for rows in ranked})
        each = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
        what = (
            f"{counted(len(self.source), 'row')}, {each} for each of "
            f"{counted(len(ranked), 'sample')}, ranked by "
            f"{quoted(self.score_name)}"
        )
        notes = [*self.source.notes]
        if whole:
            # A softmax over the classes alone would share out what the model gave to another name.
            notes.append(
                f"numbers for {self._other_names()}, which is no node, beside those of all classes: "
                "the best name of each sample alone is scored"
            )
        elif complete:
            notes.append(
                f"{counted(complete, 'sample')} with a number for each class: read as rankings too"
            )
        if ties:
            notes.append(f"{counted(ties, 'sample')} with equal numbers: ranked in the order of the file")
        return SampleTable(
            self.source.path,
            (*kept, self.column),
            kept,
            self._called(),
            what,
            {self.column: [tuple(self.cells[row] for row in rows[:best]) for rows in ranked]},
            notes=tuple(notes),
        )
