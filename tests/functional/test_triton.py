"""The Triton kernels: what they compute, under Triton's interpreter, and that they compile for a GPU.

Triton reads TRITON_INTERPRET when it is imported, so these cases run in a process of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_form("about a third")

TESTS = Path(__file__).parent


def run(*arguments: str, **environment: str) -> str:
    """What a fresh interpreter prints; it must end well."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TRITON_"))
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=TESTS.parents[1],
        env={**kept, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_module_imports_without_triton() -> None:
    """And says that the kernels cannot run."""
    code = (
        "import sys; sys.modules['triton'] = None\n"
        "from taxoloss.functional.kernels import triton_loss\n"
        "assert not triton_loss.available()"
    )
    run("-c", code)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["triton_cases.py", "triton_function.py"])
def test_cases_under_the_interpreter(name: str) -> None:
    """Every test of these files."""
    pytest.importorskip("triton", reason="triton is not installed")
    cases = str(TESTS / name)
    assert " passed" in run("-m", "pytest", "-q", "-p", "no:xdist", cases, TRITON_INTERPRET="1")


_COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from taxoloss.functional.kernels import triton_kernels as kernels

POINTERS = dict(
    logits="*bf16", target="*i64", start="*i32", stop="*i32", weights="*fp32", loss="*fp32", scale="*fp32",
    order="*i32", peaks="*fp32", slopes="*fp32", upstream="*fp32", gradient="*bf16",
)
for kernel in (kernels.forward, kernels.backward):
    for fixed in (dict(order=None, scale=None, step=1, levels=12), dict(levels=1)):
        sizes = dict(lanes=triton.next_power_of_2(fixed["levels"]), tile=4096, narrow=256)
        fixed = {name: value for name, value in {**sizes, **fixed}.items() if name in kernel.arg_names}
        signature = {name: POINTERS.get(name, "i32") for name in kernel.arg_names}
        signature.update(dict.fromkeys(fixed, "constexpr"))
        source = ASTSource(kernel, signature, fixed)
        compiled = triton.compile(source, target=GPUTarget("cuda", 80, 32), options={"num_warps": 8})
        assert compiled.asm["cubin"]
        print("cvt.rn.bf16" in compiled.asm["ptx"])
"""


@pytest.mark.slow
def test_compiles_for_a_gpu_where_there_is_none(tmp_path: Path) -> None:
    """Down to machine code of compute capability 8.0; what is written in bfloat16 is rounded to nearest."""
    compiler = pytest.importorskip("triton.compiler", reason="triton is not installed")
    assert compiler is not None
    printed = run("-c", _COMPILE, TRITON_CACHE_DIR=str(tmp_path))
    assert printed.split() == ["False", "False", "True", "True"]
