"""Refusals of Snowflake's that lead another way, known by what it says itself."""

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark.exceptions import SnowparkSQLException

from lht.exceptions import WarehouseError
from lht.warehouse.snowflake_errors import (
    names_external_stage,
    runs_elsewhere,
    translated,
)

NO_PUT = "Failure using stage area. Cause: [S GET and PUT commands are {}]"
EXTERNAL = NO_PUT.format("not supported with external stage")
TEMPORARY = "Stored procedure execution error: Unsupported statement type '{}'."


def told(error: Exception) -> WarehouseError:
    with pytest.raises(WarehouseError) as caught, translated("PUT"):
        raise error
    return caught.value


def test_a_stage_s_own_words_are_passed_on():
    """They quote no values, though their state is that of errors that do."""
    error = told(ProgrammingError("[Access Denied (403)]", 91003, "22000"))
    assert error.why == "[Access Denied (403)]"
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ProgrammingError(EXTERNAL, 91003, "22000"), True),
        (ProgrammingError(NO_PUT.format("denied"), 91003, "22000"), False),
        (ProgrammingError(EXTERNAL, 2003, "02000"), False),
    ],
)
def test_an_external_stage_is_known_by_code_and_words(error, expected):
    """The code alone stands for whatever goes wrong with a stage."""
    assert names_external_stage(told(error)) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ProgrammingError("in other words", 90236, "42601"), True),
        (ProgrammingError(TEMPORARY.format("temporary TABLE")), True),
        (
            SnowparkSQLException(
                "x",
                conn_error=ProgrammingError(TEMPORARY.format("PUT_FILES"), 90236),
            ),
            True,
        ),
        (ProgrammingError("Insufficient privileges", 3001, "42501"), False),
        (ProgrammingError("unexpected 'TEMPORARY'", 1003, "42000"), False),
    ],
)
def test_a_statement_that_does_not_run_there_is_known_by_code_or_words(error, expected):
    """What stands for the connector in a procedure may keep the code to itself."""
    assert runs_elsewhere(told(error)) is expected
