"""Whose names stand in a file: what its texts and numbers call, in the tree or in an older one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import chain

import numpy as np
import numpy.typing as npt

from taxoloss.errors.faults import BindingError
from taxoloss.evaluation.predictions import PredictionError
from taxoloss.sources.separators import MARKS
from taxoloss.taxonomy.binding import NameIndex
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.names import nfc
from taxoloss.taxonomy.taxonomy import Taxonomy
from taxoloss.taxonomy.versions.migration import Migration

__all__ = [
    "Nodes",
    "OldNames",
    "UnknownNameError",
    "integer_names",
    "name_of_text",
    "names_of_texts",
    "nodes_of",
    "numbers_of_old",
    "old_nodes",
]

Path_ = tuple[str, ...]
_MOST_DIGITS = 1000
_OLD = "an old class or node by name or path"


class UnknownNameError(ValueError):
    """A text calls no node."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """What the texts and the numbers of a file call.

    Args:
        find: the target id of a name, or of a path as text or a tuple; UnknownNameError where there is
            none, ValueError where there are several.
        path_in: the whole path from the top that a text writes, of one name too; None where it writes none.
        paths: whether the separator of the paths was said, so that texts are paths.
        by_number: the target id of a number, 0 <= number < count.
        path_of: the path that a number calls, for messages.
        count: of the numbers.
        integers: the names of the tree that are integers.
        names: all that may be meant, for the nearest.
        expected: what a text may be.
    """

    find: Callable[[Name], int]
    path_in: Callable[[str], Path_ | None]
    by_number: Callable[[int], int]
    path_of: Callable[[int], Path_]
    count: int
    integers: Mapping[int, str]
    names: Sequence[str]
    expected: str = "a node's name or path"
    paths: bool = False


def nodes_of(taxonomy: Taxonomy, separator: str | None = None) -> Nodes:
    """What texts call in a bound taxonomy, and numbers as its target ids.

    Args:
        taxonomy: bound.
        separator: the one between the names of a path; None: whichever makes a path of the tree.
    """
    index = taxonomy.index
    names = list(dict.fromkeys(chain(taxonomy.tree.names[1:], *taxonomy.aliases.values())))

    def find(name: Name) -> int:
        try:
            meant = name_of_text(name, index, separator) if isinstance(name, str) else name
            return taxonomy.node_id(meant)
        except ValueError as error:
            none = not index.find(meant) if isinstance(error, BindingError) else False
            kind = UnknownNameError if none else ValueError
            raise kind(f"target {name!r:.100}: {error}") from None

    def path_in(text: str) -> Path_ | None:
        paths = [path for path in dict.fromkeys(_paths_of(nfc(text), separator)) if index.by_path(path)]
        return paths[0] if len(paths) == 1 else None

    paths = separator is not None
    integers = integer_names(names)
    return Nodes(find, path_in, int, taxonomy.path, taxonomy.num_nodes, integers, names, paths=paths)


def name_of_text(text: str, index: NameIndex, separator: str | None = None) -> Name:
    """The name in a cell, or the path, whatever mark stands between its names.

    Raises:
        ValueError: it may be both, or several paths, of different nodes.

    >>> import taxoloss
    >>> index = taxoloss.load({"tree": {"cat": ["Bengal"], "dog": ["pug"]}}).index
    >>> name_of_text("Bengal ", index), name_of_text("cat; Bengal", index)
    ('Bengal', ('cat', 'Bengal'))
    """
    text = nfc(text)
    text = text if index.by_name(text) else text.strip()
    readings: list[Name] = [text] if index.find(text) else []
    if "/" in text and index.by_name(text) and index.by_text(text):
        readings += [index.tree.path(node) for node in index.by_text(text)]
    readings += [path for path in _paths_of(text, separator) if len(path) > 1 and index.by_path(path)]
    nodes = list(dict.fromkeys(chain.from_iterable(map(index.find, readings))))
    if len(nodes) > 1 and len(readings) > 1:
        shown = ", ".join(repr(index.tree.path(node)) for node in nodes)
        raise ValueError(f"{text!r:.100} may be a name or a path: {shown}")
    return readings[0] if readings else text


def names_of_texts(texts: Sequence[Name], index: NameIndex, separator: str | None = None) -> list[Name]:
    """The names of a list of classes; where a name stands twice and all are whole paths, the paths.

    Names alone are no paths, though each might be that of a top node: one path of several names says so.

    Raises:
        ValueError: a text may be a name, or a path, of different nodes.
    """
    names = [name_of_text(text, index, separator) if isinstance(text, str) else text for text in texts]
    if all(len(index.find(name)) < 2 for name in names):
        return names
    paths: list[Name] = []
    for text in texts:
        cut = [text] if isinstance(text, tuple) else _paths_of(nfc(text), separator)
        paths += list(dict.fromkeys(path for path in cut if index.by_path(path)))
    said = separator is not None or any(len(path) > 1 for path in paths)
    return paths if said and len(paths) == len(names) else names


def _paths_of(text: str, separator: str | None) -> Iterator[Path_]:
    """The text as one name, and cut at every mark that it holds."""
    yield (text.strip(),)
    for mark in MARKS if separator is None else (separator,):
        if mark in text:
            yield tuple(part.strip() for part in text.split(mark))


# -- names that are integers -----------------------------------------------------------------------


def integer_names(names: Iterable[str]) -> dict[int, str]:
    """The first name of each integer, also where it is written as 02, 2.0, 2,0 or 2e0.

    >>> integer_names(["a2", "2.0", "02", "1.5"])
    {2: '2.0'}
    """
    found: dict[int, str] = {}
    for name in names:
        number = _integer(name)
        if number is not None:
            found.setdefault(number, name)
    return found


def _integer(name: str) -> int | None:
    if not any(map(str.isdecimal, name)):
        return None
    try:
        number = Decimal(name.strip().replace(",", "."))
    except InvalidOperation:
        return None
    whole = number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS and number == int(number)
    return int(number) if whole else None


# -- an older tree ---------------------------------------------------------------------------------


class OldNames:
    """What the names and paths of an old tree call."""

    def __init__(self, migration: Migration) -> None:
        self._nodes: dict[str, list[Path_]] = {}
        for old in filter(None, migration.nodes):
            self._call(("/".join(old), old[-1]), old)
        for texts, old in zip(migration.names, migration.old_classes, strict=True):
            self._call(texts, old)
        self._number = {old: number for number, old in enumerate(migration.old_classes)}
        self.paths = frozenset(migration.nodes)

    @property
    def names(self) -> list[str]:
        """All texts that call a node."""
        return list(self._nodes)

    def _call(self, texts: Iterable[str], old: Path_) -> None:
        for text in texts:
            nodes = self._nodes.setdefault(nfc(text), [])
            if old not in nodes:
                nodes.append(old)

    def nodes(self, name: Name) -> list[Path_]:
        """The paths of the nodes that a name may mean."""
        if isinstance(name, tuple):
            return [name] if name in self.paths else []
        found = self._nodes.get(nfc(name)) or self._nodes.get(nfc(name.strip()), [])
        paths = (path for path in _paths_of(nfc(name), None) if len(path) > 1 and path in self.paths)
        return list(dict.fromkeys([*found, *paths]))

    def node(self, name: Name) -> Path_:
        """The path of the one node of a name; ValueError where there is none, or several."""
        found = self.nodes(name)
        if len(found) != 1:
            several = f": it names {len(found)} nodes, {', '.join(map(repr, found[:4]))}" if found else ""
            kind = ValueError if found else UnknownNameError
            raise kind(f"expected {_OLD}, or an old class's number, got {name!r:.100}{several}")
        return found[0]

    def classes(self, name: Name) -> list[int]:
        """The numbers of the classes that a name may mean."""
        return [self._number[old] for old in self.nodes(name) if old in self._number]

    def order(self, columns: Sequence[Name], where: object) -> npt.NDArray[np.int64]:
        """For each old class its place among the columns.

        Raises:
            PredictionError: a column is no old class, or one stands twice, or is missing.
        """
        count = len(self._number)
        if len(columns) != count:
            raise PredictionError(f"{where}: expected {count} columns, the old classes, got {len(columns)}")
        column_of: dict[int, int] = {}
        for column, name in enumerate(columns):
            found = self.classes(name)
            if len(found) != 1:
                several = f", which names {len(found)} of them" if found else ""
                raise PredictionError(
                    f"{where}: expected the old classes as columns, got {name!r:.100}{several}"
                )
            if column_of.setdefault(found[0], column) != column:
                raise PredictionError(
                    f"{where}: expected each old class as one column, got {name!r:.100} twice"
                )
        return np.array([column_of[number] for number in range(count)], np.int64)


def old_nodes(
    taxonomy: Taxonomy, migration: Migration, names: OldNames, order: npt.NDArray[np.int64] | None
) -> Nodes:
    """What texts call in an old tree, as target ids of the new one; numbers are old classes by column.

    Args:
        taxonomy: the new one, bound.
        migration: from the old tree to it.
        names: of the old tree.
        order: for each old class its column; None: in the order of the migration.
    """
    old = migration.old_classes
    classes = old if order is None else tuple(old[number] for number in np.argsort(order).tolist())
    new_ids = dict(zip(migration.nodes, taxonomy.node_ids(migration.nodes.values()).tolist(), strict=True))
    integers = integer_names(chain((path[-1] for path in migration.nodes if path), *migration.names))
    return Nodes(
        lambda name: new_ids[names.node(name)],
        lambda text: next((path for path in _paths_of(nfc(text), None) if path in names.paths), None),
        lambda number: new_ids[classes[number]],
        classes.__getitem__,
        len(classes),
        integers,
        names.names,
        _OLD,
    )


def numbers_of_old(migration: Migration, names: OldNames, order: npt.NDArray[np.int64] | None) -> Nodes:
    """What texts call in an old tree, each node by a number of its own: first the classes, by column.

    Args:
        migration: from the old tree.
        names: of the old tree.
        order: for each old class its column; None: in the order of the migration.
    """
    old = migration.old_classes
    classes = old if order is None else tuple(old[number] for number in np.argsort(order).tolist())
    paths = list(dict.fromkeys([*classes, *migration.nodes]))
    number_of = {path: number for number, path in enumerate(paths)}
    integers = integer_names(chain((path[-1] for path in migration.nodes if path), *migration.names))
    return Nodes(
        lambda name: number_of[names.node(name)],
        lambda text: next((path for path in _paths_of(nfc(text), None) if path in names.paths), None),
        int,
        paths.__getitem__,
        len(classes),
        integers,
        names.names,
        _OLD,
    )
