"""The same predictions in every form: the same samples, and the numbers of the library."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_command import refused, run, scores
from hypothesis import given, settings
from hypothesis_settings import CALM, examples
from prediction_forms import (
    Predictions,
    answer_forms,
    matrix_forms,
    random_predictions,
    save_tree,
    write_rows,
    write_truth,
)
from trees import seeds

import taxoloss
from taxoloss import metrics
from taxoloss.cli.scoring.options import columns_of
from taxoloss.evaluation.opening import open_samples
from taxoloss.evaluation.request import Request

FEW = settings(CALM, max_examples=examples(25))


def library(p: Predictions, places: int | None = None) -> dict[str, float]:
    """What the library says of the predictions; of their best classes where places are given."""
    wanted = metrics.collection(
        p.taxonomy,
        calibration=places is None,
        ranking=places is None,
        curves=places is None,
        top_k=places if places != 1 else None,
    )
    logits = torch.from_numpy(p.logits)
    best = None if places is None else logits.topk(places).indices
    wanted.update(
        logits if best is None else best.squeeze(1) if places == 1 else best, torch.from_numpy(p.targets)
    )
    return {name: float(value) for name, value in wanted.compute().items()}


def request_of(options: list[str]) -> Request:
    """The request that options of the command make."""
    said = dict(zip(options[::2], options[1::2], strict=True))
    classes, targets = (Path(said[o]) if o in said else None for o in ("--classes", "--targets"))
    return Request(
        columns_of(said["--target"], ""),
        columns_of(said["--prediction"], "") if "--prediction" in said else (),
        said["--id"],
        score=said.get("--score"),
        values=said.get("--values"),
        classes=classes,
        targets=targets,
    )


def opened(path: Path, p: Predictions, options: list[str]) -> dict[str, tuple[Any, ...]]:
    """Of each sample its truth, and what is said of it: classes by name, or probabilities."""
    bound, samples = open_samples(path, p.taxonomy, request_of(options))
    names = [bound.path(node) for node in range(bound.num_nodes)]
    found: dict[str, tuple[Any, ...]] = {}
    for piece in samples.pieces():
        assert piece.ids is not None
        for name, preds, target in zip(piece.ids, piece.preds, piece.target, strict=True):
            if preds.is_floating_point():
                order = [names.index(p.taxonomy.path(column)) for column in range(len(p.taxonomy))]
                said: Any = preds.double().softmax(0)[order].numpy()
            else:
                said = [names[node] for node in preds.reshape(-1).tolist()]
            found[name] = (names[target], said)
    assert samples.rows in (None, len(found))
    return found


@given(draw=seeds)
@FEW
def test_every_form_gives_the_same_samples(draw: np.random.Generator) -> None:
    """Truth and numbers, or the best classes, of each sample by its name."""
    p = random_predictions(draw)
    truth = dict(zip(p.ids, map(p.taxonomy.path, p.targets.tolist()), strict=True))
    probs = dict(zip(p.ids, p.probs, strict=True))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, options in matrix_forms(p, folder, draw).items():
            found = opened(folder / file, p, options)
            assert {sample: pair[0] for sample, pair in found.items()} == truth, file
            for sample, (_, said) in found.items():
                np.testing.assert_allclose(said, probs[sample], rtol=1e-5, atol=1e-9, err_msg=file)
        for places in (1, len(p.classes) - 1):
            best = dict(zip(p.ids, np.argsort(-p.logits, 1)[:, :places].tolist(), strict=True))
            for file, options in answer_forms(p, folder, draw, places).items():
                found = opened(folder / file, p, options)
                assert found == {
                    sample: (truth[sample], [p.taxonomy.path(column) for column in best[sample]])
                    for sample in p.ids
                }, file


DRAW = np.random.default_rng(5)
PREDICTIONS = random_predictions(DRAW, 40)
MATRICES = [
    "long.csv",
    "long.tsv",
    "long.xlsx",
    "wide.csv",
    "wide.tsv",
    "wide.json",
    "probs.jsonl",
    "lists.json",
]
ANSWERS = ["ranks.xlsx", "ranks.jsonl", "untrue.json", "top.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the forms are written, with the tree."""
    path = tmp_path_factory.mktemp("forms")
    save_tree(PREDICTIONS, path / "t.json")
    return path


@pytest.mark.parametrize("file", MATRICES)
def test_numbers_in_every_form_score_as_the_library_does(file: str, folder: Path) -> None:
    """Every metric, those of probabilities too."""
    options = matrix_forms(PREDICTIONS, folder, np.random.default_rng(1))[file]
    found = scores(run(folder / "t.json", folder / file, *options, "--draws", 2, "--json"))
    wanted = library(PREDICTIONS)
    assert found.keys() == wanted.keys()
    assert {k: np.nan if v is None else v for k, v in found.items()} == pytest.approx(
        wanted, abs=1e-5, nan_ok=True
    )


@pytest.mark.parametrize("file", ANSWERS)
def test_answers_in_every_form_score_as_the_library_does(file: str, folder: Path) -> None:
    """Every metric of a ranking of three."""
    options = answer_forms(PREDICTIONS, folder, np.random.default_rng(1), 3)[file]
    found = scores(run(folder / "t.json", folder / file, *options, "--draws", 2, "--json"))
    wanted = library(PREDICTIONS, 3)
    assert found.keys() == wanted.keys()
    assert {k: np.nan if v is None else v for k, v in found.items()} == pytest.approx(
        wanted, abs=1e-5, nan_ok=True
    )


def test_decisions_of_a_row_for_each_class(folder: Path) -> None:
    """They need a number for each class, and have it."""
    forms = matrix_forms(PREDICTIONS, folder, np.random.default_rng(1))
    found = [
        scores(
            run(
                folder / "t.json",
                folder / file,
                *forms[file],
                "--decision",
                "climb",
                "--json",
                "--draws",
                2,
            )
        )
        for file in ("wide.csv", "long.csv")
    ]
    assert found[0] == pytest.approx(found[1], nan_ok=True)


def test_names_of_an_older_tree(tmp_path: Path) -> None:
    """Names, paths and rankings score as the classes of the migrated matrix do."""
    groups = {"cat": ["Bengal", "Sphynx"], "dog": ["pug", "puggle", "beagle"]}
    old = taxoloss.load({"tree": groups}).bind()
    document = {"tree": {"Felis": ["Bengal", "Sphynx"], "dog": ["pug", "beagle"], "bird": ["wren"]}}
    new = taxoloss.load(document).bind(node_targets=True)
    (tmp_path / "new.json").write_text(json.dumps(document))
    old.diff(new, renames={"puggle": "pug", "cat": "Felis"}).migration.save(tmp_path / "map.json")
    draw = np.random.default_rng(3)
    best = draw.integers(0, 5, 30)
    truth = [["Bengal", "dog", "puggle", "cat/Sphynx", "cat"][place] for place in draw.integers(0, 5, 30)]
    names = [path[-1] for path in map(old.path, range(5))]
    paths = ["/".join(old.path(column)) for column in range(5)]
    # The second of a ranking: a cat for a dog and a dog for a cat, so that no new class stands twice.
    second = [names[0] if old.path(int(column))[0] == "dog" else names[-1] for column in best]
    options = ["--migration", tmp_path / "map.json", "--json", "--draws", 2]
    logits = 40.0 * np.eye(5)[best]
    write_rows(
        tmp_path / "m.csv",
        ["target", *names],
        ([t, *row] for t, row in zip(truth, logits.tolist(), strict=True)),
    )
    wanted = scores(run(tmp_path / "new.json", tmp_path / "m.csv", *options))
    rows = [
        [t, names[c], paths[c], s, f"{names[c]} | {s}"] for t, c, s in zip(truth, best, second, strict=True)
    ]
    write_rows(tmp_path / "a.csv", ["target", "name", "path", "next", "both"], rows)
    for said in ("name", "path", "name,next", "both"):
        found = scores(run(tmp_path / "new.json", tmp_path / "a.csv", "--prediction", said, *options))
        shared = [key for key in found if not key.startswith("top_")]
        assert {key: found[key] for key in shared} == pytest.approx(
            {key: wanted[key] for key in shared}, nan_ok=True
        )
        assert any("accuracy" in key for key in shared)


def test_a_row_for_each_class_of_an_older_tree(tmp_path: Path) -> None:
    """Gathered by the old classes, two of which are one now."""
    old = taxoloss.load({"tree": {"cat": ["Bengal"], "dog": ["pug", "puggle"]}}).bind()
    document = {"tree": {"cat": ["Bengal"], "dog": ["pug", "beagle"]}}
    new = taxoloss.load(document).bind(node_targets=True)
    (tmp_path / "new.json").write_text(json.dumps(document))
    old.diff(new, renames={"puggle": "pug"}).migration.save(tmp_path / "map.json")
    rows = [["x", "cat/Bengal", 2.0, "pug"], ["y", "pug", 1.0, "Bengal"], ["x", "pug", 3.0, "pug"],
            ["y", "puggle", 1.5, "Bengal"], ["x", "puggle", -1.0, "pug"],
            ["y", "Bengal", 1.75, "Bengal"]]  # fmt: skip
    write_rows(tmp_path / "long.csv", ["id", "class", "n", "target"], rows)
    wide = [["pug", 2.0, 3.0, -1.0], ["Bengal", 1.75, 1.0, 1.5]]
    write_rows(tmp_path / "wide.csv", ["target", "Bengal", "pug", "puggle"], wide)
    options = ["--migration", tmp_path / "map.json", "--json", "--draws", 2]
    said = ["--id", "id", "--prediction", "class", "--score", "n"]
    found = scores(run(tmp_path / "new.json", tmp_path / "long.csv", *said, *options))
    wanted = scores(run(tmp_path / "new.json", tmp_path / "wide.csv", *options))
    assert found == pytest.approx(wanted, nan_ok=True)


def test_truths_of_json_and_groups_of_another_file(tmp_path: Path) -> None:
    """The file of the truth may be JSON, and may hold the groups."""
    p = random_predictions(np.random.default_rng(8), 5)
    save_tree(p, tmp_path / "t.json")
    write_rows(tmp_path / "p.csv", ["image", "prediction"], zip(p.ids, p.truth, strict=True))
    said = ["--id", "image", "--target", "truth", "--json", "--draws", 2]
    said = ["--id", "image", "--target", "truth", "--json", "--draws", 2]
    for name in ("truth.jsonl", "truth.json", "truth.tsv", "truth.xlsx"):
        path = write_truth(p, tmp_path / name)
        done = run(tmp_path / "t.json", tmp_path / "p.csv", *said, "--targets", path)
        assert scores(done)["distance"] == 0
    write_rows(
        tmp_path / "g.csv",
        ["image", "truth", "camera"],
        ([i, t, f"c{i}"] for i, t in zip(p.ids, p.truth, strict=True)),
    )
    request = Request(("truth",), (), "image", "camera", targets=tmp_path / "g.csv")
    for values in (False, True):
        if values:
            write_rows(
                tmp_path / "p.csv",
                ["image", *p.classes],
                ([i, *row] for i, row in zip(p.ids, p.logits.tolist(), strict=True)),
            )
        (piece,) = open_samples(tmp_path / "p.csv", p.taxonomy, request)[1].pieces()
        assert piece.groups == [f"c{i}" for i in p.ids]


def test_classes_that_a_newer_tree_lacks_are_told(tmp_path: Path) -> None:
    """Numbers and names of them: scores that rise because a class is gone say so."""
    old = taxoloss.load({"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug", "puggle"]}}).bind()
    for name, dogs in (("less", ["pug"]), ("all", ["pug", "puggle", "beagle"])):
        document = {"tree": {"cat": ["Bengal", "Sphynx"], "dog": dogs}}
        new = taxoloss.load(document).bind(node_targets=True)
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        old.diff(new).migration.save(tmp_path / f"{name}_map.json")
    write_rows(
        tmp_path / "m.csv",
        ["target", "Bengal", "Sphynx", "pug", "puggle"],
        [["pug", 0, 0, 2, 3], ["puggle", 1, 0, 0, 3]],
    )
    write_rows(tmp_path / "a.csv", ["target", "prediction"], [["pug", "puggle"], ["puggle", "Bengal"]])
    for file in ("m.csv", "a.csv"):
        for name, told in (("less", 1), ("all", 0)):
            options = ["--migration", tmp_path / f"{name}_map.json", "--json", "--draws", 2]
            notes = json.loads(run(tmp_path / f"{name}.json", tmp_path / file, *options).stdout)["notes"]
            assert sum("1 of 4 old classes in no new one: `puggle`" in note for note in notes) == told


def test_percentages_are_refused_with_what_to_write(tmp_path: Path) -> None:
    """A sign that spreadsheets add."""
    document = {"tree": {"cat": ["Bengal", "Sphynx"], "dog": ["pug"]}}
    (tmp_path / "t.json").write_text(json.dumps(document))
    rows = [["pug", "93%", "2%", "5%"]]
    write_rows(tmp_path / "m.csv", ["target", "Bengal", "Sphynx", "pug"], rows)
    refused(run(tmp_path / "t.json", tmp_path / "m.csv"), "93% as 0.93")
