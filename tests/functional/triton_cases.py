"""What the Triton kernels compute; test_triton.py runs this file under Triton's interpreter."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor
from torch.nn import functional as F

from taxoloss.functional.kernels import triton_loss

assert os.environ.get("TRITON_INTERPRET") == "1", "run tests/functional/test_triton.py"
# The interpreter's numpy warns of 1 / 0 and log 0 where a branch that is not taken forms them.
pytestmark = [pytest.mark.filterwarnings("ignore::RuntimeWarning"), pytest.mark.one_form("about a third")]

LOSS, GRADIENT = 5e-7, 1e-6  # relative: of each row's loss, of the largest entry of its gradient
REGIMES = ("normal", "wide", "huge", "right", "wrong", "shifted")


class Batch(NamedTuple):
    logits: Tensor
    target: Tensor
    start: Tensor
    stop: Tensor
    weights: Tensor


def chain(rng: np.random.Generator, classes: int, levels: int) -> tuple[list[int], list[int], list[float]]:
    """A random target: nested ranges with repeats, of one class or more, cut at some level or not."""
    leaf = int(rng.integers(classes))
    low, high = 0, classes
    counted = int(rng.integers(1, levels + 1)) if rng.random() < 0.3 else levels
    ranges, weights = [], []
    for level in range(levels):
        if level < counted and rng.random() < 0.85:
            keep = rng.random() ** (4 / levels)
            low = leaf - int((leaf - low) * keep)
            high = leaf + 1 + int((high - leaf - 1) * keep)
        if level == counted - 1 and counted == levels and rng.random() < 0.8:
            low, high = leaf, leaf + 1
        ranges.append((low, high))
        weights.append(float(rng.random() + 0.1) if level < counted else 0.0)
    return [low for low, _ in ranges], [high for _, high in ranges], weights


def batch(rows: int, classes: int, levels: int, regime: str = "normal", seed: int = 0) -> Batch:
    """Rows with a target each, T = rows + 2 targets in the tables."""
    rng = np.random.default_rng([seed, rows, classes, levels])
    start, stop, weights = zip(*(chain(rng, classes, levels) for _ in range(rows + 2)), strict=True)
    target = rng.permutation(rows + 2)[:rows]
    z = rng.normal(size=(rows, classes))
    for row, y in enumerate(target):
        inside = start[y][-1]
        if regime == "right":
            z[row, inside] += 60
        if regime == "wrong":
            z[row, (inside + 1 + int(rng.integers(classes - 1))) % classes] += 60
    z = {"wide": 30 * z, "huge": rng.uniform(-1e4, 1e4, z.shape), "shifted": z + 1e4}.get(regime, z)
    tables = torch.tensor(start, dtype=torch.int32), torch.tensor(stop, dtype=torch.int32)
    return Batch(torch.tensor(z).float(), torch.tensor(target), *tables, torch.tensor(weights))


def kernel(b: Batch, order: Tensor | None = None, upstream: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Loss and gradient."""
    loss, peaks, slopes = triton_loss.row_losses(*b, order=order)
    g = torch.ones(1).expand(len(loss)) if upstream is None else upstream
    gradient = triton_loss.row_gradients(b.logits, b.target, b.start, b.stop, peaks, slopes, g, order)
    assert gradient.dtype == b.logits.dtype
    assert gradient.is_contiguous()
    return loss, gradient


def brute(b: Batch) -> tuple[Tensor, Tensor]:
    """The definition in float64 and log space: t = log Q - log P, loss = sum of w log(1 + exp(t))."""
    z = b.logits.double()
    loss, gradient = z.new_zeros(len(z)), torch.zeros_like(z)
    for row, y in enumerate(b.target.tolist()):
        for low, high, w in zip(b.start[y], b.stop[y], b.weights[y], strict=True):
            inside = torch.zeros(z.shape[1], dtype=torch.bool)
            inside[low:high] = True
            within = z[row].masked_fill(~inside, -torch.inf)
            outside = z[row].masked_fill(inside, -torch.inf)
            if w == 0 or inside.all():
                continue
            t = outside.logsumexp(0) - within.logsumexp(0)
            loss[row] += w * torch.logaddexp(t, torch.zeros_like(t))
            gradient[row] += w * t.sigmoid() * (outside.softmax(0) - within.softmax(0))
    return loss, gradient


def digits(b: Batch) -> tuple[list[mpf], list[list[mpf]]]:
    """The definition with 60 digits."""
    losses, gradients = [], []
    for row, y in enumerate(b.target.tolist()):
        e = [mp.exp(mpf(x)) for x in b.logits[row].tolist()]
        loss, gradient = mpf(0), [mpf(0)] * len(e)
        ranges = zip(b.start[y].tolist(), b.stop[y].tolist(), b.weights[y].tolist(), strict=True)
        for low, high, w in ranges:
            mass, rest = mp.fsum(e[low:high]), mp.fsum(e[:low] + e[high:])
            loss += w * mp.log1p(rest / mass)
            for j, x in enumerate(e):
                share = -rest / mass if low <= j < high else 1
                gradient[j] += w * share * x / (mass + rest)
        losses.append(loss)
        gradients.append(gradient)
    return losses, gradients


def assert_close(found: tuple[Tensor, Tensor], truth: tuple[Tensor, Tensor]) -> None:
    loss, gradient = found[0].double(), found[1].double()
    tiny = torch.finfo(torch.float32).tiny
    assert torch.isfinite(truth[0]).all()
    assert torch.isfinite(truth[1]).all()
    assert ((loss - truth[0]).abs() <= LOSS * truth[0].abs() + tiny).all()
    largest = truth[1].abs().amax(1, keepdim=True)
    assert ((gradient - truth[1]).abs() <= GRADIENT * largest + tiny).all()


@pytest.mark.parametrize("regime", REGIMES)
def test_against_sixty_digits(regime: str) -> None:
    """Loss and gradient of every row, whatever the logits are."""
    with mp.workdps(60):
        b = batch(3, 19, 4, regime)
        loss, gradient = kernel(b)
        losses, gradients = digits(b)
        tiny = mpf(torch.finfo(torch.float32).tiny)
        for row in range(len(loss)):
            assert abs(mpf(loss[row].item()) - losses[row]) <= LOSS * abs(losses[row]) + tiny
            largest = max(abs(x) for x in gradients[row])
            for x, true in zip(gradient[row].tolist(), gradients[row], strict=True):
                assert abs(mpf(x) - true) <= GRADIENT * largest + tiny


@pytest.mark.parametrize("regime", REGIMES)
def test_brute_force_is_an_oracle(regime: str) -> None:
    """Float64 log-odds agree with 60 digits, so larger cases may be held against them."""
    b = batch(4, 19, 4, regime, seed=1)
    with mp.workdps(60):
        losses, gradients = digits(b)
        truth = torch.tensor([float(x) for x in losses], dtype=torch.float64)
        slopes = torch.tensor([[float(x) for x in row] for row in gradients], dtype=torch.float64)
    loss, gradient = brute(b)
    assert ((loss - truth).abs() <= 1e-10 * truth + 1e-300).all()
    assert ((gradient - slopes).abs() <= 1e-10 * slopes.abs().amax(1, keepdim=True) + 1e-300).all()


@pytest.mark.parametrize(
    ("rows", "classes", "levels", "regime"),
    [
        (1, 2, 1, "normal"),
        (3, 3, 2, "wrong"),
        (2, 37, 12, "huge"),
        (2, 37, 12, "right"),
        (2, 1000, 12, "wide"),
        (1, 4097, 2, "shifted"),
        (2, 4097, 5, "normal"),
        (1, 300, 32, "normal"),
        (1, 2**17 + 5, 3, "normal"),
    ],
)
def test_shapes(rows: int, classes: int, levels: int, regime: str) -> None:
    """Tiles of every kind: one, some, with a rest; rings empty, narrow and wide."""
    b = batch(rows, classes, levels, regime)
    assert_close(kernel(b), brute(b))


@pytest.mark.parametrize("classes", [37, 5000])
def test_permuted_classes(classes: int) -> None:
    """The order says where each depth-first position stands among the columns."""
    b = batch(2, classes, 3)
    order = torch.randperm(classes, generator=torch.Generator().manual_seed(0))
    columns = torch.empty_like(b.logits).index_copy_(1, order, b.logits)
    loss, gradient = kernel(b._replace(logits=columns), order.int())
    assert_close((loss, gradient[:, order]), brute(b))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision(dtype: torch.dtype) -> None:
    """The loss is that of float32; the gradient is rounded once."""
    b = batch(3, 37, 4)
    b = b._replace(logits=(3 * b.logits).to(dtype))
    loss, gradient = kernel(b)
    truth = brute(b)
    assert loss.dtype == torch.float32
    assert ((loss - truth[0]).abs() <= LOSS * truth[0]).all()
    info = torch.finfo(dtype)
    # The interpreter cuts a float32 off to bfloat16, twice the error; a device rounds (test_triton.py).
    ulp = info.eps / 2 if dtype == torch.float16 else info.eps
    once = ulp * truth[1].abs() + GRADIENT * truth[1].abs().amax(1, keepdim=True)
    subnormal = info.tiny * ulp
    assert ((gradient.double() - truth[1]).abs() <= once * (1 + info.eps) + subnormal).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision_is_never_worse_than_flat(dtype: torch.dtype) -> None:
    """One level of classes: held against torch's cross-entropy in the same dtype."""
    classes = torch.arange(50, dtype=torch.int32)[:, None]
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)).mul(4).to(dtype)
    b = Batch(logits, torch.tensor([4, 0, 49]), classes, classes + 1, torch.ones(50, 1))
    flat = logits.clone().requires_grad_()
    theirs = F.cross_entropy(flat, b.target, reduction="none")
    theirs.sum().backward()
    assert flat.grad is not None
    loss, _ = kernel(b)
    gradient = kernel(b._replace(logits=logits.float()))[1].to(dtype)  # rounded, see above
    truth = brute(b)
    assert ((loss - truth[0]).abs() <= (theirs - truth[0]).abs() + LOSS * truth[0]).all()
    for ours, other, true in zip(gradient, flat.grad, truth[1], strict=True):
        assert (ours - true).abs().max() <= (other - true).abs().max() + GRADIENT * true.abs().max()


def test_strides() -> None:
    """Rows and classes at any distance, 0 included; targets, scale and upstream likewise."""
    b = batch(2, 37, 3)
    wide = torch.full((2, 74), torch.nan)
    wide[:, ::2] = b.logits
    for logits in (wide[:, ::2], b.logits.T.contiguous().T, b.logits[:1].expand(2, 37)):
        assert not logits.is_contiguous()
        strided = b._replace(logits=logits, target=b.target.repeat_interleave(2)[::2])
        assert_close(kernel(strided), brute(strided))
    flat = b._replace(logits=b.logits[:, :1].expand(2, 37))
    assert_close(kernel(flat), brute(flat))


def test_upstream_and_scale() -> None:
    """Each row's gradient is multiplied by its own upstream gradient, loss and gradient by its scale."""
    b = batch(3, 37, 2)
    upstream = torch.tensor([2.0, 9.0, -0.5, 9.0, 0.0, 9.0])[::2]
    loss, gradient = brute(b)
    assert_close(kernel(b, upstream=upstream), (loss, gradient * upstream[:, None]))
    assert_close(kernel(b, upstream=upstream.bfloat16()), (loss, gradient * upstream[:, None]))
    scale = torch.tensor([0.5, 9.0, 3.0, 9.0, 0.0, 9.0])[::2]
    scaled, peaks, slopes = triton_loss.row_losses(*b, scale=scale)
    ones = torch.ones(1).expand(3)
    found = triton_loss.row_gradients(b.logits, b.target, b.start, b.stop, peaks, slopes, ones)
    assert_close((scaled, found), (loss * scale, gradient * scale[:, None]))


def test_no_rows() -> None:
    """An empty batch gives empty results."""
    b = batch(2, 5, 2)
    loss, gradient = kernel(b._replace(logits=b.logits[:0], target=b.target[:0]))
    assert (loss.shape, gradient.shape) == ((0,), (0, 5))


def test_ignored_and_unknown_targets() -> None:
    """-1 costs 0 whatever its logits hold; any other stranger is NaN; neither touches another row."""
    b = batch(5, 37, 3)
    truth = brute(b)
    b.logits[0, 3] = torch.nan
    b.logits[3, :] = torch.inf
    target = torch.stack(
        [torch.tensor(-1), b.target[1], torch.tensor(7), torch.tensor(-1), torch.tensor(-100)]
    )
    loss, gradient = kernel(b._replace(target=target))
    assert_close((loss[1:2], gradient[1:2]), (truth[0][1:2], truth[1][1:2]))
    assert loss[[0, 3]].eq(0).all()
    assert gradient[[0, 3]].eq(0).all()
    assert loss[[2, 4]].isnan().all()
    assert gradient[[2, 4]].isnan().all()


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_nan_stays_in_its_row(place: str) -> None:
    """A NaN logit makes its row's loss and whole gradient NaN, as torch's cross-entropy does."""
    b = batch(3, 37, 3)
    truth = brute(b)
    leaf = int(b.start[b.target[1], -1])
    b.logits[1, leaf if place == "inside" else (leaf + 20) % 37] = torch.nan
    loss, gradient = kernel(b)
    assert loss[1].isnan()
    assert gradient[1].isnan().all()
    assert_close((loss[::2], gradient[::2]), (truth[0][::2], truth[1][::2]))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_rows_without_weight(bad: float) -> None:
    """Weights or a scale of 0: loss and gradient 0, whatever the logits hold; others lose no bit."""
    b = batch(4, 37, 3)
    weights = b.weights.clone()
    weights[b.target[[0, 2]]] = 0.0
    b = b._replace(weights=weights)
    clean = kernel(b)
    logits = b.logits.clone()
    logits[0], logits[2, 5] = bad, bad
    for upstream in (None, torch.tensor([torch.inf, 1.0, torch.nan, 1.0])):
        loss, gradient = kernel(b._replace(logits=logits), upstream=upstream)
        assert torch.equal(loss, clean[0])
        assert torch.equal(gradient, clean[1])
        assert gradient[[0, 2]].eq(0).all()
    scale = torch.tensor([0.0, 1.0, 0.0, 1.0])
    weighed = b._replace(logits=logits, weights=b.weights + 1)
    loss, peaks, slopes = triton_loss.row_losses(*weighed, scale=scale)
    ones = torch.ones(1).expand(4)
    gradient = triton_loss.row_gradients(logits, b.target, b.start, b.stop, peaks, slopes, ones)
    assert loss[[0, 2]].eq(0).all()
    assert gradient[[0, 2]].eq(0).all()
    assert torch.isfinite(gradient).all()


def test_the_factor_comes_before_rounding() -> None:
    """A loss scaler's factor in float32: the gradient of float16 logits is float32's, rounded once."""
    b = batch(4, 37, 3)
    b = b._replace(logits=b.logits.half())
    upstream = torch.tensor([65536.0, 2.0**24, -3e5, 1e-3]) * 1e-4
    narrow, wide = (
        kernel(b, upstream=upstream)[1],
        kernel(b._replace(logits=b.logits.float()), upstream=upstream)[1],
    )
    assert torch.equal(narrow, wide.half())


@pytest.mark.parametrize(
    ("field", "value", "error", "words"),
    [
        ("logits", torch.zeros(2, 5, dtype=torch.float64), TypeError, "float64"),
        ("logits", torch.zeros(2, 5, 1, 1), ValueError, "logits"),
        ("target", torch.zeros(2, dtype=torch.int32), TypeError, "int64 targets"),
        ("target", torch.zeros(3, dtype=torch.int64), ValueError, "targets"),
        ("start", torch.zeros(4, 2, dtype=torch.int64), TypeError, "int32 tables"),
        ("start", torch.zeros(2, 4, dtype=torch.int32).T, ValueError, "contiguous"),
        ("stop", torch.zeros(4, 3, dtype=torch.int32), ValueError, "stop like start"),
        ("weights", torch.zeros(4, 3), ValueError, "weights like start"),
    ],
)
def test_what_is_refused(field: str, value: Tensor, error: type[Exception], words: str) -> None:
    """Shapes and dtypes are checked on the host."""
    b = batch(2, 5, 2)
    with pytest.raises(error, match=words):
        triton_loss.row_losses(*b._replace(**{field: value}))
    with pytest.raises(ValueError, match="order"):
        triton_loss.row_losses(*b, order=torch.zeros(4, dtype=torch.int32))
    with pytest.raises(ValueError, match="scale"):
        triton_loss.row_losses(*b, scale=torch.ones(1))
    with pytest.raises(ValueError, match="upstream"):
        kernel(b, upstream=torch.tensor(1.0))


def test_available() -> None:
    """Under the interpreter the kernels can run."""
    assert triton_loss.available()
