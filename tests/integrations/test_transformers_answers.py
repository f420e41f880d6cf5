"""Pipelines, configurations, datasets, model cards and Hub folders of Hugging Face, without a download."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import taxoloss

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
huggingface_hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

from hub_modules import HubClassifier, TextAnnotated, Uncoded  # noqa: E402
from tiny_transformers import CLASSES, TREE, tree, vit  # noqa: E402

from taxoloss.integrations.transformers import (  # noqa: E402
    check_config,
    label_maps,
    model_card,
    rollup,
)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def answer(scores: dict[str, float]) -> list[dict[str, Any]]:
    """What a pipeline gives for one input."""
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    return [{"label": label, "score": score} for label, score in ranked]


FIVE = {"pug": 0.4, "Bengal": 0.25, "fish": 0.1, "beagle": 0.05, "Sphynx": 0.2}


# -- pipelines -------------------------------------------------------------------------------------


def text_pipeline(t: taxoloss.Taxonomy) -> Any:
    """A classifier of texts with random weights."""
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    words = {word: number for number, word in enumerate(["[UNK]", "[PAD]", "a", "b", "c"])}
    plain = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    plain.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]", model_max_length=8
    )
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    config = transformers.BertConfig(vocab_size=5, **sizes, max_position_embeddings=8, **label_maps(t))
    model = transformers.BertForSequenceClassification(config).eval()
    model.classifier.weight.data.mul_(50)
    return transformers.pipeline("text-classification", model=model, tokenizer=fast, device="cpu")


def image_pipeline(t: taxoloss.Taxonomy) -> Any:
    """A classifier of images with random weights."""
    pytest.importorskip("PIL", reason="Pillow is not installed")
    processor = transformers.ViTImageProcessor(size={"height": 8, "width": 8})
    return transformers.pipeline(
        "image-classification", model=vit(t).eval(), image_processor=processor, device="cpu"
    )


def test_answers_about_images_at_every_level() -> None:
    """As the level probabilities of the model's logits; classes keep the pipeline's own answer."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    t = tree()
    pipe = image_pipeline(t)
    pictures = [image.fromarray(np.full((8, 8, 3), shade, np.uint8)) for shade in (10, 200)]
    answers = pipe(pictures, top_k=5)
    rolled = rollup(answers, t)
    with torch.no_grad():
        pixels = pipe.image_processor(pictures, return_tensors="pt")["pixel_values"]
        levels = taxoloss.functional.level_log_probs(pipe.model(pixels).logits, t)
    for number, row in enumerate(rolled):
        assert list(row) == ["species", "breed"]
        assert row["breed"] == answers[number]
        for level, found in row.items():
            by_name = dict(zip(t.nodes(level), levels[level][number].exp().tolist(), strict=True))
            assert {one["label"]: one["score"] for one in found} == pytest.approx(by_name, abs=1e-6)
            scores = [one["score"] for one in found]
            assert scores == sorted(scores, reverse=True)
            assert sum(scores) == pytest.approx(1, abs=1e-6)
    assert rollup(pipe(pictures[0], top_k=5), t) == rolled[0]
    assert list(rollup(pipe((one for one in pictures), top_k=5), t)) == rolled
    assert len(pipe(image.new("RGB", (8, 8)), top_k=None)) == 5  # of more classes it is still 5


def test_answers_about_texts() -> None:
    """One text, several, and what pipelines leave out or make of scores: refused."""
    t = tree()
    pipe = text_pipeline(t)
    one, several = pipe("a b", top_k=None), pipe(["a b", "c"], top_k=None)
    assert rollup(one, t) == rollup(several, t)[0]
    assert rollup(several, t)[1]["breed"] == several[1]
    for partial in (pipe("a b"), pipe(["a b", "c"]), pipe("a b", top_k=3)):
        with pytest.raises(ValueError, match=r"scores of all 5 classes, got \d: .*top_k=5"):
            rollup(partial, t)
    with pytest.raises(ValueError, match=r"these are logits.*function_to_apply='none'"):
        rollup(pipe("a b", top_k=None, function_to_apply="none"), t)
    with pytest.raises(ValueError, match=r"sum to 1, got .* these are of a sigmoid"):
        rollup(pipe("a b", top_k=None, function_to_apply="sigmoid"), t)


def test_a_zero_shot_answer() -> None:
    """Its labels and scores stand in two lists."""
    found = rollup({"sequence": "a", "labels": list(FIVE), "scores": list(FIVE.values())}, tree())
    assert found == rollup(answer(FIVE), tree())
    assert found["species"] == [
        {"label": label, "score": pytest.approx(score)}
        for label, score in [("cat", 0.45), ("dog", 0.45), ("fish", 0.1)]
    ]


def test_an_unbound_tree_and_any_order() -> None:
    """The answers name their classes; ties stand in the order of the tree."""
    flat = dict.fromkeys(CLASSES, 0.2)
    assert rollup(answer(FIVE), taxoloss.load(TREE)) == rollup(answer(FIVE), tree().bind(CLASSES[::-1]))
    assert [one["label"] for one in rollup(answer(flat), tree())["species"]] == ["cat", "dog", "fish"]
    assert [one["label"] for one in rollup(answer(flat), tree())["breed"]] == CLASSES
    assert rollup([], tree()) == []


def test_names_that_stand_in_several_branches() -> None:
    """Paths name the classes; a level that has a name twice is labelled by paths."""
    t = taxoloss.load({"tree": {"x": {"a": ["u", "v"]}, "y": {"a": ["u", "w"]}}}).bind()
    maps = label_maps(t)
    assert maps["id2label"] == {0: "x/a/u", 1: "x/a/v", 2: "y/a/u", 3: "y/a/w"}
    found = rollup(answer(dict(zip(maps["label2id"], [0.4, 0.3, 0.2, 0.1], strict=True))), t)
    assert [one["label"] for one in found["depth_1"]] == ["x", "y"]
    assert [one["label"] for one in found["depth_2"]] == ["x/a", "y/a"]
    assert found["depth_2"][0]["score"] == pytest.approx(0.7)


def test_classes_above_other_classes() -> None:
    """A genus that is an output too keeps its own score, and counts in its node."""
    t = taxoloss.load(TREE).bind([*CLASSES, "cat"], inner_classes=True)
    found = rollup(answer({**dict.fromkeys(CLASSES, 0.1), "cat": 0.5}), t)
    assert found["species"][0] == {"label": "cat", "score": pytest.approx(0.7)}
    assert found["breed"][0] == {"label": "cat", "score": 0.5}
    assert t.bind(label_maps(t)["id2label"]).same_binding(t.binding_digest)


UNNAMED = "the classes have no names, only numbers, `LABEL_0` to `LABEL_4`: give the class names"


@pytest.mark.parametrize(
    ("answers", "error", "said"),
    [
        (
            answer({f"LABEL_{n}": 0.2 for n in range(5)}),
            taxoloss.TaxonomyError,
            UNNAMED,
        ),
        ([*answer(FIVE), {"label": "pug", "score": 0}], taxoloss.TaxonomyError, "pug"),
        (answer({**FIVE, "Pug": 0.0}), taxoloss.TaxonomyError, "Pug"),
        (answer({**FIVE, "pug": float("nan")}), ValueError, "got NaN"),
        ("pug", TypeError, "answers of a pipeline, got str"),
        (3, TypeError, "answers of a pipeline, got int"),
        ([["pug"]], TypeError, "answer of a classification pipeline"),
        ([[answer(FIVE)]], TypeError, "one list too many"),
        ([{"label": "pug", "score": None, "mask": 1}], TypeError, "scores as numbers, got None"),
        ({"labels": list(FIVE), "scores": [0.9] * 5}, ValueError, "multi_label=False"),
        ({"labels": ["pug"], "scores": [1.0]}, ValueError, "candidate_labels=list"),
        ({"label": "pug", "score": 1.0}, ValueError, "scores of all 5 classes, got 1"),
    ],
)
def test_answers_that_are_refused(answers: Any, error: Any, said: str) -> None:
    """One sentence each."""
    with pytest.raises(error, match=said):
        rollup(answers, tree())
    with pytest.raises(TypeError, match="expected a Taxonomy beside the answers, got list"):
        rollup(answers, CLASSES)  # type: ignore[arg-type]


# -- names of classes ------------------------------------------------------------------------------


def test_a_configuration_keeps_the_order(tmp_path: Path) -> None:
    """Written from the tree, stored, loaded: the tree bound to it is the same."""
    t = tree()
    vit(t).save_pretrained(tmp_path)
    model = transformers.ViTForImageClassification.from_pretrained(tmp_path)
    check_config(model, t)
    check_config(model.config, t)
    for holder, place in ((model, r"\.config\.id2label"), (model.config, r"\.id2label")):
        with pytest.raises(TypeError, match=f"give its {place}"):
            taxoloss.load(TREE).bind(holder)
    assert t.bind(model.config.id2label) == t
    assert model.config.label2id == label_maps(t)["label2id"]


def test_configurations_that_are_refused() -> None:
    """Another order, no names, two orders at once, missing classes, several labels a sample."""
    t = tree()
    config = vit(t).config
    with pytest.raises(ValueError, match="got `dog/pug` as class 0, where the taxonomy has `cat/Bengal`"):
        check_config(config, t.bind(["Bengal", "pug", *CLASSES[2:]]))
    with pytest.raises(taxoloss.TaxonomyError, match=UNNAMED):
        check_config(transformers.ViTConfig(num_labels=5), t)
    with pytest.raises(taxoloss.TaxonomyError, match="fish"):
        check_config(transformers.ViTConfig(id2label=dict(enumerate(CLASSES[:2]))), t)
    twisted = {name: number for number, name in enumerate(CLASSES[::-1])}
    with pytest.raises(ValueError, match="inverse of id2label, got 0 -> `pug` and `pug` -> 4"):
        check_config(transformers.ViTConfig(id2label=dict(enumerate(CLASSES)), label2id=twisted), t)
    config.problem_type = "multi_label_classification"
    with pytest.raises(ValueError, match="one label a sample"):
        check_config(config, t)
    with pytest.raises(TypeError, match="with id2label, got int"):
        check_config(3, t)
    with pytest.raises(ValueError, match="bind"):
        label_maps(taxoloss.load(TREE))


def test_the_class_label_of_a_dataset() -> None:
    """Its names bind, its numbers are the targets; a column of inner nodes goes through node_ids."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    labels = datasets.ClassLabel(names=CLASSES)
    features = datasets.Features({"label": labels, "text": datasets.Value("string")})
    data = datasets.Dataset.from_dict({"label": ["fish", "pug"], "text": ["a", "b"]}, features=features)
    t = taxoloss.load(TREE).bind(data.features["label"].names)
    assert t == tree()
    assert t.node_ids(["fish", "pug"]).tolist() == data["label"][:]
    for holder, place in ((data, r"\.features\['label'\]"), (data.features, r"its \['label'\]")):
        with pytest.raises(TypeError, match=place):
            taxoloss.load(TREE).bind(holder)
    mixed = datasets.ClassLabel(names=["cat", "pug", "fish"])
    targets = tree(node_targets=True).node_ids(mixed.names)
    assert [tree(node_targets=True).describe(n)[0].name for n in targets.tolist()] == mixed.names


# -- cards and folders -----------------------------------------------------------------------------


def blocks(card: str) -> dict[str, str]:
    """The code of a card by its language."""
    return dict(re.findall(r"^```(\w+)\n(.*?)\n```$", card, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize(
    "t",
    [
        tree(),
        tree(node_targets=True),
        taxoloss.load(TREE).bind([*CLASSES, "cat"], inner_classes=True),
        taxoloss.load({"tree": {"x": ["u", "a | b"], "y": ["u", "`c`"], "z/u": ["<b>"]}}).bind(),
    ],
    ids=["plain", "node targets", "inner classes", "odd names"],
)
def test_a_card_tells_the_tree_and_the_order(
    t: taxoloss.Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in it, written to the files that it names, is the taxonomy: its own code says so."""
    section = model_card(t, {"eval_accuracy/species": 0.91234, "eval_severity": float("nan")}, 0.8)
    data = huggingface_hub.ModelCardData(tags=["taxoloss"], license="mit")
    card = huggingface_hub.ModelCard(f"---\n{data.to_yaml()}\n---\n# Pets\n\n{section}")
    card.save(tmp_path / "README.md")
    read = huggingface_hub.ModelCard.load(tmp_path / "README.md")
    assert read.data.tags == ["taxoloss"]
    found = blocks(read.text)
    monkeypatch.chdir(tmp_path)
    Path("taxonomy.yaml").write_text(found["yaml"], encoding="utf-8")
    Path("classes.json").write_text(found["json"], encoding="utf-8")
    scope: dict[str, Any] = {}
    exec(found["python"], scope)
    assert scope["t"] == t
    assert t.digest in read.text
    assert "| eval\\_accuracy/species | 0.9123 |" in read.text
    assert "| eval\\_severity | none counted |" in read.text
    assert "probability is above 0.8" in read.text


def test_a_card_with_a_calibrated_threshold() -> None:
    """Its promise stands there; one of another order is refused."""
    t = tree()
    truth = torch.arange(5).repeat(40)
    logits = 3 * torch.eye(5)[truth] + torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    threshold = taxoloss.decisions.calibrate_threshold(logits, truth, t, risk=0.1)
    assert str(threshold) in model_card(t, threshold=threshold)
    with pytest.raises(TypeError, match="expected scores as numbers, got str 'good'"):
        model_card(t, {"accuracy": "good"})
    with pytest.raises(ValueError, match="class order that this threshold"):
        model_card(t.bind(CLASSES[::-1]), threshold=threshold)
    with pytest.raises(ValueError, match="bind"):
        model_card(taxoloss.load(TREE))
    assert "json" not in blocks(model_card(taxoloss.load("naics2022").bind()))


@pytest.mark.parametrize("how", ["place", "taxonomy", "other"])
def test_a_module_with_its_tree_in_a_folder_of_the_hub(tmp_path: Path, how: str) -> None:
    """Saved and loaded: to the last bit, with the order; another order and a changed file are refused."""
    t = tree(node_targets=True)
    module = HubClassifier(4, t) if how == "place" else HubClassifier(4, **{how: t})
    module.save_pretrained(tmp_path)
    key = "other" if how == "other" else "taxonomy"
    assert {"config.json", "model.safetensors"} <= {path.name for path in tmp_path.iterdir()}
    loaded = HubClassifier.from_pretrained(tmp_path)
    features = torch.randn(6, 3)
    assert torch.equal(loaded(features), module(features))
    assert loaded.head.taxonomy == t
    with pytest.raises(RuntimeError, match="another order of classes"):
        HubClassifier.from_pretrained(tmp_path, **{key: t.bind(CLASSES[::-1])})  # type: ignore[arg-type]
    file = tmp_path / "config.json"
    config = json.loads(file.read_text())
    config[key]["order"] = config[key]["order"][::-1]
    file.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="order"):
        HubClassifier.from_pretrained(tmp_path)


@pytest.mark.parametrize("module", [TextAnnotated, Uncoded])
def test_a_module_whose_tree_no_coder_is_asked_for(tmp_path: Path, module: Any) -> None:
    """An annotation that is text, a subclass without coders: refused when it is loaded."""
    module(4, tree()).save_pretrained(tmp_path)
    with pytest.raises(TypeError, match=r"Taxonomy\.from_dict\(\.\.\.\) makes one|required .*'taxonomy'"):
        module.from_pretrained(tmp_path)
