"""The labels that a classifier was trained on, and the nodes that they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.errors.faults import BindingError
from taxoloss.taxonomy.names import integer_of
from taxoloss.taxonomy.placeholders import is_missing
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["Labels", "labels_of", "refuse_missing"]

#: The level of a tree without a taxonomy.
_ONLY_LEVEL = "class"
_IGNORED = -100


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as node ids, and back."""

    #: Bound, with every label a class of it, and any node as target.
    taxonomy: Taxonomy
    #: (K,): the labels that were trained on, sorted as scikit-learn does.
    values: npt.NDArray[Any]
    #: (K,): the class of each.
    classes: IntArray
    #: Whose node ids integer labels are; None where labels are no node ids.
    numbered_by: Taxonomy | None = None

    def columns(self, probabilities: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(N, K) of the labels as (N, C) of the taxonomy's classes: the others have probability 0."""
        if probabilities.shape[1:] != self.values.shape:
            raise ValueError(
                f"expected a column for each of the {len(self.values)} classes in classes_, got "
                f"probabilities of shape {probabilities.shape}"
            )
        wide = np.zeros((len(probabilities), len(self.taxonomy)), probabilities.dtype)
        wide[:, self.classes] = probabilities
        return wide

    def ids(self, y: Any, ignored: int | None = None) -> IntArray:
        """(N,): the node id of each label, also of labels that were not trained on; -100 of one ignored.

        Raises:
            BindingError, ValueError: a label that is no node.
        """
        refuse_missing(np.asarray(y))
        found, of_row = np.unique(np.asarray(y), return_inverse=True)
        ids = [_IGNORED if label == ignored else self._id(label) for label in found.tolist()]
        return np.array(ids, np.int64)[of_row.reshape(-1)]

    def named(self, ids: IntArray) -> npt.NDArray[Any]:
        """(N,): the label of each node: its own where it was trained on, else its name, or path a/b/c."""
        known = self._place[ids]
        if (known >= 0).all():
            return self.values[known]
        nodes, of_row = np.unique(ids, return_inverse=True)
        names = [self._label(int(node)) for node in nodes]
        kind = None if self.values.dtype.kind == "U" else self.values.dtype
        return np.array(names, dtype=kind)[of_row]

    @cached_property
    def _place(self) -> IntArray:
        place = np.full(self.taxonomy.num_nodes, -1, np.int64)
        place[self.classes] = np.arange(len(self.values))
        return place

    @cached_property
    def _known(self) -> dict[Any, int]:
        return dict(zip(self.values.tolist(), self.classes.tolist(), strict=True))

    def _id(self, label: Any) -> int:
        if label in self._known:
            return self._known[label]
        if isinstance(label, str):
            return self.taxonomy.node_id(label) if label else self.taxonomy.num_nodes - 1
        number = integer_of(label)
        if self.numbered_by is None or number is None:
            raise ValueError(
                f"expected labels of y as in fit, {_first(self.values)}, got {label!r:.60} of type "
                f"{type(label).__name__}"
            )
        return self._of_path(self.taxonomy, self.numbered_by.path(number))

    def _label(self, node: int) -> Any:
        if self._place[node] >= 0:
            return self.values[self._place[node]]
        own = self.taxonomy.tree.own_leaf.get(int(self.taxonomy.nodes_by_id[node]))
        if own is not None:  # the node of a class above others
            return self._label(int(self.taxonomy.ids_of_nodes[own]))
        path = self.taxonomy.path(node)
        if all(isinstance(value, str) for value in self.values.tolist()):
            name = path[-1] if path else ""
            return name if len(self.taxonomy.index.by_name(name)) <= 1 else "/".join(path)
        if self.numbered_by is not None:
            return self._of_path(self.numbered_by, path)
        raise ValueError(
            f"expected labels that are names, or a taxonomy, where a decision may answer more than the "
            f"classes: {'/'.join(path) or 'the root'!r} has no label among {_first(self.values)}"
        )

    @staticmethod
    def _of_path(taxonomy: Taxonomy, path: tuple[str, ...]) -> int:
        return int(taxonomy.ids_of_nodes[taxonomy.index.by_path(path)[0]])


def refuse_missing(y: npt.NDArray[Any]) -> None:
    """ValueError where rows of y hold None or NaN among names, which have no place among them.

    >>> refuse_missing(np.array(["Bengal", None], dtype=object))
    Traceback (most recent call last):
    ValueError: ... got 1 of 2 rows without one, the first is row 1 (None); leave these rows out
    """
    if y.dtype.kind != "O":
        return
    missing = [row for row, label in enumerate(y.tolist()) if _is_none(label)]
    if missing:
        raise ValueError(
            f"expected a label in each row of y, got {len(missing):,} of {len(y):,} rows without one, the "
            f"first is row {missing[0]} ({y[missing[0]]!r}); leave these rows out"
        )


def _is_none(label: Any) -> bool:
    return not isinstance(label, str) and is_missing(label)  # "" is the root


def labels_of(values: npt.NDArray[Any], taxonomy: Taxonomy | None) -> Labels:
    """The nodes that labels are.

    Args:
        values: (K,): distinct labels: names or paths of nodes, or node ids of a bound taxonomy. Without a
            taxonomy any.
        taxonomy: bound or not; None: each label is a class of its own, side by side.

    Raises:
        BindingError: labels that are no nodes, or the same.
        ValueError: fewer than two labels; integers with a taxonomy that is not bound; ids that are none.
        TypeError: labels that are neither names nor integers.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}})
    >>> labels_of(np.array(["Bengal", "beagle"]), t).classes
    array([0, 2])
    """
    if len(values) < 2:
        raise ValueError(f"expected two classes or more in y, got {len(values)} class, {_first(values)}")
    if taxonomy is None:
        rows = [(str(value),) for value in values.tolist()]
        flat = Taxonomy.from_paths(rows, [_ONLY_LEVEL]).bind(rows, node_targets=True)
        return Labels(flat, values, np.arange(len(values)))
    bound = taxonomy if taxonomy.order is not None else taxonomy.bind()
    nodes, numbered = _nodes(values, taxonomy)
    inner = nodes[~taxonomy.tree.is_leaf[nodes]]
    if not len(inner):
        bound = bound.replace(node_targets=True)
        return Labels(bound, values, bound.ids_of_nodes[nodes], numbered)
    # An output of the model for a node above others: it gets a leaf of its own.
    paths = [*bound.paths(), *taxonomy.tree.paths(inner)]
    grown = bound.bind(paths, inner_classes=True, node_targets=True)
    place = {path: number for number, path in enumerate(paths)}
    classes = np.array([place[path] for path in taxonomy.tree.paths(nodes)], np.int64)
    return Labels(grown, values, classes, numbered)


def _nodes(values: npt.NDArray[Any], taxonomy: Taxonomy) -> tuple[IntArray, Taxonomy | None]:
    """The node of each label, and whose ids they are, where they are numbers."""
    labels = values.tolist()
    if all(isinstance(label, str) for label in labels):
        try:
            return taxonomy.index.classes(labels, complete=False), None
        except BindingError as error:
            if all(fault.code != "T305" for fault in error.faults):
                raise
        return taxonomy.index.classes(labels, complete=False, inner=True), None
    numbers = [integer_of(label) for label in labels]
    if None in numbers:
        raise TypeError(
            f"expected y as names of nodes, or as node ids of a bound taxonomy, got {_first(values)} "
            f"({values.dtype})"
        )
    if taxonomy.order is None:
        raise ValueError(
            f"expected names in y, or a bound taxonomy, whose class numbers integers are; got "
            f"{_first(values)} and a taxonomy that is not bound: t.bind(class_names) says which class 0 is"
        )
    wrong = [number for number in numbers if not 0 <= (number or 0) < taxonomy.num_nodes - 1]
    if wrong:
        raise ValueError(
            f"expected y as node ids in 0..{taxonomy.num_nodes - 2}, got {wrong[0]}; classes are "
            f"0..{len(taxonomy) - 1}"
        )
    return taxonomy.nodes_by_id[np.array(numbers, np.int64)], taxonomy


def _first(values: Any) -> str:
    shown = np.asarray(values)[:4].tolist()
    return ", ".join(map(repr, shown[:3])) + (", .." if len(shown) > 3 else "")
