"""Random tables: the node of each row, found again by trying every node; relabelling changes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from trees import Case, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.errors.faults import BindingError


def meant(case: Case, row: Sequence[str | None]) -> list[int]:
    """The nodes that a row may mean, by trying every node of the tree."""
    deepest = max(place for place, name in enumerate(row) if name)
    names = [name for name in row if name]
    fitting, exact = [], []
    for node in range(1, len(case.parent)):
        line = case.line(node)
        above = iter([case.names[one] for one in line[:-1]])
        if case.names[node] == names[-1] and all(name in above for name in names[:-1]):  # in this order
            fitting.append(node)
            own = {case.level[one] - 1: case.names[one] for one in line}
            exact += [node] if own == {place: name for place, name in enumerate(row) if name} else []
    return exact or [node for node in fitting if case.level[node] == deepest + 1] or fitting


def row_of(case: Case, node: int, kept: Sequence[bool]) -> tuple[str | None, ...]:
    """The names of a node and of some of its ancestors by level."""
    row: list[str | None] = [None] * case.depth
    for one, keep in zip(case.line(node), kept, strict=False):
        if keep or one == node:
            row[case.level[one] - 1] = case.names[one]
    return tuple(row)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Case, list[tuple[str | None, ...]]]:
    """A tree, and rows for nodes of it, in which names are missing."""
    case = draw(taxonomies())
    nodes = draw(st.lists(st.sampled_from(range(1, len(case.parent))), min_size=1, max_size=20))
    keeps = st.lists(st.booleans(), min_size=case.depth, max_size=case.depth)
    return case, [row_of(case, node, draw(keeps)) for node in nodes]


@SETTINGS
@given(tables(), st.randoms(use_true_random=False))
def test_random_rows(made: tuple[Case, list[tuple[str | None, ...]]], random: Any) -> None:
    """The one node whose line holds the names; an error that counts the rows where there are several."""
    case, rows = made
    t, found = case.taxonomy, [meant(case, row) for row in rows]
    clear = [row for row, nodes in zip(rows, found, strict=True) if len(nodes) == 1]
    expected = [case.ids[nodes[0]] for nodes in found if len(nodes) == 1]
    table = pd.DataFrame(clear, columns=case.level_names, dtype=object)
    assert t.targets(table).tolist() == expected
    assert t.targets(clear).tolist() == expected
    assert t.node_ids(clear).tolist() == expected
    order = random.sample(range(len(clear)), len(clear))
    shuffled = table.iloc[order, random.sample(range(case.depth), case.depth)]
    assert t.targets(shuffled).tolist() == [expected[row] for row in order]
    if len(clear) < len(rows):
        with pytest.raises(BindingError) as caught:
            t.targets(pd.DataFrame(rows, columns=case.level_names, dtype=object))
        assert {fault.code for fault in caught.value.faults} == {"T304"}


@SETTINGS
@given(tables())
def test_another_order_of_the_classes(made: tuple[Case, list[tuple[str | None, ...]]]) -> None:
    """Relabelling changes the ids, not the nodes; restricting to all classes changes nothing."""
    case, rows = made
    rows = [row for row in rows if len(meant(case, row)) == 1]
    t = case.taxonomy
    other = t.bind(t.paths()[::-1], node_targets=True)
    nodes = [info.path for info in t.describe(t.targets(rows))]
    assert [info.path for info in other.describe(other.targets(rows))] == nodes
    assert t.restrict(t.paths()).targets(rows).tolist() == t.targets(rows).tolist()


CELLS = st.sampled_from(["a", "b", " a", "c", "NA", "g__", "unknown", "a/b", "", " ", None, math.nan])


@SETTINGS
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=12))
def test_the_rows_of_a_tree_are_its_targets(rows: list[list[Any]]) -> None:
    """A table makes a tree and then the targets, whatever its cells: each row is the node that it made."""
    levels = ["order", "genus", "species"]
    try:
        t = Taxonomy.from_paths(rows, levels).bind()
    except taxoloss.errors.TaxonomyError:
        return
    clean = [tuple(cell.strip() for cell in row if isinstance(cell, str) and cell.strip()) for row in rows]
    target = t.targets(pd.DataFrame(rows, columns=levels, dtype=object), ignore_index=-1)
    assert [t.path(node) if node >= 0 else () for node in target.tolist()] == clean
