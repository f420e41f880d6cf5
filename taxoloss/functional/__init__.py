"""Functions of logits and a bound taxonomy. Imports taxonomy, weighting."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taxoloss.functional import kernels
    from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
    from taxoloss.functional.log_probs import level_log_probs

__all__ = ["kernels", "level_log_probs", "taxonomy_cross_entropy"]

# Resolved when first used: to tell which kernel runs takes no torch.
_HOME = {"level_log_probs": "log_probs", "taxonomy_cross_entropy": "cross_entropy"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"taxoloss.functional.{_HOME[name]}"), name)
    if name == "kernels":
        return import_module("taxoloss.functional.kernels")
    raise AttributeError(f"module 'taxoloss.functional' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
