"""What the targets of a file mean: names and paths, or numbers, and never the one for want of the other.

Integers of a text or a table are ids only where all targets are integers and no node of the tree has an
integer as its name, in whatever digits: a mistyped code would be the id of another node. Integers of an
array are ids, and refused where each of them is also a name, and one of them that of another node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from taxoloss.evaluation.nodes import Nodes
from taxoloss.evaluation.predictions import Block, PredictionError, PredictionFile

__all__ = ["INTEGER", "TargetReader", "no_id"]

#: A number as people write ids.
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_WHOLE_FLOAT = re.compile(r"[0-9]+\.0*")


def no_id(text: str, nodes: Nodes) -> str:
    """Of a number that is no name: why it is no id, and the node that it would be as one."""
    if _WHOLE_FLOAT.fullmatch(text):
        return "; ids are integers: a column of them becomes one of floats where a row has none"
    number = int(text) if INTEGER.fullmatch(text) else None
    if number is None or not 0 <= number < nodes.count or not nodes.integers:
        return ""
    name = nodes.integers.get(number, next(iter(nodes.integers.values())))
    return (
        f"; as an id it would be {'/'.join(nodes.path_of(number))!r}, but targets of a table are no ids "
        f"where a node has an integer as its name, such as {name!r}"
    )


class TargetReader:
    """The target ids of the rows of a file, row by row.

    Args:
        file: that they stand in.
        nodes: what its texts and numbers call.

    Raises:
        PredictionError: integers of an array are both ids and names, of different nodes.
    """

    def __init__(self, file: PredictionFile, nodes: Nodes) -> None:
        self.file, self.nodes = file, nodes
        self._known: dict[str | int, int] = {}
        #: Whether targets are ids, and the row and the text that say so.
        self._first: tuple[bool, int, str] | None = None
        self._refuse_two_readings()

    def _refuse_two_readings(self) -> None:
        """PredictionError where the integers of an array may be ids, and may be names of other nodes."""
        given, nodes = self.file.integers, self.nodes
        if not all(number in nodes.integers and 0 <= number < nodes.count for number in given):
            return
        for number, row in given.items():
            name = nodes.integers[number]
            if not self._is_node(name, nodes.by_number(number)):
                path = "/".join(nodes.path_of(number))
                raise PredictionError(
                    f"{self.file.place(row)}: expected a target with one reading, got {number}: as an id "
                    f"it is {path!r}, as a name {name!r}, and all may be either; give the names as text"
                )

    def _is_node(self, name: str, node: int) -> bool:
        try:
            return self.nodes.find(name) == node
        except ValueError:  # of several nodes
            return False

    def __call__(self, block: Block) -> list[int]:
        """The ids of the rows of a block; PredictionError with the first that is none."""
        found = []
        targets: Iterable[str | int] = block.targets
        for row, target in enumerate(targets, block.first):
            if target not in self._known:
                self._known[target] = self._find(target, row)
            found.append(self._known[target])
        return found

    def _find(self, target: str | int, row: int) -> int:
        if isinstance(target, int):
            return self._of_number(target, row)
        text = target.strip()
        if not text:
            raise PredictionError(f"{self.file.place(row)}: expected {self.nodes.expected}, got none")
        as_id = bool(INTEGER.fullmatch(text)) and not self.nodes.integers
        self._agree(as_id, row, text)
        if as_id:
            return self._of_number(int(text), row)
        try:
            return self.nodes.find(target)
        except ValueError as error:
            words = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
            raise PredictionError(f"{self.file.place(row)}: {words}{no_id(text, self.nodes)}") from None

    def _of_number(self, number: int, row: int) -> int:
        if not 0 <= number < self.nodes.count:
            last = self.nodes.count - 1
            raise PredictionError(
                f"{self.file.place(row)}: expected a target in 0..{last}, or a name, got {number}"
            )
        return self.nodes.by_number(number)

    def _agree(self, as_id: bool, row: int, text: str) -> None:
        """PredictionError where one row has an id and another a name."""
        if self._first is None:
            self._first = as_id, row, text
        first, first_row, first_text = self._first
        if first == as_id:
            return
        ids = f"an id (0..{self.nodes.count - 1})"
        expected, found = (ids, self.nodes.expected) if first else (self.nodes.expected, ids)
        raise PredictionError(
            f"{self.file.place(row)}: expected {expected}, as {first_text!r:.60} in row {first_row}, got "
            f"{text!r:.60}; targets are ids only where all are integers, and this may be {found}"
        )
