"""The ways to a taxonomy from what a program holds: rows of names, networkx graphs, edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from taxoloss.taxonomy.named import NamedTree
from taxoloss.taxonomy.names import checked_title
from taxoloss.taxonomy.tree.from_graph import tree_from_edges, tree_from_graph
from taxoloss.taxonomy.tree.from_rows import tree_from_paths

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["MadeTree"]

_Made = TypeVar("_Made", bound="MadeTree")


class MadeTree(NamedTree):
    """A named tree that is made of rows, of a graph or of edges; Taxonomy is one."""

    @classmethod
    def from_paths(
        cls: type[_Made],
        rows: Iterable[Sequence[str | None]] | Any,
        levels: Sequence[str] | None = None,
        *,
        name: str | None = None,
        missing: Iterable[str] = (),
    ) -> _Made:
        """The taxonomy of rows of names, top to leaf: a CSV, a pandas or polars DataFrame.

        Its `notes` say what was noticed: spaces around names (they are left out), rows that name nothing
        or end at an inner node, and names such as `NA`, `sp.` or `g__`, which stay names.

        Args:
            rows: sequences of names; "", None or NaN where a rank is missing. Rows that repeat are one
                class. Siblings keep the order of first appearance. A DataFrame gives its columns too.
            levels: names of the columns, top to bottom: of a DataFrame those called so are read, in this
                order; by default all columns as they stand, of other rows depth_1, depth_2, ...
            name: what to call the taxonomy.
            missing: texts that say that a rank is missing too: ["NA", "unknown"].

        Raises:
            TypeError: a row is no sequence, a cell is no text.
            ValueError: a DataFrame's columns run from the leaves to the top, and no levels are given.
            TaxonomyError: with every row at fault, up to 1,000.

        >>> from taxoloss import Taxonomy
        >>> rows = [("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "beagle")]
        >>> Taxonomy.from_paths(rows, levels=["species", "breed"])
        Taxonomy(3 classes, species 2 > breed 3, not bound)
        """
        tree, notes = tree_from_paths(rows, levels, missing)
        return cls(tree=tree, name=checked_title(name), notes=notes)

    @classmethod
    def from_graph(
        cls: type[_Made],
        graph: nx.DiGraph[Any],
        levels: Sequence[str] | None = None,
        *,
        name: str | None = None,
        parents: str | None = None,
    ) -> _Made:
        """The taxonomy of a networkx graph, parent -> child; its one root is not a class.

        Args:
            graph: without a cycle. A node is called by its attribute `name`, else by str(node); with
                `levels`, its attribute `level` may name its level.
            levels: names of the levels, top to bottom.
            name: what to call the taxonomy.
            parents: "all" keeps every parent of a node, whose home is below the first; edges that others
                say as well are left out, and told in `notes`. None: each node has one parent.

        Raises:
            MeaningError: the graph has a cycle, several roots, or (without "all") a node with several
                parents; all of them are named. Or it is a tree upside down: no node has two children.

        >>> import networkx as nx
        >>> from taxoloss import Taxonomy
        >>> Taxonomy.from_graph(nx.DiGraph([("pet", "cat"), ("pet", "dog")])).classes
        ('cat', 'dog')
        """
        tree, notes = tree_from_graph(graph, levels, parents)
        return cls(tree=tree, name=checked_title(name), notes=notes)

    @classmethod
    def from_edges(
        cls: type[_Made],
        edges: Iterable[tuple[Any, Any]],
        levels: Sequence[str] | None = None,
        *,
        name: str | None = None,
        parents: str | None = None,
    ) -> _Made:
        """The taxonomy of edges (parent, child); nodes without a parent stand at the top.

        Args:
            edges: pairs; a node is called by str(node). One node above all others is the root, which is no
                class.
            levels: as in `from_graph`.
            name: what to call the taxonomy.
            parents: as in `from_graph`.

        Raises:
            TypeError: an edge is no pair.
            MeaningError: as in `from_graph`.

        >>> from taxoloss import Taxonomy
        >>> edges = [("cat", "lion"), ("cat", "lynx"), ("wild", "lynx"), ("wild", "wolf")]
        >>> t = Taxonomy.from_edges(edges, parents="all")
        >>> t.paths(), t.is_tree
        ((('cat', 'lion'), ('cat', 'lynx'), ('wild', 'wolf')), False)
        """
        tree, notes = tree_from_edges(edges, levels, parents)
        return cls(tree=tree, name=checked_title(name), notes=notes)
