"""The names of samples: each row has its own, unless the rows are the classes of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from taxoloss.errors.characters import quoted
from taxoloss.evaluation.predictions import PredictionError

__all__ = ["Different"]


class Different:
    """Refuses the second row of a sample, over all blocks of a file.

    Args:
        path: of the file.
        column: with the names.
        called: how a row, from 1, is called.
    """

    def __init__(self, path: Path, column: str, called: Callable[[int], str]) -> None:
        self.path, self.column, self.called = path, column, called
        self._first: dict[str, int] = {}

    def take(self, names: Iterable[str], first: int = 1) -> list[str]:
        """The names of rows from `first` on, without spaces around them.

        Raises:
            PredictionError: a name stands twice, or is empty.
        """
        found = [name.strip() for name in names]
        for row, name in enumerate(found, first):
            if not name:
                raise PredictionError(
                    f"{self.path}: {self.called(row)}: expected the name of a sample in "
                    f"{quoted(self.column)}"
                )
            if self._first.setdefault(name, row) != row:
                earlier = self.called(self._first[name])
                raise PredictionError(
                    f"{self.path}: several rows call the sample {quoted(name)}, {earlier} and "
                    f"{self.called(row)}: say --score NAME if they are classes of one sample, each with a "
                    f"number; --group {self.column} in place of --id if they are samples of one group"
                )
        return found
