"""Every way into the native kernel: what it may touch, and that bad numbers and shapes end before it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from cpu_forms import batch
from fuzz_native import calls, outcome
from kernel_forms import COMPILED, python_form
from native_calls import FUNCTIONS, Watched
from torch import Tensor
from trees import Wide, wide_tree

from taxoloss import decisions, functional, metrics
from taxoloss.functional import kernels
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels.native import levels, library
from taxoloss.functional.kernels.native.losses import costs_of_rows
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.masses import level_answers, level_masses
from taxoloss.functional.node_tensors import node_tensors

pytestmark = [
    pytest.mark.one_form("compares the two"),
    pytest.mark.skipif(COMPILED is None, reason="the native kernel was not compiled"),
]

FEW, MANY = wide_tree(9, 3, shuffled=True), wide_tree(300, 4)
TREES = pytest.mark.parametrize("tree", [FEW, MANY], ids=["few", "many"])
WIDTHS = range(COMPILED.form + 1 if COMPILED else 1)
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """The functions of C: each address that they are handed is looked up."""
    return Watched(monkeypatch)


@pytest.fixture(params=WIDTHS, ids=library.FORMS.__getitem__)
def _width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each width of vectors that the processor has."""
    monkeypatch.setattr(COMPILED, "form", request.param)


# -- what it may touch -----------------------------------------------------------------------------


def calling() -> Iterator[tuple[str, str]]:
    """Modules and functions of the package in which a function of the library is called."""
    for file in sorted(Path(kernels.__file__).parent.rglob("*.py")):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                called = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
                names = {one.attr for one in called if isinstance(one, ast.Attribute)}
                if names & {*FUNCTIONS} and any(
                    isinstance(node, ast.Name) and node.id == "library" for node in ast.walk(function)
                ):
                    yield file.stem, function.name


def layouts(z: Tensor) -> list[Tensor]:
    """Logits (N, C, D) as they are, classes last, with gaps, expanded, turned and with another sign."""
    wide = torch.stack([z, z], -1)[..., 0]
    return [
        z,
        z.movedim(1, -1).contiguous().movedim(-1, 1),
        wide,
        z[:1].expand_as(z),
        z.transpose(0, 2).contiguous().transpose(0, 2),
        torch._neg_view(-z),
        z[..., 0],
        z[:0],
    ]


def test_each_call_stays_in_tensors_that_are_alive(watched: Watched) -> None:
    """Losses of random calls, metrics and decisions in every layout; each caller in the package is one."""
    for call in calls(150, seed=3):
        outcome(call)
    for tree, dtype in product((FEW, MANY), DTYPES):
        t, tensors = tree.taxonomy, node_tensors(tree.taxonomy)
        for z in layouts(torch.randn(5, tree.classes, 3, dtype=torch.float64).to(dtype)):
            level_masses(z, tensors)
            level_answers(z, tensors)
            path_log_odds(z, z.argmax(1), t)
            scores, ids = metrics.collection(t), torch.zeros(z.shape[:1] + z.shape[2:], dtype=torch.long)
            scores.update(z, ids)
            scores(z, ids)
            scores.update(z, ids)
    gapped = torch.full((3, 9), 200.0).scatter_(1, torch.tensor([[0], [1], [2]]), -200.0)
    taxonomy_cross_entropy(gapped, torch.arange(3), FEW.taxonomy)  # a row is done again
    assert {*watched.called} == {*FUNCTIONS}
    assert watched.callers == {*calling()}


def test_a_watched_kernel_sees_what_is_too_short(watched: Watched) -> None:
    """The watch itself: targets that end before the rows do are told before C reads them."""
    weights = torch.ones(4, FEW.tables().chunks.levels, dtype=torch.float64)
    short = torch.zeros(4, dtype=torch.long).untyped_storage()[:24]
    target = torch.tensor([], dtype=torch.long).set_(short)
    with pytest.raises(AssertionError, match="rows: target is in no tensor"):
        costs_of_rows(library.kernel(), FEW.tables().chunks, torch.zeros(4, 9), target, weights, None)  # type: ignore[arg-type]


# -- targets out of range --------------------------------------------------------------------------

BAD = (-1, 1 << 40, -(1 << 63), (1 << 63) - 1)
Use = Callable[[Wide, Tensor, Tensor], Any]
#: What takes targets: name: call of a tree, logits (4, C) and ids (4,).
USES: dict[str, Use] = {
    **{
        f"loss, {reduction}, smoothing {smoothing}": (
            lambda tree, z, y, reduction=reduction, smoothing=smoothing: taxonomy_cross_entropy(  # type: ignore[misc]
                z, y, tree.taxonomy, tree.level_weights, reduction=reduction, label_smoothing=smoothing
            )
        )
        for reduction in ("none", "mean", "sum")
        for smoothing in (0.0, 0.1, 1.0)
    },
    "class weights": lambda tree, z, y: taxonomy_cross_entropy(
        z, y, tree.taxonomy, weight=torch.ones(tree.classes, dtype=z.dtype)
    ),
    "metrics": lambda tree, z, y: metrics.collection(tree.taxonomy)(z, y),
    "risk": lambda tree, z, y: decisions.calibrate_threshold(z, y, tree.taxonomy, risk=0.1),
}


def words(call: Callable[[], Any]) -> str:
    """The class and the words of what is raised."""
    with pytest.raises(Exception) as raised:
        call()
    return f"{raised.type.__name__}: {raised.value}"


@TREES
@pytest.mark.usefixtures("_width")
@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_targets_out_of_range(name: str, dtype: torch.dtype, tree: Wide, watched: Watched) -> None:
    """IndexError for every dtype, whoever asks, in the words of the Python form."""
    logits = batch(tree, 4, dtype=dtype)[0]
    for bad in (*BAD, tree.taxonomy.num_nodes):
        target = torch.tensor([0, 1, bad, 2])
        found = words(lambda: USES[name](tree, logits.clone().requires_grad_(), target))  # noqa: B023
        assert found.startswith("IndexError: expected targets in 0.."), found
        with python_form():
            assert words(lambda: USES[name](tree, logits, target)) == found  # noqa: B023


@pytest.mark.usefixtures("_width")
@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
@pytest.mark.parametrize("bad", [*BAD, 9])
def test_what_the_package_asks_by_itself(bad: int, dtype: torch.dtype, watched: Watched) -> None:
    """Rows with weights of their own, and classes of log-odds."""
    kernel, chunks, logits = library.kernel(), FEW.tables().chunks, torch.zeros(3, 9, dtype=dtype)
    assert kernel is not None
    weights = torch.ones(3, chunks.levels, dtype=torch.float64)
    number = bad if bad != 9 else FEW.taxonomy.num_nodes
    with pytest.raises(IndexError, match="expected targets in"):
        costs_of_rows(kernel, chunks, logits, torch.tensor([0, number, 2]), weights, None)
    with pytest.raises(IndexError, match="got another number in row 2"):
        levels.odds_of_paths(kernel, logits, torch.tensor([0, 1, bad]), node_tensors(FEW.taxonomy))


# -- sizes, dtypes, devices ------------------------------------------------------------------------

Bad = Callable[[Tensor, Tensor], Any]
FLAT = FEW.taxonomy
#: name: what is called of logits (4, 9) and targets (4,), and may not come to C.
REFUSED: dict[str, Bad] = {
    "smoothing of 2": lambda z, y: functional.taxonomy_cross_entropy(z, y, FLAT, label_smoothing=2.0),
    "smoothing, bool targets": lambda z, y: taxonomy_cross_entropy(z, y.bool(), FLAT, label_smoothing=0.1),
    "smoothing, too few classes": lambda z, y: taxonomy_cross_entropy(
        z[:, :8], y, FLAT, label_smoothing=0.1
    ),
    "smoothing, too few targets": lambda z, y: taxonomy_cross_entropy(z, y[:3], FLAT, label_smoothing=0.1),
    "smoothing, targets on meta": lambda z, y: taxonomy_cross_entropy(
        z, y.to("meta"), FLAT, label_smoothing=0.1
    ),
    "smoothing, weights in float64": lambda z, y: taxonomy_cross_entropy(
        z, y, FLAT, weight=torch.ones(9).double(), label_smoothing=0.1
    ),
    "shares of too few classes": lambda z, y: taxonomy_cross_entropy(z, z[:, :8], FLAT),
    "shares of too many": lambda z, y: taxonomy_cross_entropy(z, torch.zeros(4, 99), FLAT),
    "shares of too few rows": lambda z, y: taxonomy_cross_entropy(z, z[:3], FLAT),
    "shares with places": lambda z, y: taxonomy_cross_entropy(z, torch.zeros(4, 9, 2), FLAT),
    "shares on meta": lambda z, y: taxonomy_cross_entropy(z, z.to("meta"), FLAT),
    "shares that are complex": lambda z, y: taxonomy_cross_entropy(z, z.to(torch.complex64), FLAT),
    "answers of too few classes": lambda z, y: decisions.leaf(z[:, :8], FLAT),
    "answers of integers": lambda z, y: decisions.climb(z.long(), FLAT, 0.5),
    "metrics of too few classes": lambda z, y: metrics.collection(FLAT)(z[:, :8], y),
    "metrics of too few targets": lambda z, y: metrics.collection(FLAT)(z, y[:3]),
    "metrics of another shape": lambda z, y: metrics.collection(FLAT)(z, torch.zeros(4, 2).long()),
    "metrics, float targets": lambda z, y: metrics.LevelAccuracy(FLAT)(z, y.double()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_before(name: str, watched: Watched) -> None:
    """C is not called, and the words are those of the Python form."""
    logits, target = torch.zeros(4, 9), torch.tensor([0, 1, 2, -100])
    found = words(lambda: REFUSED[name](logits, target))
    assert watched.called == []
    with python_form():
        assert words(lambda: REFUSED[name](logits, target)) == found


def test_classes_of_another_shape() -> None:
    """Log-odds are asked of a class for each row, no fewer."""
    kernel = library.kernel()
    assert kernel is not None
    for classes in (torch.tensor([0]), torch.zeros(4, 2).long(), torch.zeros(3, dtype=torch.long)):
        with pytest.raises(ValueError, match="expected a class for each row"):
            levels.odds_of_paths(kernel, torch.zeros(4, 9), classes, node_tensors(FLAT))
