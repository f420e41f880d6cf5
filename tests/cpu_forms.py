"""The forms of the loss that run on a CPU, each as row losses of logits and target ids."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from wide_trees import Wide

from taxoloss import TaxonomyLoss, _reference, rings
from taxoloss.functional import taxonomy_cross_entropy
from taxoloss.log_space import masked_row_losses

Form = Callable[[Wide, Tensor, Tensor], Tensor]


def public(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """Row losses of the function that people call: on a CPU, the closed form."""
    return taxonomy_cross_entropy(logits, target, tree.taxonomy, tree.level_weights, reduction="none")


def searched(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """The closed form where the table of rings is too big to be kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rings, "_TABLE_BYTES", 0)
        loss = TaxonomyLoss(tree.taxonomy, tree.level_weights, reduction="none")
    assert loss.tables.chunks.rings is None
    return loss(logits, target)


def masks(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """The form that compilers and other devices run."""
    kept = tree.tables()
    tables = (kept.look_up(table, target) for table in (kept.start, kept.stop, kept.weights))
    return masked_row_losses(logits, *tables, kept.position, kept.order)


def definition(tree: Wide, logits: Tensor, target: Tensor) -> Tensor:
    """The form that is differentiated twice, and does rows whose masses underflow."""
    kept = tree.tables()
    tables = (kept.look_up(table, target) for table in (kept.start, kept.stop, kept.weights))
    return _reference.losses(logits, *tables, kept.order)


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
