"""What is made once for a taxonomy and kept with it: its plan, and the tables that others make of that.

No torch here, and yet it works while torch.compile and torch.export trace. These call some functions at
that time and take the results as they are; such functions are handed names, which a compiler holds, for
objects. What is made is made in a thread of its own, where no mode of the caller is on.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from weakref import WeakValueDictionary

__all__ = ["Shelf", "apart", "at_trace_time", "cached", "named", "new_name"]


class _Binding(Protocol):
    """A Taxonomy."""

    def require_bound(self, what: str) -> None: ...


_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T", bound=_Binding)
#: Of each kind the few that were asked for last are kept.
_MOST = 8
_LOCK = threading.Lock()
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


def apart(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Calls a function where no mode of the caller is on: what is made there serves every later caller.

    Inference mode, functorch's transforms, fake tensors, tracers, autocast, a default device and the rest
    belong to a thread, and a new thread has none of them.
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, function(*args, **kwargs)))
        except BaseException as error:
            outcome.extend((False, error))

    thread = threading.Thread(target=run, name="taxoloss-tables")
    thread.start()
    thread.join()
    good, result = outcome
    if not good:
        raise result
    made: _R = result
    return made


class Shelf:
    """What is kept, as attributes: a compiled graph that looks one up need not look at the others."""

    def __init__(self, owner: object) -> None:
        #: The name of what it is kept with.
        self.owner = new_name(owner)
        #: By what makes it and by key, the name of the attribute; the last that was asked for stands last.
        self.places: dict[Callable[..., Any], dict[Any, str]] = {}
        self.count = itertools.count()

    def __len__(self) -> int:
        return sum(len(places) for places in self.places.values())


def cached(taxonomy: _T, make: Callable[Concatenate[_T, _P], _R], *key: _P.args, **_: _P.kwargs) -> _R:
    """What `make` makes of a taxonomy and a key of values; made now where it is not kept.

    It is made where no mode of the caller is on, and while a compiler traces, not in its graph; it goes
    when the taxonomy goes, and stands in no copy or pickle of it.

    Args:
        taxonomy: bound.
        make: called as make(taxonomy, *key); never gives None.
        key: values that are equal only where what is made of them is.

    Raises:
        TypeError: not a Taxonomy.
        ValueError: the taxonomy is not bound.
    """
    shelf = getattr(taxonomy, "_shelf", None)
    if not isinstance(shelf, Shelf):
        plain = isinstance(taxonomy, Mapping) and "taxoloss" in taxonomy
        maker = "Taxonomy.from_dict(...)" if plain else "taxoloss.load(...).bind(class_names)"
        raise TypeError(
            f"expected a bound Taxonomy, got {type(taxonomy).__name__} {taxonomy!r:.60}; {maker} makes one"
        )
    found: _R | None = None
    while found is None:  # another thread may let it go between the two
        found = getattr(shelf, _place(shelf.owner, make, *key), None)
    return found


@at_trace_time
def _place(owner: str, make: Callable[..., Any], *key: Hashable) -> str:
    """The name under which it stands on the shelf, made where it does not stand there yet."""
    taxonomy = named(owner)
    taxonomy.require_bound("a loss or a metric")
    shelf: Shelf = taxonomy._shelf
    places = shelf.places.setdefault(make, {})
    with _LOCK:
        if (place := places.pop(key, None)) is not None:
            places[key] = place
            return place
    made = apart(make, taxonomy, *key)
    with _LOCK:
        place = places.setdefault(key, f"kept_{next(shelf.count)}")
        if not hasattr(shelf, place):  # no other thread was first
            setattr(shelf, place, made)
        if len(places) > _MOST:
            delattr(shelf, places.pop(next(iter(places))))
    return place
