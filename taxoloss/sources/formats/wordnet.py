"""Lists of WordNet ids (n02123045), with the nouns of WordNet above them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from taxoloss.errors.characters import counted
from taxoloss.sources.base import Found, Options, listed, read_lines, refuse
from taxoloss.sources.formats.format import Format
from taxoloss.sources.graph import SourceGraph
from taxoloss.taxonomy.file.reader import read_bytes

__all__ = ["FORMAT", "is_id_list", "read_ids", "wordnet_nouns"]

_ID = re.compile(r"(n\d{8})(?:[\s,;](?!.*n\d{8}).*)?")
_FOLDERS = ("/usr/share/wordnet", "/usr/share/wordnet/dict", "/usr/local/WordNet-3.0/dict")


def is_id_list(lines: list[str]) -> bool:
    """Whether the first lines start with one id of a noun each: no paths of ids, no indented ids."""
    first = [line for line in lines[:50] if line.strip()]
    return bool(first) and all(_ID.fullmatch(line) for line in first)


def wordnet_nouns(folder: Path, options: Options) -> Iterator[tuple[str, list[str], list[str], str]]:
    """(id, words, ids of hypernyms, gloss) of each noun in data.noun; see wndb(5WN)."""
    for line in read_bytes(folder / "data.noun", options.limits).decode("ascii", "replace").splitlines():
        if line.startswith("  "):
            continue  # the licence
        data, _, gloss = line.partition(" | ")
        fields = data.split()
        count = int(fields[3], 16)
        words = [fields[4 + 2 * i].replace("_", " ") for i in range(count)]
        pointers = fields[5 + 2 * count :]
        # "@" is a hypernym, "@i" that of an instance.
        above = [
            pointers[i + 1]
            for i in range(0, 4 * int(fields[4 + 2 * count]), 4)
            if pointers[i] in ("@", "@i")
        ]
        yield "n" + fields[0], words, ["n" + offset for offset in above], gloss.strip()


def _folder(options: Options) -> Path:
    given = [options.wordnet] if options.wordnet else []
    named = [os.environ[key] for key in ("WNSEARCHDIR", "WNHOME") if key in os.environ]
    places = [*given, *map(Path, (*named, *_FOLDERS))]
    for place in places if not given else places[:1]:
        for folder in (place, place / "dict"):
            if (folder / "data.noun").is_file():
                return folder
    where = ", ".join(map(str, places[:1] if given else places))
    raise refuse(
        where, "there is no data.noun", help="--wordnet FOLDER names the folder of WordNet 3.0's database"
    )


def read_ids(path: Path, options: Options) -> Found:
    """The classes are the ids, named so; their words are descriptions. A class above others gets a leaf."""
    wanted: dict[str, int] = {}
    for number, line in enumerate(read_lines(path, options.limits), 1):
        if not line.strip():
            continue
        match = _ID.fullmatch(line.strip())
        if match is None:
            raise refuse(str(path), "a line starts with no id of a noun", line=number, expected="n02123045")
        wanted.setdefault(match[1], number)
    folder = _folder(options)
    nouns = {key: (words, above, gloss) for key, words, above, gloss in wordnet_nouns(folder, options)}
    unknown = [key for key in wanted if key not in nouns]
    if unknown:
        message = f"{counted(len(unknown), 'id')} not in {folder}: {listed(unknown)}"
        raise refuse(str(path), message, line=wanted[unknown[0]], help="ids are those of WordNet 3.0")
    options = replace(options, limits=replace(options.limits, levels=max(64, options.limits.levels)))
    nodes = SourceGraph(str(path), options)
    closure = _closure(list(wanted), nouns)
    for key in sorted(closure):
        nodes.add(key, key, description=", ".join(nouns[key][0]))
    for key in sorted(closure):
        for parent in nouns[key][1]:
            nodes.link(key, parent)
    nodes.classes = set(wanted)
    taxonomy = nodes.taxonomy()
    how = f"{counted(len(wanted), 'id')} of nouns, what is above them from {folder}"
    return Found(taxonomy, "wordnet-ids", how, tuple(nodes.notes))


def _closure(keys: list[str], nouns: dict[str, tuple[list[str], list[str], str]]) -> set[str]:
    """The ids and all that is above them."""
    found: set[str] = set()
    while keys:
        key = keys.pop()
        if key not in found:
            found.add(key)
            keys += nouns[key][1]
    return found


FORMAT = Format(
    "wordnet-ids",
    read_ids,
    "a list of WordNet ids",
    sniff=lambda sample: is_id_list(sample.lines),
    example=("ids.txt", "n02123045 tabby\nn02123159\nn02124075\n"),
)
