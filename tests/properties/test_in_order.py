"""Keys are called unique for their order only where they are."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lht.warehouse.feed import InOrder

KEYS = st.one_of(st.none(), st.text("aAb\u00e9\U0001f600", max_size=2))


def judged(tables):
    """Let keys pass by; return what is said of them."""
    order = InOrder("Id")
    columns = [pa.table({"Id": pa.array(keys, pa.string())}) for keys in tables]
    assert list(order.watched(columns)) == columns
    return order.unique


@given(st.lists(st.lists(KEYS, max_size=4), max_size=4))
def test_what_is_called_unique_is(tables):
    """No key that is missing, or there twice, is ever called unique."""
    keys = [key for table in tables for key in table]
    if judged(tables):
        assert None not in keys
        assert len(set(keys)) == len(keys)


@given(st.sets(st.text(max_size=3)), st.integers(1, 4), st.randoms())
def test_pages_in_any_order_are_called_unique(keys, size, random):
    """What Salesforce sends needs no other look: pages in order, fetched in any."""
    ordered = sorted(keys)
    tables = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    random.shuffle(tables)
    assert judged(tables)


def test_other_keys_than_texts_are_looked_at_otherwise():
    """Of a key that is a number, the order here tells nothing."""
    order = InOrder("Id")
    list(order.watched([pa.table({"Id": pa.array([1, 2])})]))
    assert not order.unique
