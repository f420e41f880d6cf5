"""Decisions as settings: text such as climb:0.9, a calibrated threshold, or any function of logits."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from torch import Tensor

from taxoloss import decisions
from taxoloss.decisions.calibration.threshold import Threshold
from taxoloss.errors.suggestions import with_suggestion
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Decision", "decision_of"]

#: Of logits (N, C) and a bound taxonomy the node ids (N,).
Decision: TypeAlias = Callable[[Tensor, Taxonomy], Any]

#: Those that answer one node a row.
_NAMES = ("leaf", "at_level", "climb", "top_down", "most_specific", "minimum_cost", "hedge")


def decision_of(decision: Any, taxonomy: Taxonomy) -> Decision:
    """The function that a setting means.

    Args:
        decision: the name of a decision, with what it needs after a colon; a `Threshold`; or a function
            f(logits, taxonomy), such as partial(decisions.climb, threshold=0.9).
        taxonomy: that it is for: the level of at_level must be one of its.

    Raises:
        ValueError: text that is no decision, a level that is none, a threshold of another taxonomy.
        TypeError: none of these.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> decision_of("climb:0.8", t)(torch.tensor([[2.0, 1.9, -1.0]]), t)
    tensor([3])
    """
    if isinstance(decision, Threshold):
        decision.require(taxonomy)
        return partial(getattr(decisions, decision.decision), threshold=decision)
    if isinstance(decision, str):
        return _of_text(decision, taxonomy)
    if callable(decision):
        found: Decision = decision
        return found
    raise TypeError(
        "expected decision as text such as 'climb:0.9', a Threshold, or a function f(logits, taxonomy), "
        f"got {type(decision).__name__} {decision!r:.60}"
    )


def _of_text(text: str, taxonomy: Taxonomy) -> Decision:
    name, colon, value = text.partition(":")
    forms = {name: _form(name) for name in _NAMES}
    if name not in forms:
        known = f"there is no decision {name!r}; expected {', '.join(forms.values())}"
        raise ValueError(with_suggestion(known, name, list(forms)))
    rule, (setting, needed) = getattr(decisions, name), _setting(name)
    if (colon and not setting) or (needed and not value):
        raise ValueError(f"expected decision as {forms[name]}, got {text!r}")
    if not colon:
        return partial(rule)
    if setting == "level":
        taxonomy.level_number(value)
        return partial(rule, level=value)
    try:
        return partial(rule, **{str(setting): float(value)})
    except ValueError:
        raise ValueError(f"expected decision as {forms[name]}, got {text!r}") from None


def _setting(name: str) -> tuple[str | None, bool]:
    """What a decision takes after logits and taxonomy as text, and whether it needs it."""
    positional = [
        one
        for one in inspect.signature(getattr(decisions, name)).parameters.values()
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and one.name != "cost"
    ]
    if len(positional) < 3:
        return None, False
    return positional[2].name, positional[2].default is inspect.Parameter.empty


def _form(name: str) -> str:
    """How a decision is written: climb:THRESHOLD, top_down[:THRESHOLD]."""
    setting, needed = _setting(name)
    if setting is None:
        return name
    return f"{name}:{setting.upper()}" if needed else f"{name}[:{setting.upper()}]"
