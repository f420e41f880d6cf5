"""LevelAccuracy against a count in plain Python over random trees, and as a torchmetrics metric."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis_settings import SETTINGS
from loss_oracle import Array, probability, random_logits
from torch import Tensor
from torchmetrics import MetricCollection
from trees import Case, seeds, taxonomies

from taxoloss import Taxonomy
from taxoloss.metrics import LevelAccuracy

Rng = np.random.Generator
DECISIONS = st.sampled_from(["marginal", "leaf"])
ROWS = [("x", "a"), ("x", "b"), ("y", "c"), ("y", "d")]
UNBOUND = Taxonomy.from_paths(ROWS, ["top", "leaf"])
TREE = UNBOUND.bind(["c", "a", "d", "b"], node_targets=True)
LOGITS = torch.tensor([[2.0, 1.5, -1.0, 1.4], [0.0, 1.0, 3.0, 2.0], [1.0, 0.0, 0.5, -2.0]])
TARGET = torch.tensor([0, 1, 2])


# -- the definition --------------------------------------------------------------------------------


def best(case: Case, logits: list[float], level: int, k: int, decision: str) -> set[int]:
    """The nodes that are answered on a level: those of the k best scores."""
    nodes = case.at_level[level - 1]
    if decision == "leaf":
        order = sorted(range(case.num_classes), key=lambda label: -logits[label])
        return {case.stands(label, level) for label in order[:k]}
    order = sorted(nodes, key=lambda node: -probability(case, logits, node))
    return set(order[:k])


def expected(
    case: Case, logits: Array, target: Array, k: int = 1, decision: str = "marginal"
) -> dict[str, float]:
    """level -> the share of the counted samples whose node is among the answers."""
    scores = {}
    for level, name in enumerate(case.level_names, 1):
        rights = []
        for row, label in zip(logits.tolist(), target.tolist(), strict=True):
            wanted = None if label == -100 else case.counted(case.by_id[label], level)
            if wanted is not None:
                rights.append(wanted in best(case, row, level, k, decision))
        scores[name] = sum(rights) / len(rights) if rights else math.nan
    return scores


def same(found: dict[str, Tensor], wanted: dict[str, Any]) -> None:
    """The same levels in order, the same scores, NaN for NaN."""
    assert list(found) == list(wanted)
    values = [float(value) for value in found.values()]
    np.testing.assert_allclose(values, [float(v) for v in wanted.values()], rtol=1e-6)


def any_node(case: Case, rng: Rng, rows: int) -> Array:
    """Targets of any depth, the root and the ignored -100 among them."""
    return rng.choice([*range(len(case.ids)), -100], rows)


def score(metric: LevelAccuracy, preds: Any, target: Any) -> dict[str, Tensor]:
    """The scores of one batch."""
    metric.update(torch.as_tensor(preds), torch.as_tensor(target))
    return metric.compute()


@SETTINGS
@given(taxonomies(), seeds, DECISIONS, st.sampled_from([1, 2, 3, 99]))
def test_against_a_count(case: Case, rng: Rng, decision: str, k: int) -> None:
    """Any tree, any targets, both decisions, the k best."""
    logits, target = random_logits(case, rng, 12), any_node(case, rng, 12)
    k = min(k, case.num_classes)
    metric = LevelAccuracy(case.taxonomy, top_k=k, decision=decision)
    same(score(metric, logits, target), expected(case, logits, target, k, decision))


@SETTINGS
@given(taxonomies(), seeds)
def test_answers_that_are_nodes(case: Case, rng: Rng) -> None:
    """Right on a level iff the answer counts there and has the target's node."""
    answers = rng.choice(len(case.ids), 30)
    target = np.where(rng.random(30) < 0.3, answers, any_node(case, rng, 30))
    wanted = {}
    for level, name in enumerate(case.level_names, 1):
        rights = []
        for answer, label in zip(answers.tolist(), target.tolist(), strict=True):
            node = None if label == -100 else case.counted(case.by_id[label], level)
            if node is not None:
                rights.append(case.counted(case.by_id[answer], level) == node)
        wanted[name] = sum(rights) / len(rights) if rights else math.nan
    same(score(LevelAccuracy(case.taxonomy), answers, target), wanted)


@SETTINGS
@given(taxonomies(), seeds, DECISIONS)
def test_updates_add_up(case: Case, rng: Rng, decision: str) -> None:
    """Row by row, in parts, dense, as log-probabilities: one result; forward gives a batch's."""
    logits, target = (torch.from_numpy(of(case, rng, 12)) for of in (random_logits, any_node))
    make: dict[str, Any] = {"taxonomy": case.taxonomy, "decision": decision}
    whole = score(LevelAccuracy(**make), logits, target)
    single, parts = LevelAccuracy(**make), LevelAccuracy(**make)
    for row, label in zip(logits, target, strict=True):
        single.update(row, label)
    same(single.compute(), whole)
    for start, stop in ((0, 5), (5, 5), (5, 12)):
        on_batch = parts(logits[start:stop], target[start:stop])
        same(on_batch, score(LevelAccuracy(**make), logits[start:stop], target[start:stop]))
    same(parts.compute(), whole)
    same(score(LevelAccuracy(**make), logits.log_softmax(1), target), whole)
    dense = logits.reshape(2, 2, 3, -1).movedim(-1, 1)
    same(score(LevelAccuracy(**make), dense, target.reshape(2, 2, 3)), whole)


@SETTINGS
@given(taxonomies(), seeds)
def test_more_answers_are_never_worse(case: Case, rng: Rng) -> None:
    """Accuracy rises with top_k, to 1 where all classes are answered."""
    logits, target = random_logits(case, rng, 12), rng.choice(case.num_classes, 12)
    for decision in ("marginal", "leaf"):
        before = [0.0] * case.depth
        for k in range(1, case.num_classes + 1):
            metric = LevelAccuracy(case.taxonomy, top_k=k, decision=decision)
            now = [float(value) for value in score(metric, logits, target).values()]
            assert all(a <= b for a, b in zip(before, now, strict=True))
            before = now
        assert before == [1.0] * case.depth


def test_the_two_decisions_differ() -> None:
    """c is the best class, x the best group: a and b together weigh more."""
    row = LOGITS[:1]
    assert row.argmax() == 0
    same(score(LevelAccuracy(TREE), row, TARGET[:1]), {"top": 0.0, "leaf": 1.0})
    same(score(LevelAccuracy(TREE, decision="leaf"), row, TARGET[:1]), {"top": 1.0, "leaf": 1.0})


def test_nothing_counted() -> None:
    """NaN on a level without samples, whether ignored, above the level, or none at all."""
    nothing = {"top": math.nan, "leaf": math.nan}
    for target in (torch.full((3,), -100), torch.full((3,), TREE.node_id(()))):
        same(score(LevelAccuracy(TREE), LOGITS, target), nothing)
    same(score(LevelAccuracy(TREE), LOGITS[:0], TARGET[:0]), nothing)
    group = torch.full((3,), TREE.node_id("x"))
    assert math.isnan(score(LevelAccuracy(TREE), LOGITS, group)["leaf"])


def test_ignore_index() -> None:
    """A class that is ignored is left out, as if its rows were not there."""
    left_out = score(LevelAccuracy(TREE, ignore_index=1), LOGITS, TARGET)
    same(left_out, score(LevelAccuracy(TREE), LOGITS[[0, 2]], TARGET[[0, 2]]))
    with pytest.raises(IndexError, match="-100"):
        LevelAccuracy(TREE, ignore_index=1).update(LOGITS, torch.tensor([0, 1, -100]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(dtype: torch.dtype) -> None:
    """Logits of any floating-point dtype, targets and answers of any integer dtype."""
    wanted = score(LevelAccuracy(TREE), LOGITS.to(dtype).double(), TARGET)
    for integer in (torch.uint8, torch.int32, torch.long):
        same(score(LevelAccuracy(TREE), LOGITS.to(dtype), TARGET.to(integer)), wanted)
        answers = torch.tensor([0, 1, 3], dtype=integer)
        found = score(LevelAccuracy(TREE), answers, TARGET.to(integer))
        same(found, score(LevelAccuracy(TREE), answers.long(), TARGET))


# -- what is refused -------------------------------------------------------------------------------

BAD: dict[str, tuple[type[Exception], Any, Any, str]] = {
    "probabilities": (ValueError, LOGITS.softmax(1), TARGET, "log"),
    "one_row": (ValueError, LOGITS[0].softmax(0), TARGET[0], "log"),
    "dense": (ValueError, LOGITS.softmax(1)[..., None], TARGET[:, None], "log"),
    "half": (ValueError, LOGITS.softmax(1).half(), TARGET, "log"),
    "one_hot": (ValueError, torch.eye(4)[:3], TARGET, "log"),
    "classes": (ValueError, LOGITS[:, :3], TARGET, "4.*3"),
    "batch": (ValueError, LOGITS, TARGET[:2], r"\(3,\).*\(2,\)"),
    "column": (ValueError, LOGITS, TARGET[:, None], r"\(3,\).*\(3, 1\)"),
    "float_target": (ValueError, LOGITS, TARGET.float(), "float32"),
    "bool_target": (ValueError, LOGITS, TARGET.bool(), "bool"),
    "bool_answers": (ValueError, TARGET.bool(), TARGET, "bool"),
    "list": (TypeError, LOGITS.tolist(), TARGET, "list"),
    "target_list": (TypeError, LOGITS, TARGET.tolist(), "list"),
    "above": (IndexError, LOGITS, TARGET + 5, r"0\.\.6.*7"),
    "below": (IndexError, LOGITS, TARGET - 1, "-1"),
    "answer_above": (IndexError, TARGET + 5, TARGET, r"0\.\.6.*7"),
    "answer_below": (IndexError, TARGET - 1, TARGET, "-1"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    """With both values, and without counting anything."""
    kind, preds, target, words = BAD[name]
    metric = LevelAccuracy(TREE)
    with pytest.raises(kind, match=f"(?s){words}"):
        metric.update(preds, target)
    metric.update(LOGITS, TARGET)
    same(metric.compute(), score(LevelAccuracy(TREE), LOGITS, TARGET))


def test_inner_targets_need_node_targets() -> None:
    """As in the loss."""
    with pytest.raises(IndexError, match=r"4.*node_targets"):
        LevelAccuracy(UNBOUND.bind()).update(LOGITS, torch.tensor([0, 1, 4]))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (ValueError, {"taxonomy": UNBOUND}),
        (TypeError, {"taxonomy": "pets"}),
        (ValueError, {"top_k": 0}),
        (ValueError, {"top_k": True}),
        (ValueError, {"top_k": 1.0}),
        (ValueError, {"decision": "best"}),
    ],
)
def test_construction(kind: type[Exception], arguments: dict[str, Any]) -> None:
    """What is wrong fails when the metric is made."""
    with pytest.raises(kind, match=r"expected|bound"):
        LevelAccuracy(**({"taxonomy": TREE} | arguments))


def test_an_inner_node_is_not_ignored() -> None:
    """As in the loss: ignoring an inner node's number would hide its samples."""
    with pytest.raises(ValueError, match=r"ignore_index.*4"):
        LevelAccuracy(TREE, ignore_index=4)


def test_top_k_of_node_ids() -> None:
    """One answer has no second best."""
    with pytest.raises(ValueError, match="top_k=2"):
        LevelAccuracy(TREE, top_k=2).update(TARGET, TARGET)


@pytest.mark.parametrize("rows", [LOGITS, LOGITS.log_softmax(1), torch.full((3, 4), 0.3)])
def test_what_is_no_probability_is_taken(rows: Tensor) -> None:
    """Logits, log-probabilities, and rows in [0, 1] that do not sum to 1."""
    LevelAccuracy(TREE).update(rows, TARGET)


# -- a torchmetrics metric -------------------------------------------------------------------------


def test_copies_and_reset() -> None:
    """Pickle, deepcopy and clone keep what was counted and go on apart; reset forgets it."""
    metric = LevelAccuracy(TREE, top_k=2, ignore_index=3)
    wanted = score(metric, LOGITS, TARGET)
    copies: list[Any] = [pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric), metric.clone()]
    for other in copies:
        same(other.compute(), wanted)
        other.update(LOGITS, TARGET + 1)
        same(metric.compute(), wanted)
        other.reset()
        same(score(other, LOGITS, TARGET), wanted)


def test_the_state_dict_is_empty() -> None:
    """A model that holds the metric has the checkpoint of one without."""
    metric = LevelAccuracy(TREE)
    metric.update(LOGITS, TARGET)
    assert dict(metric.state_dict()) == {}
    assert list(metric.parameters()) == []


def assert_apart(metrics: dict[str, LevelAccuracy], groups: bool) -> None:
    """In a collection each metric has the scores that it has alone, though a first batch agrees."""
    alone = copy.deepcopy(metrics)
    together = MetricCollection({**metrics}, compute_groups=groups)
    batches = [(LOGITS, torch.full((3,), 3)), (LOGITS, TARGET), (-LOGITS, TARGET)]
    for preds, target in batches:
        together.update(preds, target)
    for name, metric in alone.items():
        for preds, target in batches:
            metric.update(preds, target)
        same(together[name].compute(), metric.compute())


@pytest.mark.parametrize("groups", [True, False])
def test_a_collection_keeps_other_settings_apart(groups: bool) -> None:
    """Metrics whose counts are equal after the first batch are not merged for that."""
    metrics = {
        "one": LevelAccuracy(TREE),
        "two": LevelAccuracy(TREE, top_k=2),
        "leaf": LevelAccuracy(TREE, decision="leaf"),
        "but_1": LevelAccuracy(TREE, ignore_index=1),
        "again": LevelAccuracy(TREE),
    }
    assert_apart(metrics, groups)


@pytest.mark.parametrize("groups", [True, False])
def test_a_collection_keeps_other_taxonomies_apart(groups: bool) -> None:
    """Two bindings, or two trees, with levels of the same names."""
    rows = [("x", "a"), ("y", "b"), ("y", "c"), ("y", "d")]
    metrics = {
        "tree": LevelAccuracy(TREE),
        "binding": LevelAccuracy(UNBOUND.bind(["a", "b", "c", "d"])),
        "other": LevelAccuracy(Taxonomy.from_paths(rows, ["top", "leaf"]).bind(TREE.classes)),
    }
    assert_apart(metrics, groups)
