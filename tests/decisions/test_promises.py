"""A threshold for each clade keeps its promise: by leaving one out, and by 1,000 splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import taxoloss
from taxoloss import Taxonomy
from taxoloss.decisions import Threshold, calibrate_threshold
from taxoloss.decisions.calibration.paths import Paths, paths_of

SPLITS = 1000


@dataclass
class Rows:
    """Labelled rows, each with the clade that is predicted, and how its loss rises."""

    taxonomy: Taxonomy
    per: str
    logits: Tensor
    target: Tensor
    paths: Paths
    clade: Tensor
    groups: Tensor | None = None

    def calibrated(self, rows: Tensor, risk: float, **options: Any) -> Threshold:
        """On some of the rows."""
        if self.groups is not None:
            options["groups"] = self.groups[rows]
        some = (self.logits[rows], self.target[rows])
        return calibrate_threshold(*some, self.taxonomy, risk, per=self.per, **options)

    def losses(self, made: Threshold) -> Tensor:
        """Of every row: wrong, or edges too far down."""
        odds = self.paths.log_odds.unsqueeze(-1)
        taken = made.above(odds, self.paths.classes.unsqueeze(-1), self.taxonomy).squeeze(-1)
        wrong = self.paths.wrong & taken.flip(1).cummax(1).values.flip(1)
        if made.loss == "wrong":
            return wrong.any(1).double()
        tables, root = self.paths.tensors, torch.full_like(self.paths.line[:, :1], self.paths.tensors.root)
        line = torch.cat([root, self.paths.line], 1)
        return (wrong * tables.depth[line].diff(dim=1)).sum(1).double()


def drawn(
    taxonomy: Taxonomy, per: str, count: int, shares: Any, errors: Any, surer: Any, seed: int,
    decision: str = "climb", group_of: int = 0,
) -> Rows:  # fmt: skip
    """Rows whose predicted clades have shares, error rates, and log-odds from `surer` to `surer` + 1."""
    g = torch.Generator().manual_seed(seed)
    number = taxonomy.level_number(per) - 1
    of_class = torch.as_tensor(taxonomy.ancestor_index(per))
    clade = torch.multinomial(torch.tensor(shares), count, True, generator=g)
    if group_of:  # what is predicted in a group hangs together
        clade = clade[:: group_of // 2].repeat_interleave(group_of // 2)[:count]
    noise = torch.rand(count, len(taxonomy), generator=g)
    best = noise.masked_fill(of_class != clade[:, None], -1).argmax(1)
    wrong = torch.rand(count, generator=g) < torch.tensor(errors)[clade]
    away = torch.randint(1, len(taxonomy), (count,), generator=g)
    target = torch.where(wrong, (best + away) % len(taxonomy), best)
    odds = torch.tensor(surer)[clade] + torch.rand(count, generator=g)
    logits = torch.zeros(count, len(taxonomy)).scatter(
        1, best[:, None], odds[:, None] + math.log(len(taxonomy) - 1)
    )
    paths = paths_of(logits, target, taxonomy, decision)
    clade = paths.tensors.ancestors[paths.classes, number]
    groups = torch.arange(count) // group_of if group_of else None
    return Rows(taxonomy, per, logits, target, paths, clade, groups)


def families(sizes: list[int]) -> Taxonomy:
    """Two levels."""
    paths = [(f"f{k}", f"f{k}_{i}") for k, size in enumerate(sizes) for i in range(size)]
    return Taxonomy.from_paths(paths, ["family", "species"]).bind()


def orders(families_in: list[int], species: int) -> Taxonomy:
    """Three levels, and a fourth order that is one species."""
    paths: list[tuple[str | None, ...]] = [
        (f"o{o}", f"o{o}f{f}", f"o{o}f{f}s{s}")
        for o, count in enumerate(families_in)
        for f in range(count)
        for s in range(species)
    ]
    return Taxonomy.from_paths([*paths, ("alone", None, "alone")], ["order", "family", "species"]).bind()


def unequal(count: int, seed: int) -> tuple[list[float], list[float], list[float]]:
    """Shares that fall by powers, error rates and log-odds, of clades."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, count + 1) ** 1.3
    return (
        (shares / shares.sum()).tolist(),
        rng.uniform(0, 0.6, count).tolist(),
        rng.uniform(0, 5, count).tolist(),
    )


BIG = ([0.9] + [0.02] * 5, [0.1] + [0.4] * 5, [1.0] + [4.0] * 5)
#: Tree, level, (shares, errors, log-odds), rows (or groups) to calibrate, rows of a group, options.
CASES: dict[str, tuple[Taxonomy, str, Any, int, int, dict[str, Any]]] = {
    "one_large": (families([2] * 6), "family", BIG, 150, 0, {"risk": 0.05}),
    "top_down": (families([2] * 6), "family", BIG, 150, 0, {"risk": 0.05, "decision": "top_down"}),
    "many_small": (families([1, 3] * 20), "family", unequal(40, 0), 120, 0, {"risk": 0.1}),
    "boundary": (
        families([2] * 40), "family", ([0.09] * 4 + [0.64 / 36] * 36, [0.5] * 4 + [0.0] * 36, [1.0] * 40),
        100, 0, {"risk": 0.1},
    ),
    "three_levels": (orders([6, 2, 9], 3), "family", unequal(18, 1), 200, 0, {"risk": 0.1}),
    "species": (orders([4, 2, 3], 2), "species", unequal(19, 2), 200, 0, {"risk": 0.1}),
    "absent": (families([2] * 60), "family", unequal(60, 3), 40, 0, {"risk": 0.1}),
    "height": (orders([6, 2, 9], 3), "family", unequal(18, 4), 200, 0, {"risk": 0.2, "loss": "height"}),
    "groups": (families([2] * 12), "family", unequal(12, 5), 60, 8, {"risk": 0.1}),
    "groups_three": (orders([3, 2, 3], 2), "family", unequal(9, 6), 60, 8, {"risk": 0.1}),
}  # fmt: skip


def case(name: str, count: int, seed: int = 0) -> tuple[Rows, int, dict[str, Any]]:
    """Rows of a case, how many to calibrate on, and options."""
    taxonomy, per, how, n, group_of, options = CASES[name]
    shares, errors, surer = how
    decision = options.get("decision", "climb")
    rows = drawn(taxonomy, per, count, shares, errors, surer, seed, decision, group_of)
    return rows, n, options


@pytest.mark.slow
@pytest.mark.one_form("counts what either form finds")
@pytest.mark.parametrize("name", CASES)
def test_the_promise_of_clades_holds_on_average(name: str) -> None:
    """1,000 splits of one pool of rows: the mean loss of the others is at most the risk."""
    rows, n, options = case(name, 4000)
    units = torch.arange(4000) if rows.groups is None else rows.groups
    count, g = int(units.max()) + 1, torch.Generator().manual_seed(1)
    weight = 1 / torch.bincount(units)[units].double()
    means = []
    for _ in range(SPLITS):
        chosen = torch.zeros(count, dtype=torch.bool)
        chosen[torch.randperm(count, generator=g)[:n]] = True
        mine = chosen[units]
        losses = rows.losses(rows.calibrated(torch.nonzero(mine).squeeze(1), **options)) * weight
        means.append(float(losses[~mine].sum()) / (count - n))
    error = 3 * np.std(means) / math.sqrt(SPLITS)
    assert fmean(means) <= options["risk"] + error
    assert fmean(means) >= options["risk"] / 4  # it is not kept by answering the root


@pytest.mark.sample(7)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", CASES)
def test_each_row_in_turn(name: str, seed: int) -> None:
    """Of any rows: each answered with the threshold of the others, the mean loss is at most the risk.

    This is what the proof says of every set of rows, without chance; for the rows of each threshold too.
    """
    rows, _, options = case(name, 100 if CASES[name][4] == 0 else 320, seed)
    units = torch.arange(len(rows.target)) if rows.groups is None else rows.groups
    losses = torch.zeros(len(units), dtype=torch.float64)
    for unit in range(int(units.max()) + 1):
        made = rows.calibrated(torch.nonzero(units != unit).squeeze(1), **options)
        losses[units == unit] = rows.losses(made)[units == unit]
    weight = 1 / torch.bincount(units)[units].double()
    assert float((losses * weight).sum()) <= options["risk"] * float(weight.sum()) + 1e-9
    if rows.groups is None:
        counts = torch.bincount(rows.clade)
        bound = 1 if "loss" not in options else 3
        alone = counts[rows.clade] > math.ceil(bound / options["risk"] - 1e-9) - 1
        for clade in rows.clade[alone].unique():
            assert float(losses[rows.clade == clade].mean()) <= options["risk"] + 1e-9
        if not bool(alone.all()):
            assert float(losses[~alone].mean()) <= options["risk"] + 1e-9


def test_each_row_of_a_clade_counts_once() -> None:
    """Clades without rows enough have the threshold of such clades; one with enough is not among them."""
    rows, _, _ = case("one_large", 300)
    mine = torch.arange(300)
    made = rows.calibrated(mine, 0.05)
    few = torch.bincount(rows.clade, minlength=6)[rows.clade] < 19
    others = calibrate_threshold(rows.logits[few], rows.target[few], rows.taxonomy, 0.05)
    assert set(made.clades[1:]) == {others.log_odds}
    alone = calibrate_threshold(rows.logits[~few], rows.target[~few], rows.taxonomy, 0.05)
    assert made.clades[0] == alone.log_odds
    assert others.log_odds > alone.log_odds


@pytest.mark.slow
@pytest.mark.one_form("counts what either form finds")
@pytest.mark.parametrize("name", ["one_large", "many_small", "boundary", "three_levels"])
def test_the_confidence_of_clades(name: str) -> None:
    """Of the thresholds, and altogether, at most one in ten has a true rate above the risk."""
    rows, n, options = case(name, 8000)
    g, risk, tries = torch.Generator().manual_seed(2), 0.1, 300
    clades = int(rows.paths.tensors.ancestors[:, rows.taxonomy.level_number(rows.per) - 1].max()) + 1
    sizes = torch.bincount(rows.clade, minlength=clades)
    above: list[Any] = []
    shared: list[Any] = []
    altogether: list[Any] = []
    for _ in range(tries):
        mine = torch.randperm(8000, generator=g)[: 2 * n]
        made = rows.calibrated(
            mine, risk, confidence=0.9, **{k: v for k, v in options.items() if k != "risk"}
        )
        losses = rows.losses(made)
        altogether.append(float(losses.mean()) > risk)
        rate = torch.bincount(rows.clade, losses, clades) / sizes.clamp(min=1)
        here = torch.bincount(rows.clade[mine], minlength=clades).double()
        thresholds = torch.tensor(made.clades, dtype=torch.float64)
        for least in thresholds[(here > 0) & (thresholds < math.inf)].unique():
            among = here * (thresholds == least)
            pool = above if int((among > 0).sum()) == 1 else shared
            pool.append(float((rate * among).sum() / among.sum()) > risk)
    for found in (above, shared, altogether):
        assert not found or fmean(found) <= 0.1 + 3 * math.sqrt(0.09 / tries)
    assert above
    assert shared


def test_few_rows_for_a_confidence() -> None:
    """22 rows leave no error at 10 % with 90 % confidence; 21 are too few, and share with others."""
    t = families([2, 2, 2])
    for few, wanted in ((0, math.inf), (5, -math.inf)):
        best = torch.tensor([0] * 22 + [2] * 21 + [4] * few)
        z = torch.zeros(len(best), 6).scatter(1, best[:, None], 5.0)
        made = calibrate_threshold(z, best, t, 0.1, confidence=0.9, per="family")
        assert made.clades == (-math.inf, wanted, wanted)


def test_groups_must_have_the_shape_of_targets() -> None:
    """As many numbers in another order of dimensions are other rows."""
    t = taxoloss.load({"tree": ["a", "b"]}).bind()
    z, y = torch.zeros(4, 2, 3), torch.zeros(4, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"groups.*\(4, 3\).*\(3, 4\)"):
        calibrate_threshold(z, y, t, 0.5, groups=torch.zeros(3, 4, dtype=torch.long))


@pytest.mark.slow
def test_a_new_group_that_tips_the_scale() -> None:
    """80 groups with the same ten clades, all nearly large enough, whose budget must not be spent twice.

    With the new group each has rows enough, without it not: they would be in the pool of the small ones and
    have thresholds of their own.
    """
    t = families([2] * 26)
    group = torch.arange(80).repeat_interleave(20)
    inside = torch.arange(1600) % 20
    clade = torch.where(inside < 10, inside, 10 + group // 5)  # 16 clades of the rows of five groups each
    best = 2 * clade
    odds = torch.where(inside < 10, 0.0, 5.0) + group / 80
    logits = torch.zeros(1600, 52).scatter(1, best[:, None], odds[:, None] + math.log(51))
    target = (best + 2) % 52  # always wrong
    rows = Rows(t, "family", logits, target, paths_of(logits, target, t, "climb"), clade, group)
    losses = []
    for unit in range(80):
        made = rows.calibrated(torch.nonzero(group != unit).squeeze(1), 0.25)
        losses.append(float(rows.losses(made)[group == unit].mean()))
    assert fmean(losses) <= 0.25 + 1e-9
