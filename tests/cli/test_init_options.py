"""Options of `taxoloss init` that say nothing that can be meant: wrong usage, in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

from taxoloss import sources

TABLE = "superclass,class\nanimal,cat\nanimal,dog\nplant,oak\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--separator", ""], "expected a separator between names"),
        (["--columns", ""], "expected names of columns"),
        (["--columns", " , "], "expected names of columns"),
        (["--ranks", ","], "expected names of ranks"),
        (["--kind", "codes", "--separator", "zeros:x"], "expected zeros:2,4,6"),
        (["-o", "gone/out.yaml"], "gone/out.yaml: cannot be written: no such folder"),
    ],
)
def test_options_that_say_nothing(
    options: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, what was expected, and nothing of Python; nothing is written."""
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(TABLE)
    done = run("init", "a.csv", *options)
    assert (done.returncode, done.stdout) == (2, "")
    shown = " ".join(done.stderr.replace("│", " ").split())
    assert words in shown
    assert "Traceback" not in shown
    assert "Errno" not in shown
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("text", ['{"a": ["b", "c"]}', TABLE, "cat\ndog\noak\n", "[]", "[x]\n"])
def test_no_panic_of_a_package_is_shown(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    done = run("init", str(tmp_path / "a.txt"), "--kind", "obo")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error T121: this cannot be read as an ontology" in done.stderr
    assert "panicked" not in done.stderr
    assert "stack" not in done.stderr


def test_the_same_in_python() -> None:
    names = ("kind", "parent", "columns", "separator", "ranks", "wordnet", "node_name", "missing_parent")
    given = {**dict.fromkeys(names), "limits": None, "missing": ()}
    for name, value in (("columns", []), ("ranks", ()), ("separator", "")):
        with pytest.raises(ValueError, match="expected"):
            sources.options_of(**{**given, name: value})
