"""Pictures where nodes have several parents: the tree of homes, dashed arrows for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from agg import drawn, labels, plt
from graphs import GraphCase, graphs, wide_diamond
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS

import taxoloss
from taxoloss.taxonomy.exports import export

GRAPH = wide_diamond()
TREE = taxoloss.Taxonomy.from_paths(GRAPH.paths())


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    with drawn():
        yield


def arrows(ax: Any) -> list[Any]:
    """The dashed ones."""
    return [patch for patch in ax.patches if patch.get_linestyle() != "-"]


@given(graphs(), st.integers(1, 20))
@SETTINGS
def test_an_arrow_for_each_edge_whose_ends_are_shown(case: GraphCase, rows: int) -> None:
    """From the right end of a name to the left end of another; the picture says how many there are not."""
    t = case.taxonomy
    figure, ax = taxoloss.plot.tree(t, rows=rows)
    names = {text.get_text().partition(" (")[0] for text in ax.texts}
    further = [(above, node) for node in case.nodes for above in case.parents[node][1:]]
    shown = [(above, node) for above, node in further if {f"n{above}", f"n{node}"} <= names]
    assert len(arrows(ax)) == len(shown)
    note = [text for text in labels(ax.texts) if text.startswith("dashed: ")]
    if t.is_tree:
        assert not note
    elif len(shown) == len(further):
        assert note[0].startswith(f"dashed: {len(further)} edge")
    else:
        assert note[0].startswith(f"dashed: {len(shown)} of {len(further)} edge")
    figure.canvas.draw()
    places = {text.get_text().partition(" (")[0]: text.get_position() for text in ax.texts}
    ends = {(places[f"n{above}"][1], places[f"n{node}"][1]): places[f"n{node}"][0] for above, node in shown}
    for arrow in arrows(ax):
        (start, high), (stop, low) = arrow._posA_posB
        assert start < stop < ends[high, low]
    plt.close(figure)


def test_the_rest_is_the_tree_of_homes() -> None:
    """The same names in the same places, one row lower; values colour nodes as ever."""
    found = []
    for t in (GRAPH, TREE):
        _, ax = taxoloss.plot.tree(t, {"g0": 0.5, "c1_1": 0.7})
        found.append([(x.get_text(), *np.round(x.get_position(), 9)) for x in ax.texts])
        assert len(ax.collections[-1].get_offsets()) == 2
    assert [one for one in found[0] if not one[0].startswith("dashed")] == found[1]


def test_files_of_pictures_leave_no_parents_out() -> None:
    """SVG has the arrows, and so the parents."""
    made = export(GRAPH, "svg")
    assert not any("parents" in left for left in made.left_out)
    assert b"dashed: 17 edges from further parents" in made.data
