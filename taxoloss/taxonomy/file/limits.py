"""How large a file from anyone may be."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_LEVELS", "MORE", "Limits"]

MAX_LEVELS = 64
_MOST_LEVELS = 128  # each is a few frames of Python's stack
#: The help of a fault that a limit makes.
MORE = "taxoloss.Limits in Python and --limit on the command line allow more"


@dataclass(frozen=True)
class Limits:
    """How large a taxonomy may be that comes from anyone: more is a fault, found before it costs much.

    Args:
        levels: of the tree, at most 128.
        nodes: of the tree.
        bytes: of the file.
        scalar: characters of one text; a name has 10,000 at most.

    Raises:
        ValueError: a limit is not a positive whole number, or there are more than 128 levels.

    >>> Limits(nodes=10).nodes
    10
    """

    levels: int = MAX_LEVELS
    nodes: int = 2_000_000
    bytes: int = 256 * 2**20
    scalar: int = 2**20

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"expected a positive whole number as the limit {name}, got {value!r:.40}")
        if self.levels > _MOST_LEVELS:
            raise ValueError(f"expected at most {_MOST_LEVELS} levels as the limit, got {self.levels}")

    @property
    def nesting(self) -> int:
        """Brackets: each level written out as list > mapping > children, and the file around them."""
        return 3 * self.levels + 8

    @property
    def values(self) -> int:
        """Keys, texts, lists and mappings: a node is two of them, or a few where it is written out."""
        return 4 * self.nodes + 1_000
