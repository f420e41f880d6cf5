"""In which dtypes things are computed, and how many rows at once: said here for all that computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = [
    "at_least_float32",
    "finite",
    "flat_rows",
    "product",
    "rounds_products",
    "row_blocks",
    "turned",
    "wide_dtype",
    "wide_on",
    "with_places",
]


_WIDE = (torch.float32, torch.float64)
#: Columns that are turned at once: what is written then stays in a cache.
_COLUMNS = 128
#: Of the types of devices that may round float32 before they multiply, what torch has been told; and what
#: it says where they do not.
_MULTIPLIES: dict[str, Any] = {
    "cpu": torch.backends.mkldnn.matmul,  # type: ignore[attr-defined]
    "cuda": torch.backends.cuda.matmul,
}
_FULL = ("none", "ieee")


def wide_on(device: torch.device) -> torch.dtype:
    """The widest dtype that a device computes in: float64, and float32 on mps.

    >>> wide_on(torch.device("cpu")), wide_on(torch.device("mps"))
    (torch.float64, torch.float32)
    """
    return torch.float32 if device.type == "mps" else torch.float64


def wide_dtype(tensor: Tensor) -> torch.dtype:
    """What is computed in: float32, or float64 where the input is float64."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def at_least_float32(tensor: Tensor) -> Tensor:
    """float16 and bfloat16 as float32."""
    return tensor if tensor.dtype in _WIDE else tensor.float()


def finite(peak: Tensor) -> Tensor:
    """-inf as 0: what is subtracted from -inf must not be -inf."""
    return peak.masked_fill(peak == -torch.inf, 0.0)


def flat_rows(tensor: Tensor) -> Tensor:
    """(N, S, d1..dk) as (R, S), R = N * d1 * .. * dk."""
    return tensor if tensor.dim() == 2 else tensor.movedim(1, -1).flatten(0, -2)


def with_places(rows: Tensor, places: torch.Size) -> Tensor:
    """(R, S) as (N, S, d1..dk), of places (N, d1..dk): what `flat_rows` took."""
    return rows if len(places) == 1 else rows.view(*places, rows.shape[1]).movedim(-1, 1)


def row_blocks(rows: int, width: int, most: int) -> list[slice]:
    """Slices that cut rows of `width` numbers into blocks of at most `most` numbers, or of one row.

    Without rows there is one block, an empty one.

    >>> row_blocks(5, width=3, most=7)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, most // max(1, width))
    return [slice(first, min(first + size, rows)) for first in range(0, max(1, rows), size)]


def product(one: Tensor, other: Tensor) -> Tensor:
    """The product (.., n, k) of (.., n, m) and (m, k), to all digits of their dtype.

    Where torch is told to round float32 before it multiplies, to bfloat16 or TF32
    (`torch.set_float32_matmul_precision`), numbers that are no layer's must not be.
    """
    if one.dtype is torch.float32 and rounds_products(one.device.type):
        return torch.matmul(one.double(), other.double()).float()
    return torch.matmul(one, other)


def rounds_products(device_type: str) -> bool:
    """Whether products of float32 have fewer digits on a type of device."""
    backend = _MULTIPLIES.get(device_type)
    return backend is not None and backend.fp32_precision not in _FULL


# A compiler asks once, as `torch.compiler.assume_constant_result` says, which would load it here.
rounds_products._dynamo_marked_constant = True  # type: ignore[attr-defined]


def turned(columns: Tensor) -> Tensor:
    """The numbers of (m, n) whose columns lie in memory, laid out in rows; (m, n), contiguous."""
    out = columns.new_empty(columns.shape)
    # Of all columns at once torch would write all over the memory.
    for block in row_blocks(columns.shape[1], 1, _COLUMNS):
        out[:, block].copy_(columns[:, block])
    return out
