"""A threshold with a promise: what it was calibrated for, and how good the promise is."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from taxoloss.decisions.level_calibration import LevelCalibration
from taxoloss.taxonomy import Taxonomy

__all__ = ["Threshold", "allowed_errors", "beta_band"]

_FORMAT = "taxoloss threshold 1"


@dataclass(frozen=True)
class Threshold:
    """A calibrated threshold on log-odds, made by `calibrate_threshold`; print it to read its promise."""

    decision: str
    #: The promise: a share of answers, or edges an answer with loss="height".
    risk: float
    #: Calibration samples, or groups.
    n: int
    #: A node is answered where its log-odds are strictly above; inf: the root always.
    log_odds: float
    #: `Taxonomy.digest` and `Taxonomy.binding_digest`: a threshold serves one tree and one class order.
    digest: str
    binding_digest: str
    confidence: float | None = None
    loss: str = "wrong"
    unit: str = "samples"
    #: The level of the clades that have a threshold of their own.
    level: str | None = None
    #: For each node of that level (in index order) its log-odds.
    clades: tuple[float, ...] = ()
    levels: LevelCalibration | None = None

    @property
    def probability(self) -> float:
        """The threshold as a probability, 1 / (1 + exp(-log_odds))."""
        if self.log_odds < 0:
            return math.exp(self.log_odds) / (1 + math.exp(self.log_odds))
        return 1 / (1 + math.exp(-self.log_odds))

    def above(self, odds: Tensor, classes: Tensor, taxonomy: Taxonomy) -> Tensor:
        """Which log-odds (N, L, d1..dk) on the paths of classes (N, d1..dk) are above it.

        Raises:
            ValueError: another taxonomy than the one that it was calibrated on.
        """
        self.require(taxonomy)
        if self.levels is not None:
            odds = self.levels(odds)
        if self.level is None:
            return odds > self.log_odds
        of_class = torch.tensor(self.clades, dtype=torch.float64)[taxonomy.ancestor_index(self.level)]
        least = of_class.to(odds.device, odds.dtype)[classes]
        return odds > least.unsqueeze(1)

    def require(self, taxonomy: Taxonomy) -> None:
        """ValueError where a taxonomy is not the one that the threshold was calibrated on."""
        same_order = taxonomy.same_binding(self.binding_digest)
        for what, same, mine, other in (
            ("tree", self.digest == taxonomy.digest, self.digest, taxonomy.digest),
            ("class order", same_order, self.binding_digest, taxonomy.binding_digest),
        ):
            if not same:
                raise ValueError(
                    f"expected the {what} that this threshold was calibrated on, {mine[:12]}, got "
                    f"{other[:12]}: calibrate again"
                )

    def __str__(self) -> str:
        start = f"With {self.n:,} calibration {self.unit}: "
        if self.log_odds == math.inf and self.level is None:
            return f"{start}too few to promise {self._promise()}; the root is always answered."
        if self.level is not None:
            where = f"each predicted {self.level}, or its nearest clade with enough rows"
            return f"{start}{self._promise()} on average for {where}."
        if self.confidence is not None:
            share = _percent(self.confidence)
            return f"{start}{self._promise()}, with {share} % confidence in this one threshold."
        if self.loss != "wrong" or self.unit != "samples":
            return f"{start}{self._promise()} on average."
        low, high = (100 * end for end in beta_band(self.n, self.risk))
        band = f"9 times in 10 the true rate is between {low:.1f} and {high:.1f} %"
        return f"{start}{self._promise()} on average; {band}."

    def _promise(self) -> str:
        if self.loss == "height":
            return f"answers at most {self.risk:g} edges too far down"
        return f"wrong on at most {_percent(self.risk)} %"

    def save(self, path: str | Path) -> None:
        """Writes JSON, whole or not at all."""
        data = asdict(self) | {"format": _FORMAT, "sentence": str(self)}
        data["log_odds"] = _finite(self.log_odds)
        data["clades"] = [_finite(value) for value in self.clades]
        text = json.dumps(data, indent=2, allow_nan=False)
        path = Path(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_text(text + "\n", encoding="utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> Threshold:
        """Reads what `save` wrote; ValueError where the file is none."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if data["format"] != _FORMAT:
                raise ValueError(f"expected format {_FORMAT!r}, got {data['format']!r}")
            kept: dict[str, Any] = {f.name: data[f.name] for f in fields(cls)}
            kept["log_odds"] = float(kept["log_odds"])  # "inf" and "-inf" too
            kept["clades"] = tuple(map(float, kept["clades"]))
            if kept["levels"] is not None:
                kept["levels"] = LevelCalibration.from_dict(kept["levels"])
            return cls(**kept)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"expected a file that Threshold.save wrote, got {path}: {error}") from None


def _finite(value: float) -> float | str:
    """JSON has no number for infinity."""
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _percent(share: float) -> str:
    return f"{100 * share:.10g}"


# -- how good the promise is -----------------------------------------------------------------------


def beta_band(n: int, risk: float, share: float = 0.9) -> tuple[float, float]:
    """Between what the true risk of one calibrated threshold lies `share` of the time.

    With k = n - ceil((n + 1)(1 - risk)) calibration rows that may be wrong, and no ties, it is
    distributed as Beta(k + 1, n - k), whose distribution function at x is P(Binomial(n, x) > k).

    Source: Vovk, ACML 2012; Angelopoulos & Bates 2021, section 3.2.
    """
    k = max(0, n - math.ceil(round((n + 1) * (1 - risk), 9)))
    tail = (1 - share) / 2
    return _quantile(n, k, tail), _quantile(n, k, 1 - tail)


def allowed_errors(n: int, risk: float, confidence: float) -> int:
    """The largest k with P(Binomial(n, risk) <= k) <= 1 - confidence; -1 where there is none.

    Source: Bates et al., JACM 2021 (RCPS), with the exact binomial for a 0/1 loss.
    """
    cumulative = np.cumsum(np.exp(_log_binomial(n, risk)))
    return int(np.count_nonzero(cumulative <= 1 - confidence)) - 1


def _quantile(n: int, k: int, level: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        below = 1 - float(np.exp(_log_binomial(n, middle)[: k + 1]).sum())
        low, high = (middle, high) if below < level else (low, middle)
    return (low + high) / 2


def _log_binomial(n: int, p: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """log P(Binomial(n, p) = i) for i = 0 .. n."""
    i = np.arange(n + 1)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    log_p = math.log(p) if p > 0 else -1e300
    log_q = math.log1p(-p) if p < 1 else -1e300
    found: np.ndarray[Any, np.dtype[np.float64]] = (
        factorial[n] - factorial - factorial[::-1] + i * log_p + (n - i) * log_q
    )
    return found
