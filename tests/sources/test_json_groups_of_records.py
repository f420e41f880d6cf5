"""Records that say their group or parent by name, and records that are written again below others."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from readings import paths_of, read_text, refusal_of

from taxoloss.errors.faults import FormError
from taxoloss.sources.base import Found
from taxoloss.sources.reading import Grade, Look, Reading, choose

PETS = "animal/cat animal/dog plant/oak"
_PAIRS = [("cat", "animal"), ("dog", "animal"), ("animal", "thing"), ("oak", "plant"), ("plant", "thing")]


@pytest.mark.parametrize(
    "records",
    [
        [{"id": n, "category": name, "supercategory": group} for n, (name, group) in enumerate(_PAIRS)],
        [{"class": name, "superclass": group} for name, group in _PAIRS],
        {"categories": [{"category": name, "supercategory": group} for name, group in _PAIRS]},
        {
            "categories": [
                {"id": n, "name": n_g[0], "supercategory": n_g[1]} for n, n_g in enumerate(_PAIRS)
            ]
        },
    ],
)
def test_a_group_that_is_a_class_too_stands_between(records: Any, tmp_path: Path) -> None:
    """`animal` is no leaf below `thing` and a group beside it: it is one node."""
    found = read_text(tmp_path, json.dumps(records))
    assert (paths_of(found), found.kind) == (PETS, "edges")


@pytest.mark.parametrize(
    "records",
    [
        [
            {"id": 1, "name": "bat", "supercategory": "animal"},
            {"id": 2, "name": "bat", "supercategory": "sport"},
        ],
        [{"superclass": "animal", "class": "bat"}, {"superclass": "sport", "class": "bat"}],
        [{"category": "bat", "supercategory": "animal"}, {"category": "bat", "supercategory": "sport"}],
    ],
)
@pytest.mark.parametrize("more", [[], ["oak"], ["oak", "elm", "fir"]])
def test_a_name_in_two_groups_is_below_both(records: list[Any], more: list[str], tmp_path: Path) -> None:
    """The key says which is the group, also where it stands less often than the name."""
    name = next(key for key in records[0] if key in ("name", "class", "category"))
    group = next(key for key in records[0] if key.startswith("super"))
    full = [*records, *({"id": 10 + n, name: one, group: "plant"} for n, one in enumerate(more))]
    paths = sorted(["animal/bat", "sport/bat", *(f"plant/{one}" for one in more)])
    for document in (full, {"info": {}, "categories": full}):
        assert paths_of(read_text(tmp_path, json.dumps(document))) == " ".join(paths)


def _stubs(links: dict[str, str | None], *, parents: bool) -> list[dict[str, Any]]:
    """Records with the ids and names of their children, and of what is above them."""
    return [
        {
            "id": f"x/{name}",
            "name": name,
            **({"parent_id": f"x/{above}" if above else None} if parents else {}),
            "children": [{"id": f"x/{one}", "name": one} for one, up in links.items() if up == name],
            "ancestors": [{"id": f"x/{above}", "name": above}] if above else [],
        }
        for name, above in links.items()
    ]


@pytest.mark.parametrize("parents", [True, False])
@pytest.mark.parametrize(
    ("links", "paths"),
    [
        ({"animal": None, "cat": "animal", "dog": "animal", "plant": None, "oak": "plant"}, PETS),
        ({"oak": "plant", "dog": "animal", "cat": "animal", "animal": None, "plant": None}, PETS),
        ({"life": None, "animal": "life", "plant": "life", "cat": "animal", "dog": "animal",
          "oak": "plant"}, PETS),
        ({"animal": None, "cat": "animal", "Manx": "cat", "plant": None}, "animal/cat/Manx plant"),
    ],
)  # fmt: skip
def test_records_written_again_below_others_are_one(
    links: dict[str, str | None], paths: str, parents: bool, tmp_path: Path
) -> None:
    records = _stubs(links, parents=parents)
    assert paths_of(read_text(tmp_path, json.dumps(records))) == paths


def test_parts_that_repeat_their_records_are_refused(tmp_path: Path) -> None:
    parts = [
        {"name": "animals", "categories": _stubs({"animals": None, "cat": "animals"}, parents=True)},
        {"name": "plants", "categories": _stubs({"plants": None}, parents=True)},
    ]
    (fault,) = refusal_of(tmp_path, json.dumps({"version": "1", "verticals": parts})).faults
    assert (fault.code, "`categories`, `children`" in fault.message) == ("T121", True)


def _itself(found: Found) -> Found:
    return found


def test_readings_that_no_option_tells_apart_are_not_offered(tmp_path: Path) -> None:
    """What would be offered as a way out leads out: two readings of one command do not."""
    found = [read_text(tmp_path, text) for text in ('["cat", "dog"]', '["oak", "fir"]')]
    same = [Reading("names", "a list", Grade.CELLS, partial(_itself, f), "--kind names") for f in found]
    with pytest.raises(FormError) as caught:
        choose(Look("two lists", same), "a.json")
    assert [fault.code for fault in caught.value.faults] == ["T121"]
    assert all(f"e.g. {name}" in str(caught.value) for name in ("cat", "oak"))
