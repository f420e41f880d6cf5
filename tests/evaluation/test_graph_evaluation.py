"""evaluate and compare where nodes have several parents: rows, branches, tables, refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_command import refused, run, scores
from graph_oracle import Oracle
from graphs import GraphCase, graphs, wide_diamond
from hypothesis import given
from hypothesis_settings import SETTINGS
from trees import seeds
from typer.testing import CliRunner

from taxoloss import metrics
from taxoloss.cli import app
from taxoloss.evaluation.branches import LEAST, compare_branches
from taxoloss.evaluation.changes import judge
from taxoloss.evaluation.rows import answer_probability, is_wrong
from taxoloss.evaluation.samples import Piece
from taxoloss.functional.graphs.nodes import graph_nodes

Rng = np.random.Generator
ROWS = 60


# -- what is said of a row, by brute force ----------------------------------------------------------


@given(graphs(), seeds)
@SETTINGS
def test_rows(case: GraphCase, rng: Rng) -> None:
    """Wrong: neither the truth nor above or below it. The probability is that of all classes below."""
    oracle = Oracle(case)
    t, nodes = oracle.taxonomy, graph_nodes(oracle.taxonomy)
    logits = rng.normal(0, 2, (ROWS, len(t)))
    answer, target = rng.integers(t.num_nodes, size=(2, ROWS))
    pair = torch.from_numpy(answer), torch.from_numpy(target)
    pairs = list(zip(answer.tolist(), target.tolist(), strict=True))
    related = [oracle.nodes[a] in oracle.above(y) or oracle.nodes[y] in oracle.above(a) for a, y in pairs]
    assert is_wrong(*pair, nodes).tolist() == [not one for one in related]
    found = answer_probability(torch.from_numpy(logits), pair[0], nodes)
    stated = [oracle.probability(row, oracle.nodes[a]) for row, (a, _) in zip(logits, pairs, strict=True)]
    np.testing.assert_allclose(found, stated, rtol=1e-12)
    judged = judge(Piece(1, pair[0], pair[1]), Piece(1, pair[1], pair[1]), t)
    assert judged.right_a.tolist() == [oracle.nodes[y] in oracle.above(a) for a, y in pairs]
    assert judged.right_b.all()


@given(graphs(), seeds)
@SETTINGS
def test_branches(case: GraphCase, rng: Rng) -> None:
    """A sample belongs to every node above its truth, once; one that says what a child says is left out."""
    oracle = Oracle(case)
    t = oracle.taxonomy
    target = rng.integers(t.num_nodes - 1, size=ROWS)
    a, b = rng.random((2, ROWS)) < 0.5
    units = rng.integers(9, size=ROWS)
    below = {
        node: np.array([node in oracle.above(y) for y in target.tolist()])
        for node in [0, *oracle.case.nodes]
    }
    same = {parent for parent, child in case.edges if np.array_equal(below[parent], below[child])}
    wanted = {case.path(n): below[n] for n in case.nodes if below[n].sum() >= LEAST and n not in same}
    found = compare_branches(t, target, a, b, units)
    assert found.looked_at == len(wanted)
    for branch in (*found.gained, *found.lost):
        rows = wanted[branch.path]
        numbers = branch.rows, branch.a, branch.b
        assert numbers == pytest.approx((rows.sum(), a[rows].mean(), b[rows].mean()))
        assert branch.difference.value == pytest.approx(b[rows].mean() - a[rows].mean())


# -- the commands ----------------------------------------------------------------------------------


def written(folder: Path) -> dict[str, Any]:
    """A graph, a table of answers by name and path, and one of probabilities with a column of a group."""
    t, rng = wide_diamond(), np.random.default_rng(0)
    file, answers, numbers = (folder / name for name in ("graph.yaml", "answers.csv", "numbers.csv"))
    t.save(file)
    target = rng.integers(t.num_nodes - 1, size=ROWS)
    given = np.where(rng.random(ROWS) < 0.4, target, rng.integers(t.num_nodes - 1, size=ROWS))
    named = ["/".join(t.path(y)) for y in target.tolist()]
    with answers.open("w", newline="") as out:
        said = [t.path(a)[-1] for a in given.tolist()]
        rows = zip(named, said, np.roll(said, 1), strict=True)
        csv.writer(out).writerows([["truth", "one", "other"], *rows])
    p = torch.from_numpy(rng.normal(0, 2, (ROWS, len(t)))).softmax(1).numpy()
    group = p @ np.array([t.node_id("g1") in t.ancestors(c) for c in range(len(t))], float)
    with numbers.open("w", newline="") as out:
        numbered = ([y, *row, g] for y, row, g in zip(named, p.tolist(), group.tolist(), strict=True))
        csv.writer(out).writerows([["target", *t.classes, "g1"], *numbered])
    return {"t": t, "file": file, "answers": answers, "numbers": numbers, "target": target,
            "given": given, "p": p}  # fmt: skip


def test_answers_by_name(tmp_path: Path) -> None:
    """Every score is that of the ids; the note says what is meant by shared; a row a sample."""
    made, rows = written(tmp_path), tmp_path / "rows.csv"
    columns = ["--target", "truth", "--prediction", "one"]
    done = run(made["file"], made["answers"], *columns, "--rows", rows, "--json")
    wanted = metrics.collection(made["t"], calibration=False)
    wanted.update(torch.from_numpy(made["given"]), torch.from_numpy(made["target"]))
    expected = {name: float(value) for name, value in wanted.compute().items()}
    assert scores(done) == pytest.approx(expected)
    (note,) = json.loads(done.stdout)["notes"]
    assert "nodes with several parents" in note
    assert "hops needs a tree" in note
    with rows.open(newline="") as file:
        listed = list(csv.DictReader(file))
    nodes = graph_nodes(made["t"])
    shared = nodes.lca(torch.from_numpy(made["given"]), torch.from_numpy(made["target"])).tolist()
    assert [row["shared"] for row in listed] == ["/".join(made["t"].path(node)) for node in shared]


def test_probabilities(tmp_path: Path) -> None:
    """A column of a node is compared with the sum of all that it reaches; no hops."""
    made = written(tmp_path)
    done = run(made["file"], made["numbers"], "--values", "probs", "--json")
    wanted = metrics.collection(made["t"], curves=True, probabilities=True)
    wanted.update(torch.from_numpy(made["p"]), torch.from_numpy(made["target"]))
    expected = {name: float(value) for name, value in wanted.compute().items()}
    assert scores(done) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    lines = made["numbers"].read_text().splitlines()
    cells = lines[3].split(",")
    lines[3] = ",".join([*cells[:-1], str(float(cells[-1]) / 2)])
    made["numbers"].write_text("\n".join(lines) + "\n")
    refused(
        run(made["file"], made["numbers"], "--values", "probs"), "in 'g1' the sum of the classes below it"
    )


def test_a_comparison(tmp_path: Path) -> None:
    """Scores of both, the note, and branches that are nodes with all that they reach."""
    made = written(tmp_path)
    arguments = ["compare", made["file"], made["answers"], made["answers"], "--target", "truth",
                 "--prediction", "one", "--prediction-b", "other", "--format"]  # fmt: skip
    done = CliRunner().invoke(app, [*map(str, arguments), "json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert "several parents" in found["notes"][0]
    assert found["metrics"]["distance"]["a"] < found["metrics"]["distance"]["b"]
    t, target = made["t"], made["target"].tolist()
    for branch in found["branches"]["lost"]:
        node = t.node_id("/".join(branch["path"]))
        assert branch["rows"] == sum(node in t.ancestors(y) or node == y for y in target)
    text = CliRunner().invoke(app, [*map(str, arguments), "text"])
    assert "several parents" in text.stdout


def test_a_decision_that_needs_a_tree(tmp_path: Path) -> None:
    """One line, no traceback."""
    made = written(tmp_path)
    done = run(made["file"], made["numbers"], "--values", "probs", "--decision", "top_down")
    refused(done, "needs a tree", "several parents")
