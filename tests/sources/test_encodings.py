"""Texts that are no UTF-8: UTF-16 with its mark is read, the rest is refused with the byte's place."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from taxoloss import sources
from taxoloss.errors.faults import FormError

TEXTS = [
    ("a.csv", "superclass,class\nanimal,cat\nanimal,Löwe\nplant,oak\n"),
    ("a.txt", "animal\n  cat\n  Löwe\nplant\n  oak\n"),
    ("a.json", '{"animal": ["cat", "Löwe"], "plant": ["oak"]}'),
    ("a.nwk", "((cat,Löwe)animal,(oak)plant);\n"),
    ("a.tsv", "superclass\tclass\nanimal\tcat\nanimal\tLöwe\nplant\toak\n"),
]


@pytest.mark.parametrize(("name", "text"), TEXTS, ids=[case[0] for case in TEXTS])
def test_utf_16_with_its_mark_is_read(name: str, text: str, tmp_path: Path) -> None:
    """In either order of bytes, as the same text in UTF-8 is read."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    right = sources.read(path).taxonomy.paths()
    assert len(right) == 3
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        path.write_bytes(mark + text.encode(encoding))
        assert sources.read(path).taxonomy.paths() == right


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXTS[0][1].encode("latin-1"), "a.txt:3:9: error T102: the file is not UTF-8: byte 0xf6"),
        ("cat\nOrang-Utan\nBär\n".encode("cp1252"), "a.txt:3:2: error T102: the file is not UTF-8: byte"),
        (codecs.BOM_UTF16_LE + "cat\ndog\n".encode("utf-16-le") + b"x", "byte 0xff at offset 0"),
        (codecs.BOM_UTF32_LE + "cat\ndog\n".encode("utf-32-le"), "byte 0xff at offset 0"),
    ],
)  # fmt: skip
def test_other_encodings_are_refused_with_the_place(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(FormError) as caught:
        sources.read(path)
    assert words in str(caught.value)
    assert "save it as UTF-8" in str(caught.value)
