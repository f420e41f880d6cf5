"""A search that tests run, and a script that runs it: `python search_cell.py FOLDER TRIALS [STORAGE]`."""

from __future__ import annotations

import os
import random
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from sweep_cell import EPOCHS, PETS, row

from taxoloss import sweep


def suggest(trial: optuna.Trial) -> Mapping[str, Any]:
    """Weights of the levels."""
    return {"weights": sweep.suggest_weights(trial, PETS)}


def train(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
    """Scores that fall from where the breed weighs .7; a line in the log for each time it is called."""
    if "SEARCH_LOG" in os.environ:
        with Path(os.environ["SEARCH_LOG"]).open("a") as log:
            log.write(f"{cell.id}\n")
    breed = cell["weights"]["breed"]
    for epoch in range(EPOCHS):
        time.sleep(float(os.environ.get("SWEEP_PAUSE", "0")))
        values = row(random.Random(repr(cell.settings)))
        score = max(0.0, 1 - abs(breed - 0.7)) * (epoch + 1) / EPOCHS
        yield {**values, "accuracy_breed": score, "accuracy_species": score}


def run(folder: Path, trials: int, storage: str | None = None, **options: Any) -> sweep.Results:
    """A search without words."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return sweep.search(
            options.pop("train", train),
            options.pop("suggest", suggest),
            folder,
            taxonomy=PETS,
            trials=trials,
            storage=storage,
            **options,
        )


if __name__ == "__main__":
    results = run(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
    print(len(results.rows))
