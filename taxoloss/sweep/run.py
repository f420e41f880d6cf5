"""`run`: every cell of a grid, trained once, whoever is killed on the way."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from filelock import BaseFileLock

from taxoloss.sweep.cell import Cell, plain
from taxoloss.sweep.engines import Engine, InProcess, Processes
from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.folder import Folder, identity_of
from taxoloss.sweep.grid import cells_of
from taxoloss.sweep.progress import Counter
from taxoloss.sweep.results import Results, table_of, write_table
from taxoloss.sweep.work import Died, Done, Failed, Outcome, Train
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["open_folder", "results_of", "run"]

_TRIES = 3  # of a cell whose process dies, as it does where memory runs out
_PAUSE = 0.2  # seconds between two looks at cells of another process
_TABLE_SHARE = 200  # results.csv is made again after so many times the time that it took
Name = Literal["inline", "processes", "ray"]


def run(
    train: Train,
    cells: Iterable[Mapping[str, Any]],
    folder: str | Path,
    *,
    taxonomy: Taxonomy,
    config: Mapping[str, Any] | None = None,
    split: str = "",
    engine: Name | Callable[[], Engine] = "inline",
    workers: int | None = None,
    address: str | None = None,
    progress: bool = True,
) -> Results:
    """Trains every cell that the folder does not have yet, and gives the table of all.

    A finished cell is a file, whole or not there. A sweep that is killed, at whatever moment, goes on with
    the same call: what was done stays, what ran is trained again. Several processes may run one folder at
    the same time; each cell is trained by one of them. A cell whose checksum does not fit is told, moved
    into the folder's `damaged` and trained again; nothing is removed.

    Args:
        train: called with a `Cell`, it yields a dict for every epoch: train_loss, valid_loss,
            accuracy_<level> for each level, and anything else that JSON holds; `reading` where an epoch is
            read in several ways. For other engines than "inline" a function at the top of a module.
        cells: settings, as `grid` makes them.
        folder: made where it is not there.
        taxonomy: bound; its digests are part of what a cell is known by.
        config: whatever else all cells have in common, as JSON holds it: steps, batch size, data.
        split: the digest of the rows that are trained on and held out.
        engine: "inline", here; "processes", several of this machine; "ray", a cluster; or a function
            that makes an `Engine`.
        workers: cells at once; None: one here, two processes, all processors of a cluster.
        address: of the Ray cluster; None: one of this machine.
        progress: whether a bar (on a terminal) or lines are printed to standard error.

    Returns:
        Rows, the path of results.csv, and what failed. A cell that raises is kept with its traceback and
        the others go on.

    Raises:
        SweepError: before anything is trained: an empty grid, settings that JSON cannot hold or that are
            called like a column of results.csv, weights that do not fit the taxonomy, a folder of something
            else, its difference shown; at the first row: a column that is called like one of the sweep's;
            at any time: a file that cannot be read or written, by its name.
        TypeError: the taxonomy is no Taxonomy.
        ValueError: the taxonomy is not bound, or there is no such engine.
        KeyboardInterrupt: after Ctrl-C, once the table is written and the way to resume is printed.

    >>> import tempfile, taxoloss
    >>> from taxoloss.sweep import grid, simplex
    >>> def train(cell):
    ...     for epoch in range(2):
    ...         yield {"train_loss": 1.0, "valid_loss": 1.0, "accuracy_breed": 0.5, "accuracy_species": 0.9}
    >>> cells = grid(weights=simplex(["species", "breed"], 0.5), seed=range(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pets = taxoloss.load("pets").bind()
    ...     results = run(train, cells, folder, taxonomy=pets, progress=False)
    >>> len(results.rows), results.failures
    (12, {})
    """
    home = open_folder(folder, taxonomy, config, split)
    found = cells_of(cells, taxonomy, home.digest)
    make = _engine(engine, train, taxonomy, workers, address)
    home.plan({"cells": [cell.id for cell in found]})
    return _Run(home, found, taxonomy.levels, progress).go(make)


def open_folder(
    folder: str | Path, taxonomy: Taxonomy, config: Mapping[str, Any] | None, split: str
) -> Folder:
    """The folder of a sweep of this configuration, taxonomy and split."""
    if not isinstance(taxonomy, Taxonomy):
        raise TypeError(f"expected a bound Taxonomy, got {type(taxonomy).__name__} {taxonomy!r:.60}")
    taxonomy.require_bound("a sweep")
    identity = identity_of(taxonomy, plain(config or {}, "config"), plain(split, "split"))
    return Folder(Path(folder), identity, taxonomy.same_binding)


def _engine(
    engine: Name | Callable[[], Engine],
    train: Train,
    taxonomy: Taxonomy,
    workers: int | None,
    address: str | None,
) -> Callable[[], Engine]:
    if workers is not None and workers < 1:
        raise ValueError(f"expected 1 worker or more, got {workers}")
    if callable(engine):
        return engine
    levels = taxonomy.levels
    if engine == "inline" and workers in (None, 1):
        return lambda: InProcess(train, levels)
    if engine in ("inline", "processes"):
        return lambda: Processes(train, levels, workers or 2)
    if engine == "ray":
        from taxoloss.sweep.ray_engine import RayEngine

        return lambda: RayEngine(train, levels, workers, address)
    raise ValueError(f"expected engine as inline, processes or ray, got {engine!r}")


class _Run:
    """One call of `run`: the cells that are left, those that run here, those that others have."""

    def __init__(self, folder: Folder, cells: list[Cell], levels: tuple[str, ...], shown: bool) -> None:
        self.folder, self.cells, self.levels = folder, cells, levels
        self.damaged = folder.set_damaged_aside()
        self.before = {key: body["attempt"] for key, body in folder.failures().items()}
        bodies, _ = folder.read()
        self.left = deque(cell for cell in cells if cell.id not in bodies)
        self.elsewhere: deque[Cell] = deque()
        self.claims: dict[str, BaseFileLock] = {}
        self.deaths: Tally[str] = Tally()
        self.counter = Counter(len(cells), len(cells) - len(self.left), 1, shown)
        self.next_table = time.monotonic() + 30

    def go(self, make: Callable[[], Engine]) -> Results:
        """Trains what is left with the engine that `make` gives, and returns the table."""
        with self.counter as counter:
            for key, words in self.damaged.items():
                again = any(cell.id == key for cell in self.left)
                counter.warn(words + ("; its cell is trained again" if again else ""))
            if self.left:
                self._with(make())
        return self._end()

    def _with(self, engine: Engine) -> None:
        self.counter.workers = engine.workers
        try:
            while self.left or self.elsewhere or self.claims:
                self._fill(engine)
                self._collect(engine)
                if self.elsewhere and not self.left and not self.claims:
                    time.sleep(_PAUSE)
                    self.left, self.elsewhere = self.elsewhere, deque()
        except KeyboardInterrupt:
            self._interrupted()
            raise
        finally:
            engine.stop()
            for claim in self.claims.values():
                with suppress(SweepError):  # a claim that stays costs nothing
                    self.folder.release(claim)

    def _fill(self, engine: Engine) -> None:
        """Begins cells while the engine has room; those that another process has wait."""
        while self.left and len(self.claims) < engine.workers:
            cell = self.left.popleft()
            if (claim := self._claim(cell)) is not None:
                self.claims[cell.id] = claim
                engine.start(cell)
        self.counter.running, self.counter.waiting = len(self.claims), len(self.elsewhere)
        self.counter.show()

    def _claim(self, cell: Cell) -> BaseFileLock | None:
        """The right to train a cell; None where it is done, failed since this run began, or taken."""
        if self._settled(cell):
            return None
        claim = self.folder.claim(cell.id)
        if claim is None:
            self.elsewhere.append(cell)
        elif self._settled(cell):  # in the moment before the claim
            self.folder.release(claim)
            return None
        return claim

    def _settled(self, cell: Cell) -> bool:
        """Whether another process has done the cell, or failed to since this run began; counted."""
        if self.folder.is_done(cell):
            self.counter.done += 1
            return True
        failed = self.folder.attempt(cell.id) not in ("", self.before.get(cell.id))
        self.counter.failed += failed
        return failed

    def _collect(self, engine: Engine) -> None:
        for cell, outcome in engine.finished():
            if isinstance(outcome, Died):
                self.deaths[cell.id] += 1
                if self.deaths[cell.id] < _TRIES:
                    self.counter.say(f"cell {cell.id}: its process ended ({outcome.reason}); again")
                    engine.start(cell)
                    continue
            self._keep(cell, outcome)
            self.folder.release(self.claims.pop(cell.id))
        self._table_now_and_then()

    def _keep(self, cell: Cell, outcome: Outcome) -> None:
        if isinstance(outcome, Died):
            words = f"its process ended {_TRIES} times: {outcome.reason}"
            outcome = Failed(words, words)
        if isinstance(outcome, Done):
            self.folder.write(cell, outcome)
        else:
            self.folder.write_failure(cell, outcome)
            self.counter.say(f"cell {cell.id} failed: {outcome.error}")
            if outcome.of_all:  # no other cell need be trained to fail likewise
                raise SweepError(f"cell {cell.id}: {outcome.error.partition(': ')[2]}")
        self.counter.running -= 1
        self.counter.ended(outcome.seconds if isinstance(outcome, Done) else None)

    # -- the table ---------------------------------------------------------------------------------

    def _table_now_and_then(self) -> None:
        begin = time.monotonic()
        if begin < self.next_table:
            return
        self._results()
        end = time.monotonic()
        self.next_table = end + max(30.0, _TABLE_SHARE * (end - begin))

    def _results(self) -> Results:
        return results_of(self.folder, self.levels, [cell.id for cell in self.cells])

    def _end(self) -> Results:
        damaged = self.folder.set_damaged_aside()  # since this run began
        results = self._results()
        self.folder.remove_claims()
        for words in damaged.values():
            self.counter.warn(words)
        mine = {cell.id for cell in self.cells}
        failures = {key: text for key, text in (results.failures | damaged).items() if key in mine}
        if failures:
            self.counter.say(
                f"{len(failures)} of {len(mine)} cells failed; their tracebacks are in "
                f"{self.folder.failed}; the same command tries them again"
            )
        return Results(results.rows, results.csv, failures)

    def _interrupted(self) -> None:
        self._results()
        done = sum(self.folder.is_done(cell) for cell in self.cells)
        self.counter.say(
            f"Stopped: {done:,} of {len(self.cells):,} cells are done and kept in {self.folder.path}; "
            "the same command goes on with the others"
        )


def results_of(folder: Folder, levels: tuple[str, ...], order: Iterable[str] = ()) -> Results:
    """The table of a folder, written to results.csv."""
    bodies, _ = folder.read()
    rows = table_of(bodies, levels, order)
    failures = {key: body["error"] for key, body in folder.failures().items()}
    return Results(rows, write_table(folder, rows), failures)
