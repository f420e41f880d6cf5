"""A column of labels beside rank columns that are empty from some row down, as camera traps have them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from readings import leaf_paths, paths_of, reader, refusal_of

read = reader("a.csv")

_RANKS = ("class", "order", "family")
_LILA = """\
class,order,family,genus,species,count
deer,artiodactyla,cervidae,odocoileus,odocoileus virginianus,120
elk,artiodactyla,cervidae,cervus,cervus canadensis,50
bird,,,,,33
cat,carnivora,felidae,felis,felis catus,12
unknown,,,,,500
"""
_BELOW_CLASS = """\
category,class,order,family,species,images
lion,Mammalia,Carnivora,Felidae,Panthera leo,3
Hyaenidae,Mammalia,Carnivora,Hyaenidae,,9
eagle,Aves,Accipitriformes,Accipitridae,,12
bird,Aves,,,,12
"""
_IMAGES = """\
file,label,family,genus,species
a.jpg,red_fox,Canidae,Vulpes,vulpes
b.jpg,canid,Canidae,,
c.jpg,red_fox,Canidae,Vulpes,vulpes
d.jpg,canis_lupus,Canidae,Canis,lupus
e.jpg,vehicle,,,
"""


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (
            _LILA,
            "artiodactyla/cervidae/cervus/cervus_canadensis/elk "
            "artiodactyla/cervidae/odocoileus/odocoileus_virginianus/deer bird "
            "carnivora/felidae/felis/felis_catus/cat unknown",
        ),
        (
            _BELOW_CLASS,
            "Aves/Accipitriformes/Accipitridae/eagle Aves/bird "
            "Mammalia/Carnivora/Felidae/Panthera_leo/lion Mammalia/Carnivora/Hyaenidae",
        ),
        (
            _IMAGES,
            "Canidae/Canis/Canis_lupus Canidae/Vulpes/Vulpes_vulpes/red_fox Canidae/canid vehicle",
        ),
    ],
)
def test_labels_are_the_leaves_below_the_ranks(text: str, paths: str, tmp_path: Path) -> None:
    """Each label once, at the end of its ranks; a label that is the taxon's own name makes no level."""
    found = read(tmp_path, text)
    assert (found.kind, paths_of(found)) == ("ranks", paths)
    header, *rows = (line.split(",") for line in text.splitlines())
    label = next(header.index(name) for name in ("label", "category", "class") if name in header)
    assert len(found.taxonomy) == len({row[label] for row in rows})


def test_a_label_called_as_its_taxon_is_told(tmp_path: Path) -> None:
    notes = read(tmp_path, _IMAGES).notes
    assert [note for note in notes if "`canis_lupus` is `Canis lupus`" in note]


@pytest.mark.parametrize(
    "text",
    [
        "label,order,family,species\ncat,A,F,x\ncanid,A,G,\nmouse,B,H,y\n",
        "category,family,genus,species\na,F,G,G x\nb,F,H,H y\nc,K,,\n",
        "class,order,family,n\ncats,A,F,3\ndogs,A,G,4\nmice,B,,5\n",
    ],
)
def test_labels_that_ranks_could_do_without_are_shown_both_ways(text: str, tmp_path: Path) -> None:
    """Both options, as they are printed, read what was shown."""
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert fault.code == "T122"
    shown = (fault.help or "").splitlines()[1:]
    trees = []
    for line in shown:
        _, kind, _, columns = shlex.split(line[line.rindex("(--kind") + 1 : -1])
        trees.append(leaf_paths(read(tmp_path, text, kind=kind, columns=columns.split(","))))
    assert len(trees) == 2
    label = text.split(",")[0]
    assert [f"> {label}," in line for line in shown] == [True, False]
    assert [path.rpartition("/")[0] or path for path in trees[0]] == trees[1]


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("class,order,family\nMammalia,Carnivora,Felidae\nMammalia,Rodentia,\nAves,,\n", _RANKS),
        ("family,order,class\nFelidae,Carnivora,Mammalia\n,Passeriformes,Aves\n,,Reptilia\n", _RANKS),
        ("order,family,class\nA,Fa,fox\nA,,wolf\n,,bird\n", ("order", "family", "class")),
    ],
)
def test_the_cells_say_whether_class_is_the_rank(
    text: str, levels: tuple[str, ...], tmp_path: Path
) -> None:
    assert read(tmp_path, text).taxonomy.levels == levels
