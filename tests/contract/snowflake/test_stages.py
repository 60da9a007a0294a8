"""Stages of Snowflake: a caller's is tidied up, what dead runs left is dropped."""

import io

import pytest
from tests.contract.accounts import REF, batch, load_pages, row
from tests.contract.snowflake.files import (
    ONE,
    SNOWFLAKE,
    Files,
    file_of,
    leftovers,
    rows_of,
)

from lht.exceptions import ConfigError, RowCountMismatchError
from lht.schema import TableRef
from lht.warehouse.snowflake import SnowflakeSession

pytestmark = SNOWFLAKE


def stage_of(session: SnowflakeSession) -> str:
    name = session.name(TableRef("RAW", "MINE"))
    session.execute(f"CREATE STAGE {name} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    return name


@pytest.mark.parametrize(
    "written", ["mine", "@raw.mine", '@"RAW"."MINE"/', "MINE/in/here"]
)
def test_a_stage_of_the_caller_s_is_tidied_up(session, written):
    """Our files are in a folder of their own in it, and gone afterwards."""
    stage = stage_of(session)
    with session._house.opened.connection.cursor() as cursor:
        cursor.execute(
            f"PUT 'file:///lht/page-000000.csv.gz' '@{stage}/in/here/'"
            " SOURCE_COMPRESSION = GZIP AUTO_COMPRESS = FALSE",
            file_stream=io.BytesIO(file_of(0, batch(row("9"))).wire),
        )
    before = session.query(f"LIST @{stage}")
    load_pages(session, "replace", Files(file_of(0, ONE)), stage=written)
    assert rows_of(session, "Id") == [("1",)]
    with pytest.raises(RowCountMismatchError):
        load_pages(session, "replace", Files(file_of(0, ONE, told=3)), stage=written)
    assert session.query(f"LIST @{stage}") == before
    assert len(before) == 1


@pytest.mark.parametrize("written", ["other", "LHT.MINE", '"mine"', "not a stage"])
def test_a_stage_that_is_not_there_is_a_setting_to_mend(session, written):
    """Nothing is loaded through another one instead."""
    stage_of(session)
    with pytest.raises(ConfigError) as caught:
        load_pages(session, "replace", Files(file_of(0, ONE)), stage=written)
    assert caught.value.hint
    assert session.read_table(REF) is None


def test_what_dead_runs_left_is_dropped(session):
    """What live ones work with stays, and so does what only looks alike."""
    for name in ("STAGING__LHT_DEAD_1", "STAGING__LHT_ALIVE_1", "STAGING_LHT_DEAD"):
        session.execute(
            f"CREATE TABLE {session.name(TableRef('LHT', name))} (A INTEGER)"
        )
    for name in ("STAGE__LHT_DEAD_2", "STAGE__LHT_ALIVE_2"):
        session.execute(f"CREATE STAGE {session.name(TableRef('LHT', name))}")
    session.drop_leftovers("RAW", lambda: {"ALIVE"})
    assert leftovers(session) == ["STAGING__LHT_ALIVE_1", "STAGE__LHT_ALIVE_2"]
    assert session.read_table(TableRef("LHT", "STAGING_LHT_DEAD")) is not None
