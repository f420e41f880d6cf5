"""Ties of decisions against exact arithmetic: probabilities of sums of powers of two, as fractions."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import metric_oracles as oracle
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import decisions
from taxoloss.decisions.ties import rounding, snapped
from taxoloss.functional.kernels.native import library
from taxoloss.functional.masses import level_masses
from taxoloss.functional.node_tensors import node_tensors

Rng = np.random.Generator
Exact = list[Fraction]
TRADEOFF = Fraction(1, 4)


def halved(count: int, rng: Rng) -> Exact:
    """Probabilities of `count` classes, by halving one of them again and again; some are 0."""
    parts = [Fraction(1)]
    for _ in range(int(rng.integers(count))):
        half = parts.pop(int(rng.integers(min(4, len(parts))))) / 2
        parts += [half, half]
    parts += [Fraction(0)] * (count - len(parts))
    return [parts[i] for i in rng.permutation(count)]


def logits_of(p: Exact, dtype: torch.dtype) -> Tensor:
    """One row of logs."""
    return torch.tensor([[math.log(x) if x else -math.inf for x in p]], dtype=torch.float64).to(dtype)


def mass(case: Case, p: Exact, node: int) -> Fraction:
    """P(n)."""
    return sum((p[label] for label in case.below[node]), Fraction(0))


def information(case: Case, node: int) -> Any:
    """1 - log(classes below) / log(classes), to 50 digits."""
    with mpmath.workdps(50):
        return 1 - mpmath.log(len(case.below[node])) / mpmath.log(case.num_classes)


def cost(case: Case, p: Exact, answer: int) -> Fraction:
    """The expected height of what a class shares with the truth."""
    others = [(label, node) for label, node in enumerate(case.order) if node != answer]
    return sum((p[c] * oracle.height(case, oracle.lca(case, answer, n)) for c, n in others), Fraction(0))


def standing(case: Case) -> list[tuple[int, int, int]]:
    """(node, level, place in `nodes(level)`) wherever a node stands; the root on level 0."""
    levels = enumerate(case.at_level, 1)
    return [(0, 0, 0), *((n, level, at) for level, nodes in levels for at, n in enumerate(nodes))]


def best(case: Case, p: Exact, score: Callable[[int], Any]) -> int:
    """Of equal scores the most probable, of these on the deepest level, of these the first."""
    with mpmath.workdps(50):
        found = [(score(n), mass(case, p, n), level, -at, n) for n, level, at in standing(case)]
        most = max(entry[0] for entry in found)
        return max(entry[1:] for entry in found if entry[0] > most - mpmath.mpf(10) ** -30)[-1]


def by_cost(case: Case, p: Exact) -> list[int]:
    """Classes: the least cost, of equals the more probable, of these the first."""
    costs = [cost(case, p, node) for node in case.order]
    return sorted(range(case.num_classes), key=lambda c: (costs[c], -p[c], c))


def by_levels(case: Case, p: Exact, level: int = 0, node: int = 0) -> list[int]:
    """Classes: the most probable child first, of equals the first in `nodes(level)`."""
    if level == case.depth:
        return [case.order.index(node)]
    below = set(case.below[node])
    inside = [n for n in case.at_level[level] if below >= set(case.below[n])]
    inside.sort(key=lambda n: -mass(case, p, n))
    return [c for child in inside for c in by_levels(case, p, level + 1, child)]


dtypes = st.sampled_from([torch.float64, torch.float32])


@SETTINGS
@given(taxonomies(), seeds, dtypes)
def test_the_least_cost(case: Case, rng: Rng, dtype: torch.dtype) -> None:
    """Of the tree, of a matrix, and the ranking by it: larger logit first, then class order."""
    p = halved(case.num_classes, rng)
    z = logits_of(p, dtype)
    order = by_cost(case, p)
    first = next(c for c in order if p[c])  # only what is possible is answered
    nodes = case.order
    heights = [[0 if a == b else oracle.height(case, oracle.lca(case, a, b)) for b in nodes] for a in nodes]
    assert int(decisions.minimum_cost(z, case.taxonomy)) == first  # type: ignore[arg-type]
    matrix = torch.tensor(heights, dtype=dtype)
    assert int(decisions.minimum_cost(z, case.taxonomy, matrix)) == first  # type: ignore[arg-type]
    assert decisions.ranking(z, case.taxonomy, by="cost").tolist() == [order]  # type: ignore[union-attr]


@SETTINGS
@given(taxonomies(), seeds, dtypes)
def test_rankings(case: Case, rng: Rng, dtype: torch.dtype) -> None:
    """By levels and by probability."""
    p = halved(case.num_classes, rng)
    z = logits_of(p, dtype)
    likely = sorted(range(case.num_classes), key=lambda c: -p[c])
    assert decisions.ranking(z, case.taxonomy).tolist() == [by_levels(case, p)]  # type: ignore[union-attr]
    assert decisions.ranking(z, case.taxonomy, by="probability").tolist() == [likely]  # type: ignore[union-attr]


@SETTINGS
@given(taxonomies(), seeds, dtypes)
def test_any_node(case: Case, rng: Rng, dtype: torch.dtype) -> None:
    """`hedge` and `most_specific`: the most probable, then the deepest level, then the first there."""
    p = halved(case.num_classes, rng)
    z = logits_of(p, dtype)

    def hedged(node: int) -> Any:
        said = information(case, node) + mpmath.mpf(TRADEOFF.numerator) / TRADEOFF.denominator
        return said * mass(case, p, node).numerator / mass(case, p, node).denominator

    def informed(node: int) -> Any:
        return information(case, node) if mass(case, p, node) > Fraction(3, 10) else mpmath.mpf(-1)

    found = decisions.hedge(z, case.taxonomy, float(TRADEOFF))
    assert found.tolist() == [case.ids[best(case, p, hedged)]]  # type: ignore[union-attr]
    found = decisions.most_specific(z, case.taxonomy, 0.3)
    assert found.tolist() == [case.ids[best(case, p, informed)]]  # type: ignore[union-attr]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_numbers_in_another_order(seed: int, dtype: torch.dtype) -> None:
    """Families of the same logits, each shuffled: sums differ by rounding, the first family is answered."""
    g = torch.Generator().manual_seed(seed)
    paths = [(f"f{k}", f"f{k}_{i}") for k in range(20) for i in range(60)]
    t = taxoloss.Taxonomy.from_paths(paths).bind()
    values = torch.randn(60, generator=g, dtype=torch.float64).to(dtype)
    z = torch.cat([values[torch.randperm(60, generator=g)] for _ in range(20)])[None]
    best = int(z.argmax())
    different = len(set(level_masses(z, node_tensors(t))[0][0].tolist()))
    # Or it shows nothing; the kernel adds float32 up in float64.
    assert different == 1 if library.kernel() and dtype == torch.float32 else different > 1
    first = t.node_id("f0")
    assert decisions.minimum_cost(z, t).tolist() == [best]  # type: ignore[union-attr]
    assert decisions.most_specific(z, t, 0.04).tolist() == [first]  # type: ignore[union-attr]
    assert decisions.hedge(z, t, 0.0).tolist() == [first]  # type: ignore[union-attr]
    order = decisions.ranking(z, t)
    assert isinstance(order, Tensor)
    inside = z.reshape(20, 60).sort(dim=1, descending=True, stable=True).indices
    assert order.tolist() == (inside + 60 * torch.arange(20)[:, None]).reshape(1, -1).tolist()
    costs = decisions.ranking(z, t, by="cost")
    assert costs.tolist() == decisions.ranking(z, t, by="probability").tolist()  # type: ignore[union-attr]


def test_numbers_that_are_equal_but_for_rounding() -> None:
    """They become the first of them; a long run without a gap is cut, so that nothing moves far."""
    x = torch.tensor([[0.3, 0.1 + 0.2, 0.1, 0.4 - 0.1, -math.inf, math.inf, math.inf]], dtype=torch.float64)
    equal = min(0.3, 0.1 + 0.2, 0.4 - 0.1)
    assert snapped(x, 1.0).tolist() == [[equal, equal, 0.1, equal, -math.inf, math.inf, math.inf]]
    step = float(rounding(torch.ones(1), 1.0))
    run = torch.linspace(0, 100 * step, 1000)[None]
    found = snapped(run, 1.0)
    assert bool((found.diff() >= 0).all())
    assert bool(((run - found >= 0) & (run - found <= step)).all())
    assert 50 < len(found.unique()) <= 101
