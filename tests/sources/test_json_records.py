"""Records in JSON and YAML: lists of mappings that are alike, at the top or below keys; their tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from readings import paths_of, read_text, refusal_of

from taxoloss import sources

COCO = '"info": {"year": 2017, "version": "1"}, "images": [{"id": 1, "file_name": "a.jpg", "license": 3}], '
COCO += '"annotations": [{"id": 7, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}], '
CATEGORIES = (
    '[{"id": 1, "name": "cat", "supercategory": "animal"}, {"id": 2, "name": "dog", "supercategory": '
    '"animal"}, '
    '{"id": 3, "name": "oak", "supercategory": "plant"}]'
)
PETS = "animal/cat animal/dog plant/oak"
SPEECH = (
    '[{"id": "/m/1", "name": "Human", "description": "x", "restrictions": [], "child_ids": ["/m/2", '
    '"/m/3"]}, '
    '{"id": "/m/2", "name": "Speech", "child_ids": []}, {"id": "/m/3", "name": "Cough", "child_ids": []}, '
    '{"id": "/m/4", "name": "Music", "child_ids": []}]'
)
TAXA = (
    '[{"scientificName": "Felis catus", "taxonID": "x1", "taxonRank": "species", "kingdom": "Animalia", '
    '"family": "Felidae", "genus": "Felis", "vernacularNames": {"eng": "cat", "nld": "kat"}}, '
    '{"scientificName": "Felis silvestris", "taxonID": "x2", "taxonRank": "species", "kingdom": '
    '"Animalia", '
    '"family": "Felidae", "genus": "Felis", "vernacularNames": {"eng": "wildcat"}}, '
    '{"scientificName": "Canis lupus", "taxonID": "x3", "taxonRank": "species", "kingdom": "Animalia", '
    '"family": "Canidae", "genus": "Canis"}]'
)
INAT = (
    '[{"id": 0, "name": "Felis catus", "common_name": "cat", "supercategory": "Mammals", "kingdom": '
    '"Animalia", '
    '"family": "Felidae", "genus": "Felis", "specific_epithet": "catus", "image_dir_name": '
    '"00_Felis_catus"}, '
    '{"id": 1, "name": "Felis margarita", "common_name": "sand cat", "supercategory": "Mammals", '
    '"kingdom": "Animalia", "family": "Felidae", "genus": "Felis", "specific_epithet": "margarita", '
    '"image_dir_name": "01_Felis_margarita"}, {"id": 2, "name": "Musca domestica", "common_name": "fly", '
    '"supercategory": "Insects", "kingdom": "Animalia", "family": "Muscidae", "genus": "Musca", '
    '"specific_epithet": "domestica", "image_dir_name": "02_Musca_domestica"}]'
)

# Each text, and the columns of the table that stands in it.
TABLES: list[tuple[str, str, str]] = [
    ("coco", "{" + COCO + f'"categories": {CATEGORIES}}}', "id name supercategory"),
    ("coco alone", CATEGORIES, "id name supercategory"),
    ("inat", "{" + COCO + f'"categories": {INAT}}}',
     "id name common_name supercategory kingdom family genus specific_epithet image_dir_name"),
    ("camtrap-dp", '{"name": "d", "contributors": [{"title": "A", "role": "contact", "email": "a@b"}], '
     '"licenses": [{"name": "CC0", "scope": "data"}], "resources": [{"name": "deployments", "path": '
     '"d.csv"}], '
     f'"project": {{"title": "x", "captureMethod": ["a"]}}, "taxonomic": {TAXA}}}',
     "scientificName taxonID taxonRank kingdom family genus vernacularNames"),
    ("edges", '[{"parent": "animal", "child": "cat"}, {"parent": "animal", "child": "dog"}]',
     "parent child"),
    ("edges from to", '{"edges2": [{"from": "animal", "to": "cat"}, {"from": "animal", "to": "dog"}]}',
     "from to"),
    ("jstree", '[{"id": "a", "parent": "#", "text": "animal"}, {"id": "b", "parent": "a", "text": "cat"}]',
     "id parent text"),
    ("datumaro", '{"info": {}, "categories": {"label": {"label_groups": [], "labels": [{"name": "animal", '
     '"parent": "", "attributes": []}, {"name": "cat", "parent": "animal", "attributes": []}], '
     '"attributes": []}, '
     '"mask": {"colormap": [{"label_id": 0, "r": 0, "g": 0, "b": 0}]}}, "items": [{"id": "1", '
     '"annotations": []}]}',
     "name parent attributes"),
    ("activitynet", '{"version": "1.3", "database": {"v1": {"subset": "training", "annotations": '
     '[{"label": "x"}]}}, '
     '"taxonomy": [{"nodeId": 1, "nodeName": "Root", "parentId": null, "parentName": null}, '
     '{"nodeId": 2, "nodeName": "Sports", "parentId": 1, "parentName": "Root"}]}',
     "nodeId nodeName parentId parentName"),
    ("lines", '{"class": "cat", "group": "animal"}\n{"class": "dog", "group": "animal"}\n\n'
     '{"class": "oak", "group": "plant"}\n', "class group"),
    ("keyed", '{"Felis catus": {"genus": "Felis", "family": "Felidae"}, "Canis lupus": {"genus": "Canis", '
     '"family": "Canidae"}}', "species genus family"),
    ("keyed by ids", '{"1": {"name": "cat", "supercategory": "animal"}, "2": {"name": "dog", '
     '"supercategory": "animal"}}', "id name supercategory"),
    ("inner mappings", '[{"id": 1, "name": "animal", "parent": null}, {"id": 2, "name": "cat", '
     '"parent": {"id": 1, "name": "animal"}}]', "id name parent parent.id parent.name"),
    ("inner ranks", '[{"id": 1, "taxon": {"family": "F", "genus": "G", "x": 3}}, {"id": 2, "taxon": '
     '{"family": "F", "genus": "H"}}]', "id taxon family genus"),
    ("pandas records", '{"schema": {"fields": [{"name": "index", "type": "integer"}]}, "data": '
     '[{"species": "cat", '
     '"breed": "Bengal"}, {"species": "cat", "breed": "Siamese"}]}', "species breed"),
    ("pandas split", '{"columns": ["species", "breed"], "index": [0, 1], "data": [["cat", "Bengal"], '
     '["cat", "Siamese"]]}', "species breed"),
    ("pandas columns", '{"species": {"0": "cat", "1": "cat"}, "breed": {"0": "Bengal", "1": "Siamese"}}',
     "species breed"),
    ("pandas lists", '{"species": ["cat", "cat"], "breed": ["Bengal", "Siamese"]}', "species breed"),
    ("rows", '[["animal", "cat"], ["animal", "dog"], ["plant", "oak"]]', " "),
    ("rows with a header", '[["id", "name", "parent"], [1, "animal", null], [2, "cat", 1]]',
     "id name parent"),
    ("yaml", "- {id: 1, name: cat, supercategory: animal}\n- {id: 2, name: dog, supercategory: animal}\n",
     "id name supercategory"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "columns"), TABLES, ids=[case[0] for case in TABLES])
def test_records_are_a_table(name: str, text: str, columns: str, tmp_path: Path) -> None:
    """One table with the keys as columns; the other lists of the document are none."""
    path = tmp_path / ("a.yaml" if name == "yaml" else "a.json")
    path.write_text(text)
    seen = sources.look(path)
    assert [" ".join(table.header) for table in seen.tables] == [columns]
    table = seen.tables[0]
    assert all(len(row) == len(table.header) for row in table.rows)
    assert len(table.lines) == len(table.rows)


def test_cells_and_lines_of_records(tmp_path: Path) -> None:
    """Null and what is no text are empty; jsTree's # is none; lines are those of the file."""
    path = tmp_path / "a.json"
    path.write_text(
        '[{"id": 1, "parent": "#", "text": "a"},\n {"id": 2.0, "parent": null, "b": [1]},\n\n {"id": 3, '
        '"parent": 1}]'
    )
    (table,) = sources.look(path, sources.Options(kind="edges")).tables
    assert table.header == ("id", "parent", "text", "b")
    assert table.rows == [("1", "", "a", ""), ("2.0", "", "", ""), ("3", "1", "", "")]
    assert table.lines == [1, 2, 4]
    path.write_text('{"a": "x"}\n\n{"a": "y"}\n')
    (table,) = sources.look(path, sources.Options(kind="ranks")).tables
    assert (table.rows, table.lines) == ([("x",), ("y",)], [1, 3])


READ: list[tuple[str, str, str, str]] = [
    ("coco", "{" + COCO + f'"categories": {CATEGORIES}}}', "bins", PETS),
    ("coco list", CATEGORIES, "bins", PETS),
    ("coco keyed", '{"1": {"name": "cat", "supercategory": "animal"}, "2": {"name": "dog", '
     '"supercategory": '
     '"animal"}, "3": {"name": "oak", "supercategory": "plant"}}', "bins", PETS),
    ("groups that are classes", '[{"id": 0, "name": "animal", "supercategory": "none"}, {"id": 1, "name": '
     '"cat", '
     '"supercategory": "animal"}, {"id": 2, "name": "dog", "supercategory": "animal"}, {"id": 3, "name": '
     '"plant", '
     '"supercategory": "none"}, {"id": 4, "name": "oak", "supercategory": "plant"}]', "edges", PETS),
    ("things and stuff", '[{"supercategory": "animal", "isthing": 1, "id": 1, "name": "cat"}, '
     '{"supercategory": '
     '"animal", "isthing": 1, "id": 2, "name": "dog"}, {"supercategory": "plant", "isthing": 0, "id": 3, '
     '"name": '
     '"oak"}]', "bins", PETS),
    ("coco keypoints", '[{"supercategory": "animal", "id": 1, "name": "cat", "keypoints": ["nose", "eye"], '
     '"skeleton": [[1, 2]]}, {"supercategory": "animal", "id": 2, "name": "dog", "keypoints": ["nose"], '
     '"skeleton": []}, {"supercategory": "plant", "id": 3, "name": "oak", "keypoints": [], "skeleton": '
     '[]}]',
     "bins", PETS),
    ("audioset", SPEECH, "edges", "Human/Cough Human/Speech Music"),
    ("children by names", '[{"name": "animal", "children": ["cat", "dog"]}, {"name": "plant", "children": '
     '["oak"]}]',
     "nested", PETS),
    ("children by names that have records", '[{"name": "animal", "children": ["cat", "dog"]}, {"name": '
     '"cat", '
     '"children": []}, {"name": "dog", "children": []}, {"name": "plant", "children": ["oak"]}, {"name": '
     '"oak"}]',
     "edges", PETS),
    ("children in a mapping", '{"1": {"name": "animal", "children": [2, 3]}, "2": {"name": "cat", '
     '"children": []}, '
     '"3": {"name": "dog", "children": []}, "4": {"name": "plant", "children": [5]}, "5": {"name": "oak", '
     '"children": []}}', "edges", PETS),
    ("lists of parents", '[{"id": "a", "name": "animal", "parents": []}, {"id": "c", "name": "cat", '
     '"parents": '
     '["a"]}, {"id": "d", "name": "dog", "parents": ["a"]}, {"id": "p", "name": "plant"}, {"id": "o", '
     '"name": '
     '"oak", "parents": ["p"]}]', "edges", PETS),
    ("ids with an own word", '[{"uid": "a", "name": "animal", "contains": ["c", "d"]}, {"uid": "c", '
     '"name": "cat"}, '
     '{"uid": "d", "name": "dog"}, {"uid": "p", "name": "plant", "contains": ["o"]}, {"uid": "o", "name": '
     '"oak"}]',
     "edges", PETS),
    ("lists of ancestors", '[{"name": "cat", "ancestors": ["animal"]}, {"name": "dog", "ancestors": '
     '["animal"]}, '
     '{"name": "oak", "ancestors": ["plant"]}]', "paths", PETS),
    ("lists that are paths", '[{"id": 1, "path": ["animal", "cat"]}, {"id": 2, "path": ["animal", "dog"]}, '
     '{"id": 3, "path": ["plant", "oak"]}]', "paths", PETS),
    ("jstree", '[{"id": "a1", "parent": "#", "text": "animal"}, {"id": "a2", "parent": "a1", "text": '
     '"cat"}, '
     '{"id": "a3", "parent": "a1", "text": "dog"}, {"id": "a4", "parent": "#", "text": "plant"}, '
     '{"id": "a5", "parent": "a4", "text": "oak"}]', "edges", PETS),
    ("datumaro", '{"info": {}, "categories": {"label": {"label_groups": [], "labels": [{"name": "cat", '
     '"parent": '
     '"animal", "attributes": []}, {"name": "dog", "parent": "animal", "attributes": []}, {"name": "oak", '
     '"parent": '
     '"plant", "attributes": []}], "attributes": []}}, "items": []}', "bins", PETS),
    ("activitynet", '{"version": "1.3", "database": {"v": {"annotations": []}}, "taxonomy": ['
     '{"nodeId": 0, "nodeName": "Root", "parentId": null, "parentName": null}, '
     '{"nodeId": 1, "nodeName": "animal", "parentId": 0, "parentName": "Root"}, '
     '{"nodeId": 2, "nodeName": "cat", "parentId": 1, "parentName": "animal"}, '
     '{"nodeId": 3, "nodeName": "dog", "parentId": 1, "parentName": "animal"}, '
     '{"nodeId": 4, "nodeName": "plant", "parentId": 0, "parentName": "Root"}, '
     '{"nodeId": 5, "nodeName": "oak", "parentId": 4, "parentName": "plant"}]}', "edges", PETS),
    ("camtrap-dp", f'{{"resources": [{{"name": "media", "path": "m.csv"}}], "taxonomic": {TAXA}}}',
     "darwin-core",
     "Animalia/Canidae/Canis/Canis_lupus Animalia/Felidae/Felis/Felis_catus "
     "Animalia/Felidae/Felis/Felis_silvestris"),
    ("attributes", '{"cat": {"group": "animal", "n": 3}, "dog": {"group": "animal", "n": 3}, "oak": '
     '{"group": "plant", "n": 4}}', "bins", PETS),
    ("attributes that are ranks", '{"Felis catus": {"genus": "Felis", "family": "Felidae"}, "Felis '
     'margarita": '
     '{"genus": "Felis", "family": "Felidae"}, "Musca domestica": {"genus": "Musca", "family": '
     '"Muscidae"}}', "ranks",
     "Felidae/Felis/Felis_catus Felidae/Felis/Felis_margarita Muscidae/Musca/Musca_domestica"),
    ("rows", '[["animal", "cat"], ["animal", "dog"], ["plant", "oak"]]', "bins", PETS),
    ("rows of one width or another", '[["animal", "cat"], ["animal", "dog", "pug"], ["plant"]]', "paths",
     "animal/cat animal/dog/pug plant"),
    ("classes of supervisely", '{"classes": [{"title": "cat", "shape": "polygon", "color": "#f00"}, '
     '{"title": "dog", '
     '"shape": "polygon", "color": "#0f0"}, {"title": "oak", "shape": "line", "color": "#00f"}], "tags": '
     '[]}', "names",
     "cat dog oak"),
    ("labels of cvat", '[{"name": "cat", "color": "#f00", "type": "any", "attributes": [{"name": "age", '
     '"values": '
     '["a"]}]}, {"name": "dog", "color": "#0f0", "type": "any", "attributes": []}]', "names", "cat dog"),
    ("lvis", '{"categories": [{"id": 1, "synset": "aerosol.n.02", "name": "aerosol_can", "def": "a can", '
     '"frequency": '
     '"c", "synonyms": ["spray can"]}, {"id": 2, "synset": "air.n.01", "name": "air_duct", "def": "a '
     'duct", '
     '"frequency": "c", "synonyms": []}, {"id": 3, "synset": "oak.n.01", "name": "oak", "def": "a tree", '
     '"frequency": "r", "synonyms": []}]}', "names", "aerosol_can air_duct oak"),
    ("numbers of classes", '{"cat": {"count": 3, "size": 2}, "dog": {"count": 4, "size": 1}}', "names",
     "cat dog"),
    ("ids and names", '[{"id": 3, "name": "cat"}, {"id": 1, "name": "dog"}]', "names", "cat dog"),
    ("coco without groups", "{" + COCO + '"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": '
     '"dog"}]}',
     "names", "cat dog"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind", "paths"), READ, ids=[case[0] for case in READ])
def test_records_are_read(name: str, text: str, kind: str, paths: str, tmp_path: Path) -> None:
    found = read_text(tmp_path, text)
    assert (paths_of(found), found.kind) == (paths, kind)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (SPEECH.replace('"/m/3"]', '"/m/9"]'), "T212", "`/m/9` is the id of no record"),
        (CATEGORIES.replace("]", ", 7]"), "T116", "item 4 of the list is no record"),
        (SPEECH.replace('"/m/2", "name"', '"/m/1", "name"'), "T201", "two records are called `/m/1`"),
        ('[{"id": 1, "label": 3, "bbox": [1, 2]}, {"id": 2, "label": 4, "bbox": [1, 2]}]', "T121",
         "pictures or tasks"),
        ('[{"id": 1, "x": 0.5}, {"id": 2, "x": 0.25}]', "T121", "a list of 2 records with the keys id, x"),
    ],
)  # fmt: skip
def test_records_that_are_no_tree(text: str, code: str, words: str, tmp_path: Path) -> None:
    error = refusal_of(tmp_path, text)
    assert error.faults[0].code == code
    assert words in str(error)


def test_all_odd_items_are_told_with_their_lines(tmp_path: Path) -> None:
    error = refusal_of(
        tmp_path, '[{"a": 1, "b": "x"},\n"x",\n{"a": 2, "b": "x"},\n{"a": 2, "b": "y"},\n[1]]'
    )
    assert [(fault.code, fault.line) for fault in error.faults] == [("T116", 2), ("T116", 5)]


def test_a_link_to_no_record_may_be_dropped(tmp_path: Path) -> None:
    text = SPEECH.replace('"/m/3"]', '"/m/9"]')
    assert paths_of(read_text(tmp_path, text, missing_parent="drop")) == "Cough Human/Speech Music"


def test_columns_of_records_may_be_said(tmp_path: Path) -> None:
    """Of records as of any table, though they hold lists of children too."""
    records: list[dict[str, Any]] = json.loads(SPEECH)
    for number, record in enumerate(records):
        record["group"] = "ab"[number // 2]
    text = json.dumps(records)
    found = read_text(tmp_path, text, columns=["group", "name"], kind="ranks")
    assert paths_of(found) == "a/Human a/Speech b/Cough b/Music"


def test_many_records(tmp_path: Path) -> None:
    records = [
        {"id": str(n), "name": f"n{n}", "child_ids": [str(2 * n), str(2 * n + 1)]} for n in range(1, 20_000)
    ]
    records += [{"id": str(n), "name": f"n{n}", "child_ids": []} for n in range(20_000, 40_000)]
    found = read_text(tmp_path, json.dumps(records))
    assert len(found.taxonomy) == 20_000


# -- rows that are pictures ------------------------------------------------------------------------

FELIDS = (("Felidae", "Felis", "Felis catus"), ("Felidae", "Felis", "Felis margarita"),
          ("Canidae", "Canis", "Canis lupus"), ("Canidae", "Canis", "Canis lupus"))  # fmt: skip
SPECIES = "Canidae/Canis/Canis_lupus Felidae/Felis/Felis_catus Felidae/Felis/Felis_margarita"


def pictures(key: str, **beside: Any) -> list[dict[str, Any]]:
    """A row for each picture, with the ranks of what it shows."""
    ranks = ("family", "genus", "species")
    return [
        {key: f"{number}.jpg", **beside, **dict(zip(ranks, names, strict=True))}
        for number, names in enumerate(FELIDS)
    ]


@pytest.mark.parametrize("key", ["filename", "file_name", "image", "fileName"])
def test_rows_of_pictures_with_ranks_are_a_table(key: str, tmp_path: Path) -> None:
    """The name of the file is a column that is not used."""
    rows = pictures(key)
    lines = "\n".join(map(json.dumps, rows))
    for text, name in (
        (json.dumps(rows), "a.json"),
        (lines, "a.jsonl"),
        (json.dumps({"images": rows}), "b.json"),
    ):
        found = read_text(tmp_path, text, name)
        assert (paths_of(found), found.kind) == (SPECIES, "ranks")
        assert found.unused == (key,)


def test_rows_of_pictures_with_boxes_or_groups_are_a_table(tmp_path: Path) -> None:
    boxed = pictures("filename", bbox=[1, 2, 3, 4], annotations=[{"area": 3}])
    found = read_text(tmp_path, json.dumps(boxed))
    assert (paths_of(found), set(found.unused)) == (SPECIES, {"filename", "bbox", "annotations"})
    pets = (("cat", "animal"), ("dog", "animal"), ("cat", "animal"), ("oak", "plant"))
    grouped = [{"filename": f"{n}.jpg", "class": c, "superclass": g} for n, (c, g) in enumerate(pets)]
    assert paths_of(read_text(tmp_path, json.dumps(grouped))) == PETS


@pytest.mark.parametrize(
    "value",
    [
        [{"id": n, "file_name": f"{n}.jpg", "width": 3, "height": 4} for n in range(3)],
        {"images": [{"id": n, "file_name": f"{n}.jpg", "license": 1} for n in range(3)], "annotations": []},
        [{"file_name": f"{n}.jpg", "text": "a cat", "label": n % 2} for n in range(4)],
        [{"filename": f"{n}.jpg", "class": n % 2, "order": n} for n in range(4)],
    ],
)
def test_pictures_without_ranks_are_no_classes(value: Any, tmp_path: Path) -> None:
    assert [fault.code for fault in refusal_of(tmp_path, json.dumps(value)).faults] == ["T121"]


# -- iNaturalist's API -----------------------------------------------------------------------------

ABOVE = {
    "Felis": [(1, "Animalia", "kingdom"), (2, "Felidae", "family"), (3, "Felis", "genus")],
    "Canis": [(1, "Animalia", "kingdom"), (5, "Canidae", "family"), (6, "Canis", "genus")],
}
API = "Animalia/Canidae/Canis/Canis_lupus Animalia/Felidae/Felis/Felis_catus "
API += "Animalia/Felidae/Felis/Felis_margarita"


def taxon(number: int, name: str, *keys: str) -> dict[str, Any]:
    """A species as the API writes it, with some of the keys that say what is above it."""
    above = ABOVE[name.split()[0]]
    ids = [48460, *(own for own, *_ in above)]
    told: dict[str, Any] = {
        "ancestors": [{"id": own, "name": up, "rank": rank} for own, up, rank in above],
        "ancestor_ids": [*ids, number],
        "ancestry": "/".join(map(str, ids)),
    }
    facts = {"id": number, "name": name, "rank": "species", "preferred_common_name": "x", "is_active": True}
    return {**facts, **{key: told[key] for key in keys}}


def all_taxa(*keys: str) -> list[dict[str, Any]]:
    return [
        taxon(10, "Felis catus", *keys),
        taxon(11, "Felis margarita", *keys),
        taxon(12, "Canis lupus", *keys),
    ]


def with_groups(*keys: str) -> list[dict[str, Any]]:
    """The species, and a result for each taxon above them but Life."""
    groups = {
        own: (up, rank, above[:n]) for above in ABOVE.values() for n, (own, up, rank) in enumerate(above)
    }
    found = []
    for own, (up, rank, above) in groups.items():
        ids = [48460, *(one for one, *_ in above)]
        told: dict[str, Any] = {"ancestor_ids": [*ids, own], "ancestry": "/".join(map(str, ids))}
        found.append({"id": own, "name": up, "rank": rank, **{key: told[key] for key in keys}})
    return [*found, *all_taxa(*keys)]


def page(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"total_results": len(results), "page": 1, "per_page": 30, "results": results}


RESULTS: list[tuple[str, Any]] = [
    ("observations", page([{"id": 100 + n, "quality_grade": "research", "taxon": one}
                           for n, one in enumerate(all_taxa("ancestors", "ancestor_ids") * 2)])),
    ("counts of species", page([{"count": 3, "taxon": one} for one in all_taxa("ancestors")])),
    ("taxa", page(all_taxa("ancestors", "ancestry"))),
    ("taxa by ancestry", page(with_groups("ancestry"))),
    ("taxa by ids", page(with_groups("ancestor_ids"))),
    ("a list of observations", [{"id": n, "taxon": one} for n, one in enumerate(all_taxa("ancestors"))]),
    ("a list of taxa", with_groups("ancestor_ids")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), RESULTS, ids=[case[0] for case in RESULTS])
def test_results_of_inaturalist(name: str, value: Any, tmp_path: Path) -> None:
    found = read_text(tmp_path, json.dumps(value))
    assert (paths_of(found), found.kind) == (API, "inat")
    assert "preferred_common_name" in found.unused


def test_a_page_without_results_is_said(tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, json.dumps(page([]))).faults
    assert (fault.code, "without results" in fault.message) == ("T121", True)


def test_an_observation_without_a_taxon_is_left_out(tmp_path: Path) -> None:
    items = [{"id": n, "taxon": one} for n, one in enumerate([*all_taxa("ancestors"), None])]
    found = read_text(tmp_path, json.dumps(page(items)))
    assert paths_of(found) == API
    assert "1 result without a taxon left out" in found.notes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            page([{"count": 3, "taxon": one} for one in all_taxa("ancestor_ids")]),
            "by id alone: `48460`, `1`",
        ),
        (page(all_taxa("ancestry")), "by id alone: `48460`, `1`"),
        (page(with_groups("ancestor_ids")[1:]), "by id alone: `48460`, `1`"),
        ([{"taxon": one} for one in all_taxa("ancestor_ids")], "by id alone: `48460`, `1`"),
    ],
)
def test_taxa_above_that_have_no_name_are_asked_for(value: Any, words: str, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, json.dumps(value)).faults
    assert fault.code == "T121"
    assert words in fault.message
    assert "`ancestors`" in (fault.expected or "")
