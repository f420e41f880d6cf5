"""Mappings of names to texts and numbers, and lists of texts, in JSON and YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from readings import paths_of, read_text, refusal_of

PETS = "animal/cat animal/dog plant/oak"

READ: list[tuple[str, str, str]] = [
    # Class to group: values stand twice, and are no keys.
    ('{"cat": "animal", "dog": "animal", "oak": "plant"}', "bins", PETS),
    ('{"apple":"fruit","pear":"fruit","bed":"furniture","chair":"furniture"}', "bins",
     "fruit/apple fruit/pear furniture/bed furniture/chair"),
    ('[{"cat": "animal"}, {"dog": "animal"}, {"oak": "plant"}]', "bins", PETS),
    ('{"version": "1", "fine_to_coarse": {"cat": "animal", "dog": "animal", "oak": "plant"}}', "bins",
     PETS),
    ('{"person": "person", "car": "vehicle", "bus": "vehicle"}', "bins",
     "person/person vehicle/bus vehicle/car"),
    ('{"cat": "animal/mammal", "dog": "animal/mammal", "hen": "animal/bird"}', "bins",
     "animal/bird/hen animal/mammal/cat animal/mammal/dog"),
    # Child to parent: values are keys too.
    ('{"cat": "animal", "dog": "animal", "Bengal": "cat", "Siamese": "cat"}', "edges",
     "cat/Bengal cat/Siamese dog"),
    ('{"animal": null, "plant": null, "cat": "animal", "dog": "animal", "oak": "plant"}', "edges", PETS),
    ('{"animal": "thing", "plant": "thing", "cat": "animal", "dog": "animal", "oak": "plant"}', "edges",
     PETS),
    ('{"animal": "", "plant": "", "cat": "animal", "dog": "animal", "oak": "plant"}', "edges", PETS),
    ('{"thing": ["animal", "plant"], "animal": ["cat", "dog"], "plant": ["oak"]}', "edges", PETS),
    # Labels with numbers, in the order of these.
    ('{"0": "cat", "1": "dog", "2": "oak"}', "names", "cat dog oak"),
    ('{"cat": 0, "dog": 1, "oak": 2}', "names", "cat dog oak"),
    ('{"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 0, "dog": 1}, "model_type": "vit"}',
     "names", "cat dog"),
    ('{"0": "animal/cat", "1": "animal/dog", "2": "plant/oak"}', "paths", PETS),
    ('{"animal/cat": 0, "animal/dog": 1, "plant/oak": 2}', "paths", PETS),
    ('{"n01": "animal > cat", "n02": "animal > dog", "n03": "plant > oak"}', "paths", PETS),
    # Lists of texts.
    ('["animal/cat", "animal/dog", "plant/oak"]', "paths", PETS),
    ('["animal > cat", "animal > dog", "plant > oak"]', "paths", PETS),
    ('["Animal/Cat/Bengal","Animal/Cat/Siamese","Animal/Dog/pug"]', "paths",
     "Animal/Cat/Bengal Animal/Cat/Siamese Animal/Dog/pug"),
    ('["cat", "dog", "oak"]', "names", "cat dog oak"),
    ('["dog, big", "dog, small", "cat"]', "names", "cat dog,_big dog,_small"),
    ('["tench, Tinca tinca", "goldfish, Carassius auratus", "cock"]', "names",
     "cock goldfish,_Carassius_auratus tench,_Tinca_tinca"),
    ('{"path": "../x", "train": "images/train", "val": ["a", "b"], "nc": 2, "names": ["cat", "dog"]}',
     "names", "cat dog"),
    ('{"names": ["animal/cat", "animal/dog", "plant/oak"], "nc": 3}', "paths", PETS),
    ('{"classes": ["cat", "dog"], "description": "x"}', "names", "cat dog"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "paths"), READ)
def test_mappings_and_lists(text: str, kind: str, paths: str, tmp_path: Path) -> None:
    found = read_text(tmp_path, text)
    assert (paths_of(found), found.kind) == (paths, kind)


@pytest.mark.parametrize(
    "text",
    [
        "path: ../x\ntrain: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\n",
        "path: ../x\ntrain: images/train\nnames:\n  0: cat\n  1: dog\n",
        "- cat\n- dog\n",
        "cat: 0\ndog: 1\n",
        "0: cat\n1: dog\n",
    ],
)
def test_lists_of_classes_in_yaml(text: str, tmp_path: Path) -> None:
    found = read_text(tmp_path, text, "data.yaml")
    assert (found.taxonomy.classes, found.kind) == (("cat", "dog"), "names")


LABELS: list[tuple[str, str]] = [
    # Labels by number, and what the numbers are mapped to.
    ("labels: {0: cat, 1: dog, 252: oak}\ncolor_map: {0: [0, 0, 0], 1: [1, 1, 1], 252: [2, 2, 2]}\n"
     "learning_map: {0: 0, 1: 1, 252: 1}\nlearning_map_inv: {0: 0, 1: 1}\n",
     "color_map learning_map learning_map_inv"),
    ("labels: {0: cat, 1: dog, 2: oak}\nlearning_map: {0: 0, 1: 1, 2: 1}\n", "learning_map"),
    ("name: x\nlabels:\n  0: cat\n  1: dog\n  7: oak\ncontent: {0: 0.2, 1: 0.5, 7: 0.3}\n"
     "learning_map: {0: 0, 1: 0, 7: 1}\nsplit:\n  train: [0, 1]\n  valid: [8]\n",
     "name content learning_map split"),
    # A data set of pictures.
    ("path: ../x\ntrain: [a, b]\nval: images/val\ntest:\nnc: 3\nnames: [cat, dog, oak]\n",
     "path train val test nc"),
    ("train: a\nval: b\nkpt_shape: [17, 3]\nflip_idx: [0, 2]\nnames: {0: cat, 1: dog, 2: oak}\n"
     "kpt_names: {0: [nose, eye]}\n", "train val kpt_shape flip_idx kpt_names"),
    ("nc: 3\nnames: [cat, dog, oak]\nroboflow:\n  project: p\n  version: 1\n  license: CC0\n",
     "nc roboflow"),
    ("classes: [cat, dog, oak]\npalette: [[0, 0, 0], [1, 1, 1], [2, 2, 2]]\nlabel_map: {0: 0, 1: 0}\n",
     "palette label_map"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "unused"), LABELS)
def test_labels_beside_maps_of_their_numbers(text: str, unused: str, tmp_path: Path) -> None:
    """The labels are the classes; where numbers are mapped to numbers, this is told as not used."""
    found = read_text(tmp_path, text, "data.yaml")
    assert (found.taxonomy.classes, found.kind) == (("cat", "dog", "oak"), "names")
    assert found.unused == tuple(unused.split())


FEATURES: list[tuple[str, str, str]] = [
    ("dataset_info.json", '{"description": "x", "features": {"image": {"_type": "Image"}, "label": '
     '{"names": '
     '["cat", "dog", "oak"], "_type": "ClassLabel"}}, "splits": {"train": {"name": "train", "n": 3}}}',
     "image description splits"),
    ("dataset_infos.json", '{"default": {"features": {"label": {"num_classes": 3, "names": ["cat", "dog", '
     '"oak"], "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}}}', "text"),
    ("features.json", '{"tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"}, '
     '"tags": {"feature": {"names": ["cat", "dog", "oak"], "_type": "ClassLabel"}, "_type": "Sequence"}}',
     "tokens"),
    ("a.yaml", "dataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n    "
     "dtype:\n"
     "      class_label:\n        names:\n          '0': cat\n          '2': oak\n          '1': dog\n"
     "  splits:\n  - name: train\n    num_bytes: 100\n", "image splits"),
    ("b.yaml", "dataset_info:\n- config_name: a\n  features: &\n"
     "- config_name: b\n  features: &\n".replace("&", "[{name: y, dtype: {class_label: {names: {0: cat, 1: "
     "dog, 2: oak}}}}, {name: x, dtype: image}]"), "x"),
    ("config.json", '{"architectures": ["V"], "hidden_size": 7, "id2label": {"0": "cat", "1": "dog", "2": '
     '"oak"}, "label2id": {"cat": 0, "dog": 1, "oak": 2}}', "architectures hidden_size label2id"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "unused"), FEATURES)
def test_class_labels_of_a_data_set(file: str, text: str, unused: str, tmp_path: Path) -> None:
    found = read_text(tmp_path, text, file)
    assert (found.taxonomy.classes, found.kind) == (("cat", "dog", "oak"), "names")
    assert set(found.unused) == set(unused.split())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("features: {fine: {_type: ClassLabel, names: [cat, dog, oak]}, coarse: {_type: ClassLabel, names: "
         "[animal, plant]}}\n", ["`fine` (3 names)", "`coarse` (2 names)"]),
        ("dataset_info:\n  features:\n  - name: x\n    dtype: {class_label: {names: {0: cat, 1: dog}}}\n"
         "  - name: y\n    dtype: {class_label: {names: {0: animal}}}\n", ["`x` (2 names)", "`y` (1 "
         "name)"]),
        ("dataset_info:\n- config_name: a\n  features:\n  - {name: x, dtype: {class_label: {names: {0: "
         "cat, "
         "1: dog}}}}\n- config_name: b\n  features:\n  - {name: x, dtype: {class_label: {names: {0: "
         "oak, 1: "
         "elm}}}}\n", ["`a.x`", "`b.x`"]),
        ("features: {label: {_type: ClassLabel, num_classes: 3}}\n", ["`label` (0 names)"]),
    ],
)  # fmt: skip
def test_several_class_labels_are_named(text: str, names: list[str], tmp_path: Path) -> None:
    """Which classes belong to which group is not said."""
    (fault,) = refusal_of(tmp_path, text, "a.yaml").faults
    assert fault.code == "T121"
    assert all(name in fault.message for name in names)


@pytest.mark.parametrize(
    "text",
    [
        "labels: {0: cat, 1: dog, 2: oak}\ncategories: {0: animal, 1: plant}\nmap: {0: 0, 1: 0, 2: 1}\n",
        "labels_2: {0: x, 1: y, 2: z}\nlabels: {0: cat, 1: dog, 2: oak}\nlearning_map: {0: 0, 1: 1}\n",
        "classes: [cat, dog, oak]\nsuperclasses: [animal, plant]\nversion: 2\n",
    ],
)
def test_two_lists_of_names_are_no_tree(text: str, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text, "data.yaml").faults
    assert fault.code == "T121"
    assert "one of these lists of names alone" in (fault.expected or "")
    assert fault.message.count(" at `") == 2


@pytest.mark.parametrize(
    "text",
    [
        "label: {0: cat, 1: dog, 2: oak}\nsuperclass: {0: animal, 1: animal, 2: plant}\n",
        "label: {3: cat, 7: dog, 9: oak}\nsuperclass: {3: animal, 7: animal, 9: plant}\n",
        "labels: {0: cat, 1: dog, 2: oak}\ngroup_map: {0: animal, 1: animal, 2: plant}\n",
    ],
)
def test_columns_of_the_same_numbers_are_a_table(text: str, tmp_path: Path) -> None:
    """The numbers are those of rows, and no names of classes."""
    assert paths_of(read_text(tmp_path, text, "data.yaml")) == PETS


def test_groups_by_other_numbers_than_the_labels_are_refused(tmp_path: Path) -> None:
    text = "labels: {0: cat, 1: dog, 2: oak}\nsuper: {0: animal, 1: animal}\nversion: 2\n"
    (fault,) = refusal_of(tmp_path, text, "data.yaml").faults
    assert fault.code == "T121"
    assert "beside names by number at `super`" in fault.message


def test_labels_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for text in ('{"10": "c", "2": "b", "0": "a"}', '{"c": 2, "a": 0, "b": 1}', '{"b": 3, "a": 1, "c": 4}'):
        assert read_text(tmp_path, text).taxonomy.classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('{"cat": 0, "dog": 0, "oak": 1}', ["bins", "names"]),  # groups by number, or counts
        (
            '{"cat": ["animal", "mammal"], "dog": ["animal", "mammal"], "hen": ["animal", "bird"]}',
            ["paths", "nested"],
        ),
        ('{"animal": ["cat", "dog"], "dog": ["pug"]}', ["edges", "nested"]),
        ('{"a": "b", "c": "b", "b": "d", "e": "f", "g": "h", "k": "h"}', ["edges", "bins"]),
        ('["a/b", "c/d", "e/f"]', ["paths", "names"]),
        ('["AC/DC", "ABBA", "black/white cat", "Queen"]', ["paths", "names"]),
    ],
)
def test_two_readings_are_shown_and_can_be_chosen(text: str, kinds: list[str], tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text).faults
    assert fault.code == "T122"
    trees: set[frozenset[tuple[str, ...]]] = set()
    for kind in kinds:
        assert f"--kind {kind}" in (fault.help or "")
        found = read_text(tmp_path, text, kind=kind)
        assert found.kind == kind
        trees.add(frozenset(found.taxonomy.paths()))
    assert len(trees) == len(kinds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '{"tench": "Tinca tinca", "cock": "Gallus", "hen": "Gallina"}',
            "3 names to texts, none of which stands twice",
        ),
        ('{"cat": 1200, "dog": 80, "oak": 3}', "3 names to numbers"),
        ('{"lr": 0.1, "momentum": 0.9}', "2 names to numbers"),
        ('{"a": "x"}', "1 name to texts"),
        ("[1, 2, 3]", "a list of 3 numbers"),
        ("[[1, 2], [3, 4]]", "a list of 2 rows of numbers"),
        ("[[[1]]]", "a list of 1 list"),
    ],
)
def test_what_is_no_hierarchy_is_said(text: str, words: str, tmp_path: Path) -> None:
    (fault,) = refusal_of(tmp_path, text).faults
    assert fault.code == "T121"
    assert words in fault.message
    assert fault.expected


def test_a_kind_that_was_asked_for_is_obeyed(tmp_path: Path) -> None:
    assert (
        paths_of(read_text(tmp_path, '{"cat": "animal", "oak": "plant"}', kind="bins"))
        == "animal/cat plant/oak"
    )
    flat = read_text(tmp_path, '["animal/cat", "animal/dog"]', kind="names")
    assert flat.taxonomy.classes == ("animal/cat", "animal/dog")
    assert paths_of(read_text(tmp_path, '["a_x", "a_y", "b_z"]', separator="_")) == "a/x a/y b/z"
    for kind in ("nested", "node-link", "taxonomy", "newick"):
        error = refusal_of(tmp_path, '{"cat": "animal", "dog": "animal"}', kind=kind)
        assert error.faults[0].code in ("T121", "T104")


def test_a_taxonomy_file_is_read_as_one(tmp_path: Path) -> None:
    text = "levels: [a, b]\ntree:\n  cat: [Bengal]\n  dog: [pug]\nname: pets\n"
    found = read_text(tmp_path, text, "a.yaml")
    assert (found.kind, found.taxonomy.levels, found.taxonomy.name) == ("taxonomy", ("a", "b"), "pets")
    assert refusal_of(tmp_path, "tree: [a, a]\n", "a.yaml").faults[0].code == "T201"
