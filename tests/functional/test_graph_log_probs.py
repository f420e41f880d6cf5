"""log P on levels where nodes have several parents: by its definition, beside trees, in every mode."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from compilers import compiler
from graphs import GraphCase, bound, graphs, wide_diamond
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from mpmath import mp, mpf
from torch import Tensor
from torch.func import jacrev, jvp, vmap
from torch.testing import assert_close
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss.functional import level_log_probs
from taxoloss.functional.graphs import log_probs as module
from taxoloss.functional.graphs.log_probs import GraphLogProbs, inner_log_probs
from taxoloss.functional.graphs.reach import ReachTensors, reach_tensors
from taxoloss.taxonomy.plan import graph_plan_of

# Compilers and forward mode warn of torch's own parts.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.one_form("calls neither")]

INF = math.inf
GRAPH = wide_diamond()


def exact(logits: list[float], inside: list[bool]) -> float:
    """log of the share of exp(z) that is inside, to fifty digits."""
    with mp.workdps(50):
        terms = [mp.exp(mpf(z)) if z > -INF else mpf(0) for z in logits]
        mass = mp.fsum(term for term, here in zip(terms, inside, strict=True) if here)
        return float(mp.log(mass / mp.fsum(terms))) if mass else -INF


def hard_logits(rng: np.random.Generator, classes: int) -> Tensor:
    """Rows (5, C): usual, far apart, huge, masked, all alike."""
    z = rng.normal(0, 3, (5, classes))
    z[1, rng.integers(classes)] += 500
    z[2] *= 3e3
    z[3, rng.permutation(classes)[: classes - 1]] = -INF
    z[4] = 1e4
    return torch.from_numpy(z)


@given(graphs(), seeds)
@SETTINGS
def test_every_level_by_its_definition(case: GraphCase, rng: np.random.Generator) -> None:
    """Each node of each level, in their order, from what it reaches; the deepest is log_softmax."""
    t, order, _ = bound(case, rng)
    z = hard_logits(rng, len(t))
    found = level_log_probs(z, t)
    assert list(found) == list(t.levels)
    names = {case.path(node): node for node in case.nodes}
    for level, logs in found.items():
        for column, path in enumerate(t.paths(level)):
            below = case.below(names[path])
            inside = [node in below for node in order]
            for row, values in enumerate(z.tolist()):
                value = exact(values, inside)
                assert logs[row, column] == pytest.approx(value, rel=1e-12, abs=1e-12)
    assert_close(found[t.levels[-1]], z.log_softmax(1))


@given(graphs(), seeds)
@SETTINGS
def test_gradients_are_those_of_the_definition(case: GraphCase, rng: np.random.Generator) -> None:
    """Of log P(a): [a reaches j] p_j / P(a) - p_j; no NaN where nothing that a reaches is possible."""
    t, order, _ = bound(case, rng)
    z = hard_logits(rng, len(t))[[0, 3]].requires_grad_()
    for level, logs in level_log_probs(z, t).items():
        for column, path in enumerate(t.paths(level)):
            (slope,) = torch.autograd.grad(logs[:, column].sum(), z, retain_graph=True)
            node = next(one for one in case.nodes if case.path(one) == path)
            inside = torch.tensor([one in case.below(node) for one in order])
            p = z.detach().softmax(1)
            share = torch.where(inside, p, 0.0)
            share = share / share.sum(1, keepdim=True)
            assert_close(slope[:1], (share - p)[:1])
            assert slope.isfinite().all() or (level == t.levels[-1])


@given(taxonomies(), seeds)
@SETTINGS
def test_a_graph_of_single_parents_is_the_tree(case: Case, rng: np.random.Generator) -> None:
    """The same numbers and gradients as up a tree."""
    t = case.taxonomy
    z = torch.from_numpy(rng.normal(0, 3, (3, len(t)))).requires_grad_()
    plan = graph_plan_of(t)
    made = GraphLogProbs(plan, ReachTensors(plan))(z)
    for level, tree in enumerate(level_log_probs(z, t).values()):
        logs = made[level].all()
        assert_close(logs, tree, rtol=1e-13, atol=1e-13)
        pull = torch.from_numpy(rng.normal(0, 1, logs.shape))
        slopes = [torch.autograd.grad(one, z, pull, retain_graph=True)[0] for one in (logs, tree)]
        assert_close(*slopes, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(case=graphs(), rng=seeds, blocks=st.sampled_from([1, 30, 1 << 18]))
@SETTINGS
def test_masses_are_the_definition(
    dtype: torch.dtype, case: GraphCase, rng: np.random.Generator, blocks: int
) -> None:
    """Of inner nodes, with their gradients, where masses are lost too; in blocks of any size."""
    t, _, _ = bound(case, rng)
    reach = reach_tensors(t)
    one, other = (hard_logits(rng, len(t)).to(dtype) for _ in range(2))
    one, other = one.requires_grad_(), one.detach().double().requires_grad_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", blocks)
        found = module._FromMasses.apply(one, reach, True)
        pull = torch.from_numpy(rng.normal(0, 1, found.shape))
        (slope,) = torch.autograd.grad(found, one, pull.to(dtype))
    truth = inner_log_probs(other, reach)
    (expected,) = torch.autograd.grad(truth, other, pull.to(dtype).double())
    within = 1e-6 if dtype == torch.float32 else 1e-12
    assert_close(found.double(), truth, rtol=within, atol=within)
    assert_close(slope.double(), expected, rtol=within, atol=within)


def test_rows_of_nan() -> None:
    """Are NaN, and leave others alone."""
    z = logits(3, 40)
    z[1, 7] = math.nan
    for level, logs in level_log_probs(z, GRAPH).items():
        assert logs[1].isnan().any()
        assert_close(logs[::2], level_log_probs(z[::2], GRAPH)[level])


def logits(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """The same every time."""
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return made.to(dtype)


def test_a_level_may_sum_to_more_than_one() -> None:
    """A class below two groups counts in both; the matrix of the level says the same."""
    z = logits(4, 40)
    p = level_log_probs(z, GRAPH)["depth_2"].exp()
    assert (p.sum(1) > 1).all()
    assert_close(p, z.softmax(1) @ GRAPH.aggregation_matrix("depth_2").double())


def test_gradients_of_gradients() -> None:
    """By differences, of every level."""
    z = logits(2, 40).requires_grad_()
    for level in GRAPH.levels:
        assert torch.autograd.gradcheck(lambda q, at=level: level_log_probs(q, GRAPH)[at], z)
        assert torch.autograd.gradgradcheck(lambda q, at=level: level_log_probs(q, GRAPH)[at], z)


def test_torch_func() -> None:
    """vmap, jacrev and jvp give eager's numbers."""
    z = logits(3, 40)

    def top(q: Tensor) -> Tensor:
        return level_log_probs(q, GRAPH)["depth_1"]

    assert_close(vmap(top)(z), top(z))
    (slope,) = torch.autograd.grad(top(w := z.clone().requires_grad_()).sum(), w)
    assert_close(jacrev(top)(z).sum((0, 1)), slope)
    assert_close(jvp(top, (z,), (slope,))[1].sum(), (slope * slope).sum(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_shapes_and_dtypes(dtype: torch.dtype) -> None:
    """(C,), (N, C, d1, d2), no rows; narrow dtypes give float32, of what they hold."""
    z = logits(2, 40, 3, 2, dtype=dtype)
    rows = z.double().movedim(1, -1).reshape(-1, 40)
    flat = level_log_probs(rows, GRAPH)
    for level, dense in level_log_probs(z, GRAPH).items():
        assert dense.dtype == torch.float32
        assert dense.shape == (2, len(GRAPH.nodes(level)), 3, 2)
        assert_close(dense.movedim(1, -1).reshape(12, -1), flat[level].float())
        assert_close(level_log_probs(z[0, :, 0, 0], GRAPH)[level], dense[0, :, 0, 0])
        assert level_log_probs(z[:0], GRAPH)[level].shape == (0, *dense.shape[1:])


@pytest.mark.skipif(bool(compiler()), reason=compiler())
def test_compiled() -> None:
    """In one graph, dense ones and other batch sizes: eager's numbers and gradients."""
    compiled = torch.compile(lambda q: level_log_probs(q, GRAPH)["depth_2"], fullgraph=True)
    for shape in ((6, 40), (4, 40), (2, 40, 3)):
        one, other = (logits(*shape, dtype=torch.float32).requires_grad_() for _ in range(2))
        found, truth = compiled(one), level_log_probs(other, GRAPH)["depth_2"]
        assert_close(found, truth)
        slopes = [torch.autograd.grad(v.exp().sum(), q)[0] for v, q in ((found, one), (truth, other))]
        assert_close(*slopes)


def test_what_is_refused() -> None:
    """Another number of classes, probabilities, what is not bound."""
    with pytest.raises(ValueError, match="expected logits of 40 classes"):
        level_log_probs(torch.zeros(1, 41), GRAPH)
    with pytest.raises(ValueError, match="probabilities"):
        level_log_probs(logits(3, 40).softmax(1), GRAPH)
    tree = [
        {"name": "a", "children": [{"name": "b", "also_under": ["c"]}]},
        {"name": "c", "children": ["d"]},
    ]
    free = taxoloss.load({"tree": tree})
    with pytest.raises(ValueError, match="bind"):
        level_log_probs(torch.zeros(1, 2), free)
