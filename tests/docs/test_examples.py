"""The examples run as they stand, against a local org and a fake Snowflake."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from snowflake.snowpark import Session
from tests.docs.conftest import DATABASE
from tests.snowflake.fake import Server

from lht import devorg

pytestmark = pytest.mark.usefixtures("account")
EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 120
ACCOUNTS, CONTACTS = 1200, 40


@pytest.fixture(scope="module")
def org() -> Iterator[devorg.Org]:
    """The org that stands for the reader's own."""
    rows = {"Account": ACCOUNTS, "Contact": CONTACTS}
    with devorg.start(rows=rows, seed=7) as running:
        yield running


@pytest.fixture(autouse=True)
def settings(org, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``examples/README.md`` asks for."""
    monkeypatch.setenv("LHT_SALESFORCE_DOMAIN", org.url)
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_ID", org.client_id)
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", org.client_secret)


def run(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(account: Server, table: str) -> int:
    query = f'SELECT count(*) FROM "RAW"."{table}"'
    return account.duck(DATABASE).execute(query).fetchone()[0]


def test_simple_sync(account):
    """The table holds all records, and the method is told."""
    assert f"{ACCOUNTS:,} records by bulk_api_full" in run("simple_sync.py")
    assert rows(account, "ACCOUNT") == ACCOUNTS
    assert "0 records by regular_api_incremental" in run("simple_sync.py")
    assert rows(account, "ACCOUNT") == ACCOUNTS


def test_several_objects(account):
    """Each object has its line and its table."""
    told = run("several_objects.py").splitlines()
    assert [line.partition(",")[0] for line in told] == [
        f"Account: {ACCOUNTS // 1000}",
        f"Contact: {CONTACTS} new",
    ]
    assert rows(account, "ACCOUNT") == ACCOUNTS
    assert rows(account, "CONTACT") == CONTACTS


def test_stage(account):
    """The files pass through the stage that is named, and none stays there."""
    told = run("stage.py")
    assert f"{ACCOUNTS:,} records by bulk_api_full" in told
    assert "0 files are left" in told
    copies = [s.text for s in account.statements if s.text.startswith("COPY INTO")]
    assert copies
    assert all('"RAW"."SALESFORCE_STAGE"/' in copy for copy in copies)


def test_custom_thresholds():
    """What would be bulk by default comes by REST."""
    told = run("custom_thresholds.py").splitlines()
    assert told == [
        f"Account: about {ACCOUNTS:,}, regular_api_full",
        f"Contact: about {CONTACTS}, regular_api_full",
    ]


def test_forced_full_sync():
    """It is full whether there is a table or not."""
    for _ in range(2):
        assert f"{ACCOUNTS:,} records by bulk_api_full" in run("forced_full_sync.py")


def test_notebook(account):
    """Every cell runs, and the last expression of a cell can be shown."""
    text = (EXAMPLES / "notebook.ipynb").read_text("utf-8")
    cells = json.loads(text)["cells"]
    names: dict[str, object] = {}
    with account.session(DATABASE):  # as Snowflake has opened one for a notebook
        shown = [
            run_cell("".join(cell["source"]), names)
            for cell in cells
            if cell["cell_type"] == "code"
        ]
    _, plan, report, newest, again = shown
    assert "Plan: 2 to create" in plan._repr_html_()
    assert "Account" in report._repr_html_()
    assert len(newest) == 5
    assert again == {"Account": ("incremental", 0), "Contact": ("incremental", 0)}
    assert isinstance(names["session"], Session)


def run_cell(source: str, names: dict[str, object]) -> object:
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "a cell", "exec"), names)  # noqa: S102  running it is the point
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "a cell", "eval"), names)  # noqa: S307


def test_every_example_is_named_and_tested():
    """The list in the README is complete, and so are the tests."""
    page = (EXAMPLES / "README.md").read_text("utf-8")
    tests = globals()
    for path in EXAMPLES.iterdir():
        if path.suffix in {".py", ".ipynb"}:
            assert f"[{path.name}]({path.name})" in page
            assert f"test_{path.stem}" in tests
