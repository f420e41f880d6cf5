"""Documents of a report's page, made by plain counting over rows on small and large trees.

They follow the document's form, not the code that fills it: pages are tested without any model.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["HOSTILE", "Rows", "Shape", "document", "drawn", "regular", "two_genera"]

#: Names that would do harm, or look odd, where they were taken for anything but text.
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\"double\" 'single' `back`",
    "שועל מצוי",
    "🦊 fox 👩‍👩‍👧",
    "long " * 60,
    "__proto__",
    "constructor",
    "12",
    "12.0",
    "\u200b",
    "a, b; c\td",
    "-1+1",
    "${alert(3)}{{alert(4)}}",
)


@dataclass(frozen=True)
class Shape:
    """A tree by its columns, in depth-first order.

    Args:
        name: of each node, the root first.
        parent: of each node; the root is its own.
        level: number of each node's level; 0 for the root.
        levels: their names, the top one first.
    """

    name: list[str]
    parent: list[int]
    level: list[int]
    levels: list[str]

    def line(self, node: int) -> list[int]:
        """The node and what is above it, upwards."""
        nodes = [node]
        while nodes[-1] > 0:
            nodes.append(self.parent[nodes[-1]])
        return nodes

    def leaves(self) -> list[int]:
        """Nodes without children."""
        inner = set(self.parent)
        return [node for node in range(len(self.name)) if node not in inner]

    def shared(self, one: int, other: int) -> int:
        """The deepest node that is at or above both."""
        above = set(self.line(other))
        return next(node for node in self.line(one) if node in above)

    def path(self, node: int) -> str:
        """The names from below the root to the node, as the page writes them."""
        return " / ".join(self.name[one] for one in self.line(node)[-2::-1]) or "all classes"


@dataclass(frozen=True)
class Rows:
    """What a model answered: a node for each row's truth, and how sure it was."""

    truth: list[int]
    answer: list[int]
    probability: list[float]


def regular(fanouts: Sequence[int], names: Sequence[str] = (), levels: Sequence[str] = ()) -> Shape:
    """A tree whose nodes have as many children as `fanouts` says at their depth; the first take `names`."""
    name, parent, level = [""], [0], [0]
    given = iter(names)

    def grow(above: int, depth: int) -> None:
        """Adds what is below a node."""
        for _ in range(fanouts[depth]):
            node = len(name)
            name.append(next(given, f"node {node}"))
            parent.append(above)
            level.append(depth + 1)
            if depth + 1 < len(fanouts):
                grow(node, depth + 1)

    grow(0, 0)
    return Shape(
        name, parent, level, list(levels) or [f"level {depth + 1}" for depth in range(len(fanouts))]
    )


def two_genera() -> Shape:
    """Two genera of two species each: small enough to count by hand."""
    names = ["Vulpes", "red fox", "arctic fox", "Canis", "wolf", "dog"]
    return regular((2, 2), names, ("genus", "species"))


def drawn(shape: Shape, count: int, seed: int = 0, right: float = 0.7) -> Rows:
    """Rows whose answers are right, near or anywhere, and now and then stop early."""
    chance = random.Random(seed)
    leaves = shape.leaves()
    under: dict[int, list[int]] = {}
    for leaf in leaves:
        for node in shape.line(leaf):
            under.setdefault(node, []).append(leaf)
    rows = Rows([], [], [])
    for _ in range(count):
        truth = chance.choice(leaves)
        answer = truth
        if chance.random() > right:
            answer = chance.choice(under[chance.choice(shape.line(truth)[1:])])
        if chance.random() < 0.05:
            answer = shape.parent[answer]
        rows.truth.append(truth)
        rows.answer.append(answer)
        rows.probability.append(round(chance.uniform(0.3, 1.0), 3))
    return rows


def document(shape: Shape, rows: Rows, title: str = "How the model answers") -> dict[str, Any]:
    """The document of these rows; what is not counted here is null."""
    pairs = Counter(zip(rows.truth, rows.answer, strict=True))
    return {
        "format": "taxoloss report 1",
        "title": title,
        "made": {"at": "2026-11-30", "taxoloss": "0.1.0", "torch": "2.9.0", "python": "3.12.0"},
        "taxonomy": _taxonomy(shape),
        "file": {"name": "predictions.npz", "versus": None, "names": None},
        "evaluate": _evaluate(shape, rows),
        "first": _first(shape, rows),
        "tree": _tree(shape, rows),
        "pairs": _pairs(pairs),
        "mistakes": _mistakes(shape, rows, pairs),
        "samples": _samples(shape, rows),
        "images": [_PICTURE],
        "unsure": {"why": "The file states answers, not numbers for each class."},
        "advice": {"looked_at": 0, "merge": [], "move": []},
        "calibration": {"why": "The file states no probabilities."},
        "compare": None,
        "versus": None,
    }


#: A picture of one grey point.
_PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAICAgAAAACwAAAAAAQABAAACAkQBADs="


def _taxonomy(shape: Shape) -> dict[str, Any]:
    """What the page says of the tree."""
    return {
        "name": "a tree",
        "digest": "0bb4a1b88555a003ba6f2423626cab2f",
        "binding_digest": "7589b417d3dd29d2afd06e1e239dc66b",
        "classes": len(shape.leaves()),
        "nodes": len(shape.name),
        "levels": shape.levels,
        "is_tree": True,
    }


def _is_right(shape: Shape, truth: int, answer: int) -> bool:
    """Whether the answer is the truth or below it."""
    return truth in shape.line(answer)


def _is_wrong(shape: Shape, truth: int, answer: int) -> bool:
    """Whether the answer is neither at nor below the truth, nor above it."""
    return not _is_right(shape, truth, answer) and answer not in shape.line(truth)


def _share(shape: Shape, rows: Rows, level: int) -> float:
    """How many answers agree with the truth on a level."""
    agree = 0
    for truth, answer in zip(rows.truth, rows.answer, strict=True):
        of_truth = [node for node in shape.line(truth) if shape.level[node] == level]
        agree += bool(of_truth) and of_truth[0] in shape.line(answer)
    return agree / max(1, len(rows.truth))


def _evaluate(shape: Shape, rows: Rows) -> dict[str, Any]:
    """Scores as the command prints them; only accuracies are counted."""
    metrics: dict[str, dict[str, float | None]] = {}
    for number, name in enumerate(shape.levels, start=1):
        value = _share(shape, rows, number)
        metrics[f"accuracy/{name}"] = {
            "value": value,
            "low": max(0, value - 0.02),
            "high": min(1, value + 0.02),
        }
    metrics["severity"] = {"value": 1.4, "low": None, "high": None}
    metrics["aurc"] = {"value": None, "low": None, "high": None}
    return {
        "digest": "0bb4a1b88555a003ba6f2423626cab2f",
        "binding_digest": "7589b417d3dd29d2afd06e1e239dc66b",
        "reading": f"answers of {len(shape.leaves())} classes",
        "notes": ["Rows whose truth is the root are left out."],
        "rows": len(rows.truth),
        "rows_left_out": 0,
        "rows_without_a_known_node": 0,
        "calibration_rows": 0,
        "decision": None,
        "threshold": None,
        "metrics": metrics,
    }


def _first(shape: Shape, rows: Rows) -> dict[str, Any]:
    """The words of the first section."""
    kinds = Counter[str]()
    shared = Counter[int]()
    for truth, answer in zip(rows.truth, rows.answer, strict=True):
        if _is_wrong(shape, truth, answer):
            kinds["wrong"] += 1
            shared[shape.level[shape.shared(truth, answer)]] += 1
        else:
            kinds["right" if _is_right(shape, truth, answer) else "unspecific"] += 1
    levels = [
        {"level": name, "rows": len(rows.truth), "accuracy": (value := _share(shape, rows, number)),
         "low": max(0, value - 0.02), "high": min(1, value + 0.02), "chance": 1 / len(shape.leaves()),
         "majority": 0.1, "majority_name": shape.name[1]}
        for number, name in enumerate(shape.levels, start=1)
    ]  # fmt: skip
    return {
        "sentences": [f"{kinds['right']} of {len(rows.truth)} answers are right."],
        "levels": levels,
        "mistakes": {
            "rows": len(rows.truth),
            **{kind: kinds[kind] for kind in ("right", "unspecific", "wrong")},
            "shared": [
                {"level": shape.levels[level - 1] if level else None, "count": shared[level],
                 "share": shared[level] / max(1, kinds["wrong"])}
                for level in range(len(shape.levels) - 1, -1, -1)
            ],
        },
        "warnings": [
            {"kind": "never answered", "text": "1 class is never answered.", "nodes": [1], "count": 1}
        ],
    }  # fmt: skip


def _tree(shape: Shape, rows: Rows) -> dict[str, Any]:
    """The columns over nodes."""
    size = len(shape.name)
    keys = ("rows", "right", "wrong", "within", "answered", "answered_right", "parted")
    counts = {key: [0] * size for key in keys}
    stated = [0.0] * size
    for truth, answer, probability in zip(rows.truth, rows.answer, rows.probability, strict=True):
        right, wrong = _is_right(shape, truth, answer), _is_wrong(shape, truth, answer)
        above_answer = set(shape.line(answer))
        for node in shape.line(truth):
            counts["rows"][node] += 1
            counts["right"][node] += right
            counts["wrong"][node] += wrong
            counts["within"][node] += node in above_answer
        for node in above_answer:
            counts["answered"][node] += 1
            counts["answered_right"][node] += right
            stated[node] += probability
        counts["parted"][shape.shared(truth, answer)] += wrong
    return {
        "name": shape.name, "parent": shape.parent, "level": shape.level, **counts,
        "stated": [round(value, 4) for value in stated], "also_under": [],
    }  # fmt: skip


def _pairs(pairs: Counter[tuple[int, int]]) -> dict[str, Any]:
    """Truths, answers and how often they meet."""
    order = sorted(pairs)
    return {
        "truth": [truth for truth, _ in order],
        "answer": [answer for _, answer in order],
        "count": [pairs[pair] for pair in order],
        "folded": 0,
        "left_out": 0,
    }


def _mistakes(shape: Shape, rows: Rows, pairs: Counter[tuple[int, int]]) -> dict[str, Any]:
    """The pairs of mistakes, those across branches first."""
    of = Counter(rows.truth)
    listed = [
        {"truth": truth, "answer": answer, "shared": shape.shared(truth, answer), "edges": 1,
         "count": count, "of": of[truth], "back": pairs[answer, truth]}
        for (truth, answer), count in pairs.items() if _is_wrong(shape, truth, answer)
    ]  # fmt: skip
    listed.sort(key=lambda pair: (shape.level[pair["shared"]], -pair["count"]))
    return {
        "pairs": listed[:200],
        "severity": {"shared": [], "mean": None, "chance": None, "other": None},
        "labels": {"rows": [], "why_none": "The file states no probabilities."},
    }


def _samples(shape: Shape, rows: Rows) -> dict[str, Any]:
    """The first wrong rows, every other one with a picture."""
    wrong = [
        index for index, (truth, answer) in enumerate(zip(rows.truth, rows.answer, strict=True))
        if _is_wrong(shape, truth, answer)
    ][:3000]  # fmt: skip
    return {
        "row": [index + 1 for index in wrong],
        "id": [f"picture {index}.jpg" for index in wrong],
        "truth": [rows.truth[index] for index in wrong],
        "answer": [rows.answer[index] for index in wrong],
        "said": {},
        "probability": [rows.probability[index] for index in wrong],
        "height": [1 for _ in wrong],
        "image": [0 if number % 2 == 0 else None for number, _ in enumerate(wrong)],
    }
