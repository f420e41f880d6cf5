"""Pictures of trees: what is folded and counted, columns of levels, colours of values, what is refused."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from agg import boxes, drawn, labels, overlapping, plt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from matplotlib.colors import to_rgba
from trees import Case, taxonomies, wide_tree

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.exports.folding import Place, fold

PETS = taxoloss.load("pets").bind(node_targets=True)
SMALL = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}})
FLAT = Taxonomy.from_paths([(f"class {number}",) for number in range(1000)])
PAIRS = Taxonomy.from_paths([(f"group {number // 2}", f"class {number}") for number in range(1000)])
TREES = {
    "2": taxoloss.load({"tree": ["yes", "no"]}),
    "37": PETS,
    "100": taxoloss.load("cifar100"),
    "419": taxoloss.load("isic4"),
    "1,000 in 18 levels": taxoloss.load("imagenet1k"),
    "1,000 in one level": FLAT,
    "1,000 in pairs": PAIRS,
    "ranks are missing": wide_tree(60, 7).taxonomy,
}
sizes = pytest.mark.parametrize("t", TREES.values(), ids=TREES)


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    with drawn():
        yield


# -- what is shown -----------------------------------------------------------------------------------


def classes_of(place: Place, t: Taxonomy) -> int:
    """How many classes a place stands for: itself, what its text counts, or what is below it."""
    tree = t.tree
    if place.node is None:
        raise AssertionError("rows of others are counted by their parents")
    if not place.children:
        return int(tree.stop[place.node] - tree.start[place.node])
    shown = [child for child in place.children if child.node is not None]
    hidden = tree.children_of(place.node)[len(shown) :]
    return sum(classes_of(child, t) for child in shown) + int(
        (tree.stop[hidden] - tree.start[hidden]).sum()
    )


@SETTINGS
@given(taxonomies(), st.integers(1, 30), st.none() | st.integers(1, 6))
def test_what_is_not_shown_is_counted(case: Case, rows: int, depth: int | None) -> None:
    """Nodes are in the order of the tree, on their levels; all classes and siblings are accounted for."""
    t = case.taxonomy
    tree = t.tree
    root = fold(tree, "root", rows, depth)
    places = list(root.all())
    nodes = [place.node for place in places if place.node is not None]
    assert nodes == sorted(set(nodes))
    assert classes_of(root, t) == len(t)
    assert [place.level for place in places if place.node is not None] == tree.level[nodes].tolist()
    for place in places:
        if place.node is None:
            continue
        children = tree.children_of(place.node).tolist()
        shown = [child.node for child in place.children if child.node is not None]
        assert shown == children[: len(shown)]
        if len(shown) < len(place.children):
            assert place.children[-1].text == f"… {len(children) - len(shown):,} more"
            assert len(children) - len(shown) > 1
        elif not shown and children:
            below = int(tree.stop[place.node] - tree.start[place.node])
            assert f"({below} class" in place.text
        assert depth is None or tree.depth[place.node] <= depth


@SETTINGS
@given(taxonomies(), st.integers(2, 30))
def test_rows(case: Case, rows: int) -> None:
    """No more than asked for, each its own; what fits is shown whole; parents stand amid their children."""
    t = case.taxonomy
    places = list(fold(t.tree, "root", rows).all())
    ends = [place.row for place in places if not place.children]
    assert ends == list(range(len(ends)))
    assert len(ends) <= rows
    assert len(t) > rows or len(places) == len(t.tree)
    for place in places:
        if place.children:
            assert place.row == (place.children[0].row + place.children[-1].row) / 2


@sizes
def test_names_are_legible(t: Taxonomy) -> None:
    """None lies over another, none is cut off; the figure is no poster."""
    figure, ax = taxoloss.plot.tree(t)
    figure.canvas.draw()
    found = boxes(ax.texts)
    assert overlapping(found) == []
    for box in found.values():
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    assert max(figure.get_size_inches()) < 15.01


@sizes
def test_levels_are_columns_in_their_order(t: Taxonomy) -> None:
    """Their names stand above them, with the number of their nodes, as far as the tree is shown."""
    _, ax = taxoloss.plot.tree(t)
    heads = [text for text in ax.texts if text.get_style() == "italic"]
    expected = [f"{level} ({len(t.nodes(level)):,})" for level in t.levels]
    assert labels(heads) == expected[: len(heads)]
    places = [text.get_position()[0] for text in heads]
    assert places == sorted(set(places))
    root = next(text for text in ax.texts if text.get_style() != "italic")
    columns = {text.get_position()[0] for text in ax.texts if text is not root}
    assert columns == set(places)


def test_every_name_of_a_tree_that_fits() -> None:
    """And a line to each node but the root."""
    _, ax = taxoloss.plot.tree(PETS)
    names = [text for text in ax.texts if text.get_style() != "italic"]
    assert labels(names) == ["pets", *PETS.tree.names[1:]]
    (lines,) = ax.collections
    assert len(lines.get_segments()) == len(PETS.tree) - 1


def test_given_axes() -> None:
    """The tree is drawn into them, in letters that fit."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 4))
    found, ax = taxoloss.plot.tree(PETS, {"cat": 1.0, "dog": 0.5}, ax=axes[1])
    assert (found, ax) == (figure, axes[1])
    assert len(plt.get_fignums()) == 1
    figure.canvas.draw()
    inside = ax.get_window_extent().padded(2)
    texts = boxes(ax.texts)
    assert overlapping(texts) == []
    assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in texts.values())


def test_names_are_text() -> None:
    """Neither mathematics nor what a terminal would act on."""
    names = ["$x_1$", "$", r"\frac", "_a", "a" * 99]
    figure, ax = taxoloss.plot.tree(taxoloss.load({"tree": {"$\\bad{$": names, "y": ["z"]}}))
    figure.canvas.draw()
    shown = labels(ax.texts)
    assert [name for name in names if name in shown] == names[:4]
    assert "a" * 31 + "…" in shown


# -- values ------------------------------------------------------------------------------------------


def dots_of(ax: Any) -> dict[str, float]:
    """The name to the right of each dot, and the dot's value."""
    _, dots = ax.collections
    names = {}
    for (x, y), value in zip(dots.get_offsets().tolist(), dots.get_array().tolist(), strict=True):
        beside = [t for t in ax.texts if t.get_position()[1] == y and 0 < t.get_position()[0] - x < 0.2]
        names[labels(beside)[0]] = value
    return names


def test_values_by_name() -> None:
    """A dot for each node that has one; NaN has none; colours span all values, also those not shown."""
    values = {"cat": 0.5, ("cat", "Bengal"): 0.25, "dog/beagle": 1, "dog": math.nan}
    figure, ax = taxoloss.plot.tree(SMALL, values, label="$accuracy")
    assert dots_of(ax) == {"cat": 0.5, "Bengal": 0.25, "beagle": 1.0}
    bar = next(one for one in figure.axes if one is not ax)
    assert bar.get_ylabel() == "$accuracy"
    figure.canvas.draw()
    _, ax = taxoloss.plot.tree(SMALL, values, depth=1)
    assert dots_of(ax) == {"cat (2 classes)": 0.5}
    assert ax.collections[1].get_clim() == (0.25, 1.0)


@pytest.mark.parametrize("form", [list, tuple, np.array, torch.tensor, lambda v: pd.Series(v).to_numpy()])
def test_values_by_id(form: Any) -> None:
    """C numbers are the classes' in the order of the binding, V numbers all nodes'."""
    t = SMALL.bind(["beagle", "Sphynx", "Bengal"])
    classes = dots_of(taxoloss.plot.tree(t, form([0.1, 0.2, 0.3]))[1])
    assert classes == pytest.approx({"beagle": 0.1, "Sphynx": 0.2, "Bengal": 0.3})
    ids = {name: t.node_id(name) for name in ("beagle", "Sphynx", "Bengal", "cat", "dog")}
    nodes = dots_of(taxoloss.plot.tree(t, form([float(number) for number in range(6)]))[1])
    assert nodes == {**ids, "root": 5.0}


def test_nothing_but_nan() -> None:
    """What was never counted has no colours: a tree without dots."""
    figure, ax = taxoloss.plot.tree(SMALL, {"cat": math.nan})
    assert len(ax.collections) == 1
    assert figure.axes == [ax]


REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "no taxonomy": ("pets", {}, TypeError, "expected a Taxonomy, got str 'pets'"),
    "rows": (SMALL, {"rows": 0}, ValueError, "expected rows as an integer, 1 or larger, got 0"),
    "depth": (SMALL, {"depth": 1.5}, ValueError, "expected depth as an integer, 1 or larger, got 1.5"),
    "not bound": (SMALL, {"values": [1, 2, 3]}, ValueError, "needs a bound taxonomy"),
    "how many": (PETS, {"values": [1, 2]}, ValueError, r"expected 37 values .* or 40 .*, got 2"),
    "nested": (PETS, {"values": [[1]] * 37}, TypeError, r"expected a number for `\w+`, got list"),
    "text": (PETS, {"values": "cat"}, TypeError, "expected values as a dict .*, got str"),
    "a word": (SMALL, {"values": {"cat": "x"}}, TypeError, "expected a number for 'cat', got str 'x'"),
    "a truth": (SMALL, {"values": {"cat": True}}, TypeError, "expected a number for 'cat', got bool"),
    "infinite": (SMALL, {"values": {"cat": math.inf}}, ValueError, "expected a finite number for 'cat'"),
    "unknown": (SMALL, {"values": {"cats": 1}}, taxoloss.errors.BindingError, "`cats` is no node"),
    "twice": (SMALL, {"values": {"cat": 1, ("cat",): 2}}, ValueError, r"'cat': 1 and \('cat',\): 2"),
    "a Series": (PETS, {"values": pd.Series(range(37))}, TypeError, r"say values\.to_dict\(\)"),
    "ax": (SMALL, {"ax": "here"}, TypeError, "expected ax as matplotlib axes, got str 'here'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    """In words, and no figure is left."""
    t, options, kind, words = REFUSED[case]
    with pytest.raises(kind, match=words):
        taxoloss.plot.tree(t, **options)
    assert plt.get_fignums() == []


def test_colours_are_those_of_the_bar() -> None:
    """The largest value has the brightest colour of viridis, the smallest the darkest."""
    figure, ax = taxoloss.plot.tree(SMALL, {"Bengal": 0.0, "beagle": 2.0})
    figure.canvas.draw()
    colours = ax.collections[1].get_facecolors()
    assert np.allclose(
        colours, [to_rgba(plt.colormaps["viridis"](0.0)), to_rgba(plt.colormaps["viridis"](1.0))]
    )


# -- matplotlib --------------------------------------------------------------------------------------


def test_the_extra_is_named() -> None:
    """An ImportError that says what to install."""
    code = (
        "import sys, taxoloss; taxoloss.metrics; t = taxoloss.load('pets').bind()\n"
        "sys.modules |= {'matplotlib': None, 'matplotlib.pyplot': None}\n"
        "for call in lambda: taxoloss.plot.tree(t), taxoloss.metrics.FullPathAccuracy(t).plot:\n"
        "    try: call()\n    except ImportError as error: print(error)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ['plot needs matplotlib: pip install "taxoloss[plot]"'] * 2, (
        done.stderr
    )
