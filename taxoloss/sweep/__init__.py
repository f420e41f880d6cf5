"""Sweeps: weights x seeds x arms, resumable, on one machine or many.

A person gives a training function, a grid and a folder, and gets a table:

    cells = sweep.grid(weights=sweep.simplex(t.levels, 0.1), seed=range(5))
    results = sweep.run(train, cells, "runs/weights", taxonomy=t, engine="processes")

`taxoloss plot runs/weights` draws it. `search` lets Optuna choose the cells.

Imports errors, taxonomy, weighting.
"""

from taxoloss.sweep.cell import Cell
from taxoloss.sweep.errors import SweepError
from taxoloss.sweep.grid import grid, simplex
from taxoloss.sweep.results import Results
from taxoloss.sweep.run import run
from taxoloss.sweep.search import search, suggest_weights

__all__ = ["Cell", "Results", "SweepError", "grid", "run", "search", "simplex", "suggest_weights"]
