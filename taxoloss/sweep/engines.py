"""Where cells are trained: in this process, in several of this machine, or on a Ray cluster.

An engine trains cells and knows nothing of folders: claims, files and order are `run`'s, so that a cell is
the same whatever trained it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from taxoloss.sweep.cell import Cell
from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.work import Died, Outcome, Train, perform

__all__ = ["Engine", "InProcess", "Processes"]

LOOK = 0.2  # seconds that `finished` waits at most


class Engine(Protocol):
    """Trains up to `workers` cells at once."""

    workers: int

    def start(self, cell: Cell) -> None:
        """Begins a cell; called only while fewer than `workers` run."""

    def finished(self) -> list[tuple[Cell, Outcome]]:
        """Cells that ended since the last call; waits a moment where none has."""

    def stop(self) -> None:
        """Ends whatever runs, and frees what the engine holds."""


class InProcess:
    """One cell at a time, here."""

    workers = 1

    def __init__(self, train: Train, levels: Sequence[str]) -> None:
        self._perform = partial(perform, train, levels=levels)
        self._cells: list[Cell] = []

    def start(self, cell: Cell) -> None:
        """Takes a cell."""
        self._cells.append(cell)

    def finished(self) -> list[tuple[Cell, Outcome]]:
        """Trains what was taken."""
        cells, self._cells = self._cells, []
        return [(cell, self._perform(cell)) for cell in cells]

    def stop(self) -> None:
        """Nothing runs between two calls."""


class Processes:
    """Several processes of this machine, each with its share of the cores.

    A process that dies takes its cell with it, not the sweep; one of the same kind takes its place.

    Raises:
        SweepError: the training function cannot be sent to another process.
    """

    def __init__(self, train: Train, levels: Sequence[str], workers: int) -> None:
        self.workers = workers
        _check_script(train)
        self._task = _pickled(partial(perform, train, levels=list(levels)))
        self._threads = max(1, (os.cpu_count() or 1) // workers)
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, Cell]] = {}

    def start(self, cell: Cell) -> None:
        """Sends a cell to a process that has none."""
        while True:
            worker = self._idle.pop() if self._idle else _Worker(self._task, self._threads)
            try:
                worker.pipe.send(cell)
            except ConnectionError:  # it died while it was idle
                worker.kill()
                continue
            self._busy[worker.pipe] = worker, cell
            return

    def finished(self) -> list[tuple[Cell, Outcome]]:
        """What the processes have sent; of one that died, that it did."""
        found = []
        ready = set(wait(list(self._busy), LOOK))
        for pipe in [pipe for pipe in self._busy if pipe in ready]:
            worker, cell = self._busy.pop(pipe)
            try:
                found.append((cell, worker.pipe.recv()))
                self._idle.append(worker)
            except (EOFError, OSError):
                found.append((cell, Died(worker.ending())))
        return found

    def stop(self) -> None:
        """Kills all processes."""
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.kill()
        self._idle, self._busy = [], {}


class _Worker:
    """A process that trains the cells that it is sent, one after the other."""

    def __init__(self, task: bytes, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, task, threads), daemon=True)
        self.process.start()
        theirs.close()  # so that its death ends the pipe

    def ending(self) -> str:
        """How the process ended, in words."""
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"signal {name}" + (", as when memory runs out" if name == "SIGKILL" else "")

    def kill(self) -> None:
        """Ends the process at once; nothing of it is on the disk."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: Connection, task: bytes, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began the sweep
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    train = pickle.loads(task)
    if "torch" in sys.modules:  # loaded by then, with the threads of a machine of its own
        sys.modules["torch"].set_num_threads(threads)
    while True:
        try:
            pipe.send(train(pipe.recv()))
        except (EOFError, OSError):  # the sweep is over
            return


def _end_with_parent() -> None:
    """A sweep that is killed leaves no process behind that goes on training."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _check_script(train: Train) -> None:
    """Other processes run the script again, up to its guard: it has to be a file."""
    main = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is not None:  # python -m
        return
    file = getattr(main, "__file__", None)
    inside = getattr(getattr(train, "func", train), "__module__", None) == "__main__"
    if (file is None and inside) or (file is not None and not os.path.exists(file)):
        raise SweepError(
            "several processes need the training function in a file: expected a module or a script, got "
            f"{file or 'a session or a notebook'}; engine='inline' trains here"
        )


def _pickled(task: Any) -> bytes:
    try:
        return pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise SweepError(
            f"the training function cannot be sent to another process ({error}): expected a function at "
            "the top of a module, or functools.partial of one"
        ) from None
