"""The wheel works on its own, in an environment that knows nothing of this tree."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import lht

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from this tree."""
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run(
        [*build, "--outdir", out, ROOT], check=True, capture_output=True, text=True
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A fresh environment with the wheel, and with the packages it depends on."""
    home = tmp_path_factory.mktemp("env")
    venv.create(home, symlinks=True)
    own = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", own, "install"]
    subprocess.run(
        [*install, "--no-deps", "--no-index", "--quiet", wheel],
        check=True,
        capture_output=True,
    )
    return own


def run(*words, folder):
    """Run something there; dependencies are borrowed, this tree is out of reach."""
    environment = os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")}
    done = subprocess.run(
        [*words],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
    )
    return done.stdout.strip()


def test_the_wheel_imports_without_the_tree(python, tmp_path):
    """``import lht`` finds the installed package and nothing of this tree."""
    code = "import lht, lht.cli.run; print(lht.__file__, lht.__version__)"
    place, version = run(python, "-c", code, folder=tmp_path).split()
    assert Path(place).is_relative_to(python.parents[1])
    assert version == lht.__version__


def test_the_command_works_without_the_tree(python, tmp_path):
    """``lht --version`` and ``lht --help`` run from an empty folder."""
    command = python.parent / "lht"
    shown = run(command, "--version", folder=tmp_path)
    assert shown == f"lht {lht.__version__}"
    assert "sync" in run(command, "--help", folder=tmp_path)


def test_the_wheel_has_all_it_reads(wheel):
    """Every file of the package that is not code is in the wheel as well."""
    package = ROOT / "src" / "lht"
    kept = {
        f"lht/{p.relative_to(package).as_posix()}"
        for p in package.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {n for n in archive.namelist() if n.startswith("lht/")}
    assert held == kept
