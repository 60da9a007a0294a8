"""What only a real account can tell: asked of the one that is named, if one is.

Each test is a fact that a load into Snowflake rests on, or that it was built to do
without, and that no page of Snowflake's says for certain.
"""

import base64
import gzip
import io
import random
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.accounts import REF, batch, load, row, wide
from tests.contract.live import CONNECTION, LIVE
from tests.contract.snowflake.files import FilePage, Files

from lht.exceptions import SchemaDriftError, WarehouseError, WarehouseUnavailableError
from lht.schema import Column, TableRef, TableSchema
from lht.warehouse.snowflake import SnowflakeSession
from lht.warehouse.snowflake_open import opened_snowflake
from lht.warehouse.snowflake_stage import staged
from lht.warehouse.snowflake_values import converted

pytestmark = pytest.mark.parametrize("connect", [LIVE], indirect=True)
PAIR = TableSchema(
    columns=tuple(
        Column(name=n, field_type="any", arrow_type="string") for n in ("Id", "Name")
    )
)
LARGE_BYTES = 70 * 2**20  # more than 64 MB: the connector sends it in parts
PROCEDURE = """
import io

def run(session, stage):
    file = io.BytesIO(bytes(1000))
    put = session.file.put_stream(
        file,
        stage + "/x/page.csv.gz",
        parallel=1,
        auto_compress=False,
        source_compression="GZIP",
        overwrite=True,
    )
    with session.connection.cursor() as cursor:
        cursor.execute("SELECT 1 + 1", None, _statement_params={"QUERY_TAG": "lht"})
        ((two,),) = cursor.fetchall()
    return f"{put.status} {two}"
"""


def asked(session: SnowflakeSession, *pages: FilePage, what: str) -> list[Any]:
    """Bring pages into a staging table, and ask it something."""
    house, files = session._house, Files(*pages)
    with staged(
        session, house, PAIR, files, run_id="RUN", ref=REF, stage=None
    ) as found:
        return session.query(f"SELECT {what} FROM {found[0]}")


def test_an_empty_text_in_quotes_is_null(session):
    """``NULL_IF = ('')`` is for quoted fields too; a load would do without it."""
    lines = 'Id,Name\n"1",""\n"2",\n"3",""""""\n"4"," "\n'
    page = FilePage(gzip.compress(lines.encode()), 4)
    assert sorted(asked(session, page, what="ID, NAME")) == [
        ("1", None),
        ("2", None),
        ("3", '""'),
        ("4", " "),
    ]


def test_a_file_that_was_cut_short_is_refused(session):
    """Already the COPY fails, not only the comparison of the counts."""
    lines = "".join(f'"{i}","some name or other"\n' for i in range(9_999))
    whole = gzip.compress(f"Id,Name\n{lines}".encode())
    with pytest.raises(WarehouseError):
        asked(session, FilePage(whole[:-100], 9_999), what="1")


def test_a_file_of_many_parts_arrives_whole(session, seed):
    """Its CRC would tell if parts were mixed up on the way."""
    chance, lines, size = random.Random(seed), io.BytesIO(), 0
    with gzip.open(lines, "wb", compresslevel=1) as file:
        file.write(b"Id,Name\n")
        while lines.tell() < LARGE_BYTES:
            text = base64.b64encode(chance.randbytes(60_000)).decode()
            file.write(f'"{size}","{text}"\n'.encode())
            size += 1
    page = FilePage(lines.getvalue(), size)
    assert asked(session, page, what="COUNT(DISTINCT ID), SUM(LENGTH(NAME))") == [
        (size, 80_000 * size)
    ]


VALUES = {
    ("2024-01-15T10:30:00.007Z", "timestamp"): datetime(2024, 1, 15, 10, 30, 0, 7000),
    ("2024-01-15T10:30:00.007+0000", "timestamp"): datetime(
        2024, 1, 15, 10, 30, 0, 7000
    ),
    ("1700-01-01T00:00:00.000Z", "timestamp"): datetime(1700, 1, 1),
    ("4000-12-31T23:59:59.999Z", "timestamp"): datetime(
        4000, 12, 31, 23, 59, 59, 999000
    ),
    ("4000-12-31", "date"): date(4000, 12, 31),
    ("10:30:00.007Z", "time"): time(10, 30, 0, 7000),
    ("0" * 60 + "7.25", "decimal(38,2)"): Decimal("7.25"),
    ("9" * 38, "decimal(38,0)"): Decimal("9" * 38),
    ("1.23E-18", "decimal(38,20)"): Decimal("0.00000000000000000123"),
    ("-" + "1" * 18 + "." + "2" * 20, "decimal(38,20)"): Decimal(
        "-" + "1" * 18 + "." + "2" * 20
    ),
    ("1.2345678E7", "int64"): 12_345_678,
    (f"{-(2**63)}", "int64"): -(2**63),
    ("1.7976931348623157E308", "double"): 1.7976931348623157e308,
    ("5E-324", "double"): 5e-324,
    ("0.1", "double"): 0.1,
    ("TRUE", "bool"): True,
}


def test_texts_are_read_whatever_the_session_says(session):
    """Formats and time zones of a session change no value."""
    for setting in (
        "TIMEZONE = 'America/New_York'",
        "TIMESTAMP_TYPE_MAPPING = 'TIMESTAMP_LTZ'",
        "TIMESTAMP_INPUT_FORMAT = 'YYYY-DD-MM HH24:MI:SS'",
        "DATE_INPUT_FORMAT = 'DD.MM.YYYY'",
        "TIME_INPUT_FORMAT = 'HH12:MI AM'",
    ):
        session.execute(f"ALTER SESSION SET {setting}")
    for (text, kind), value in VALUES.items():
        ((found,),) = session.query(
            f"SELECT {converted('X', kind)} FROM (SELECT '{text}' AS X)"
        )
        assert found == value, (text, kind)


def test_a_rebuilt_table_keeps_its_grants(session):
    """``LIKE ... COPY GRANTS`` and ``SWAP WITH`` together lose none."""
    load(session, "merge", batch(row("1")))
    name = session.name(REF)
    session.execute(f"GRANT SELECT ON TABLE {name} TO ROLE PUBLIC")
    load(session, "merge", wide(row("2", "0.12345")))
    granted = session.records(f"SHOW GRANTS ON TABLE {name}")
    assert ("SELECT", "PUBLIC") in {
        (grant["privilege"], grant["grantee_name"]) for grant in granted
    }


def test_a_table_with_a_policy_is_not_rebuilt(session):
    """Who may not see a column would see it in a copy; policies are an edition's."""
    load(session, "merge", batch(row("1")))
    policy = session.name(TableRef("RAW", "HIDDEN"))
    try:
        session.execute(
            f"CREATE MASKING POLICY {policy} AS (V VARCHAR) RETURNS VARCHAR -> V"
        )
    except WarehouseError as error:
        pytest.skip(f"there are no policies in this account: {error.why}")
    session.execute(
        f"ALTER TABLE {session.name(REF)} ALTER COLUMN NAME SET MASKING POLICY {policy}"
    )
    with pytest.raises(SchemaDriftError):
        load(session, "merge", wide(row("2", "0.12345")))
    assert session.query(f"SELECT ID FROM {session.name(REF)}") == [("1",)]


def test_statements_carry_our_tag(session):
    """A parameter of one statement, not of the session, is enough."""
    session.query("SELECT 'to be found again'")
    history = session.name(TableRef("INFORMATION_SCHEMA", "QUERY_HISTORY_BY_SESSION"))
    found = session.query(
        f"SELECT QUERY_TAG FROM TABLE({history}())"
        " WHERE QUERY_TEXT = 'SELECT ''to be found again'''"
    )
    assert [tag.split()[0] for (tag,) in found] == ["lht"]


def test_a_merge_holds_back_merges_and_no_more(session, reader):
    """Others may insert and read meanwhile; who merges waits, and is told to retry."""
    load(session, "merge", batch(row("1")))
    name = session.name(REF)
    reader.execute("ALTER SESSION SET LOCK_TIMEOUT = 2")
    change = f"UPDATE {name} SET NAME = 'other' WHERE ID = '1'"
    with session.transaction():
        session.execute(change)
        reader.execute(f"INSERT INTO {name} (ID) VALUES ('2')")
        assert sorted(reader.query(f"SELECT ID, NAME FROM {name}")) == [
            ("1", "Acme"),
            ("2", None),
        ]
        with pytest.raises(WarehouseUnavailableError):
            reader.execute(change)
    reader.execute(change)


def test_a_procedure_with_its_owner_s_rights_may_do_what_we_need(session):
    """It puts a stream onto a stage, and tags a statement."""
    stage = session.name(TableRef("RAW", "MINE"))
    procedure = session.name(TableRef("RAW", "TRY"))
    session.execute(f"CREATE STAGE {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    session.execute(
        f"CREATE PROCEDURE {procedure}(STAGE VARCHAR) RETURNS VARCHAR LANGUAGE PYTHON"
        " RUNTIME_VERSION = '3.11' PACKAGES = ('snowflake-snowpark-python')"
        f" HANDLER = 'run' EXECUTE AS OWNER AS $${PROCEDURE}$$"
    )
    assert session.query(f"CALL {procedure}(?)", (f"@{stage}",)) == [("UPLOADED 2",)]
    assert [size for _, size, *_ in session.query(f"LIST @{stage}")] == [1000]


def test_it_is_opened_by_its_name(session):
    """A URL names a connection and a database of the account."""
    database = session._house.database
    with opened_snowflake(f"snowflake://{CONNECTION}/{database}") as opened:
        assert opened.database == database
        assert opened.snowpark is None
