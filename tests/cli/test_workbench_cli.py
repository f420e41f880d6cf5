"""Parts of inspect, list, convert and shared options in real processes."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from command_line import GOOD, run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import examples
from rich.console import Console

import taxoloss
from taxoloss.cli.inspection.summary import render_summary
from taxoloss.taxonomy.bundled.catalog import bundled_names
from taxoloss.taxonomy.bundled.icd10cm import BUILT
from taxoloss.taxonomy.summary import summarize

COMMANDS = ["inspect", "init", "convert", "check", "diff", "schema", "list", "explain", "evaluate", "plot"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_its_exit_codes(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    shown = " ".join(done.stdout.split())
    assert f"Example: taxoloss {command}" in shown
    assert "Exit code 0" in shown


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@st.composite
def shapes(draw: st.DrawFn) -> list[tuple[str, ...]]:
    """Paths of a random tree, wide or deep, with leaves at any depth."""
    counts = draw(st.lists(st.sampled_from([1, 2, 3, 9, 12, 70]), min_size=1, max_size=4))
    paths: list[tuple[str, ...]] = [()]
    for level, count in enumerate(counts):
        below = [
            (*path, f"{level}.{number}")
            for path in paths
            for number in range(count if draw(st.booleans()) or path == () else 0)
        ]
        ended = [path for path in paths if path and not any(longer[:-1] == path for longer in below)]
        paths = (below + ended)[:150]
    return paths if len(paths) > 1 else [*paths, ("other",)]


@given(paths=shapes(), depth=st.none() | st.integers(1, 5), width=st.sampled_from([9, 40, 80, 160]))
@settings(max_examples=examples(100), deadline=None, derandomize=True)
def test_no_class_is_left_out_in_silence(
    paths: list[tuple[str, ...]], depth: int | None, width: int
) -> None:
    """The leaves that are shown and those that are told make all, at any depth and width."""
    t = taxoloss.Taxonomy.from_paths([(*path[:-1], path[-1] + "!") for path in paths])
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(render_summary(t, summarize(t), depth), crop=False)
    shown = console.file.getvalue().partition("\ntree")[2]  # type: ignore[attr-defined]
    told = 0
    for line in shown.splitlines():
        if (found := re.search(r"\.\.\. ([\d,]+) more(?:, ([\d,]+) class)?", line)) is not None:
            told += int((found[2] or found[1]).replace(",", ""))
    assert shown.count("!") + told == len(t)


def test_the_last_rows_of_a_tree() -> None:
    """Where there are rows enough, what is below the last nodes is counted; deep names have room."""
    rows = [(f"o{g // 5}", f"g{g}", f"s{g}_{i}") for g in range(15) for i in range(3)]
    groups = {f"g{g}": [f"s{g}_{i}" for i in range(3)] for g in range(15)}
    tree = {f"o{o}": dict(list(groups.items())[5 * o : 5 * o + 5]) for o in range(3)}
    done = run("inspect", "-", stdin=json.dumps({"tree": tree}))
    assert len(re.findall(r"s\d+_\d", done.stdout)) == 42
    assert "... 3 more" in done.stdout
    assert taxoloss.load({"tree": tree}) == taxoloss.Taxonomy.from_paths(rows)
    chain = "{a: " * 60 + "[deepest, other]" + "}" * 60
    done = run("inspect", "-", "--depth", "64", stdin=f"tree: {chain}")
    assert "── deepest" in done.stdout
    assert "── other" in done.stdout
