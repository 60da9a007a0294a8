"""Errors of Snowflake's drivers become ours: with a hint, without values of rows."""

import traceback

import pytest
from snowflake.connector import errors
from snowflake.connector.network import ReauthenticationRequest
from snowflake.connector.vendored.requests.exceptions import ChunkedEncodingError
from snowflake.connector.vendored.urllib3.exceptions import ProtocolError
from snowflake.snowpark.exceptions import (
    SnowparkClientException,
    SnowparkSessionException,
    SnowparkSQLException,
)

from lht.exceptions import (
    ConfigError,
    LHTError,
    WarehouseError,
    WarehouseUnavailableError,
)
from lht.warehouse.snowflake_errors import translated_login
from lht.warehouse.snowflake_open import code_of, translated

NonRetryableTlsError = getattr(  # older connectors try again instead
    errors,
    "NonRetryableTlsError",
    type("NonRetryableTlsError", (errors.OperationalError,), {}),
)


VALUE = "a value of a row"


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (errors.OperationalError(errno=250001), WarehouseUnavailableError, "the way"),
        (errors.ServiceUnavailableError(errno=250001), WarehouseUnavailableError, ""),
        (NonRetryableTlsError(errno=250003), ConfigError, "certificate"),
        (errors.DatabaseError(errno=250001), ConfigError, "check account, user"),
        (errors.ProgrammingError(errno=251006), ConfigError, "private_key_file="),
        (errors.ProgrammingError(errno=251007), ConfigError, "authenticator of"),
    ],
)
def test_a_network_that_fails_is_worth_another_try(error, kind, hint):
    """Only what may go away by itself is called transient."""
    with pytest.raises(kind) as caught, translated_login("snowflake://a/B"):
        raise error
    assert caught.value.transient is (kind is WarehouseUnavailableError)
    assert hint in str(caught.value.hint)


def failing(error: Exception) -> WarehouseError:
    with pytest.raises(WarehouseError) as caught, translated("SELECT 1"):
        raise error
    assert caught.value.__cause__ in {error, None}
    assert caught.value.statement == "SELECT 1"
    return caught.value


def test_a_refused_statement_keeps_its_words_code_and_query():
    """The foreign words, the code and the query's id lead to the cause."""
    error = errors.ProgrammingError("it is wrong", 1003, "42000", "01b0-1")
    told = failing(error)
    assert type(told) is WarehouseError
    assert told.__cause__ is error
    assert str(told).startswith("Snowflake refused a statement (001003)")
    assert (told.why, told.query_id) == ("it is wrong", "01b0-1")
    assert code_of(error) == code_of(told) == 1003
    assert not told.transient


@pytest.mark.parametrize(
    "error",
    [
        errors.ProgrammingError(f"Numeric value '{VALUE}'", 100038, "22018"),
        errors.ProgrammingError(f"Duplicate row: [{VALUE}]", 100090, "42P18"),
        errors.ProgrammingError(f"String '{VALUE}' is too long", None, "22000"),
        errors.ProgrammingError(f"'{VALUE} has locked'", 100078, "22000"),
        errors.IntegrityError(f"{VALUE}"),
        SnowparkSQLException(f"{VALUE}", sql_error_code=100038),
    ],
)
def test_words_that_quote_a_row_are_left_out(error):
    """Values of rows are in no message; the code tells what it was."""
    told = failing(error)
    assert type(told) is WarehouseError
    assert told.why is None
    assert VALUE not in "".join(traceback.format_exception(told))


@pytest.mark.parametrize(
    "error",
    [
        errors.OperationalError("Failed to get the response", 250003),
        errors.DatabaseError("Connection is closed", 250002, "08003"),
        errors.InterfaceError("Cursor is closed", 252006),
        errors.ProgrammingError("Session no longer exists", 390111, "08001"),
        errors.ProgrammingError("token has expired", 390114, "08001"),
        errors.HttpError(msg="502 Bad Gateway", errno=290502),
        errors.ServiceUnavailableError(errno=503),
        errors.RequestExceedMaxRetryError("upload"),
        ChunkedEncodingError("the answer ended too early"),
        ProtocolError("Connection broken"),
        ReauthenticationRequest(errors.ProgrammingError("expired", 390112)),
        SnowparkSessionException("Your session has expired", error_code="1408"),
        SnowparkSQLException(
            "gone", conn_error=errors.OperationalError("gone", 250003)
        ),
    ],
)
def test_a_network_or_session_that_is_gone_may_come_back(error):
    """Whoever repeats may repeat these; the exit code says: try later."""
    told = failing(error)
    assert isinstance(told, WarehouseUnavailableError)
    assert told.hint


@pytest.mark.parametrize(
    "error",
    [
        errors.ProgrammingError(
            "Statement '01' has locked table 'A' ...", 625, "57014"
        ),
        errors.ProgrammingError("Lock timeout", 625),
        errors.ProgrammingError("number of waiters for this lock exceeds 20", 629),
    ],
)
def test_a_table_that_is_locked_is_free_later(error):
    """Another's transaction ends some time; ours has moved nothing."""
    told = failing(error)
    assert isinstance(told, WarehouseUnavailableError)
    assert "another transaction" in str(told)


@pytest.mark.parametrize(
    ("code", "state", "hint"),
    [
        (3001, "42501", "lht snowflake setup-sql"),
        (2003, "42S02", "lht snowflake setup-sql"),
        (2043, "02000", "lht snowflake setup-sql"),
        (9999, "42501", "lht snowflake setup-sql"),
        (606, "57P03", "?warehouse=NAME"),
        (630, "57014", "STATEMENT_TIMEOUT_IN_SECONDS"),
    ],
)
def test_what_a_user_can_mend_has_a_hint(code, state, hint):
    """Missing rights, objects, compute and time are named with their remedy."""
    told = failing(errors.ProgrammingError("no", code, state))
    assert hint in str(told.hint)
    assert told.why == "no"


def test_errors_that_are_no_drivers_pass():
    """A bug stays a bug, and an error of ours is not wrapped again."""
    for error in (ValueError("x"), ConfigError("x"), OSError(2, "x")):
        with pytest.raises(type(error)) as caught, translated():
            raise error
        assert caught.value is error
        assert code_of(error) is None
    assert code_of(None) is None
    assert code_of(SnowparkClientException("x", error_code="1304")) is None
    assert isinstance(failing(SnowparkClientException("x")), LHTError)
