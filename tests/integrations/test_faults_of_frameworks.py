"""What was silently wrong, or failed, in the loops that people have: today's right values, or one sentence.

Elsewhere: from_pretrained in test_faults_transformers.py; validate-then-fit, logged means and
hyperparameters in test_faults_lightning.py; DTensors, FSDP2 and distributed checkpoints in
test_parallel.py and tests/heads/test_head_states.py; to_empty and the meta device in
tests/functional/test_model_states.py; both ONNX exporters in tests/functional/test_onnx.py; first calls
that compile or export in tests/functional/test_first_call.py; a Taxonomy as a dict, pickled and as plain
data in tests/taxonomy/test_plain_data.py.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss, heads, metrics, weighting
from taxoloss.controls import arm
from taxoloss.errors import BindingError
from taxoloss.functional.cross_entropy import taxonomy_cross_entropy

PETS = taxoloss.load("pets").bind()
WEIGHTS = {"species": 0.3, "breed": 0.7}
EIGHT = Taxonomy.from_paths([(f"g{i // 3}", f"c{i}") for i in range(8)], levels=["top", "leaf"]).bind()


def one_sentence(error: BaseException) -> str:
    """What it says, which is one line."""
    assert "\n" not in str(error), error
    return str(error)


# -- float16 under autocast on the CPU -------------------------------------------------------------


def segmented(loss: nn.Module, scale: float) -> tuple[Tensor, Tensor]:
    """Gradients of logits (4, 8, 128, 128) and of weights, under float16 autocast, by a scaled loss."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(4, 3, 128, 128, generator=generator)
    labels = torch.randint(8, (4, 128, 128), generator=generator)
    net = nn.Conv2d(3, 8, 1)
    with torch.no_grad():
        net.weight.copy_(torch.sin(torch.arange(24.0)).view_as(net.weight))
        net.bias.zero_()  # type: ignore[union-attr]
    with torch.autocast("cpu", dtype=torch.float16):
        logits = net(pictures)
        logits.retain_grad()
        value = loss(logits, labels)
    (value * scale).backward()
    assert net.weight.grad is not None
    return logits.grad, net.weight.grad / scale


@pytest.mark.parametrize("scale", [65536.0, 32768.0])
@pytest.mark.parametrize("weights", [{"top": 0.0, "leaf": 1.0}, {"top": 0.3, "leaf": 0.7}])
def test_no_gradient_is_lost_in_float16(weights: dict[str, float], scale: float) -> None:
    """Neither inf at GradScaler's first scale nor 0 in a large batch: as cross-entropy's, in float16."""
    logits, weight = segmented(TaxonomyLoss(EIGHT, weights), scale)
    assert torch.isfinite(logits).all()
    assert (logits == 0).float().mean() < 1e-4
    if weights["top"] == 0:
        flat_logits, flat_weight = segmented(nn.CrossEntropyLoss(), scale)
        assert (logits - flat_logits).abs().max() <= 2**-10 * flat_logits.abs().max()
        assert_close(weight, flat_weight, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("weights", ["deepest", WEIGHTS])
def test_grad_scaler_loses_no_step(weights: Any) -> None:
    """At its first scale every step is taken, and all are those of float32, to float16's digits."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 6, generator=generator), torch.arange(12)
    start = torch.randn(37, 6, generator=generator)
    scaler = torch.amp.GradScaler("cpu")
    results = []
    for scaled in (True, False):
        net, loss = nn.Linear(6, 37), TaxonomyLoss(PETS, weights)
        with torch.no_grad():
            net.weight.copy_(start)
            net.bias.zero_()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        for _ in range(4):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.float16, enabled=scaled):
                value = loss(net(x), y)
            (scaler.scale(value) if scaled else value).backward()
            scaler.step(optimizer) if scaled else optimizer.step()
            if scaled:
                scaler.update()
        results.append(net.weight.detach() - start)
    assert scaler.get_scale() == 65536, "no step was left out"
    assert (results[0] - results[1]).abs().max() < 0.01 * results[1].abs().max()


# -- means of batches ------------------------------------------------------------------------------


def test_means_of_batch_scores_are_other_numbers() -> None:
    """update and compute give the score of all samples; the mean of forward's results does not."""
    generator = torch.Generator().manual_seed(0)
    logits, target = 3 * torch.randn(46, 37, generator=generator), torch.arange(46) % 37
    logits[torch.arange(46), target] += 4
    logits[7:14] = 9 * nn.functional.one_hot(target[7:14], 37)  # a batch without a mistake
    scores, whole = metrics.collection(PETS), metrics.collection(PETS)
    steps = [scores(z, y) for z, y in zip(logits.split(7), target.split(7), strict=True)]
    whole.update(logits, target)
    wanted = whole.compute()
    assert_close(scores.compute(), wanted, rtol=0, atol=0)
    mean = {name: sum(step[name].item() for step in steps) / len(steps) for name in wanted}
    assert mean["calibration_error/breed"] > 1.1 * wanted["calibration_error/breed"]
    assert math.isnan(mean["severity"])
    assert wanted["severity"] >= 1


def test_a_mean_of_levels_that_are_not_always_reached() -> None:
    """per_level is NaN where no label reaches: a MeanMetric, weighed by counts, leaves it out."""
    from torchmetrics import MeanMetric

    tree = taxoloss.load("pets").bind(node_targets=True)
    loss = TaxonomyLoss(tree)
    logits = torch.randn(9, 37, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 1, 2, *tree.node_ids(["cat", "dog", "cat"]).tolist(), 5, 37, 9])
    mean = MeanMetric(nan_strategy="ignore")
    for z, y in zip(logits.split(3), target.split(3), strict=True):
        mean.update(loss.per_level(z, y)["breed"], (y < 37).sum())
    assert loss.per_level(logits[3:6], target[3:6])["breed"].isnan()
    assert_close(mean.compute(), loss.per_level(logits, target)["breed"])


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["bind", "restrict"])
def test_names_of_a_dataset_column(method: str) -> None:
    """A ClassLabel binds, alone and as a column's feature; what holds it says where it is."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    names = sorted(PETS.classes)
    label = datasets.ClassLabel(names=names)
    made = datasets.Dataset.from_dict({"label": [0, 1]}, features=datasets.Features({"label": label}))
    work: Callable[[Any], Taxonomy] = getattr(PETS, method)
    for given in (label, made.features["label"]):
        assert work(given) == work(names)
        assert work(given).classes == tuple(names)
    with pytest.raises(TypeError, match=r"got List: give its \.feature$") as caught:
        work(datasets.List(label))
    one_sentence(caught.value)
    with pytest.raises(TypeError, match=r"got Features: give its \['label'\]$") as caught:
        work(made.features)
    one_sentence(caught.value)
    with pytest.raises(TypeError, match=r"got Dataset: give its \.features\['label'\]") as caught:
        work(made)
    one_sentence(caught.value)
    plain = datasets.Dataset.from_dict({"label": [0, 1]}).features["label"]
    with pytest.raises(TypeError, match="got Value, a column without class names") as caught:
        work(plain)
    one_sentence(caught.value)
    with pytest.raises(
        BindingError, match=r"no names, only numbers, `0` to `36`: give the class names"
    ) as no:
        work(datasets.ClassLabel(num_classes=37))
    one_sentence(no.value)


@pytest.mark.parametrize("method", ["bind", "restrict"])
@pytest.mark.parametrize(
    "names",
    [
        {number: f"LABEL_{number}" for number in range(37)},
        {f"LABEL_{number}": number for number in range(37)},
        {"0": "LABEL_0", "1": "LABEL_1"},
        [f"class_{number}" for number in range(37)],
        sorted(str(number) for number in range(37)),  # folders that are called by numbers
        [str(number) for number in range(1, 38)],
    ],
)
def test_a_model_without_class_names(method: str, names: Any) -> None:
    """LABEL_0, LABEL_1, ...: one sentence and not one a class."""
    with pytest.raises(BindingError, match="the classes have no names, only numbers") as caught:
        getattr(PETS, method)(names)
    assert "id2label=dict(enumerate(names))" in one_sentence(caught.value)


def test_numbers_that_are_names() -> None:
    """Where the tree has classes of these names, they bind; and codes that are no count are names too."""
    digits = Taxonomy.from_paths([("round", "0"), ("straight", "1"), ("round", "2")])
    assert digits.bind(["0", "1", "2"]).classes == ("0", "1", "2")
    with pytest.raises(BindingError, match=r"class 0, `11`, is no leaf"):
        digits.bind(["11", "21", "22"])


@pytest.mark.parametrize(
    "given", [np.unique([2, 0, 1]), [0, 1, 2], range(37), torch.arange(3), np.arange(3.0)]
)
def test_labels_where_names_belong(given: Any) -> None:
    """bind(np.unique(y)): a sentence that says what to give."""
    with pytest.raises(TypeError, match="give the names, in the order of the numbers") as caught:
        PETS.bind(given)
    one_sentence(caught.value)


def test_categories_of_torchvision_and_timm() -> None:
    """ImageNet's descriptions are not unique: the error says how many are known, and whose order binds."""
    vision = pytest.importorskip("torchvision", reason="torchvision is not installed")
    data = pytest.importorskip("timm.data", reason="timm is not installed")
    info, tree = data.ImageNetInfo(), taxoloss.load("imagenet1k")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        categories = vision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    assert tree.bind(info.label_names()) == tree.bind(sorted(tree.classes))
    for given, known in (
        (categories, "998 of the 1,000"),
        (info.label_descriptions(), "1,000 of the 1,000"),
        (info.label_descriptions(detailed=True), "1,000 of the 1,000"),
    ):
        with pytest.raises(BindingError, match=f"{known} names describe classes .* t.bind") as caught:
            tree.bind(given)
        assert "sorted(t.classes)" in one_sentence(caught.value)
    with pytest.raises(BindingError, match=r"describe classes of this tree .*: give the names$"):
        tree.bind([*categories[1:], categories[0]])  # another order, which nothing says how to read


def test_restrict_names_itself() -> None:
    """What its help says can be followed."""
    wrong = [name.replace("_", " ") for name in PETS.classes if "_" in name and name[0].islower()][:6]
    with pytest.raises(BindingError, match=r"t\.restrict\(\[") as caught:
        PETS.restrict(wrong)
    line = next(line.strip() for line in str(caught.value).splitlines() if "t.restrict([" in line)
    found: Taxonomy = eval(line, {"t": PETS, "class_names": wrong})
    assert len(found) == len(wrong)


def test_a_tree_made_of_its_own_paths() -> None:
    """In bound order it has another order of siblings, so another digest: to_dict and save keep it."""
    bound = PETS.bind(sorted(PETS.classes, reverse=True))
    rebuilt = Taxonomy.from_paths(bound.paths(), levels=bound.levels).bind(bound.classes)
    assert rebuilt.digest != bound.digest
    with pytest.raises(RuntimeError, match="another taxonomy or another order of classes"):
        heads.Flat(4, rebuilt).load_state_dict(heads.Flat(4, bound).state_dict())
    assert Taxonomy.from_dict(bound.to_dict()).binding_digest == bound.binding_digest


# -- what is passed in another's place -------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_the_output_of_a_softmax_as_logits(dtype: torch.dtype) -> None:
    """The loss refuses it, as metrics and decisions do."""
    logits, target = torch.randn(4, 37), torch.arange(4)
    with pytest.raises(ValueError, match=r"these look like probabilities; .* or pass p\.log\(\)") as caught:
        TaxonomyLoss(PETS)(logits.softmax(1).to(dtype), target)
    one_sentence(caught.value)
    loss = TaxonomyLoss(PETS)
    assert_close(loss(logits.softmax(1).log(), target), loss(logits, target))


def test_target_first() -> None:
    """Keras passes y_true first: refused, whether it is (B,), (B, 1), integers or not."""
    logits, target = torch.randn(4, 37), torch.arange(4)
    for given in (target, target.float(), target[:, None].float()):
        with pytest.raises((ValueError, NotImplementedError, TypeError, RuntimeError)) as caught:
            TaxonomyLoss(PETS)(given, logits)
        assert "expected" in one_sentence(caught.value)


@pytest.mark.parametrize("name", ["TaxonomyLoss", "Flat", "PathSum", "ConditionalSoftmax", "LevelHeads"])
def test_what_reads_modules(name: str) -> None:
    """torch.jit.script and torch.fx.symbolic_trace are refused in words; torch.export serves."""
    module = TaxonomyLoss(PETS) if name == "TaxonomyLoss" else getattr(heads, name)(4, PETS)

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = module

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            result: Tensor = self.part(x, y) if name == "TaxonomyLoss" else self.part(x)
            return result

    for whole in (module, Step()):
        with pytest.raises(TypeError, match=rf"{name} cannot be read by torch\.jit\.script") as script:
            torch.jit.script(whole)
        one_sentence(script.value)
    with pytest.raises(
        TypeError, match=r"got Proxy: torch.fx.symbolic_trace has no shapes .* torch.export"
    ) as fx:
        torch.fx.symbolic_trace(Step())
    one_sentence(fx.value)
    x = torch.randn(3, 37 if name == "TaxonomyLoss" else 4)
    exported = torch.export.export(Step(), (x, torch.arange(3))).module()
    assert_close(exported(x, torch.arange(3)), Step()(x, torch.arange(3)))


# -- a schedule's text -----------------------------------------------------------------------------

TEXTS: dict[str, Any] = {
    "hxe:0.5": weighting.hxe(0.5),
    "geometric:0.75": weighting.geometric(0.75),
    "balanced": weighting.balanced(),
    "uniform": weighting.uniform(),
    "deepest": weighting.deepest(),
    "by_level:species=0.3,breed=0.7": WEIGHTS,
}


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_a_text_is_its_schedule(text: str) -> None:
    """In the module, the function, set_level_weights and the arms of controls, compiled too."""
    torch._dynamo.reset()
    logits, target = torch.randn(5, 37), torch.tensor([0, 36, -100, 4, 9])
    wanted = TaxonomyLoss(PETS, TEXTS[text])(logits, target)
    loss, other = TaxonomyLoss(PETS, text), TaxonomyLoss(PETS)
    other.set_level_weights(text)
    assert f"level_weights={text!r}" in repr(loss)
    assert repr(other) == repr(loss)
    compiled = torch.compile(
        lambda z: taxonomy_cross_entropy(z, target, PETS, text), backend="aot_eager", fullgraph=True
    )
    for found in (
        loss(logits, target),
        other(logits, target),
        taxonomy_cross_entropy(logits, target, PETS, text),
    ):
        assert_close(found, wanted, rtol=0, atol=0)
    assert_close(compiled(logits), wanted)
    features = torch.randn(5, 3)
    given = [arm("taxonomy", 3, PETS, weights) for weights in (text, TEXTS[text])]
    assert_close(given[0].loss(features, target), given[1].loss(features, target), rtol=0, atol=0)


def test_a_text_where_weights_go_by_level() -> None:
    """LevelHeads and the arms that scale by level take by_level's text, and no other."""
    head, features, target = heads.LevelHeads(3, PETS), torch.randn(5, 3), torch.arange(5)
    text = "by_level:species=0.3,breed=0.7"
    assert_close(head.loss(features, target, text), head.loss(features, target, WEIGHTS), rtol=0, atol=0)
    assert arm("flat_scaled", 3, PETS, text).rate == arm("flat_scaled", 3, PETS, WEIGHTS).rate
    with pytest.raises(TypeError, match=r"expected level weights by name, got str .hxe:0\.5."):
        head.loss(features, target, "hxe:0.5")
    for name in ("level_heads", "flat_scaled"):
        with pytest.raises(ValueError, match=r"got 'hxe:0\.5'"):
            arm(name, 3, PETS, "hxe:0.5")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "got the empty text ''"),
        ("  ", "got the empty text '  '"),
        (
            "{'species': 0.3, 'breed': 0.7}",
            "the text of a dict or a list: give the dict itself, or by_level:",
        ),
        ("[0.3, 0.7]", "the text of a dict or a list"),
        ("species=0.3,breed=0.7", "put by_level: before it"),
        ("hxee:1", "there is no schedule 'hxee'; .* did you mean `hxe`"),
        ("hxe", "expected hxe:NUMBER, got 'hxe'"),
        ("hxe:half", "expected hxe:NUMBER, got 'hxe:half'"),
        ("uniform:1", "expected uniform, got 'uniform:1'"),
        ("hxe:nan", "alpha"),
        ("label_balanced", r"weighting\.label_balanced\(counts\)"),
        ("by_level:species=1", "no weight for 'breed'"),
        ("by_level:species=1,bred=2", "there is no level 'bred'; .*breed"),
    ],
)
@pytest.mark.parametrize("where", ["module", "function", "set", "arm"])
def test_a_text_that_is_no_schedule(where: str, text: str, words: str) -> None:
    """One sentence, with what was expected, wherever the text is given; nothing is changed."""
    loss = TaxonomyLoss(PETS, "hxe:0.5")
    works: dict[str, Callable[[], Any]] = {
        "module": lambda: TaxonomyLoss(PETS, text),
        "function": lambda: taxonomy_cross_entropy(torch.zeros(1, 37), torch.zeros(1).long(), PETS, text),
        "set": lambda: loss.set_level_weights(text),
        "arm": lambda: arm("taxonomy", 3, PETS, text),
    }
    with pytest.raises(ValueError, match=words) as caught:
        works[where]()
    one_sentence(caught.value)
    assert "'hxe:0.5'" in repr(loss)
