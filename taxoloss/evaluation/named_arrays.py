"""Arrays of an .npz beside its numbers: targets, classes, and those that name samples and groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from taxoloss.errors.characters import escape_invisible, quoted
from taxoloss.errors.suggestions import did_you_mean
from taxoloss.evaluation.predictions import PredictionError

__all__ = ["array_of", "names_of_rows"]


def array_of(path: Path, arrays: Any, name: str) -> npt.NDArray[Any]:
    """An array of an open .npz.

    Raises:
        PredictionError: it holds Python objects: to read them could run whatever a file says.
    """
    try:
        found: npt.NDArray[Any] = np.asarray(arrays[name])
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise PredictionError(
            f"{path}: expected {quoted(name)} as text or numbers, got Python objects: save the array as "
            f"text, with .astype(str)"
        ) from None
    return found


def names_of_rows(path: Path, arrays: Any, kept: Sequence[str], rows: int) -> dict[str, list[str]]:
    """The arrays that --id and --group name, a text for each row.

    Args:
        path: of the file.
        arrays: of the open file.
        kept: names of arrays of n texts or integers.
        rows: n.

    Raises:
        PredictionError: there is no such array, or it is another one.
    """
    return {name: _texts(path, arrays, name, rows) for name in kept}


def _texts(path: Path, arrays: Any, name: str, rows: int) -> list[str]:
    if name not in arrays.files:
        near = did_you_mean(name, arrays.files)
        shown = escape_invisible(", ".join(arrays.files[:8])) + (", ..." if len(arrays.files) > 8 else "")
        raise PredictionError(
            f"{path}: expected an array {quoted(name)}, as --id or --group names it, got the arrays "
            f"{shown:.200}{f'; {near}' if near else ''}"
        )
    found = array_of(path, arrays, name)
    if found.dtype.kind not in "iuU" or found.shape != (rows,):
        raise PredictionError(
            f"{path}: expected {quoted(name)} as {rows:,} texts or integers, one for each row, got "
            f"{found.dtype} of shape {found.shape}"
        )
    return list(map(str, found.tolist()))
