"""LightningCLI takes a tree by name, by path or written out; its configs and checkpoints give it back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("lightning.pytorch", reason="the extra lightning is not installed")
pytest.importorskip("jsonargparse", reason="LightningCLI's parser is not installed")

SCRIPT = Path(__file__).with_name("lightning_cli.py")
ROOT = Path(__file__).parents[2]
TREE = "levels: [kind, breed]\ntree: {cat: [Bengal, Sphynx], dog: [pug]}\n"
OTHER = "cat: [Bengal], dog: [pug, Sphynx]"
pytestmark = pytest.mark.slow


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the script says."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The line about the taxonomy."""
    assert done.returncode == 0, done.stderr[-3000:]
    return next(line for line in done.stdout.splitlines() if line.startswith("taxonomy:"))


def test_a_name_goes_through_config_hyperparameters_and_checkpoint(tmp_path: Path) -> None:
    """All three hold `pets`; the config runs again, and the checkpoint makes the module again."""
    first = said(run(tmp_path, "fit", "--model.taxonomy", "pets"))
    assert "'pets', 37 classes" in first
    logs = tmp_path / "lightning_logs" / "version_0"
    assert yaml.safe_load((logs / "config.yaml").read_text())["model"]["taxonomy"] == "pets"
    assert yaml.safe_load((logs / "hparams.yaml").read_text())["taxonomy"] == "pets"
    assert said(run(tmp_path, "fit", "--config", str(logs / "config.yaml"))) == first
    (checkpoint,) = (logs / "checkpoints").iterdir()
    assert said(run(tmp_path, "load", str(checkpoint))) == first


def test_a_path_and_another_order(tmp_path: Path) -> None:
    """A relative path, and classes in their order; when the file has changed a checkpoint is refused."""
    (tmp_path / "tree.yaml").write_text(TREE)
    fit = ["fit", "--model.taxonomy", "tree.yaml"]
    done = run(tmp_path, *fit, "--model.classes", "[pug, Sphynx, Bengal]")
    assert said(done).endswith("kind 2 > breed 3, bound) pug")
    (checkpoint,) = (tmp_path / "lightning_logs" / "version_0" / "checkpoints").iterdir()
    assert said(run(tmp_path, "load", str(checkpoint))).endswith("pug")
    again = run(tmp_path, *fit, "--model.classes", "[Bengal, Sphynx, pug]", "--ckpt_path", str(checkpoint))
    assert said(again).endswith("pug")  # LightningCLI takes the arguments from the checkpoint
    (tmp_path / "tree.yaml").write_text(TREE.replace("cat: [Bengal, Sphynx], dog: [pug]", OTHER))
    other = run(tmp_path, "load", str(checkpoint))
    assert other.returncode != 0
    assert "the state is of another tree" in other.stderr


def test_a_tree_in_the_config(tmp_path: Path) -> None:
    """Written out with the keys of a file; what is printed as a config is read again."""
    config = yaml.safe_dump({"model": {"taxonomy": yaml.safe_load(TREE)}})
    (tmp_path / "config.yaml").write_text(config)
    first = said(run(tmp_path, "fit", "--config", "config.yaml"))
    assert "3 classes, kind 2 > breed 3" in first
    again = tmp_path / "lightning_logs" / "version_0" / "config.yaml"
    assert said(run(tmp_path, "fit", "--config", str(again))) == first


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("pest", ["there is no bundled taxonomy and no file `pest`", "did you mean `pets`?"]),
        ("missing.yaml", ["there is no file `missing.yaml`"]),
        ("broken.yaml", ["broken.yaml:2:", "T120"]),
    ],
)
def test_a_tree_that_is_not_there(tmp_path: Path, given: str, words: list[str]) -> None:
    """Said before anything is made, with the nearest name."""
    (tmp_path / "broken.yaml").write_text("tree:\n  - cat: [Bengal, Sphynx]\n")
    done = run(tmp_path, "fit", "--model.taxonomy", given)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
