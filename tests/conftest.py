"""What pytest collects, and which tests are slow: `make test` leaves them out, `make test-all` runs all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from kernel_forms import COMPILED, FOLDERS, FORMS, only

from taxoloss.functional.kernels.native.library import FORMS as NAMES

# Triton reads the variable when it is imported: tests/functional/test_triton.py runs these in a process
# that has it.
_TRITON = ["functional/triton_cases.py", "functional/triton_function.py"]
# Programs that tests of fastai run in processes of their own.
collect_ignore_glob = ["integrations/fastai_*.py"]
collect_ignore = [] if os.environ.get("TRITON_INTERPRET") else _TRITON

FRAMEWORKS = Path(__file__).with_name("integrations")
EACH_FORM = [Path(__file__).with_name(folder) for folder in FOLDERS]

#: A quarter of the examples that hypothesis tries: tests/oracles/hypothesis_settings.py.
settings.register_profile("fast", max_examples=25)


def pytest_configure(config: pytest.Config) -> None:
    """The markers of this folder."""
    config.addinivalue_line("markers", "slow: no part of the fast set, which is -m 'not slow'")
    config.addinivalue_line("markers", "sample(n): all cases of a test but every n-th are slow")
    config.addinivalue_line("markers", "one_form(why): runs once, not over each form of the loss")


def pytest_report_header() -> str:
    """Which form of the loss tests run over."""
    if COMPILED is None:
        return "form of the loss: python alone, once; the native kernel is not there"
    return f"form of the loss: native ({NAMES[COMPILED.form]}); python in cases that are slow"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of what the kernel serves run over each form; all but the first are slow."""
    test = metafunc.definition
    if test.path.parent in EACH_FORM and not test.get_closest_marker("one_form"):
        slow = [pytest.param(form, marks=pytest.mark.slow) for form in FORMS[1:]]
        metafunc.parametrize("_computed_by", [FORMS[0], *slow], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def _computed_by(request: pytest.FixtureRequest) -> Iterator[None]:
    """The form of the loss that computes, where the test runs over each."""
    form = getattr(request, "param", None)
    if form is None:
        yield
        return
    with only(form):
        yield


@pytest.fixture(scope="module", params=[1, 2], ids=["one_thread", "two_threads"])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """How many torch and the kernel take: a worker of pytest-xdist has one, as ../conftest.py says."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the cases that a sample leaves out, before they are selected by their marks.

    Of what frameworks warn is theirs: there only warnings of taxoloss's own files are errors.
    """
    seen: Counter[str] = Counter()
    for item in items:
        if FRAMEWORKS in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore", "error:::taxoloss"))
        sample = item.get_closest_marker("sample")
        if sample is not None:
            test = item.nodeid.partition("[")[0]
            if seen[test] % sample.args[0]:
                item.add_marker("slow")
            seen[test] += 1
