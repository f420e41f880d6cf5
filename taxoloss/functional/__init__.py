"""Functions of logits and a bound taxonomy. Imports taxonomy, weighting."""

from __future__ import annotations

from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.log_probs import level_log_probs

__all__ = ["level_log_probs", "taxonomy_cross_entropy"]
