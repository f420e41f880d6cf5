"""Names that were answered, in tables: every form gives the library's numbers; what is none is told."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_command import bound, refused, run, scores
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples
from trees import Case, taxonomies

import taxoloss
from taxoloss import Taxonomy, metrics

TREE = "levels: [species, breed]\ntree:\n  cat: [Bengal, Sphynx]\n  dog: [beagle, pug]\n"
ANSWERS = """file,truth,answer,conf
1.jpg,Bengal,cat/Bengal,0.9
2.jpg,cat > Sphynx,Bengal,0.8
3.jpg,dog,pug,0.4
4.jpg,pug,cat,0.4
"""
NAMED = "--target", "truth", "--prediction", "answer", "--draws", 2
SHORT = "--json", "--draws", 2


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The taxonomy's file, and ANSWERS beside it."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TREE)
    Path("a.csv").write_text(ANSWERS)
    return "t.yaml"


def numbers(taxonomy: Taxonomy, answers: Any, target: Any, **options: Any) -> dict[str, float]:
    """What the library gives."""
    wanted = metrics.collection(taxonomy, calibration=False, **options)
    wanted.update(torch.tensor(answers), torch.tensor(target))
    return {name: float(value) for name, value in wanted.compute().items()}


def written() -> list[dict[str, str]]:
    """The rows of --rows."""
    with open("o.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: str, **columns: list[str]) -> str:
    """A table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


# -- every form ------------------------------------------------------------------------------------


def path_text(taxonomy: Taxonomy, mark: str) -> Callable[[int], str]:
    """Ids as paths."""
    return lambda node: mark.join(taxonomy.path(node))


@given(taxonomies(), st.integers(0, 2**32 - 1), st.sampled_from(["/", " > ", "::", ";", "|", " -> ", "\\"]))
@settings(CALM, max_examples=examples(12))
def test_every_form_gives_the_numbers_of_the_library(case: Case, seed: int, mark: str) -> None:
    """Paths with any separator, node ids, with columns of other things and rows in pieces of any size."""
    t, draw = case.taxonomy, np.random.default_rng(seed)
    nodes = list(range(t.num_nodes - 1))
    target, answers = (draw.choice(nodes, 30).tolist() for _ in range(2))
    wanted = numbers(t, answers, target)
    with tempfile.TemporaryDirectory() as folder:
        tree, order = f"{folder}/t.yaml", f"{folder}/classes.txt"
        t.save(tree)
        Path(order).write_text("".join("/".join(path) + "\n" for path in t.paths()))
        junk = {"file": [f"{row}.jpg" for row in range(30)], "day": ["2024-01-01"] * 30}
        texts = path_text(t, mark)
        names = write(
            f"{folder}/a.csv",
            target=[*map(texts, target)],
            **junk,
            answer=[*map(path_text(t, "/"), answers)],
        )
        found = scores(run(tree, names, "--prediction", "answer", *SHORT))
        assert found == pytest.approx(wanted, abs=2e-6, nan_ok=True)
        ids = write(f"{folder}/i.csv", y=[*map(str, target)], prediction=[*map(str, answers)])
        found = scores(run(tree, ids, "--target", "y", "--classes", order, *SHORT))
        assert found == pytest.approx(wanted, abs=2e-6, nan_ok=True)
        refused(run(tree, ids, "--target", "y", *SHORT), "integers", "--classes FILE or --file-order")


@given(taxonomies(), st.integers(0, 2**32 - 1), st.booleans())
@settings(CALM, max_examples=examples(12))
def test_rankings(case: Case, seed: int, in_one_cell: bool) -> None:
    """Several columns, the best first, or one cell: also the metrics of the first K."""
    t, draw = case.taxonomy, np.random.default_rng(seed)
    places = min(3, len(t))
    target = draw.integers(0, t.num_nodes - 1, 20).tolist()
    ranked = [draw.permutation(len(t))[:places].tolist() for _ in range(20)]
    answers: Any = ranked if places > 1 else [row[0] for row in ranked]
    wanted = numbers(t, answers, target, top_k=places if places > 1 else None)
    text = path_text(t, "/")
    columns = {f"top{place}": [text(row[place]) for row in ranked] for place in range(places)}
    if in_one_cell:
        columns = {"top": [" | ".join(map(text, row)) for row in ranked]}
    with tempfile.TemporaryDirectory() as folder:
        t.save(f"{folder}/t.yaml")
        file = write(f"{folder}/r.csv", target=[*map(text, target)], **columns)
        mark = ("--ranking", "|") if in_one_cell else ()
        found = scores(run(f"{folder}/t.yaml", file, "--prediction", ",".join(columns), *mark, *SHORT))
    assert found == pytest.approx(wanted, abs=2e-6, nan_ok=True)


def test_truth_in_columns_of_ranks(tree: str) -> None:
    """The deepest name that is there is the truth."""
    ranks = {"species": ["cat", "cat", "dog", "dog"], "breed": ["Bengal", "Sphynx", "", "pug"]}
    write("r.csv", **ranks, answer=["cat/Bengal", "Bengal", "pug", "cat"])
    wanted = scores(run(tree, "a.csv", *NAMED, "--json"))
    done = run(tree, "r.csv", "--target", "species,breed", "--prediction", "answer", *SHORT)
    assert scores(done) == pytest.approx(wanted, nan_ok=True)
    assert "the ranks `species`, `breed`" in json.loads(done.stdout)["reading"]
    ranks["species"][2] = ""
    write("r.csv", **ranks, answer=["cat/Bengal", "Bengal", "pug", "cat"])
    options = "--target", "species,breed", "--prediction", "answer", *SHORT
    refused(run(tree, "r.csv", *options), "1 row without a name", "row 3 (line 4)", "--unknown drop")
    assert json.loads(run(tree, "r.csv", *options, "--unknown", "drop").stdout)["rows"] == 3


def test_a_column_called_prediction(tree: str) -> None:
    """Needs no option, where no class has a column."""
    Path("p.csv").write_text(ANSWERS.replace("truth,answer", "target,prediction"))
    wanted = scores(run(tree, "a.csv", *NAMED, "--json"))
    assert scores(run(tree, "p.csv", *SHORT)) == pytest.approx(wanted, nan_ok=True)


def test_levels_stand_in_the_order_of_the_tree(tmp_path: Path) -> None:
    """In every format, not in that of the alphabet."""
    (tmp_path / "t.yaml").write_text(
        "levels: [order, genus, class]\ntree:\n  a: {b: [c, d]}\n  e: {f: [g]}\n"
    )
    (tmp_path / "a.csv").write_text("target,prediction\nc,d\nd,d\ng,c\n")
    for form in ("csv", "markdown", "text", "json"):
        done = run(tmp_path / "t.yaml", tmp_path / "a.csv", "--format", form, "--draws", 2)
        places = [done.stdout.index(f"accuracy/{level}") for level in ("order", "genus", "class")]
        assert places == sorted(places), form


# -- what is told ----------------------------------------------------------------------------------


def test_the_reading_is_told(tree: str) -> None:
    """Which columns, how many rows, what was left out; on standard error where programs read the table."""
    Path("a.csv").write_text(ANSWERS + "5.jpg,pug,bengal,0.1\n")
    text = run(tree, "a.csv", *NAMED, "--unknown", "drop")
    for part in (
        "names in `answer` against the names in `truth`",
        "4 rows",
        "1 row left out",
        "`bengal` 1",
    ):
        assert part in text.stdout
    table = run(tree, "a.csv", *NAMED, "--unknown", "drop", "--format", "csv")
    assert "1 row left out" in table.stderr
    assert table.stdout.startswith("metric,value,low,high\naccuracy/species,")
    found = json.loads(run(tree, "a.csv", *NAMED, "--unknown", "drop", "--format", "json").stdout)
    assert (found["rows"], found["rows_left_out"]) == (4, 1)
    page = run(tree, "a.csv", *NAMED, "--unknown", "drop", "--format", "markdown").stdout.splitlines()
    assert page[1] == "| --- | ---: | ---: | --- |"
    assert {line.count("|") for line in page} == {5}


def test_rows(tree: str) -> None:
    """Truth, answer, the ancestor that they share, its height, whether both can be true."""
    done = run(
        tree, "a.csv", *NAMED, "--rows", "o.csv", "--id", "file", "--score", "conf", "--group", "conf"
    )
    assert done.exit_code == 0
    found = [list(row.values()) for row in written()]
    assert found == [
        ["1", "1.jpg", "0.9", "cat/Bengal", "cat/Bengal", "cat/Bengal", "0", "no", "0.9"],
        ["2", "2.jpg", "0.8", "cat/Sphynx", "cat/Bengal", "cat", "1", "yes", "0.8"],
        ["3", "3.jpg", "0.4", "dog", "dog/pug", "dog", "0", "no", "0.4"],
        ["4", "4.jpg", "0.4", "dog/pug", "cat", "", "2", "yes", "0.4"],
    ]
    assert run(tree, "a.csv", *NAMED, "--rows", "no/o.csv").exit_code == 1


def test_rows_of_logits(tree: str) -> None:
    """The best class and its probability; of a decision its node and the sum below it."""
    t, generator = bound(), torch.Generator().manual_seed(0)
    logits = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 6, (9,), generator=generator)
    np.savez("a.npz", logits=logits.numpy(), targets=target.numpy(), classes=np.array(t.classes))
    assert run(tree, "a.npz", "--rows", "o.csv", "--draws", 2).exit_code == 0
    rows = written()
    best = logits.softmax(1).max(1)
    assert [row["answer"] for row in rows] == ["/".join(t.path(int(node))) for node in best.indices]
    assert [float(row["probability"]) for row in rows] == pytest.approx(best.values.tolist(), rel=1e-5)
    assert run(tree, "a.npz", "--decision", "climb", "--threshold", 0.7, "--rows", "o.csv").exit_code == 0
    for row, p in zip(written(), logits.softmax(1).tolist(), strict=True):
        below = [number for number in range(4) if "/".join(t.path(number)).startswith(row["answer"])]
        assert float(row["probability"]) == pytest.approx(sum(p[number] for number in below), rel=1e-5)


def test_in_a_notebook(tree: str) -> None:
    """A table whose texts are no markup."""
    Path("t.yaml").write_text("levels: [g, '<b>s']\ntree:\n  cat: [Bengal]\n  dog: [pug]\n")
    Path("a.csv").write_text("target,prediction\npug,Bengal\nBengal,Bengal\n")
    found = taxoloss.evaluation.evaluate_file("a.csv", taxoloss.load("t.yaml"))
    page = found._repr_html_()
    assert "<td>accuracy/&lt;b&gt;s</td><td>0.5000</td>" in page
    assert "<b>" not in page


# -- unknown names ---------------------------------------------------------------------------------


def test_unknown_names(tree: str) -> None:
    """Each with its rows, its first row and the nearest name; or wrong, or left out."""
    text = ANSWERS + "5.jpg,pug,bengal,0.1\n6.jpg,pug,bengal,0.1\n7.jpg,beagle,pugg,0.1\n8.jpg,pug,,\n"
    Path("a.csv").write_text(text)
    done = run(tree, "a.csv", *NAMED)
    assert (done.exit_code, done.stdout) == (1, "")
    for part in (
        "2 names are no node of the tree and 1 row has none (4 rows in all)",
        "`bengal`: 2 rows, first in row 5 (line 6); did you mean `Bengal`?",
        "`pugg`: 1 row, first in row 7 (line 8); did you mean `pug`?",
        "--unknown drop",
    ):
        assert part in done.stderr, done.stderr
    wrong = json.loads(run(tree, "a.csv", *NAMED, "--unknown", "wrong", "--rows", "o.csv", "--json").stdout)
    root = bound().num_nodes - 1
    ids = bound().node_ids(["Bengal", "Bengal", "pug", "cat"]).tolist() + [root] * 4
    truth = bound().node_ids(["Bengal", "Sphynx", "dog", "pug", "pug", "pug", "beagle", "pug"]).tolist()
    found = {name: entry["value"] for name, entry in wrong["metrics"].items()}
    assert found == pytest.approx(numbers(bound(), ids, truth), abs=2e-6, nan_ok=True)
    assert [row["wrong"] for row in written()][4:] == ["yes"] * 4
    assert [row["answer"] for row in written()][4:] == ["bengal", "bengal", "pugg", ""]
    dropped = scores(run(tree, "a.csv", *NAMED, "--unknown", "drop", "--json"))
    assert dropped == pytest.approx(numbers(bound(), ids[:4], truth[:4]), abs=2e-6, nan_ok=True)


def test_an_unknown_truth_is_not_wrong(tree: str) -> None:
    """It can be left out alone."""
    Path("a.csv").write_text(ANSWERS + "5.jpg,bengal,pug,0.1\n")
    done = run(tree, "a.csv", *NAMED, "--unknown", "wrong")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "--unknown wrong says nothing of a truth" in done.stderr
    assert run(tree, "a.csv", *NAMED, "--unknown", "drop").exit_code == 0


REFUSED: dict[str, tuple[str, list[Any], list[str]]] = {
    "another column": (ANSWERS, ["--prediction", "file"], ["`1.jpg`", "0 of 4 fit"]),
    "no such column": (ANSWERS, ["--prediction", "anser"], ["--prediction NAME", "did you mean `answer`?"]),
    "no such id": (ANSWERS, ["--id", "name"], ["'name'", "--id NAME"]),
    "a decision": (ANSWERS, ["--decision", "leaf"], ["--decision leaf needs a number for each class"]),
    "no row": (ANSWERS.split("\n")[0] + "\n", [], ["a row or more"]),
    "twice in a ranking": ("truth,answer\npug,pug|pug\n", [], ["one twice", "row 1 (line 2)"]),
    "percent": (ANSWERS.replace("0.9", "90"), ["--score", "conf"], ["a probability in row 1", "'90'"]),
    "numbers": (ANSWERS, ["--values", "probs"], ["--values probs goes with numbers"]),
    "the truth": (ANSWERS, ["--prediction", "truth"], ["as --target and as --prediction"]),
    "a gap": ("truth,answer,b,c\npug,pug,,beagle\n", ["--prediction", "answer,b,c"], ["without a gap"]),
    "no number": (ANSWERS, ["--score", "file"], ["column 'file'", "a probability in row 1", "'1.jpg'"]),
    "out of range": ("truth,answer\n1,9\n2,1\n3,1\n", ["--file-order"], ["column 'answer'", "`9`"]),
    "several": (
        "truth,answer\nx,x\n",
        [],
        ["column 'truth'", "0 of 1 fit"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tree: str) -> None:
    """Exit 1, nothing on standard output, no Python."""
    text, options, words = REFUSED[name]
    Path("a.csv").write_text(text)
    done = run(tree, "a.csv", *NAMED, *options)
    assert (done.exit_code, done.stdout) == (1, ""), done.output
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_bar_has_two_readings(tree: str) -> None:
    """A path, or two answers: what all cells say, or an error that shows both."""
    Path("t.yaml").write_text("levels: [g, s]\ntree:\n  cat: [dog, Bengal]\n  pet: [cow]\n")
    Path("a.csv").write_text("truth,answer\ncow,cat|Bengal\nBengal,cow|Bengal\n")
    refused(
        run("t.yaml", "a.csv", *NAMED), "`cat|Bengal` is the path", "`cow|Bengal` may", "--separator '|'"
    )
    found = run("t.yaml", "a.csv", *NAMED, "--ranking", "|", "--json")
    assert "only the first answers are scored" in json.loads(found.stdout)["notes"][0]


@pytest.mark.parametrize(
    "options", [["--format", "json", "--csv"], ["--threshold", "0.3"], ["--decimal", ";"], ["--target", ""]]
)
def test_usage(options: list[str], tree: str) -> None:
    """Exit code 2."""
    assert run(tree, "a.csv", *NAMED, *options).exit_code == 2


# -- advice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ("Bengal Sphynx beagle pug cat", "--inner-classes"),
        ("Bengal Sphynx beagle", "a taxonomy of these alone"),
        ("bengal Sphynx beagle pug", "did you mean `Bengal`?"),
        ("beagle Maine_Coon", "taxoloss check TAXONOMY --classes FILE --write"),
    ],
)
def test_advice_names_options(classes: str, words: str, tree: str) -> None:
    """No line of Python."""
    Path("c.txt").write_text("\n".join(classes.split()) + "\n")
    if "Coon" in classes:
        Path("t.yaml").write_text("levels: [species, breed]\ntree:\n  cat: [Maine Coon]\n  dog: [beagle]\n")
    done = run(tree, "a.csv", *NAMED, "--classes", "c.txt")
    assert (done.exit_code, done.stdout) == (1, "")
    assert words in done.stderr
    for word in ("bind(", "restrict(", "inner_classes", "t."):
        assert word not in done.stderr, done.stderr


# -- two readings, and what is not overwritten -----------------------------------------------------

TWICE = "levels: [g, s]\ntree:\n  cat: [cat, lynx]\n  dog: [dog, wolf]\n"


def test_a_name_of_two_nodes_is_no_path_unless_others_are(tree: str) -> None:
    """The top node and its class of the same name: names alone do not tell; paths, or --separator, do."""
    Path(tree).write_text(TWICE)
    Path("a.csv").write_text("truth,answer\ncat/cat,cat\ndog/dog,dog\ncat/lynx,cat\n")
    done = run(tree, "a.csv", *NAMED)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "T304" in done.stderr
    Path("a.csv").write_text("truth,answer\ncat/cat,cat/cat\ndog/dog,dog\ncat/lynx,cat\n")
    assert scores(run(tree, "a.csv", *NAMED, "--json"))["accuracy/s"] == pytest.approx(1 / 3)
    Path("a.csv").write_text("truth,answer\ncat/cat,cat\ndog/dog,dog\n")
    found = scores(run(tree, "a.csv", *NAMED, "--separator", "/", "--json"))
    assert (found["accuracy/g"], found["accuracy/s"]) == (1, 0)


def test_ranks_of_an_older_tree(tree: str) -> None:
    """With a migration, columns of ranks name old nodes, as one column of paths does."""
    old = taxoloss.load({"levels": ["g", "s"], "tree": {"A": ["x", "y"], "B": ["z"]}}).bind()
    new = taxoloss.load({"levels": ["g", "s"], "tree": {"A": ["y", "x"], "B": ["z"]}}).bind()
    old.diff(new, renames={("A", "x"): ("A", "y"), ("A", "y"): ("A", "x")}).migration.save("m.json")
    new.save("new.yaml")
    Path("a.csv").write_text("g,s,path,answer\nA,x,A/x,x\nA,y,A/y,y\nB,z,B/z,z\nA,,A,x\n")
    options = "--prediction", "answer", "--migration", "m.json", *SHORT
    ranks = scores(run("new.yaml", "a.csv", "--target", "g,s", *options))
    assert ranks["accuracy/s"] == 1
    assert ranks == pytest.approx(
        scores(run("new.yaml", "a.csv", "--target", "path", *options)), nan_ok=True
    )
    Path("a.csv").write_text("g,s,answer\nA,q,x\n")
    refused(
        run("new.yaml", "a.csv", "--target", "g,s", *options), "a path of the older tree", "`A/q` in row 1"
    )


def test_ranks_that_are_no_path(tree: str) -> None:
    """The rows of the file, not positions; what is left out is told."""
    Path("r.csv").write_text("species,breed,answer\ncat,pug,pug\ndog,pug,pug\n,,pug\n")
    options = "--target", "species, breed", "--prediction", "answer", *SHORT
    done = run(tree, "r.csv", *options, "--unknown", "drop")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no path of the tree" in done.stderr
    assert "row 1" in done.stderr
    Path("r.csv").write_text("species,breed,answer\ndog,pug,pug\n,,pug\n")
    notes = json.loads(run(tree, "r.csv", *options, "--unknown", "drop").stdout)["notes"]
    assert notes == ["1 row left out: no name in any rank"]


@pytest.mark.parametrize(
    ("cells", "reading"),
    [
        (["Bengal|pug", "pug|beagle"], "rankings of 2"),
        (["Bengal|whale", "pug"], None),
        (["cat|Bengal", "dog|pug"], "names"),
        (["cat|Bengal", "pug"], "names"),
    ],
)
def test_what_a_bar_parts(cells: list[str], reading: str | None, tree: str) -> None:
    """Nodes below each other are a path, others are answers, of which each must be known."""
    write("a.csv", truth=["Bengal", "pug"], answer=cells)
    done = run(tree, "a.csv", *NAMED, "--json")
    if reading is None:
        assert (done.exit_code, done.stdout) == (1, "")
        assert "whale" in done.stderr
    else:
        assert json.loads(done.stdout)["reading"].startswith(reading)
    assert run(tree, "a.csv", *NAMED, "--separator", "|").exit_code == (0 if reading == "names" else 1)


@pytest.mark.parametrize("name", ["a.csv", "t.yaml", "c.txt"])
def test_what_is_read_is_not_written_over(name: str, tree: str) -> None:
    """Wrong usage, and the file is as it was."""
    Path("c.txt").write_text("Bengal\nSphynx\nbeagle\npug\n")
    before = Path(name).read_bytes()
    assert run(tree, "a.csv", *NAMED, "--classes", "c.txt", "--rows", name).exit_code == 2
    assert Path(name).read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        ["--separator", ""],
        ["--ranking", ""],
        ["--tradeoff", "3"],
        ["--decision", "leaf", "--threshold", "0.4"],
        ["--decision", "climb", "--tradeoff", "3"],
    ],
)
def test_options_that_nothing_takes(options: list[str], tree: str) -> None:
    """Exit code 2."""
    assert run(tree, "a.csv", *NAMED, *options).exit_code == 2


def test_names_in_another_spelling(tree: str) -> None:
    """Where most are unknown for it, one is shown, and the command that makes aliases."""
    write("a.csv", truth=["Bengal", "pug"], answer=["BENGAL", "PUG"])
    done = run(tree, "a.csv", *NAMED)
    assert "`BENGAL`: did you mean `Bengal`?" in done.stderr
    assert "taxoloss check TAXONOMY --csv FILE:COLUMN --node-targets --write" in done.stderr
