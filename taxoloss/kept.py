"""Tensors that are made once for a taxonomy and kept with it, for functions that are called often."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from typing import Any, ParamSpec, TypeVar

import torch

from taxoloss.plan import Plan, plan_of
from taxoloss.taxonomy import Taxonomy

__all__ = ["keep", "kept_plan", "untraced"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def keep(taxonomy: Taxonomy, key: Hashable, make: Callable[[], _R]) -> _R:
    """What was made under this key for the taxonomy; made now where it was not.

    Raises:
        RuntimeError: it would have to be made while a compiler traces.
        TypeError, ValueError: not a bound taxonomy; or the key cannot be hashed.
    """
    kept = _kept(taxonomy)
    found: _R | None = kept.get(key)
    if found is None:
        found = kept[key] = untraced(make)
    return found


def kept_plan(taxonomy: Taxonomy) -> Plan:
    """The plan of a bound taxonomy, also while a compiler traces."""
    plan: Plan = _kept(taxonomy)["plan"]
    return plan


def untraced(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Calls what works in numpy; RuntimeError where a compiler traces. Loads no compiler where none is."""
    if torch.compiler.is_compiling():
        raise RuntimeError(
            "expected a taxonomy whose tables were made before torch.compile: compile a "
            "taxoloss.TaxonomyLoss, or call this function once, with these arguments, before it is compiled"
        )
    if "torch._dynamo" in sys.modules:
        function = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
    return function(*args, **kwargs)


def _kept(taxonomy: Taxonomy) -> dict[Any, Any]:
    """What is kept with a taxonomy, and not copied, pickled or compared; raises where it is not bound."""
    kept: dict[Any, Any] | None = getattr(taxonomy, "_kept_tables", None)
    if kept is None:
        kept = {"plan": untraced(plan_of, taxonomy)}
        object.__setattr__(taxonomy, "_kept_tables", kept)  # it is frozen
    return kept
