"""torch.compile and torch.export: one graph, eager's numbers, few compilations, bad targets refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from compilers import compiler
from cpu_forms import batch, loss_of, loss_on
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch.testing import assert_close
from trees import Wide, wide_tree

from taxoloss import Taxonomy, TaxonomyLoss
from taxoloss.functional.kernels import dispatch

# torch's compiler warns of its own parts.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.one_form("test_compiled.py has both")]

Module = Callable[[Tensor, Tensor], Tensor]

TREE = wide_tree(9, 3, shuffled=True)
ORDERED = wide_tree(9, 3)
NARROW = wide_tree(12, 2, shuffled=True)
WEIGHT = torch.linspace(0.2, 2, 9)
#: name: (the tree, the rest of the logits' shape, their dtype, options of the loss).
CASES: dict[str, tuple[Wide, tuple[int, ...], torch.dtype, dict[str, Any]]] = {
    "plain": (TREE, (), torch.float64, {}),
    "sum": (ORDERED, (), torch.float32, {"reduction": "sum"}),
    "ignored class": (TREE, (), torch.float64, {"ignore_index": 4, "reduction": "none"}),
    "all": (TREE, (), torch.float32, {"label_smoothing": 0.1, "weight": WEIGHT, "ignore_index": 4}),
    "dense": (TREE, (2, 3), torch.float32, {"reduction": "none"}),
    "dense mean": (TREE, (2, 3), torch.float32, {"weight": WEIGHT, "ignore_index": 4}),
    "bfloat16": (TREE, (), torch.bfloat16, {}),
    "chunked": (wide_tree(263, 2, shuffled=True), (), torch.float32, {}),
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing that another test compiled is counted or kept; narrow trees are masks: test_compiled.py."""
    monkeypatch.setattr(dispatch, "_FEW_BESIDE_NATIVE", dispatch._FEW_COMPARISONS)
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def _inductor() -> None:
    if compiler():
        pytest.skip(f"no C++ compiler works: {compiler():.100}")


def both(loss: Module, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient for ones from above."""
    given = logits.detach().clone().requires_grad_()
    value = loss(given, target)
    return value.detach(), torch.autograd.grad(value.sum(), given)[0]


def batch_of(name: str, rows: int = 6) -> tuple[Tensor, Tensor]:
    """Of a case, with targets that are ignored, by its own number."""
    tree, shape, dtype, options = CASES[name]
    logits, target = batch(tree, rows, *shape, dtype=dtype)
    return logits, target.masked_fill(target == -100, options.get("ignore_index", -100))


def extremes(logits: Tensor) -> tuple[Tensor, ...]:
    """Logits as they are, far apart, and with a masked class."""
    masked = logits.clone()
    masked[:, 0] = -torch.inf
    return logits, logits * 30, logits * 1e4, masked


def model() -> nn.Module:
    """A head with its loss."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.loss = nn.Linear(4, 9), loss_of(TREE)

        def forward(self, x: Tensor, target: Tensor) -> Tensor:
            return self.loss(self.head(x), target)

    return Model()


# -- eager's numbers -------------------------------------------------------------------------------


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", CASES)
def test_compiled_is_eager(name: str) -> None:
    """Forward and backward in one graph, for mild logits, extreme ones and masked classes."""
    loss = loss_of(CASES[name][0], **CASES[name][3])
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    logits, target = batch_of(name)
    for given in extremes(logits):
        assert_close(both(compiled, given, target), both(loss, given, target))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast(dtype: torch.dtype) -> None:
    """A float32 loss and a gradient in the logits' dtype, as eager's."""
    loss = loss_of(TREE)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    logits, target = batch(TREE, 6, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = both(compiled, logits, target), both(loss, logits, target)
    assert (found[0].dtype, found[1].dtype) == (torch.float32, dtype)
    assert_close(found, expected)


@pytest.mark.slow
def test_a_step_of_a_model() -> None:
    """A head and its loss in one graph: eager's gradients of the parameters."""
    step = model()
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    x, target = torch.randn(6, 4), batch(TREE, 6)[1]
    values = [run(x, target) for run in (compiled, step)]
    found, expected = (torch.autograd.grad(value, list(step.parameters())) for value in values)
    assert_close(*values)
    assert_close(found, expected)


@pytest.mark.slow
def test_the_function() -> None:
    """Once it has made its tables, it is one graph as the module is."""
    loss = loss_on(TREE)
    logits, target = batch(TREE, 6)
    expected = both(loss, logits, target)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert_close(both(compiled, logits, target), expected)


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["all", "dense"])
def test_no_graph_breaks(name: str) -> None:
    """One graph."""
    logits, target = batch_of(name)
    found = torch._dynamo.explain(loss_of(CASES[name][0], **CASES[name][3]))(logits, target)
    assert (found.graph_count, found.graph_break_count) == (1, 0)


# -- how often it compiles -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["all", "dense mean", "bfloat16"])
def test_two_compilations_serve_every_batch_size(name: str) -> None:
    """The first for its own size, the second for all others."""
    counter = CompileCounter()
    loss = loss_of(CASES[name][0], **CASES[name][3])
    compiled = torch.compile(loss, fullgraph=True, backend=counter)
    for rows in (8, 12, 16, 20, 24, 31):
        logits, target = batch_of(name, rows)
        assert_close(both(compiled, logits, target), both(loss, logits, target))
    assert counter.frame_count == 2


@pytest.mark.slow
def test_a_dynamic_batch_needs_one_compilation() -> None:
    """Where the first dimension is marked as dynamic."""
    counter = CompileCounter()
    compiled = torch.compile(loss_of(TREE), fullgraph=True, backend=counter)
    for rows in (8, 12, 31):
        logits, target = batch(TREE, rows)
        for tensor in (logits, target):
            torch._dynamo.mark_dynamic(tensor, 0)
        assert_close(compiled(logits, target), loss_of(TREE)(logits, target))
    assert counter.frame_count == 1


@pytest.mark.slow
def test_other_level_weights_need_no_compilation() -> None:
    """The compiled loss has the new values; where other levels are used, it is compiled again."""
    counter = CompileCounter()
    loss = loss_of(TREE)
    compiled = torch.compile(loss, fullgraph=True, backend=counter)
    logits, target = batch(TREE, 6)
    first = compiled(logits, target)
    for factor in (2.0, 0.25):
        loss.set_level_weights({name: factor * w for name, w in TREE.level_weights.items()})
        assert_close(compiled(logits, target), factor * first)
    assert counter.frame_count == 1
    loss.set_level_weights(dict(zip(TREE.taxonomy.levels, (0.0, 0.0, 1.0), strict=True)))
    assert_close(compiled(logits, target), loss(logits, target))
    assert counter.frame_count == 2


# -- targets that are none -------------------------------------------------------------------------


def classes_only(tree: Wide) -> Taxonomy:
    """The same order of classes, no inner node as target."""
    return tree.taxonomy.bind(tree.taxonomy.paths())


@pytest.mark.sample(2)
@pytest.mark.parametrize("nodes", [False, True])
def test_bad_targets(nodes: bool) -> None:
    """-1, the first number that is no target and a large one raise; what is ignored never does."""
    taxonomy = TREE.taxonomy if nodes else classes_only(TREE)
    first = taxonomy.num_nodes if nodes else 9
    logits = torch.randn(4, 9)
    for ignored in (-1, first, -100):
        loss = TaxonomyLoss(taxonomy, reduction="none", ignore_index=ignored)
        compiled = torch.compile(loss, fullgraph=True, backend="eager")
        for bad in (-1, first, 10**6):
            target = torch.tensor([0, bad, 2, 3])
            if bad == ignored:
                assert compiled(logits, target)[1] == 0
                continue
            with pytest.raises((IndexError, RuntimeError)):
                compiled(logits, target)


# -- export ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_export(strict: bool) -> None:
    """A head with its loss, exported with a dynamic batch: eager's loss at other sizes."""
    step = model()
    rows = torch.export.Dim("rows", min=2, max=512)
    example = torch.randn(6, 4), batch(TREE, 6)[1]
    shapes = ({0: rows}, {0: rows})
    exported = torch.export.export(step, example, dynamic_shapes=shapes, strict=strict).module()
    for number in (2, 6, 33):
        x, target = torch.randn(number, 4), torch.randint(len(TREE.lines), (number,))
        target[0] = -100
        assert_close(exported(x, target), step(x, target))
    with pytest.raises((IndexError, RuntimeError)):
        exported(example[0], example[1] * 0 - 1)


# -- C++ -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("_inductor")
def test_cpp_of_dense_logits() -> None:
    """Eager's loss and gradient in bfloat16, with inner nodes as targets."""
    loss = loss_of(NARROW)
    compiled = torch.compile(loss, fullgraph=True)
    logits, target = batch(NARROW, 6, 3, dtype=torch.bfloat16)
    for given in extremes(logits):
        assert_close(both(compiled, given, target), both(loss, given, target))


@pytest.mark.slow
@pytest.mark.usefixtures("_inductor")
def test_cpp_of_rows() -> None:
    """Eager's loss and gradient; what is no class raises, and -1 is not taken for the last row."""
    loss = TaxonomyLoss(classes_only(NARROW), NARROW.level_weights)
    compiled = torch.compile(loss, fullgraph=True)
    logits, good = batch(NARROW, 6, dtype=torch.float32)[0], torch.tensor([0, 11, 2, -100, 4, 5])
    for given in extremes(logits):
        assert_close(both(compiled, given, good), both(loss, given, good))
    for bad in (-1, -7, 12, 10**6):  # few rows: torch's C++ ends the process where a thread of many raises
        with pytest.raises((IndexError, RuntimeError)):
            both(compiled, logits, good.index_fill(0, torch.tensor(4), bad))
    assert_close(both(compiled, logits, good), both(loss, logits, good))
