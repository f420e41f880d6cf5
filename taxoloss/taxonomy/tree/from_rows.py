"""Trees from what people hold besides a file: rows of names, networkx graphs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import Fault, FaultLog, raise_all
from taxoloss.taxonomy.file.limits import MAX_LEVELS
from taxoloss.taxonomy.names import name_faults, nfc, require_order, text_of
from taxoloss.taxonomy.placeholders import is_missing
from taxoloss.taxonomy.tree.arrays import Tree
from taxoloss.taxonomy.tree.builder import TreeBuilder, Words
from taxoloss.taxonomy.tree.column_order import refuse_leaf_first
from taxoloss.taxonomy.tree.row_notes import row_notes

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["tree_from_graph", "tree_from_paths"]


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
    tree = _finished(builder, given)
    if columns is not None and levels is None:  # nobody said that they go down
        refuse_leaf_first(builder, columns)
    return tree, tuple(row_notes(builder, builder.ends, builder.spaced))


def _finished(builder: TreeBuilder, levels: Sequence[str] | None) -> Tree:
    names = _level_names(levels, max(builder.level))
    builder.check_leaves()
    builder.log.raise_all()
    return builder.tree(names)


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


# -- networkx graphs -------------------------------------------------------------------------------


class _EdgeTree(TreeBuilder):
    """Nodes of a graph, from the root down."""

    def __init__(self, levels: Sequence[str] | None) -> None:
        self.number_of = {nfc(text_of(name)): number for number, name in enumerate(levels or (), 1)}
        super().__init__(FaultLog(), len(self.number_of) or MAX_LEVELS)
        self.keys: list[Hashable] = [None]  # of the nodes, the root's first

    def say(self, node: int, message: str) -> Words:
        """A message about a node, which starts with the node itself."""
        return {**self.where(node), "message": f"node {self.keys[node]!r:.40}: {message}"}

    def no_name(self, node: int, message: str) -> Words:
        return self.say(node, message)

    def twice(self, node: int, first: int) -> Words:
        return self.say(node, f"{quoted(self.names[node])} stands twice under one parent")

    def too_deep(self, node: int, level: int) -> Words:
        return {**self.say(node, f"level {level} is too deep"), "expected": self.expected}

    def not_below(self, node: int, level: int, above: int) -> Words:
        message = f"level {level} is not below its parent's level {above}"
        return {**self.say(node, message), "expected": self.expected}

    @property
    def expected(self) -> str:
        return ", ".join(self.number_of) or f"at most {MAX_LEVELS} levels"

    def cycle(self, keys: Sequence[Any]) -> Words:
        return {**super().cycle(keys), "found": str(keys[0])}

    def few_leaves(self, leaves: int) -> Words:
        return {"message": f"the graph holds {counted(leaves, 'class')}", "expected": "at least two"}

    def level_below(self, node: int, level: Any, above: int) -> int:
        """The number of the level that a node names, else the one below its parent's; T205."""
        if not self.number_of or level is None:
            return above + 1
        number = self.number_of.get(nfc(level) if isinstance(level, str) else level, 0)
        if number == 0:
            message = self.say(node, f"there is no level {quoted(str(level))}")["message"]
            expected = "one of " + ", ".join(self.number_of)
            self.log.note("T205", message, found=str(level), expected=expected)
        return number or above + 1


def tree_from_graph(graph: nx.DiGraph[Any], levels: Sequence[str] | None) -> Tree:
    """The tree of a directed graph, parent -> child; see Taxonomy.from_graph."""
    import networkx as nx  # here: whoever reads a file need not wait for it

    if not isinstance(graph, nx.Graph):
        edges = isinstance(graph, (list, tuple, set))
        made = ": taxoloss takes networkx.DiGraph(edges)" if edges else ""
        raise TypeError(f"expected a networkx.DiGraph, parent -> child, got {type(graph).__name__}{made}")
    if not graph.is_directed():
        raise TypeError(f"expected a directed graph, parent -> child, got {graph!s:.60}")
    builder = _EdgeTree(levels)
    root = _root(graph, builder)
    placed: dict[Hashable, int] = {root: 0}
    for parent, child in nx.bfs_edges(graph, root):
        data, above = graph.nodes[child], placed[parent]
        builder.keys.append(child)
        name = nfc(text_of(data.get("name", child)))
        placed[child] = node = builder.add(above, name)
        level = builder.level_below(node, data.get("level"), builder.level[above])
        builder.place(above, level)
        builder.check_name(node, name)
    builder.log.raise_all()
    return _finished(builder, levels)


def _root(graph: nx.DiGraph[Any], builder: _EdgeTree) -> Any:
    """The one root; every node and cycle that makes the graph no tree."""
    parents = {node: list(graph.predecessors(node)) for node in graph}
    if graph.is_multigraph():  # an edge that is there twice is two parents
        parents = {node: [parent for parent, _ in graph.in_edges(node)] for node in graph}
    if _points_upwards(graph):
        builder.log.note("T211", "the edges point upwards (child -> parent): reverse them", **_REVERSED)
        builder.log.raise_all()
    builder.check_parents(parents)
    roots = [node for node, above in parents.items() if not above]
    if len(roots) != 1:
        shown = ", ".join(quoted(str(root)) for root in roots[:5])
        ends = sum(graph.out_degree(node) == 0 for node in graph)
        help = _REVERSED["help"] + " where the edges point upwards" if ends == 1 < len(roots) else None
        message = f"{len(roots)} nodes have no parent: {shown}"
        builder.log.note("T211", message, expected="one root", help=help)
    builder.check_cycles(parents)
    builder.log.raise_all()
    return roots[0]


_REVERSED: Words = {
    "expected": "edges parent -> child",
    "help": "taxoloss.Taxonomy.from_graph(graph.reverse())",
}


def _points_upwards(graph: nx.DiGraph[Any]) -> bool:
    """Whether the graph is one tree, or several, if its edges are read from child to parent.

    Of a tree whose edges go down no node has several parents, so the two cannot be confused.
    """
    import networkx as nx

    one_above = all(len(set(graph.successors(node))) <= 1 for node in graph)
    several = any(len(set(graph.predecessors(node))) > 1 for node in graph)
    return one_above and several and nx.is_directed_acyclic_graph(graph)
