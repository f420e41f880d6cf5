"""Made the files of this folder, with taxoloss 0.1.0: `python make.py FOLDER`, taxonomy.yaml beside it.

    plain/          with bind(names)
    node_targets/   with bind(names, node_targets=True), whose binding_digest was another in 0.1

Each of the two has

    thresholds/*.json     Threshold.save: plain, with confidence, of groups, per level, on calibrated levels
    levels/*.json         LevelCalibration as dataclasses.asdict has it
    heads/*.npz           state_dict of each head, a numpy array each
    metrics.npz           state_dict of a collection whose states are persistent, after one batch
    batch.npz             the logits and targets of that batch
    migration.json        Migration.save, from `old.yaml` to this tree
    sweep/                the folder of sweep.run, two cells (without the empty files of its locks)
    search/               the folder of sweep.search, two trials, and Optuna's journal

The order of the classes (`classes.txt`) is not that of the file.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch

import taxoloss
from taxoloss import Taxonomy, decisions, heads, metrics, sweep

HERE = Path(__file__).parent


def train(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
    """Two epochs of scores that depend on the settings only."""
    for epoch in range(2):
        score = 0.5 + 0.1 * epoch + 0.01 * cell.seed
        names = ("train_loss", "valid_loss", "accuracy_family", "accuracy_genus", "accuracy_species")
        yield dict.fromkeys(names, score)


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """One setting."""
    return {"seed": trial.suggest_int("seed", 0, 9)}


def batch(t: Taxonomy, rows: int = 2_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are often right, and classes; with node targets inner nodes too."""
    g = torch.Generator().manual_seed(0)
    target = torch.randint(0, t.num_nodes if t.node_targets else len(t), (rows,), generator=g)
    leaf = torch.where(target < len(t), target, torch.randint(0, len(t), (rows,), generator=g))
    return 3 * torch.eye(len(t))[leaf] + torch.randn(rows, len(t), generator=g), target


def thresholds(t: Taxonomy, folder: Path) -> None:
    """One of each kind; and the calibrations of levels."""
    logits, target = batch(t)
    for method in ("platt", "temperature", "isotonic"):
        levels = decisions.calibrate_levels(logits[::2][:40], target[::2][:40], t, method)
        (folder / "levels").mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(levels), indent=1)
        (folder / f"levels/{method}.json").write_text(text + "\n")
    options: dict[str, dict[str, Any]] = {
        "climb": {},
        "top_down": {"decision": "top_down"},
        "confidence": {"confidence": 0.9},
        "groups": {"groups": torch.arange(1_000) // 4},
        "per": {"per": "family"},
        "height": {"loss": "height", "risk": 0.5},
        "levels": {"levels": decisions.calibrate_levels(logits[::2][:40], target[::2][:40], t)},
    }
    (folder / "thresholds").mkdir(parents=True, exist_ok=True)
    for name, more in options.items():
        found = decisions.calibrate_threshold(logits[1::2], target[1::2], t, **{"risk": 0.2, **more})
        found.save(folder / f"thresholds/{name}.json")


def states(t: Taxonomy, folder: Path) -> None:
    """Heads, and metrics after a batch."""
    torch.manual_seed(0)
    (folder / "heads").mkdir(parents=True, exist_ok=True)
    for kind in (heads.Flat, heads.PathSum, heads.ConditionalSoftmax, heads.LevelHeads):
        head = kind(4, t)
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter)
        state = {name: value.numpy() for name, value in head.state_dict().items()}
        np.savez(folder / f"heads/{kind.__name__}.npz", **state)
    logits, target = batch(t, 50)
    scores = metrics.collection(t)
    for metric in scores.values():
        metric.persistent(True)
    scores.update(logits, target)
    state = {name: value.numpy() for name, value in scores.state_dict().items()}
    np.savez(folder / "metrics.npz", **state)
    np.savez(folder / "batch.npz", logits=logits.numpy(), target=target.numpy())


def sweeps(t: Taxonomy, folder: Path) -> None:
    """A grid of two cells; a search of two trials with a journal in its folder."""
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    more: dict[str, Any] = {"taxonomy": t, "config": {"lr": 0.1}, "split": "fixed"}
    sweep.run(train, sweep.grid(seed=[0, 1]), folder / "sweep", **more)
    journal = f"journal:{folder / 'search/journal.log'}"
    (folder / "search").mkdir()
    sampler = optuna.samplers.RandomSampler(seed=0)
    sweep.search(train, suggest, folder / "search", trials=2, storage=journal, sampler=sampler, **more)


def main(to: Path) -> None:
    """Both forms."""
    tree = taxoloss.load(HERE / "taxonomy.yaml")
    old = taxoloss.load(HERE / "old.yaml")
    names = (HERE / "classes.txt").read_text().split("\n")[:-1]
    for name, t in (("plain", tree.bind(names)), ("node_targets", tree.bind(names, node_targets=True))):
        thresholds(t, to / name)
        states(t, to / name)
        sweeps(t, to / name)
        old.bind(node_targets=t.node_targets).diff(t).migration.save(to / name / "migration.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
