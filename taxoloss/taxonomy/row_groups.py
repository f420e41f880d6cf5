"""Groups of rows (sites, videos, patients) as numbers, whatever holds their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from taxoloss.taxonomy.label_tables import LabelTable, open_labels
from taxoloss.taxonomy.names import integer_of, text_of
from taxoloss.taxonomy.placeholders import is_missing
from taxoloss.taxonomy.tree.arrays import IntArray

__all__ = ["group_codes"]

_EXPECTED = "expected groups as texts or as integers, one a row"


def group_codes(groups: Any, shape: tuple[int, ...] | None = None) -> IntArray:
    """For each row the number of its group, from 0 by first appearance: the same whatever they are called.

    Args:
        groups: texts or integers: a pandas or polars Series, a list, a numpy array, a tensor on any device.
        shape: of the targets, which the groups must have; None: any.

    Returns:
        (N,), or the shape of an array or tensor.

    Raises:
        TypeError: other values (truth values and floats too), texts beside integers, several columns.
        ValueError: another shape; a row without a group.

    >>> group_codes(["north", "north", "lake", "north"])
    array([0, 0, 1, 0])
    >>> group_codes(np.array([7, 7, 3, 7]))
    array([0, 0, 1, 0])
    """
    codes = _of_array(groups) if _is_array(groups) else _of_cells(_column(groups))
    if shape is not None and codes.shape != tuple(shape):
        raise ValueError(
            f"expected groups of shape {tuple(shape)}, one a row as the targets; got {codes.shape}"
        )
    return codes


def _is_array(groups: Any) -> TypeGuard[Any]:
    """Arrays of numpy and tensors, whose dtype says that they hold no texts."""
    kind = type(groups)
    return hasattr(kind, "detach") or (isinstance(groups, np.ndarray) and groups.dtype.kind not in "OUT")


def _of_array(groups: Any) -> IntArray:
    if "int" not in str(groups.dtype):
        raise TypeError(f"{_EXPECTED}; got {groups.dtype}")
    values: npt.NDArray[Any] = groups.detach().cpu().numpy() if hasattr(groups, "detach") else groups
    _, first, codes = np.unique(values.reshape(-1), return_index=True, return_inverse=True)
    by_appearance = np.empty(len(first), np.int64)
    by_appearance[np.argsort(first)] = np.arange(len(first))
    return by_appearance[codes.reshape(-1)].reshape(values.shape)


def _column(groups: Any) -> LabelTable:
    if isinstance(groups, (str, bytes, Mapping)) or not isinstance(groups, Iterable):
        raise TypeError(f"{_EXPECTED}; got {_said(groups)}")
    table = open_labels(groups)
    if len(table.columns) != 1:
        raise TypeError(
            f"{_EXPECTED}; got {len(table.columns)} columns, {', '.join(map(str, table.labels)):.80}"
        )
    return table


def _of_cells(table: LabelTable) -> IntArray:
    cells = table.columns[0].cells
    for row in (row for row, cell in enumerate(cells) if is_missing(cell)):
        raise ValueError(
            f"{_EXPECTED}; {table.place(row)} has none, {cells[row]!r}: leave such rows out, "
            "or give each a group"
        )
    seen: dict[str | int, int] = {}
    found = [seen.setdefault(_name(cell, row, table), len(seen)) for row, cell in enumerate(cells)]
    if len({isinstance(name, str) for name in seen}) > 1:
        # The text "1" beside the number 1: one group, or two.
        text = next(name for name in seen if isinstance(name, str))
        number = next(name for name in seen if not isinstance(name, str))
        raise TypeError(f"{_EXPECTED}; got both, {text!r:.40} and {number}")
    return np.array(found, np.int64)


def _name(cell: Any, row: int, table: LabelTable) -> str | int:
    if isinstance(cell, str):
        return text_of(cell)
    number = integer_of(cell)
    if number is None:
        raise TypeError(f"{_EXPECTED}; got {_said(cell)} at {table.place(row)}")
    return number


def _said(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.40}"
