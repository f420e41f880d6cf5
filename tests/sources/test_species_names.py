"""What a species is called: by genus and epithet, without the author where a column says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS

from taxoloss import sources
from taxoloss.sources.species import (
    Epithets,
    full_names,
    is_epithet,
    is_epithets,
    species_name,
    species_of,
    without_author,
)

GENERA = st.sampled_from(("Musca", "Acheta", "Felis", "Canis", "Zea", "Æsculus"))
WORDS = st.sampled_from(("domestica", "catus", "lupus", "novae-angliae", "7-punctata", "mays", "x hybrida"))


@pytest.mark.parametrize(
    "text", ["catus", "novae-angliae", "7-punctata", "× hybrida", "muelleri", "strüvei"]
)
def test_epithets(text: str) -> None:
    assert is_epithet(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Catus",
        "Felis catus",
        "sp.",
        "sp",
        "spp. 2",
        "indet.",
        "cf. catus",
        "cat dog",
        "a",
        "BOLD:A",
        "12",
    ],
)
def test_no_epithets(text: str) -> None:
    assert not is_epithet(text)


@given(st.lists(st.tuples(GENERA, WORDS, st.booleans()), min_size=1, max_size=20))
@SETTINGS
def test_each_cell_becomes_the_whole_name(cells: list[tuple[str, str, bool]]) -> None:
    """Whether a row has the epithet alone or the whole name: the same names; twice changes nothing."""
    rows = [("Family", genus, f"{genus} {word}" if whole else word) for genus, word, whole in cells]
    names = [("Family", genus, species_name(genus, word)) for genus, word, _ in cells]
    done, notes = full_names(rows, ("family", "genus", "species"))
    assert done == names
    assert bool(notes) == any(not whole for _, _, whole in cells)
    assert full_names(done, ("family", "genus", "species")) == (names, ())


@given(st.lists(st.tuples(GENERA, WORDS, st.sampled_from(("", "minor", "alba"))), min_size=1, max_size=20))
@SETTINGS
def test_a_subspecies_has_three_words(cells: list[tuple[str, str, str]]) -> None:
    """Both columns with epithets; the ranks in any order."""
    rows = [(finer, genus, word) for genus, word, finer in cells]
    done, _ = full_names(rows, ("subspecies", "genus", "species"))
    assert done == [
        (species_name(genus, word, finer) if finer else "", genus, f"{genus} {word}")
        for genus, word, finer in cells
    ]


@pytest.mark.parametrize(
    ("species", "genera", "told"),
    [
        (["red fox", "cat", "grey wolf"], ["Vulpes", "Felis", "Canis"], False),
        (["Cat", "Fox"], ["Felis", "Vulpes"], False),
        (["x", "y"], ["G", "H"], False),
        (["pug", "beagle"], ["dog", "dog"], False),
        (["Felis catus", "Canis lupus"], ["Felis", "Canis"], False),
        (["catus", ""], ["", "Canis"], False),
        (["catus", "sp.", "cf. lupus"], ["Felis", "Canis", "Canis"], True),
        (["domestica", "Acheta domestica", ""], ["Musca", "Acheta", "Zea"], True),
        (["catus"] * 19 + ["BOLD:AAA1"], ["Felis"] * 20, True),
        (["catus"] * 2 + ["BOLD:AAA1"], ["Felis"] * 3, False),
    ],
)
def test_columns_of_epithets(species: list[str], genera: list[str], told: bool) -> None:
    """By their cells: common names, codes, and names of other things are none."""
    assert bool(is_epithets(species, genera)) is told
    rows = list(zip(genera, species, strict=True))
    assert (full_names(rows, ("genus", "species"))[0] != rows) is told


def test_columns_without_a_genus_stay() -> None:
    assert full_names([("Felidae", "catus")], ("family", "species")) == ([("Felidae", "catus")], ())
    assert is_epithets([], []) == Epithets()


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (("Felis catus Linnaeus, 1758", "Felis catus", ""), "Felis catus"),
        (("Felis catus Linnaeus, 1758", "", "Linnaeus, 1758"), "Felis catus"),
        (("Felis catus  Linnaeus,  1758", "", "Linnaeus, 1758"), "Felis catus"),
        (("Felis catus, Linnaeus", "", "Linnaeus"), "Felis catus"),
        (("Felis catus Linnaeus, 1758", "", ""), "Felis catus Linnaeus, 1758"),
        (("Felis catus", "", "Linnaeus, 1758"), "Felis catus"),
        (("Zea mays subsp. mays L.", "", "L."), "Zea mays subsp. mays"),
        (("Linnaeus", "", "Linnaeus"), "Linnaeus"),
        (("Felis McLinnaeus", "", "Linnaeus"), "Felis McLinnaeus"),
    ],
)
def test_the_author_is_taken_off(given_: tuple[str, str, str], expected: str) -> None:
    """Only what another column says; whole words."""
    assert without_author(*given_) == expected


@pytest.mark.parametrize(
    ("name", "genus", "expected"),
    [
        ("Canis lupus familiaris", "", "Canis lupus"),
        ("Canis lupus familiaris", "Canis", "Canis lupus"),
        ("Canis lupus familiaris", "Lupus", None),
        ("Aus (Bus) cus dus Author, 1900", "", "Aus cus"),
        ("Mentha × piperita var. citrata", "Mentha", "Mentha × piperita"),
        ("Felis Linnaeus, 1758", "", None),
        ("Felis sp. A", "", None),
        ("Felis cf. catus minor", "", None),
        ("BOLD:AAA1234", "", None),
        ("", "", None),
    ],
)
def test_the_species_of_a_finer_name(name: str, genus: str, expected: str | None) -> None:
    assert species_of(name, genus) == expected


def test_names_are_told(tmp_path: Path) -> None:
    """Which are joined, and which lose their author: with a count and an example."""
    text = "AphiaID_accepted,AphiaID,scientificName,authority,rank,family,genus,species\n"
    text += '1,1,"Musca domestica L., 1758","L., 1758",Species,Muscidae,Musca,domestica\n'
    text += '2,2,"Acheta domestica L., 1758","L., 1758",Species,Gryllidae,Acheta,domestica\n'
    (tmp_path / "a.csv").write_text(text)
    found = sources.read(tmp_path / "a.csv")
    assert found.taxonomy.classes == ("Musca domestica", "Acheta domestica")
    assert (
        "2 names joined from the genus and the epithet, e.g. `domestica` is `Musca domestica`"
        in found.notes
    )
    told = (
        "2 names without the author, as `authority` says; the long form is an alias: `Musca domestica` for "
    )
    assert told + "`Musca domestica L., 1758`" in found.notes
    assert (
        found.taxonomy.bind(["Acheta domestica L., 1758", "Musca domestica"]).classes[0]
        == "Acheta domestica"
    )


def test_an_epithet_below_its_genus(tmp_path: Path) -> None:
    """The genus is the parent: a table that has no column of genera."""
    text = "taxonID,parentNameUsageID,scientificName,taxonRank\n1,,Muscidae,family\n2,1,Musca,genus\n"
    text += "3,2,domestica,species\n4,1,Acheta,genus\n5,4,domestica,species\n6,5,minor,subspecies\n"
    (tmp_path / "a.csv").write_text(text)
    found = sources.read(tmp_path / "a.csv")
    assert found.taxonomy.classes == ("Musca domestica", "Acheta domestica")
    deep = sources.read(tmp_path / "a.csv", ranks=["genus", "species", "subspecies"])
    assert deep.taxonomy.classes == ("Musca domestica", "Acheta domestica minor")
