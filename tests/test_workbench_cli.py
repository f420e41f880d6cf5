"""Parts of inspect, list, convert and shared options in real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import GOOD, run

import taxoloss
from taxoloss.built import BUILT
from taxoloss.catalog import bundled_names

COMMANDS = ["inspect", "init", "convert", "check", "diff", "schema", "list", "explain", "evaluate", "plot"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_its_exit_codes(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    shown = " ".join(done.stdout.split())
    assert f"Example: taxoloss {command}" in shown
    assert "Exit code 0" in shown


def test_inspect_finds_names() -> None:
    """Exact, by alias, by a part of a name whatever its case; else the nearest name is shown."""
    assert "dog/Beagle" not in run("inspect", "pets", "--find", "beagle").stdout
    (found,) = json.loads(run("inspect", "pets", "--find", "Maine Coon", "--json").stdout)["found"]
    assert (found["path"], found["is_class"]) == (["cat", "Maine_Coon"], True)
    assert found["aliases"] == ["Maine Coon"]
    parts = json.loads(run("inspect", "pets", "--find", "TERRIER", "--json").stdout)["found"]
    assert len(parts) == 5
    done = run("inspect", "pets", "--find", "Bengall")
    assert "no node is called `Bengall`. did you mean `Bengal`?" in done.stdout
    assert "cat/Bengal" in done.stdout
    assert json.loads(run("inspect", "pets", "--find", "zzz", "--json").stdout)["found"] == []


def test_inspect_lists_a_level() -> None:
    """The largest first, cut at 60; a level that is not there is wrong usage."""
    done = run("inspect", "isic4", "--level", "division")
    assert "level division  88 nodes" in done.stdout
    assert "... 28 more (all with --json)" in done.stdout
    nodes = json.loads(run("inspect", "isic4", "--level", "section", "--json").stdout)["nodes"]
    assert (len(nodes), nodes[0]["path"], nodes[0]["classes"]) == (21, ["C"], 137)
    done = run("inspect", "pets", "--level", "bred")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean `breed`?" in done.stderr


def test_inspect_shows_the_tree_to_a_depth() -> None:
    shallow, deep = (run("inspect", "pets", "--depth", depth).stdout for depth in ("1", "2"))
    assert "Abyssinian" not in shallow
    assert deep.count("── ") == 39


def test_the_facts_of_a_level() -> None:
    """Entropy in bits, classes that end above, the loss of equal logits."""
    text = "levels: [a, b]\ntree: {x: [p, q], y: [r], z: }\n"
    facts = json.loads(run("inspect", "-", "--json", stdin=text).stdout)
    top, low = facts["levels"]
    assert (top["nodes"], top["ended_above"], low["ended_above"], low["entropy_bits"]) == (3, 0, 1, 2)
    assert top["entropy_bits"] == 1.5
    assert facts["chance_loss"] == pytest.approx((top["chance_loss"] + low["chance_loss"]) / 2)


@pytest.mark.filterwarnings("ignore:.* is deprecated. Use files:DeprecationWarning")
def test_list_has_every_bundled_tree() -> None:
    """With the sizes that building them gives."""
    done = run("list", "--json")
    trees = {tree["name"]: tree for tree in json.loads(done.stdout)}
    assert tuple(trees) == bundled_names()
    for name, tree in trees.items():
        assert tree["source"]
        assert tree["licence"]
        if name not in BUILT or tree["available"]:
            t = taxoloss.load(name)
            assert (tree["classes"], tuple(tree["levels"])) == (len(t), t.levels)
    assert all(name in run("list").stdout for name in trees)


@pytest.mark.filterwarnings("ignore:.* is deprecated. Use files:DeprecationWarning")
def test_the_large_tree_comes_from_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tree from the package, from the cache, where it is damaged or cannot be written."""
    pytest.importorskip("simple_icd_10_cm")
    monkeypatch.setenv("TAXOLOSS_CACHE", str(tmp_path / "c"))
    built = BUILT["icd10cm_full"].build
    first = built()
    (file,) = (tmp_path / "c").iterdir()
    second = built()
    assert first.digest == second.digest
    assert first.descriptions == second.descriptions
    assert len(first.tree) == 98_494
    file.write_bytes(file.read_bytes()[:-10])
    assert built().digest == first.digest
    monkeypatch.setenv("TAXOLOSS_CACHE", "/dev/null/nowhere")
    assert built().digest == first.digest


def test_convert_to_files_and_to_standard_output(tmp_path: Path) -> None:
    """By suffix, by --to, by --layout; a file is not written over without --force."""
    source = tmp_path / "t.yaml"
    source.write_text(GOOD.rstrip() + "  # dogs\n", encoding="utf-8")
    starts = {"a.json": "{", "a.csv": "species,breed\n", "a.nwk": "((", "a.dot": "digraph"}
    starts |= {"a.mmd": "flowchart", "a.tsv": "species\tbreed\n", "a.svg": "<?xml"}
    for name, start in starts.items():
        done = run("convert", str(source), str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert run("convert", str(source), str(tmp_path / "a.json")).returncode == 2
    assert run("convert", str(source), str(tmp_path / "a.json"), "--force").returncode == 0
    assert run("convert", str(source), "-", "--layout", "edges").stdout.startswith("id,parent,name")
    assert "  dog:  # dogs\n" in run("convert", str(source), "-", "--to", "yaml").stdout
    for wrong in (["-"], ["x.doc"], ["x.json", "--layout", "edges"], ["-", "--to", "nwk"]):
        assert run("convert", str(source), *wrong).returncode == 2
    assert run("convert", str(tmp_path / "none.yaml"), "-", "--to", "dot").returncode == 1


def test_limits_on_the_command_line(tmp_path: Path) -> None:
    """--limit moves them, down too; the fault says how."""
    source = tmp_path / "t.yaml"
    source.write_text(GOOD, encoding="utf-8")
    done = run("inspect", str(source), "--limit", "bytes=10")
    assert done.returncode == 1
    assert "T111: the file is larger than 10 bytes" in done.stderr
    assert "--limit" in done.stderr
    assert run("inspect", str(source), "--limit", "nodes=3", "--limit", "levels=2").returncode == 1
    assert run("inspect", str(source), "--limit", "levels=2").returncode == 0
    assert run("inspect", "-", "--limit", "bytes=10", stdin=GOOD).returncode == 1
    for wrong in ("nodes=x", "depth=3", "levels=1000", "nodes=0"):
        assert run("inspect", str(source), "--limit", wrong).returncode == 2
