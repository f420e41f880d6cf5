"""Lightning's loop: what is logged is the score of all samples, whatever comes before and around it."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

pytest.importorskip("lightning.pytorch", reason="the extra lightning is not installed")

from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, StochasticWeightAveraging
from lightning.pytorch.callbacks.weight_averaging import WeightAveraging
from lightning_lesson import BOUND, Lesson, all_scores, batches, samples, trainer

import taxoloss
from taxoloss import metrics

ROOT = Path(__file__).parents[2]


def logged(run: Any, prefix: str) -> dict[str, float]:
    """What a Trainer holds of the scores."""
    found = {name: float(value) for name, value in run.callback_metrics.items()}
    return {name: value for name, value in found.items() if name.startswith(prefix)}


def test_log_dict_of_a_collection_is_the_score_of_all_samples() -> None:
    """After the sanity check, in every epoch, in batches of 7 of 50; and of the clone in a test."""
    lesson, run = Lesson(BOUND), trainer(num_sanity_val_steps=2)
    run.fit(lesson, batches(50), batches(40, seed=1))
    assert logged(run, "val/") == pytest.approx(all_scores(lesson, 40, "val/", seed=1), abs=1e-6)
    run.test(lesson, batches(33, seed=2), verbose=False)
    assert logged(run, "test/") == pytest.approx(all_scores(lesson, 33, "test/", seed=2), abs=1e-6)
    assert set(logged(run, "test/")) == {"test" + name[3:] for name in all_scores(lesson, 9, "val/")}


def test_from_inference_mode_to_training() -> None:
    """validate, then fit, then validate: tables and sums made in inference mode serve in training."""

    class Auxiliary(Lesson):
        """Per-level losses in validation, level log-probabilities with a gradient in training."""

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            """The loss and what a level adds."""
            logits = self(batch[0])
            levels = taxoloss.functional.level_log_probs(logits, self.taxonomy)
            return self.loss(logits, batch[1]) + 0.1 * levels["species"].logsumexp(1).mean()

        def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
            """Counts a batch."""
            super().validation_step(batch, batch_idx)
            self.log_dict(self.loss.per_level(self(batch[0]), batch[1]))

    lesson, run = Auxiliary(BOUND), trainer()
    run.validate(lesson, batches(40), verbose=False)
    assert logged(run, "val/") == pytest.approx(all_scores(lesson, 40, "val/"), abs=1e-6)
    run.fit(lesson, batches(50), batches(40))
    assert logged(run, "val/") == pytest.approx(all_scores(lesson, 40, "val/"), abs=1e-6)


def test_means_of_batch_scores_are_other_numbers() -> None:
    """What the docs warn of: logging scores(logits, target) averages batches, and NaN spreads."""

    class Batchwise(Lesson):
        """Logs the scores of each batch, as nobody should."""

        def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
            """Counts a batch."""
            self.log_dict(self.val(self(batch[0]), batch[1]))

    lesson, run = Batchwise(BOUND), trainer(epochs=20)
    run.fit(lesson, batches(50), batches(50))
    wrong, right = logged(run, "val/"), all_scores(lesson, 50, "val/")
    assert wrong["val/accuracy/breed"] == pytest.approx(right["val/accuracy/breed"])  # a plain mean
    assert wrong["val/calibration_error/breed"] > 1.2 * right["val/calibration_error/breed"]
    assert wrong["val/severity"] != pytest.approx(right["val/severity"], abs=1e-3)


def test_a_metric_of_several_scores_is_refused_by_lightning() -> None:
    """`self.log` takes no dict: neither the metric's nor a batch's. The collection has scalars."""

    class Single(Lesson):
        """Logs LevelAccuracy itself."""

        def __init__(self, values: bool) -> None:
            super().__init__(BOUND)
            self.accuracy, self.values = metrics.LevelAccuracy(BOUND), values

        def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
            """Counts a batch."""
            found = self.accuracy(self(batch[0]), batch[1])
            self.log("accuracy", found if self.values else self.accuracy)

    with pytest.raises(ValueError, match=r"'accuracy' must be a tensor. Found \{'species'"):
        trainer().validate(Single(False), batches(20), verbose=False)
    with pytest.raises(ValueError, match="`dict` values cannot be logged"):
        trainer().validate(Single(True), batches(20), verbose=False)


@pytest.mark.sample(2)
@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed", "bf16-true", "64-true"])
def test_precisions(precision: Any) -> None:
    """Weights move, sums stay integers; 16-mixed is bf16-mixed on a CPU, as Lightning says."""
    lesson, run = Lesson(BOUND), trainer(precision=precision)
    run.fit(lesson, batches(50), batches(40))
    assert lesson.head.weight.abs().sum() > 0
    assert lesson.val["accuracy/species"].sums.dtype == torch.long
    assert 0 < logged(run, "val/")["val/accuracy/species"] <= 1


@pytest.mark.sample(5)
@pytest.mark.parametrize("head", ["Flat", "PathSum", "ConditionalSoftmax", "LevelHeads"])
@pytest.mark.parametrize("average", ["swa", "buffers", "parameters"])
def test_averaged_heads_still_know_their_order(head: str, average: str) -> None:
    """The digest is averaged with the rest, and is still that of the tree."""
    callbacks = {
        "swa": lambda: StochasticWeightAveraging(0.1, swa_epoch_start=1),
        "buffers": lambda: WeightAveraging(use_buffers=True),
        "parameters": lambda: WeightAveraging(use_buffers=False),
    }
    lesson = Lesson(BOUND, head)
    trainer(epochs=4, callbacks=[callbacks[average]()]).fit(lesson, batches(50), batches(20))
    assert torch.isfinite(lesson(samples(9)[0])).all()
    Lesson(BOUND, head).load_state_dict(lesson.state_dict())
    with pytest.raises(RuntimeError, match="another order of classes"):
        Lesson(BOUND.bind(sorted(BOUND.classes)), head).load_state_dict(lesson.state_dict())


def test_a_module_made_without_initial_weights() -> None:
    """`init_module(empty_init=True)`: heads know their order, and start at zero."""
    run = trainer()
    with run.init_module(empty_init=True):
        lesson = Lesson(BOUND, "PathSum")
    assert lesson.head.weight.abs().sum() == 0
    run.fit(lesson, batches(50), batches(20))
    assert logged(run, "val/") == pytest.approx(all_scores(lesson, 20, "val/"), abs=1e-6)


def test_severity_without_a_mistake_stops_early_stopping() -> None:
    """It is NaN there, and Lightning says so; accuracy is what to monitor."""

    class Perfect(Lesson):
        """Answers what was asked."""

        def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
            """Counts a batch."""
            self.val.update(batch[1], batch[1])
            self.log_dict(self.val)

        def __init__(self) -> None:
            super().__init__(BOUND)
            self.val = metrics.collection(BOUND, prefix="val/", calibration=False)

    run = trainer(epochs=4, callbacks=[EarlyStopping("val/severity", mode="min", check_finite=True)])
    run.fit(Perfect(), batches(14), batches(14))
    assert math.isnan(logged(run, "val/")["val/severity"])
    assert run.current_epoch == 1
    run = trainer(epochs=4, callbacks=[EarlyStopping("val/accuracy/breed", mode="max", patience=9)])
    run.fit(Perfect(), batches(14), batches(14))
    assert run.current_epoch == 4


@pytest.mark.parametrize(
    ("watcher", "right"),
    [
        (EarlyStopping("val/accuracy/breed"), "max"),
        (ModelCheckpoint(monitor="val/accuracy/species"), "max"),
        (ModelCheckpoint(monitor="val/severity", mode="max"), "min"),
        (EarlyStopping("val/distance/dataloader_idx_0", mode="max"), "min"),
        (None, "max"),
    ],
)
def test_the_worst_is_not_kept(watcher: Any, right: str) -> None:
    """Lightning takes the smallest for the best, if nothing is said: of an accuracy the worst."""

    class Slower(Lesson):
        """Learns slower where an accuracy does not grow, or so it means."""

        def configure_optimizers(self) -> Any:
            """With a scheduler that watches."""
            made = super().configure_optimizers()
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(made)
            return {
                "optimizer": made,
                "lr_scheduler": {"scheduler": plateau, "monitor": "val/accuracy/breed"},
            }

    lesson = Slower(BOUND) if watcher is None else Lesson(BOUND)
    callbacks = [watcher] if watcher else []
    saves = any(isinstance(one, ModelCheckpoint) for one in callbacks)
    with pytest.raises(ValueError, match=f"with mode='{right}', since .* take the worst for the best"):
        trainer(callbacks=callbacks, enable_checkpointing=saves).fit(lesson, batches(14), batches(14))


class Loops(Lesson):
    """Counts in training too, and in two loaders of validation."""

    def __init__(self, shared: str) -> None:
        super().__init__(BOUND)
        self.shared = shared
        self.train_scores = self.val if shared == "training" else self.val.clone(prefix="train/")
        second = self.val if shared == "loaders" else self.val.clone(prefix="second/")
        self.of_loader = torch.nn.ModuleList([self.val, second])

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The loss, and scores."""
        logits = self(batch[0])
        self.train_scores.update(logits, batch[1])
        self.log_dict(self.train_scores, on_step=False, on_epoch=True)
        return self.loss(logits, batch[1])

    def validation_step(self, batch: list[Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Scores of each loader."""
        scores: Any = self.of_loader[dataloader_idx]
        scores.update(self(batch[0]), batch[1])
        self.log_dict(scores)


@pytest.mark.parametrize("shared", ["training", "loaders"])
def test_a_collection_is_of_one_loop(shared: str) -> None:
    """Validation runs inside the training epoch, loaders one after another, without a reset between."""
    said = {
        "training": "the same in training_step",
        "loaders": "the same in validation_step of dataloader 0",
    }
    with pytest.raises(ValueError, match=said[shared]):
        trainer(num_sanity_val_steps=0).fit(Loops(shared), batches(14), [batches(14), batches(9)])


def test_each_loop_has_its_own_scores() -> None:
    """Those of a loader are those of its samples; validate and test may share theirs."""
    run, lesson = trainer(epochs=2), Loops("nothing")
    run.fit(lesson, batches(14), [batches(14), batches(9, seed=1)])
    shown = {key.split("/dataloader")[0]: value for key, value in logged(run, "second/").items()}
    assert shown == pytest.approx(all_scores(lesson, 9, "second/", seed=1), nan_ok=True)
    lesson.test = lesson.val
    run.test(lesson, batches(9), verbose=False)
    assert logged(run, "val/") == pytest.approx(all_scores(lesson, 9, "val/"), nan_ok=True)


def test_accumulated_batches_are_averaged_equally() -> None:
    """With labels that are ignored that is no mean over samples; sums over the count of all are."""
    x, y = samples(12)
    y[:5] = -100
    parts = DataLoader(TensorDataset(x, y), batch_size=6)
    mean, total = taxoloss.TaxonomyLoss(BOUND), taxoloss.TaxonomyLoss(BOUND, reduction="sum")

    class Ignoring(Lesson):
        """By the mean of each batch, or by the count of both."""

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            """What Lightning divides by the number of batches."""
            logits = self(batch[0])
            if self.exact:
                return total(logits, batch[1]) * 2 / 7
            return mean(logits, batch[1])

        def __init__(self, exact: bool) -> None:
            super().__init__(BOUND)
            self.exact = exact

    once = Lesson(BOUND)
    mean(once(x), y).backward()
    wanted = -0.5 * once.head.weight.grad
    for exact in (False, True):
        lesson = Ignoring(exact)
        trainer(epochs=1, accumulate_grad_batches=2).fit(lesson, parts)
        assert torch.allclose(lesson.head.weight, wanted, atol=1e-6) is exact


@pytest.mark.slow
def test_a_compiled_module_logs_the_same() -> None:
    """torch.compile of the module, in a process of its own."""
    code = (
        "import torch\n"
        "from lightning_lesson import *\n"
        "torch._dynamo.config.recompile_limit = 64\n"
        "lesson = Lesson(BOUND, 'PathSum')\n"
        "run = trainer()\n"
        "run.fit(torch.compile(lesson, backend='aot_eager'), batches(49), batches(20))\n"
        "wanted = all_scores(lesson, 20, 'val/')\n"
        "assert all(abs(float(run.callback_metrics[k]) - v) < 1e-5 for k, v in wanted.items())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_the_example(tmp_path: Path) -> None:
    """Small: it prints the scores and the tree of the checkpoint, and leaves nothing."""
    script = ROOT / "examples" / "integrations" / "lightning_module.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) < 80
    command = [sys.executable, str(script), "1", "200"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "val/accuracy/species" in done.stdout
    assert done.stdout.rstrip().endswith("species 2 > breed 37, bound)")
    assert not list(tmp_path.iterdir())
