"""What importing costs: nothing heavy is loaded before it is used."""

import subprocess
import sys

import pytest

HEAVY = {
    *("duckdb", "pyarrow", "pandas", "numpy", "httpx2", "rich", "lark"),
    *("snowflake.connector", "snowflake.snowpark"),
}


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh Python has loaded after *code*."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import lht",
        "import lht.util, lht.salesforce",
        "import lht.config, lht.exceptions, lht.report.values",
        "import lht.cli.run; lht.cli.run.app()",
    ],
)
def test_importing_loads_nothing_heavy(code):
    """Importing lht, or building its command line, loads no driver and no HTTP."""
    assert loaded_by(code) & HEAVY == set()


def test_the_check_can_see_what_is_loaded():
    """The test above would notice."""
    assert "duckdb" in loaded_by("import duckdb")
