"""check: whether classes fit a tree, wherever people keep them, and aliases written to the file."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from trees import nested, ranked

import taxoloss
from taxoloss.taxonomy.alias_edits import with_aliases
from taxoloss.taxonomy.loading import load_document
from taxoloss.taxonomy.matching import match

PETS = """\
# pets of ours
name: p   # short
levels: [species, breed]
tree:
  cat:  # cats
    - Maine Coon  # big
    - Bengal
  dog:
    # small ones
    - pug
    - {name: american bulldog, aliases: [ab]}
    - name: Beagle
      description: |
        a hound
          of England
  eel:
"""
CLASSES = ["bengal", "maine_coon", "Pug", "American_Bulldog", "beagel", "EEL"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the file and a list of its leaves in another order."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(PETS)
    (tmp_path / "good.txt").write_text("pug\nBengal\neel\nMaine Coon\nBeagle\nab\n")
    (tmp_path / "bad.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    return tmp_path


def test_classes_that_fit(folder: Path) -> None:
    """Exit 0, what fits, the order, and a line of Python that runs."""
    done = run("check", "p.yaml", "--classes", "good.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 fit, 1 of them by an alias" in done.stdout
    assert "4 of them stand elsewhere than in the file" in done.stdout
    scope: dict[str, Any] = {}
    exec(done.stdout.partition("in Python: ")[2], scope)
    assert scope["t"].classes == ("pug", "Bengal", "eel", "Maine Coon", "Beagle", "american bulldog")


def test_classes_that_do_not(folder: Path) -> None:
    """Exit 1; facts on standard output, faults on standard error, the words of Taxonomy.bind."""
    done = run("check", "p.yaml", "--classes", "bad.txt")
    assert done.returncode == 1
    assert "0 fit; 6 leaves without a class; 6 unknown" in done.stdout
    assert "beagel -> dog/Beagle  (a guess)" in done.stdout
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        taxoloss.load("p.yaml").bind(CLASSES)
    assert str(caught.value) in done.stderr


def test_aliases_are_written_and_the_rest_stays(folder: Path) -> None:
    """Every comment stays; the classes bind; the tree is the same."""
    before = taxoloss.load("p.yaml")
    assert run("check", "p.yaml", "--classes", "bad.txt", "--write").returncode == 2  # nobody to ask
    spelt = [name.replace("beagel", "BEAGLE") for name in CLASSES]
    Path("bad.txt").write_text("".join(f"{name}\n" for name in spelt))
    done = run("check", "p.yaml", "--classes", "bad.txt", "--write", "--yes")
    assert done.returncode == 0, done.stderr
    assert "alias: BEAGLE -> dog/Beagle" in done.stderr
    text = Path("p.yaml").read_text()
    for comment in ("# pets of ours", "# short", "# cats", "# big", "# small ones"):
        assert comment in text
    after = taxoloss.load("p.yaml")
    assert after.digest == before.digest
    bound = after.bind(spelt)
    assert bound.classes == ("Bengal", "Maine Coon", "pug", "american bulldog", "Beagle", "eel")
    assert after.descriptions == before.descriptions
    assert os.stat("p.yaml").st_mode & 0o777 == 0o644


def test_nothing_is_written_to_what_is_bundled(folder: Path) -> None:
    done = run("check", "pets", "--classes", "bad.txt", "--write", "--yes")
    assert done.returncode == 2
    assert "bundled" in done.stderr


@given(case=ranked() | nested(), data=st.data())
@settings(CALM, max_examples=examples(120))
def test_aliases_in_any_file(case: Any, data: st.DataObject) -> None:
    """Of random trees, written in block and in flow style: the tree, and the aliases that were added."""
    try:
        t = taxoloss.load(case)
    except taxoloss.TaxonomyError:
        return
    leaves = t.tree.leaves.tolist()
    chosen = data.draw(st.lists(st.sampled_from(leaves), min_size=1, max_size=4, unique=True))
    added = {node: (f"new: {i}, #x", f"['{i}'") for i, node in enumerate(chosen)}
    style = data.draw(st.sampled_from(["saved", "json", "flow"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.yaml"
        t.save(path if style == "saved" else path.with_suffix(".json"))
        if style == "flow":
            path.write_text(path.with_suffix(".json").read_text())  # JSON is YAML in flow style
        elif style == "json":
            path = path.with_suffix(".json")
        read, document = load_document(path)
        assert document is not None
        with contextlib.suppress(UnicodeEncodeError):
            path.write_text(with_aliases(read, document, added))
            again = taxoloss.load(path)
            assert again.digest == t.digest
            wanted = {node: (*t.aliases.get(node, ()), *names) for node, names in added.items()}
            assert dict(again.aliases) == {**t.aliases, **wanted}


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("text", "writable"),
    [
        ("tree:\n  - name: Bengal\n    aliases: []\n  - Pug\n", True),
        ("tree:\n  - {name: Bengal, aliases: [ ]}\n  - Pug\n", True),
        ("tree:\n  - name: Bengal\n    aliases: [  # none\n    ]\n  - Pug\n", True),
        ("tree: {Bengal, Pug}\n", True),
        ("tree:\n  - |-\n    Bengal\n  - >-\n    Pug\n", True),
        ("tree:\n  - name: >-\n      Bengal\n  - Pug\n", True),
        ('tree: {"Bengal":null,"Pug":{x: , y: }}\n', True),
        ("tree:\n  ? Bengal\n  ? Pug\n", False),
        ("tree: {? Bengal, Pug}\n", False),
        ("tree:\n  ? Bengal\n  :\n  ? Pug\n  :\n", False),
        ("tree:\n- ? name\n  : Bengal\n- Pug\n", False),
    ],
)
def test_aliases_in_rare_forms(text: str, writable: bool, folder: Path) -> None:
    """Written, or refused in words that are true of the file, which then stays as it is."""
    Path("rare.yaml").write_text(text)
    before = taxoloss.load("rare.yaml")
    rest = [name for name in before.classes if name != "Bengal"]
    Path("rare.txt").write_text("\n".join(["BENGAL", *rest]))
    done = run("check", "rare.yaml", "--classes", "rare.txt", "--write", "--yes")
    after = taxoloss.load("rare.yaml")
    assert after.digest == before.digest
    if writable:
        assert done.returncode == 0, done.stderr
        assert dict(after.aliases) == {before.index.by_name("Bengal")[0]: ("BENGAL",)}
    else:
        assert done.returncode == 1
        assert Path("rare.yaml").read_text() == text
        words = "error: the aliases BENGAL cannot be added without changing more of the file: write them"
        assert words in " ".join(done.stderr.split())


def test_nested_folders_and_inner_nodes(folder: Path) -> None:
    """ImageFolder's classes; those that are inner nodes are labels, not classes."""
    for name in ("cat", "dog"):
        (folder / "flat" / name).mkdir(parents=True)
    done = run("check", "p.yaml", "--image-folder", "flat")
    assert done.returncode == 1
    assert "2 of the names are inner nodes: cat, dog" in done.stdout
    done = run("check", "p.yaml", "--image-folder", "flat", "--node-targets")
    assert done.returncode == 0
    assert "bind(node_targets=True); ids = t.node_ids(from_folder('flat').names)" in done.stdout
    for name in ("cat/Bengal", "cat/Maine Coon", "dog/pug", "dog/Beagle", "dog/american bulldog", "eel"):
        (folder / "deep" / name).mkdir(parents=True)
    done = run("check", "p.yaml", "--image-folder", "deep")
    assert done.returncode == 0, done.stderr
    assert "6 fit" in done.stdout
    assert "ImageFolder takes the folders of the top" in done.stdout


def test_a_column(folder: Path) -> None:
    """Its values, sorted; a wrong column names the nearest."""
    (folder / "x.csv").write_text("file,breed\n1,pug\n2,Bengal\n3,pug\n")
    done = run("check", "p.yaml", "--csv", "x.csv:breed", "--subset")
    assert done.returncode == 0, done.stderr
    assert ".restrict(from_column('x.csv:breed').names)" in done.stdout
    done = run("check", "p.yaml", "--csv", "x.csv:bred")
    assert done.returncode == 1
    assert "did you mean `breed`?" in done.stderr
    assert run("check", "p.yaml", "--csv", "x.csv").returncode == 2


LABEL = {"names": ["pug", "Bengal"], "_type": "ClassLabel"}
INFO = {"features": {"image": {"_type": "Image"}, "label": LABEL}}
CARD = """\
---
license: mit
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': pug
          '1': Bengal
---
# A dataset
"""


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dataset_info.json", json.dumps(INFO)),
        ("dataset_info.json", json.dumps({"default": INFO})),
        ("README.md", CARD),
        ("config.json", json.dumps({"id2label": {"0": "pug", "1": "Bengal"}})),
    ],
)
def test_hugging_face(name: str, text: str, folder: Path) -> None:
    """The three files that name classes."""
    (folder / name).write_text(text)
    done = run("check", "p.yaml", "--hf", name, "--subset")
    assert done.returncode == 0, done.stderr
    assert f"restrict(from_hugging_face({name!r}).names)" in done.stdout


def test_hugging_face_with_several_features(folder: Path) -> None:
    several = {"features": {"a": LABEL, "b": {"names": ["x"], "_type": "ClassLabel"}}}
    (folder / "dataset_info.json").write_text(json.dumps(several))
    done = run("check", "p.yaml", "--hf", "dataset_info.json", "--subset")
    assert done.returncode == 1
    assert "2 features have classes: a, b" in done.stderr
    assert run("check", "p.yaml", "--hf", "dataset_info.json:a", "--subset").returncode == 0
    assert "no feature 'c'" in run("check", "p.yaml", "--hf", "dataset_info.json:c").stderr


def test_json_and_the_other_formats(folder: Path) -> None:
    """--json has the facts; sarif and github place a missing leaf in the file of the tree."""
    (folder / "some.json").write_text(json.dumps({"pug": 1, "Bengal": 0, "Maine Coon": 2}))
    done = run("check", "p.yaml", "--classes", "some.json", "--json")
    data = json.loads(done.stdout)
    assert done.returncode == 1
    assert (data["valid"], data["fitting"], data["missing"][0]) == (False, 3, ["dog", "american bulldog"])
    done = run("check", "p.yaml", "--classes", "some.json", "--format", "github")
    assert "::error file=p.yaml,line=11,col=14,title=T301::the leaf" in done.stdout
    sarif = json.loads(run("check", "p.yaml", "--classes", "some.json", "--format", "sarif").stdout)
    assert sarif["runs"][0]["results"][0]["ruleId"] == "T301"


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "arguments",
    [[], ["--classes", "good.txt", "--csv", "x:y"],
     ["--classes", "good.txt", "--json", "--format", "sarif"],
     ["--classes", "good.txt", "--limit", "nodes"], ["--classes", "good.txt", "--limit", "levels=500"]],
)  # fmt: skip
def test_wrong_usage(arguments: list[str], folder: Path) -> None:
    done = run("check", "p.yaml", *arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_most_is_mended_by_one_rule() -> None:
    """Where one normalisation repairs most of the names, it is said, with how many; and first."""
    t = taxoloss.load({"tree": [f"breed_{c}_x" for c in "abcdefgh"] + ["Maine-Coon", "pug"]})
    names = [f"breed {c} x" for c in "abcdefgh"] + ["maine coon", "pug"]
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        t.bind(names)
    first = caught.value.faults[0]
    words = 'the 9 names differ in spelling only; this mends 8 of them:\nt.bind([name.replace(" ", "_")'
    assert words in (first.help or "")
    assert len(match(t, names).guesses) == 9
