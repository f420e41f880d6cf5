"""`init --parent all`: edges, OBO, WordNet and other graphs keep every parent of a node."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run
from readings import reader

import taxoloss
from taxoloss import Taxonomy

read = reader("a.csv")
EDGES = "child,parent\nliger,lion\nliger,tiger\nlion,cat\ntiger,cat\nliger,cat\ntiger,wild\nwolf,wild\n"


def parents(t: Taxonomy) -> dict[str, list[str]]:
    """The parents of each node by name, the root as ""."""
    bound = t.bind()
    graph = bound.graph
    name = {node: str(data["name"]) for node, data in graph.nodes(data=True)}
    return {name[n]: sorted(name[up] for up in graph.predecessors(n)) for n in graph if name[n]}


def test_edges(tmp_path: Path) -> None:
    """An edge that others say is left out, and told."""
    found = read(tmp_path, EDGES, parent="all")
    assert parents(found.taxonomy) == {
        "liger": ["lion", "tiger"], "lion": ["cat"], "tiger": ["cat", "wild"], "wolf": ["wild"],
        "cat": [""], "wild": [""],
    }  # fmt: skip
    assert found.notes == (
        "1 edge left out that others say as well: liger is under lion, which is below cat already",
        "2 nodes with several parents, all: `liger`, `tiger`",
    )


def test_one_parent_each_is_the_same_tree(tmp_path: Path) -> None:
    """Where no node has several parents, all of them is one."""
    text = "child,parent\nlion,cat\nlynx,cat\nwolf,dog\n"
    one, every = read(tmp_path, text).taxonomy, read(tmp_path, text, parent="all").taxonomy
    assert (one.digest, every.is_tree) == (every.digest, True)


def test_only_what_is_below_a_node(tmp_path: Path) -> None:
    """Parents that are elsewhere are left out."""
    t = read(tmp_path, EDGES, parent="all", under="wild").taxonomy
    assert parents(t) == {"liger": ["tiger"], "tiger": [""], "wolf": [""]}


def test_ranks_that_are_left_out(tmp_path: Path) -> None:
    """A node is then below the nearest kept ones on each way up."""
    text = (
        "id,parent,name,rank\n1,,A,order\n2,,B,order\n3,1,a,tribe\n4,2,b,tribe\n"
        "5,3|4,x,species\n6,3,y,species\n7,4,z,species\n"
    )
    t = read(tmp_path, text, parent="all", ranks=["order", "species"]).taxonomy
    assert parents(t) == {"A": [""], "B": [""], "x": ["A", "B"], "y": ["A"], "z": ["B"]}
    assert t.levels == ("order", "species")


def test_a_cycle_is_a_fault(tmp_path: Path) -> None:
    """As it is where one parent is kept."""
    with pytest.raises(taxoloss.TaxonomyError, match="T211: a cycle"):
        read(tmp_path, "child,parent\na,b\nb,c\nc,a\nx,c\ny,c\n", parent="all")


TERMS = [
    (1, "cell", ()),
    (2, "blood", (1,)),
    (3, "immune", (1,)),
    (4, "T", (2, 3)),
    (5, "B", (3,)),
    (6, "red", (2,)),
]
OBO = "format-version: 1.4\n" + "".join(
    f"\n[Term]\nid: X:{number}\nname: {name}\n" + "".join(f"is_a: X:{up}\n" for up in above)
    for number, name, above in TERMS
)


def test_terms_of_an_ontology(tmp_path: Path) -> None:
    """Its root is left out; the file that is written says all parents."""
    pytest.importorskip("pronto")
    found = read(tmp_path, OBO, "terms.obo", parent="all")
    assert parents(found.taxonomy)["T"] == ["blood", "immune"]
    assert parents(found.taxonomy)["blood"] == [""]
    (tmp_path / "terms.obo").write_text(OBO)
    done = run("init", str(tmp_path / "terms.obo"), "--parent", "all", "-o", str(tmp_path / "t.yaml"))
    assert done.returncode == 0, done.stderr
    assert taxoloss.load(tmp_path / "t.yaml") == found.taxonomy


def test_classes_of_a_graph(tmp_path: Path) -> None:
    """Ids of WordNet: what is above them along all edges; a class above others has a leaf of its own."""
    nouns = [
        ("00000001", "entity", ()),
        ("00000002", "pet", ("00000001",)),
        ("00000003", "cat", ("00000001",)),
        ("00000004", "tabby", ("00000002", "00000003")),
        ("00000005", "dog", ("00000002",)),
    ]
    lines = [
        f"{key} 05 n 01 {word} 0 {len(above):03} " + "".join(f"@ {up} n 0000 " for up in above) + "| words"
        for key, word, above in nouns
    ]
    folder = tmp_path / "wordnet"
    folder.mkdir()
    (folder / "data.noun").write_text("\n".join(lines) + "\n")
    found = read(tmp_path, "n00000004\nn00000005\nn00000003\n", "ids.txt", parent="all", wordnet=folder)
    assert found.taxonomy.bind().graph.number_of_edges() == 6
    several = {key: sorted(of) for key, of in parents(found.taxonomy).items() if len(of) > 1}
    assert several == {"n00000004": ["n00000002", "n00000003"]}


def test_columns_of_ranks(tmp_path: Path) -> None:
    """A name of a level is one node, below every name above it; without the option it is two."""
    text = "order,family,species\nA,f,x\nA,g,y\nB,h,x\nB,h,z\n"
    found = read(tmp_path, text, parent="all")
    assert parents(found.taxonomy)["x"] == ["f", "h"]
    assert found.taxonomy.levels == ("order", "family", "species")
    assert "1 node with several parents, all: `x`" in found.notes
    assert len(read(tmp_path, text).taxonomy) == 4


def test_classes_with_their_bins(tmp_path: Path) -> None:
    """A class in two bins is below both."""
    text = "class,bin\nwaxwing,bird\nwaxwing,insect\nbee,insect\nowl,bird\n"
    t = read(tmp_path, text, parent="all").taxonomy
    assert parents(t) == {
        "waxwing": ["bird", "insect"], "bee": ["insect"], "owl": ["bird"], "bird": [""], "insect": [""],
    }  # fmt: skip


def test_a_rule_that_is_none(tmp_path: Path) -> None:
    """The words name those that there are."""
    with pytest.raises(ValueError, match='expected parent "all", "first", "most-common" or a function'):
        read(tmp_path, EDGES, parent="every")
