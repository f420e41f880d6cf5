"""`taxoloss report` as a person runs it: real files, real processes, and the numbers in the page."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import taxoloss
from taxoloss.evaluation import PredictionError
from taxoloss.evaluation.request import Request
from taxoloss.report import build

MARK = '<script type="application/json" id="document">'


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "taxoloss", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def numbers_of(page: Path) -> dict[str, Any]:
    """The document that a page holds."""
    text = page.read_text(encoding="utf-8")
    start = text.index(MARK) + len(MARK)
    found: dict[str, Any] = json.loads(text[start : text.index("</script>", start)])
    pairs = found["pairs"]
    pairs["truth"] = list(accumulate(pairs.pop("truth_step")))
    away = zip(pairs["truth"], pairs.pop("answer_from_truth"), strict=True)
    pairs["answer"] = [truth + step for truth, step in away]
    return found


def logits_file(path: Path, rows: int = 300, seed: int = 0, right: float = 3.0) -> Path:
    """Logits of the classes of pets, some of them right."""
    t = taxoloss.load("pets").bind()
    rng = np.random.default_rng(seed)
    target = np.random.default_rng(99).integers(0, len(t), rows)
    logits = rng.normal(0, 1, (rows, len(t))).astype(np.float32)
    logits[np.arange(rows), target] += right
    np.savez(path, logits=logits, targets=np.array(t.classes)[target], classes=np.array(t.classes))
    return path


def answers_file(path: Path, rows: int = 200, seed: int = 0) -> Path:
    """A table of answers with a second model, probabilities and names of pictures."""
    t, r = taxoloss.load("pets").bind(), random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "truth", "old", "new", "p"])
        for row in range(rows):
            truth = r.choice(t.classes)
            old, new = (truth if r.random() < share else r.choice(t.classes) for share in (0.6, 0.8))
            table.writerow([f"{row}.png", truth, old, new, f"{r.random():.3f}"])
    return path


FILES: dict[str, tuple[str, Sequence[str]]] = {
    "logits": ("logits", ()),
    "a decision": ("logits", ("--decision", "climb", "--risk", "0.1")),
    "a fixed threshold": ("logits", ("--decision", "most_specific", "--threshold", "0.6")),
    "names": ("names", ("--target", "truth", "--prediction", "old")),
    "with probabilities": ("names", ("--target", "truth", "--prediction", "old", "--score", "p")),
    "a ranking": ("names", ("--target", "truth", "--prediction", "old,new", "--unknown", "drop")),
}


@pytest.mark.parametrize("case", FILES)
def test_the_numbers_are_those_of_evaluate(tmp_path: Path, case: str) -> None:
    """Every number of `evaluate --format json` stands in the page, as it is printed."""
    kind, options = FILES[case]
    data = logits_file(tmp_path / "a.npz") if kind == "logits" else answers_file(tmp_path / "a.csv")
    if case == "a ranking":
        table_of = csv.DictReader(data.read_text(encoding="utf-8").splitlines())
        rows = [row for row in table_of if row["old"] != row["new"]]
        with data.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)
    page = tmp_path / "report.html"
    done = run("report", "pets", data, *options, "-o", page)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert str(page) in done.stderr
    printed = run("evaluate", "pets", data, *options, "--format", "json")
    found = numbers_of(page)
    assert found["evaluate"] == json.loads(printed.stdout)
    check_sums(found)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """A file whose name has bytes that are no UTF-8: the page says the name, with their escapes."""
    data = tmp_path / "answers\udcff.csv"
    try:
        answers_file(data)
    except OSError:
        pytest.skip("the file system refuses such names")
    page = tmp_path / "report.html"
    build(taxoloss.load("pets"), data, page, request=Request(target=("truth",), prediction=("old",)))
    assert numbers_of(page)["file"]["name"] == data.name
    assert "<title>answers\\udcff.csv, " in page.read_text(encoding="utf-8")


def check_sums(found: dict[str, Any]) -> None:
    """The parts of a page agree with each other and with the scores."""
    scores, split, tree = found["evaluate"]["metrics"], found["first"]["mistakes"], found["tree"]
    assert split["right"] + split["unspecific"] + split["wrong"] == split["rows"]
    assert sum(part["count"] for part in split["shared"]) == split["wrong"] == sum(tree["parted"])
    assert (tree["rows"][0], tree["right"][0], tree["wrong"][0]) == tuple(
        split[name] for name in ("rows", "right", "wrong")
    )
    assert sum(found["pairs"]["count"]) == split["rows"]
    for level in found["first"]["levels"]:
        score = scores[f"accuracy/{level['level']}"]
        assert (level["accuracy"], level["low"], level["high"]) == (
            score["value"], score["low"], score["high"],
        )  # fmt: skip


def test_the_second_model_is_that_of_compare(tmp_path: Path) -> None:
    """Paired differences, sentences and branches are those of `taxoloss compare --format json`."""
    data, page = answers_file(tmp_path / "a.csv"), tmp_path / "report.html"
    columns = ("--target", "truth", "--prediction", "old", "--prediction-b", "new")
    done = run(
        "report", "pets", data, "--versus", data, *columns, "--id", "image", "--draws", "100", "-o", page
    )
    assert done.returncode == 0, done.stderr
    printed = run(
        "compare", "pets", data, data, *columns, "--by", "image", "--draws", "100", "--format", "json"
    )
    found = numbers_of(page)
    assert found["compare"] == json.loads(printed.stdout)
    assert found["file"]["names"] == ["old", "new"]
    assert len(found["versus"]["nodes"]["node"]) == found["compare"]["branches"]["looked_at"]
    shares = [part["other"] for part in found["mistakes"]["severity"]["shared"]]
    assert sum(shares) == pytest.approx(1)


def test_two_files(tmp_path: Path) -> None:
    """The names of the models are those of the files, or what was said."""
    one, other = logits_file(tmp_path / "one.npz"), logits_file(tmp_path / "two.npz", seed=1, right=4)
    page = tmp_path / "report.html"
    assert run("report", "pets", one, "--versus", other, "-o", page).returncode == 0
    about = {"name": "one.npz", "versus": "two.npz", "names": ["one", "two"], "group": None, "groups": None}
    assert numbers_of(page)["file"] == about
    assert run("report", "pets", one, "--versus", other, "--name-b", "B", "-o", page).returncode == 0
    assert numbers_of(page)["file"]["names"] == ["one", "B"]


def test_pictures_stand_in_the_page(tmp_path: Path) -> None:
    """Those of the mistakes; one that is missing and one that is broken are told, and no page fails."""
    data, page, folder = answers_file(tmp_path / "a.csv"), tmp_path / "report.html", tmp_path / "pictures"
    folder.mkdir()
    for row in range(200):
        Image.new("RGB", (64, 64), (row, 0, 0)).save(folder / f"{row}.png")
    columns = ("--target", "truth", "--prediction", "old", "--id", "image")
    assert run("report", "pets", data, *columns, "--images", folder, "-o", page).returncode == 0
    found = numbers_of(page)
    names, places = found["samples"]["id"], found["samples"]["image"]
    assert len(names) == len(places) > 0
    assert sorted(set(places)) == list(range(len(found["images"])))
    (folder / names[0]).unlink()
    (folder / names[1]).write_text("no picture")
    assert run("report", "pets", data, *columns, "--images", folder, "-o", page).returncode == 0
    found = numbers_of(page)
    by_name = dict(zip(found["samples"]["id"], found["samples"]["image"], strict=True))
    assert by_name[names[0]] is by_name[names[1]] is None
    told = [warning["text"] for warning in found["first"]["warnings"] if warning["kind"] == "pictures"]
    assert any(names[0] in text for text in told)
    assert any(names[1] in text for text in told)
    few = ("--thumbnails", "3", "-o", page)
    assert run("report", "pets", data, *columns, "--images", folder, *few).returncode == 0
    assert len(numbers_of(page)["images"]) == 3


@pytest.mark.parametrize(("size", "told"), [(16, True), (15, False)])
def test_few_groups_are_told(size: int, told: bool, tmp_path: Path) -> None:
    """Below twenty groups the intervals are too narrow: 300 rows are 19 groups of 16, or 20 of 15."""
    with np.load(logits_file(tmp_path / "a.npz")) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "a.npz", **arrays, site=np.arange(300) // size)
    request, page = Request(group="site"), tmp_path / "report.html"
    found = build(taxoloss.load("pets"), tmp_path / "a.npz", page, request=request)
    assert (found["file"]["group"], found["file"]["groups"]) == ("site", 19 if told else 20)
    texts = [one["text"] for one in found["first"]["warnings"] if one["kind"] == "few_groups"]
    assert ["With only 19 groups" in text for text in texts] == [True] * told


def test_pictures_of_an_npz(tmp_path: Path) -> None:
    """An array names the samples of two files, whose rows are in another order, and their pictures."""
    with np.load(logits_file(tmp_path / "a.npz")) as file:
        arrays = {name: file[name] for name in file.files}
    rows = np.arange(300)
    arrays |= {"image": np.array([f"{row}.png" for row in rows]), "camera": rows // 10}
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez(tmp_path / "b.npz", **{k: v if k == "classes" else v[::-1] for k, v in arrays.items()})
    folder, page = tmp_path / "pictures", tmp_path / "report.html"
    folder.mkdir()
    for row in rows:
        Image.new("RGB", (8, 8), (row % 256, 0, 0)).save(folder / f"{row}.png")
    files = ("report", "pets", tmp_path / "a.npz", "--versus", tmp_path / "b.npz", "-o", page)
    done = run(*files, "--id", "image", "--group", "camera", "--images", folder)
    assert done.returncode == 0, done.stderr
    found = numbers_of(page)
    assert found["samples"]["id"] == [f"{row - 1}.png" for row in found["samples"]["row"]]
    assert None not in found["samples"]["image"]
    assert found["compare"]["groups"] == found["file"]["groups"] == 30
    assert found["file"]["group"] == "camera"
    assert "few_groups" not in [warning["kind"] for warning in found["first"]["warnings"]]
    assert found["compare"]["changes"]["gained"] == found["compare"]["changes"]["lost"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--images", "."], "--id"),
        (["--common"], "--versus"),
        (["--prediction-b", "new"], "--versus"),
        (["--name-a", "x"], "--versus"),
        (["--risk", "0.1"], "--decision"),
        (["-o", "INPUT"], "is read"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Exit code 2, with the option that is missing; nothing is written."""
    data = answers_file(tmp_path / "a.csv")
    before = data.read_bytes()
    arguments = [str(data) if text == "INPUT" else text for text in arguments]
    done = run("report", "pets", data, "--target", "truth", "--prediction", "old", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert data.read_bytes() == before


FAULTS: dict[str, tuple[str, str]] = {
    "no rows": ("truth,old\n", "expected a row or more"),
    "an unknown name": ("truth,old\nBengal,unicorn\n", "unicorn"),
    "no such column": ("truth,new\nBengal,Bengal\n", "old"),
    "nothing": ("", "a.csv"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_leaves_the_page_that_stood_there(tmp_path: Path, case: str) -> None:
    """One line in words, exit code 1, and no other file."""
    content, said = FAULTS[case]
    data, page = tmp_path / "a.csv", tmp_path / "report.html"
    data.write_text(content, encoding="utf-8")
    page.write_text("an older page", encoding="utf-8")
    done = run("report", "pets", data, "--target", "truth", "--prediction", "old", "-o", page)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert page.read_text(encoding="utf-8") == "an older page"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "report.html"]


def test_a_number_that_is_none(tmp_path: Path) -> None:
    """NaN among logits is an error with its place."""
    data = logits_file(tmp_path / "a.npz", rows=20)
    arrays = dict(np.load(data))
    arrays["logits"][7, 3] = np.nan
    np.savez(data, **arrays)
    done = run("report", "pets", data, "-o", tmp_path / "report.html")
    assert done.returncode == 1
    assert "row 8" in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The page cannot be written, or there are no pictures: one line."""
    data = answers_file(tmp_path / "a.csv")
    columns = ("--target", "truth", "--prediction", "old", "--id", "image")
    for options in (["-o", str(tmp_path / "no" / "report.html")], ["--images", str(tmp_path / "no")]):
        done = run("report", "pets", data, *columns, *options)
        assert done.returncode == 1, done.stderr
        assert str(tmp_path / "no") in done.stderr
        assert "Traceback" not in done.stderr


def test_arrays(tmp_path: Path) -> None:
    """Logits in memory, and node ids, some of them ignored; other shapes are told."""
    t = taxoloss.load("pets").bind()
    target = np.array([0, 1, -100, 2])
    logits = 5 * np.eye(len(t))[[0, 1, 5, 9]]
    found = build(t, (logits, target), tmp_path / "report.html")
    assert found["evaluate"]["rows"] == 3
    assert found["evaluate"]["rows_left_out"] == 1
    assert found["samples"]["row"] == [4]
    written = numbers_of(tmp_path / "report.html")
    assert written.pop("charts")  # how they are drawn; the numbers stand beside it
    assert found == written
    answers = build(t, (np.array([0, 1, 5, 9]), target), tmp_path / "report.html")
    assert answers["first"]["mistakes"] == found["first"]["mistakes"]
    assert answers["unsure"] is None or "why" in answers["unsure"]
    with pytest.raises(ValueError, match="got shapes"):
        build(t, (logits[None], target), tmp_path / "report.html")
    with pytest.raises(TypeError, match="expected a Taxonomy, got str 'pets'"):
        build("pets", (logits, target), tmp_path / "report.html")  # type: ignore[arg-type]
    with pytest.raises(PredictionError, match="not ignored"):
        build(t, (logits[2:3], target[2:3]), tmp_path / "report.html")


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("rows", [1, 2, 50])
def test_all_right_and_all_wrong(tmp_path: Path, share: float, rows: int) -> None:
    """Also of a single row, and of a single class."""
    t = taxoloss.load("pets").bind()
    for classes in (1, len(t)):
        target = np.arange(rows) % classes
        answers = target if share else (target + 1) % len(t)
        for preds in (answers, 9.0 * np.eye(len(t))[answers]):
            found = build(t, (preds, target), tmp_path / "report.html")
            assert found["first"]["mistakes"]["right"] == rows * share
            check_sums(found)


def test_several_parents(tmp_path: Path) -> None:
    """A taxonomy whose nodes have several parents has its page too."""
    t = taxoloss.load("imagenet1k_dag").bind()
    rng = np.random.default_rng(0)
    target = rng.integers(0, len(t), 200)
    logits = rng.normal(0, 1, (200, len(t)))
    logits[np.arange(200), target] += 3
    found = build(t, (logits, target), tmp_path / "report.html")
    assert found["taxonomy"]["is_tree"] is False
    assert found["tree"]["also_under"]
    assert sum(found["pairs"]["count"]) == 200
