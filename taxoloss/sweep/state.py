"""What a sweep's folder has by now, read without changing it: also while the sweep runs, or was stopped."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.files import is_there, read_bytes
from taxoloss.sweep.folder import Kept, object_in
from taxoloss.sweep.results import table_of

__all__ = ["State", "state_of"]


@dataclass(frozen=True)
class State:
    """The table of the cells that are done, and what is missing."""

    rows: list[dict[str, Any]]
    #: Names of settings other than arm, seed and weights.
    settings: frozenset[str]
    #: How many of how many cells are done, in words; "" where all are.
    words: str


def state_of(path: Path) -> State | None:
    """The state of a sweep; None where the folder is none of a sweep.

    Raises:
        SweepError: a file cannot be read, or sweep.json is damaged.
    """
    head = path / "sweep.json"
    if not is_there(head):
        return None
    levels = object_in(read_bytes(head) or b"").get("levels")
    if not levels:
        raise SweepError(f"{head} is damaged: expected the levels of a taxonomy")
    kept = Kept(path)
    bodies, damaged = kept.read() if is_there(kept.cells) else ({}, [])
    planned, failures = kept.planned(), kept.failures()
    words = [_done(bodies, planned), _failed(failures, planned)]
    words += [f"damaged: {', '.join(map(str, damaged))}"] if damaged else []
    names = {name for body in bodies.values() for name in body["settings"]}
    return State(
        table_of(bodies, levels, planned.get("cells", ())),
        frozenset(names - {"arm", "seed", "weights"}),
        ", ".join(filter(None, words)),
    )


def _done(bodies: Mapping[str, Any], planned: Mapping[str, Any]) -> str:
    """How many of how many; "" where that is all of them."""
    if "cells" in planned:
        total, done = len(planned["cells"]), sum(key in bodies for key in planned["cells"])
        others = f" (and {len(bodies) - done:,} of other grids)" if len(bodies) > done else ""
        return f"{done:,} of {total:,} cells are done{others}" if done < total else ""
    if "trials" in planned:
        total = planned["trials"]
        words = f"{len(bodies):,} of {total:,} trials have a cell (a pruned one leaves none)"
        return words if len(bodies) < total else ""
    return f"{len(bodies):,} cells are done (of how many, the folder does not say)"


def _failed(failures: Collection[str], planned: Mapping[str, Any]) -> str:
    count = sum(key in planned.get("cells", failures) for key in failures)
    return f"{count:,} failed" if count else ""
