"""TaxonomyLoss in a fastai Learner, its level metrics, and orders of classes that are refused."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

import taxoloss

ROOT = Path(__file__).parents[2]
LOOPS = Path(__file__).with_name("fastai_loops.py")
EXAMPLE = ROOT / "examples" / "integrations" / "fastai_learner.py"

needs_fastai = pytest.mark.skipif(find_spec("fastai") is None, reason="fastai is not installed")


def python(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of python that sees taxoloss, on one thread."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "oracles")])
    variables = {
        **os.environ,
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        **environment,
    }
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every trial of fastai_loops.py found."""
    done = python(LOOPS, tmp_path_factory.mktemp("fastai"))
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def of(seen: dict[str, Any], trial: str) -> Any:
    """What a trial found; fails with its error."""
    found = seen[trial]
    assert "error" not in found, found["error"]
    return found


# -- what fastai asks a loss for, without fastai ---------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (3, 5), (3, 5, 2), (2, 5, 3, 4)])
def test_activation_and_decodes_are_along_the_classes(shape: tuple[int, ...]) -> None:
    """Dimension 1, or 0 of a single sample; the answer is that of the logits and of the probabilities."""
    loss = taxoloss.TaxonomyLoss(taxoloss.load({"tree": {"a": ["b", "c"], "d": ["e", "f", "g"]}}).bind())
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    probabilities = loss.activation(logits)
    dim = min(1, len(shape) - 1)
    torch.testing.assert_close(probabilities.sum(dim), torch.ones(shape[:dim] + shape[dim + 1 :]))
    torch.testing.assert_close(probabilities.log(), torch.log_softmax(logits, dim))
    assert torch.equal(loss.decodes(probabilities), logits.argmax(dim))
    assert torch.equal(loss.decodes(logits), logits.argmax(dim))


def test_the_reduction_may_change_while_it_runs() -> None:
    """Back and forth, in copies too; an unknown one is refused when it is used."""
    loss = taxoloss.TaxonomyLoss(taxoloss.load("pets").bind())
    logits, target = torch.randn(4, 37), torch.tensor([0, 9, 20, 36])
    for one in (loss, pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        assert one.y_int is True
        mean = one(logits, target)
        one.reduction = "none"
        each = one(logits, target)
        one.reduction = "mean"
        torch.testing.assert_close(each.mean(), mean)
        torch.testing.assert_close(one(logits, target), mean)
        one.reduction = "batchmean"
        with pytest.raises(ValueError, match=r"one of \('none', 'mean', 'sum'\), got 'batchmean'"):
            one(logits, target)


def test_a_missing_or_an_old_fastai_is_one_sentence() -> None:
    """With the extra that installs it; `import taxoloss.integrations` needs nothing."""
    missing = (
        "import sys, taxoloss.integrations; sys.modules['fastai'] = None\n"
        "try: import taxoloss.integrations.fastai\n"
        "except ImportError as error: print(error)"
    )
    done = python("-c", missing)
    assert done.stdout == 'taxoloss.integrations.fastai needs fastai: pip install "taxoloss[fastai]"\n', (
        done.stderr
    )
    if find_spec("fastai") is None:
        pytest.skip("fastai is not installed")
    old = (
        "import taxoloss.errors.packages as packages; packages.version = lambda name: '2.7.19'\n"
        "try: import taxoloss.integrations.fastai\n"
        "except ImportError as error: print(error)"
    )
    assert python("-c", old).stdout == (
        "taxoloss.integrations.fastai needs fastai 2.8 or newer, found 2.7.19: "
        'pip install "taxoloss[fastai]" --upgrade\n'
    )


# -- in a Learner ----------------------------------------------------------------------------------


@pytest.mark.slow
@needs_fastai
def test_a_flat_tree_teaches_what_fastais_own_loss_does(seen: dict[str, Any]) -> None:
    """fit_one_cycle alone, with MixUp, CutMix, label smoothing, and both."""
    found = of(seen, "same_training")
    assert len(found) == 5
    assert all(found.values()), found


@pytest.mark.slow
@needs_fastai
def test_a_flat_tree_answers_what_fastais_own_loss_does(seen: dict[str, Any]) -> None:
    """get_preds with losses and answers, the interpretation, test-time augmentation, lr_find."""
    found = of(seen, "same_answers")
    for ours, theirs in zip(found["ours"], found["theirs"], strict=True):
        torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs), atol=2e-5, rtol=1e-4)


@pytest.mark.slow
@needs_fastai
def test_predictions_by_name(seen: dict[str, Any]) -> None:
    """A net that knows colours names the right classes: predict, show_results, exported and loaded."""
    found, names = of(seen, "names"), ["Bengal", "Manx", "beagle", "pug"]
    assert found["predict"] == names
    assert found["sums"] == pytest.approx([1] * 4)
    assert found["own"] == [True] * 4
    assert all(one == other for one, other in (title.split("\n") for title in found["titles"]))
    assert found["titles"]
    assert found["loaded"] == names
    assert found["tree"]
    assert found["weights"]
    assert found["summary"][0].startswith("Loss function: TaxonomyLoss(Taxonomy(4 classes, ")
    answered, dog = found["levels"]
    assert answered == dog


@pytest.mark.slow
@needs_fastai
def test_losses_of_samples_are_the_formula(seen: dict[str, Any]) -> None:
    """From the probabilities that get_preds gives; an unknown reduction is refused."""
    found = of(seen, "losses_of_samples")
    assert found["close"]
    assert found["count"] == 8
    assert "got 'avg'" in found["refused"]


@pytest.mark.slow
@needs_fastai
def test_fastais_tensors(seen: dict[str, Any]) -> None:
    """Any pair of them, flat and dense, in losses, per_level and metrics; a compiled loss; to_fp16."""
    found = of(seen, "tensors")
    assert len(found["equal"]) == 36
    assert all(found["equal"])
    assert found["severity"]
    assert found["per_level"]
    assert all(of(seen, "narrow_targets").values())
    assert all(of(seen, "compiled").values())
    assert of(seen, "half") == ["torch.float32", "True"]


@pytest.mark.slow
@needs_fastai
def test_labels_of_mixed_depth_and_mixup(seen: dict[str, Any]) -> None:
    """The losses of two nodes are mixed; the table counts a label at its own levels."""
    found = of(seen, "mixed_depth")
    assert found["mixed"]
    assert all(found["mixed"])
    assert found["shown"]
    assert found["inner"] > 0


@pytest.mark.slow
@needs_fastai
def test_masks_of_a_unet(seen: dict[str, Any]) -> None:
    """Classes are dimension 1: as CrossEntropyLossFlat(axis=1); the codes are the vocab."""
    found = of(seen, "masks")
    assert found["ours"][:3] == found["theirs"][:3] == found["tree"][:3]
    assert found["ours"][:3] == [[4, 4, 32, 32], [4, 32, 32], [4, 32, 32]]
    assert found["ours"][3] == pytest.approx(found["theirs"][3], rel=1e-5)
    assert found["table"] == ["accuracy/species", "accuracy/breed", "severity"]
    assert "class 0 is `Bengal` in the vocab and `dog/pug` in the taxonomy" in found["other order"]


@pytest.mark.slow
@needs_fastai
@pytest.mark.parametrize("how", ["callback", "given", "wrapped", "metrics", "collection"])
def test_another_order_of_classes_is_refused(seen: dict[str, Any], how: str) -> None:
    """By the callback when the Learner is made, by metrics at the first table; the class is shown."""
    expected = (
        "expected the vocab in the taxonomy's order, got another: class 0 is `Bengal` in the vocab and "
        "`dog/pug` in the taxonomy, 4 of 4 differ; bind it to the vocab: t.bind(class_names(dls))"
    )
    assert of(seen, "orders")[how].endswith(expected)


@pytest.mark.slow
@needs_fastai
@pytest.mark.parametrize("how", ["loss", "loss without vocab"])
def test_a_loss_of_another_order_than_the_table(seen: dict[str, Any], how: str) -> None:
    """Also without the callback, and where no vocab names the numbers."""
    assert (
        "expected the loss with the classes in the taxonomy's order, got `dog/pug` as class 0"
        in (of(seen, "orders")[how])
    )


@pytest.mark.slow
@needs_fastai
def test_metrics_that_fastai_would_average(seen: dict[str, Any]) -> None:
    """They are refused when the Learner is made, by the callback."""
    found = of(seen, "by_batch")
    assert "expected metrics=metric_columns(...), got MistakeSeverity of torchmetrics" in found["one"]
    assert "got 'accuracy/species' of torchmetrics itself" in found["collection"]
    assert found["fastai"] == "nothing"


@pytest.mark.slow
@needs_fastai
def test_a_tabular_learner(seen: dict[str, Any]) -> None:
    """Its targets are a column, which fastai's own loss flattens."""
    found = of(seen, "table_rows")
    assert len(found["ours"]) > 40
    assert found["ours"] == pytest.approx(found["theirs"], abs=1e-5, nan_ok=True)


@pytest.mark.slow
@needs_fastai
def test_vocabs_that_are_no_classes_are_refused_in_words(seen: dict[str, Any]) -> None:
    """What stands there, what was expected, what to do; the right one is bound and trains."""
    found = of(seen, "orders")
    names = ["Bengal", "Manx", "beagle", "pug"]
    assert found["text"] == found["bound"] == names
    assert found["right"] == "nothing"
    words = {
        "changed": "class 0 is `pug` in the vocab and `cat/Bengal` in the taxonomy",
        "no taxonomy": "expected a loss with a taxonomy, got CrossEntropyLossFlat",
        "missing": "got '#na#' as class 0, for labels that are missing",
        "several": "expected one label a sample (CategoryBlock), got several",
        "several learner": "expected one label a sample (CategoryBlock), got several",
        "bare": "expected DataLoaders with a vocab, got none",
        "fewer": "expected the 5 classes of the taxonomy in the vocab, got 4: t.restrict(",
        "unknown": "`Pug` is no node of the tree",
        "numbers": "got int 0: give the names, in the order of the numbers",
    }
    for name, text in words.items():
        assert text in found[name]
    assert "before_fit" in found["changed"]


@pytest.mark.slow
@needs_fastai
def test_the_table_shows_scores_of_all_samples(seen: dict[str, Any]) -> None:
    """Each epoch's net, not means over batches: 8 samples in batches of 5 and 3."""
    found = of(seen, "tables")
    names = ["accuracy/species", "accuracy/breed", "severity"]
    assert found["names"] == ["epoch", "train_loss", "valid_loss", *names, "average_precision", "time"]
    assert len(found["values"]) == 3
    for shown, whole in zip(found["values"], found["seen"], strict=True):
        assert shown == pytest.approx(whole[:4], nan_ok=True)
    by_batch = [whole[4] for whole in found["seen"]]
    assert any(
        math.isnan(mean) or mean != whole[2] for mean, whole in zip(by_batch, found["seen"], strict=True)
    )
    assert found["alone"] == [["epoch", "train_loss", "valid_loss", "accuracy/breed", "time"], 3]
    assert found["train"][2:5] == [f"train_{name}" for name in names]
    assert found["validated"] == 4
    assert found["loaded"] == names
    assert found["empty"]


@pytest.mark.slow
@needs_fastai
def test_columns_can_be_watched(seen: dict[str, Any]) -> None:
    """SaveModelCallback and EarlyStoppingCallback; a severity as if larger were better is refused."""
    found = of(seen, "trackers")
    assert found["saved"]
    assert found["best"]
    assert found["epochs"] == 2
    assert (
        "expected SaveModelCallback(monitor='severity', comp=np.less), since the smaller"
        in found["severity"]
    )
    assert "expected SaveModelCallback(monitor='valid_severity', comp=np.less)" in found["in training"]
    assert "expected EarlyStoppingCallback(monitor='accuracy/breed', comp=np.greater)" in found["accuracy"]
    assert found["right"] == "nothing"
    assert "expected one number as 'LevelAccuracy', got ['species', 'breed']" in found["no number"]
    assert found["no metric"].startswith("TypeError: expected metrics of torchmetrics, got L ")


@pytest.mark.slow
@needs_fastai
def test_two_processes_show_the_scores_of_one(tmp_path: Path) -> None:
    """Of all samples once, 21 over two: fastai gathers them, and nothing is added up twice."""
    script = LOOPS.with_name("fastai_processes.py")
    options = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", 2)
    alone, two = python(script, tmp_path), python(*options, script, tmp_path)
    assert (alone.returncode, two.returncode) == (0, 0), two.stderr[-3000:] + alone.stderr[-1000:]
    (expected,) = (json.loads(line) for line in alone.stdout.splitlines() if line.startswith("["))
    found = [json.loads(line) for line in two.stdout.splitlines() if line.startswith("[")]
    assert len(found) == 2
    assert len(expected) > 8
    for one in found:
        assert one == pytest.approx(expected)


@pytest.mark.slow
@needs_fastai
def test_the_examples_in_the_docstrings() -> None:
    """In a process of their own; pytest leaves this module out."""
    code = (
        "import doctest, taxoloss.integrations.fastai as module\n"
        "flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS\n"
        "found = doctest.testmod(module, optionflags=flags)\n"
        "assert found.attempted > 10 and not found.failed\n"
        "assert all(getattr(module, name) is not None for name in module.__all__)"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.slow
@needs_fastai
def test_the_example(tmp_path: Path) -> None:
    """It trains, answers by name and is short."""
    done = python(EXAMPLE, "--out", tmp_path, "--epochs", 2)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "accuracy/species" in done.stdout
    assert "predict: " in done.stdout
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 80
