"""Objects by a name of their own: a compiler that traces holds strings, and not every object."""

from __future__ import annotations

import itertools
from typing import Any
from weakref import WeakValueDictionary

__all__ = ["named", "new_name"]

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
