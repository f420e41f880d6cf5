"""Guesses of names: none between codes, and only what a rule of spelling explains is written unasked."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples

import taxoloss
from taxoloss.errors.faults import BindingError
from taxoloss.errors.suggestions import did_you_mean, may_be_slip
from taxoloss.taxonomy.matching import match
from taxoloss.taxonomy.spelling import explained, explained_pairs

#: Codes, models, strains, numerals: what the class is, and what another thing of the kind is called.
CODES = {
    "ICD-10": [("C61", "C60"), ("C61", "D61"), ("A00.0", "A00.1"), ("E11.65", "E11.69"), ("Z99", "Y99")],
    "HS": [("0101.21", "0101.29"), ("8471", "8472"), ("010121", "010129")],
    "NAICS": [("541511", "541512"), ("31-33", "31-32"), ("NAICS 541511", "NAICS 541611")],
    "ISCO": [("0110", "0210"), ("2511 Systems analysts", "2512 Systems analysts")],
    "aircraft": [("A320-200", "A320-300"), ("Boeing 737-700", "Boeing 737-800"), ("F-16A", "F-16B"),
         ("MD-80", "MD-90")],
    "strains": [("E. coli K-12 MG1655", "E. coli K-12 MG1665"), ("H1N1", "H3N2"), ("HEK293", "HEK293T"),
         ("CSP1-3", "CSP1-4")],
    "encodings": [("ISO-8859-1", "ISO-8859-2"), ("ISO 8859-1", "ISO-8859-15"), ("UTF-8", "UTF-16"),
         ("cp1251", "cp1252")],
    "numerals": [("type I", "type II"), ("Henry VII", "Henry VIII"), ("Stage IV", "Stage VI"),
         ("part iii", "part ii")],
    "letters": [("hepatitis A", "hepatitis B"), ("vitamin D", "vitamin E"), ("Model S", "Model X"),
         ("class A", "class B")],
    "signs": [("rhesus +", "rhesus -"), ("age <65", "age >65"), ("50 %", "50 \u2030"), ("Blood A+",
         "Blood A-")],
    "short": [("DEU", "DEN"), ("pug", "pig"), ("LHR", "LGR"), ("US shorthair", "UK shorthair"),
         ("HIV test", "HPV test")],
    "years": [("BMW M3 Sedan 2012", "BMW M3 Sedan 2021"), ("Audi S4 2007", "Audi S4 2012"), ("v1.10",
         "v1.11")],
}  # fmt: skip
PAIRS = [pair for pairs in CODES.values() for pair in pairs]

#: One name in two ways, by each rule.
RULES = {
    "spelling": [("Maine_Coon", "maine coon"), ("MAINE-COON", "Maine Coon"), ("sea lion", "Sea_Lion"),
                 ("st-bernard dog", "St Bernard dog"), (" pug ", "pug"), ("red-tailed hawk",
                 "Red tailed Hawk")],
    "accents": [("Mücke", "Muecke"), ("Mücke", "Mucke"), ("Straßenhund", "Strassenhund"), ("Épagneul",
         "epagneul"),
                ("bœuf musqué", "boeuf musque"), ("São Paulo", "Sao_Paulo"), ("Ærø Hund", "aero hund"),
                ("Łódź", "Lodz"), ("pêche", "peche"), ("naïve", "Naive"), ("Γάτα", "Γατα")],
    "order of words": [("domestic cat", "cat, domestic"), ("Prince of Wales", "Wales, Prince of"),
                       ("American_Bulldog", "bulldog american"), ("black and white cat",
                       "cat, black and white"),
                       ("Épagneul breton", "breton epagneul"), ("diabetes type 2", "type 2 diabetes"),
                       ("King Henry VIII", "Henry VIII, King")],
}  # fmt: skip


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_guess_between_codes(one: str, other: str) -> None:
    """Neither by check nor by bind nor in the list of labels, in either direction."""
    for right, wrong in ((one, other), (other, one)):
        t = taxoloss.load({"tree": {"x": [right, "something else"], "y": ["another"]}})
        assert match(t, [wrong, "something else", "another"]).guesses == ()
        for call in (t.bind, t.restrict, t.bind(node_targets=True).node_ids):
            with pytest.raises(BindingError) as caught:
                call([wrong, "something else", "another"])
            assert "did you mean" not in str(caught.value)
            assert "differ" not in str(caught.value)
        assert explained(wrong, right) is None


@pytest.mark.parametrize("kind", CODES)
def test_a_whole_list_of_other_codes(kind: str) -> None:
    """The codes of another year: none is taken for one that the tree has."""
    t = taxoloss.load({"tree": sorted({one for one, _ in CODES[kind]} | {"something else"})})
    wrong = [other for _, other in CODES[kind] if other not in t.classes]
    found = match(t, ["something else", *dict.fromkeys(wrong)])
    assert found.guesses == ()
    assert [fault.help for fault in found.faults if fault.help] == []


@given(
    st.text("0123456789", min_size=1, max_size=4), st.text("0123456789", min_size=1, max_size=4), st.data()
)
@settings(max_examples=examples(200), deadline=None)
def test_names_that_differ_in_digits_only(one: str, other: str, data: st.DataObject) -> None:
    """Whatever is written around them."""
    before = data.draw(
        st.sampled_from(["", "A", "beagle ", "type ", "ISO-8859-", "X-", "model_", "\u00e9t\u00e9 "])
    )
    after = data.draw(st.sampled_from(["", "B", " beagle", "-200", ".5", "_x", "th floor"]))
    first, second = f"{before}{one}{after}", f"{before}{other}{after}"
    if one != other:
        assert not may_be_slip(first, second)
        assert did_you_mean(first, [second]) is None
        assert explained(first, second) is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("beagel", "beagle"), ("Siamise", "Siamese"), ("american buldog", "American Bulldog"), ("tigger",
     "tiger"),
     ("beagel 2", "beagle 2"), ("Henri VIII", "Henry VIII"), ("vitamine D", "vitamin D"), ("A000", "A00.0"),
     ("golden retreiver (UK)", "golden retriever (UK)"), ("St Bernard", "St. Bernard"), ("Mens shirts",
     "Men's shirts"),
     ("Basics Small-Medium", "Basics Small/Medium")],
)  # fmt: skip
def test_slips_are_guessed_still(wrong: str, right: str) -> None:
    """A person is asked; nothing is sure of it."""
    t = taxoloss.load({"tree": [right, "something else"]})
    with pytest.raises(BindingError, match="did you mean"):
        t.bind([wrong, "something else"])
    assert not any(guess.rule for guess in match(t, [wrong, "something else"]).guesses)


@pytest.mark.parametrize(
    ("tree", "classes"),
    [
        (["Bengal", "Bengali cat", "pug"], ["Bengal", "Bengall", "pug"]),
        (["tiger", "tiger shark", "pug"], ["tiger", "tigers", "pug"]),
        (["Maine Coon", "maine_coon cat", "pug"], ["Maine Coon", "maine_coon", "pug"]),
        (["cafe", "caf\u00e9 au lait", "pug"], ["cafe", "caf\u00e9", "pug"]),
        (["domestic cat", "domestic cats", "pug"], ["domestic cat", "cat, domestic", "pug"]),
    ],
)
def test_the_right_name_of_another_class_is_no_guess(tree: list[str], classes: list[str]) -> None:
    """What is nearest is a class already: the next nearest is not meant."""
    t = taxoloss.load({"tree": tree})
    found = match(t, classes)
    assert (found.fitting, found.guesses) == (2, ())
    assert not any("did you mean" in (fault.help or "") for fault in found.faults)


@pytest.mark.parametrize(
    ("rule", "one", "other"), [(r, *pair) for r, pairs in RULES.items() for pair in pairs]
)
def test_what_a_rule_explains(rule: str, one: str, other: str) -> None:
    """In both directions; and bind asks for it."""
    for right, wrong in ((one, other), (other, one)):
        assert explained(wrong, right) == rule
        assert explained_pairs([wrong], [right]) == {wrong: (right, rule)}
        t = taxoloss.load({"tree": [right, "something else"]})
        name = t.classes[0]
        (guess,) = match(t, [wrong, "something else"]).guesses
        assert (guess.path, guess.rule, guess.sure) == ((name,), rule, rule == "spelling")
        with pytest.raises(BindingError, match="did you mean"):
            t.bind([wrong, "something else"])


@pytest.mark.parametrize(
    ("one", "other"),
    [("p\u00eacher", "p\u00e9cher"), ("dog to cat", "cat to dog"), ("type 2 stage 1", "type 1 stage 2"),
     ("laser 5 mW", "laser 5 MW"), ("with hair not long", "not with long hair"), ("beagel", "beagle"),
     ("non-smoker", "nonsmoker"), ("\u0439 \u043a\u0440\u0430\u0439", "\u0438 \u043a\u0440\u0430\u0439"),
     ("\u092e\u093e\u0932\u093e \u0915\u093e", "\u092e\u093e\u0932\u0940 \u0915\u093e"), ("St. Bernard",
     "St Bernard"),
     ("A B", "B A"), ("male cat", "female cat")],
)  # fmt: skip
def test_what_no_rule_explains(one: str, other: str) -> None:
    assert explained(one, other) is None
    assert explained(other, one) is None


def test_two_that_a_rule_explains() -> None:
    """Neither is chosen: of the old name two new ones, or of two names one."""
    assert explained_pairs(["Mucke"], ["M\u00fccke", "Muck\u00e9"]) == {}
    assert explained_pairs(["Mucke", "Muecke"], ["M\u00fccke"]) == {}
    assert explained_pairs(["cat domestic", "cat, domestic"], ["domestic cat"]) == {}
    assert explained_pairs(["Muecke"], ["M\u00fccke", "pug"], ["MUECKE"]) == {}
    assert explained_pairs(["Muecke"], ["M\u00fccke", "M\u00fccke"]) == {}


# -- the command -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(right: list[str], classes: list[str]) -> tuple[Any, dict[str, tuple[str, ...]]]:
    """`check --write --yes` of a tree and a list: how it ended, and the aliases that are in the file."""
    Path("t.json").write_text(json.dumps({"tree": right}))
    Path("t.yaml").write_text(json.dumps({"tree": right}, ensure_ascii=False) + "\n", encoding="utf-8")
    Path("c.txt").write_text("\n".join(classes) + "\n", encoding="utf-8")
    done = run("check", "t.yaml", "--classes", "c.txt", "--write", "--yes")
    t = taxoloss.load("t.yaml")
    return done, {t.tree.names[node]: names for node, names in t.aliases.items()}


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("right", "classes", "aliases"),
    [
        (["Maine Coon", "M\u00fccke", "domestic cat"], ["maine_coon", "Muecke", "cat, domestic"],
         {"Maine Coon": ("maine_coon",), "M\u00fccke": ("Muecke",), "domestic cat": ("cat, domestic",)}),
        (["Bengal", "beagle", "Siamese"], ["bengal", "beagel", "Siamese"], {"Bengal": ("bengal",)}),
        (["A320-200", "Boeing 747", "glider"], ["A320-300", "boeing_747", "Glider"],
         {"Boeing 747": ("boeing_747",), "glider": ("Glider",)}),
        (["C61", "A00.0", "other"], ["C60", "A000", "Other"], {"other": ("Other",)}),
        (["type I diabetes", "hepatitis B"], ["Diabetes, type II", "Hepatitis A"], {}),
        (["\u00c9pagneul breton", "caf\u00e9"], ["Breton_epagneul", "cafe"],
         {"\u00c9pagneul breton": ("Breton_epagneul",), "caf\u00e9": ("cafe",)}),
    ],
)  # fmt: skip
def test_yes_writes_what_a_rule_explains(
    right: list[str], classes: list[str], aliases: dict[str, tuple[str, ...]], folder: Path
) -> None:
    """The others are listed, not written, and the command says that the classes do not fit."""
    done, found = written(right, classes)
    assert found == aliases
    all_fit = {alias for names in aliases.values() for alias in names} | (set(right) & set(classes)) == set(
        classes
    )
    assert done.returncode == (0 if all_fit else 1)
    assert ("not written" in done.stderr) == any("(a guess)" in line for line in done.stdout.splitlines())


def test_what_is_not_written_is_listed(folder: Path) -> None:
    done, found = written(["beagle", "Bengal", "pug"], ["beagel", "BENGAL", "pug"])
    assert found == {"Bengal": ("BENGAL",)}
    assert "not written, for no rule of spelling explains it: beagel -> beagle\n" in done.stderr
    assert "wrote 1 alias to t.yaml\n" in done.stderr
    assert "--write adds them as aliases, with --yes the 0 that a rule of spelling explains" in done.stdout
    assert "beagel -> beagle  (a guess)" in done.stdout


def test_the_rule_is_shown(folder: Path) -> None:
    """To people and in --json."""
    Path("t.yaml").write_text("tree: [M\u00fccke, domestic cat, Bengal, beagle]\n", encoding="utf-8")
    Path("c.txt").write_text("Muecke\ncat domestic\nbengal\nbeagel\n")
    done = run("check", "t.yaml", "--classes", "c.txt")
    head = "4 of the unknown may mean a leaf: --write adds them as aliases"
    for line in (
        f"{head}, with --yes the 3 that a rule of spelling explains", "  Muecke -> M\u00fccke  (accents)",
        "  cat domestic -> domestic cat  (order of words)", "  bengal -> Bengal\n",
        "  beagel -> beagle  (a guess)",
    ):  # fmt: skip
        assert line in done.stdout
    guesses = json.loads(run("check", "t.yaml", "--classes", "c.txt", "--json").stdout)["guesses"]
    assert [guess["rule"] for guess in guesses] == ["accents", "order of words", "spelling", None]


SPELT = st.sampled_from(
    ["M\u00fccke", "domestic cat", "A320-200", "type II", "Bengal", "sea lion", "B-12 level", "pug"]
)
CHANGES = [
    str.lower, str.upper, lambda s: s.replace(" ", "_"), lambda s: ", ".join(reversed(s.split(" "))),
    lambda s: s.replace("\u00fc", "ue"), lambda s: s.replace("2", "3"), lambda s: s.replace("II",
    "III"), lambda s: s + "x",
]  # fmt: skip


@given(st.lists(SPELT, min_size=2, max_size=6, unique=True), st.data())
@settings(max_examples=examples(200), deadline=None)
def test_what_is_guessed_is_one_to_one(names: list[str], data: st.DataObject) -> None:
    """No leaf twice, none that fits, no digits or numerals changed, by whatever is written."""
    t = taxoloss.load({"tree": names})
    lines = [
        data.draw(st.sampled_from(CHANGES))(name) if data.draw(st.booleans()) else name for name in names
    ]
    guesses = match(t, list(dict.fromkeys(lines))).guesses
    assert len({guess.node for guess in guesses}) == len(guesses)
    for guess, other in itertools.product(guesses, lines):
        assert guess.path[0] != other
        assert [c for c in guess.name if c.isdigit()] == [c for c in guess.path[0] if c.isdigit()]
        assert guess.name.upper().count("I") == guess.path[0].upper().count("I")
