"""init: from every kind of source to a taxonomy file: recognised, refused, chosen, left out, kept."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from command_line import run
from fuzz_seeds import NOUNS, SEEDS

import taxoloss
from taxoloss import sources
from taxoloss.errors.faults import FormError, MeaningError


def made(folder: Path, name: str, text: str) -> Path:
    """A file with that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def names(paths: Sequence[tuple[str, ...]]) -> list[str]:
    return ["/".join(path) for path in paths]


PETS = ["cat/Bengal", "cat/Siamese", "dog/pug"]

# What each of these is recognised as, and that it makes the tree of PETS.
TABLES: list[tuple[str, str, str]] = [
    ("a.csv", "species,breed\ncat,Bengal\ncat,Siamese\ndog,pug\n", "ranks"),
    ("b.csv", "breed,species\nBengal,cat\nSiamese,cat\npug,dog\n", "ranks"),
    ("c.csv", "class,bin\nBengal,cat\nSiamese,cat\npug,dog\n", "bins"),
    ("d.tsv", "label\tgroup\nBengal\tcat\nSiamese\tcat\npug\tdog\n", "bins"),
    ("e.csv", "Bengal,cat\nSiamese,cat\npug,dog\n", "bins"),
    ("f.csv", "child,parent\nBengal,cat\nSiamese,cat\npug,dog\n", "edges"),
    ("g.csv", "id;parent_id;name\n1;;cat\n2;;dog\n3;1;Bengal\n4;1;Siamese\n5;2;pug\n", "edges"),
    ("h.txt", "cat/Bengal\ncat/Siamese\ndog/pug\n", "paths"),
    ("i.csv", "path,n\ncat > Bengal,3\ncat > Siamese,2\ndog > pug,1\n", "paths"),
    ("j.txt", "cat|Bengal\ncat|Siamese\ndog|pug\n", "bins"),
    ("k.csv", "level_1,level_2,images\ncat,Bengal,3\ncat,Siamese,4\ndog,pug,5\n", "ranks"),
    ("l.csv", "animal,kind\ncat,Bengal\ncat,Siamese\ndog,pug\n", "bins"),
    ("m.json", '{"cat": ["Bengal", "Siamese"], "dog": {"pug": 3}}', "nested"),
    ("n.json", '{"name": "pets", "children": [{"name": "cat", "children": [{"name": "Bengal"}, '
               '{"name": "Siamese"}]}, {"name": "dog", "children": [{"name": "pug", "size": 3}]}]}',
     "nested"),
    ("o.yaml", "cat: [Bengal, Siamese]\ndog:\n  pug:\n", "nested"),
    ("p.nwk", "((Bengal:1,Siamese:2)cat,(pug)dog);", "newick"),
    ("q", "((Bengal,Siamese)cat,(pug)dog)pets;\n", "newick"),
    ("r.yaml", "tree:\n  cat: [Bengal, Siamese]\n  dog: [pug]\n", "taxonomy"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind"), TABLES, ids=[case[0] for case in TABLES])
def test_the_kind_is_recognised(name: str, text: str, kind: str, tmp_path: Path) -> None:
    found = sources.read(made(tmp_path, name, text))
    assert found.kind == kind
    assert names(found.taxonomy.paths()) == PETS
    assert found.how


def test_parquet(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    path = tmp_path / "a.parquet"
    columns = {"species": ["cat", "cat", "dog"], "breed": ["Bengal", "Siamese", "pug"], "n": [1, 2, 3]}
    polars.DataFrame(columns).write_parquet(path)
    found = sources.read(path)
    assert (found.kind, names(found.taxonomy.paths())) == ("ranks", PETS)
    assert found.taxonomy.levels == ("species", "breed")


def test_a_list_of_names_is_one_level(tmp_path: Path) -> None:
    """No line of it is lost as a header in silence."""
    found = sources.read(made(tmp_path, "classes.txt", "pug\nBengal\nbeagle\n"))
    assert (found.kind, found.taxonomy.classes) == ("names", ("pug", "Bengal", "beagle"))
    assert "the first line, `pug`, is taken as a name like the others" in found.notes[0]
    found = sources.read(made(tmp_path, "classes.csv", "label\npug\nBengal\n"))
    assert found.taxonomy.classes == ("pug", "Bengal")
    found = sources.read(made(tmp_path, "x.txt", "zz\npug\nBengal\n"), header=True)
    assert found.taxonomy.classes == ("pug", "Bengal")


def test_a_header_that_is_in_doubt_is_told(tmp_path: Path) -> None:
    found = sources.read(made(tmp_path, "a.csv", "Bengal,cat\npug,dog\nbeagle,dog\n"), header=False)
    assert len(found.taxonomy) == 3
    found = sources.read(made(tmp_path, "a.csv", "tier,kind\ncat,Bengal\ncat,Siamese\ndog,pug\n"))
    assert "the first line is taken as names of columns: `tier`, `kind`" in found.notes[0]


# -- folders ---------------------------------------------------------------------------------------


def images(folder: Path, *places: str) -> Path:
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / "1.jpg").write_bytes(b"x")
    return folder


def test_folders_of_images(tmp_path: Path) -> None:
    """Flat, nested, with splits; what stands beside folders, and what is empty, is told."""
    flat = sources.read(images(tmp_path / "flat", "b", "a", "c"))
    assert (flat.kind, flat.taxonomy.classes) == ("image-folder", ("a", "b", "c"))
    nested = sources.read(images(tmp_path / "nested", "dog/pug", "cat/Bengal", "cat/Siamese", "cat"))
    assert names(nested.taxonomy.paths()) == PETS
    assert "images beside folders are known to that node only: `cat`" in nested.notes
    split = images(tmp_path / "split", "train/cat/Bengal", "train/dog/pug", "val/cat/Siamese")
    (split / "val" / "dog" / "empty").mkdir(parents=True)
    (split / "val" / ".cache").mkdir()
    found = sources.read(split)
    assert names(found.taxonomy.paths()) == ["cat/Bengal", "cat/Siamese", "dog/empty", "dog/pug"]
    assert any("are splits" in note for note in found.notes)
    assert any("no image in `dog/empty`" in note for note in found.notes)


def test_folders_that_link_to_themselves(tmp_path: Path) -> None:
    """A loop of links ends."""
    folder = images(tmp_path / "a", "cat/x", "dog/y")
    os.symlink(folder, folder / "cat" / "loop")
    assert len(sources.read(folder).taxonomy) >= 2
    with pytest.raises(FormError, match="fewer than two folders"):
        sources.read(images(tmp_path / "one", "cat"))


# -- several parents -------------------------------------------------------------------------------

SEVERAL = "child,parent\nwaxwing,insect\nwaxwing,bird\nwaxwing,bird\nbee,insect\nfly,insect\nrobin,bird\n"


def test_several_parents_are_refused(tmp_path: Path) -> None:
    """The node, both parents, the line; in tables of bins too."""
    path = made(tmp_path, "a.csv", SEVERAL)
    with pytest.raises(MeaningError) as caught:
        sources.read(path)
    (fault,) = caught.value.faults
    assert (fault.code, fault.line, fault.found) == ("T203", 2, "waxwing")
    assert "`waxwing` has 2 parents: `insect`, `bird`" in str(caught.value)
    bins = made(tmp_path, "b.csv", "class,bin\na,x\na,y\nb,x\nc,y\n")
    with pytest.raises(MeaningError, match=r"b\.csv:3: error T203: `a` has 2 parents: `x`, `y`"):
        sources.read(bins)
    assert names(sources.read(bins, parent="first").taxonomy.paths()) == ["x/a", "x/b", "y/c"]


def test_one_parent_is_chosen_and_said(tmp_path: Path) -> None:
    path = made(tmp_path, "a.csv", SEVERAL)
    for how, parent in (("first", "insect"), ("most-common", "bird")):
        found = sources.read(path, parent=how)
        assert f"{parent}/waxwing" in names(found.taxonomy.paths())
        assert f"1 node with several parents, {how}: `waxwing (under {parent})`" in found.notes
    asked: list[Any] = []

    def second(name: str, parents: Any) -> int:
        asked.append((name, list(parents)))
        return 1

    found = sources.read(path, parent=second)
    assert asked == [("waxwing", ["insect", "bird"])]
    assert "bird/waxwing" in names(found.taxonomy.paths())
    with pytest.raises(ValueError, match="expected parent"):
        sources.read(path, parent="last")


def test_homonyms_in_rank_columns_are_two_nodes(tmp_path: Path) -> None:
    """Identity is the path; inspect tells them; --parent makes them one."""
    text = "order,family,genus\nA,F,x\nB,G,x\nA,F,y\nB,G,z\n"
    path = made(tmp_path, "a.csv", text)
    assert len(sources.read(path).taxonomy) == 4
    assert names(sources.read(path, parent="first").taxonomy.paths()) == ["A/F/x", "A/F/y", "B/G/z"]


@pytest.mark.slow
def test_asking_on_a_terminal(tmp_path: Path) -> None:
    """--parent ask asks there, and is a usage error elsewhere."""
    path = made(tmp_path, "a.csv", SEVERAL)
    assert run("init", str(path), "--parent", "ask").returncode == 2
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "taxoloss", "init", str(path), "--parent", "ask"]
    pipes: Any = {"stdin": slave, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, **pipes)
    os.write(master, b"2\n")
    out, err = process.communicate(timeout=60)
    os.close(slave)
    os.close(master)
    assert process.returncode == 0, err
    assert "waxwing has 2 parents:\n  1  insect\n  2  bird\n" in err
    assert "bird:\n    - waxwing" in out


def test_cycles_and_several_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(MeaningError, match=r"a cycle: `(a` > `b` > `a|b` > `a` > `b)`"):
        sources.read(made(tmp_path, "a.csv", "child,parent\na,b\nb,a\nc,d\n"))
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        sources.read(made(tmp_path, "b.csv", "species,breed\ncat,Ben\u0007gal\n,\u0007\n"))
    assert caught.value.faults[0].line == 2


# -- ranks, parts, missing -------------------------------------------------------------------------


def test_columns_missing_and_under(tmp_path: Path) -> None:
    text = "image,order,family,species\n1.jpg,A,F,x\n2.jpg,A,NA,y\n3.jpg,B,G,z \n4.jpg,B,G,w\n"
    path = made(tmp_path, "a.csv", text)
    found = sources.read(path)
    assert found.taxonomy.levels == ("order", "family", "species")
    assert "1 cell taken as a missing rank: `NA` (1)" in found.notes
    assert "spaces around 1 name are left out" in found.notes
    found = sources.read(path, missing=["NA"])
    assert names(found.taxonomy.paths()) == ["A/F/x", "A/y", "B/G/z", "B/G/w"]
    assert sources.read(path, columns=["order", "species"]).taxonomy.levels == ("order", "species")
    assert names(sources.read(path, under="B").taxonomy.paths()) == ["G/z", "G/w"]
    with pytest.raises(FormError, match="did you mean `family`"):
        sources.read(path, columns=["order", "famly"])
    with pytest.raises(taxoloss.TaxonomyError, match="`C` stands in no row"):
        sources.read(path, under="C")


def test_columns_that_make_no_tree_are_refused(tmp_path: Path) -> None:
    words = "the columns `x`, `y`, `z`: no tree of classes can be read from it"
    with pytest.raises(FormError, match=words) as caught:
        sources.read(made(tmp_path, "a.csv", "x,y,z\n1,2,3\n2,1,3\n1,3,2\n"))
    assert "--columns" in str(caught.value)
    with pytest.raises(ValueError, match="did you mean `newick`"):
        sources.read(made(tmp_path, "b.csv", "x\n"), kind="newik")


def test_rows_that_end_at_an_inner_node_are_told(tmp_path: Path) -> None:
    found = sources.read(made(tmp_path, "a.csv", "genus,species\nLynx,lynx\nLynx,\nFelis,catus\n"))
    assert any(
        "rows that end at an inner node name no class" in note and "`Lynx`" in note for note in found.notes
    )


# -- kept formats ----------------------------------------------------------------------------------


KEPT = ["graphml", "obo", "skos", "newick", "node-link", "speciesnet", "darwin-core", "inat"]


@pytest.mark.parametrize("kind", KEPT)
def test_formats_with_a_reader(kind: str, tmp_path: Path) -> None:
    """Each is recognised by its first lines and its suffix."""
    suffix, text = SEEDS[kind]
    found = sources.read(made(tmp_path, f"x{suffix}", text))
    assert found.kind == kind
    assert len(found.taxonomy) >= 2


def test_graphml_of_networkx(tmp_path: Path) -> None:
    graph = nx.DiGraph([("r", "cat"), ("r", "dog"), ("cat", "Bengal"), ("cat", "Siamese"), ("dog", "pug")])
    nx.write_graphml(graph, tmp_path / "a.graphml")
    found = sources.read(tmp_path / "a.graphml")
    assert names(found.taxonomy.paths()) == PETS
    assert found.notes == ("the root `r` is left out: it holds all classes",)
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    text = (tmp_path / "a.graphml").read_text().replace("<graphml", bomb + "<graphml", 1)
    with pytest.raises(FormError, match="<!DOCTYPE is not allowed"):
        sources.read(made(tmp_path, "b.graphml", text))


def test_speciesnet_labels(tmp_path: Path) -> None:
    """Labels of a higher rank are classes below it; every label binds by its whole line."""
    _, text = SEEDS["speciesnet"]
    text += "990ae9dd-7a59-4344-afcb-1b7b21368002;mammalia;carnivora;felidae;lynx;lynx;eurasian lynx\n"
    found = sources.read(made(tmp_path, "labels.txt", text))
    bound = found.taxonomy.bind(text.splitlines())
    assert bound.classes == ("homo sapiens", "blank", "felidae family", "lynx lynx")
    assert bound.paths()[2] == ("mammalia", "carnivora", "felidae", "felidae family")
    assert any("labels of a higher rank" in note for note in found.notes)


def test_a_darwin_core_archive(tmp_path: Path) -> None:
    """A zip with its meta.xml; synonyms become aliases; a zip bomb and a document type are refused."""
    pytest.importorskip("dwca")
    rows = ["id\ttaxonID\tparentNameUsageID\tacceptedNameUsageID\tscientificName\ttaxonRank"]
    rows += ["1\t1\t\t\tAnimalia\tkingdom", "2\t2\t1\t\tAves\tclass", "3\t3\t2\t\tAnas a\tspecies",
             "4\t4\t2\t\tAnas b\tspecies", "5\t5\t\t3\tAnas old\tspecies"]  # fmt: skip
    terms = rows[0].split("\t")[1:]
    here = "http://rs.tdwg.org/dwc/terms"
    fields = "".join(f'<field index="{i}" term="{here}/{t}"/>' for i, t in enumerate(terms, 1))
    meta = (
        '<archive xmlns="http://rs.tdwg.org/dwc/text/"><core encoding="UTF-8" linesTerminatedBy="\\n" '
        'fieldsTerminatedBy="\\t" fieldsEnclosedBy="" ignoreHeaderLines="1" '
        'rowType="http://rs.tdwg.org/dwc/terms/Taxon"><files><location>taxon.txt</location></files>'
        f'<id index="0"/>{fields}</core></archive>'
    )
    for name, told in (("good.zip", meta), ("bad.zip", "<!DOCTYPE x>" + meta)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("meta.xml", told)
            archive.writestr("taxon.txt", "\n".join(rows) + "\n")
    found = sources.read(tmp_path / "good.zip")
    assert (found.kind, found.taxonomy.levels) == ("darwin-core", ("kingdom", "class", "species"))
    assert found.taxonomy.bind(["Anas old", "Anas b"]).classes == ("Anas a", "Anas b")
    with pytest.raises(FormError, match="DOCTYPE is not allowed"):
        sources.read(tmp_path / "bad.zip")
    with pytest.raises(FormError, match="T111"):
        sources.read(tmp_path / "good.zip", limits=taxoloss.Limits(bytes=100))


def test_a_table_of_taxa_with_rank_columns(tmp_path: Path) -> None:
    """As iNaturalist's archive has it: the species' name stands in scientificName alone; in parquet too."""
    polars = pytest.importorskip("polars")
    columns = {
        "kingdom": ["A"] * 4, "family": ["F", "F", "F", None], "genus": ["G", "G", "G", None],
        "specificEpithet": ["x", "y", "x", None], "scientificName": ["G x", "G y", "G x z", "A"],
        "taxonRank": ["species", "species", "subspecies", "kingdom"],
    }  # fmt: skip
    frame = polars.DataFrame(columns)
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "a.csv")
    for name in ("a.parquet", "a.csv"):
        found = sources.read(tmp_path / name)
        assert (found.kind, names(found.taxonomy.paths())) == ("darwin-core", ["A/F/G/G x", "A/F/G/G y"])
        assert found.taxonomy.levels == ("kingdom", "family", "genus", "species")


def test_ncbi_dumps(tmp_path: Path) -> None:
    """nodes.dmp and names.dmp; other ranks are taken out of the paths."""
    pytest.importorskip("taxonomy")
    nodes = [(1, 1, "no rank"), (9, 1, "clade"), (2, 9, "kingdom")]
    nodes += [(3, 2, "species"), (4, 2, "species"), (5, 4, "strain")]
    row = "{}\t|\t{}\t|\t{}\t|\t\t|" + "\t0\t|" * 9 + "\n"
    made(tmp_path, "nodes.dmp", "".join(row.format(*node) for node in nodes))
    told = {1: "root", 9: "Opisthokonta", 2: "Metazoa", 3: "Homo sapiens", 4: "Mus musculus", 5: "x"}
    lines = (f"{i}\t|\t{n}\t|\t\t|\tscientific name\t|\n" for i, n in told.items())
    made(tmp_path, "names.dmp", "".join(lines))
    found = sources.read(tmp_path)
    assert found.kind == "ncbi"
    assert names(found.taxonomy.paths()) == ["Metazoa/Homo sapiens", "Metazoa/Mus musculus"]
    assert any("nodes of other ranks are left out: " in note for note in found.notes)
    found = sources.read(tmp_path, ranks=["clade", "kingdom", "species"])
    assert found.taxonomy.levels == ("clade", "kingdom", "species")


def test_wordnet_ids(tmp_path: Path) -> None:
    """What is above the ids, words as descriptions; a class above others gets a leaf of its name."""
    made(tmp_path, "data.noun", NOUNS)
    path = made(tmp_path, "ids.txt", "n02123045 tabby\nn02123159\nn02124075\nn02121620\n")
    words = r"`n02123159 \(tiger cat\)` has 2 parents: `n02121620 \(cat, true cat\)`"
    with pytest.raises(MeaningError, match=words):
        sources.read(path, wordnet=tmp_path)
    found = sources.read(path, wordnet=tmp_path, parent="first")
    t = found.taxonomy
    assert t.classes == ("n02123045", "n02123159", "n02124075", "n02121620")
    assert t.paths()[3] == ("n02121620", "n02121620")
    assert t.bind(["n02121620", "n02124075", "n02123159", "n02123045"]).classes[0] == "n02121620"
    with pytest.raises(FormError, match="1 id not in"):
        sources.read(made(tmp_path, "bad.txt", "n00000001\nn02123045\n"), wordnet=tmp_path)
    with pytest.raises(FormError, match=r"there is no data\.noun"):
        sources.read(path, wordnet=tmp_path / "nowhere")


# -- the command -----------------------------------------------------------------------------------


def test_the_file_is_one_that_people_like(tmp_path: Path) -> None:
    """Source and date in its head; what was read, what to look at and what to do next on standard error."""
    source = made(tmp_path, "species.csv", "order,family,species\nA,F,x\nA,F,y\nB,G,z\n")
    out = tmp_path / "t.yaml"
    done = run("init", str(source), "-o", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    how = "order > family > species, 3 rows"
    for words in (f"was read as ranks: {how}", "warning T405", f"next: taxoloss inspect {out}"):
        assert words in done.stderr
    assert f"taxoloss check {out} --classes YOUR_CLASSES.txt" in done.stderr
    text = out.read_text()
    assert text.startswith(f"# Made by taxoloss init from species.csv (ranks: {how}), 20")
    for line in ('source: "species.csv, read as ranks"', "levels: [order, family, species]", "      - x"):
        assert line in text
    assert taxoloss.load(out).classes == ("x", "y", "z")
    assert out.stat().st_mode & 0o777 == 0o644
    assert run("init", str(source)).stdout == text
    assert run("init", str(source), "-o", str(out)).returncode == 2


def test_comments_stay_when_a_file_is_written_over(tmp_path: Path) -> None:
    """Those of nodes that are still there; others are told."""
    source, out = made(tmp_path, "s.csv", "family,species\nF,ax\nF,ay\nG,az\n"), tmp_path / "t.yaml"
    run("init", str(source), "-o", str(out))
    text = out.read_text().replace("  G:", "  # the G\n  # are rare\n  G:")
    text = text.replace("- ax", "- ax  # only here")
    out.write_text("# ours\n" + text.replace("- ay", "- ay # gone"))
    made(tmp_path, "s.csv", "family,species\nE,aw\nF,ax\nG,az\n")
    done = run("init", str(source), "-o", str(out), "--force")
    assert done.returncode == 0, done.stderr
    assert "1 comments of the old file belong to no node of the new one" in done.stderr
    assert "# gone" in done.stderr
    text = out.read_text()
    assert "  # the G\n  # are rare\n  G:\n" in text
    assert "    - ax  # only here\n" in text
    assert "# ours\n" in text
    assert text.count("Made by taxoloss init") == 1


def test_json_and_faults(tmp_path: Path) -> None:
    source = made(tmp_path, "a.csv", SEVERAL)
    out = str(tmp_path / "t.yaml")
    data = json.loads(run("init", str(source), "-o", out, "--json", "--parent", "first").stdout)
    assert (data["kind"], data["classes"]) == ("edges", 4)
    data = json.loads(run("init", str(source), "--json").stdout)
    assert [fault["code"] for fault in data["faults"]] == ["T203"]
    done = run("init", str(source), "--format", "github")
    assert (done.returncode, done.stdout[:8]) == (1, "::error ")
    assert run("init", str(tmp_path / "none.csv")).returncode == 1
    assert run("init", str(source), "--kind", "newik").returncode == 2


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "newick", None)
    words = r'to read Newick, newick is needed: pip install "taxoloss\[sources\]"'
    with pytest.raises(ImportError, match=words):
        sources.read(made(tmp_path, "a.nwk", "(a,b);"))


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    rows = "".join(f"o{i // 5000},f{i // 100},s{i}\n" for i in range(100_000))
    found = sources.read(made(tmp_path, "a.csv", "order,family,species\n" + rows))
    assert len(found.taxonomy) == 100_000
