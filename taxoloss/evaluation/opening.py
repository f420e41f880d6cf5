"""A file of predictions and a taxonomy, as samples of that taxonomy bound to the order of the file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from taxoloss.errors.characters import counted, quoted
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.evaluation.answers import Roles, answer_samples
from taxoloss.evaluation.columns import ClassNames, Columns, choose_columns, column_names
from taxoloss.evaluation.matrices import matrix_samples
from taxoloss.evaluation.migrated import migrated
from taxoloss.evaluation.nodes import Nodes, OldNames, name_of_text, names_of_texts, nodes_of, old_nodes
from taxoloss.evaluation.predictions import Above, PredictionError, PredictionFile
from taxoloss.evaluation.readers import open_predictions
from taxoloss.evaluation.request import UNKNOWN, Request
from taxoloss.evaluation.samples import Samples
from taxoloss.evaluation.tables import open_samples_table
from taxoloss.functional.node_tensors import node_tensors
from taxoloss.sources.class_lists import from_file
from taxoloss.sources.tables.table import Table
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.versions.migration import Migration

__all__ = ["open_samples"]

#: The column that holds answers where no option says another and no class has a column.
_PREDICTION = "prediction"


def open_samples(path: Path, taxonomy: Taxonomy, request: Request) -> tuple[Taxonomy, Samples]:
    """The taxonomy, bound, and the samples of a file.

    Args:
        path: of the file.
        taxonomy: in any order.
        request: how the file is to be read.

    Raises:
        PredictionError: the file cannot be read so.
        TaxonomyError: the classes are not those of the tree.
    """
    opening = _Opening(path, taxonomy, request)
    prediction = request.prediction or opening.default_prediction()
    return opening.answers(prediction) if prediction else opening.matrix()


class _Opening:
    """A file, a taxonomy and a request."""

    def __init__(self, path: Path, taxonomy: Taxonomy, request: Request) -> None:
        self.path, self.request = path, request
        self.migration = _loaded(request.migration)
        self.taxonomy = taxonomy if self.migration is None else _new(taxonomy, self.migration, request)

    # -- names ---------------------------------------------------------------------------------

    def default_prediction(self) -> tuple[str, ...]:
        """The column called `prediction`, where the file has one and none for the classes."""
        try:
            columns = open_predictions(self.path, None, None, kept=(_PREDICTION,)).header
        except PredictionError:
            return ()
        classes = self._class_names()
        return () if any(map(classes.find, columns)) else (_PREDICTION,)

    def answers(self, prediction: tuple[str, ...]) -> tuple[Taxonomy, Samples]:
        """The samples of a table of names."""
        request = self.request
        if self.path.suffix.lower() == ".npz":
            raise PredictionError(f"{self.path}: expected no --prediction: an .npz has arrays, no columns")
        if request.values is not None:
            raise PredictionError(
                f"{self.path}: --values {request.values} goes with numbers, --prediction with names"
            )
        if set(prediction) & set(request.target):
            raise PredictionError(
                f"{self.path}: expected answers beside the truth, got {prediction[0]!r} as --target and as "
                "--prediction"
            )
        table = open_samples_table(self.path)
        self._require_columns(table, prediction)
        bound, nodes = self._bound_for_names()
        ordered = request.classes is not None or request.file_order
        roles = Roles(
            request.target,
            prediction,
            request.sample_id,
            request.group,
            request.score,
            request.ranking,
            request.unknown,
            ordered,
            request.decimal,
        )
        return bound, answer_samples(table, bound, nodes, roles)

    def _require_columns(self, table: Table, prediction: tuple[str, ...]) -> None:
        request = self.request
        named = {"--target": request.target, "--prediction": prediction}
        named |= {
            option: (name,)
            for option, name in (
                ("--id", request.sample_id),
                ("--group", request.group),
                ("--score", request.score),
            )
            if name is not None
        }
        for option, names in named.items():
            for name in names:
                if table.header.count(name) != 1:
                    near = None if name in table.header else did_you_mean(name, table.header)
                    shown = ", ".join(map(quoted, table.header[:12]))
                    raise PredictionError(
                        f"{self.path}: expected one column {name!r} (say {option} NAME), got "
                        f"{table.header.count(name)} in {shown}" + (f"; {near}" if near else "")
                    )

    def _bound_for_names(self) -> tuple[Taxonomy, Nodes]:
        """The taxonomy in the order that was said, else in its own, and what names call."""
        request = self.request
        if self.migration is not None:
            old = OldNames(self.migration)
            stated = _names_of(request.classes)
            order = None if stated is None else old.order(stated[1], self.path)
            return self.taxonomy, old_nodes(self.taxonomy, self.migration, old, order)
        stated = _names_of(request.classes)
        if stated is None:
            bound = self.taxonomy.bind(node_targets=True)
        else:
            names = self._names(stated[1])
            bound = self.taxonomy.bind(names, node_targets=True, inner_classes=request.inner_classes)
        return bound, nodes_of(bound, request.separator)

    # -- a column for each class ---------------------------------------------------------------

    def matrix(self) -> tuple[Taxonomy, Samples]:
        """The samples of a file of numbers."""
        request = self.request
        if len(request.target) != 1:
            raise PredictionError(
                f"{self.path}: expected one column as --target, got {', '.join(request.target)}; several "
                "columns of ranks go with --prediction"
            )
        if request.unknown != UNKNOWN[0]:
            raise PredictionError(f"{self.path}: --unknown {request.unknown} goes with --prediction")
        kept = [name for name in (request.sample_id, request.group) if name is not None]
        opened = open_predictions(
            self.path, request.values, request.target[0], kept=kept, decimal=request.decimal
        )
        columns = choose_columns(opened, self._class_names(), request.classes is not None)
        notes = _left_out(columns)
        if self.migration is None:
            bound, file = self._bound(columns)
            nodes = nodes_of(bound, request.separator)
        else:
            bound, file, nodes = self._migrated(columns.file, self.migration)
        notes += ["columns of inner nodes are the sums of their classes: checked"] * bool(columns.inner)
        return bound, matrix_samples(file, nodes, notes, request.sample_id, request.group)

    def _class_names(self) -> ClassNames:
        """What columns may be called."""
        if self.migration is not None:
            old = OldNames(self.migration)
            return ClassNames(old.classes, lambda name: (), self.migration.old_classes, old.names)
        tree, index = self.taxonomy.tree, self.taxonomy.index
        inner_too = self.request.inner_classes

        def find(name: Name, leaves: bool) -> list[int]:
            found = index.find(self._name(name))
            return [node for node in found if node and bool(tree.is_leaf[node]) is leaves]

        def classes(name: Name) -> list[int]:
            return [*find(name, True), *(find(name, False) if inner_too else ())]

        def inner(name: Name) -> list[int]:
            return [] if inner_too else find(name, False)

        paths = [tree.path(node) for node in tree.leaves.tolist()]
        return ClassNames(classes, inner, paths, [tree.names[node] for node in tree.leaves.tolist()])

    def _name(self, name: Name) -> Name:
        if not isinstance(name, str):
            return name
        try:
            return name_of_text(name, self.taxonomy.index, self.request.separator)
        except ValueError as error:
            raise PredictionError(f"{self.path}: column {name!r:.100}: {error}") from None

    def _names(self, texts: Sequence[Name]) -> list[Name]:
        try:
            return names_of_texts(texts, self.taxonomy.index, self.request.separator)
        except ValueError as error:
            raise PredictionError(f"{self.path}: the classes: {error}") from None

    def _bound(self, columns: Columns) -> tuple[Taxonomy, PredictionFile]:
        """The taxonomy in the order of the file's columns; a shifted order is never guessed."""
        request, file = self.request, columns.file
        stated = _names_of(request.classes)
        if not request.inner_classes and (file.columns is None or stated is not None):
            _check_width(file, self.taxonomy)
        own = ("the taxonomy file", self.taxonomy.bind().paths()) if request.file_order else None
        index = self.taxonomy.index
        names = column_names(file, lambda name: index.find(self._name(name)), stated, own)
        bound = self.taxonomy.bind(
            self._names(names), node_targets=True, inner_classes=request.inner_classes
        )
        _check_width(file, bound)
        return bound, self._with_above(file, columns.inner, bound)

    def _with_above(self, file: PredictionFile, places: Sequence[int], bound: Taxonomy) -> PredictionFile:
        """The file whose columns of inner nodes are compared with the sums of their classes."""
        if not places:
            return file
        inner = [file.header[place] for place in places]
        if file.values == "logits":
            shown = ", ".join(map(quoted, inner[:3])) + (", .." if len(inner) > 3 else "")
            raise PredictionError(
                f"{self.path}: {shown} {'is an inner node' if len(inner) == 1 else 'are inner nodes'}: say "
                "--values probs if these are probabilities of every node, --inner-classes if the model has "
                "an output for each"
            )
        tensors, below = node_tensors(bound), np.zeros((len(inner), len(bound)))
        for number, name in enumerate(inner):
            node = bound.node_id(self._name(name))
            below[number, tensors.depth_first[tensors.start[node] : tensors.stop[node]].numpy()] = 1
        return dataclasses.replace(file, above=Above(tuple(inner), tuple(places), below))

    def _migrated(
        self, file: PredictionFile, migration: Migration
    ) -> tuple[Taxonomy, PredictionFile, Nodes]:
        """The file of old predictions read as one of the new classes, and what its targets call."""
        old = OldNames(migration)
        own = ("the old taxonomy", migration.old_classes) if self.request.file_order else None
        names = column_names(file, old.classes, _names_of(self.request.classes), own)
        if file.width != len(names):
            count = len(migration.old_classes)
            raise PredictionError(
                f"{file.path}: expected {count} columns, the old classes, got {file.width}"
            )
        order = old.order(names, file.path)
        nodes = old_nodes(self.taxonomy, migration, old, order)
        return self.taxonomy, migrated(file, migration, order), nodes


def _left_out(columns: Columns) -> list[str]:
    if not columns.left_out:
        return []
    shown = ", ".join(map(quoted, columns.left_out[:4])) + (", .." if len(columns.left_out) > 4 else "")
    return [f"{counted(len(columns.left_out), 'column')} not used: {shown}"]


def _check_width(file: PredictionFile, taxonomy: Taxonomy) -> None:
    if file.width != len(taxonomy):
        raise PredictionError(
            f"{file.path}: expected {len(taxonomy)} columns, a class each, got {file.width}"
        )


def _names_of(classes: Path | None) -> tuple[str, tuple[str, ...]] | None:
    """What --classes names."""
    return None if classes is None else (str(classes), from_file(classes, Limits()).names)


def _loaded(map_: Path | None) -> Migration | None:
    try:
        return None if map_ is None else Migration.load(map_)
    except (ValueError, OSError) as error:
        raise PredictionError(str(error)) from None


def _new(taxonomy: Taxonomy, migration: Migration, request: Request) -> Taxonomy:
    """The taxonomy that a map leads to, bound to its order."""
    bound = taxonomy.bind(migration.new_classes, node_targets=True, inner_classes=True)
    if not any(form.same_binding(migration.new_digest) for form in (bound, taxonomy)):
        raise PredictionError(
            f"{request.migration}: expected a map to {taxonomy.name or 'this taxonomy'}, got one to "
            "another tree"
        )
    return bound
