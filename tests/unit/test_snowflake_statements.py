"""The statements of a load into Snowflake, word for word."""

from dataclasses import replace

import pytest

from lht.schema import Column, TableColumn, TableInfo, TableRef, TableSchema
from lht.warehouse.snowflake_statements import Write

FIELDS = {
    "Id": "string",
    "Amount": "double",
    "IsDeleted": "bool",
    "SystemModstamp": "timestamp",
}
SCHEMA = TableSchema(
    columns=tuple(
        Column(name=n, field_type="any", arrow_type=k) for n, k in FIELDS.items()
    )
)
OURS = ("Id", "AMOUNT", "ISDELETED", "SYSTEMMODSTAMP")  # as somebody made the table
TABLE = TableInfo(
    ref=TableRef("RAW", "Deal"),
    columns=(
        *(TableColumn(name=n, sql_type="any") for n in OURS),
        TableColumn(name="NOTE", sql_type="VARCHAR", default="'new'"),
        TableColumn(name='my "own"', sql_type="FLOAT"),
    ),
    rows=1,
)
WRITE = Write('"DB"."RAW"."DEAL"', '"DB"."LHT"."STAGED"', TABLE, SCHEMA, "Id")
SOURCE = (
    '(SELECT NULLIF("ID", \'\') AS "ID", NULLIF("AMOUNT", \'\')::FLOAT AS'
    " \"AMOUNT\", LOWER(NULLIF(\"ISDELETED\", '')) IN ('true', '1') AS"
    ' "ISDELETED", TO_TIMESTAMP_NTZ(LEFT(NULLIF("SYSTEMMODSTAMP", \'\'), 23),'
    ' \'YYYY-MM-DD"T"HH24:MI:SS.FF3\') AS "SYSTEMMODSTAMP"'
    ' FROM "DB"."LHT"."STAGED") s'
)
MATCH = 't."Id" = s."ID"'
DIFFERS = (
    't."Id" IS DISTINCT FROM s."ID" OR t."AMOUNT" IS DISTINCT FROM s."AMOUNT"'
    ' OR t."ISDELETED" IS DISTINCT FROM s."ISDELETED"'
    ' OR t."SYSTEMMODSTAMP" IS DISTINCT FROM s."SYSTEMMODSTAMP"'
)
NAMES = '"Id", "AMOUNT", "ISDELETED", "SYSTEMMODSTAMP"'
VALUES = 's."ID", s."AMOUNT", s."ISDELETED", s."SYSTEMMODSTAMP"'


def test_the_table_is_counted_before_rows_go():
    """A key that is missing, or there twice, is found before a row moves."""
    assert WRITE.held() == (
        'SELECT COUNT(*), COUNT(DISTINCT "Id") FROM "DB"."RAW"."DEAL"'
    )


def test_rows_that_did_not_arrive_are_removed():
    """A full load merges what arrived, and deletes all else."""
    assert WRITE.remove() == (
        'DELETE FROM "DB"."RAW"."DEAL" WHERE "Id" NOT IN'
        ' (SELECT "ID" FROM "DB"."LHT"."STAGED")'
    )


def test_rows_are_matched_before_they_are_merged():
    """A key that the table has twice is found before a row moves."""
    assert WRITE.matched() == (
        'SELECT * FROM (SELECT COUNT(t."Id") AS MATCHED,'
        ' COUNT(DISTINCT t."Id") AS KEYS FROM "DB"."RAW"."DEAL" t'
        f' JOIN "DB"."LHT"."STAGED" s ON {MATCH})'
        ' CROSS JOIN (SELECT COUNT(*) AS HELD FROM "DB"."RAW"."DEAL")'
    )


def test_a_merge_leaves_equal_rows_alone():
    """Columns are named as the table has them, whatever the case."""
    assert WRITE.merge() == (
        f'MERGE INTO "DB"."RAW"."DEAL" t USING {SOURCE} ON {MATCH}'
        f" WHEN MATCHED AND ({DIFFERS}) THEN UPDATE SET"
        ' "Id" = s."ID", "AMOUNT" = s."AMOUNT", "ISDELETED" = s."ISDELETED",'
        ' "SYSTEMMODSTAMP" = s."SYSTEMMODSTAMP"'
        f" WHEN NOT MATCHED THEN INSERT ({NAMES}) VALUES ({VALUES})"
    )


def test_a_change_of_case_is_a_change():
    """Whatever a collation holds equal, values are compared character by character."""
    of_others = TableColumn(name="Id", sql_type="VARCHAR", collation="en-ci")
    table = replace(TABLE, columns=(of_others, *TABLE.columns[1:]))
    told = replace(WRITE, info=table).merge()
    assert 'COLLATE(t."Id", \'utf8\') IS DISTINCT FROM s."ID"' in told


@pytest.mark.parametrize(
    ("cursor_field", "reached"),
    [
        ("SystemModstamp", 'MAX("SYSTEMMODSTAMP")::TIMESTAMP_NTZ'),
        ("systemmodstamp", 'MAX("SYSTEMMODSTAMP")::TIMESTAMP_NTZ'),
        ("CreatedDate", "NULL"),
        (None, "NULL"),
    ],
)
def test_a_summary_tells_how_far_the_rows_reach(cursor_field, reached):
    """What the table has no column for is not asked."""
    assert WRITE.summary(cursor_field) == (
        f"SELECT * FROM (SELECT COUNT(*) AS HELD, {reached} AS REACHED,"
        ' NULL AS MODIFIED FROM "DB"."RAW"."DEAL") CROSS JOIN'
        " (SELECT COUNT_IF(LOWER(NULLIF(\"ISDELETED\", '')) IN ('true', '1'))"
        ' AS BINNED FROM "DB"."LHT"."STAGED")'
    )


def test_without_the_flag_no_row_is_in_the_recycle_bin():
    """Some objects have none."""
    fewer = TableSchema(columns=SCHEMA.columns[:2])
    write = Write(WRITE.target, WRITE.staging, TABLE, fewer, "Id")
    assert "COUNT_IF(FALSE) AS BINNED" in write.summary(None)
