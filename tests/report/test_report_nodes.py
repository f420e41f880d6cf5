"""The columns of the tree are counts over rows, node by node."""

from __future__ import annotations

import math
from typing import Any

import pytest
from gathered_cases import Rows, rows_of, some_rows, species
from hypothesis import given
from hypothesis_settings import SETTINGS

from taxoloss.report.numbers.nodes import nodes


def by_hand(rows: Rows, node: int) -> dict[str, Any]:
    """What is counted at a node, by the lines up the homes of each row's truth and answer."""
    g = rows.gathered
    truth = [node in rows.home_line(int(one)) for one in g.node_target]
    known = [
        not lost and node in rows.home_line(int(one))
        for one, lost in zip(g.node_answer, g.unknown, strict=True)
    ]
    of_truth = [row for row, below in enumerate(truth) if below]
    of_answer = [row for row, below in enumerate(known) if below]
    return {
        "rows": len(of_truth),
        "right": sum(bool(g.right[row]) for row in of_truth),
        "wrong": sum(bool(g.wrong[row]) for row in of_truth),
        "within": sum(known[row] for row in of_truth),
        "answered": len(of_answer),
        "answered_right": sum(bool(g.right[row]) for row in of_answer),
        "parted": sum(bool(bad) and shared == node for bad, shared in zip(g.wrong, g.shared, strict=True)),
    }


@SETTINGS
@given(rows=some_rows())
def test_counts_of_every_node(rows: Rows) -> None:
    """Rows, right, wrong, within, answered, parted: each by itself."""
    found = nodes(rows.gathered)
    for node in range(rows.taxonomy.num_nodes):
        wanted = by_hand(rows, node)
        assert {name: found[name][node] for name in wanted} == wanted


@SETTINGS
@given(rows=some_rows())
def test_stated_is_the_sum_of_probabilities(rows: Rows) -> None:
    """Of answers that state none, the mean of the others; None where none states one."""
    g, found = rows.gathered, nodes(rows.gathered)["stated"]
    if g.probability is None:
        assert found is None
        return
    for node, value in enumerate(found):
        below = [
            float(p)
            for p, answer, lost in zip(g.probability, g.node_answer, g.unknown, strict=True)
            if not lost and node in rows.home_line(int(answer))
        ]
        told = [p for p in below if not math.isnan(p)]
        if below and not told:
            assert value is None
        else:
            mean = sum(told) / max(1, len(told))
            assert value == pytest.approx(mean * len(below), abs=1e-4)


@SETTINGS
@given(rows=some_rows())
def test_the_tree_is_the_taxonomy(rows: Rows) -> None:
    """Names, parents before children, levels, further parents; all wrong rows are parted somewhere."""
    found, tree = nodes(rows.gathered), rows.taxonomy.tree
    assert found["name"] == list(tree.names)
    assert all(parent < node for node, parent in enumerate(found["parent"]) if node)
    assert found["level"] == tree.level.tolist()
    for node in range(1, len(tree)):
        further = [parent for one, parent in found["also_under"] if one == node]
        assert tree.parents_of(node) == [found["parent"][node], *further]
    assert sum(found["parted"]) == rows.gathered.wrong.sum() == found["wrong"][0]
    assert found["rows"][0] == len(rows.gathered)


def test_unspecific_rows_are_neither_right_nor_wrong() -> None:
    """A genus for its species; the answer is outside the truth, but inside the genus."""
    t = species()
    genus = t.node_id("G00")
    found = nodes(rows_of(t, [genus, genus], [0, 0]).gathered)
    at = [int(t.nodes_by_id[node]) for node in (0, genus)]
    assert [found["right"][node] + found["wrong"][node] for node in at] == [0, 0]
    assert [found["within"][node] for node in at] == [0, 2]
    assert [found["answered"][node] for node in at] == [0, 2]
