"""What pytest leaves out of a checkout: integrations whose packages are not installed, here or in tests.

And in how many threads: the workers of pytest-xdist share the processors.
"""

from __future__ import annotations

import ast
import os
import sys
from importlib.util import find_spec
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # One thread for each worker and for each process that it starts: there are hardly more processors than
    # workers. Where a test takes two, the one that is done sleeps, for the other waits for its processor.
    # Libraries read the variables when they are imported, and none has been yet.
    for _variable in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "TORCHINDUCTOR_COMPILE_THREADS"):
        os.environ.setdefault(_variable, "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

#: Of taxoloss/integrations: any of these packages lets the examples in its docstrings run.
_NEEDS = {
    "checkpoints": ["safetensors"],
    "lightning.py": ["lightning", "pytorch_lightning"],
    "sklearn.py": ["sklearn"],
    "transformers": ["transformers"],
}
_INTEGRATIONS = "taxoloss/integrations"
# fastai changes torch for its whole process: tests/integrations/test_fastai.py runs its examples apart.
collect_ignore = [f"{_INTEGRATIONS}/fastai.py"] + [
    f"{_INTEGRATIONS}/{part}" for part, packages in _NEEDS.items() if not any(map(find_spec, packages))
]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Helpers of tests that import what is not installed; a test says so itself, and is skipped."""
    if collection_path.suffix != ".py" or collection_path.name.startswith(("test_", "conftest")):
        return None
    beside = {path.stem for path in collection_path.parent.iterdir()}
    names = _imported(collection_path) - beside - sys.stdlib_module_names
    return True if any(find_spec(name) is None for name in names) else None


def _imported(path: Path) -> set[str]:
    """The packages that a module imports at its top."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    names = [alias.name for line in body if isinstance(line, ast.Import) for alias in line.names]
    names += [line.module or "" for line in body if isinstance(line, ast.ImportFrom) and line.level == 0]
    return {name.partition(".")[0] for name in names}
