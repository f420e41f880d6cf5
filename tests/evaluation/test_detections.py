"""Results of SpeciesNet and MegaDetector: the answers of each image, called as the tree calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from evaluate_command import refused, run, scores
from prediction_forms import write_rows
from typer.testing import CliRunner

import taxoloss
from taxoloss.cli import app
from taxoloss.evaluation.opening import open_samples
from taxoloss.evaluation.request import Request

UUID = "990ae9dd-7a59-4344-afcb-1b7b2136800"
LYNX = f"{UUID}0;mammalia;carnivora;felidae;lynx;rufus;bobcat"
CATS = f"{UUID}1;mammalia;carnivora;felidae;;;cat family"
WOLF = f"{UUID}2;mammalia;carnivora;canidae;canis;lupus;grey wolf"
COW = f"{UUID}3;mammalia;cetartiodactyla;bovidae;bos;taurus;domestic cattle"
BLANK = f"{UUID}4;;;;;;blank"
LABELS = [LYNX, CATS, WOLF, COW, BLANK]

TREE = {
    "levels": ["family", "species"],
    "tree": {"Felidae": ["Lynx rufus", "Felis catus"], "Canidae": ["Canis lupus"],
             "Bovidae": ["Domestic cattle"], "other": ["blank", "person"]},
}  # fmt: skip
SAID = ["--id", "file", "--target", "truth", "--targets", "y.csv"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files stand in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    Path("t.json").write_text(json.dumps(TREE))
    return tmp_path


def truths(*names: str) -> None:
    """The truth of the images 0.jpg, 1.jpg, .."""
    write_rows(Path("y.csv"), ["file", "truth"], ([f"a/{i}.jpg", name] for i, name in enumerate(names)))


def speciesnet(*images: dict[str, Any]) -> str:
    """A file of predictions, each image with its name."""
    named = [{"filepath": f"a/{i}.jpg", **image} for i, image in enumerate(images)]
    Path("p.json").write_text(json.dumps({"predictions": named}))
    return "p.json"


def megadetector(*images: Any, **changed: Any) -> str:
    """A result file, each image with its detections."""
    content = {
        "info": {"format_version": "1.4"},
        "detection_categories": {"1": "animal", "2": "person"},
        "classification_categories": {"0": "bobcat", "1": "wolf", "2": "Lynx rufus"},
        "classification_category_descriptions": {"0": LYNX, "1": WOLF},
        "images": [{"file": f"a/{i}.jpg", "detections": found} for i, found in enumerate(images)],
    }
    Path("p.json").write_text(json.dumps(content | changed))
    return "p.json"


def found(conf: float, category: str = "1", *classes: tuple[object, float]) -> dict[str, Any]:
    """A detection."""
    return {
        "category": category,
        "conf": conf,
        "bbox": [0, 0, 1, 1],
        "classifications": [*map(list, classes)],
    }


def answers(
    path: str, prediction: tuple[str, ...] = (), unknown: str = "error", tree: Any = TREE
) -> dict[str, list[str]]:
    """What is answered to each image, by the tree's own names."""
    request = Request(("truth",), prediction, "file", targets=Path("y.csv"), unknown=unknown)
    bound, samples = open_samples(Path(path), taxoloss.load(tree), request)
    (piece,) = samples.pieces()
    assert piece.ids is not None
    named = [
        [bound.path(node)[-1] for node in row] for row in piece.preds.reshape(len(piece.ids), -1).tolist()
    ]
    return dict(zip(piece.ids, named, strict=True))


# -- SpeciesNet ------------------------------------------------------------------------------------


def test_labels_are_called_as_the_tree_calls_them() -> None:
    """A species by its two names, a family by its own, else by the common name, in any case; it is told."""
    truths("Lynx rufus", "Felis catus", "Canis lupus", "Domestic cattle", "blank")
    path = speciesnet(*({"prediction": label, "prediction_score": 0.5} for label in LABELS))
    wanted = ["Lynx rufus", "Felidae", "Canis lupus", "Domestic cattle", "blank"]
    assert answers(path) == {f"a/{i}.jpg": [name] for i, name in enumerate(wanted)}
    done = run("t.json", path, *SAID, "--draws", 2, "--rows", "r.csv")
    assert done.exit_code == 0
    assert "predictions of SpeciesNet for 5 images" in done.output
    assert "5 labels are read by a name" in done.output
    assert "4 without regard to case: `Lynx rufus`" in done.output
    assert [line.split(",")[-1] for line in Path("r.csv").read_text().splitlines()[1:]] == ["0.5"] * 5


def test_a_tree_of_the_labels_has_them_whole() -> None:
    """`init` keeps each label as an alias: nothing is told of names, and the family label is a class."""
    Path("labels.txt").write_text("\n".join(LABELS) + "\n")
    assert CliRunner().invoke(app, ["init", "labels.txt", "-o", "l.yaml"]).exit_code == 0
    truths("lynx rufus", "lynx rufus", "canis lupus", "bos taurus", "blank")
    path = speciesnet(*({"prediction": label} for label in LABELS))
    wanted = ["lynx rufus", "cat family", "canis lupus", "bos taurus", "blank"]
    assert answers(path, tree="l.yaml") == {f"a/{i}.jpg": [name] for i, name in enumerate(wanted)}
    done = run("l.yaml", path, *SAID, "--draws", 2)
    assert done.exit_code == 0
    assert "by a name" not in done.output


def test_scores_are_those_of_a_table_of_names() -> None:
    """The same answers as names in a CSV, and the ranking as columns."""
    truths("Lynx rufus", "Canis lupus", "Canis lupus", "blank")
    ranks = [(LYNX, WOLF), (COW, WOLF), (WOLF, LYNX), (BLANK, COW)]
    images = [
        {"prediction": first, "classifications": {"classes": [second, first], "scores": [0.25, 0.5]}}
        for first, second in ranks
    ]
    path = speciesnet(*images)
    own = {LYNX: "Lynx rufus", WOLF: "Canis lupus", COW: "Domestic cattle", BLANK: "blank"}
    rows = [[f"a/{i}.jpg", *(own[label] for label in pair)] for i, pair in enumerate(ranks)]
    write_rows(Path("p.csv"), ["file", "first", "second"], rows)
    for ours, theirs in (("prediction", "first"), ("ranking", "first,second")):
        one = scores(run("t.json", path, *SAID, "--prediction", ours, "--draws", 2, "--json"))
        two = scores(run("t.json", "p.csv", *SAID, "--prediction", theirs, "--draws", 2, "--json"))
        assert one == pytest.approx(two, nan_ok=True)
    # A file of the classifier alone: its best class is the answer.
    path = speciesnet(*({"classifications": image["classifications"]} for image in images))
    assert answers(path) == {f"a/{i}.jpg": [own[first]] for i, (first, _) in enumerate(ranks)}


@pytest.mark.parametrize("unknown", ["wrong", "drop"])
def test_images_without_an_answer_are_unknown(unknown: str) -> None:
    """Failures, and labels that the tree has not: a species is never called by its genus or epithet."""
    tree = {"levels": ["genus", "species"], "tree": {"Canis": ["Canis latrans"], "Lupus": ["Lupus x"]}}
    Path("t.json").write_text(json.dumps(tree))
    truths("Canis latrans", "Canis latrans", "Canis latrans")
    other = f"{UUID}5;mammalia;carnivora;canidae;canis;latrans;coyote"
    path = speciesnet({"failures": ["CLASSIFIER"]}, {"prediction": WOLF}, {"prediction": other})
    done = run("t.json", path, *SAID, "--draws", 2)
    assert (done.exit_code, done.stdout) == (1, "")
    for words in (
        "1 name is no node",
        "1 row has none",
        "first in image 1",
        f"`{WOLF}`: 1 row, first in image 2",
    ):
        assert words in done.stderr
    done = run("t.json", path, *SAID, "--unknown", unknown, "--draws", 2, "--json")
    assert scores(done)["accuracy/species"] == pytest.approx(1.0 if unknown == "drop" else 1 / 3)
    assert "1 image without an answer" in done.stderr


def test_names_that_differ_in_case_alone_are_not_chosen_between() -> None:
    """Both are shown."""
    Path("t.json").write_text(json.dumps({"tree": {"A": ["Lynx rufus"], "B": ["LYNX rufus"]}}))
    truths("Lynx rufus")
    refused(run("t.json", speciesnet({"prediction": LYNX}), *SAID), "`lynx rufus` may be", "`LYNX rufus`")


def test_images_are_joined_by_their_whole_names() -> None:
    """Base names alone are told."""
    write_rows(Path("y.csv"), ["file", "truth"], [["0.jpg", "Lynx rufus"]])
    done = run("t.json", speciesnet({"prediction": LYNX}), *SAID)
    refused(
        done, "1 sample has no truth in y.csv: `a/0.jpg`", "folders alone (`a/0.jpg` here, `0.jpg` there)"
    )


# -- MegaDetector ----------------------------------------------------------------------------------


def test_the_surest_detection_answers() -> None:
    """By its best class, whose number may be a text or a number; else by what kind of thing it is."""
    truths(*["Lynx rufus"] * 5)
    path = megadetector(
        [found(0.2, "2"), found(0.9, "1", ("1", 0.25), (0, 0.75)), found(0.3, "2")],
        [found(0.9, "2"), found(0.8, "1", ("0", 1.0))],
        [found(0.5, "1", ("1", 0.5)), found(0.5, "2")],
        [found(0.5, "1", ("2", 0.5))],
        [found(0.5, "2"), found(0.25, "2")],
    )
    wanted = ["Lynx rufus", "person", "Canis lupus", "Lynx rufus", "person"]
    assert answers(path) == {f"a/{i}.jpg": [name] for i, name in enumerate(wanted)}
    done = run("t.json", path, *SAID, "--draws", 2, "--rows", "r.csv")
    assert "results of MegaDetector for 5 images" in done.output
    assert "1 image has several surest detections: the first in the file answers" in done.output
    last = [line.split(",")[-1] for line in Path("r.csv").read_text().splitlines()[1:]]
    assert last == ["0.75", "0.9", "0.5", "0.5", "0.5"]


def test_images_without_detections_have_no_answer() -> None:
    """An empty list, and a failure."""
    truths(*["Lynx rufus"] * 3)
    path = megadetector([], None, [found(0.5, "1", ("0", 0.5), ("1", 0.25))])
    assert answers(path, unknown="drop") == {"a/2.jpg": ["Lynx rufus"]}
    assert answers(path, ("ranking",), "drop") == {"a/2.jpg": ["Lynx rufus", "Canis lupus"]}
    done = run("t.json", path, *SAID, "--draws", 2)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "2 rows have none" in done.stderr


# -- what is no such file --------------------------------------------------------------------------

IMAGE: dict[str, Any] = {"filepath": "a/0.jpg"}
DETECTIONS: list[Any] = [{"category": "1", "conf": 0.5}]
FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no image": ({"predictions": []}, ["expected an image or more, got none"]),
    "no object": (
        {"predictions": ["a"]},
        ["image 1 of `predictions`: expected an object, got the text `a`"],
    ),
    "no file": ({"predictions": [{}]}, ["image 1 of `predictions`, `filepath`: expected a text, got null"]),
    "a number": (
        {"predictions": [IMAGE | {"prediction": 3}]},
        ["`prediction`: expected a text", "number 3"],
    ),
    "no score": (
        {"predictions": [IMAGE | {"prediction": LYNX, "prediction_score": "x"}]},
        ["`prediction_score`"],
    ),
    "no scores": (
        {"predictions": [IMAGE | {"classifications": {"classes": [LYNX]}}]},
        ["expected a score for each class, got 1 classes and 0 scores"],
    ),
    "scores": ({"predictions": [IMAGE | {"classifications": [LYNX]}]}, ["expected an object, got a list"]),
    "a class": (
        {"predictions": [IMAGE | {"classifications": {"classes": [1], "scores": [1]}}]},
        ["`classes`: expected a text, got the number 1"],
    ),
    "no detections": ({"images": [{"file": "x", "detections": {}}]}, ["`detections`: expected a list"]),
    "no detection": (
        {"images": [{"file": "x", "detections": [1]}]},
        ["expected an object, got the number 1"],
    ),
    "no conf": ({"images": [{"file": "x", "detections": [{}]}]}, ["`conf`: expected a number, got null"]),
    "no category": (
        {"images": [{"file": "x", "detections": DETECTIONS}]},
        ["image 1 of `images`: `detection_categories` has no `1`"],
    ),
    "categories": (
        {"images": [{"file": "x"}], "detection_categories": {"1": 2}},
        ["expected in `detection_categories` a name for each number"],
    ),
    "pairs": (
        {"images": [{"file": "x", "detections": [{"conf": 1, "classifications": [["0"]]}]}]},
        ["`classifications`: expected pairs of a class and its confidence, got a list"],
    ),
    "another object": (
        {"annotations": []},
        ["expected a list of records", "got an object with `annotations`"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_results_that_are_none(name: str) -> None:
    """The image and the key."""
    truths("Lynx rufus")
    content, words = FAULTS[name]
    Path("p.json").write_text(json.dumps(content))
    refused(run("t.json", "p.json", *SAID), "p.json: ", *words)


def test_results_need_a_truth() -> None:
    """They say nothing of it."""
    refused(
        run("t.json", speciesnet({"prediction": LYNX})),
        "say nothing of the truth",
        "--targets FILE",
        "--id",
    )
    refused(
        run("t.json", megadetector([]), "--id", "file"), "results of MegaDetector for 1 image say nothing"
    )
