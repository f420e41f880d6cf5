"""A threshold with a promise: what it was calibrated for, and how good the promise is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from taxoloss.decisions.calibration.binomial import beta_band
from taxoloss.decisions.calibration.coarse import coarse_sentence
from taxoloss.decisions.calibration.levels import LevelCalibration
from taxoloss.functional.arithmetic import wide_on
from taxoloss.functional.graphs.nodes import nodes_of
from taxoloss.taxonomy.cache import at_trace_time, named
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.taxonomy import Taxonomy

__all__ = ["Threshold"]

_FORMAT = "taxoloss threshold 1"
#: What files of 0.1 do not say.
_BEFORE = {
    "coarse": 0, "at_threshold": None, "rows": None, "coarse_as": "wrong", "needed": None, "worst": False,
}  # fmt: skip


@dataclass(frozen=True)
class Threshold:
    """A calibrated threshold on log-odds, made by `calibrate_threshold`; print it to read its promise.

    `threshold.save(path)` writes it as JSON, to be kept beside the model; `Threshold.load(path)` reads it.
    """

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
    #: Rows labelled above the classes.
    coarse: int = 0
    #: Calibration steps right at `log_odds`: 0 where it is the end of the scale, 2 or more are ties.
    at_threshold: int | None = None
    #: Rows with a label, those above the classes too; None: not known, in a file of before.
    rows: int | None = None
    #: What the rows labelled above the classes were: "wrong" (a deeper answer is), or "skip" (left out).
    coarse_as: str = "wrong"
    #: The fewest samples, or groups, that can keep the promise; None: not known, in a file of before.
    needed: int | None = None
    #: A row's loss was the worst of its answers at the threshold and above: nodes have several parents.
    worst: bool = False

    @property
    def probability(self) -> float:
        """The threshold as a probability, 1 / (1 + exp(-log_odds))."""
        if self.log_odds < 0:
            return math.exp(self.log_odds) / (1 + math.exp(self.log_odds))
        return 1 / (1 + math.exp(-self.log_odds))

    def above(self, odds: Tensor, classes: Tensor, taxonomy: Taxonomy) -> Tensor:
        """Which log-odds (N, L, d1..dk) on the paths of classes (N, d1..dk) are above it.

        Where nodes have several parents (N, K, d1..dk), on the lines of classes.

        Raises:
            ValueError: another taxonomy than the one that it was calibrated on.
        """
        self.require(taxonomy)
        # As it was calibrated: maps of levels must not be rounded in between.
        odds = odds.to(wide_on(odds.device))
        if self.levels is not None:
            odds = self.levels(odds)
        if self.level is None:
            return odds > self.log_odds
        clade = nodes_of(taxonomy, odds.device).ancestors[classes, taxonomy.level_number(self.level) - 1]
        least = torch.tensor(self.clades, dtype=torch.float64, device="cpu").to(odds.device, odds.dtype)
        return odds > least[clade].unsqueeze(1)

    def require(self, taxonomy: Taxonomy) -> None:
        """ValueError where a taxonomy is not the one that the threshold was calibrated on."""
        said = _another(taxonomy.__dict__["_shelf"].owner, self.digest, self.binding_digest)
        if said:
            raise ValueError(said)

    def __str__(self) -> str:
        told = coarse_sentence(self.coarse, self.rows, self.coarse_as)
        return f"With {self.n:,} calibration {self._units(self.n)}: {self._said()}.{told}"

    def _units(self, count: int) -> str:
        return self.unit if count != 1 else self.unit[:-1]

    def _said(self) -> str:
        if self._too_few():
            return f"too few to promise {self._promised()}{self._needed()}; the root is always answered"
        if self.level is not None:
            return self._of_clades()
        if self.log_odds == math.inf:
            why = ", since some wrong answers have log-odds of inf" if self.at_threshold else ""
            return f"{self._promised()}: the root is always answered{why}"
        return f"{self._promised()}{self._band()}"

    def _too_few(self) -> bool:
        if self.needed is None:
            return self.level is None and self.log_odds == math.inf and self.at_threshold == 0
        return self.n < self.needed

    def _needed(self) -> str:
        if self.needed is None:
            return ""
        return f" ({self.needed:,} {self._units(self.needed)} or more are needed)"

    def _of_clades(self) -> str:
        """A promise for each clade; those that answer nothing are told."""
        silent, all_ = self.clades.count(math.inf), len(self.clades)
        which = "" if silent == all_ else f" for {silent:,} of {all_:,}"
        note = f"; the root is always answered{which}" if silent else ""
        return f"{self._promised()}{note}"

    def _promised(self) -> str:
        """What, how sure, and for which rows."""
        where, which = "", "this one"
        if self.level is not None:
            where = f" for each predicted {self.level} with rows enough, and for those without together"
            which = "each"
        return f"{self._wrong()}{self._on_average()}{self._among()}{where}{self._sure(which)}"

    def _wrong(self) -> str:
        if self.loss == "height":
            return f"answers at most {_edges(self.risk)} too far down"
        return f"wrong on at most {_percent(self.risk)} %"

    def _on_average(self) -> str:
        if self.confidence is not None:
            return ""
        return " on average" if self.unit == "samples" else " on average in a new group"

    def _among(self) -> str:
        return " among rows labelled with a class" if self.coarse_as == "skip" else ""

    def _sure(self, which: str) -> str:
        if self.confidence is None:
            return ""
        return f", with {_percent(self.confidence)} % confidence in {which} threshold"

    def _band(self) -> str:
        """How far one calibration may be off: known for single rows, and the lower end without ties.

        Nor is it known where a row may be right again below the threshold that it is wrong at.
        """
        band = self.band
        if band is None:
            return ""
        low, high = band[0], _two_digits(band[1])
        if low is None:
            return f"; 19 times in 20 the true rate is at most {high} %"
        return f"; 9 times in 10 the true rate is between {_two_digits(low)} and {high} %"

    @property
    def band(self) -> tuple[float | None, float] | None:
        """Between what the true rate lies 9 times in 10; the lower end, or both, None where not known."""
        if self.confidence is not None or self.loss != "wrong" or self.unit != "samples":
            return None
        low, high = beta_band(self.n, self.risk)
        return None if self.at_threshold != 1 or self.worst else low, high

    @property
    def promise(self) -> str:
        """In short, as `report` prints it beside what is delivered."""
        what = f"{_percent(self.risk)} % wrong"
        if self.loss == "height":
            what = f"{_edges(self.risk)} too far down"
        where = "" if self.level is None else f" for each predicted {self.level}"
        sure = self._sure("each" if where else "this one")
        return f"at most {what}{self._on_average()}{self._among()}{where}{sure}"

    def to_dict(self) -> dict[str, Any]:
        """All of it as what JSON holds; `from_dict` reads it."""
        data = asdict(self) | {"format": _FORMAT, "sentence": str(self)}
        data["log_odds"] = _finite(self.log_odds)
        data["clades"] = [_finite(value) for value in self.clades]
        return data

    def save(self, path: str | Path) -> None:
        """Writes JSON, whole or not at all, through links; a file that is there keeps its mode."""
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        write_whole(path, text + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Threshold:
        """Reads what `save` wrote.

        Raises:
            ValueError: the file is none, by its name.
            OSError: it cannot be read.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8-sig")))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected a file that Threshold.save wrote, got {path}: {error}") from None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Threshold:
        """The threshold that `to_dict` wrote, also after JSON.

        Raises:
            ValueError: it is not what `to_dict` makes.
        """
        try:
            if data["format"] != _FORMAT:
                raise ValueError(f"expected format {_FORMAT!r}, got {data['format']!r}")
            data = {**_BEFORE, **data}
            kept: dict[str, Any] = {f.name: data[f.name] for f in fields(cls)}
            kept["log_odds"] = float(kept["log_odds"])  # "inf" and "-inf" too
            kept["clades"] = tuple(map(float, kept["clades"]))
            if kept["levels"] is not None:
                kept["levels"] = LevelCalibration.from_dict(kept["levels"])
            return cls(**kept)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"expected the dict of Threshold.to_dict: {type(error).__name__} {error}"
            ) from None


@at_trace_time
def _another(owner: str, digest: str, binding_digest: str) -> str:
    """That a taxonomy, by its name in the cache, has other digests; "" where it has these."""
    taxonomy: Taxonomy = named(owner)
    same_order = taxonomy.same_binding(binding_digest)
    for what, same, mine, other in (
        ("tree", digest == taxonomy.digest, digest, taxonomy.digest),
        ("class order", same_order, binding_digest, taxonomy.binding_digest),
    ):
        if not same:
            return (
                f"expected the {what} that this threshold was calibrated on, {mine[:12]}, got "
                f"{other[:12]}: calibrate again"
            )
    return ""


def _finite(value: float) -> float | str:
    """JSON has no number for infinity."""
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _percent(share: float) -> str:
    return f"{100 * share:.10g}"


def _edges(count: float) -> str:
    return f"{count:.10g} edge{'' if count == 1 else 's'}"


def _two_digits(share: float) -> str:
    """A share in percent, with a decimal or as many as show two digits."""
    return f"{100 * share:.{max(1, 1 - math.floor(math.log10(100 * share)))}f}"
