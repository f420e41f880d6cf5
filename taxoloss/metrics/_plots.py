"""Pictures of the metrics, by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from taxoloss.metrics._sums import SumMetric
from taxoloss.metrics.calibration import LevelCalibrationError
from taxoloss.metrics.confusion import LevelConfusionMatrix
from taxoloss.metrics.operating_curve import OperatingCurve
from taxoloss.metrics.risk_coverage import RiskCoverage
from taxoloss.taxonomy import Taxonomy

__all__ = ["draw"]

#: Nodes up to which a matrix shows their names.
_MOST_NAMES = 40


def draw(metric: SumMetric, val: Any, ax: Any) -> tuple[Any, Any]:
    """(figure, axes) of a result of `compute`, or of a list of results."""
    if isinstance(metric, LevelConfusionMatrix) and isinstance(val, Mapping):
        return _matrices(metric, val, ax)
    figure, ax = _axes(ax)
    if isinstance(val, Sequence):
        _steps(ax, val)
    elif isinstance(metric, OperatingCurve) and isinstance(val, Mapping):
        _operating_curve(ax, metric, val)
        return figure, ax
    elif isinstance(metric, RiskCoverage) and isinstance(val, Mapping):
        _risk(ax, val)
        return figure, ax
    elif isinstance(metric, LevelCalibrationError) and int(metric.sums.sum()) and metric.only is None:
        _reliability(ax, metric, val)
        return figure, ax
    else:
        _bars(ax, val if isinstance(val, Mapping) else {metric.only or "": val})
    ax.set_title(type(metric).__name__)
    upper = getattr(metric, "plot_upper_bound", None)
    ax.set_ylim(0, upper if upper is None else upper * 1.05)
    return figure, ax


def _axes(ax: Any, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    if ax is not None:
        return ax.get_figure(), ax
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("plot() needs matplotlib: pip install matplotlib") from error
    return plt.subplots(1, columns, layout="constrained", **options)


def _bars(ax: Any, scores: Mapping[str, Any]) -> None:
    """A bar for each level, in the order of the tree's levels."""
    values = [float(value) for value in scores.values()]
    bars = ax.bar(range(len(values)), np.nan_to_num(values), color="#4c72b0")
    ax.bar_label(bars, [f"{value:.3f}" for value in values])
    ax.set_xticks(range(len(values)), list(scores), rotation=30 if len(values) > 4 else 0)


def _steps(ax: Any, results: Sequence[Any]) -> None:
    """A line for each score over the results."""
    first = results[0]
    names = [name for name in first if first[name].dim() == 0] if isinstance(first, Mapping) else [""]
    for name in names:
        values = [float(result[name] if name else result) for result in results]
        ax.plot(range(len(values)), values, marker="o", label=name)
    ax.set_xlabel("step")
    if names != [""]:
        ax.legend()


def _risk(ax: Any, val: Mapping[str, Tensor]) -> None:
    coverage, risk = val["coverage"].cpu().numpy(), val["risk"].cpu().numpy()
    ax.plot(coverage, risk, color="#4c72b0")
    ax.fill_between(coverage, risk, alpha=0.2, color="#4c72b0")
    ax.set(xlabel="coverage: mean information of the answers", ylabel="risk: share of wrong answers")
    ax.set(title=f"risk over coverage, area {float(val['aurc']):.4f}", xlim=(0, 1), ylim=(0, None))


def _operating_curve(ax: Any, metric: OperatingCurve, val: Mapping[str, Tensor]) -> None:
    """Correct and precision over recall, with the recalls at 90 and 95 % correct."""
    recall, precision, correct = metric.curve().fields.unbind(1)
    ax.plot(recall, correct, label=f"correct, average {float(val['average_correct']):.3f}")
    ax.plot(recall, precision, label=f"precision, average {float(val['average_precision']):.3f}")
    for share in (90, 95):
        at = float(val[f"recall_at_{share}_correct"])
        ax.plot([at], [share / 100], "o", color="black")
        ax.annotate(f"  {at:.2f} at {share} %", (at, share / 100), va="bottom")
    ax.set(xlabel=f"recall ({metric.value})", ylabel="share", xlim=(0, 1), ylim=(0, 1.05))
    ax.set_title("answers from the surest to the most informative")
    ax.legend(loc="lower left")


def _reliability(ax: Any, metric: LevelCalibrationError, val: Mapping[str, Tensor]) -> None:
    """Share right over stated probability, a line a level."""
    for level, (_, stated, right) in metric.reliability().items():
        ax.plot(stated, right, marker="o", label=f"{level}, error {float(val[level]):.3f}")
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":")
    ax.set(xlabel="stated probability", ylabel="share right", xlim=(0, 1), ylim=(0, 1.05))
    ax.set_title("calibration of each level's answer")
    ax.legend(loc="upper left")


# -- confusion matrices in the order of the tree -----------------------------------------------------


def _matrices(metric: LevelConfusionMatrix, val: Mapping[str, Tensor], ax: Any) -> tuple[Any, Any]:
    """A matrix a level; in axes that are given the deepest."""
    levels = list(val) if ax is None else list(val)[-1:]
    figure, axes = _axes(ax, len(levels), figsize=(5 * len(levels), 5))
    for one, level in zip(np.ravel(axes), levels, strict=True):
        _matrix(one, metric.taxonomy, level, val[level].cpu().numpy())
    return figure, axes


def _matrix(ax: Any, taxonomy: Taxonomy, level: str, counts: np.ndarray[Any, Any]) -> None:
    number = taxonomy.level_number(level)
    nodes = taxonomy.level_nodes(number)
    order = np.argsort(nodes)  # depth-first numbers: the order of the tree
    rows = counts[np.ix_(order, order)].astype(float)
    totals = rows.sum(1, keepdims=True)
    shares = np.divide(rows, totals, out=np.full_like(rows, np.nan), where=totals > 0)
    ax.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
    _borders(ax, taxonomy, nodes[order], number)
    if len(nodes) <= _MOST_NAMES:
        names = [taxonomy.tree.names[node] for node in nodes[order]]
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="answer", ylabel="target", title=f"{level}: share of each target")


def _borders(ax: Any, taxonomy: Taxonomy, nodes: np.ndarray[Any, Any], number: int) -> None:
    """Lines between the groups of the levels above, the top level's the widest."""
    for above in range(1, number):
        groups = taxonomy.tree.leaf_to_node(above)[taxonomy.tree.start[nodes]]
        for place in np.flatnonzero(np.diff(groups)) + 0.5:
            width = 1.5 / above
            ax.axhline(place, color="black", linewidth=width)
            ax.axvline(place, color="black", linewidth=width)
