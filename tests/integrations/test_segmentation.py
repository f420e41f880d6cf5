"""Dense logits: torchvision, segmentation-models-pytorch, MONAI's targets, ignored pixels, metrics."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.classification import MulticlassJaccardIndex

import taxoloss
from taxoloss import decisions, metrics

ROOT = Path(__file__).parents[2]
TREE = {
    "levels": ["kind", "class"],
    "tree": {"ground": ["grass", "road"], "object": ["car", "person"], "sky": ["clear", "cloud"]},
}
T = taxoloss.load(TREE).bind(["road", "car", "clear", "grass", "person", "cloud"])
VOID = 255
Use = Callable[[Tensor, Tensor], Any]
#: Whatever takes predictions and targets, each with what it says of the first.
USES: dict[str, Use] = {
    "loss": taxoloss.TaxonomyLoss(T, ignore_index=VOID),
    "functional": lambda z, y: taxoloss.functional.taxonomy_cross_entropy(z, y, T, ignore_index=VOID),
    "per_level": taxoloss.TaxonomyLoss(T, ignore_index=VOID).per_level,
    "accuracy": metrics.LevelAccuracy(T, ignore_index=VOID),
    "confusion": metrics.LevelConfusionMatrix(T, ignore_index=VOID),
    "collection": metrics.collection(T, ignore_index=VOID),
    "threshold": lambda z, y: taxoloss.decisions.calibrate_threshold(z, y, T, risk=0.1, ignore_index=VOID),
}


def dense(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits (2, 6, 8, 7) and masks (2, 8, 7), the top rows void."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 6, 8, 7, generator=generator)
    masks = torch.randint(6, (2, 8, 7), generator=generator)
    masks[:, :2] = VOID
    return logits, masks


def flat(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """The pixels that count, as rows (N, C) and (N,)."""
    kept = masks != VOID
    return logits.movedim(1, -1)[kept], masks[kept].long()


# -- models ----------------------------------------------------------------------------------------


def test_a_torchvision_model_with_an_auxiliary_head() -> None:
    """The reference loop's criterion: the loss of `out`, and half of that of `aux`."""
    models = pytest.importorskip("torchvision", reason="needs torchvision").models.segmentation
    torch.manual_seed(0)
    model = models.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=6, aux_loss=True
    )
    loss, (_, masks) = USES["loss"], dense()
    output = model(torch.randn(2, 3, 8, 7))
    cost = loss(output["out"], masks) + 0.5 * loss(output["aux"], masks)
    cost.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    words = r"got OrderedDict with the keys 'out', 'aux': pass the tensor, output\['out'\]"
    for use in USES.values():
        with pytest.raises(TypeError, match=words):
            use(output, masks)


def test_a_model_of_segmentation_models_pytorch() -> None:
    """channels_last in and out; with activation="softmax", which its users set, the loss says so."""
    smp = pytest.importorskip("segmentation_models_pytorch", reason="needs segmentation-models-pytorch")
    torch.manual_seed(0)
    options = {"encoder_weights": None, "encoder_depth": 3, "decoder_channels": (16, 8, 8), "classes": 6}
    model = smp.Unet("mobilenet_v2", **options).to(memory_format=torch.channels_last)
    pictures = torch.randn(2, 3, 32, 32).to(memory_format=torch.channels_last)
    masks = torch.randint(6, (2, 32, 32), dtype=torch.uint8)
    masks[:, 4:9] = VOID
    logits = model(pictures)
    one = taxoloss.TaxonomyLoss(T, {"kind": 0, "class": 1}, ignore_index=VOID)(logits, masks)
    torch.testing.assert_close(one, F.cross_entropy(logits, masks.long(), ignore_index=VOID))
    one.backward()
    with pytest.raises(ValueError, match="leave the softmax out of the model"):
        USES["loss"](smp.Unet("mobilenet_v2", activation="softmax", **options)(pictures), masks)


MONAI = """
import torch, taxoloss
from monai.data import MetaTensor
from monai.engines import SupervisedTrainer
from monai.utils.enums import CommonKeys

tree = {"levels": ["kind", "class"], "tree": {"ground": ["grass", "road"], "object": ["car", "person"]}}
t = taxoloss.load(tree).bind()
loss = taxoloss.TaxonomyLoss(t)
torch.manual_seed(0)
net = torch.nn.Conv2d(3, 4, 1)
samples = [{"image": MetaTensor(torch.randn(3, 8, 8)), "label": MetaTensor(torch.randint(4, (1, 8, 8)))}
           for _ in range(4)]
loader = torch.utils.data.DataLoader(samples, batch_size=4)

def train(function):
    sgd = torch.optim.SGD(net.parameters(), 0.0)
    engine = SupervisedTrainer(device=torch.device("cpu"), max_epochs=1, train_data_loader=loader,
                               network=net, optimizer=sgd, loss_function=function, decollate=False)
    engine.run()
    return float(engine.state.output[CommonKeys.LOSS])

x = torch.stack([s["image"].as_tensor() for s in samples])
y = torch.stack([s["label"].as_tensor() for s in samples]).squeeze(1)
print(abs(train(lambda z, y: loss(z, y.squeeze(1))) - float(loss(net(x), y))) < 1e-6)
try:
    train(loss)
except RuntimeError as error:
    print(error)
"""


@pytest.mark.slow
def test_the_loop_of_monai() -> None:
    """Its targets are (B, 1, H, W) and of a subclass of Tensor; passed as they are they are refused."""
    pytest.importorskip("monai", reason="needs MONAI")
    done = _run("-c", MONAI)
    assert done.returncode == 0, done.stderr
    *_, equal, words = done.stdout.strip().splitlines()
    assert equal == "True"
    assert words.endswith("got (4, 1, 8, 8); pass target.squeeze(1)")


# -- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_target_with_a_channel_is_never_broadcast(use: Use) -> None:
    """(B, 1, H, W), (N, 1, A) and (N, 1): one sentence; also floats, and where each size is 1."""
    logits, masks = dense()
    rows, classes = flat(logits, masks)
    anchors, labels = logits.flatten(2), masks.flatten(1)
    one = logits[:1, :, 3:4, :1], masks[:1, 3:4, :1]
    for preds, target in [(logits, masks), (rows, classes), (anchors, labels), one]:
        with pytest.raises((RuntimeError, ValueError), match=r"; pass target\.squeeze\(1\)$"):
            use(preds, target.unsqueeze(1))
    with pytest.raises((RuntimeError, ValueError), match=r"; pass target\.squeeze\(1\)"):
        use(logits, masks.unsqueeze(1).float())


def test_answers_with_a_channel() -> None:
    """argmax(1, keepdim=True) against MONAI's masks are node ids; against (B, H, W) a ranking of one."""
    logits, masks = dense()
    answers = logits.argmax(1)
    wanted = metrics.LevelAccuracy(T, ignore_index=VOID)(answers, masks)
    for preds, target in [(answers[:, None], masks[:, None]), (answers[:, None], masks)]:
        assert metrics.LevelAccuracy(T, ignore_index=VOID)(preds, target) == wanted
    with pytest.raises(ValueError, match=r"pass target\.squeeze\(1\)"):
        metrics.LevelAccuracy(T, ignore_index=VOID)(answers, masks[:, None])


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_one_hot_masks_and_channels_that_stand_last(use: Use) -> None:
    """Each shape has its own sentence."""
    logits, masks = dense()
    one_hot = F.one_hot(masks.clamp(max=5), 6)
    with pytest.raises((RuntimeError, ValueError), match=r"one-hot rows: pass target\.argmax\(1\)"):
        use(logits, one_hot.movedim(-1, 1))
    with pytest.raises((RuntimeError, ValueError), match=r"pass target\.movedim\(-1, 1\)"):
        use(logits, one_hot)
    with pytest.raises(ValueError, match=r"of 6 classes.*pass logits\.movedim\(-1, 1\)"):
        use(logits.movedim(1, -1), masks)


def test_one_hot_floats_are_class_probabilities() -> None:
    """As in torch: the same as the class numbers."""
    logits, masks = dense()
    one_hot = F.one_hot(masks.clamp(max=5), 6).movedim(-1, 1).float()
    loss = taxoloss.TaxonomyLoss(T)
    torch.testing.assert_close(loss(logits, one_hot), loss(logits, masks.clamp(max=5)))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_masks_as_files_have_them(dtype: torch.dtype) -> None:
    """uint8, as a PNG, with 255 for void; other integers count the same, or are refused as torch does."""
    logits, masks = dense()
    small = masks.to(dtype)
    for name, use in USES.items():
        wanted = use(logits, masks)
        try:
            found = use(logits, small)
        except RuntimeError as error:
            assert name in ("loss", "functional", "per_level")
            assert dtype != torch.uint8
            assert str(error).endswith("pass target.long()")  # noqa: PT017
            continue
        assert str(found) == str(wanted)


# -- numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ignored_pixels_may_hold_anything(smoothing: float) -> None:
    """NaN and infinity there change no loss, no score and no gradient of the others."""
    logits, masks = dense()
    void = (masks == VOID).unsqueeze(1)
    spoilt = logits.masked_fill(void, torch.nan)
    spoilt[0, :, 0, 0] = torch.inf
    loss = taxoloss.TaxonomyLoss(T, ignore_index=VOID, label_smoothing=smoothing)
    grads = []
    for given in (logits, spoilt):
        leaf = given.clone().requires_grad_()
        loss(leaf, masks).backward()
        grads.append(leaf.grad)
    torch.testing.assert_close(loss(spoilt, masks), loss(logits, masks))
    assert grads[0] is not None
    assert grads[1] is not None
    torch.testing.assert_close(grads[0], grads[1])
    assert not grads[1].masked_select(void).any()
    for name in ("per_level", "accuracy", "confusion", "collection", "threshold"):
        assert str(USES[name](spoilt, masks)) == str(USES[name](logits, masks)), name


@pytest.mark.parametrize("shape", ["pixels", "anchors", "volume"])
def test_dense_numbers_are_those_of_the_rows(shape: str) -> None:
    """(N, C, H, W), (N, C, A) and (N, C, D, H, W) against the pixels that count, one by one."""
    logits, masks = dense()
    rows, classes = flat(logits, masks)
    if shape == "anchors":
        logits, masks = logits.flatten(2), masks.flatten(1)
    if shape == "volume":
        logits, masks = logits.unflatten(2, (2, 4)), masks.unflatten(1, (2, 4))
    for name, use in USES.items():
        given, wanted = use(logits, masks), use(rows, classes)
        if name == "threshold":
            assert str(given) == str(wanted)
        else:
            torch.testing.assert_close(given, wanted)
    climb: Any = taxoloss.decisions.climb
    decided = climb(logits, T, threshold=0.5)
    assert decided.shape == masks.shape
    assert torch.equal(decided[masks != VOID], climb(rows, T, threshold=0.5))


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "none"}], ids=str)
def test_channels_last(options: dict[str, Any]) -> None:
    """The same numbers, and no write to the logits; without smoothing the gradient keeps their format."""
    logits, masks = dense()
    last = logits.contiguous(memory_format=torch.channels_last)
    before = last.clone()
    loss = taxoloss.TaxonomyLoss(T, ignore_index=VOID, **options)
    (plain,) = torch.autograd.grad(loss(logits.requires_grad_(), masks).sum(), logits)
    (found,) = torch.autograd.grad(loss(last.requires_grad_(), masks).sum(), last)
    assert torch.equal(found, plain)
    assert torch.equal(last, before)
    if "label_smoothing" not in options:
        assert found.is_contiguous(memory_format=torch.channels_last)
    logits, last = logits.detach(), last.detach()
    for name in ("accuracy", "confusion", "collection"):
        torch.testing.assert_close(USES[name](last, masks), USES[name](logits, masks), rtol=0, atol=0)


def test_the_recipe_of_iou() -> None:
    """From the counts of a level; of classes torchmetrics' own Jaccard index."""
    logits, masks = dense()
    confusion = metrics.LevelConfusionMatrix(T, ignore_index=VOID)
    confusion.update(logits, masks)
    counts = confusion.compute()["class"]
    both = counts.diagonal()
    found = both / (counts.sum(0) + counts.sum(1) - both)
    oracle = MulticlassJaccardIndex(6, average=None, ignore_index=VOID)(logits, masks)
    torch.testing.assert_close(found, oracle[[T.classes.index(name) for name in T.nodes("class")]])


# -- the example -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_example_runs_small(tmp_path: Path) -> None:
    """It prints IoU of every node; kinds are found before classes."""
    pytest.importorskip("segmentation_models_pytorch", reason="needs segmentation-models-pytorch")
    example = ROOT / "examples" / "integrations" / "segmentation.py"
    done = _run(str(example), "--steps", "25", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {line.split("  ")[0]: line.split("  ")[1:] for line in done.stdout.splitlines()}
    assert [cell.split()[0] for cell in rows["kind"]] == ["ground", "object", "sky"]
    assert len(rows["class"]) == 6
    assert all(re.fullmatch(r"\w+ (nan|[01]\.\d\d)", cell) for cell in rows["kind"] + rows["class"])
    assert not list(tmp_path.iterdir())


def _run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, np.int8])
def test_masks_that_cannot_hold_all_classes(dtype: Any) -> None:
    """In int8 class 260 is 4, and 156 is -100, which is ignored: refused as targets and as answers."""
    count = 300 if dtype != torch.int16 else 32_800
    t = taxoloss.Taxonomy.from_paths([(f"g{i // 100}", f"c{i}") for i in range(count)]).bind()
    mask: Any = torch.zeros(2, 3).to(dtype) if isinstance(dtype, torch.dtype) else np.zeros((2, 3), dtype)
    answers, logits = torch.zeros(2, 3).long(), torch.zeros(2, count, 3)
    uses: list[Callable[[], Any]] = [
        lambda: metrics.functional.hierarchical_distance(answers, mask, t),
        lambda: metrics.functional.hierarchical_distance(mask, answers, t),
        lambda: metrics.functional.level_accuracy(logits, mask, t),
        lambda: decisions.calibrate_threshold(logits, mask, t, 0.1),
        lambda: decisions.calibrate_levels(logits, mask, t),
    ]
    if isinstance(mask, torch.Tensor):
        uses.append(lambda: taxoloss.TaxonomyLoss(t)(logits, mask))
    for use in uses:
        with pytest.raises(RuntimeError, match="larger ones have wrapped around; make them long"):
            use()
