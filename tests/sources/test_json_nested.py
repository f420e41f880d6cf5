"""Nodes written out, and names below names, in JSON and YAML: with whatever else stands beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from readings import paths_of, read_text, refusal_of

from taxoloss import sources
from taxoloss.errors.faults import TaxonomyError

PETS = "animal/cat animal/dog plant/oak"
MIXED = "animal/cat/Bengal animal/dog plant"

NAMED: list[tuple[str, str, str, str]] = [
    ("colours",
     '{"name":"root","children":[{"name":"animal","color":"#f00","children":[{"name":"cat","color":"#0f0"},'
     '{"name":"dog","color":"#0e0"}]},{"name":"plant","color":"#00f","children":[{"name":"oak","color":"#fff"}]}]}',
     PETS, "color"),
    ("enabled",
     '[{"name":"animal","enable":true,"children":[{"name":"cat","enable":true},{"name":"dog","enable":false}]},'
     '{"name":"plant","enable":true,"children":[{"name":"oak","enable":true}]}]', PETS, "enable"),
    ("open images", '{"LabelName":"/m/0","Subcategory":[{"LabelName":"animal","Part":[{"LabelName":"paw"}],'
     '"Subcategory":[{"LabelName":"cat","Part":[{"LabelName":"tail"},{"LabelName":"nose"}]},{"LabelName":"dog"}]},'
     '{"LabelName":"plant","Subcategory":[{"LabelName":"oak"}]}]}', PETS, "Part"),
    ("open images, one child", '{"LabelName":"/m/0","Subcategory":[{"LabelName":"animal","Subcategory":['
     '{"LabelName":"cat"},{"LabelName":"dog"}]},{"LabelName":"plant","Subcategory":[{"LabelName":"oak"}]}]}',
     PETS, ""),
    ("imagenet of d3",
     '{"id":"fall11","name":"ImageNet","desc":"x","children":[{"id":"n1","name":"animal","sense":1,'
     '"children":[{"id":"n2","name":"cat"},{"id":"n3","name":"dog"}]},{"id":"n4","name":"plant","children":['
     '{"id":"n5","name":"oak","sense":3}]}]}', PETS, "id desc sense"),
    ("d3 with sizes", '{"name":"flare","children":[{"name":"animal","children":[{"name":"cat","value":3},'
     '{"name":"dog","value":4}]},{"name":"plant","children":[{"name":"oak","value":9}]}]}', PETS, "value"),
    ("a cascader",
     '[{"value":"a","label":"animal","children":[{"value":"c","label":"cat"},{"value":"d","label":"dog"}]},'
     '{"value":"p","label":"plant","children":[{"value":"o","label":"oak"}]}]', PETS, "value"),
    ("jstree of nodes",
     '[{"text":"animal","icon":"x","state":{"opened":true},"children":["cat",{"text":"dog"}]},'
     '{"text":"plant","children":[{"text":"oak","li_attr":{}}]}]', PETS, "icon state li_attr"),
    ("texts below", '{"name":"pets","children":[{"name":"animal","children":["cat","dog"]},'
     '{"name":"plant","children":["oak"]}]}', PETS, ""),
    ("an own word", '[{"name":"animal","leaves":[{"name":"cat","n":3},{"name":"dog","n":3}]},'
     '{"name":"plant","leaves":[{"name":"oak","n":4}]}]', PETS, "n"),
    ("a word a level",
     '{"name":"life","families":[{"name":"animal","genera":[{"name":"cat","n":3},{"name":"dog"}]},'
     '{"name":"plant","genera":[{"name":"oak"}]}]}', PETS, "n"),
    ("an own name",
     '{"species":"life","children":[{"species":"animal","children":[{"species":"cat"},{"species":"dog"}]},'
     '{"species":"plant","children":[{"species":"oak"}]}]}', PETS, ""),
    ("below a key",
     '{"version":"2.1","author":"me","taxonomy":{"name":"root","children":[{"name":"animal","children":['
     '{"name":"cat"},{"name":"dog"}]},{"name":"plant","children":[{"name":"oak"}]}]}}', PETS,
     "version author"),
    ("below a key that nobody knows",
     '{"version":"2.1","stuff":[{"name":"animal","children":[{"name":"cat"},'
     '{"name":"dog"}]},{"name":"plant","children":[{"name":"oak"}]}]}', PETS, "version"),
    ("a root without a name", '{"children":[{"name":"animal","children":[{"name":"cat"},{"name":"dog"}]},'
     '{"name":"plant","children":[{"name":"oak"}]}]}', PETS, ""),
    ("names above their nodes",
     '{"animal":{"color":"red","children":{"cat":{"color":"red"},"dog":{"color":"blue"}}},'
     '"plant":{"color":"green","children":{"oak":{"color":"green"}}}}', PETS, "color"),
    ("lists of nodes", '{"animal":[{"name":"cat"},{"name":"dog"}],"plant":[{"name":"oak"}]}', PETS, ""),
    ("empty lists", '{"name":"r","children":[{"name":"animal","children":[{"name":"cat","children":[]},'
     '{"name":"dog","children":null}]},{"name":"plant","children":[{"name":"oak","children":[]}]}]}', PETS,
     ""),
    ("levels of different depth",
     '[{"name":"animal","x":[1],"children":[{"name":"cat","x":{"y":1},"children":['
     '{"name":"Bengal"}]},{"name":"dog"}]},{"name":"plant"}]', MIXED, "x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "paths", "unused"), NAMED, ids=[case[0] for case in NAMED])
def test_nodes_with_other_keys(name: str, text: str, paths: str, unused: str, tmp_path: Path) -> None:
    """A mapping with a name is a node whatever else it holds, as its siblings are; the rest is told."""
    found = read_text(tmp_path, text)
    assert (paths_of(found), found.kind) == (paths, "nested")
    assert set(found.unused) == set(unused.split())
    assert paths_of(read_text(tmp_path, text, kind="nested")) == paths


BELOW: list[tuple[str, str, str]] = [
    ("a.json", '{"animal": ["cat", "dog"], "plant": ["oak"]}', PETS),
    ("a.json", '{"animal": {"cat": {}, "dog": null}, "plant": {"oak": []}}', PETS),
    ("a.json", '{"animal": {"cat": 3, "dog": 4}, "plant": {"oak": 1}}', PETS),
    ("a.json", '[{"animal": ["cat", "dog"]}, {"plant": ["oak"]}]', PETS),
    ("a.json", '[{"animal": [{"cat": null}, "dog"]}, {"plant": ["oak"]}, {"x": null}]', PETS + " x"),
    ("a.json", '{"groups": {"animal": ["cat", "dog"], "plant": ["oak"]}, "version": 2}', PETS),
    ("a.json", '{"animal": {"cat": ["Bengal"], "dog": []}, "plant": null}', MIXED),
    ("a.json", '{"x": {"n0": {"n0": {}, "n1": {}}, "n1": {}}, "y": {"n0": {}}}',
     "x/n0/n0 x/n0/n1 x/n1 y/n0"),
    ("a.json", '{"person": ["person"], "vehicle": ["car", "bus"]}',
     "person/person vehicle/bus vehicle/car"),
    ("a.json", '{"people": {"children": ["boy"], "adults": ["man"]}, "dogs": null}',
     "dogs people/adults/man people/children/boy"),
    ("a.json", '{"children": ["boy", "girl"], "adults": ["man"]}', "adults/man children/boy children/girl"),
    ("a.yaml", "animal:\n  - cat\n  - dog\nplant:\n  - oak\n", PETS),
    ("a.yaml", "animal:\n  cat:\n  dog:\nplant:\n  oak:\n", PETS),
    ("a.yml", "- animal:\n    - cat:\n        - Bengal\n    - dog\n- plant\n", MIXED),
    ("a.yaml", "name: life\nchildren:\n- name: animal\n  children: [cat, dog]\n- name: plant\n  children: "
     "[oak]\n", PETS),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "paths"), BELOW)
def test_names_below_names(file: str, text: str, paths: str, tmp_path: Path) -> None:
    found = read_text(tmp_path, text, file)
    assert (paths_of(found), found.kind) == (paths, "nested")


FOREIGN: list[tuple[str, str, str, str]] = [
    ("a.json", '{"version": 2, "author": "me", "tree": {"animal": ["cat", "dog"], "plant": ["oak"]}}',
     PETS, "version author"),
    ("a.json", '{"created": "2020", "tree": {"name": "life", "children": [{"name": "animal", "children": '
     '[{"name": "cat"}, {"name": "dog"}]}, {"name": "plant", "children": [{"name": "oak"}]}]}}', PETS,
     "created"),
    ("a.json", '{"name": "x", "tree": {"name": "life", "children": [{"name": "animal", "children": ["cat", '
     '"dog"]}, {"name": "plant", "children": ["oak"]}]}}', PETS, "name"),
    ("a.json", '{"author": {"mail": "a@b"}, "tree": [{"id": 1, "name": "animal", "parent": null}, '
     '{"id": 2, "name": "cat", "parent": 1}, {"id": 3, "name": "dog", "parent": 1}, {"id": 4, "name": '
     '"plant", "parent": null}, {"id": 5, "name": "oak", "parent": 4}]}', PETS, "author"),
    ("a.yaml", "author: me\nlicense: CC0\nname: pets\ntree:\n  animal: [cat, dog]\n  plant: [oak]\n",
     PETS, "author license name"),
    ("a.json", '{"author": "me", "hierarchy": {"animal": ["cat", "dog"], "plant": ["oak"]}, "n": [3]}',
     PETS, "author n"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "paths", "unused"), FOREIGN)
def test_a_tree_below_a_key_of_another_document(
    file: str, text: str, paths: str, unused: str, tmp_path: Path
) -> None:
    """Keys of its own beside `tree` make it no taxonomy file; what nothing is made of is told."""
    found = read_text(tmp_path, text, file)
    assert (paths_of(found), set(found.unused)) == (paths, set(unused.split()))
    assert found.kind != "taxonomy"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("levls: [a, b]\ntree: {animal: [cat, dog]}\n", "levls"),
        ("licence: CC0\nnam: pets\ntree: {animal: [cat, dog]}\n", "nam"),
        ("levels: [a, b]\nauthor: me\ntree: {animal: [cat, dog]}\n", "author"),
        ("level: [a, b]\nauthor: me\ntree: {animal: [cat, dog]}\n", "level"),
    ],
)
def test_a_slip_in_a_taxonomy_file_is_a_fault(text: str, wrong: str, tmp_path: Path) -> None:
    error = refusal_of(tmp_path, text, "a.yaml")
    assert ("T114", wrong) in {(fault.code, fault.found) for fault in error.faults}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "x", '
         '"kind": "y"}, '
         '"geometry": {"type": "Point", "coordinates": [1, 2]}}]}', "GeoJSON, a map of 1 feature"),
        ('{"train": ["cat", "dog"], "val": ["oak", "elm"]}', "the parts of a data set"),
        ('{"mammal": ["cat", "dog"], "bird": "eagle"}', "`bird` in line 1 holds a text"),
        ('{"train": {"count": 3, "size": 2}, "val": {"count": 4, "size": 1}}', "the parts of a data set"),
        ('{"a": [[0.5, 1.5], [2.5, 3.5]], "b": [[1.5, 2.5]]}', "a list in line 1 stands in a list"),
        ('{"version": 3}', "1 name to numbers"),
        ("[]", "an empty list"),
        ('{"label_tree": {"directed": true, "nodes": [], "edges": []}, "version": 2}',
         "a graph without nodes"),
        ('{"cat": {"children": []}, "dog": {"children": []}}', "lists of children are empty"),
        ('"x"', "a single text"),
        ('{"lr": 0.1, "epochs": 3, "name": "x", "layers": [64, 32]}', "the keys lr, epochs, name, layers"),
        ('{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}], "annotations": '
         '[{"id": 1, '
         '"image_id": 1, "category_id": 3}, {"id": 2, "image_id": 1, "category_id": 4}]}',
         "the keys images, annotations"),
    ],
)  # fmt: skip
def test_what_is_no_tree_is_said(text: str, words: str, tmp_path: Path) -> None:
    error = refusal_of(tmp_path, text)
    assert [fault.code for fault in error.faults] == ["T121"]
    assert error.faults[0].expected
    assert words in str(error)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[{"name": "a", "children": [\n{"name": "b"},\n{"nome": "c"}]},\n{"name": "d", "children": []}]',
         3, "no `name`"),
        ('[{"name": "a", "children": [{"name": "b"}, [1]]}, {"name": "c"}]', 1, "a list"),
        ('[{"name": "a", "up": [{"name": "b"}],\n"down": [{"name": "c"}]}, {"name": "d", "up": [{"name": '
         '"e"}]}]', 1,
         "in `up` and in `down`"),
    ],
)  # fmt: skip
def test_nodes_that_are_wrong_have_their_lines(text: str, line: int, words: str, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text).faults
    assert (fault.code, fault.line) == ("T116", line)
    assert words in fault.message


def test_nodes_that_are_written_elsewhere_are_none(tmp_path: Path) -> None:
    """A mapping of an id alone stands for a record of the same list."""
    below = {"animal": ["cat", "dog"], "cat": [], "dog": []}
    records = [
        {"uri": f"x:{name}", "prefLabel": {"en": name}, "narrower": [{"uri": f"x:{one}"} for one in names]}
        for name, names in below.items()
    ]
    assert refusal_of(tmp_path, json.dumps(records)).faults[0].code == "T121"


def test_siblings_of_one_name_are_a_fault(tmp_path: Path) -> None:
    error = refusal_of(tmp_path, '{"name": "r", "children": [{"name": "a"}, {"name": "a"}, {"name": "b"}]}')
    assert [fault.code for fault in error.faults] == ["T201"]


def test_ranks_and_descriptions_of_nodes(tmp_path: Path) -> None:
    """A number is no rank; facts are kept."""
    text = (
        '[{"name": "F", "rank": "family", "children": [{"name": "x", "rank": "genus", "description": "d"}, '
        '{"name": "y", "rank": "genus"}]}, {"name": "G", "rank": "family", "children": [{"name": "z", '
        '"rank": "genus"}]}]'
    )
    assert read_text(tmp_path, text).taxonomy.levels == ("family", "genus")
    text = '[{"name": "a", "rank": 1, "children": [{"name": "b", "rank": 2}]}, {"name": "c", "rank": 3}]'
    assert read_text(tmp_path, text).taxonomy.levels == ("depth_1", "depth_2")


def test_deep_documents(tmp_path: Path) -> None:
    """No recursion: the limit of depth is the one that speaks."""
    deep = '{"a": ' * 60 + '["x", "y"]' + "}" * 60
    assert len(read_text(tmp_path, deep).taxonomy) == 2
    assert refusal_of(tmp_path, '{"a": ' * 5000 + "1" + "}" * 5000).faults[0].code == "T111"
    assert refusal_of(tmp_path, "[" * 100 + "]" * 100).faults[0].code == "T121"
    nodes = '{"name": "a", "children": [' * 90 + '{"name": "x"}, {"name": "y"}' + "]}" * 90
    assert refusal_of(tmp_path, nodes).faults[0].code == "T111"


def test_broken_json_has_its_place(tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, '{"a": ["x",\n "y"\n').faults
    assert (fault.code, fault.line) == ("T103", 3)
    (fault,) = refusal_of(tmp_path, '{"a": 1}\n{"a": \n{"a": 2}\n', "a.jsonl").faults
    assert fault.code == "T103"
    assert fault.line in (2, 3)


def shown(path: Path) -> str:
    """The kind that a file is read as, or the code of its first fault."""
    try:
        return sources.read(path).kind
    except TaxonomyError as error:
        return error.faults[0].code


@pytest.mark.parametrize("file", ["terms.txt", "terms"])
def test_a_bracket_alone_is_no_json(file: str, tmp_path: Path) -> None:
    """Sections of OBO and of INI files are lines like others."""
    for section in ("[Term]", "[species]", "[1] cat"):
        path = tmp_path / file
        path.write_text(f"{section}\nname: a, b, c\n\n{section}\nid: 2\n")
        assert shown(path) not in ("nested", "json", "T103")
    assert paths_of(read_text(tmp_path, '[["animal", "cat", "x"], ["animal", "dog"], ["plant"]]', "a.txt"))
