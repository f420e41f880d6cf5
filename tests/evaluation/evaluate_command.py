"""`taxoloss evaluate` in this process, and one set of predictions in every form of file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from typer.testing import CliRunner

import taxoloss
from taxoloss.cli import app

CLASSES = ["pug", "Bengal", "beagle", "Sphynx"]


N = 41


def data() -> tuple[Any, Any]:
    """Logits in the order of CLASSES, and targets as node ids of that order, some of them inner."""
    g = torch.Generator().manual_seed(0)
    target = torch.randint(0, 6, (N,), generator=g)
    return (2 * torch.randn(N, 4, generator=g)).numpy(), target.numpy()


def bound() -> taxoloss.Taxonomy:
    """The taxonomy in the order of CLASSES."""
    groups = {"cat": ["Bengal", "Sphynx"], "dog": ["beagle", "pug"]}
    return taxoloss.load({"levels": ["species", "breed"], "tree": groups}).bind(CLASSES, node_targets=True)


def names(target: Any) -> list[str]:
    """Paths of targets, or bare names where they are classes."""
    t = bound()
    return ["/".join(t.path(int(y))) if y >= 4 else t.classes[y] for y in target]


def run(*arguments: object) -> Any:
    """The command in this process."""
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def softmax(logits: Any) -> Any:
    """Probabilities in float64."""
    return torch.from_numpy(logits).double().softmax(1).numpy()


def write_text(path: Path, values: Any, targets: list[str], separator: str = ",", at: int = 0) -> None:
    """A text table, the targets in column `at`."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        rows = zip(["target", *targets], [CLASSES, *values.tolist()], strict=True)
        for head, rest in rows:
            writer.writerow([*rest[:at], head, *rest[at:]])


def files(folder: Path) -> dict[str, list[str]]:
    """The same predictions in every form: file -> the options that it needs."""
    logits, target = data()
    p = softmax(logits)
    named = np.array(names(target))
    np.savez(folder / "a.npz", logits=logits, targets=target, classes=np.array(CLASSES))
    np.savez_compressed(folder / "b.npz", log_probs=np.log(p), targets=named)
    np.savez(folder / "c.npz", probs=np.asfortranarray(p), targets=target.astype(np.int32), classes=CLASSES)
    write_text(folder / "d.csv", logits, names(target))
    write_text(folder / "e.tsv", p, names(target), separator="\t", at=2)
    write_text(folder / "f.csv", np.log(p), names(target), at=4)
    classes = folder / "classes.txt"
    classes.write_text("\n".join(CLASSES) + "\n")
    return {
        "a.npz": [],
        "b.npz": ["--classes", str(classes)],
        "c.npz": [],
        "d.csv": [],
        "e.tsv": ["--values", "probs"],
        "f.csv": ["--values", "log_probs"],
    }


def scores(result: Any) -> dict[str, float | None]:
    """key -> value of --json."""
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    return {name: entry["value"] for name, entry in found["metrics"].items()}


def refused(done: Any, *words: str) -> None:
    """Exit 1, nothing on standard output, one line that holds the words."""
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
