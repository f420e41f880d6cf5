"""Pictures of scores, by matplotlib: bars, lines, curves, matrices in the order of the tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["axes_of", "bars", "lines", "matrix", "operating_curve", "reliability", "risk"]

#: Nodes up to which a matrix shows their names.
_MOST_NAMES = 40
_COLOUR = "#4c72b0"


def axes_of(ax: Any, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """(figure, axes): those given, or new ones."""
    if ax is not None:
        return ax.get_figure(), ax
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("plot() needs matplotlib: pip install matplotlib") from error
    return plt.subplots(1, columns, layout="constrained", **options)


def bars(ax: Any, scores: Mapping[str, Any], upper: float | None) -> None:
    """A bar for each score, in their order (top level first)."""
    values = [float(value) for value in scores.values()]
    drawn = ax.bar(range(len(values)), np.nan_to_num(values), color=_COLOUR)
    ax.bar_label(drawn, [f"{value:.3f}" for value in values])
    ax.set_xticks(range(len(values)), list(scores), rotation=30 if len(values) > 4 else 0)
    ax.set_ylim(0, upper if upper is None else upper * 1.08)


def lines(ax: Any, results: Sequence[Any]) -> None:
    """A line for each scalar score over a list of results."""
    first = results[0]
    names = [name for name in first if first[name].dim() == 0] if isinstance(first, Mapping) else [""]
    for name in names:
        values = [float(result[name] if name else result) for result in results]
        ax.plot(range(len(values)), values, marker="o", label=name)
    ax.set_xlabel("step")
    if names != [""]:
        ax.legend()


def risk(ax: Any, val: Mapping[str, Tensor]) -> None:
    """Risk over coverage, the area filled."""
    coverage, wrong = val["coverage"].cpu().numpy(), val["risk"].cpu().numpy()
    ax.plot(coverage, wrong, color=_COLOUR)
    ax.fill_between(coverage, wrong, alpha=0.2, color=_COLOUR)
    ax.set(xlabel="coverage: mean information of the answers", ylabel="risk: share of wrong answers")
    ax.set(title=f"risk over coverage, area {float(val['aurc']):.4f}", xlim=(0, 1), ylim=(0, None))


def operating_curve(ax: Any, fields: Tensor, val: Mapping[str, Tensor], value: str) -> None:
    """Correct and precision over recall, with the recalls at 90 and 95 % correct."""
    recall, precision, correct = fields.unbind(1)
    ax.plot(recall, correct, label=f"correct, average {float(val['average_correct']):.3f}")
    ax.plot(recall, precision, label=f"precision, average {float(val['average_precision']):.3f}")
    for share in (90, 95):
        at = float(val[f"recall_at_{share}_correct"])
        ax.plot([at], [share / 100], "o", color="black")
        ax.annotate(f"  {at:.2f} at {share} %", (at, share / 100), va="bottom")
    ax.set(xlabel=f"recall ({value})", ylabel="share", xlim=(0, 1), ylim=(0, 1.05))
    ax.set_title("from the surest answers to the most informative")
    ax.legend(loc="lower left")


def reliability(
    ax: Any, bins: Mapping[str, tuple[Tensor, Tensor, Tensor]], val: Mapping[str, Tensor]
) -> None:
    """Share right over stated probability, a line a level."""
    for level, (_, stated, right) in bins.items():
        ax.plot(stated, right, marker="o", label=f"{level}, error {float(val[level]):.3f}")
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":")
    ax.set(xlabel="stated probability", ylabel="share right", xlim=(0, 1), ylim=(0, 1.05))
    ax.set_title("calibration of each level's answer")
    ax.legend(loc="upper left")


def matrix(ax: Any, taxonomy: Taxonomy, level: str, counts: Tensor) -> None:
    """Shares of each target (row) by answer, in the order of the tree, with the borders of its groups."""
    number = taxonomy.level_number(level)
    nodes = taxonomy.level_nodes(number)
    order = np.argsort(nodes)  # depth-first numbers: the order of the tree
    rows = counts.cpu().numpy()[np.ix_(order, order)].astype(float)
    totals = rows.sum(1, keepdims=True)
    shares = np.divide(rows, totals, out=np.full_like(rows, np.nan), where=totals > 0)
    ax.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
    if len(nodes) <= _MOST_NAMES:
        names = [taxonomy.tree.names[node] for node in nodes[order]]
        size = min(10.0, 220 / len(names))
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        ax.set_yticks(range(len(names)), names, fontsize=size)
    first = taxonomy.tree.start[nodes[order]]
    for above in range(1, number):
        group = taxonomy.tree.leaf_to_node(above)[first]
        for place in np.flatnonzero(np.diff(group)) + 0.5:  # the top level's borders are the widest
            ax.axhline(place, color="black", linewidth=1.5 / above)
            ax.axvline(place, color="black", linewidth=1.5 / above)
    ax.set(xlabel="answer", ylabel="target", title=f"{level}: share of each target")
