"""Trees from what people hold besides a file: rows of names, networkx graphs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from taxoloss.errors.characters import quoted
from taxoloss.errors.faults import Fault, FaultLog, raise_all
from taxoloss.taxonomy.file.limits import MAX_LEVELS
from taxoloss.taxonomy.names import MAX_NAME, name_faults, nfc, require_order, text_of
from taxoloss.taxonomy.tree.arrays import Tree, arrange

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["tree_from_graph", "tree_from_paths"]


class _Table:
    """Nodes by parent and name, in order of first appearance, with the level of each."""

    def __init__(self) -> None:
        self.names = [""]
        self.parent = [0]
        self.level = [0]
        # A dict for each parent: one dict of pairs (parent, name) is slower and several times as large.
        self.children: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self.log = FaultLog()

    def node(self, parent: int, name: str, level: int, where: str) -> int:
        number = self.children[parent].setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
            self.parent.append(parent)
            self.level.append(level)
            self.check_name(name, where)
        elif self.level[number] != level:
            message = (
                f"{where}: {quoted(name)} stands on level {level}, "
                f"and on level {self.level[number]} in a row above, below the same parent"
            )
            help = "put the name into one column; two nodes need two names"
            self.log.note("T206", message, found=name, expected="one level for a node", help=help)
        return number

    def check_name(self, name: str, where: str) -> None:
        if name.isprintable() and name.strip() and len(name) <= MAX_NAME:
            return  # a quarter of the time of a million rows; no character that names forbid is printable
        for code, message in name_faults(name):
            self.log.note(code, f"{where}: {message}", found=name)

    def tree(self, levels: tuple[str, ...]) -> Tree:
        parent, level = np.array(self.parent, np.int64), np.array(self.level, np.int64)
        order = arrange(parent)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        names = tuple(map(self.names.__getitem__, order.tolist()))
        tree = Tree(names, number[parent[order]], level[order], levels)
        if len(tree.leaves) < 2:
            message = f"the rows hold {len(tree.leaves)} class"
            self.log.note("T202", message, expected="at least two")
        self.log.raise_all()
        return tree


# -- rows of names ---------------------------------------------------------------------------------


def tree_from_paths(rows: Any, levels: Sequence[str] | None) -> Tree:
    """The tree of rows of names, top to leaf; see Taxonomy.from_paths."""
    rows, columns = _opened(rows)
    given = levels if levels is not None else columns
    deepest = len(given) if given is not None else MAX_LEVELS
    table = _Table()
    for number, row in enumerate(rows, 1):
        if not isinstance(row, (tuple, list)):
            _check_row(number, row)
        if not _add_row(table, number, row, deepest):
            table.log.note("T117", f"row {number} holds no name", expected="a class")
    return table.tree(_level_names(given, max(table.level)))


def _check_row(number: int, row: Any) -> None:
    require_order(row, f"the names of row {number}")
    if isinstance(row, (str, Mapping)) or not isinstance(row, Iterable):
        raise TypeError(
            f"row {number} is {type(row).__name__} {row!r:.40}; expected a tuple or list of "
            "names, top to leaf"
        )


def _add_row(table: _Table, number: int, row: Iterable[Any], deepest: int) -> int:
    """The last node of a row, 0 where it holds no name. Most cells name a node that is there already."""
    children, level_of = table.children, table.level
    node = level = 0
    for cell in row:
        level += 1
        child = children[node].get(cell) if isinstance(cell, str) else None
        if child is None or level_of[child] != level:
            if _is_missing(cell):
                continue
            if not isinstance(cell, str):
                raise TypeError(
                    f"row {number}, column {level} holds {type(cell).__name__} {cell!r:.40}; "
                    "expected text, or None or '' where the rank is missing"
                )
            if level > deepest:
                message = f"row {number}: {quoted(cell)} stands in column {level}"
                expected = f"at most {deepest} columns, one a level"
                table.log.note("T204", message, found=cell, expected=expected)
                break
            child = table.node(node, nfc(cell), level, f"row {number}")
        node = child
    return node


def _is_missing(cell: Any) -> bool:
    """None, "", NaN and pandas' NA: the rank is missing."""
    if cell is None or isinstance(cell, str):
        return not cell
    try:
        return bool(cell != cell)
    except TypeError:  # NA compares as NA, which is neither true nor false
        return True


def _opened(rows: Any) -> tuple[Iterable[Any], list[str] | None]:
    """The rows of a pandas or polars DataFrame and its column names, or the rows as they are."""
    if hasattr(rows, "columns") and hasattr(rows, "iter_rows"):
        return rows.iter_rows(), [text_of(name) for name in rows.columns]
    if hasattr(rows, "columns") and hasattr(rows, "itertuples"):
        return rows.itertuples(index=False, name=None), [text_of(name) for name in rows.columns]
    require_order(rows, "rows of names")
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        raise TypeError(f"expected rows of names, got {type(rows).__name__} {rows!r:.40}")
    return rows, None


def _level_names(given: Sequence[str] | None, width: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"depth_{level + 1}" for level in range(width))
    require_order(given, "levels")
    if isinstance(given, str) or not all(isinstance(name, str) and name.strip() for name in given):
        raise TypeError(f"expected levels as a list of names, got {given!r:.60}")
    names = tuple(nfc(name) for name in given)
    faults = [Fault(code, f"level {name!r:.40}: {m}") for name in names for code, m in name_faults(name)]
    raise_all(faults)
    if len(names) > MAX_LEVELS:
        raise ValueError(f"expected at most {MAX_LEVELS} levels, got {len(names)}")
    if len(set(names)) < len(names):
        raise ValueError(f"expected levels with different names, got {list(names)}")
    return names


# -- networkx graphs -------------------------------------------------------------------------------


def tree_from_graph(graph: nx.DiGraph[Any], levels: Sequence[str] | None) -> Tree:
    """The tree of a directed graph, parent -> child; see Taxonomy.from_graph."""
    import networkx as nx  # here: whoever reads a file need not wait for it

    raise_all(_graph_faults(graph))
    root = next(node for node in graph if graph.in_degree(node) == 0)
    number_of = {nfc(text_of(name)): number for number, name in enumerate(levels or (), 1)}
    table = _Table()
    placed: dict[Hashable, int] = {root: 0}
    for parent, child in nx.bfs_edges(graph, root):
        data = graph.nodes[child]
        above = table.level[placed[parent]]
        level = above + 1
        if number_of and data.get("level") is not None:
            own = data["level"]
            level = number_of.get(nfc(own) if isinstance(own, str) else own, 0)
        name = nfc(text_of(data.get("name", child)))
        where = f"node {child!r:.40}"
        if name in table.children[placed[parent]]:
            message = f"{where}: {quoted(name)} stands twice under one parent"
            table.log.note("T201", message, found=name)
        if level == 0:
            message = f"{where}: there is no level {quoted(str(data['level']))}"
            expected = "one of " + ", ".join(number_of)
            table.log.note("T205", message, found=str(data["level"]), expected=expected)
            level = above + 1
        if not above < level <= (len(number_of) or MAX_LEVELS):
            message = f"{where}: level {level} is not below its parent's level {above}, or too deep"
            expected = ", ".join(number_of) or f"at most {MAX_LEVELS} levels"
            table.log.note("T204", message, found=name, expected=expected)
        placed[child] = table.node(placed[parent], name, level, where)
    table.log.raise_all()
    return table.tree(_level_names(levels, max(table.level)))


def _graph_faults(graph: nx.DiGraph[Any]) -> list[Fault]:
    """Why a graph is not an arborescence: networkx's own test, and then the nodes that break it."""
    import networkx as nx

    if len(graph) and nx.is_arborescence(graph):
        return []
    faults = []
    for node, degree in graph.in_degree():
        if degree > 1:
            parents = ", ".join(quoted(str(parent)) for parent in graph.predecessors(node))
            message = f"{quoted(str(node))} has {degree} parents: {parents}"
            faults.append(Fault("T203", message, found=str(node), expected="one parent"))
    roots = [str(node) for node, degree in graph.in_degree() if degree == 0]
    if len(roots) != 1:
        message = f"{len(roots)} nodes have no parent: " + ", ".join(map(quoted, roots[:5]))
        faults.append(Fault("T211", message, expected="one root"))
    if not nx.is_directed_acyclic_graph(graph):
        cycle = [str(edge[0]) for edge in nx.find_cycle(graph)]
        message = "a cycle: " + " > ".join(quoted(node) for node in [*cycle, cycle[0]])
        faults.append(Fault("T211", message, found=cycle[0], expected="no cycle"))
    return faults
