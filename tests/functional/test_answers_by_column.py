"""The most probable nodes of many classes in Python's form, against sums of a softmax by level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from kernel_forms import python_form
from torch import Tensor
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss.functional import answers_by_column as module
from taxoloss.functional import masses
from taxoloss.functional.answers_by_column import answers_by_column, pays
from taxoloss.functional.masses import level_answers
from taxoloss.functional.node_tensors import NodeTensors, node_tensors

pytestmark = pytest.mark.one_form("python")

TREES = {
    "a level": wide_tree(600, 1),
    "levels": wide_tree(900, 6),
    "shuffled": wide_tree(777, 5, shuffled=True),
    "few": wide_tree(9, 3, shuffled=True),
}
#: What logits may be: the same numbers in other memory, and numbers of other kinds.
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "rows": lambda z: z,
    "columns": lambda z: z.t().contiguous().t(),
    "every other row": lambda z: z.repeat_interleave(2, 0)[::2],
    "one row": lambda z: z[:1],
    "the same row": lambda z: z[:1].expand_as(z),
    "another sign": lambda z: torch._neg_view(-z),
    "of a graph": lambda z: z.clone().requires_grad_() * 1,
    "masked": lambda z: z.masked_fill(z < 0, -torch.inf),
    "far": lambda z: z * 1e4,
    "all equal": lambda z: torch.zeros_like(z),
}


def by_hand(logits: Tensor, tensors: NodeTensors) -> tuple[Tensor, Tensor]:
    """Of each level's masses in float64, the first of the largest."""
    levels = masses._level_masses(logits.detach().double(), tensors)
    found = [torch.from_numpy(mass.numpy().argmax(1)) for mass in levels]
    stated = [mass.gather(1, best.unsqueeze(1)) for mass, best in zip(levels, found, strict=True)]
    return torch.stack(found, 1), torch.cat(stated, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize("tree", TREES.values(), ids=list(TREES))
def test_answers_are_the_largest_masses(
    tree: Wide, layout: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    """Of more rows than are turned at once, and of one."""
    tensors = node_tensors(tree.taxonomy)
    g = torch.Generator().manual_seed(0)
    logits = layout(torch.randn(130, tree.classes, generator=g, dtype=torch.float64).to(dtype))
    best, stated = answers_by_column(logits.detach(), tensors)
    expected, largest = by_hand(logits, tensors)
    within = 1e-6 if dtype == torch.float32 else 1e-13
    assert_close(stated.double(), largest, rtol=within, atol=0)
    if layout is not LAYOUTS["all equal"]:
        assert (best == expected).float().mean() > 0.99  # of masses that differ by a rounding either may be
    assert torch.equal(best[:, -1], torch.from_numpy(logits.detach().numpy(force=True).argmax(1)))
    assert stated.dtype == dtype


def test_it_is_the_way_of_many_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows that Python may read; others go as few classes do, with the same answers."""
    tree = TREES["levels"]
    tensors = node_tensors(tree.taxonomy)
    logits = torch.randn(5, tree.classes)
    assert pays(logits)
    assert not pays(logits[:0])
    assert not pays(logits.unsqueeze(2))
    assert not pays(logits[:, : module._MANY - 1])
    with python_form():
        one = level_answers(logits, tensors)
        half = level_answers(logits.half(), tensors)
        dense = level_answers(logits.unsqueeze(2), tensors)
        monkeypatch.setattr(module, "_MANY", 10**6)
        other = level_answers(logits, tensors)
    assert torch.equal(one[0], other[0])
    assert_close(one[1], other[1])
    assert_close(dense[1].squeeze(2), other[1])
    assert_close(half[1], level_answers(logits.half().float(), tensors)[1])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_logit_is_stated_as_nan(value: float) -> None:
    """In its own row alone."""
    tree = TREES["levels"]
    logits = torch.randn(5, tree.classes)
    logits[3, 7] = value
    _, stated = answers_by_column(logits, node_tensors(tree.taxonomy))
    assert stated.isnan().all(1).tolist() == [False, False, False, True, False]
