"""What the commands of the workbench take on a small and on a large tree.

    python benchmarks/scripts/workbench.py --classes 100000

Seconds of whole processes, start included, the median of a few; beside them the ratio to a process that
only reads the same file with PyYAML's C loader. Machines are shared: run it twice before you believe it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

_READ = "import sys, yaml; yaml.load(open(sys.argv[1]), getattr(yaml, 'CSafeLoader', yaml.SafeLoader))"


def write_tree(path: Path, classes: int) -> None:
    """A tree of four levels: 5 species a genus, 20 genera a family, 50 families an order."""
    sizes = {"order": 5_000, "family": 100, "genus": 5}
    lines = ["levels: [order, family, genus, species]", "tree:"]
    for number in range(classes):
        for indent, (level, size) in enumerate(sizes.items(), 1):
            if number % size == 0:
                lines.append("  " * indent + f"{level} {number // size}:")
        lines.append(f"        - species {number}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def seconds(command: list[str], folder: Path, repeats: int) -> float:
    """The median of the wall-clock seconds of a process."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return median(taken)


def main() -> None:
    """Prints a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    python = sys.executable
    print(f"{given.classes:,} classes, 4 levels; {os.cpu_count()} cores; median of {given.repeats}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tree(folder / "large.yaml", given.classes)
        write_tree(folder / "small.yaml", 40)
        names = (f"species {number}" for number in reversed(range(given.classes)))
        (folder / "classes.txt").write_text("\n".join(names))
        run = [python, "-m", "taxoloss"]
        seconds([*run, "convert", "large.yaml", "large.csv"], folder, 1)
        rows = {
            "small: inspect": ("small.yaml", ["inspect", "small.yaml"]),
            "large: inspect": ("large.yaml", ["inspect", "large.yaml"]),
            "large: check": ("large.yaml", ["check", "large.yaml", "--classes", "classes.txt"]),
            "large: convert to edges": ("large.yaml", ["convert", "large.yaml", "-", "--to", "edges"]),
            "large: init from ranks": ("large.yaml", ["init", "large.csv"]),
            "large: diff with itself": ("large.yaml", ["diff", "large.yaml", "large.yaml"]),
        }
        print(f"{'':26}{'seconds':>9}{'x a plain read':>16}")
        for title, (file, arguments) in rows.items():
            plain = seconds([python, "-c", _READ, file], folder, given.repeats)
            taken = seconds([*run, *arguments], folder, given.repeats)
            print(f"{title:26}{taken:9.2f}{taken / plain:16.2f}")


if __name__ == "__main__":
    main()
