"""Groups in JSON and YAML whose names hold facts, or that are written in several ways."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from readings import paths_of, read_text, refusal_of

PETS = "animal/cat animal/dog plant/oak"

#: Text, classes, what is told as not used.
READ: list[tuple[str, str, str]] = [
    # Facts of the lowest names.
    ('{"animal":{"cat":{"id":0},"dog":{"id":1}},"plant":{"oak":{"id":2}}}', PETS, "id"),
    ('{"animal":{"cat":{"color":"red"},"dog":{"color":"blue"}},"plant":{"oak":{"color":"red"}}}', PETS,
     "color"),
    ('{"animal":{"cat":{"id":0}},"plant":{"oak":{"id":2}}}', "animal/cat plant/oak", "id"),
    ('{"animal":{"cat":{"n":1},"dog":{"n":2}},"plant":{"oak":{"n":3}}}', PETS, "n"),
    ('{"animal":{"pet":{"cat":{"id":0},"dog":{"id":1}}},"plant":{"oak":{"id":2}}}',
     "animal/pet/cat animal/pet/dog plant/oak", "id"),
    ('{"classes":{"animal":{"cat":{"id":0},"dog":{"id":1}},"plant":{"oak":{"id":2}}}}', PETS, "id"),
    # Facts of every name.
    ('{"animal":{"id":1,"cat":{"id":2},"dog":{"id":3}},"plant":{"id":4,"oak":{"id":5}}}', PETS, "id"),
    ('{"animal":{"_id":1,"cat":{},"dog":{}},"plant":{"_id":2,"oak":{}}}', PETS, "_id"),
    ('{"animal":{"description":"a","cat":{"description":"c"},"dog":{"description":"d"}},'
     '"plant":{"description":"p","oak":{"description":"o"}}}', PETS, "description"),
    # A fact that says what each is called.
    ('{"a":{"label":"animal","color":"red","c":{"label":"cat","color":"red"},"d":{"label":"dog"}},'
     '"p":{"label":"plant","o":{"label":"oak"}}}', PETS, "color"),
    ('{"animal":{"1":{"name":"cat","id":7},"2":{"name":"dog","id":8}},"plant":{"3":{"name":"oak","id":9}}}',
     PETS, "id"),
    # Labels by number, each number once.
    ('{"animal":{"1":"cat","2":"dog"},"plant":{"3":"oak"}}', PETS, ""),
    ('{"animal":{"0":"cat","1":"dog"},"plant":["oak"]}', PETS, ""),
    ('{"groups":{"animal":{"1":"cat","2":"dog"},"plant":{"3":"oak"}},"version":2}', PETS, ""),
    # Records beside names, and beside nothing.
    ('{"animal":[{"name":"cat"},{"name":"dog"}],"plant":["oak"]}', PETS, ""),
    ('{"animal":["cat","dog"],"plant":[{"title":"oak","x":1}]}', PETS, "x"),
    ('{"animal":[{"name":"cat"},{"name":"dog"}],"plant":[]}', "animal/cat animal/dog plant", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paths", "unused"), READ)
def test_all_groups_are_read(text: str, paths: str, unused: str, tmp_path: Path) -> None:
    found = read_text(tmp_path, text)
    assert (paths_of(found), found.kind) == (paths, "nested")
    assert set(unused.split()) <= set(found.unused)


def test_yaml_is_read_as_json(tmp_path: Path) -> None:
    text = "animal:\n  cat: {id: 1}\n  dog: {id: 2}\nplant:\n  oak: {id: 3}\n"
    assert paths_of(read_text(tmp_path, text, "a.yaml")) == PETS


@pytest.mark.parametrize(
    "text",
    [
        '{"animal":["cat",{"dog":["pug"]}],"plant":"oak"}',
        '{"animal":[{"name":"cat"},{"name":"dog"}],"plant":"oak"}',
        '{"animal":[{"name":"cat"},{"name":"dog"}],"plant":[{"title":"oak"},{"title":"fir"}]}',
        '{"version":"2","animal":{"cat":{"id":0},"dog":{"id":1}},"plant":{"oak":{"id":2}}}',
        '{"children":[{"name":"animal","children":[{"name":"cat"}]}],"plants":[{"name":"oak"}]}',
        '{"animal":{"0":"cat","1":"dog"},"plant":{"0":"oak","1":"fir"}}',
        '{"0":{"name":"cat","group":0},"1":{"name":"dog","group":0},"groups":["animal","plant"]}',
        '{"labels":["cat","dog"],"cat":{"super":"animal"},"dog":{"super":"pet"}}',
        '{"animal":{"cat":{"id":0,"sounds":["a"]},"dog":{"id":1}},"plant":{"oak":{"id":2}}}',
    ],
)
def test_a_part_is_not_the_tree(text: str, tmp_path: Path) -> None:
    """A tree that leaves out what stands beside it in the same way is none."""
    assert [fault.code for fault in refusal_of(tmp_path, text).faults] == ["T121"]


@pytest.mark.parametrize(
    ("text", "nested"),
    [
        ('{"animal":{"count":30,"cat":10,"dog":20},"plant":{"count":5,"oak":5}}', PETS),
        ('{"animal":{"_id":1,"cat":10,"dog":20},"plant":{"_id":2,"oak":30}}', PETS),
        ('{"animal":{"id":1,"pet":["cat","dog"]},"plant":{"id":2,"tree":["oak"]}}',
         "animal/pet/cat animal/pet/dog plant/tree/oak"),
        ('{"animal":{"n":30,"cat":10,"dog":20},"plant":{"n":5,"oak":5}}',
         "animal/cat animal/dog animal/n plant/n plant/oak"),
    ],
)  # fmt: skip
def test_classes_or_facts_is_asked(text: str, nested: str, tmp_path: Path) -> None:
    """Numbers beside facts may be classes with their counts: both readings are offered, and both work."""
    (fault,) = refusal_of(tmp_path, text).faults
    assert fault.code == "T122"
    offers = [line.rpartition("(")[2].rstrip(")") for line in str(fault.help).splitlines()[1:]]
    made = [paths_of(read_text(tmp_path, text, kind=shlex.split(offer)[1])) for offer in offers]
    assert made == [nested, "animal plant"]
