"""The command line: grammar, exit codes, what goes to stdout and what to stderr."""

import io
import json
import logging
import os
import subprocess
import sys
from dataclasses import replace

import pytest

import lht
from lht import cli
from lht.cli.console import Console
from lht.cli.devorg import parse_rows
from lht.events import Progress, SyncStarted
from lht.exceptions import ConfigError, LHTError, SalesforceAuthError, SyncError
from lht.report.values import (
    Change,
    ErrorReport,
    ObjectPlan,
    ObjectReport,
    Place,
    Status,
    SyncMode,
    SyncPlan,
    SyncReport,
)

SECRET = "s3cret-of-acme"
PLACE = Place(
    org_id="00D5g000000XXXXEAA",
    org_url="https://acme.my.salesforce.com",
    warehouse_kind="duckdb",
    warehouse="duckdb:///crm.duckdb",
    schema="RAW",
)
DONE = ObjectReport(
    sobject="Account",
    target_table="RAW.ACCOUNT",
    status=Status.SUCCEEDED,
    mode=SyncMode.FULL,
    read=1200,
    downloaded=1200,
    staged=1200,
    inserted=1200,
)
FAILED = ObjectReport(
    sobject="Contact",
    target_table="RAW.CONTACT",
    status=Status.FAILED,
    error=ErrorReport(code="bulk_job_failed", message="it failed", context={}),
)
PLAN = SyncPlan(
    place=PLACE,
    objects=(
        ObjectPlan(
            sobject="Account",
            target_table="RAW.ACCOUNT",
            mode=SyncMode.FULL,
            change=Change.CREATE,
            via="bulk",
            sync_method="bulk_api_full",
            estimated_rows=1200,
            estimated_calls=6,
            since=None,
            why="no table yet",
        ),
    ),
    api_calls_left=99,
    api_calls_max=100,
)


def ended(status, code, *objects) -> SyncReport:
    return SyncReport(
        run_id="01JD3W8K",
        status=status,
        exit_code=code,
        place=PLACE,
        started_at=lht_time(),
        seconds=1.0,
        api_calls=6,
        objects=objects,
    )


def lht_time():
    from datetime import datetime

    return datetime(2026, 11, 21, 1, 56, 17)


class Lht:
    """Stands in for the library behind the command line and remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object, dict]] = []
        self.end: SyncReport | BaseException = ended(Status.SUCCEEDED, 0, DONE)
        self.history = [ended(Status.SUCCEEDED, 0, DONE)]
        self.events: list[object] = []
        self.before = lambda: None

    def sync(self, objects, **options):
        self.calls.append(("sync", objects, options))
        self.before()
        for event in self.events:
            options["listener"](event)
        if isinstance(self.end, BaseException):
            raise self.end
        return self.end

    def plan(self, objects, **options):
        self.calls.append(("plan", objects, options))
        return PLAN

    def runs(self, warehouse):
        self.calls.append(("runs", warehouse, {}))
        return self.history


@pytest.fixture(autouse=True)
def library(monkeypatch, tmp_path) -> Lht:
    """Settings for an org, an empty folder, and a library that does nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LHT_SALESFORCE_DOMAIN", "acme")
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_ID", "id")
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", SECRET)
    fake = Lht()
    for name in ("sync", "plan", "runs"):
        monkeypatch.setattr(lht, name, getattr(fake, name), raising=False)
    return fake


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command line; return exit code, stdout and stderr."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["lht", *words])
        code = cli.main()
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_sync_passes_what_was_asked(run, library):
    """Each flag of the command reaches the library under its own name."""
    code, *_ = run(
        *("sync", "Account", "Contact", "--schema", "CRM", "--full"),
        *("--where", "IsActive = true", "--fields", "Id, Name"),
        *("--max-parallel", "2", "--max-calls", "99"),
        *("--warehouse", "duckdb:///x.duckdb"),
    )
    assert code == 0
    ((name, objects, options),) = library.calls
    assert (name, objects) == ("sync", ["Account", "Contact"])
    salesforce = options.pop("salesforce")
    assert salesforce.url == "https://acme.my.salesforce.com"
    assert salesforce.client_secret == SECRET
    options.pop("listener")
    assert options == {
        "warehouse": "duckdb:///x.duckdb",
        "schema": "CRM",
        "table": None,
        "mode": "full",
        "where": "IsActive = true",
        "fields": ["Id", "Name"],
        "max_parallel": 2,
        "max_calls": 99,
    }


def test_a_success_ends_in_the_four_counts(run):
    """The table goes to stdout with the sentence; the exit code is 0."""
    code, out, _ = run("sync", "Account")
    assert code == 0
    assert "✓ Account" in out
    assert "1,200 reported = downloaded = staged = loaded." in out


def test_a_failure_exits_with_the_code_of_its_report(run, library):
    """Table and last line go to stdout, the cause to stderr."""
    report = ended(Status.PARTIAL, 1, DONE, FAILED)
    library.end = SyncError("1 of 2 objects failed", report=report)
    code, out, err = run("sync", "Account", "Contact")
    assert code == 1
    assert "1 of 2 objects complete, 1 failed (exit 1)." in out
    assert "error[bulk_job_failed]: it failed" in err
    assert "lht runs 01JD3W8K" in err
    assert "reported = downloaded" not in out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (SalesforceAuthError("x"), 4),
        (LHTError("x"), 1),
    ],
)
def test_an_error_of_the_library_gives_its_own_exit_code(run, library, error, code):
    """The exit code belongs to the class of the error."""
    library.end = error
    assert run("sync", "Account")[0] == code


@pytest.mark.parametrize(
    "words",
    [
        ("sync",),
        ("synk",),
        ("sync", "Account", "--wherre", "x"),
        ("sync", "Account", "--max-parallel", "0"),
        ("sync", "A", "B", "--table", "T"),
        ("plan", "A", "--color", "sometimes"),
        ("sync", "A", "--client-secret", SECRET),
        ("sync", "A", "--salesforce-url", "http://acme.example"),
    ],
)
def test_a_usage_error_exits_2_and_moves_nothing(run, library, words):
    """What cannot be understood is refused before anything is touched."""
    code, out, err = run(*words)
    assert (code, out, library.calls) == (2, "", [])
    assert err.startswith("error[")
    assert "Traceback" not in err
    assert SECRET not in err


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("sync", "Account", "--json"), "lht.sync/1"),
        (("plan", "Account", "--format", "JSON"), "lht.plan/1"),
        (("runs", "--json"), "lht.runs/1"),
        (("sync", "--json"), "lht.sync/1"),
        (("plan", "A", "B", "--table", "T", "--json"), "lht.plan/1"),
        (("nonsense", "--json"), "lht.cli/1"),
    ],
)
def test_json_is_one_document_on_stdout_on_failure_too(run, words, name):
    """Whatever happens, stdout is one JSON document that tells the exit code."""
    code, out, _ = run(*words)
    told = json.loads(out)
    assert (told["format"], told["exit_code"]) == (name, code)


def test_json_draws_no_progress(run, library):
    """With --json stderr stays empty while all goes well."""
    library.events = [
        SyncStarted(
            run_id="r",
            objects=("A",),
            org_id="o",
            org_url="u",
            warehouse="w",
            schema="s",
        )
    ]
    assert run("sync", "Account", "--json")[2] == ""
    assert "sync.start" in run("sync", "Account")[2]
    assert run("sync", "Account", "--quiet")[2] == ""


def test_csv_has_one_line_a_row(run):
    """--format csv gives a heading and one line for each object; lists are JSON."""
    code, out, _ = run("sync", "Account", "--format", "csv")
    heading, row = out.splitlines()
    assert code == 0
    assert heading.startswith("sobject,target_table,status,mode")
    assert row.startswith("Account,RAW.ACCOUNT,succeeded,full")
    assert ",[],[]," in row


def test_a_dry_run_prints_what_plan_prints(run, library):
    """--dry-run and plan give the same bytes, and sync nothing."""
    planned = run("plan", "Account", "--schema", "CRM")
    dry = run("sync", "Account", "--schema", "CRM", "--dry-run")
    assert dry == planned
    assert [name for name, *_ in library.calls] == ["plan", "plan"]


def test_a_plan_ends_in_the_line_that_does_it(run):
    """The user's own flags are repeated, secrets never."""
    local = ("--salesforce-url", "http://127.0.0.1:1", "--client-secret", SECRET)
    out = run("plan", "Account", "--where", "Name = 'x y'", *local)[1]
    line = out.splitlines()[-1]
    assert line.startswith("Run it: lht sync Account --where 'Name = '")
    assert SECRET not in out
    assert "****" in line


def test_verbose_tells_where_settings_come_from(run):
    """-v names the source of each setting, and shows no secret."""
    err = run("plan", "Account", "-v")[2]
    assert "url: from LHT_SALESFORCE_DOMAIN" in err
    assert "client secret: from LHT_SALESFORCE_CLIENT_SECRET" in err
    assert "warehouse: duckdb:///lht.duckdb, from the default" in err
    assert SECRET not in err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("-c", "prod"), "snowflake://prod"),
        (("--connection", "my conn/1"), "snowflake://my%20conn%2F1"),
        (("-c", "prod", "--database", "CRM"), "snowflake://prod?database=CRM"),
        (
            ("--warehouse", "snowflake://a/B?role=R", "--database", "my db"),
            "snowflake://a/B?role=R&database=my%20db",
        ),
    ],
)
@pytest.mark.parametrize("verb", [("plan", "A"), ("sync", "A"), ("runs",)])
def test_a_connection_of_snowflake_is_named_as_with_snow(
    run, library, verb, words, named
):
    """-c names a connection and --database a database, on every such command."""
    assert run(*verb, *words)[0] == 0
    ((_, objects, options),) = library.calls
    assert options.get("warehouse", objects) == named


def test_the_source_of_a_connection_is_its_flag(run):
    """-v repeats the user's own word."""
    err = run("plan", "A", "-c", "prod", "-v")[2]
    assert "warehouse: snowflake://prod, from -c" in err


def test_the_variable_names_snowflake_too(run, library, monkeypatch):
    """LHT_WAREHOUSE may be a URL of Snowflake; --database goes with it."""
    monkeypatch.setenv("LHT_WAREHOUSE", "snowflake://me@acme/CRM?role=R")
    _, _, err = run("sync", "A", "--database", "X", "-v")
    named = library.calls[-1][2]["warehouse"]
    assert named == "snowflake://me@acme/CRM?role=R&database=X"
    assert "warehouse: snowflake://acme/CRM, from LHT_WAREHOUSE" in err


@pytest.mark.parametrize(
    "words",
    [
        ("-c", "prod", "--warehouse", "crm.duckdb"),
        ("--database", "CRM"),
        ("--warehouse", "crm.duckdb", "--database", "CRM"),
        ("-c", ""),
        ("--warehouse", f"snowflake://me:{SECRET}@acme/CRM"),
    ],
)
def test_flags_that_contradict_each_other_are_a_usage_error(run, library, words):
    """Two warehouses, a database without one, a secret: nothing is touched."""
    code, out, err = run("sync", "Account", *words)
    assert (code, out, library.calls) == (2, "", [])
    assert "hint:" in err
    assert SECRET not in err


def test_runs_finds_a_run_by_its_beginning(run, library):
    """A run is shown again as it ended; an unknown one lists those there are."""
    assert "01JD3W8K" in run("runs")[1]
    assert "four" not in run("runs", "01jd")[1]
    assert "1,200 reported" in run("runs", "01jd")[1]
    code, _, err = run("runs", "ZZZ")
    assert code == 2
    assert "01JD3W8K" in err
    library.history *= 2
    assert "several runs" in run("runs", "01JD3W8K")[2]


def test_ctrl_c_exits_130(run, library):
    """An interrupted command says what is left behind."""
    library.end = KeyboardInterrupt()
    code, _, err = run("sync", "Account")
    assert code == 130
    assert "error[interrupted]" in err
    assert json.loads(run("sync", "Account", "--json")[1])["status"] == "interrupted"


def test_a_bug_is_one_line_and_shows_no_values(run, library):
    """An error that is ours shows a place, and the traceback only on request."""
    library.end = ValueError(f"value of a row, and {SECRET}")
    code, _, err = run("sync", "Account")
    assert code == 1
    assert "error[bug]: this is a mistake in lht: ValueError" in err
    assert "value of a row" not in err
    assert "Traceback" not in err
    err = run("sync", "Account", "--debug")[2]
    assert "Traceback" in err
    assert SECRET not in err


def test_piped_output_has_no_escapes_unless_asked(run, monkeypatch):
    """Colour off a terminal needs --color, LHT_COLOR or FORCE_COLOR, in that order."""
    assert "\x1b" not in run("sync", "Account")[1]
    assert "\x1b" in run("sync", "Account", "--color", "always")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" in run("sync", "Account")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("sync", "Account")[1]
    monkeypatch.setenv("LHT_COLOR", "always")
    assert "\x1b" in run("sync", "Account")[1]
    assert "\x1b" not in run("sync", "Account", "--color", "never")[1]
    monkeypatch.setenv("LHT_COLOR", "auto")
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b" in run("sync", "Account")[1]


def test_piped_progress_has_no_escapes_even_with_colour(run, library):
    """Motion depends on a terminal, never on colour."""
    library.events = [
        Progress(
            run_id="r",
            sobject="Account",
            step="download",
            rows=5,
            expected_rows=10,
            size_bytes=99,
        )
    ]
    err = run("sync", "Account", "--color", "always")[2]
    assert "object.progress object=Account step=download rows=5 of=10 bytes=99" in err
    assert "\x1b" not in err


def test_a_wait_for_another_try_is_never_silent(run, library):
    """What is tried again is told with its cause, unless --quiet was said."""
    facts = {"stamina.wait_for": 2.5, "stamina.caused_by": f"Busy('{SECRET}')"}
    library.before = lambda: logging.getLogger("stamina").warning("x", extra=facts)
    assert "! trying again in 2.5 s: Busy('****')" in run("sync", "Account")[2]
    assert run("sync", "Account", "--quiet")[2] == ""


def test_help_folds_the_options_all_commands_share(run):
    """--help shows the command's own options, --help-all every one; both exit 0."""
    code, out, _ = run("sync", "--help")
    assert code == 0
    assert "--where SOQL" in out
    assert "The org's My Domain URL" not in out
    assert "--salesforce-url, --salesforce-domain" in " ".join(out.split())
    assert "Examples:\n  lht sync Account Contact" in out
    code, everything, _ = run("sync", "--help-all")
    assert code == 0
    assert "[env: LHT_SALESFORCE_URL]" in " ".join(everything.split())


def test_help_tells_the_exit_codes(run):
    """The bare command shows help, with all commands and exit codes."""
    code, out, _ = run()
    assert code == 0
    for word in ("objects", "plan", "sync", "runs", "130 interrupted"):
        assert word in out
    assert run("--version")[1] == f"lht {lht.__version__}\n"


def test_a_mistyped_command_is_suggested(run):
    """The nearest command is named."""
    assert "Did you mean 'sync'?" in run("synk")[2]


def test_a_reader_who_leaves_is_no_error():
    """`lht ... | head` ends quietly, with the exit code of what was done."""
    script = "import sys; from lht.cli.console import Console; c = Console();"
    script += "[c.answer('x' * 9999) for _ in range(99)]; sys.exit(0)"
    end = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end.stdout.read(10)
    end.stdout.close()
    assert end.stderr.read() == b""
    assert end.wait() == 0
    end.stderr.close()


def test_a_terminal_that_cannot_show_signs_gets_words():
    """An ASCII stdout never raises; it gets words for signs."""
    script = "from lht.report.look import Sign; from lht.cli.console import Console;"
    script += "import sys; print(Console().look(sys.stdout).sign(Sign.DONE))"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, env=environment, check=True
    )
    assert done.stdout == b"ok\n"


def test_a_run_that_failed_stays_readable_later(run, library):
    """`lht runs ID` shows the errors of that run; showing them is no failure."""
    failed = ended(Status.PARTIAL, 1, DONE, FAILED)
    library.history = [replace(failed, run_id="0FAILED0"), *library.history]
    code, out, err = run("runs", "0F")
    assert code == 0
    assert "✗ Contact" in out
    assert "error[bulk_job_failed]" in err


def test_rows_are_read_as_people_write_them():
    """Thousands may be marked; what is no number is refused with an example."""
    assert parse_rows(["Account=1,000", "Contact=5_000"]) == {
        "Account": 1000,
        "Contact": 5000,
    }
    for wrong in ("Account", "Account=", "=5", "Account=many", "Account=-1"):
        with pytest.raises(ConfigError) as caught:
            parse_rows([wrong])
        assert caught.value.hint == "write --rows Account=1000"


def test_a_missing_extra_names_its_pip_line():
    """Without the devorg extra, the exact line to install it is shown."""
    script = "import sys; sys.modules['uvicorn'] = None; from lht import cli;"
    script += "sys.exit(cli.main(['demo']))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'pip install "lht[devorg]"' in done.stderr


class Terminal(io.StringIO):
    """A stream that a person sits at."""

    encoding = "utf-8"

    def isatty(self):
        return True


def test_a_person_is_asked_and_nobody_else(monkeypatch):
    """A prompt needs a terminal on both sides, and no CI."""
    assert not Console().may_ask
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert not Console().may_ask
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert Console().may_ask
    monkeypatch.setenv("CI", "true")
    assert not Console().may_ask


def test_a_missing_secret_is_asked_for_without_echo(run, library, monkeypatch):
    """At a terminal the secret is asked for, and is not shown afterwards."""
    monkeypatch.delenv("LHT_SALESFORCE_CLIENT_SECRET")
    assert run("sync", "Account")[0] == 2
    monkeypatch.setattr(Console, "may_ask", property(lambda _: True))
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: SECRET)
    code, out, err = run("sync", "Account", "-v")
    assert code == 0
    assert library.calls[-1][2]["salesforce"].client_secret == SECRET
    assert "client secret: from the prompt" in err
    assert SECRET not in out + err


@pytest.mark.parametrize(
    ("settings", "colored"),
    [({}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)],
)
def test_a_terminal_has_colour_unless_it_cannot_or_may_not(
    monkeypatch, settings, colored
):
    """A terminal gets colour; a dumb one, or one that said no, does not."""
    monkeypatch.setenv("TERM", "xterm")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert Console().look(Terminal()).color is colored


@pytest.mark.parametrize(
    ("words", "settings", "moves"),
    [
        ({}, {}, True),
        ({"no_progress": True}, {}, False),
        ({}, {"CI": "true"}, False),
        ({}, {"LHT_NO_PROGRESS": "1"}, False),
        ({"color": "never"}, {}, True),
    ],
)
def test_motion_needs_a_terminal_and_consent(monkeypatch, words, settings, moves):
    """Lines are redrawn on a terminal only; colour has no say in it."""
    assert not Console().moves
    monkeypatch.setattr(sys, "stderr", Terminal())
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert Console(**words).moves is moves
