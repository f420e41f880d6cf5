"""Every bad file of the table: all of its faults, each at its place and in its words."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import bad_files
import bad_graphs
import bad_meaning
import bad_trees
import pytest
from bad_files import Bad
from refusals import carets, matched, refused

import taxoloss
from taxoloss.errors.explanations import explanations
from taxoloss.errors.faults import FormError, MeaningError, TaxonomyError

CASES = (*bad_files.CASES, *bad_trees.CASES, *bad_meaning.CASES, *bad_graphs.CASES)


def counted(case: Bad, error: TaxonomyError, folder: Path) -> str:
    """The last line of the text."""
    words = f"{len(case.wants)} error" + "s" * (len(case.wants) > 1)
    if error.warnings:
        words += f", {len(error.warnings)} warning" + "s" * (len(error.warnings) > 1)
    return words + (f" in {folder / 'bad'}{case.suffix}" if case.suffix else "")


def every(cases: tuple[Bad, ...]) -> pytest.MarkDecorator:
    """The test, once for each of these cases."""
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def test_the_table_is_large_and_names_its_cases_once() -> None:
    """At least 60 files, and no two of one name."""
    names = Counter(case.name for case in CASES)
    assert len(CASES) >= 60
    assert names.most_common(1)[0][1] == 1


def test_the_table_has_every_code_of_form_and_meaning() -> None:
    """A code that the package can raise for a file stands in the table, or in a test below."""
    of_other_sources = {"T121", "T122", "T203", "T212"}
    codes = {code for code in explanations() if code < "T300"} - of_other_sources
    assert codes - {want.code for case in CASES for want in case.wants} == {"T101"}


@every(CASES)
def test_every_fault_at_its_place(case: Bad, tmp_path: Path) -> None:
    """All faults and no others, with their words, path, found and expected."""
    for want, fault in matched(case, refused(case, tmp_path)):
        for name in ("path", "found", "expected"):
            if getattr(want, name):
                assert getattr(fault, name) == getattr(want, name)


@every(CASES)
def test_the_text_says_where(case: Bad, tmp_path: Path) -> None:
    """file:line:column and the code stand in str(error), once for each fault."""
    error = refused(case, tmp_path)
    text = str(error)
    for want, fault in matched(case, error):
        place = "" if case.suffix is None else f"{tmp_path / 'bad'}{case.suffix}:"
        if want.line is not None:
            place += f"{want.line}:{want.column}:"
        assert f"{place} error {want.code}: ".lstrip() in text
        assert str(fault) in text
        assert fault.file == (None if case.suffix is None else f"{tmp_path / 'bad'}{case.suffix}")
    last = f"\n{counted(case, error, tmp_path)}"
    assert text.endswith(last) == (len(case.wants) > 1 or bool(case.suffix))


@every(tuple(case for case in CASES if case.suffix))
def test_the_caret_points_at_it(case: Bad, tmp_path: Path) -> None:
    """The caret stands under the column that the fault names, and under no more than is meant."""
    text = case.source if isinstance(case.source, str) else case.source.decode("utf-8", "replace")
    lines = text.split("\n")
    for want, fault in matched(case, refused(case, tmp_path)):
        if want.line is None or want.column is None:
            assert "^" not in str(fault)
            continue
        line = lines[want.line - 1]
        assert 1 <= want.column <= len(line) + 1
        assert fault.snippet is not None
        assert fault.snippet == line[fault.offset :][: len(fault.snippet)]
        assert len(fault.snippet) == len(line) or len(fault.snippet) >= 1_000
        shown, start, stop = carets(fault)
        if line.isascii() and line.isprintable() and len(line) <= 100:
            assert shown == line
            assert start == want.column - 1
            if want.under is not None:
                assert line[start:stop] == want.under


@every(CASES)
def test_the_error_is_of_its_class(case: Bad, tmp_path: Path) -> None:
    """Any fault of form makes a FormError, else it is a MeaningError; both are ValueErrors."""
    error = refused(case, tmp_path)
    form = any(want.code.startswith("T1") for want in case.wants)
    assert type(error) is (FormError if form else MeaningError)
    assert isinstance(error, TaxonomyError)
    assert isinstance(error, ValueError)


@every(CASES)
def test_the_error_pickles(case: Bad, tmp_path: Path) -> None:
    """Errors travel between processes (a data loader's workers, pytest-xdist)."""
    error = refused(case, tmp_path)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.faults == error.faults
    assert str(again) == str(error)


@every(tuple(case for case in CASES if case.suffix and len(case.wants) > 1))
def test_faults_come_in_the_order_of_the_file(case: Bad, tmp_path: Path) -> None:
    """`TaxonomyError.faults` holds every reason "in the order of the file"."""
    places = [(fault.line, fault.column) for fault in refused(case, tmp_path).faults]
    assert places == sorted(places)


# -- files that are not there, or too much ---------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("petz", ("no bundled taxonomy and no file `petz`", "did you mean `pets`?", "one of")),
        ("no/such/file.yaml", ("there is no file `no/such/file.yaml`",)),
        (Path("missing.json"), ("there is no file `missing.json`", "expected: a file")),
    ],
)
def test_a_missing_file(
    source: Any, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T101 with the nearest bundled name and what there is."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormError) as caught:
        taxoloss.load(source)
    (fault,) = caught.value.faults
    assert (fault.code, fault.found, fault.line) == ("T101", str(source), None)
    assert "pets" in (fault.expected or "")
    for piece in words:
        assert piece in str(caught.value)


def test_a_directory(tmp_path: Path) -> None:
    """T101 in the system's words."""
    with pytest.raises(FormError, match=r"error T101: the file cannot be read: Is a directory"):
        taxoloss.load(tmp_path)


@pytest.mark.slow
def test_a_file_too_large(tmp_path: Path) -> None:
    """T111 before it is read; taxoloss.Limits moves the limit."""
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(256 * 2**20 + 1)
    with pytest.raises(FormError, match=r"error T111: the file is larger than 268,435,456 bytes"):
        taxoloss.load(path)
    path.write_text("tree: [a, b]\n")
    assert len(taxoloss.load(path, limits=taxoloss.Limits(bytes=13))) == 2
    with pytest.raises(FormError, match="larger than 12 bytes"):
        taxoloss.load(path, limits=taxoloss.Limits(bytes=12))


@pytest.mark.slow
def test_too_many_values(tmp_path: Path) -> None:
    """T112 at the value, and at the node, that is one too many."""
    path = tmp_path / "many.yaml"
    path.write_text(f"tree: [{', '.join(f'n{i}' for i in range(2_000))}]\n")
    with pytest.raises(FormError, match=r":1:\d+: error T112: more than 1,004 values"):
        taxoloss.load(path, limits=taxoloss.Limits(nodes=1))
    with pytest.raises(FormError, match="error T112: more than 1,999 nodes") as caught:
        taxoloss.load(path, limits=taxoloss.Limits(nodes=1_999))
    (fault,) = caught.value.faults
    assert fault.snippet is not None
    assert fault.snippet[(fault.column or 0) - 1 - fault.offset :].startswith("n1999")
    assert len(taxoloss.load(path, limits=taxoloss.Limits(nodes=2_000))) == 2_000


def test_too_many_values_in_a_mapping() -> None:
    """What `yaml.safe_load` makes of an alias bomb: 12 dicts that stand for 8,192 leaves."""
    tree: Any = ["x", "y"]
    for _ in range(12):
        tree = {"a": tree, "b": tree}
    with pytest.raises(FormError, match="T112"):
        taxoloss.load({"tree": tree}, limits=taxoloss.Limits(nodes=100))


@pytest.mark.parametrize("levels", [3, 100])
def test_the_limit_of_levels_moves(levels: int, tmp_path: Path) -> None:
    """A tree of so many levels is read, one more is refused; scalars have their limit too."""
    path = tmp_path / "deep.yaml"
    limits = taxoloss.Limits(levels=levels, scalar=20)
    for depth in (levels, levels + 1):
        text = "x:\n" + "".join(" " * i + f"n{i}:\n" for i in range(1, depth)) + " " * depth + "y:\n"
        path.write_text("tree:\n" + "".join(f" {line}\n" for line in text.splitlines()) + " z:\n")
        if depth < levels:
            assert len(taxoloss.load(path, limits=limits)) == 2
    with pytest.raises(FormError, match="T111"):
        taxoloss.load(path, limits=limits)
    with pytest.raises(FormError, match="a text of 21 characters; at most 20"):
        taxoloss.load({"tree": ["x" * 21, "y"]}, limits=limits)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"nodes": 0}, "limit nodes, got 0"), ({"levels": 129}, "at most 128"), ({"bytes": True}, "got True"),
     ({"scalar": 1.5}, "limit scalar, got 1.5")],
)  # fmt: skip
def test_limits_that_are_none(given: dict[str, Any], words: str) -> None:
    """ValueError at construction."""
    with pytest.raises(ValueError, match=words):
        taxoloss.Limits(**given)


def test_lookalikes_are_told_beside_other_faults(tmp_path: Path) -> None:
    """A warning with its place and its twin's; a sound file has none (inspect tells it)."""
    error = refused(Bad("", ".yaml", "tree:\n  Cat: [a, \u0430, b]\n  cat: []\n", ()), tmp_path)
    assert [(fault.code, fault.line) for fault in error.warnings] == [("T408", 2), ("T408", 3)]
    assert "warning T408: `cat` looks like its sibling `Cat`" in str(error)
    assert str(error).endswith(f"1 error, 2 warnings in {tmp_path / 'bad.yaml'}")


@pytest.mark.parametrize("source", [None, 3, ["a", "b"], b"pets"])
def test_what_is_no_source(source: Any) -> None:
    """TypeError with what was expected and what came."""
    with pytest.raises(TypeError, match=f"path or a mapping, got {type(source).__name__}"):
        taxoloss.load(source)


_LOAD = """
import sys, taxoloss
try:
    taxoloss.load(sys.argv[1])
except taxoloss.TaxonomyError as error:
    print(*(fault.code for fault in error.faults))
    sys.exit(7)
"""


@pytest.mark.sample(5)
@pytest.mark.parametrize("count", [50_000, 200_000])
@pytest.mark.parametrize(
    ("suffix", "left", "right"),
    [
        (".yaml", "[", "]"),
        (".yaml", "{a: ", "}"),
        (".yaml", "- ", ""),
        (".yaml", "? ", ""),
        (".json", "[", "]"),
        (".json", '{"a":', "}"),
    ],
)
def test_deep_nesting_ends_no_process(
    count: int, suffix: str, left: str, right: str, tmp_path: Path
) -> None:
    """In a process of its own: T111 for closed and unclosed brackets, never a signal."""
    key, end = ('{"tree": ', "}") if suffix == ".json" else ("tree:\n  ", "\n")
    inner = "[1, 2]" if suffix == ".json" else "x"
    for text in (key + left * count + inner + right * count + end, left * count):
        path = tmp_path / f"deep{suffix}"
        path.write_text(text)
        done = subprocess.run([sys.executable, "-c", _LOAD, str(path)], capture_output=True)
        assert done.returncode == 7, done.stderr.decode()[-500:]
        codes = done.stdout.decode().split()
        assert codes[-1] == "T111"
        assert set(codes[:-1]) <= {"T116"}  # "? " makes each mapping a key, which is refused too


@pytest.mark.slow
def test_json_with_too_many_values_is_refused_before_they_are_made(tmp_path: Path) -> None:
    """With the place; commas in texts are no values."""
    limits = taxoloss.Limits(nodes=1)
    path = tmp_path / "a.json"
    path.write_text('{"tree": [' + ", ".join(f'"n{i}"' for i in range(1_100)) + "]}")
    with pytest.raises(FormError, match=r"a\.json:1:\d+: error T112: more than 1,004 values"):
        taxoloss.load(path, limits=limits)
    path.write_text('{"description": "' + "," * 2_000 + '", "tree": ["a"]}')
    with pytest.raises(MeaningError, match="T202"):
        taxoloss.load(path, limits=limits)


def test_what_is_not_closed_has_a_second_label(tmp_path: Path) -> None:
    """Where the list, the mapping or the quotes began, if on another line."""
    texts = {
        "tree:\n  cat: [a b\n": "the list starts here",
        "tree: {a: b\n": "the mapping starts here",
        "tree: ['a\n": "the quotes open here",
    }
    for text, label in texts.items():
        assert label in str(refused(Bad("", ".yaml", text, ()), tmp_path))
