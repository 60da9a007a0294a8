"""Stages of the fake, and COPY: files come and go byte by byte, rows as in a CSV."""

import gzip
import io
from pathlib import Path

import pytest
from snowflake.snowpark import Session
from tests.snowflake.likeness.client import Client

CSV = (
    "FILE_FORMAT=(TYPE=CSV COMPRESSION=GZIP SKIP_HEADER=1 "
    "FIELD_OPTIONALLY_ENCLOSED_BY='\"' ESCAPE_UNENCLOSED_FIELD=NONE "
    "NULL_IF=('') EMPTY_FIELD_AS_NULL=TRUE) ON_ERROR=ABORT_STATEMENT"
)


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def test_staged_bytes_are_those_that_were_put(snowpark: Session, database: str):
    stage = f'"{database}"."PUBLIC"."S"'
    snowpark.sql(f"CREATE TEMPORARY STAGE {stage}").collect()
    content = zipped("A\n1\n")
    put = snowpark.file.put_stream(
        io.BytesIO(content),
        f"@{stage}/run/a.csv.gz",
        auto_compress=False,
        source_compression="GZIP",
    )
    assert put.status == "UPLOADED"
    with snowpark.file.get_stream(f"@{stage}/run/a.csv.gz") as staged:
        assert staged.read() == content


def test_a_file_is_put_and_got_by_path(snowpark: Session, tmp_path: Path):
    snowpark.sql("CREATE STAGE S").collect()
    (tmp_path / "a.csv").write_text("A\n1\n")
    [put] = snowpark.file.put(str(tmp_path / "a.csv"), "@S/x")
    assert (put.target, put.status) == ("a.csv.gz", "UPLOADED")
    snowpark.file.get("@S/x/a.csv.gz", str(tmp_path / "back"))
    got = (tmp_path / "back" / "a.csv.gz").read_bytes()
    assert gzip.decompress(got) == b"A\n1\n"


def test_a_name_that_is_there_is_skipped_unless_overwritten(db: Client):
    db("CREATE STAGE S")
    first, second = zipped("A\n1\n"), zipped("A\n22222\n")
    assert db.put(first, "S/a.csv.gz") == "UPLOADED"
    assert db.put(second, "S/a.csv.gz") == "SKIPPED"
    assert db("LIST @S")[0][1] == len(first)
    assert db.put(second, "S/a.csv.gz", OVERWRITE="TRUE") == "UPLOADED"
    assert db("LIST @S")[0][1] == len(second)


def test_files_are_listed_and_removed_by_prefix(db: Client, database: str):
    db("CREATE STAGE S")
    for name in ("run1/a", "run1/b", "run10/c"):
        db.put(zipped("A\n"), f"S/{name}.csv.gz")
    assert [row[0] for row in db("LIST @S/run1/")] == [
        "s/run1/a.csv.gz",
        "s/run1/b.csv.gz",
    ]
    assert len(db("LIST @S/run1")) == 3
    assert len(db(f'REMOVE @"{database}"."PUBLIC"."S"/run1/')) == 2
    assert [row[0] for row in db("LIST @S")] == ["s/run10/c.csv.gz"]
    db("DROP STAGE S")
    db.fails("LIST @S", says="does not exist", code=2003)


def test_stages_of_users_and_tables_are_refused(db: Client):
    db("CREATE TABLE T (A INT)")
    db.fails("LIST @~", says="gap")
    db.fails("LIST @%T", says="gap")


HARD = 'A,B\r\n"q""1","x,\r\ny"\r\n\u00e9\U0001f600,\\N\r\n00,\r\n"","a\\"\r\n'


def test_copy_reads_the_csv_of_salesforce(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR, B VARCHAR)")
    db.put(zipped(HARD), "S/run/a.csv.gz")
    [report] = db(f"COPY INTO T FROM @S/run/ {CSV}")
    assert report[:4] == ("s/run/a.csv.gz", "LOADED", 4, 4)
    assert [column[0] for column in db.cursor.description][:4] == [
        "file",
        "status",
        "rows_parsed",
        "rows_loaded",
    ]
    assert db("SELECT A, B FROM T") == [
        ('q"1', "x,\r\ny"),
        ("\u00e9\U0001f600", "\\N"),
        ("00", None),
        (None, "a\\"),
    ]


def test_an_empty_quoted_field_is_not_null_by_itself(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR, B VARCHAR)")
    db.put(zipped('A,B\n"",\n'), "S/a.csv.gz")
    keeping = CSV.replace("NULL_IF=('')", "NULL_IF=()")
    db(f"COPY INTO T FROM @S {keeping}")
    assert db("SELECT A, B FROM T") == [("", None)]


def test_a_value_of_three_megabytes_arrives(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    value = 'say ""it""\n' * 300_000
    db.put(zipped(f'A\n"{value}"\n'), "S/a.csv.gz")
    db(f"COPY INTO T FROM @S {CSV}")
    assert db.one("SELECT LENGTH(A) FROM T") == 9 * 300_000


def test_nothing_to_copy_is_one_column_of_status(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    none = [("Copy executed with 0 files processed.",)]
    assert db(f"COPY INTO T FROM @S/nowhere/ {CSV}") == none
    assert [column[0] for column in db.cursor.description] == ["status"]
    db.put(zipped("A\n"), "S/a.csv.gz")
    assert db(f"COPY INTO T FROM @S {CSV}")[0][1:4] == ("LOADED", 0, 0)
    assert db(f"COPY INTO T FROM @S {CSV}") == none


def test_a_file_is_loaded_once_unless_forced_or_truncated(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    db.put(zipped("A\n1\n"), "S/a.csv.gz")
    copy = f"COPY INTO T FROM @S {CSV}"
    for again in ("", "", " FORCE=TRUE"):
        db(copy + again)
    assert db.one("SELECT COUNT(*) FROM T") == 2
    db("TRUNCATE TABLE T")
    db(copy)
    assert db.one("SELECT COUNT(*) FROM T") == 1


@pytest.mark.parametrize(
    ("content", "says", "code"),
    [
        (zipped("A,B\n1\n"), "Number of columns", 100080),
        (zipped("A,B\n1,2\n")[:-6], "decompression", 100183),
        (b"no gzip", "decompression", 100183),
        (zipped('A,B\n"1,2\n'), "no end", 100069),
        (zipped('A,B\n"1"x,2\n'), "field delimiter", 100066),
        (gzip.compress(b"A,B\n\xff,2\n", mtime=0), "UTF8", 100144),
        (zipped("A,B\n1,x\n"), "not recognized", 100038),
    ],
)
def test_a_file_that_cannot_be_read_loads_nothing(
    db: Client, content: bytes, says: str, code: int
):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR, B NUMBER)")
    db.put(zipped("A,B\n1,2\n"), "S/a.csv.gz")
    db.put(content, "S/b.csv.gz")
    db.fails(f"COPY INTO T FROM @S {CSV}", says=says, code=code)
    assert db.one("SELECT COUNT(*) FROM T") == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ESCAPE_UNENCLOSED_FIELD=NONE", ""),
        ("ON_ERROR=ABORT_STATEMENT", "ON_ERROR=CONTINUE"),
        ("SKIP_HEADER=1", "PARSE_HEADER=TRUE"),
        ("COMPRESSION=GZIP", "COMPRESSION=ZSTD"),
    ],
)
def test_options_the_fake_cannot_follow_are_refused(db: Client, old: str, new: str):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    db.put(zipped("A\n1\n"), "S/a.csv.gz")
    db.fails(f"COPY INTO T FROM @S {CSV.replace(old, new)}", says="gap", code=9999)


def test_a_copy_is_part_of_the_transaction(db: Client):
    db("CREATE STAGE S")
    db("CREATE TABLE T (A VARCHAR)")
    db.put(zipped("A\n1\n"), "S/a.csv.gz")
    db("BEGIN")
    db(f"COPY INTO T (A) FROM '@S/' {CSV}")
    assert db.one("SELECT COUNT(*) FROM T") == 1
    db("ROLLBACK")
    assert db.one("SELECT COUNT(*) FROM T") == 0


def test_a_query_is_unloaded_into_one_file(snowpark: Session):
    snowpark.sql("CREATE STAGE S").collect()
    options = (
        "FILE_FORMAT=(TYPE=CSV COMPRESSION=GZIP FIELD_OPTIONALLY_ENCLOSED_BY='\"' "
        "NULL_IF=() EMPTY_FIELD_AS_NULL=FALSE) HEADER=TRUE SINGLE=TRUE OVERWRITE=TRUE "
        "MAX_FILE_SIZE=5368709120"
    )
    select = "SELECT 'a\"b' AS A, 1.50 AS B, NULL::VARCHAR AS C"
    sql = f"COPY INTO @S/out/data.csv.gz FROM ({select}) {options}"
    [row] = snowpark.sql(sql).collect()
    assert row["rows_unloaded"] == 1
    with snowpark.file.get_stream("@S/out/data.csv.gz", decompress=True) as file:
        assert file.read() == b'"A","B","C"\n"a""b",1.50,\n'
    empty = f"COPY INTO @S/none.csv.gz FROM ({select} WHERE FALSE) {options}"
    assert snowpark.sql(empty).collect()[0]["rows_unloaded"] == 0
    assert snowpark.sql("LIST @S/none").collect() == []


def test_stages_are_listed_with_their_kind(
    db: Client, other: Client, database: str
) -> None:
    """INFORMATION_SCHEMA tells internal from external, and hides what is others'."""
    db("CREATE STAGE OURS")
    db("CREATE STAGE ABROAD URL = 's3://bucket/path/'")
    db("CREATE TEMPORARY STAGE MINE")
    sql = f'SELECT STAGE_NAME, STAGE_TYPE FROM "{database}".INFORMATION_SCHEMA.STAGES'
    kinds = {"OURS": "Internal Named", "ABROAD": "External Named"}
    assert dict(other(sql)) == kinds
    assert dict(db(sql)) == kinds | {"MINE": "Internal Named"}
    db.fails("LIST @ABROAD", says="external stage")
