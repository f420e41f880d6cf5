"""What is made once for a taxonomy and kept with it, for functions that are called often."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch

from taxoloss.functional.device_tensors import apart
from taxoloss.taxonomy.handles import at_trace_time, named
from taxoloss.taxonomy.plan import Plan, plan_of
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["cached", "cached_plan"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
#: Of each kind the few that were asked for last are kept.
_MOST = 8
_LOCK = threading.Lock()


def cached(
    taxonomy: Taxonomy,
    make: Callable[Concatenate[Taxonomy, _P], _R],
    *key: _P.args,
    **_: _P.kwargs,
) -> _R:
    """What `make` makes of the taxonomy and a key of values; made now where it is not kept.

    It is made where no mode of the caller is on, and while a compiler traces, not in its graph.

    Args:
        taxonomy: bound.
        make: called as make(taxonomy, *key).
        key: values that are equal only where what is made of them is.

    Raises:
        TypeError, ValueError: not a bound taxonomy.
    """
    if not isinstance(taxonomy, Taxonomy):
        plan_of(taxonomy)  # raises
    if torch.compiler.is_dynamo_compiling():
        # While it is traced it is made, and then looked up as any attribute.
        place = _place(taxonomy._handle, make, *key)  # type: ignore[attr-defined]
        found: _R = getattr(taxonomy._kept_tables, place)  # type: ignore[attr-defined]
        return found
    return _found(taxonomy, make, key)[1]


def cached_plan(taxonomy: Taxonomy) -> Plan:
    """The plan of a bound taxonomy, also while a compiler traces."""
    return cached(taxonomy, plan_of)


class _Shelf:
    """What is kept, as attributes: a compiled graph that looks one up need not look at the others."""

    def __init__(self) -> None:
        #: By what makes it and by key, the name of the attribute; the last that was asked for stands last.
        self.names: dict[Callable[..., Any], dict[Any, str]] = {}
        self.count = itertools.count()

    def __len__(self) -> int:
        return sum(len(names) for names in self.names.values())


@at_trace_time
def _place(handle: str, make: Callable[..., Any], *key: Hashable) -> str:
    return _found(named(handle), make, key)[0]


def _found(taxonomy: Taxonomy, make: Callable[..., _R], key: Any) -> tuple[str, _R]:
    """Where it stands on the taxonomy's shelf, and itself."""
    shelf: _Shelf | None = getattr(taxonomy, "_kept_tables", None)
    if shelf is None:
        plan_of(taxonomy)  # raises where it is not bound
        shelf = taxonomy.__dict__.setdefault("_kept_tables", _Shelf())
    names = shelf.names.setdefault(make, {})
    while True:
        made = None if key in names else apart(make, taxonomy, *key)
        with _LOCK:
            name = names.pop(key, None)
            if name is None and made is None:
                continue  # another thread let it go meanwhile
            if name is None:
                name = f"kept_{next(shelf.count)}"
                setattr(shelf, name, made)
            names[key] = name
            if len(names) > _MOST:
                delattr(shelf, names.pop(next(iter(names))))
            found: _R = getattr(shelf, name)
            return name, found
