"""Where a sum over probabilities breaks: confident and wrong, masked classes, narrow dtypes."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss, weighting
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.log_probs import level_log_probs

INF = math.inf
ROWS = [("a", "b", "c0"), ("a", "b", "c1"), ("a", "d", "c2"), ("e", "f", "c3"), ("e", "g", "c4")]
ORDER = ["c3", "c0", "c4", "c1", "c2"]
TREE = Taxonomy.from_paths(ROWS, ["top", "mid", "leaf"]).bind(ORDER, node_targets=True)
WEIGHTS = {"top": 0.3, "mid": 0.5, "leaf": 1.1}
#: For each class its ancestors-or-self as sets of classes, written out.
A, B, E = {1, 3, 4}, {1, 3}, {0, 2}
LINES = {0: (E, {0}, {0}), 1: (A, B, {1}), 2: (E, {2}, {2}), 3: (A, B, {3}), 4: (A, {4}, {4})}

DTYPES = (torch.float16, torch.bfloat16, torch.float32)
GAPS = (16.0, 80.0, 89.0, 104.0, 1e4)


def exact(logits: list[float], label: int) -> tuple[Any, list[Any]]:
    """Loss and gradient of one row to 60 digits."""
    with mp.workdps(60):
        terms = [mp.exp(mp.mpf(z)) if z > -INF else mp.mpf(0) for z in logits]
        total = mp.fsum(terms)
        value, slope = mp.mpf(0), [mp.mpf(0)] * len(terms)
        for w, below in zip(WEIGHTS.values(), LINES[label], strict=True):
            mass = mp.fsum(terms[j] for j in below)
            value -= w * mp.log(mass / total)
            for j, term in enumerate(terms):
                slope[j] += w * (term / total - (term / mass if j in below else 0))
        return value, slope


def value_and_slope(logits: Tensor, target: Any, **options: Any) -> tuple[Tensor, Tensor]:
    """Our loss of one row or more, and its gradient in the logits."""
    given = logits.detach().clone().requires_grad_()
    levels = options.pop("levels", WEIGHTS)
    loss = taxonomy_cross_entropy(given, torch.as_tensor(target), TREE, levels, **options)
    return loss.detach(), torch.autograd.grad(loss.sum(), given)[0]


def wrong_row(gap: float, label: int, dtype: torch.dtype, constant: float = 0.0) -> Tensor:
    """Logits a gap above the target's on every class that shares no ancestor with it."""
    small = torch.tensor([0.3, -0.2, 0.1, 0.5, -0.4], dtype=torch.float64)
    other = [j not in LINES[label][0] for j in range(5)]
    return (small + gap * torch.tensor(other) + constant).to(dtype)


def close_to_exact(logits: Tensor, label: int, value: Tensor, slope: Tensor) -> None:
    """Within some units of the last place of the dtype of each."""
    true_value, true_slope = exact(logits.double().tolist(), label)
    eps = torch.finfo(value.dtype).eps
    assert abs(value.item() - true_value) <= 4 * eps * max(1, abs(true_value))
    eps = torch.finfo(slope.dtype).eps
    for found, true in zip(slope.tolist(), true_slope, strict=True):
        assert abs(found - true) <= 4 * eps


# -- confident and wrong ---------------------------------------------------------------------------


@pytest.mark.sample(7)
@pytest.mark.parametrize("constant", [0.0, 1e4, -1e4])
@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
def test_confident_and_wrong(dtype: torch.dtype, gap: float, constant: float) -> None:
    """A finite loss and a gradient that is not 0, both those of 60 digits."""
    for label in range(5):
        logits = wrong_row(gap, label, dtype, constant)
        value, slope = value_and_slope(logits, label)
        assert value.dtype == slope.dtype == dtype
        assert torch.isfinite(value)
        assert torch.isfinite(slope).all()
        assert slope[label] < 0
        close_to_exact(logits, label, value, slope)


@pytest.mark.sample(4)
@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_confident_and_wrong_under_autocast(dtype: torch.dtype, gap: float) -> None:
    """The same under autocast, where the loss is float32."""
    for label in range(5):
        logits = wrong_row(gap, label, dtype)
        with torch.autocast("cpu", torch.bfloat16):
            value, slope = value_and_slope(logits, label)
        assert (value.dtype, slope.dtype) == (torch.float32, dtype)
        assert (slope != 0).any()
        close_to_exact(logits, label, value, slope)


@pytest.mark.parametrize("gap", GAPS)
def test_wrong_inside_the_group(gap: float) -> None:
    """The right group and the wrong class: only the levels below the group cost."""
    logits = torch.zeros(5)
    logits[4] = gap
    value, slope = value_and_slope(logits, 1)
    close_to_exact(logits, 1, value, slope)
    assert slope[1] < 0 < slope[4]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.5, 4.0, 30.0])
def test_narrow_dtypes_are_no_worse_than_flat(dtype: torch.dtype, scale: float) -> None:
    """All weight on the classes: an error not above torch's in that dtype, plus a last place."""
    generator = torch.Generator().manual_seed(1)
    logits = (torch.randn(200, 5, generator=generator) * scale).to(dtype)
    target = torch.arange(200) % 5
    flat = {"top": 0.0, "mid": 0.0, "leaf": 1.0}
    ours = value_and_slope(logits, target, levels=flat, reduction="none")
    given = logits.clone().requires_grad_()
    torchs = F.cross_entropy(given, target, reduction="none")
    theirs = (torchs.detach(), torch.autograd.grad(torchs.sum(), given)[0])
    wide = logits.double().requires_grad_()
    loss = F.cross_entropy(wide, target, reduction="none")
    truth = (loss.detach(), torch.autograd.grad(loss.sum(), wide)[0])
    for one, other, true in zip(ours, theirs, truth, strict=True):
        ulp = torch.finfo(dtype).eps * true.abs().clamp(min=torch.finfo(dtype).tiny)
        error, flat_error = ((x.double() - true).abs() for x in (one, other))
        assert (error <= flat_error + ulp + 1e-7).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_dtypes_round_once(dtype: torch.dtype) -> None:
    """All levels: what float32 gives for the same logits, rounded at the end."""
    logits = torch.randn(50, 5, generator=torch.Generator().manual_seed(2)).to(dtype)
    target = torch.arange(50) % 5
    for reduction in ("none", "mean", "sum"):
        value, slope = value_and_slope(logits, target, reduction=reduction)
        wide, wide_slope = value_and_slope(logits.float(), target, reduction=reduction)
        assert torch.equal(value, wide.to(dtype))
        if reduction == "sum":
            assert torch.equal(slope, wide_slope.to(dtype))


# -- masked classes --------------------------------------------------------------------------------


def masked(*classes: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Small logits, -inf on some classes."""
    logits = torch.tensor([0.3, -0.2, 0.1, 0.5, -0.4], dtype=dtype)
    return logits.index_fill(0, torch.tensor(classes, dtype=torch.long), -INF)


@pytest.mark.parametrize("classes", [(0,), (3,), (0, 2), (0, 2, 4), (2, 3, 4)])
def test_a_masked_class_that_is_not_the_target(classes: tuple[int, ...]) -> None:
    """A finite loss, gradient 0 on the masked classes, the rest as if they were not there."""
    logits = masked(*classes)
    value, slope = value_and_slope(logits, 1)
    assert torch.isfinite(value)
    assert (slope[list(classes)] == 0).all()
    close_to_exact(logits, 1, value, slope)


def test_a_masked_target_costs_inf_with_torchs_gradient() -> None:
    """Its group is alive: the upper levels' gradient, and on the leaves p - onehot."""
    logits = masked(1)
    value, slope = value_and_slope(logits, 1)
    assert value == INF
    given = logits.clone().requires_grad_()
    flat = torch.autograd.grad(F.cross_entropy(given, torch.tensor(1)), given)[0]
    upper = value_and_slope(logits, 1, levels=WEIGHTS | {"leaf": 0.0})[1]
    assert_close(slope, upper + WEIGHTS["leaf"] * flat)
    only = value_and_slope(logits, 1, levels={"top": 0.0, "mid": 0.0, "leaf": 1.0})[1]
    assert_close(only, flat)
    assert only[1] == -1


@pytest.mark.parametrize("classes", [(1, 3), (1, 3, 4)])
@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
def test_a_whole_group_masked(classes: tuple[int, ...], dtype: torch.dtype) -> None:
    """inf, and no NaN in the gradient, whether the target is a class or the group."""
    group = TREE.node_id(("a", "b"))
    for target in (1, group):
        value, slope = value_and_slope(masked(*classes, dtype=dtype), target)
        assert value == INF
        assert torch.isfinite(slope).all()
    value, slope = value_and_slope(masked(*classes, dtype=dtype), 0)
    assert torch.isfinite(value)
    assert (slope[list(classes)] == 0).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_probability_0_on_a_masked_class_costs_0(smoothing: float) -> None:
    """The loss of the classes that are left; smoothing puts mass on all classes, and costs inf."""
    target = torch.tensor([0.0, 0.6, 0.4, 0.0, 0.0], dtype=torch.float64)
    value, slope = value_and_slope(masked(0, 4), target, label_smoothing=smoothing)
    assert not torch.isnan(slope).any()
    if smoothing:
        assert value == INF
        return
    alone = [exact(masked(0, 4).tolist(), label)[0] for label in (1, 2)]
    assert abs(value.item() - (0.6 * alone[0] + 0.4 * alone[1])) < 1e-14
    assert (slope[[0, 4]] == 0).all()


def test_smoothing_over_a_masked_class_without_weight() -> None:
    """A class that weighs 0 brings no inf, where it stands alone on every smoothed level."""
    tree = taxoloss.load({"tree": ["a", "b", "c"]}).bind()
    logits = torch.tensor([0.0, -INF, 1.0], requires_grad=True)
    weight = torch.tensor([1.0, 0.0, 2.0])
    for target in (torch.tensor(0), torch.tensor([0.5, 0.5, 0.0])):
        options: Any = {"weight": weight, "label_smoothing": 0.1}
        loss = taxonomy_cross_entropy(logits, target, tree, **options)
        assert torch.isfinite(loss)
        slope = torch.autograd.grad(loss, logits)[0]
        assert torch.isfinite(slope).all()
        assert slope[1] == 0


@pytest.mark.parametrize("low", [-1e4, -1e30, -INF])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_underflowed_leaf_that_no_target_uses(low: float, dtype: torch.dtype) -> None:
    """The target is its parent, or the leaves weigh 0: no NaN, and the loss of the parent."""
    logits = masked(dtype=dtype).index_fill(0, torch.tensor([1]), low)
    group = TREE.node_id(("a", "b"))
    for target, levels in ((group, WEIGHTS), (group, weighting.deepest()),
                           (1, WEIGHTS | {"leaf": 0.0})):  # fmt: skip
        value, slope = value_and_slope(logits, target, levels=levels)
        assert torch.isfinite(value)
        assert torch.isfinite(slope).all()
        assert slope[1] == 0
        assert slope[3] < 0


def test_a_masked_class_in_level_log_probs() -> None:
    """-inf where a class or a whole group is masked, and no NaN in any level."""
    levels = level_log_probs(masked(1, 3), TREE)
    assert levels["mid"][0] == -INF  # b
    assert torch.isfinite(levels["mid"][1:]).all()
    assert_close(levels["leaf"], masked(1, 3).log_softmax(0))
    assert torch.isfinite(levels["top"]).all()


@pytest.mark.parametrize("bad", [math.nan, INF])
def test_nan_is_not_hidden(bad: float) -> None:
    """A NaN logit, or +inf, gives NaN in its row, as torch's, and only there."""
    logits = torch.stack([masked(), masked().index_fill(0, torch.tensor([2]), bad)])
    for target in ([1, 1], [0, TREE.node_id("a")], torch.full((2, 5), 0.2, dtype=torch.float64)):
        value, slope = value_and_slope(logits, target, reduction="none")
        assert torch.isnan(value).tolist() == [False, True]
        assert torch.isnan(slope).any(1).tolist() == [False, True]
    assert torch.isnan(F.cross_entropy(logits[1], torch.tensor(1)))


def test_nan_in_an_ignored_row_is_not_counted() -> None:
    """As torch's: the value of an ignored row does not count."""
    logits = torch.stack([masked(), torch.full((5,), math.nan, dtype=torch.float64)])
    value, slope = value_and_slope(logits, [1, -100])
    assert_close(value, value_and_slope(logits[:1], [1])[0])
    assert torch.isfinite(slope[0]).all()


@pytest.mark.parametrize("huge", [1e12, 1e25, INF])
@pytest.mark.parametrize(("name", "other"), [("a", 0), ("a", 2), ("e", 1), ("e", 4)])
def test_a_node_weighs_what_its_own_classes_weigh(name: str, other: int, huge: float) -> None:
    """The mean weight of the classes below it, whatever a class elsewhere weighs."""
    target, weight = [TREE.node_id(name)], torch.full((5,), 0.4)
    weight[other] = huge
    logits = masked(dtype=torch.float32)[None]
    alone = value_and_slope(logits, target, reduction="sum")[0]
    weighted = value_and_slope(logits, target, weight=weight, reduction="sum")[0]
    assert_close(weighted, 0.4 * alone)


# -- dtypes of the module --------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["half", "bfloat16", "float", "double"])
def test_the_dtype_of_the_module_rounds_no_level_weight(change: str) -> None:
    """0.3 stays 0.3: in float64 the loss equals the function's after any change of dtype."""
    logits, target = masked()[None], torch.tensor([1])
    fresh = TaxonomyLoss(TREE, WEIGHTS)
    changed = getattr(TaxonomyLoss(TREE, WEIGHTS), change)()
    assert torch.equal(changed(logits, target), fresh(logits, target))
    changed.set_level_weights(WEIGHTS | {"top": 0.7})
    again = changed.to(torch.float16).to("cpu", torch.float64)
    expected = TaxonomyLoss(TREE, WEIGHTS | {"top": 0.7})(logits, target)
    assert torch.equal(again(logits, target), expected)


def test_class_weights_follow_the_dtype_of_the_module() -> None:
    """As nn.CrossEntropyLoss's do."""
    module = TaxonomyLoss(TREE, WEIGHTS, weight=torch.ones(5)).half()
    assert module.weight is not None
    assert module.weight.dtype == torch.float16
    assert module(masked(dtype=torch.float16)[None], torch.tensor([1])).dtype == torch.float16
