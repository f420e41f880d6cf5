"""The rings of a target and the chunks of columns, against counting column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis_settings import SETTINGS
from loss_oracle import level_table
from torch.testing import assert_close
from trees import Case, Wide, seeds, taxonomies, wide_tree

from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.kernels import chunks as rings
from taxoloss.functional.kernels import closed_form
from taxoloss.functional.kernels.chunks import Chunks, ChunkTensors, chunks_of, nested_ranges, ring_numbers
from taxoloss.functional.kernels.closed_form import _Entries
from taxoloss.taxonomy.plan import plan_of
from taxoloss.weighting.table import used_levels

Rng = np.random.Generator
#: Trees that are cut in every way: not at all, without a tail and with one, at 2 to 40 levels.
SIZES = ((7, 3), (255, 4), (256, 4), (263, 3), (300, 40), (512, 6), (997, 5), (1000, 2), (1024, 4))
SIZE = pytest.mark.parametrize("size", SIZES, ids=str)


def chunks_of_tree(tree: Wide) -> Chunks:
    """For all levels of a tree."""
    return chunks_of(plan_of(tree.taxonomy), tuple(range(len(tree.taxonomy.levels))))


def rings_by_counting(tree: Wide) -> Any:
    """(T, C): in how many of its ancestors' sets of classes a class is, for each target."""
    depth = len(tree.taxonomy.levels)
    found = np.zeros((len(tree.lines), tree.classes), int)
    for target, line in enumerate(tree.lines):
        last = line[-1] if line else list(range(tree.classes))
        for below in line + [last] * (depth - len(line)):
            found[target, below] += 1
    return found


def rings_of_case(case: Case, levels: tuple[int, ...]) -> Any:
    """The same for a small tree and some of its levels."""
    found = np.zeros((len(case.ids), case.num_classes), int)
    for node, target in case.ids.items():
        below = list(range(case.num_classes))
        for level in levels:
            there = case.counted(node, level + 1)
            below = below if there is None else case.below[there]
            found[target, below] += 1
    return found


def some_levels(case: Case, rng: Rng) -> tuple[int, ...]:
    """One level or more, in order."""
    chosen = rng.random(case.depth) < 0.6
    chosen[rng.integers(case.depth)] = True
    return tuple(np.flatnonzero(chosen).tolist())


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few columns, so that small trees are cut too."""
    for name, value in {"_FEW_CLASSES": 8, "_WIDTHS": (2, 3, 5), "_CHUNK": 0.1, "_TAIL": 0}.items():
        monkeypatch.setattr(rings, name, value)


# -- numbers ---------------------------------------------------------------------------------------


@SETTINGS
@given(taxonomies(), seeds)
def test_a_ring_is_the_number_of_ranges_around_a_position(case: Case, rng: Rng) -> None:
    """For every target, position and choice of levels, whatever ranks are missing."""
    plan, levels = plan_of(case.taxonomy), some_levels(case, rng)
    start, stop = nested_ranges(plan, levels)
    edges = np.concatenate([start, stop[:, ::-1]], 1)
    assert (np.diff(edges, axis=1) >= 0).all()
    expected = rings_of_case(case, levels)[:, plan.depth_first]
    every = np.arange(case.num_classes)
    assert (ring_numbers(edges, every) == expected).all()
    own = rng.integers(case.num_classes, size=(len(edges), 9))  # each row at its own positions
    assert (ring_numbers(edges, own) == np.take_along_axis(expected, own, 1)).all()


@SETTINGS
@given(taxonomies(), seeds)
def test_used_levels_are_those_that_some_target_weighs(case: Case, rng: Rng) -> None:
    """And no other, be it for one target only."""
    levels = some_levels(case, rng)
    table = level_table(case, [float(level in levels) for level in range(case.depth)])
    assert used_levels(table) == levels
    single = np.zeros_like(table)
    single[rng.integers(case.num_classes), levels[-1]] = 0.1
    assert used_levels(single) == levels[-1:]


@pytest.mark.sample(4)
@SIZE
def test_wide_trees_by_counting(size: tuple[int, int]) -> None:
    """Every target of a wide tree, at every column."""
    tree = wide_tree(*size)
    edges = chunks_of_tree(tree).edges
    assert (ring_numbers(edges, np.arange(tree.classes)) == rings_by_counting(tree)).all()


# -- chunks ----------------------------------------------------------------------------------------


def assert_partition(chunks: Chunks, classes: int, expected: Any) -> None:
    """Every column stands in one entry that counts, with its own ring."""
    thrown, width, whole = chunks.levels + 1, chunks.width, chunks.whole
    columns = np.arange(whole * width).reshape(whole, width)
    assert chunks.rings is not None
    for target, ring in enumerate(chunks.rings):
        cut = chunks.cut[target]
        assert len(set(cut.tolist())) == len(cut)
        parts = [columns[i].tolist() for i in range(whole)]
        parts += [[column] for first in cut for column in range(first, first + width)]
        parts += [[column] for column in range(whole * width, classes)]
        assert len(parts) == len(ring)
        seen = np.full(classes, -1)
        for part, number in zip(parts, ring.tolist(), strict=True):
            if number != thrown:
                assert (seen[part] == -1).all()
                seen[part] = number
        assert (seen == expected[target]).all()


@pytest.mark.slow
@SIZE
def test_chunks_partition_the_columns(size: tuple[int, int]) -> None:
    """No column is left out or counted twice, and none has another's ring."""
    tree = wide_tree(*size)
    chunks = chunks_of_tree(tree)
    assert (chunks.whole > 0) == (tree.classes >= 256)
    assert_partition(chunks, tree.classes, rings_by_counting(tree))


@pytest.mark.usefixtures("narrow")
def test_chunks_of_few_columns_partition_them() -> None:
    """The same for random small trees, most of which are cut when chunks may be narrow."""
    cut = 0

    @settings(SETTINGS, max_examples=40)
    @given(taxonomies(), seeds)
    def check(case: Case, rng: Rng) -> None:
        nonlocal cut
        plan, levels = plan_of(case.taxonomy), some_levels(case, rng)
        chunks = chunks_of(plan, levels)
        cut += chunks.whole > 0
        assert_partition(chunks, case.num_classes, rings_of_case(case, levels)[:, plan.depth_first])

    check()
    assert cut >= 10


@pytest.mark.sample(4)
@SIZE
def test_every_chunk_that_an_edge_cuts_is_cut(size: tuple[int, int]) -> None:
    """And the chunks that fill a row up are others; one target needs as many as there are."""
    tree = wide_tree(*size)
    chunks = chunks_of_tree(tree)
    if not chunks.whole:
        assert chunks.cut.shape == (len(tree.lines), 0)
        return
    most = 0
    for target, ring in enumerate(rings_by_counting(tree)):
        columns = ring[: chunks.whole * chunks.width].reshape(chunks.whole, chunks.width)
        mixed = np.flatnonzero((columns != columns[:, :1]).any(1)) * chunks.width
        assert set(mixed.tolist()) <= set(chunks.cut[target].tolist())
        most = max(most, len(mixed))
    assert chunks.cut.shape[1] == most


@pytest.mark.sample(4)
@SIZE
def test_no_width_costs_less(size: tuple[int, int]) -> None:
    """Neither another width that is tried nor all columns one by one."""
    tree = wide_tree(*size)
    chunks, classes = chunks_of_tree(tree), tree.classes

    def cost(width: int) -> float:
        whole, tail = divmod(classes, width)
        cuts = [
            {e // width for e in row if e % width and e // width < whole} for row in chunks.edges.tolist()
        ]
        return rings._CHUNK * whole + max(map(len, cuts)) * width + (tail + rings._TAIL if tail else 0)

    if chunks.width == 0:
        assert classes < rings._FEW_CLASSES
        return
    divisors = {width for width in range(8, 512) if classes % width == 0}
    tried = [width for width in {*rings._WIDTHS, *divisors} if width * 4 <= classes]
    assert cost(chunks.width) == min(map(cost, tried)) < classes
    assert chunks.rings is not None
    assert chunks.rings.shape[1] < classes


# -- tables ----------------------------------------------------------------------------------------


def tables_of(tree: Wide, kept: bool = True) -> ChunkTensors:
    """With the table of rings, or as if it were too big."""
    with pytest.MonkeyPatch.context() as patch:
        if not kept:
            patch.setattr(rings, "_TABLE_BYTES", 0)
        return ChunkTensors.of(chunks_of_tree(tree), plan_of(tree.taxonomy).depth_first)


@pytest.mark.parametrize("size", [size for size in SIZES if size[0] >= 256], ids=str)
def test_both_ways_of_getting_rings_agree(size: tuple[int, int]) -> None:
    """Looked up by target or found in the target's edges: for all targets, and for some in any order."""
    tree = wide_tree(*size)
    kept, made = tables_of(tree), tables_of(tree, kept=False)
    assert (kept.rings is None, made.rings is None) == (False, True)
    number = len(tree.lines)
    for target in (torch.arange(number), torch.randint(number, (50,))):
        cut = kept.cut.index_select(0, target)
        one, other = kept.ring_of_entries(target, cut), made.ring_of_entries(target, cut)
        assert one.dtype == other.dtype == torch.long
        assert torch.equal(one, other)


@pytest.mark.parametrize("size", [(256, 4), (997, 5)], ids=str)
def test_a_table_is_kept_up_to_a_size(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of as many bytes as are allowed, not of one more; it is made in blocks of targets."""
    tree = wide_tree(*size)
    table = chunks_of_tree(tree).rings
    assert table is not None
    monkeypatch.setattr(rings, "_TABLE_BYTES", table.nbytes - 1)
    assert chunks_of_tree(tree).rings is None
    monkeypatch.setattr(rings, "_TABLE_BYTES", table.nbytes)
    chunks = chunks_of_tree(tree)
    for block in (1, 7, len(table) - 1):
        monkeypatch.setattr(rings, "_SAMPLE", block)
        blocks = rings._ring_table(chunks.edges, chunks.cut, chunks.width, chunks.whole, tree.classes)
        assert np.array_equal(blocks, table)


@pytest.mark.parametrize("size", [size for size in SIZES if size[0] >= 256], ids=str)
def test_entries_hold_each_column_once(size: tuple[int, int]) -> None:
    """A row that is 1 in one column has mass 1 in that column's ring and 0 in the others."""
    tree = wide_tree(*size)
    tables, expected = tables_of(tree), rings_by_counting(tree)
    for target in np.random.default_rng(0).integers(len(tree.lines), size=3).tolist():
        rows = torch.full((tree.classes,), target)
        cut = tables.cut.index_select(0, rows)
        sums = _Entries(torch.eye(tree.classes), tables, cut).sums()
        masses = torch.zeros(tree.classes, tables.levels + 2, dtype=torch.float64)
        masses.scatter_add_(1, tables.ring_of_entries(rows, cut), sums)
        once = torch.from_numpy(np.eye(tables.levels + 1)[expected[target]])
        assert torch.equal(masses[:, :-1], once)


@pytest.mark.parametrize("size", [size for size in SIZES if size[0] >= 256], ids=str)
def test_entries_scale_each_column_once(size: tuple[int, int]) -> None:
    """A factor for each ring reaches the columns of that ring, of every row by its own target."""
    tree = wide_tree(*size)
    tables, expected = tables_of(tree), torch.from_numpy(rings_by_counting(tree))
    target = torch.from_numpy(np.random.default_rng(1).integers(len(tree.lines), size=20))
    cut = tables.cut.index_select(0, target)
    buffer = torch.randint(1, 9, (20, tree.classes)).float()
    before = buffer.clone()
    entries = _Entries(buffer, tables, cut)
    factors = torch.randint(-9, 9, (20, tables.levels + 2)).float()
    entries.scale(factors.gather(1, tables.ring_of_entries(target, cut)))
    assert torch.equal(buffer, before * factors.gather(1, expected[target]))


# -- blocks of rows --------------------------------------------------------------------------------


@pytest.mark.sample(5)
@pytest.mark.parametrize("size", [(40, 4), (512, 6), (997, 5)], ids=str)
@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("entries", [1, 500])
def test_blocks_of_rows_are_one_batch(
    size: tuple[int, int], shape: tuple[int, ...], entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and gradient do not depend on how many rows are done at once."""
    tree = wide_tree(*size, shuffled=True)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(11, tree.classes, *shape, generator=generator, dtype=torch.float64) * 30
    logits[2] *= 30  # underflows, and is done again
    target = torch.randint(len(tree.lines), (11, *shape), generator=generator)

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        given = logits.clone().requires_grad_()
        loss = taxonomy_cross_entropy(given, target, tree.taxonomy, tree.level_weights, reduction="none")
        return loss.detach(), torch.autograd.grad(loss.sum(), given)[0]

    whole = both()
    monkeypatch.setattr(closed_form, "_ENTRIES", entries)
    assert_close(both(), whole, rtol=1e-13, atol=0)
