"""Rebuilds cifar100.yaml from the binary version of CIFAR-100."""

from __future__ import annotations

from pathlib import Path

from _common import MODELINE, parser, scalar, write

HEAD = (
    MODELINE
    + """\
# The 100 classes of CIFAR-100 below its 20 superclasses, both named and ordered as in the dataset.
# The dataset numbers its classes in alphabetical order, across the superclasses.
# Rebuilt by taxonomies/sources/cifar100.py.
name: cifar100
description: The 100 classes of CIFAR-100 in its 20 superclasses.
source: >-
  CIFAR-100, binary version: coarse_label_names.txt, fine_label_names.txt and the labels.
  A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009.
version: "2009"
licence: >-
  The authors of the dataset state no licence. Here are only the names of its classes and
  superclasses, which are facts; no image. Attribution: Krizhevsky (2009).
levels: [superclass, class]
tree:
"""
)

PIXELS = 32 * 32 * 3


def build(folder: Path) -> str:
    """The text of cifar100.yaml, from the folder cifar-100-binary."""
    superclasses = read_names(folder / "coarse_label_names.txt")
    classes = read_names(folder / "fine_label_names.txt")
    pairs = label_pairs(folder)
    if [fine for fine, _ in pairs] != list(range(len(classes))):
        raise ValueError(f"some class of {folder} has no superclass, or more than one")
    text = HEAD
    for index, superclass in enumerate(superclasses):
        below = [scalar(classes[fine]) for fine, coarse in pairs if coarse == index]
        text += f"  {scalar(superclass)}: [{', '.join(below)}]\n"
    return text


def read_names(path: Path) -> list[str]:
    """One name a line; no name has a space in it."""
    return path.read_text(encoding="utf-8").split()


def label_pairs(folder: Path) -> list[tuple[int, int]]:
    """Each pair (fine label, coarse label) that occurs, once, in order."""
    path = next((p for p in (folder / "test.bin", folder / "train.bin") if p.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"neither test.bin nor train.bin in {folder}")
    data, record = path.read_bytes(), 2 + PIXELS
    if len(data) % record:
        raise ValueError(f"{path} does not consist of records of {record} bytes")
    return sorted(set(zip(data[1::record], data[0::record], strict=True)))


def main() -> None:
    """The command line."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, help="the folder cifar-100-binary")
    given = arguments.parse_args()
    write(build(given.folder), given.output)


if __name__ == "__main__":
    main()
