"""Pictures of confusion matrices: names, groups, numbers in cells and colours, of any number of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from agg import boxes, drawn, labels, overlapping, plt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from trees import wide_tree

import taxoloss
from taxoloss import Taxonomy, metrics

TREES = {
    "2": taxoloss.load({"tree": ["yes", "no"]}).bind(),
    "37": taxoloss.load("pets").bind(taxoloss.load("pets").classes[::-1]),
    "100": taxoloss.load("cifar100").bind(),
    "419": taxoloss.load("isic4").bind(),
    "1,000": taxoloss.load("imagenet1k").bind(),
    "1,000 in one level": Taxonomy.from_paths([(f"class {number}",) for number in range(1000)]).bind(),
    "1,000 in pairs": Taxonomy.from_paths([(f"g{n // 2}", f"class {n}") for n in range(1000)]).bind(),
    "ranks are missing": wide_tree(60, 7, shuffled=True).taxonomy,
}
sizes = pytest.mark.parametrize("t", TREES.values(), ids=TREES)


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    with drawn():
        yield


def confusion(t: Taxonomy, samples: int, levels: list[str] | None = None) -> metrics.LevelConfusionMatrix:
    """Half of the answers are right, the others any class."""
    g = torch.Generator().manual_seed(samples)
    target, other = torch.randint(0, len(t), (2, samples), generator=g)
    made = metrics.LevelConfusionMatrix(t, levels)
    made.update(torch.where(torch.rand(samples, generator=g) < 0.5, target, other), target)
    return made


def in_order(t: Taxonomy, level: str, counts: torch.Tensor) -> tuple[list[str], Any]:
    """The names and counts of a level's nodes, sorted by their paths of sibling numbers."""
    tree = t.tree
    rank = {node: place for children in tree.children() for place, node in enumerate(children)}

    def place(path: tuple[str, ...]) -> list[int]:
        node, places = 0, []
        for name in path:
            node = next(child for child in tree.children()[node] if tree.names[child] == name)
            places.append(rank[node])
        return places

    paths = t.paths(level)
    order = sorted(range(len(paths)), key=lambda one: place(paths[one]))
    return [paths[one][-1] for one in order], np.atleast_2d(counts.numpy())[np.ix_(order, order)]


def cells(ax: Any) -> dict[tuple[int, int], str]:
    """(row, column) -> what stands in the cell."""
    return {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in ax.texts}


@sizes
def test_names_stand_where_their_nodes_are(t: Taxonomy) -> None:
    """All of 40 at most; of more those of groups, in the order of the tree, amid their group."""
    level = t.levels[-1]
    _, ax = confusion(t, 500, [level]).plot()
    paths = sorted(t.paths(level), key=lambda path: t.index.node(path))
    names = labels(ax.get_yticklabels())
    assert 1 < len(names) <= 60
    assert len(t) > 40 or names == [path[-1] for path in paths]
    for tick, text in zip(ax.get_yticks(), names, strict=True):
        assert text in paths[int(tick)]
    assert ax.get_yticks().tolist() == ax.get_xticks().tolist() == sorted(ax.get_xticks())
    assert labels(ax.get_xticklabels()) == names


@sizes
def test_words_are_legible(t: Taxonomy) -> None:
    """Names do not lie over each other, nothing is cut off, the figure is no poster."""
    levels = list(t.levels) if len(t) < 1000 else [t.levels[0], t.levels[-1]]
    figure, axes = confusion(t, 500, levels).plot()
    assert max(figure.get_size_inches()) < 15.01
    figure.canvas.draw()
    for ax in np.atleast_1d(axes):
        for ticks in (ax.get_xticklabels(), ax.get_yticklabels()):
            assert overlapping(boxes(ticks)) == []
        words = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
        for box in boxes(words).values():
            assert box.x0 >= -1
            assert box.y0 >= -1
            assert box.x1 <= figure.bbox.width + 1
            assert box.y1 <= figure.bbox.height + 1


@settings(CALM, max_examples=examples(12))
@given(st.integers(2, 14), st.integers(1, 4), st.integers(1, 300))
def test_cells_hold_their_counts(classes: int, levels: int, samples: int) -> None:
    """Each number is that of its cell, a cell without one is 0; colours are shares of the row."""
    with drawn():
        t = wide_tree(classes, levels, shuffled=True).taxonomy
        made = confusion(t, samples)
        found = made.compute()
        _, axes = made.plot()
        for ax, level in zip(np.atleast_1d(axes), t.levels, strict=True):
            names, counts = in_order(t, level, found[level])
            assert labels(ax.get_yticklabels()) == names
            if ax.texts:
                shown = {place: f"{counts[place]:,}" for place in zip(*np.nonzero(counts), strict=True)}
                assert cells(ax) == shown
            (image,) = ax.images
            with np.errstate(invalid="ignore"):
                shares = counts / counts.sum(1, keepdims=True)
            np.testing.assert_allclose(image.get_array().filled(np.nan), shares)
            assert ("grey: no samples" in ax.get_title()) == bool(np.isnan(shares).any())


def test_numbers_are_there() -> None:
    """Of 2 and of 37 nodes; not of 100."""
    shown = [len(confusion(TREES[size], 300, [TREES[size].levels[-1]]).plot()[1].texts) for size in TREES]
    assert shown[0] == 4
    assert shown[1] > 37
    assert shown[2] == 0


def test_no_cell_of_a_large_matrix_is_lost() -> None:
    """A dot is the largest of its cells: of 1,000 x 1,000, where they are smaller than a screen's."""
    t = TREES["1,000 in one level"]
    made = confusion(t, 3000)
    counts = made.compute()["depth_1"].numpy()
    _, ax = made.plot()
    shares = np.nan_to_num(counts / np.maximum(counts.sum(1, keepdims=True), 1))
    dots = ax.images[0].get_array().filled(0.0)
    size = 1000 // len(dots)
    assert dots.shape == (250, 250)
    assert f"a dot: the largest of {size} × {size} cells" in ax.get_title()
    for row, column in np.ndindex(dots.shape):
        block = shares[size * row : size * (row + 1), size * column : size * (column + 1)]
        assert dots[row, column] == block.max()
    left, right, bottom, top = ax.images[0].get_extent()
    assert (left, right, bottom, top) == (-0.5, 999.5, 999.5, -0.5)


def test_a_block_that_ends_outside() -> None:
    """Where the nodes are no multiple of a block, the last dots stand for fewer cells."""
    t = Taxonomy.from_paths([(f"class {number}",) for number in range(601)]).bind()
    made = metrics.LevelConfusionMatrix(t)
    made.update(torch.tensor([600]), torch.tensor([600]))
    _, ax = made.plot()
    dots = ax.images[0].get_array()
    assert dots.shape == (201, 201)
    assert dots[200, 200] == 1
    assert dots.mask.all(1).tolist() == [True] * 200 + [False]
    assert ax.get_ylim() == (600.5, -0.5)


def test_levels_are_in_the_order_of_the_tree() -> None:
    """However they were asked for; in a grid; in given axes the deepest alone."""
    t = wide_tree(40, 7).taxonomy
    made = confusion(t, 200, list(t.levels[::-1]))
    result = made.compute()
    assert list(result) == list(t.levels[::-1])
    for val in (None, dict(sorted(result.items(), reverse=True))):
        figure, axes = made.plot(val)
        assert [ax.get_title().partition(":")[0] for ax in axes] == list(t.levels)
        assert len({ax.get_subplotspec().rowspan.start for ax in axes}) == 3
        assert len(figure.axes) == 8  # and the colour bar
    figure, ax = plt.subplots()
    assert made.plot(ax=ax) == (figure, ax)
    assert ax.get_title().startswith(f"{t.levels[-1]}: ")


def test_borders_stand_between_groups() -> None:
    """A line where siblings end, the widest at the top level; none of them twice."""
    rows = [(a, f"{a}{b}", f"{a}{b}{c}") for a in "xyz" for b in "pq" for c in "123"]
    t = Taxonomy.from_paths(rows, ["top", "middle", "leaf"]).bind()
    ax = confusion(t, 100).plot()[1][2]
    across = [line for line in ax.lines if len(set(line.get_ydata())) == 1]
    found = {float(line.get_ydata()[0]): line.get_linewidth() for line in across}
    assert sorted(found) == [2.5, 5.5, 8.5, 11.5, 14.5]
    assert len(across) == 5
    assert {place for place, width in found.items() if width == max(found.values())} == {5.5, 11.5}


def test_names_are_text() -> None:
    """Levels and nodes with signs of mathematics."""
    t = taxoloss.load({"levels": ["$\\top{$", "_b"], "tree": {"$x$": ["$", "a$b$c"], "y": ["z"]}}).bind()
    figure, axes = confusion(t, 20).plot()
    figure.canvas.draw()
    assert labels(axes[1].get_xticklabels()) == ["$", "a$b$c", "z"]
    assert axes[0].get_title().startswith("$\\top{$: ")


@pytest.mark.parametrize(
    ("val", "kind", "words"),
    [
        ([], TypeError, r"expected val as a dict level -> counts, got list \[\]"),
        ({}, TypeError, "got dict {}"),
        (torch.zeros(2, 2), TypeError, "got Tensor"),
        ({"depth_2": torch.zeros(2, 2)}, ValueError, "expected a level, one of depth_1; got"),
        ({"depth_1": torch.zeros(3, 3)}, ValueError, r"expected counts \(2, 2\) of depth_1, got \(3, 3\)"),
    ],
)
def test_refused(val: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        metrics.LevelConfusionMatrix(TREES["2"]).plot(val)
    assert plt.get_fignums() == []
