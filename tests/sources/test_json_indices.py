"""Numbers and mappings in JSON and YAML that stand for names which are written elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import paths_of, read_text, refusal_of

PETS = "animal/cat animal/dog plant/oak"

READ: list[str] = [
    # Groups with the numbers of their classes.
    '{"classes":["cat","dog","oak"],"superclasses":{"animal":[0,1],"plant":[2]}}',
    '{"version":1,"label_names":["cat","dog","oak"],"groups":{"animal":[1,0],"plant":[2]}}',
    '{"names":{"4":"cat","7":"dog","9":"oak"},"groups":{"animal":[4,7],"plant":[9]}}',
    '{"classes":["cat","dog","oak"],"groups":[{"name":"animal","classes":[0,1]},{"name":"plant","classes":[2]}]}',
    '{"categories":[{"id":5,"name":"cat"},{"id":6,"name":"dog"},{"id":8,"name":"oak"}],'
    '"groups":{"animal":[5,6],"plant":[8]}}',
    # The number of what is above each.
    '{"names":["cat","dog","oak","animal","plant"],"parent":[3,3,4,-1,-1]}',
    '{"names":["animal","plant","cat","dog","oak"],"parents":[null,null,0,0,1]}',
    '{"n":5,"labels":["animal","cat","dog","plant","oak"],"parent_ids":[-1,0,0,-1,3]}',
    # The number of the group of each.
    '{"level1":["animal","plant"],"level2":["cat","dog","oak"],"parents":[0,0,1]}',
    '{"fine_names":["cat","dog","oak"],"coarse_names":["animal","plant"],"fine_to_coarse":[0,0,1]}',
    '{"superclasses":["animal","plant"],"classes":["cat","dog","oak"],"class_to_superclass":[0,0,1]}',
    # Parents that are mappings, with ids of no record.
    '[{"name":"cat","parent":{"id":1,"name":"animal"}},{"name":"dog","parent":{"id":1,"name":"animal"}},'
    '{"name":"oak","parent":{"id":2,"name":"plant"}}]',
    '[{"id":11,"name":"cat","parent":{"id":1,"name":"animal"}},'
    '{"id":12,"name":"dog","parent":{"id":1,"name":"animal"}},'
    '{"id":13,"name":"oak","parent":{"id":2,"name":"plant"}}]',
    '[{"label":"cat","parent":{"key":"a","title":"animal"}},{"label":"dog","parent":{"key":"a","title":"animal"}},'
    '{"label":"oak","parent":{"key":"p","title":"plant"}}]',
    # Texts with their language.
    '{"id":"u:0","title":{"@language":"en","@value":"life"},"child":[{"id":"u:1","title":{"@value":"animal"},'
    '"child":[{"id":"u:2","title":{"@value":"cat"}},{"id":"u:3","title":{"@value":"dog"}}]},'
    '{"id":"u:4","title":{"@value":"plant"},"child":[{"id":"u:5","title":{"@value":"oak"}}]}]}',
    '[{"id":1,"title":{"@value":"animal"},"parent":null},{"id":2,"title":{"@value":"cat"},"parent":1},'
    '{"id":3,"title":{"@value":"dog"},"parent":1},{"id":4,"title":{"@value":"plant"},"parent":null},'
    '{"id":5,"title":{"@value":"oak"},"parent":4}]',
    # How many there are is no class.
    '{"classes":{"animal":{"cat":0,"dog":1},"plant":{"oak":2}},"num_classes":3}',
    '{"n_classes":3,"classes":{"animal":["cat","dog"],"plant":["oak"]}}',
    '{"taxonomy":{"animal":["cat","dog"],"plant":["oak"]},"num_groups":2,"num_classes":3}',
]  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_numbers_are_not_the_names(text: str, tmp_path: Path) -> None:
    assert paths_of(read_text(tmp_path, text)) == PETS


def test_yaml_is_read_as_json(tmp_path: Path) -> None:
    text = "names: {0: cat, 1: dog, 2: oak}\ngroups:\n  animal: [0, 1]\n  plant: [2]\n"
    assert paths_of(read_text(tmp_path, text, "a.yaml")) == PETS


@pytest.mark.parametrize(
    "text",
    [
        '{"classes":["cat","dog","oak"],"superclasses":{"animal":[1,2],"plant":[3]}}',
        '{"classes":["cat","dog","oak"],"superclasses":{"animal":[0,1]}}',
        '{"classes":["cat","dog","oak"],"groups":[[0,1],[2]]}',
        '{"classes":["cat","dog","oak"],"others":["a","b","c"],"groups":{"animal":[0,1],"plant":[2]}}',
        '{"names":["cat","dog","oak"],"parent":[3,3,4,-1,-1]}',
        '{"names":["cat","dog","oak","animal","plant"],"parent":[3,3,4,0,0]}',
        '{"names":["cat","dog","oak","animal","plant"],"parent":[4,4,5,-1,-1]}',
        '{"names":["cat","dog","oak"],"sizes":["big","small"],"how":[0,0,1]}',
        '{"animal":[0,1],"plant":[2]}',
    ],
)
def test_numbers_of_no_name_are_refused(text: str, tmp_path: Path) -> None:
    assert [fault.code for fault in refusal_of(tmp_path, text).faults] == ["T121"]


def test_numbers_are_names_where_that_is_said(tmp_path: Path) -> None:
    text = '{"even": [0, 2, 4], "odd": [1, 3]}'
    assert "--kind nested" in str(refusal_of(tmp_path, text))
    assert paths_of(read_text(tmp_path, text, kind="nested")) == "even/0 even/2 even/4 odd/1 odd/3"


@given(st.lists(st.integers(0, 3), min_size=4, max_size=12).filter(lambda groups: len(set(groups)) == 4))
def test_all_ways_to_number_make_one_tree(
    tmp_path_factory: pytest.TempPathFactory, groups: list[int]
) -> None:
    """Groups with numbers of classes, classes with numbers of groups, and parents are one tree."""
    names, tops = [f"c{n}" for n in range(len(groups))], [f"g{n}" for n in range(4)]
    below = {
        top: [n for n, group in enumerate(groups) if group == number] for number, top in enumerate(tops)
    }
    documents: list[dict[str, Any]] = [
        {"classes": names, "groups": below},
        {"names": [*tops, *names], "parents": [*[-1] * 4, *groups]},
    ]
    if len(groups) > 4:
        documents.append({"classes": names, "superclasses": tops, "class_to_superclass": groups})
    folder = tmp_path_factory.mktemp("numbers")
    made = {paths_of(read_text(folder, json.dumps(document))) for document in documents}
    assert made == {" ".join(sorted(f"g{group}/c{n}" for n, group in enumerate(groups)))}
