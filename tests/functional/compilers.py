"""Whether torch can compile C++ code on this machine."""

from __future__ import annotations

from functools import cache

import torch


@cache
def compiler() -> str:
    """Why no C++ code can be compiled; empty where it can."""
    try:
        torch.compile(lambda x: x + 1)(torch.ones(3))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
