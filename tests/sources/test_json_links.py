"""Nodes and links in JSON: ids, places, titles; where the links lead; pairs alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    nodes = '"nodes":[{"name":"a"},{"name":"other"},{"name":"b"},{"name":"other"},{"name":"c"}]'
    links = '{"source":0,"target":1},{"source":2,"target":3},{"source":2,"target":4}'
    found = read_text(tmp_path, f'{{{nodes},"links":[{links}]}}')
    assert paths_of(found) == "a/other b/c b/other"


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


# -- networkx, cytoscape, graphology, d3 -----------------------------------------------------------

ENDS = (("animal", "cat"), ("animal", "dog"), ("plant", "oak"))
NAMES = ("animal", "cat", "dog", "plant", "oak")
ELEMENTS = [{"data": {"id": name}} for name in NAMES]
ELEMENTS += [{"data": {"id": f"{one}-{other}", "source": one, "target": other}} for one, other in ENDS]


def adjacency(*, down: bool = True, directed: bool = True, numbers: bool = False) -> dict[str, Any]:
    """What networkx.adjacency_data makes of the pets: a list of neighbours for each node."""
    ids: list[Any] = list(range(len(NAMES))) if numbers else list(NAMES)
    pairs = [ends if down else ends[::-1] for ends in ENDS]
    pairs += [] if directed else [ends[::-1] for ends in ENDS]
    nodes = [
        {"id": own, **({"name": name} if numbers else {})} for own, name in zip(ids, NAMES, strict=True)
    ]
    below = [[{"id": ids[NAMES.index(b)]} for a, b in pairs if a == name] for name in NAMES]
    return {"directed": directed, "multigraph": False, "graph": [], "nodes": nodes, "adjacency": below}


def hierarchy(name: str, *below: Any) -> dict[str, Any]:
    """A node as d3.hierarchy keeps it: what was given in `data`, with the nodes below it there too."""
    given = {"name": name, "children": [node["data"] for node in below]}
    return {"data": given, "height": len(below), "depth": 1, "children": list(below)}


OAK = hierarchy("plant", hierarchy("oak"))
PETS_OF_D3 = hierarchy("life", hierarchy("animal", hierarchy("cat"), hierarchy("dog")), OAK)
EXPORTS: list[tuple[str, Any]] = [
    ("adjacency", adjacency()),
    ("adjacency, upwards", adjacency(down=False)),
    ("adjacency by number", adjacency(numbers=True)),
    ("elements side by side", ELEMENTS),
    ("elements in a document", {"elements": ELEMENTS, "layout": {"name": "tree"}}),
    ("elements in groups", [{"group": "edges" if "source" in one["data"] else "nodes", **one}
                            for one in ELEMENTS]),
    ("compound nodes", {"elements": {"edges": [], "nodes": [
        {"data": {"id": name, "parent": next((a for a, b in ENDS if b == name), None)}} for name in
        NAMES]}}),
    ("graphology", {"nodes": [{"key": f"n{name}", "attributes": {"label": name}} for name in NAMES],
                    "edges": [{"key": b, "source": f"n{a}", "target": f"n{b}"} for a, b in ENDS]}),
    ("the same parents twice", {
        "nodes": [{"id": name, "parent": next((a for a, b in ENDS if b == name), "")} for name in NAMES],
        "links": [{"source": a, "target": b} for a, b in ENDS]}),
    ("links that say up", {"graph": {"nodes": {name: {"label": name} for name in NAMES}, "edges": [
        {"source": b, "target": a, "relation": "is_a"} for a, b in ENDS]}}),
    ("d3.hierarchy", PETS_OF_D3),
    ("d3.hierarchy in a list", PETS_OF_D3["children"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), EXPORTS, ids=[case[0] for case in EXPORTS])
def test_exports_of_programs(name: str, value: Any, tmp_path: Path) -> None:
    assert paths_of(read_text(tmp_path, json.dumps(value))) == PETS


def test_networkx_writes_what_is_read(tmp_path: Path) -> None:
    """Its own three forms, of one graph: in both directions, where a form has one."""
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph([("life", "animal"), ("life", "plant"), *ENDS])
    trees = [networkx.tree_data(graph, root="life"), networkx.cytoscape_data(graph)]
    for one in (graph, graph.reverse(), networkx.MultiDiGraph(graph)):
        trees += [networkx.adjacency_data(one), networkx.node_link_data(one, edges="links")]
    for value in trees:
        assert paths_of(read_text(tmp_path, json.dumps(value))) == PETS


LINKS = [{"source": one, "target": other} for one, other in ENDS]


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ({"directed": False, "nodes": NAMES, "links": LINKS}, "T121", "without direction"),
        ({"graph": {"directed": False, "nodes": NAMES, "edges": LINKS}}, "T121", "--kind node-link"),
        (adjacency(directed=False), "T121", "6 links without direction"),
        ({"nodes": ["a", "b", "c", "d"], "links": [["a", "b"], ["c", "d"]]}, "T122", "child to parent"),
        ({"nodes": [{"id": name, "parent": "plant" if name == "cat" else None} for name in NAMES],
          "links": LINKS}, "T122", "--kind edges"),
        ({"nodes": NAMES, "links": [*({**one, "relation": "parent_of"} for one in LINKS),
                                    {"source": "oak", "target": "cat", "relation": "part_of"}]}, "T121",
         "links mean different things: `parent_of` (3), `part_of` (1)"),
        ({"nodes": NAMES, "links": [{**one, "relation": "is_a"} for one in LINKS]}, "T203", "2 parents"),
    ],
)  # fmt: skip
def test_graphs_whose_direction_is_not_said(value: Any, code: str, words: str, tmp_path: Path) -> None:
    error = refusal_of(tmp_path, json.dumps(value))
    assert [fault.code for fault in error.faults] == [code]
    assert words in str(error)


def test_a_direction_may_be_asked_for(tmp_path: Path) -> None:
    """The first end of a link is the parent."""
    for value in ({"directed": False, "nodes": NAMES, "links": LINKS}, {"nodes": NAMES, "links": LINKS}):
        assert paths_of(read_text(tmp_path, json.dumps(value), kind="node-link")) == PETS
    pairs = {"nodes": ["a", "b", "c", "d"], "links": [["a", "b"], ["c", "d"]]}
    assert paths_of(read_text(tmp_path, json.dumps(pairs), kind="node-link")) == "a/b c/d"
    doubted = {"nodes": [{"id": "a"}, {"id": "b", "parent": "a"}, {"id": "c", "parent": "a"}, {"id": "d"}],
               "links": [["a", "b"], ["d", "c"]]}  # fmt: skip
    assert paths_of(read_text(tmp_path, json.dumps(doubted), kind="node-link")) == "a/b d/c"
    assert paths_of(read_text(tmp_path, json.dumps(doubted), kind="edges")) == "a/b a/c d"


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
