"""Files of checkpoints: whole or not there; damaged, cut off, foreign and newer ones in a sentence each."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_cases import NEW, OLD, PETS, copied, filled, refused, same_state, unsaved
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from torch import nn

import taxoloss
from taxoloss.integrations.checkpoints import file as file_module

safetensors = pytest.importorskip("safetensors", reason="checkpoints are files of safetensors")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A whole file."""
    taxoloss.save(tmp_path / "m.safetensors", filled(nn.Linear(4, 5)), OLD, 0.9)
    return tmp_path / "m.safetensors"


def changed(path: Path, **metadata: Any) -> Path:
    """The file with other metadata; None takes a key out."""
    from safetensors.torch import load_file, save_file

    with safetensors.safe_open(path, framework="pt") as file:
        kept = file.metadata()
    kept |= {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items() if v is not None}
    for key in (key for key, value in metadata.items() if value is None):
        del kept[key]
    save_file(load_file(path), path, kept)
    return path


# -- where it is written ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("m.pt", "expected a path that ends in .safetensors, got '{}/m.pt': '{}/m.safetensors'"),
        ("m", "expected a path that ends in .safetensors, got '{}/m': '{}/m.safetensors'"),
        ("m.v1", "expected a path that ends in .safetensors, got '{}/m.v1': '{}/m.v1.safetensors'"),
        ("no/m.safetensors", "there is no folder '{}/no' to save in"),
    ],
)
def test_paths(name: str, words: str, tmp_path: Path) -> None:
    """A name that another tool would take for its own, or none would; a folder that is not there."""
    said = unsaved(tmp_path / name, nn.Linear(4, 5), OLD)
    assert words.format(tmp_path, tmp_path) in said
    assert not list(tmp_path.iterdir())


def test_a_path_in_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name is enough; a file that is there is replaced."""
    monkeypatch.chdir(tmp_path)
    for value in (0.0, 1.0):
        model = nn.Linear(4, 5)
        nn.init.constant_(model.weight, value)
        taxoloss.save("m.safetensors", model, OLD)
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
    other = nn.Linear(4, 5)
    taxoloss.load_checkpoint("m.safetensors", other)
    assert torch.equal(other.weight, torch.ones(5, 4))


def test_a_refusal_leaves_the_old_file(path: Path) -> None:
    """Nothing is written where the model, the taxonomy or the threshold is refused, or the disk is full."""
    before = path.read_bytes()
    for args in (
        (nn.Linear(4, 5, device="meta"), OLD),
        (nn.Linear(4, 5), PETS),
        (nn.Linear(4, 5), OLD, 7.0),
    ):
        with pytest.raises(ValueError):
            taxoloss.save(path, *args)
    with pytest.MonkeyPatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device"):
            taxoloss.save(path, filled(nn.Linear(4, 5), 9), NEW)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


WRITER = """
import sys, torch, taxoloss
pets = taxoloss.load("pets").bind()
model = torch.nn.Linear(20_000, 37)
for number in range(10_000):
    torch.nn.init.constant_(model.weight, number)
    taxoloss.save(sys.argv[1], model, pets)
    print(number, flush=True)
"""


@pytest.mark.slow
def test_whoever_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    """At any moment of writing: the file is the last one that was finished, or the one after."""
    path = tmp_path / "m.safetensors"
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    for wait in (0.0, 0.003, 0.011, 0.017, 0.029):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            env={**os.environ, "PYTHONPATH": search},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        for _ in range(3):
            writer.stdout.readline()
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        last = [3 - 1, *map(int, writer.stdout.read().split())][-1]
        writer.wait()
        model = nn.Linear(20_000, 37)
        taxoloss.load_checkpoint(path, model)
        value = model.weight.flatten()[0].item()
        assert torch.equal(model.weight, torch.full_like(model.weight, value))
        assert value in (last, last + 1)


# -- what is read ------------------------------------------------------------------------------------


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """No file, a folder, an empty file."""
    model = nn.Linear(4, 5)
    assert "No such file" in refused(tmp_path / "no.safetensors", model)
    assert "got a folder" in refused(tmp_path, model)
    (tmp_path / "m.safetensors").touch()
    assert "is empty: it was never written, or cut off" in refused(tmp_path / "m.safetensors", model)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    """Pickles of torch, old and new, and of Python; other formats; text."""
    import zipfile

    model, path = nn.Linear(4, 5), tmp_path / "m.safetensors"
    state = {"weight": torch.zeros(5, 4), "taxoloss": OLD.to_dict()}
    pickles = "was written by torch.save, or is another pickle, which may run code when it is read"
    for legacy in (False, True):
        torch.save(state, path, _use_new_zipfile_serialization=not legacy)
        assert pickles in refused(path, model)
        assert "t.check_state says whether it is of your tree" in refused(path, model)
        path.rename(tmp_path / "m.pt")  # torch reads by the suffix
        OLD.check_state(torch.load(tmp_path / "m.pt", weights_only=True))
    path.write_bytes(pickle.dumps(state))
    assert pickles in refused(path, model)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    assert "is a zip archive" in refused(path, model)
    for start, words in {
        b"\x89HDF\r\n\x1a\n": "is an HDF5 file",
        b"GGUF\x03\x00\x00\x00": "is a GGUF file",
        b"version https://git-lfs.github.com/spec/v1\n": "is a pointer of git-lfs",
        b"name: pets\ntree: [a, b]\n": "is no safetensors file, or damaged",
        b"{}": "is no safetensors file, or damaged",
    }.items():
        path.write_bytes(start + bytes(100))
        assert words in refused(path, model)


def test_safetensors_of_other_writers(path: Path) -> None:
    """Nothing in it says which column is which class."""
    from safetensors.torch import save_file

    words = (
        "is a safetensors file that taxoloss.save did not write: nothing in it says which column is which"
    )
    for metadata in (None, {"format": "pt"}):
        save_file({"weight": torch.zeros(5, 4), "bias": torch.zeros(5)}, path, metadata)
        assert words in refused(path, nn.Linear(4, 5))


def test_a_file_that_is_cut_off_anywhere(path: Path) -> None:
    """Every length but the whole one is refused by a sentence."""
    data = path.read_bytes()
    lengths = {*range(0, len(data), 37), 1, 7, 8, 9, len(data) - 1}
    for length in sorted(lengths):
        path.write_bytes(data[:length])
        said = refused(path, nn.Linear(4, 5))
        assert "cut off" in said or length < 9, (length, said)
    path.write_bytes(data[:-1])
    assert f"is cut off: {len(data) - 1:,} of {len(data):,} bytes are there" in refused(
        path, nn.Linear(4, 5)
    )
    path.write_bytes(data + b"more")
    assert "is damaged: 4 bytes stand behind its last tensor" in refused(path, nn.Linear(4, 5))


@settings(CALM, max_examples=examples(150))
@given(data=st.data())
def test_a_damaged_head_is_refused_or_means_the_same(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any byte before the tensors: an error in words, or the same taxonomy and threshold."""
    path = tmp_path_factory.mktemp("files") / "m.safetensors"
    taxoloss.save(path, filled(nn.Linear(4, 5)), OLD, 0.9)
    content = bytearray(path.read_bytes())
    size = 8 + int.from_bytes(content[:8], "little")
    place = data.draw(st.integers(0, size - 1))
    content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    model = nn.Linear(4, 5)
    before = copied(model)
    try:
        found = taxoloss.load_checkpoint(path, model, OLD)
    except ValueError:
        assert same_state(before, copied(model))
    else:
        assert found.taxonomy == OLD


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"versions": {"format": 2, "taxoloss": "9.0"}}, "has form 2, and taxoloss "),
        ({"versions": {"format": "1"}}, "what was written: expected the number of its form, got '1'"),
        ({"versions": []}, "its 'versions' is not what was written"),
        ({"taxoloss": "{"}, "is damaged or was changed: its 'taxoloss' is not what was written"),
        ({"taxoloss": NEW.to_dict()}, "its 'classes' is not what was written: it does not fit"),
        ({"taxoloss": OLD.to_dict() | {"order": [0, 1, 2, 3, 4]}}, "whose binding_digest stands"),
        ({"taxoloss": "[" * 100_000}, "its 'taxoloss' is not what was written"),
        ({"classes": NEW.paths()}, "its 'classes' is not what was written: it does not fit"),
        ({"classes": None}, "is damaged or was changed: it has no 'classes'"),
        ({"levels": ["a", "b"]}, "its 'levels' is not what was written"),
        ({"threshold": 7}, "its 'threshold' is not what was written"),
        ({"threshold": {"format": "taxoloss threshold 9"}}, "is not what was written: expected format"),
        ({"threshold": {"format": "taxoloss levels 1"}}, "its 'threshold' is not what was written"),
        ({"tied": {"weight": "bias"}}, "its `tied` names 'weight'"),
        ({"tied": {"other": "nothing"}}, "its `tied` names 'other'"),
        ({"tied": ["weight"]}, "its 'tied' is not what was written"),
        ({"module_versions": {"": "1"}}, "its 'module_versions' is not what was written"),
    ],
)  # fmt: skip
def test_metadata_that_was_changed(metadata: dict[str, Any], words: str, path: Path) -> None:
    """Digests and what stands twice tell; a newer form says who wrote it and what to do."""
    said = refused(changed(path, **metadata), nn.Linear(4, 5))
    assert words in said
    if "format" in str(metadata.get("versions")) and "has form" in said:
        assert "taxoloss 9.0 wrote it; pip install --upgrade taxoloss" in said


def test_a_threshold_of_another_order_in_the_file(path: Path) -> None:
    """It is looked at when the file is read, too."""
    from taxoloss import decisions

    logits, target = torch.randn(99, 5), torch.randint(5, (99,))
    threshold = decisions.calibrate_threshold(logits, target, NEW, risk=0.5)
    said = refused(changed(path, threshold=threshold.to_dict()), nn.Linear(4, 5))
    assert "expected the class order that this threshold was calibrated on" in said


def test_a_tree_that_is_too_large_for_the_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """safetensors would write what it cannot read."""
    monkeypatch.setattr(file_module, "_LONGEST", 1_000)
    said = unsaved(tmp_path / "m.safetensors", nn.Linear(4, 5), OLD)
    assert (
        "a safetensors file holds at most 1,000 bytes beside its tensors, and this tree of 5 classes"
        in said
    )


def test_without_safetensors(tmp_path: Path) -> None:
    """The extra is named; nothing of taxoloss imports it before it is needed."""
    code = (
        "import sys; sys.modules['safetensors'] = None\n"
        "import torch, taxoloss; t = taxoloss.load('pets').bind()\n"
        "try: taxoloss.save(sys.argv[1], torch.nn.Linear(3, 37), t)\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.safetensors")],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    words = 'a checkpoint of taxoloss needs safetensors: pip install "taxoloss[checkpoints]"'
    assert done.stdout.strip() == words, done.stderr
