"""The native kernel in threads: the same bits for any number, at once in many, and after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch
from cpu_forms import loss_of
from torch import Tensor
from trees import Wide, wide_tree

from taxoloss.functional.kernels.native.library import kernel

pytestmark = [
    pytest.mark.one_form("about the native one"),
    pytest.mark.skipif(kernel() is None, reason="the native kernel was not compiled"),
]

#: Enough numbers for several threads, in each form of the kernel: (tree, logits' shape).
SHAPES: list[tuple[Wide, tuple[int, ...]]] = [
    (wide_tree(1000, 4), (601, 1000)),
    (wide_tree(1000, 4, shuffled=True), (7, 1000, 61)),
    (wide_tree(37, 2), (9001, 37)),
    (wide_tree(19, 3, shuffled=True), (3, 19, 33, 121)),
]


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def results(tree: Wide, logits: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """Loss and gradient; some targets are ignored, some rows are done again."""
    classes, shape = tree.classes, (logits.shape[0], *logits.shape[2:])
    target = torch.arange(torch.Size(shape).numel()) * 7 % classes
    target[::11] = -100
    given = logits.detach().clone()
    given[::13] *= 1e3
    value = loss_of(tree, reduction=reduction)(given.requires_grad_(), target.view(shape))
    return value.detach(), torch.autograd.grad(value.sum(), given)[0]


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("tree", "shape"), SHAPES, ids=["rows", "places", "few", "few places"])
def test_the_same_bits_for_every_number_of_threads(
    tree: Wide, shape: tuple[int, ...], reduction: str
) -> None:
    """One, two, four and seven."""
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.set_num_threads(1)
    expected = results(tree, logits, reduction)
    for number in (2, 4, 7):
        torch.set_num_threads(number)
        found = results(tree, logits, reduction)
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_eight_python_threads_at_once() -> None:
    """Each has its own numbers, again and again; the tables of a loss are shared."""
    torch.set_num_threads(2)
    tree, shape = SHAPES[2]
    batches = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in range(8)]
    expected = [results(tree, logits, "mean") for logits in batches]
    ready = Barrier(8)

    def run(number: int) -> bool:
        ready.wait()
        for _ in range(5):
            found = results(tree, batches[number], "mean")
            if not all(torch.equal(one, other) for one, other in zip(found, expected[number], strict=True)):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))


_FORK = """
import os, sys, torch, taxoloss
torch.set_num_threads(1)  # what torch's own operations take: its threads do not survive a fork
t = taxoloss.load("pets").bind()
loss = taxoloss.TaxonomyLoss(t)
z, y = torch.randn(9001, 37), torch.arange(9001) % 37
def step():
    given = z.clone().requires_grad_()
    torch.set_num_threads(4)
    value = loss(given, y)
    torch.set_num_threads(1)
    value.backward()
    return value.item(), given.grad
expected = step()
for generation in range(3):  # the child, its child, and that one's
    child = os.fork()
    if child:
        os._exit(os.waitpid(child, 0)[1] != 0)
    value, slope = step()
    if value != expected[0] or not torch.equal(slope, expected[1]):
        os._exit(1)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_after_a_fork() -> None:
    """A process that used it in several threads forks; the child uses it too, and its child."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORK],
        env={**os.environ, "PYTHONPATH": path, "TAXOLOSS_NATIVE": "require"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
