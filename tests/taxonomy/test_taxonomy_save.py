"""Taxonomy.save: what was saved loads to the same tree, and writing is whole or not at all."""

from __future__ import annotations

import inspect
import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from trees import nested, ranked

import taxoloss
from taxoloss import Taxonomy
from taxoloss.decisions import Threshold
from taxoloss.taxonomy.versions.migration import Migration

calm = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))

PETS = {
    "levels": ["species", "breed"],
    "tree": {"cat": ["Bengal", "Sphynx"], "dog": ["beagle", "pug", "boxer"]},
}


def check_same(again: Taxonomy, t: Taxonomy) -> None:
    """Equal trees, levels and bindings, and all that people said about them."""
    assert (again.digest, again) == (t.digest, t)
    for name in inspect.signature(Taxonomy).parameters:
        if name not in ("tree", "order"):
            assert getattr(again, name) == getattr(t, name)


@calm
@given(
    nested().map(lambda tree: {"tree": tree}) | ranked(),
    st.sampled_from([".yaml", ".yml", ".json", ".JSON", ""]),
)
def test_save_and_load(source: dict[str, Any], suffix: str) -> None:
    """What was saved loads to an equal tree, with all that people said about it."""
    t = taxoloss.load(source)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"saved{suffix}"
        t.save(path)
        again = taxoloss.load(path)
        assert list(Path(folder).iterdir()) == [path]
    check_same(again, t)


def test_a_saved_file_is_short(tmp_path: Path) -> None:
    """Nested mappings and lists, written out only where more has to be said."""
    path = tmp_path / "pets.yaml"
    taxoloss.load({"name": "no", **PETS}).save(path)
    assert path.read_text() == (
        'name: "no"\n'
        "levels: [species, breed]\ntree:\n  cat:\n    - Bengal\n    - Sphynx\n"
        "  dog:\n    - beagle\n    - pug\n    - boxer\n"
    )
    taxoloss.load(PETS).save(tmp_path / "pets.json")
    assert json.loads((tmp_path / "pets.json").read_text()) == PETS


def test_saving_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails the old file is as it was, and no temporary one stays."""
    path = tmp_path / "pets.yaml"
    path.write_text("old")

    def fails(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fails)
    with pytest.raises(OSError, match="disk full"):
        taxoloss.load(PETS).save(path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("pets.yaml", "old")]


def _saved() -> dict[str, tuple[Any, Callable[[Path], Any]]]:
    """By kind what has `save`, and what reads it."""
    t = taxoloss.load(PETS).bind()
    return {
        "taxonomy": (t, taxoloss.load),
        "migration": (t.diff(t).migration, Migration.load),
        "threshold": (Threshold("climb", 0.1, 9, 1.5, t.digest, t.binding_digest), Threshold.load),
    }


@pytest.mark.parametrize("kind", _saved())
def test_saving_writes_through_links_and_keeps_the_mode(kind: str, tmp_path: Path) -> None:
    """A link stays a link, also to what is not there yet; the mode of a file stays."""
    made, load = _saved()[kind]
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(real.name)
    made.save(link)
    for mode in (0o600, 0o640, 0o644):
        real.chmod(mode)
        made.save(link)
        assert link.is_symlink()
        assert real.stat().st_mode & 0o777 == mode
        load(real)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.json", "real.json"]


@pytest.mark.parametrize("kind", _saved())
def test_threads_save_and_load_one_path(kind: str, tmp_path: Path) -> None:
    """Each load reads a whole file, and nothing else is left."""
    made, load = _saved()[kind]
    path = tmp_path / "one.json"
    made.save(path)

    def work(_: int) -> None:
        for _ in range(25):
            made.save(path)
            load(path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert os.listdir(tmp_path) == ["one.json"]


@pytest.mark.parametrize("kind", _saved())
def test_a_byte_order_mark_is_fine_and_no_text_names_the_file(kind: str, tmp_path: Path) -> None:
    """UTF-8 with a mark reads as without; no UTF-8, or other JSON: a ValueError with the path."""
    made, load = _saved()[kind]
    path = tmp_path / "one.json"
    made.save(path)
    again = load(path)
    content = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + content)
    assert load(path) == again
    for wrong in (b"\xff\xfe", content.replace(b"a", b"\xe4"), b"", b"[1]", b"null", b"[" * 100_000):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"one\.json") as error:
            load(path)
        assert not isinstance(error.value, UnicodeError)


_LONG = "x" * 10_001
WRITABLE: dict[str, Any] = {
    "65 levels": lambda: Taxonomy.from_paths(
        [[f"n{i}{leaf}" for i in range(65)] for leaf in "ab"], [f"l{i}" for i in range(65)]
    ),
    "blank name": lambda: Taxonomy.from_paths([("a", "  "), ("a", "b")]),
    "blank node of a graph": lambda: Taxonomy.from_graph(nx.DiGraph([("r", ""), ("r", "b")])),
    "long name in rows": lambda: Taxonomy.from_paths([("a", _LONG), ("a", "b")]),
    "long name in a mapping": lambda: taxoloss.load({"tree": [_LONG, "b"]}),
    "long description": lambda: taxoloss.load({"description": _LONG, "tree": ["a", "b"]}),
    "zero-width level": lambda: Taxonomy.from_paths([("a", "c"), ("a", "b")], ["s\u200b", "t"]),
    "invisible taxonomy name": lambda: Taxonomy.from_paths([("a",), ("b",)], name="x\u200b"),
    "blank taxonomy name": lambda: Taxonomy.from_paths([("a",), ("b",)], name=""),
    "zero-width description": lambda: taxoloss.load({"description": "a\u200bb", "tree": ["a", "b"]}),
    "bidi source": lambda: taxoloss.load({"source": "a\u202eb", "tree": ["a", "b"]}),
    "control character in a node's description": lambda: taxoloss.load(
        {"tree": [{"name": "a", "description": "x\x9by"}, "b"]}
    ),
    "line break in a description": lambda: taxoloss.load(
        {"description": "a\r\nb\rc\n\td", "tree": ["a", "b"]}
    ),
    "blanks around a description": lambda: taxoloss.load(
        {"description": " \n a  \n\n", "tree": ["a", "b"]}
    ),
    "null in a head": lambda: taxoloss.load({"name": "null", "version": "~", "tree": ["~", "null"]}),
    "rows of a numpy array": lambda: Taxonomy.from_paths(np.array([["a", "b"], ["c", "d"]])),
    "empty description": lambda: taxoloss.load(
        {"description": "", "tree": [{"name": "a", "description": ""}, "b"]}
    ),
    "weights of many digits": lambda: taxoloss.load(
        {
            "levels": [{"name": "s", "weight": 5e-324}, {"name": "t", "weight": 1e308 / 3}],
            "tree": {"x": ["a", "b"]},
        }
    ),
    "graph that skips to a level": lambda: _skipping_graph(),
}


def _skipping_graph() -> Taxonomy:
    graph = nx.DiGraph([("r", "x"), ("x", "a"), ("r", "b")])
    graph.nodes["a"]["level"] = "species"
    return Taxonomy.from_graph(graph, ["order", "genus", "species"])


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@pytest.mark.parametrize("name", list(WRITABLE))
def test_what_can_be_made_can_be_saved_and_loaded(name: str, suffix: str, tmp_path: Path) -> None:
    """Either it is refused when it is made, or its saved file loads to the same."""
    try:
        t = WRITABLE[name]()
    except ValueError:
        return
    t.save(tmp_path / f"saved{suffix}")
    again = taxoloss.load(tmp_path / f"saved{suffix}")
    check_same(again, t)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=2, max_size=6))
@settings(max_examples=examples(150), deadline=None, derandomize=True)
def test_any_text_that_is_a_name_is_written_so_that_it_is_read(names: list[str]) -> None:
    """Quoted where YAML would take it for something else; a text for people too."""
    from taxoloss.taxonomy.file.reader import read_text
    from taxoloss.taxonomy.file.yaml_writer import yaml_text
    from taxoloss.taxonomy.names import name_faults, nfc

    good = list(dict.fromkeys(nfc(name) for name in names if not list(name_faults(name))))
    rows = [(f"top{i % 2}", name) for i, name in enumerate(good)] + [("x" * 2_000, "y"), ("z",)]
    t = taxoloss.Taxonomy.from_paths(rows).replace(description=" ".join(good * 9) or None)
    again = taxoloss.Taxonomy.from_values(*read_text(yaml_text(t)))
    assert (again.digest, again.description) == (t.digest, t.description)
    # other readers take every name as text too
    assert all(isinstance(name, str) for name in names_in(yaml.safe_load(yaml_text(t))["tree"]))


def names_in(children: Any) -> list[Any]:
    """Every name below, as another reader sees it."""
    if isinstance(children, dict):
        return [*children, *(name for below in children.values() if below for name in names_in(below))]
    found = []
    for item in children:
        found += [item["name"], *names_in(item.get("children", []))] if isinstance(item, dict) else [item]
    return found
