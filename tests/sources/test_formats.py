"""The register of source formats: what a source is taken for, and what each record says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fuzz_seeds import NOUNS, SEEDS

import taxoloss
from taxoloss import sources
from taxoloss.errors.faults import FormError
from taxoloss.sources.formats import FORMATS
from taxoloss.sources.formats.format import HEAD, Format
from taxoloss.sources.survey import format_of


def taken_for(path: Path) -> str:
    return format_of(path)[0].name


#: What shows more than one kind: what is in the file before its suffix.
TAKEN_FOR: list[tuple[str, bytes, str]] = [
    ("a.json", b"(a,b);", "newick"),
    ("a.YML", b"PK", "json"),
    ("a.owl", b"<graphml/>", "graphml"),
    ("a.dmp", b"a,b\n", "ncbi"),
    ("a.csv", b'[{"a": 1}]', "json"),
    ("a.json", b"a,b\n1,2\n", "json"),
    ("a.txt", b"\xef\xbb\xbfPK,a\n1,2\n", "table"),
    ("a.txt", b" \n{", "json"),
    ("a.txt", b"[Term]\n", "obo"),
    ("a.txt", b"\xef\xbb\xbf((a,b),c);", "newick"),
    ("a.txt", b"format-version: 1.4\n", "obo"),
    ("a.xml", b"<x><graphml/></x>", "graphml"),
    ("a.xml", b"<rdf:RDF/>", "skos"),
    ("a.txt", b"@id,taxon_id,ancestry,rank,name\n", "table"),
    ("a.txt", b"taxon_id,ancestry,rank,name,scientificName,taxonRank,family\n", "table"),
    ("a.txt", b"n02123045\n" * 9_000, "wordnet-ids"),
    ("a.txt", b"n02123045\nx\n", "table"),
    ("a.txt", b"x" * HEAD, "table"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "kind"), TAKEN_FOR)
def test_what_a_file_is_taken_for(name: str, data: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert taken_for(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ("", "image-folder"),
        ("meta.xml", "darwin-core"),
        ("nodes.dmp", "ncbi"),
        ("meta.xml nodes.dmp", "ncbi"),
    ],
)
def test_what_a_folder_is_taken_for(files: str, kind: str, tmp_path: Path) -> None:
    """By the files in it; its suffix says nothing."""
    folder = tmp_path / "a.json"
    folder.mkdir()
    for name in files.split():
        (folder / name).write_text("x")
    assert taken_for(folder) == kind


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b" \n", "the source is empty"),
        (b"a,b\n", "this is a table of 0 rows"),
        (b"1.5,2.5\n3.5,4.5\n", "no tree of classes can be read"),
    ],
)
def test_what_is_taken_for_nothing(data: bytes, words: str, tmp_path: Path) -> None:
    """No text, and a first line that no table has."""
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(FormError, match=words):
        sources.read(tmp_path / "a.txt")


@pytest.mark.parametrize("format", [f for f in FORMATS.values() if f.example], ids=lambda f: f.name)
def test_an_example_is_of_its_kind(format: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as what it shows and as what it is said to be: the same tree; it is a seed of the fuzzer."""
    assert format.example is not None
    name, text = format.example
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "data.noun").write_text(NOUNS)
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path))
    shown, said = (sources.read(tmp_path / name, kind=kind, parent="first") for kind in (None, format.name))
    assert shown.taxonomy.digest == said.taxonomy.digest
    assert shown.kind == said.kind
    assert shown.kind == format.name or format.name == "json"
    assert SEEDS[format.name] == (Path(name).suffix, text)


def test_the_records_fit_together() -> None:
    """Names and suffixes are each said once; every kind has a seed; the extra installs what is needed."""
    assert tuple(FORMATS) == sources.KINDS
    suffixes = [suffix for format in FORMATS.values() for suffix in format.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(re.fullmatch(r"\.[a-z]+", suffix) for suffix in suffixes)
    assert set(FORMATS) <= set(SEEDS)
    pyproject = (Path(taxoloss.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    extra = pyproject[pyproject.index("\nparquet = [") :].partition("\n]")[
        0
    ]  # sources has parquet, and follows it
    for format in FORMATS.values():
        assert format.needs is None or f'"{format.needs}>=' in extra
