"""What can be wrong with a sweep."""

from __future__ import annotations

__all__ = ["SweepError", "TableError"]


class SweepError(ValueError):
    """A sweep cannot begin, or not go on: its cells, its folder or its training function are wrong."""


class TableError(ValueError):
    """A results.csv that is not there, not whole, or cannot answer what was asked."""
