"""In what is computed and how many rows at once: each rule once, and blocks that are all rows in order."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import taxoloss
from taxoloss.functional.arithmetic import at_least_float32, finite, row_blocks, wide_dtype, wide_on

pytestmark = pytest.mark.one_form("calls neither")

PACKAGE = Path(taxoloss.__file__).parent


@given(rows=st.integers(0, 50), width=st.integers(0, 20), most=st.integers(0, 60))
def test_blocks_are_all_rows_in_order(rows: int, width: int, most: int) -> None:
    """Together they are the rows; each holds what is allowed, or one row; without rows one is empty."""
    blocks = row_blocks(rows, width, most)
    assert [row for block in blocks for row in range(rows)[block]] == list(range(rows))
    sizes = [block.stop - block.start for block in blocks]
    assert all(size * width <= most or size <= 1 for size in sizes)
    assert len(sizes) == 1 if rows == 0 else min(sizes) > 0
    assert len({*sizes[:-1]}) <= 1  # only the last may be smaller


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype: torch.dtype) -> None:
    """What is computed in holds every number of the input; the widest of a device holds that."""
    values = torch.tensor([0.1, 1e4, -3.0], dtype=dtype)
    assert at_least_float32(values).dtype == wide_dtype(values) == torch.promote_types(dtype, torch.float32)
    assert torch.equal(at_least_float32(values).to(dtype), values)
    assert torch.promote_types(wide_dtype(values), wide_on(values.device)) == wide_on(values.device)


def test_minus_infinity_alone_is_replaced() -> None:
    """inf, NaN and -0.0 stay."""
    given = torch.tensor([-torch.inf, torch.inf, torch.nan, -0.0, 2.0])
    found = finite(given)
    assert found[0] == 0
    assert torch.equal(found[1:].view(torch.int32), given[1:].view(torch.int32))


def test_the_device_without_float64_is_known_in_one_place() -> None:
    """No other file asks whether a device is mps."""
    asking = [path.name for path in PACKAGE.rglob("*.py") if '= "mps"' in path.read_text(encoding="utf-8")]
    assert asking == ["arithmetic.py"]
