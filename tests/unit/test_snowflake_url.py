"""Snowflake's URLs: what they name, and that no secret may be in one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.exceptions import ConfigError
from lht.snowflake_url import in_database, parse_url, url_of, without_user

SECRET = "s3cret-of-acme"


@given(name=st.text(min_size=1), database=st.text(min_size=1))
def test_any_name_of_a_connection_makes_a_url_and_comes_back(name, database):
    """-c and --database take whatever a file may call a connection or database."""
    url = in_database(in_database(url_of(name), "OTHER"), database)
    read = parse_url(url)
    assert (read.name, read.user, read.database, read.schema) == (
        *(name, None),
        *(database, None),
    )
    assert parse_url(url_of(name)).database is None


def test_a_url_names_account_user_database_and_schema():
    """All parts of a URL are read; options are those of the connector."""
    url = "snowflake://loader@acme-prod/CRM/RAW?role=LOADER&Warehouse=XS"
    read = parse_url(url)
    assert (read.user, read.name, read.database, read.schema) == (
        *("loader", "acme-prod"),
        *("CRM", "RAW"),
    )
    assert read.options == {"role": "LOADER", "warehouse": "XS"}
    assert without_user(url) == "snowflake://acme-prod/CRM/RAW"
    assert parse_url(in_database(url, "X")).database == "X"
    assert parse_url(in_database(url, "X")).options == read.options


@pytest.mark.parametrize(
    "url",
    [
        f"snowflake://loader:{SECRET}@acme/CRM",
        f"snowflake://acme/CRM?password={SECRET}",
        f"snowflake://prod?PassCode={SECRET}",
        f"snowflake://acme/CRM?token={SECRET}",
        f"snowflake://acme/CRM?private_key_file=k.p8&private_key_file_pwd={SECRET}",
        f"snowflake://acme/CRM?oauth_client_secret={SECRET}",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url):
    """URLs are printed and kept in histories; the hint names the ways without."""
    with pytest.raises(ConfigError, match="is a secret") as caught:
        parse_url(url)
    assert "key pair" in str(caught.value.hint)
    assert SECRET not in str(caught.value) + str(caught.value.hint)


@pytest.mark.parametrize(
    "url",
    [
        "snowflake://",
        "snowflake:///CRM",
        "snowflake://loader@/CRM",
        "snowflake://acme/CRM/RAW/ACCOUNT",
        "snowflake://acme/CRM?role",
    ],
)
def test_a_url_that_names_nothing_is_refused(url):
    """Nothing is guessed: Snowflake's default connection is not taken unasked."""
    with pytest.raises(ConfigError) as caught:
        parse_url(url)
    assert str(caught.value.hint).startswith("write ")
