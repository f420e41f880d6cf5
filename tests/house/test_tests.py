"""The tests: folders mirror the rooms, test modules import helpers only, the fast set has every code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import taxoloss
from taxoloss.errors.explanations import explanations

TESTS = Path(__file__).parents[1]
ROOMS = sorted(path.parent.name for path in Path(taxoloss.__file__).parent.glob("*/__init__.py"))
FILES = sorted(TESTS.rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, also inside functions."""
    for statement in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield statement.module or ""


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_has_a_folder_of_tests(room: str) -> None:
    """Under its own name."""
    assert list((TESTS / room).glob("test_*.py"))


def test_test_modules_import_no_test_module() -> None:
    """What they share stands in a module that holds no tests."""
    modules = {file.stem for file in FILES if file.name.startswith("test_")}
    found = {str(file.relative_to(TESTS)): modules & set(imported(file)) for file in FILES}
    assert not {file: names for file, names in found.items() if names}


def test_every_module_has_a_name_of_its_own() -> None:
    """pytest and imports of helpers find files by their last name."""
    names = Counter(file.name for file in FILES)
    assert [name for name, count in names.items() if count > 1] == []


def test_files_are_as_long_as_their_idea() -> None:
    """No file of tests over 450 lines."""
    lengths = {str(file.relative_to(TESTS)): file.read_text(encoding="utf-8").count("\n") for file in FILES}
    assert {file: length for file, length in lengths.items() if length > 450} == {}


# -- the fast set ----------------------------------------------------------------------------------


def collected(*arguments: str) -> list[str]:
    """The ids of the tests that pytest would run."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_the_fast_set_has_every_error_code() -> None:
    """Each has its wrong text and its right one there."""
    found = collected("tests/errors", "-m", "not slow")
    codes = {match[1] for test in found if (match := re.search(r"\[(T\d{3})\]$", test))}
    assert codes == set(explanations())


@pytest.mark.slow
def test_a_sample_is_every_nth_case_and_all_run_without_options() -> None:
    """Always the same ones."""
    file, name = "tests/cli/test_cli.py", "test_every_schedule_that_can_be_written"
    everything = [test for test in collected(file) if name in test]
    sample = [test for test in collected(file, "-m", "not slow") if name in test]
    assert len(everything) > 3
    assert sample == everything[::3]
