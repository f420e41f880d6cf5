"""What a sweep shows, from its cells or its results.csv: tables and pictures with intervals over seeds.

`taxoloss plot FOLDER` is this package on the command line.
"""

from taxoloss.sweep.errors import TableError
from taxoloss.sweep.report.compare import Comparison, compare
from taxoloss.sweep.report.figures import draw
from taxoloss.sweep.report.intervals import Interval, mean_interval, paired_difference
from taxoloss.sweep.report.table import ResultsTable, Run, read
from taxoloss.sweep.report.variants import Variant, variants

__all__ = [
    "Comparison",
    "Interval",
    "ResultsTable",
    "Run",
    "TableError",
    "Variant",
    "compare",
    "draw",
    "mean_interval",
    "paired_difference",
    "read",
    "variants",
]
