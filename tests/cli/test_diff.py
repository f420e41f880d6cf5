"""diff: what changed between two trees; migrate and evaluate: what it does to a head and to predictions."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_settings import CALM, examples

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.versions.migration import Migration

calm = settings(CALM, max_examples=examples(80))

OLD = {"levels": ["species", "breed"], "tree": {
    "cat": ["Bengal", "Siamese", "Sphynx"], "dog": ["pug", "beagle", "boxer", "hound"],
}}  # fmt: skip
NEW = {"levels": ["species", "breed"], "tree": [
    {"name": "Cat", "children": ["Bengal", "Siamese", "Peterbald"]},
    {"name": "dog", "children": [{"name": "beagle", "aliases": ["boxer"]}, "pugg", "fox"]},
    {"name": "hounds", "children": ["hound"]},
]}  # fmt: skip


def paths(changes: Any) -> list[tuple[str, str]]:
    """Old and new side of each change, as text."""
    return [("+".join("/".join(p) for p in c.old), "+".join("/".join(p) for p in c.new)) for c in changes]


def test_every_kind_of_change() -> None:
    found = taxoloss.load(OLD).diff(taxoloss.load(NEW))
    assert paths(found.added) == [("", "Cat/Peterbald"), ("", "dog/pugg"), ("", "dog/fox"), ("", "hounds")]
    assert paths(found.removed) == [("cat/Sphynx", ""), ("dog/pug", "")]
    assert paths(found.moved) == [("dog/hound", "hounds/hound")]
    assert paths(found.renamed) == [("cat", "Cat")]
    assert paths(found.merged) == [("dog/beagle+dog/boxer", "dog/beagle")]
    assert paths(found.likely) == [("dog/pug", "dog/pugg")]
    assert not found.split
    assert not found.same
    assert found.migration.sources == ((0,), (1,), (), (4, 5), (), (), (6,))
    assert found.migration.nodes[("cat", "Sphynx")] == ("Cat",)


def test_a_rename_that_is_said() -> None:
    """By name or path; a name that is not there is a ValueError with the nearest."""
    old, new = taxoloss.load(OLD), taxoloss.load(NEW)
    found = old.diff(new, {"pug": "dog/pugg"})
    assert ("dog/pug", "dog/pugg") in paths(found.renamed)
    assert found.migration.sources[4] == (3,)
    words = r"no node of the old tree is called `pugs`; did you mean `pug`"
    with pytest.raises(ValueError, match=words):
        old.diff(new, {"pugs": "pugg"})


def test_split_and_merged_by_a_level() -> None:
    """A class that got children, an inner node that became a class."""
    fine = taxoloss.load({"tree": {"cat": ["Bengal", "Siamese"], "dog": ["pug"]}})
    coarse = taxoloss.load({"tree": {"cat": None, "dog": ["pug"]}})
    down, up = coarse.diff(fine), fine.diff(coarse)
    assert paths(down.split) == [("cat", "cat/Bengal+cat/Siamese")]
    assert down.migration.sources == ((0,), (0,), (1,))
    assert paths(up.merged) == [("cat/Bengal+cat/Siamese", "cat")]
    assert up.migration.sources == ((0, 1), (2,))
    logits = torch.randn(5, 3, dtype=torch.float64)
    there = torch.from_numpy(up.migration.log_probs(logits.log_softmax(1).numpy()))
    torch.testing.assert_close(there.exp().sum(1), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(there[:, 0], logits.log_softmax(1)[:, :2].logsumexp(1))
    and_back = torch.from_numpy(down.migration.log_probs(there.numpy()))
    torch.testing.assert_close(and_back[:, 0], there[:, 0] - math.log(2))


def test_the_same_tree_in_another_order() -> None:
    t = taxoloss.load("pets")
    shuffled = t.bind(sorted(t.classes))
    found = t.bind().diff(shuffled)
    assert found.same
    assert found.reordered == sum(a != b for a, b in zip(t.classes, shuffled.classes, strict=True))


@st.composite
def edited(draw: Any) -> tuple[Taxonomy, Taxonomy, dict[str, str | None]]:
    """A tree of unique names, an edited one, and what became of each old class (None: removed)."""
    groups = draw(st.integers(2, 5))
    rows = [(f"g{g}", f"c{g}{i}") for g in range(groups) for i in range(draw(st.integers(2, 5)))]
    became: dict[str, str | None] = {}
    new_rows, aliases = [], {}
    for group, name in rows:
        how = draw(st.sampled_from(["keep", "keep", "keep", "move", "rename", "remove"]))
        here = f"g{draw(st.integers(0, groups - 1))}" if how == "move" else group
        new = f"new_{name}" if how == "rename" else name
        became[name] = None if how == "remove" else new
        if how == "rename":
            aliases[new] = name
        if how != "remove":
            new_rows.append((here, new))
    new_rows += [("extra", "x1"), ("extra", "x2")]
    draw(st.randoms()).shuffle(new_rows)
    old, new_tree = Taxonomy.from_paths(rows), Taxonomy.from_paths(new_rows)
    numbers = {new_tree.index.node(a): (b,) for a, b in aliases.items()}
    return old, new_tree.replace(aliases=numbers), became


@given(case=edited(), seed=st.integers(0, 99))
@calm
def test_a_migrated_head_says_what_the_old_one_said(case: Any, seed: int) -> None:
    """Each class that is left has the logit that it had, wherever its column is now."""
    old, new, became = case
    draw = np.random.default_rng(seed)
    old, new = old.bind(draw.permutation(old.classes)), new.bind(draw.permutation(new.classes))
    migration = old.diff(new).migration
    sizes = (4, 3), (len(old), 3), len(old)
    x, weight, bias = (torch.from_numpy(draw.normal(size=size)) for size in sizes)
    if not any(migration.sources):
        with pytest.raises(ValueError, match="no new class comes from an old one"):
            new.migrate(weight, bias, migration=migration)
        return
    moved = new.migrate(weight, bias, migration=migration)
    before, after = x @ weight.T + bias, x @ moved[0].T + moved[1]
    mapped = migration.log_probs(before.numpy())
    for name, there in became.items():
        if there is not None:
            column = new.classes.index(there)
            torch.testing.assert_close(after[:, column], before[:, old.classes.index(name)])
            np.testing.assert_allclose(mapped[:, column], before[:, old.classes.index(name)])
    assert set(np.isneginf(mapped[0]).nonzero()[0]) == {new.classes.index(n) for n in ("x1", "x2")}
    torch.testing.assert_close(moved[0][new.classes.index("x1")], weight[kept_columns(migration)].mean(0))


def kept_columns(migration: Migration) -> list[int]:
    """The old columns that some new class comes from: the relatives of a class in a new branch."""
    return sorted({column for of in migration.sources for column in of})


@given(case=edited())
@calm
def test_the_map_is_a_file(case: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What was saved loads to the same map."""
    old, new, _ = case
    migration = old.diff(new).migration
    path = tmp_path_factory.mktemp("map") / "m.json"
    migration.save(path)
    again = Migration.load(path)
    assert again == dataclasses.replace(migration, nodes=dict(migration.nodes))


def test_merged_rows_are_exact_where_they_are_equal() -> None:
    """Two equal rows: the probability of the merged class is the sum of theirs."""
    old = taxoloss.load({"tree": {"a": ["x", "y"], "b": ["z"]}}).bind()
    new = taxoloss.load({"tree": {"a": None, "b": ["z"]}}).bind()
    row = torch.randn(2)
    weight, bias = torch.stack([row, row, torch.randn(2)]), torch.tensor([0.5, 0.5, -1.0])
    moved = new.migrate(weight, bias, migration=old.diff(new).migration)
    x = torch.randn(6, 2)
    before, after = (x @ weight.T + bias).softmax(1), (x @ moved[0].T + moved[1]).softmax(1)
    torch.testing.assert_close(after[:, 0], before[:, :2].sum(1))
    convolution, none = new.migrate(weight[:, :, None, None], migration=old.diff(new).migration)
    assert (convolution.shape, none) == ((2, 2, 1, 1), None)


def test_a_map_to_another_tree_is_refused() -> None:
    old, new = taxoloss.load(OLD), taxoloss.load(NEW)
    migration = old.diff(new).migration
    with pytest.raises(ValueError, match="expected a map to this taxonomy"):
        new.bind().migrate(torch.zeros(7, 2), migration=migration)
    with pytest.raises(ValueError, match="expected a weight of 7 old classes, got 5 rows"):
        new.migrate(torch.zeros(5, 2), migration=migration)
    with pytest.raises(ValueError, match=r"expected \(N, 7\) values"):
        migration.log_probs(np.zeros((2, 3)))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"taxoloss": "migration 2"}', "[" * 100_000])
def test_what_is_no_map(text: str, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"m\.json is no map"):
        Migration.load(path)


# -- the command, and old predictions --------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    taxoloss.load(OLD).save("old.yaml")
    taxoloss.load(NEW).save("new.yaml")
    return tmp_path


def test_the_command(folder: Path) -> None:
    done = run("diff", "old.yaml", "new.yaml", "--map", "m.json")
    assert done.returncode == 0
    assert done.stderr == "wrote m.json\n"
    for line in (
        "merged: 1 class", "  dog/beagle + dog/boxer -> dog/beagle",
        "perhaps renamed: dog/pug -> dog/pugg", "a head of 7 columns becomes one of 7: 3 kept, ",
        "0 of them elsewhere; 1 merged; 3 new; 2 dropped",
    ):  # fmt: skip
        assert line in done.stdout
    data = json.loads(run("diff", "old.yaml", "new.yaml", "--rename", "pug=pugg", "--json").stdout)
    assert data["columns"]["sources"] == [[0], [1], [], [4, 5], [3], [], [6]]
    assert "the trees are the same" in run("diff", "pets", "pets").stdout
    assert run("diff", "old.yaml", "new.yaml", "--rename", "pug").returncode == 2
    assert run("diff", "old.yaml", "new.yaml", "--rename", "x=pugg").returncode == 2
    assert run("diff", "old.yaml", "none.yaml").returncode == 1


def test_heads_with_classes_above_others(folder: Path) -> None:
    """--inner-classes: as `bind(names, inner_classes=True)` says it, of the lists that are given."""
    names = ["Siamese", "cat", "Bengal", "Sphynx", "pug", "beagle", "boxer", "hound"]
    Path("o.txt").write_text("\n".join(names) + "\n")
    assert "T305" in run("diff", "old.yaml", "old.yaml", "--old-classes", "o.txt").stderr
    done = run(
        "diff", "old.yaml", "new.yaml", "--old-classes", "o.txt", "--inner-classes", "--map", "m.json"
    )
    assert done.returncode == 0, done.stderr
    before = taxoloss.load("old.yaml").bind(names, inner_classes=True)
    assert (
        before.diff(taxoloss.load("new.yaml").bind()).migration.sources == Migration.load("m.json").sources
    )
    scope: dict[str, Any] = {}
    exec(done.stdout.partition("in Python: ")[2].partition("\n")[0], scope)
    assert scope["migration"].sources == Migration.load("m.json").sources
    both = ("--old-classes", "o.txt", "--new-classes", "o.txt", "--inner-classes", "--json")
    data = json.loads(run("diff", "old.yaml", "old.yaml", *both).stdout)
    assert data["columns"]["sources"] == [[i] for i in range(8)]
    assert run("diff", "old.yaml", "new.yaml", "--inner-classes").returncode == 2


@pytest.mark.slow
def test_old_predictions_are_evaluated_on_the_new_tree(folder: Path) -> None:
    """As if they had been mapped by hand; a target that is gone counts as the node above it."""
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(40, 7))
    names = ["Bengal", "Siamese", "Sphynx", "pug", "beagle", "boxer", "hound"]
    truth = draw.integers(0, 7, 40)
    shuffled = draw.permutation(7)
    rows = [",".join(["target", *(names[i] for i in shuffled)])]
    for row, y in zip(logits[:, shuffled], truth, strict=True):
        rows.append(",".join([names[y], *(f"{value:.6f}" for value in row)]))
    Path("old.csv").write_text("\n".join(rows) + "\n")
    assert run("diff", "old.yaml", "new.yaml", "--map", "m.json").returncode == 0
    done = run("evaluate", "new.yaml", "old.csv", "--migration", "m.json", "--values", "logits", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["metrics"]
    new = taxoloss.load(NEW).bind(node_targets=True)
    mapped = Migration.load("m.json").log_probs(np.round(logits, 6))
    target = ["Bengal", "Siamese", "Cat", "dog", "beagle", "beagle", "hound"]
    wanted = new.node_ids([target[y] for y in truth])
    scores = taxoloss.metrics.collection(new)(torch.from_numpy(mapped), wanted)
    for name, value in scores.items():
        if name in found and found[name]["value"] is not None:
            assert found[name]["value"] == pytest.approx(float(value), abs=1e-5), name
    assert found["accuracy/species"]["value"] > 0


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("column", "target", "words"),
    [("pugs", "pug", "column `pugs`: did you mean `pug`?"),
     ("pug", "wolf", "row 1 (line 2): expected an old class")],
)  # fmt: skip
def test_predictions_that_are_not_the_old_ones(column: str, target: str, words: str, folder: Path) -> None:
    run("diff", "old.yaml", "new.yaml", "--map", "m.json")
    header = f"target,Bengal,Siamese,Sphynx,{column},beagle,boxer,hound"
    Path("p.csv").write_text(f"{header}\n{target},1,2,3,4,5,6,7\n")
    done = run("evaluate", "new.yaml", "p.csv", "--migration", "m.json", "--values", "logits")
    assert done.returncode == 1
    assert words in done.stderr
