"""The Triton kernels as a function of torch; tests/test_triton.py runs this file under the interpreter."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import taxoloss
from taxoloss import weighting
from taxoloss._triton import triton_losses
from taxoloss.plan import plan_of
from taxoloss.rows import row_losses
from taxoloss.tables import LossTables

assert os.environ.get("TRITON_INTERPRET") == "1", "run tests/test_triton.py"
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

_ROWS = [
    ("x", "p", "a"),
    ("x", "p", "b"),
    ("x", "q", "c"),
    ("d",),
    ("y", "r", "e"),
    ("y", "r", "f"),
    ("y", "g"),
]


@pytest.mark.parametrize("classes", [None, list("gfedcba")])
@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 2)])
def test_as_a_function_of_torch(shape: tuple[int, ...], classes: list[str] | None) -> None:
    """Any shape, read in place; reductions, and the gradient of a gradient, are the package's own."""
    taxonomy = taxoloss.Taxonomy.from_paths(_ROWS).bind(classes)
    kept = LossTables(plan_of(taxonomy), weighting.uniform()(taxonomy))
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape[0], 7, *shape[1:], generator=generator, requires_grad=True)
    ids = torch.randint(7, shape, generator=generator)
    tables = (kept.look_up(table, ids) for table in (kept.start, kept.stop, kept.weights))
    found = triton_losses(logits, *tables, kept.order)
    truth = row_losses(kept, logits, ids, kept.look_up(kept.weights, ids), reduce=False)
    upstream = torch.rand(shape, generator=generator)
    one, other = (torch.autograd.grad(losses, logits, upstream)[0] for losses in (found, truth))
    assert_close((found, one), (truth, other))
    assert one.is_contiguous()

    def curvature(losses: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(losses.sum(), logits, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), logits)[0]

    tables = (kept.look_up(table, ids) for table in (kept.start, kept.stop, kept.weights))
    again = row_losses(kept, logits, ids, kept.look_up(kept.weights, ids), reduce=False)
    assert_close(curvature(triton_losses(logits, *tables, kept.order)), curvature(again))
