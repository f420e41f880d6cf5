"""Trees, and graphs in which nodes have several parents, of networkx graphs and of edges."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.faults import FaultLog
from taxoloss.taxonomy.file.limits import MAX_LEVELS
from taxoloss.taxonomy.names import nfc, text_of
from taxoloss.taxonomy.tree.arrays import Tree
from taxoloss.taxonomy.tree.builder import TreeBuilder, Words
from taxoloss.taxonomy.tree.from_rows import finished
from taxoloss.taxonomy.tree.reach import REDUNDANT, redundant_edges

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["tree_from_edges", "tree_from_graph"]


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

    def twice(self, node: int, first: int, parent: int) -> Words:
        return self.say(node, f"{quoted(self.names[node])} stands twice under one parent")

    def too_deep(self, node: int, level: int) -> Words:
        return {**self.say(node, f"level {level} is too deep"), "expected": self.expected}

    def not_below(self, node: int, level: int, above: int) -> Words:
        message = f"level {level} is not below its parent's level {above}"
        return {**self.say(node, message), "expected": self.expected}

    @property
    def expected(self) -> str:
        return ", ".join(self.number_of) or f"at most {MAX_LEVELS} levels"

    def several_parents(self, key: Any, parents: Sequence[Any]) -> Words:
        return {**super().several_parents(key, parents), "help": 'parents="all" keeps them'}

    def drop_redundant(self, parents: dict[Any, list[Any]]) -> tuple[str, ...]:
        """Leaves out the edges that others say as well, and tells them."""
        keys = list(parents)
        number = {key: place for place, key in enumerate(keys, 1)}
        numbers = {number[key]: [number.get(one, 0) for one in above] for key, above in parents.items()}
        notes = []
        for node, parent, lower in redundant_edges(numbers):
            key = keys[node - 1]
            at = numbers[node].index(parent)
            upper = quoted(str(keys[parent - 1])) if parent else "the root"
            way = f"{quoted(str(keys[lower - 1]))}, which is below {upper} already"
            notes.append(f"{REDUNDANT}{quoted(str(key))} is under {way}")
            del parents[key][at], numbers[node][at]
        return tuple(notes)

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


def tree_from_edges(
    edges: Iterable[tuple[Any, Any]], levels: Sequence[str] | None, parents: str | None
) -> tuple[Tree, tuple[str, ...]]:
    """The tree of (parent, child) edges; see Taxonomy.from_edges."""
    import networkx as nx

    if isinstance(edges, (str, bytes)) or not isinstance(edges, Iterable):
        raise TypeError(
            f"expected edges as pairs (parent, child), got {type(edges).__name__} {edges!r:.40}"
        )
    listed = list(edges)
    wrong = [edge for edge in listed if not isinstance(edge, (tuple, list)) or len(edge) != 2]
    if wrong:
        raise TypeError(f"expected edges as pairs (parent, child), got {wrong[0]!r:.60}")
    graph: nx.DiGraph[Any] = nx.DiGraph(listed)
    tops = [node for node in graph if graph.in_degree(node) == 0]
    if len(tops) > 1 and not _points_upwards(graph):
        top = object()
        graph.add_edges_from((top, node) for node in tops)
    return tree_from_graph(graph, levels, parents)


def tree_from_graph(
    graph: nx.DiGraph[Any], levels: Sequence[str] | None, parents: str | None
) -> tuple[Tree, tuple[str, ...]]:
    """The tree of a directed graph, parent -> child, and what to tell of it; see Taxonomy.from_graph."""
    import networkx as nx  # here: whoever reads a file need not wait for it

    if not isinstance(graph, nx.Graph):
        edges = isinstance(graph, (list, tuple, set))
        made = ": Taxonomy.from_edges(edges) takes them" if edges else ""
        raise TypeError(f"expected a networkx.DiGraph, parent -> child, got {type(graph).__name__}{made}")
    if not graph.is_directed():
        raise TypeError(f"expected a directed graph, parent -> child, got {graph!s:.60}")
    if parents not in (None, "all"):
        raise ValueError(f'expected parents "all", or None for one each, got {parents!r:.40}')
    builder = _EdgeTree(levels)
    root = _root(graph, builder, several=parents == "all")
    above = {node: list(dict.fromkeys(graph.predecessors(node))) for node in graph if node != root}
    notes = builder.drop_redundant(above)
    homes: nx.DiGraph[Any] = nx.DiGraph()
    homes.add_nodes_from(graph)
    homes.add_edges_from((up, node) for up, node in graph.edges() if node != root and above[node][0] == up)
    placed: dict[Hashable, int] = {root: 0}
    for parent, child in nx.bfs_edges(homes, root):
        builder.keys.append(child)
        name = nfc(text_of(graph.nodes[child].get("name", child)))
        placed[child] = node = builder.add(placed[parent], name)
        builder.check_name(node, name)
    numbers = {placed[node]: [placed[one] for one in of] for node, of in above.items()}
    builder.place_along(
        numbers,
        lambda node, up: builder.level_below(node, graph.nodes[builder.keys[node]].get("level"), up),
    )
    further = [(node, one) for node, of in numbers.items() for one in of[1:]]
    builder.join(further)
    builder.log.raise_all()
    return finished(builder, levels, further), notes


def _root(graph: nx.DiGraph[Any], builder: _EdgeTree, several: bool) -> Any:
    """The one root; every node and cycle that makes the graph none that is asked for."""
    parents = {node: list(graph.predecessors(node)) for node in graph}
    if graph.is_multigraph():  # an edge that is there twice is two parents
        parents = {node: [parent for parent, _ in graph.in_edges(node)] for node in graph}
    if _points_upwards(graph):
        builder.log.note("T211", "the edges point upwards (child -> parent): reverse them", **_REVERSED)
        builder.log.raise_all()
    if not several:
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

    Of a tree whose edges go down no node has several parents; and a graph in which nodes have, but no
    node has two children, groups nothing.
    """
    import networkx as nx

    one_above = all(len(set(graph.successors(node))) <= 1 for node in graph)
    several = any(len(set(graph.predecessors(node))) > 1 for node in graph)
    return one_above and several and nx.is_directed_acyclic_graph(graph)
