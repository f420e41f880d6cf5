"""Heads where nodes have several parents: by their definition, in every mode, their checkpoints."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from graphs import GraphCase, bound, graphs, wide_diamond
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor, nn
from torch.func import functional_call, jvp, vmap
from torch.testing import assert_close
from trees import seeds

import taxoloss
from taxoloss import TaxonomyLoss
from taxoloss.functional import level_log_probs
from taxoloss.heads import ConditionalSoftmax, Flat, LevelHeads, PathSum, TaxonomyOutput

# Compilers and forward mode warn of torch's own parts.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.one_form("the loss is not what is tried")]

WIDTH = 3
GRAPH = wide_diamond()
SERVED = pytest.mark.parametrize("make", [Flat, PathSum])


def filled(make: Any, taxonomy: Any, bias: bool = True) -> Any:
    """A head with random parameters in float64."""
    head = make(WIDTH, taxonomy, bias).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in head.parameters():
        nn.init.normal_(parameter, generator=generator)
    return head


def features(*rows: int) -> Tensor:
    """The same every time, in float64."""
    return torch.randn(*rows, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@given(graphs(), seeds, st.booleans())
@SETTINGS
def test_a_class_is_the_sum_over_its_ancestors(
    case: GraphCase, rng: np.random.Generator, bias: bool
) -> None:
    """Each once, however many ways lead to it."""
    t, order, by_id = bound(case, rng)
    head, x = filled(PathSum, t, bias), features(4)
    scores = nn.functional.linear(x, head.weight, head.bias)
    row = {node: number for number, node in enumerate(by_id[:-1])}
    assert head.row_nodes(t) == [(0, case.path(node)) for node in by_id[:-1]]
    for number, node in enumerate(order):
        line = [row[one] for one in {node, *case.above[node]} - {0}]
        assert_close(head(x)[:, number], scores[:, line].sum(1))
    flat = filled(Flat, t, bias)
    assert_close(flat(x), nn.functional.linear(x, flat.weight, flat.bias))


@SERVED
@given(graphs(), seeds)
@SETTINGS
def test_it_begins_at_the_uniform_distribution(
    make: Any, case: GraphCase, rng: np.random.Generator
) -> None:
    """As on trees."""
    t, _, _ = bound(case, rng)
    log_p = make(WIDTH, t)(features(2).float()).log_softmax(1)
    assert_close(log_p, torch.full_like(log_p, -math.log(len(t))))


@pytest.mark.parametrize("make", [ConditionalSoftmax, LevelHeads])
def test_heads_of_one_way_down_refuse_it(make: Any) -> None:
    """And name what takes it."""
    words = f"{make.__name__} needs a tree, .*; heads.PathSum and heads.Flat take it as it is"
    with pytest.raises(ValueError, match=words):
        make(WIDTH, GRAPH)
    with pytest.raises(TypeError, match="expected a bound Taxonomy, got str"):
        make(WIDTH, "pets")
    with pytest.raises(ValueError, match="bind"):
        make(WIDTH, taxoloss.load("pets"))


# -- the ways of torch -----------------------------------------------------------------------------


@SERVED
def test_gradients(make: Any) -> None:
    """By differences, and of gradients."""
    head, x = filled(make, GRAPH), features(2).requires_grad_()

    def leaf(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        logits: Tensor = functional_call(head, {"weight": weight, "bias": bias}, (x,))
        return logits

    given = x, head.weight, head.bias
    assert torch.autograd.gradcheck(leaf, given)
    assert torch.autograd.gradgradcheck(leaf, given)


@SERVED
def test_shapes_and_narrow_numbers(make: Any) -> None:
    """(F,), (.., F), no rows; autocast; vmap and jvp."""
    head, x = filled(make, GRAPH), features(2, 5)
    assert head(x).shape == (2, 5, 40)
    assert_close(head(x)[1, 3], head(x[1, 3]))
    assert head(x[:0]).shape == (0, 5, 40)
    assert_close(vmap(head)(x), head(x))
    step = jvp(head, (x,), (x,))[1]
    assert_close(step, head(2 * x) - head(x))
    narrow = head.float()
    with torch.autocast("cpu", torch.bfloat16):
        assert (narrow(x.float()).float() - narrow(x.float())).abs().max() < 1


@SERVED
def test_compiled(make: Any) -> None:
    """In one graph, head and loss: eager's numbers and gradients."""
    one, other = filled(make, GRAPH).float(), filled(make, GRAPH).float()
    loss, target = TaxonomyLoss(GRAPH), torch.randint(0, 44, (6,))
    step = torch.compile(lambda x: loss(one(x), target), fullgraph=True, backend="aot_eager")
    values = step(features(6).float()), loss(other(features(6).float()), target)
    assert_close(*values)
    slopes = [torch.autograd.grad(v, h.weight)[0] for v, h in zip(values, (one, other), strict=True)]
    assert_close(*slopes)


@SERVED
def test_it_exports_with_any_number_of_rows(make: Any) -> None:
    """With the log-probabilities of all levels behind it."""
    head, x = nn.Sequential(filled(make, GRAPH), TaxonomyOutput(GRAPH)), features(6)
    program = torch.export.export(head, (x,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    for rows in (x, x[:3]):
        assert_close(program.module()(rows), head(rows))
        assert_close(head(rows), level_log_probs(head[0](rows), GRAPH))


@SERVED
def test_it_trains(make: Any) -> None:
    """Labels of any depth, weights of any kind."""
    target = torch.arange(44).repeat(2)
    x = features(88).float()
    for weights in (None, "deepest", "geometric:0.5"):
        head, loss = make(WIDTH, GRAPH), TaxonomyLoss(GRAPH, weights)
        adam, costs = torch.optim.Adam(head.parameters(), 0.05), []
        for _ in range(5):
            adam.zero_grad()
            cost = loss(head(x), target)
            cost.backward()
            adam.step()
            costs.append(cost.item())
        assert costs[-1] < costs[0]


# -- states ----------------------------------------------------------------------------------------


@SERVED
def test_a_state_of_another_order_is_refused(make: Any) -> None:
    """And one of the same classes without the further parents: another tree."""
    names = list(GRAPH.classes)
    one, same = make(WIDTH, GRAPH), make(WIDTH, GRAPH.bind(names))
    same.load_state_dict(one.state_dict())
    other = make(WIDTH, GRAPH.bind(names[::-1]))
    with pytest.raises(RuntimeError, match=f"{make.__name__} was stored for another taxonomy"):
        other.load_state_dict(one.state_dict())
    if make is Flat:
        tree = taxoloss.Taxonomy.from_paths(GRAPH.paths()).bind(GRAPH.paths())
        with pytest.raises(RuntimeError, match="Flat was stored for another taxonomy"):
            make(WIDTH, tree).load_state_dict(one.state_dict())


@SERVED
@given(graphs(), seeds)
@SETTINGS
def test_checkpoints_move_rows_by_the_path_of_the_home(
    make: Any, case: GraphCase, rng: np.random.Generator
) -> None:
    """Refused in another order; reordered the same numbers by name; and back the same state."""
    pytest.importorskip("safetensors", reason="checkpoints are files of safetensors")
    old, _, _ = bound(case, rng)
    new = old.bind([old.paths()[number] for number in rng.permutation(len(old))])
    model, other, x = filled(make, old), make(WIDTH, new).double(), features(4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        taxoloss.save(path, model, old)
        if not new.same_binding(old.binding_digest):
            with pytest.raises(ValueError, match="of another order of the classes"):
                taxoloss.load_checkpoint(path, other, new)
        found = taxoloss.load_checkpoint(path, other, new, reorder=True)
    assert found.taxonomy == new
    columns = [new.paths().index(each) for each in old.paths()]
    assert_close(other(x)[:, columns], model(x))
