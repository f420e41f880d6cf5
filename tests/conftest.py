"""What pytest collects, and which tests are slow: `make test` leaves them out, `make test-all` runs all."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# Triton reads the variable when it is imported: tests/functional/test_triton.py runs these in a process
# that has it.
_TRITON = ["functional/triton_cases.py", "functional/triton_function.py"]
# Programs that tests of fastai run in processes of their own.
collect_ignore_glob = ["integrations/fastai_*.py"]
collect_ignore = [] if os.environ.get("TRITON_INTERPRET") else _TRITON

FRAMEWORKS = Path(__file__).with_name("integrations")

#: A quarter of the examples that hypothesis tries: tests/oracles/hypothesis_settings.py.
settings.register_profile("fast", max_examples=25)


def pytest_configure(config: pytest.Config) -> None:
    """The markers of this folder."""
    config.addinivalue_line("markers", "slow: no part of the fast set, which is -m 'not slow'")
    config.addinivalue_line("markers", "sample(n): all cases of a test but every n-th are slow")


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
