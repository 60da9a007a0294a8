# ruff: noqa: FBT001, FBT002, PLR0917  the signatures are documented
"""Frames into tables: the documented functions, and the two that tell more.

All of them go one way (``lht.util.write``). A frame is a pandas DataFrame, an Arrow
table, or what turns itself into one; its index is not written. Columns find those of
the table in upper or lower case. No value is altered: NaN, NaT and None are NULL, an
empty text is an empty text; instants are naive and in UTC, durations numbers of
seconds, lists and dicts JSON. What a column cannot hold is rejected.

They raise what is in ``lht.exceptions``; then no row of the table has moved. Several
threads may write at once, also with one session.
"""

from typing import Any

from lht.schema import TableRef
from lht.util.shape import declared_types
from lht.util.values import ColumnReport, WriteCheck, WriteReport
from lht.util.write import CONTINUE, Wanted, check, write, write_frame

__all__ = [
    "ColumnReport",
    "WriteCheck",
    "WriteReport",
    "check",
    "write",
    "write_batch_to_main_table",
    "write_batch_to_temp_table",
    "write_dataframe_to_table",
]


def write_dataframe_to_table(
    session: Any,
    df: Any,
    schema: str,
    table: str,
    overwrite: bool = False,
    auto_create: bool = True,
    temp_table: str | None = None,
    validate_types: bool = True,  # noqa: ARG001  every value is checked always
    use_logical_type: bool = True,  # noqa: ARG001  zones always count
    on_error: str = CONTINUE,
    df_fields: Any = None,
    snowflake_fields: Any = None,
    force_full_sync: bool = False,  # noqa: ARG001  overwrite alone replaces rows
) -> bool:
    """Write a frame into a table; see ``write``.

    Args:
        session: See ``write``, as of all that is not told here.
        df: The frame.
        schema: Of the table.
        table: Its name.
        overwrite: Whether the rows replace those of the table.
        auto_create: Whether to make it.
        temp_table: Written instead of *table*, if given.
        validate_types: Every value is checked, whatever this says.
        use_logical_type: Instants keep their time, whatever this says.
        on_error: What becomes of rows that do not fit.
        df_fields: Dtypes or types of new columns, by column.
        snowflake_fields: Types of new columns; they come before *df_fields*.
        force_full_sync: Changes nothing: *overwrite* says whether rows are replaced.

    Returns:
        True; False if rows did not fit and are kept in ``<table>_REJECTED``.
    """
    wanted = Wanted(
        ref=TableRef(schema, temp_table or table),
        overwrite=overwrite,
        auto_create=auto_create,
        on_error=on_error,
        types=declared_types(df_fields, snowflake_fields),
    )
    return not write_frame(session, df, wanted).rejected


def write_batch_to_temp_table(
    session: Any,
    df: Any,
    schema: str,
    temp_table: str,
    df_fields: Any,
    validate_types: bool = True,  # noqa: ARG001  see write_dataframe_to_table
    force_full_sync: bool = False,  # noqa: ARG001
    main_table: str | None = None,
    snowflake_fields: Any = None,
) -> bool:
    """Make a batch the rows of a table that is there for it; see ``write``.

    It stays until it is dropped, or the next batch replaces its rows. Columns that it
    lacks get the types of *main_table*, where that has them.
    """
    wanted = Wanted(
        ref=TableRef(schema, temp_table),
        overwrite=True,
        types=declared_types(df_fields, snowflake_fields),
        like=TableRef(schema, main_table) if main_table else None,
    )
    return not write_frame(session, df, wanted).rejected


def write_batch_to_main_table(
    session: Any,
    df: Any,
    schema: str,
    table: str,
    is_first_batch: bool = False,
    validate_types: bool = True,
    use_logical_type: bool = True,
    df_fields: Any = None,
    snowflake_fields: Any = None,
    force_full_sync: bool = False,
) -> bool:
    """Write a batch: the first replaces the table's rows, later ones are appended."""
    return write_dataframe_to_table(
        session,
        df,
        schema,
        table,
        overwrite=is_first_batch,
        validate_types=validate_types,
        use_logical_type=use_logical_type,
        df_fields=df_fields,
        snowflake_fields=snowflake_fields,
        force_full_sync=force_full_sync,
    )
