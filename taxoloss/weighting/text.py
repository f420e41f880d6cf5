"""Weight schedules as text: how they are written on a command line and in the settings of a sweep."""

from __future__ import annotations

from typing import Any

from taxoloss.errors.suggestions import with_suggestion
from taxoloss.weighting.schedules import SCHEDULES, Schedule

__all__ = ["FORMS", "parse_schedule", "schedule_text"]

#: How each schedule is written.
FORMS = {
    "uniform": "uniform",
    "deepest": "deepest",
    "balanced": "balanced",
    "geometric": "geometric:NUMBER",
    "hxe": "hxe:NUMBER",
    "by_level": "by_level:LEVEL=NUMBER,LEVEL=NUMBER,...",
}


def parse_schedule(text: str) -> Schedule:
    """The schedule of a text such as geometric:0.7.

    Raises:
        ValueError: the text names no schedule, or not with what that schedule needs.

    >>> parse_schedule("by_level:species=0.3,breed=0.7")
    by_level({'species': 0.3, 'breed': 0.7})
    """
    name, colon, argument = text.partition(":")
    if name == "label_balanced":
        raise ValueError("label_balanced needs the counts of your labels: weighting.label_balanced(counts)")
    if name not in FORMS:
        forms = "there is no schedule " + repr(name) + "; expected " + ", ".join(FORMS.values())
        raise ValueError(with_suggestion(forms, name, list(FORMS)))
    if (FORMS[name] == name) == bool(colon):
        raise ValueError(f"expected {FORMS[name]}, got {text!r}")
    return SCHEDULES[name](*_arguments(name, argument)) if colon else SCHEDULES[name]()


def _arguments(name: str, text: str) -> list[Any]:
    try:
        if name != "by_level":
            return [float(text)]
        pairs = [pair.rpartition("=") for pair in text.split(",")]
        return [{level: float(number) for level, _, number in pairs}]
    except ValueError:
        raise ValueError(f"expected {FORMS[name]}, got {f'{name}:{text}'!r}") from None


def schedule_text(schedule: Schedule) -> str:
    """The text of a schedule, which `parse_schedule` reads.

    Raises:
        ValueError: label_balanced, which holds the counts of a data set.

    >>> from taxoloss import weighting
    >>> schedule_text(weighting.hxe(0.5))
    'hxe:0.5'
    """
    name = next(name for name in SCHEDULES if schedule.fill.__name__ == name)
    if name not in FORMS:
        raise ValueError(
            f'{name} holds the counts of a data set: write the text "{name}", and give the counts to '
            "Cell.level_weights"
        )
    if name == "by_level":
        (weights,) = schedule.arguments
        return "by_level:" + ",".join(f"{level}={float(number)!r}" for level, number in weights.items())
    return ":".join([name, *(repr(float(number)) for number in schedule.arguments)])
