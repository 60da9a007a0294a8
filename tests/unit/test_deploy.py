"""The scripts for Snowflake, and what runs there."""

import json
import re
import sys
from contextlib import closing
from types import SimpleNamespace

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import given
from sqlfluff.core import FluffConfig, Linter

import lht
from lht import cli, devorg, inside
from lht.deploy.script import Account, Org, render
from lht.deploy.setup import setup_steps
from lht.deploy.tasks import (
    MAX_TASKS,
    Deployment,
    checked_schedule,
    deploy_steps,
    remove_steps,
)
from lht.exceptions import ConfigError, SyncError
from lht.schema import TableRef

ODD = Account(
    database="MY DB", schema="O'CLOCK", warehouse='"w"', role='r";--', user="a@b\\c"
)
UNKNOWN_TO_SQLFLUFF = "CREATE OR REPLACE EXTERNAL ACCESS INTEGRATION "
TOKENS = re.compile(r""""(?:[^"]|"")*"|'(?:[^'\\]|''|\\.)*'|\$\$.*?\$\$""", re.DOTALL)
S3CRET = "s3cret-of-acme"


@pytest.fixture(scope="module")
def linter():
    return Linter(config=FluffConfig(overrides={"dialect": "snowflake"}))


def deployment(account=None, objects=("Account", "Contact", "Task"), **values):
    place = account or Account()
    return Deployment(org=Org.of("acme"), account=place, objects=objects, **values)


def scripts(account):
    """Return every kind of script, with every option that adds statements."""
    return {
        "setup": setup_steps("acme", account, sandboxes=["uat"], grant_to=account.role),
        "deploy": deploy_steps(deployment(account, tasks=2, owners_rights=True)),
        "cron": deploy_steps(
            deployment(account, schedule="USING CRON 0 6 * * 1-5 Europe/Berlin")
        ),
        "remove": remove_steps(deployment(account)),
    }


def statements(steps):
    return [s for step in steps for s in step.statements]


def skeleton(steps):
    """Return the statements without names and literals: what is left is ours."""
    return [TOKENS.sub("?", s) for s in statements(steps)]


# -- the scripts -----------------------------------------------------------------------


@pytest.mark.parametrize("account", [Account(), ODD], ids=["plain", "odd"])
@pytest.mark.parametrize("kind", ["setup", "deploy", "cron", "remove"])
def test_every_statement_is_one_of_snowflakes(kind, account, linter):
    """Each parses; the one kind that sqlfluff does not know is told apart."""
    for statement in statements(scripts(account)[kind]):
        violations = linter.parse_string(f"{statement};\n").violations
        known = not statement.startswith(UNKNOWN_TO_SQLFLUFF)
        assert known is not bool(violations), statement


def test_what_is_printed_is_the_statements_and_comments(linter):
    """The script as a whole parses too: no comment runs into a statement."""
    for steps in scripts(Account()).values():
        printed = render(steps)
        known = re.sub(f"{UNKNOWN_TO_SQLFLUFF}.*?;", "", printed, flags=re.DOTALL)
        assert linter.parse_string(known + "\n").violations == []
        by_hand = {s for step in steps if step.by_hand for s in step.statements}
        for statement in statements(steps):
            assert f"{'-- ' if statement in by_hand else ''}{statement};" in printed


@pytest.mark.parametrize("kind", ["setup", "deploy", "cron", "remove"])
def test_running_a_script_again_loses_nothing(kind):
    """What holds something is created only where there is none, and never dropped."""
    holders = r"(DATABASE|SCHEMA|TABLE|SECRET|USER|ROLE|WAREHOUSE)\b"
    for statement in statements(scripts(Account())[kind]):
        assert not re.match(rf"(CREATE OR REPLACE|DROP) {holders}", statement)
        if re.match(rf"CREATE {holders}", statement):
            assert " IF NOT EXISTS " in statement
        if statement.startswith("DROP "):
            assert re.match(r"DROP (TASK|PROCEDURE) IF EXISTS ", statement)


@given(st.lists(st.text(max_size=12), min_size=5, max_size=5))
def test_no_name_becomes_a_statement(names):
    """Whatever the names, the statements are the same; or the names are refused."""
    fields = ("database", "schema", "warehouse", "role", "user")
    try:
        odd = scripts(Account(**dict(zip(fields, names, strict=True))))
    except ConfigError:
        return
    for kind, steps in scripts(Account()).items():
        assert skeleton(odd[kind]) == skeleton(steps)


@given(st.text(max_size=12))
def test_no_value_becomes_a_statement(text):
    """Whatever object, schedule or name is given, the statements are the same."""
    plain = skeleton(deploy_steps(deployment(objects=("Account",))))
    for values in ({"objects": (text,)}, {"schedule": text}, {"name": text or "N"}):
        try:
            steps = deploy_steps(deployment(**{"objects": ("Account",)} | values))
        except ConfigError:
            continue
        assert skeleton(steps) == plain


@given(st.text(max_size=12))
def test_an_org_is_a_plain_host(text):
    """Whatever names an org, what is let out is one host of Salesforce's."""
    try:
        org = Org.of(text)
    except ConfigError:
        return
    assert re.fullmatch(r"[a-z0-9.-]+\.my\.salesforce\.com", org.host)
    assert re.fullmatch(r"[A-Z0-9_]+", org.label)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [("raw", "RAW"), ('"raw"', "raw"), ("my db", "my db"), ('"a""b"', 'a"b')],
)
def test_names_are_what_snowflake_makes_of_them(given_name, kept):
    """Plain names are folded to upper case; quotes keep a name as it is."""
    (first, *_) = statements(remove_steps(deployment(Account(role=given_name))))
    quoted = kept.replace('"', '""')
    assert first == f'USE ROLE "{quoted}"'


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, "a\x00", '""'])
def test_what_can_be_no_name_is_refused(name):
    """Empty, endless and unprintable names stop before anything is printed."""
    with pytest.raises(ConfigError):
        setup_steps("acme", Account(role=name))


@pytest.mark.parametrize("name", ['"raw"', "my db"])
@pytest.mark.parametrize("kind", ["database", "schema"])
def test_tables_are_where_lht_looks_for_them(kind, name):
    """A place that lht would spell otherwise is refused before it is made."""
    with pytest.raises(ConfigError, match="lower-case"):
        Account(**{kind: name})


def test_tables_are_kept_apart_from_what_lht_remembers():
    """The schema LHT cannot be that of the tables."""
    with pytest.raises(ConfigError, match="lht's own"):
        Account(schema="lht")


@pytest.mark.parametrize(
    ("domain", "hosts", "name"),
    [
        ("acme", ("login.salesforce.com", "acme.my.salesforce.com"), "ACME"),
        (
            "https://ACME.my.salesforce.com/lightning",
            ("login.salesforce.com", "acme.my.salesforce.com"),
            "ACME",
        ),
        (
            "acme--uat.sandbox",
            ("test.salesforce.com", "acme--uat.sandbox.my.salesforce.com"),
            "ACME__UAT_SANDBOX",
        ),
    ],
)
def test_only_the_hosts_of_the_org_are_let_out(domain, hosts, name):
    """The rule names the org's own host and the login host of its kind."""
    org = Org.of(domain)
    assert (org.hosts, org.label) == (hosts, name)
    rules = [
        s for s in statements(setup_steps(domain, Account())) if "NETWORK RULE" in s
    ]
    assert len(rules) == 1
    assert re.findall(r"'(.*?)'", rules[0]) == list(hosts)


@pytest.mark.parametrize("domain", ["", "acme.example.com", "localhost", "a b", "*"])
def test_what_is_no_org_of_salesforces_is_refused(domain):
    """Nothing but a My Domain is let out of Snowflake."""
    with pytest.raises(ConfigError):
        Org.of(domain)


def test_each_sandbox_has_a_secret_of_its_own():
    """A procedure for a sandbox cannot reach production, nor use its secret."""
    steps = setup_steps("acme", Account(), sandboxes=["uat"])
    integrations = [s for s in statements(steps) if UNKNOWN_TO_SQLFLUFF in s]
    assert len(integrations) == 2
    for statement in integrations:
        named = re.findall(r'"(SALESFORCE_\w+)"', statement)
        assert len(set(named)) == 1
    with pytest.raises(ConfigError):
        setup_steps("acme--uat.sandbox", Account(), sandboxes=["dev"])


def test_no_privilege_is_given_on_what_is_not_lhts():
    """Grants name one schema, warehouse or integration; none is for everything."""
    for statement in statements(setup_steps("acme", Account())):
        if statement.startswith("GRANT "):
            assert not re.search(r"\b(ALL|OWNERSHIP|FUTURE|MANAGE)\b", statement)
            assert statement.endswith(('ROLE "LHT_ROLE"', 'USER "LHT_USER"'))


# -- the procedure and the tasks -------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("60 MINUTE", "60 MINUTE"),
        (" 5  minutes ", "5 MINUTE"),
        ("24 hours", "24 HOUR"),
        ("10 SECONDS", "10 SECOND"),
        (
            "using cron 0 6 * * mon-fri Europe/Berlin",
            "USING CRON 0 6 * * MON-FRI Europe/Berlin",
        ),
        ("USING CRON 0,30 */2 L * 5L UTC", "USING CRON 0,30 */2 L * 5L UTC"),
    ],
)
def test_schedules_are_written_as_snowflake_writes_them(text, kept):
    """Intervals and cron expressions with a time zone are taken."""
    assert checked_schedule(text) == kept


@pytest.mark.parametrize(
    "text",
    ["", "60", "0 MINUTE", "9 SECONDS", "193 HOURS", "USING CRON 0 6 * * *", "1 DAY"],
)
def test_what_is_no_schedule_is_refused_with_an_example(text):
    """A schedule that Snowflake would refuse stops before anything is printed."""
    with pytest.raises(ConfigError) as caught:
        checked_schedule(text)
    assert "60 MINUTE" in caught.value.hint


NAMES = st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True))


@given(NAMES, st.integers(1, MAX_TASKS))
def test_every_object_is_in_one_task(objects, tasks):
    """Objects are shared among the tasks: none twice, none left out, evenly."""
    if not objects:
        with pytest.raises(ConfigError):
            deploy_steps(deployment(objects=(), tasks=tasks))
        return
    steps = deploy_steps(deployment(objects=tuple(objects), tasks=tasks))
    calls = [s for s in statements(steps) if "\nAS CALL " in s]
    shares = [re.findall(r"'(\w+)'", s.partition("\nAS CALL ")[2]) for s in calls]
    wanted = {o.lower() for o in objects}
    assert sorted(o.lower() for share in shares for o in share) == sorted(wanted)
    assert len(shares) == min(tasks, len(wanted))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("tasks", [0, MAX_TASKS + 1])
def test_tasks_are_a_few(tasks):
    """There is at least one task, and no more than a warehouse takes at once."""
    with pytest.raises(ConfigError):
        deploy_steps(deployment(tasks=tasks))


def test_the_root_stops_first_and_starts_last():
    """No run starts while the tasks are made, and none before all of them are."""
    root = '"LHT_DB"."LHT"."SYNC_ACME"'
    done = [s for s in statements(deploy_steps(deployment(tasks=3))) if " TASK " in s]
    assert done[0] == f"ALTER TASK IF EXISTS {root} SUSPEND"
    assert done[1].startswith(f"CREATE OR REPLACE TASK {root}\n")
    assert all(f"AFTER {root}\n" in s for s in done[2:5])
    assert not any("SCHEDULE" in s for s in done[2:5])
    resumed = [s for s in done if s.endswith("RESUME")]
    assert done[-4:] == resumed
    assert resumed[-1] == f"ALTER TASK {root} RESUME"


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_deployment_replaces_one_that_had_more_tasks(tasks):
    """Whatever number there was, no task of it stays behind; nor after --remove."""
    steps = deploy_steps(deployment(tasks=tasks))
    numbers = {
        verb: {
            int(n)
            for s in statements(steps)
            for n in re.findall(rf'^{verb} "LHT_DB"."LHT"."SYNC_ACME_(\d)"', s)
        }
        for verb in ("CREATE OR REPLACE TASK", "DROP TASK IF EXISTS")
    }
    made, dropped = numbers.values()
    assert made == set(range(1, tasks + 1))
    assert made | dropped == set(range(1, MAX_TASKS + 1))
    assert not made & dropped
    removed = "\n".join(statements(remove_steps(deployment())))
    assert all(f'SYNC_ACME_{n}"' in removed for n in made | dropped)


def test_a_name_of_ones_own_keeps_deployments_apart():
    """Two schedules for one org live side by side under two names."""
    steps = deploy_steps(deployment(name='"hourly sync"'))
    text = "\n".join(statements(steps))
    assert '"LHT_DB"."LHT"."hourly sync_1"' in text
    assert "SYNC_ACME" not in text


def procedure(**values):
    found = statements(deploy_steps(deployment(**values)))
    return next(s for s in found if "PROCEDURE" in s)


def test_the_procedure_runs_this_version_with_the_callers_rights():
    """What runs in Snowflake is what printed the script, with no rights of its own."""
    assert f"'lht=={lht.__version__}'" in procedure()
    assert "EXECUTE AS CALLER" in procedure()
    assert "EXECUTE AS OWNER" in procedure(owners_rights=True)


def test_the_handler_hands_its_arguments_on(monkeypatch):
    """The Python in the procedure compiles, and takes what the procedure declares."""
    calls = []
    monkeypatch.setattr(
        inside, "sync_objects", lambda *a, **k: calls.append((a, k)) or {"done": True}
    )
    sql = procedure()
    names: dict = {}
    exec(compile(sql.split("$$")[1], "handler", "exec"), names)  # noqa: S102  ours
    declared = re.findall(r'^  "(\w+)" (\w+)', sql, re.MULTILINE)
    values = {"OBJECTS": ["Account"], "SCHEMA": "RAW", "DATABASE": "D", "MODE": "full"}
    session = object()
    told = names["run"](session, *(values[name] for name, _ in declared))
    assert told == {"done": True}
    options = {"schema": "RAW", "database": "D", "mode": "full", "secret": "salesforce"}
    assert calls == [((session, ["Account"]), options)]
    assert f"SECRETS = ('{options['secret']}' = " in sql
    dropped = statements(remove_steps(deployment()))[-1]
    assert dropped.endswith(f"({', '.join(kind for _, kind in declared)})")


# -- what runs in Snowflake ------------------------------------------------------------


@pytest.fixture
def attach(monkeypatch):
    """Attach a secret as Snowflake does to a procedure."""

    def call(content, name="salesforce"):
        text = content if isinstance(content, str) else json.dumps(content)

        def read(asked):
            if asked != name:
                raise ValueError(f"no {asked}")
            return text

        reader = SimpleNamespace(get_generic_secret_string=read)
        monkeypatch.setitem(sys.modules, "_snowflake", reader)

    return call


ACME = {"url": "https://acme.my.salesforce.com", "client_id": "i"}


@pytest.mark.parametrize("new_snowpark", [True, False])
def test_a_secret_names_its_org(attach, monkeypatch, new_snowpark):
    """Org and credentials are read from one secret, with any Snowpark."""
    if not new_snowpark:
        monkeypatch.setitem(sys.modules, "snowflake.snowpark.secrets", None)
    attach(ACME | {"client_secret": S3CRET})
    found = inside.read_org()
    assert (found.url, found.client_id) == (ACME["url"], "i")
    assert found.client_secret == S3CRET
    attach({"domain": "acme", "client_id": "i", "client_secret": S3CRET})
    assert inside.read_org().url == ACME["url"]


@pytest.mark.parametrize(
    "content",
    [
        Org.of("acme").placeholder,
        S3CRET,
        {"client_secret": S3CRET},
        ACME | {"client_secret": S3CRET, "password": "x"},
        ACME | {"client_secret": [S3CRET]},
        {"client_id": "i", "client_secret": S3CRET},
    ],
)
def test_an_incomplete_secret_is_refused_without_being_shown(attach, content):
    """Placeholders, unknown keys and what is no JSON stop before anything starts."""
    attach(content)
    with pytest.raises(ConfigError) as caught:
        inside.read_org()
    assert caught.value.hint
    assert S3CRET not in f"{caught.value} {caught.value.why} {caught.value.hint}"


def test_a_secret_that_is_not_attached_is_named(attach):
    """The name that was looked for is told, with how to attach it."""
    attach(ACME, name="other")
    with pytest.raises(ConfigError, match="attached as salesforce") as caught:
        inside.read_org()
    assert "SECRETS = ('salesforce' = ...)" in caught.value.hint


@pytest.mark.parametrize("snowpark", [True, False])
def test_outside_of_snowflake_there_are_no_secrets(monkeypatch, snowpark):
    """With Snowpark and without it, the error says where credentials come from."""
    monkeypatch.delenv("SNOWFLAKE_CONTAINER_SERVICES_SECRET_PATH_PREFIX", False)
    if not snowpark:
        monkeypatch.setitem(sys.modules, "snowflake.snowpark.secrets", None)
    with pytest.raises(ConfigError, match="inside Snowflake only"):
        inside.read_org()


@pytest.fixture(scope="module")
def org():
    with devorg.start(rows={"Account": 30, "Contact": 10}, seed=3) as running:
        yield running


@pytest.fixture
def attached(org, attach):
    attach(
        {"url": org.url, "client_id": org.client_id, "client_secret": org.client_secret}
    )
    return org


@pytest.mark.usefixtures("attached")
def test_objects_are_synced_with_the_credentials_of_the_secret():
    """The receipt is a JSON document; the session stays open."""
    with closing(duckdb.connect()) as session:
        told = inside.sync_objects(session, ["Account"], schema="CRM", mode="full")
        rows = session.sql("SELECT count(*) FROM crm.account").fetchall()
    assert json.loads(json.dumps(told)) == told
    assert (told["format"], told["status"]) == ("lht.sync/1", "succeeded")
    assert told["result"]["objects"][0]["inserted"] == rows[0][0] >= 30


@pytest.mark.usefixtures("attached")
def test_a_task_fails_loudly():
    """Every object that failed is named in the error; the others are complete."""
    with closing(duckdb.connect()) as session:
        with pytest.raises(SyncError) as caught:
            inside.sync_objects(session, ["Nope1", "Account", "Nope2"])
        rows = session.sql("SELECT count(*) FROM raw.account").fetchall()
    assert str(caught.value).startswith("2 of 3 objects failed; Nope1: ")
    assert "; Nope2: " in str(caught.value)
    assert len(caught.value.report.objects) == 3
    assert rows[0][0] >= 30


class SnowflakeConnection:
    """Stands in for a session's connection whose current database is another."""

    description = (("ANSWER",),)

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, statement, *_, **__):
        self.row = (None,) if "TRANSACTION" in statement else ("OTHER", "S", "O", "A")
        return self

    def fetchall(self):
        return [self.row]

    def close(self):
        pass


@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize(("database", "found"), [("lht_db", "LHT_DB"), (None, None)])
def test_tables_are_in_the_database_of_the_procedure(monkeypatch, database, found):
    """Whatever database the caller is in, the tables are where they were set up."""
    places = []

    def sync(*_, warehouse, **__):
        places.append(warehouse)
        raise ConfigError("enough")

    monkeypatch.setattr(inside, "sync", sync)
    session = SnowflakeConnection()
    with pytest.raises(ConfigError, match="enough"):
        inside.sync_objects(session, ["Account"], database=database)
    (place,) = places
    if found is None:
        assert place is session
    else:
        name = place.session().name(TableRef("RAW", "ACCOUNT"))
        assert name == '"LHT_DB"."RAW"."ACCOUNT"'


# -- the commands ----------------------------------------------------------------------


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command line without anyone to ask; return exit code, stdout, stderr."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: pytest.fail("it asked"))

    def call(*words):
        code = cli.main(["snowflake", *words, "--salesforce-domain", "acme"])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_setup_sql_prints_sql_and_nothing_else(run, monkeypatch):
    """Stdout is a script, and secrets in the environment do not get into it."""
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", S3CRET)
    code, out, err = run("setup-sql", "--database", "crm", "--grant-to", "sysadmin")
    assert (code, err) == (0, "")
    account = Account(database="crm")
    assert out == render(setup_steps("acme", account, grant_to="SYSADMIN")) + "\n"
    assert S3CRET not in out


def test_deploy_sql_prints_sql_and_nothing_else(run):
    """Every flag reaches the script."""
    code, out, err = run(
        *("deploy-sql", "Account", "Contact", "--schedule", "2 hours", "--tasks", "2"),
        *("--database", "D", "--schema", "S", "--warehouse", "W", "--role", "R"),
        *("--name", "N", "--owners-rights"),
    )
    assert (code, err) == (0, "")
    wanted = deployment(
        Account(database="D", schema="S", warehouse="W", role="R"),
        objects=("Account", "Contact"),
        schedule="2 HOUR",
        tasks=2,
        name="N",
        owners_rights=True,
    )
    assert out == render(deploy_steps(wanted)) + "\n"
    assert run("deploy-sql", "--remove")[1] == render(remove_steps(deployment())) + "\n"


def test_scripts_are_documents_too(run):
    """--json tells each statement, and whether it waits for a person."""
    told = json.loads(run("setup-sql", "--json")[1])
    assert told["format"] == "lht.snowflake_setup-sql/1"
    found = [s["sql"] for s in told["result"]["statements"]]
    assert found == statements(setup_steps("acme", Account()))
    assert sum(s["by_hand"] for s in told["result"]["statements"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("deploy-sql",),
        ("deploy-sql", "Account; DROP TABLE x"),
        ("deploy-sql", "Account", "--schedule", "sometimes"),
        ("deploy-sql", "Account", "--tasks", "9"),
        ("setup-sql", "--sandbox", "a.b"),
        ("setup-sql", "--schema", "LHT"),
    ],
)
def test_what_cannot_be_meant_exits_2_and_prints_no_sql(run, words):
    """A mistake is an error with a hint, not half a script."""
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "hint:" in err
