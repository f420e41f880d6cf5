"""Predictions in a file, and their scores.

Imports errors, taxonomy, sources, functional, metrics, decisions.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taxoloss.evaluation.files import evaluate_file
    from taxoloss.evaluation.predictions import PredictionError
    from taxoloss.evaluation.request import Request
    from taxoloss.evaluation.scores import Evaluation, Settings

__all__ = ["Evaluation", "PredictionError", "Request", "Settings", "evaluate_file"]

# Resolved when first used: the commands read the options here without torch.
_HOME = {
    "Evaluation": "scores",
    "PredictionError": "predictions",
    "Request": "request",
    "Settings": "scores",
    "evaluate_file": "files",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"taxoloss.evaluation.{_HOME[name]}"), name)
    raise AttributeError(f"module 'taxoloss.evaluation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
