"""The form of few classes, each of its ways: against the rings and the definition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from cpu_forms import loss_of
from hypothesis import given
from hypothesis_settings import SETTINGS
from loss_oracle import Options, batch_loss, random_logits, random_table
from torch import Tensor
from torch.testing import assert_close
from trees import Case, seeds, taxonomies, wide_tree

from taxoloss.functional.kernels import closed_form, few_classes
from taxoloss.functional.kernels.chunks import ChunkTensors
from taxoloss.functional.kernels.few_classes import (
    FewTables,
    Weighted,
    costs_and_slope,
    lost_rows,
    sum_of_losses,
)
from taxoloss.functional.kernels.loss_tensors import LossTensors
from taxoloss.functional.kernels.native import library
from taxoloss.taxonomy.plan import plan_of

Rng = np.random.Generator
WAYS = ("all ranges", "own ranges", "weighted")


@contextmanager
def only(way: str) -> Iterator[None]:
    """Inside, tables are of one way alone, however large a tree is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_classes, "_CLASSES", 0 if way == "own ranges" else 10**6)
        patch.setattr(few_classes, "_WHOLE", 10**9)
        patch.setattr(few_classes, "_PRODUCTS", 10**9)
        yield


def of_case(case: Case, rng: Rng, rows: int = 9) -> tuple[LossTensors, Any, Tensor, Tensor]:
    """Tables with weights that differ from node to node, those weights, logits and targets."""
    table = random_table(case, rng)
    table[rng.integers(case.num_classes), case.depth - 1] = 1.0  # some level has a weight
    logits = torch.from_numpy(random_logits(case, rng, rows)).float()
    target = torch.from_numpy(rng.integers(len(case.ids), size=rows))
    return LossTensors(plan_of(case.taxonomy), table), table, logits, target


def found(way: str, tensors: LossTensors, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Row losses and the gradient of their sum, where no row is lost."""
    slope = torch.empty_like(logits)
    few, weights = tensors.chunks.few, tensors.weights
    assert lost_rows(logits) is None
    if way != "weighted":
        return costs_and_slope(logits, target, weights.index_select(0, target), few, slope).sum(1), slope
    whole = Weighted.of(few, weights)
    assert whole is not None
    weighted = whole.over(1)
    rows = range(len(target))
    losses = [sum_of_losses(logits[i : i + 1], target[i : i + 1], few, weighted, None) for i in rows]
    total = sum_of_losses(logits, target, few, weighted, slope)
    assert_close(total, torch.stack(losses).sum())
    return torch.stack(losses), slope


def close(found: tuple[Tensor, Tensor], truth: tuple[Tensor, Tensor]) -> None:
    """Within 5e-7 of a row's loss, and of the largest entry of its gradient."""
    for one, true in zip(found, truth, strict=True):
        size = true.abs() if true.dim() == 1 else true.abs().amax(1, keepdim=True)
        assert ((one.double() - true).abs() <= 5e-7 * size + 1e-37).all()


@pytest.mark.parametrize("way", WAYS)
@SETTINGS
@given(taxonomies(), seeds)
def test_random_trees_by_the_definition(way: str, case: Case, rng: Rng) -> None:
    """Losses and gradients of classes and inner nodes, with weights that may be 0."""
    with only(way):
        tensors, table, logits, target = of_case(case, rng)
    value, slope = batch_loss(
        case, logits.double().numpy(), target.numpy(), Options(table), reduction="none"
    )
    one, other = found(way, tensors, logits, target)
    assert_close(one, torch.from_numpy(value).float(), rtol=1e-5, atol=1e-6)  # -log P cancels near 1
    assert_close(other, torch.from_numpy(slope).float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@SETTINGS
@given(taxonomies(), seeds)
def test_random_trees_by_the_rings(way: str, case: Case, rng: Rng) -> None:
    """The same as the general form gives in float64, to the last digits of float32."""
    with only(way):
        tensors, _, logits, target = of_case(case, rng)
    wide = torch.empty(logits.shape, dtype=torch.float64)
    weights = tensors.weights.index_select(0, target)
    losses = closed_form.losses_and_gradient(logits.double(), target, weights, tensors.chunks, wide, False)
    close(found(way, tensors, logits, target), (losses, wide))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shuffled", [False, True])
def test_strides(shuffled: bool, way: str) -> None:
    """Rows that lie in columns, with a gradient that does, are the same as rows that lie in rows."""
    tree = wide_tree(23, 5, shuffled=shuffled)
    with only(way):
        tensors = tree.tables()
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(30, 23))).float()
    target = torch.tensor(tree.targets(rng, 30))
    slope = torch.empty(23, 50)[:, 5:35].t()
    columns = logits.t().contiguous().t()
    assert lost_rows(columns) is None
    weights = tensors.weights.index_select(0, target)
    losses = costs_and_slope(columns, target, weights, tensors.chunks.few, slope).sum(1)
    assert_close((losses, slope), found(way, tensors, logits, target))


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_rows_that_are_lost_are_said(layout: str) -> None:
    """Those with a logit that is too small or too large, masked or a NaN, and no others."""
    logits = torch.randn(7, 23, generator=torch.Generator().manual_seed(0))
    for row, value in {0: 100.0, 2: -60.0, 3: torch.nan, 4: torch.inf, 5: -torch.inf}.items():
        logits[row, 2 * row] = value
    lost = lost_rows(logits if layout == "rows" else logits.t().contiguous().t())
    assert lost is not None
    assert lost.tolist() == [True, False, True, True, True, True, False]


def test_a_lost_row_changes_no_other() -> None:
    """It is done again by the general form, in the step and beside it."""
    tree = wide_tree(23, 5)
    logits = torch.randn(6, 23, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 3, tree.classes, 5, 7, 9])
    far = logits.clone()
    far[2, 4] = 300.0
    one, other = (loss_of(tree, reduction="none")(z, target) for z in (logits, far))
    kept = [0, 1, 3, 4, 5]
    assert torch.equal(one[kept], other[kept])
    alone = loss_of(tree, reduction="none")(far[2:3].double(), target[2:3])
    assert_close(other[2:3].double(), alone, rtol=5e-7, atol=0)


def test_which_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """All ranges of small trees, else those beside an own class, the rings where neither is small."""
    few = wide_tree(40, 4).tables().chunks.few
    assert few.inside is not None
    assert few.sums is None
    monkeypatch.setattr(few_classes, "_CLASSES", 39)
    few = wide_tree(40, 4).tables().chunks.few
    assert few.inside is None
    assert few.sums is not None
    monkeypatch.setattr(few_classes, "_PRODUCTS", 0)
    assert not wide_tree(40, 4).tables().chunks.few.serves


@pytest.mark.parametrize("gap", [70.0, 77.0])
@pytest.mark.parametrize("way", WAYS)
def test_rows_that_are_all_but_certain(way: str, gap: float) -> None:
    """No factor of a gradient is smaller than the gradient: it is right though P / Q nears 1e-34."""
    tree = wide_tree(12, 3)
    with only(way):
        tensors = tree.tables()
    logits = torch.full((24, 12), -gap / 2)
    target = torch.arange(24) % 12
    logits.scatter_(1, target.view(-1, 1).clone().index_fill_(0, torch.arange(12), 5), gap / 2)
    weights = tensors.weights.index_select(0, target)
    wide = torch.empty(logits.shape, dtype=torch.float64)
    losses = closed_form.losses_and_gradient(logits.double(), target, weights, tensors.chunks, wide, False)
    close(found(way, tensors, logits, target), (losses, wide))


@SETTINGS
@given(taxonomies(), seeds)
def test_weights_that_are_too_large_go_the_general_way(case: Case, rng: Rng) -> None:
    """No product of a weight and odds is infinite: the loss and its gradient are numbers."""
    with only("weighted"):
        tensors, _, logits, target = of_case(case, rng)
    assert Weighted.of(tensors.chunks.few, tensors.weights * (1e3 / float(tensors.weights.max()))) is None
    far = torch.where(torch.arange(logits.shape[1]) % 2 == 0, 38.0, -38.0).expand_as(logits).contiguous()
    slope = torch.empty_like(far)
    weights = tensors.weights.index_select(0, target) * 1e25
    value = closed_form.losses_and_gradient(far, target, weights, tensors.chunks, slope, True)
    assert value.isfinite()
    assert slope.isfinite().all()


# -- the short cut -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(23, 5), (300, 3)], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_short_cut_is_the_general_way(
    reduction: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and gradient, with other numbers of rows and other weights in between."""
    monkeypatch.setattr(library, "_loaded", [None])  # the Python form
    tree = wide_tree(*size)
    short, general = (loss_of(tree, reduction=reduction) for _ in range(2))
    for rows, factor in ((9, 1.0), (9, 0.5), (2000, 0.5), (7, 2.0)):
        weights = {level: factor * weight for level, weight in tree.level_weights.items()}
        logits = torch.randn(rows, size[0], generator=torch.Generator().manual_seed(rows))
        target = torch.arange(rows) % size[0]
        results = []
        for loss, ids in ((short, target), (general, target.int())):  # int32 goes the general way
            loss.set_level_weights(weights)
            z = logits.clone().requires_grad_()
            value = loss(z, ids)
            results.append((value.detach(), torch.autograd.grad(value, z)[0]))
        (one, slope), (other, general_slope) = results
        assert_close(one, other, rtol=1e-6, atol=0)
        largest = general_slope.abs().amax(1, keepdim=True)  # entries of a row may nearly cancel
        assert ((slope - general_slope).abs() <= 1e-6 * largest).all()


def test_the_short_cut_leaves_what_is_ignored_or_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the general way: rows that do not count, be it by a number that is a class, and its words."""
    monkeypatch.setattr(library, "_loaded", [None])  # the Python form
    tree = wide_tree(23, 5)
    logits = torch.randn(4, 23, generator=torch.Generator().manual_seed(0))
    for ignored in (-100, 3):
        loss = loss_of(tree, ignore_index=ignored)
        assert_close(
            loss(logits, torch.tensor([1, ignored, 2, ignored])), loss(logits[::2], torch.tensor([1, 2]))
        )
    with pytest.raises(IndexError, match="expected targets in"):
        loss_of(tree)(logits, torch.tensor([1, 2, 3, 10**6]))


def test_tables_are_kept_for_a_compiler() -> None:
    """As fields of their own, since an operation of torch takes tensors only."""
    chunks = wide_tree(23, 5).tables().chunks
    assert isinstance(chunks, ChunkTensors)
    assert chunks.few == FewTables(
        chunks.few_columns, chunks.few_inside, chunks.few_outside, chunks.few_sums
    )


def test_probabilities_in_the_first_rows_are_refused_by_the_short_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever stands in the rows behind them, as by the general way."""
    monkeypatch.setattr(library, "_loaded", [None])  # the Python form
    tree = wide_tree(23, 5)
    logits = torch.randn(16, 23, generator=torch.Generator().manual_seed(0))
    logits[:8] = logits[:8].softmax(1)
    for reduction in ("mean", "none"):
        with pytest.raises(ValueError, match="look like probabilities"):
            loss_of(tree, reduction=reduction)(logits, torch.arange(16))
