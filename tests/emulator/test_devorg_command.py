"""``lht devorg`` as the one who runs it meets it."""

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from lht import cli
from lht.devorg import start

LHT = Path(sys.executable).with_name("lht")


@contextmanager
def serving(folder, *words):
    """Run ``lht devorg``; yield the process, and its words up to the last line."""
    process = subprocess.Popen(
        [LHT, "devorg", *words, "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Kept:"):
                break
        yield process, lines
    finally:
        process.kill()
        process.communicate()


def told_url(lines):
    return lines[0].split(" at ")[1].split(",")[0]


@pytest.fixture
def lht(tmp_path, monkeypatch, capsys):
    """Run a command line in an empty folder; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = cli.main(words)
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_one_line_and_its_file_closed(tmp_path, told):
    """Ctrl-C and SIGTERM alike: the records are in the file, nothing lies beside it."""
    words = ("serve", "--rows", "Account=7", "--data", "org.duckdb")
    with serving(tmp_path, *words) as (process, lines):
        url = told_url(lines)
        process.send_signal(told)
        _, errors = process.communicate(timeout=20)
    line = f"The org at {url} has ended. Its records are in org.duckdb.\n"
    assert (process.returncode, errors) == (0, line)
    assert [path.name for path in tmp_path.iterdir()] == ["org.duckdb"]
    with start(path=tmp_path / "org.duckdb") as org:
        assert org.store.record_counts()["Account"] == 7


def test_a_request_under_way_is_answered_to_its_end(tmp_path):
    """Who was being answered when the org was told to end misses no byte."""
    with serving(tmp_path) as (process, lines):
        url, page = told_url(lines), "/services/data"
        whole = httpx2.get(url + page, headers={"Accept-Encoding": "identity"})
        size = len(whole.content)
        slow = {"kind": "slow", "path": page, "seconds": 0.1, "pieceBytes": size // 5}
        httpx2.post(url + "/devorg/admin/faults", json={"add": slow})
        with httpx2.stream(
            "GET", url + page, headers={"Accept-Encoding": "identity"}
        ) as answer:
            pieces = answer.iter_raw()
            found = next(pieces)
            process.send_signal(signal.SIGTERM)
            found += b"".join(pieces)
        process.communicate(timeout=20)
    assert found == whole.content
    assert process.returncode == 0


def test_it_says_all_that_one_needs_in_eighty_columns(tmp_path):
    """Five clients, a page and what is kept; only what is secret is longer."""
    with serving(tmp_path, "--rows", "Contact=3") as (_, lines):
        url = told_url(lines)
        assert httpx2.get(url + "/devorg").status_code == 200
    for name in ("lht", "curl", "Salesforce CLI", "simple-salesforce", "jsforce"):
        assert f"{name}:" in lines
    assert f"In a browser: {url}/devorg" in lines
    assert any(line.startswith("Records: ") and "3 Contact" in line for line in lines)
    long = [line for line in lines if len(line) > 80]
    assert [line.split("=")[0] for line in long] == [
        "export LHT_SALESFORCE_CLIENT_SECRET"
    ]


def test_help_names_what_else_there_is(lht):
    code, out, _ = lht("devorg", "--help")
    assert code == 0
    assert "serve" in out
    assert "load" in out


def test_a_port_in_use_is_told_before_anything_is_made(lht):
    """The data file is not begun; the hint names the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ("--port", port, "--rows", "Account=5", "--data", "org.duckdb")
        code, out, err = lht("devorg", "serve", *words)
    assert (code, out) == (2, "")
    assert f"port {port} is in use" in err
    assert "hint:  take another port" in err
    assert not Path("org.duckdb").exists()


def test_the_same_rows_are_not_added_twice(tmp_path):
    """``--rows`` is what an org starts with: what is in its file counts."""
    path = tmp_path / "org.duckdb"
    wanted = {"Account": 8, "Contact": 4}
    with start(path=path, rows=wanted, seed=1) as org:
        org.delete(next(iter(ids(org, "Account"))))
    with start(path=path, rows=wanted, seed=1) as org:
        assert len(ids(org, "Account")) == 8
        assert len(ids(org, "Contact")) == 4
        before = ids(org, "Account")
    with start(path=path, rows={"account": 10, "Contact": 2}, seed=1) as org:
        assert len(ids(org, "Account")) == 10
        assert before < ids(org, "Account")
        assert len(ids(org, "Contact")) == 4
    with pytest.raises(ValueError, match="Acount"):
        start(path=path, rows={"Acount": 1})


def ids(org, name):
    with org.store.cursor() as cursor:
        return {i for (i,) in cursor.execute(f'SELECT "Id" FROM "{name}"').fetchall()}


def test_what_is_loaded_twice_is_refused(lht):
    """Records without Ids are not doubled unless that is asked for."""
    Path("Account.csv").write_text("Name\nAcme\nBolt\n")
    words = ("devorg", "load", "Account.csv", "--data", "org.duckdb")
    assert lht(*words)[0] == 0
    code, out, err = lht(*words)
    assert (code, out) == (2, "")
    assert "there are records already: 2 of Account" in err
    assert "--add" in err
    assert lht(*words, "--add")[0] == 0
    with start(path="org.duckdb") as org:
        assert org.store.record_counts()["Account"] == 4


def test_what_every_org_has_is_no_reason_to_refuse(lht):
    """An org's own users and price book do not keep others out."""
    Path("Pricebook2.csv").write_text("Name\nSpring\n")
    words = ("devorg", "load", "Pricebook2.csv", "--data", "org.duckdb")
    with start(path="org.duckdb") as org:
        assert org.store.record_counts()["Pricebook2"] == 1
    assert lht(*words)[0] == 0
    assert lht(*words)[0] == 2


def test_records_with_ids_are_known_again(lht):
    """They are not refused as a whole: each is told by its Id, and none is doubled."""
    Path("Account.csv").write_text("Id,Name\n001000000000001AAA,Acme\n")
    words = ("devorg", "load", "Account.csv", "--data", "org.duckdb")
    assert lht(*words)[0] == 0
    code, _, err = lht(*words)
    assert code == 3
    assert "duplicate" in err
    with start(path="org.duckdb") as org:
        assert org.store.record_counts()["Account"] == 1


def test_a_load_that_left_rows_out_says_so_in_its_document(lht):
    """The status and the exit code of the document are those of the command."""
    Path("Account.csv").write_text("Name,Phone\nAcme,1\n,2\n")
    code, out, _ = lht("devorg", "load", "Account.csv", "--json")
    told = json.loads(out)
    assert (code, told["exit_code"], told["status"]) == (3, 3, "partial")
    rows = [{"object": "Account", "loaded": 1, "rejected": 1}]
    assert told["result"] == {"objects": rows}
    Path("Contact.csv").write_text("LastName\nDoe\n")
    code, out, _ = lht("devorg", "load", "Contact.csv", "--json")
    told = json.loads(out)
    assert (code, told["exit_code"], told["status"]) == (0, 0, "succeeded")
