"""Which form of the loss the next calls of this process take: both are measured side by side, in turn.

What `TAXOLOSS_NATIVE=0` does when a process starts is done here between two blocks of steps, outside the
clock.
"""

from __future__ import annotations

from functools import cache

from benchmarks.suite.cases import LeftOutError
from taxoloss.functional.kernels.native import library

#: In the name of a competitor: by the Python forms, whatever is compiled.
PURE = " pure"
#: First words of the names of competitors that have both forms.
BOTH = ("ours", "levels", "collection")


@cache
def found() -> library.Kernel | None:
    """The native kernel, as the environment says; None where it is not there."""
    return library.kernel()


def take(pure: bool) -> None:
    """From here on in this process: the Python forms, or the native kernel where it is there."""
    library._loaded[:] = [None if pure else found()]


def parts(name: str) -> tuple[str, bool]:
    """The name without its form, and whether the form is Python's."""
    return name.replace(PURE, ""), PURE in name


def check(name: str) -> None:
    """Raises LeftOutError where a competitor asks for a kernel that is not there."""
    if name.split()[0] in BOTH and PURE not in name and found() is None:
        raise LeftOutError("the native kernel is not there")
