"""CSV files onto a stage, from memory: the documented functions.

A file is gzipped, with a header; NULL is an empty field, an empty text is ``""``. No
local file is written, and nothing else stays in Snowflake. The stage is named as
``STAGE``, ``SCHEMA.STAGE`` or ``DB.SCHEMA.STAGE``, with or without ``@`` before and a
``/path`` behind.
"""

import gzip
import io
import re
import uuid
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pcsv

from lht.connect import opened_warehouse
from lht.exceptions import ConfigError
from lht.spelling import spelled
from lht.util.frames import read_frame

_FILE_NAME: Final = re.compile(r"[\w.=-]+", re.ASCII)
_GZIP: Final = b"\x1f\x8b"


def put_dataframe_to_stage(
    session: Any,
    stage_name: str,
    df: Any,
    filename: str | None = None,
    schema: str | None = None,
) -> str:
    """Put a frame onto a stage as a CSV file, over one of the same name.

    Args:
        session: A Snowpark session, or anything else that lht opens as Snowflake.
        stage_name: The stage.
        df: The frame; see ``lht.util.data_writer``.
        filename: Of the file; one of its own by default. ``.gz`` is added unless it
            ends so.
        schema: Of the stage, where its name does not say; the session's by default.

    Returns:
        The name of the file on the stage.

    Raises:
        ConfigError: The warehouse has no stages, or a name is none.
        DataError: It is no frame that can be written.
    """
    frame = read_frame(df)
    texts = pa.table({column.name: spelled(column.array) for column in frame.columns})
    content = io.BytesIO()
    pcsv.write_csv(texts, content, pcsv.WriteOptions(quoting_style="needed"))
    return put_csv_content_to_stage(
        session, stage_name, content.getvalue(), filename, schema
    )


def put_csv_content_to_stage(
    session: Any,
    stage_name: str,
    csv_content: str | bytes,
    filename: str | None = None,
    schema: str | None = None,
) -> str:
    """Put a CSV onto a stage as it is, but gzipped; see ``put_dataframe_to_stage``."""
    name = _name_of(filename)
    content = csv_content.encode() if isinstance(csv_content, str) else csv_content
    wire = content if content.startswith(_GZIP) else gzip.compress(content, 1, mtime=0)
    with opened_warehouse(session) as place, place.session() as opened:
        opened.put_file(stage_name, schema, name, wire)
    return name


def _name_of(filename: str | None) -> str:
    if filename is None:
        return f"lht-{uuid.uuid4().hex}.csv.gz"
    if not _FILE_NAME.fullmatch(filename):
        raise ConfigError(
            f"{filename!r} cannot be the name of a file on a stage",
            hint="take letters, digits and . _ - =; a path belongs to the stage's name",
        )
    return filename if filename.endswith(".gz") else f"{filename}.gz"
