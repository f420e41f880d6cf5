"""The study on nodes with several parents: its labels, its scores, and the rows that were kept of it."""

from __future__ import annotations

import pytest
import torch

import taxoloss
from studies import experiments, several_parents
from studies.several_parents import Data

CELLS = taxoloss.load({"tree": [
    {"name": "granulocyte", "children": ["basophil", {"name": "neutrophil", "also_under": ["phagocyte"]}]},
    {"name": "mononuclear cell", "children": [
        {"name": "monocyte", "also_under": ["phagocyte"]},
        {"name": "lymphocyte", "children": ["B cell", "T cell"]},
    ]},
    {"name": "phagocyte"},
]})  # fmt: skip
CLASSES = ["T cell", "basophil", "neutrophil", "monocyte", "B cell", "lymphocyte"]
HOMES = taxoloss.Taxonomy.from_paths(CELLS.paths())


@pytest.fixture(scope="module")
def data() -> Data:
    """Seven texts of each class."""
    graph, tree = (t.bind(CLASSES, inner_classes=True, node_targets=True) for t in (CELLS, HOMES))
    texts = {name: [f"{name} {number}" for number in range(7)] for name in CLASSES}
    return several_parents.data_of(graph, tree, texts)


@pytest.mark.parametrize("labels", several_parents.LABELS)
def test_a_split(data: Data, labels: str) -> None:
    """One text of each class to test, one to validate; coarse labels, in training alone, name ancestors."""
    rows = several_parents.split(data, labels, 0)
    classes = data.corpus.classes
    assert classes[rows.test].tolist() == classes[rows.valid].tolist() == list(range(6))
    whole = torch.cat([rows.train, rows.valid, rows.test]).tolist()
    assert sorted(whole) == list(range(42))
    assert rows.coarse.keys() <= set(rows.train.tolist())
    assert bool(rows.coarse) == (labels != "none")
    homes = {name for path in HOMES.paths() for name in path}
    for row, name in rows.coarse.items():
        assert data.graph.node_id(name, inner=True) in data.graph.ancestors(int(classes[row]))
        assert labels == "any parent" or name in homes


def test_targets_of_the_tree_lack_its_missing_nodes(data: Data) -> None:
    """`phagocyte` is nobody's first parent: rows that are labelled so are ignored there."""
    rows = several_parents.split(data, "any parent", 0)
    both = [several_parents.targets(data, t, rows) for t in (data.graph, data.tree)]
    lost = {row for row, name in rows.coarse.items() if name == "phagocyte"}
    assert lost
    assert {*torch.nonzero(both[1] == -100).flatten().tolist()} == lost
    assert all(data.graph.path(int(both[0][row]))[-1] == name for row, name in rows.coarse.items())


@pytest.mark.parametrize("arm", [several_parents.FLAT, *several_parents.ARMS])
def test_an_arm_learns_its_texts(data: Data, arm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With labels that all name the class, the texts that were trained on are answered right."""
    monkeypatch.setattr(several_parents, "STEPS", 60)
    rows = several_parents.split(data, "none", 0)
    net = several_parents.train(data, rows, arm, 0.1, 0)
    found = several_parents.scores(data, net, rows.train)
    assert (found["accuracy"], found["f"], found["hops"]) == (1, 1, 0)


def test_scores_by_hand(data: Data) -> None:
    """Monocyte for neutrophil: 2 edges by phagocyte, which is the one of two ancestors that they share."""
    answer = torch.nn.functional.one_hot(torch.full((7,), CLASSES.index("monocyte")), 6).float()

    class Said(torch.nn.Module):
        def forward(self, features: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
            return answer

    rows = torch.nonzero(data.corpus.classes == CLASSES.index("neutrophil")).flatten()
    found = several_parents.scores(data, Said(), rows)
    # Monocyte, mononuclear cell, phagocyte; neutrophil, granulocyte, phagocyte: one of three in common.
    assert (found["accuracy"], found["hops"]) == (0, 2)
    assert found["f"] == pytest.approx(1 / 3)


# -- the page --------------------------------------------------------------------------------------


def test_the_results_are_whole() -> None:
    """Of each arm three rates on a seed of its own, and five seeds at the best of them."""
    rows: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in experiments.rows_of("several_parents"):
        rows.setdefault((row["coarse"], row["arm"]), []).append(row)
    assert [*rows] == [*several_parents.variants()]
    for of_arm in rows.values():
        tried = {float(row["valid_accuracy"]): row["lr"] for row in of_arm[:3]}
        assert [row["seed"] for row in of_arm] == ["5"] * 3 + [*"01234"]
        assert {row["lr"] for row in of_arm[3:]} == {tried[max(tried)]}
