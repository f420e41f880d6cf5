"""Decisions: from the logits of a model to a node of the tree, any class or inner node."""

from taxoloss.decisions.expected_cost import minimum_cost
from taxoloss.decisions.ranking import ranking
from taxoloss.decisions.rules import at_level, climb, leaf, top_down
from taxoloss.decisions.specific import hedge, most_specific

__all__ = ["at_level", "climb", "hedge", "leaf", "minimum_cost", "most_specific", "ranking", "top_down"]
