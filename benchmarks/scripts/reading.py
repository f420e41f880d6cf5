"""`sources.read` on tables of 100,000 rows with 12 columns: seconds, beside those of csv and json alone.

python -m benchmarks.scripts.reading [ROWS]
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from taxoloss import sources

_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
_SIZES = (8000, 800, 300, 100, 40, 7, 1)  # species in each group of a rank


def ranks(rows: int) -> Iterator[Sequence[object]]:
    """Seven ranks of 8,000 species beside an id, a file, a date, a site and a score."""
    yield ["id", "file", *_RANKS, "date", "site", "score"]
    for row in range(rows):
        species = random.randrange(8000)
        names = [f"{rank[0].upper()}{species // size}" for rank, size in zip(_RANKS, _SIZES, strict=True)]
        yield [row, f"{row}.jpg", *names, f"2020-01-{row % 28 + 1:02}", f"S{row % 40}", random.random()]


def edges(rows: int) -> Iterator[Sequence[object]]:
    """Ids with parents and names beside nine columns of another use."""
    yield ["id", "parent_id", "name", *(f"note {i}" for i in range(9))]
    for row in range(rows):
        junk = [f"{random.choice('xyz')}{row % number}" for number in range(2, 11)]
        yield [row, "" if row < 10 else row // 10, f"node {row}", *junk]


def main(rows: int) -> None:
    """Prints a line a file: each table as CSV and as records in JSON."""
    random.seed(0)
    print(f"{rows:,} rows, 12 columns, one thread; seconds of CPU")
    with tempfile.TemporaryDirectory() as folder:
        for make in (ranks, edges):
            path = Path(folder, f"{make.__name__}.csv")
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(make(rows))
            start = time.process_time()
            with path.open(newline="", encoding="utf-8") as file:
                table = list(csv.reader(file))
            show(path, time.process_time() - start)
            path = path.with_suffix(".json")
            path.write_text(json.dumps([dict(zip(table[0], row, strict=True)) for row in table[1:]]))
            start = time.process_time()
            json.loads(path.read_text())
            show(path, time.process_time() - start)


def show(path: Path, alone: float) -> None:
    """Prints how long a file takes, beside the seconds of its syntax alone."""
    start = time.process_time()
    found = sources.read(path)
    took = time.process_time() - start
    print(f"{path.name}, {found.kind}: {took:.2f} s, {took / alone:.0f} x {path.suffix[1:]} alone")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
