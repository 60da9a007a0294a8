"""A connection to the fake Snowflake: a statement in, rows out."""

import io
from typing import Any

import pytest
from snowflake.connector.errors import Error


class Client:
    """A connection, and one cursor of it: a statement in, rows out."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.cursor = connection.cursor()

    def __call__(self, sql: str, *values: Any, **options: Any) -> list[tuple[Any, ...]]:
        self.cursor.execute(sql, values or None, **options)
        return list(self.cursor.fetchall())

    def one(self, sql: str, *values: Any) -> Any:
        [row] = self(sql, *values)
        return row[0] if len(row) == 1 else row

    def fails(self, sql: str, *values: Any, says: str, code: int | None = None) -> None:
        with pytest.raises(Error, match=says) as caught:
            self(sql, *values)
        assert code in {None, caught.value.errno}

    def put(self, content: bytes, path: str, **options: Any) -> str:
        """Stage bytes under ``stage/folder/name``, and say the status."""
        folder, name = path.rsplit("/", 1)
        given = {"SOURCE_COMPRESSION": "GZIP", "AUTO_COMPRESS": "FALSE"}
        said = " ".join(f"{key}={value}" for key, value in (given | options).items())
        sql = f"PUT 'file:///placeholder/{name}' '@{folder}/' {said}"
        [row] = self(sql, file_stream=io.BytesIO(content))
        return str(row[6])
