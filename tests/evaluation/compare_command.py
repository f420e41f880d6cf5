"""`taxoloss compare` in this process, and made-up answers of two models, as tables and as plain arrays."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

import taxoloss
from taxoloss.cli import app

TREE = """levels: [order, family, species]
tree:
  A:
    P: [a, b, c]
    Q: [d, e]
  B:
    R: [f, g, h]
"""
#: Species -> order and family.
ABOVE = {
    **dict.fromkeys("abc", ("A", "P")),
    **dict.fromkeys("de", ("A", "Q")),
    **dict.fromkeys("fgh", ("B", "R")),
}
SPECIES = "".join(ABOVE)


def taxonomy() -> taxoloss.Taxonomy:
    """The tree, in the order of its file."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name, (order, family) in ABOVE.items():
        groups.setdefault(order, {}).setdefault(family, []).append(name)
    return taxoloss.load({"levels": ["order", "family", "species"], "tree": groups}).bind(node_targets=True)


@dataclass(frozen=True)
class Answers:
    """Truths, two models' answers, and the camera of each sample."""

    truth: list[str]
    a: list[str]
    b: list[str]
    camera: list[str]

    def right(self, model: str, level: int) -> Any:
        """(n,) 0 or 1: whether the model is right at a level, 0 the order, 2 the species."""
        line = {name: (*above, name) for name, above in ABOVE.items()}
        pairs = zip(self.truth, getattr(self, model), strict=True)
        return np.array([line[y][level] == line[x][level] for y, x in pairs], float)

    def distance(self, model: str) -> Any:
        """(n,) edges from the species up to where answer and truth agree."""
        return 3 - sum(self.right(model, level) for level in range(3))


def answers(
    n: int = 300, seed: int = 0, right: tuple[float, float] = (0.6, 0.8), cameras: int = 25
) -> Answers:
    """Answers of two models, right that often, the same mistakes in part."""
    r = np.random.default_rng(seed)
    y = r.integers(0, len(SPECIES), n)
    guess, luck = r.integers(0, len(SPECIES), n), r.random(n)
    models = [np.where(luck + 0.2 * r.random(n) < share + 0.1, y, guess) for share in right]
    truth, a, b = ([SPECIES[i] for i in column] for column in (y, *models))
    return Answers(truth, a, b, [f"cam{i}" for i in r.integers(0, cameras, n)])


def write(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    """A CSV of columns."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def write_both(folder: Path, data: Answers) -> Path:
    """One table with the answers of both models."""
    ids = [f"img{number}" for number in range(len(data.truth))]
    columns = {"id": ids, "camera": data.camera, "truth": data.truth, "a": data.a, "b": data.b}
    return write(folder / "x.csv", columns)


def compare(*arguments: object) -> Any:
    """The command in this process."""
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def compared(*arguments: object) -> Any:
    """What --format json says."""
    done = compare(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


#: How the table of `write_both` is read.
COLUMNS = ("--target", "truth", "--prediction", "a", "--prediction-b", "b")
