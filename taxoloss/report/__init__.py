"""One page that shows where a hierarchical classifier is right, nearly right, and wrong.

Imports errors, taxonomy, functional, metrics, decisions, evaluation.
"""

from __future__ import annotations

from taxoloss.report.building import Versus, build

__all__ = ["Versus", "build"]
