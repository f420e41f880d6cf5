"""A file of predictions and a taxonomy, as samples of that taxonomy bound to the order of the file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from taxoloss.errors.characters import counted, quoted
from taxoloss.evaluation.answers import Roles, Truth, answer_samples
from taxoloss.evaluation.columns import ClassNames, Columns, choose_columns, column_names
from taxoloss.evaluation.documents import open_document
from taxoloss.evaluation.held import held_file
from taxoloss.evaluation.joined import Truths, read_truths, truth_table
from taxoloss.evaluation.long_form import ClassNumbers, gathered, is_long
from taxoloss.evaluation.matrices import matrix_samples
from taxoloss.evaluation.migrated import migrated
from taxoloss.evaluation.names import read_names
from taxoloss.evaluation.nodes import (
    Nodes,
    OldNames,
    name_of_text,
    names_of_texts,
    nodes_of,
    numbers_of_old,
    old_nodes,
)
from taxoloss.evaluation.predictions import Above, PredictionError, PredictionFile
from taxoloss.evaluation.readers import open_predictions
from taxoloss.evaluation.request import UNKNOWN, Request
from taxoloss.evaluation.sample_names import Different
from taxoloss.evaluation.samples import Samples
from taxoloss.evaluation.spellings import spelled
from taxoloss.evaluation.tables import SampleTable, open_samples_table
from taxoloss.sources.class_lists import from_file
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.file.limits import Limits
from taxoloss.taxonomy.plan import classes_below
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
    bound, samples = opening.answers(prediction) if prediction else opening.matrix(opening.document)
    if opening.migration is not None:
        samples = dataclasses.replace(samples, notes=(*samples.notes, *_gone(opening.migration)))
    return bound, samples


class _Opening:
    """A file, a taxonomy and a request."""

    def __init__(self, path: Path, taxonomy: Taxonomy, request: Request) -> None:
        self.path, self.request = path, request
        self.migration = _loaded(request.migration)
        self.taxonomy = taxonomy if self.migration is None else _new(taxonomy, self.migration, request)
        if request.targets is not None:
            _check_joined(path, request)
        self.truth_table = None if request.targets is None else truth_table(request.targets)
        self.document = open_document(path, request)

    # -- names ---------------------------------------------------------------------------------

    def default_prediction(self) -> tuple[str, ...]:
        """The column called `prediction`, where the file has one and none for the classes."""
        if self.document is not None and not self.document.truth:
            return (_PREDICTION,)
        if self.document is not None:
            columns = self.document.header if self.document.numbers is None else ()
        else:
            try:
                columns = open_predictions(self.path, None, None, kept=(_PREDICTION,)).header
            except PredictionError:
                return ()
        classes = self._class_names()
        return (_PREDICTION,) if _PREDICTION in columns and not any(map(classes.find, columns)) else ()

    def answers(self, prediction: tuple[str, ...]) -> tuple[Taxonomy, Samples]:
        """The samples of a table of names."""
        request, table = self.request, self.document
        if self.path.suffix.lower() == ".npz":
            raise PredictionError(f"{self.path}: expected no --prediction: an .npz has arrays, no columns")
        table = open_samples_table(self.path) if table is None else table
        if self.truth_table is None and set(prediction) & set(request.target):
            raise PredictionError(
                f"{self.path}: expected answers beside the truth, got {prediction[0]!r} as --target and as "
                "--prediction"
            )
        self._require_columns(table, prediction)
        self._require_one_truth([name for name in table.header if name not in prediction])
        bound, nodes = self._bound_for_names()
        table = spelled(table, nodes)
        if is_long(table, request):
            table = self._gathered(table, prediction, bound, nodes)
            if table.numbers is not None:
                return self.matrix(table)
        elif request.values is not None:
            raise PredictionError(
                f"{self.path}: --values {request.values} goes with numbers, --prediction with names"
            )
        truth = self._truth_of(table, bound, nodes)
        return bound, answer_samples(table, bound, nodes, self._roles(table, prediction), truth)

    def _roles(self, table: SampleTable, prediction: tuple[str, ...]) -> Roles:
        request = self.request
        score = "score" if request.score is None and not table.truth else request.score
        score = score if score in table.header else None  # of a ranking by what are no probabilities
        return Roles(
            request.target,
            prediction,
            request.sample_id,
            None if self._group_of_truth() else request.group,
            score,
            request.ranking,
            request.unknown,
            self._is_ordered(),
            request.decimal,
            self.migration is not None,
        )

    def _is_ordered(self) -> bool:
        """Whether the order of the classes was said."""
        return self.request.classes is not None or self.request.file_order

    def _require_columns(self, table: SampleTable, prediction: tuple[str, ...]) -> None:
        request = self.request
        named = {
            "--target": request.target if self.truth_table is None else (),
            "--prediction": prediction,
            "--id": (request.sample_id,),
            "--group": (None if self._group_of_truth() else request.group,),
            "--score": (request.score,),
        }
        table.require({
            option: [name for name in names if name is not None] for option, names in named.items()
        })  # fmt: skip

    def _gathered(
        self, table: SampleTable, prediction: tuple[str, ...], bound: Taxonomy, nodes: Nodes
    ) -> SampleTable:
        """A row for each sample, of a table with one for each class of a sample."""
        if len(prediction) > 1:
            raise PredictionError(
                f"{self.path}: rows share the names of their samples: expected one column of classes as "
                f"--prediction, got {', '.join(prediction)}"
            )
        if self.migration is None:
            numbers = ClassNumbers(nodes, len(bound), self._is_ordered())
        else:
            old_numbers = numbers_of_old(self.migration, self.old, self._old_order())
            numbers = ClassNumbers(old_numbers, len(self.migration.old_classes), self._is_ordered())
        return gathered(table, prediction[0], self.request, numbers)

    # -- the truth in another file -------------------------------------------------------------

    def _group_of_truth(self) -> bool:
        """Whether the file of the truth says what --group names."""
        return self.truth_table is not None and self.request.group in self.truth_table.header

    def _require_one_truth(self, header: Sequence[str]) -> None:
        """PredictionError where the truth of another file stands in the predictions too."""
        if self.truth_table is None:
            return
        twice = next((name for name in self.request.target if name in header), None)
        if twice is not None:
            raise PredictionError(
                f"{self.path}: the column {quoted(twice)} is in this file and in {self.truth_table.path}: "
                "leave --targets out, or name the truth of that file by --target"
            )
        group = self.request.group
        if group is not None and group in header and group in self.truth_table.header:
            raise PredictionError(
                f"{self.path}: the column {quoted(group)} of --group is in this file and in "
                f"{self.truth_table.path}: rename it, or leave it out of one"
            )

    def _truths(self, bound: Taxonomy, nodes: Nodes, ordered: bool) -> Truths | None:
        """The truths of another file."""
        if self.truth_table is None:
            return None
        return read_truths(self.truth_table, self.request, bound, nodes, ordered=ordered)

    def _truth_of(self, table: SampleTable, bound: Taxonomy, nodes: Nodes) -> Truth | None:
        """What another file says of the rows of a table, whose names must differ."""
        request = self.request
        truths = self._truths(bound, nodes, self._is_ordered())
        if request.sample_id is None:
            return None
        names = Different(self.path, request.sample_id, lambda row: table.called(row - 1))
        ids = names.take(table.cells(request.sample_id))
        return None if truths is None else truths.of(ids, truths.settle(ids, self.path, request.unknown))

    @cached_property
    def old(self) -> OldNames:
        """What the names of the older tree call."""
        assert self.migration is not None  # whoever asks has looked
        return OldNames(self.migration)

    def _old_order(self) -> npt.NDArray[np.int64] | None:
        """For each class of the older tree its place in --classes; None where that was not said."""
        stated = _names_of(self.request.classes)
        return None if stated is None else self.old.order(stated[1], self.path)

    def _bound_for_names(self) -> tuple[Taxonomy, Nodes]:
        """The taxonomy in the order that was said, else in its own, and what names call."""
        request = self.request
        if self.migration is not None:
            return self.taxonomy, old_nodes(self.taxonomy, self.migration, self.old, self._old_order())
        stated = _names_of(request.classes)
        if stated is None:
            bound = self.taxonomy.bind(node_targets=True)
        else:
            names = self._names(stated[1])
            bound = self.taxonomy.bind(names, node_targets=True, inner_classes=request.inner_classes)
        return bound, nodes_of(bound, request.separator)

    # -- a column for each class ---------------------------------------------------------------

    def matrix(self, table: SampleTable | None) -> tuple[Taxonomy, Samples]:
        """The samples of a file of numbers, or of a table of them."""
        request = self.request
        self._check_matrix()
        opened = self._opened(table)
        self._require_one_truth(opened.header if table is None else table.header)
        columns = choose_columns(opened, self._class_names(), request.classes is not None)
        notes = [*(table.notes if table is not None else ()), *_left_out(columns)]
        if self.migration is None:
            bound, file = self._bound(columns)
            nodes = nodes_of(bound, request.separator)
        else:
            bound, file, nodes = self._migrated(columns.file, self.migration)
        notes += ["columns of inner nodes are the sums of their classes: checked"] * bool(columns.inner)
        ordered = table is None or table.in_order or self._is_ordered()
        truths = self._truths(bound, nodes, ordered)
        if table is not None and truths is None and not ordered:
            name = request.target[0]
            where = f"{self.path}: column {name!r}"
            read_names(filter(None, table.cells(name)), nodes, where, ordered=False)
        rows, left = file.rows, 0
        if truths is not None:
            ids = self._ids(columns.file)
            notes += truths.settle(ids, self.path, request.unknown)
            left = truths.left_out(ids)
            rows = len(ids) - left
        group = None if self._group_of_truth() else request.group
        found = matrix_samples(file, nodes, notes, request.sample_id, group, truths)
        how = f"{table.what}: {found.how}" if table is not None and table.what else found.how
        return bound, dataclasses.replace(found, how=how, rows=rows, left_out=left)

    def _check_matrix(self) -> None:
        request = self.request
        if len(request.target) != 1 and request.targets is None:
            raise PredictionError(
                f"{self.path}: expected one column as --target, got {', '.join(request.target)}; several "
                "columns of ranks go with --prediction, or with --targets"
            )
        if request.unknown == UNKNOWN[0] or (request.unknown == "drop" and request.targets is not None):
            return
        raise PredictionError(f"{self.path}: --unknown {request.unknown} goes with --prediction")

    def _opened(self, table: SampleTable | None) -> PredictionFile:
        """The file, its numbers in the columns that no option names."""
        request = self.request
        target = request.target[0] if request.targets is None else None
        group = None if self._group_of_truth() else request.group
        kept = [name for name in (request.sample_id, group) if name is not None]
        if table is None:
            return open_predictions(self.path, request.values, target, kept=kept, decimal=request.decimal)
        return held_file(table, request.values, target, kept, request.decimal)

    def _ids(self, file: PredictionFile) -> list[str]:
        """The names of all samples, which must differ."""
        column = self.request.sample_id or ""
        names = Different(self.path, column, file.called)
        return [name for block in file.blocks() for name in names.take(block.kept[column], block.first)]

    def _class_names(self) -> ClassNames:
        """What columns may be called."""
        if self.migration is not None:
            old = self.old
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
        below = np.zeros((len(inner), len(bound)))
        for number, name in enumerate(inner):
            below[number, classes_below(bound, bound.node_id(self._name(name)))] = 1
        return dataclasses.replace(file, above=Above(tuple(inner), tuple(places), below))

    def _migrated(
        self, file: PredictionFile, migration: Migration
    ) -> tuple[Taxonomy, PredictionFile, Nodes]:
        """The file of old predictions read as one of the new classes, and what its targets call."""
        old = self.old
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


def _check_joined(path: Path, request: Request) -> None:
    if path.suffix.lower() == ".npz":
        raise PredictionError(f"{path}: expected no --targets: the truth of an .npz is its array targets")
    if request.sample_id is None:
        raise PredictionError(
            f"{request.targets}: expected --id NAME, the column by which both files name the samples"
        )


def _left_out(columns: Columns) -> list[str]:
    if not columns.left_out:
        return []
    return [f"{counted(len(columns.left_out), 'column')} not used: {_first_of(columns.left_out)}"]


def _first_of(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names[:4])) + (", .." if len(names) > 4 else "")


def _gone(migration: Migration) -> list[str]:
    """What becomes of old classes that are in no new one: without a word, scores could rise by it."""
    fed = zip(migration.old_classes, migration.shares(), strict=True)
    gone = [path[-1] for path, share in fed if share == 0]
    if not gone:
        return []
    of = counted(len(migration.old_classes), "old class")
    return [
        f"{len(gone):,} of {of} in no new one: {_first_of(gone)}; as truth and as answer the node above "
        "counts, of numbers those of the other classes alone"
    ]


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
    except OSError as error:
        raise PredictionError(f"{map_}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
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
