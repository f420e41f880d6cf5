"""Nodes and links in JSON: ids, places, titles; where the links lead; pairs alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import paths_of, read_text, refusal_of

PETS = "animal/cat animal/dog plant/oak"
NODES = '"nodes": [{"id": 1, "name": "animal"}, {"id": 2, "name": "cat"}, {"id": 3, "name": "dog"}, '
NODES += '{"id": 4, "name": "plant"}, {"id": 5, "name": "oak"}]'

GRAPHS: list[tuple[str, str]] = [
    ("networkx", f'{{"directed": true, {NODES}, "links": [{{"source": 1, "target": 2}}, {{"source": 1, '
     f'"target": 3}}, '
     '{"source": 4, "target": 5}]}'),
    ("vis", f'{{{NODES.replace("name", "label")}, "edges": [{{"from": 1, "to": 2}}, {{"from": 1, "to": '
     f'3}}, '
     '{"from": 4, "to": 5}]}'),
    ("places", f'{{{NODES}, "links": [{{"source": 0, "target": 1, "value": 3}}, {{"source": 0, "target": '
     f'2}}, '
     '{"source": 3, "target": 4}]}'),
    ("titles", f'{{{NODES}, "links": [{{"source": "animal", "target": "cat"}}, {{"source": "animal", '
     f'"target": "dog"}}, '
     '{"source": "plant", "target": "oak"}]}'),
    ("texts", '{"nodes": ["animal", "cat", "dog", "plant", "oak"], "edges": [["animal", "cat"], '
     '["animal", "dog"], '
     '["plant", "oak"]]}'),
    ("parents and children", f'{{{NODES}, "edges": [{{"child": 2, "parent": 1}}, {{"child": 3, "parent": '
     f'1}}, '
     '{"child": 5, "parent": 4}]}'),
    ("upwards", f'{{{NODES}, "links": [{{"source": 2, "target": 1}}, {{"source": 3, "target": 1}}, '
     '{"source": 5, "target": 4}]}'),
    ("a graph in a graph", f'{{"graph": {{"directed": true, {NODES}, "edges": [{{"source": 1, "target": '
     f'2}}, '
     '{"source": 1, "target": 3}, {"source": 4, "target": 5}]}}'),
    ("nodes by key", '{"graph": {"nodes": {"1": {"label": "animal"}, "2": {"label": "cat"}, "3": '
     '{"label": "dog"}, '
     '"4": {"label": "plant"}, "5": {"label": "oak"}}, "edges": [{"source": "1", "target": "2"}, '
     '{"source": "1", '
     '"target": "3"}, {"source": "4", "target": "5"}]}}'),
    ("cytoscape", '{"elements": {"nodes": [{"data": {"id": "1", "name": "animal"}}, {"data": {"id": "2", '
     '"name": "cat"}}, '
     '{"data": {"id": "3", "name": "dog"}}, {"data": {"id": "4", "name": "plant"}}, {"data": {"id": "5", '
     '"name": "oak"}}], '
     '"edges": [{"data": {"source": "1", "target": "2"}}, {"data": {"source": "1", "target": "3"}}, '
     '{"data": {"source": "4", "target": "5"}}]}}'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), GRAPHS, ids=[case[0] for case in GRAPHS])
def test_nodes_and_links(name: str, text: str, tmp_path: Path) -> None:
    for kind in (None, "node-link"):
        found = read_text(tmp_path, text, kind=kind)
        assert (paths_of(found), found.kind) == (PETS, "node-link")
    assert any("child to parent" in note for note in found.notes) == (name == "upwards")


def test_ends_are_all_ids_or_all_places(tmp_path: Path) -> None:
    text = '{"nodes":[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}],"links":[%s]}'
    by_place = text % '{"source":0,"target":1},{"source":0,"target":2}'
    assert paths_of(read_text(tmp_path, by_place)) == "b c"
    by_id = text % '{"source":1,"target":2},{"source":1,"target":3}'
    assert paths_of(read_text(tmp_path, by_id)) == "b c"
    lost = text % '{"source":1,"target":2},{"source":1,"target":9},{"source":1,"target":3}'
    (fault,) = refusal_of(tmp_path, lost).faults
    assert (fault.code, fault.found) == ("T212", "9")


def test_nodes_of_one_title_stay_two(tmp_path: Path) -> None:
    text = '{"nodes":[{"name":"a"},{"name":"other"},{"name":"b"},{"name":"other"}],"links":[%s]}'
    links = '{"source":0,"target":1},{"source":2,"target":3}'
    assert paths_of(read_text(tmp_path, text % links)) == "a/other b/other"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('{"nodes": [{"x": 1}, {"id": 2}], "links": []}', "T116",
         "neither a text nor a mapping with an id"),
        ('{"nodes": [{"id": 1}, {"id": 2}], "links": [{"source": 1}]}', "T116", "no `source` and `target`"),
        ('{"nodes": [{"id": 1}, {"id": 1}], "links": []}', "T201", "two nodes have the id `1`"),
        (f'{{{NODES}, "links": [{{"source": 1, "target": 2}}, {{"source": 2, "target": 1}}]}}', "T211",
         "a cycle"),
        (f'{{{NODES}, "links": [{{"source": 1, "target": 3}}, {{"source": 2, "target": 3}}, {{"source": 1, '
         '"target": 5}]}', "T203", "parents"),
    ],
)  # fmt: skip
def test_graphs_that_are_no_tree(text: str, code: str, words: str, tmp_path: Path) -> None:
    error = refusal_of(tmp_path, text)
    assert error.faults[0].code == code
    assert words in str(error)


LABELS = (
    '"labels": [{"id": "a", "name": "animal"}, {"id": "c", "name": "cat"}, {"id": "d", "name": "dog"}, '
)
LABELS += '{"id": "p", "name": "plant"}, {"id": "o", "name": "oak"}]'


@pytest.mark.parametrize(
    "text",
    [
        f'{{{LABELS}, "label_groups": [{{"name": "g", "labels": ["c", "d"]}}], "label_tree": {{"type": '
        f'"tree", '
        '"edges": [["c", "a"], ["d", "a"], ["o", "p"]]}}',
        f'{{{LABELS}, "label_tree": {{"edges": [["a", "c"], ["a", "d"], ["p", "o"]]}}}}',
        '{"label_groups": [{"name": "top", "labels": ["animal", "plant"]}, {"name": "animals", "labels": '
        '["cat", "dog"]}], '
        '"label_tree": [["cat", "animal"], ["dog", "animal"], ["oak", "plant"]]}',
        '{"label_groups": [{"name": "animal", "group_type": "EXCLUSIVE", "labels": ["cat", "dog"]}, '
        '{"name": "plant", '
        '"labels": ["oak"]}]}',
        '{"project": {"name": "x"}, "label_schema": {"label_groups": [{"name": "animal", "labels": '
        '[{"name": "cat"}, '
        '{"name": "dog"}]}, {"name": "plant", "labels": [{"name": "oak"}]}]}}',
    ],
)  # fmt: skip
def test_trees_of_labels(text: str, tmp_path: Path) -> None:
    """Groups of labels with pairs, in the direction that gives each label one parent."""
    assert paths_of(read_text(tmp_path, text)) == PETS


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"id": 3, "result": [{"type": "taxonomy", '
        '"value": '
        '{"taxonomy": [["animal", "cat"], ["animal", "dog"]]}}]}]}, {"id": 2, "data": {"image": "b.jpg"}, '
        '"annotations": [{"id": 4, "result": [{"value": {"taxonomy": [["plant", "oak"]]}}]}]}]',
        '[{"image": "a.jpg", "taxonomy": [["animal", "cat"]]}, {"image": "b.jpg", "taxonomy": [["animal", '
        '"dog"], '
        '["plant", "oak"]]}, {"image": "c.jpg", "taxonomy": [["plant", "oak"]]}]',
        '[{"image": "a.jpg", "taxonomy": [{"taxonomy": [["animal", "cat"]]}]}, {"image": "b.jpg", '
        '"taxonomy": '
        '[{"taxonomy": [["animal", "dog"], ["plant", "oak"]]}]}]',
    ],
)  # fmt: skip
def test_what_people_chose_in_label_studio(text: str, tmp_path: Path) -> None:
    assert paths_of(read_text(tmp_path, text)) == PETS


# -- OBO graphs ------------------------------------------------------------------------------------

TERMS = (
    '{"id": "X:0", "lbl": "life", "type": "CLASS"}, {"id": "X:1", "lbl": "animal"}, {"id": "X:2", "lbl": '
    '"cat", "type": "CLASS", "meta": {"definition": {"val": "it purrs"}, "synonyms": [{"pred": '
    '"hasExactSynonym", "val": "kitty"}, {"pred": "hasBroadSynonym", "val": "pet"}]}}, {"id": "X:3", '
    '"lbl": '
    '"dog"}, {"id": "X:4", "lbl": "plant"}, {"id": "X:5", "lbl": "oak"}'
)
OTHERS = '{"id": "P:1", "lbl": "part of", "type": "PROPERTY"}, {"id": "X:9", "lbl": "old", "meta": '
OTHERS += '{"deprecated": true}}'
IS_A = ", ".join(
    f'{{"sub": "X:{sub}", "pred": "is_a", "obj": "X:{obj}"}}'
    for sub, obj in ((1, 0), (4, 0), (2, 1), (3, 1), (5, 4))
)
PART_OF = '{"sub": "X:2", "pred": "P:1", "obj": "X:4"}, {"sub": "X:5", "pred": "x/RO_2", "obj": "X:1"}'

ONTOLOGIES: list[tuple[str, str]] = [
    (f'{{"graphs": [{{"id": "g", "meta": {{}}, "nodes": [{TERMS}], "edges": [{IS_A}]}}]}}', ""),
    (f'{{"graphs": [{{"nodes": [{TERMS}, {OTHERS}], "edges": [{IS_A}, {PART_OF}]}}], "meta": {{"x": 1}}}}',
     "`part of` (1), `x/RO_2` (1)"),
    (f'{{"graphs": [{{"nodes": [{TERMS}], "edges": [{PART_OF}]}}, {{"nodes": [], "edges": [{IS_A}]}}]}}',
     "`P:1` (1), `x/RO_2` (1)"),
    (f'{{"nodes": [{TERMS}], "edges": [{IS_A.replace("is_a", "http://x.org/rdf#subClassOf")}]}}', ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "others"), ONTOLOGIES)
def test_obo_graphs_are_read_by_is_a(text: str, others: str, tmp_path: Path) -> None:
    """Other predicates make no tree: they are told."""
    for kind in (None, "obo"):
        found = read_text(tmp_path, text, kind=kind)
        assert (paths_of(found), found.kind) == (PETS, "obo")
        told = [note for note in found.notes if "other predicates" in note]
        assert [note.partition("out: ")[2] for note in told] == [others] * bool(others)
    cat = found.taxonomy.tree.names.index("cat")
    assert found.taxonomy.aliases[cat] == ("X:2", "kitty")
    assert found.taxonomy.descriptions[cat] == "it purrs"


@pytest.mark.parametrize(
    ("nodes", "edges", "code", "words"),
    [
        (TERMS, IS_A + ', {"sub": "X:2", "pred": "is_a", "obj": "X:4"}', "T203", "`cat` has 2 parents"),
        (TERMS, IS_A + ', {"sub": "X:0", "pred": "is_a", "obj": "Y:1"}', "T212", "`Y:1`, which is no node"),
        (TERMS, PART_OF, "T121", "none of which says `is_a`: `P:1` (1), `x/RO_2` (1)"),
        (TERMS, IS_A + ', {"sub": "X:0", "pred": "is_a", "obj": "X:2"}', "T211", "a cycle"),
        (TERMS + ', {"lbl": "x"}', IS_A, "T116", "a node has no `id`"),
    ],
)
def test_ontologies_that_are_no_tree(nodes: str, edges: str, code: str, words: str, tmp_path: Path) -> None:
    error = refusal_of(tmp_path, f'{{"graphs": [{{"nodes": [{nodes}], "edges": [{edges}]}}]}}')
    assert code in {fault.code for fault in error.faults}
    assert words in str(error)
