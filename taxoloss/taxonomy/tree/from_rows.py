"""Trees of rows of names, top to leaf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault, FaultLog, raise_all
from taxoloss.taxonomy.file.limits import MAX_LEVELS
from taxoloss.taxonomy.names import name_faults, nfc, require_order, text_of
from taxoloss.taxonomy.placeholders import is_missing
from taxoloss.taxonomy.tree.arrays import Tree
from taxoloss.taxonomy.tree.builder import TreeBuilder, Words
from taxoloss.taxonomy.tree.column_order import refuse_leaf_first
from taxoloss.taxonomy.tree.row_notes import row_notes

__all__ = ["finished", "tree_from_paths"]


# -- rows of names ---------------------------------------------------------------------------------


class _RowTree(TreeBuilder):
    """Nodes of rows, in order of first appearance: rows that name one again mean the same node."""

    def __init__(self, deepest: int, missing: Iterable[str]) -> None:
        super().__init__(FaultLog(), deepest)
        self.missing = frozenset(nfc(text).strip() for text in missing)
        self.columns: Sequence[str] = ()  # of a table, as it calls them
        self.row = 0
        self.cell = ""  # that is looked at, where it names no node yet
        self.spaced: list[str] = []  # cells with spaces around their name
        self.ends: list[int] = []  # for each row its last node, 0 where it holds no name

    def no_name(self, node: int, message: str) -> Words:
        return {**self.where(node), "message": f"row {self.row}: {message}"}

    def too_deep(self, node: int, level: int) -> Words:
        message = f"row {self.row}: {quoted(self.cell)} stands in column {level}"
        expected = f"at most {self.deepest} columns, one a level"
        return {"message": message, "found": self.cell, "expected": expected}

    def on_two_levels(self, node: int, level: int) -> Words:
        message = (
            f"row {self.row}: {quoted(self.names[node])} stands on level {level}, "
            f"and on level {self.level[node]} in a row above, below the same parent"
        )
        help = "put the name into one column; two nodes need two names"
        expected = "one level for a node"
        return {**self.where(node), "message": message, "expected": expected, "help": help}

    def few_leaves(self, leaves: int) -> Words:
        return {"message": f"the rows hold {counted(leaves, 'class')}", "expected": "at least two"}


def tree_from_paths(
    rows: Any, levels: Sequence[str] | None, missing: Iterable[str] = ()
) -> tuple[Tree, tuple[str, ...]]:
    """The tree of rows of names, top to leaf, and what to tell of them; see Taxonomy.from_paths."""
    rows, columns = _opened(_ranks_of(rows, levels))
    given = levels if levels is not None else columns
    if isinstance(missing, str):
        raise TypeError(f"expected missing as a list of texts, got the text {missing!r:.40}")
    if levels is not None:
        _level_names(levels, 0)
    builder = _RowTree(len(given) if given is not None else MAX_LEVELS, missing)
    builder.columns = columns or ()
    for number, row in enumerate(rows, 1):
        if not isinstance(row, (tuple, list)):
            _check_row(number, row)
        builder.row = number
        builder.ends.append(_add_row(builder, row))
    tree = finished(builder, given)
    if columns is not None and levels is None:  # nobody said that they go down
        refuse_leaf_first(builder, columns)
    return tree, tuple(row_notes(builder, builder.ends, builder.spaced))


def finished(
    builder: TreeBuilder, levels: Sequence[str] | None, also_under: Sequence[tuple[int, int]] = ()
) -> Tree:
    """The tree, levels called depth_1, depth_2, ... where they have no names; raises what was noted."""
    names = _level_names(levels, max(builder.level))
    builder.check_leaves(parent for _, parent in also_under)
    builder.log.raise_all()
    return builder.tree(names, also_under=also_under)


def _check_row(number: int, row: Any) -> None:
    require_order(row, f"the names of row {number}")
    if isinstance(row, (str, Mapping)) or not isinstance(row, Iterable):
        raise TypeError(
            f"row {number} is {type(row).__name__} {row!r:.40}; expected a tuple or list of "
            "names, top to leaf"
        )


def _add_row(builder: _RowTree, row: Iterable[Any]) -> int:
    """The last node of a row, 0 where it holds no name. Most cells name a node that is there already."""
    children, level_of = builder.children, builder.level
    node = level = 0
    for cell in row:
        level += 1
        child = children[node].get(cell) if isinstance(cell, str) else None
        if child is None or level_of[child] != level:
            if is_missing(cell):
                continue
            if not isinstance(cell, str):
                raise TypeError(
                    f"row {builder.row}, column {level}{_called(builder, level)} holds "
                    f"{type(cell).__name__} {cell!r:.40}; expected text, or None or '' where the rank is "
                    f"missing{_help_of_columns(builder)}"
                )
            name = _clean(builder, cell)
            if name in builder.missing:
                continue
            builder.cell = name
            if not builder.check_depth(len(level_of), level):
                break
            child = _add_cell(builder, node, name, level)
        node = child
    return node


def _called(builder: _RowTree, level: int) -> str:
    return f" ({quoted(builder.columns[level - 1])})" if level <= len(builder.columns) else ""


def _help_of_columns(builder: _RowTree) -> str:
    """What to do where a table holds more than names."""
    return ": levels=[...] says which columns hold names, from the top" if builder.columns else ""


def _add_cell(builder: TreeBuilder, parent: int, name: str, level: int) -> int:
    """The node of a name below a parent: the one that is there, or a new one."""
    node = builder.children[parent].get(name)
    if node is not None:
        builder.check_level(node, level)
        return node
    node = builder.add(parent, name)
    builder.level.append(level)  # columns go down along a row
    builder.check_name(node, name)
    return node


def _clean(builder: _RowTree, cell: str) -> str:
    """The name of a cell: spaces around it are left out."""
    name = nfc(cell)
    if name[0].isspace() or name[-1].isspace():
        builder.spaced.append(name)
        name = name.strip()
    return name


def _ranks_of(rows: Any, levels: Sequence[str] | None) -> Any:
    """Of a DataFrame the columns that are called like the levels, in their order."""
    if levels is None or isinstance(levels, str) or not hasattr(rows, "columns"):
        return rows
    names, called = list(rows.columns), list(levels)
    texts = all(isinstance(name, str) for name in called) and called != names
    return rows[called] if texts and set(called) <= set(names) else rows


def _opened(rows: Any) -> tuple[Iterable[Any], list[str] | None]:
    """The rows of a pandas or polars DataFrame and its column names, or the rows as they are."""
    if hasattr(rows, "columns") and hasattr(rows, "iter_rows"):
        return rows.iter_rows(), [text_of(name) for name in rows.columns]
    if hasattr(rows, "columns") and hasattr(rows, "itertuples"):
        return rows.itertuples(index=False, name=None), [text_of(name) for name in rows.columns]
    require_order(rows, "rows of names")
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        help = ""
        if isinstance(rows, str):
            help = ": rows of a file are pandas.read_csv(path), or make a taxonomy of it by `taxoloss init`"
        raise TypeError(f"expected rows of names, got {type(rows).__name__} {rows!r:.40}{help}")
    return rows, None


def _level_names(given: Sequence[str] | None, width: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"depth_{level + 1}" for level in range(width))
    require_order(given, "levels")
    listed = isinstance(given, Iterable) and not isinstance(given, str)
    if not listed or not all(isinstance(name, str) and name.strip() for name in given):
        raise TypeError(f"expected levels as a list of names, got {given!r:.60}")
    names = tuple(nfc(name) for name in given)
    faults = [Fault(code, f"level {name!r:.40}: {m}") for name in names for code, m in name_faults(name)]
    raise_all(faults)
    if len(names) > MAX_LEVELS:
        raise ValueError(f"expected at most {MAX_LEVELS} levels, got {len(names)}")
    if len(set(names)) < len(names):
        raise ValueError(f"expected levels with different names, got {list(names)}")
    return names
