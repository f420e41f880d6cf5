"""Log-odds where nodes have several parents: 50 digits, extremes, trees, calls that are traced."""

from __future__ import annotations

import math

import graph_decisions as oracle_of
import numpy as np
import pytest
import torch
from graph_oracle import Oracle
from graphs import GraphCase, graphs, wide_diamond
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor
from trees import Case, seeds, taxonomies

from taxoloss import Taxonomy
from taxoloss.functional.graphs.log_odds import graph_level_log_odds, line_log_odds
from taxoloss.functional.graphs.nodes import graph_nodes
from taxoloss.functional.log_odds import level_log_odds, path_log_odds
from taxoloss.functional.node_tensors import node_tensors

Rng = np.random.Generator
pytestmark = pytest.mark.one_form("graphs have no kernel")


def drawn(classes: int, rng: Rng, scale: float, rows: int = 4) -> Tensor:
    """Logits (rows, C), some of them impossible."""
    z = rng.normal(size=(rows, classes)) * scale
    z[(rng.random(z.shape) < 0.2) & (z < z.max(1, keepdims=True))] = -np.inf
    return torch.from_numpy(z)


def by_line(t: Taxonomy, z: Tensor, classes: Tensor) -> list[dict[int, float]]:
    """For each row the log-odds of the ids on the line of its class."""
    nodes, odds = graph_nodes(t), line_log_odds(z, classes, t)
    rows = []
    for line, row in zip(nodes.lines[classes].tolist(), odds.tolist(), strict=True):
        pairs = list(zip(line, row, strict=True))
        assert all(value == -math.inf for node, value in pairs if node in (-1, nodes.root))
        rows.append({node: value for node, value in pairs if node not in (-1, nodes.root)})
    return rows


@given(graphs(), seeds, st.sampled_from([1.0, 30.0, 400.0]))
@SETTINGS
def test_lines_against_fifty_digits(case: GraphCase, rng: Rng, scale: float) -> None:
    """Of any class, also one with hardly a chance: up to odds beyond e^1000."""
    oracle = Oracle(case)
    t = oracle.taxonomy
    z, classes = drawn(len(t), rng, scale), torch.from_numpy(rng.integers(0, len(t), 4))
    classes = torch.where(z.gather(1, classes[:, None])[:, 0] == -torch.inf, z.argmax(1), classes)
    for row, found in zip(z.tolist(), by_line(t, z, classes), strict=True):
        for number, value in found.items():
            wanted = oracle_of.log_odds(oracle, row, oracle.nodes[number])
            assert value == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@given(graphs(), seeds, st.sampled_from([1.0, 30.0, 400.0]))
@SETTINGS
def test_levels_against_fifty_digits(case: GraphCase, rng: Rng, scale: float) -> None:
    """Of all nodes; a node that stands on two levels has one number."""
    oracle = Oracle(case)
    t = oracle.taxonomy
    z = drawn(len(t), rng, scale)
    for odds, nodes in zip(graph_level_log_odds(z, graph_nodes(t)), oracle.levels, strict=True):
        for row, values in zip(z.tolist(), odds.tolist(), strict=True):
            wanted = [oracle_of.log_odds(oracle, row, node) for node in nodes]
            assert values == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@given(taxonomies(), seeds, st.sampled_from([1.0, 30.0, 400.0]))
@SETTINGS
def test_trees(case: Case, rng: Rng, scale: float) -> None:
    """Those of paths and levels of a tree, in any order of classes."""
    t = case.taxonomy
    z = drawn(len(t), rng, scale)
    classes = z.argmax(1)
    paths = path_log_odds(z, classes, t)
    for line, row, found in zip(
        node_tensors(t).lines[classes].tolist(), paths.tolist(), by_line(t, z, classes), strict=True
    ):
        wanted = dict(zip(line[1:], row, strict=True))
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    for found_level, level in zip(
        graph_level_log_odds(z, graph_nodes(t)), level_log_odds(z, t), strict=True
    ):
        torch.testing.assert_close(found_level, level, rtol=1e-9, atol=1e-9)


@given(graphs(), seeds, st.sampled_from([torch.float32, torch.float64]))
@SETTINGS
def test_no_node_is_less_sure_than_one_below_it(case: GraphCase, rng: Rng, dtype: torch.dtype) -> None:
    """To the last digit; as sure as one with the same classes."""
    oracle = Oracle(case)
    z = (torch.from_numpy(rng.normal(size=(5, len(oracle.taxonomy)))) * 3).to(dtype)
    for found in by_line(oracle.taxonomy, z, z.argmax(1)):
        for one, value in found.items():
            for other, above in found.items():
                below = {*oracle.classes_below[oracle.nodes[one]]}
                if oracle.nodes[other] in oracle.above(one):
                    assert above >= value
                if below == {*oracle.classes_below[oracle.nodes[other]]}:
                    assert above == value


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("gap", [40.0, 200.0, 5000.0])
def test_sure_to_excess(gap: float, dtype: torch.dtype) -> None:
    """A gap of 200 is log-odds of 200, less the log of the classes that share the rest."""
    t = wide_diamond()
    z = torch.zeros(3, 40, dtype=dtype)
    z[:, 0] = gap
    gap = float(z[0, 0])
    # Class 0 is below two groups of 14 classes each, which have 24 together; and below top and bottom.
    best = torch.zeros(3, dtype=torch.long)
    nodes, odds = graph_nodes(t), line_log_odds(z, best, t)
    levels = level_log_odds(z, t)
    for place, node in enumerate(nodes.lines[0].tolist()):
        outside = 40 - int(nodes.classes_below[node]) if node >= 0 else 0
        if not outside:
            continue
        assert odds[0, place].item() == pytest.approx(gap - math.log(outside), rel=1e-6)
        for level, ids in enumerate(nodes.nodes):
            for at in (ids == node).nonzero().flatten().tolist():
                assert levels[level][0, at].item() == pytest.approx(gap - math.log(outside), rel=1e-6)


def test_maps_and_no_rows() -> None:
    """(N, C, d1, d2) as its rows; in blocks."""
    t = wide_diamond()
    z = torch.randn(2, 40, 3, 2, generator=torch.Generator().manual_seed(0)).double() * 5
    rows = z.movedim(1, -1).reshape(-1, 40)
    found = line_log_odds(z, z.argmax(1), t).movedim(1, -1).reshape(12, -1)
    torch.testing.assert_close(found, line_log_odds(rows, rows.argmax(1), t))
    for level, flat in zip(level_log_odds(z, t), level_log_odds(rows, t), strict=True):
        torch.testing.assert_close(level.movedim(1, -1).reshape(12, -1), flat)
    assert line_log_odds(rows[:0], rows[:0].argmax(1), t).shape == (0, graph_nodes(t).lines.shape[1])


@pytest.mark.parametrize("scale", [1.0, 30.0, 200.0])
def test_without_looking_at_numbers(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compiler, a tracer or another device computes is the same."""
    t = wide_diamond()
    z = drawn(40, np.random.default_rng(0), scale, rows=20)
    eager = line_log_odds(z, z.argmax(1), t), level_log_odds(z, t)
    monkeypatch.setattr("taxoloss.functional.graphs.log_odds.host_may_read", lambda _: False)
    torch.testing.assert_close(line_log_odds(z, z.argmax(1), t), eager[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(level_log_odds(z, t), eager[1], rtol=1e-9, atol=1e-9)
    monkeypatch.setattr("taxoloss.functional.graphs.log_odds._MOST_CELLS", 100)
    with pytest.raises(ValueError, match=r"at most 100 .* 7 x 40: decide outside, on the CPU"):
        level_log_odds(z, t)
