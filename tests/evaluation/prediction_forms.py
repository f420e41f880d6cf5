"""Random trees and predictions of them, written in every form that `evaluate` reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from workbooks import write_workbook

import taxoloss

Array = npt.NDArray[np.float64]
#: Names that have to be quoted somewhere.
_ODD = ["a, b", 'the "x"', "São Luís", "犬", "x;y", "p|q"]


@dataclass(frozen=True)
class Predictions:
    """A bound tree, and what a model says of some samples; ids are texts in no order."""

    taxonomy: taxoloss.Taxonomy
    logits: Array
    targets: npt.NDArray[np.int64]
    ids: list[str]

    @property
    def probs(self) -> Array:
        """(n, C)."""
        exp = np.exp(self.logits - self.logits.max(1, keepdims=True))
        found: Array = exp / exp.sum(1, keepdims=True)
        return found

    @property
    def truth(self) -> list[str]:
        """The names of the targets."""
        return [self.taxonomy.path(int(node))[-1] for node in self.targets]

    @property
    def classes(self) -> list[str]:
        """The names of the columns."""
        return [self.taxonomy.path(column)[-1] for column in range(len(self.taxonomy))]

    def below(self) -> dict[str, list[int]]:
        """The columns below each node but the root, by its name."""
        found: dict[str, list[int]] = {}
        for column in range(len(self.taxonomy)):
            for name in self.taxonomy.path(column):
                found.setdefault(name, []).append(column)
        return found

    def ranked(self, places: int) -> list[list[str]]:
        """The names of the best classes of each sample."""
        order = np.argsort(-self.logits, 1)[:, :places]
        return [[self.classes[column] for column in row] for row in order]


def random_predictions(draw: np.random.Generator, rows: int = 12) -> Predictions:
    """Of a tree of three levels whose names are unique, the classes in any order, some targets inner."""
    number = iter(range(1000))

    def name() -> str:
        at = next(number)
        return f"{_ODD[at % len(_ODD)]} {at}"

    def leaves() -> list[str]:
        return [name() for _ in range(draw.integers(1, 4))]

    tree = {
        name(): {name(): leaves() for _ in range(draw.integers(1, 3))} for _ in range(draw.integers(2, 4))
    }
    loose = taxoloss.load({"levels": ["family", "genus", "species"], "tree": tree})
    paths = [loose.tree.path(node) for node in loose.tree.leaves.tolist()]
    bound = loose.bind([paths[place] for place in draw.permutation(len(paths))], node_targets=True)
    logits = 2 * draw.standard_normal((rows, len(bound)))
    targets = draw.integers(0, bound.num_nodes - 1, rows)  # the last id is the root
    ids = [f"folder {place % 3}/{place}.jpg" for place in draw.permutation(rows)]
    return Predictions(bound, logits, targets, ids)


def save_tree(predictions: Predictions, path: Path) -> Path:
    """The tree as a file, in its own order."""
    path.write_text(json.dumps(_document(predictions.taxonomy)), encoding="utf-8")
    return path


def _document(taxonomy: taxoloss.Taxonomy) -> dict[str, Any]:
    tree: dict[str, dict[str, list[str]]] = {}
    for family, genus, species in sorted(map(taxonomy.path, range(len(taxonomy)))):
        tree.setdefault(family, {}).setdefault(genus, []).append(species)
    return {"levels": ["family", "genus", "species"], "tree": tree}


# -- forms -----------------------------------------------------------------------------------------


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A .csv, .tsv or .xlsx."""
    if path.suffix == ".xlsx":
        return write_workbook(path, {"Sheet": [list(header), *([*row] for row in rows)]})  # type: ignore[list-item]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_json(path: Path, records: Sequence[Any]) -> Path:
    """A list of records, or one a line."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    text = "[" + ",\n".join(lines) + "]" if path.suffix == ".json" else "\n".join(lines) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def write_truth(predictions: Predictions, path: Path) -> Path:
    """The truths alone, in another order."""
    pairs = sorted(zip(predictions.ids, predictions.truth, strict=True))
    if path.suffix in (".json", ".jsonl"):
        return write_json(path, [{"image": name, "truth": truth} for name, truth in pairs])
    return write_rows(path, ["image", "truth"], pairs)


def matrix_forms(p: Predictions, folder: Path, draw: np.random.Generator) -> dict[str, list[str]]:
    """File -> options, for each form that holds a number of each class."""
    values = {"logits": p.logits, "probs": p.probs, "log_probs": np.log(p.probs)}
    classes = folder / "classes.txt"
    classes.write_text("".join(f"{name}\n" for name in p.classes), encoding="utf-8")
    forms: dict[str, list[str]] = {}

    def add(path: Path, *options: str) -> None:
        forms[path.name] = ["--id", "image", "--target", "truth", *options]

    long = [
        (name, called, value, truth)
        for name, truth, row in zip(p.ids, p.truth, p.probs.tolist(), strict=True)
        for called, value in zip(p.classes, row, strict=True)
    ]
    shuffled = [long[place] for place in draw.permutation(len(long))]
    head = ["image", "class", "p", "truth"]
    said = ["--prediction", "class", "--score", "p", "--values", "probs"]
    add(write_rows(folder / "long.csv", head, shuffled), *said)
    add(write_rows(folder / "long.xlsx", head, shuffled), *said)
    add(write_json(folder / "long.jsonl", [dict(zip(head, row, strict=True)) for row in shuffled]), *said)
    add(
        write_rows(folder / "long.tsv", head[:3], (row[:3] for row in shuffled)),
        *said,
        *_targets(p, folder),
    )
    every = [
        (name, called, sum(p.probs[row][column] for column in below), truth)
        for row, (name, truth) in enumerate(zip(p.ids, p.truth, strict=True))
        for called, below in p.below().items()
    ]
    nodes = [every[place] for place in draw.permutation(len(every))]
    add(write_rows(folder / "nodes.csv", ["image", "class", "p", "truth"], nodes), *said)
    wide = [[*pair, *row] for *pair, row in zip(p.ids, p.truth, p.logits.tolist(), strict=True)]
    head = ["image", "truth", *p.classes]
    add(write_rows(folder / "wide.csv", head, wide))
    add(write_rows(folder / "wide.xlsx", head, wide))
    add(write_json(folder / "wide.json", [dict(zip(head, row, strict=True)) for row in wide]))
    add(
        write_rows(folder / "wide.tsv", [head[0], *head[2:]], ([r[0], *r[2:]] for r in wide)),
        *_targets(p, folder),
    )
    for kind, numbers in values.items():
        rows = zip(p.ids, p.truth, numbers.tolist(), strict=True)
        records = [
            {"image": name, "truth": truth, kind: dict(zip(p.classes, row, strict=True))}
            for name, truth, row in rows
        ]
        add(write_json(folder / f"{kind}.jsonl", records))
    lists = [
        {"image": name, "truth": truth, "scores": row}
        for name, truth, row in zip(p.ids, p.truth, p.logits.tolist(), strict=True)
    ]
    add(write_json(folder / "lists.json", lists), "--values", "logits", "--classes", str(classes))
    return forms


def answer_forms(
    p: Predictions, folder: Path, draw: np.random.Generator, places: int
) -> dict[str, list[str]]:
    """File -> options, for each form that holds the best classes alone."""
    ranked = p.ranked(places)
    forms: dict[str, list[str]] = {}

    def add(path: Path, *options: str) -> None:
        forms[path.name] = ["--id", "image", "--target", "truth", *options]

    names = [f"top{place}" for place in range(places)]
    plain = [[*pair, *row] for *pair, row in zip(p.ids, p.truth, ranked, strict=True)]
    by_name = ["--prediction", ",".join(names)]
    add(write_rows(folder / "ranks.csv", ["image", "truth", *names], plain), *by_name)
    add(write_rows(folder / "ranks.xlsx", ["image", "truth", *names], plain), *by_name)
    records = [{"image": a, "truth": b, "best": c} for a, b, c in zip(p.ids, p.truth, ranked, strict=True)]
    add(write_json(folder / "ranks.jsonl", records), "--prediction", "best")
    untrue = [{"image": record["image"], "best": record["best"]} for record in records]
    add(write_json(folder / "untrue.json", untrue), "--prediction", "best", *_targets(p, folder))
    if places > 1:
        order = -np.sort(-p.logits, 1)
        long = [
            (name, called, value, truth)
            for name, truth, row, best in zip(p.ids, p.truth, order.tolist(), ranked, strict=True)
            for called, value in zip(best, row, strict=False)
        ]
        shuffled = [long[place] for place in draw.permutation(len(long))]
        said = ["--prediction", "class", "--score", "p"]
        add(write_rows(folder / "top.csv", ["image", "class", "p", "truth"], shuffled), *said)
    return forms


def _targets(p: Predictions, folder: Path) -> list[str]:
    return ["--targets", str(write_truth(p, folder / "truths.csv"))]
