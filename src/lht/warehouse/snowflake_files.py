"""Files of a caller's onto a stage of theirs: from memory, by a stream or a table.

Where no stream can reach a stage (it is an external one, or the session has none), the
rows go to a table of ours, and Snowflake writes the file from it.
"""

import gzip
import io
import uuid
from typing import Final

import pyarrow as pa
import pyarrow.csv as pcsv

from lht.exceptions import ConfigError, WarehouseError
from lht.pages import CsvFile
from lht.typemap import SNOWFLAKE, sql_type
from lht.warehouse import sql
from lht.warehouse.snowflake_errors import names_external_stage, runs_elsewhere
from lht.warehouse.snowflake_stage import (
    NO_STREAM,
    QUALIFIED,
    Place,
    Stage,
    parse_stage,
    scratch_table,
)
from lht.warehouse.snowflake_tables import UNLEASED, SnowflakeTables

_LARGEST: Final = 5 * 2**30  # bytes of a file, the most that can be asked for
# Source: https://docs.snowflake.com/en/sql-reference/sql/copy-into-location, read
# 2026-11-21.
_FORMAT: Final = (
    "FILE_FORMAT = (TYPE = CSV COMPRESSION = GZIP FIELD_OPTIONALLY_ENCLOSED_BY = '\"'"
    " ESCAPE_UNENCLOSED_FIELD = NONE NULL_IF = () EMPTY_FIELD_AS_NULL = FALSE)"
    f" HEADER = TRUE SINGLE = TRUE OVERWRITE = TRUE MAX_FILE_SIZE = {_LARGEST}"
)


class SnowflakeFiles(SnowflakeTables):
    """One cursor, used by one thread: it puts files onto stages."""

    def put_file(self, stage: str, schema: str | None, name: str, wire: bytes) -> None:
        """Put a gzipped CSV onto a stage; see ``Session``."""
        place = self._place_of(stage, schema)
        files = Stage(self, self._house, "", stage, "", _place=place)
        try:
            files.take(CsvFile(header=(), wire=wire), name)
        except WarehouseError as error:
            if not _cannot_stream(error):
                raise
            self._unload(place, name, wire)

    def _place_of(self, stage: str, schema: str | None) -> Place:
        """Return the stage's folder, without asking whether it is there."""
        parts, folder = parse_stage(stage)
        if len(parts) == 1:
            near = self._house.opened.schema
            if not (schema or near):
                raise ConfigError(
                    f"the stage {stage} is in no schema",
                    hint="write SCHEMA.STAGE, or give schema=",
                )
            parts = [*(parse_stage(schema)[0] if schema else [str(near)]), *parts]
        if len(parts) < QUALIFIED:
            parts = [self._house.database, *parts]
        return Place(sql.name(*parts), folder)

    def _unload(self, place: Place, name: str, wire: bytes) -> None:
        """Have Snowflake write the file from a table of its rows."""
        rows = _rows_of(wire)
        columns = [f"C{at}" for at in range(rows.num_columns)]
        body = ", ".join(f"{sql.quote(column)} VARCHAR" for column in columns)
        numbered = f'"N" {sql_type("int64", SNOWFLAKE)}, {body}'
        run_id = f"{UNLEASED}{uuid.uuid4().hex.upper()}"
        self.ensure_schema(sql.OWN_SCHEMA)
        with scratch_table(self, self._house, "FILE", run_id, numbered) as table:
            values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
            self.insert_rows(
                table, ["N", *columns], [(at, *row) for at, row in enumerate(values)]
            )
            named = ", ".join(
                f"{sql.quote(column)} AS {sql.quote(header)}"
                for column, header in zip(columns, rows.column_names, strict=True)
            )
            self.execute(
                f"COPY INTO {place.url_of(name)}"
                f' FROM (SELECT {named} FROM {table} t ORDER BY t."N") {_FORMAT}'
            )


def _cannot_stream(error: WarehouseError) -> bool:
    """Tell whether another way onto the stage may be open."""
    return (
        names_external_stage(error)
        or runs_elsewhere(error)
        or isinstance(error.__cause__, NO_STREAM)
    )


def _rows_of(wire: bytes) -> pa.Table:
    """Read a CSV as texts; what is between quotes is a text, also if it is empty."""
    content = gzip.decompress(wire)
    start = io.BytesIO(content[: content.find(b"\n") + 1] or content)
    names = pcsv.read_csv(start).column_names
    try:
        rows = pcsv.read_csv(
            pa.BufferReader(content),
            read_options=pcsv.ReadOptions(block_size=len(content) + 1),
            parse_options=pcsv.ParseOptions(newlines_in_values=True),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise ConfigError(
            "the content is no CSV with a header",
            hint="give one: this stage takes no other",
        ) from error
    if not rows.num_rows:
        raise ConfigError(
            "a CSV without rows cannot be put onto this stage",
            hint="Snowflake writes no file for no rows: leave it out",
        )
    return rows
