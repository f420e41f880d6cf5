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
    """The same logits as .npz and .csv, the names of the best classes, and the taxonomy's file."""
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
    write_names(folder, taxonomy, logits, targets.tolist())
    return taxonomy


def write_names(folder: Path, taxonomy: Taxonomy, logits: np.ndarray, targets: list[int]) -> None:
    """The three best classes as names and as paths, with columns of other things."""
    best = np.argsort(-logits, 1)[:, :3].tolist()
    names, paths = taxonomy.classes, [" > ".join(path) for path in taxonomy.paths()]
    with (folder / "c.csv").open("w", encoding="utf-8") as file:
        file.write("file,target,prediction,day\n")
        for row, (target, (first, *_)) in enumerate(zip(targets, best, strict=True)):
            file.write(f"{row}.jpg,{names[target]},{names[first]},2024-01-01\n")
    with (folder / "d.csv").open("w", encoding="utf-8") as file:
        file.write("file,target,top1,top2,top3\n")
        for row, (target, ranked) in enumerate(zip(targets, best, strict=True)):
            file.write(f"{row}.jpg,{paths[target]},{','.join(paths[number] for number in ranked)}\n")


def main(rows: int) -> None:
    """One process for each file, as a person would run it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        ranked = ["--prediction", "top1,top2,top3"]
        for file, options in {"a.npz": [], "b.csv": [], "c.csv": [], "d.csv": ranked}.items():
            start = time.perf_counter()
            arguments = ["evaluate", str(folder / "tree.yaml"), str(folder / file), "--csv", *options]
            subprocess.run([sys.executable, "-m", "taxoloss", *arguments], check=True, capture_output=True)
            seconds = time.perf_counter() - start
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            size = (folder / file).stat().st_size / 2**20
            what = f"{file}: {rows:,} rows, {CLASSES:,} classes, {size:,.0f} MB"
            print(f"{what}: {seconds:.1f} s, peak {memory:,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
