"""`taxoloss evaluate` on 100,000 rows of 1,000 classes: seconds and peak memory for each kind of file.

python -m benchmarks.scripts.evaluate [ROWS]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.suite.trees import irregular_rows
from taxoloss import Taxonomy

CLASSES, LEVELS = 1_000, 4


def write(folder: Path, rows: int) -> Taxonomy:
    """The same logits as .npz and .csv, and the taxonomy's file."""
    taxonomy = Taxonomy.from_paths(irregular_rows(CLASSES, LEVELS))
    taxonomy.save(folder / "tree.yaml")
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (rows, CLASSES)).astype(np.float32)
    targets = rng.integers(0, CLASSES, rows)
    logits[np.arange(rows), targets] += 9
    np.savez(folder / "a.npz", logits=logits, targets=targets, classes=np.array(taxonomy.classes))
    with (folder / "b.csv").open("w", encoding="utf-8") as file:
        file.write(",".join(["target", *taxonomy.classes]) + "\n")
        for row, target in zip(logits, targets.tolist(), strict=True):
            numbers = ",".join(f"{value:.4f}" for value in row.tolist())
            file.write(f"{taxonomy.classes[target]},{numbers}\n")
    return taxonomy


def main(rows: int) -> None:
    """One process for each file, as a person would run it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        for file in ("a.npz", "b.csv"):
            start = time.perf_counter()
            arguments = ["evaluate", str(folder / "tree.yaml"), str(folder / file), "--csv"]
            subprocess.run([sys.executable, "-m", "taxoloss", *arguments], check=True, capture_output=True)
            seconds = time.perf_counter() - start
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            size = (folder / file).stat().st_size / 2**20
            what = f"{file}: {rows:,} rows x {CLASSES:,}, {size:,.0f} MB"
            print(f"{what}: {seconds:.1f} s, peak {memory:,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
