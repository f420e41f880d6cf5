"""Two nets, three ways of answering: the metrics of each, on one half of the held-out texts.

The other half calibrates the threshold of `climb`. Halves are drawn at random, anew for each seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import torch
from rich import box
from rich.table import Table
from torch import Tensor
from trial import Kept

from taxoloss import Taxonomy, decisions
from taxoloss.metrics import collection

RISK = 0.05
ANSWERS = ("leaf", "least cost", "climb")
#: The arms that are compared, whatever the labels.
NETS = {"flat": "CE", "taxonomy": "tax.", ".2/.3/.5": "tax."}

NOTES = """\
Answers of cross-entropy (CE) and of the taxonomy loss .2/.3/.5 (tax.), means of {seeds}. leaf: the best
category. least cost: the category with the least expected LCA height. climb: from the best
category upwards until a calibrated threshold is passed, so that at most {risk:.0%} of answers
are wrong on average (neither the truth nor above it); it may answer a block, a chapter or
nothing. At a level above which it stops it is counted as wrong. Half of the held-out texts
calibrate, the others are scored here. For the last one:
{sentence}"""


def scores(kept: Kept, tree: Taxonomy) -> tuple[dict[str, dict[str, float]], str]:
    """answer -> metric -> score of one net, and the sentence of the threshold."""
    order = torch.randperm(len(kept.truth), generator=torch.Generator().manual_seed(kept.seed))
    mine, others = order.chunk(2)
    threshold = decisions.calibrate_threshold(kept.logits[mine], kept.truth[mine], tree, RISK)
    logits, truth = kept.logits[others], kept.truth[others]
    climbed = decisions.climb(logits, tree, threshold)
    answers = (decisions.leaf(logits, tree), decisions.minimum_cost(logits, tree), climbed)
    found = {}
    for name, answer in zip(ANSWERS, answers, strict=True):
        assert isinstance(answer, Tensor)  # no probability was asked for
        metrics = collection(tree, calibration=False)
        metrics.update(answer, truth)
        found[name] = {key: float(value) for key, value in metrics.compute().items()}
        delivered = decisions.report(threshold, logits, truth, tree).overall.rate
        wrong = 1 - found[name][f"accuracy/{tree.levels[-1]}"]
        found[name]["wrong"] = delivered if name == "climb" else wrong
    return found, str(threshold)


def decision_table(kept: Sequence[Kept], tree: Taxonomy) -> tuple[Table, str]:
    """A column for each net and answer, a row for each metric; and the words below it."""
    by_net: dict[str, list[dict[str, dict[str, float]]]] = {}
    sentence = ""
    kept = [one for one in kept if one.arm in NETS]
    for one in kept:
        found, sentence = scores(one, tree)
        by_net.setdefault(one.arm, []).append(found)
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1))
    table.add_column("")
    columns = [(net, answer) for net in by_net for answer in ANSWERS]
    for net, answer in columns:
        table.add_column(f"{NETS[net]}\n{answer}", justify="right", no_wrap=True)
    for metric in by_net[kept[0].arm][0][ANSWERS[0]]:
        cells = [fmean(found[answer][metric] for found in by_net[net]) for net, answer in columns]
        table.add_row(metric, *(f"{cell:.3f}" for cell in cells))
    seeds = len({one.seed for one in kept})
    words = f"{seeds} seeds" if seeds > 1 else "1 seed"
    return table, NOTES.format(seeds=words, risk=RISK, sentence=sentence)
