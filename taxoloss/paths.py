"""Trees from what people hold besides a file: rows of names, networkx graphs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np

from taxoloss.errors import Fault, FormError, MeaningError, TaxonomyError
from taxoloss.names import name_faults, nfc, quoted
from taxoloss.tree import Tree, arrange
from taxoloss.values import MAX_LEVELS

__all__ = ["checked_title", "tree_from_graph", "tree_from_paths"]


class _Table:
    """Nodes by (parent, name), in order of first appearance, with the level of each."""

    def __init__(self) -> None:
        self.names = [""]
        self.parent = [0]
        self.level = [0]
        self.index: dict[tuple[int, str], int] = {}
        self.faults: list[Fault] = []

    def node(self, parent: int, name: str, level: int, where: str) -> int:
        number = self.index.get((parent, name))
        if number is None:
            number = len(self.names)
            self.index[parent, name] = number
            self.names.append(name)
            self.parent.append(parent)
            self.level.append(level)
            self.check_name(name, where)
        elif self.level[number] != level:
            message = (
                f"{where}: {quoted(name)} stands on level {level}, "
                f"and on level {self.level[number]} in a row above, below the same parent"
            )
            self.faults.append(Fault("T206", message, found=name, expected="one level for a node"))
        return number

    def check_name(self, name: str, where: str) -> None:
        for code, message in name_faults(name):
            self.faults.append(Fault(code, f"{where}: {message}", found=name))

    def tree(self, levels: tuple[str, ...]) -> Tree:
        parent, level = np.array(self.parent, np.int64), np.array(self.level, np.int64)
        order = arrange(parent)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        parent, level = number[parent[order]], level[order]
        tree = Tree(tuple(self.names[i] for i in order), parent, level, levels)
        if len(tree.leaves) < 2:
            message = f"the rows hold {len(tree.leaves)} class"
            self.faults.append(Fault("T202", message, expected="at least two"))
        raise_all(self.faults)
        return tree


def raise_all(faults: Sequence[Fault]) -> None:
    """Raises the faults, if any: of form before those of meaning."""
    if faults:
        form = any(fault.code.startswith("T1") for fault in faults)
        kind: type[TaxonomyError] = FormError if form else MeaningError
        raise kind(faults)


def checked_title(name: str | None) -> str | None:
    """The name of a taxonomy; FormError where it is no name."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"expected the name as text, got {type(name).__name__} {name!r:.40}")
    if name is None:
        return None
    raise_all([Fault(code, message, found=name) for code, message in name_faults(name)])
    return nfc(name)


# -- rows of names ---------------------------------------------------------------------------------


def tree_from_paths(rows: Any, levels: Sequence[str] | None) -> Tree:
    """The tree of rows of names, top to leaf; see Taxonomy.from_paths."""
    rows, columns = _opened(rows)
    given = levels if levels is not None else columns
    deepest = len(given) if given is not None else MAX_LEVELS
    table = _Table()
    width = 0
    for number, row in enumerate(rows, 1):
        if isinstance(row, (str, Mapping)) or not isinstance(row, Iterable):
            raise TypeError(
                f"row {number} is {type(row).__name__} {row!r:.40}; expected a tuple or list of "
                "names, top to leaf"
            )
        node = 0
        for level, cell in enumerate(row, 1):
            if _is_missing(cell):
                continue
            if not isinstance(cell, str):
                raise TypeError(
                    f"row {number}, column {level} holds {type(cell).__name__} {cell!r:.40}; "
                    "expected text, or None or '' where the rank is missing"
                )
            if level > deepest:
                table.faults.append(_too_long(number, cell, level, deepest))
                break
            node = table.node(node, nfc(str(cell)), level, f"row {number}")
            width = max(width, level)
        if not node:
            table.faults.append(Fault("T117", f"row {number} holds no name", expected="a class"))
    return table.tree(_level_names(given, width))


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
        return rows.iter_rows(), [str(name) for name in rows.columns]
    if hasattr(rows, "columns") and hasattr(rows, "itertuples"):
        return rows.itertuples(index=False, name=None), [str(name) for name in rows.columns]
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        raise TypeError(f"expected rows of names, got {type(rows).__name__} {rows!r:.40}")
    return rows, None


def _too_long(number: int, cell: str, level: int, deepest: int) -> Fault:
    message = f"row {number}: {quoted(cell)} stands in column {level}"
    return Fault("T204", message, found=cell, expected=f"at most {deepest} columns, one a level")


def _level_names(given: Sequence[str] | None, width: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"depth_{level + 1}" for level in range(width))
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
    raise_all(_graph_faults(graph))
    root = next(node for node in graph if graph.in_degree(node) == 0)
    number_of = {name: number for number, name in enumerate(levels or (), 1)}
    table = _Table()
    placed: dict[Hashable, int] = {root: 0}
    width = 0
    for parent, child in nx.bfs_edges(graph, root):
        data = graph.nodes[child]
        above = table.level[placed[parent]]
        level = above + 1
        if number_of and data.get("level") is not None:
            level = number_of.get(data["level"], 0)
        name = nfc(str(data.get("name", child)))
        where = f"node {child!r:.40}"
        if (placed[parent], name) in table.index:
            message = f"{where}: {quoted(name)} stands twice under one parent"
            table.faults.append(Fault("T201", message, found=name))
        if level == 0:
            message = f"{where}: there is no level {quoted(str(data['level']))}"
            expected = "one of " + ", ".join(number_of)
            table.faults.append(Fault("T205", message, found=str(data["level"]), expected=expected))
            level = above + 1
        if not above < level <= (len(number_of) or MAX_LEVELS):
            message = f"{where}: level {level} is not below its parent's level {above}, or too deep"
            expected = ", ".join(number_of) or f"at most {MAX_LEVELS} levels"
            table.faults.append(Fault("T204", message, found=name, expected=expected))
        placed[child] = table.node(placed[parent], name, level, where)
        width = max(width, level)
    raise_all(table.faults)
    return table.tree(_level_names(levels, width))


def _graph_faults(graph: nx.DiGraph[Any]) -> list[Fault]:
    """Why a graph is not an arborescence: networkx's own test, and then the nodes that break it."""
    if len(graph) and nx.is_arborescence(graph):
        return []
    faults = []
    for node, degree in graph.in_degree():
        if degree > 1:
            parents = ", ".join(quoted(str(parent)) for parent in graph.predecessors(node))
            message = f"{quoted(str(node))} has {degree} parents: {parents}"
            faults.append(Fault("T211", message, found=str(node), expected="one parent"))
    roots = [str(node) for node, degree in graph.in_degree() if degree == 0]
    if len(roots) != 1:
        message = f"{len(roots)} nodes have no parent: " + ", ".join(map(quoted, roots[:5]))
        faults.append(Fault("T211", message, expected="one root"))
    if not nx.is_directed_acyclic_graph(graph):
        cycle = [str(edge[0]) for edge in nx.find_cycle(graph)]
        message = "a cycle: " + " > ".join(quoted(node) for node in [*cycle, cycle[0]])
        faults.append(Fault("T211", message, found=cycle[0], expected="no cycle"))
    return faults
