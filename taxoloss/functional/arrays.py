"""Arrays and tables of other libraries as tensors: numpy, pandas, polars, none of which is imported for it.

A tensor goes through untouched. Columns (or the index of one row) that have names are put into the order of
the classes by these names: `predict_proba` gives sorted classes, a tree has its own order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from taxoloss.functional.slips import kind_of
from taxoloss.taxonomy.names import integer_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["ids_of", "refuse_two_row_orders", "scores_of", "tensor_of"]

_WHOLE = (np.int64, np.int32, np.int16, np.int8, np.uint8)


def scores_of(
    scores: Any, taxonomy: Taxonomy, what: str = "logits", device: torch.device | None = None
) -> Tensor:
    """Logits, probabilities or node ids as a tensor; a tensor as it is.

    Args:
        scores: a tensor, an array, or a table with a row a sample and a column a class.
        taxonomy: bound; columns that have names are put into the order of its classes.
        what: how they are called in errors.
        device: where the tensor of an array is made; None: the CPU.

    Raises:
        TypeError: nothing of these; values that are no numbers.
        ValueError: columns that are numbers in another order than 0..C-1, or names that are not the
            classes.

    >>> import taxoloss
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> scores_of(np.array([[0.5, 0.25, 0.25]]), t)
    tensor([[0.5000, 0.2500, 0.2500]], dtype=torch.float64)
    """
    if isinstance(scores, Tensor):
        return scores
    array = _numbers(scores, what)
    labels = _labels(scores, array)
    if labels is not None and array.dtype.kind == "f":
        array = array[..., _order(labels, taxonomy, what)]
    return _tensor(array, device)


def ids_of(values: Any, what: str = "target", device: torch.device | None = None) -> Tensor:
    """Node ids as a tensor; a tensor as it is.

    Raises:
        TypeError: no tensor or array; names, which `Taxonomy.node_ids` and `Taxonomy.targets` read.

    >>> ids_of(np.array([2, 0], dtype=np.uint16))
    tensor([2, 0])
    """
    if isinstance(values, Tensor):
        return values
    array = _numbers(values, what)
    if array.dtype.kind not in "iu":
        raise TypeError(f"expected {what} as integer node ids, got {array.dtype}")
    return _tensor(array, device)


def tensor_of(values: Any, what: str, device: torch.device | None = None) -> Tensor:
    """Numbers as a tensor, a tensor as it is; TypeError where they are none."""
    return values if isinstance(values, Tensor) else _tensor(_numbers(values, what), device)


def refuse_two_row_orders(preds: Any, target: Any) -> None:
    """ValueError where two pandas objects have the same index in another order: rows would not be pairs."""
    one, other = getattr(preds, "index", None), getattr(target, "index", None)
    if not (hasattr(one, "equals") and hasattr(other, "equals")) or one is None or other is None:
        return
    if len(one) != len(other) or one.equals(other) or not one.sort_values().equals(other.sort_values()):
        return
    raise ValueError(
        f"expected preds and target in one order of rows, got the index {_first(one)} and {_first(other)}: "
        "give target.loc[preds.index], or both without their index (.to_numpy())"
    )


def _numbers(values: Any, what: str) -> npt.NDArray[Any]:
    """An array of numbers, or of truth values."""
    kind = type(values)
    if not hasattr(kind, "__array__"):
        raise TypeError(
            f"expected {what} as a Tensor, an array or a table of numpy, pandas or polars, "
            f"got {kind_of(values)}"
        )
    array = np.asarray(values)
    if array.dtype.kind in "OUST" or array.dtype.kind not in "fiub":
        array = _of_objects(array, what)
    return array


def _of_objects(array: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    """The numbers of an array of objects, as pandas has where values may be missing."""
    cells = array.reshape(-1).tolist()
    if any(isinstance(cell, (str, tuple, list)) for cell in cells):
        cell = next(cell for cell in cells if isinstance(cell, (str, tuple, list)))
        raise TypeError(
            f"expected {what} as numbers, got names such as {cell!r:.60}: t.node_ids(names), or "
            "t.targets(table), makes node ids of them"
        )
    whole = [integer_of(cell) for cell in cells]
    if array.size and None not in whole:
        return np.array(whole, np.int64).reshape(array.shape)
    for cell in cells:
        if integer_of(cell) is None and not isinstance(cell, float):
            raise TypeError(f"expected {what} as numbers, got {type(cell).__name__} {cell!r:.60}")
    return array.astype(np.float64)


def _tensor(array: npt.NDArray[Any], device: torch.device | None) -> Tensor:
    if array.dtype.kind in "iu" and array.dtype not in _WHOLE:
        array = array.astype(np.int64)
    elif array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not array.flags.writeable or any(step < 0 for step in array.strides):
        array = array.copy()  # of these torch makes no tensors
    return torch.from_numpy(array).to(device or "cpu")


# -- columns that have names ------------------------------------------------------------------------


def _labels(scores: Any, array: npt.NDArray[Any]) -> list[Any] | None:
    """What the columns of a table, or the entries of one row, are called; None where they have no names."""
    columns = getattr(type(scores), "columns", None)
    if columns is not None:
        return list(scores.columns)
    if array.ndim == 1 and hasattr(type(scores), "iloc"):
        return list(scores.index)
    return None


def _order(labels: list[Any], taxonomy: Taxonomy, what: str) -> npt.NDArray[np.int64]:
    """For each class its column."""
    count = len(labels)
    own = np.arange(count)
    numbers = [integer_of(label) for label in labels]
    if numbers == own.tolist() or labels == [f"column_{at}" for at in range(count)]:  # polars' own names
        return own
    if not all(isinstance(label, (str, tuple)) for label in labels):
        raise ValueError(
            f"expected the columns of {what} as 0 to {len(taxonomy) - 1} in their order, or as the names "
            f"of the classes, got {_first(labels)}; the classes are {_first(taxonomy.classes)}"
        )
    leaves = taxonomy.tree.start[taxonomy.index.classes(labels, complete=True)]
    place = np.empty(count, np.int64)
    place[leaves] = own
    assert taxonomy.order is not None  # whoever asks has a bound taxonomy
    found: npt.NDArray[np.int64] = place[taxonomy.order]
    return found


def _first(values: Any) -> str:
    shown = [value.item() if isinstance(value, np.generic) else value for value in list(values[:4])]
    return ", ".join(map(repr, shown[:3])) + (", .." if len(shown) > 3 else "")
