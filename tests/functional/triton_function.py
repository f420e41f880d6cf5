"""The Triton kernels beside the loss itself; test_triton.py runs this file under the interpreter."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from torch import Tensor
from triton_cases import Batch, assert_close, kernel

import taxoloss
from taxoloss import weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels.dispatch import row_losses
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.triton_loss import triton_losses
from taxoloss.taxonomy.plan import plan_of

assert os.environ.get("TRITON_INTERPRET") == "1", "run tests/functional/test_triton.py"
pytestmark = [pytest.mark.filterwarnings("ignore::RuntimeWarning"), pytest.mark.one_form("about a third")]

_ROWS = [
    ("a", "b", "c"),
    ("a", "b", "d"),
    ("a", "e"),
    ("f",),
    ("g", "h", "i"),
    ("g", "h", "j"),
    ("g", "k", "l"),
]


def tables(taxonomy: taxoloss.Taxonomy, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """start, stop, weights of every node and the order, from a plan."""
    plan = plan_of(taxonomy)
    start, stop = np.zeros_like(plan.ancestors), np.full_like(plan.ancestors, plan.num_classes)
    for level, nodes in enumerate(plan.nodes):
        node, counted = nodes[plan.ancestors[:, level]], plan.counted[:, level]
        for table, of_node, top in ((start, plan.start, 0), (stop, plan.stop, plan.num_classes)):
            above = table[:, level - 1] if level else top
            table[:, level] = np.where(counted, of_node[node], above)
    on_levels = torch.from_numpy(plan.counted) * weights
    first, last = torch.from_numpy(start).int(), torch.from_numpy(stop).int()
    return first, last, on_levels.float(), torch.from_numpy(plan.depth_first.copy()).int()


def ours_and_eager(
    taxonomy: taxoloss.Taxonomy, logits: Tensor, target: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """(loss, gradient) of the kernels and of taxoloss.functional."""
    weights = torch.linspace(0.2, 0.7, len(taxonomy.levels), dtype=torch.float64)
    named = dict(zip(taxonomy.levels, weights.tolist(), strict=True))
    *rest, order = tables(taxonomy, weights)
    found = kernel(Batch(logits, target, *rest), order)
    z = logits.double().requires_grad_()
    loss = taxonomy_cross_entropy(z, target, taxonomy, named, reduction="none")
    loss.sum().backward()
    assert z.grad is not None
    return [found, (loss.detach(), z.grad)]


def test_plan_of_a_ragged_tree_with_inner_targets() -> None:
    """Every node of a tree is a target: classes, inner nodes and the root."""
    names = ["i", "c", "e", "l", "f", "j", "d"]
    taxonomy = taxoloss.Taxonomy.from_paths(_ROWS).bind(names, node_targets=True)
    nodes = plan_of(taxonomy).num_nodes
    logits = torch.randn(nodes, 7, generator=torch.Generator().manual_seed(0)).mul(5)
    assert_close(*ours_and_eager(taxonomy, logits, torch.arange(nodes)))


@pytest.mark.parametrize("masked", [["c"], ["d"], ["c", "d"], ["g", "f"]])
def test_masked_classes(masked: list[str]) -> None:
    """Logits of -inf: 0 * inf = 0, torch's gradient at a masked target, no NaN in a masked group."""
    taxonomy = taxoloss.Taxonomy.from_paths(_ROWS).bind()
    logits = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    for name in masked:
        below = [i for i, path in enumerate(taxonomy.paths()) if name in path]
        logits[:, below] = -torch.inf
    found, truth = ours_and_eager(taxonomy, logits, torch.tensor([0, 3]))
    infinite = truth[0].isinf()
    assert torch.equal(found[0].isinf(), infinite)
    assert infinite.any() == (masked != ["d"])
    finite = truth[0].masked_fill(infinite, 0)
    assert_close((found[0].masked_fill(infinite, 0), found[1]), (finite, truth[1]))


@pytest.mark.parametrize("value", [-torch.inf, torch.inf])
def test_infinite_rows(value: float) -> None:
    """Every class masked, or a logit of +inf: NaN where the package's own loss is NaN."""
    taxonomy = taxoloss.Taxonomy.from_paths(_ROWS).bind()
    logits = torch.zeros(1, 7)
    logits[:, 2 if value > 0 else slice(None)] = value
    found, truth = ours_and_eager(taxonomy, logits, torch.tensor([3]))
    torch.testing.assert_close(found[0], truth[0], check_dtype=False, equal_nan=True)
    if value > 0:
        torch.testing.assert_close(found[1], truth[1], check_dtype=False, equal_nan=True)


@pytest.mark.parametrize("classes", [None, list("ljifedc")])
@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 2)])
def test_as_a_function_of_torch(shape: tuple[int, ...], classes: list[str] | None) -> None:
    """Any shape, read in place; reductions, and the gradient of a gradient, are the package's own."""
    taxonomy = taxoloss.Taxonomy.from_paths(_ROWS).bind(classes)
    kept = LossTensors(plan_of(taxonomy), weighting.uniform()(taxonomy))
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape[0], 7, *shape[1:], generator=generator, requires_grad=True)
    ids = torch.randint(7, shape, generator=generator)
    start, stop, weights = (kept.look_up(table, ids) for table in (kept.start, kept.stop, kept.weights))
    found = triton_losses(logits, start, stop, weights, kept.order)
    truth = row_losses(kept, logits, ids, kept.look_up(kept.weights, ids), reduce=False)
    upstream = torch.rand(shape, generator=generator)
    one, other = (torch.autograd.grad(losses, logits, upstream)[0] for losses in (found, truth))
    torch.testing.assert_close((found, one), (truth, other))
    assert one.is_contiguous()

    def curvature(losses: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(losses.sum(), logits, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), logits)[0]

    start, stop, weights = (kept.look_up(table, ids) for table in (kept.start, kept.stop, kept.weights))
    again = row_losses(kept, logits, ids, kept.look_up(kept.weights, ids), reduce=False)
    torch.testing.assert_close(
        curvature(triton_losses(logits, start, stop, weights, kept.order)), curvature(again)
    )
