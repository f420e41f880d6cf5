"""The loss and the metrics in the real Trainer: against plain torch, and what is refused in words."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import taxoloss
from taxoloss.errors import packages

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")

from tiny_transformers import CLASSES, WEIGHTS, Sequential, arguments, images, restored, tree, vit  # noqa: E402

from taxoloss.integrations.transformers import __all__ as NAMES  # noqa: E402
from taxoloss.integrations.transformers import (  # noqa: E402
    check_arguments,
    compute_loss_func,
    compute_metrics,
    preprocess_logits_for_metrics,
    rollup,
)


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with restored():
        yield


def trained(folder: Path, loss: taxoloss.TaxonomyLoss, **settings: Any) -> tuple[Any, list[float]]:
    """A model after one epoch of Trainer, and the losses that were logged."""
    model = vit(loss.taxonomy)
    args = arguments(folder, **settings)
    data: Any = images(24, 8)
    trainer = Sequential(
        model=model, args=args, train_dataset=data, compute_loss_func=compute_loss_func(loss, args)
    )
    trainer.train()
    return model, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def by_hand(loss: taxoloss.TaxonomyLoss, size: int) -> tuple[Any, list[float]]:
    """The same with torch alone: the mean of each whole batch."""
    model, losses, data = vit(loss.taxonomy), [], images(24, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for start in range(0, len(data), size):
        batch = data[start : start + size]
        logits = model(torch.stack([one["pixel_values"] for one in batch])).logits
        cost = loss(logits, torch.tensor([one["labels"] for one in batch]))
        cost.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(cost))
    return model, losses


def same(model: Any, other: Any, within: float = 1e-6) -> bool:
    """Whether all parameters are equal."""
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    return all(torch.allclose(a, b, rtol=0, atol=within) for a, b in pairs)


# -- the loss --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", [1, 2, 4])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accumulated_gradients_are_those_of_the_whole_batch(
    pieces: int, reduction: str, tmp_path: Path
) -> None:
    """Labels of mixed depth; a piece without a label, others with some: the mean of the batch of 8."""
    t = tree(node_targets=True)
    loss = taxoloss.TaxonomyLoss(t, WEIGHTS, reduction=reduction, label_smoothing=0.1)
    model, losses = trained(
        tmp_path, loss, per_device_train_batch_size=8 // pieces, gradient_accumulation_steps=pieces
    )
    expected, means = by_hand(taxoloss.TaxonomyLoss(t, WEIGHTS, label_smoothing=0.1), 8)
    assert same(model, expected)
    assert losses == pytest.approx(means, abs=1e-4)  # Trainer rounds what it logs


def test_bfloat16_autocast_trains_nearly_the_same(tmp_path: Path) -> None:
    """The model is rounded, the loss is not."""
    loss = taxoloss.TaxonomyLoss(tree(node_targets=True), WEIGHTS)
    _, losses = trained(tmp_path, loss, per_device_train_batch_size=8, bf16=True)
    assert losses == pytest.approx(by_hand(loss, 8)[1], rel=0.03)


def test_a_mean_is_what_this_is_not(tmp_path: Path) -> None:
    """The oracle has teeth: a mean of each piece trains another model."""
    t = tree(node_targets=True)
    loss = taxoloss.TaxonomyLoss(t, WEIGHTS)
    model, data = vit(t), images(24, 8)
    args = arguments(tmp_path, per_device_train_batch_size=2, gradient_accumulation_steps=4)
    dataset: Any = data
    Sequential(
        model=model,
        args=args,
        train_dataset=dataset,
        compute_loss_func=lambda outputs, labels, num_items_in_batch: loss(
            outputs.logits, labels
        ).nan_to_num(),
    ).train()
    assert not same(model, by_hand(loss, 8)[0], 1e-2)


def test_a_batch_without_labels_leaves_the_parameters(tmp_path: Path) -> None:
    """Its loss is NaN, as torch's mean of nothing; no gradient is."""
    computed = compute_loss_func(taxoloss.TaxonomyLoss(tree()))
    logits = torch.zeros(3, 5, requires_grad=True)
    ignored = torch.full((3,), -100)
    cost = computed({"logits": logits}, ignored, num_items_in_batch=torch.tensor(0))
    cost.backward()
    assert cost.isnan()
    assert logits.grad is not None
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("count", [7, 7.0, torch.tensor(7), torch.tensor([7.0])])
def test_num_items_in_batch_is_a_number_or_a_tensor(count: Any) -> None:
    """All of them divide."""
    t = tree()
    logits, labels = torch.randn(3, 5), torch.tensor([0, -100, 4])
    found = compute_loss_func(taxoloss.TaxonomyLoss(t))(
        {"logits": logits}, labels, num_items_in_batch=count
    )
    expected = taxoloss.TaxonomyLoss(t, reduction="sum")(logits, labels) / 7
    assert found == pytest.approx(float(expected))
    assert found.shape == ()


def test_evaluation_without_a_count_is_the_mean() -> None:
    """Trainer of before 5 gives none there; in training none is refused."""
    t = tree()
    loss = taxoloss.TaxonomyLoss(t)
    logits, labels = torch.randn(3, 5), torch.tensor([0, -100, 4])
    assert compute_loss_func(loss)({"logits": logits}, labels) == pytest.approx(float(loss(logits, labels)))
    with pytest.raises(ValueError, match="num_items_in_batch in training, got None"):
        compute_loss_func(loss)({"logits": logits.requires_grad_()}, labels)


def test_level_weights_that_change_change_it() -> None:
    """A curriculum sets them on the loss that was given."""
    loss = taxoloss.TaxonomyLoss(tree(), {"species": 1, "breed": 0})
    computed = compute_loss_func(loss)
    logits, labels = torch.randn(3, 5), torch.tensor([0, 1, 4])
    loss.set_level_weights({"species": 0, "breed": 1})
    assert computed({"logits": logits}, labels, 3) == pytest.approx(float(F.cross_entropy(logits, labels)))
    copied = pickle.loads(pickle.dumps(computed))
    assert copied({"logits": logits}, labels, 3) == computed({"logits": logits}, labels, 3)


def test_half_logits_are_added_up_in_float32() -> None:
    """A sum of 60,000 labels is beyond float16."""
    t = tree()
    logits = (torch.randn(60_000, 5) * 3).half()
    labels = torch.randint(5, (60_000,))
    found = compute_loss_func(taxoloss.TaxonomyLoss(t))({"logits": logits}, labels, 60_000)
    assert found == pytest.approx(float(taxoloss.TaxonomyLoss(t)(logits.float(), labels)), rel=1e-5)


def test_tokens_have_their_classes_last_and_images_second() -> None:
    """(N, T, C), also where T = C, and (N, C, H, W)."""
    t = tree()
    loss = taxoloss.TaxonomyLoss(t)
    computed = compute_loss_func(loss)
    for length in (3, 5):
        logits, labels = torch.randn(2, length, 5), torch.randint(5, (2, length))
        labels[0, 0] = -100
        expected = loss(logits.reshape(-1, 5), labels.reshape(-1))
        assert computed({"logits": logits}, labels) == pytest.approx(float(expected))
        scores = compute_metrics(t, loss=loss)(evaluated(logits, labels))
        rows = evaluated(logits.reshape(-1, 5), labels.reshape(-1))
        assert scores == pytest.approx(compute_metrics(t, loss=loss)(rows), abs=1e-6, nan_ok=True)
    dense, pixels = torch.randn(2, 5, 3, 4), torch.randint(5, (2, 3, 4))
    assert computed({"logits": dense}, pixels) == pytest.approx(float(loss(dense, pixels)))
    with pytest.raises(ValueError, match=r"size of the labels, \(6, 8\), got \(3, 4\)"):
        computed({"logits": dense}, torch.zeros(2, 6, 8, dtype=torch.long))
    with pytest.raises(ValueError, match=r"labels \(N, T\) for logits \(N, T, C\)"):
        computed({"logits": torch.randn(2, 5, 7)}, torch.zeros(2, 7, dtype=torch.long))


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ignore_index": 255}, r"ignore_index=-100, got 255: .*\(labels\[labels == 255\] = -100"),
        ({"weight": torch.ones(5)}, "without class weights, .*Trainer divides by the number of labels"),
        ({"reduction": "none"}, "'mean' or 'sum', got 'none'"),
    ],
)
def test_losses_that_trainer_would_get_wrong(settings: dict[str, Any], said: str) -> None:
    """One sentence each, when the loss is given."""
    with pytest.raises(ValueError, match=said):
        compute_loss_func(taxoloss.TaxonomyLoss(tree(), **settings))


def test_what_is_no_taxonomy_loss() -> None:
    """Its sum over samples would be anybody's guess."""
    with pytest.raises(TypeError, match="expected a TaxonomyLoss, got CrossEntropyLoss"):
        compute_loss_func(torch.nn.CrossEntropyLoss())  # type: ignore[arg-type]


LOGITS = torch.tensor([[2.0, -1, 0, 0, 0], [0, 0, 1, 0, 3]])
LABELS = torch.tensor([0, 4])


@pytest.mark.parametrize(
    ("outputs", "labels", "count", "error", "said"),
    [
        ({"logits": LOGITS}, None, 2, TypeError, "expected labels, got None"),
        ({"logits": LOGITS}, LOGITS.softmax(1), 10, TypeError, "soft labels Trainer counts every number"),
        ({"logits": LOGITS}, [0, 4], 2, TypeError, "labels as a Tensor of node ids, got list"),
        ({"logits": LOGITS.softmax(1)}, LABELS, 2, ValueError, "look like probabilities"),
        ({"logits": LOGITS[:, :4]}, LABELS, 2, ValueError, "expected logits of 5 classes"),
        ({"logits": LOGITS}, torch.tensor([0, 5]), 2, IndexError, "node_targets=True"),
        ({"last_hidden_state": LOGITS}, LABELS, 2, ValueError, "got last_hidden_state: use a model with"),
        ((LOGITS,), LABELS, 2, TypeError, r"got tuple, of which Trainer would evaluate outputs\[1:\]"),
        (LOGITS, LABELS, 2, TypeError, r"got Tensor, of which Trainer would evaluate outputs\[1:\]"),
        ({"logits": LOGITS}, LABELS, 1, ValueError, "of the 2 labels here or more, got 1"),
        ({"logits": LOGITS}, LABELS, "2", TypeError, "a number or a tensor of one, got str '2'"),
        ({"logits": LOGITS}, LABELS, torch.ones(2, 1), ValueError, "one GPU a process, got 2"),
    ],
)
def test_batches_that_are_refused(outputs: Any, labels: Any, count: Any, error: Any, said: str) -> None:
    """What Trainer would train or evaluate wrongly, without a word."""
    with pytest.raises(error, match=said):
        compute_loss_func(taxoloss.TaxonomyLoss(tree()))(outputs, labels, num_items_in_batch=count)


def test_arguments_that_trainer_leaves_out(tmp_path: Path) -> None:
    """Label smoothing, other names of labels, means over processes, several GPUs in a process."""
    loss = taxoloss.TaxonomyLoss(tree())
    with pytest.raises(ValueError, match=r"got 0\.1, which Trainer leaves out.*label_smoothing=0\.1"):
        compute_loss_func(loss, arguments(tmp_path, label_smoothing_factor=0.1))
    with pytest.raises(ValueError, match=r"label_names=\['labels'\], got \['target'\]"):
        check_arguments(arguments(tmp_path, label_names=["target"]))
    several = arguments(tmp_path, average_tokens_across_devices=False)
    check_arguments(several)

    class World:
        world_size, average_tokens_across_devices = 2, False

    with pytest.raises(ValueError, match="average_tokens_across_devices=True with 2 processes, got False"):
        check_arguments(World())
    several._n_gpu = 2
    with pytest.raises(ValueError, match="2 times too large; start it with torchrun"):
        check_arguments(several)


def test_label_smoothing_of_trainer_does_nothing_beside_this_hook(tmp_path: Path) -> None:
    """Why it is refused: the model comes out as without it."""
    loss = taxoloss.TaxonomyLoss(tree(node_targets=True))
    models, data = [], images(24, 8)
    dataset: Any = data
    for smoothing in (0.0, 0.5):
        models.append(vit(loss.taxonomy))
        args = arguments(tmp_path, label_smoothing_factor=smoothing)
        Sequential(
            model=models[-1], args=args, train_dataset=dataset, compute_loss_func=compute_loss_func(loss)
        ).train()
    assert same(models[0], models[1], 0)


def test_several_gpus_in_one_process_are_found_in_the_loop(tmp_path: Path) -> None:
    """Without the arguments too: Trainer then gives a count for each GPU."""
    loss = taxoloss.TaxonomyLoss(tree(node_targets=True))
    args = arguments(tmp_path, per_device_train_batch_size=4)
    args._n_gpu = 2
    dataset: Any = images(24, 8)
    trainer = Sequential(
        model=vit(loss.taxonomy),
        args=args,
        train_dataset=dataset,
        compute_loss_func=compute_loss_func(loss),
    )
    with pytest.raises(ValueError, match="expected one GPU a process, got 2"):
        trainer.train()


def test_an_older_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook came in 4.46."""
    monkeypatch.setattr(packages, "_version", lambda name: "4.45.2")
    with pytest.raises(ImportError, match=r"needs transformers 4\.46 or newer, found 4\.45\.2"):
        compute_loss_func(taxoloss.TaxonomyLoss(tree()))


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named with its extra where it is asked for; what needs none of them works."""
    for name in ("transformers", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ModuleNotFoundError, match=r'needs transformers: pip install "taxoloss\[transformers'
    ):
        compute_loss_func(taxoloss.TaxonomyLoss(tree()))
    assert rollup([{"label": name, "score": 0.2} for name in CLASSES], tree())["species"]


# -- the metrics -----------------------------------------------------------------------------------


def evaluated(predictions: Any, labels: Any) -> Any:
    """What Trainer gives compute_metrics."""
    return transformers.EvalPrediction(predictions=predictions, label_ids=labels)


@pytest.mark.parametrize(
    "settings",
    [{}, {"batch_eval_metrics": True}, {"eval_do_concat_batches": False}, {"eval_accumulation_steps": 2}],
)
def test_scores_are_those_of_all_samples(settings: dict[str, Any], tmp_path: Path) -> None:
    """In batches of 4 with a short last one: as the collection of all logits at once, with its loss."""
    t = tree(node_targets=True)
    loss = taxoloss.TaxonomyLoss(t, WEIGHTS)
    data: Any = images(26, 8)
    model = vit(t, output_hidden_states=True)
    trainer = Sequential(
        model=model,
        args=arguments(tmp_path, per_device_eval_batch_size=4, **settings),
        eval_dataset=data,
        compute_loss_func=compute_loss_func(loss),
        compute_metrics=compute_metrics(t, loss=loss),
        preprocess_logits_for_metrics=None if settings else preprocess_logits_for_metrics,
    )
    found = [trainer.evaluate(), trainer.evaluate()]
    model.eval()
    with torch.no_grad():
        logits = model(torch.stack([one["pixel_values"] for one in data])).logits
    labels = torch.tensor([one["labels"] for one in data])
    metrics = taxoloss.metrics.collection(t)
    expected = {name: float(value) for name, value in metrics(logits, labels).items()}
    expected["loss"] = float(loss(logits, labels))
    for scores in found:
        for name, value in expected.items():
            assert isinstance(scores[f"eval_{name}"], float)
            assert scores[f"eval_{name}"] == pytest.approx(value, abs=1e-6, nan_ok=True), name


def test_the_best_model_by_a_level(tmp_path: Path) -> None:
    """metric_for_best_model and early stopping know the keys; the wrong direction is refused."""
    t = tree(node_targets=True)
    loss = taxoloss.TaxonomyLoss(t, WEIGHTS)
    best: dict[str, Any] = {
        "eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True,
        "num_train_epochs": 3,
    }  # fmt: skip
    args = arguments(tmp_path, metric_for_best_model="accuracy/species", **best)
    data: Any = images(24, 8)
    trainer = Sequential(
        model=vit(t), args=args, train_dataset=data, eval_dataset=data,
        compute_loss_func=compute_loss_func(loss, args), compute_metrics=compute_metrics(t, args),
        callbacks=[transformers.EarlyStoppingCallback(1)],
    )  # fmt: skip
    trainer.train()
    logged = [e["eval_accuracy/species"] for e in trainer.state.log_history if "eval_accuracy/species" in e]
    assert trainer.state.best_metric == max(logged)
    assert trainer.evaluate()["eval_accuracy/species"] == max(logged)
    wrong = arguments(tmp_path, metric_for_best_model="severity", **best)
    with pytest.raises(ValueError, match="greater_is_better=False for metric_for_best_model='severity'"):
        compute_metrics(t, wrong)
    compute_metrics(t, arguments(tmp_path, metric_for_best_model="loss", **best))
    compute_metrics(
        t, arguments(tmp_path, metric_for_best_model="severity", greater_is_better=False, **best)
    )
    with pytest.raises(ValueError, match="prediction_loss_only=False"):
        compute_metrics(t, arguments(tmp_path, prediction_loss_only=True))


def test_an_evaluation_that_was_broken_off(tmp_path: Path) -> None:
    """Counts of batches stay until the last one, or a reset; whole evaluations begin at nothing."""
    scores = compute_metrics(tree())
    right, wrong = 5 * np.eye(5), 5 * np.eye(5)[::-1].copy()
    labels = np.arange(5)
    assert scores(evaluated(wrong, labels), compute_result=False) == {}
    assert scores(evaluated(right, labels))["full_path_accuracy"] == 1
    scores(evaluated(wrong, labels), compute_result=False)
    scores.reset()
    assert scores(evaluated(right, labels), compute_result=True)["full_path_accuracy"] == 1
    assert math.isnan(scores(evaluated(right, labels))["severity"])


def test_evaluations_that_are_refused() -> None:
    """Models that give tuples or tensors, several kinds of labels, probabilities, other options."""
    t = tree()
    scores, labels = compute_metrics(t), np.arange(5)
    with pytest.raises(TypeError, match="expected predictions, got none"):
        scores(evaluated((), labels))
    with pytest.raises(ValueError, match="as many predictions as labels, got 4 and 5"):
        scores(evaluated(np.eye(5)[1:] * 5, labels))
    with pytest.raises(TypeError, match="one kind of labels, got 2"):
        scores(evaluated(np.eye(5) * 5, (labels, labels)))
    with pytest.raises(ValueError, match="look like probabilities"):
        scores(evaluated(np.full((5, 5), 0.2), labels))
    with pytest.raises(ValueError, match=r"got 2 of shape \(5, 5\)"):
        scores(evaluated((np.eye(5) * 5, -np.eye(5)), labels))
    with pytest.raises(ValueError, match=r"got 3 of shape \(5, 5\)"):
        preprocess_logits_for_metrics((torch.eye(5),) * 3, None)
    with pytest.raises(TypeError, match=r"label_ids as numbers, got <U6: labels are node ids"):
        scores(evaluated(np.eye(5) * 5, np.array(CLASSES)))
    with pytest.raises(
        ValueError, match="expected a loss with the classes in the taxonomy's order, got `dog"
    ):
        compute_metrics(t.bind(sorted(CLASSES)), loss=taxoloss.TaxonomyLoss(t))
    compute_metrics(t, loss=taxoloss.TaxonomyLoss(tree(node_targets=True)))
    with pytest.raises(TypeError, match="label_ids as an array"):
        scores(evaluated(np.eye(5) * 5, "labels"))
    with pytest.raises(TypeError, match="expected no prefix"):
        compute_metrics(t, prefix="val/")


def test_answers_of_a_decision_are_scored() -> None:
    """preprocess_logits_for_metrics may be a decision: node ids, without calibration."""
    t = tree()
    logits, labels = torch.randn(40, 5), torch.randint(5, (40,))
    answers: Any = taxoloss.decisions.climb(logits, t, 0.5)
    scores = compute_metrics(t, calibration=False)(evaluated(answers.numpy(), labels.numpy()))
    expected = taxoloss.metrics.collection(t, calibration=False)(answers, labels)
    assert scores == pytest.approx({k: float(v) for k, v in expected.items()}, nan_ok=True)


def test_every_public_name_is_there() -> None:
    """Functions, and the coders."""
    module = taxoloss.integrations.transformers
    assert all(name == "coders" or callable(getattr(module, name)) for name in NAMES)
    assert isinstance(module.coders, dict)
