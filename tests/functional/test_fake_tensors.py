"""Tensors without numbers: fake ones, which tell shapes, and those of torch's tracers."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from cpu_forms import batch, loss_of
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from trees import Wide, wide_tree

from taxoloss import Taxonomy, TaxonomyLoss
from taxoloss.functional.node_tensors import node_tensors

pytestmark = pytest.mark.one_form("without numbers: neither")

TREES = {"small": wide_tree(9, 3, shuffled=True), "chunked": wide_tree(300, 3)}
TREE = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
OPTIONS: dict[str, dict[str, Any]] = {
    "mean": {},
    "none": {"reduction": "none"},
    "smoothing": {"label_smoothing": 0.1},
    "weight": {"weight": True},
    "all": {"weight": True, "label_smoothing": 0.1, "ignore_index": 3},
}
OPTION = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def with_weight(options: dict[str, Any], tree: Wide) -> dict[str, Any]:
    """Options with class weights for a tree, where they are asked for."""
    return options | ({"weight": torch.linspace(0.1, 1, tree.classes)} if options.get("weight") else {})


@pytest.mark.sample(7)
@TREE
@OPTION
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("shape", [(4,), (2, 3)], ids=str)
def test_fake_tensors(shape: tuple[int, ...], soft: bool, options: dict[str, Any], tree: Wide) -> None:
    """Shape and dtype of the loss and of the gradient, as of torch's own loss."""
    logits, target = batch(tree, *shape, dtype=torch.float32)
    options = with_weight(options, tree)
    if soft:
        target, options = logits.softmax(1), {k: v for k, v in options.items() if k != "ignore_index"}
    for loss in (loss_of(tree, **options), nn.CrossEntropyLoss(**options)):
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            given = mode.from_tensor(logits).requires_grad_()
            value = loss(given, mode.from_tensor(target))
            value.sum().backward()
        assert isinstance(value, FakeTensor)
        assert value.shape == (shape if options.get("reduction") == "none" else ())
        assert given.grad is not None
        assert (value.dtype, given.grad.shape) == (torch.float32, logits.shape)


@pytest.mark.sample(3)
@TREE
@pytest.mark.parametrize("tracing", ["real", "fake"])
@pytest.mark.parametrize("name", ["mean", "all"])
def test_traced_by_make_fx(name: str, tracing: Literal["real", "fake"], tree: Wide) -> None:
    """A graph of torch's operations that gives the loss and gradient of other logits and targets."""
    loss = loss_of(tree, **with_weight(OPTIONS[name], tree))

    def step(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        value = loss(logits, target)
        return value, torch.autograd.grad(value, logits)[0]

    logits, target = batch(tree, 4, dtype=torch.float32)
    target = target.clamp(min=0)
    traced = make_fx(step, tracing_mode=tracing, _allow_non_fake_inputs=True)(
        logits.requires_grad_(), target
    )
    for other in (logits, 1e3 * logits.detach().flip(1)):
        given = other.detach().requires_grad_()
        torch.testing.assert_close(traced(given, target.flip(0)), step(given, target.flip(0)))


@pytest.mark.parametrize("device", ["cpu", "meta", "cuda"])
def test_tables_are_where_fake_logits_are(device: str) -> None:
    """Also on a device that this machine has not, as torch's own loss is; nothing of it is kept."""
    if device == "cuda" and not torch.cuda.is_available() and torch.__version__ < "2.10":
        pytest.skip("this torch asks the driver, also where tensors are fake")
    taxonomy = Taxonomy.from_paths([("x", "a"), ("x", "b"), ("y", "c")]).bind(["c", "a", "b"])
    with FakeTensorMode():
        z, y = torch.empty(4, 3, device=device), torch.empty(4, dtype=torch.long, device=device)
        for loss in (TaxonomyLoss(taxonomy), torch.nn.CrossEntropyLoss()):
            assert loss(z, y).device.type == device
        assert node_tensors(taxonomy, z.device).lines.device.type == device
    assert type(node_tensors(taxonomy).lines) is torch.Tensor
