"""Compiles the native kernel when a wheel is built or taxoloss is installed, where there is a C compiler.

The variable TAXOLOSS_NATIVE says what is wanted: 0 none; `require` an error where it cannot be had; 1 to try on
Windows and macOS too. Without it Linux tries. What fails leaves the pure package, which needs no compiler.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

__all__ = ["NativeKernel"]

#: Where the kernel lies, in the checkout and in the wheel.
_HOME = "taxoloss/functional/kernels/native"
_WANTED = ("0", "1", "require")


class NativeKernel(BuildHookInterface[Any]):
    """Puts the kernel into a wheel, which then serves one platform, or beside its sources (`pip install -e`)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles; says in one line what came of it.

        Raises:
            ValueError: TAXOLOSS_NATIVE is something else than 0, 1 or require.
            RuntimeError: TAXOLOSS_NATIVE=require, and there is no kernel.
        """
        wanted = os.environ.get("TAXOLOSS_NATIVE", "")
        if wanted and wanted not in _WANTED:
            raise ValueError(f"expected TAXOLOSS_NATIVE as 0, 1 or require, got {wanted!r}")
        if wanted == "0" or not (wanted or sys.platform.startswith("linux")):
            why = "TAXOLOSS_NATIVE=0" if wanted else f"on {sys.platform} it is tried with TAXOLOSS_NATIVE=1"
            self.app.display_info(f"taxoloss: pure Python, without the native kernel: {why}")
            return
        build = self._build_script()
        try:
            library = build.build(self._folder(version))
        except (build.BuildError, OSError) as error:
            if wanted == "require":
                raise RuntimeError(
                    f"TAXOLOSS_NATIVE=require, and the native kernel failed: {error}"
                ) from error
            self.app.display_warning(
                f"taxoloss: pure Python, without the native kernel: {_one_line(error)}"
            )
            return
        self.app.display_info(f"taxoloss: with the native kernel, by {build.compiler()[0]}")
        if version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{_platform()}"
            build_data["force_include"][str(library)] = f"{_HOME}/{build.NAME}"

    def _folder(self, version: str) -> Path:
        if version == "editable":
            return Path(self.root) / _HOME
        self._scratch = (
            tempfile.TemporaryDirectory()
        )  # as long as the hook lives: the wheel is made meanwhile
        return Path(self._scratch.name)

    def _build_script(self) -> ModuleType:
        """build.py by its path: taxoloss is not installed yet, nor is torch."""
        script = ModuleType("build")
        script.__file__ = str(Path(self.root) / _HOME / "build.py")
        exec(
            compile(Path(script.__file__).read_text(encoding="utf-8"), script.__file__, "exec"),
            vars(script),
        )
        return script


def _one_line(error: Exception) -> str:
    """What a compiler calls an error, else the last that it said."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if "error:" in line), lines[-1])[:300]


def _platform() -> str:
    """The platform as pip calls it, without the promises of manylinux: auditwheel makes them."""
    platforms = (tag.platform for tag in sys_tags())
    return next(name for name in platforms if not name.startswith(("manylinux", "musllinux")))
