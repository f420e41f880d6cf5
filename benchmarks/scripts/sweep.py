"""What a sweep costs beside the training: for each cell, and to list and resume very many.

python -m benchmarks.scripts.sweep [CELLS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import taxoloss
from taxoloss import sweep

PETS = taxoloss.load("pets").bind()
EPOCHS = 3


def instant(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
    """Rows that cost nothing: what is left is the sweep's."""
    for epoch in range(EPOCHS):
        loss = 1 / (epoch + 1)
        yield {"train_loss": loss, "valid_loss": loss, "accuracy_breed": 0.51, "accuracy_species": 0.93}


def timed(cells: list[dict[str, Any]], folder: Path, **options: Any) -> float:
    """Seconds of a sweep."""
    start = time.perf_counter()
    results = sweep.run(instant, cells, folder, taxonomy=PETS, progress=False, **options)
    if len(results.rows) != len(cells) * EPOCHS:
        raise RuntimeError(f"expected {len(cells) * EPOCHS} rows, got {len(results.rows)}")
    return time.perf_counter() - start


def grid(count: int) -> list[dict[str, Any]]:
    """So many cells."""
    seeds = range(-(-count // 11))
    return sweep.grid(arm=["taxonomy"], weights=sweep.simplex(PETS.levels, 0.1), seed=seeds)[:count]


def main(count: int) -> None:
    """Milliseconds a cell, then the same folder again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = grid(220)
        for engine in ("inline", "processes"):
            timed(few[:2], folder / f"warm-{engine}", engine=engine)
            spent = [timed(few, folder / f"{engine}-{n}", engine=engine) for n in range(5)]
            cell = 1000 * statistics.median(spent) / len(few)
            print(f"{engine}: {cell:.1f} ms a cell, median of {len(spent)} runs of {len(few)} cells")
        print(f"1 % of the training time where a cell takes {cell / 10:.1f} s")
        many = grid(count)
        first = timed(many, folder / "many")
        print(f"{count:,} cells of {EPOCHS} epochs: written in {first:.0f} s", end="")
        again = [timed(many, folder / "many") for _ in range(3)]
        print(f", listed and resumed in {min(again):.1f} to {max(again):.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
