"""Time of one forward and backward, as a ratio to torch's flat cross-entropy in the same run.

The two are interleaved and the ratio is the median over rounds of one round's ratio, so that other work on
the machine falls on both. Shared machines are noisy: read the ratios, not the milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

import taxoloss

SHAPES = ((256, 37, 2), (256, 1_000, 4), (256, 1_000, 12), (256, 10_000, 8), (32, 100_000, 8))


def random_tree(classes: int, levels: int) -> taxoloss.Taxonomy:
    """A tree whose groups split in about equal numbers at every level."""
    widths = [max(2, round(classes ** ((level + 1) / levels))) for level in range(levels)]
    rows = [
        tuple(f"{level}_{number * width // classes}" for level, width in enumerate(widths))
        for number in range(classes)
    ]
    return taxoloss.Taxonomy.from_paths(rows).bind()


def step(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, target: Tensor) -> float:
    """Seconds of one forward and backward."""
    logits.grad = None
    start = time.perf_counter()
    loss(logits, target).backward()
    return time.perf_counter() - start


def ratio(batch: int, classes: int, levels: int, rounds: int) -> tuple[float, float]:
    """Median milliseconds of flat cross-entropy, and the median ratio."""
    loss = taxoloss.TaxonomyLoss(random_tree(classes, levels))
    logits = torch.randn(batch, classes, requires_grad=True)
    target = torch.randint(classes, (batch,))
    pairs = [
        (step(F.cross_entropy, logits, target), step(loss, logits, target)) for _ in range(rounds + 2)
    ][2:]
    flat = statistics.median(first for first, _ in pairs)
    return 1000 * flat, statistics.median(second / first for first, second in pairs)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    table = Table(title=f"forward + backward, float32, CPU, {torch.get_num_threads()} threads")
    for column in ("N", "C", "L", "flat cross-entropy, ms", "taxonomy loss / flat"):
        table.add_column(column, justify="right")
    for batch, classes, levels in SHAPES:
        flat, factor = ratio(batch, classes, levels, rounds)
        table.add_row(str(batch), f"{classes:,}", str(levels), f"{flat:.2f}", f"{factor:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
