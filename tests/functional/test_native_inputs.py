"""What reaches the native kernel: no bad target, dtype, shape or size; and every layout is read right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from cpu_forms import batch
from fuzz_native import calls, unlike
from kernel_forms import python_form
from torch import Tensor
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels.native import library
from taxoloss.functional.kernels.native.losses import costs_of_rows

FOUND = library.kernel()
pytestmark = [
    pytest.mark.one_form("compares the two"),
    pytest.mark.skipif(FOUND is None, reason="the native kernel was not compiled"),
]

#: Trees that the kernel does by vectors of rows and a row at a time.
FEW, MANY = wide_tree(9, 3, shuffled=True), wide_tree(300, 4)
TREES = pytest.mark.parametrize("tree", [FEW, MANY], ids=["few", "many"])
REDUCTIONS = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])


def kernel() -> library.Kernel:
    """That which was compiled."""
    assert FOUND is not None
    return FOUND


@pytest.fixture(params=range(FOUND.form + 1 if FOUND else 1), ids=library.FORMS.__getitem__)
def _form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each width of vectors that the processor has."""
    monkeypatch.setattr(kernel(), "form", request.param)


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of C."""
    seen: list[Any] = []
    rows = kernel().rows

    def spy(*arguments: Any) -> int:
        seen.append(arguments)
        status: int = rows(*arguments)
        return status

    monkeypatch.setattr(kernel(), "rows", spy)
    return seen


def loss(tree: Wide, logits: Any, target: Any, **options: Any) -> Tensor:
    """What people call."""
    return taxonomy_cross_entropy(logits, target, tree.taxonomy, tree.level_weights, **options)


def words(call: Callable[[], Any]) -> str:
    """The class and the words of what is raised."""
    with pytest.raises(Exception) as raised:
        call()
    return f"{raised.type.__name__}: {raised.value}"


# -- targets ---------------------------------------------------------------------------------------


@TREES
@REDUCTIONS
@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_target_out_of_range(tree: Wide, reduction: str, dtype: torch.dtype) -> None:
    """IndexError in the words of the Python form, wherever it stands; what is ignored is none."""
    number = tree.taxonomy.num_nodes
    for shape in [(5,), (2, 40)]:
        logits, target = batch(tree, *shape, dtype=dtype)
        for bad in (-1, number, 1 << 40, -(1 << 63), (1 << 63) - 1):
            for at in (0, 3, target.numel() - 1):
                wrong = target.clone()
                wrong.view(-1)[at] = bad
                for ignored in (-100, 7):
                    options: dict[str, Any] = {"reduction": reduction, "ignore_index": ignored}
                    given = wrong.masked_fill(wrong == -100, ignored)
                    native = words(lambda: loss(tree, logits.requires_grad_(), given, **options))  # noqa: B023
                    with python_form():
                        assert native == words(lambda: loss(tree, logits, given, **options))  # noqa: B023
                    assert native.startswith("IndexError: expected targets in 0..")
                options = {"reduction": reduction, "ignore_index": bad}
                assert loss(tree, logits, wrong.masked_fill(wrong == -100, bad), **options).isfinite().all()


def test_row_weights_take_no_target_for_ignored() -> None:
    """-1 and the rest are out of range there too: nothing is ignored but by its weights."""
    chunks = FEW.tables().chunks
    weights = torch.ones(3, chunks.levels, dtype=torch.float64)
    for bad in (-1, -100, FEW.taxonomy.num_nodes):
        with pytest.raises(IndexError, match=f"expected targets in 0..15|got {bad}"):
            costs_of_rows(kernel(), chunks, torch.zeros(3, 9), torch.tensor([0, bad, 2]), weights, None)


# -- what is refused before ------------------------------------------------------------------------

#: name: what is called of logits (4, 9) and targets (4,).
BAD: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "bool targets": lambda z, y: loss(FEW, z, y.bool()),
    "integer logits": lambda z, y: loss(FEW, z.long(), y),
    "complex logits": lambda z, y: loss(FEW, z.to(torch.complex64), y),
    "too few classes": lambda z, y: loss(FEW, z[:, :8], y),
    "classes last": lambda z, y: loss(FEW, z.T.contiguous(), y),
    "too many classes": lambda z, y: loss(FEW, torch.zeros(4, 10), y),
    "too few targets": lambda z, y: loss(FEW, z, y[:3]),
    "too many targets": lambda z, y: loss(FEW, z, torch.cat([y, y])),
    "another shape": lambda z, y: loss(FEW, torch.zeros(4, 9, 2, 3), torch.zeros(4, 3, 2).long()),
    "targets without places": lambda z, y: loss(FEW, torch.zeros(4, 9, 2), y),
    "targets on meta": lambda z, y: loss(FEW, z, y.to("meta")),
    "weights of nine nodes too few": lambda z, y: loss(FEW, z, y, weight=torch.ones(8)),
    "weights in float64": lambda z, y: loss(FEW, z, y, weight=torch.ones(9).double()),
    "weights on meta": lambda z, y: loss(FEW, z, y, weight=torch.ones(9, device="meta")),
    "another reduction": lambda z, y: loss(FEW, z, y, reduction="max"),
    "an ignore_index of 65 bits": lambda z, y: loss(FEW, z, y, ignore_index=(1 << 64) - 100),
    "a list": lambda z, y: loss(FEW, z, y.tolist()),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_never_reaches_c(name: str, reached: list[Any]) -> None:
    """It is refused before, in the words of the Python form."""
    logits, target = torch.zeros(4, 9), torch.tensor([0, 1, 2, -100])
    native = words(lambda: BAD[name](logits, target))
    assert not reached
    with python_form():
        assert native == words(lambda: BAD[name](logits, target))
    loss(FEW, logits, target)
    assert len(reached) == 1


def test_what_it_has_no_form_for_is_the_python_forms(reached: list[Any]) -> None:
    """Logits in float8 or of no numbers go elsewhere, or are refused."""
    with torch.device("meta"):
        empty, target = torch.zeros(4, 9), torch.zeros(4).long()
    assert loss(FEW, empty, target).is_meta
    sparse = torch.zeros(4, 9).to_sparse()
    words(lambda: loss(FEW, sparse, torch.zeros(4).long()))
    assert not reached


def test_no_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """MemoryError, not numbers that were never written."""
    monkeypatch.setattr(kernel(), "rows", lambda *_: 2)
    with pytest.raises(MemoryError, match="the native kernel found no memory"):
        loss(FEW, torch.zeros(4, 9), torch.tensor([0, 1, 2, -100]))


# -- layouts ---------------------------------------------------------------------------------------

#: name: logits (n, C, 6) in another layout.
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda z: z,
    "classes last": lambda z: z.movedim(1, 2).contiguous().movedim(2, 1),
    "samples last": lambda z: z.movedim(0, 2).contiguous().movedim(2, 0),
    "every other place": lambda z: torch.stack([z, z + 1], -1).flatten(2)[..., ::2],
    "every other class": lambda z: torch.stack([z, z + 1], 2).flatten(1, 2)[:, ::2],
    "one sample": lambda z: z[:1].expand(z.shape),
    "one class": lambda z: z[:, :1].expand(z.shape),
    "one place": lambda z: z[:, :, :1].expand(z.shape),
    "one number": lambda z: z[:1, :1, :1].expand(z.shape),
    "behind others": lambda z: torch.cat([z.new_zeros(1), z.flatten()])[1:].view(z.shape),
    "negated": lambda z: torch._neg_view(-z),
    "half of a complex number": lambda z: torch.complex(z + 1, z).conj().imag.neg(),
}


@TREES
@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_the_logits(layout: str, tree: Wide) -> None:
    """The numbers of contiguous ones, loss and gradient: rows, and places of samples."""
    dense, target = batch(tree, 5, 6, dtype=torch.float32)
    for z, y in [(dense, target), (dense.flatten(1)[:, : tree.classes].unsqueeze(2), target[:, :1])]:
        odd = LAYOUTS[layout](z)
        results = []
        for given in (odd.detach(), odd.detach().clone().contiguous()):
            value = loss(tree, given.requires_grad_(), y, reduction="none")
            results.append((value.detach(), *torch.autograd.grad(value.sum(), given)))
        assert torch.equal(results[0][0], results[1][0])
        assert torch.equal(results[0][1], results[1][1])


@TREES
def test_every_layout_of_the_targets(tree: Wide) -> None:
    """Every other one, one for all, turned, and bytes."""
    logits, target = batch(tree, 6, 4, dtype=torch.float32)
    for given in (
        torch.stack([target, target + 1], -1)[..., 0],
        target[:1].expand(6, 4),
        target.T.contiguous().T,
        target.clamp(0, 200).byte(),
    ):
        for z, y in (
            (logits, given),
            (logits[..., 0], given[:, 0]),
            (logits[..., 0], given[0, 0].expand(6)),
        ):
            expected = loss(tree, z, y.long().contiguous().clone(), reduction="none")
            assert torch.equal(loss(tree, z, y, reduction="none"), expected)


@REDUCTIONS
@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("classes", [2, 3, 16, 17, 64, 65])
def test_few_rows_and_few_classes(classes: int, reduction: str) -> None:
    """None, one, and around the lanes of a vector, as the Python form has them."""
    tree = wide_tree(classes, 2)
    for rows in (0, 1, 2, 7, 8, 9, 16, 17, 33):
        logits, target = torch.randn(rows, classes, dtype=torch.float64), torch.arange(rows) % classes
        given = logits.clone().requires_grad_()
        value = loss(tree, given, target, reduction=reduction)
        with python_form():
            other = logits.clone().requires_grad_()
            expected = loss(tree, other, target, reduction=reduction)
        assert_close(value, expected, equal_nan=True)
        assert_close(
            torch.autograd.grad(value.sum(), given),
            torch.autograd.grad(expected.sum(), other),
            equal_nan=True,
        )


def test_as_many_levels_as_a_tree_may_have() -> None:
    """64, also with two classes below the last."""
    for classes in (2, 90):
        tree = wide_tree(classes, 64)
        logits, target = torch.randn(5, classes), torch.arange(5) % classes
        value = loss(tree, logits, target)
        with python_form():
            assert_close(value, loss(tree, logits, target))


@pytest.mark.usefixtures("_threads")
def test_random_calls() -> None:
    """A few hundred of the fuzzer's, in one thread and in two: tests/fuzz/fuzz_native.py."""
    assert not [said for said in map(unlike, calls(300, seed=1)) if said]


@pytest.mark.slow
@pytest.mark.usefixtures("_threads")
def test_many_random_calls() -> None:
    """Thousands."""
    assert not [said for said in map(unlike, calls(1_500, seed=2)) if said]
