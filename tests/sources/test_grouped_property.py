"""Any tree of groups, written in any of the ways that people write lists: that tree, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import SETTINGS
from readings import read_text

from taxoloss.errors.faults import TaxonomyError

Groups = dict[str, list[str]]

NAMES = (
    "cat", "Oak", "a b", "x.y", "well-known", "St. John", "C", "no. 5", "sea lion", "d-e f", "R&D", "12",
    "Tea", "type 2", "A1", "MRI scan", "dog", "Felis catus", "DVD", "n01", "n02", "é", "10 cm", "50%",
)  # fmt: skip


def headed(before: str, behind: str, bullet: str = "", between: str = "\n") -> Callable[[Groups], str]:
    """Each group as a heading, with its members below."""

    def written(groups: Groups) -> str:
        blocks = (
            "\n".join(
                [
                    before + group + behind,
                    *(bullet.replace("1", str(i)) + n for i, n in enumerate(names, 1)),
                ]
            )
            for group, names in groups.items()
        )
        return between.join(blocks) + "\n"

    return written


def lined(mark: str, between: str, end: str = "") -> Callable[[Groups], str]:
    """Each group with its members in one line."""
    return lambda groups: "".join(f"{g}{mark}{between.join(names)}{end}\n" for g, names in groups.items())


def paired(form: str) -> Callable[[Groups], str]:
    """Each member in a line with its group."""
    return lambda groups: "".join(
        form.format(g=g, n=n) + "\n" for g, names in groups.items() for n in names
    )


def aligned(groups: Groups) -> str:
    width = max(map(len, groups)) + 2
    rows = [("group", "class"), *((g, n) for g, names in groups.items() for n in names)]
    return "".join(f"{g:{max(width, 7)}}{n}\n" for g, n in rows)


WAYS: dict[str, Callable[[Groups], str]] = {
    "colon": headed("", ":"),
    "colon and blank": headed("", ":", between="\n\n"),
    "brackets": headed("[", "]"),
    "bullets": headed("", "", "- "),
    "dots": headed("", "", "• "),
    "numbers": headed("", "", "1. "),
    "bold": headed("**", "**"),
    "sharp": headed("# ", ""),
    "sharp and bullets": headed("# ", "", "- "),
    "blocks": headed("", "", between="\n\n"),
    "rules": headed("", "\n-----"),
    "percent": headed("%", ""),
    "indent": headed("", "", "  "),
    "colon and commas": lined(": ", ", "),
    "colon and spaces": lined(": ", " "),
    "list": lined(" = [", ", ", "]"),
    "braces": lined(" { ", ", ", " }"),
    "parentheses": lined("(", ", ", ")"),
    "dash": lined(" - ", ", "),
    "commas": lined(",", ","),
    "tabs": lined("\t", "\t"),
    "a: b": paired("{g}: {n}"),
    "a -> b": paired("{g} -> {n}"),
    "b -> a": paired("{n} -> {g}"),
    "b <- a": paired("{n} <- {g}"),
    "b (a)": paired("{n} ({g})"),
    "b [a]": paired("{n} [{g}]"),
    "a = b": paired("{g} = {n}"),
    "b = a": paired("{n} = {g}"),
    "b: a": paired("{n}: {g}"),
    "a - b": paired("{g} - {n}"),
    "b - a": paired("{n} - {g}"),
    "a/b": paired("{g}/{n}"),
    "b/a": paired("{n}/{g}"),
    "a,b": paired("{g},{n}"),
    "b|a": paired("{n}|{g}"),
    "a > b": paired("{g} > {n}"),
    "file": paired("{g}/{n}/1.jpg"),
    "aligned": aligned,
    "markdown": lambda g: "|group|class|\n|---|---|\n" + paired("|{g}|{n}|")(g),
    "titled": lambda g: "Table 1\ngroup,class\n" + paired("{g},{n}")(g),
}


@st.composite
def groups_of_names(draw: st.DrawFn) -> Groups:
    """Two or three groups of two to four names, all different."""
    names = draw(st.permutations(NAMES))
    sizes = draw(st.lists(st.integers(2, 4), min_size=2, max_size=3))
    found, at = {}, 0
    for size in sizes:
        found[names[at]] = list(names[at + 1 : at + 1 + size])
        at += size + 1
    return found


@pytest.mark.parametrize("way", WAYS)
def test_any_groups_in_any_way(way: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("groups")

    @SETTINGS
    @given(groups_of_names())
    def same_or_refused(groups: Groups) -> None:
        text = WAYS[way](groups)
        try:
            found = read_text(folder, text, "a.txt")
        except TaxonomyError:
            return
        right = {(group, name) for group, names in groups.items() for name in names}
        assert set(found.taxonomy.paths()) == right, (text, found.kind, found.how, found.taxonomy.paths())

    same_or_refused()


def test_the_folder_is_one(tmp_path: Path) -> None:
    """Each way writes what it says."""
    groups = {"animal": ["cat", "dog"], "plant": ["oak"]}
    right = [way for way in WAYS if _is_right(tmp_path, WAYS[way](groups))]
    assert len(right) >= 20, sorted(set(WAYS) - set(right))


def _is_right(folder: Path, text: str) -> bool:
    try:
        paths = read_text(folder, text, "a.txt").taxonomy.paths()
    except TaxonomyError:
        return False
    return sorted(paths) == [("animal", "cat"), ("animal", "dog"), ("plant", "oak")]
