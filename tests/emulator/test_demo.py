"""The demo: a story whose every number is computed, and a comparison that can fail."""

import json
from pathlib import Path

import duckdb
import pytest

import lht
from lht import cli
from lht.cli import demo
from lht.devorg import start


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """A demo with fewer records, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "ROWS", {"Account": 1500, "Contact": 1200})
    return tmp_path


def test_the_demo_tells_what_it_has_computed(capsys, small):
    """What changed in the org is what the second sync read; no value differs."""
    assert cli.main(["demo", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["result"]
    first, second = (s["result"]["objects"] for s in told["syncs"])
    assert [o["inserted"] for o in first] == [1500, 1200]
    assert sum(o["read"] for o in second) == told["changes"]["changed"] >= 431
    assert second[0]["inserted"] == told["changes"]["new"] == 60
    compared = told["compared"]
    assert compared["records"] == compared["rows"] == 1500 + 1200 + 60
    assert compared["values"] > 40 * compared["rows"]
    assert compared["differing"] == 0
    assert (small / told["file"]).exists()


def test_a_second_demo_leaves_the_first_one_alone(capsys, small):
    """A file that is there is someone's: the next demo takes another name."""
    (small / "lht-demo.duckdb").write_text("mine")
    assert cli.main(["demo"]) == 0
    story = capsys.readouterr().out
    assert "Yours: lht-demo-2.duckdb" in story
    assert (small / "lht-demo.duckdb").read_text() == "mine"
    assert cli.main(["demo", "--file", "lht-demo.duckdb"]) == 2


@pytest.fixture
def synced():
    """An org, and a file that holds its Accounts."""
    with start(rows={"Account": 300}, seed=5) as org:
        place = {"warehouse": "x.duckdb", "schema": "raw"}
        lht.sync("Account", salesforce=demo.connection_to(org), **place)
        yield org, Path("x.duckdb")


@pytest.mark.parametrize(
    ("damage", "differing"),
    [
        ("SELECT 1", 0),
        ("UPDATE raw.account SET name = name || ' ' WHERE id = $id", 1),
        ("UPDATE raw.account SET annualrevenue = 0.01 WHERE id = $id", 1),
        ("UPDATE raw.account SET isdeleted = NOT isdeleted WHERE id = $id", 1),
        ("UPDATE raw.account SET createddate = now() WHERE id = $id", 1),
    ],
)
def test_the_comparison_notices_a_single_value(synced, damage, differing):
    """One changed value in the tables is one value that differs."""
    org, file = synced
    harm(file, damage)
    assert demo.compare(org, file, ["Account"]).differing == differing


def test_the_comparison_notices_a_lost_row(synced):
    """A row that is missing differs in all the values it had."""
    org, file = synced
    harm(file, "DELETE FROM raw.account WHERE id = $id")
    found = demo.compare(org, file, ["Account"])
    assert (found.records, found.rows) == (300, 299)
    assert found.differing > 10


def harm(file, statement):
    with duckdb.connect(str(file)) as connection:
        (one,) = connection.execute("SELECT min(id) FROM raw.account").fetchone()
        connection.execute(statement.replace("$id", f"'{one}'"))
