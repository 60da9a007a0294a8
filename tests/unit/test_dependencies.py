"""What the package says it needs is what it needs."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE = [Requirement(d) for d in PROJECT["project"]["dependencies"]]
EXTRAS = {
    extra: [Requirement(d) for d in needed]
    for extra, needed in PROJECT["project"]["optional-dependencies"].items()
}
DIRECT = [*BASE, *(r for needed in EXTRAS.values() for r in needed)]
SOURCES = sorted((ROOT / "src" / "lht").rglob("*.py"))


def pins() -> dict[str, str]:
    """Return the packages of ``requirements.lock``, with their versions."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    wanted = [Requirement(x) for x in lines if x and not x.startswith("#")]
    return {
        canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in wanted
    }


def imported(path: Path) -> set[str]:
    """Return the top-level names of what a module imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"lht"}


def supplied(needed: list[Requirement]) -> set[str]:
    """Return the top-level names that the packages of *needed* bring."""
    names = {canonicalize_name(r.name) for r in needed}
    return {
        module
        for module, packages in packages_distributions().items()
        if names & {canonicalize_name(p) for p in packages}
    }


@pytest.mark.parametrize("needed", DIRECT, ids=lambda r: r.name)
def test_a_dependency_has_a_lowest_version_and_no_highest(needed):
    """Each has the one bound that ``make lowest`` installs."""
    assert [s.operator for s in needed.specifier] == [">="]


@pytest.mark.parametrize("needed", DIRECT, ids=lambda r: r.name)
def test_the_lock_has_what_is_needed(needed):
    """A pinned version is one that ``pyproject.toml`` allows."""
    assert needed.specifier.contains(pins()[canonicalize_name(needed.name)])


@pytest.mark.parametrize("tool", PROJECT["dependency-groups"]["dev"])
def test_the_lock_has_the_tools(tool):
    """What the tests and the release need is pinned."""
    assert canonicalize_name(Requirement(tool).name) in pins()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_what_is_imported_is_declared(path):
    """No module needs a package that the wheel does not ask for.

    ``_snowflake`` is there inside Snowflake only.
    """
    assert imported(path) <= supplied(DIRECT) | {"_snowflake"}


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run *code* where what the extras bring is not to be had."""
    absent = {"numpy"} | (supplied(DIRECT) - supplied(BASE))
    script = f"import sys\nsys.modules |= dict.fromkeys({absent})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_the_base_imports_without_extras():
    """Each module, devorg aside, is imported with no package of an extra there."""
    names = [p.relative_to(ROOT / "src").with_suffix("").parts for p in SOURCES]
    modules = sorted({".".join(n).removesuffix(".__init__") for n in names})
    needed = [m for m in modules if not m.startswith("lht.devorg")]
    done = run(f"import {', '.join(m for m in needed if m != 'lht.__main__')}")
    assert done.returncode == 0, done.stderr
    assert "lht.util.data_writer" in needed


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--help"], 0, "sync"),
        (["runs", "--warehouse", "snowflake://a/B"], 2, 'install "lht[snowflake]"'),
        (["devorg", "serve"], 2, 'install "lht[devorg]"'),
    ],
)
def test_the_command_works_without_extras(words, code, says):
    """Help needs none; what does need one names the line that installs it."""
    done = run(f"from lht import cli\nsys.exit(cli.main({words}))")
    assert done.returncode == code
    assert says in done.stdout + done.stderr
