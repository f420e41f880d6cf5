"""Training functions of the sweeps that tests run, and a script that runs one: `python sweep_cell.py`.

python tests/sweep/sweep_cell.py FOLDER [--engine E] [--cells N] [--die WHERE] [--clock] [--limit BYTES]
    [--files MORE] [--user ID]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any

import taxoloss
from taxoloss import sweep

EPOCHS = 3
PETS = taxoloss.load("pets").bind()


def row(draw: random.Random) -> dict[str, Any]:
    """Random scores."""
    names = ("train_loss", "valid_loss", "accuracy_breed", "accuracy_species")
    return {name: draw.random() for name in names}


def train(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
    """Rows that depend on the settings only; the arm may be one that goes wrong."""
    draw = random.Random(repr(sorted(map(repr, cell.settings.items()))))
    time.sleep(cell.get("sleep", 0.0) + float(os.environ.get("SWEEP_PAUSE", "0")))
    for epoch in range(EPOCHS):
        values = row(draw)
        match cell.get("arm"):
            case "raises":
                raise RuntimeError("no such picture: cat_7.jpg")
            case "exits":
                raise SystemExit("no pictures")
            case "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            case "nan" if epoch == 1:
                values["valid_loss"] = float("nan")
            case "lacks":
                del values["accuracy_species"]
            case "percent":
                values["accuracy_breed"] *= 100
            case "none":
                return
            case "skips":
                values["epochs"] = 2 * epoch + 1
            case "hides":
                values["seed"] = 7
            case "text":
                values = "accuracy .9"  # type: ignore[assignment]
        yield values


def cells(count: int, sleep: float = 0.0, arm: str = "") -> list[dict[str, Any]]:
    """So many cells over eleven weights."""
    found = sweep.grid(
        arm=[arm], weights=sweep.simplex(PETS.levels, 0.1), sleep=[sleep], seed=range(-(-count // 11))
    )
    return found[:count]


def table(results: sweep.Results) -> list[dict[str, Any]]:
    """The rows without the time they took, and without what ran."""
    left_out = ("seconds", "versions")
    return [{k: v for k, v in row.items() if k not in left_out} for row in results.rows]


# -- what goes wrong in a process of its own -------------------------------------------------------


def die_in(place: str, count: int) -> None:
    """Kill this process in the n-th fsync (half of the text on the disk) or before the n-th renaming."""
    calls: dict[str, Callable[..., Any]] = {"fsync": os.fsync, "replace": os.replace}
    real = calls[place]
    left = [count]

    def mortal(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            if place == "fsync" and stat.S_ISREG(os.fstat(arguments[0]).st_mode):
                os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(os, place, mortal)


def jumping_clock() -> None:
    """A clock that is set to another year each time it is read."""
    years = random.Random(0)
    time.time = lambda: years.uniform(0, 4e9)


def limit_files(size: int) -> None:
    """No file may grow beyond a size: writing fails as on a full disk."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def load_all() -> None:
    """Loads what a sweep imports late: modules are files too."""
    import rich.console
    import rich.progress

    rich.console.Console(stderr=True).print("", end="")


def limit_open_files(more: int) -> None:
    """So many more files may be open at once."""
    import resource

    there = len(os.listdir("/proc/self/fd")) - 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (there + more, there + more))


def main() -> None:
    """Runs a sweep; exits with 1 where cells failed."""
    options = argparse.ArgumentParser()
    options.add_argument("folder")
    options.add_argument("--engine", default="inline")
    options.add_argument("--cells", type=int, default=22)
    options.add_argument("--sleep", type=float, default=0.0)
    options.add_argument("--arm", default="")
    options.add_argument("--die", default="")
    options.add_argument("--clock", action="store_true")
    options.add_argument("--limit", type=int, default=0)
    options.add_argument("--files", type=int, default=0)
    options.add_argument("--user", type=int, default=0)
    given = options.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    if given.die:
        place, _, count = given.die.partition(":")
        die_in(place, int(count))
    if given.clock:
        jumping_clock()
    if given.limit:
        limit_files(given.limit)
    if given.files or given.user:
        load_all()
    if given.files:
        limit_open_files(given.files)
    if given.user:
        os.seteuid(given.user)
    grid = cells(given.cells, given.sleep, given.arm)
    try:
        results = sweep.run(train, grid, given.folder, taxonomy=PETS, engine=given.engine)
    except sweep.SweepError as error:
        raise SystemExit(f"error: {error}") from None
    print(len(results.rows))
    raise SystemExit(bool(results.failures))


if __name__ == "__main__":
    main()
