"""The import rules of the architecture, read from the syntax tree, and what planning must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
OURS = ("run_all", "benchmark", "agents", "envs", "reports", "tests")
# Third-party packages, beside the standard library, that a machine which only computes stages has.
COMPUTE = {"numpy", "torch"}
# Statistics that need numpy and scipy alone, and that the harness may import where it uses them.
LEAVES = ("reports.stats", "reports.power")


def files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((PROJECT / folder).rglob("*.py"))]


def imports(path: Path, top_level_only: bool = False) -> Iterator[str]:
    """Dotted names that a file imports; those below functions and `if TYPE_CHECKING` too, unless told otherwise."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name comes from"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def require(path: Path, forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()) -> None:
    for name in imports(path):
        if any(is_in(name, package) for package in forbidden):
            assert any(is_in(name, package) for package in allowed), f"{path.relative_to(PROJECT)} imports {name}"


@pytest.mark.parametrize("path", files("envs"), ids=str)
def test_environments_know_nobody_above_them(path: Path) -> None:
    require(path, ("run_all", "benchmark", "agents", "reports", "tests"))


@pytest.mark.parametrize("path", files("agents"), ids=str)
def test_agents_see_the_contract_and_the_registry_of_environments_only(path: Path) -> None:
    require(path, ("run_all", "benchmark", "reports", "tests"))
    for name in imports(path):
        if is_in(name, "envs") and name != "envs":
            allowed = ("envs.base", "envs.registry", "envs.make", "envs.ids")
            assert any(is_in(name, package) for package in allowed), f"{path.relative_to(PROJECT)} imports {name}"


# benchmark/perf is exempt: its scripts measure agents and environments, so they import them and the tests' reference.
# They are run by hand and are no part of the harness, as the next test holds.
@pytest.mark.parametrize("path", [p for p in files("benchmark") if "perf" not in p.parts], ids=str)
def test_the_harness_reaches_agents_and_environments_by_name_only(path: Path) -> None:
    require(path, ("run_all", "agents", "envs", "reports", "tests"), allowed=LEAVES)
    assert not any(is_in(name, "reports") for name in imports(path, top_level_only=True)), path
    if "tracking" not in path.relative_to(PROJECT).parts:
        require(path, ("mlflow",))


def test_the_product_does_not_import_the_measurements() -> None:
    for path in [PROJECT / "run_all.py", *files("benchmark", "agents", "envs", "reports")]:
        if "perf" not in path.relative_to(PROJECT).parts:
            require(path, ("benchmark.perf",))


@pytest.mark.parametrize("path", files("reports"), ids=str)
def test_reports_read_specifications_and_the_store_only(path: Path) -> None:
    allowed = ("benchmark.spec", "benchmark.store", "benchmark.errors", "benchmark.decimals", "benchmark.plurals")
    require(path, ("run_all", "benchmark", "agents", "envs", "tests"), allowed)
    require(path, ("torch", "mlflow"))


@pytest.mark.parametrize("path", [PROJECT / "reports" / "power.py", *files("reports/stats")], ids=str)
def test_statistics_are_leaves(path: Path) -> None:
    beyond = [name for name in imports(path) if not any(is_in(name, leaf) for leaf in LEAVES)]
    assert {name.split(".")[0] for name in beyond} - set(sys.stdlib_module_names) <= {"numpy", "scipy"}


def test_computing_a_stage_needs_no_package_of_the_harness() -> None:
    """`python -m benchmark.stages` and whatever of ours it imports: standard library, numpy and torch."""
    waiting, seen = ["benchmark.stages"], set()
    while waiting:
        module = waiting.pop()
        path = PROJECT / f"{module.replace('.', '/')}.py"
        if module in seen or not path.exists():
            continue
        seen.add(module)
        for name in imports(path):
            top = name.split(".")[0]
            if top == "benchmark":
                waiting += [name, name.rpartition(".")[0]]
            else:
                assert top in COMPUTE or top in sys.stdlib_module_names, f"{module} imports {name}"
    assert {"benchmark.spec", "benchmark.store", "benchmark.job"} <= seen


def test_torch_is_loaded_late_in_the_harness() -> None:
    for path in [p for p in files("benchmark") if "perf" not in p.parts]:
        assert not any(is_in(name, "torch") for name in imports(path, top_level_only=True)), path


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print('|'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split("|")}


def test_planning_loads_neither_torch_nor_mlflow_nor_pandas() -> None:
    loaded = loaded_by("import run_all; run_all.main(['plan', '--grid', 'paper', '--root', '/nonexistent'])")
    assert not loaded & {"torch", "mlflow", "pandas", "matplotlib", "agents", "envs", "rich"}


def test_a_job_process_starts_light() -> None:
    assert not loaded_by("import benchmark.stages") & {"torch", "mlflow", "pandas", "hydra", "yaml", "submitit", "rich"}


def test_no_global_random_state() -> None:
    """Chance comes from named streams; the functions that draw from, or seed, a process-wide state are not used."""
    allowed = {"default_rng", "Generator", "PCG64", "SeedSequence", "Philox"}
    for path in files("benchmark", "agents", "envs", "reports"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
                assert node.attr in allowed, f"{path.relative_to(PROJECT)}:{node.lineno} uses np.random.{node.attr}"
            if isinstance(node, ast.Import):
                assert "random" not in [alias.name for alias in node.names], f"{path}:{node.lineno} imports random"


def test_text_is_read_and_written_with_a_named_encoding() -> None:
    """The interpreter's default encoding differs between machines."""
    for path in files("benchmark", "reports", "envs", "agents"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            method = getattr(getattr(node, "func", None), "attr", None)
            if isinstance(node, ast.Call) and method in ("read_text", "write_text"):
                named = any(keyword.arg == "encoding" for keyword in node.keywords)
                assert named, f"{path.relative_to(PROJECT)}:{node.lineno} {method} without encoding="


def test_files_can_be_read_in_one_sitting() -> None:
    for path in files("benchmark", "agents", "envs", "reports"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 400, path
