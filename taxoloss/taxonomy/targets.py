"""The nodes that the rows of a table mean, and rows of ranks among names: see `Taxonomy.targets`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from typing import Any, cast

import numpy as np

from taxoloss.errors.characters import counted
from taxoloss.errors.faults import BindingError, Fault
from taxoloss.taxonomy.binding import NameIndex
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.label_tables import Column, LabelTable, choose_columns, open_labels
from taxoloss.taxonomy.names import integer_of
from taxoloss.taxonomy.placeholders import is_missing
from taxoloss.taxonomy.ranks import Cell, Finder, Misfit, misfit_faults
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["checked_ignore_index", "nodes_of_names", "nodes_of_table"]

#: In place of a node, for rows that name none.
_NOTHING = -1


def nodes_of_table(table: Any, columns: Any, index: NameIndex, *, allow_empty: bool) -> IntArray:
    """For each row of a table its node, -1 where it names none (and that is allowed)."""
    finder = Finder(index)
    opened = choose_columns(open_labels(table), columns, finder)
    rows, keys = _distinct(opened)
    reader = _Reader(opened, finder)
    nodes, faulty, empty = np.empty(len(keys), np.int64), {}, []
    for number, key in enumerate(keys):
        found = reader.node(key, number, rows)
        if isinstance(found, list):
            faulty[number] = found
        elif found is None:
            empty.append(number)
        nodes[number] = found if isinstance(found, int) else _NOTHING
    faults = _faults(faulty, rows, opened, index)
    if empty and not allow_empty:
        faults.append(_nothing(np.flatnonzero(np.isin(rows, empty)), opened))
    if faults:
        raise BindingError(faults)
    return nodes[rows]


def checked_ignore_index(value: int | None, classes_and_nodes: int) -> int | None:
    """The target of rows that name nothing: no class and no node but the root."""
    number = integer_of(value)
    if value is None or (number is not None and not 0 <= number < classes_and_nodes - 1):
        return number
    if number is None:
        raise TypeError(f"expected ignore_index as a number, got {type(value).__name__} {value!r:.40}")
    raise ValueError(f"expected an ignore_index that is no node's id, such as -100, got {number}")


# -- the rows of a table ----------------------------------------------------------------------------


def _distinct(table: LabelTable) -> tuple[IntArray, list[Any]]:
    """For each row the number of its like among the distinct rows, and those: most rows repeat."""
    columns = table.columns
    single = len(columns) == 1
    numbers: dict[Hashable, int] = {}
    rows = []
    for place, cell in enumerate(_rows(table)):
        key = tuple(cell) if isinstance(cell, (list, np.ndarray)) else cell
        try:
            rows.append(numbers.setdefault(key, len(numbers)))
        except TypeError:
            cells = key if isinstance(key, tuple) else (key,)
            at, wrong = next((at, one) for at, one in enumerate(cells) if not isinstance(one, Hashable))
            raise TypeError(
                _no_text(wrong, table.place(place), columns[0 if single else at].name)
            ) from None
    return np.array(rows, np.int64), list(numbers)


def _rows(table: LabelTable) -> Iterable[Any]:
    """The cells of one column, or of several a tuple a row."""
    first, *others = (column.cells for column in table.columns)
    return zip(first, *others, strict=True) if others else first


class _Reader:
    """Reads the distinct rows of a table, a row as its cells or, of one column, as its cell."""

    def __init__(self, table: LabelTable, finder: Finder) -> None:
        self.table, self.finder, self.columns = table, finder, table.columns

    def node(self, key: Any, number: int, rows: IntArray) -> int | list[Misfit] | None:
        """The node of a row, None where it names none, or why it has no node."""
        single = len(self.columns) == 1
        if single and not isinstance(key, tuple):
            cell = self._cell(self._name(key, 0, number, rows), self.columns[0])
            return self.finder.text(cell) if cell.name else None
        names = [self._name(cell, place, number, rows) for place, cell in enumerate(key)]
        if single:
            return _node_of_row(names, self.finder)
        every = zip(names, self.columns, strict=True)
        cells = [self._cell(name, column) for name, column in every if name]
        return self.finder.row(cells, gaps=not all(names)) if cells else None

    def _cell(self, name: str, column: Column) -> Cell:
        return Cell(name, column.level, column.name)

    def _name(self, cell: Any, place: int, number: int, rows: IntArray) -> str:
        if is_missing(cell):
            return ""
        if not isinstance(cell, str):
            row = int(np.flatnonzero(rows == number)[0])
            column = self.columns[min(place, len(self.columns) - 1)]
            raise TypeError(_no_text(cell, self.table.place(row), column.name))
        return self.finder.known(cell)


def _no_text(cell: Any, place: str, column: str | None) -> str:
    where = f"{place}, column {column}," if column else place
    return (
        f"{where} holds {type(cell).__name__} {cell!r:.40}; expected a name as text, or None, NaN or '' "
        "where the rank is missing"
    )


def _node_of_row(names: Sequence[str], finder: Finder) -> int | list[Misfit] | None:
    """The node of a row of names without columns: as many as there are levels stand on these."""
    depth = len(finder.tree.levels)
    levels = range(1, depth + 1) if len(names) == depth else [0] * len(names)
    cells = [Cell(name, level) for name, level in zip(names, levels, strict=True) if name]
    return finder.row(cells, gaps=not all(names)) if cells else None


def _faults(
    faulty: Mapping[int, Sequence[Misfit]], rows: IntArray, table: LabelTable, index: NameIndex
) -> list[Fault]:
    _, first, count = np.unique(rows, return_index=True, return_counts=True)
    found: dict[Misfit, tuple[int, int]] = {}
    for number, misfits in faulty.items():
        for misfit in misfits:  # the distinct rows are in order of first appearance
            before, at = found.get(misfit, (0, int(first[number])))
            found[misfit] = (before + int(count[number]), at)
    return misfit_faults(found, index, table.place)


def _nothing(rows: IntArray, table: LabelTable) -> Fault:
    shown = ", ".join(table.place(row) for row in rows[:3].tolist())
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    verb = "names" if len(rows) == 1 else "name"
    message = f"{counted(len(rows), 'row')} {verb} nothing: {shown}{more}"
    help = (
        "leave them out; or targets(table, ignore_index=-100) gives them a target that the loss leaves out"
    )
    return Fault("T117", message, expected="a name in each row", help=help)


# -- names, some of which are rows of ranks ---------------------------------------------------------


def nodes_of_names(names: Any, index: NameIndex) -> IntArray:
    """The nodes of names or paths, in which ranks may be missing; BindingError with all that are none."""
    if hasattr(type(names), "columns"):
        what = type(names).__name__
        raise TypeError(
            f"expected names or paths, got a {what}: t.targets(table) reads the rows of a table"
        )
    plain = isinstance(names, Iterable) and getattr(names, "ndim", 1) != 0
    if not plain or isinstance(names, (str, bytes, Mapping, Set)):
        return index.nodes(cast("Iterable[Name]", names))
    listed = [tuple(name) if isinstance(name, np.ndarray) and name.ndim else name for name in names]
    faults = _fill_ranks(listed, index)
    try:
        nodes = index.nodes(listed)
    except BindingError as error:
        faults += error.faults
    if faults:
        raise BindingError(faults)
    return nodes


def _fill_ranks(names: list[Any], index: NameIndex) -> list[Fault]:
    """Puts the path of its node in place of each row in which ranks are missing; faults of what is none."""
    finder = Finder(index)
    misfits: dict[Misfit, tuple[int, int]] = {}
    faults = []
    for place, row in enumerate(names):
        if not isinstance(row, (tuple, list)) or not any(map(is_missing, row)):
            continue
        wrong = [cell for cell in row if not is_missing(cell) and not isinstance(cell, str)]
        if wrong:
            raise TypeError(_no_text(wrong[0], f"position {place}", None))
        node = _node_of_row(["" if is_missing(cell) else finder.known(cell) for cell in row], finder)
        names[place] = index.tree.path(node) if isinstance(node, int) else ()
        for misfit in node if isinstance(node, list) else ():
            count, first = misfits.get(misfit, (0, place))
            misfits[misfit] = (count + 1, first)
        if node is None:
            help = "leave it out; () is the root"
            faults.append(Fault("T117", f"position {place} names nothing", expected="a name", help=help))
    return [*misfit_faults(misfits, index, lambda place: f"position {place}"), *faults]
