"""Weight schedules as text: how they are written on a command line and in the settings of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.weighting.register import TAKES, Takes
from taxoloss.weighting.schedules import SCHEDULES, Schedule

__all__ = ["forms", "parse_schedule", "schedule_text"]


def forms() -> dict[str, str]:
    """How each schedule is written, those that take nothing first.

    >>> forms()["hxe"]
    'hxe:NUMBER'
    """
    written = (takes for takes in Takes if takes is not Takes.counts)
    names = (name for takes in written for name in TAKES if TAKES[name] is takes)
    return {name: f"{name}:{TAKES[name].value}".removesuffix(":") for name in names}


def parse_schedule(text: str) -> Schedule:
    """The schedule of a text such as geometric:0.7.

    Raises:
        ValueError: the text names no schedule, or not with what that schedule needs.

    >>> parse_schedule("by_level:species=0.3,breed=0.7")
    by_level({'species': 0.3, 'breed': 0.7})
    """
    known = forms()
    _refuse_weights(text, known)
    name, colon, argument = text.partition(":")
    if TAKES.get(name) is Takes.counts:
        raise ValueError(f"{name} needs the counts of your labels: weighting.{name}(counts)")
    if name not in known:
        expected = f"there is no schedule {name!r}; expected {', '.join(known.values())}"
        raise ValueError(with_suggestion(expected, name, list(known)))
    if (TAKES[name] is Takes.nothing) == bool(colon):
        raise ValueError(f"expected {known[name]}, got {text!r}")
    try:
        arguments = _arguments(TAKES[name], argument)
    except ValueError:
        raise ValueError(f"expected {known[name]}, got {text!r}") from None
    return SCHEDULES[name](*arguments)


def _refuse_weights(text: str, known: dict[str, str]) -> None:
    """ValueError where a text holds nothing, or weights and not the schedule that they are for."""
    if not text.strip():
        raise ValueError(f"expected one of {', '.join(known.values())}, got the empty text {text!r}")
    if text.lstrip()[0] in "{[(":
        raise ValueError(
            f"expected one of {', '.join(known.values())}, got {text!r:.60}, the text of a dict or a list: "
            "give the dict itself, or by_level:LEVEL=NUMBER,LEVEL=NUMBER,.."
        )
    if "=" in text.partition(":")[0]:
        raise ValueError(f"expected by_level:LEVEL=NUMBER,.., got {text!r:.60}: put by_level: before it")


def _arguments(takes: Takes, text: str) -> list[Any]:
    if takes is Takes.nothing:
        return []
    if takes is Takes.number:
        return [float(text)]
    pairs = [pair.rpartition("=") for pair in text.split(",")]
    return [{level: float(number) for level, _, number in pairs}]


def schedule_text(schedule: Schedule) -> str:
    """The text of a schedule, which `parse_schedule` reads.

    Raises:
        ValueError: label_balanced, which holds the counts of a data set; a schedule of your own.

    >>> from taxoloss import weighting
    >>> schedule_text(weighting.hxe(0.5))
    'hxe:0.5'
    """
    name = schedule.fill.__name__
    if name not in TAKES:
        raise ValueError(f"expected a schedule of {', '.join(SCHEDULES)}, got {schedule!r}")
    if TAKES[name] is Takes.counts:
        raise ValueError(
            f'{name} holds the counts of a data set: write the text "{name}", and give the counts to '
            "Cell.level_weights"
        )
    if TAKES[name] in (Takes.weights, Takes.nodes):
        (weights,) = schedule.arguments
        if not isinstance(weights, Mapping):
            raise ValueError(f"{name} of an array of all nodes has no text; give a dict by name")
        return f"{name}:" + ",".join(f"{level}={float(number)!r}" for level, number in weights.items())
    return ":".join([name, *(repr(float(number)) for number in schedule.arguments)])
