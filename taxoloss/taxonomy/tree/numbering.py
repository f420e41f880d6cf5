"""The numbers that nodes have: depth-first inside a tree, target ids for a model and its labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.suggestions import with_suggestion
from taxoloss.taxonomy.names import integer_of, require_order
from taxoloss.taxonomy.tree.arrays import IntArray, Tree, frozen

if TYPE_CHECKING:
    import networkx as nx
    import torch

__all__ = ["NumberedTree", "as_tensor", "ids_of"]


class NumberedTree:
    """A tree and, once bound, which output of a model is which leaf; NamedTree makes one.

    Target ids: classes are 0..C-1 in the bound order; inner nodes follow in depth-first post-order,
    whatever the binding; the root is last.
    """

    tree: Tree
    #: For each class the depth-first number of its leaf; None while unbound.
    order: IntArray | None
    node_targets: bool

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels, top to bottom, the root left out."""
        return self.tree.levels

    @property
    def is_bound(self) -> bool:
        """Whether the order of the classes is known."""
        return self.order is not None

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.tree.leaves)

    @property
    def num_nodes(self) -> int:
        """Number of target ids: classes, inner nodes and the root."""
        return len(self.tree)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the tree and its levels; not of names for people, or weights."""
        return self.tree.digest

    @cached_property
    def binding_digest(self) -> str:
        """SHA-256 (hex) of the tree, its levels and the order of the classes."""
        return self._digest(node_targets=False)

    def same_binding(self, digest: str) -> bool:
        """Whether a stored `binding_digest` says this tree and this order of the classes.

        Ask this instead of comparing by ==: with node_targets=True taxoloss 0.1 wrote another digest of
        the same order, which is known here.

        >>> from taxoloss import Taxonomy
        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")])
        >>> stored = t.bind(["pug", "Bengal"], node_targets=True).binding_digest
        >>> t.bind(["pug", "Bengal"]).same_binding(stored), t.bind().same_binding(stored)
        (True, False)
        """
        return digest in self.known_bindings

    @property
    def known_bindings(self) -> tuple[str, str]:
        """`binding_digest`, and what taxoloss 0.1 wrote for it with node_targets=True."""
        return self.binding_digest, self._digest(node_targets=True)

    @cached_property
    def identity(self) -> str:
        """SHA-256 (hex) of all that `==` compares: tree, levels, order of the classes, node_targets."""
        return self._digest(self.node_targets)

    def _digest(self, node_targets: bool) -> str:
        state = hashlib.sha256(f"taxoloss binding 1 {self.digest} {node_targets}\n".encode())
        state.update(b"unbound" if self.order is None else self.order.astype("<i8").tobytes())
        return state.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NumberedTree):
            return NotImplemented
        return self is other or self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a taxonomy cannot be changed: t.replace({name}=...) makes another")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a taxonomy cannot be changed: {name} stays")

    def require_bound(self, what: str) -> None:
        """ValueError where the order of the classes is not known, with the way to say it."""
        if self.order is None:
            raise ValueError(
                f"{what} needs a bound taxonomy: which output of the model is which class? "
                "Say it by t.bind(dataset.classes), or by t.bind() if the model's outputs are in "
                "the order of the file (t.classes)"
            )

    @property
    def is_tree(self) -> bool:
        """Whether no node has several parents.

        >>> from taxoloss import load
        >>> load("pets").is_tree
        True
        """
        return self.tree.is_tree

    def require_tree(self, what: str, instead: str = "") -> None:
        """ValueError where a node has several parents, with one that has: `what` would not see them all.

        Args:
            what: needs a tree.
            instead: what does not, for the end of the sentence.
        """
        if self.tree.is_tree:
            return
        nodes = self.tree.several_parents
        node = int(nodes[0])
        above = ", ".join(quoted("/".join(self.tree.path(one))) for one in self.tree.parents_of(node))
        others = f"{counted(len(nodes) - 1, 'other node')} {'does' if len(nodes) == 2 else 'do'}"
        more = f", as {others}" if len(nodes) > 1 else ""
        raise ValueError(
            f"{what} needs a tree, and {quoted('/'.join(self.tree.path(node)))} has several parents{more}: "
            f"{above}; `also_under` names those beside the first, and without it the file is a tree"
            + (f"; {instead}" if instead else "")
        )

    def level_number(self, level: str) -> int:
        """1 for the top level to L for the deepest; ValueError with the nearest name otherwise."""
        if not isinstance(level, str) or level not in self.levels:
            found = with_suggestion(repr(level), str(level), self.levels)
            raise ValueError(f"expected a level, one of {', '.join(self.levels)}; got {found}")
        return self.levels.index(level) + 1

    def level_nodes(self, level: int) -> IntArray:
        """The nodes (depth-first numbers) of a level, 1..L, in index order."""
        level = self._number(level, "nodes")
        return self._class_nodes if level == len(self.levels) else self.tree.at_level(level)

    def class_to_node(self, level: int) -> IntArray:
        """For each class the index of its node on a level, 1..L.

        Raises:
            TypeError: the level is no number; `ancestor_index` takes its name.
            ValueError: there is no such level; or a node has several parents.
        """
        level = self._number(level, "ancestor_index")
        self.require_tree("one node a level for each class")
        if level == len(self.levels):
            return np.arange(len(self))
        return self.tree.leaf_to_node(level)[self.class_order]

    def _number(self, level: object, by_name: str) -> int:
        """The number of a level, checked; where a name is given, the method that takes it is named."""
        number, depth = integer_of(level), len(self.levels)
        if number is None:
            known = isinstance(level, str) and level in self.levels
            more = f": t.{by_name}({level!r}) takes the name, t.level_number({level!r}) is the number"
            what = f"{type(level).__name__} {level!r:.60}{more if known else ''}"
            raise TypeError(f"expected the number of a level, 1 to {depth}, got {what}")
        if not 1 <= number <= depth:
            raise ValueError(f"expected the number of a level, 1 to {depth}, got {number}")
        return number

    @property
    def class_order(self) -> IntArray:
        """For each class its depth-first leaf number (unbound: the file's order)."""
        return np.arange(len(self)) if self.order is None else self.order

    @cached_property
    def nodes_by_id(self) -> IntArray:
        """Depth-first numbers by target id: classes first, inner nodes in post-order after."""
        return frozen(np.concatenate([self._class_nodes, self.tree.inner]))

    def _at(self, level: str) -> IntArray:
        return self.level_nodes(self.level_number(level))

    @cached_property
    def _class_nodes(self) -> IntArray:
        return frozen(self.tree.leaves[self.class_order])

    @cached_property
    def ids_of_nodes(self) -> IntArray:
        """Target ids by depth-first number."""
        ids = np.empty(len(self.tree), np.int64)
        ids[self.nodes_by_id] = np.arange(len(self.tree))
        return frozen(ids)

    def _node(self, node_id: int) -> int:
        number = integer_of(node_id)
        if number is None:
            help = f": t.node_id({node_id!r}) is that of a name" if isinstance(node_id, str) else ""
            raise TypeError(f"expected a node id, got {type(node_id).__name__} {node_id!r:.60}{help}")
        if not 0 <= number < self.num_nodes:
            raise ValueError(f"expected a node id in 0..{self.num_nodes - 1}, got {number}")
        return int(self.nodes_by_id[number])

    # -- tensors and graphs ------------------------------------------------------------------------

    def ancestor_index(self, level: str) -> torch.Tensor:
        """For each class (C,) the index of its node in `nodes(level)`; ValueError if not bound, or no tree.

        >>> from taxoloss import Taxonomy
        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "beagle")]).bind()
        >>> t.ancestor_index("depth_1")
        tensor([0, 1])
        """
        self.require_bound("ancestor_index")
        return as_tensor(self.class_to_node(self.level_number(level)))

    def aggregation_matrix(self, level: str, *, sparse: bool = False) -> torch.Tensor:
        """The matrix (classes, nodes of the level) that sums class probabilities up to the level.

        `softmax(logits) @ matrix` are the probabilities of the level's nodes, and a column's sum is the
        number of classes below the node. Rows are one-hot; where nodes have several parents, a class may be
        below several nodes of the level, and its row has as many ones.

        Args:
            level: name of a level.
            sparse: a sparse COO tensor; a dense one takes 4 x classes x nodes bytes.

        Raises:
            ValueError: no such level, or the taxonomy is not bound.
        """
        import torch

        self.require_bound("aggregation_matrix")
        number = self.level_number(level)
        rows, columns = map(as_tensor, self.classes_of_nodes(number))
        ones = torch.ones(len(rows), device="cpu")
        size = (len(self), len(self.level_nodes(number)))
        if not sparse:
            return torch.zeros(size, device="cpu").index_put_((rows, columns), ones)
        places = torch.stack([rows, columns])
        return torch.sparse_coo_tensor(places, ones, size, device="cpu", check_invariants=True).coalesce()

    def classes_of_nodes(self, level: int) -> tuple[IntArray, IntArray]:
        """(class, index of a node of the level, 1..L, that it is below), for each such pair."""
        if self.tree.is_tree:
            return np.arange(len(self)), self.class_to_node(level)
        nodes, leaves = self.level_nodes(level), self.tree.reach.leaves
        columns = np.repeat(np.arange(len(nodes)), leaves.sizes[nodes])
        found = np.concatenate([leaves[node] for node in nodes.tolist()])
        return self.class_of_leaf[found], columns

    @cached_property
    def class_of_leaf(self) -> IntArray:
        """Of each depth-first leaf its class."""
        return frozen(np.argsort(self.class_order, kind="stable"))

    @property
    def graph(self) -> nx.DiGraph[int]:
        """A new networkx.DiGraph of target ids, all edges parent -> child; attributes `name`, `level`."""
        return self.tree.to_networkx(self.ids_of_nodes.tolist())


def as_tensor(array: IntArray) -> torch.Tensor:
    """A long tensor of its own."""
    import torch

    return torch.from_numpy(array.copy())


def ids_of(values: Any) -> list[Any]:
    """The items of a number, of numbers nested in lists, of an array or of a tensor on any device."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return [values]
    if hasattr(values, "detach"):
        return list(values.detach().cpu().reshape(-1).tolist())
    if hasattr(values, "reshape"):
        return list(values.reshape(-1).tolist())
    require_order(values, "node ids")
    return [item for value in values for item in ids_of(value)]
