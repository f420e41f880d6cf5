"""Small results.csv files for the tests of pictures."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

LEVELS = ("family", "genus", "species")


def rows(
    arms: Sequence[str] = ("flat", "taxonomy"),
    weights: Sequence[tuple[float, ...]] = ((0.2, 0.3, 0.5),),
    rates: Sequence[float] = (0.1,),
    seeds: int = 3,
    epochs: int = 2,
    readings: Sequence[str] = ("marginal",),
    levels: Sequence[str] = LEVELS,
    settings: dict[str, Sequence[Any]] | None = None,
    test: bool = True,
    noise: int = 0,
) -> Iterator[dict[str, Any]]:
    """Rows as a sweep writes them; every score is a random number of its own."""
    draw = np.random.default_rng(noise)
    grid = list(itertools.product(*(settings or {}).values()))
    for arm, rate, more in itertools.product(arms, rates, grid):
        for shares in [()] if arm == "flat" else weights:
            for seed in range(seeds):
                cell = {
                    "w": shares[-1] if shares else "",
                    "id": f"{arm}-{rate}-{more}-{shares}-{seed}".replace(" ", ""),
                    "seed": seed,
                    "arm": arm,
                    "seconds": 1.5,
                    "versions": "taxoloss 0.1.0",
                    "weights": ",".join(f"{n}={x:g}" for n, x in zip(levels, shares, strict=False)),
                    **{f"weight_{n}": shares[k] if shares else "" for k, n in enumerate(levels)},
                    "lr": rate,
                    **dict(zip(settings or {}, more, strict=True)),
                }
                for epoch, reading in itertools.product(range(1, epochs + 1), readings):
                    yield {
                        "epochs": epoch,
                        "train_loss": draw.random(),
                        "valid_loss": draw.random(),
                        **{f"accuracy_{name}": draw.random() for name in reversed(levels)},
                        **cell,
                        "reading": reading,
                        "severity": 1 + draw.random(),
                        "distance": draw.random(),
                        **{
                            f"test_{name}": draw.random() if epoch == epochs and test else ""
                            for name in [*(f"accuracy_{x}" for x in levels), "severity", "distance"]
                        },
                    }


def write(folder: Path, found: Sequence[dict[str, Any]]) -> Path:
    """A folder with these rows."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return folder
