"""Answers whose probability the file states, as paths of one node a row: said above a threshold, or not.

Of a row with the answer a and the stated probability p there is one node to answer, a, and above it the
root. At a threshold t on log-odds

    answer to row i = a_i where log(p_i / (1 - p_i)) > t, else the root, which says nothing

so the 0/1 loss of a wrong row rises by 1 at the log-odds of p_i, and that of the others never. It is the
staircase of `decisions/calibration/paths.py` with L = 1. The promise of conformal risk control needs no
more of p_i than an order: it need not be calibrated, nor a probability of the tree.
"""

from __future__ import annotations

import torch

from taxoloss.decisions.calibration.paths import Paths
from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.report.numbers.gathered import Gathered

__all__ = ["LEVELS", "stated_paths"]

#: Where an answer stands: it is kept back, or given.
LEVELS = ("nothing", "answered")


def stated_paths(found: Gathered) -> Paths | None:
    """The paths (n, 1) of rows that have answers alone; None where no probability is stated.

    An answer without a probability, and the root, which says nothing, are above no threshold.

    >>> import taxoloss, torch
    >>> from taxoloss.evaluation.samples import Piece
    >>> from taxoloss.report.numbers.gathered import Collector
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Manx"], "dog": ["pug"]}}).bind(node_targets=True)
    >>> rows, answers = Collector(t), torch.tensor([0, 1])
    >>> rows.take(Piece(1, answers, torch.tensor([0, 0]), probability=torch.tensor([0.5, 0.9])), answers)
    >>> paths = stated_paths(rows.gathered())
    >>> paths.wrong.tolist(), paths.log_odds.round(decimals=2).tolist()
    ([[False], [True]], [[0.0], [2.2]])
    """
    if found.probability is None:
        return None
    tensors = nodes_of(found.taxonomy, "cpu")
    answer, target = torch.from_numpy(found.answer), torch.from_numpy(found.target)
    unknown = torch.from_numpy(found.unknown)
    odds = torch.logit(torch.from_numpy(found.probability))
    says_nothing = odds.isnan() | ((answer == tensors.root) & ~unknown)
    return Paths(
        tensors=tensors,
        classes=answer,
        target=target,
        log_odds=torch.where(says_nothing, -torch.inf, odds).unsqueeze(1),
        line=answer.unsqueeze(1),
        wrong=(~tensors.at_or_above(answer, target) | unknown).unsqueeze(1),
        kept=torch.from_numpy(found.kept),
    )
