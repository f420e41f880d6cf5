"""What it takes until taxoloss answers: importing it, reading a bundled tree, the command; no torch in any.

    python -m benchmarks.scripts.starting --repeats 15

Seconds of whole processes, the median and the least of several rounds in each of which every row runs once;
beside them what is above Python's own start, as a ratio to importing PyYAML, pydantic and networkx alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from statistics import median

_BARE = "python alone"
_OTHERS = "yaml, pydantic, networkx"
#: What a fresh Python runs; its output is not looked at.
ROWS = {
    _BARE: ["-c", "pass"],
    _OTHERS: ["-c", "import yaml, pydantic, networkx"],
    "import taxoloss": ["-c", "import taxoloss"],
    'taxoloss.load("pets")': ["-c", "import taxoloss; taxoloss.load('pets')"],
    "load and bind, 1,000 classes": ["-c", "import taxoloss; taxoloss.load('imagenet1k').bind()"],
    "taxoloss --version": ["-m", "taxoloss", "--version"],
    "taxoloss inspect pets": ["-m", "taxoloss", "inspect", "pets"],
}


def seconds(arguments: list[str]) -> float:
    """The wall-clock seconds of one process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Prints a line for each row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    rounds = [{name: seconds(arguments) for name, arguments in ROWS.items()} for _ in range(repeats + 1)]
    taken = {name: [one[name] for one in rounds[1:]] for name in ROWS}  # the first fills the caches
    half = {name: median(times) for name, times in taken.items()}
    others = half[_OTHERS] - half[_BARE]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {repeats} rounds")
    print(f"{'':30}{'median s':>9}{'least s':>9}{'x others':>10}")
    for name, times in taken.items():
        ratio = (half[name] - half[_BARE]) / others
        print(f"{name:30}{half[name]:9.3f}{min(times):9.3f}{ratio:10.2f}")


if __name__ == "__main__":
    main()
