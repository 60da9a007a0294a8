"""Stages that a caller names: read as Snowflake reads them, or told to be none."""

import pytest

from lht.exceptions import ConfigError
from lht.warehouse.snowflake_stage import Place, parse_stage


@pytest.mark.parametrize("sign", ["", "@"])
@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("stage", ["STAGE"]),
        ("SALESFORCE_STAGE", ["SALESFORCE_STAGE"]),
        ("raw.stage", ["RAW", "STAGE"]),
        ("lht_db.raw.stage$1", ["LHT_DB", "RAW", "STAGE$1"]),
        ('"stage"', ["stage"]),
        ('"my db".RAW."a ""b"" / c."', ["my db", "RAW", 'a "b" / c.']),
        ('raw."Größe"', ["RAW", "Größe"]),
    ],
)
@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("", ""),
        ("/", ""),
        ("/a", "a"),
        ("/a/b c/", "a/b c"),
        ("/Ab/it's.d", "Ab/it's.d"),
    ],
)
def test_a_stage_may_be_written_in_every_way(sign, written, parts, rest, path):
    """With or without @, database, schema, quotes and a path, which keeps its case."""
    assert parse_stage(f"{sign}{written}{rest}") == (parts, path)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "@",
        "/path",
        "@~",
        "@~/path",
        "@%table",
        "a.b.c.d",
        "a..b",
        ".a",
        "a.",
        "a./path",
        "a\n",
        "my stage",
        "a-b",
        '"open',
        '"a"b',
        '""',
        "s3://bucket/path",
        "a;DROP TABLE b",
    ],
)
def test_what_names_no_stage_is_a_setting_to_mend(written):
    """It is told how to write one, before anything is done."""
    with pytest.raises(ConfigError, match="names no stage") as caught:
        parse_stage(written)
    assert "SCHEMA.STAGE" in caught.value.hint


@pytest.mark.parametrize(
    ("folder", "url"),
    [
        ("lht-1", """'@"DB"."S"."N"/lht-1/'"""),
        ("it's/lht-1", """'@"DB"."S"."N"/it''s/lht-1/'"""),
        ("a\\b/lht-1", """'@"DB"."S"."N"/a\\\\b/lht-1/'"""),
    ],
)
def test_a_folder_is_named_to_its_end(folder, url):
    """A path is a prefix in Snowflake: without a slash it would mean others as well."""
    assert Place('"DB"."S"."N"', folder).url == url
