"""Every statement that the line sends to Snowflake is looked at, and none is missed."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.emulator.scene import credentials, stopped_clock
from tests.snowflake.fake import Server
from tests.snowflake.reach import missed, traced, written
from tests.snowflake.statement_rules import Judge, Problem, problems
from tests.snowflake.variants import ACCOUNT, VARIANTS, House, metadata

import lht
from lht import devorg
from lht.devorg import Org
from lht.salesforce import bulk_query
from lht.salesforce.client import Client
from lht.sync.state import _TABLES
from lht.warehouse.snowflake_tables import QUERY_TAG

SOURCE = Path(lht.__file__).parent
MODULES = [
    *sorted(SOURCE.glob("warehouse/snowflake*.py")),
    SOURCE / "warehouse" / "sql.py",
    *sorted(SOURCE.glob("sync/*.py")),
    *sorted(SOURCE.glob("util/*.py")),
]


class Allowed(NamedTuple):
    """What breaks a rule, and may."""

    rule: str
    pattern: str
    reason: str


ALLOWED = [
    Allowed(
        "it bears our QUERY_TAG",
        "PUT 'file:///tmp/placeholder/",
        "Snowpark puts it, and takes no tag; in a procedure it is no statement",
    ),
]


@pytest.fixture
def org() -> Iterator[Org]:
    with devorg.start(
        clock=stopped_clock(), metadata=metadata(), page_size=5, bulk_page_rows=5
    ) as org:
        with org.transaction() as transaction:
            for _ in range(7):
                transaction.insert("Account", ACCOUNT)
        yield org


def test_every_statement_is_sound_and_none_is_missed(
    snowflake_server: Server, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the line sends is what Snowflake takes; all that it can send was sent."""
    monkeypatch.setattr(bulk_query, "_FIRST_WAIT_SECONDS", 0.005)
    with traced(MODULES) as lines, Client(credentials(org)) as client:
        houses = [
            lived_in(variant, House(snowflake_server, org, client))
            for variant in VARIANTS
        ]
    found = {problem: why(problem) for house in houses for problem in wrong(house)}
    assert [problem for problem, allowed in found.items() if allowed is None] == []
    assert set(found.values()) == set(ALLOWED), "what is not needed any more"
    assert list(map(str, missed(written(MODULES), lines))) == []
    assert tables_written(houses) == {*_TABLES, "WRITES"}


def lived_in(variant: Callable[[House], None], house: House) -> House:
    """Return the house after a variant of the line."""
    try:
        variant(house)
    except Exception as error:
        error.add_note(f"the variant: {variant.__doc__}")
        raise
    finally:
        house.server.drop_database(house.database)
    return house


def wrong(house: House) -> list[Problem]:
    """Return what is wrong with the statements of ours."""
    token = house.client._session.auth.token().access_token
    secrets = (house.org.client_secret, token, "loopback")
    judge = Judge(tag=QUERY_TAG, secrets=secrets, own=house.own)
    return problems(house.sent, judge, theirs=house.theirs)


def why(problem: Problem) -> Allowed | None:
    """Return what allows a statement to break a rule."""
    return next(
        (
            allowed
            for allowed in ALLOWED
            if allowed.rule == problem.rule and re.match(allowed.pattern, problem.text)
        ),
        None,
    )


def tables_written(houses: Iterable[House]) -> set[str]:
    """Return the tables of our books into which rows were inserted."""
    into = re.compile(r'INSERT INTO "\w+"\."LHT"\."([A-Z_]+)" ')
    texts = [sent.text for house in houses for sent in house.sent]
    return {m[1] for m in map(into.match, texts) if m and "__LHT_" not in m[1]}


def test_a_statement_that_was_not_reached_is_missed(tmp_path: Path) -> None:
    """Of two statements in a source, the one that did not run is told."""
    source = tmp_path / "source.py"
    source.write_text(
        "def statements(which):\n"
        '    """SELECT is not said here."""\n'
        "    if which:\n"
        "        yield (\n"
        "            f'SELECT {which}'\n"
        "            ' FROM T'\n"
        "        )\n"
        "    else:\n"
        "        yield 'DROP TABLE T'\n"
    )
    names: dict[str, Any] = {}
    exec(compile(source.read_text(), str(source), "exec"), names)  # noqa: S102  ours
    with traced([source]) as lines:
        assert list(names["statements"](1)) == ["SELECT 1 FROM T"]
    assert [s.text for s in written([source])] == ["SELECT {} FROM T", "DROP TABLE T"]
    assert [s.text for s in missed(written([source]), lines)] == ["DROP TABLE T"]
