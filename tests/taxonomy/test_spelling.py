"""Which names are one name in two spellings: the table of those that are, and of those that are not.

Whatever acts on it (diff and its map, the aliases of check, the rule that bind shows) acts on these only.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.findings import find
from taxoloss.taxonomy.matching import match
from taxoloss.taxonomy.spelling import lookalike, same_signs, same_spelling, skeleton

#: Names that do not mean the same, some the opposite, whose letters are the same.
OPPOSITES = [
    # signs
    ("A+", "A-"), ("A", "A+"), ("A-", "A"), ("Rh+", "Rh-"), ("O-", "O"), ("<65", "≥65"), ("<65", ">65"),
    ("<5", "<=5"), ("C", "C++"), ("C", "C#"), ("C#", "C++"), ("F", "F#"), ("-5", "5"), ("-5", "+5"),
    ("- 5", "5"), ("temp -5", "temp 5"), ("x_-1", "x_1"), ("±5", "5"), ("5%", "5"),
    ("5%", "5‰"), ("$5", "5"),
    ("5°", "5"), ("a/b", "ab"), ("a:b", "ab"), ("!a", "a"), ("~a", "a"), ("a=b", "a≠b"),
    ("a = b", "a b"),
    ("a|b", "ab"), ("a&b", "ab"), ("*", "+"), ("a*", "a"), ("Na+", "Na"), ("Cl-", "Cl"), ("@x", "x"),
    ("#1", "1"), ("x^2", "x2"), ("m²", "m2"), ("10²", "102"), ("½", "1/2"), ("−5", "5"), ("¬a", "a"),
    ("non-smoker", "nonsmoker"), ("re-sign", "resign"), ("un-ionized", "unionized"),
    ("_x", "x"), ("a-", "a_"),
    # a minus, or a hyphen: vitamin B-12
    ("gain-3", "gain 3"), ("temp-5", "temp_5"), ("T-1", "T 1"), ("vitamin B-12", "vitamin B 12"),
    ("covid-19", "COVID_19"), ("gain-3 dB", "Gain_3 dB"), ("x\u2010२", "x २"), ("गति-3", "गति 3"),
    # digits and the marks between them
    ("1.0", "10"), ("1.5", "15"), ("1,5", "15"), ("v1.1", "v11"), ("1/2", "12"),
    ("1:2", "12"), ("1-2", "12"),
    ("1 2", "12"), ("5'", "5\""), (".5", "5"), ("type 1", "type 2"), ("2.", "2"), ("1.2.3", "1.23"),
    # accents and vowel signs: Spanish, German, Swedish, Turkish, Vietnamese, French
    ("año", "ano"), ("Maße", "Masse"), ("hår", "har"), ("sık", "sik"), ("ma", "má"), ("má", "mà"),
    ("pêcher", "pécher"), ("côte", "cote"), ("n\u0303a", "na"), ("x\u0301", "x"),
    # Devanagari, Thai, Tamil, Bengali, Arabic, Hebrew, Khmer, Burmese, Japanese, Korean
    ("माली", "माला"), ("माली", "माल"), ("กิน", "กัน"), ("กิน", "กน"), ("มา", "ม้า"), ("ไก่", "ไก"),
    ("கல்", "கலா"), ("கல்", "கல"), ("বালি", "বালা"), ("كُتِبَ", "كَتَبَ"), ("كَتَبَ", "كتب"),
    ("שָׁם", "שֵׁם"),
    ("កូន", "កុន"), ("မာ", "မ"), ("か\u3099", "か"), ("はは", "ばば"), ("病院", "美容院"),
    # pictures
    ("♂", "♀"), ("cat ♂", "cat ♀"), ("👍", "👎"), ("👍🏻", "👍🏿"), ("👩\u200d🚀", "👩🚀"),
    ("❤", "❤\ufe0f"), ("🐱", "🐶"),
    # case that tells
    ("A", "a"), ("Co", "CO"), ("mW", "MW"), ("Mg", "mg"), ("AA", "aa"), ("Aa", "aa"),
    ("laser 5 mW", "laser 5 MW"),
    # what only looks alike
    ("СССР", "CCCP"), ("ν", "v"), ("St. Bernard", "St Bernard"), ("𝐀bc", "Abc"), ("ﬁn", "fin"),
]  # fmt: skip

#: One name, spelt otherwise.
RENAMES = [
    ("Maine_Coon", "maine coon"), ("Maine Coon", "maine-coon"), ("BENGAL", "bengal"),
    ("Bengal", "BENGAL"),
    ("cat", "Cat"), ("american_bulldog", "American Bulldog"), ("german  shepherd", "German Shepherd"),
    ("a-b", "a b"), ("a_b", "a-b"), ("x_1", "x 1"), ("covid_19", "COVID 19"), ("737-200", "737 200"),
    ("Red-Tailed Hawk", "red tailed hawk"), ("Pallas's cat", "pallas's_cat"), (" pug ", "pug"),
    ("C++ code", "c++_code"), ("ages <65", "Ages_<65"), ("vitamin A+", "Vitamin_A+"),
    ("v1.1 beta", "V1.1_beta"),
    ("H1N1 virus", "h1n1_virus"), ("ÉTÉ chaud", "été_chaud"), ("кошка", "Кошка"), ("ΓΆΤΑ", "γάτα"),
    ("माली का घर", "माली_का-घर"), ("กิน ข้าว", "กิน_ข้าว"), ("Ｍａｉｎｅ Ｃｏｏｎ", "maine_coon"),
    ("ｶﾞﾗｽ", "ガラス"),
    ("été", unicodedata.normalize("NFD", "Été")), ("ﻛﺘﺐ", "كتب"), ("a\u00a0b", "a b"),
    ("a\u2010b", "a-b"),
]  # fmt: skip


def tree(*names: str) -> Taxonomy:
    """Two classes and what is named."""
    return taxoloss.load({"tree": [*names, "other thing", "another"]}).bind()


@pytest.mark.parametrize(("one", "other"), OPPOSITES)
def test_opposites_are_not_one_name(one: str, other: str) -> None:
    """Neither renamed nor moved, in both directions; told where the letters are the same."""
    assert not same_spelling(one, other)
    for old, new in ((one, other), (other, one)):
        found = tree(old).diff(tree(new))
        assert (found.renamed, found.moved) == ((), ())
        assert found.migration.sources == ((), (1,), (2,))
        assert [change.old for change in found.removed] == [((tree(old).classes[0],),)]
        if skeleton(one) == skeleton(other):
            assert [change.new for change in found.likely] == [((tree(new).classes[0],),)]
        assert not any(guess.sure for guess in match(tree(old), [new, "another"]).guesses)


@pytest.mark.parametrize(("one", "other"), RENAMES)
def test_one_name_in_two_spellings(one: str, other: str) -> None:
    """Renamed, and the row kept; the guess of check is sure."""
    for old, new in ((one, other), (other, one)):
        assert same_spelling(old, new)
        if tree(old).classes == tree(new).classes:
            continue  # one name already, after NFC
        found = tree(old).diff(tree(new))
        assert [change.new for change in found.renamed] == [((tree(new).classes[0],),)]
        assert found.migration.sources == ((0,), (1,), (2,))
        (guess,) = match(tree(old), [new, "another"]).guesses
        assert guess.sure


SIGNS = st.sampled_from([*"+<>=#:/%°±~^&@|*!?", "\u093e", "\u093f", "\u0e34", "\u0e31", "\u0301", "\ufe0f"])
WORDS = st.lists(st.sampled_from(["abc", "Pug", "माल", "กน", "猫", "12", "x1"]), min_size=1, max_size=3)


@given(WORDS, SIGNS, st.integers(0, 20), st.sampled_from([" ", "_", "-"]))
@settings(max_examples=examples(300), deadline=None)
def test_a_sign_anywhere_is_another_name(words: list[str], sign: str, place: int, joined: str) -> None:
    """What joins the words and their case are nothing; a sign more or less is another name."""
    name = " ".join(words)
    minus = joined == "-" and re.search("[^0-9] [0-9]", name) is not None
    assert same_spelling(name, joined.join(words)) != minus
    place = min(place, len(name))
    other = name[:place] + sign + name[place:]
    assert not same_spelling(name, other)
    assert not same_spelling(joined.join(words), other)


@given(WORDS, st.sampled_from([str.lower, str.upper, str.title, str.capitalize]))
@settings(deadline=None)
def test_all_of_a_name_in_another_case(words: list[str], how: Any) -> None:
    name = " ".join([*words, "long"])
    assert same_spelling(name, how(name))
    assert same_spelling(how(name), name)


@given(st.text(max_size=6), st.text(max_size=6))
@settings(max_examples=examples(300), deadline=None)
def test_any_text(one: str, other: str) -> None:
    """Symmetric and reflexive, and never an error."""
    assert same_spelling(one, one)
    assert same_spelling(one, other) == same_spelling(other, one)
    assert same_signs(one, other) == same_signs(other, one)
    lookalike(one)


# -- two readings ----------------------------------------------------------------------------------


def test_two_that_may_be_it() -> None:
    """Two old names, or two new ones, of one spelling: nothing is chosen."""
    old, new = tree("Maine_Coon", "maine coon"), tree("MAINE COON")
    for found in (old.diff(new), new.diff(old)):
        assert found.renamed == ()
        assert len(found.likely) == 1
        assert all(of == () for of in found.migration.sources if of not in ((0,), (1,), (2,), (3,)))
    assert old.diff(new).migration.sources[0] == new.diff(old).migration.sources[0] == ()


def test_an_inner_node_with_the_same_classes_is_the_same_label() -> None:
    """Whatever it is called: as a label it means the same; but where the names are those of other nodes."""
    old = taxoloss.load({"tree": {"benign": ["x", "y"], "k": ["z", "w"]}})
    found = old.diff(taxoloss.load({"tree": {"malignant": {"i": ["x"], "j": ["y"]}, "k": ["z", "w"]}}))
    assert [(change.old, change.new) for change in found.renamed] == [((("benign",),), (("malignant",),))]
    assert found.migration.nodes[("benign",)] == ("malignant",)
    elsewhere = {"malignant": ["x", "y"], "k": {"z": None, "w": None, "benign": ["v"]}}
    found = old.diff(taxoloss.load({"tree": elsewhere}))
    assert ("benign",) not in [change.old[0] for change in found.renamed if change.new == (("malignant",),)]
    swapped = taxoloss.load({"tree": {"k": ["x", "y"], "benign": ["z", "w"]}})
    assert old.diff(swapped).renamed == ()
    assert len(old.diff(swapped).moved) == 4


@pytest.mark.parametrize("there", [["x", "y", "v"], ["x"], ["x", "v"], {"x": ["u", "v"], "y": None}])
def test_some_of_the_children_are_perhaps_a_rename(there: Any) -> None:
    """No label moves to it until `renames` says so; half of the children tell that it may."""
    old = taxoloss.load({"tree": {"benign": ["x", "y"], "k": ["z", "w"]}})
    new = taxoloss.load({"tree": {"malignant": there, "k": ["z", "w"]}})
    found = old.diff(new)
    assert found.renamed == ()
    assert found.migration.nodes[("benign",)] == ()
    told = [(change.old, change.new) for change in found.likely]
    assert told == ([] if there == ["x", "v"] else [((("benign",),), (("malignant",),))])
    assert old.diff(new, {"benign": "malignant"}).migration.nodes[("benign",)] == ("malignant",)


def test_aliases_that_contradict_each_other() -> None:
    """The old tree says x is y, the new one x is x2, or a part of w: both are told, none is taken."""
    old = taxoloss.load({"tree": [{"name": "x", "aliases": ["y"]}, "z", "w"]})
    for new in (
        ["y", {"name": "x2", "aliases": ["x"]}, "z", "w"],
        ["y", "z", {"name": "w", "aliases": ["x"]}],
    ):
        found = old.diff(taxoloss.load({"tree": new}))
        assert (found.renamed, found.merged) == ((), ())
        assert not any(0 in of for of in found.migration.sources)
        assert [change.new[0][0] for change in found.likely] in (["y", "x2"], ["y", "w"])
    chosen = old.diff(taxoloss.load({"tree": ["y", "z", "w"]}))
    assert chosen.migration.sources == ((0,), (1,), (2,))
    two = taxoloss.load({"tree": [{"name": "x", "aliases": ["y", "v"]}, "z"]})
    assert two.diff(taxoloss.load({"tree": ["y", "v", "z"]})).migration.sources == ((), (), (1,))


def test_names_that_repeat_say_nothing_of_their_parents() -> None:
    """Another group with the same words below it is another group, and no rows are moved to it."""
    old = taxoloss.load({"tree": {"male": ["young", "old"], "female": ["young", "old"]}})
    new = taxoloss.load({"tree": {"female": ["young", "old"], "unknown": ["young", "old"]}})
    found = old.diff(new)
    assert (found.renamed, found.moved) == ((), ())
    assert found.migration.sources == ((2,), (3,), (), ())


def test_a_parent_that_was_split_is_neither_part() -> None:
    """Half of the children here, half there."""
    old = taxoloss.load({"tree": {"g": ["a", "b"], "h": ["c", "d"]}})
    new = taxoloss.load({"tree": {"g one": ["a"], "g two": ["b"], "h": ["c", "d"]}})
    found = old.diff(new)
    assert found.renamed == ()
    assert found.migration.nodes[("g",)] == ()
    assert found.migration.sources == ((0,), (1,), (2,), (3,))


# -- what is told, and the aliases that are written ------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [("A+", "A-", False), ("C", "C++", False), ("माली", "माला", False),
     ("<65", "≥65", False), ("1.1", "11", False),
     ("10²", "102", False), ("Maine_Coon", "maine coon", True), ("A", "a", True),
     ("St. John", "St John", True),
     ("С", "C", True), ("non smoker", "nonsmoker", True), ("ﬁn", "fin", True), ("Ａ", "A", True)],
)  # fmt: skip
def test_siblings_that_look_alike(one: str, other: str, told: bool) -> None:
    """T408 is what it says: case, punctuation or letters that look alike; signs are none of these."""
    t = taxoloss.load({"tree": [one, other, "another thing"]})
    assert any(found.code == "T408" for found in find(t)) == told


def test_no_alias_is_an_opposite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """check --write --yes accepts another spelling, not another letter, sign, digit or vowel sign."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text("tree: [age <65, Vitamin A+, type 2, 'माली का', Bengal, maine coon]\n")
    classes = ["age >65", "Vitamin A", "type 3", "माला का", "Bengall", "Maine_Coon"]
    Path("c.txt").write_text("\n".join(classes) + "\n")
    done = run("check", "t.yaml", "--classes", "c.txt", "--write", "--yes")
    assert done.returncode == 1
    aliases = {t.tree.names[n]: a for t in [taxoloss.load("t.yaml")] for n, a in t.aliases.items()}
    assert aliases == {"maine coon": ("Maine_Coon",)}


def test_bind_shows_no_rule_that_joins_opposites() -> None:
    with pytest.raises(taxoloss.TaxonomyError) as caught:
        tree("A", "B").bind(["A-", "B-", "other thing", "another"])
    assert "differ in spelling only" not in str(caught.value)


# -- --rename --------------------------------------------------------------------------------------


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("one", "other"),
    [("<65", "<=65"), ("a=b", "a≠b"), ("=", "=="), ("-5", "5"),
     ("Pallas's cat", "Pallass cat"), ("1/2", "1 / 2"),
     ("A+", "A-"), ("$HOME `x`", "HOME x")],
)  # fmt: skip
def test_the_line_that_says_so_works(
    one: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed after `perhaps renamed` is read as what it says, whatever signs the names hold."""
    monkeypatch.chdir(tmp_path)
    for name, file in ((one, "old.json"), (other, "new.json")):
        Path(file).write_text(json.dumps({"tree": {"x": [name, "other"], "y": [name, "z"]}}))
    shown = run("diff", "old.json", "new.json").stdout
    told = [line for line in shown.splitlines() if "perhaps" in line]
    hints = [line.partition("(")[2].partition(" says so)")[0] for line in told]
    if not hints:  # not alike enough to be told
        hints = [f"--rename {shlex.quote(f'{g}/{one}={g}/{other}')}" for g in "xy"]
    assert len(hints) == 2
    options = [part for hint in hints for part in shlex.split(hint)]
    done = run("diff", "old.json", "new.json", *options, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["columns"]["sources"] == [[0], [1], [2], [3]]


def test_a_rename_with_two_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are shown."""
    monkeypatch.chdir(tmp_path)
    Path("old.json").write_text(json.dumps({"tree": ["a", "a=b", "k"]}))
    Path("new.json").write_text(json.dumps({"tree": ["b=c", "c", "k"]}))
    done = run("diff", "old.json", "new.json", "--rename", "a=b=c")
    assert done.returncode == 2
    words = " ".join(done.stderr.replace("│", " ").split())
    assert "can be read in 2 ways: 'a' is 'b=c' or 'a=b' is 'c'" in words
    done = run("diff", "old.json", "new.json", "--rename", "k=c", "--rename", "k=k")
    assert "'k' is said to be 'c' and 'k'" in " ".join(done.stderr.replace("│", " ").split())


def test_a_name_in_two_places_is_told_by_its_path() -> None:
    old = taxoloss.load({"tree": {"cat": None, "x": {"cat": None, "dog": None}}})
    new = taxoloss.load({"tree": {"felid": None, "x": {"cat": None, "dog": None}}})
    assert old.diff(new, {"cat": "felid"}).migration.sources == ((0,), (1,), (2,))
    twice = taxoloss.load({"tree": {"y": {"cat": None}, "x": {"cat": None, "dog": None}}})
    with pytest.raises(ValueError, match="2 nodes of the old tree are called `cat`: `y/cat`, `x/cat`"):
        twice.diff(new, {"cat": "felid"})
