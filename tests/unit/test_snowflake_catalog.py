"""What Snowflake's catalogue tells of a column, spelled as people write it."""

import pytest

from lht.exceptions import WarehouseError
from lht.schema import TableColumn, TableRef
from lht.warehouse.snowflake_catalog import CatalogColumn, CatalogTable

REF = TableRef("RAW", "ACCOUNT")


@pytest.mark.parametrize(
    ("said", "exact", "written"),
    [
        (("NUMBER", 38, 0, None, None), "NUMBER(38,0)", "NUMBER(38,0)"),
        (("NUMBER", 18, 2, None, None), "NUMBER(18,2)", "NUMBER(18,2)"),
        (("TEXT", None, None, 16_777_216, None), "VARCHAR(16777216)", "VARCHAR"),
        (("TEXT", None, None, 134_217_728, None), "VARCHAR(134217728)", "VARCHAR"),
        (("TEXT", None, None, 131_072, None), "VARCHAR(131072)", "VARCHAR"),
        (("TEXT", None, None, 131_071, None), "VARCHAR(131071)", "VARCHAR(131071)"),
        (("TEXT", None, None, 18, None), "VARCHAR(18)", "VARCHAR(18)"),
        (("FLOAT", None, None, None, None), "FLOAT", "FLOAT"),
        (("DOUBLE", None, None, None, None), "FLOAT", "FLOAT"),
        (("BOOLEAN", None, None, None, None), "BOOLEAN", "BOOLEAN"),
        (("DATE", None, None, None, None), "DATE", "DATE"),
        (("TIME", None, None, None, 9), "TIME(9)", "TIME"),
        (("TIME", None, None, None, 0), "TIME(0)", "TIME(0)"),
        (("TIMESTAMP_NTZ", None, None, None, 9), "TIMESTAMP_NTZ(9)", "TIMESTAMP_NTZ"),
        (("TIMESTAMP_NTZ", None, None, None, 3), "TIMESTAMP_NTZ(3)", "TIMESTAMP_NTZ"),
        (
            ("TIMESTAMP_NTZ", None, None, None, 2),
            "TIMESTAMP_NTZ(2)",
            "TIMESTAMP_NTZ(2)",
        ),
        (("TIMESTAMP_TZ", None, None, None, 9), "TIMESTAMP_TZ(9)", "TIMESTAMP_TZ"),
        (("VARIANT", None, None, None, None), "VARIANT", "VARIANT"),
        (("BINARY", None, None, 8_388_608, None), "BINARY(8388608)", "BINARY"),
        (("BINARY", None, None, 16, None), "BINARY(16)", "BINARY"),
    ],
)
def test_a_type_is_told_as_people_write_it(said, exact, written):
    """Sizes are told where a value of Salesforce's might not fit; or all of them."""
    column = CatalogColumn("F", *said)
    assert (column.exact_type, column.sql_type) == (exact, written)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (
            CatalogColumn("F", "TEXT", length=16_777_216),
            ("string", "VARCHAR", 16_777_216, False),
        ),
        (
            CatalogColumn("F", "TEXT", length=9, nullable="NO"),
            ("string", "VARCHAR(9)", 9, True),
        ),
        (
            CatalogColumn("F", "BINARY", length=16),
            ("binary", "BINARY(16)", 16, False),
        ),
        (
            CatalogColumn("F", "NUMBER", precision=18, scale=2),
            ("decimal", "NUMBER(18,2)", None, False),
        ),
        (
            CatalogColumn("F", "TIMESTAMP_LTZ", digits=3),
            ("zoned", "TIMESTAMP_LTZ(3)", None, False),
        ),
    ],
)
def test_a_column_is_written_into_by_its_exact_type(column, expected):
    """What a value must fit into is known to the last character."""
    slot = column.slot()
    assert (slot.kind, slot.sql_type, slot.length, slot.required) == expected


def test_a_table_is_told_of_without_what_only_snowflake_knows():
    """A default that numbers rows is none that can be said again."""
    table = CatalogTable(
        ref=REF,
        transient=True,
        comment="ours",
        columns=(
            CatalogColumn("ID", "TEXT", length=18),
            CatalogColumn("NO", "NUMBER", 38, 0, told_default="1", identity="YES"),
            CatalogColumn("RANK", "FLOAT", told_default="1"),
        ),
    )
    info = table.info(7)
    assert (info.ref, info.rows, info.transient, info.comment) == (REF, 7, True, "ours")
    assert info.columns == (
        TableColumn(name="ID", sql_type="VARCHAR(18)"),
        TableColumn(name="NO", sql_type="NUMBER(38,0)", generated=True),
        TableColumn(name="RANK", sql_type="FLOAT", default="1"),
    )


def test_a_column_is_found_in_any_case():
    """One that somebody has dropped meanwhile is told of."""
    table = CatalogTable(ref=REF, columns=(CatalogColumn("Id", "TEXT", length=18),))
    assert table.column("ID").name == "Id"
    with pytest.raises(WarehouseError, match="has no column Key__c any more"):
        table.column("Key__c")
