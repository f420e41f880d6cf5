"""Confidence intervals of any metric here, and of the difference of two models on the same samples.

The bootstrap draws n samples from n with replacement. A sample is then in a draw Binomial(n, 1/n) times,
which is Poisson(1) for all but small n. So each sample gets a Poisson(1) number for each draw when it
is seen, its part of the metric's sums is counted that many times, and the draws' scores give the interval:
nothing is kept but the sums of each draw. The numbers depend on the seed and on the sample's place in the
stream alone, so that two models that see the same samples in the same order have the same draws.

With groups (cameras, videos, patients) it is the groups that are drawn, each with all of its samples: what
is alike inside a group is no new evidence. Let A_g and B_g be what the samples of group g add to the
numerator and the denominator of a score, A and B their sums, and w_g how often a draw has group g. Then

    score of a draw = (sum of w_g A_g) / (sum of w_g B_g)

which is the score of all samples of the groups drawn. Every score here is made of such sums; the number of
samples is one of them, so that groups may be of any sizes. Near A / B a draw is off by

    (sum of w_g e_g) / B        with e_g = A_g - (A / B) B_g, and the sum of all e_g is 0

with the variance (sum of e_g^2) / B^2 between groups: for w_g Poisson(1), and also for G groups drawn from
G, whose w_g hang together by -1 / G, since the e_g sum to 0. For few groups this is too small (by about
(G - 1) / G, as the e_g are taken from the very score that is looked for), and percentiles are those of a
normal distribution, not of Student's: intervals are then too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from taxoloss.functional.arithmetic import row_blocks, wide_on
from taxoloss.functional.arrays import ids_of, refuse_two_row_orders
from taxoloss.metrics.base.batch import Scores, one_pass
from taxoloss.metrics.base.sum_metric import Contributions, LastingMetric, SumMetric
from taxoloss.metrics.confusion import LevelConfusionMatrix
from taxoloss.plot import figures, scores
from taxoloss.taxonomy.row_groups import group_codes
from taxoloss.taxonomy.tree.arrays import IntArray

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
    """Scores with percentile intervals over draws of samples, or of groups: a dict key -> `Interval`.

    Made by `bootstrap`. A draw in which a score is NaN (no mistake to measure, say) does not count.
    """

    is_differentiable = False
    higher_is_better = None
    # A batch of `forward` must see its place in the stream: counted apart, each would have the first draws.
    full_state_update = True

    seen: Tensor

    def __init__(
        self,
        metrics: dict[str, SumMetric],
        draws: int,
        confidence: float,
        seed: int,
        groups: IntArray | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.draws, self.confidence, self.seed = draws, confidence, seed
        #: For each sample to come the number of its group; None: each is drawn by itself.
        self.groups = groups
        self.metrics = metrics
        for number, metric in enumerate(metrics.values()):
            # (S, 1 + draws): draw 0 is the sample itself.
            zeros = torch.zeros(metric.sums.numel(), 1 + draws, dtype=torch.long)
            self.add_state(f"draws_{number}", zeros, dist_reduce_fx="sum")
        #: Samples, and a number that two streams of the same targets share.
        self.add_state("seen", torch.zeros(2, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, preds: Scores, target: Scores) -> None:
        """Counts a batch in every draw.

        Raises:
            ValueError: more samples than groups were given for, or of another shape; several ranks.
        """
        refuse_two_row_orders(preds, target)
        target = ids_of(target, device=preds.device if isinstance(preds, Tensor) else self.device)
        units, of_row = np.unique(self._units(target), return_inverse=True)
        with one_pass():
            rows = [metric.rows(preds, target) for metric in self.metrics.values()]
        for part in row_blocks(len(units), 1 + self.draws, _BLOCK):
            weights = self._weights(units[part]).to(target.device)
            chosen = np.flatnonzero((part.start <= of_row) & (of_row < part.stop))
            unit = torch.from_numpy(of_row[chosen] - part.start).to(target.device)
            # All are not copied: there may be many entries of each.
            row = slice(None) if len(chosen) == len(of_row) else torch.from_numpy(chosen).to(target.device)
            for number, (values, cells) in enumerate(rows):
                some = Contributions(values[row], None if cells is None else cells[row])
                _add(getattr(self, f"draws_{number}"), some, weights, unit)
        place = int(self.seen[0]) + torch.arange(1, target.numel() + 1, device=target.device)
        mixed = ((target.reshape(-1).long() + 1000) % _CHECK * (place * 2654435761 % _CHECK)) % _CHECK
        self.seen += torch.stack([torch.tensor(target.numel(), device=target.device), mixed.sum()])

    def forward(self, preds: Scores, target: Scores) -> Any:
        """Counts a batch, and gives its intervals; ValueError with groups, which are for all samples."""
        if self.groups is not None:
            raise ValueError(
                "expected update(preds, target) for each batch, then compute(): groups are for all "
                "samples, and a batch has no interval"
            )
        return super().forward(preds, target)

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
        """key -> the score of the samples, then that of each draw, (1 + draws,).

        Raises:
            ValueError: fewer samples than groups were given for.
        """
        if self.groups is not None and int(self.seen[0]) != self.groups.size:
            raise ValueError(
                f"expected {self.groups.size:,} samples, as there are in groups, got {int(self.seen[0]):,}"
            )
        found: dict[str, Tensor] = {}
        for number, (name, metric) in enumerate(self.metrics.items()):
            score = metric.score(getattr(self, f"draws_{number}").T)
            if isinstance(score, Tensor):
                found[name] = score
            else:
                found |= {f"{name}/{key}" if name else key: value for key, value in score.items()}
        return found

    def _units(self, target: Tensor) -> IntArray:
        """(R,): for each sample of a batch the number of what is drawn, itself or its group."""
        first, after = int(self.seen[0]), int(self.seen[0]) + target.numel()
        if self.groups is None:
            return np.arange(first, after)
        if _ranks() > 1:
            raise ValueError(
                f"expected groups in one process, got {_ranks()} ranks, which would draw the parts of a "
                "group apart: gather predictions and targets first"
            )
        if target.shape[1:] != self.groups.shape[1:]:
            raise ValueError(
                f"expected targets of the shape of groups, (N, {str(self.groups.shape[1:])[1:]}, got "
                f"{tuple(target.shape)}"
            )
        if after > self.groups.size:
            raise ValueError(
                f"expected {self.groups.size:,} samples, as there are in groups, got {after:,} or more"
            )
        return self.groups.reshape(-1)[first:after]

    def _weights(self, units: IntArray) -> Tensor:
        """(units, 1 + draws): how often each, of numbers that rise, is in each draw."""
        drawn = np.searchsorted(_POISSON, _uniform((self.seed, _rank()), units, self.draws))
        weights = torch.from_numpy(drawn.astype(np.int64))
        return torch.cat([weights.new_ones(len(units), 1), weights], 1)


#: P(Poisson(1) <= k) for k = 0, 1, ..: what lies above the last is never drawn.
_POISSON = np.cumsum(np.exp(-1.0) / np.cumprod([1, *range(1, 18)]))


def _uniform(key: tuple[int, int], units: IntArray, draws: int) -> np.ndarray[Any, Any]:
    """(units, draws) numbers of [0, 1): of each unit the same, whatever the batches and what is in them."""
    # Philox gives four 64-bit words a step; each unit takes whole steps, at its place in the stream.
    steps = -(-draws // 4)
    runs = np.split(units, np.flatnonzero(np.diff(units) != 1) + 1)
    found = [np.empty((0, 4 * steps))]
    for run in runs if len(units) else ():
        bits = np.random.Philox(key=key)
        bits.advance(int(run[0]) * steps)
        found.append(np.random.Generator(bits).random((len(run), 4 * steps)))
    return np.concatenate(found)[:, :draws]


def _is_distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _rank() -> int:
    return torch.distributed.get_rank() if _is_distributed() else 0


def _ranks() -> int:
    return torch.distributed.get_world_size() if _is_distributed() else 1


def _add(sums: Tensor, rows: Contributions, weights: Tensor, unit: Tensor) -> None:
    """Adds to sums (S, B) what samples add, each as often as the weights (U, B) of its unit (R,) say."""
    values, cells = rows
    if cells is None:
        by_unit = values.new_zeros(len(weights), values.shape[1]).index_add_(0, unit, values)
        # In float64, exact to 2^53: int64 has no fast product.
        wide = wide_on(sums.device)
        sums.add_((by_unit.to(wide).T @ weights.to(wide)).long())
        return
    # Most entries add nothing: a sample takes few of the steps that it could.
    row, entry = torch.nonzero(values.any(-1), as_tuple=True)
    values, cells = values[row, entry], cells[row, entry]
    by_cell = sums.view(-1, values.shape[1], sums.shape[1])
    for part in row_blocks(len(row), values.shape[1] * sums.shape[1], _BLOCK):
        added = values[part].unsqueeze(2) * weights[unit[row[part]]].unsqueeze(1)
        by_cell.index_add_(0, cells[part], added)


def _interval(scores: Tensor, tail: float) -> Interval:
    value, draws = float(scores[0]), scores[1:].to(wide_on(scores.device))
    ends = torch.tensor([tail, 1 - tail], dtype=draws.dtype, device=draws.device)
    low, high = torch.nanquantile(draws, ends).tolist()
    return Interval(value, low, high)


def bootstrap(
    metric: SumMetric | MetricCollection,
    *,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    groups: Any = None,
) -> Bootstrap:
    """A metric that gives each score with a confidence interval (percentiles over bootstrap draws).

    Args:
        metric: of `taxoloss.metrics`, or a collection of them, without samples yet. Curves need
            exact=False, and predictions are what the metric was made for (probabilities=True). It is not
            changed.
        draws: how many; 1,000 are enough for intervals, 200 for a look.
        confidence: of the interval, in (0, 1).
        seed: of the draws.
        groups: for each of the samples that all updates will see, in their order, its group (the camera,
            the video, the patient), as text or integer: a column of pandas or polars, a list, an array, a
            tensor (N, d1..dk). Groups are then drawn, not samples. With fewer than about 20 intervals are
            too narrow all the same (docs/metrics.md). None: samples are drawn one by one; where they come
            in groups, intervals are much too narrow.

    Returns:
        A torchmetrics Metric: update(preds, target), compute() -> key -> `Interval`.

    Raises:
        TypeError: a metric of another kind, or a matrix: it is no score; groups are neither texts nor
            integers.
        ValueError: draws below 2, a confidence outside (0, 1), a curve that keeps lists, fewer than two
            groups, a sample without one. In `update` and `compute`: more or fewer samples than groups were
            given for.

    >>> import taxoloss, torch
    >>> t = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle"]}}).bind()
    >>> metric = bootstrap(taxoloss.metrics.FullPathAccuracy(t))
    >>> metric.update(torch.tensor([0] * 60 + [1] * 40), torch.zeros(100, dtype=torch.long))
    >>> value, low, high = metric.compute()["full_path_accuracy"]
    >>> print(f"{value:.2f}, {low:.1f} to {high:.1f}")
    0.60, 0.5 to 0.7
    >>> metric = bootstrap(taxoloss.metrics.FullPathAccuracy(t), groups=["north"] * 60 + ["lake"] * 40)
    >>> metric.update(torch.tensor([0] * 60 + [1] * 40), torch.zeros(100, dtype=torch.long))
    >>> value, low, high = metric.compute()["full_path_accuracy"]
    >>> print(f"{value:.2f}, {low:.1f} to {high:.1f}")
    0.60, 0.0 to 1.0

    Source: Efron 1979; Chamandy et al. 2012 (Poisson bootstrap); Davison and Hinkley 1997, section 3.8
    (groups).
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 2:
        raise ValueError(f"expected draws as an integer, 2 or larger, got {draws!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"expected confidence in (0, 1), got {confidence!r}")
    return Bootstrap(_parts(metric), draws, confidence, seed, _groups(groups))


def _groups(groups: Any) -> IntArray | None:
    if groups is None:
        return None
    codes = group_codes(groups)
    count = int(codes.max(initial=-1)) + 1
    if count < 2:
        raise ValueError(f"expected two groups or more to draw from, got {count}")
    return codes


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
        a, b: made by `bootstrap` with the same metrics, draws, seed and groups, and updated with the same
            targets in the same order. The interval of the difference is much narrower than two intervals
            side by side would make believe: what is hard for one model is mostly hard for the other.

    Raises:
        ValueError: other draws, seeds, groups, keys, or samples.

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
    _check_groups(a.groups, b.groups)
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


def _check_groups(one: IntArray | None, other: IntArray | None) -> None:
    """ValueError where two bootstraps draw from other groups."""
    if one is other or (one is not None and other is not None and np.array_equal(one, other)):
        return
    said = ["none" if g is None else f"{int(g.max()) + 1:,} of {g.size:,} samples" for g in (one, other)]
    at = ""
    if one is not None and other is not None and one.shape == other.shape:
        at = f", which differ first at sample {int(np.argmax(one.reshape(-1) != other.reshape(-1)))}"
    raise ValueError(f"expected two bootstraps with the same groups, got {said[0]} and {said[1]}{at}")
