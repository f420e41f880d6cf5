"""Tables of labels as columns of cells, whatever holds them; and which of the columns say the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from typing import Any

import numpy as np

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.taxonomy.names import require_order, text_of
from taxoloss.taxonomy.placeholders import is_missing
from taxoloss.taxonomy.ranks import Cell, Finder

__all__ = ["Column", "LabelTable", "choose_columns", "open_labels"]

#: Distinct cells of a column that are looked at, to see whether it holds names of the tree.
_MOST_TRIED = 1_000
#: Names of columns that stand so near on average are other answers, no ranks.
_SAME_DEPTH = 0.5


@dataclass(frozen=True)
class Column:
    """A column of a table, by what it is called; its cells are listed when they are asked for.

    Args:
        label: None for the one column of a list; a number where the columns have no names.
        level: of the tree, that it is called like; 0 where it is called otherwise.
    """

    label: Any
    read: Callable[[], Any]
    level: int = 0

    @cached_property
    def cells(self) -> list[Any]:
        """What stands in its rows."""
        return _listed(self.read())

    @property
    def name(self) -> str | None:
        """For a message; None where it has none."""
        return None if self.label is None else str(self.label)


@dataclass(frozen=True)
class LabelTable:
    """Columns, and what their rows are called, where the table says so."""

    columns: tuple[Column, ...]
    index: Any = None

    @property
    def labels(self) -> list[Any]:
        """What the columns are called."""
        return [column.label for column in self.columns]

    def place(self, row: int) -> str:
        """How to call a row: its position from 0, and what the table calls it where that is another."""
        label = row if self.index is None else self.index[row]
        label = label.item() if isinstance(label, np.generic) else label
        return f"position {row}" + ("" if label == row else f" (index {label!r:.60})")

    def picked(self, places: Sequence[int], levels: Sequence[int] | None) -> LabelTable:
        """Some of the columns, which stand on these levels.

        Raises:
            ValueError: they are not of one length.
        """
        columns = [
            replace(self.columns[place], level=levels[number] if levels else 0)
            for number, place in enumerate(places)
        ]
        sizes = {str(column.label): len(column.cells) for column in columns}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"expected columns of one length, got {sizes}")
        return replace(self, columns=tuple(columns))


# -- opening it ------------------------------------------------------------------------------------


def open_labels(table: Any) -> LabelTable:
    """The columns of a pandas or polars frame or series, of an array, of columns, records or rows.

    Raises:
        TypeError: it is none of these.
    """
    kind = type(table)  # not the table: a column or a row of it may be called like a method
    for method in ("collect", "compute"):
        if hasattr(kind, method):
            raise TypeError(
                f"expected a table, got a {kind.__name__}, which has no rows yet: give .{method}()"
            )
    if hasattr(kind, "iloc") and hasattr(kind, "columns"):  # pandas
        places = enumerate(table.columns)
        columns = (
            Column(label, partial(table.iloc.__getitem__, (slice(None), at))) for at, label in places
        )
        return LabelTable(tuple(columns), table.index)
    if hasattr(kind, "iloc"):
        return LabelTable((Column(table.name, table.tolist),), table.index)
    if hasattr(kind, "get_columns"):  # polars
        return _of_columns({column.name: column for column in table.get_columns()})
    if hasattr(kind, "column_names") and hasattr(kind, "to_pydict"):  # pyarrow
        return _of_columns({name: table.column(at) for at, name in enumerate(table.column_names)})
    if isinstance(table, Mapping):
        return _of_columns(table)
    fields = getattr(getattr(table, "dtype", None), "names", None)
    if fields:
        return _of_columns({name: table[name] for name in fields})
    return _of_rows(_listed(table), getattr(table, "name", None))


def _of_columns(columns: Mapping[Any, Any]) -> LabelTable:
    return LabelTable(tuple(Column(label, partial(_same, cells)) for label, cells in columns.items()))


def _same(cells: Any) -> Any:
    return cells


def _of_rows(rows: list[Any], name: Any) -> LabelTable:
    """Rows that are dicts are records; all else is one column, whose cells are names, paths or rows."""
    kinds = {isinstance(row, Mapping) for row in rows}
    if kinds == {True}:
        labels = dict.fromkeys(label for row in rows for label in row)
        return _of_columns({label: [row.get(label) for row in rows] for label in labels})
    if True in kinds:
        place = next(place for place, row in enumerate(rows) if not isinstance(row, Mapping))
        raise TypeError(f"expected every row as a dict, got {_kind(rows[place])} at position {place}")
    return LabelTable((Column(name if isinstance(name, str) else None, partial(_same, rows)),))


def _listed(values: Any) -> list[Any]:
    """The cells of whatever holds them."""
    for method in ("to_list", "tolist", "to_pylist"):  # polars and pandas, numpy, pyarrow
        if hasattr(values, method):
            values = getattr(values, method)()
            break
    require_order(values, "rows")
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise TypeError(f"expected a table, a list of rows or a column of names, got {_kind(values)}")
    return list(values)


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.40}"


# -- choosing columns ------------------------------------------------------------------------------


def choose_columns(table: LabelTable, columns: Any, finder: Finder) -> LabelTable:
    """The columns that are asked for; else those called like levels, else the only one.

    Raises:
        ValueError: there is no such column; or it is not plain which columns are meant.
    """
    levels = finder.tree.levels
    labels = table.labels
    if not labels:
        raise ValueError("expected a table with columns, got one without")
    if columns is not None:
        return _given(table, columns, levels)
    if len(labels) == 1:
        return table.picked([0], _levels(labels, levels))
    if labels == list(range(len(labels))):  # a frame of rows without names
        return table.picked(range(len(labels)), _positions(len(labels), levels))
    by_level = _by_level(labels, levels)
    if not by_level:
        raise ValueError(_no_columns(table, finder))
    chosen = table.picked(list(by_level.values()), list(by_level))
    if len(levels) not in by_level:
        _check_rivals(table, chosen, finder)
    return chosen


def _given(table: LabelTable, columns: Any, levels: Sequence[str]) -> LabelTable:
    require_order(columns, "columns")
    wanted = list(columns) if isinstance(columns, Iterable) and not isinstance(columns, str) else [columns]
    if not wanted:
        raise ValueError("expected columns as names of columns, got none")
    if table.labels == [None]:
        table = _widened(table)
    places = [_place(table.labels, label) for label in wanted]
    found = _levels([table.labels[place] for place in places], levels)
    if found is None:
        return table.picked(places, _positions(len(places), levels))
    if all(found):  # whatever their order, they are the ranks
        places = [place for _, place in sorted(zip(found, places, strict=True))]
        found = sorted(found)
    return table.picked(places, found)


def _widened(table: LabelTable) -> LabelTable:
    """A list of rows as columns, called by their numbers."""
    rows = [[] if is_missing(row) else row for row in table.columns[0].cells]
    for place, row in enumerate(rows):
        if not isinstance(row, (list, tuple)):
            raise ValueError(f"expected rows, as columns= is given, got {_kind(row)} at position {place}")
    width = max(map(len, rows), default=0)
    filled = [[*row, *[None] * (width - len(row))] for row in rows]
    return _of_columns({place: [row[place] for row in filled] for place in range(width)})


def _place(labels: Sequence[Any], wanted: Any) -> int:
    for form in (lambda label: label, _folded):
        places = [place for place, label in enumerate(labels) if form(label) == form(wanted)]
        if len(places) > 1:
            raise ValueError(f"expected one column called {wanted!r:.40}, got {len(places)}")
        if places:
            return places[0]
    names = list(map(str, labels))
    message = with_suggestion(f"got {wanted!r:.40}", str(wanted), names)
    raise ValueError(f"expected a column of the table, one of {', '.join(names)}; {message}")


def _folded(label: Any) -> str:
    """A name of a column without case, spaces and what joins words."""
    return "".join(text_of(label).casefold().replace("_", " ").replace("-", " ").split())


def _levels(labels: Sequence[Any], levels: Sequence[str]) -> list[int] | None:
    """Of each column the level that it is called like, 0 for none; None where none is."""
    by_level = _by_level(labels, levels)
    place_of = {place: level for level, place in by_level.items()}
    return [place_of.get(place, 0) for place in range(len(labels))] if by_level else None


def _positions(columns: int, levels: Sequence[str]) -> list[int] | None:
    """The levels of columns without their names: where there are as many."""
    return list(range(1, len(levels) + 1)) if columns == len(levels) else None


def _by_level(labels: Sequence[Any], levels: Sequence[str]) -> dict[int, int]:
    """Level -> the column that is called like it, top to bottom."""
    found = {}
    for number, level in enumerate(levels, 1):
        places = [place for place, label in enumerate(labels) if label == level]
        places = places or [place for place, label in enumerate(labels) if _folded(label) == _folded(level)]
        if len(places) > 1:
            shown = " and ".join(repr(labels[place]) for place in places)
            raise ValueError(
                f"expected one column for the level {level}, got {shown}: say which by columns="
            )
        if places:
            found[number] = places[0]
    return found


# -- what to say where it is not plain --------------------------------------------------------------


def _check_rivals(table: LabelTable, chosen: LabelTable, finder: Finder) -> None:
    """ValueError where a column beside those of the ranks says deeper names than they do."""
    ranks, deepest = chosen.labels, max(column.level for column in chosen.columns)
    for column in table.columns:
        label = column.label
        named = {} if label in ranks else _names_in(column, finder)
        if any(finder.tree.level[node] > deepest for node in named.values()):
            text = next(iter(named))
            row = column.cells.index(text)
            beside = (one.cells[row] for one in chosen.columns)
            path = "/".join(str(cell) for cell in beside if not is_missing(cell))
            raise ValueError(
                f"the table can be read in two ways: by {', '.join(map(str, ranks))} ({path or 'nothing'} "
                f"at {table.place(row)}), or by {label} ({text} there): give columns={ranks} or "
                f"columns={[label]}"
            )


def _no_columns(table: LabelTable, finder: Finder) -> str:
    depth = {}
    for column in table.columns:
        if named := _names_in(column, finder):
            depth[column.label] = float(np.mean([finder.tree.depth[node] for node in named.values()]))
    message = (
        f"expected columns called like the levels, {', '.join(finder.tree.levels)}, or a single column; "
        f"got {', '.join(map(str, table.labels))}"
    )
    if not depth:
        return f"{message}: say by columns= which of them hold names or paths of the tree"
    ranks = sorted(depth, key=depth.__getitem__)
    if len(ranks) > 1 and depth[ranks[-1]] - depth[ranks[0]] < _SAME_DEPTH:
        ways = " or ".join(f"columns={[label]}" for label in ranks)
        return (
            f"{message}, of which each of {', '.join(map(str, ranks))} holds names of the tree: give {ways}"
        )
    hold = "holds names" if len(ranks) == 1 else "hold names"
    return f"{message}, of which {', '.join(map(str, ranks))} {hold} of the tree: give columns={ranks}"


def _names_in(column: Column, finder: Finder) -> dict[str, int]:
    """The cells of a column that are nodes of the tree, where at least half of them are."""
    texts = dict.fromkeys(cell for cell in column.cells if isinstance(cell, str))
    tried = [*islice(filter(finder.known, texts), _MOST_TRIED)]
    found = {cell: finder.text(Cell(finder.known(cell))) for cell in tried}
    named = {cell: node for cell, node in found.items() if isinstance(node, int)}
    return named if 2 * len(named) >= len(tried) else {}
