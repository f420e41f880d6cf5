"""The engine on a Ray cluster of this machine: the same table, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sweep_cell import EPOCHS, PETS, cells, table, train

from taxoloss import sweep

pytest.importorskip("ray")

SCRIPT = """
import sys
from pathlib import Path
from sweep_cell import PETS, cells
from taxoloss import sweep
import {module} as here

folder, mark = sys.argv[1:]
results = sweep.run(here.{function}, cells({count}), folder, taxonomy=PETS, engine="ray", workers=2)
print(len(results.rows), sorted(results.failures.values()))
"""


def killed_once(cell: sweep.Cell) -> Iterator[dict[str, Any]]:
    """The first worker that comes here kills itself, as the system does where memory runs out."""
    mark = Path(os.environ["RAY_TEST_MARK"])
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        yield from train(cell)
        return
    os.kill(os.getpid(), signal.SIGKILL)


def on_ray(tmp_path: Path, function: str, module: str, count: int) -> subprocess.CompletedProcess[str]:
    """A sweep on a cluster of its own."""
    here = Path(__file__).parent
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(here.parents[1]), str(here)]),
        "RAY_TEST_MARK": str(tmp_path / "mark"),
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    code = SCRIPT.format(function=function, module=module, count=count)
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "sweep"), "-"]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


@pytest.mark.slow
def test_a_killed_worker_costs_nothing_but_time(tmp_path: Path) -> None:
    done = on_ray(tmp_path, "killed_once", "test_sweep_ray", 6)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == f"{6 * EPOCHS} []"
    assert "its process ended" in done.stderr
    assert (tmp_path / "mark").exists()
    inline = sweep.run(train, cells(6), tmp_path / "inline", taxonomy=PETS, progress=False)
    again = sweep.run(train, cells(6), tmp_path / "sweep", taxonomy=PETS, progress=False)
    assert table(again) == table(inline)  # Ray's cells are there, and the same


@pytest.mark.slow
def test_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def refuse(**options: Any) -> None:
        assert options["address"] == "10.1.2.3:6379"
        raise ConnectionError("timed out")

    monkeypatch.setattr(ray, "init", refuse)
    options: dict[str, Any] = {"engine": "ray", "address": "10.1.2.3:6379", "progress": False}
    with pytest.raises(ConnectionError, match=r"no Ray cluster at 10\.1\.2\.3:6379 \(timed out\): begin"):
        sweep.run(train, cells(2), tmp_path, taxonomy=PETS, **options)
    assert not list(tmp_path.glob("claims/*"))


def test_without_ray_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"taxoloss\[ray\]\""):
        sweep.run(train, cells(2), tmp_path, taxonomy=PETS, engine="ray", progress=False)
