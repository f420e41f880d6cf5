"""Files of other kinds: refused as what they are, and never with the words of a parser's insides."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from workbooks import Cell, write_workbook

import taxoloss
from taxoloss import sources
from taxoloss.errors.faults import FormError, TaxonomyError
from taxoloss.sources.base import foreign

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'

# Words that come from a parser, or from Python: no person has written them for who reads a file.
INSIDES = re.compile(
    r"Error|Exception|Traceback|expected str|NoneType|object|attribute|argument|<unknown>|token|syntax"
    r"|0x[0-9a-f]{6}|thrift|calamine|EOCD|codec|instance|tuple|dict\b|None"
)


def packed(*names: str, **texts: str) -> bytes:
    """A zip with these files, of one letter or of these texts."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {**dict.fromkeys(names, "x"), **texts}.items():
            archive.writestr(name, text)
    return data.getvalue()


def refused(path: Path, **options: object) -> str:
    with pytest.raises(TaxonomyError) as caught:
        sources.read(path, **options)  # type: ignore[arg-type]
    text = str(caught.value).replace(str(path), path.name)
    assert not INSIDES.search(re.sub(r"`[^`]*`", "", text)), text
    return text


XML = [
    ("labels.xml", '<View><Taxonomy name="t"><Choice value="A"/></Taxonomy></View>', "View", 1),
    ("desc2026.xml", '<?xml version="1.0"?>\n<!DOCTYPE D SYSTEM "d.dtd">\n<DescriptorRecordSet Code="e">\n'
     "</DescriptorRecordSet>", "DescriptorRecordSet", 3),
    ("icd10.xml", '<?xml version="1.0"?>\n<!-- WHO -->\n<ClaML version="2.0.0"/>\n', "ClaML", 3),
    ("a.svg", '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>', "svg", 1),
    ("a.ttl", '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>', "svg", 1),
    ("a.owl", '\n<Ontology xmlns="http://www.w3.org/2002/07/owl#"><Class/></Ontology>', "Ontology", 2),
    ("a.plist", '<!DOCTYPE plist PUBLIC "-//Apple//DTD" "x">\n<plist version="1.0"/>', "plist", 2),
    ("a.xml", "<tree>\n<branch><property/></branch>\n</tree>", "tree", 1),
    ("a.txt", '<x:feed xmlns:x="y"><entry/></x:feed>', "x:feed", 1),
    ("a.csv", '<annotation verified="yes">\n<object><name/></object></annotation>', "annotation", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "root", "line"), XML, ids=[case[0] for case in XML])
def test_xml_of_another_kind(name: str, text: str, root: str, line: int, tmp_path: Path) -> None:
    """With the name of its root element, whatever the suffix; said to be SKOS or a graph, too."""
    (tmp_path / name).write_text(text)
    words = f"{name}:{line}: error T121: this is XML of another kind, with the root element `{root}`"
    for kind in (None, "skos", "obo", "graphml"):
        assert words in refused(tmp_path / name, kind=kind)


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><html></html>",
        "<html lang='en'><body/></html>",
        "<!doctype HTML>\n<p>x",
        "<HTML></HTML>",
    ],
)
def test_web_pages(text: str, tmp_path: Path) -> None:
    for name in ("a.html", "a.csv", "a.rdf"):
        (tmp_path / name).write_text(text)
        assert "this is a web page (HTML)" in refused(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["<unk>\n<pad>\ncat\n", "<s>\n</s>\ncat\n", "<3\nsmile\nfrown\n", "< a\nb\nc\n"]
)
def test_lists_that_start_with_a_bracket_are_no_xml(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert len(sources.read(tmp_path / "a.txt", kind="names").taxonomy) >= 2


BINARY = [
    ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Office file", "CSV"),
    ("a.csv", b"\x1f\x8b\x08\x00\x00\x00", "packed by gzip", "unpack"),
    ("a.pdf", b"%PDF-1.7\n%\xe2\xe3", "a PDF", "CSV"),
    ("a.db", b"SQLite format 3\x00", "an SQLite database", "CSV"),
    ("a.ods", packed("mimetype", "content.xml"), "an OpenDocument file", "CSV"),
    ("a.docx", packed("[Content_Types].xml", "word/document.xml"), "a Word document", "CSV"),
    ("a.xlsb", packed("[Content_Types].xml", "xl/workbook.bin"), "an Excel workbook (.xlsb)", "CSV"),
    ("a.pt", packed("archive/data.pkl", "archive/version"), "a checkpoint of torch", "class names"),
    ("a.zip", packed("0001.csv", "b.txt"), "a zip file that is no archive of taxa: it holds", "unpack"),
    ("b.zip", packed("0001.csv")[:30], "a zip file that is cut off, or broken", "again"),
    ("a.nex", b"#NEXUS\nbegin trees;\ntree 1 = (a,b);\nend;\n", "NEXUS, not Newick", ".nwk"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "what", "help"), BINARY, ids=[case[0] for case in BINARY])
def test_files_that_are_plainly_something_else(
    name: str, data: bytes, what: str, help: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    text = refused(tmp_path / name)
    assert f"this is {what}" in text.replace("a file packed", "packed")
    assert help in text.partition("help:")[2]
    assert f"this is {what}" in refused(tmp_path / name, kind="ranks").replace("a file packed", "packed")


# -- what a parser cannot read ----------------------------------------------------------------------

BROKEN = [
    ("a.ttl", b"@prefix skos: <http://x#> .\n<x:a> a skos:Concept\n<x:b> foo .\n", 3),
    ("a.rdf", f'<?xml version="1.0"?>\n<rdf:RDF {RDF}>\n<rdf:Description></rdf:RDF>'.encode(), 3),
    ("a.obo", b"format-version: 1.4\n\n[Term]\nid X:1\nnme: root\n", 4),
    ("a.owl", f"<rdf:RDF {RDF}>\n<owl:Ontology/></rdf:RDF>".encode(), None),
    ("a.graphml", b"<graphml><graph>\n<node></graph></graphml>", 2),
    ("b.graphml", b"<graphml></graphml>", None),
    ("a.nwk", b"((a,b)X,(c", None),
    ("b.nwk", b"a,b)c;", None),
    ("a.parquet", b"PAR1\x15\x04\x15\x10", None),
    ("a.zip", packed("meta.xml"), None),
    ("b.zip", packed(**{"meta.xml": "<archive></archive>"}), None),
    ("c.zip", packed(**{"meta.xml": "<archive><core><files/></core></archive>"}), None),
    ("a.xlsx", packed("xl/workbook.xml"), None),
]


@pytest.mark.parametrize(("name", "data", "line"), BROKEN, ids=[case[0] for case in BROKEN])
def test_what_a_parser_cannot_read(name: str, data: bytes, line: int | None, tmp_path: Path) -> None:
    """In plain words, with the line where it is known; the parser's own error is the cause."""
    if name.endswith("xlsx"):
        pytest.importorskip("fastexcel")
    (tmp_path / name).write_bytes(data)
    text = refused(tmp_path / name)
    assert "cannot be read as" in text
    with pytest.raises(FormError) as caught:
        sources.read(tmp_path / name)
    assert caught.value.__cause__ is not None
    assert line is None or caught.value.faults[0].line == line


def test_whatever_is_raised_is_told_in_plain_words() -> None:
    """Errors and panics; those of the package, and of who stops it, pass."""
    for error in (
        TypeError("sequence item 0: expected str"),
        BaseException("panic"),
        RecursionError(),
        KeyError(3),
    ):
        words = "cannot be read as X: it is cut off, or breaks the rules"
        with pytest.raises(FormError, match=words) as caught, foreign("X", "f"):
            raise error
        assert caught.value.__cause__ is error
    for passing in (KeyboardInterrupt(), FormError([])):
        with pytest.raises(type(passing)), foreign("X", "f"):
            raise passing


# -- Excel ------------------------------------------------------------------------------------------

SHEET = [["order", "family", "species"], ["A", "F", "x"], ["A", "F", "y"], [], ["B", "G", "z & <w>"]]


def test_a_workbook_with_one_sheet(tmp_path: Path) -> None:
    """Empty sheets, rows and columns do not count; its first row names the columns, as in CSV."""
    pytest.importorskip("fastexcel")
    sheets = {"Taxa": [[None, *row] for row in ([], *SHEET)], "Sheet2": [], "Sheet3": [[None], [None]]}
    for name in ("a.xlsx", "b.bin"):
        found = sources.read(write_workbook(tmp_path / name, sheets))  # type: ignore[arg-type]
        assert (found.kind, found.taxonomy.levels) == ("ranks", ("order", "family", "species"))
        assert found.taxonomy.paths() == (("A", "F", "x"), ("A", "F", "y"), ("B", "G", "z & <w>"))


def test_numbers_of_a_workbook_are_ids(tmp_path: Path) -> None:
    """All numbers of Excel are floating: 1 is no 1.0; the line of a fault is the row of the sheet."""
    pytest.importorskip("fastexcel")
    head: list[Cell] = ["taxonID", "parentNameUsageID", "scientificName", "taxonRank"]
    rows: list[list[Cell]] = [
        head,
        [1, None, "Felidae", "family"],
        [2, 1.0, "Felis catus", "species"],
        [3, 1, "Lynx lynx", "species"],
    ]
    path = write_workbook(tmp_path / "a.xlsx", {"Taxa": rows})
    for kind in (None, "darwin-core"):
        found = sources.read(path, kind=kind)
        assert found.taxonomy.paths() == (("Felidae", "Felis catus"), ("Felidae", "Lynx lynx"))
    rows = [*rows, [], [4, 9, "Puma puma", "species"]]
    with pytest.raises(TaxonomyError, match=r"a\.xlsx:6: error T212"):
        sources.read(write_workbook(tmp_path / "a.xlsx", {"Taxa": rows}))


def test_workbooks_that_are_refused(tmp_path: Path) -> None:
    """Several sheets, none, and more than is allowed."""
    pytest.importorskip("fastexcel")
    several = write_workbook(tmp_path / "a.xlsx", {"Taxa": SHEET, "Notes": [["by me"]]})
    words = "the workbook has 2 sheets that hold something: `Taxa`, `Notes`"
    assert words in refused(several)
    assert words in refused(several, kind="ranks")
    assert "the workbook is empty" in refused(write_workbook(tmp_path / "b.xlsx", {"Taxa": [[None]]}))
    assert "T111" in refused(several, limits=taxoloss.Limits(bytes=300))


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (SHEET, "ranks"),
        ([["id", "parent_id", "name"], [1, None, "Cat"], [2, 1, "Bengal"], [3, 1, "Siamese"]], "edges"),
        ([["class", "group", "n"], ["cat", "pet", 1], ["dog", "pet", 5], ["oak", "tree", 7]], "bins"),
    ],
)
def test_a_table_in_a_workbook_is_a_table(rows: list[list[Cell]], kind: str, tmp_path: Path) -> None:
    """Asked for as a table, a workbook, a layout, or not at all: it is one tree."""
    pytest.importorskip("fastexcel")
    path = write_workbook(tmp_path / "a.xlsx", {"Taxa": rows})
    found = [sources.read(path, kind=asked) for asked in (None, "table", "excel", kind)]
    assert [one.kind for one in found] == [kind] * 4
    assert len({one.taxonomy.digest for one in found}) == 1
    assert "error T121" in refused(path, kind="paths")


def test_the_sheets_of_a_workbook_are_named(tmp_path: Path) -> None:
    """All of them, whatever was asked for, with what to do."""
    pytest.importorskip("fastexcel")
    names = ["Taxa", "Notes", "Birds & bats", "Sheet 4", "x"]
    path = write_workbook(tmp_path / "a.xlsx", dict.fromkeys(names, SHEET))
    for kind in (None, "table", "excel", "ranks"):
        shown = refused(path, kind=kind)
        assert all(f"`{name}`" in shown for name in names)
        assert "error T121" in shown
        assert "save the one that is meant as CSV" in shown


def test_workbooks_need_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fastexcel", None)
    with pytest.raises(ImportError, match=r'fastexcel is needed: pip install "taxoloss\[sources\]"'):
        sources.read(write_workbook(tmp_path / "a.xlsx", {"Taxa": SHEET}))
