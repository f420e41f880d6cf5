"""Functions of logits and a bound taxonomy. Imports taxonomy, weighting."""

from __future__ import annotations

import torch

from taxoloss.functional.cross_entropy import taxonomy_cross_entropy
from taxoloss.functional.log_probs import level_log_probs
from taxoloss.taxonomy.taxonomy import restored

__all__ = ["level_log_probs", "taxonomy_cross_entropy"]

# A taxonomy among hyperparameters: torch.load(weights_only=True) reads it, which is plain data.
torch.serialization.add_safe_globals([restored])
