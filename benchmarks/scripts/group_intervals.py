"""How often 95 % intervals hold the truth where samples come in groups, drawn as groups and one by one.

    python -m benchmarks.scripts.group_intervals [SETS]

Simulated: in each group a share of answers is right, of a Beta distribution with mean 0.7, by which samples
of a group are correlated as said; its size is 20, or 5 to 80. Intervals are of `metrics.bootstrap`.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

import taxoloss
from taxoloss import metrics

TRUTH, DRAWS, SEED = 0.7, 1000, 0
COUNTS, CORRELATIONS = (10, 20, 50), (0.1, 0.3)


def held(rng: np.random.Generator, sets: int, groups: int, correlation: float, equal: bool) -> list[float]:
    """The shares of sets whose interval holds the truth: of groups, and of single samples."""
    taxonomy = taxoloss.load({"tree": ["right", "wrong"]}).bind()
    found = np.zeros(2)
    spread = 1 / correlation - 1
    for seed in range(sets):
        rate = rng.beta(TRUTH * spread, (1 - TRUTH) * spread, groups)
        size = (
            np.full(groups, 20) if equal else np.exp(rng.uniform(np.log(5), np.log(80), groups)).astype(int)
        )
        group = np.repeat(np.arange(groups), size)
        preds = torch.from_numpy((rng.random(len(group)) >= rate[group]).astype(np.int64))
        for at, given in enumerate((group, None)):
            made = metrics.bootstrap(
                metrics.FullPathAccuracy(taxonomy), draws=DRAWS, seed=SEED + seed, groups=given
            )
            made.update(preds, torch.zeros_like(preds))
            _, low, high = made.compute()["full_path_accuracy"]
            found[at] += low <= TRUTH <= high
    return (found / sets).tolist()


def main(sets: int) -> None:
    """A line for each number of groups, correlation and kind of sizes."""
    print(f"{sets:,} simulated sets a line, {DRAWS:,} draws, seed {SEED}; standard error of 95 %: "
          f"{100 * np.sqrt(0.95 * 0.05 / sets):.1f} points")  # fmt: skip
    print("groups  correlation  sizes    held, groups drawn  held, samples drawn")
    for correlation in CORRELATIONS:
        for equal in (True, False):
            for count in COUNTS:
                rng = np.random.default_rng([SEED, count, int(100 * correlation), equal])
                grouped, alone = held(rng, sets, count, correlation, equal)
                sizes = "20" if equal else "5 to 80"
                line = f"{count:6}  {correlation:11.1f}  {sizes:7}  {grouped:18.1%}  {alone:19.1%}"
                print(line, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
