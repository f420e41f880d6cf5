"""A table of true and answered names, as samples: node ids, or rankings of classes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.names import NameReading, as_rankings, read_names, unknown_names
from taxoloss.evaluation.nodes import Nodes
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.samples import Piece, Samples
from taxoloss.sources.tables.table import Table
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Roles", "answer_samples"]

IntArray = npt.NDArray[np.int64]
_NONE = -1
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


def answer_samples(table: Table, taxonomy: Taxonomy, nodes: Nodes, roles: Roles) -> Samples:
    """The samples of a table whose rows hold the truth and what was answered.

    Args:
        table: of text.
        taxonomy: bound.
        nodes: what its names call: nodes of that taxonomy.
        roles: of its columns.

    Raises:
        PredictionError: a column is not there; names are unknown, or call several nodes.
    """
    if not table.rows:
        raise PredictionError(f"{table.file}: expected a row or more, got none")
    reader = _Reader(table, taxonomy, nodes, roles)
    target = reader.targets()
    answers, places, notes = reader.answers()
    unknown = reader.unknown_answers()
    kept, dropped = reader.kept(target, answers)
    ids, groups = (reader.cells(name) if name else None for name in (roles.sample_id, roles.group))
    probability = reader.scores()

    def pieces() -> Iterator[Piece]:
        for start in range(0, len(kept), _ROWS):
            part = kept[start : start + _ROWS]
            rows = part.tolist()
            preds = torch.from_numpy(answers[part] if places > 1 else answers[part, 0])
            yield Piece(
                start + 1,
                preds,
                torch.from_numpy(target[part]),
                [row + 1 for row in rows],
                None if ids is None else [ids[row] for row in rows],
                None if groups is None else [groups[row] for row in rows],
                None if probability is None else torch.from_numpy(probability[part]),
                torch.from_numpy(unknown[part]),
            )

    how = f"{reader.how(answers.shape[1])} against {reader.truth_how()}"
    count = len(table.rows)
    return Samples(
        reader.path,
        how,
        pieces,
        (*notes, *dropped),
        len(kept),
        count - len(kept),
        max(places, 1),
        groups is not None,
    )


class _Reader:
    """Reads the columns of a table once."""

    def __init__(self, table: Table, taxonomy: Taxonomy, nodes: Nodes, roles: Roles) -> None:
        self.table, self.taxonomy, self.nodes, self.roles = table, taxonomy, nodes, roles
        self.path = Path(table.file)
        self._unknown: dict[str, tuple[NameReading, npt.NDArray[np.bool_]]] = {}
        self._numbers: dict[str, bool] = {}

    def cells(self, name: str) -> list[str]:
        """A column, without spaces around its cells."""
        at = self.table.column(name)
        return [row[at].strip() for row in self.table.rows]

    def place(self, row: int) -> str:
        """How a row, from 0, is called."""
        return f"in row {row + 1} (line {self.table.lines[row]})"

    def where(self, column: str) -> str:
        """The file and a column."""
        return f"{self.path}: column {column!r}"

    # -- the truth -----------------------------------------------------------------------------

    def targets(self) -> IntArray:
        """(n,): target ids, -1 where a row is left out."""
        columns = self.roles.target
        if len(columns) == 1:
            return self._ids(columns[0], [(cell,) for cell in self.cells(columns[0])], truth=True)[:, 0]
        ranks = {name: self.cells(name) for name in columns}
        found = self.taxonomy.targets(ranks, list(columns), ignore_index=-100).numpy()
        empty = found == -100
        if empty.any() and self.roles.unknown != "drop":
            raise PredictionError(
                f"{self.where(', '.join(columns))}: {counted(int(empty.sum()), 'row')} without a name, the "
                f"first {self.place(int(empty.argmax()))}; --unknown drop leaves them out"
            )
        return np.where(empty, _NONE, found)

    def truth_how(self) -> str:
        """What the truth is, in words."""
        columns = self.roles.target
        shown = ", ".join(map(quoted, columns))
        return f"the ranks {shown}" if len(columns) > 1 else f"the {self._kind(columns[0])} in {shown}"

    def _kind(self, column: str) -> str:
        return "node ids" if self._numbers.get(column) else "names"

    # -- the answers ---------------------------------------------------------------------------

    def answers(self) -> tuple[IntArray, int, list[str]]:
        """(n, K) ids, -1 where a row is left out; how many places count, and why no more."""
        columns = self.roles.prediction
        cells = list(zip(*map(self.cells, columns), strict=True))
        if len(columns) == 1:
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
        used = found[:, 0] != _NONE
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
        if reading.unknown and (policy == "error" or (policy == "wrong" and (truth or width > 1))):
            error = unknown_names(reading, self.nodes, where, self._first(rows, reading.unknown))
            if policy == "wrong":
                what = "a truth" if truth else "a ranking"
                raise PredictionError(
                    f"{error}\n  --unknown wrong says nothing of {what}: drop leaves it out"
                )
            raise error
        if not reading.ids:
            raise unknown_names(reading, self.nodes, where, self._first(rows, reading.unknown))
        root = self.taxonomy.num_nodes - 1  # says nothing that is true, and nothing that is false
        other = _NONE if policy == "drop" else root
        ids = dict(reading.ids)
        found = np.array([[ids.get(cell, other) for cell in row] for row in rows], np.int64)
        lost = np.array(
            [any(cell in reading.unknown for cell in row if cell) or not row[0] for row in rows]
        )
        if policy == "drop":
            found[lost] = _NONE
        if reading.unknown:
            self._unknown[column] = reading, lost
        return found

    def _first(self, rows: Sequence[tuple[str, ...]], unknown: Mapping[str, int]) -> dict[str, str]:
        first: dict[str, str] = {}
        for number, row in enumerate(rows):
            for cell in row:
                if cell in unknown and cell not in first:
                    first[cell] = self.place(number)
        return first

    def unknown_answers(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the answer is no node."""
        found = self._unknown.get(", ".join(self.roles.prediction))
        return np.zeros(len(self.table.rows), bool) if found is None else found[1]

    def kept(self, target: IntArray, answers: IntArray) -> tuple[IntArray, list[str]]:
        """The rows that are scored, and what is told of the others."""
        kept = np.flatnonzero((target != _NONE) & (answers[:, 0] != _NONE))
        notes = []
        for column, (reading, lost) in self._unknown.items():
            what = "left out" if self.roles.unknown == "drop" else "counted as wrong"
            most = Counter(reading.unknown).most_common(3)
            shown = ", ".join(f"{quoted(cell) if cell else 'no name'} {rows:,}" for cell, rows in most)
            more = len(reading.unknown) - len(most)
            shown += f" and {more:,} more" if more else ""
            notes.append(f"{counted(int(lost.sum()), 'row')} {what}: unknown in {quoted(column)}: {shown}")
        if not len(kept):
            raise PredictionError("\n  ".join([f"{self.path}: no row is left to score", *notes]))
        return kept, notes

    def scores(self) -> npt.NDArray[np.float64] | None:
        """(n,): the probabilities that the table states of its answers."""
        name = self.roles.score
        if name is None:
            return None
        found = np.empty(len(self.table.rows))
        for row, cell in enumerate(self.cells(name)):
            found[row] = _number(cell, self.roles.decimal)
            if not (math.isnan(found[row]) or 0 <= found[row] <= 1):
                raise PredictionError(
                    f"{self.where(name)}: expected a probability {self.place(row)}, got {cell!r:.60}"
                )
        return found


def _number(cell: str, decimal: str) -> float:
    """The number in a cell; NaN of an empty one, infinity of what is none."""
    if not cell:
        return math.nan
    try:
        number = float(cell if decimal == "." else cell.replace(".", "#").replace(decimal, "."))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(number) else number
