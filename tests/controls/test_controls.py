"""Arms, readings and labels of `taxoloss.controls`, against plain Python on random trees."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import metric_oracles as oracle
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from torch import Tensor
from torch.nn import functional as F
from trees import Case, taxonomies

import taxoloss
from taxoloss import controls, heads, weighting
from taxoloss.controls import ARMS, arm, coarsen, few, pseudo_labels, readings, swap_siblings
from taxoloss.controls.arms import RECIPES, Recipe

WIDTH = 6
PETS = taxoloss.load("pets").bind(node_targets=True)
HALF = {"species": 0.25, "breed": 0.75}
FLAT = ("flat", "flat_scaled", "smoothing", "pseudo")


def draw(seed: int) -> torch.Generator:
    """Random numbers."""
    return torch.Generator().manual_seed(seed)


def pets_batch(rows: int = 64, nodes: bool = False) -> tuple[Tensor, Tensor]:
    """Features, and classes or any nodes but the root."""
    target = torch.randint(39 if nodes else 37, (rows,), generator=draw(1))
    return torch.randn(rows, WIDTH, generator=draw(0)), target


def made(name: str, **options: Any) -> controls.Arm:
    """An arm on pets with weights where it needs them, its head filled with random numbers."""
    if name == "flat_scaled":
        options.setdefault("level_weights", HALF)
    one = arm(name, WIDTH, PETS, **options)
    torch.manual_seed(2)
    for values in one.head.parameters():
        torch.nn.init.normal_(values)
    return one


# -- arms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_begins_at_the_uniform_distribution(name: str) -> None:
    one = arm(name, WIDTH, PETS, HALF if name == "flat_scaled" else None)
    logits = one.head(pets_batch()[0])
    torch.testing.assert_close(logits.softmax(1), torch.full_like(logits, 1 / 37))


@pytest.mark.parametrize("name", ["flat", "flat_scaled", "pseudo", "smoothing"])
def test_flat_arms_are_the_cross_entropy_of_the_classes(name: str) -> None:
    one = made(name)
    features, target = pets_batch(nodes=True)
    known = target < 37
    smoothing = 0.1 if name == "smoothing" else 0.0
    wanted = F.cross_entropy(one.head(features)[known], target[known], label_smoothing=smoothing)
    torch.testing.assert_close(one.loss(features, target), wanted)


@pytest.mark.parametrize("name", ["taxonomy", "path_sum", "conditional"])
def test_arms_with_the_loss(name: str) -> None:
    features, target = pets_batch(nodes=True)
    one = made(name, level_weights=HALF)
    wanted = taxoloss.TaxonomyLoss(PETS, HALF)(one.head(features), target)
    torch.testing.assert_close(one.loss(features, target), wanted)
    likelihood = made(name)
    wanted = taxoloss.TaxonomyLoss(PETS, weighting.deepest())(likelihood.head(features), target)
    torch.testing.assert_close(likelihood.loss(features, target), wanted)


def test_all_weight_on_the_deepest_level_is_flat() -> None:
    features, target = pets_batch()
    one, flat = made("taxonomy", level_weights={"species": 0, "breed": 1}), made("flat")
    torch.testing.assert_close(one.loss(features, target), flat.loss(features, target))


def test_level_heads_are_masked_cross_entropies() -> None:
    features, target = pets_batch(nodes=True)
    one = made("level_heads", level_weights=HALF)
    logits: Any = one.head.level_logits(features)  # type: ignore[operator]
    species = PETS.ancestor_index("species")
    place = torch.cat([species, torch.zeros(2, dtype=torch.long)])
    for label, (name, _) in enumerate(PETS.paths()):
        place[PETS.node_id(name)] = species[label]
    known = target < 37
    wanted = 0.25 * F.cross_entropy(logits["species"], place[target])
    wanted += 0.75 * F.cross_entropy(logits["breed"][known], target[known])
    torch.testing.assert_close(one.loss(features, target), wanted)


def test_a_scaled_rate_is_the_share_of_the_deepest_level() -> None:
    assert arm("flat_scaled", WIDTH, PETS, {"species": 3, "breed": 1}).rate == 0.25
    assert all(made(name).rate == 1 for name in ARMS if name != "flat_scaled")
    for weights in (None, "uniform", {"species": 1, "breed": 0}):
        with pytest.raises(ValueError, match="flat_scaled scales the rate by the weight of breed"):
            arm("flat_scaled", WIDTH, PETS, weights)


@pytest.mark.parametrize("name", ARMS)
def test_usable_are_the_targets_that_teach(name: str) -> None:
    target = torch.tensor([0, 37, -100, 36, 38, 5])
    wanted = [0, 3, 5] if name in FLAT else [0, 1, 3, 4, 5]
    assert made(name).usable(target).tolist() == wanted


def test_an_unknown_arm_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no arm 'taxonmy'; expected flat, .*did you mean `taxonomy`"):
        arm("taxonmy", WIDTH, PETS)
    with pytest.raises(ValueError, match="level_heads take weights by level"):
        arm("level_heads", WIDTH, PETS, weighting.uniform())


@pytest.mark.parametrize("name", sorted(set(heads.__all__) - {"TaxonomyOutput"}))
def test_every_head_is_that_of_an_arm(name: str) -> None:
    assert getattr(heads, name) in [recipe.head for recipe in RECIPES.values()]


def test_the_page_names_every_arm() -> None:
    page = (Path(taxoloss.__file__).parents[1] / "docs/experiments.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"makes a head and a loss: ([^.]*)\.", page)
    assert re.split(r",\s+", said) == list(ARMS) == list(RECIPES)
    assert dict(ARMS) == {name: recipe.words for name, recipe in RECIPES.items()}


class Doubled(heads.Flat):
    """A head of somebody's own."""

    def forward(self, features: Tensor) -> Tensor:
        """Twice the scores of the classes."""
        return 2 * super().forward(features)


def test_a_new_head_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """It trains under the taxonomy loss, learns from every label, is read, and is named to who mistypes."""
    monkeypatch.setitem(RECIPES, "doubled", Recipe("twice the scores of the classes", Doubled))
    one = made("doubled")
    features, target = pets_batch(nodes=True)
    wanted = taxoloss.TaxonomyLoss(PETS, weighting.deepest())(one.head(features), target)
    torch.testing.assert_close(one.loss(features, target), wanted)
    assert (one.name, type(one.head), one.rate, one.coarse) == ("doubled", Doubled, 1.0, True)
    assert len(readings(one.head, *pets_batch(), PETS)) == 3
    with pytest.raises(ValueError, match=r"expected flat, .*, doubled; did you mean `doubled`"):
        arm("doublet", WIDTH, PETS)


# -- labels ----------------------------------------------------------------------------------------


@SETTINGS
@given(taxonomies(), st.floats(0, 1), st.integers(0, 99))
def test_coarse_labels_are_the_class_or_above_it(case: Case, keep: float, seed: int) -> None:
    target = torch.randint(case.num_classes, (200,), generator=draw(seed))
    coarse = coarsen(target, case.taxonomy, keep, seed)
    for label, given_ in zip(target.tolist(), coarse.tolist(), strict=True):
        assert case.by_id[given_] in case.line(case.order[label])
    assert torch.equal(coarse, coarsen(target, case.taxonomy, keep, seed))
    more = coarsen(target, case.taxonomy, min(1.0, keep + 0.2), seed)
    assert (more == target)[coarse == target].all()  # who keeps its class keeps it at a larger share
    assert torch.equal(coarsen(target, case.taxonomy, 1.0, seed), target)


def test_upper_levels_get_as_many_each() -> None:
    rows = [(f"a{n // 8}", f"b{n // 4}", f"c{n // 2}", f"d{n}") for n in range(16)]
    tree = taxoloss.Taxonomy.from_paths(rows).bind(node_targets=True)
    target = torch.randint(16, (30_000,), generator=draw(0))
    counts = Counter(len(tree.describe([node])[0].path) for node in coarsen(target, tree, 0.4, 0).tolist())
    for depth, share in ((4, 0.4), (3, 0.2), (2, 0.2), (1, 0.2)):
        assert counts[depth] / 30_000 == pytest.approx(share, abs=4 * math.sqrt(share / 30_000))


@SETTINGS
@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 5), st.integers(0, 99))
def test_few_takes_so_many_of_each(labels: list[int], per_class: int, seed: int) -> None:
    target = torch.tensor(labels, dtype=torch.long)
    places = few(target, per_class, seed).tolist()
    assert places == sorted(set(places))
    taken = Counter(labels[place] for place in places)
    assert taken == {label: min(count, per_class) for label, count in Counter(labels).items()}
    assert set(places) <= set(few(target, per_class + 1, seed).tolist())


@SETTINGS
@given(taxonomies(), st.floats(0, 1), st.integers(0, 99))
def test_swapped_labels_are_siblings(case: Case, share: float, seed: int) -> None:
    target = torch.randint(case.num_classes, (100,), generator=draw(seed))
    swapped = swap_siblings(target, case.taxonomy, share, seed)
    everyone = swap_siblings(target, case.taxonomy, 1.0, seed)
    for old, new, forced in zip(target.tolist(), swapped.tolist(), everyone.tolist(), strict=True):
        siblings = {
            label
            for label in range(case.num_classes)
            if case.parent[case.order[label]] == case.parent[case.order[old]] and label != old
        }
        assert new == old or new in siblings
        assert forced in siblings or (not siblings and forced == old)
    assert torch.equal(swap_siblings(target, case.taxonomy, 0.0, seed), target)


def test_the_share_is_right_and_every_sibling_alike() -> None:
    target = torch.full((24_000,), 3)
    swapped = swap_siblings(target, PETS, 0.3, 0)
    counts = Counter(swapped.tolist())
    assert 1 - counts[3] / 24_000 == pytest.approx(0.3, abs=0.012)
    others = [counts[label] for label in range(37) if label != 3 and counts[label]]
    expected = sum(others) / len(others)
    siblings = (PETS.ancestor_index("species") == PETS.ancestor_index("species")[3]).sum()
    assert len(others) == siblings - 1
    assert sum((n - expected) ** 2 / expected for n in others) < 3 * len(others)


@SETTINGS
@given(taxonomies(), st.integers(0, 99))
def test_pseudo_labels_are_the_best_class_below(case: Case, seed: int) -> None:
    logits = torch.randn(40, case.num_classes, generator=draw(seed))
    target = torch.randint(len(case.by_id), (40,), generator=draw(seed + 1))
    wanted = [
        max(case.below[case.by_id[node]], key=row.__getitem__)
        for row, node in zip(logits.tolist(), target.tolist(), strict=True)
    ]
    assert pseudo_labels(logits, target, case.taxonomy).tolist() == wanted


def test_bad_labels_are_refused() -> None:
    classes = torch.tensor([0, 1])
    for function in (
        lambda target: coarsen(target, PETS, 0.5, 0),
        lambda target: swap_siblings(target, PETS, 0.5, 0),
        lambda target: few(target, 1, 0),
        lambda target: pseudo_labels(torch.zeros(2, 37), target, PETS),
    ):
        for bad in (classes.float(), classes[None], classes.bool()):
            with pytest.raises(ValueError, match=r"expected target \(N,\) of integers"):
                function(bad)
    with pytest.raises(ValueError, match="expected classes from 0 to 36 as target, got 0 to 37"):
        coarsen(torch.tensor([0, 37]), PETS, 0.5, 0)
    with pytest.raises(ValueError, match=r"expected keep from 0 to 1, got 1\.5"):
        coarsen(classes, PETS, 1.5, 0)
    with pytest.raises(ValueError, match=r"expected share from 0 to 1, got -1"):
        swap_siblings(classes, PETS, -1, 0)
    with pytest.raises(ValueError, match="expected 1 sample a class or more, got 0"):
        few(classes, 0, 0)
    with pytest.raises(ValueError, match=r"expected logits \(2, 37\), got \(2, 3\)"):
        pseudo_labels(torch.zeros(2, 3), classes, PETS)


# -- readings --------------------------------------------------------------------------------------


def on_level(case: Case, answers: list[int], target: list[int], level: int) -> float:
    """The share of classes whose node on a level is the answer."""
    wanted = [case.stands(label, level) for label in target]
    return fmean(answer == node for answer, node in zip(answers, wanted, strict=True))


@pytest.mark.slow
@SETTINGS
@given(taxonomies(), st.integers(0, 99), st.sampled_from(["taxonomy", "level_heads"]))
def test_readings_by_their_definitions(case: Case, seed: int, name: str) -> None:
    one = arm(name, WIDTH, case.taxonomy)
    torch.manual_seed(seed)
    head = one.head.double()
    for values in head.parameters():
        torch.nn.init.normal_(values)
    features = torch.randn(8, WIDTH, dtype=torch.float64, generator=draw(seed))
    target = torch.randint(case.num_classes, (8,), generator=draw(seed + 1)).tolist()
    rows = {r["reading"]: r for r in readings(head, features, torch.tensor(target), case.taxonomy, "x_")}
    logits = head(features).tolist()
    best = [oracle.best_class(case, row) for row in logits]
    cheap = [min(case.order, key=lambda n: oracle.expected_height(case, row, n)) for row in logits]
    answered = {"marginal": best, "leaf": best, "crm": cheap}
    if name == "level_heads":
        answered["top_down"] = [case.order[c] for c in head.top_down(features).tolist()]  # type: ignore[operator]
        heads = head.one_by_one(features)  # type: ignore[operator]
        answered["one_by_one"] = [case.order[c] for c in heads[case.level_names[-1]].tolist()]
    assert rows.keys() == answered.keys()
    truth = [case.order[label] for label in target]
    for reading, classes in answered.items():
        row = rows[reading]
        for number, level in enumerate(case.level_names, 1):
            nodes = [case.stands(case.order.index(node), number) for node in classes]
            if reading == "marginal":
                nodes = [oracle.best_on_level(case, one_row, number) for one_row in logits]
            if reading == "one_by_one":
                nodes = [case.at_level[number - 1][index] for index in heads[level].tolist()]
            assert row[f"x_accuracy_{level}"] == pytest.approx(on_level(case, nodes, target, number))
        heights = [oracle.distance(case, *pair) for pair in zip(classes, truth, strict=True)]
        assert row["x_distance"] == pytest.approx(fmean(heights), abs=1e-6)
        wrong = [height for height in heights if height]
        assert ("x_severity" in row) == bool(wrong)
        if wrong:
            assert row["x_severity"] == pytest.approx(fmean(wrong), abs=1e-6)
