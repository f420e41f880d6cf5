"""The plan: integers of a binding, made once, that say what the tree says."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis_settings import examples
from trees import Case, taxonomies

import taxoloss
from taxoloss import Taxonomy
from taxoloss.taxonomy.plan import Plan, plan_of

ROWS = [("cat", "Bengal"), ("cat", "Siamese"), ("dog", "beagle"), ("fish",)]


def sample() -> tuple[Taxonomy, Plan]:
    """A small ragged tree in another order, and its plan."""
    t = Taxonomy.from_paths(ROWS).bind(["beagle", "fish", "Siamese", "Bengal"], node_targets=True)
    return t, plan_of(t)


@settings(max_examples=examples(60), deadline=None)
@given(taxonomies())
def test_the_classes_below_a_node_are_a_range(case: Case) -> None:
    """depth_first[start:stop] are the classes whose path starts with the node's."""
    t = case.taxonomy
    plan = plan_of(t)
    paths = t.paths()
    for node in range(t.num_nodes):
        path = t.path(node)
        below = {number for number, other in enumerate(paths) if other[: len(path)] == path}
        assert set(plan.depth_first[plan.start[node] : plan.stop[node]].tolist()) == below


@settings(max_examples=examples(60), deadline=None)
@given(taxonomies())
def test_a_target_counts_down_to_its_own_level(case: Case) -> None:
    """Where it counts, its node of a level holds all classes below it; classes count everywhere."""
    t = case.taxonomy
    plan = plan_of(t)
    assert plan.counted[: plan.num_classes].all()
    assert not plan.counted[-1].any()  # the root is on no level
    for level, index in enumerate(plan.class_to_node):
        for node in np.flatnonzero(plan.counted[:, level]):
            classes = plan.depth_first[plan.start[node] : plan.stop[node]]
            assert (index[classes] == plan.ancestors[node, level]).all()
            answer = plan.nodes[level][plan.ancestors[node, level]]
            assert plan.stop[answer] - plan.start[answer] >= len(classes)


def test_steps_compose_to_the_ancestors_of_the_classes() -> None:
    """Whatever levels are left out, going up step by step ends where class_to_node says."""
    _, plan = sample()
    for levels in ([0], [1], [0, 1]):
        node = np.arange(plan.num_classes)
        for level, group in plan.steps(levels):
            node = node if group is None else group[node]
            assert (node == plan.class_to_node[level]).all()


@settings(max_examples=60, deadline=None)
@given(taxonomies())
def test_a_parent_is_one_name_shorter(case: Case) -> None:
    """parent says what the paths say; the root's is itself."""
    t = case.taxonomy
    plan = plan_of(t)
    for node in range(t.num_nodes):
        assert t.path(int(plan.parent[node])) == t.path(node)[:-1]


@settings(max_examples=60, deadline=None)
@given(taxonomies())
def test_the_way_up_from_any_level_to_any_above(case: Case) -> None:
    """It takes each class's node on the one level to its node on the other."""
    plan = plan_of(case.taxonomy)
    for deeper in range(len(plan.levels)):
        for level in range(deeper + 1):
            up = plan.up(deeper, level)
            assert up.shape == (plan.widths[deeper],)
            assert (up[plan.class_to_node[deeper]] == plan.class_to_node[level]).all()


def test_one_plan_for_a_binding() -> None:
    """Equal bindings share a plan, other bindings have their own, and none outlives its taxonomy."""
    t, plan = sample()
    again, other = sample()[0], Taxonomy.from_paths(ROWS).bind()
    assert plan_of(again) is plan
    assert plan_of(other) is not plan
    kept = weakref.ref(plan)
    del t, plan, again
    gc.collect()
    assert kept() is None


def test_a_plan_needs_a_binding() -> None:
    """Nothing else is taken, and the message says how to bind."""
    with pytest.raises(ValueError, match=r"t\.bind\(dataset\.classes\)"):
        plan_of(Taxonomy.from_paths(ROWS))
    with pytest.raises(TypeError, match="expected a bound Taxonomy, got str 'pets'"):
        taxoloss.TaxonomyLoss("pets")  # type: ignore[arg-type]
