"""What the targets of a file mean: names and paths, or numbers, and never the one for want of the other.

Integers of a text or a table are ids only where all targets are integers and no node of the tree has an
integer as its name, in whatever digits: a mistyped code would be the id of another node. Integers of an
array are ids, and refused where each of them is also a name, and one of them that of another node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Generic, TypeVar

from taxoloss.evaluation.predictions import Block, PredictionError, PredictionFile
from taxoloss.taxonomy.binding import NameIndex
from taxoloss.taxonomy.class_names import Name
from taxoloss.taxonomy.names import nfc

__all__ = ["TargetReader", "integer_names", "name_of_text"]

T = TypeVar("T")

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_WHOLE_FLOAT = re.compile(r"[0-9]+\.0*")
_MOST_DIGITS = 1000


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


def name_of_text(text: str, index: NameIndex) -> str:
    """The name or path a/b/c in a cell; ValueError where it is a name and a path, of two nodes."""
    text = nfc(text)
    text = text if index.by_name(text) else text.strip()
    named, other = index.by_name(text), index.by_text(text) if "/" in text else []
    if named and other and other != named:
        nodes = ", ".join(repr(index.tree.path(node)) for node in (*named, *other))
        raise ValueError(f"{text!r:.100} may be a name or a path: {nodes}")
    return text


class TargetReader(Generic[T]):
    """The nodes of the targets of a file, row by row.

    Args:
        file: that they stand in.
        find: the node of a text, or of a path as a tuple; ValueError where there is none.
        by_id: the node of an id, 0 <= id < count.
        path_of: the path of the node of an id, for messages.
        count: of the ids.
        integers: the names of the tree that are integers.
        expected: what a target may be beside an id.

    Raises:
        PredictionError: integers of an array are both ids and names, of different nodes.
    """

    def __init__(
        self,
        file: PredictionFile,
        find: Callable[[Name], T],
        by_id: Callable[[int], T],
        path_of: Callable[[int], tuple[str, ...]],
        count: int,
        integers: Mapping[int, str],
        expected: str = "a node's name or path",
    ) -> None:
        self.file, self.find, self.by_id, self.path_of, self.count = file, find, by_id, path_of, count
        self.integers, self.expected = integers, expected
        self._known: dict[str | int | tuple[str, ...], T] = {}
        #: Whether targets are ids, and the row and the text that say so.
        self._first: tuple[bool, int, str] | None = None
        self._refuse_two_readings()

    def _refuse_two_readings(self) -> None:
        """PredictionError where the integers of an array may be ids, and may be names of other nodes."""
        given = self.file.integers
        if not all(number in self.integers and 0 <= number < self.count for number in given):
            return
        for number, row in given.items():
            name = self.integers[number]
            if not self._is_node(name, self.by_id(number)):
                path = "/".join(self.path_of(number))
                raise PredictionError(
                    f"{self.file.place(row)}: expected a target with one reading, got {number}: as an id "
                    f"it is {path!r}, as a name {name!r}, and all may be either; give the names as text"
                )

    def _is_node(self, name: str, node: T) -> bool:
        try:
            return self.find(name) == node
        except ValueError:  # of several nodes
            return False

    def __call__(self, block: Block) -> list[T]:
        """The nodes of the rows of a block; PredictionError with the first that is none."""
        found = []
        targets: Iterable[str | int | tuple[str, ...]] = block.targets
        for row, target in enumerate(targets, block.first):
            if target not in self._known:
                self._known[target] = self._find(target, row)
            found.append(self._known[target])
        return found

    def _find(self, target: str | int | tuple[str, ...], row: int) -> T:
        if isinstance(target, int):
            return self._of_id(target, row)
        if isinstance(target, tuple):
            return self.find(target)
        text = target.strip()
        if not text:
            raise PredictionError(f"{self.file.place(row)}: expected {self.expected}, got none")
        number = int(text) if _INTEGER.fullmatch(text) and len(text) < 20 else None
        as_id = number is not None and not self.integers
        self._agree(as_id, row, text)
        if as_id and number is not None:
            return self._of_id(number, row)
        try:
            return self.find(target)
        except ValueError as error:
            words = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
            raise PredictionError(f"{self.file.place(row)}: {words}{self._no_id(text, number)}") from None

    def _of_id(self, number: int, row: int) -> T:
        if not 0 <= number < self.count:
            raise PredictionError(
                f"{self.file.place(row)}: expected a target in 0..{self.count - 1}, or a name, got {number}"
            )
        return self.by_id(number)

    def _agree(self, as_id: bool, row: int, text: str) -> None:
        """PredictionError where one row has an id and another a name."""
        if self._first is None:
            self._first = as_id, row, text
        first, first_row, first_text = self._first
        if first == as_id:
            return
        ids = f"an id (0..{self.count - 1})"
        expected, found = (ids, self.expected) if first else (self.expected, ids)
        raise PredictionError(
            f"{self.file.place(row)}: expected {expected}, as {first_text!r:.60} in row {first_row}, got "
            f"{text!r:.60}; targets are ids only where all are integers, and this may be {found}"
        )

    def _no_id(self, text: str, number: int | None) -> str:
        """Of a number that is no name: why it is no id, and the node that it would be as one."""
        if _WHOLE_FLOAT.fullmatch(text):
            return "; ids are integers: a column of them becomes one of floats where a row has none"
        if number is None or not 0 <= number < self.count:
            return ""
        name = self.integers.get(number, next(iter(self.integers.values())))
        return (
            f"; as an id it would be {'/'.join(self.path_of(number))!r}, but targets of a table are no ids "
            f"where a node has an integer as its name, such as {name!r}"
        )
