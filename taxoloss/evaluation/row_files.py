"""Rows for people, written as CSV when all are known."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from taxoloss.evaluation.predictions import PredictionError
from taxoloss.taxonomy.file.atomic import write_whole

__all__ = ["RowFile"]


class RowFile:
    """A file of rows, whole or not there.

    Args:
        path: of the file.
        header: the names of its columns.
    """

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path, self._text = path, io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(header)

    def add(self, row: Iterable[Any]) -> None:
        """Takes a row."""
        self._writer.writerow(row)

    def write(self) -> None:
        """Writes the file.

        Raises:
            PredictionError: it cannot be written.
        """
        try:
            write_whole(self.path, self._text.getvalue())
        except OSError as error:
            raise PredictionError(f"{self.path}: cannot be written: {error.strerror or error}") from None
