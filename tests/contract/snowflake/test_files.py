"""Pages that are files: they arrive in Snowflake as they are, or nothing moves."""

from decimal import Decimal

import pytest
from tests.contract.accounts import (
    AT,
    MODES,
    REF,
    batch,
    load,
    load_pages,
    row,
    schema_of,
)
from tests.contract.snowflake.files import (
    ONE,
    SNOWFLAKE,
    FilePage,
    Files,
    file_of,
    leftovers,
    rows_of,
)

from lht.exceptions import (
    DataError,
    DuplicateKeyError,
    RowCountMismatchError,
    UnencodableValueError,
    WarehouseError,
)

pytestmark = SNOWFLAKE


TEXTS = (
    "NA",
    "nan",
    "NULL",
    r"\N",
    "ends in a backslash\\",
    "\\",
    "00012",
    'say "hi"',
    '"',
    "one\ntwo\r\nthree\rfour",
    " blanks ",
    "a,b;c\td",
    "\N{GRINNING FACE} Žluťoučký",
    "'; DROP TABLE x --",
    "x" * 40_000,
    None,
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_files_arrive_as_their_values_do(session, mode, line_end):
    """Not a character is altered between the file and the table, whatever it is."""
    rows = [row(f"{i:02}", f"{i}.05", text) for i, text in enumerate(TEXTS)]
    pages = [
        file_of(0, batch(*rows[:5]), line_end=line_end),
        file_of(1, batch(), line_end=line_end),
        file_of(2, batch(*rows[5:]), line_end=line_end),
    ]
    counts = load_pages(session, mode, Files(*pages))
    assert (counts.staged, counts.inserted, counts.high_water) == (len(rows),) * 2 + (
        AT,
    )
    assert rows_of(session) == [tuple(r.values()) for r in rows]
    counts = load(session, mode, batch(*rows))
    assert (counts.unchanged, counts.updated) == (len(rows), 0)


def test_columns_are_found_by_the_header(session):
    """Salesforce may order columns otherwise than they were asked for."""
    arriving = batch(row("1")).select(
        ["SystemModstamp", "Amount", "Id", "Name"],
    )
    load_pages(session, "replace", Files(file_of(0, arriving)))
    assert rows_of(session) == [("1", "Acme", Decimal("1.50"), AT)]


BROKEN = {
    "fewer rows": (file_of(0, ONE, told=2), RowCountMismatchError),
    "more rows": (file_of(0, batch(row("1"), row("2")), told=1), RowCountMismatchError),
    "other columns": (
        file_of(0, ONE, header=["Id", "Name", "Amount", "Other"]),
        DataError,
    ),
    "one column less": (file_of(0, ONE.drop_columns(["Name"])), DataError),
    "another order": (
        file_of(1, ONE.select(["Name", "Id", "Amount", "SystemModstamp"])),
        DataError,
    ),
    "a key twice": (file_of(1, batch(row("9"))), DuplicateKeyError),
    "cut short": (
        FilePage(file_of(1, batch(*map(row, map(str, range(99))))).wire[:-20], 99),
        WarehouseError,
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_wrong_with_a_file_stops_the_load(session, mode, kind):
    """Nothing moves, nothing is left."""
    broken, error = BROKEN[kind]
    load(session, "replace", batch(row("0")))
    with pytest.raises(error):
        load_pages(session, mode, Files(file_of(7, batch(row("9"))), broken))
    assert rows_of(session, "Id") == [("0",)]
    assert leftovers(session) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_text_that_is_no_value_names_its_field(session, mode):
    """The field is told, the value is not."""
    texts = schema_of(Name="string", Amount="string", SystemModstamp="timestamp")
    arriving = [row("1") | {"Amount": "1.5.0-secret"}]
    page = file_of(0, batch(*arriving, schema=texts))
    with pytest.raises(UnencodableValueError, match="Amount") as caught:
        load_pages(session, mode, Files(page))
    assert "secret" not in f"{caught.value} {caught.value.why}"
    assert session.read_table(REF) is None
