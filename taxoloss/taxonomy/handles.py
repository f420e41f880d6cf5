"""For compilers that trace: calls that they make at that time, and objects by names, which they hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

__all__ = ["at_trace_time", "named", "new_name"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_NAMED: WeakValueDictionary[str, Any] = WeakValueDictionary()
_COUNT = itertools.count()


def new_name(thing: Any) -> str:
    """A name that no other object has had in this process; it does not keep the object alive."""
    name = f"{type(thing).__name__}_{next(_COUNT)}"
    _NAMED[name] = thing
    return name


def named(name: str) -> Any:
    """The object of that name."""
    return _NAMED[name]


def at_trace_time(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Marks a function that torch.compile calls while it traces, and whose result it takes as it is.

    It is what `torch.compiler.assume_constant_result` does, which would load the compiler.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function
