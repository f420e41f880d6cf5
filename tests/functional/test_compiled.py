"""The closed form as an operation that a graph compiled for the CPU calls, where masks cost more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest
import torch
from cpu_forms import batch, loss_of
from kernel_forms import FORMS, only
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter, EagerAndRecordGraphs
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss import Taxonomy
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels.compiled_closed_form import _closed_form
from taxoloss.functional.kernels.native import library
from taxoloss.functional.log_probs import level_log_probs

# torch's compiler warns of its own parts.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.one_form("chooses it")]

ORDERED, SHUFFLED = wide_tree(300, 3), wide_tree(300, 3, shuffled=True)
OPERATION = "taxoloss.closed_form"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch._dynamo.reset()


@pytest.fixture(params=FORMS)
def _form(request: pytest.FixtureRequest) -> Iterator[None]:
    """What computes it."""
    with only(request.param):
        yield


def both(loss: Callable[..., Tensor], logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient for mixed numbers from above."""
    given = logits.detach().clone().requires_grad_()
    value = loss(given, target)
    upstream = torch.linspace(-1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    return value.detach(), torch.autograd.grad(value, given, upstream)[0]


def calls(loss: nn.Module, logits: Tensor, target: Tensor) -> int:
    """How often the graph calls the operation."""
    backend = EagerAndRecordGraphs()
    torch.compile(loss, fullgraph=True, backend=backend)(logits, target)
    return sum(OPERATION in str(node.target) for node in backend.graphs[0].graph.nodes)


@pytest.mark.slow
@pytest.mark.usefixtures("_form")
def test_wide_trees_call_it_and_narrow_ones_do_not() -> None:
    """Columns times levels decide; an exported program holds torch's own operations alone."""
    assert calls(loss_of(ORDERED), *batch(ORDERED, 5)) == 1
    middle, narrow = wide_tree(40, 4), wide_tree(7, 2)
    assert calls(loss_of(middle), *batch(middle, 5)) == (library.kernel() is not None)
    assert calls(loss_of(narrow), *batch(narrow, 5)) == 0
    for strict in (False, True):
        program = torch.export.export(loss_of(ORDERED), batch(ORDERED, 5), strict=strict)
        assert OPERATION not in program.graph_module.code


@pytest.mark.sample(13)
@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("tree", [ORDERED, SHUFFLED], ids=["ordered", "shuffled"])
@pytest.mark.parametrize(
    ("shape", "reduction"), [((6,), "mean"), ((6,), "none"), ((3, 4), "sum"), ((2, 2, 3), "none")], ids=str
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_is_eager(tree: Wide, shape: tuple[int, ...], reduction: str, dtype: torch.dtype) -> None:
    """To the last bit but for the product with what comes from above, in extreme rows too."""
    loss = loss_of(tree, reduction=reduction)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    logits, target = batch(tree, *shape, dtype=dtype)
    for scale in (1.0, 30.0, 1e4):
        found, expected = both(compiled, logits * scale, target), both(loss, logits * scale, target)
        assert torch.equal(found[0], expected[0])
        assert_close(found[1], expected[1])
    with torch.no_grad():
        assert torch.equal(compiled(logits, target), loss(logits, target))


@pytest.mark.usefixtures("_form")
def test_it_is_what_torch_asks_of_an_operation() -> None:
    """Schema, shapes of its results without running it, its gradient, dynamic sizes, by torch's checks."""
    for tree in (ORDERED, SHUFFLED):
        t = loss_of(tree).tensors
        logits, target = batch(tree, 6, dtype=torch.float32)
        target = target.clamp(min=0)
        chunks = t.chunks
        tables = [getattr(chunks, field.name) for field in fields(chunks)]
        weights = t.look_up(t.weights, target)
        for reduce in (False, True):
            given = logits.clone().requires_grad_()
            torch.library.opcheck(_closed_form, (given, target, weights, *tables, reduce, True))
            torch.library.opcheck(_closed_form, (logits, target, weights, *tables, reduce, False))


@pytest.mark.slow
def test_two_compilations_serve_every_batch_size() -> None:
    """The first for its own size, the second for all others; other weights need none."""
    counter, loss = CompileCounter(), loss_of(SHUFFLED)
    compiled = torch.compile(loss, fullgraph=True, backend=counter)
    for rows in (8, 12, 16, 31):
        logits, target = batch(SHUFFLED, rows)
        assert_close(both(compiled, logits, target), both(loss, logits, target))
    loss.set_level_weights({name: 2 * w for name, w in SHUFFLED.level_weights.items()})
    assert_close(both(compiled, logits, target), both(loss, logits, target))
    assert counter.frame_count == 2


@pytest.mark.sample(2)
@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("bad", [-1, 10**6])
def test_bad_targets(bad: int) -> None:
    """What is no target raises; ignored rows do not, and an empty batch is eager's."""
    loss = loss_of(ORDERED, reduction="sum")
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    logits = torch.randn(4, 300)
    with pytest.raises((IndexError, RuntimeError)):
        compiled(logits, torch.tensor([0, bad, 2, 3]))
    ignored = torch.full((4,), -100)
    assert_close(compiled(logits, ignored), loss(logits, ignored))
    assert_close(compiled(logits[:0], ignored[:0]), loss(logits[:0], ignored[:0]))


# -- transforms inside what is compiled ------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("tree", [wide_tree(40, 4), SHUFFLED], ids=["masks", "operation"])
def test_transforms_inside_a_compiled_function(tree: Wide) -> None:
    """torch.func's grad, vmap and jvp, in one graph."""
    loss, logits = loss_of(tree), batch(tree, 5)[0]
    target = torch.arange(5)
    ways = {
        "grad": torch.func.grad(loss),
        "rows": torch.func.vmap(torch.func.grad(loss)),
        "vmap": lambda z, y: torch.func.vmap(lambda one, label: loss(one, label))(z, y),
        "jvp": lambda z, y: torch.func.jvp(lambda x: loss(x, y), (z,), (z,))[1],
    }
    for way in ways.values():
        torch._dynamo.reset()
        compiled = torch.compile(way, fullgraph=True, backend="aot_eager")
        assert_close(compiled(logits, target), way(logits, target))


def vmap_of(module: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Sample by sample, in a compiled graph that asks for the module's words."""
    return torch.compile(lambda z, y: torch.func.vmap(module)(z, y), fullgraph=True, backend="aot_eager")


@pytest.mark.sample(2)
@pytest.mark.parametrize("tree", [wide_tree(40, 4), SHUFFLED], ids=["masks", "operation"])
def test_vmap_of_the_module(tree: Wide) -> None:
    """The module itself in torch.vmap, compiled, wherever torch can do that with its own cross-entropy."""
    loss, logits, target = loss_of(tree), batch(tree, 5)[0], torch.arange(5)
    try:
        vmap_of(nn.CrossEntropyLoss())(logits, target)
    except torch._dynamo.exc.Unsupported:
        pytest.skip("this torch cannot compile vmap of a module: it does not trace repr")
    assert_close(vmap_of(loss)(logits, target), torch.func.vmap(loss)(logits, target))


# -- functions, which keep their tables from call to call ------------------------------------------


def probabilities(logits: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Of the classes."""
    return list(level_log_probs(logits, taxonomy).values())[-1].exp().sum()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["loss", "probabilities"])
def test_functions_compile_at_their_first_call(name: str) -> None:
    """One graph, though nothing was made for the taxonomy yet."""
    taxonomy = ORDERED.taxonomy.bind(ORDERED.taxonomy.paths())  # a new one
    logits, target = torch.randn(4, 300), torch.tensor([0, 299, 2, 3])
    work: Callable[..., Tensor]
    arguments: tuple[Any, ...]
    if name == "loss":
        work, arguments = taxonomy_cross_entropy, (logits, target, taxonomy)
    else:
        work, arguments = probabilities, (logits, taxonomy)
    whole = torch.compile(work, fullgraph=True, backend="aot_eager")(*arguments)
    assert_close(whole, work(*arguments))
