"""Cells that a tree may have by one of several names: each is given the tree's own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.nodes import Nodes, UnknownNameError
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.evaluation.tables import SampleTable

__all__ = ["spelled"]


def spelled(table: SampleTable, nodes: Nodes) -> SampleTable:
    """The table whose cells are names of the tree, where one of their spellings is; with notes.

    Each spelling is looked for as it stands, then without regard to case.

    Args:
        table: of samples.
        nodes: of the tree.

    Raises:
        PredictionError: a spelling calls several nodes.
    """
    if not table.spellings:
        return table
    names = _Names(table, nodes)
    own = {cell: names.find(spellings) for cell, spellings in table.spellings.items()}
    found = {cell: name for cell, name in own.items() if name is not None}
    columns = {name: [found.get(cell, cell) for cell in cells] for name, cells in table.columns.items()}
    lists = {
        name: [tuple(found.get(cell, cell) for cell in cells) for cells in column]
        for name, column in table.lists.items()
    }
    notes = (*table.notes, *_notes(table, found))
    return replace(table, columns=columns, lists=lists, spellings={}, notes=notes)


def _notes(table: SampleTable, found: dict[str, str]) -> list[str]:
    """How labels were found that are no names as they stand."""
    by_part = {cell: name for cell, name in found.items() if name != cell}
    if not by_part:
        return []
    folded = [name for cell, name in by_part.items() if name not in table.spellings[cell]]
    cell, name = next(iter(by_part.items()))
    is_ = "is" if len(by_part) == 1 else "are"
    note = f"{counted(len(by_part), 'label')} {is_} read by a name: {quoted(cell)} is {quoted(name)}"
    return [note + (f"; {len(folded):,} without regard to case: {quoted(folded[0])}" if folded else "")]


class _Names:
    """The names of a tree, as they are and without regard to case."""

    def __init__(self, table: SampleTable, nodes: Nodes) -> None:
        self.path, self.nodes = table.path, nodes
        self.folded: dict[str, list[str]] = defaultdict(list)
        for name in nodes.names:
            self.folded[name.casefold()].append(name)

    def find(self, spellings: tuple[str, ...]) -> str | None:
        """The tree's name for the first spelling that it has; None where it has none."""
        for spelling in spellings:
            if self._node(spelling) is not None:
                return spelling
            names = self.folded.get(spelling.casefold(), [])
            if len({self._node(name) for name in names}) > 1:
                shown = " and ".join(map(quoted, names[:3]))
                raise PredictionError(
                    f"{self.path}: {quoted(spelling)} may be {shown}: names that differ in case alone"
                )
            if names:
                return names[0]
        return None

    def _node(self, name: str) -> int | None:
        try:
            return self.nodes.find(name)
        except UnknownNameError:
            return None
        except ValueError as error:
            words = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
            raise PredictionError(f"{self.path}: {words}") from None
