"""Confidence intervals of any metric here, and of the difference of two models on the same samples.

The bootstrap draws n samples from n with replacement. A sample is then in a draw Binomial(n, 1/n) times,
which is Poisson(1) for all but small n. So each sample gets a Poisson(1) number for each draw when it
is seen, its part of the metric's sums is counted that many times, and the draws' scores give the interval:
nothing is kept but the sums of each draw. The numbers depend on the seed and on the sample's place in the
stream alone, so that two models that see the same samples in the same order have the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from taxoloss.functional.arithmetic import row_blocks, wide_on
from taxoloss.metrics.base.batch import one_pass
from taxoloss.metrics.base.sum_metric import Contributions, LastingMetric, SumMetric
from taxoloss.metrics.confusion import LevelConfusionMatrix
from taxoloss.plot import figures, scores

__all__ = ["Bootstrap", "Interval", "bootstrap", "paired"]

#: Numbers of a block of draws x entries.
_BLOCK = 1 << 22
_CHECK = 2**31 - 1


class Interval(NamedTuple):
    """A score and the ends of its interval."""

    value: float
    low: float
    high: float


class Bootstrap(LastingMetric):
    """Scores with percentile intervals over draws of the samples: a dict key -> `Interval`.

    Made by `bootstrap`. A draw in which a score is NaN (no mistake to measure, say) does not count.
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False

    seen: Tensor

    def __init__(
        self, metrics: dict[str, SumMetric], draws: int, confidence: float, seed: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.draws, self.confidence, self.seed = draws, confidence, seed
        self.metrics = metrics
        for number, metric in enumerate(metrics.values()):
            # (S, 1 + draws): draw 0 is the sample itself.
            zeros = torch.zeros(metric.sums.numel(), 1 + draws, dtype=torch.long)
            self.add_state(f"draws_{number}", zeros, dist_reduce_fx="sum")
        #: Samples, and a number that two streams of the same targets share.
        self.add_state("seen", torch.zeros(2, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Counts a batch in every draw."""
        with one_pass():
            rows = [metric.rows(preds, target) for metric in self.metrics.values()]
        weights = self._weights(target.numel()).to(target.device)
        for number, part in enumerate(rows):
            _add(getattr(self, f"draws_{number}"), part, weights)
        place = int(self.seen[0]) + torch.arange(1, target.numel() + 1, device=target.device)
        mixed = ((target.reshape(-1).long() + 1000) % _CHECK * (place * 2654435761 % _CHECK)) % _CHECK
        self.seen += torch.stack([torch.tensor(target.numel(), device=target.device), mixed.sum()])

    def compute(self) -> dict[str, Interval]:
        """key -> value and interval."""
        tail = (1 - self.confidence) / 2
        return {name: _interval(scores, tail) for name, scores in self.scores().items()}

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """A point with its interval for each score, levels in the order of the tree: (figure, axes).

        Args:
            val: a result of `compute`; None: computes now.
            ax: axes to draw in.

        Raises:
            ImportError: matplotlib is not installed.
        """
        val = self.compute() if val is None else val
        figure, ax = figures.axes_of(ax, (6.4, 1.0 + 0.42 * max(2, len(val))))
        scores.intervals(ax, {name: val[name] for name in sorted(val, key=self._order(val))})
        ax.set_title(f"{self.confidence:.0%} intervals, {self.draws:,} draws")
        return figure, ax

    def _order(self, names: Iterable[str]) -> Callable[[str], tuple[int, int]]:
        """The key that puts the scores of a metric by level in the order of the tree."""
        kinds = list(dict.fromkeys(name.rpartition("/")[0] or name for name in names))
        # As in the keys of a collection, where torch forbids "." in a name.
        levels = [
            one.replace(".", "_") for metric in self.metrics.values() for one in metric.taxonomy.levels
        ]

        def place(name: str) -> tuple[int, int]:
            kind, _, last = name.rpartition("/")
            level = last.replace(".", "_")
            return kinds.index(kind or name), levels.index(level) if level in levels else -1

        return place

    def scores(self) -> dict[str, Tensor]:
        """key -> the score of the samples, then that of each draw, (1 + draws,)."""
        found: dict[str, Tensor] = {}
        for number, (name, metric) in enumerate(self.metrics.items()):
            score = metric.score(getattr(self, f"draws_{number}").T)
            if isinstance(score, Tensor):
                found[name] = score
            else:
                found |= {f"{name}/{key}" if name else key: value for key, value in score.items()}
        return found

    def _weights(self, samples: int) -> Tensor:
        """(samples, 1 + draws): how often each sample is in each draw."""
        key = [self.seed, _rank()]
        stream = np.random.Generator(np.random.Philox(key=key))
        # Each sample takes a block of its own: the same numbers, whatever the batches.
        uniform = _uniform(stream, int(self.seen[0]), samples, self.draws)
        drawn = torch.from_numpy(np.searchsorted(_POISSON, uniform).astype(np.int64))
        return torch.cat([drawn.new_ones(samples, 1), drawn], 1)


#: P(Poisson(1) <= k) for k = 0, 1, ..: what lies above the last is never drawn.
_POISSON = np.cumsum(np.exp(-1.0) / np.cumprod([1, *range(1, 18)]))


def _uniform(stream: np.random.Generator, first: int, samples: int, draws: int) -> np.ndarray[Any, Any]:
    """(samples, draws) numbers of [0, 1) that belong to the samples from `first` on."""
    # Philox gives four 64-bit words a step; each sample takes whole steps.
    steps = -(-draws // 4)
    stream.bit_generator.advance(first * steps)  # type: ignore[attr-defined]
    return stream.random((samples, 4 * steps))[:, :draws]


def _rank() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if distributed else 0


def _add(sums: Tensor, rows: Contributions, weights: Tensor) -> None:
    """Adds to sums (S, B) what samples add, each as often as weights (R, B) say."""
    values, cells = rows
    if cells is None:
        # In float64, exact to 2^53: int64 has no fast product.
        wide = wide_on(sums.device)
        sums.add_((values.to(wide).T @ weights.to(wide)).long())
        return
    # Most entries add nothing: a sample takes few of the steps that it could.
    row, entry = torch.nonzero(values.any(-1), as_tuple=True)
    values, cells = values[row, entry], cells[row, entry]
    by_cell = sums.view(-1, values.shape[1], sums.shape[1])
    for part in row_blocks(len(row), values.shape[1] * sums.shape[1], _BLOCK):
        added = values[part].unsqueeze(2) * weights[row[part]].unsqueeze(1)
        by_cell.index_add_(0, cells[part], added)


def _interval(scores: Tensor, tail: float) -> Interval:
    value, draws = float(scores[0]), scores[1:].to(wide_on(scores.device))
    ends = torch.tensor([tail, 1 - tail], dtype=draws.dtype, device=draws.device)
    low, high = torch.nanquantile(draws, ends).tolist()
    return Interval(value, low, high)


def bootstrap(
    metric: SumMetric | MetricCollection, *, draws: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Bootstrap:
    """A metric that gives each score with a confidence interval (percentiles over bootstrap draws).

    Args:
        metric: of `taxoloss.metrics`, or a collection of them, without samples yet. Curves need
            exact=False. It is not changed.
        draws: how many; 1,000 are enough for intervals, 200 for a look.
        confidence: of the interval, in (0, 1).
        seed: of the draws.

    Returns:
        A torchmetrics Metric: update(preds, target), compute() -> key -> `Interval`. Samples are drawn one
        by one: where they come in groups (frames of a video), intervals are too narrow.

    Raises:
        TypeError: a metric of another kind, or a matrix: it is no score.
        ValueError: draws below 2, a confidence outside (0, 1), a curve that keeps lists.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> metric = bootstrap(taxoloss.metrics.FullPathAccuracy(t))
    >>> metric.update(torch.tensor([0] * 60 + [1] * 40), torch.zeros(100, dtype=torch.long))
    >>> value, low, high = metric.compute()["full_path_accuracy"]
    >>> print(f"{value:.2f}, {low:.1f} to {high:.1f}")
    0.60, 0.5 to 0.7

    Source: Efron 1979; Chamandy et al. 2012 (Poisson bootstrap).
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 2:
        raise ValueError(f"expected draws as an integer, 2 or larger, got {draws!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"expected confidence in (0, 1), got {confidence!r}")
    return Bootstrap(_parts(metric), draws, confidence, seed)


def _parts(metric: Any) -> dict[str, SumMetric]:
    if isinstance(metric, MetricCollection):
        pairs: Iterable[tuple[Any, Any]] = metric.items(copy_state=False)
    else:
        pairs = [(_name(metric), metric)]
    parts: dict[str, SumMetric] = {}
    for name, part in pairs:
        if not isinstance(part, SumMetric) or isinstance(part, LevelConfusionMatrix):
            raise TypeError(f"expected scores of taxoloss.metrics, got {type(part).__name__}")
        if getattr(part, "exact", False):
            raise ValueError(f"expected {type(part).__name__}(exact=False): a list cannot be reweighted")
        clone: Any = part.clone()
        parts[str(name)] = clone
    return parts


def _name(metric: Any) -> str:
    """HierarchicalFScore -> hierarchical_f_score; HOPS -> hops."""
    name = type(metric).__name__
    if name.isupper():
        return name.lower()
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def paired(a: Bootstrap, b: Bootstrap) -> dict[str, Interval]:
    """The differences a - b of two models on the same samples, with intervals: key -> `Interval`.

    Args:
        a, b: made by `bootstrap` with the same metrics, draws and seed, and updated with the same targets
            in the same order. The interval of the difference is much narrower than two intervals
            side by side would make believe: what is hard for one model is mostly hard for the other.

    Raises:
        ValueError: other draws, seeds, keys, or samples.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> a, b = (bootstrap(taxoloss.metrics.FullPathAccuracy(t)) for _ in range(2))
    >>> a.update(torch.tensor([0] * 60 + [1] * 40), torch.zeros(100, dtype=torch.long))
    >>> b.update(torch.tensor([0] * 50 + [1] * 50), torch.zeros(100, dtype=torch.long))
    >>> value, low, high = paired(a, b)["full_path_accuracy"]
    >>> print(f"{value:.2f}, {low:.2f} to {high:.2f}")
    0.10, 0.04 to 0.17
    """
    for name in ("draws", "seed", "confidence"):
        one, other = getattr(a, name), getattr(b, name)
        if one != other:
            raise ValueError(f"expected two bootstraps with one {name}, got {one} and {other}")
    if a.seen.tolist() != b.seen.tolist():
        raise ValueError(
            f"expected the same targets in the same order, got {int(a.seen[0])} and {int(b.seen[0])} "
            "samples whose targets differ"
        )
    one, other = a.scores(), b.scores()
    if one.keys() != other.keys():
        raise ValueError(f"expected the same metrics, got {sorted(one)} and {sorted(other)}")
    tail = (1 - a.confidence) / 2
    return {name: _interval(one[name] - other[name], tail) for name in one}
