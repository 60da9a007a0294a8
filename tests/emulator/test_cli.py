"""The command line against a local org: as a user and a script meet it."""

import json
import os
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from lht import cli
from lht.devorg import start

LHT = Path(sys.executable).with_name("lht")
WAREHOUSE = ("--warehouse", "duckdb:///crm.duckdb")


@pytest.fixture(scope="module")
def org():
    with start(rows={"Account": 1200, "Contact": 30}, seed=3) as running:
        yield running


@pytest.fixture
def lht(org, tmp_path, monkeypatch, capsys):
    """Run a command line in an empty folder; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LHT_SALESFORCE_URL", org.url)
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_ID", org.client_id)
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", org.client_secret)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["lht", *words])
        code = cli.main()
        return code, *capsys.readouterr()

    return run


def document(lht, *words):
    """Run a command with --json; check its document against the shipped schema."""
    code, out, _ = lht(*words, "--json")
    told = json.loads(out)
    name = told["format"].replace("/", ".")
    schema = json.loads((files("lht.report") / "schemas" / f"{name}.json").read_text())
    jsonschema.validate(told, schema)
    assert told["exit_code"] == code
    return told


def receipts(told):
    """Return what every receipt says of rows; a call after the commit is not in it."""
    later = {"seconds", "api_calls"}
    return {
        o["sobject"]: {k: v for k, v in o.items() if k not in later}
        for o in told["result"]["objects"]
    }


def test_plan_sync_and_history(lht):
    """What is planned is done, and what was done is remembered."""
    sync = ("sync", "account", "Contact", *WAREHOUSE)
    planned = document(lht, "plan", *sync[1:])
    assert [o["change"] for o in planned["result"]["objects"]] == ["create", "create"]
    assert not Path("crm.duckdb").exists()
    done = document(lht, *sync)
    assert [o["read"] for o in done["result"]["objects"]] == [1200, 30]
    assert done["result"]["objects"][0]["sobject"] == "Account"
    again = document(lht, *sync)
    assert [o["read"] for o in again["result"]["objects"]] == [0, 0]
    later = document(lht, "plan", *sync[1:])["result"]["objects"]
    assert [o["mode"] for o in later] == ["incremental", "incremental"]
    history = document(lht, "runs", *WAREHOUSE)["result"]["runs"]
    assert [r["run_id"] for r in history] == [again["run_id"], done["run_id"]]
    shown = document(lht, "runs", done["run_id"], *WAREHOUSE)
    assert receipts(shown) == receipts(done)


def test_a_run_of_which_a_part_fails_tells_both(lht):
    """An object that does not exist fails alone; the nearest name is suggested."""
    code, out, err = lht("sync", "Account", "Contakt", *WAREHOUSE)
    assert code == 1
    assert "✓ Account" in out
    assert "✗ Contakt" in out
    assert "1 of 2 objects complete, 1 failed (exit 1)." in out
    assert "Contact" in err.partition("hint:")[2]


def test_objects_lists_what_can_be_synced(lht):
    """Objects are found by a part of their name or label, with about how many rows."""
    told = document(lht, "objects", "acc")
    found = {o["name"]: o["records"] for o in told["result"]["objects"]}
    assert found["Account"] == 1200
    assert "Contact" not in found
    code, out, _ = lht("objects", "no such thing")
    assert (code, out) == (0, "No such objects.\n")


def test_wrong_credentials_exit_4(lht, monkeypatch):
    """A refused secret has its own exit code, and is not shown."""
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", "wrong-and-secret")
    code, out, err = lht("sync", "Account", *WAREHOUSE)
    assert (code, out) == (4, "")
    assert "error[auth]" in err
    assert "wrong-and-secret" not in err


def test_csv_of_a_sync_has_its_receipts(lht):
    """--format csv gives a receipt a line."""
    code, out, _ = lht("sync", "Account", "--format", "csv", *WAREHOUSE)
    assert code == 0
    assert out.splitlines()[1].startswith("Account,RAW.Account")


def test_serve_runs_until_ctrl_c(tmp_path):
    """The served org tells how to reach it, answers, and ends quietly with code 0."""
    serve = subprocess.Popen(
        [LHT, "devorg", "serve", "--rows", "Account=5", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    environment = dict(os.environ)
    for line in serve.stdout:
        name, _, value = line.strip().removeprefix("export ").partition("=")
        if value:
            environment[name] = value
        if name.startswith("LHT_SALESFORCE_CLIENT_SECRET"):
            break
    found = subprocess.run(
        [LHT, "objects", "account", "--format", "csv"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    serve.send_signal(signal.SIGINT)
    _, errors = serve.communicate(timeout=20)
    assert "Account,Account,001" in found.stdout
    assert serve.returncode == 0
    assert errors.startswith("The org at http://127.0.0.1:")
    assert errors.endswith(" has ended.\n")


def test_an_unknown_object_is_refused_before_serving(lht):
    """A misspelt object is the user's to mend: exit 2."""
    code, _, err = lht("devorg", "serve", "--rows", "Acount=5", "--port", "0")
    assert code == 2
    assert "Acount" in err


def test_load_fills_a_file_that_serve_can_serve(lht):
    """Rows that break a rule are reported by file and line; the others are there."""
    Path("Account.csv").write_text('Name,Phone\nAcme,"1,2"\n,5\n')
    code, out, err = lht("devorg", "load", "Account.csv", "--file", "org.duckdb")
    assert code == 3
    assert "✗ Account       1         1" in out
    assert "Account.csv:3: Account: Required fields are missing: [Name]" in err
    with start(path="org.duckdb") as org:
        assert org.store.record_counts()["Account"] == 1
    code, _, err = lht("devorg", "load", "no-such-file.csv")
    assert code == 2


def test_load_tells_how_to_leave_out_what_the_org_has_not(lht):
    """An unknown object is refused with the option that leaves it out, with a note."""
    Path("Phantom__c.csv").write_text("Name\nP\n")
    code, _, err = lht("devorg", "load", "Phantom__c.csv")
    assert code == 2
    assert "--ignore-unknown" in err
    code, out, err = lht("devorg", "load", "Phantom__c.csv", "--ignore-unknown")
    assert code == 0
    assert "left out" in out + err


@pytest.mark.parametrize("verb", [("serve", "--port", "0"), ("load", "Account.csv")])
def test_a_file_that_is_no_orgs_or_in_use_is_the_users_to_mend(lht, verb):
    """What is wrong with the file is said in a line, with what to do; exit 2."""
    Path("Account.csv").write_text("Name\nAcme\n")
    code, _, err = lht("devorg", *verb, "--file", "Account.csv")
    assert code == 2
    assert "Account.csv is not an org's file" in err
    assert "hint:" in err
    code, _, err = lht("devorg", *verb, "--file", "no/such/folder.duckdb")
    assert code == 2
    assert "cannot be made" in err
    with start(path="org.duckdb"):
        code, _, err = lht("devorg", *verb, "--file", "org.duckdb")
    assert code == 2
    assert "org.duckdb is in use" in err


def test_a_port_that_cannot_be_is_refused(lht):
    code, _, err = lht("devorg", "serve", "--port", "99999")
    assert code == 2
    assert "65535" in err
