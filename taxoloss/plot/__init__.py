"""Pictures for people, by matplotlib: a tree, and what the metrics' `plot` methods draw.

Imports taxonomy, errors; matplotlib, the extra `plot`, when a picture is drawn.
"""

from taxoloss.plot.trees import tree

__all__ = ["tree"]
