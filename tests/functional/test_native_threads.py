"""The native kernel in threads: the same bits for any number, at once in many, and after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import torch
from cpu_forms import loss_of
from torch import Tensor
from trees import Wide, wide_tree

from taxoloss import metrics
from taxoloss.functional.kernels.native.build import compiler
from taxoloss.functional.kernels.native.library import kernel
from taxoloss.functional.log_odds import path_log_odds
from taxoloss.functional.masses import level_answers, level_masses
from taxoloss.functional.node_tensors import node_tensors

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
def _as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


Work = Callable[[Wide, Tensor], list[Tensor]]


def targets(tree: Wide, logits: Tensor) -> Tensor:
    """Ids of classes for logits (N, C, d1..dk), some of them ignored."""
    shape = torch.Size([logits.shape[0], *logits.shape[2:]])
    target = torch.arange(shape.numel()) * 7 % tree.classes
    target[::11] = -100
    return target.view(shape)


def shares(tree: Wide, logits: Tensor, nodes: bool) -> Tensor:
    """Probabilities of classes or of nodes."""
    sources = tree.taxonomy.num_nodes if nodes else tree.classes
    shape = (logits.shape[0], sources, *logits.shape[2:])
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def step(tree: Wide, logits: Tensor, target: Tensor, **options: Any) -> list[Tensor]:
    """Loss and gradient; some rows of ids are done again."""
    given = logits.detach().clone()
    if not options.get("label_smoothing") and not target.is_floating_point():
        given[::13] *= 1e3
    value = loss_of(tree, **options)(given.requires_grad_(), target)
    return [value.detach(), torch.autograd.grad(value.sum(), given)[0]]


def levels_of(tree: Wide, logits: Tensor) -> list[Tensor]:
    """Masses, answers and log-odds of all levels."""
    tensors = node_tensors(tree.taxonomy)
    odds = path_log_odds(logits, logits.argmax(1), tree.taxonomy)
    return [*level_masses(logits, tensors), *level_answers(logits, tensors), odds]


def counted(tree: Wide, logits: Tensor) -> list[Tensor]:
    """What all metrics say of a batch."""
    found = metrics.collection(tree.taxonomy)(logits, targets(tree, logits))
    return [value.nan_to_num(-7) for value in found.values()]


WORK: dict[str, Work] = {
    **{
        reduction: partial(
            lambda tree, z, reduction: step(tree, z, targets(tree, z), reduction=reduction),
            reduction=reduction,
        )
        for reduction in ("none", "mean", "sum")
    },
    "smoothing": lambda tree, z: step(tree, z, targets(tree, z), label_smoothing=0.1),
    "classes": lambda tree, z: step(tree, z, shares(tree, z, nodes=False)),
    "nodes": lambda tree, z: step(tree, z, shares(tree, z, nodes=True), label_smoothing=0.1),
    "levels": levels_of,
    "metrics": counted,
}
WORKS = pytest.mark.parametrize("work", WORK.values(), ids=WORK)


def equal(found: list[Tensor], expected: list[Tensor]) -> bool:
    """Bit by bit."""
    return all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.sample(2)
@WORKS
@pytest.mark.parametrize(("tree", "shape"), SHAPES, ids=["rows", "places", "few", "few places"])
def test_the_same_bits_for_every_number_of_threads(tree: Wide, shape: tuple[int, ...], work: Work) -> None:
    """One, two, four and seven."""
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.set_num_threads(1)
    expected = work(tree, logits)
    for number in (2, 4, 7):
        torch.set_num_threads(number)
        assert equal(work(tree, logits), expected), number


@pytest.mark.sample(3)
@WORKS
def test_eight_python_threads_at_once(work: Work) -> None:
    """Each has its own numbers, again and again, for changing numbers of threads; tables are shared."""
    tree, (rows, classes) = SHAPES[2][0], SHAPES[2][1]
    batches = [
        torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed)) for seed in range(8)
    ]
    expected = [work(tree, logits) for logits in batches]
    ready = Barrier(8)

    def run(number: int) -> bool:
        ready.wait()
        for turn in range(4):
            torch.set_num_threads(1 + (number + turn) % 4)
            if not equal(work(tree, batches[number]), expected[number]):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))


_FORK = """
import os, sys, torch, taxoloss
from taxoloss.functional.masses import level_answers, level_masses
from taxoloss.functional.node_tensors import node_tensors
torch.set_num_threads(1)  # what torch's own operations take: its threads do not survive a fork
t = taxoloss.load("pets").bind()
losses = [taxoloss.TaxonomyLoss(t, label_smoothing=smoothing) for smoothing in (0.0, 0.1)]
z, y = torch.randn(9001, 37, dtype=torch.float64), torch.arange(9001) % 37
shares = torch.rand(9001, 37, dtype=torch.float64).softmax(1)
classes = z.argmax(1)
def step():
    found = []
    for loss, target in ((losses[0], y), (losses[1], y), (losses[0], shares)):
        given = z.clone().requires_grad_()
        torch.set_num_threads(4)
        value = loss(given, target)
        torch.set_num_threads(1)
        value.backward()
        found += [value.detach(), given.grad]
    torch.set_num_threads(4)
    found += [*level_masses(z, node_tensors(t)), *level_answers(z, node_tensors(t))]
    torch.set_num_threads(1)
    return found
expected = step()
for generation in range(3):  # the child, its child, and that one's
    child = os.fork()
    if child:
        os._exit(os.waitpid(child, 0)[1] != 0)
    if not all(torch.equal(one, other) for one, other in zip(step(), expected)):
        os._exit(1)
os._exit(0)
"""


#: Torch's threads are awake; the kernel is loaded in the child, which has none of them.
_FORK_BEFORE = """
import os, torch, taxoloss
torch.set_num_threads(4)
z, y = torch.randn(9001, 37), torch.arange(9001) % 37
z.softmax(1)
loss = taxoloss.TaxonomyLoss(taxoloss.load("pets").bind(), reduction="none")
child = os.fork()
if child:
    os._exit(os.waitpid(child, 0)[1] != 0)
found = loss(z, y)
torch.set_num_threads(1)
os._exit(not torch.equal(found, loss(z, y)))
"""

#: Prints which team does the kernel's pieces: loaded before all else, it is what torch calls too.
_WATCHED = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
void GOMP_parallel(void (*run)(void *), void *data, unsigned threads, unsigned flags)
{
    static void (*next)(void (*)(void *), void *, unsigned, unsigned);
    Dl_info from;
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "GOMP_parallel");
    if (dladdr(*(void **)&run, &from) && strstr(from.dli_fname, "_kernel.so")) dprintf(1, "%u ", threads);
    next(run, data, threads, flags);
}
"""

_TEAM = """
import os, torch, taxoloss
loss = taxoloss.TaxonomyLoss(taxoloss.load("pets").bind())
for threads, rows in ((3, 20_000), (1, 20_000), (3, 7), (2, 20_000)):
    torch.set_num_threads(threads)
    loss(torch.randn(rows, 37), torch.arange(rows) % 37)
if child := os.fork():
    os._exit(os.waitpid(child, 0)[1] != 0)
torch.set_num_threads(1)  # torch's own operations
z, y = torch.zeros(20_000, 37), torch.zeros(20_000).long()
torch.set_num_threads(3)
os._exit(not bool(loss(z, y) > 0))
"""


def run(program: str, **environment: str) -> str:
    """What a program prints in a process of its own, with the kernel."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PYTHONPATH": path, "TAXOLOSS_NATIVE": "require", **environment},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("program", [_FORK, _FORK_BEFORE], ids=["used before", "loaded behind"])
def test_after_a_fork(program: str) -> None:
    """A process that used several threads forks; the child uses them too, and its child."""
    run(program)


@pytest.mark.skipif(sys.platform != "linux" or not compiler(), reason="compiles a library for Linux")
@pytest.mark.skipif("OpenMP" not in torch.__config__.parallel_info(), reason="this torch has no OpenMP")
def test_the_threads_are_torchs(tmp_path: Path) -> None:
    """Its whole team, for large batches; none of one thread, of few rows, or in a child of fork."""
    source, library = tmp_path / "watched.c", tmp_path / "watched.so"
    source.write_text(_WATCHED)
    subprocess.run([*compiler(), "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)
    assert run(_TEAM, LD_PRELOAD=str(library)) == "3 2 "
