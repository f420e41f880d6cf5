"""Rebuilds pets.yaml from the annotations of the Oxford-IIIT Pet Dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from _common import MODELINE, parser, scalar, write

HEAD = (
    MODELINE
    + """\
# Cat and dog breeds, named as in the dataset's file names; the aliases are the names that
# torchvision.datasets.OxfordIIITPet gives. The dataset numbers its classes in another order.
# Rebuilt by taxonomies/sources/pets.py.
name: pets
description: "The breeds of the Oxford-IIIT Pet Dataset: {cat} of cats, {dog} of dogs."
source: >-
  The Oxford-IIIT Pet Dataset, annotations/list.txt. O. M. Parkhi, A. Vedaldi, A. Zisserman,
  C. V. Jawahar: Cats and Dogs, CVPR 2012.
version: "2012"
licence: >-
  The dataset's annotations are CC BY-SA 4.0. Here are only the names of its classes and the
  species of each, which are facts; no image and no annotation of an image.
levels: [species, breed]
tree:
"""
)

SPECIES = {"1": "cat", "2": "dog"}


def build(folder: Path) -> str:
    """The text of pets.yaml, from the dataset's folder."""
    species = species_of_breeds(folder)
    below: dict[str, list[str]] = {"cat": [], "dog": []}
    for breed in sorted(species, key=str.casefold):
        below[species[breed]].append(breed)
    text = HEAD.format(cat=len(below["cat"]), dog=len(below["dog"]))
    for name, breeds in below.items():
        text += f"  {name}:\n" + "".join(f"    - {item(breed)}\n" for breed in breeds)
    return text


def species_of_breeds(folder: Path) -> dict[str, str]:
    """Breed -> species; a line is IMAGE CLASS-ID SPECIES BREED-ID, an image is BREED_NUMBER."""
    species: dict[str, str] = {}
    for line in annotation_lines(folder):
        image, _, number, _ = line.split()
        breed = image.rsplit("_", 1)[0]
        if species.setdefault(breed, SPECIES[number]) != SPECIES[number]:
            raise ValueError(f"{breed} is both cat and dog: {line!r}")
    return species


def annotation_lines(folder: Path) -> Iterator[str]:
    """The lines of list.txt, or of trainval.txt and test.txt where it is missing."""
    places = (folder, folder / "annotations", folder / "oxford-iiit-pet" / "annotations")
    for names in (("list.txt",), ("trainval.txt", "test.txt")):
        for place in places:
            if all((place / name).is_file() for name in names):
                for name in names:
                    lines = (place / name).read_text(encoding="utf-8").splitlines()
                    yield from (line for line in lines if line.strip() and line[0] != "#")
                return
    raise FileNotFoundError(f"no list.txt, nor trainval.txt and test.txt, below {folder}")


def item(breed: str) -> str:
    """The list item of a breed, with torchvision's name for it where that differs."""
    alias = " ".join(part.title() for part in breed.split("_"))
    if alias == breed:
        return scalar(breed)
    return f"{{name: {scalar(breed)}, aliases: [{scalar(alias)}]}}"


def main() -> None:
    """The command line."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, help="the folder of the dataset")
    given = arguments.parse_args()
    write(build(given.folder), given.output)


if __name__ == "__main__":
    main()
