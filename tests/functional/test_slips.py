"""Slips of the loops around a loss: swapped arguments, a softmax in the model, targets of another form."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import taxoloss
from taxoloss import decisions, functional, heads, metrics

PETS = taxoloss.load("pets").bind()
LOSS = taxoloss.TaxonomyLoss(PETS)
Use = Callable[[Tensor, Tensor], Any]
LOSSES: dict[str, Use] = {
    "loss": LOSS,
    "functional": lambda z, y: functional.taxonomy_cross_entropy(z, y, PETS),
    "per_level": LOSS.per_level,
}
USES: dict[str, Use] = {
    **LOSSES,
    "accuracy": metrics.LevelAccuracy(PETS),
    "severity": metrics.MistakeSeverity(PETS),
    "collection": metrics.collection(PETS),
    "threshold": lambda z, y: decisions.calibrate_threshold(z, y, PETS, risk=0.1),
}
Y = torch.arange(50) % 37
Z = torch.randn(50, 37, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Y, Z),
        (Y.float(), Z),
        (Y.unsqueeze(1), Z),
        (Y.unsqueeze(1).float(), Z),
        (Y.reshape(2, 5, 5), Z.reshape(2, 5, 5, 37).movedim(-1, 1)),
        (Y[:37], Z[:37]),
        (Y[:37].float(), Z[:37]),
        (F.one_hot(Y, 37), Z),
    ],
    ids=["long", "float", "column", "float column", "dense", "as many", "as many floats", "one-hot"],
)
def test_swapped_arguments(use: Use, first: Tensor, second: Tensor) -> None:
    """(y_true, y_pred), as Keras and scikit-learn have it: the sentence says so, in any class of error."""
    with pytest.raises((NotImplementedError, RuntimeError, ValueError), match=r"swapped|one-hot rows"):
        use(first, second)


@pytest.mark.parametrize("use", LOSSES.values(), ids=LOSSES)
def test_swapped_one_hot_floats(use: Use) -> None:
    """Both are floats (N, C): logits below 0 are no class probabilities."""
    with pytest.raises(ValueError, match=r"swapped|one-hot rows"):
        use(F.one_hot(Y, 37).float(), Z)


def test_what_only_looks_like_swapped_arguments() -> None:
    """Logits (N, 1) of a model with one output, for class probabilities: no guess is made."""
    with pytest.raises(ValueError, match=r"shape \(50, 1\)$"):
        LOSS(Z[:, :1], Z.softmax(1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("use", LOSSES.values(), ids=LOSSES)
def test_a_softmax_in_the_model(use: Use, dtype: torch.dtype) -> None:
    """At each call, not at the first alone; dense logits and a single row too."""
    for _ in range(5):
        with pytest.raises(ValueError, match="leave the softmax out of the model"):
            use((3 * Z).softmax(1).to(dtype), Y)
    with pytest.raises(ValueError, match="leave the softmax"):
        use(Z[:1].softmax(1).to(dtype), Y[:1])
    dense = Z.reshape(2, 5, 5, 37).movedim(-1, 1).contiguous(memory_format=torch.channels_last)
    with pytest.raises(ValueError, match="leave the softmax"):
        use(dense.softmax(1).to(dtype), Y.reshape(2, 5, 5))


def test_level_log_probs_of_a_softmax() -> None:
    """The same sentence; log-probabilities pass, and are their own log_softmax."""
    with pytest.raises(ValueError, match=r"pass p\.log\(\)"):
        functional.level_log_probs(Z.softmax(1), PETS)
    logs = Z.log_softmax(1)
    torch.testing.assert_close(functional.level_log_probs(logs, PETS)["breed"], logs)


@pytest.mark.parametrize("use", LOSSES.values(), ids=LOSSES)
def test_logits_that_are_no_softmax(use: Use) -> None:
    """By hand or by chance: uniform, one-hot, zeros, few numbers, a row that sums to something else."""
    almost = Z.softmax(1)
    almost[3] *= 1.01
    for logits in [torch.full((50, 37), 1 / 37), F.one_hot(Y, 37).float(), torch.zeros(50, 37), almost]:
        use(logits, Y)
    tiny = taxoloss.load({"tree": {"a": ["x", "y"], "b": ["z"]}}).bind()
    functional.taxonomy_cross_entropy(torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor([0]), tiny)


def test_no_chance_of_a_false_alarm_in_training() -> None:
    """Logits in [0, 1], 4,000 batches of four rows of two classes: none is refused."""
    two = taxoloss.load({"tree": ["a", "b"]}).bind()
    generator = torch.Generator().manual_seed(0)
    for logits in torch.rand(4000, 4, 2, generator=generator):
        functional.taxonomy_cross_entropy(logits, torch.zeros(4, dtype=torch.long), two)


def test_the_look_leaves_no_trace() -> None:
    """Not in a state_dict, a copy or a graph: compiled after and before a first call, with one graph."""
    loss = taxoloss.TaxonomyLoss(PETS)
    wanted = loss(Z, Y)
    assert not loss.state_dict()
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(other(Z, Y), wanted)
    for fresh in (loss, taxoloss.TaxonomyLoss(PETS)):
        compiled = torch.compile(fresh, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(Z, Y), wanted)


def test_a_device_is_waited_for_at_the_first_calls_only() -> None:
    """The meta device stands for it: three calls ask, and then none."""
    loss = taxoloss.TaxonomyLoss(PETS)
    logits = Z.to("meta")
    assert [loss._wait(logits) for _ in range(5)] == [True, True, True, False, False]
    assert [loss._wait(Z) for _ in range(2)] == [False, False]


def test_floats_are_no_node_ids_anywhere() -> None:
    """Fractions would be cut off without a word: also by a calibration and by heads of levels."""
    with pytest.raises(ValueError, match=r"integer node ids, got torch\.float32; pass target\.long\(\)"):
        decisions.calibrate_threshold(Z, Y + 0.5, PETS, risk=0.1)
    head = heads.LevelHeads(37, PETS)
    with pytest.raises(ValueError, match=r"pass target\.long\(\)"):
        head.loss(Z, Y.float())
    with pytest.raises(ValueError, match=r"pass target\.squeeze\(-1\)"):
        head.loss(Z, Y.unsqueeze(1))


def test_class_probabilities_over_inner_nodes() -> None:
    """What Mixup makes of labels of mixed depth: a target, where nodes may be targets."""
    tree = taxoloss.load("pets").bind(node_targets=True)
    soft = torch.full((50, tree.num_nodes), 1 / tree.num_nodes)
    assert bool(taxoloss.TaxonomyLoss(tree)(Z, soft) > 0)
    with pytest.raises(
        RuntimeError, match=r"nodes have probabilities after bind\(\.\.\., node_targets=True\)"
    ):
        LOSS(Z, soft)


def test_arguments_that_a_loss_has_not() -> None:
    """What transformers' Trainer passes to a loss is answered by what to give it in its place."""
    with pytest.raises(TypeError, match=r"give Trainer not the loss but\s.*compute_loss_func\(loss\)"):
        LOSS(Z, Y, num_items_in_batch=50)
    with pytest.raises(TypeError, match="unexpected keyword argument 'labels'; it takes input and target"):
        LOSS(Z, Y, labels=Y)


@pytest.mark.parametrize("use", [LOSS, metrics.LevelAccuracy(PETS)], ids=["loss", "metric"])
@pytest.mark.parametrize("kind", [list, tuple])
def test_names_in_the_place_of_targets(use: Any, kind: Any) -> None:
    """Names are no numbers: node_ids makes them."""
    with pytest.raises(TypeError, match=r"names such as 'Bengal'\S* t\.node_ids\(names\)"):
        use(Z[:2], kind(["Bengal", "pug"]))
