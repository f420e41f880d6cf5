"""The tree of classes that everything else is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from taxoloss.errors.characters import counted
from taxoloss.errors.faults import BindingError, Fault
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.file.document import Document, Value
from taxoloss.taxonomy.file.models import HEAD
from taxoloss.taxonomy.file.parser import parse_spec
from taxoloss.taxonomy.file.writer import write_file
from taxoloss.taxonomy.from_file import build_tree
from taxoloss.taxonomy.makers import MadeTree
from taxoloss.taxonomy.named import NodeInfo
from taxoloss.taxonomy.other_names import descriptions_given
from taxoloss.taxonomy.plain_data import as_plain, check_digests, from_plain
from taxoloss.taxonomy.stored import difference, stored_in
from taxoloss.taxonomy.tree.arrays import IntArray, Tree
from taxoloss.taxonomy.tree.html import tree_html
from taxoloss.taxonomy.versions.diff import TreeDiff, diff
from taxoloss.taxonomy.versions.migration import Migration

__all__ = ["NodeInfo", "Taxonomy"]


class Taxonomy(MadeTree):
    """A tree of classes with named levels, and (once bound) the order of a model's outputs.

    Made by `taxoloss.load`, `Taxonomy.from_paths` or `Taxonomy.from_graph`; immutable. Two are equal
    if their trees, levels, orders of classes and `node_targets` are.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}})
    >>> t.levels, t.classes
    (('depth_1', 'depth_2'), ('Bengal', 'Sphynx', 'beagle'))
    >>> t.bind(["beagle", "Bengal", "Sphynx"]).ancestor_index("depth_1")
    tensor([1, 0, 0])
    """

    # -- making one --------------------------------------------------------------------------------

    @classmethod
    def from_values(cls, value: Value, document: Document) -> Taxonomy:
        """The taxonomy of a file that was read; TaxonomyError with every fault of the file."""
        parsed = parse_spec(value, document)
        tree = build_tree(parsed)
        spec = parsed.spec
        assert spec is not None  # build_tree has raised where there is none
        levels = spec.levels or ()
        weights = {level.name: level.weight for level in levels if level.weight is not None}
        rows = parsed.rows
        document.node_marks = [None, *(row.mark for row in rows)]
        return cls(
            tree=tree,
            **{key: getattr(spec, key) for key in HEAD},
            level_weights=weights or None,
            level_descriptions={lv.name: lv.description for lv in levels if lv.description},
            aliases={i + 1: row.aliases for i, row in enumerate(rows) if row.aliases},
            descriptions={i + 1: row.description for i, row in enumerate(rows) if row.description},
            notes=tuple(fault.message for fault in document.log.warnings if fault.code == "T412"),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Taxonomy:
        """The taxonomy that `to_dict` wrote, bound as it was; also after JSON, YAML or torch.save.

        Raises:
            TypeError: not a mapping.
            ValueError: not what `to_dict` makes; or the tree, or the order of the classes, is not the
                one whose digest stands beside it (both are shown).

        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")]).bind(["pug", "Bengal"])
        >>> Taxonomy.from_dict(t.to_dict()).classes
        ('pug', 'Bengal')
        """
        taxonomy = cls(**from_plain(data))
        check_digests(taxonomy, data)
        return taxonomy

    # -- reading it --------------------------------------------------------------------------------

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the leaves in the order of the model's outputs (unbound: the file's order)."""
        return tuple(self.tree.names[node] for node in self._class_nodes.tolist())

    def paths(self, level: str | None = None) -> tuple[tuple[str, ...], ...]:
        """The paths that identify the classes, or the nodes of a level, in index order.

        A tree that is made of them again has its siblings in this order, so another digest where it is not
        the file's: `to_dict` and `save` keep all.
        """
        nodes = self._class_nodes if level is None else self._at(level)
        return self.tree.paths(nodes)

    def nodes(self, level: str) -> tuple[str, ...]:
        """Names of the nodes of a level, in index order.

        That is the order of the tree; at the deepest level the order of the classes, so that the
        level's log-probabilities are log_softmax of the logits. Where a rank is missing, the nearest
        node below stands for it.
        """
        return tuple(self.tree.names[node] for node in self._at(level).tolist())

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (self.to_dict(), self.notes)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # pickles of 0.1, which is the one to call it

    def __copy__(self) -> Taxonomy:
        return self  # nothing in it can change

    def __deepcopy__(self, memo: dict[int, Any]) -> Taxonomy:
        return self

    def __repr__(self) -> str:
        widths = " > ".join(f"{level} {len(self._at(level))}" for level in self.levels)
        title = f"{self.name!r}, " if self.name else ""
        state = "not bound" if self.order is None else "bound"
        if self.order is not None and np.array_equal(self.order, np.arange(len(self))):
            state = "bound in the file's order"
        targets = ", node targets" if self.node_targets else ""
        notes = f", {counted(len(self.notes), 'note')}" if self.notes else ""
        return f"Taxonomy({title}{len(self):,} classes, {widths}, {state}{targets}{notes})"

    def _repr_html_(self) -> str:
        return tree_html(self.tree, repr(self))

    # -- binding it --------------------------------------------------------------------------------

    def bind(
        self,
        class_names: Iterable[Name] | Mapping[Any, Any] | None = None,
        *,
        node_targets: bool = False,
        inner_classes: bool = False,
    ) -> Taxonomy:
        """This taxonomy with its classes in a dataset's order.

        Args:
            class_names: for each output of the model its class: a name (unique among the leaves), an
                alias, or a path, as a tuple of names or as text a/b/c. Also a dict `class_to_idx` or
                `id2label`, or a `datasets.ClassLabel`: dataset.features["label"].
                None: the order of the file; say so only if your dataset was made from it.
            node_targets: whether targets may be any node (`node_ids`), not only classes 0..C-1.
            inner_classes: whether classes may be inner nodes: a genus beside its species. Each gets a
                leaf of its own, the first below its node and of its name. The loss takes it as a leaf;
                metrics see it as the node: a genus and its species are one edge apart. Names are then
                unique among all nodes.

        Raises:
            BindingError: names every class that is missing, extra, ambiguous or there twice, with
                the nearest right name; or says that the classes have no names, only numbers.
            TypeError: class_names are no names: numbers, a set, a text, ...
            ValueError: inner_classes without class_names.

        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "beagle")])
        >>> t.bind(["beagle", "Bengal"]).classes
        ('beagle', 'Bengal')
        >>> t.bind(["beagle", "cat", "Bengal"], inner_classes=True).paths()
        (('dog', 'beagle'), ('cat', 'cat'), ('cat', 'Bengal'))
        """
        if class_names is None:
            if inner_classes:
                raise ValueError("inner_classes=True needs class_names: which inner nodes are classes?")
            return self.replace(order=np.arange(len(self), dtype=np.int64), node_targets=bool(node_targets))
        grown, nodes = self._with_classes(class_names, complete=True, inner_classes=inner_classes)
        order = grown.tree.start[nodes]
        return grown.replace(order=order, node_targets=bool(node_targets))

    def restrict(
        self,
        class_names: Iterable[Name] | Mapping[Any, Any],
        *,
        node_targets: bool = False,
        inner_classes: bool = False,
    ) -> Taxonomy:
        """The tree pruned to these classes, levels kept, and bound to them in this order.

        Args:
            class_names: some of the classes, as in `bind`.
            node_targets: as in `bind`.
            inner_classes: as in `bind`; a node without another class below it becomes a leaf.

        Raises:
            BindingError: as in `bind`, but classes may be missing.

        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "beagle")])
        >>> t.restrict(["Sphynx", "Bengal"]).paths()
        (('cat', 'Sphynx'), ('cat', 'Bengal'))
        """
        grown, classes = self._with_classes(class_names, complete=False, inner_classes=inner_classes)
        kept = grown.tree.start[classes]
        tree, nodes = grown.tree.pruned(kept)
        number = {node: new for new, node in enumerate(nodes.tolist())}
        pruned = grown._renumbered(tree, number)
        order = np.argsort(np.argsort(kept))
        return pruned.replace(order=order, node_targets=bool(node_targets))

    def _with_classes(
        self, names: Iterable[Name] | Mapping[Any, Any], *, complete: bool, inner_classes: bool
    ) -> tuple[Taxonomy, IntArray]:
        """The taxonomy in which classes of these names are leaves, and the leaf of each."""
        try:
            nodes = self.index.classes(names, complete=complete, inner=bool(inner_classes))
        except BindingError as error:
            raise self._of_descriptions(error) from None
        is_leaf = self.tree.is_leaf[nodes]
        if is_leaf.all():
            return self, nodes
        tree, number = self.tree.with_own_leaves(np.sort(nodes[~is_leaf]))
        grown = self._renumbered(tree, dict(enumerate(number.tolist())))
        return grown, number[nodes] + ~is_leaf

    def _of_descriptions(self, error: BindingError) -> BindingError:
        """One fault instead of one a name, where descriptions of classes were given for their names."""
        unknown = [str(fault.found) for fault in error.faults if fault.code == "T302"]
        described = {
            self.tree.names[node]: text
            for node, text in self.descriptions.items()
            if self.tree.is_leaf[node]
        }
        said = descriptions_given(unknown, described)
        return BindingError([Fault("T302", said, path=(unknown[0],))]) if said else error

    def _renumbered(self, tree: Tree, number: Mapping[int, int]) -> Taxonomy:
        """The taxonomy with another tree, not bound; the number there of each node that it has too."""
        return self.replace(
            tree=tree,
            aliases={number[i]: names for i, names in self.aliases.items() if i in number},
            descriptions={number[i]: s for i, s in self.descriptions.items() if i in number},
            order=None,
        )

    # -- another version of it ---------------------------------------------------------------------

    def diff(self, new: Taxonomy, renames: Mapping[Name, Name] | None = None) -> TreeDiff:
        """What changes from this taxonomy to a new one, and the map that moves a trained head.

        Args:
            new: the later taxonomy. Both may be bound: the map then goes from order to order.
            renames: old node -> new one, where no alias says so: names, paths a/b/c, or paths as tuples,
                where a name holds "/" or stands in several places. Several old classes may become one; so
                may a class and one that keeps its name.

        Raises:
            TypeError: not a Taxonomy; a rename is neither a name nor a path.
            ValueError: a rename names a node that is not there, or that is not unique; or two renames
                contradict each other.

        >>> old = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")])
        >>> new = Taxonomy.from_paths([("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "Pug")])
        >>> found = old.diff(new)
        >>> [change.new for change in found.added], [change.old for change in found.renamed]
        ([(('cat', 'Sphynx'),)], [(('dog', 'pug'),)])
        >>> found.migration.sources
        ((0,), (), (1,))
        >>> old.diff(new, {("cat", "Bengal"): ("cat", "Sphynx")}).migration.sources
        ((), (0,), (1,))
        """
        if not isinstance(new, Taxonomy):
            raise TypeError(f"expected the later Taxonomy, got {type(new).__name__} {new!r:.60}")
        return diff(self, new, renames)

    def migrate(self, weight: Any, bias: Any = None, *, migration: Migration) -> tuple[Any, Any]:
        """Rows of a linear head that was trained on an older taxonomy, as rows of a head for this one.

        Args:
            weight: (C_old, ...), a torch tensor or numpy array, in the old order of classes.
            bias: (C_old,), or None.
            migration: of `old.diff(this)`, or loaded from what `taxoloss diff --map` wrote.

        Returns:
            weight (C, ...) and bias (C,) or None, in this taxonomy's order. Classes that are new get the
            mean of their relatives' rows.

        Raises:
            TypeError: no Migration; the weight is neither a tensor nor an array.
            ValueError: the map goes to another taxonomy, or the head has another number of rows.

        >>> import numpy as np
        >>> old = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")]).bind(["pug", "Bengal"])
        >>> new = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")]).bind(["Bengal", "pug"])
        >>> new.migrate(np.array([[1.0], [2.0]]), migration=old.diff(new).migration)[0].tolist()
        [[2.0], [1.0]]
        """
        if not isinstance(migration, Migration):
            made = "old.diff(new).migration, or taxoloss.Migration.load(file)"
            got = f"{type(migration).__name__} {migration!r:.60}"
            raise TypeError(f"expected migration as {made}; got {got}")
        if not self.same_binding(migration.new_digest):
            raise ValueError(
                f"expected a map to this taxonomy, binding digest {self.binding_digest[:12]}, got one to "
                f"{migration.new_digest[:12]}: another tree, or another order of its classes"
            )
        return migration.rows(weight, bias)

    # -- other forms -------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Writes a file (YAML, or JSON by its suffix) that loads to an equal tree, whole or not at all.

        Which outputs of a model are which nodes is no part of the file: neither the order of the classes,
        nor leaves that `bind(names, inner_classes=True)` made (`to_dict` keeps both).
        """
        taxonomy = self
        if self.tree.own is not None:
            tree, nodes = self.tree.without_own_leaves()
            taxonomy = self._renumbered(tree, {node: new for new, node in enumerate(nodes.tolist())})
        write_file(taxonomy, Path(path))

    def to_dict(self) -> dict[str, Any]:
        """All of it, the order of the classes too, as dicts, lists, text, numbers and None.

        For configs, hyperparameters and checkpoints: `torch.load(weights_only=True)`, JSON and YAML keep
        it, and `from_dict` makes an equal taxonomy of it, or refuses what was changed in between.

        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")]).bind(["pug", "Bengal"])
        >>> t.to_dict()["names"], t.to_dict()["order"]
        (['cat', 'Bengal', 'dog', 'pug'], [1, 0])
        """
        return as_plain(self)

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Refuses the state of a model that was stored for another tree, or another order of its classes.

        A `state_dict` does not know which column is which class, and loads into another order without a
        word. So store `state["taxoloss"] = t.to_dict()` beside the weights, and ask this before they are
        loaded (`taxoloss.save` and `taxoloss.load_checkpoint` do both).

        Args:
            state: what was stored, as `torch.load(path, weights_only=True)` gives it.

        Raises:
            TypeError: the state, or state["taxoloss"], is no dict.
            ValueError: the tree or the order of the classes is another, with the classes that differ;
                there is no "taxoloss" in the state; it was changed; or this taxonomy is not bound.

        >>> t = Taxonomy.from_paths([("cat", "Bengal"), ("dog", "pug")])
        >>> state = {"head": ..., "taxoloss": t.bind(["pug", "Bengal"]).to_dict()}
        >>> t.bind(["pug", "Bengal"]).check_state(state)
        >>> t.bind(["Bengal", "pug"]).check_state(state)
        Traceback (most recent call last):
        ValueError: the state is of another order of the classes: 2 of 2 columns are another class, the
        first is column 0, `dog/pug` there and `cat/Bengal` here; its own taxonomy is
        Taxonomy.from_dict(state["taxoloss"])
        """
        self.require_bound("check_state")
        stored = stored_in(state, self.from_dict)
        own = 'Taxonomy.from_dict(state["taxoloss"])'
        moves = f"{own}.diff(t) says what changed, t.migrate moves a head by its migration"
        if said := difference(stored, self, "the state", f"its own taxonomy is {own}", moves):
            raise ValueError(said)


def restored(data: Mapping[str, Any], notes: Iterable[str] = ()) -> Taxonomy:
    """The taxonomy of a pickle, which is that of `to_dict`, refused if changed; runs no other code.

    So `torch.load(weights_only=True)` may call it (taxoloss.functional says so to torch).
    """
    return Taxonomy.from_dict(data).replace(notes=tuple(notes))
