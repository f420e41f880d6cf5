"""With one level, or all weight on the classes, every result is torch's cross-entropy's."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy

Loss = Callable[..., Tensor]
OP = next(op for op in op_db if op.name == "nn.functional.cross_entropy")
MODULE = next(info for info in module_db if info.module_cls is torch.nn.CrossEntropyLoss)
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def one_level(classes: int) -> tuple[Taxonomy, Any]:
    """Only classes."""
    return taxoloss.load({"tree": [f"c{i}" for i in range(classes)]}).bind(), None


def two_levels(classes: int) -> tuple[Taxonomy, Any]:
    """Two groups, odd and even, that weigh nothing; any node may be a target."""
    rows = [(f"g{i % 2}", f"c{i}") for i in range(classes)]
    tree = Taxonomy.from_paths(rows, ["group", "class"])
    tree = tree.bind([f"c{i}" for i in range(classes)])
    return tree, {"group": 0.0, "class": 1.0}


TREES = pytest.mark.parametrize("tree", [one_level, two_levels])


def ours_on(tree: Callable[[int], tuple[Taxonomy, Any]], classes: int = 5) -> Loss:
    """Our loss in the place of F.cross_entropy."""
    taxonomy, levels = tree(classes)

    def loss(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
        return taxonomy_cross_entropy(logits, target, taxonomy, levels, **options)

    return loss


def results(loss: Loss, logits: Tensor, target: Tensor, **options: Any) -> list[Tensor]:
    """The loss, its gradient in the logits, and in the target where it holds probabilities."""
    logits = logits.detach().clone().requires_grad_()
    inputs = [logits]
    if target.is_floating_point():
        target = target.detach().clone().requires_grad_()
        inputs.append(target)
    value = loss(logits, target, **options)
    generator = torch.Generator().manual_seed(0)
    slope = torch.rand(value.shape, generator=generator, dtype=torch.float64).to(value.dtype)
    return [value.detach(), *torch.autograd.grad(value, inputs, slope)]


def assert_same(tree: Any, logits: Tensor, target: Tensor, **options: Any) -> None:
    """Ours and torch's: value and gradients, shapes and dtypes."""
    classes = logits.shape[0] if logits.dim() == 1 else logits.shape[1]
    expected = results(F.cross_entropy, logits, target, **options)
    found = results(ours_on(tree, classes), logits, target, **options)
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, equal_nan=True, **tolerance(one.dtype))


def tolerance(dtype: torch.dtype) -> dict[str, Any]:
    """Some units in the last place."""
    eps = torch.finfo(dtype).eps
    return {"rtol": 20 * eps, "atol": 20 * eps}


# -- torch's own samples ---------------------------------------------------------------------------


@TREES
@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_samples_of_the_function(tree: Any, dtype: torch.dtype) -> None:
    """Every sample input that PyTorch tests its function with."""
    samples = list(OP.sample_inputs("cpu", dtype, requires_grad=True))
    assert samples
    for sample in samples:
        assert_same(tree, sample.input, *sample.args, **sample.kwargs)


@TREES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_samples_of_the_module(tree: Any, dtype: torch.dtype) -> None:
    """Every sample input that PyTorch tests its module with, negative class weights among them."""
    samples = list(MODULE.module_inputs_func(MODULE, "cpu", dtype, True, training=True))
    assert samples
    for sample in samples:
        options = sample.constructor_input.kwargs
        assert_same(tree, *sample.forward_input.args, **options)


def module_errors() -> Iterator[Any]:
    """The wrong inputs that PyTorch tests its module with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make = MODULE.module_error_inputs_func
        yield from make(MODULE, "cpu", torch.float32, True, training=True)


@TREES
def test_the_wrong_inputs_of_the_module(tree: Any) -> None:
    """They raise the class that PyTorch expects, whether from the module or the function."""
    if MODULE.module_error_inputs_func is None:
        pytest.skip("this torch lists no wrong inputs of its module")
    errors = list(module_errors())
    assert errors
    for error in errors:
        made = error.module_error_input.constructor_input
        given = error.module_error_input.forward_input
        taxonomy, levels = tree(given.args[0].shape[1])
        with pytest.raises(error.error_type):
            taxonomy_cross_entropy(given.args[0], given.args[1], taxonomy, levels, **made.kwargs)
        with pytest.raises((error.error_type, ValueError)):  # options fail at construction
            TaxonomyLoss(taxonomy, levels, **made.kwargs)(*given.args)


# -- bad calls -------------------------------------------------------------------------------------

X = torch.linspace(-1, 1, 20).reshape(4, 5)
Y = torch.tensor([0, 1, 2, 3])
Q = torch.full((4, 5), 0.2)
X3, Y3 = torch.zeros(4, 5, 3), torch.zeros(4, 3, dtype=torch.long)
X4, Y4 = torch.zeros(2, 5, 2, 2), torch.zeros(2, 2, 2, dtype=torch.long)
X5, Y5 = torch.zeros(2, 5, 2, 2, 2), torch.zeros(2, 2, 2, 2, dtype=torch.long)
ONE, BYTE = torch.ones(5), torch.uint8

#: name: (the call, what its message says: what was expected, what was got).
BAD: dict[str, tuple[Callable[[Loss], Any], tuple[str, ...]]] = {
    "batch": (lambda f: f(X, Y[:3]), ("(4,)", "(3,)")),
    "batch_3d": (lambda f: f(X3, Y3[:2]), ("(4, 3)", "(2, 3)")),
    "batch_4d": (lambda f: f(X4, Y4[:1]), ("(2, 2, 2)", "(1, 2, 2)")),
    "batch_5d": (lambda f: f(X5, Y5[:1]), ("(2, 2, 2, 2)", "(1, 2, 2, 2)")),
    "column": (lambda f: f(X, Y[:, None]), ("(4,)", "(4, 1)")),
    "scalar_target": (lambda f: f(X, Y[0]), ("(4,)", "()")),
    "one_sample_two_targets": (lambda f: f(X[0], Y[:2]), ("()", "(2,)")),
    "one_sample_no_target": (lambda f: f(X[0], Y[:0]), ("()", "(0,)")),
    "one_sample_matrix": (lambda f: f(X[0], Y[:1, None]), ("()", "(1, 1)")),
    "flat_target": (lambda f: f(X3, Y), ("(4, 3)", "(4,)")),
    "size_3d": (lambda f: f(X3, Y3[:, :2]), ("(4, 3)", "(4, 2)")),
    "size_4d": (lambda f: f(X4, Y4[..., :1]), ("(2, 2, 2)", "(2, 2, 1)")),
    "size_5d": (lambda f: f(X5, Y5[..., :1]), ("(2, 2, 2, 2)", "(2, 2, 2, 1)")),
    "dimension_4d": (lambda f: f(X4, Y4[0]), ("(2, 2, 2)", "(2, 2)")),
    "more_dimensions": (lambda f: f(X, Y4), ("(4,)", "(2, 2, 2)")),
    "bool": (lambda f: f(X, Y.bool()), ("int8 to int64", "torch.bool")),
    "float": (lambda f: f(X, Y.float()), ("(4, 5)", "(4,)", "torch.float32")),
    "probability_shape": (lambda f: f(X, Q[:, :4]), ("(4, 5)", "(4, 4)")),
    "probability_batch": (lambda f: f(X, Q[:2]), ("(4, 5)", "(2, 5)")),
    "complex_probability": (lambda f: f(X, Q + 0j), ("(4, 5)", "torch.complex64")),
    "long_of_logits_shape": (lambda f: f(X, Q.long()), ("(4,)", "(4, 5)")),
    "ignored_probability": (lambda f: f(X, Q, ignore_index=1), ("ignore_index", "1")),
    "ignore_index": (lambda f: f(X, Y, ignore_index=1.5), ("ignore_index", "1.5")),
    "smoothing": (lambda f: f(X, Y, label_smoothing=1.2), ("[0, 1]", "1.2")),
    "smoothing_probability": (lambda f: f(X, Q, label_smoothing=1.2), ("[0, 1]", "1.2")),
    "reduction": (lambda f: f(X, Y, reduction="avg"), ("mean", "avg")),
    "reduction_none": (lambda f: f(X, Y, reduction=None), ("mean", "None")),
    "weight_shape": (lambda f: f(X, Y, weight=ONE[:4]), ("(5,)", "(4,)")),
    "weight_2d": (lambda f: f(X, Y, weight=ONE[:, None]), ("(5,)", "(5, 1)")),
    "weight_shape_probability": (lambda f: f(X, Q, weight=ONE[:1]), ("(5,)", "(1,)")),
    "weight_float64": (lambda f: f(X, Y, weight=ONE.double()), ("float32", "float64")),
    "weight_float32": (lambda f: f(X.half(), Y, weight=ONE), ("float16", "float32")),
    "weight_long": (lambda f: f(X, Y, weight=ONE.long()), ("float32", "int64")),
    "weight_list": (lambda f: f(X, Y, weight=[1.0] * 5), ("Tensor", "list")),
    "above": (lambda f: f(X, Y + 2), ("0..4", "5")),
    "above_3d": (lambda f: f(X3, Y3 + 7), ("0..4", "7")),
    "above_one": (lambda f: f(X[0], Y[3] + 2), ("0..4", "5")),
    "above_uint8": (lambda f: f(X, (Y + 200).to(BYTE)), ("0..4", "200")),
    "below": (lambda f: f(X, Y - 1), ("0..4", "-1")),
    "below_3d": (lambda f: f(X3, Y3 - 3), ("0..4", "-3")),
    "minus_100_not_ignored": (lambda f: f(X, Y * 0 - 100, ignore_index=-1), ("0..4", "-100")),
    "integer_logits": (lambda f: f(X.long(), Y), ("floating", "int64")),
    "bool_logits": (lambda f: f(X.bool(), Y), ("floating", "bool")),
    "complex_logits": (lambda f: f(X + 0j, Y), ("floating", "complex64")),
    "list_as_target": (lambda f: f(X, Y.tolist()), ("Tensor", "list")),
    "none_as_target": (lambda f: f(X, None), ("Tensor", "NoneType")),
    "list_as_logits": (lambda f: f(X.tolist(), Y), ("Tensor", "list")),
    "scalar_logits": (lambda f: f(X[0, 0], Y[0]), ("(C,)", "scalar")),
    "scalar_logits_and_probability": (lambda f: f(X[0, 0], X[0, 0]), ("(C,)", "scalar")),
}


def kind_of_error(call: Callable[[Loss], Any]) -> type[Exception]:
    """The class that torch's function raises."""
    try:
        call(F.cross_entropy)
    except Exception as error:
        return type(error)
    raise AssertionError("torch takes this call")


def takes_shape_one() -> bool:
    """Whether torch takes a target (1,) for one sample; else other shapes are errors of another class."""
    try:
        F.cross_entropy(X[0], Y[:1])
    except RuntimeError:
        return False
    return True


@TREES
@pytest.mark.parametrize("name", BAD)
def test_bad_calls(tree: Any, name: str) -> None:
    """They raise torch's exception class, and the message holds both values."""
    call, words = BAD[name]
    counts = name in ("one_sample_two_targets", "one_sample_no_target")  # samples, which differ
    kind = ValueError if counts and not takes_shape_one() else kind_of_error(call)
    with pytest.raises(kind) as found:
        call(ours_on(tree))
    for word in words:
        edge = r"(?<![\d.])" if word[:1].isdigit() else ""
        assert re.search(edge + re.escape(word), str(found.value)), str(found.value)


# -- shapes, dtypes, nothing to count --------------------------------------------------------------

SHAPES = {"one": (5,), "rows": (4, 5), "dense": (2, 5, 3, 2), "empty": (0, 5), "hollow": (2, 5, 0)}
REDUCTIONS = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])


def batch(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Random logits and targets."""
    generator = torch.Generator().manual_seed(len(shape))
    logits = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    size = () if len(shape) == 1 else (shape[0], *shape[2:])
    return logits, torch.randint(5, size, generator=generator)


@TREES
@REDUCTIONS
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_shapes(tree: Any, shape: tuple[int, ...], reduction: str) -> None:
    """Every shape, with indices and with probabilities, plain and with all options."""
    logits, target = batch(shape)
    weight = torch.tensor([0.0, 1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    plain: dict[str, Any] = {"reduction": reduction}
    full = plain | {"weight": weight, "label_smoothing": 0.2}
    for options in (plain, full):
        assert_same(tree, logits, target, **options)
        assert_same(tree, logits, logits.sigmoid(), **options)
    assert_same(tree, logits, target, ignore_index=2, **full)


@TREES
@REDUCTIONS
@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 5, 3)])
def test_nothing_counted(tree: Any, shape: tuple[int, ...], reduction: str) -> None:
    """All targets ignored, and all weights zero: what torch says, NaN for NaN."""
    logits, target = batch(shape)
    weight = torch.zeros(5, dtype=torch.float64)
    for smoothing in (0.0, 0.3):
        options: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
        assert_same(tree, logits, torch.full_like(target, -100), **options)
        assert_same(tree, logits, target * 0 + 3, ignore_index=3, **options)
        assert_same(tree, logits, target, weight=weight, **options)
        assert_same(tree, logits, logits.sigmoid(), weight=weight, **options)


@TREES
@REDUCTIONS
@pytest.mark.usefixtures("_threads")
def test_enough_numbers_for_several_threads(tree: Any, reduction: str) -> None:
    """With indices, with probabilities and with smoothing."""
    logits, target = batch((3, 5, 67, 211))
    assert_same(tree, logits, target, reduction=reduction, ignore_index=2)
    assert_same(tree, logits, target, reduction=reduction, label_smoothing=0.2)
    assert_same(tree, logits, logits.sigmoid(), reduction=reduction)


@TREES
@REDUCTIONS
def test_a_target_of_shape_one_for_one_sample(tree: Any, reduction: str) -> None:
    """Logits (C,) take a target (1,) too: torch's value and shape (its backward fails there)."""
    logits, target = batch((5,))
    value = ours_on(tree)(logits, target.reshape(1), reduction=reduction)
    assert_same(tree, logits, target, reduction=reduction)
    if not takes_shape_one():
        pytest.skip("this torch refuses a target (1,) for one sample")
    assert_close(value, F.cross_entropy(logits, target.reshape(1), reduction=reduction))


@TREES
@REDUCTIONS
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", [BYTE, torch.int8, torch.int16, torch.int32])
def test_narrow_targets(tree: Any, shape: tuple[int, ...], reduction: str, dtype: torch.dtype) -> None:
    """They are what long ones are in every shape; torch takes uint8 ones, in rows without options."""
    logits, target = batch(shape)
    byte, loss = target.to(dtype), ours_on(tree)
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": 0.2, "ignore_index": 3}
    pairs = zip(
        results(loss, logits, byte, **options),
        results(loss, logits, target, **options),
        strict=True,
    )
    for one, other in pairs:
        assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    if len(shape) == 2 and dtype == BYTE:
        assert_same(tree, logits, byte)


def test_a_dtype_that_does_not_hold_the_targets_is_refused() -> None:
    """Class 156 of int8 is -100: it would be ignored, and others would be a class that is not meant."""
    tree = taxoloss.load({"tree": [f"class {number}" for number in range(200)]}).bind()
    loss, logits = taxoloss.TaxonomyLoss(tree), torch.zeros(2, 200)
    target = torch.tensor([1, 156])
    for refused in (loss, loss.per_level):
        with pytest.raises(RuntimeError, match=r"holds 0\.\.199, got torch\.int8, which ends at 127"):
            refused(logits, target.to(torch.int8))
    assert_close(loss(logits, target.to(torch.int16)), loss(logits, target))


@TREES
@REDUCTIONS
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(tree: Any, dtype: torch.dtype, reduction: str) -> None:
    """Value and gradient have torch's dtype and, to its precision, torch's value."""
    logits, target = batch((4, 5), dtype)
    weight = torch.tensor([0.5, 1.0, 2.0, 0.5, 3.0], dtype=dtype)
    for options in ({}, {"weight": weight}, {"label_smoothing": 0.2}):
        assert_same(tree, logits, target, reduction=reduction, **options)


@pytest.mark.parametrize("weight_dtype", [None, *DTYPES, torch.long])
@pytest.mark.parametrize("target_dtype", DTYPES)
def test_mixed_dtypes_of_probabilities(target_dtype: torch.dtype, weight_dtype: torch.dtype | None) -> None:
    """Logits, probabilities and weight of different dtypes: torch's dtypes and values."""
    target = torch.linspace(0, 1, 20).reshape(4, 5).to(target_dtype)
    weight = None if weight_dtype is None else torch.tensor([1, 2, 3, 4, 5], dtype=weight_dtype)
    for tree in (one_level, two_levels):
        for dtype in DTYPES:
            assert_mixed(tree, batch((4, 5), dtype)[0], target, weight)


def assert_mixed(tree: Any, logits: Tensor, target: Tensor, weight: Tensor | None) -> None:
    """The same dtypes, and the same values to the precision of the coarsest of them."""
    expected = results(F.cross_entropy, logits, target, weight=weight)
    found = results(ours_on(tree), logits, target, weight=weight)
    dtypes = [one.dtype for one in expected]
    assert [one.dtype for one in found] == dtypes, f"logits {logits.dtype}"
    rough = max(torch.finfo(one).eps for one in dtypes)
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, rtol=20 * rough, atol=20 * rough)


@TREES
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("soft", [False, True])
def test_autocast(tree: Any, dtype: torch.dtype, soft: bool) -> None:
    """Under autocast the loss is float32 (float64 stays), the gradient in the logits' dtype."""
    logits, target = batch((4, 5), dtype)
    given = logits.detach().float().softmax(1) if soft else target
    outside = results(ours_on(tree), logits.to(at_least_float32(dtype)), given)
    with torch.autocast("cpu", torch.bfloat16):
        value, slope, *_ = results(ours_on(tree), logits, given)
        theirs = results(F.cross_entropy, logits, given)
    assert value.dtype == at_least_float32(dtype) == theirs[0].dtype
    assert slope.dtype == dtype
    assert_close(value, outside[0])
    assert_close(slope, outside[1].to(dtype))


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
