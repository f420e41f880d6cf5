"""What an error shows: its line with a caret, cropped and counted in cells; the first twenty faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_files import Bad, Want
from refusals import carets, matched, refused

from taxoloss.errors.faults import FormError, MeaningError, TaxonomyError


@pytest.mark.parametrize(
    ("line", "column", "start", "stop"),
    [
        ("tree: [\u732b, \u732b]", 11, 11, 13),  # a wide character takes two columns
        ("tree: [cafe\u0301, b, b]", 18, 16, 17),  # a combining mark takes none
        ("tree: [a, b, \u72ac, b]", 17, 17, 18),
    ],
)
def test_the_caret_counts_cells(line: str, column: int, start: int, stop: int, tmp_path: Path) -> None:
    """Wide characters and combining marks before the place do not move the caret off it."""
    case = Bad("", ".yaml", line + "\n", (Want("T201", 1, column, ()),))
    ((_, fault),) = matched(case, refused(case, tmp_path))
    lines = str(fault).splitlines()
    marks = lines[2].split(" | ", 1)[1]
    assert (marks.index("^"), len(marks)) == (start, stop)


def test_a_long_line_is_cropped_around_the_caret(tmp_path: Path) -> None:
    """A line of 4,000 characters shows about 100, and the caret under the right one."""
    names = [f"name{i}" for i in range(400)] + ["name7", "last"]
    case = Bad("", ".yaml", f"tree: [{', '.join(names)}]\n", ())
    (fault,) = refused(case, tmp_path).faults
    text, start, stop = carets(fault)
    assert text[start:stop] == "name7"
    assert text.startswith("...")
    assert len(text) <= 106


def test_twenty_faults_are_shown_and_all_are_kept(tmp_path: Path) -> None:
    """A file with 30 faults prints 20, says how many more, and `.faults` has them all."""
    tree = "".join(f"  n{i}: []\n" for i in range(30))
    error = refused(Bad("", ".yaml", f"tree:\n{tree}", ()), tmp_path)
    assert [fault.line for fault in error.faults] == list(range(2, 32))
    assert str(error).count("error T118") == 20
    assert "... and 10 more (all of them in .faults, and with --format json)" in str(error)
    assert str(error).endswith(f"\n30 errors in {tmp_path / 'bad.yaml'}")


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        (f"tree: [{', '.join(['a'] * 1_500)}]\n", MeaningError, "T201"),
        ("tree: {" + ", ".join(f"n{i}: []" for i in range(1_500)) + "}\n", FormError, "T118"),
    ],
    ids=["meaning", "form"],
)
def test_a_thousand_faults_are_of_their_class_too(
    text: str, kind: type[TaxonomyError], code: str, tmp_path: Path
) -> None:
    """Reading stops at a thousand faults; faults of meaning alone are a MeaningError even then."""
    error = refused(Bad("", ".yaml", text, ()), tmp_path)
    assert len(error.faults) >= 1_000
    assert {fault.code for fault in error.faults} == {code}
    assert type(error) is kind


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    """What a file holds is shown as escapes, in the message and in the line."""
    source = {"tree": {"a\x1b[31m": ["x\u202e"], "b": "c\x07"}, "\x9bk": 1}
    text = str(refused(Bad("", None, source, ()), tmp_path))
    assert not set(text) & {"\x1b", "\u202e", "\x07", "\x9b"}
    raw = str(refused(Bad("", ".yaml", "tree: [a\x1b[31m, b]\n", ()), tmp_path))
    assert "\x1b" not in raw
    assert "tree: [a\\x1b[31m, b]" in raw
