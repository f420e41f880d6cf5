"""Heads: features (..., in_features) -> leaf logits (..., C).

Any head trains under any weighting, and any decision reads it, since all meet in leaf logits only. All
begin at the uniform distribution over the classes. `TaxonomyOutput` is the other end: leaf logits -> what a
deployed model gives.

Imports taxonomy, weighting, functional.
"""

from taxoloss.heads.conditional import ConditionalSoftmax
from taxoloss.heads.level_heads import LevelHeads
from taxoloss.heads.linear import Flat, PathSum
from taxoloss.heads.output import TaxonomyOutput

__all__ = ["ConditionalSoftmax", "Flat", "LevelHeads", "PathSum", "TaxonomyOutput"]
