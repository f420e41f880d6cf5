"""Cells that hold several names: paths, lists of attributes, comparisons; beside names of their own."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from readings import paths_of, reader, refusal_of

read = reader("a.csv")

BESIDE = [
    "movieId,title,genres\n1,Toys,Adventure|Animation|Children\n2,Game,Adventure|Children|Fantasy\n"
    "3,Heat,Action|Crime|Thriller\n",
    "species,distribution\nFelis catus,Europe > Germany\nCanis lupus,Europe > France\n"
    "Bos taurus,Asia > India\n",
    "species,threats\nA a,hunting;fire\nB b,hunting;flood\nC c,fire;flood\n",
    "label,parts\ncat,head/tail\ndog,head/paw\noak,leaf/root\n",
    "id,name,found_in\n1,cat,Urban > House\n2,dog,Urban > Park\n3,oak,Rural > Forest\n",
]  # fmt: skip


@pytest.mark.parametrize("text", BESIDE)
def test_paths_beside_names_of_their_own_are_asked_about(text: str, tmp_path: Path) -> None:
    """Each reading is offered with an option that reads it: the names, and the paths, among them."""
    (fault,) = refusal_of(tmp_path, text, "a.csv").faults
    assert fault.code == "T122"
    options = [line.rpartition(" (")[2].removesuffix(")") for line in (fault.help or "").splitlines()[1:]]
    assert len(set(options)) == len(options)
    assert any(option.startswith("--kind paths") for option in options)
    trees = []
    for words in map(shlex.split, options):
        given = dict(zip(words[::2], words[1::2], strict=True))
        columns, separator = given["--columns"].split(","), given.get("--separator")
        found = read(tmp_path, text, kind=given["--kind"], columns=columns, separator=separator)
        trees.append(paths_of(found))
    assert len(set(trees)) == len(trees)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (
            "name,where\ncat,animal/cat\ndog,animal/dog\noak,plant/oak\n",
            "animal/cat animal/dog plant/oak",
        ),
        (
            "id,label,kind_of\n1,cat,pet > small > cat\n2,dog,pet > big > dog\n3,ox,farm > big > ox\n",
            "farm/big/ox pet/big/dog pet/small/cat",
        ),
        (
            "title,part\nHammers,Tools > Hand > Hammers\nSaws,Tools > Hand > Saws\nTea,Food > Tea\n",
            "Food/Tea Tools/Hand/Hammers Tools/Hand/Saws",
        ),
    ],
)
def test_names_at_the_end_of_their_paths_are_no_others(text: str, paths: str, tmp_path: Path) -> None:
    assert paths_of(read(tmp_path, text)) == paths


LISTS = [
    "Adventure|Animation|Children\nAdventure|Children|Fantasy\nAction|Crime|Thriller\n",
    "red;blue\nred;green\nblue;green\n",
    "size > 10 cm\nsize > 20 cm\nsize > 5.5 mm\n",
    "age > 5\nage > 10\nweight > 3 kg\n",
]


@pytest.mark.parametrize("text", LISTS)
def test_lists_and_comparisons_are_no_plain_paths(text: str, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text, "a.txt").faults
    assert fault.code == "T122"
    assert "(--kind names)" in (fault.help or "")
    assert read(tmp_path, text, "a.txt", kind="names").taxonomy.classes == tuple(text.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "Toys > Ages 3\nToys > Other\nFood > Other\nFood > 3 Musketeers\n",
        "A > B\nA > C\nA > C > D\nE > C\n",
        "10 > 11\n10 > 12\n20 > 21\n",
    ],
)
def test_paths_in_which_a_name_comes_again_are_paths(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text, "a.txt").kind == "paths"
