"""Where numbers come from: the machine, the versions, and that the allocator is the system's own."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path

from taxoloss.functional.kernels import which

VARIABLES = ("LD_PRELOAD", "GLIBC_TUNABLES")
PACKAGES = ("torch", "numpy", "taxoloss", "hierarchicalsoftmax")


def check_allocator(environment: Mapping[str, str] = os.environ) -> None:
    """Raises SystemExit where the environment changes how memory is allocated."""
    changed = [key for key in environment if key in VARIABLES or key.startswith("MALLOC_")]
    found = [key for key in changed if environment[key]]
    if found:
        raise SystemExit(
            f"{', '.join(sorted(found))}: set in the environment. The numbers are those of the default "
            "allocator; unset it and run again."
        )


def machine() -> dict[str, str | int]:
    """Processor, cores and system."""
    libc = " ".join(platform.libc_ver()).strip()
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "allocator": f"{libc}, defaults" if libc else "the system's, defaults",
        "form of the loss": which(),
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


class Others:
    """Cores that other processes used while a `with` block waited for children of this one."""

    #: None where the system does not say.
    cores: float | None = None

    def __enter__(self) -> Others:
        self.start = _clocks()
        return self

    def __exit__(self, *_: object) -> None:
        stop = _clocks()
        if self.start is not None and stop is not None:
            wall, busy, own = (now - before for now, before in zip(stop, self.start, strict=True))
            self.cores = round(max(0.0, busy - own) / wall, 2)


def _clocks() -> tuple[float, float, float] | None:
    """Seconds: of the wall, that cores were not idle, and of the children that have ended."""
    path = Path("/proc/stat")
    if not path.exists():
        return None
    user, nice, system, _, _, *rest = map(int, path.read_text(encoding="utf-8").split()[1:9])
    busy = (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
    times = os.times()
    return time.perf_counter(), busy, times.children_user + times.children_system


def load() -> float | None:
    """Processes that want a core, averaged over the last minute; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
