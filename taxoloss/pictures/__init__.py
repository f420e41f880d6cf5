"""What a sweep shows, from its cells or its results.csv: tables and pictures with intervals over seeds.

`taxoloss plot FOLDER` is this package on the command line.
"""

from taxoloss.pictures.compare import Comparison, compare
from taxoloss.pictures.errors import TableError
from taxoloss.pictures.figures import draw
from taxoloss.pictures.intervals import Interval, mean_interval, paired_difference
from taxoloss.pictures.table import Run, Sweep, read
from taxoloss.pictures.variants import Variant, variants

__all__ = [
    "Comparison",
    "Interval",
    "Run",
    "Sweep",
    "TableError",
    "Variant",
    "compare",
    "draw",
    "mean_interval",
    "paired_difference",
    "read",
    "variants",
]
