"""Classes above other classes: how they are bound, kept, and told from trees without them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import run
from hypothesis import given
from hypothesis_settings import SETTINGS
from inner_cases import CLASSES, SEA, InnerCase, inner_cases
from trees import Case, seeds, taxonomies

import taxoloss
from taxoloss import Taxonomy, TaxonomyLoss, heads, weighting
from taxoloss.errors.faults import BindingError
from taxoloss.functional.log_probs import cached_log_probs
from taxoloss.taxonomy.class_names import Name


@pytest.fixture
def plain() -> Taxonomy:
    """The tree, not bound."""
    return Taxonomy.from_paths(SEA, ["family", "genus", "species"])


@pytest.fixture
def sea(plain: Taxonomy) -> Taxonomy:
    """Bound to species, a family and a genus."""
    return plain.bind(CLASSES, node_targets=True, inner_classes=True)


def codes(error: BindingError) -> list[str]:
    """The codes of the faults."""
    return [fault.code for fault in error.faults]


# -- what is bound ---------------------------------------------------------------------------------


def test_the_classes_are_what_the_dataset_says(plain: Taxonomy, sea: Taxonomy) -> None:
    """Names in order; a leaf of its own, the first below its node; ids as everywhere."""
    assert sea.classes == tuple(CLASSES)
    assert sea.paths()[0] == ("Octopodidae", "Octopodidae")
    assert sea.paths()[-1] == ("Sebastidae", "Sebastes", "Sebastes")
    assert sea.num_nodes == plain.num_nodes + 2
    assert sea.nodes("family") == plain.nodes("family")
    assert sea.nodes("genus") == ("Octopodidae", "Octopus", "Muusoctopus", "Sebastes", "Sebastolobus")
    assert sea.node_ids(CLASSES).tolist() == list(range(len(CLASSES)))
    assert sea.node_ids(sea.paths()).tolist() == list(range(len(CLASSES)))
    assert plain.num_nodes == 12
    assert plain.order is None


def test_names_and_paths_of_such_a_class(sea: Taxonomy) -> None:
    """Its name and its node's path are the class; the inner node is asked for by name."""
    for name in ("Sebastes", ("Sebastidae", "Sebastes"), "Sebastidae/Sebastes", sea.paths()[-1]):
        assert sea.node_id(name) == len(CLASSES) - 1
        inner = sea.node_id(name, inner=True)
        assert sea.path(inner) == ("Sebastidae", "Sebastes")
    assert sea.node_id("Octopus") == sea.node_id("Octopus", inner=True) >= len(CLASSES)
    assert sea.node_id("Octopus cyanea", inner=True) == CLASSES.index("Octopus cyanea")
    names = [*CLASSES, "Octopus"]
    inner_ids = [sea.node_id(name, inner=True) for name in names]
    assert sea.node_ids(names, inner=True).tolist() == inner_ids
    assert sea.targets([*names, ""], ignore_index=-100, inner=True).tolist() == [*inner_ids, -100]
    assert sea.node_ids(CLASSES).tolist() == sea.targets(CLASSES).tolist() == [*range(len(CLASSES))]
    info = sea.describe([len(CLASSES) - 1])[0]
    assert info == ("Sebastes", "genus", ("Sebastidae", "Sebastes", "Sebastes"))


def test_an_alias_and_a_path_may_name_it(plain: Taxonomy) -> None:
    """As for leaves; the alias and the description stay with the node."""
    node = plain.index.node("Octopodidae")
    t = taxoloss.load(
        {
            "tree": [
                {
                    "name": "Octopodidae",
                    "aliases": ["octopods"],
                    "description": "eight arms",
                    "children": ["rubescens", "cyanea"],
                },
                "squid",
            ]
        }
    )
    bound = t.bind(["squid", "octopods", ("Octopodidae", "cyanea"), "rubescens"], inner_classes=True)
    assert bound.classes == ("squid", "Octopodidae", "cyanea", "rubescens")
    assert bound.node_id("octopods") == 1
    assert bound.aliases == {1: ("octopods",)}
    assert bound.descriptions == {1: "eight arms"}
    assert node == 1


def test_no_inner_class_is_an_ordinary_binding(plain: Taxonomy) -> None:
    """The option alone changes nothing, whatever the tree: also one with a single level."""
    names = [row[-1] for row in SEA]
    assert plain.bind(names, inner_classes=True) == plain.bind(names)
    assert plain.bind(names, inner_classes=True).tree.own is None
    flat = taxoloss.load({"tree": ["a", "b", "c"]})
    assert flat.bind(["c", "a", "b"], inner_classes=True) == flat.bind(["c", "a", "b"])


@given(case=taxonomies())
@SETTINGS
def test_the_option_alone_changes_nothing(case: Case) -> None:
    paths = [case.path(node) for node in case.order]
    assert case.taxonomy.bind(paths, inner_classes=True) == case.taxonomy.bind(paths)


def test_it_is_bound_again(plain: Taxonomy, sea: Taxonomy) -> None:
    """By names or paths, in another order, with more such classes, and from the tree by its paths."""
    assert sea.bind(CLASSES, node_targets=True) == sea
    assert sea.bind(CLASSES, node_targets=True, inner_classes=True) == sea
    assert plain.bind(sea.paths(), node_targets=True, inner_classes=True) == sea
    turned = sea.bind(CLASSES[::-1])
    assert turned.classes == tuple(CLASSES[::-1])
    assert turned != sea
    more = sea.bind([*CLASSES, "Muusoctopus"], inner_classes=True)
    assert more == plain.bind([*CLASSES, "Muusoctopus"], inner_classes=True)


@given(case=inner_cases())
@SETTINGS
def test_random_trees(case: InnerCase) -> None:
    """Paths name classes both ways; ids of inner nodes are those of the tree, moved by the new classes."""
    t, count = case.taxonomy, len(case.nodes)
    assert t.classes == tuple(path[-1] for path in case.paths)
    assert t.node_ids(case.paths).tolist() == t.node_ids(t.paths()).tolist() == list(range(count))
    assert len(set(t.paths())) == count
    before = case.unbound.bind()
    moved = t.num_nodes - before.num_nodes
    shift = moved  # as many ids as there are new leaves
    for inner in range(len(before), before.num_nodes):
        assert t.path(inner + shift) == before.path(inner)
    assert case.unbound.bind(t.paths(), node_targets=True, inner_classes=True) == t


# -- what is refused -------------------------------------------------------------------------------


def test_without_the_option_the_message_says_it(plain: Taxonomy) -> None:
    with pytest.raises(BindingError) as caught:
        plain.bind(CLASSES)
    assert codes(caught.value) == ["T305", "T305"]
    assert "inner_classes=True" in str(caught.value)


def test_what_cannot_be_a_class(plain: Taxonomy) -> None:
    """The root; a name of two nodes; one node twice; a leaf that is left out; a child of the same name."""
    every = [row[-1] for row in SEA]
    with pytest.raises(BindingError) as caught:
        plain.bind([*every, ()], inner_classes=True)
    assert codes(caught.value) == ["T305"]
    assert "is the root" in str(caught.value)
    assert "inner_classes" not in str(caught.value)
    with pytest.raises(BindingError) as caught:
        plain.bind([*every, "Sebastes", ("Sebastidae", "Sebastes")], inner_classes=True)
    assert codes(caught.value) == ["T303"]
    with pytest.raises(BindingError) as caught:
        plain.bind([*CLASSES[:-2], "Sebastes"], inner_classes=True)
    assert codes(caught.value) == ["T301"]
    with pytest.raises(ValueError, match="needs class_names"):
        plain.bind(inner_classes=True)
    t = taxoloss.load({"tree": {"gorilla": ["gorilla", "beringei"], "pan": ["paniscus"]}})
    leaves: list[Name] = [("gorilla", "gorilla"), "beringei", "paniscus"]
    with pytest.raises(BindingError) as caught:
        t.bind([*leaves, "gorilla"], inner_classes=True)
    assert codes(caught.value) == ["T304"]
    with pytest.raises(BindingError) as caught:
        t.bind([*leaves, ("gorilla",)], inner_classes=True)
    assert codes(caught.value) == ["T305"]
    assert "a child of it is called so too" in str(caught.value)


def test_a_name_of_a_leaf_and_of_an_inner_node_is_not_guessed() -> None:
    """Without the option the leaf is meant; with it either may be, and the path says which."""
    t = taxoloss.load({"tree": {"plant": {"Prunella": ["vulgaris", "alba"]}, "bird": ["Prunella", "wren"]}})
    rest = ["vulgaris", "alba", "wren"]
    assert t.bind(["Prunella", *rest]).paths()[0] == ("bird", "Prunella")
    with pytest.raises(BindingError) as caught:
        t.bind([("bird", "Prunella"), "Prunella", *rest], inner_classes=True)
    assert codes(caught.value) == ["T304"]
    both = t.bind(["bird/Prunella", "plant/Prunella", *rest], inner_classes=True)
    assert both.paths()[:2] == (("bird", "Prunella"), ("plant", "Prunella", "Prunella"))


# -- restrict --------------------------------------------------------------------------------------


def test_restrict(plain: Taxonomy, sea: Taxonomy) -> None:
    """Of the tree and of the bound one alike; a node whose classes are gone is a leaf."""
    names = ["Sebastes", "Octopodidae", "Octopus cyanea"]
    found = plain.restrict(names, inner_classes=True)
    assert found.classes == tuple(names)
    assert found.paths() == (
        ("Sebastidae", "Sebastes"),
        ("Octopodidae", "Octopodidae"),
        ("Octopodidae", "Octopus", "Octopus cyanea"),
    )
    assert found == sea.restrict(names)
    leaves = plain.restrict(["Octopodidae", "Sebastidae"], inner_classes=True)
    assert leaves.tree.own is None
    assert leaves.paths() == (("Octopodidae",), ("Sebastidae",))
    with pytest.raises(BindingError, match="inner_classes=True"):
        plain.restrict(names)


@given(case=inner_cases(), rng=seeds)
@SETTINGS
def test_restrict_of_random_trees(case: InnerCase, rng: np.random.Generator) -> None:
    """From the tree or from what is bound; distances of the classes that stay are what they were."""
    count = len(case.nodes)
    kept = rng.permutation(count)[: int(rng.integers(2, count + 1))]
    names = [case.paths[i] for i in kept]
    found = case.unbound.restrict(names, inner_classes=True)
    assert found == case.taxonomy.restrict([case.taxonomy.paths()[i] for i in kept])
    assert found == taxoloss.Taxonomy.from_dict(json.loads(json.dumps(found.to_dict())))
    size = len(kept)
    a, b = torch.arange(size).repeat_interleave(size), torch.arange(size).repeat(size)
    edges = taxoloss.metrics.TreeInducedError(found).rows(a, b).values[:, 0].tolist()
    assert edges == [case.edges(int(kept[i]), int(kept[j])) for i, j in zip(a, b, strict=True)]


# -- kept and told apart ---------------------------------------------------------------------------

COPIES: list[Callable[[Taxonomy], Taxonomy]] = [
    lambda t: pickle.loads(pickle.dumps(t)),
    copy.deepcopy,
    lambda t: Taxonomy.from_dict(t.to_dict()),
    lambda t: Taxonomy.from_dict(json.loads(json.dumps(t.to_dict()))),
]


@pytest.mark.parametrize("copied", COPIES)
def test_copies_are_equal(sea: Taxonomy, copied: Callable[[Taxonomy], Taxonomy]) -> None:
    """Tree, digests, ids, and the distance that tells it from a tree with plain leaves."""
    again = copied(sea)
    assert again == sea
    assert again.to_dict() == sea.to_dict()
    assert again.binding_digest == sea.binding_digest
    assert again.digest == sea.digest
    pair = torch.tensor([0]), torch.tensor([1])
    assert float(taxoloss.metrics.functional.tree_induced_error(*pair, again)) == 2


def by_hand() -> Taxonomy:
    """The same tree with explicit leaves in the place of the classes' own."""
    rows = [("Octopodidae", "Octopodidae"), *SEA]
    rows.insert(4, ("Sebastidae", "Sebastes", "Sebastes"))
    return Taxonomy.from_paths(rows, ["family", "genus", "species"]).bind(
        [("Octopodidae", "Octopodidae"), *(row[-1] for row in SEA), ("Sebastidae", "Sebastes", "Sebastes")],
        node_targets=True,
    )


def test_it_is_another_binding_than_a_tree_with_such_leaves(sea: Taxonomy) -> None:
    """The nodes are the same, what metrics say is not: a stored digest tells them apart."""
    plain = by_hand()
    assert plain.paths() == sea.paths()
    assert plain.tree.names == sea.tree.names
    assert plain != sea
    assert plain.digest != sea.digest
    assert not plain.same_binding(sea.binding_digest)
    pair = torch.tensor([0]), torch.tensor([1])
    assert float(taxoloss.metrics.functional.tree_induced_error(*pair, plain)) == 3


@pytest.mark.parametrize("own", [[1], [2, 1], [3], [99], [2, 2], [0], [-1], [2**70], ["2"], [True]])
def test_a_dict_that_was_changed_is_refused(sea: Taxonomy, own: list[Any]) -> None:
    """Numbers that are no such leaves, or other ones."""
    data = sea.to_dict()
    assert data["own_leaves"] == [2, 10]
    with pytest.raises(ValueError, match=r"own_leaves|digest"):
        Taxonomy.from_dict({**data, "own_leaves": own})
    with pytest.raises(ValueError, match="digest"):
        Taxonomy.from_dict({key: value for key, value in data.items() if key != "own_leaves"})


def test_a_file_holds_the_tree_alone(plain: Taxonomy, sea: Taxonomy, tmp_path: Path) -> None:
    """As it does not hold the order: bound by the same names it is the same again."""
    for name in ("t.yaml", "t.json"):
        sea.save(tmp_path / name)
        again = taxoloss.load(tmp_path / name)
        assert again.digest == plain.digest
        assert again.bind(CLASSES, node_targets=True, inner_classes=True) == sea


# -- loss and heads --------------------------------------------------------------------------------


WEIGHTS: list[Any] = [
    None,
    {"family": 0.2, "genus": 0.3, "species": 0.5},
    weighting.uniform(),
    weighting.balanced(),
    weighting.deepest(),
    weighting.geometric(0.7),
    weighting.hxe(0.3),
    weighting.label_balanced([5, 1, 2, 3, 4, 6, 7]),
]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_loss_is_that_of_a_tree_with_such_leaves(sea: Taxonomy, weights: Any) -> None:
    """Values and gradients, for classes and inner nodes as targets."""
    z = torch.randn(sea.num_nodes - 1, len(sea), generator=torch.Generator().manual_seed(0))
    found = []
    for t in (sea, by_hand()):
        logits = z.clone().requires_grad_()
        loss = TaxonomyLoss(t, weights)(logits, torch.arange(len(z)))
        loss.backward()
        assert logits.grad is not None
        found.append((loss.detach(), logits.grad))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


def test_the_probability_of_a_node_counts_its_class(sea: Taxonomy) -> None:
    """P(family) = P(the class) + P(its species); the matrix and the log-probabilities say so."""
    z = torch.randn(4, len(sea), generator=torch.Generator().manual_seed(1)).double()
    p = torch.softmax(z, 1)
    octopods = p[:, :4].sum(1)
    torch.testing.assert_close(
        (p.float() @ sea.aggregation_matrix("family"))[:, 0].double(), octopods, rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(cached_log_probs(sea, z.device)(z)[0].all()[:, 0].exp(), octopods)


@pytest.mark.parametrize("head", sorted(set(heads.__all__) - {"TaxonomyOutput"}))
def test_heads(head: str, sea: Taxonomy) -> None:
    """Each has an output a class, the same as for a tree with such leaves."""
    kind = getattr(heads, head)
    features, found = torch.randn(3, 8, generator=torch.Generator().manual_seed(2)), []
    for t in (sea, by_hand()):
        torch.manual_seed(0)
        made = kind(8, t)
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter)
        found.append(made(features))
    assert found[0].shape == (3, len(sea))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


# -- other versions --------------------------------------------------------------------------------


def test_diff_and_migrate(plain: Taxonomy, sea: Taxonomy) -> None:
    """A head without the family gets a row for it; a renamed family keeps its class's row."""
    before = plain.bind([row[-1] for row in SEA])
    found = before.diff(sea)
    assert [change.new[0] for change in found.added] == [
        path for path in sea.paths() if path[-1] in path[:-1]
    ]
    weight, _ = sea.migrate(np.eye(5), migration=found.migration)
    assert weight.shape == (7, 5)
    assert (weight[1:6] == np.eye(5)).all()
    rows = [("Octopus family", *row[1:]) if row[0] == "Octopodidae" else row for row in SEA]
    names = ["Octopus family", *CLASSES[1:]]
    after = Taxonomy.from_paths(rows, plain.levels).bind(names, inner_classes=True)
    found = sea.diff(after, {"Octopodidae": "Octopus family"})
    assert found.migration.sources == tuple((i,) for i in range(7))
    assert not found.added
    assert not found.removed


# -- command line ----------------------------------------------------------------------------------


@pytest.fixture
def folder(plain: Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tree and a list of classes."""
    monkeypatch.chdir(tmp_path)
    plain.save("sea.yaml")
    Path("classes.txt").write_text("\n".join(CLASSES) + "\n")
    return tmp_path


def test_check_prints_the_line_that_binds(folder: Path) -> None:
    """Without the option exit 1 and the option; with it a line of Python that runs."""
    done = run("check", "sea.yaml", "--classes", "classes.txt")
    assert done.returncode == 1
    assert "--inner-classes" in done.stdout
    assert "T305" in done.stderr
    done = run("check", "sea.yaml", "--classes", "classes.txt", "--inner-classes")
    assert done.returncode == 0, done.stderr
    assert "7 fit; 0 leaves without a class; 0 unknown" in done.stdout
    assert (
        "2 of the names are inner nodes: Octopodidae, Sebastes; each has a leaf of its own" in done.stdout
    )
    assert "inner_classes=True)" in done.stdout
    scope: dict[str, Any] = {}
    exec(done.stdout.partition("in Python: ")[2], scope)
    assert scope["t"].classes == tuple(CLASSES)
    found = json.loads(
        run("check", "sea.yaml", "--classes", "classes.txt", "--inner-classes", "--json").stdout
    )
    assert found["valid"]
    assert found["inner"] == ["Octopodidae", "Sebastes"]


def test_check_of_a_subset_and_of_plain_classes(folder: Path) -> None:
    """restrict gets the option too; where no class is an inner node the line does not need it."""
    Path("some.txt").write_text("Octopodidae\nSebastes diploproa\nOctopus cyanea\n")
    done = run("check", "sea.yaml", "--classes", "some.txt", "--subset", "--inner-classes")
    assert done.returncode == 0, done.stderr
    scope: dict[str, Any] = {}
    exec(done.stdout.partition("in Python: ")[2], scope)
    assert scope["t"].classes == ("Octopodidae", "Sebastes diploproa", "Octopus cyanea")
    Path("leaves.txt").write_text("\n".join(row[-1] for row in SEA))
    done = run("check", "sea.yaml", "--classes", "leaves.txt", "--inner-classes")
    assert done.returncode == 0
    assert "inner_classes" not in done.stdout
    done = run("check", "sea.yaml", "--classes", "classes.txt", "--inner-classes", "--node-targets")
    assert done.returncode == 2


def test_evaluate(folder: Path) -> None:
    """Columns may be inner nodes; the score is the contest's."""
    header = ",".join([*CLASSES, "target"])
    one = ",".join(["5", *["0"] * 6, "Octopus cyanea"])
    two = ",".join(["0", "5", *["0"] * 5, "Octopodidae"])
    Path("p.csv").write_text("\n".join([header, one, two]) + "\n")
    usual = ("evaluate", "sea.yaml", "p.csv", "--values", "logits", "--csv")
    assert run(*usual).returncode == 1
    done = run(*usual, "--inner-classes")
    assert done.returncode == 0, done.stderr
    scores = dict(line.split(",")[:2] for line in done.stdout.splitlines()[1:])
    assert float(scores["tree_induced_error"]) == 2.0
    Path("short.csv").write_text(
        header.replace(",Sebastes,", ",") + "\n" + one.replace("5,0", "5", 1) + "\n"
    )
    done = run(*usual[:2], "short.csv", *usual[3:], "--inner-classes", "--classes", "classes.txt")
    assert done.returncode == 1
