"""Masses, answers and log-odds of all levels: native kernel and Python form against sums by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from kernel_forms import PYTHON
from torch import Tensor
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss.functional.kernels.native import levels, library
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.masses import level_answers, level_masses
from taxoloss.functional.node_tensors import node_tensors

pytestmark = pytest.mark.one_form("chooses it")

FOUND = library.kernel()
WIDTHS = list(library.FORMS[: FOUND.form + 1]) if FOUND else []
CASES = {
    "few": wide_tree(9, 3),
    "few, shuffled": wide_tree(37, 2, shuffled=True),
    "one level": wide_tree(5, 1),
    "many": wide_tree(300, 4),
    "many, shuffled": wide_tree(213, 7, shuffled=True),
}
TREES = pytest.mark.parametrize("tree", CASES.values(), ids=CASES)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
SHAPES = pytest.mark.parametrize("places", [(), (1,), (5, 7)], ids=["rows", "place", "dense"])


@pytest.fixture(autouse=True, params=[PYTHON, *WIDTHS])
def _form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python form, and the kernel with each width of vectors that the processor has."""
    if request.param != PYTHON:
        assert FOUND is not None
        monkeypatch.setattr(FOUND, "form", library.FORMS.index(request.param))


def numbers(tree: Wide, places: tuple[int, ...], dtype: torch.dtype, rows: int = 35) -> Tensor:
    """Logits (N, C, d1..dk) whose softmax is far from flat."""
    g = torch.Generator().manual_seed(tree.classes)
    return 4 * torch.randn(rows, tree.classes, *places, generator=g, dtype=torch.float64).to(dtype)


def by_hand(tree: Wide, logits: Tensor) -> list[Tensor]:
    """For each level the masses (N, W_l, d1..dk), summed in float64 over the classes below each node."""
    tensors = node_tensors(tree.taxonomy)
    p = torch.softmax(logits.double(), 1)
    found = []
    for level, nodes in enumerate(tensors.nodes):
        own = tensors.ancestors[: tree.classes, level]
        found.append(torch.stack([p[:, own == node].sum(1) for node in range(len(nodes))], 1))
    return found


@TREES
@DTYPES
@SHAPES
def test_masses_and_answers(tree: Wide, dtype: torch.dtype, places: tuple[int, ...]) -> None:
    """All nodes, and the most probable of each level, of rows and of dense logits in any layout."""
    logits, tensors = numbers(tree, places, dtype), node_tensors(tree.taxonomy)
    expected = by_hand(tree, logits)
    tolerance: Any = {"rtol": 2e-5 if dtype == torch.float32 else 1e-12, "atol": 1e-30}
    strided = torch.cat([logits, logits])[::2]
    wanted_of_strided = [torch.cat([mass, mass])[::2] for mass in expected]
    last = logits.movedim(1, -1).contiguous().movedim(-1, 1)
    for z, want in ((logits, expected), (last, expected), (strided, wanted_of_strided)):
        masses = level_masses(z, tensors)
        for mass, wanted in zip(masses, want, strict=True):
            assert (mass.dtype, mass.shape) == (dtype, wanted.shape)
            assert_close(mass.double(), wanted, **tolerance)
        best, stated = level_answers(z, tensors)
        assert (best.dtype, stated.dtype) == (torch.long, dtype)
        assert best.tolist() == torch.stack([mass.argmax(1) for mass in want], 1).tolist()
        assert_close(stated.double(), torch.stack([mass.amax(1) for mass in want], 1), **tolerance)


@TREES
@DTYPES
@SHAPES
def test_log_odds_of_paths(tree: Wide, dtype: torch.dtype, places: tuple[int, ...]) -> None:
    """The mass of an ancestor over that of all other nodes, which are sums, not differences."""
    logits = numbers(tree, places, dtype)
    g = torch.Generator().manual_seed(1)
    classes = torch.randint(tree.classes, (len(logits), *places), generator=g)
    odds = path_log_odds(logits, classes, tree.taxonomy)
    tensors, p = node_tensors(tree.taxonomy), torch.softmax(logits.double(), 1)
    for level in range(len(tensors.levels)):
        own = tensors.ancestors[: tree.classes, level]
        wanted = tensors.ancestors[classes, level]
        inside = own.view(1, -1, *[1] * len(places)) == wanted.unsqueeze(1)
        expected = torch.where(inside, p, 0).sum(1).log() - torch.where(inside, 0, p).sum(1).log()
        tolerance: Any = (
            {"rtol": 1e-5, "atol": 2e-5} if dtype == torch.float32 else {"rtol": 1e-11, "atol": 1e-11}
        )
        assert_close(odds[:, level].double(), expected, **tolerance)


@TREES
@DTYPES
def test_an_over_confident_row_has_all_its_digits(tree: Wide, dtype: torch.dtype) -> None:
    """Where 1 - P is 0 in the dtype, and where the other masses underflow: rows that are done again."""
    logits = torch.zeros(3, tree.classes, dtype=dtype)
    logits[0, 1], logits[1, 1], logits[2, 1] = 60.0, 2000.0, -2000.0
    odds = path_log_odds(logits, torch.ones(3, dtype=torch.long), tree.taxonomy)[:, -1]
    rest = math.log(tree.classes - 1)
    expected = torch.tensor([60 - rest, 2000 - rest, -2000 - rest], dtype=torch.float64)
    assert_close(odds.double(), expected, rtol=1e-6, atol=0)


@TREES
@DTYPES
def test_impossible_classes(tree: Wide, dtype: torch.dtype) -> None:
    """-inf logits: nothing is left of them; where only one class is possible its log-odds are inf."""
    logits = numbers(tree, (), dtype)
    logits[:, ::2] = -math.inf
    logits[0] = -math.inf
    logits[0, tree.classes - 1] = 3.0
    tensors = node_tensors(tree.taxonomy)
    for mass, wanted in zip(level_masses(logits, tensors), by_hand(tree, logits), strict=True):
        assert_close(mass.double(), wanted, rtol=2e-5, atol=1e-30)
    last = torch.full((len(logits),), tree.classes - 1)
    assert path_log_odds(logits, last, tree.taxonomy, zeros=True)[0].tolist() == [math.inf] * len(
        tensors.levels
    )


@TREES
@DTYPES
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf], ids=["NaN", "inf", "all -inf"])
@SHAPES
def test_rows_that_are_no_logits(
    tree: Wide, dtype: torch.dtype, bad: float, places: tuple[int, ...]
) -> None:
    """They are as torch has them, NaN; the other rows are as ever."""
    logits, tensors = numbers(tree, places, dtype), node_tensors(tree.taxonomy)
    good_best, good_stated = level_answers(logits, tensors)
    place: Any = (3, slice(None), *(0 for _ in places))
    if bad == -math.inf:
        logits[place] = bad
    else:
        one: Any = (3, tree.classes // 2, *place[2:])
        logits[one] = bad
    best, stated = level_answers(logits, tensors)
    masses = level_masses(logits, tensors)
    assert bool(stated[place].isnan().all())
    assert all(bool(mass[place].isnan().all()) for mass in masses)
    assert best[place][-1] == logits[place].argmax()
    others = torch.arange(len(logits)) != 3
    assert torch.equal(best[others], good_best[others])
    assert torch.equal(stated[others], good_stated[others])


@TREES
@DTYPES
def test_the_first_of_equals(tree: Wide, dtype: torch.dtype) -> None:
    """Masses of powers of two are exact, and nodes of as many classes are equal: the first wins."""
    rng = np.random.default_rng(0)
    tensors = node_tensors(tree.taxonomy)
    halves = torch.from_numpy(rng.integers(0, 2, (40, tree.classes))).to(dtype) * math.log(2)
    halves[0] = 0
    counts = torch.round(halves.exp()).double()
    best, _ = level_answers(halves, tensors)
    for level, nodes in enumerate(tensors.nodes):
        own = tensors.ancestors[: tree.classes, level]
        sums = torch.stack([counts[:, own == node].sum(1) for node in range(len(nodes))], 1)
        assert bool((sums.gather(1, best[:, level, None])[:, 0] == sums.amax(1)).all())
        if level == len(tensors.nodes) - 1:
            assert best[:, level].tolist() == sums.argmax(1).tolist()
    assert best[0].tolist() == [
        int(torch.bincount(tensors.ancestors[: tree.classes, level]).argmax())
        for level in range(len(tensors.nodes))
    ]


@TREES
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_narrow_logits(tree: Wide, dtype: torch.dtype) -> None:
    """They are computed in float32."""
    logits, tensors = numbers(tree, (), dtype), node_tensors(tree.taxonomy)
    for one, other in zip(
        level_masses(logits, tensors), level_masses(logits.float(), tensors), strict=True
    ):
        assert torch.equal(one, other)
    classes = logits.argmax(1)
    odds = path_log_odds(logits, classes, tree.taxonomy)
    assert torch.equal(odds, path_log_odds(logits.float(), classes, tree.taxonomy))


@TREES
def test_no_rows_and_more_threads(tree: Wide, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty batch; and the same numbers for any number of threads."""
    tensors = node_tensors(tree.taxonomy)
    best, stated = level_answers(torch.zeros(0, tree.classes), tensors)
    assert best.shape == stated.shape == (0, len(tensors.levels))
    logits = numbers(tree, (), torch.float32, rows=1000)
    one = [*level_masses(logits, tensors), *level_answers(logits, tensors)]
    classes = logits.argmax(1)
    one.append(path_log_odds(logits, classes, tree.taxonomy))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    many = [*level_masses(logits, tensors), *level_answers(logits, tensors)]
    many.append(path_log_odds(logits, classes, tree.taxonomy))
    assert all(torch.equal(a, b) for a, b in zip(one, many, strict=True))


@TREES
def test_gradients_and_transforms_go_to_torch(tree: Wide) -> None:
    """Logits that ask for a gradient have one; torch.func follows."""
    tensors, logits = node_tensors(tree.taxonomy), numbers(tree, (), torch.float64, rows=3)
    masses = level_masses(logits.clone().requires_grad_(), tensors)
    assert all(mass.requires_grad for mass in masses)
    mapped = torch.func.vmap(lambda z: level_masses(z[None], tensors)[0][0])(logits)
    assert_close(mapped, masses[0].detach())


@pytest.mark.skipif(FOUND is None, reason="the native kernel was not compiled")
def test_a_class_that_is_none_is_not_looked_up() -> None:
    """The kernel says so before it reads a table."""
    assert FOUND is not None
    tree = CASES["few"]
    logits = numbers(tree, (), torch.float32, rows=2)
    for bad in (-1, tree.classes, 1 << 40):
        with pytest.raises(IndexError, match="got another number in row 1"):
            levels.odds_of_paths(FOUND, logits, torch.tensor([0, bad]), node_tensors(tree.taxonomy))
