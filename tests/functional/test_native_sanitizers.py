"""The native kernel itself on random trees, strides and sizes: right numbers, inside of its buffers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taxoloss.functional.kernels.native.build import BuildError, build, compiler
from taxoloss.functional.kernels.native.library import kernel

pytestmark = pytest.mark.one_form("about the native one")

DRIVER = Path(__file__).with_name("native_driver.py")
FLAGS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def driven(library: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The driver on a library, in a process of its own."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, DRIVER, library, *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The kernel with the checks of ASan and UBSan, and the library that must be loaded before it."""
    if not compiler() or not sys.platform.startswith("linux"):
        pytest.skip("there is no C compiler")
    asked = [*compiler(), "-print-file-name=libasan.so"]
    runtime = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("the C compiler has no sanitizers")
    try:
        return build(tmp_path_factory.mktemp("sanitized"), FLAGS), runtime
    except BuildError as error:
        pytest.skip(f"the C compiler has no sanitizers: {error!s:.200}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_sanitizers_find_nothing(seed: str, sanitized: tuple[Path, str]) -> None:
    """Each function of C: random trees, odd strides, no row, 64 levels, 2 and 10^6 classes, threads."""
    library, runtime = sanitized
    environment = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    done = driven(library, "80", seed, **environment)
    assert (done.returncode, done.stdout) == (0, "good\n"), done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rows", "spread", "levels", "tally", "count"])
def test_they_would_find_something(kind: str, sanitized: tuple[Path, str]) -> None:
    """A buffer that is one number too short ends the process with a report."""
    library, runtime = sanitized
    environment = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    done = driven(library, kind, **environment)
    assert done.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in done.stderr


def test_the_numbers_are_those_of_the_definition() -> None:
    """The library as it is installed, by numpy; also a million classes."""
    found = kernel()
    if found is None:
        pytest.skip("the native kernel was not compiled")
    done = driven(found.path, "60")
    assert (done.returncode, done.stdout) == (0, "good\n"), done.stderr[-3000:]
