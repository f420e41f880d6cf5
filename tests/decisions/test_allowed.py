"""`allowed=` takes any iterable of node ids, and is read once; decisions keep to the logits' device."""

from __future__ import annotations

import inspect
from collections import Counter, UserDict, deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from calibration_rows import TREE, rows

from taxoloss import Taxonomy, decisions

IDS = [0, 5, 11, 26, TREE.node_id(("g1", "s10"))]
LOGITS, TARGET = rows(80, seed=1)

#: The same node ids, as people have them.
FORMS: dict[str, Callable[[], Any]] = {
    "tuple": lambda: tuple(IDS),
    "set": lambda: set(IDS),
    "frozenset": lambda: frozenset(IDS),
    "iterator": lambda: iter(IDS),
    "generator": lambda: (i for i in IDS),
    "map": lambda: map(int, IDS),
    "dict": lambda: dict.fromkeys(IDS),
    "dict_keys": lambda: dict.fromkeys(IDS).keys(),
    "dict_values": lambda: dict(enumerate(IDS)).values(),
    "user_dict": lambda: UserDict(dict.fromkeys(IDS)),
    "counter": lambda: Counter(IDS),
    "deque": lambda: deque(IDS),
    "array": lambda: np.array(IDS),
    "array_uint8": lambda: np.array(IDS, dtype=np.uint8),
    "array_strided": lambda: np.repeat(IDS, 2)[::-2],
    "numbers": lambda: [np.int32(i) for i in IDS],
    "tensors": lambda: [torch.tensor(i) for i in IDS],
    "tensor": lambda: torch.tensor(IDS),
    "tensor_int32": lambda: torch.tensor(IDS, dtype=torch.int32),
    "tensor_uint8": lambda: torch.tensor(IDS, dtype=torch.uint8),
}

DATA: dict[str, Any] = {"logits": LOGITS, "target": TARGET, "taxonomy": TREE}


def shown(found: Any) -> Any:
    """Tensors as lists, all else as its text."""
    return found.tolist() if isinstance(found, torch.Tensor) else str(found)


#: Every function that has `allowed=`.
CALLS: dict[str, Callable[[Any], Any]] = {
    "leaf": lambda a: decisions.leaf(LOGITS, TREE, allowed=a),
    "at_level": lambda a: decisions.at_level(LOGITS, TREE, "subgroup", allowed=a),
    "climb": lambda a: decisions.climb(LOGITS, TREE, 0.7, allowed=a),
    "top_down": lambda a: decisions.top_down(LOGITS, TREE, 0.7, allowed=a),
    "most_specific": lambda a: decisions.most_specific(LOGITS, TREE, allowed=a),
    "hedge": lambda a: decisions.hedge(LOGITS, TREE, 0.3, allowed=a),
    "minimum_cost": lambda a: decisions.minimum_cost(LOGITS, TREE, allowed=a),
    "ranking": lambda a: decisions.ranking(LOGITS, TREE, allowed=a),
    "ranking_cost": lambda a: decisions.ranking(LOGITS, TREE, by="cost", allowed=a),
    "ranking_probability": lambda a: decisions.ranking(LOGITS, TREE, by="probability", allowed=a),
    "why": lambda a: decisions.why(LOGITS[:5], TREE, 0.7, allowed=a),
    "calibrate_threshold": lambda a: decisions.calibrate_threshold(**DATA, risk=0.4, allowed=a).log_odds,
    "calibrate_per": lambda a: (
        decisions.calibrate_threshold(**DATA, risk=0.4, per="group", allowed=a).clades
    ),
    "calibrate_levels": lambda a: decisions.calibrate_levels(**DATA, allowed=a),
    "report": lambda a: decisions.report(
        decisions.calibrate_threshold(**DATA, risk=0.4), **DATA, allowed=a
    ),
    "risk_curve": lambda a: decisions.risk_curve(**DATA, risks=[0.3, 0.5], allowed=a),
}


def test_all_functions_with_allowed_are_here() -> None:
    """No function of the module has it and is not tried below."""
    functions = filter(inspect.isfunction, (getattr(decisions, name) for name in decisions.__all__))
    assert {f.__name__ for f in functions if "allowed" in inspect.signature(f).parameters} <= set(CALLS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CALLS)
def test_any_iterable(name: str, form: str) -> None:
    """The same as a list of the same node ids."""
    assert shown(CALLS[name](FORMS[form]())) == shown(CALLS[name](list(IDS)))


@pytest.mark.parametrize("name", CALLS)
def test_it_is_read_once(name: str) -> None:
    """What can be read only once is read once, to its end."""
    seen = []

    def ids() -> Iterator[int]:
        for i in IDS:
            seen.append(i)
            yield i

    CALLS[name](ids())
    assert seen == IDS


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ([], ValueError, "got none"),
        pytest.param(iter([]), ValueError, "got none", id="an iterator"),
        (np.array([], dtype=np.int64), ValueError, "got none"),
        ([True, 2], TypeError, "bool"),
        (np.array([True, False]), TypeError, "bool"),
        ([1.0], TypeError, r"1\.0.*float"),
        (["c000"], TypeError, "'c000'.*node_id"),
        ("c000", TypeError, "list of node ids, got 'c000'"),
        (3, TypeError, "list of node ids, got 3"),
        (np.zeros((2, 2), dtype=np.int64), TypeError, "ndarray"),
        (torch.zeros(2, 2, dtype=torch.long), TypeError, r"\(2, 2\)"),
        (torch.ones(2, dtype=torch.complex64), TypeError, "complex64"),
        ([400], IndexError, "400"),
        ([-1], IndexError, "-1"),
    ],
    ids=str,
)
def test_what_is_no_list_of_node_ids(name: str, given: Any, kind: type[Exception], words: str) -> None:
    """Refused alike everywhere, with what was found."""
    if isinstance(given, Iterator):
        given = iter([])  # of each call its own
    with pytest.raises(kind, match=words):
        CALLS[name](given)


@pytest.mark.parametrize("name", CALLS)
def test_a_default_device_changes_nothing(name: str) -> None:
    """Logits on the CPU are decided on the CPU, whatever device new tensors go to."""
    wanted = shown(CALLS[name](IDS)), shown(CALLS[name](None))
    torch.set_default_device("meta")
    try:
        found = shown(CALLS[name](IDS)), shown(CALLS[name](None))
    finally:
        torch.set_default_device(None)
    assert found == wanted


def test_groups_and_wide_trees_under_a_default_device() -> None:
    """The grouped calibration, maps of levels, matrices of costs, and the search in blocks of columns."""
    wide = Taxonomy.from_paths([(f"f{i // 50}", f"s{i}") for i in range(2000)]).bind()
    z = torch.randn(20, 2000, generator=torch.Generator().manual_seed(0))
    cost, groups = 1 - torch.eye(27), torch.arange(80) // 4
    levels = decisions.calibrate_levels(**DATA)

    def all_of_them() -> list[Any]:
        made = decisions.calibrate_threshold(**DATA, risk=0.4, groups=groups, per="group", levels=levels)
        return [
            made,
            shown(decisions.climb(LOGITS, TREE, made)),
            shown(decisions.report(made, **DATA)),
            shown(decisions.minimum_cost(LOGITS, TREE, cost)),
            *(shown(rule(z, wide)) for rule in (decisions.leaf, decisions.minimum_cost, decisions.ranking)),
            shown(decisions.hedge(z, wide, 0.1)),
        ]

    wanted = all_of_them()
    torch.set_default_device("meta")
    try:
        found = all_of_them()
    finally:
        torch.set_default_device(None)
    assert found == wanted
