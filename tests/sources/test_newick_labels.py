"""Labels of inner nodes in Newick: names, support values, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from readings import leaf_paths, reader

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError

read = reader("a.nwk")


@pytest.mark.parametrize(
    "text",
    [
        "(((a,b)100,c)Felidae,(d,e)Canidae);",
        "(((a:1,b:2)0.98:1,c:3)Felidae:2,(d,e)Canidae:1)0.5;",
        "(((a,b)98.5/100:1,c)'100.0:Felidae',(d,e)'99:Canidae');",
        "(((a,b),c)'Felidae:1.0',(d,e)'Canidae:0.87')root;",
        "(((a,b)[100],c)Felidae[&&NHX:B=99],(d,e)Canidae[0.9]);",
        "[&R] (((a,b)1e-3:0.1,c)Felidae,\n(d,e)Canidae)100;",
    ],
)
def test_support_values_are_no_names(text: str, tmp_path: Path) -> None:
    """What is below such a node stands below the nearest named one; told with a count."""
    found = read(tmp_path, text)
    assert leaf_paths(found) == ["Felidae/a", "Felidae/b", "Felidae/c", "Canidae/d", "Canidae/e"]
    assert any(note.startswith("1 inner node without a name dissolved") for note in found.notes)


def test_numbers_are_names_where_the_leaves_are_numbers(tmp_path: Path) -> None:
    """Codes, and ids of NCBI."""
    assert leaf_paths(read(tmp_path, "((0111,0112)011,(0121)012)01;")) == [
        "011/0111",
        "011/0112",
        "012/0121",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "((a,b),(c,d));\n",
            "a.nwk:1: error T121: none of 2 inner nodes has a name: there is no class above the 4",
        ),
        (
            "(\n(a,b)100,(c,d)0.9);",
            "a.nwk:2: error T121: none of 2 inner nodes has a name, 2 hold a support value",
        ),
        (
            "(e,\nf,(a,b)1:3);",
            "a.nwk:2: error T121: the only inner node has no name, 1 hold a support value",
        ),
        ("((a,\n),(c,d)X);", "a.nwk:1: error T121: 1 leaf without a name"),
        ("(,,(,));", "4 leaves without a name"),
        ("((a,b)X,(c,d)Y);(e,f);", "the file holds 2 trees"),
    ],
)
def test_trees_without_names_are_refused(text: str, words: str, tmp_path: Path) -> None:
    """With counts and the line: there is no class above the leaves."""
    with pytest.raises(TaxonomyError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert "T201" not in str(caught.value)


def test_a_star_is_a_flat_list(tmp_path: Path) -> None:
    """Its only inner node is the root."""
    assert leaf_paths(read(tmp_path, "(a,b,c);")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "(American) bison\n(Indian) elephant\nfox\n"),
        ("a.tree", "n0 -1\nn1 0\nn2 0\n"),
        ("a.tre", "a\nb\n"),
    ],
)
def test_texts_that_are_no_newick(name: str, text: str, tmp_path: Path) -> None:
    """Brackets at the start, or a suffix, do not make it."""
    assert sources.look(tmp_path / name if (tmp_path / name).write_text(text) else tmp_path).saw != "Newick"


@given(
    st.recursive(st.none(), lambda below: st.lists(below, min_size=2, max_size=3), max_leaves=12), st.data()
)
@SETTINGS
def test_random_trees_with_labels(
    tmp_path_factory: pytest.TempPathFactory, shape: object, data: st.DataObject
) -> None:
    """Whatever stands at the inner nodes: the paths are those of the names alone."""
    expected: set[tuple[str, ...]] = set()
    count = [0]

    def text(node: object, above: tuple[str, ...], top: bool = False) -> str:
        count[0] += 1
        if not isinstance(node, list):
            expected.add((*above, f"leaf{count[0]}"))
            return f"leaf{count[0]}"
        label = data.draw(st.sampled_from(("", "100", "0.95", "12/0.3", "name", "name", "'88:name'")))
        name = f"N{count[0]}" if "name" in label else ""
        here = above if top or not name else (*above, name)
        inside = ",".join(text(child, here) for child in node)
        return f"({inside}){label.replace('name', name)}:{count[0]}"

    tree = text(shape, (), True)
    try:
        found = read(tmp_path_factory.mktemp("newick"), f"{tree};")
    except TaxonomyError:
        assert all(len(path) == 1 for path in expected)
    else:
        assert set(found.taxonomy.paths()) == expected
