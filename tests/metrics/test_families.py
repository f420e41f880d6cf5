"""A metric is a file and a line; tests, the functions, the page and the collection read the lists."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import metric_cases
import pytest
from metric_cases import TREE, batch, of, same, twin_of

import taxoloss
from taxoloss import metrics
from taxoloss.metrics import functional
from taxoloss.metrics.families import FAMILIES, Family

METRICS = metric_cases.classes()
PAGE = (Path(taxoloss.__file__).parents[1] / "docs/metrics.md").read_text(encoding="utf-8")


def options(call: Any) -> dict[str, Any]:
    """The parameters that have a default, in order, with it."""
    found = inspect.signature(call).parameters.values()
    return {one.name: one.default for one in found if one.default is not inspect.Parameter.empty}


def missing(kinds: dict[str, Any]) -> list[str]:
    """What the page and the functions lack of some metrics, or have too much."""
    rows = dict(re.findall(r"^\| `(\w+)\(([^)]*)\)`", PAGE, re.MULTILINE))
    twins = {twin_of(name): name for name in kinds}
    return [
        *(f"a row of docs/metrics.md: {name}" for name in sorted(kinds.keys() ^ rows)),
        *(f"a function: {name}" for name in sorted(twins.keys() ^ set(functional.__all__))),
    ]


def test_every_metric_has_a_case_a_row_and_a_function() -> None:
    assert missing(METRICS) == []
    assert METRICS.keys() <= metric_cases.MAKE.keys()
    assert {name.split("_")[0] for name in metric_cases.SETTINGS} <= METRICS.keys()


@pytest.mark.parametrize("name", METRICS)
def test_the_function_takes_what_the_metric_takes(name: str) -> None:
    """With the same defaults, and says which metric it is; the page names options that there are."""
    twin = getattr(functional, twin_of(name))
    assert options(twin) == options(METRICS[name])
    assert f"`{name}`" in twin.__doc__
    (said,) = re.findall(rf"^\| `{name}\(([^)]*)\)`", PAGE, re.MULTILINE)
    assert set(filter(None, said.split(", "))) <= options(METRICS[name]).keys()


def test_the_collection_tells_its_keys() -> None:
    """Those of every family stand in its docstring; every option that a family names is one."""
    for family in FAMILIES:
        assert family.metric in METRICS.values()
        assert all(key.split("/")[0] in (metrics.collection.__doc__ or "") for key in family.keys(TREE))
        assert family.option is None or options(metrics.collection)[family.option] in (True, False)


class Dummy(metrics.MistakeSeverity):
    """A metric of somebody's own."""


def test_a_new_metric_is_asked_for_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name in `metrics.__all__`: it is a case at once, and its row and its function are missed."""
    monkeypatch.setattr(metrics, "Dummy", Dummy, raising=False)
    monkeypatch.setattr(metrics, "__all__", [*metrics.__all__, "Dummy"])
    found = metric_cases.classes()
    assert found == METRICS | {"Dummy": Dummy}
    assert missing(found) == ["a row of docs/metrics.md: Dummy", "a function: dummy"]


def test_a_new_metric_is_collected_by_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is asked for, beside all others, under its own state."""
    wanted = of(metrics.collection(TREE), batch(30))
    family = Family(Dummy, lambda taxonomy: {"dummy": None}, "curves")
    # The package holds the function of that name.
    module = sys.modules["taxoloss.metrics.collection"]
    monkeypatch.setattr(module, "FAMILIES", (*FAMILIES, family))
    same(of(metrics.collection(TREE), batch(30)), wanted)
    found = of(metrics.collection(TREE, curves=True), batch(30))
    same(found["dummy"], found["severity"])
