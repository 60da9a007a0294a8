"""Keys are looked through in parts where their order tells nothing."""

import random

import pytest
from tests.contract.accounts import MODES, REF, batch, load, row

from lht.exceptions import DuplicateKeyError
from lht.warehouse import duckdb_rows


@pytest.fixture(params=[1, 7, 49, 50], ids="{} at a time".format)
def keys(request, monkeypatch, seed):
    """Fifty keys in no order, told apart a few at a time."""
    monkeypatch.setattr(duckdb_rows, "_HASHES", request.param)
    drawn = [f"{number:03}" for number in range(50)]
    random.Random(seed).shuffle(drawn)
    return drawn


@pytest.mark.parametrize("mode", MODES)
def test_keys_in_any_order_are_told_apart(session, mode, keys):
    """As many keys as rows are as many, however few are looked at together."""
    counts = load(session, mode, batch(*map(row, keys)))
    assert (counts.staged, counts.inserted) == (50, 50)
    assert load(session, mode, batch(*map(row, keys))).unchanged == 50


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("which", range(0, 50, 12))
def test_a_key_that_is_there_twice_is_found_in_its_part(session, mode, keys, which):
    """Wherever the two stand."""
    load(session, mode, batch(row("before")))
    again = [*keys, keys[which]]
    with pytest.raises(DuplicateKeyError):
        load(session, mode, batch(*map(row, again)))
    assert session.query(f"SELECT Id FROM {REF}") == [("before",)]
