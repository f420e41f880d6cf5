"""A new format, schedule or command is one file and its line in a register: seen everywhere from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

#: For each kind of part: its file, and in which file which line goes below which.
PARTS = {
    "sources/formats/outline.py": (
        '''
from taxoloss.sources.base import Found, Options, read_lines
from taxoloss.sources.formats.format import Format
from taxoloss.sources.rows import Rows

def read_outline(path, options):
    rows = Rows(str(path), options)
    for number, line in enumerate(read_lines(path, options.limits)[1:], 2):
        rows.add(line.split(" over "), number)
    return Found(rows.taxonomy(), "outline", "line by line")

FORMAT = Format(
    "outline", read_outline, "outlines of ours", (".outline",),
    sniff=lambda sample: sample.start.startswith("%outline"), needs="outliner",
    example=("a.outline", "%outline\\ncat over Bengal\\ndog over pug\\n"),
)
''',
        "sources/formats/__init__.py",
        [("    newick_trees,", "    outline,"), ("    wordnet.FORMAT,", "    outline.FORMAT,")],
    ),
    "taxonomy/exports/census.py": (
        '''
from taxoloss.taxonomy.exports.output_format import OutputFormat

def census(taxonomy):
    return f"{len(taxonomy)} classes"

FORMAT = OutputFormat("census", census, (".census",), keeps=("levels",))
''',
        "taxonomy/exports/__init__.py",
        [
            ("from __future__ import annotations",
             "from taxoloss.taxonomy.exports.census import FORMAT as CENSUS"),
            ("    *picture.FORMATS,", "    CENSUS,"),
        ],
    ),
    "weighting/halving.py": (
        '''
from taxoloss.weighting.checks import checked_number
from taxoloss.weighting.register import Takes, schedule
from taxoloss.weighting.schedules import uniform

@schedule(Takes.number, by=lambda by: checked_number(by, "by of halving(by)"))
def halving(taxonomy, by):
    """The same weight for each level, divided."""
    return uniform()(taxonomy) / by
''',
        "weighting/__init__.py",
        [("from __future__ import annotations",
          "from taxoloss.weighting.halving import halving")],
    ),
    "cli/greet.py": (
        '''
from taxoloss.cli.streams import echo

def greet() -> None:
    """Say good morning."""
    echo("good morning")
''',
        "cli/__init__.py",
        [("from __future__ import annotations", "from taxoloss.cli.greet import greet"),
         ('    "plot": plot,', '    "greet": greet,')],
    ),
}  # fmt: skip

#: Run where the new parts are.
LOOK = """
import json, pickle, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1] + "/tests/oracles", sys.argv[1] + "/tests/fuzz"]
from fuzz_seeds import SEEDS
from in_process import command
from registers import undocumented
import taxoloss
from taxoloss import sources, weighting

def run(*arguments):
    done = command(*arguments)
    return done.code, " ".join((done.out + done.err).decode().replace("\\u2502", " ").split())

Path("a.outline").write_text(SEEDS["outline"][1])
Path("b.txt").write_text(SEEDS["outline"][1])
pets = taxoloss.load("pets").bind()
halving = weighting.SCHEDULES["halving"](4)
print(json.dumps({
    "package": taxoloss.__file__,
    "undocumented": undocumented(),
    "kinds": sources.KINDS,
    "seed": SEEDS["outline"],
    "read": [(found.kind, found.taxonomy.paths()) for found in map(sources.read, ("a.outline", "b.txt"))],
    "init": run("init", "--help"),
    "said": run("init", "b.txt", "--kind", "outline"),
    "convert": run("convert", "pets", "-", "--to", "census"),
    "suffix": run("convert", "pets", "x.census"),
    "convert --help": run("convert", "--help"),
    "schedule": [repr(halving), pickle.loads(pickle.dumps(halving))(pets)[0].tolist()],
    "weighting": run("inspect", "pets", "--weighting", "halving:4", "--json"),
    "no weighting": run("inspect", "pets", "--weighting", "halvin:4"),
    "help": run("--help"),
    "greet": run("greet"),
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process sees of a copy of the package to which the parts were added."""
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "taxoloss"
    shutil.copytree(ROOT / "taxoloss", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("taxonomies", "docs"):
        os.symlink(ROOT / name, folder / name)
    for file, (code, register, lines) in PARTS.items():
        (package / file).write_text(code)
        text = (package / register).read_text()
        for above, line in lines:
            assert text.count(f"{above}\n") == 1
            text = text.replace(f"{above}\n", f"{above}\n{line}\n")
        (package / register).write_text(text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOOK, str(ROOT)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert Path(data["package"]).is_relative_to(folder)
    return data


def test_the_pages_are_found_to_lack_them(seen: dict[str, Any]) -> None:
    """The check of the docs names the four, and nothing else."""
    expected = ["source format outline", "output format census", "schedule halving", "command greet"]
    assert seen["undocumented"] == expected


def test_a_source_format(seen: dict[str, Any]) -> None:
    """Read by its suffix, by its first letters and by --kind; in the help of init; a seed of the fuzzer."""
    assert seen["kinds"].count("outline") == 1
    assert seen["read"] == [["outline", [["cat", "Bengal"], ["dog", "pug"]]]] * 2
    assert seen["seed"] == [".outline", "%outline\ncat over Bengal\ndog over pug\n"]
    code, help = seen["init"]
    assert code == 0
    assert "outlines of ours" in help
    assert "|outline" in help.replace(" ", "")
    code, told = seen["said"]
    assert (code, "was read as outline: line by line" in told) == (0, True)


def test_an_output_format(seen: dict[str, Any]) -> None:
    """By --to and by its suffix, what it cannot say is told; in the help of convert."""
    code, told = seen["convert"]
    assert (code, told[:10]) == (0, "37 classes")
    assert "census cannot say: name, " in told
    assert "levels" not in told
    code, told = seen["suffix"]
    assert (code, "wrote x.census (census, 37 classes)" in told) == (0, True)
    assert seen["convert --help"][1].count("census") == 2


def test_a_schedule(seen: dict[str, Any]) -> None:
    """By its name, from a pickle, as a text; in the words of the error where another is not there."""
    assert seen["schedule"] == ["halving(4.0)", [0.125, 0.125]]
    code, told = seen["weighting"]
    assert (code, '"halving(4.0)"' in told) == (0, True)
    code, told = seen["no weighting"]
    assert code == 2
    assert ", halving:NUMBER, " in told
    assert "did you mean `halving`" in told


def test_a_command(seen: dict[str, Any]) -> None:
    assert seen["greet"] == [0, "good morning"]
    assert "greet Say good morning." in seen["help"][1]
