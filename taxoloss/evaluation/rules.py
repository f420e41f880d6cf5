"""The decisions that `taxoloss evaluate` can score, one record each; no torch, since `--help` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RULES", "Rule", "calibrated", "with_setting"]


@dataclass(frozen=True)
class Rule:
    """A decision that answers one node a row."""

    #: Which of the settings its function takes after logits and taxonomy, in its order.
    takes: tuple[str, ...] = ()
    #: A threshold with a promise can be made for it: it is in `taxoloss.decisions.on_path.ON_PATH`.
    calibrated: bool = False


#: By the name of its function in `taxoloss.decisions`.
RULES: Mapping[str, Rule] = {
    "leaf": Rule(),
    "climb": Rule(("threshold",), calibrated=True),
    "top_down": Rule(("threshold",), calibrated=True),
    "most_specific": Rule(("threshold",)),
    "minimum_cost": Rule(),
    "hedge": Rule(("tradeoff",)),
}


def calibrated() -> tuple[str, ...]:
    """The decisions that a threshold can be calibrated for."""
    return tuple(name for name, rule in RULES.items() if rule.calibrated)


def with_setting(setting: str) -> tuple[str, ...]:
    """The decisions that take a setting."""
    return tuple(name for name, rule in RULES.items() if setting in rule.takes)
