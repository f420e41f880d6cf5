"""NaN and infinities among logits and targets: the native kernel says what the Python form says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import cycle, product
from typing import Any

import pytest
import torch
from kernel_forms import COMPILED, python_form
from torch import Tensor
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss import decisions, metrics
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels.native import library

pytestmark = [
    pytest.mark.one_form("compares the two"),
    pytest.mark.skipif(COMPILED is None, reason="the native kernel was not compiled"),
]

FEW, MANY = wide_tree(9, 3, shuffled=True), wide_tree(300, 4)
TREES = pytest.mark.parametrize("tree", [FEW, MANY], ids=["few", "many"])
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
NAN, INF = math.nan, math.inf
#: name: the numbers that take the place of a row's classes 0, 2 and 5; of all for one number.
ODD: dict[str, tuple[float, ...]] = {
    "NaN": (NAN, 0.0, 0.0),
    "inf": (INF, 0.0, 0.0),
    "two inf": (INF, INF, 0.0),
    "-inf": (-INF, -INF, 0.0),
    "NaN and inf": (NAN, INF, 0.0),
    "inf and -inf": (INF, -INF, 0.0),
    "huge": (3e38, -3e38, 0.0),
    "all NaN": (NAN,),
    "all inf": (INF,),
    "all -inf": (-INF,),
}
ODDS = pytest.mark.parametrize("numbers", ODD.values(), ids=ODD)


@pytest.fixture(params=range(COMPILED.form + 1 if COMPILED else 1), ids=library.FORMS.__getitem__)
def _width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each width of vectors that the processor has."""
    monkeypatch.setattr(COMPILED, "form", request.param)


def odd_logits(tree: Wide, numbers: tuple[float, ...], dtype: torch.dtype, places: int = 0) -> Tensor:
    """(20, C) or (20, C, places): rows 3 and 8 hold the numbers."""
    shape = (20, tree.classes, places) if places else (20, tree.classes)
    z = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
    for row in (3, 8):
        if len(numbers) == 1:
            z[row] = numbers[0]
        else:
            for at, number in zip((0, 2, 5), numbers, strict=True):
                z[row, at] = number
    return z


def outcome(call: Callable[[], Any]) -> Any:
    """The tensors of a result, by name or in order; the class and the words of what is raised."""
    try:
        found = call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return found


def agree(call: Callable[[], Any], rounding: float) -> None:
    """Both forms say the same numbers, or raise the same words."""
    native = outcome(call)
    with python_form():
        python = outcome(call)
    if isinstance(native, str) or isinstance(python, str):
        assert native == python
        return
    assert_close(native, python, rtol=rounding, atol=rounding, equal_nan=True)


def rounding(dtype: torch.dtype) -> float:
    """Of a result in a dtype."""
    return 1e-12 if dtype == torch.float64 else 40 * torch.finfo(dtype).eps


# -- losses ----------------------------------------------------------------------------------------


def targets(tree: Wide, dtype: torch.dtype, places: int) -> dict[str, Tensor]:
    """Ids, some ignored, one the root; probabilities of classes and of nodes, some rows 0 or NaN."""
    g, nodes = torch.Generator().manual_seed(1), tree.taxonomy.num_nodes
    shape = (20, places) if places else (20,)
    ids = torch.randint(nodes - 1, shape, generator=g)
    ids[8], ids[9], ids[10] = -100, -100, nodes - 1
    found = {"ids": ids}
    for name, size in (("classes", tree.classes), ("nodes", nodes)):
        q = torch.rand((20, size, *shape[1:]), generator=g).to(dtype)
        q[:, ::2] = 0
        q[8] = 0
        found[name] = q
        odd = q.clone()
        odd[5, 1], odd[6, 3], odd[7, 5] = NAN, INF, -INF
        found[f"odd {name}"] = odd
    return found


def of_loss(tree: Wide, z: Tensor, target: Tensor, **options: Any) -> list[Tensor]:
    """Loss and gradient."""
    given = z.clone().requires_grad_()
    value = taxonomy_cross_entropy(given, target, tree.taxonomy, tree.level_weights, **options)
    up = torch.linspace(-1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    return [value.detach(), torch.autograd.grad(value, given, up)[0]]


def weights(tree: Wide, dtype: torch.dtype) -> Iterator[Tensor | None]:
    """Class weights: none, some that are 0, all 0."""
    ramp = torch.linspace(0.5, 2, tree.classes, dtype=dtype)
    yield from (None, ramp * (torch.arange(tree.classes) % 3 > 0), 0 * ramp)


@TREES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@ODDS
@pytest.mark.sample(7)
@pytest.mark.usefixtures("_width")
@pytest.mark.parametrize("places", [0, 3])
@pytest.mark.parametrize("kind", ["ids", "classes", "nodes", "odd classes", "odd nodes"])
def test_losses(tree: Wide, dtype: torch.dtype, numbers: tuple[float, ...], places: int, kind: str) -> None:
    """Of ids and of what is spread, for every smoothing and class weights: one by one, or as a mean."""
    z, target = odd_logits(tree, numbers, dtype, places), targets(tree, dtype, places)[kind]
    reductions = cycle(["none", "mean"])
    for weight, smoothing in product(weights(tree, dtype), (0.0, 0.1, 1.0)):
        options = {"weight": weight, "label_smoothing": smoothing, "reduction": next(reductions)}
        agree(lambda: of_loss(tree, z, target, **options), rounding(dtype))  # noqa: B023


# -- metrics and decisions -------------------------------------------------------------------------

DECISIONS: dict[str, Callable[[Tensor, Wide], Any]] = {
    "leaf": lambda z, tree: decisions.leaf(z, tree.taxonomy),
    "climb": lambda z, tree: decisions.climb(z, tree.taxonomy, 0.6),
    "top_down": lambda z, tree: decisions.top_down(z, tree.taxonomy),
    "most_specific": lambda z, tree: decisions.most_specific(z, tree.taxonomy, 0.6),
    "minimum_cost": lambda z, tree: decisions.minimum_cost(z, tree.taxonomy),
    "hedge": lambda z, tree: decisions.hedge(z, tree.taxonomy, 0.5),
    "ranking": lambda z, tree: decisions.ranking(z, tree.taxonomy),
}


@TREES
@DTYPES
@ODDS
@pytest.mark.sample(5)
@pytest.mark.usefixtures("_width")
@pytest.mark.parametrize("name", DECISIONS)
def test_decisions(tree: Wide, dtype: torch.dtype, numbers: tuple[float, ...], name: str) -> None:
    """The same nodes, or refused in the same words."""
    for places in (0, 3):
        z = odd_logits(tree, numbers, dtype, places)
        agree(lambda: DECISIONS[name](z, tree), 0.0)  # noqa: B023


@TREES
@DTYPES
@ODDS
@pytest.mark.sample(5)
@pytest.mark.usefixtures("_width")
@pytest.mark.parametrize("ignored", [False, True])
def test_metrics(tree: Wide, dtype: torch.dtype, numbers: tuple[float, ...], ignored: bool) -> None:
    """All of them, counted together and each by itself; rows that are ignored may hold anything."""
    for places in (0, 3):
        z, target = odd_logits(tree, numbers, dtype, places), targets(tree, dtype, places)["ids"]
        if ignored:
            target[3] = -100
        agree(lambda: metrics.collection(tree.taxonomy)(z, target), rounding(torch.float32))  # noqa: B023
        level = metrics.LevelAccuracy(tree.taxonomy)
        agree(lambda: level(z, target), 1e-6)  # noqa: B023
