"""matplotlib without a window, for tests; what a picture shows, read off it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import pytest

plt: Any = pytest.importorskip("matplotlib.pyplot")

__all__ = ["boxes", "drawn", "labels", "overlapping", "plt"]


@contextmanager
def drawn() -> Iterator[None]:
    """Draws without a window; there is no figure at the beginning and at the end."""
    plt.switch_backend("agg")
    plt.close("all")
    try:
        yield
    finally:
        plt.close("all")


def labels(texts: Iterable[Any]) -> list[str]:
    """The words of texts that are not empty."""
    return [text.get_text() for text in texts if text.get_text()]


def boxes(texts: Iterable[Any]) -> dict[str, Any]:
    """Where texts stand in a figure that was drawn, in dots, by their words and numbers."""
    shown = [text for text in texts if text.get_text()]
    return {f"{number} {one.get_text()}": one.get_window_extent() for number, one in enumerate(shown)}


def overlapping(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The pairs of texts that lie over each other by more than half a dot."""
    smaller = {name: box.padded(-0.5) for name, box in found.items()}
    return [(a, b) for a, b in combinations(smaller, 2) if smaller[a].overlaps(smaller[b])]
