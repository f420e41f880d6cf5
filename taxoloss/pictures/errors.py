"""What can be wrong with a table of results."""

from __future__ import annotations

__all__ = ["TableError"]


class TableError(ValueError):
    """A results.csv that is not there, not whole, or cannot answer what was asked."""
