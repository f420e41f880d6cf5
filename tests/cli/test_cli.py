"""The command, in real processes: exit codes, streams, pipes, no traceback, no torch."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import GOOD, run

import taxoloss

BAD = "tree:\n  - cat: [Bengal]\n  - dog\nlevls: [a]\n"


def test_a_bundled_tree_is_shown() -> None:
    """Facts, levels, findings and the tree on standard output; nothing on standard error."""
    done = run("inspect", "pets")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("pets", "classes", "37", "species", "breed", "Abyssinian", "... 17 more", "findings"):
        assert words in done.stdout


def test_json_is_one_document() -> None:
    """--json writes facts that a program can use."""
    facts = json.loads(run("inspect", "pets", "--json").stdout)
    assert facts["valid"] is True
    assert facts["classes"] == 37
    assert [level["nodes"] for level in facts["levels"]] == [2, 37]
    assert sum(level["weight"] for level in facts["levels"]) == 1


@pytest.mark.parametrize("name", ["file.yaml", "file.json"])
def test_a_file_and_standard_input_say_the_same(tmp_path: Path, name: str) -> None:
    """FILE and - print the same facts, for YAML and for JSON."""
    text = GOOD
    if name.endswith("json"):
        tree = {"cat": ["Bengal", "Siamese"], "dog": ["beagle", "pug"]}
        text = json.dumps({"name": "animals", "levels": ["species", "breed"], "tree": tree})
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    shown = run("inspect", str(file))
    assert shown.returncode == 0
    assert shown.stdout == run("inspect", "-", stdin=text).stdout


def test_a_bad_file_is_exit_1_with_all_faults_on_standard_error() -> None:
    """Nothing on standard output; every fault with its place."""
    done = run("inspect", "-", stdin=BAD)
    assert (done.returncode, done.stdout) == (1, "")
    assert "<stdin>:2:5: error T120" in done.stderr
    assert "help: remove the dash" in done.stderr
    assert "<stdin>:4:1: error T114" in done.stderr
    assert "did you mean `levels`?" in done.stderr


def test_faults_as_json() -> None:
    """--json writes the faults as data, on standard output."""
    done = run("inspect", "-", "--json", stdin=BAD)
    data = json.loads(done.stdout)
    assert done.returncode == 1
    assert data["valid"] is False
    assert [(fault["code"], fault["line"], fault["column"]) for fault in data["faults"]] == [
        ("T120", 2, 5),
        ("T114", 4, 1),
    ]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "arguments", [["inspect"], ["inspect", "pets", "--jsn"], ["inspct", "pets"], ["inspect", "a", "b"]]
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """Usage errors go to standard error."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage" in done.stderr


def test_an_unknown_name_gets_the_nearest() -> None:
    """A name that is neither bundled nor a file."""
    done = run("inspect", "petz")
    assert done.returncode == 1
    assert "did you mean `pets`?" in done.stderr


@pytest.mark.parametrize("what", ["folder", "nothing.yaml"])
def test_what_cannot_be_read_is_exit_1(tmp_path: Path, what: str) -> None:
    """A directory and a missing file are told, not thrown."""
    (tmp_path / "folder").mkdir()
    done = run("inspect", str(tmp_path / what))
    assert done.returncode == 1
    assert "T101" in done.stderr


def test_names_never_reach_the_terminal_raw() -> None:
    """Markup stays text; an escape sequence is refused and shown as an escape."""
    done = run("inspect", "-", stdin="tree: ['[red]x[/red]', ':smile:', '[link=a]']\n")
    assert done.returncode == 0
    assert "[red]x[/red]" in done.stdout
    assert ":smile:" in done.stdout
    for evil in (b'tree: ["\\u001b[31mx", b]', b"tree: [\x1b[31mx, b]", b'{"tree": ["\\u202ex", "b"]}'):
        done = run("inspect", "-", stdin=evil)
        assert done.returncode == 1
        assert "\x1b" not in done.stderr + done.stdout
        assert "\u202e" not in done.stderr + done.stdout


def test_classes_that_bind(tmp_path: Path) -> None:
    """--classes says that a list binds, and the line of Python that does it; paths are a/b."""
    classes = tmp_path / "classes.txt"
    classes.write_text("pug\ncat/Bengal\nbeagle\nSiamese\n", encoding="utf-8")
    done = run("inspect", "-", "--classes", str(classes), stdin=GOOD)
    assert done.returncode == 0
    assert "4 bind" in done.stdout
    assert ".bind(" in done.stdout


def test_classes_that_do_not_bind(tmp_path: Path) -> None:
    """Missing and extra classes are named; exit 1."""
    classes = tmp_path / "classes.txt"
    classes.write_text("pug\nbengal\nbeagle\nLynx\n", encoding="utf-8")
    done = run("inspect", "-", "--classes", str(classes), stdin=GOOD)
    assert done.returncode == 1
    assert "did you mean `Bengal`?" in done.stderr
    assert "`Lynx`" in done.stderr
    assert "`cat/Siamese` is missing" in done.stderr


def test_classes_above_others_bind_where_that_is_said(tmp_path: Path) -> None:
    """--inner-classes gives them a leaf of their own; the line of Python says so; alone it is wrong."""
    for names in (["pug", "cat", "Bengal", "beagle", "Siamese"], ["dog/pug", "dog", "dog/beagle", "cat"]):
        classes = tmp_path / "classes.txt"
        classes.write_text("\n".join(names) + "\n", encoding="utf-8")
        assert "T305" in run("inspect", "-", "--classes", str(classes), stdin=GOOD).stderr
        done = run("inspect", "-", "--classes", str(classes), "--inner-classes", stdin=GOOD)
        missing = len(names) == 4
        assert done.returncode == missing
        assert ("`cat/Bengal` is missing" in done.stderr) == missing
        assert ("5 bind" in done.stdout and "inner_classes=True" in done.stdout) != missing
    assert run("inspect", "-", "--inner-classes", stdin=GOOD).returncode == 2


def test_a_reader_that_closes_the_pipe_is_no_error(tmp_path: Path) -> None:
    """`taxoloss inspect ... | head -1`: no traceback, no message."""
    rows = "".join(f"  g{i}: [{', '.join(f'c{i}_{j}' for j in range(9))}]\n" for i in range(400))
    file = tmp_path / "many.yaml"
    file.write_text(f"tree:\n{rows}", encoding="utf-8")
    command = f'"{sys.executable}" -m taxoloss inspect "{file}" --json | head -c 20'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert len(done.stdout) == 20


def test_the_command_imports_no_torch() -> None:
    """Reading a tree needs no torch: the answer comes at once."""
    code = (
        "import sys\nfrom taxoloss.cli import app\n"
        "try:\n    app(['inspect', 'pets', '--weighting', 'hxe:0.5'])\n"
        "except SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'torchvision', 'torchmetrics', 'simple_icd_10_cm', 'matplotlib'}\n"
        "bad = heavy & set(sys.modules)\n"
        "assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_has_an_example() -> None:
    """`--help` and `--version` answer with exit 0."""
    shown = run("inspect", "--help")
    assert shown.returncode == 0
    assert "Example: taxoloss inspect pets" in shown.stdout
    assert run("--version").stdout.startswith("taxoloss 0.")


def test_a_leaf_written_with_a_dash_among_keys() -> None:
    """YAML's own words say nothing there; the help says what to write."""
    done = run("inspect", "-", stdin="tree:\n  cat: [a, b]\n  - Detritus\n")
    assert done.returncode == 1
    assert "<stdin>:3:3: error T103" in done.stderr
    assert "a key with nothing: Detritus:" in done.stderr


def test_the_printed_line_of_python_runs(tmp_path: Path) -> None:
    """It names the file that was given, whatever the tree calls itself."""
    file, classes = tmp_path / "tree.yaml", tmp_path / "classes.txt"
    file.write_text(GOOD, encoding="utf-8")
    classes.write_text("pug\nBengal\nbeagle\nSiamese\n", encoding="utf-8")
    line = json.loads(run("inspect", str(file), "--classes", str(classes), "--json").stdout)["binding"]
    scope = {"class_names": ["pug", "Bengal", "beagle", "Siamese"], "taxoloss": taxoloss}
    exec(line["python"], scope)
    assert scope["t"].classes == ("pug", "Bengal", "beagle", "Siamese")  # type: ignore[attr-defined]


def test_a_class_list_is_taken_as_it_stands(tmp_path: Path) -> None:
    """Spaces around a name are a mismatch here as they are in Python; the help mends them."""
    classes = tmp_path / "classes.txt"
    classes.write_text("pug \nBengal \nbeagle \nSiamese \n", encoding="utf-8")
    done = run("inspect", "-", "--classes", str(classes), stdin=GOOD)
    assert done.returncode == 1
    assert "name.strip()" in done.stderr


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("tree:\n  a: [b, c: d]\n", 'in quotes: "c: d"'),
        ("tree:\n  a: [b, c]\n  - {name: d, level: x}\n", "as list items too"),
        ("tree:\n  a: [b, c]\n  d\n", "has no colon"),
        ("tree:\n  a: [b, c]\n  - d: [e, f]\n", "remove the dash"),
        ("tree:\n  a: [b, c]\n  - name: d\n    level: x\n", "as list items too"),
    ],
)
def test_help_for_slips_of_yaml(text: str, help: str) -> None:
    """Where YAML's own words do not say what to do."""
    done = run("inspect", "-", stdin=text)
    assert done.returncode == 1
    assert help in done.stderr, done.stderr


# -- weights ---------------------------------------------------------------------------------------

RAGGED = "levels: [a, b, c]\ntree:\n  - name: x\n    children: {y: [p, q]}\n  - '[red]r[/red]'\n"


def weighting(tree: str, schedule: str) -> dict[str, Any]:
    """What --json says of a schedule."""
    done = run("inspect", "-", "--json", "--weighting", schedule, stdin=tree)
    assert (done.returncode, done.stderr) == (0, "")
    facts: dict[str, Any] = json.loads(done.stdout)["weighting"]
    return facts


def test_weights_that_all_classes_share() -> None:
    """One class and one inner node, in the words of the tree, with the sums."""
    done = run("inspect", "pets", "--weighting", "geometric:0.7")
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout[done.stdout.index("weighting  geometric(0.7); all classes have") :]
    rows = [line.split() for line in shown.splitlines()[1:7]]
    assert rows == [
        ["target", "level", "node", "weight", "chance", "loss"],
        ["class", "species", "cat", "0.21", "1.126"],
        ["breed", "Abyssinian", "0.7", "3.611"],
        ["sum", "0.91", "2.764"],
        ["inner", "node", "species", "cat", "0.7", "1.126"],
        ["sum", "0.7", "0.788"],
    ]


def test_weights_that_differ() -> None:
    """The shallowest and the deepest class; names are shown as they are."""
    done = run("inspect", "-", "--weighting", "hxe:0.5", stdin=RAGGED)
    for words in ("classes differ", "shallowest class", "deepest class", "inner node", "[red]r[/red]"):
        assert words in done.stdout
    facts = weighting(RAGGED, "hxe:0.5")
    kinds = [(target["kind"], target["path"]) for target in facts["targets"]]
    assert kinds == [
        ("shallowest class", ["[red]r[/red]"]), ("deepest class", ["x", "y", "p"]),
        ("inner node", ["x", "y"]),
    ]  # fmt: skip
    assert [target["weight"] for target in facts["targets"]] == pytest.approx([1, 1, 1])
    top = facts["targets"][1]["levels"][0]
    assert (top["level"], top["node"]) == ("a", ["x"])
    assert (top["weight"], top["chance_loss"]) == pytest.approx((1 - math.exp(-0.5), math.log(1.5)))


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("schedule", "shown"),
    [
        ("uniform", "uniform()"), ("deepest", "deepest()"), ("balanced", "balanced()"),
        ("geometric:1", "geometric(1.0)"), ("hxe:0", "hxe(0.0)"),
        ("by_level:species=0.3,breed=.7", "by_level({'species': 0.3, 'breed': 0.7})"),
    ],
)  # fmt: skip
def test_every_schedule_that_can_be_written(schedule: str, shown: str) -> None:
    """NAME or NAME:NUMBER; a tree of one level has no inner node to show."""
    assert weighting(GOOD, schedule)["schedule"] == shown
    if not schedule.startswith("by_level"):
        facts = weighting("tree: [a, b]", schedule)
        assert [target["kind"] for target in facts["targets"]] == ["class"]
        assert facts["classes_alike"]


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("geometrc:0.7", "did you mean `geometric`?"),
        ("hxe", "expected hxe:NUMBER, got 'hxe'"),
        ("hxe:x", "expected hxe:NUMBER, got 'hxe:x'"),
        ("uniform:3", "expected uniform, got 'uniform:3'"),
        ("geometric:2", "at most 1 in geometric(d), got 2.0"),
        ("hxe:-1", "0 or larger, in hxe(alpha), got -1.0"),
        ("by_level:species", "expected by_level:LEVEL=NUMBER"),
        ("by_level:species=1,bred=1", "did you mean `breed`?"),
        ("label_balanced:3", "needs the counts"),
    ],
)
def test_a_wrong_schedule_is_exit_2(schedule: str, words: str) -> None:
    """What was expected, and the nearest name; nothing on standard output."""
    done = run("inspect", "-", "--weighting", schedule, stdin=GOOD)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.replace("│", " ").split())
