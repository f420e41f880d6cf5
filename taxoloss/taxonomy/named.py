"""A tree whose nodes have names: from names, paths and tables to target ids, and back."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from taxoloss.taxonomy.binding import NameIndex
from taxoloss.taxonomy.cache import Shelf
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.plain_data import ReadOnlyDict
from taxoloss.taxonomy.targets import checked_ignore_index, nodes_of_names, nodes_of_table
from taxoloss.taxonomy.tree.arrays import IntArray, Tree, frozen
from taxoloss.taxonomy.tree.numbering import NumberedTree, as_tensor, ids_of

if TYPE_CHECKING:
    import torch

__all__ = ["NamedTree", "NodeInfo"]

_Made = TypeVar("_Made", bound="NamedTree")
_NONE: Mapping[Any, Any] = ReadOnlyDict()


class NodeInfo(NamedTuple):
    """A node for people: its name, the name of its level (None for the root), its path."""

    name: str
    level: str | None
    path: tuple[str, ...]


class NamedTree(NumberedTree):
    """A numbered tree, other names of its nodes, and what people say of it.

    No dataclass: frameworks take those apart, or ask for values of their fields, before they look for
    another way (huggingface_hub's coders, jsonargparse, W&B).
    """

    aliases: Mapping[int, tuple[str, ...]]
    name: str | None
    description: str | None
    source: str | None
    version: str | None
    licence: str | None
    level_weights: Mapping[str, float] | None
    level_descriptions: Mapping[str, str]
    descriptions: Mapping[int, str]
    #: What was noticed when the tree was made of rows; in no file, and no part of what `==` compares.
    notes: tuple[str, ...]

    def __init__(
        self,
        tree: Tree,
        order: IntArray | None = None,
        node_targets: bool = False,
        aliases: Mapping[int, tuple[str, ...]] = _NONE,
        name: str | None = None,
        description: str | None = None,
        source: str | None = None,
        version: str | None = None,
        licence: str | None = None,
        level_weights: Mapping[str, float] | None = None,
        level_descriptions: Mapping[str, str] = _NONE,
        descriptions: Mapping[int, str] = _NONE,
        notes: tuple[str, ...] = (),
    ) -> None:
        # Read-only: a taxonomy is shared between all who load it.
        self.__dict__.update(
            tree=tree,
            order=None if order is None else frozen(order),
            node_targets=node_targets,
            aliases=ReadOnlyDict(aliases),
            name=name,
            description=description,
            source=source,
            version=version,
            licence=licence,
            level_weights=None if level_weights is None else ReadOnlyDict(level_weights),
            level_descriptions=ReadOnlyDict(level_descriptions),
            descriptions=ReadOnlyDict(descriptions),
            notes=notes,
            _shelf=Shelf(self),
        )

    def replace(self: _Made, **changes: Any) -> _Made:
        """Another taxonomy with some of what this one holds changed: `copy.replace` of Python 3.13.

        Args:
            changes: name, description, source, version, licence, level_weights, level_descriptions; and
                what numbers nodes depth first: aliases, descriptions, tree, order, node_targets.

        Raises:
            TypeError: a taxonomy holds nothing of that name.

        >>> from taxoloss import Taxonomy
        >>> Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")]).replace(name="pets", version="2")
        Taxonomy('pets', 2 classes, depth_1 2 > depth_2 2, not bound)
        """
        return type(self)(**{**{name: self.__dict__[name] for name in _FIELDS}, **changes})

    __replace__ = replace

    @cached_property
    def index(self) -> NameIndex:
        """Finds nodes by name, alias or path."""
        return NameIndex(self.tree, self.aliases)

    def node_id(self, path: Name, *, inner: bool = False) -> int:
        """The target id of a node: a class has its number, 0..C-1; inner nodes follow, the root last.

        Args:
            path: a tuple of names from the top (the empty tuple is the root), or a bare name or alias
                where it is unique among all nodes, or a path as text a/b/c.
            inner: of a node that is a class itself (`bind(names, inner_classes=True)`) the id of the
                inner node, which is it and all below it; without it the class.

        Raises:
            BindingError: no node, or several, have that name.
            ValueError: the taxonomy is not bound.

        >>> from taxoloss import Taxonomy
        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "beagle")])
        >>> t = t.bind(["beagle", "cat", "Bengal"], inner_classes=True)
        >>> t.node_id("cat"), t.node_id("cat", inner=True)
        (1, 3)
        """
        self.require_bound("node_id")
        node = np.array(self.index.node(path))
        return int(self.ids_of_nodes[self._inner(node) if inner else node])

    def _inner(self, nodes: IntArray) -> IntArray:
        """Leaves of classes above other classes as the nodes of these; other nodes, and -1, as they are."""
        own = self.tree.own
        return nodes if own is None else np.where(np.isin(nodes, own), self.tree.parent[nodes], nodes)

    def node_ids(self, names: Iterable[Name | Sequence[Any]], *, inner: bool = False) -> torch.Tensor:
        """The target ids (long tensor) of names or paths, for labels of mixed depth; in a path that is a
        row of ranks, None, NaN and "" are missing ones. `targets` reads tables.

        `target = t.node_ids(labels_of_the_dataset)[label]` turns a dataset's label numbers, some of
        which mean a genus and some a species, into targets. With `inner` a name of a class that is above
        other classes means its node, it and all below it, as in `node_id`.

        Raises:
            BindingError: names every name that is unknown or ambiguous.
            ValueError: the taxonomy is not bound.

        >>> from taxoloss import Taxonomy
        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "beagle")]).bind(node_targets=True)
        >>> t.node_ids(["beagle", "cat", (), ("dog", None)])
        tensor([1, 2, 4, 3])
        """
        self.require_bound("node_ids")
        nodes = nodes_of_names(names, self.index)
        return as_tensor(self.ids_of_nodes[self._inner(nodes) if inner else nodes])

    def targets(
        self, table: Any, columns: Any = None, *, ignore_index: int | None = None, inner: bool = False
    ) -> torch.Tensor:
        """The target ids (N,) of the rows of a table, whose labels may be of mixed depth.

        A row means the node of its deepest name, which stands below the other names of the row. None,
        NaN, "" and what says that there is no name (`NA`, `sp.`, `g__`; where no node is called so) are
        missing ranks. Spaces around names are left out; domestica below Musca is `Musca domestica`,
        where that is a node. A loss takes ids of inner nodes after `bind(..., node_targets=True)`.

        Args:
            table: a pandas or polars DataFrame or Series, a dict of columns, a list of dicts, or a list
                (or array) of names, of paths as text (a/b, a > b, a;b) or of tuples of names.
            columns: the columns of the ranks, or one of names or paths; by default those called like
                levels, else the only one.
            ignore_index: the target of rows that name nothing; without it they are an error.
            inner: as in `node_ids`.

        Raises:
            BindingError: each name that is unknown, ambiguous or below another than the table says, with
                the number of its rows and the first of them; the rows that name nothing.
            TypeError: this is no table, or a cell is no text.
            ValueError: it is not plain which columns are meant; or the taxonomy is not bound.

        >>> from taxoloss import Taxonomy
        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")], ["species", "breed"]).bind()
        >>> t.targets({"species": ["dog", "cat"], "breed": ["pug", None], "file": ["1.jpg", "2.jpg"]})
        tensor([1, 2])
        >>> t.targets(["cat/Bengal", "dog", ""], ignore_index=-100)
        tensor([   0,    3, -100])
        """
        self.require_bound("targets")
        ignored = checked_ignore_index(ignore_index, self.num_nodes)
        nodes = nodes_of_table(table, columns, self.index, allow_empty=ignored is not None)
        ids = self.ids_of_nodes[self._inner(nodes) if inner else nodes]
        return as_tensor(ids if ignored is None else np.where(nodes < 0, ignored, ids))

    def parents(self, node: int | Name) -> tuple[int, ...]:
        """The ids of a node's parents: the one below which it is written, then those it is also under.

        Args:
            node: its id; or its name or path, as in `node_id`.

        Returns:
            Ids of `node_id`; of a top node that of the root, of the root none.

        Raises:
            BindingError: no node, or several, have that name.
            ValueError: there is no such id; or the taxonomy is not bound.

        >>> from taxoloss import load
        >>> liger = {"name": "liger", "also_under": ["tiger"]}
        >>> t = load({"tree": [{"name": "lion", "children": [liger]}, {"name": "tiger"}, "cat"]}).bind()
        >>> t.parents("liger"), [t.path(node) for node in t.parents("liger")]
        ((2, 3), [('lion',), ('tiger',)])
        """
        number = self._numbered(node, "parents")
        return tuple(self.ids_of_nodes[self.tree.parents_of(number)].tolist())

    def ancestors(self, node: int | Name) -> tuple[int, ...]:
        """The ids of all nodes above a node, along all edges, in increasing order: the root last.

        Args:
            node: its id; or its name or path, as in `node_id`.

        Raises:
            BindingError: no node, or several, have that name.
            ValueError: there is no such id; or the taxonomy is not bound.

        >>> from taxoloss import load
        >>> load("pets").bind().ancestors("Bengal")
        (37, 39)
        """
        number = self._numbered(node, "ancestors")
        if not self.is_tree:
            above = self.tree.reach.above[number]
            return tuple(sorted(self.ids_of_nodes[above[above != number]].tolist()))
        found = []
        while number:
            number = int(self.tree.parent[number])
            found.append(int(self.ids_of_nodes[number]))
        return tuple(sorted(found))

    def _numbered(self, node: int | Name, what: str) -> int:
        """The depth-first number of an id, a name or a path."""
        self.require_bound(what)
        if not isinstance(node, (str, tuple)):
            return self._node(node)
        return self.index.node(node)

    def named_parents(self, node: int) -> list[str | list[str]]:
        """How a file names the further parents of a node (depth-first number): `also_under`."""
        return [] if self.is_tree else list(map(self._reference, self.tree.parents_of(node)[1:]))

    def _reference(self, node: int) -> str | list[str]:
        """What finds a node: its name where that is unique, else its path, as text where that does."""
        path = self.tree.path(node)
        for text in (path[-1], "/".join(path)):
            if self.index.find(text) == [node]:
                return text
        return list(path)

    def path(self, node_id: int) -> tuple[str, ...]:
        """The names from below the root down to a node; () for the root.

        Raises:
            TypeError: no number; `node_id` is that of a name.
            ValueError: there is no such id.
        """
        return self.tree.path(self._node(node_id))

    def describe(self, node_ids: Any) -> list[NodeInfo]:
        """Name, level and path of each node id (an int, a list or a tensor).

        A class above other classes has the level of its node; its path names the node twice.

        Raises:
            TypeError: an id is no number; `node_ids` are those of names.
            ValueError: there is no such id.
        """
        levels, tree = (None, *self.levels), self.tree
        ids = ids_of(node_ids)
        nodes = [self._node(number) for number in ids]
        of_level = {leaf: node for node, leaf in tree.own_leaf.items()}
        return [
            NodeInfo(tree.names[n], levels[tree.level[of_level.get(n, n)]], tree.path(n)) for n in nodes
        ]


_FIELDS = tuple(inspect.signature(NamedTree).parameters)
