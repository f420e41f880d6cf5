"""Indented text, drawings of trees, and lines of parents with their children."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import leaf_paths, reader

from taxoloss.errors.faults import FormError, TaxonomyError

read = reader("a.txt")


PETS = ["cat/Bengal", "cat/Siamese", "dog/pug"]
DEEP = ["Animal/Cat/Bengal", "Animal/Cat/Siamese", "Animal/Dog", "Plant/Oak"]

# -- indented text ---------------------------------------------------------------------------------

TREE = ["cat/Bengal", "cat/Siamese/blue", "dog/pug"]
DRAWN: list[tuple[str, str]] = [
    ("two spaces", "cat\n  Bengal\n  Siamese\n    blue\ndog\n  pug\n"),
    ("tabs", "cat\n\tBengal\n\tSiamese\n\t\tblue\ndog\n\tpug\n"),
    (
        "all to the right",
        "    cat\n        Bengal\n        Siamese\n            blue\n    dog\n        pug\n",
    ),
    ("bullets", "- cat\n  - Bengal\n  - Siamese\n    - blue\n- dog\n  - pug\n"),
    ("bullets of leaves", "cat:\n- Bengal\n- Siamese:\n-- blue\ndog:\n- pug\n"),
    ("stars", "* cat\n** Bengal\n** Siamese\n*** blue\n* dog\n** pug\n"),
    ("headings", "# cat\n## Bengal\n## Siamese\n### blue\n# dog\n## pug\n"),
    (
        "tree",
        "pets\n├── cat\n│   ├── Bengal\n│   └── Siamese\n│       └── blue\n└── dog\n    └── pug\n"
        "\n4 directories, 3 files\n",
    ),
    (
        "tree in ASCII",
        ".\n|-- cat\n|   |-- Bengal\n|   `-- Siamese\n|       `-- blue\n`-- dog\n    `-- pug\n",
    ),
    (
        "tree of Windows",
        "C:.\n+---cat\n|   +---Bengal\n|   \\---Siamese\n|       \\---blue\n\\---dog\n    \\---pug\n",
    ),
    ("a column", "1,cat\n2,  Bengal\n3,  Siamese\n4,    blue\n5,dog\n6,  pug\n"),
    (
        "kraken",
        "60.0\t6\t0\tG\t1\tcat\n20.0\t2\t2\tS\t2\t  Bengal\n40.0\t4\t0\tS\t3\t  Siamese\n"
        "40.0\t4\t4\tT\t4\t    blue\n40.0\t4\t0\tG\t5\tdog\n40.0\t4\t4\tS\t6\t  pug\n",
    ),
]


@pytest.mark.parametrize("kind", [None, "indented"])
@pytest.mark.parametrize(("name", "text"), DRAWN, ids=[case[0] for case in DRAWN])
def test_indented_text(name: str, text: str, kind: str | None, tmp_path: Path) -> None:
    found = read(tmp_path, text, kind=kind)
    assert (found.kind, leaf_paths(found)) == ("indented", TREE)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a\n  b\n      c\n  d\n", 3, "`c` stands 2 levels below the line above it"),
        ("a\n    b\n        c\n      d\n    e\n  f\n", 2, "`b` stands 2 levels below"),
        ("a\n\tb\n  c\nd\n", 3, r"by tabs \(line 2\) and by spaces \(line 3\)"),
        ("a\n   b\n     c\n", 2, "stands between two levels"),
        ("cat\n  Bengal\n  Bengal\ndog\n", 3, "T201"),
    ],
)
def test_indents_that_make_no_tree_name_the_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.faults[0].line == line


def test_indented_text_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError):
        read(tmp_path, "cat,dog\n", header=True)
    with pytest.raises(FormError, match="each further to the right than its parent"):
        read(tmp_path, "cat\ndog\n", kind="indented")
    assert read(tmp_path, "  cat\n  dog\n").taxonomy.classes == ("cat", "dog")


# -- edges -----------------------------------------------------------------------------------------

EDGES: list[tuple[str, str]] = [
    (
        "rdp",
        "0*Root*-1*0*rootrank\n1*cat*0*1*family\n2*Bengal*1*2*genus\n3*Siamese*1*2*genus\n4*dog*0*1*family\n5*pug*4*2*genus\n",
    ),
    (
        "rcv1",
        "parent: None  child: Root  child-description: all\n"
        "parent: Root  child: cat  child-description: cats\n"
        "parent: cat child: Bengal child-description: b\nparent: cat child: Siamese\n"
        "parent: Root child: dog\nparent: dog child: pug\n",
    ),
    ("tabs", "pet\tcat\tdog\ncat\tBengal\tSiamese\ndog\tpug\n"),
    ("commas", "cat: Bengal, Siamese\ndog: pug\n"),
    ("semicolons", "dog: pug\ncat: Bengal; Siamese\n"),
]


@pytest.mark.parametrize(("name", "text"), EDGES, ids=[case[0] for case in EDGES])
def test_a_parent_and_its_children(name: str, text: str, tmp_path: Path) -> None:
    found = read(tmp_path, text)
    assert (found.kind, sorted(leaf_paths(found))) == ("edges", PETS)
    assert read(tmp_path, text, kind="edges").taxonomy.digest == found.taxonomy.digest
