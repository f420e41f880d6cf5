"""What a format is that a taxonomy is written in: its name, its writer, what it cannot say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["PARTS", "OutputFormat"]

#: What a taxonomy may have beside names, parents and order.
PARTS = ("head", "weights", "levels", "level_descriptions", "aliases", "descriptions", "parents")


@dataclass(frozen=True)
class OutputFormat:
    """A format that a taxonomy is written in.

    Args:
        name: what `--to` calls it.
        write: the taxonomy, and those options of `export` by name that `takes` holds, -> text or bytes.
        suffixes: of files that are written so.
        keeps: those of `PARTS` that it says.
        takes: "delimiter", of tables; "depth", of pictures.
        needs: the package, of the extra `plot`, that draws it.
    """

    name: str
    write: Callable[..., str | bytes]
    suffixes: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    needs: str | None = None
