"""The forms of the loss that run on a CPU, as row losses of logits and target ids, and batches for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from trees import Wide

from taxoloss import TaxonomyLoss
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels import chunks as rings
from taxoloss.functional.kernels import definition as by_definition
from taxoloss.functional.kernels.masked import masked_row_losses

Form = Callable[[Wide, Tensor, Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


def public(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """Row losses of the function that people call: on a CPU, the closed form."""
    return taxonomy_cross_entropy(logits, target, tree.taxonomy, tree.level_weights, reduction="none")


def searched(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """The closed form where the table of rings is too big to be kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rings, "_TABLE_BYTES", 0)
        loss = TaxonomyLoss(tree.taxonomy, tree.level_weights, reduction="none")
    assert loss.tensors.chunks.rings is None
    return loss(logits, target)


def masks(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """The form that compilers and other devices run."""
    kept = tree.tables()
    start, stop, weights = (kept.look_up(table, target) for table in (kept.start, kept.stop, kept.weights))
    return masked_row_losses(logits, start, stop, weights, kept.position, kept.order)


def definition(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """The form that is differentiated twice, and does rows whose masses underflow."""
    kept = tree.tables()
    start, stop, weights = (kept.look_up(table, target) for table in (kept.start, kept.stop, kept.weights))
    return by_definition.losses(logits, start, stop, weights, kept.order)


FORMS: dict[str, Form] = {f.__name__: f for f in (public, searched, masks, definition)}
FORM = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def results(
    form: Form, tree: Wide, logits: Tensor, target: list[int], up: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The loss of each row, and the gradient for an upstream gradient, ones if there is none."""
    given = logits.detach().clone().requires_grad_()
    loss = form(tree, given, torch.tensor(target))
    up = torch.ones_like(loss) if up is None else up.to(loss.dtype)
    return loss.detach(), torch.autograd.grad(loss, given, up)[0]


def batch(tree: Wide, *shape: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Logits (n, C, d1..dk) for shape (n, d1..dk), and targets that are classes, inner nodes and -100."""
    generator = torch.Generator().manual_seed(len(shape))
    logits = torch.randn(shape[0], tree.classes, *shape[1:], generator=generator, dtype=torch.float64)
    target = torch.randint(len(tree.lines) - 1, shape, generator=generator)
    target.view(-1)[:3] = torch.tensor([3, tree.classes, -100])
    return logits.to(dtype), target


def loss_of(tree: Wide, **options: Any) -> TaxonomyLoss:
    """The module with the tree's level weights."""
    return TaxonomyLoss(tree.taxonomy, tree.level_weights, **options)


def loss_on(tree: Wide, **options: Any) -> Loss:
    """The function, for a tree and its level weights."""

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return taxonomy_cross_entropy(logits, target, tree.taxonomy, tree.level_weights, **options)

    return loss


def slope(loss: Loss, logits: Tensor, target: Tensor) -> Tensor:
    """The ordinary backward: the gradient of the sum of the losses."""
    given = logits.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(given, target).sum(), given)[0]
