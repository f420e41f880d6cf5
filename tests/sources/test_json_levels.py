"""Records in records, whatever the keys of their levels are called."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from readings import paths_of, read_text, refusal_of

PETS = "animal/cat animal/dog plant/oak"
CATS = "cat/Bengal cat/Siamese dog/pug"
_ORDERS = (
    '[{"order":"Carnivora","families":[{"family":"Felidae","species":["Felis_catus","Panthera_leo"]},'
    '{"family":"Canidae","species":["Canis_lupus"]}]},'
    '{"order":"Rodentia","families":[{"family":"Muridae","species":["Mus_musculus"]}]}]'
)
_SPECIES = (
    "Carnivora/Canidae/Canis_lupus Carnivora/Felidae/Felis_catus Carnivora/Felidae/Panthera_leo "
    "Rodentia/Muridae/Mus_musculus"
)

READ: list[tuple[str, str]] = [
    # The key of the names is that of the level.
    (_ORDERS, _SPECIES),
    (f'{{"version":3,"orders":{_ORDERS}}}', _SPECIES),
    ('[{"department":"food","aisles":[{"aisle":"fruit","products":[{"product":"pear","price":3}]}]},'
     '{"department":"home","aisles":[{"aisle":"bed","products":[{"product":"sheet","price":2}]}]}]',
     "food/fruit/pear home/bed/sheet"),
    ('[{"category":"animal","subcategories":[{"subcategory":"cat","items":["Bengal","Siamese"]},'
     '{"subcategory":"dog","items":["pug"]}]},'
     '{"category":"plant","subcategories":[{"subcategory":"oak","items":["red"]}]}]',
     "animal/cat/Bengal animal/cat/Siamese animal/dog/pug plant/oak/red"),
    # The key of the names is the same, that of what is below is another at each level.
    ('{"name":"animal","subcategories":[{"name":"cat","breeds":[{"name":"Bengal"},{"name":"Siamese"}]},'
     '{"name":"dog","breeds":[{"name":"pug"}]}]}', CATS),
    ('[{"name":"cat","children":[{"name":"Bengal","sorts":[{"name":"big"},{"name":"small"}]}]},'
     '{"name":"dog","children":[{"name":"pug"}]}]', "cat/Bengal/big cat/Bengal/small dog/pug"),
    ('[{"group":"animal","classes":[{"id":1,"label":"cat"},{"id":2,"label":"dog"}]},'
     '{"group":"plant","classes":[{"id":3,"label":"oak"}]}]', PETS),
    # Records below the keys of a mapping.
    ('{"animal":{"id":0,"classes":[{"id":1,"label":"cat"},{"id":2,"label":"dog"}]},'
     '"plant":{"id":3,"classes":[{"id":4,"label":"oak"}]}}', PETS),
    ('[{"superclass":"animal","classes":["cat","dog"]},{"superclass":"plant","classes":["oak"]}]', PETS),
    # What tells of a class is not below it.
    ('[{"name":"cat","synonyms":["kitty","puss"]},{"name":"dog","synonyms":["hound"]}]', "cat dog"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paths"), READ)
def test_records_in_records_are_read(text: str, paths: str, tmp_path: Path) -> None:
    assert paths_of(read_text(tmp_path, text)) == paths


def test_keys_of_yaml_are_read_as_those_of_json(tmp_path: Path) -> None:
    text = "- sort: animal\n  kinds: [{kind: cat}, {kind: dog}]\n- sort: plant\n  kinds: [{kind: oak}]\n"
    assert paths_of(read_text(tmp_path, text, "a.yaml")) == PETS


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[{"name":"animal","children":"cat, dog"},{"name":"plant","children":"oak"}]', "children"),
        ('{"groups":[{"id":1,"name":"animal","subclasses":"cat;dog"},'
         '{"id":2,"name":"plant","subclasses":"oak"}]}',
         "subclasses"),
        ('[{"name":"animal","children":[{"name":"cat","subs":["Bengal"]},{"name":"dog"}]},'
         '{"name":"plant","children":[{"name":"oak"}]}]', "subs"),
        ('[{"name":"cat","sorts":[{"sort":"pug"}],"foods":[{"food":"fish"}]},'
         '{"name":"dog","sorts":[{"sort":"x"}],"foods":[{"food":"meat"}]}]', "foods"),
        ('{"animals":[{"name":"cat","legs":["a","b"]},{"name":"dog"}],"plants":[{"name":"oak"}]}', "legs"),
        ('[{"order":"Carnivora","families":{"Felidae":["Felis"]}},{"order":"Rodentia",'
         '"families":{"Muridae":["Mus"]}}]',
         "families"),
    ],
)  # fmt: skip
def test_what_may_be_below_is_named(text: str, key: str, tmp_path: Path) -> None:
    """A key below which names are lost is refused, and said."""
    (fault,) = refusal_of(tmp_path, text).faults
    assert (fault.code, f"`{key}`" in fault.message) == ("T121", True)


def test_nodes_without_their_other_names_can_be_asked_for(tmp_path: Path) -> None:
    text = '[{"name":"cat","children":[{"name":"a","subs":["x"]},{"name":"b"}]}]'
    refused = refusal_of(tmp_path, text).faults[0]
    assert "--kind nested" in str(refused.expected)
    found = read_text(tmp_path, text, kind="nested")
    assert (paths_of(found), found.unused) == ("a b", ("subs",))


@pytest.mark.parametrize("key", ["sorts", "legs", "kinds"])
def test_texts_below_records_are_asked_for(key: str, tmp_path: Path) -> None:
    """A list of texts may hold classes, or tell of one: both readings are offered, and both work."""
    text = json.dumps([{"name": "cat", key: ["Bengal", "Siamese"]}, {"name": "dog", key: ["pug"]}])
    (fault,) = refusal_of(tmp_path, text).faults
    offers = [line.rpartition("(")[2].rstrip(")") for line in str(fault.help).splitlines()[1:]]
    made = [paths_of(read_text(tmp_path, text, kind=shlex.split(offer)[1])) for offer in offers]
    assert (fault.code, made) == ("T122", [CATS, "cat dog"])
