"""Code and markup: lists in it are read where that is plain, the rest is refused as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run
from readings import reader, refusal_of

read = reader("a.txt")

CODE = [
    ("digraph G {\n  animal -> cat;\n  animal -> dog;\n}\n", "a Graphviz file", 1),
    ("strict graph {\n a -- b\n}\n", "a Graphviz file", 1),
    ("graph TD\n  A[Animal] --> B[Cat]\n  A --> C[Dog]\n", "a Mermaid diagram", 1),
    ("flowchart LR\n  A --> B\n  A --> C\n", "a Mermaid diagram", 1),
    ("\n\nmindmap\n  animal\n    cat\n", "a Mermaid diagram", 3),
    ("@startuml\na --> b\n@enduml\n", "a PlantUML diagram", 1),
    ("import numpy\nx = 1\ny = 2\n", "Python code", 1),
    ("INSERT INTO cat VALUES (1, 'a');\nINSERT INTO cat VALUES (2, 'b');\n", "SQL", 1),
    ('item {\n  name: "a"\n}\nitem {\n  name: "b"\n}\n', "text with braces", 1),
    ("\\begin{itemize}\n\\item cat\n\\item dog\n\\end{itemize}\n", "LaTeX", 1),
    ('classes = {\n    "animal": ["cat", "dog"],\n    "plant": ["oak"],\n}\n', "code, or TOML", 1),
    ("# the names\nnames = [\n    'cat',\n    'dog',\n]\n", "code, or TOML", 2),
    ('const names = ["cat", "dog"];\nexport default names;\n', "code, or TOML", 1),
    ('[animal]\nclasses = ["cat", "dog"]\n[plant]\nclasses = ["oak"]\n', "a file of settings", 2),
    ("[animal]\ncat = 1\ndog = 2\n[plant]\noak = 3\n", "a file of settings", 2),
]


@pytest.mark.parametrize(("text", "what", "line"), CODE, ids=[case[1] + case[0][:9] for case in CODE])
def test_code_is_refused_as_what_it_is(text: str, what: str, line: int, tmp_path: Path) -> None:
    """At the line that shows it, whatever the suffix; whoever says that it is names has it as names."""
    for name in ("a.txt", "a.csv", "a.dot"):
        (fault,) = refusal_of(tmp_path, text, name).faults
        assert (fault.code, fault.line) == ("T121", line)
        assert f"this is {what}" in fault.message
        assert fault.help
    lines = tuple(dict.fromkeys(line for line in text.splitlines() if line.strip()))
    assert len(read(tmp_path, text, kind="names").taxonomy.classes) == len(lines)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"cat",\n"dog",\n"oak"\n', "a.txt"),
        ("  'cat',\n  'dog',\n  'oak',\n", "a.txt"),
        ("cat,\ndog,\noak,\n", "a.txt"),
        ("cat,\ndog,\noak\n", "b.csv"),
        ("'cat'\n'dog'\n'oak'\n", "a.txt"),
        ("['cat', 'dog', 'oak']\n", "a.txt"),
        ('["cat", "dog", "oak"]\n', "a.txt"),
    ],
)
def test_a_list_of_quoted_names_is_read(text: str, name: str, tmp_path: Path) -> None:
    found = read(tmp_path, text, name)
    assert found.taxonomy.classes == ("cat", "dog", "oak")
    if not text.startswith("["):
        assert "quotes and commas around 3 lines are left out" in found.notes


@pytest.mark.parametrize(
    "text",
    ["import tariff law\ncustoms\nexcise\n", "graph theory\nalgebra\nlogic\n", "class A\nclass B\nC\n"],
)
def test_names_that_start_as_code_does_are_names(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).taxonomy.classes == tuple(text.splitlines())


def test_code_is_refused_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.dot").write_text(CODE[0][0])
    done = run("init", str(tmp_path / "a.dot"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "error T121: this is a Graphviz file" in done.stderr
