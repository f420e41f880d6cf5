"""Calls of the operating system that fail: the n-th of a kind that is about a folder, with an errno."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Name -> the places where Python looks the call up.
CALLS: dict[str, tuple[tuple[Any, str], ...]] = {
    "open": ((builtins, "open"), (io, "open")),
    "stat": ((os, "stat"),),
    "listdir": ((os, "listdir"),),
    "replace": ((os, "replace"),),
    "fsync": ((os, "fsync"),),
    "mkdir": ((os, "mkdir"),),
    "unlink": ((os, "unlink"),),
    "lock": ((os, "open"),),
}


@contextmanager
def failing(call: str, number: int, errno: int, folder: Path) -> Iterator[list[str]]:
    """The n-th call fails, and is listed: the path that it was about."""
    places = CALLS[call]
    real: Callable[..., Any] = getattr(*places[0])
    left, failed = [number], []

    def faulty(path: Any, *arguments: Any, **options: Any) -> Any:
        about = os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else os.fspath(path)
        if str(about).startswith(str(folder)):
            left[0] -= 1
            if left[0] == 0:
                failed.append(str(about))
                raise OSError(errno, os.strerror(errno), path if not isinstance(path, int) else None)
        return real(path, *arguments, **options)

    for module, name in places:
        setattr(module, name, faulty)
    try:
        yield failed
    finally:
        for module, name in places:
            setattr(module, name, real)
