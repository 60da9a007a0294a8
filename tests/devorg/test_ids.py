"""Ids: the checksum of real orgs, and one rule in Python and in SQL."""

import random

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.devorg import ids


@pytest.mark.parametrize(
    ("short", "suffix"),
    [
        ("003Kg000002AYKT", "IA4"),
        ("0019H00000H1RMD", "QA3"),
        ("012000000000000", "AAA"),
    ],
)
def test_the_checksum_is_the_one_of_real_orgs(short: str, suffix: str) -> None:
    """Ids recorded from real orgs get the suffix they had there."""
    assert ids.to18(short) == short + suffix
    assert ids.check(short) == short + suffix


def test_sql_makes_the_same_ids_as_python(seed: int) -> None:
    """A record inserted in bulk has the id it would have had alone."""
    edges = [0, 9, 10, 35, 36, 61, 62, ids.LIMIT - 1]
    numbers = edges + random.Random(seed).sample(range(ids.LIMIT), 5000)
    sql = f"SELECT {ids.sql_id('a0E', 'n')} FROM (SELECT unnest(?) AS n)"
    with duckdb.connect() as db:
        made = [row[0] for row in db.execute(sql, [numbers]).fetchall()]
    assert made == [ids.make_id("a0E", number) for number in numbers]


@given(st.integers(0, ids.LIMIT - 2))
def test_ids_are_well_formed_ascend_and_tell_their_number(number: int) -> None:
    """An id passes its own check, sorts by its number and gives it back."""
    made = ids.make_id("001", number)
    assert ids.check(made) == made
    assert ids.check(made[:15]) == made
    assert ids.number_of(made) == number
    assert made[:15] < ids.make_id("001", number + 1)[:15]


@pytest.mark.parametrize(
    "text",
    ["", "001", "001D7000000000", "001D70000000000IAB", "001D70000000 00", "äöü" * 5],
)
def test_what_is_no_id_is_not_taken_for_one(text: str) -> None:
    """Wrong lengths, characters and checksums are noticed."""
    assert ids.check(text) is None


def test_there_is_an_end_to_ids() -> None:
    """Past the last id there is an error, not a second record with the first id."""
    with pytest.raises(OverflowError):
        ids.make_id("001", ids.LIMIT)


def test_an_id_of_another_org_has_no_number_here() -> None:
    """Foreign ids never move the counter."""
    assert ids.number_of("0019H00000H1RMDQA3") is None
