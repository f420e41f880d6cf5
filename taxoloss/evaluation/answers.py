"""A table of true and answered names, as samples: node ids, or rankings of classes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import BindingError
from taxoloss.evaluation.names import NameReading, as_rankings, read_names, unknown_names
from taxoloss.evaluation.nodes import Nodes
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.evaluation.tables import SampleTable
from taxoloss.evaluation.text import expected_number
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["LEFT_OUT", "Roles", "Truth", "answer_samples", "truth_of"]

IntArray = npt.NDArray[np.int64]
#: In the place of a target or an answer: the row is left out.
LEFT_OUT = -1
#: Rows of a piece.
_ROWS = 1 << 14


@dataclass(frozen=True)
class Roles:
    """What the columns of a table of answers are.

    Args:
        target: the truth: one column of names, or the columns of the ranks from the top.
        prediction: the answers: one column, or several, the best first.
        sample_id, group, score: other columns; None: there is none.
        ranking: the mark between several answers in a cell; None: a bar, where that is plain.
        unknown: what becomes of rows whose names are unknown.
        ordered: whether the order of the classes was said.
        decimal: the mark in numbers.
        old: whether names are those of an older tree.
    """

    target: tuple[str, ...]
    prediction: tuple[str, ...]
    sample_id: str | None = None
    group: str | None = None
    score: str | None = None
    ranking: str | None = None
    unknown: str = "error"
    ordered: bool = False
    decimal: str = "."
    old: bool = False


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true of the rows of a table.

    Args:
        targets: (n,) target ids, LEFT_OUT where a row is.
        how: what the truth is, in words.
        notes: on the rows that are left out.
        groups: of each row, where the truth says it.
    """

    targets: IntArray
    how: str
    notes: tuple[str, ...] = ()
    groups: Sequence[str] | None = None


def truth_of(table: SampleTable, taxonomy: Taxonomy, nodes: Nodes, roles: Roles) -> Truth:
    """What the columns of the truth say.

    Raises:
        PredictionError: there is no row; names are unknown, or call several nodes.
    """
    if not len(table):
        raise PredictionError(f"{table.path}: expected a row or more, got none")
    reader = _Reader(table, taxonomy, nodes, roles)
    targets = reader.targets()
    return Truth(targets, reader.truth_how(), tuple(reader.told()))


def answer_samples(
    table: SampleTable, taxonomy: Taxonomy, nodes: Nodes, roles: Roles, truth: Truth | None = None
) -> Samples:
    """The samples of a table whose rows hold what was answered.

    Args:
        table: of text.
        taxonomy: bound.
        nodes: what its names call: nodes of that taxonomy.
        roles: of its columns.
        truth: of its rows; None: it stands in their columns.

    Raises:
        PredictionError: names are unknown, or call several nodes.
    """
    truth = truth_of(table, taxonomy, nodes, roles) if truth is None else truth
    reader = _Reader(table, taxonomy, nodes, roles)
    answers, places, notes = reader.answers()
    told = (*truth.notes, *reader.told())
    kept = _kept(table, truth.targets, answers, told)
    pieces = _pieces(table, roles, reader, truth, answers if places > 1 else answers[:, 0], kept)
    how = f"{reader.how(answers.shape[1])} against {truth.how}"
    how = f"{table.what}, {how}" if table.what else how
    count = len(table)
    all_notes = (*table.notes, *notes, *told)
    grouped = _groups(table, roles, truth) is not None
    left = count - len(kept)
    return Samples(table.path, how, pieces, all_notes, len(kept), left, max(places, 1), grouped)


def _kept(table: SampleTable, target: IntArray, answers: IntArray, told: Sequence[str]) -> IntArray:
    """The rows that are scored."""
    kept = np.flatnonzero((target != LEFT_OUT) & (answers[:, 0] != LEFT_OUT))
    if not len(kept):
        raise PredictionError("\n  ".join([f"{table.path}: no row is left to score", *told]))
    return kept


def _groups(table: SampleTable, roles: Roles, truth: Truth) -> Sequence[str] | None:
    """The groups of the rows, which the truth may say."""
    if truth.groups is not None or roles.group is None:
        return truth.groups
    return table.cells(roles.group)


def _pieces(
    table: SampleTable, roles: Roles, reader: _Reader, truth: Truth, preds: IntArray, kept: IntArray
) -> Callable[[], Iterator[Piece]]:
    """The rows that are kept, some at once."""
    probability, unknown = reader.scores(), reader.unknown_answers()
    ids = None if roles.sample_id is None else table.cells(roles.sample_id)
    groups, said = _groups(table, roles, truth), reader.said()

    def pieces() -> Iterator[Piece]:
        for start in range(0, len(kept), _ROWS):
            part = kept[start : start + _ROWS]
            rows = part.tolist()
            yield Piece(
                start + 1,
                torch.from_numpy(preds[part]),
                torch.from_numpy(truth.targets[part]),
                [row + 1 for row in rows],
                None if ids is None else [ids[row] for row in rows],
                None if groups is None else [groups[row] for row in rows],
                None if probability is None else torch.from_numpy(probability[part]),
                torch.from_numpy(unknown[part]),
                [said[row] for row in rows],
            )

    return pieces


class _Reader:
    """Reads the columns of a table once."""

    def __init__(self, table: SampleTable, taxonomy: Taxonomy, nodes: Nodes, roles: Roles) -> None:
        self.table, self.taxonomy, self.nodes, self.roles = table, taxonomy, nodes, roles
        self.path = table.path
        self._unknown: dict[str, tuple[NameReading, npt.NDArray[np.bool_]]] = {}
        self._numbers: dict[str, bool] = {}
        self._nameless: str | None = None
        self._silent: str | None = None

    def place(self, row: int) -> str:
        """How a row, from 0, is called."""
        return f"in {self.table.called(row)}"

    def where(self, column: str) -> str:
        """The file and a column."""
        return f"{self.path}: column {column!r}"

    # -- the truth -----------------------------------------------------------------------------

    def targets(self) -> IntArray:
        """(n,): target ids, LEFT_OUT where a row is."""
        columns = self.roles.target
        if len(columns) == 1:
            return self._ids(columns[0], [(cell,) for cell in self.table.cells(columns[0])], truth=True)[
                :, 0
            ]
        found = self._ranks(columns)
        empty = found == LEFT_OUT
        if empty.any() and self.roles.unknown != "drop":
            raise PredictionError(
                f"{self.where(', '.join(columns))}: {counted(int(empty.sum()), 'row')} without a name, the "
                f"first {self.place(int(empty.argmax()))}; --unknown drop leaves them out"
            )
        if empty.any():
            self._nameless = f"{counted(int(empty.sum()), 'row')} left out: no name in any rank"
        return found

    def _ranks(self, columns: Sequence[str]) -> IntArray:
        """(n,): the node of the deepest rank that is there, LEFT_OUT where there is none."""
        cells = {name: self.table.cells(name) for name in columns}
        if self.roles.old:
            return self._old_ranks(columns, list(zip(*cells.values(), strict=True)))
        try:
            found = self.taxonomy.targets(cells, list(columns), ignore_index=LEFT_OUT)
        except BindingError as error:
            told = [_at_rows(fault.message) for fault in error.faults[:10]]
            more = len(error.faults) - len(told)
            told += [f"and {more:,} more"] * bool(more)
            where = self.where(", ".join(columns))
            raise PredictionError(
                "\n  ".join([f"{where}: ranks that are no path of the tree:", *told])
            ) from None
        return np.asarray(found.numpy(), np.int64)

    def _old_ranks(self, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> IntArray:
        """(n,): as `_ranks`, of the ranks of an older tree: whole paths from the top."""
        found = np.full(len(rows), LEFT_OUT)
        for number, row in enumerate(rows):
            path = tuple(cell for cell in row if cell)
            try:
                found[number] = self.nodes.find(path) if path else LEFT_OUT
            except ValueError:
                shown = quoted("/".join(path))
                raise PredictionError(
                    f"{self.where(', '.join(columns))}: expected a path of the older tree, got {shown} "
                    f"{self.place(number)}"
                ) from None
        return found

    def truth_how(self) -> str:
        """What the truth is, in words."""
        columns = self.roles.target
        shown = ", ".join(map(quoted, columns))
        return f"the ranks {shown}" if len(columns) > 1 else f"the {self._kind(columns[0])} in {shown}"

    def _kind(self, column: str) -> str:
        return "node ids" if self._numbers.get(column) else "names"

    # -- the answers ---------------------------------------------------------------------------

    def answers(self) -> tuple[IntArray, int, list[str]]:
        """(n, K) ids, LEFT_OUT where a row is; how many places count, and why no more."""
        columns = self.roles.prediction
        lists = self.table.lists.get(columns[0]) if len(columns) == 1 else None
        cells = list(zip(*map(self.table.cells, columns), strict=True)) if lists is None else list(lists)
        if len(columns) == 1 and lists is None:
            where = self.where(columns[0])
            lists = as_rankings([row[0] for row in cells], self.nodes, self.roles.ranking, where)
            cells = cells if lists is None else lists
        width = max(map(len, cells))
        rows = [(*row, *("",) * (width - len(row))) for row in cells]
        found = self._ids(", ".join(columns), rows, truth=False)
        if width == 1:
            return found, 1, []
        return self._ranking(found, rows)

    def _ranking(self, found: IntArray, rows: Sequence[tuple[str, ...]]) -> tuple[IntArray, int, list[str]]:
        """The places that all rows fill, where these are classes; else the first alone."""
        said = np.array([[bool(cell) for cell in row] for row in rows])
        used = found[:, 0] != LEFT_OUT
        filled = np.cumprod(said, 1).sum(1)
        if (filled < said.sum(1)).any():
            row = int((filled < said.sum(1)).argmax())
            raise PredictionError(
                f"{self.path}: expected answers without a gap, the best first, got none in place "
                f"{filled[row] + 1} {self.place(row)}"
            )
        least = int(filled[used].min()) if used.any() else 1
        notes = []
        if used.any() and least < int(filled[used].max()):
            most, scored = (
                filled[used].max(),
                "the first alone is" if least == 1 else f"the first {least} are",
            )
            notes.append(f"rankings of {least} to {most} answers: {scored} scored")
        inner = (found[:, :least] >= len(self.taxonomy)) & used[:, None]
        if inner.any():
            notes.append("some answers in rankings are inner nodes: only the first answers are scored")
            return found, 1, notes
        again = np.sort(found[:, :least], 1)
        twice = (np.diff(again, axis=1) == 0).any(1) & used
        if twice.any():
            raise PredictionError(
                f"{self.path}: expected different answers in a ranking, got one twice "
                f"{self.place(int(twice.argmax()))}"
            )
        return found[:, :least], least, notes

    def how(self, width: int) -> str:
        """What the answers are, in words."""
        columns = self.roles.prediction
        shown = ", ".join(map(quoted, columns))
        kind = self._kind(", ".join(columns))
        return f"{kind} in {shown}" if width == 1 else f"rankings of {width} {kind} in {shown}"

    # -- names ---------------------------------------------------------------------------------

    def _ids(self, column: str, rows: Sequence[tuple[str, ...]], *, truth: bool) -> IntArray:
        """(n, K): the ids of the cells; of rows with unknown names what --unknown says."""
        where = self.where(column)
        flat = (cell for row in rows for place, cell in enumerate(row) if cell or place == 0)
        reading = read_names(flat, self.nodes, where, ordered=self.roles.ordered)
        self._numbers[column] = reading.numbers
        policy = self.roles.unknown
        width = len(rows[0])
        nothing_said = policy == "root" and not truth and width == 1 and set(reading.unknown) <= {""}
        refused = policy in ("error", "root") or (policy == "wrong" and (truth or width > 1))
        if reading.unknown and refused and not nothing_said:
            first, wrong = self._first(rows, reading.unknown), not truth and width == 1
            error = unknown_names(reading, self.nodes, where, first, wrong=wrong)
            if policy == "wrong":
                what = "a truth" if truth else "a ranking"
                raise PredictionError(
                    f"{error}\n  --unknown wrong says nothing of {what}: drop leaves it out"
                )
            raise error
        if not reading.ids:
            raise unknown_names(reading, self.nodes, where, self._first(rows, reading.unknown))
        root = self.taxonomy.num_nodes - 1  # says nothing that is true, and nothing that is false
        other = LEFT_OUT if policy == "drop" else root
        ids = dict(reading.ids)
        found = np.array([[ids.get(cell, other) for cell in row] for row in rows], np.int64)
        lost = np.array(
            [any(cell in reading.unknown for cell in row if cell) or not row[0] for row in rows]
        )
        if policy == "drop":
            found[lost] = LEFT_OUT
        if reading.unknown and not nothing_said:
            self._unknown[column] = reading, lost
        elif nothing_said and lost.any():
            silent = int(lost.sum())
            verb = "says" if silent == 1 else "say"
            self._silent = f"{counted(silent, 'empty answer')} {verb} nothing: the root"
        return found

    def _first(self, rows: Sequence[tuple[str, ...]], unknown: Mapping[str, int]) -> dict[str, str]:
        first: dict[str, str] = {}
        for number, row in enumerate(rows):
            for cell in row:
                if cell in unknown and cell not in first:
                    first[cell] = self.place(number)
        return first

    def said(self) -> list[str]:
        """(n,) the first answers as they are written."""
        column = self.roles.prediction[0]
        lists = self.table.lists.get(column)
        return list(self.table.cells(column)) if lists is None else [row[0] if row else "" for row in lists]

    def unknown_answers(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the answer is no node."""
        found = self._unknown.get(", ".join(self.roles.prediction))
        return np.zeros(len(self.table), bool) if found is None else found[1]

    def told(self) -> list[str]:
        """What is told of the rows whose names are unknown."""
        notes = [note for note in (self._nameless, self._silent) if note is not None]
        for column, (reading, lost) in self._unknown.items():
            what = "left out" if self.roles.unknown == "drop" else "counted as wrong"
            most = Counter(reading.unknown).most_common(3)
            shown = ", ".join(f"{quoted(cell) if cell else 'no name'} {rows:,}" for cell, rows in most)
            more = len(reading.unknown) - len(most)
            shown += f" and {more:,} more" if more else ""
            notes.append(f"{counted(int(lost.sum()), 'row')} {what}: unknown in {quoted(column)}: {shown}")
        return notes

    def scores(self) -> npt.NDArray[np.float64] | None:
        """(n,): the probabilities that the table states of its answers."""
        name = self.roles.score
        if name is None:
            return None
        found = np.empty(len(self.table))
        for row, cell in enumerate(self.table.cells(name)):
            found[row] = _number(cell, self.roles.decimal)
            if cell and not 0 <= found[row] <= 1:
                raise PredictionError(
                    f"{self.where(name)}: expected a probability {self.place(row)}, got {cell!r:.60}"
                )
        return found


def _number(cell: str, decimal: str) -> float:
    """The number in a cell; NaN of an empty one, and of what is none."""
    if not cell or expected_number(cell, decimal):
        return math.nan
    return float(cell.replace(decimal, "."))


def _at_rows(message: str) -> str:
    """A message that counts positions from 0, counting rows from 1."""
    return re.sub(r"position (\d+)", lambda found: f"row {int(found[1]) + 1}", message)
