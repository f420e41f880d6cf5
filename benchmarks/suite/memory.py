"""The memory that a step holds at once, as the system counts it: its pages, whoever asked for them.

torch's profiler sees what torch's allocator hands out, and nothing of what the native kernel takes by
malloc. The system keeps the most pages that a process held, VmHWM of /proc/self/status, and forgets it when
5 is written into /proc/self/clear_refs. That is done before each step, and the heap gives back what is
free in it (malloc_trim of glibc); each buffer of 64 KiB or more is a mapping of its own
(M_MMAP_THRESHOLD), which goes back when it is freed. So the pages are what the step holds, not what the
allocator keeps.
"""

from __future__ import annotations

import ctypes
import statistics
from pathlib import Path
from typing import Any

from benchmarks.suite import forms
from benchmarks.suite.cases import Competitor, LeftOutError

PROC = Path("/proc/self")
#: Steps that are measured, of which the median is told; steps before them, which load code, fill caches.
STEPS, FIRST = 3, 2
#: glibc's number of the option, and the bytes from which a buffer is a mapping.
M_MMAP_THRESHOLD, MAPPED = -3, 1 << 16
#: Linux's number of the option: numpy asks for pages of 2 MB, which would count as a whole.
PR_SET_THP_DISABLE = 41


def memory(competitors: dict[str, Competitor]) -> dict[str, Any]:
    """Peak bytes of a step beyond what was there before it, in units of the logits."""
    results = {}
    for name, one in competitors.items():
        size = one.logits.numel() * one.logits.element_size()
        peak = peak_bytes(one)
        results[name] = {"bytes": peak, "logits": round(peak / size, 4)}
    return {"results": results}


def peak_bytes(competitor: Competitor) -> int:
    """The median over a few steps."""
    forms.take(competitor.pure)
    peaks = [_peak_of_a_step(competitor) for _ in range(FIRST + STEPS)]
    return round(statistics.median(peaks[FIRST:]))


def _peak_of_a_step(competitor: Competitor) -> int:
    competitor.logits.grad = None
    before = _forget_the_peak()
    competitor.step()
    return _status("VmHWM") - before


def _forget_the_peak() -> int:
    """Bytes held now. Raises LeftOutError where the system does not count so."""
    try:
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED)
        libc.malloc_trim(0)
        (PROC / "clear_refs").write_text("5", encoding="ascii")
    except (OSError, AttributeError) as error:
        raise LeftOutError(f"memory is measured on Linux with glibc: {error}") from error
    return _status("VmRSS")


def _status(field: str) -> int:
    """Bytes."""
    for line in (PROC / "status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise LeftOutError(f"/proc/self/status says no {field}")
