"""Tables of samples as text, whatever file holds them."""

from __future__ import annotations

from pathlib import Path

from taxoloss.evaluation.predictions import PredictionError
from taxoloss.sources.base import Options
from taxoloss.sources.tables.table import Table, open_table

__all__ = ["open_samples_table"]

_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")


def open_samples_table(path: Path) -> Table:
    """The table of a file, its cells as text.

    Raises:
        PredictionError: it is of another kind.
        TaxonomyError: it is no table.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise PredictionError(
            f"{path}: expected a file that ends in {', '.join(_SUFFIXES)}, got {suffix!r}"
        )
    return open_table(path, Options())
