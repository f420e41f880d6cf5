"""torch.set_float32_matmul_precision is for layers: no loss and no decision may lose digits by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from cpu_forms import loss_of
from graphs import wide_diamond
from kernel_forms import python_form
from torch import Tensor
from torch.testing import assert_close
from trees import wide_tree

import taxoloss
from taxoloss.functional.arithmetic import product, rounds_products
from taxoloss.functional.kernels import few_classes

pytestmark = pytest.mark.one_form("Python's has products of matrices")
#: What has no float32 among its factors where torch may round it.
PRODUCTS = ("mm", "matmul", "addmm", "bmm")


def legacy(precision: str) -> None:
    """By the name that most training scripts know."""
    torch.set_float32_matmul_precision({"bf16": "medium", "ieee": "highest"}[precision])


def newer(precision: str) -> None:
    """By what torch 2.9 has beside it."""
    torch.backends.mkldnn.matmul.fp32_precision = precision  # type: ignore[attr-defined]


@contextmanager
def rounded(setting: Callable[[str], None]) -> Iterator[None]:
    """Inside, products of float32 are rounded to bfloat16, where the processor can; and refused here."""
    with pytest.MonkeyPatch.context() as patch:
        for name in PRODUCTS:
            patch.setattr(torch, name, without_float32(getattr(torch, name)))
        setting("bf16")
        try:
            yield
        finally:
            setting("ieee")


SETTINGS = pytest.mark.parametrize("setting", [legacy, newer])


def without_float32(found: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function, which no factor in float32 may reach."""

    def checked(*factors: Any, **options: Any) -> Tensor:
        assert all(factor.dtype != torch.float32 for factor in factors)
        return found(*factors, **options)

    return checked


@SETTINGS
def test_a_product_keeps_its_digits(setting: Callable[[str], None]) -> None:
    """As the one in float64, and it is known that torch would round."""
    one, other = torch.randn(256, 64), torch.randn(64, 64)
    assert not rounds_products("cpu")
    with rounded(setting):
        assert rounds_products("cpu")
        assert_close(product(one, other), (one.double() @ other.double()).float())


@SETTINGS
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize(("classes", "levels"), [(23, 5), (100, 3), (300, 3)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_keep_their_digits(
    classes: int,
    levels: int,
    smoothing: float,
    reduction: str,
    setting: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Loss and gradient in float32 are those of float64, of every way that few classes go."""
    monkeypatch.setattr(few_classes, "_PRODUCTS", 10**5)
    loss = loss_of(wide_tree(classes, levels), reduction=reduction, label_smoothing=smoothing)
    logits = torch.randn(64, classes, generator=torch.Generator().manual_seed(0))
    target = torch.arange(64) % classes
    with python_form(), rounded(setting):
        one, other = (step(loss, z, target) for z in (logits, logits.double()))
    largest = other[1].abs().amax(1, keepdim=True)
    assert_close(one[0].double(), other[0], rtol=1e-6, atol=0)
    assert ((one[1].double() - other[1]).abs() <= 1e-6 * largest).all()


def step(loss: taxoloss.TaxonomyLoss, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and the gradient of the sum."""
    z = logits.clone().requires_grad_()
    value = loss(z, target)
    return value.detach(), torch.autograd.grad(value.sum(), z)[0]


@SETTINGS
@pytest.mark.parametrize("cost", ["lca_height", "edges", "matrix"])
@pytest.mark.parametrize("taxonomy", [wide_tree(40, 4).taxonomy, wide_diamond()], ids=["tree", "graph"])
def test_decisions_keep_their_digits(taxonomy: Any, cost: str, setting: Callable[[str], None]) -> None:
    """Costs that differ by less than bfloat16 tells are told apart."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(64, 40, generator=generator)
    chosen = 100 + torch.rand(40, 40, generator=generator) if cost == "matrix" else cost
    expected = taxoloss.decisions.minimum_cost(z, taxonomy, chosen, return_probability=True)
    with rounded(setting):
        found = taxoloss.decisions.minimum_cost(z, taxonomy, chosen, return_probability=True)
    assert_close(found, expected)


@SETTINGS
def test_a_compiled_decision_keeps_its_digits(setting: Callable[[str], None]) -> None:
    """A compiler asks too, and one graph is made."""
    taxonomy = wide_diamond()
    z = torch.randn(64, 40, generator=torch.Generator().manual_seed(0))
    expected = taxoloss.decisions.minimum_cost(z, taxonomy, "edges", return_probability=True)
    torch._dynamo.reset()
    with rounded(setting):
        decide = torch.compile(taxoloss.decisions.minimum_cost, fullgraph=True, backend="eager")
        found = decide(z, taxonomy, "edges", return_probability=True)
    assert_close(found, expected)
