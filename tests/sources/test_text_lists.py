"""Texts of lines: names, paths, indented text, edges: the right tree, or a refusal in words."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import CALM
from readings import leaf_paths, reader
from trees import leaves, nodes

from taxoloss import sources
from taxoloss.errors.faults import FormError, TaxonomyError
from taxoloss.sources.separators import split_path

Paths = set[tuple[str, ...]]


read = reader("a.txt")


PETS = ["cat/Bengal", "cat/Siamese", "dog/pug"]
DEEP = ["Animal/Cat/Bengal", "Animal/Cat/Siamese", "Animal/Dog", "Plant/Oak"]
GOOGLE = """\
Animals & Pet Supplies
Animals & Pet Supplies > Live Animals
Hardware
Hardware > Tools
Hardware > Tools > Hammers, Mallets & Sledges
Hardware > Plumbing, Pipes
"""
SHOP = [
    "Animals & Pet Supplies/Live Animals",
    "Hardware/Tools/Hammers, Mallets & Sledges",
    "Hardware/Plumbing, Pipes",
]


def with_ids(text: str, form: str) -> str:
    """The lines with an id of their own."""
    lines = text.splitlines()
    return "".join(form.format(number * 37 % 1000, line) + "\n" for number, line in enumerate(lines, 1))


# -- paths -----------------------------------------------------------------------------------------

SPLIT: list[tuple[str, str, list[str]]] = [
    ("google.txt", "# Google_Product_Taxonomy_Version: 2021-09-21\n" + GOOGLE, SHOP),
    ("google_ids.txt", "# Version: 2021-09-21\n" + with_ids(GOOGLE, "{} - {}"), SHOP),
    ("google_tabs.txt", with_ids(GOOGLE, "{}\t{}"), SHOP),
    ("shopify.txt", "# Shopify\n\n" + with_ids(GOOGLE, "gid://shopify/TaxonomyCategory/ap-{} : {}"), SHOP),
    (
        "quoted.csv",
        'category\n"Hardware > Tools > Hammers, Mallets"\nHardware > Pipes\nPets > Food\n',
        ["Hardware/Tools/Hammers, Mallets", "Hardware/Pipes", "Pets/Food"],
    ),
    (
        "one_class_first.txt",
        "Aves/Corvus corax\nMammalia/Canis lupus\nMammalia/Felis catus\n",
        ["Aves/Corvus corax", "Mammalia/Canis lupus", "Mammalia/Felis catus"],
    ),
    (
        "gtdb.txt",
        "d__B;p__F;c__X\nd__B;p__F;c__Y\nd__A;p__H;c__Z\n",
        ["d__B/p__F/c__X", "d__B/p__F/c__Y", "d__A/p__H/c__Z"],
    ),
    (
        "gtdb.tsv",
        "RS_GCF_1.1\td__B;p__F;c__X\nGB_GCA_2.1\td__B;p__F;c__Y\nGB_GCA_3.1\td__A;p__H;c__Z\n",
        ["d__B/p__F/c__X", "d__B/p__F/c__Y", "d__A/p__H/c__Z"],
    ),
    (
        "silva.txt",
        "Bacteria;Firmicutes;Bacilli;\nBacteria;Firmicutes;Clostridia;\nArchaea;Cren;\n",
        ["Bacteria/Firmicutes/Bacilli", "Bacteria/Firmicutes/Clostridia", "Archaea/Cren"],
    ),
    (
        "places.txt",
        "/a/abbey 0\n/a/airfield 1\n/b/bar 2\n/a/attic/outdoor 3\n",
        ["abbey", "airfield", "attic/outdoor", "bar"],
    ),
    (
        "trec.txt",
        "NUM:dist\nNUM:count\nLOC:city\nLOC:state\nHUM:ind\nHUM:gr\n",
        ["NUM/dist", "NUM/count", "LOC/city", "LOC/state", "HUM/ind", "HUM/gr"],
    ),
    (
        "mapillary.txt",
        "animal--bird\nanimal--ground-animal\nobject--sign--back\nobject--sign--front\n",
        ["animal/bird", "animal/ground-animal", "object/sign/back", "object/sign/front"],
    ),
    (
        "modules.txt",
        "animal.cat.bengal\nanimal.cat.siamese\nanimal.dog\nplant.oak\nplant.elm\n",
        ["animal/cat/bengal", "animal/cat/siamese", "animal/dog", "plant/oak", "plant/elm"],
    ),
    (
        "spaced.txt",
        "Food / Fruit / Apple\nFood / Fruit / Pear\nFood / Bread\nDrinks / Tea/Coffee\n",
        ["Food/Fruit/Apple", "Food/Fruit/Pear", "Food/Bread", "Drinks/Tea/Coffee"],
    ),
    ("folders.txt", "Animal\\Cat\\Bengal\r\nAnimal\\Cat\\Siamese\r\nAnimal\\Dog\r\nPlant\\Oak\r\n", DEEP),
    (
        "nouns.txt",
        "n00000001 > n00000002\nn00000001 > n00000003\nn00000004 > n00000005\n",
        ["n00000001/n00000002", "n00000001/n00000003", "n00000004/n00000005"],
    ),
    ("mark.txt", "\ufeffcat/Bengal\ncat/Siamese\n\n\ndog/pug\n", PETS),
]


@pytest.mark.parametrize(("name", "text", "right"), SPLIT, ids=[case[0] for case in SPLIT])
def test_paths_of_many_shapes(name: str, text: str, right: list[str], tmp_path: Path) -> None:
    """The separator is the one whose first names come again; ids and comments are told."""
    found = read(tmp_path, text, name)
    assert (found.kind, sorted(leaf_paths(found))) == ("paths", sorted(right))
    assert found.taxonomy.levels[0] == "depth_1"
    if text.startswith("#"):
        assert any("starts with # is left out" in note for note in found.notes)
    if "ids" in name or name in ("gtdb.tsv", "shopify.txt", "places.txt", "google_tabs.txt"):
        assert any("ids before the names are left out" in n or "ids behind" in n for n in found.notes)


@pytest.mark.parametrize(
    "mark", [" > ", ">", ";", "|", "/", " / ", "::", " -> ", "->", "--", "\t", " » ", "→"]
)
def test_each_separator(mark: str, tmp_path: Path) -> None:
    """Lines of one to three names."""
    lines = ["Plant", *(mark.join(path.split("/")) for path in DEEP)]
    found = read(tmp_path, "\n".join(lines))
    assert (found.kind, sorted(leaf_paths(found))) == ("paths", sorted(DEEP))
    shown = "a tab" if mark == "\t" else mark.strip()
    assert found.how == f"split at `{shown}`, 5 lines"


def test_a_separator_is_obeyed(tmp_path: Path) -> None:
    """Also one that no reader would think of, and one that cuts the text into a table."""
    text = "a_x-1\na_x-2\nb_y-3\n"
    assert leaf_paths(read(tmp_path, text, separator="_")) == ["a/x-1", "a/x-2", "b/y-3"]
    assert leaf_paths(read(tmp_path, text, kind="paths", separator="-")) == ["a_x/1", "a_x/2", "b_y/3"]
    text = "Animal,Cat\nAnimal,Dog\nPlant,Oak\n"
    assert leaf_paths(read(tmp_path, text, kind="paths", separator=",")) == [
        "Animal/Cat",
        "Animal/Dog",
        "Plant/Oak",
    ]
    with pytest.raises(ValueError, match="expected a separator between names"):
        read(tmp_path, "a\\b\n", separator="")
    with pytest.raises(FormError, match="none of which holds `#`"):
        read(tmp_path, text.replace(",", " "), kind="paths", separator="#")
    with pytest.raises(FormError, match="--kind paths --separator"):
        read(tmp_path, "cat\ndog\n", kind="paths")


def test_the_first_line_is_a_class_where_it_is_no_header(tmp_path: Path) -> None:
    """Levels by their words, or with a slash behind them; else a note, and --header, --no-header."""
    rows = "cat/Bengal\ncat/Siamese\ndog/pug\n"
    assert read(tmp_path, "species/breed\n" + rows).taxonomy.levels == ("species", "breed")
    assert read(tmp_path, "level 1 > level 2\n" + rows.replace("/", " > ")).taxonomy.levels == (
        "level 1",
        "level 2",
    )
    assert read(tmp_path, "tier/kind/\n" + rows).taxonomy.levels == ("tier", "kind")
    found = read(tmp_path, "tier/kind\n" + rows)
    assert len(found.taxonomy) == 4
    assert (
        "the first line, `tier/kind`, is taken as a path like the others; --header says that it is none"
        in found.notes
    )
    assert read(tmp_path, "tier/kind\n" + rows, header=True).taxonomy.levels == ("tier", "kind")
    assert leaf_paths(read(tmp_path, "species/breed\n" + rows, header=False))[0] == "species/breed"
    found = read(tmp_path, "path\n" + rows)
    assert (leaf_paths(found), len(found.notes)) == (PETS, 1)
    assert "`path`, names the column: --no-header" in found.notes[0]


def test_a_backslash_keeps_a_separator() -> None:
    assert split_path(r"a\/b/c\\", "/") == ["a/b", "c\\"]
    assert split_path(r"AC\DC/x", "/") == ["AC\\DC", "x"]
    assert split_path(r"a\::b::c", "::") == ["a::b", "c"]
    assert split_path("a\\b", "\\") == ["a", "b"]


# -- names -----------------------------------------------------------------------------------------

FLAT: list[tuple[str, str]] = [
    ("audioset", "Speech\nChild speech, kid speaking\nMusic\n"),
    (
        "synonyms",
        "tench, Tinca tinca\ngreat white shark, white shark, man-eater\ngoldfish, Carassius auratus\n",
    ),
    (
        "slashes",
        "AC/DC\nblack/white cat\nABBA\nQueen\n" + "".join(f"band {chr(i)}\n" for i in range(97, 107)),
    ),
    ("binomials", "C. lupus\nC. latrans\nF. catus\nF. silvestris\n"),
    ("files", "cat.jpg\ndog.jpg\ncow.jpg\n"),
    ("times", "12:30\n12:45\n13:15\n13:45\n"),
    ("ontology", "GO:0001\nGO:0002\nGO:0003\n"),
    ("birds", "001.Black_footed_Albatross\n002.Laysan_Albatross\n003.Sooty_Albatross\n"),
    ("links", "http://a.org/x/y\nhttp://a.org/x/z\nhttp://b.org/y\n"),
    ("languages", "C\nC#\nF#\nPython\n"),
    ("hashtags", "#cat\n#dog\n#bird\n"),
    ("digits", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
    ("ranks", "family\ngenus\nspecies\n"),
    ("stuff", "wall-brick\nwall-stone\nfloor-wood\nfloor-tile\n"),
]


@pytest.mark.parametrize("kind", [None, "names"])
@pytest.mark.parametrize(("name", "text"), FLAT, ids=[case[0] for case in FLAT])
def test_a_flat_list_stays_flat(name: str, text: str, kind: str | None, tmp_path: Path) -> None:
    """Whatever stands in the names; --kind names takes each line as it is."""
    found = read(tmp_path, text, kind=kind)
    assert found.taxonomy.paths() == tuple((line,) for line in text.splitlines())
    assert found.kind == "names"


def test_names_are_taken_as_they_are_where_that_is_said(tmp_path: Path) -> None:
    """Paths, ids, comments, indents, codes, CSV: one line one name."""
    for text in (
        GOOGLE,
        "# a\nb\nc\n",
        "1. a\n2. b\n",
        "1.1 a\n1.2 b\n",
        "a,b,c\nd,e\n",
        "sep=;\na\n",
    ):
        assert read(tmp_path, text, kind="names").taxonomy.classes == tuple(text.splitlines())
    assert len(read(tmp_path, "zz\npug\nBengal\n", kind="names", header=True).taxonomy) == 2
    found = read(tmp_path, 'name\n"Child speech, kid"\ncat\n', "a.csv", kind="names", header=True)
    assert found.taxonomy.classes == ("Child speech, kid", "cat")
    done = run("init", str(tmp_path / "a.csv"), "--kind", "names")
    assert (done.returncode, "Child speech, kid" in done.stdout) == (0, True)


def test_what_stands_beside_names_is_told(tmp_path: Path) -> None:
    """Numbers of a list, bullets, a header, names that come twice, quotes."""
    beside = {
        "1. cat\n2. dog\n3. bird\n": "the 3 ids before the names are left out: `1`, `2` and 1 more",
        "cat 0\ndog 1\nbird 2\n": "the 3 ids behind the names are left out: `0`, `1` and 1 more",
        "0\tcat\n1\tdog\n2\tbird, wild\n": "",
        "- cat\n- dog\n- bird\n": "the bullets before 3 names are left out",
        "label\ncat\ndog\nbird\n": "the first line, `label`, is taken as the name of the column; ",
        '"cat"\n"dog"\n"bird"\n': "quotes around 3 lines are left out",
        "# made by hand\ncat\ndog\nbird\n": "1 line that starts with # is left out: `# made by hand`",
    }
    for text, note in beside.items():
        if note:
            found = read(tmp_path, text)
            assert (found.kind, found.taxonomy.classes) == ("names", ("cat", "dog", "bird"))
            assert any(told.startswith(note) for told in found.notes)
    assert "1 name that stands in several lines: `crane`" in read(tmp_path, "crane\nmaillot\ncrane\n").notes


IN_DOUBT: list[tuple[str, str, set[str]]] = [
    ("some below their own", "AC/DC\nblack/white cat\nABBA\nQueen\n", {"paths", "names"}),
    ("each below its own", "cat/Bengal\ndog/pug\nbird/owl\n", {"paths", "names"}),
    ("a space before a name", "cat\n dog\nbird\nfish\nant\n", {"indented", "names"}),
    ("numbers that start others", "1\n2\n3\n10\n11\n12\n", {"codes", "names"}),
    ("ids that are no count", "101 cat\n205 dog\n999 bird\n", {"names"}),
    ("headings or comments", "# animals\ncat\ndog\n# plants\noak\n", {"indented", "names"}),
    (
        "iNaturalist 2021",
        "00000_Animalia_Annelida_Clitellata_Lumbricus\n00001_Animalia_Annelida_Polychaeta_Sabella\n"
        "00002_Animalia_Arthropoda_Arachnida_Eratigena\n00003_Plantae_Tracheophyta_Liliopsida_Iris\n",
        {"paths", "names"},
    ),
]


@pytest.mark.parametrize(("name", "text", "kinds"), IN_DOUBT, ids=[case[0] for case in IN_DOUBT])
def test_what_is_in_doubt_is_refused_with_all_readings(
    name: str, text: str, kinds: set[str], tmp_path: Path
) -> None:
    with pytest.raises(FormError, match="T122") as caught:
        read(tmp_path, text)
    for kind in kinds:
        assert f"{kind}: " in str(caught.value)
        assert f"--kind {kind}" in str(caught.value)
    assert {reading.kind for reading in sources.look(tmp_path / "a.txt").readings} == kinds


def test_what_is_no_list_is_refused_in_words(tmp_path: Path) -> None:
    prose = "This is a text that tells you what to do with the data and why it was made\n"
    with pytest.raises(
        FormError, match="this is a text of 2 lines: no tree of classes can be read from it"
    ):
        read(tmp_path, prose + prose.upper())
    with pytest.raises(FormError, match="a list of names with a number each, `animal -1`"):
        read(tmp_path, "animal -1\ncat 0\ndog 0\npug 2\n")


# -- before the table ------------------------------------------------------------------------------


def test_the_first_lines_of_a_table(tmp_path: Path) -> None:
    """Excel's `sep=;`, comments, a header that starts with #: no cell of the tree."""
    rows = "family;species\nFelidae;cat\nFelidae;lynx\nCanidae;dog\n"
    for text in ("sep=;\n" + rows, '"sep=;"\r\n' + rows, "# made by hand\n# twice\n" + rows, "#" + rows):
        found = read(tmp_path, text, "a.csv")
        assert sorted(leaf_paths(found)) == ["Canidae/dog", "Felidae/cat", "Felidae/lynx"], text
        assert found.taxonomy.levels == ("family", "species")
    fault = read_fault(tmp_path, "# a comment\nchild,parent\na,b\nb,a\nc,d\n")
    assert (fault.code, fault.line) == ("T203", 3) or "cycle" in fault.message


def read_fault(folder: Path, text: str) -> Any:
    """The first fault of a file."""
    with pytest.raises(TaxonomyError) as caught:
        read(folder, text, "a.csv")
    return caught.value.faults[0]


# -- any tree --------------------------------------------------------------------------------------

WORDS = (
    "Hammers, Mallets & Sledges",
    "a b",
    "x.y",
    "well-known",
    "St. John",
    "C",
    "no. 5",
    "Cat",
    "d-e f",
    "G, H",
)


@st.composite
def named(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """A tree with names that hold commas, spaces, dots and dashes."""
    found = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))
    inner = [depth > 1 and draw(st.booleans()) for _ in found]
    return {name: draw(named(depth - 1)) if has else None for name, has in zip(found, inner, strict=True)}


def with_two(tree: dict[str, Any]) -> dict[str, Any]:
    """A tree of two leaves at least."""
    return tree if sum(1 for _ in leaves(tree)) > 1 else {"one": tree, "two": None}


def same_or_refused(folder: Path, text: str, right: Paths, name: str = "a.txt", **options: Any) -> None:
    """The tree that was written, or that tree without its one root, or a refusal; never another tree."""
    try:
        found = read(folder, text, name, **options)
    except TaxonomyError:
        return
    tops = {path[0] for path in right}
    rootless = {path[1:] for path in right} if len(tops) == 1 else right
    assert set(found.taxonomy.paths()) in (right, rootless), (text, found.kind, found.taxonomy.paths())


@CALM
@given(
    named().map(with_two),
    st.sampled_from([" > ", ";", "|", "/", "::", " -> ", "--", " / ", "\t", " » "]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_any_tree_as_paths(tree: dict[str, Any], mark: str, inner: bool, order: random.Random) -> None:
    lines = [path for path, leaf in nodes(tree) if leaf or inner]
    order.shuffle(lines)
    right = set(leaves(tree))
    pairs = mark in ";|\t" and {len(path) for path in lines} == {2}  # a table of classes and groups
    for options in ({}, {"kind": "paths"}, {"kind": "paths", "separator": mark, "header": False})[pairs:]:
        same_or_refused(FOLDER[0], "\n".join(map(mark.join, lines)) + "\n", right, **options)


@CALM
@given(
    named(4).map(with_two), st.sampled_from(["  ", "    ", "\t", " "]), st.sampled_from(["", "- ", "* "])
)
def test_any_tree_as_indented_text(tree: dict[str, Any], unit: str, bullet: str) -> None:
    lines = [unit * (len(path) - 1) + bullet + path[-1] for path in top_down(tree)]
    for kind in (None, "indented"):
        if kind is None and not any(below for below in tree.values()):
            continue  # a flat list
        same_or_refused(FOLDER[0], "\n".join(lines) + "\n", set(leaves(tree)), kind=kind)


def top_down(tree: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all nodes, each before those below it."""
    found: list[tuple[str, ...]] = []
    for name, below in tree.items():
        found += [(*above, name), *(top_down(below, (*above, name)) if below else ())]
    return found


NAMES = st.sampled_from(
    (*WORDS, "black/white", "Tea > Coffee", "a;b", "12 x", "1.1", "R&D: new", "x -> y", "q|r")
)


@CALM
@given(st.lists(NAMES, min_size=2, max_size=12, unique=True))
def test_any_list_of_names_makes_no_tree(found: list[str]) -> None:
    """A flat list of names in which no two start alike is flat, or refused."""
    try:
        taxonomy = read(FOLDER[0], "\n".join(found) + "\n").taxonomy
    except TaxonomyError:
        return
    assert {path for path in taxonomy.paths() if len(path) > 1} == set(), (found, taxonomy.paths())
    assert read(FOLDER[0], "\n".join(found) + "\n", kind="names").taxonomy.classes == tuple(found)


FOLDER: list[Path] = []


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    FOLDER[:] = [tmp_path_factory.mktemp("lists")]
