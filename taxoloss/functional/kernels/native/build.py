"""Compiles the kernel: python build.py [FOLDER]. Imports nothing but the standard library, not taxoloss.

The kernel is C11 with the vectors of GCC and Clang, once for each width of vectors; the processor chooses
when it is loaded. It needs a compiler and nothing else: neither Python's headers nor torch.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["NAME", "BuildError", "build", "compiler"]

HERE = Path(__file__).parent
#: The library, beside this file.
NAME = "_kernel.so"
#: Not -ffast-math: NaN, infinities and the order of sums matter.
_FLAGS = [
    "-std=gnu11",
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-fvisibility=hidden",
    "-Wno-psabi",
    "-Werror=implicit-function-declaration",
    "-Werror=incompatible-pointer-types",
    "-Werror=int-conversion",
]
#: Where it is no part of the C library: of older Linux distributions.
_DYNAMIC = ["-ldl"] if sys.platform == "linux" else []
_FORMS = {
    "wide": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma", "-mprefer-vector-width=512"],
    "middle": ["-mavx2", "-mfma"],
    "plain": [],
}


class BuildError(Exception):
    """No compiler, or what it said."""


def compiler() -> list[str]:
    """The C compiler and its options: of the variable CC, else cc, gcc or clang; [] where there is none."""
    given = shlex.split(os.environ.get("CC", ""))
    names = [given[0]] if given else ["cc", "gcc", "clang"]
    found = next((path for path in map(shutil.which, names) if path), None)
    return [found, *given[1:]] if found else []


def build(folder: Path = HERE, extra: tuple[str, ...] = ()) -> Path:
    """Compiles the kernel into a folder and gives its path.

    Args:
        folder: where the library goes.
        extra: more options for the compiler, such as a sanitizer.

    Raises:
        BuildError: there is no C compiler, or it fails.
    """
    command = compiler()
    if not command:
        raise BuildError("no C compiler was found (cc, gcc, clang, or the variable CC)")
    forms = _FORMS if platform.machine().lower() in ("x86_64", "amd64") else {"plain": []}
    with tempfile.TemporaryDirectory() as scratch:
        objects = []
        for form, options in forms.items():
            objects.append(str(Path(scratch) / f"{form}.o"))
            entry = [f"-DENTRY(x)=x##_{form}"]
            _run(
                [
                    *command,
                    *_FLAGS,
                    *options,
                    *extra,
                    *entry,
                    "-c",
                    str(HERE / "kernel.c"),
                    "-o",
                    objects[-1],
                ]
            )
        objects.append(str(Path(scratch) / "dispatch.o"))
        flags = [flag for flag in _FLAGS if flag != "-fvisibility=hidden"]
        several = ["-DFORMS"] if len(forms) > 1 else []
        _run([*command, *flags, *extra, *several, "-c", str(HERE / "dispatch.c"), "-o", objects[-1]])
        library = Path(scratch) / NAME
        _run([*command, "-shared", *extra, *objects, "-o", str(library), "-lm", "-lpthread", *_DYNAMIC])
        # Whole or not at all: another process may load it now.
        part = folder / f"{NAME}.{os.getpid()}"
        shutil.copyfile(library, part)
        os.replace(part, folder / NAME)
    return folder / NAME


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stderr.strip()}")


if __name__ == "__main__":
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))
