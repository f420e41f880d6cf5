"""Rolling 10,000 rows of 350,000 classes up to a family level, in pieces and in bounded memory.

    python -m benchmarks.scripts.roll_up [ROWS]

Prints the seconds in `decisions.at_level`, beside those of one softmax of the same logits, and the peak
memory.
"""

from __future__ import annotations

import resource
import sys
import time

import torch

from benchmarks.suite.trees import irregular_rows
from taxoloss import Taxonomy, decisions

CLASSES, LEVELS, PIECE = 350_000, 5, 256


def main(rows: int) -> None:
    """Piece by piece, as a loader gives them."""
    taxonomy = Taxonomy.from_paths(irregular_rows(CLASSES, LEVELS)).bind()
    level = taxonomy.levels[2]
    torch.manual_seed(0)
    logits = 3 * torch.randn(PIECE, CLASSES)
    spent = {"at_level": 0.0, "softmax": 0.0}
    for first in range(0, rows, PIECE):
        piece = logits[: min(PIECE, rows - first)]
        start = time.perf_counter()
        decisions.at_level(piece, taxonomy, level)
        middle = time.perf_counter()
        torch.softmax(piece, 1)
        spent["at_level"] += middle - start
        spent["softmax"] += time.perf_counter() - middle
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = spent["at_level"] / spent["softmax"]
    nodes = len(taxonomy.nodes(level))
    print(f"{rows:,} rows x {CLASSES:,} classes to {nodes:,} nodes, in pieces of {PIECE}")
    print(f"{torch.get_num_threads()} threads: {spent['at_level']:.1f} s, {ratio:.1f} x softmax")
    print(f"peak {memory:,.0f} MB; a piece of logits is {logits.numel() * 4 / 2**20:,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
