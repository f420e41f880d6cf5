"""Truth that stands in another file: what is true of each sample, found by its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.answers import LEFT_OUT, Roles, Truth, truth_of
from taxoloss.evaluation.json_rows import record_table
from taxoloss.evaluation.json_values import JSON_SUFFIXES, read_json
from taxoloss.evaluation.nodes import Nodes
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.request import Request
from taxoloss.evaluation.tables import SampleTable, open_samples_table
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Truths", "read_truths", "truth_table"]

_EXAMPLES = 3


@dataclass(eq=False)
class Truths:
    """What is true of samples.

    Args:
        path: of the file.
        targets: of each sample its target id; LEFT_OUT where its name is unknown.
        groups: of each sample its group, where the file has a column of them.
        how: what the truth is, in words.
        notes: on what is unknown in it.
    """

    path: Path
    targets: dict[str, int]
    groups: dict[str, str] | None
    how: str
    notes: list[str] = field(default_factory=list)

    def of(self, ids: Sequence[str], notes: Sequence[str] = ()) -> Truth:
        """What is true of some samples; LEFT_OUT where nothing is known."""
        targets = np.array([self.targets.get(name, LEFT_OUT) for name in ids], np.int64)
        groups = None if self.groups is None else [self.groups.get(name, "") for name in ids]
        return Truth(targets, self.how, tuple(notes), groups)

    def left_out(self, ids: Sequence[str]) -> int:
        """How many samples have no truth that is known."""
        return sum(self.targets.get(name, LEFT_OUT) == LEFT_OUT for name in ids)

    def settle(self, ids: Collection[str], predictions: Path, unknown: str) -> list[str]:
        """What to tell of samples that stand in one file alone.

        Raises:
            PredictionError: samples have no truth, and --unknown does not drop them, or none has one.
        """
        missing = [name for name in dict.fromkeys(ids) if name not in self.targets]
        known = set(ids)
        unused = [name for name in self.targets if name not in known]
        notes = list(self.notes)
        if missing:
            have = "has" if len(missing) == 1 else "have"
            said = f"{counted(len(missing), 'sample')} {have} no truth in {self.path}: {_shown(missing)}"
            said += self._base_names(missing, unused)
            if unknown != "drop" or len(missing) == len(known):
                none = "" if len(missing) < len(known) else "; no sample is left to score"
                help = "; --unknown drop leaves them out" if not none else ""
                raise PredictionError(f"{predictions}: {said}{none}{help}")
            notes.append(f"left out: {said}")
        if self.left_out(list(known)) == len(known):
            raise PredictionError("\n  ".join([f"{predictions}: no row is left to score", *notes]))
        if unused:
            have = "has" if len(unused) == 1 else "have"
            notes.append(
                f"{counted(len(unused), 'truth')} of {self.path} {have} no prediction: {_shown(unused)}"
            )
        return notes

    def _base_names(self, missing: Iterable[str], unused: Iterable[str]) -> str:
        """Of texts that differ: how many would be one by what stands behind the last slash."""
        other = {_base(name): name for name in unused}
        same = [(name, other[_base(name)]) for name in missing if _base(name) in other]
        if not same:
            return ""
        here, there = same[0]
        return (
            f"; {len(same):,} differ in their folders alone ({quoted(here)} here, {quoted(there)} there): "
            "samples are compared by the whole text"
        )


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _shown(names: Sequence[str]) -> str:
    more = len(names) - _EXAMPLES
    return ", ".join(map(quoted, names[:_EXAMPLES])) + (f" and {more:,} more" if more > 0 else "")


def truth_table(path: Path) -> SampleTable:
    """The table of a file of truths: any that `evaluate` reads, or records of JSON.

    Raises:
        PredictionError: it is of another kind.
    """
    if path.suffix.lower() not in JSON_SUFFIXES:
        return open_samples_table(path)
    content = read_json(path)
    if isinstance(content, dict):
        raise PredictionError(f"{path}: expected a list of records, got an object")
    return record_table(path, content, None)


def read_truths(
    table: SampleTable, request: Request, taxonomy: Taxonomy, nodes: Nodes, *, ordered: bool
) -> Truths:
    """What a table of truths says.

    Args:
        table: with a column of the samples' names and one or more of the truth.
        request: which columns these are.
        taxonomy: bound.
        nodes: what names call.
        ordered: whether the order of the classes was said.

    Raises:
        PredictionError: a column is not there, a name is unknown, a sample has two truths.
    """
    path, sample_id, group = table.path, request.sample_id or "", request.group
    table.require({"--id": (sample_id,), "--target": request.target})
    unknown = "drop" if request.unknown == "drop" else "error"
    truth = truth_of(table, taxonomy, nodes, Roles(request.target, (), unknown=unknown, ordered=ordered))
    targets = truth.targets.tolist()
    found = _by_id(table, sample_id, targets, lambda row: _shown_cells(table, request.target, row))
    groups = None
    if group is not None and group in table.header:
        table.require({"--group": (group,)})
        cells = table.cells(group)
        groups = _by_id(table, sample_id, cells, lambda row: _shown_cells(table, (group,), row))
    return Truths(path, found, groups, f"{truth.how} of {path}", [f"{path}: {n}" for n in truth.notes])


def _shown_cells(table: SampleTable, columns: Sequence[str], row: int) -> str:
    return ", ".join(quoted(table.cells(name)[row]) for name in columns)


Value = TypeVar("Value", int, str)


def _by_id(
    table: SampleTable, sample_id: str, values: Sequence[Value], shown: Callable[[int], str]
) -> dict[str, Value]:
    """The value of each sample; PredictionError where two rows of one differ."""
    found: dict[str, Value] = {}
    first: dict[str, int] = {}
    for row, (name, value) in enumerate(zip(table.cells(sample_id), values, strict=True)):
        if not name:
            raise PredictionError(
                f"{table.path}: {table.called(row)}: expected a name in {quoted(sample_id)}"
            )
        if found.setdefault(name, value) != value:
            raise PredictionError(
                f"{table.path}: expected one truth of {quoted(name)}, got {shown(first[name])} in "
                f"{table.called(first[name])} and {shown(row)} in {table.called(row)}"
            )
        first.setdefault(name, row)
    return found
