"""Rows labelled above the classes: counted as wrong or left out, told, and judged where that can be."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from calibration_rows import TREE, rows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from inner_cases import CLASSES, SEA, InnerCase, inner_cases
from loss_oracle import random_logits
from torch import Tensor
from trees import Case, seeds, taxonomies

from taxoloss import Taxonomy, decisions
from taxoloss.decisions import LevelCalibration, Threshold, calibrate_levels, calibrate_threshold, report
from taxoloss.decisions.calibration.paths import paths_of


def coarsened(target: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Targets of TREE, some of them known to the group or the subgroup only; and which."""
    g = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(target), generator=g) < share
    level = torch.where(torch.rand(len(target), generator=g) < 0.5, 0, 1)
    above = paths_of(torch.eye(27)[target] * 9, target, TREE, "climb").line
    return torch.where(chosen, above.gather(1, level[:, None])[:, 0], target), chosen


# -- skip ------------------------------------------------------------------------------------------

OPTIONS: list[dict[str, Any]] = [
    {}, {"loss": "height"}, {"per": "group"}, {"confidence": 0.8}, {"decision": "top_down"},
    {"groups": True}, {"groups": True, "per": "subgroup"},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "plain")
def test_skip_is_as_if_the_rows_were_not_there(options: dict[str, Any]) -> None:
    """Whatever their answers: the threshold of the other rows, in all but what it tells."""
    logits, target = rows(300, seed=1)
    target, coarse = coarsened(target, 0.3, seed=2)
    target[::20] = -100
    coarse = coarse & (target != -100)
    sites = torch.arange(300) % 30 if options.get("groups") else None

    def made_of(some: Tensor, z: Tensor = logits) -> Threshold:
        more = options if sites is None else options | {"groups": sites[some]}
        return calibrate_threshold(z[some], target[some], TREE, 0.2, **more, coarse="skip")

    made, wanted = made_of(torch.ones_like(coarse)), made_of(~coarse)
    counted = int((target != -100).sum())
    assert (made.coarse, made.rows) == (int(coarse.sum()), counted)
    assert (wanted.coarse, wanted.rows) == (0, counted - made.coarse)
    assert dataclasses.replace(made, coarse=0, rows=wanted.rows) == wanted
    left_out = f"{made.coarse} of {counted} rows are labelled above the classes and were left out."
    assert str(made) == f"{wanted} {left_out}"
    # What is answered to rows that are left out changes nothing.
    assert made_of(torch.ones_like(coarse), torch.where(coarse[:, None], -logits, logits)) == made


def test_wrong_is_the_default_and_what_it_was() -> None:
    """A deeper answer than the label counts; so answers go less deep than without these rows."""
    logits, target = rows(1000, seed=3)
    target, coarse = coarsened(target, 0.3, seed=4)
    made = calibrate_threshold(logits, target, TREE, 0.1)
    assert made == calibrate_threshold(logits, target, TREE, 0.1, coarse="wrong")
    paths = paths_of(logits, target, TREE, "climb")
    above = torch.where(paths.wrong, paths.log_odds, -math.inf).amax(1).sort(descending=True).values
    assert made.log_odds == float(above[math.floor(0.1 * 1001) - 1])
    skipped = calibrate_threshold(logits, target, TREE, 0.1, coarse="skip")
    assert skipped.log_odds < made.log_odds
    assert str(made).endswith(
        f" {int(coarse.sum())} of 1,000 rows are labelled above the classes; a deeper answer to them "
        "counts as wrong."
    )


@pytest.mark.slow
@pytest.mark.one_form("counts what either form finds")
def test_skip_keeps_its_promise_for_rows_labelled_with_a_class() -> None:
    """1,000 splits, where mostly rows are labelled so that the model errs on: it is for the others."""
    logits, truth = rows(4000, seed=5)
    target, coarse = coarsened(truth, 0.6, seed=6)
    coarse = coarse & (logits.argmax(1) != truth)
    target = torch.where(coarse, target, truth)
    paths = paths_of(logits, truth, TREE, "climb")  # judged by what they are, as nobody could
    scores = torch.where(paths.wrong, paths.log_odds, -math.inf).amax(1)
    g = torch.Generator().manual_seed(7)
    fine: list[float] = []
    others: list[float] = []
    for _ in range(1000):
        order = torch.randperm(4000, generator=g)
        mine, new = order[:150], order[150:]
        made = calibrate_threshold(logits[mine], target[mine], TREE, 0.1, coarse="skip")
        wrong = (scores[new] > made.log_odds).double()
        fine.append(float(wrong[~coarse[new]].mean()))
        others.append(float(wrong[coarse[new]].mean()))
    error = 3 * np.std(fine) / math.sqrt(1000)
    assert 0.1 - 1 / 60 - error <= fmean(fine) <= 0.1 + error
    assert fmean(others) > 0.2  # nothing was promised of them, and the sentence says so


def test_nothing_left() -> None:
    """All rows are labelled above the classes: told with their number."""
    logits, target = rows(40, seed=8)
    target, _ = coarsened(target, 1.0, seed=9)
    for make in (lambda: calibrate_threshold(logits, target, TREE, 0.1, coarse="skip"),
                 lambda: calibrate_levels(logits, target, TREE, coarse="skip")):  # fmt: skip
        with pytest.raises(
            ValueError, match="labelled with a class, got 40 rows, all of them labelled above"
        ):
            make()


@pytest.mark.parametrize("coarse", ["right", None, True])
def test_another_word(coarse: Any) -> None:
    """With the two there are."""
    logits, target = rows(40, seed=8)
    for make in (calibrate_levels, decisions.risk_curve):
        with pytest.raises(ValueError, match=r"\('wrong', 'skip'\), got"):
            make(logits, target, TREE, coarse=coarse)


def test_maps_of_levels() -> None:
    """Left out, they are as if they were not there; counted as wrong, deep levels look less sure; saved."""
    logits, target = rows(600, seed=10)
    target, coarse = coarsened(target, 0.4, seed=11)
    skipped = calibrate_levels(logits, target, TREE, coarse="skip")
    wanted = calibrate_levels(logits[~coarse], target[~coarse], TREE)
    assert (skipped.knots, skipped.n) == (wanted.knots, wanted.n)
    counted = calibrate_levels(logits, target, TREE)
    odds = torch.zeros(1, 3)
    assert float(counted(odds)[0, 2]) < float(skipped(odds)[0, 2])
    many = int(coarse.sum())
    assert str(skipped).endswith(f" {many} of 600 rows are labelled above the classes and were left out.")
    assert str(counted).endswith(f" {many} of 600 rows are labelled above the classes; a deeper answer to "
                                 "them counts as wrong.")  # fmt: skip
    again = LevelCalibration.from_dict(json.loads(json.dumps(dataclasses.asdict(skipped))))
    assert again == skipped


def test_files(tmp_path: Path) -> None:
    """The counts are saved and loaded; a file of before says how many there were, as it did."""
    logits, target = rows(300, seed=12)
    target, coarse = coarsened(target, 0.2, seed=13)
    path = tmp_path / "threshold.json"
    for how in ("wrong", "skip"):
        made = calibrate_threshold(logits, target, TREE, 0.2, coarse=how, groups=range(300))
        made.save(path)
        assert (Threshold.load(path), str(Threshold.load(path))) == (made, str(made))
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in kept.items() if k not in ("rows", "coarse_as", "needed")}))
    told = str(Threshold.load(path))
    assert told.endswith(
        f" {int(coarse.sum())} rows are labelled above the classes; a deeper answer to them counts as "
        "wrong."
    )


# -- what is no coarse label -----------------------------------------------------------------------


def test_a_class_above_other_classes_is_no_coarse_label() -> None:
    """Its own leaf is a class; the inner node as a label is one above the classes."""
    t = Taxonomy.from_paths(SEA, ["family", "genus", "species"])
    t = t.bind(CLASSES, node_targets=True, inner_classes=True)
    target = t.node_ids(["Octopodidae", "Sebastes", "Octopus cyanea"] * 10)
    target[-1] = t.node_id("Octopodidae", inner=True)
    logits = 5 * torch.eye(len(t))[t.node_ids(["Octopus cyanea"] * 30)]
    made = calibrate_threshold(logits, target, t, 0.9)
    assert (made.coarse, made.rows) == (1, 30)
    assert calibrate_threshold(logits, target, t, 0.9, coarse="skip").n == 29
    found = report(dataclasses.replace(made, log_odds=-math.inf), logits, target, t)
    # The species for its family's class is wrong, for "some Octopodidae" it cannot be judged.
    assert (found.overall.wrong, found.overall.unjudged) == (20, 1)
    assert found.coarse.rows == 1


@SETTINGS
@given(inner_cases())
def test_every_answer_and_label_of_trees_with_inner_classes(case: InnerCase) -> None:
    """Right, wrong or not to be judged, by paths."""
    t, count = case.taxonomy, len(case.nodes)
    root = t.num_nodes - 1
    best = torch.arange(count).repeat_interleave(root)
    target = torch.arange(root).repeat(count)
    logits = 5 * torch.nn.functional.one_hot(best, count).float()
    made = calibrate_threshold(logits, target, t, 0.5)
    found = report(dataclasses.replace(made, log_odds=-math.inf), logits, target, t)
    right = wrong = unjudged = 0
    for answer, label in zip(best.tolist(), target.tolist(), strict=True):
        below = label >= count and case.node_of[label] in case.line(case.node_of[answer])
        right += case.is_true(answer, label)
        unjudged += below and not case.is_true(answer, label)
        wrong += not below and not case.is_true(answer, label)
    assert (found.overall.rows, found.overall.wrong, found.overall.unjudged) == (
        right + wrong + unjudged, wrong, unjudged
    )  # fmt: skip
    assert found.coarse.rows == made.coarse == int((target >= count).sum())


# -- what was delivered ----------------------------------------------------------------------------


@SETTINGS
@given(taxonomies(), seeds, st.sampled_from(["wrong", "skip"]), st.sampled_from(["wrong", "height"]))
def test_what_is_delivered(case: Case, rng: np.random.Generator, coarse: str, loss: str) -> None:
    """Counts by paths: of all rows, or of those labelled with a class and the others by themselves."""
    t = case.taxonomy
    logits, n = torch.from_numpy(random_logits(case, rng, 20)), len(t)
    target = torch.from_numpy(np.append(rng.choice(t.num_nodes - 1, 19), 0))  # a class among them
    made = calibrate_threshold(logits, target, t, 0.4, loss=loss, coarse=coarse)
    answers: Any = decisions.climb(logits, t, made)
    kinds = {"all": [0, 0, 0], "coarse": [0, 0, 0]}
    for answer, label in zip(answers.tolist(), target.tolist(), strict=True):
        a, y = t.path(answer), t.path(label)
        counts = [1, 0, 0]
        if y[: len(a)] != a:
            counts[2 if label >= n and a[: len(y)] == y else 1] = 1
        for kind in (["all"] if coarse == "wrong" or label < n else []) + (
            ["coarse"] if label >= n else []
        ):
            kinds[kind] = [x + y for x, y in zip(kinds[kind], counts, strict=True)]
    found = report(made, logits, target, t)
    for share, wanted in ((found.overall, kinds["all"]), (found.coarse, kinds["coarse"])):
        assert [share.rows, share.wrong, share.unjudged] == wanted
    if coarse == "skip":
        assert found.overall.unjudged == 0
    halves = report(made, logits[:7], target[:7], t) + report(made, logits[7:], target[7:], t)
    assert halves.overall == found.overall
    assert halves.coarse == found.coarse
    assert str(halves).splitlines()[1:3] == str(found).splitlines()[1:3]


def test_the_words_of_a_report() -> None:
    """A promise to rows with a class is not measured on others; these are told by themselves."""
    logits, target = rows(400, seed=14)
    target, coarse = coarsened(target, 0.5, seed=15)
    made = calibrate_threshold(logits, target, TREE, 0.2, coarse="skip")
    lines = str(report(made, logits, target, TREE)).splitlines()
    fine = str(report(made, logits[~coarse], target[~coarse], TREE)).splitlines()
    assert lines[0] == fine[0]
    assert lines[0].startswith("promised at most 20 % wrong on average among rows labelled with a class; ")
    assert lines[2:] == fine[1:]
    told = re.fullmatch(
        r"(\d+) of 400 rows are labelled above the classes, and not counted here: (\d+) right, "
        r"(\d+) wrong, (\d+) that cannot be judged \(deeper than the label\)",
        lines[1],
    )
    assert told is not None
    assert int(told[1]) == int(coarse.sum()) == sum(int(part) for part in told.groups()[1:])


def test_a_table_of_risks_tells_what_it_does_not_know() -> None:
    """A column, and the sentence of its thresholds; without such rows neither."""
    logits, truth = rows(300, seed=16)
    target, coarse = coarsened(truth, 0.5, seed=17)
    many = int(coarse.sum())
    counted = str(decisions.risk_curve(logits, target, TREE)).splitlines()
    assert "not judged" in counted[0]
    assert counted[-1].startswith(f"{many} of 300 rows are labelled above the classes; a deeper answer")
    skipped = str(decisions.risk_curve(logits, target, TREE, coarse="skip")).splitlines()
    assert "not judged" not in skipped[0]
    assert skipped[-1] == f"{many} of 300 rows are labelled above the classes and were left out."
    assert len(str(decisions.risk_curve(logits, truth, TREE)).splitlines()) == 6


# -- groups ----------------------------------------------------------------------------------------


def test_groups_of_any_kind() -> None:
    """Texts, numbers, a column of a table, an array: one threshold; another length has both numbers."""
    pd = pytest.importorskip("pandas")
    logits, target = rows(200, seed=18)
    numbers = torch.arange(200) % 40
    texts = [f"camera {number}" for number in numbers.tolist()]
    wanted = calibrate_threshold(logits, target, TREE, 0.1, groups=numbers)
    for groups in (
        texts,
        numbers.tolist(),
        numbers.numpy(),
        np.array(texts),
        pd.Series(texts, range(200, 0, -1)),
    ):
        assert calibrate_threshold(logits, target, TREE, 0.1, groups=groups) == wanted
    with pytest.raises(ValueError, match=r"\(200,\).*\(199,\)"):
        calibrate_threshold(logits, target, TREE, 0.1, groups=texts[1:])
    with pytest.raises(TypeError, match="got float"):
        calibrate_threshold(logits, target, TREE, 0.1, groups=[0.5] * 200)


@pytest.mark.parametrize("per", [None, "group"])
def test_too_few_groups_tell_how_many_are_needed(per: str | None) -> None:
    """At 5 % nineteen."""
    logits, target = rows(200, seed=19)
    said = str(calibrate_threshold(logits, target, TREE, 0.05, groups=["north", "lake"] * 100, per=per))
    assert said.startswith("With 2 calibration groups: too few to promise wrong on at most 5 %")
    assert "(19 groups or more are needed); the root is always answered." in said
