"""Every form of the loss that runs on a CPU against sixty digits, in small trees and in wide ones."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cpu_forms import FORM, FORMS, Form, masks, public, results, searched
from mpmath import mp, mpf
from torch import Tensor
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels import closed_form

INF = math.inf
REGIMES = ("normal", "wide", "huge", "right", "wrong", "shifted")
#: Relative error of each row's loss, and of a gradient beside its row's largest entry.
BOUNDS = {torch.float32: (5e-7, 1e-6), torch.float64: (1e-13, 1e-13)}
REDUCTIONS = ("none", "mean", "sum")
#: Classes, levels, rows of a batch: none of the small ones is cut into chunks, all wide ones are.
SMALL = ((7, 3, 12), (23, 5, 12), (40, 4, 12))
WIDE = ((997, 5, 4), (1000, 6, 4))


# -- sixty digits ----------------------------------------------------------------------------------


def exact(tree: Wide, logits: Tensor, target: list[int]) -> tuple[Tensor, Tensor]:
    """Row losses and their gradient to sixty digits, given as float64."""
    rows = [_exact_row(tuple(row), tree, label) for row, label in zip(logits.tolist(), target, strict=True)]
    losses, slopes = zip(*rows, strict=True)
    return torch.tensor(losses, dtype=torch.float64), torch.tensor(slopes, dtype=torch.float64)


@cache
def _exact_row(logits: tuple[float, ...], tree: Wide, label: int) -> tuple[float, list[float]]:
    with mp.workdps(60):
        terms = [mp.exp(mpf(z)) if z > -INF else mpf(0) for z in logits]
        total, loss, factors = mp.fsum(terms), mpf(0), [mpf(0)] * len(terms)
        for w, below in zip(tree.level_weights.values(), tree.lines[label], strict=False):
            inside = set(below)
            mass = mp.fsum(terms[j] for j in below)
            odds = mp.fsum(term for j, term in enumerate(terms) if j not in inside) / mass
            loss += w * mp.log1p(odds)
            for j in range(len(terms)):  # nothing cancels: 1 - 1 / P is not formed
                factors[j] += -w * odds if j in inside else w
        slope = [term * factor / total for term, factor in zip(terms, factors, strict=True)]
        return float(loss), [float(x) for x in slope]


def assert_exact(form: Form, found: tuple[Tensor, Tensor], truth: tuple[Tensor, Tensor]) -> None:
    """Within the bounds of the dtype; absolutely so below its smallest normal number."""
    dtype = found[0].dtype
    for one, true, bound in zip(found, truth, BOUNDS[dtype], strict=True):
        size = true.abs() if true.dim() == 1 else true.abs().amax(1, keepdim=True)
        assert torch.isfinite(true).all()
        error = (one.double() - true).abs()
        assert (error <= bound * size + torch.finfo(one.dtype).tiny).all()


def batch(
    tree: Wide, regime: str, rows: int, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, list[int]]:
    """Logits of a kind, and targets that are classes and inner nodes."""
    rng = np.random.default_rng([tree.classes, rows])
    target = tree.targets(rng, rows)
    z = rng.normal(size=(rows, tree.classes))
    for row, label in enumerate(target):
        inside = tree.lines[label][-1]
        outside = np.setdiff1d(np.arange(tree.classes), inside)
        if regime == "right":
            z[row, inside[0]] += 60
        if regime == "wrong" and len(outside):
            z[row, rng.choice(outside)] += 60
    z = {"wide": 30 * z, "huge": rng.uniform(-1e4, 1e4, z.shape), "shifted": z + 1e4}.get(regime, z)
    return torch.tensor(z, dtype=dtype), target


@pytest.mark.sample(7)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("regime", REGIMES)
@FORM
def test_small_trees(form: Form, regime: str, dtype: torch.dtype) -> None:
    """Value and gradient of every row, in the tree's order and in another, whatever the logits are."""
    for classes, levels, rows in SMALL:
        for shuffled in (False, True):
            tree = wide_tree(classes, levels, shuffled=shuffled)
            assert tree.tables().chunks.whole == 0
            logits, target = batch(tree, regime, rows, dtype)
            assert_exact(form, results(form, tree, logits, target), exact(tree, logits, target))


@pytest.mark.sample(5)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_wide_trees(shuffled: bool, regime: str, dtype: torch.dtype) -> None:
    """The same with chunks of columns, with a tail of columns and without, for every form."""
    for classes, levels, rows in WIDE:
        tree = wide_tree(classes, levels, shuffled=shuffled)
        kept = tree.tables().chunks
        assert (kept.whole > 0, kept.tail > 0, kept.order is None) == (True, classes == 997, not shuffled)
        logits, target = batch(tree, regime, rows, dtype)
        truth = exact(tree, logits, target)
        for form in FORMS.values():
            assert_exact(form, results(form, tree, logits, target), truth)


def test_both_ways_of_finding_rings_give_one_result() -> None:
    """Bit for bit, whether the table of rings is kept or its rows are made for each batch."""
    for shuffled in (False, True):
        tree = wide_tree(997, 5, shuffled=shuffled)
        logits, target = batch(tree, "normal", 20, torch.float32)
        one, other = (results(form, tree, logits, target) for form in (public, searched))
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


# -- reductions and what comes from above ----------------------------------------------------------


@pytest.mark.sample(5)
@FORM
@pytest.mark.parametrize("shuffled", [False, True])
def test_any_upstream_gradient(form: Form, shuffled: bool) -> None:
    """Each row's gradient times its own number from above, of either sign, 0 among them."""
    tree = wide_tree(997, 5, shuffled=shuffled)
    up = torch.tensor([-2.5, 0.0, 1.0, 1e3, -1e-3, 0.7], dtype=torch.float64)
    for dtype in (torch.float32, torch.float64):
        logits, target = batch(tree, "wide", 6, dtype)
        value, slope = exact(tree, logits, target)
        rounded = up.to(dtype).double()[:, None]
        assert_exact(form, results(form, tree, logits, target, up), (value, slope * rounded))


@pytest.mark.sample(5)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("size", [(40, 4), (997, 5)])
@pytest.mark.parametrize("factor", [-3.5, 1.0, 0.0, 1e-3])
def test_reductions(reduction: str, size: tuple[int, int], factor: float) -> None:
    """Sum and mean over the rows that are not ignored, with any factor behind them."""
    tree = wide_tree(*size, shuffled=True)
    logits, target = batch(tree, "normal", 6)
    given = logits.clone().requires_grad_()
    labels = torch.tensor([*target[:3], -100, *target[4:]])
    loss = taxonomy_cross_entropy(given, labels, tree.taxonomy, tree.level_weights, reduction=reduction)
    values, slopes = exact(tree, logits, target)
    values, slopes = values.index_fill(0, torch.tensor(3), 0.0), slopes.index_fill(0, torch.tensor(3), 0.0)
    share = 1 / 5 if reduction == "mean" else 1.0
    assert_close(loss.detach(), values if reduction == "none" else values.sum() * share, rtol=1e-13, atol=0)
    slope = torch.autograd.grad((factor * loss).sum(), given)[0]
    assert_close(slope, slopes * (share * factor), rtol=1e-12, atol=1e-16)


# -- masked classes, strangers, nothing ------------------------------------------------------------

CHUNKED = wide_tree(997, 5, shuffled=True)


def masked_batch(rows: int) -> tuple[Tensor, list[int], Tensor]:
    """Class targets, and logits with about a third of the other classes masked."""
    rng = np.random.default_rng(rows)
    target = rng.integers(CHUNKED.classes, size=rows)
    gone = rng.random((rows, CHUNKED.classes)) < 0.3
    gone[np.arange(rows), target] = False
    mask = torch.from_numpy(gone)
    logits = torch.from_numpy(rng.normal(size=gone.shape)).masked_fill(mask, -INF)
    return logits, target.tolist(), mask


@pytest.mark.sample(5)
@FORM
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masked_classes_that_are_no_target(form: Form, dtype: torch.dtype) -> None:
    """Gradient exactly 0 there, and elsewhere what sixty digits give."""
    logits, target, mask = masked_batch(6)
    logits = logits.to(dtype)
    found = results(form, CHUNKED, logits, target)
    assert (found[1][mask] == 0).all()
    assert_exact(form, found, exact(CHUNKED, logits, target))


@FORM
def test_a_masked_target(form: Form) -> None:
    """Loss inf; gradient: torch's where the class stands alone, the levels above as without it."""
    logits, target, _ = masked_batch(6)
    for row, label in enumerate(target):
        siblings = next(below for below in reversed(CHUNKED.lines[label]) if len(below) > 1)
        logits[row, siblings] = torch.linspace(-1, 1, len(siblings), dtype=logits.dtype)
        logits[row, label] = -INF
    value, slope = results(form, CHUNKED, logits, target)
    assert (value == INF).all()
    flat = logits.clone().requires_grad_()
    (torchs,) = torch.autograd.grad(F.cross_entropy(flat, torch.tensor(target), reduction="sum"), flat)
    for row, label in enumerate(target):
        p = logits[row].softmax(0)
        expected = torch.zeros_like(p)
        for w, below in zip(CHUNKED.level_weights.values(), CHUNKED.lines[label], strict=True):
            inside = torch.zeros(len(p), dtype=torch.bool)
            inside[below] = True
            mass = p[inside].sum()
            expected += w * (torchs[row] if len(below) == 1 else p - torch.where(inside, p / mass, 0.0))
        assert_close(slope[row], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.sample(5)
@FORM
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_whole_group_masked(form: Form, dtype: torch.dtype) -> None:
    """Loss inf and a finite gradient, for its classes and for the group; other rows are untouched."""
    group = next(line[-1] for line in CHUNKED.lines[CHUNKED.classes :] if 3 < len(line[-1]) < 900)
    node = CHUNKED.lines.index(next(line for line in CHUNKED.lines if line and line[-1] == group))
    other = next(label for label in range(CHUNKED.classes) if label not in group)
    logits = torch.randn(4, 997, generator=torch.Generator().manual_seed(0), dtype=dtype)
    logits[:3, group] = -INF
    target = [group[0], node, other, other]
    value, slope = results(form, CHUNKED, logits, target)
    assert (value[:2] == INF).all()
    assert torch.isfinite(slope).all()
    assert (slope[2, group] == 0).all()
    assert_exact(form, (value[2:], slope[2:]), exact(CHUNKED, logits[2:], target[2:]))


@pytest.mark.sample(5)
@FORM
@pytest.mark.parametrize("bad", [math.nan, INF])
def test_nan_stays_in_its_row(form: Form, bad: float) -> None:
    """A NaN or +inf logit anywhere gives NaN in value and gradient of its row, and only there."""
    logits, target = batch(CHUNKED, "normal", 6, torch.float32)
    clean = results(form, CHUNKED, logits, target)
    order = np.argsort(CHUNKED.taxonomy.class_order)  # position -> class
    places = (0, 500, 996)  # in a chunk, in the middle, in the tail
    for row, place in enumerate(places):
        logits[2 * row, int(order[place])] = bad
    value, slope = results(form, CHUNKED, logits, target)
    assert torch.isnan(value).tolist() == [True, False] * 3
    assert torch.isnan(slope).any(1).tolist() == [True, False] * 3
    assert torch.equal(value[1::2], clean[0][1::2])
    assert torch.equal(slope[1::2], clean[1][1::2])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("rows", [0, 3])
def test_nothing_to_count(reduction: str, rows: int) -> None:
    """No rows, or all ignored: torch's value, gradient and shapes."""
    logits = torch.randn(rows, 997, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.full((rows,), -100)
    options: dict[str, Any] = {"reduction": reduction}
    ours = taxonomy_cross_entropy(logits, target, CHUNKED.taxonomy, CHUNKED.level_weights, **options)
    torchs = F.cross_entropy(logits, target, **options)
    assert_close(ours, torchs, equal_nan=True, rtol=0, atol=0)
    slopes = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (ours, torchs)]
    assert_close(slopes[0], slopes[1], equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_narrow_dtypes_round_once(dtype: torch.dtype, reduction: str) -> None:
    """Value and gradient are those of float32 for the same logits, rounded at the end."""
    for tree in (CHUNKED, wide_tree(1000, 6), wide_tree(40, 4)):
        logits, target = batch(tree, "wide", 20, dtype)
        found = []
        for given in (logits.clone().requires_grad_(), logits.float().requires_grad_()):
            loss = taxonomy_cross_entropy(
                given, torch.tensor(target), tree.taxonomy, tree.level_weights, reduction=reduction
            )
            found.append((loss, torch.autograd.grad(loss.sum(), given)[0]))
        (value, slope), (wide, wide_slope) = found
        assert (value.dtype, slope.dtype) == (dtype, dtype)
        assert torch.equal(value, wide.to(dtype))
        assert torch.equal(slope, wide_slope.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_masks_round_once(dtype: torch.dtype) -> None:
    """The form of the compilers gives a float32 loss, and float32's gradient rounded at the end."""
    logits, target = batch(CHUNKED, "normal", 20, dtype)
    value, slope = results(masks, CHUNKED, logits, target)
    wide, wide_slope = results(masks, CHUNKED, logits.float(), target)
    assert (value.dtype, slope.dtype) == (torch.float32, dtype)
    assert torch.equal(value, wide)
    assert torch.equal(slope, wide_slope.to(dtype))


@pytest.mark.sample(5)
@FORM
@pytest.mark.parametrize("regime", ["normal", "wide", "huge"])
def test_rows_of_a_gradient_sum_to_0(form: Form, regime: str) -> None:
    """A constant added to a row's logits changes nothing: the gradient has no part in that direction."""
    for tree in (wide_tree(23, 5, shuffled=True), CHUNKED):
        logits, target = batch(tree, regime, 6)
        _, slope = results(form, tree, logits, target)
        assert (slope.sum(1).abs() <= 1e-13 * slope.abs().sum(1)).all()


@pytest.mark.parametrize("tree", [wide_tree(40, 4), wide_tree(997, 5), CHUNKED])
def test_rows_that_are_far_off_stay_cheap(tree: Wide, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap of 400 is done again in float64; log space, which costs much more, is for larger ones."""
    logits, target = batch(tree, "normal", 6, torch.float32)
    wrong = (torch.tensor(target[:3]) + 1) % tree.classes
    logits[torch.arange(3), wrong] += 400
    truth = exact(tree, logits, target)
    monkeypatch.setattr(closed_form, "in_log_space", lambda *_: pytest.fail("log space was taken"))
    assert_exact(public, results(public, tree, logits, target), truth)
