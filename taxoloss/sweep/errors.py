"""What can be wrong with a sweep."""

from __future__ import annotations

__all__ = ["SweepError"]


class SweepError(ValueError):
    """A sweep cannot begin, or not go on: its cells, its folder or its training function are wrong."""
