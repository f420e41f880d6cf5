"""The register of the codes, `taxoloss explain` and docs/errors.md: each code has a wrong text that raises
it and a right one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import run
from typer.testing import CliRunner

import taxoloss
from taxoloss.cli import app
from taxoloss.errors import explanations as register_module
from taxoloss.errors.explanations import Explanation, explanations, register
from taxoloss.taxonomy.file.reader import read_text
from taxoloss.taxonomy.findings import find

ROOT = Path(taxoloss.__file__).parent
PAGE = ROOT.parent / "docs" / "errors.md"
KNOWN = explanations()


def codes_of(one: Explanation, text: str) -> set[str]:
    """The codes that a text of the page raises, or (T4xx) that are found in it."""
    try:
        if one.language == "yaml":
            taxonomy = taxoloss.Taxonomy.from_values(*read_text(text, "page.yaml"))
            return {finding.code for finding in find(taxonomy)}
        exec(compile(text, one.code, "exec"), {})
    except taxoloss.TaxonomyError as error:
        return {fault.code for fault in error.faults}
    return set()


def codes_in_the_code() -> set[str]:
    """Each code that stands in the package as a literal."""
    used: set[str] = set()
    for file in ROOT.rglob("*.py"):
        used |= set(re.findall(r'"(T[1-4]\d\d)"', file.read_text(encoding="utf-8")))
    return used


def test_every_code_has_a_section() -> None:
    """And no section is of a code that nothing raises."""
    assert codes_in_the_code() == set(KNOWN)
    assert list(KNOWN) == sorted(KNOWN)


def test_the_page_is_the_register() -> None:
    """`make docs` copies taxoloss/errors/codes.md, the one source, to docs/errors.md."""
    assert PAGE.read_text(encoding="utf-8") == register()


@pytest.fixture
def dummy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One more code in the register."""
    text = register() + (
        "\n## T499: a dummy\n\nNothing stops.\n\n"
        "```yaml wrong\ntree: [a, a]\n```\n\n```yaml right\ntree: [a, b]\n```\n"
    )
    monkeypatch.setattr(register_module, "register", lambda: text)
    explanations.cache_clear()
    yield text
    explanations.cache_clear()


def test_a_new_code_is_seen_everywhere(dummy: str) -> None:
    """By `explain`, by the page's check, by the check that something raises it."""
    runner = CliRunner()
    shown = runner.invoke(app, ["explain", "t499"])
    assert (shown.exit_code, shown.output[:14]) == (0, "T499: a dummy\n")
    assert "T499  a dummy" in runner.invoke(app, ["explain"]).output
    assert PAGE.read_text(encoding="utf-8") != dummy
    assert set(explanations()) - codes_in_the_code() == {"T499"}


@pytest.mark.parametrize("code", KNOWN)
def test_the_wrong_text_raises_it_and_the_right_one_nothing(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong text may be wrong in more ways where one slip has several; warnings do not stop."""
    monkeypatch.chdir(tmp_path)
    one = KNOWN[code]
    assert code in codes_of(one, one.wrong)
    found = codes_of(one, one.right)
    assert code not in found
    assert all(other.startswith("T4") for other in found)


@pytest.mark.parametrize("code", ["T203", "t203"])
def test_explain_prints_the_section(code: str) -> None:
    done = run("explain", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("T203: a node with several parents\n")
    assert "wrong:" in done.stdout
    assert "right:" in done.stdout


def test_explain_without_a_code_lists_all() -> None:
    done = run("explain")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(KNOWN)
    data = json.loads(run("explain", "T101", "--json").stdout)
    assert (data["code"], data["language"]) == ("T101", "python")
    assert len(json.loads(run("explain", "--json").stdout)) == len(KNOWN)


def test_an_unknown_code_is_exit_2() -> None:
    done = run("explain", "T999")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no code" in done.stderr


# -- other forms of the same faults ----------------------------------------------------------------

BAD = "levels: [a, b]\ntree:\n  cat: [x, X, x]\n  dog: [y]\nlevls: 1\n"


def test_the_same_text_in_python_and_on_the_command_line(tmp_path: Path) -> None:
    """Errors, the warning beside them, the last line."""
    path = tmp_path / "pets.yaml"
    path.write_text(BAD)
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        taxoloss.load(path)
    text = str(caught.value)
    done = run("inspect", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", text + "\n")
    assert text.splitlines()[-1] == f"2 errors, 1 warning in {path}"
    assert f"{path}:3:15: error T201: `x` stands twice under `cat`" in text
    assert "- first written here" in text


def test_json_sarif_and_github(tmp_path: Path) -> None:
    path = tmp_path / "pets.yaml"
    path.write_text(BAD)
    data = json.loads(run("inspect", str(path), "--json").stdout)
    assert [(f["code"], f["severity"], f["line"], f["column"]) for f in data["faults"]] == [
        ("T201", "error", 3, 15),
        ("T114", "error", 5, 1),
        ("T408", "warning", 3, 12),
    ]
    assert data["faults"][0]["notes"][0]["line"] == 3
    log = json.loads(run("inspect", str(path), "--format", "sarif").stdout)
    (result, *_) = log["runs"][0]["results"]
    assert (log["version"], result["ruleId"], result["level"]) == ("2.1.0", "T201", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 3, "startColumn": 15, "endColumn": 16}
    assert place["artifactLocation"]["uri"].startswith("file:///")
    assert result["relatedLocations"][0]["message"]["text"] == "first written here"
    lines = run("inspect", str(path), "--format", "github").stdout.splitlines()
    assert lines[0].startswith(f"::error file={path},line=3,col=15,title=T201::")
    assert "%0Ahelp: rename one" in lines[0]
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning"]


def test_findings_of_a_good_file_have_their_place(tmp_path: Path) -> None:
    """In GitHub's lines, in SARIF and in the facts."""
    path = tmp_path / "pets.yaml"
    path.write_text("levels: [a, b]\ntree:\n  cat: [x]\n  dog: [y, z]\n")
    done = run("inspect", str(path), "--format", "github")
    assert done.returncode == 0
    told = "title=T405::1 node with a single child: `cat`\n"
    assert done.stdout == f"::warning file={path},line=3,col=3,{told}"
    (finding,) = json.loads(run("inspect", str(path), "--json").stdout)["findings"]
    assert (finding["code"], finding["line"], finding["column"]) == ("T405", 3, 3)
    log = json.loads(run("inspect", str(path), "--format", "sarif").stdout)
    assert log["runs"][0]["results"][0]["level"] == "warning"


def test_names_cannot_forge_a_line_of_github(tmp_path: Path) -> None:
    """A name with a line break or a percent sign stays inside its message."""
    path = tmp_path / "a.json"
    path.write_text('{"tree": ["a\\n::error::x", "50%", "50%"]}')
    lines = run("inspect", str(path), "--format", "github").stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("::error file=") for line in lines)
    assert "`50%25` stands twice" in lines[1]
