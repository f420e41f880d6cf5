"""Cells on a Ray cluster: an existing one by its address, or one of this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from taxoloss.sweep.cell import Cell
from taxoloss.sweep.engines import LOOK
from taxoloss.sweep.work import Died, Outcome, Train, perform

__all__ = ["RayEngine"]


class RayEngine:
    """One Ray task for each cell; rows come back, and this process writes them into the folder.

    Nothing but the cluster's own network is needed: machines share no files. Ray does not try a lost task
    again, `run` does.

    Args:
        train: importable on every machine; a function of the script that runs is sent by value.
        levels: of the taxonomy.
        workers: cells at once; None: as many as the cluster has processors.
        address: of a cluster; None: that of RAY_ADDRESS, else a cluster of this machine's processors.
        options: of every task, such as {"num_gpus": 0.5}.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ConnectionError: no cluster at the address.
    """

    def __init__(
        self,
        train: Train,
        levels: Sequence[str],
        workers: int | None = None,
        address: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        try:
            import ray
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError('the engine "ray" needs Ray: pip install "taxoloss[ray]"') from error
        self._ray = ray
        self._mine = not ray.is_initialized()
        if self._mine:
            _connect(ray, address, workers)
        self.workers = workers or _processors(ray)
        task = partial(perform, train, levels=list(levels))
        self._remote = ray.remote(max_retries=0, **(options or {}))(_call)
        self._task = ray.put(task)
        self._running: dict[Any, Cell] = {}

    def start(self, cell: Cell) -> None:
        """Hands a cell to the cluster."""
        self._running[self._remote.remote(self._task, cell)] = cell

    def finished(self) -> list[tuple[Cell, Outcome]]:
        """What has come back; of a task that was lost, that it was."""
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=LOOK)
        return [(self._running.pop(reference), self._outcome(reference)) for reference in ready]

    def _outcome(self, reference: Any) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Died(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
        return outcome

    def stop(self) -> None:
        """Cancels what runs; ends Ray where this engine began it."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running = {}
        if self._mine:
            self._ray.shutdown()


def _connect(ray: Any, address: str | None, workers: int | None) -> None:
    """Joins a cluster, or begins one here; the workers find the modules that this process finds."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    own = address is None and "RAY_ADDRESS" not in os.environ
    local = {"num_cpus": workers, "include_dashboard": False} if own else {}
    environment = {"env_vars": {"PYTHONPATH": path}} if own else {}
    options = {"runtime_env": environment, "log_to_driver": False, "logging_level": "error", **local}
    try:
        ray.init(address=address, **options)
    except ConnectionError as error:
        raise ConnectionError(
            f"no Ray cluster at {address or os.environ.get('RAY_ADDRESS')} ({error}): begin one by "
            "`ray start --head`, or leave the address out for one of this machine"
        ) from error


def _processors(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _call(task: Any, cell: Cell) -> Outcome:
    outcome: Outcome = task(cell)
    return outcome
