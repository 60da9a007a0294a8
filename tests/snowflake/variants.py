"""The whole line into Snowflake, in every way that sends a statement of its own."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from snowflake.connector import SnowflakeConnection
from tests.emulator.scene import Scene
from tests.snowflake.fake import Server
from tests.snowflake.statements import Sent

from lht.devorg import Org
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.metadata import Field, Metadata
from lht.exceptions import SyncError
from lht.report.values import SyncMode
from lht.salesforce.client import Client
from lht.sync import lease, runs
from lht.sync.plan import Options
from lht.util.data_writer import write
from lht.util.stage import put_dataframe_to_stage
from lht.warehouse.snowflake import SnowflakeWarehouse
from lht.warehouse.snowflake_open import opened_snowflake

HOUR = timedelta(hours=1)
MORE_FIELDS = (  # a field of every type that standard fields of accounts lack
    Field(name="Founded__c", type="date", label="Founded", custom=True),
    Field(name="Opens__c", type="time", label="Opens", custom=True),
    Field(
        name="Half__c",
        type="double",
        label="Half",
        custom=True,
        precision=18,
        scale=2,
        createable=False,
        updateable=False,
        formula="{AnnualRevenue} / 2",
    ),
)
FIELDS = (
    *("Name", "AnnualRevenue", "NumberOfEmployees"),
    *(field.name for field in MORE_FIELDS),
)
ACCOUNT = {
    "Name": "An account",
    "AnnualRevenue": 1250,
    "NumberOfEmployees": 7,
    "Founded__c": "1999-12-31",
    "Opens__c": "08:30:00.000Z",
}
EXTERNAL_STAGE = "GET and PUT commands are not supported with external stage"
REST, BULK = Options(fields=FIELDS), Options(fields=FIELDS, force_bulk=True)
LESS, LESS_BULK = (replace(options, fields=("Name",)) for options in (REST, BULK))


def metadata() -> Metadata:
    """Return an org's in which accounts have fields of every type."""
    return Metadata(
        sobjects=tuple(
            replace(s, fields=s.fields + MORE_FIELDS) if s.name == "Account" else s
            for s in load_metadata().sobjects
        )
    )


@dataclass
class House:
    """An org, a fake Snowflake with an empty database, and what arrived there."""

    server: Server
    org: Org
    client: Client
    sent: list[Sent] = field(default_factory=list)
    theirs: set[str] = field(default_factory=set)  # sessions of the user's
    own: set[str] = field(default_factory=set)  # names of the user's

    def __post_init__(self) -> None:
        self.database = self.server.database()

    @property
    def table(self) -> str:
        """The accounts' table."""
        return f'"{self.database}"."RAW"."ACCOUNT"'

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Keep what arrives during the block."""
        self.server.statements.clear()
        try:
            yield
        finally:
            self.sent += map(Sent.of, self.server.statements)

    @contextmanager
    def session(self) -> Iterator[Scene]:
        """Open a Snowpark session for the line."""
        with closing(self.server.session(self.database)) as session, self.heard():
            yield Scene(self.org, self.client, session)

    @contextmanager
    def connection(self, **options: Any) -> Iterator[Scene]:
        """Open a connection for the line, with options of its own."""
        connection = self.server.connection(self.database, **options)
        with closing(connection), self.heard():
            yield Scene(self.org, self.client, connection)

    def user(self, *statements: str) -> None:
        """Run statements of the user's, where the line is not listened to."""
        connection: SnowflakeConnection
        with closing(self.server.connection(self.database)) as connection:
            self.theirs.add(str(connection.session_id))
            for statement in statements:
                connection.cursor().execute(statement)

    def change(self, **values: Any) -> None:
        """Create an account, and change it once it is an hour old."""
        self.org.clock.advance(HOUR)
        account = self.org.insert("Account", ACCOUNT)
        self.org.clock.advance(HOUR)
        self.org.update("Account", account, {"Name": "renamed"} | values)
        self.org.clock.advance(HOUR)


def by_rest(house: House) -> None:
    """Fully, incrementally, and fully over a table with a column of the user's."""
    with house.session() as scene:
        scene.sync("Account", options=REST)
        house.user(f"ALTER TABLE {house.table} ADD COLUMN \"Note\" TEXT DEFAULT 'none'")
        house.own.add("Note")
        house.change()
        scene.sync("Account", options=REST)
        scene.sync("Account", options=replace(REST, mode=SyncMode.FULL))
        runs(scene.warehouse)


def by_bulk(house: House) -> None:
    """From a temporary stage; with more fields than before, and a number too wide."""
    with house.session() as scene:
        scene.sync("Account", options=replace(BULK, fields=("AnnualRevenue",)))
        scene.sync("Account", options=BULK)
        house.change(AnnualRevenue="1.23456")
        scene.sync("Account", options=BULK)


def from_a_stage_of_the_users(house: House) -> None:
    """From a folder of a stage that was there before, and stays."""
    house.user(
        f'CREATE SCHEMA "{house.database}".LANDING',
        f'CREATE STAGE "{house.database}".LANDING.FILES',
    )
    with house.session() as scene:
        options = replace(LESS_BULK, stage="landing.files/in box")
        scene.sync("Account", options=options)


def into_a_table_of_the_users(house: House) -> None:
    """An adopted table's columns become what their fields need; some in a copy."""
    account = house.org.insert("Account", ACCOUNT)
    with house.session() as scene:
        house.user(
            f'CREATE SCHEMA "{house.database}".RAW',
            f'CREATE TABLE {house.table} ("ANNUALREVENUE" NUMBER(10,2), NAME TEXT(99),'
            ' "NUMBEROFEMPLOYEES" NUMBER(9,0), ID TEXT, LASTMODIFIEDDATE TIMESTAMP_NTZ,'
            " FOUNDED__C TEXT, \"Rank\" FLOAT DEFAULT 1 COMMENT 'it''s \\\\ ours',"
            " PLACED NUMBER(9,0) NOT NULL DEFAULT 7) COMMENT = 'theirs'",
            f"INSERT INTO {house.table} (ID, ANNUALREVENUE, FOUNDED__C,"
            " LASTMODIFIEDDATE) VALUES"
            f" ('{account}', 1.25, '1999-12-31', '2026-01-01')",
        )
        house.own.add("Rank")
        scene.sync("Account", options=REST)
        house.change(AnnualRevenue="0.123456")
        scene.sync("Account", options=replace(REST, mode=SyncMode.FULL))


def matched_by_another_field(house: House) -> None:
    """Rows are matched by a name, where Ids may be missing."""
    with house.session() as scene:
        scene.sync("User", options=Options(fields=("Name",), key="Name"))
        scene.sync("User", options=Options(fields=("Name",), key="Name"))


def in_a_procedure(house: House) -> None:
    """With its owner's rights: nothing is temporary, files go through Snowpark."""
    house.server.owners_rights = True
    try:
        with house.session() as scene, opened_snowflake(scene.warehouse) as opened:
            place = SnowflakeWarehouse(replace(opened, in_procedure=True))
            scene.sync("Account", options=LESS_BULK, warehouse=place)
    finally:
        house.server.owners_rights = False


def without_autocommit(house: House) -> None:
    """Where nothing is committed by itself, we commit."""
    with house.connection(autocommit=False) as scene:
        scene.sync("Account", options=LESS)


def with_values_in_the_text(house: House) -> None:
    """Where the connection writes values into the statements."""
    with house.connection(paramstyle="pyformat") as scene:
        scene.accounts(1, prefix="100 % o'clock \\")
        scene.sync("Account", options=LESS)
        scene.sync("Account", options=LESS_BULK)


def what_bulk_refuses(house: House) -> None:
    """An object that Bulk refuses is remembered as such."""
    with house.session() as scene:
        scene.sync("CaseStatus", options=Options(bulk_threshold=0))


def after_a_run_that_died(house: House) -> None:
    """What it left behind is dropped, while a heart beats."""
    left = f'"{house.database}"."LHT".STAGING__LHT_00DEADRUN_0'
    house.user(
        f'CREATE SCHEMA "{house.database}"."LHT"',
        f"CREATE TRANSIENT TABLE {left} (ID TEXT)",
        f"CREATE STAGE {left.replace('STAGING', 'STAGE')}",
    )
    with pytest.MonkeyPatch.context() as patch, house.session() as scene:
        patch.setattr(lease, "HEARTBEAT_SECONDS", 0.02)
        scene.sync("Account", options=LESS)


def with_a_statement_that_fails(house: House) -> None:
    """What was begun is rolled back."""
    with house.session() as scene:
        house.server.fail("^MERGE")
        with pytest.raises(SyncError):
            scene.sync("Account", options=LESS)


def frames(house: House) -> None:
    """Frames are written: few rows and many, other columns, values that do not fit."""
    day = datetime(2026, 3, 14, 15, 9, 26)
    row = {
        "TEXT": "o'clock", "FLAG": True, "WHOLE": 7, "REAL": 0.5, "DAY": day.date(),
        "CLOCK": day.time(), "STAMP": day, "MONEY": Decimal("1.25"), "BYTES": b"\\0",
        "MORE": {"a": [1]},
    }  # fmt: skip
    few, many = pa.Table.from_pylist([row]), pa.Table.from_pylist([row] * 2_000)
    with house.session() as scene:
        house.user(
            f'CREATE SCHEMA "{house.database}".RAW',
            f'CREATE TABLE "{house.database}".RAW.SMALL (WHOLE NUMBER(2,0),'
            " STAMP TIMESTAMP_NTZ, MORE VARIANT, BYTES BINARY)",
        )
        write(scene.warehouse, few, "RAW", "FRAMES")
        write(scene.warehouse, many, "RAW", "FRAMES", overwrite=True)
        wider = few.append_column("ADDED", [["x"]])
        write(scene.warehouse, wider, "RAW", "FRAMES", overwrite=True)
        small = pa.Table.from_pylist([row, row | {"WHOLE": 100}]).select(
            ["WHOLE", "STAMP", "MORE", "BYTES"]
        )
        write(scene.warehouse, small, "RAW", "SMALL")


def files(house: House) -> None:
    """Files are put onto a stage: by a stream, and by a table where there is none."""
    df = pa.table({"A": ["x", None]})
    with house.session() as scene:
        house.user(
            f'CREATE SCHEMA IF NOT EXISTS "{house.database}".RAW',
            f'CREATE STAGE "{house.database}".RAW.FILES',
        )
        for streams in (True, False):
            if not streams:
                house.server.fail("^PUT", error=EXTERNAL_STAGE, code=91003)
            put_dataframe_to_stage(scene.warehouse, "RAW.FILES", df, "f.csv")


VARIANTS: tuple[Callable[[House], None], ...] = (
    by_rest,
    by_bulk,
    from_a_stage_of_the_users,
    into_a_table_of_the_users,
    matched_by_another_field,
    in_a_procedure,
    without_autocommit,
    with_values_in_the_text,
    what_bulk_refuses,
    after_a_run_that_died,
    with_a_statement_that_fails,
    frames,
    files,
)
