"""Generated rows: repeatable, related, within the rules, and nasty at a known rate."""

import hashlib
import itertools
from datetime import datetime

import pytest

from lht.devorg.clock import Clock
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.metadata import Field, SObject
from lht.devorg.sampling.generate import generate, parents_first
from lht.devorg.sampling.sample_values import NASTY_TEXTS
from lht.devorg.sampling.samples import NASTY_EVERY, nasty_values
from lht.devorg.store.store import Store
from lht.devorg.store.values import find_faults

METADATA = load_metadata()
OBJECTS = [sobject.name for sobject in METADATA.sobjects]
MANY = 5000


def empty_store() -> Store:
    return Store(METADATA, Clock())


@pytest.fixture(scope="module")
def store() -> Store:
    """Five thousand rows of every object of the org."""
    filled = empty_store()
    generate(filled, dict.fromkeys(OBJECTS, MANY), seed=7)
    return filled


def rows(store: Store, sql: str) -> list[tuple]:
    return store.cursor().execute(sql).fetchall()


def column(store: Store, sobject: SObject, field: Field) -> list:
    return [v for (v,) in rows(store, f'SELECT "{field.name}" FROM "{sobject.name}"')]


def fingerprint(store: Store, name: str) -> str:
    table = rows(store, f'SELECT * FROM "{name}" ORDER BY Id')
    return hashlib.sha256(repr(table).encode()).hexdigest()


def test_every_object_gets_the_rows_asked_for(store: Store) -> None:
    """Any declared object can be generated, whatever it refers to."""
    counts = store.record_counts()
    assert all(counts[name] >= MANY for name in OBJECTS)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Equal seeds fill equal orgs; another seed fills another."""
    wanted = {"Contact": 500, "Account": 700, "Everything__c": 300}
    orgs = []
    for seed in (3, 3, 4):
        org = empty_store()
        generate(org, wanted, seed=seed)
        orgs.append([fingerprint(org, name) for name in wanted])
    assert orgs[0] == orgs[1]
    assert all(a != b for a, b in zip(orgs[0], orgs[2], strict=True))


def test_more_rows_can_follow() -> None:
    """A second call adds rows that clash with none of the first."""
    org = empty_store()
    assert generate(org, {"everything__c": 50}) == {"Everything__c": 50}
    generate(org, {"Everything__c": 50})
    found = rows(org, "SELECT count(*), count(DISTINCT Id), count(DISTINCT Code__c) "
                      "FROM Everything__c")  # fmt: skip
    assert found == [(100, 100, 100)]


@pytest.mark.parametrize("sobject", METADATA.sobjects, ids=OBJECTS)
def test_values_obey_the_org(store: Store, sobject: SObject) -> None:
    """Lengths, restricted lists, required fields and uniqueness hold everywhere."""
    for field in sobject.fields:
        if not field.stored:
            continue
        values = column(store, sobject, field)
        given = {v for v in values if v is not None}
        faults = [str(e) for v in given for e in find_faults(field, v)]
        if field.type not in {"reference", "id"}:
            assert faults == [], field.name
        if field.unique:
            assert len(given) == len([v for v in values if v is not None])
        targets = [t for t in field.reference_to if t.lower() in METADATA.by_name]
        if not field.nillable and not (field.reference_to and not targets):
            assert None not in values or not field.createable, field.name
        assert "" not in given, field.name


@pytest.mark.parametrize("sobject", METADATA.sobjects, ids=OBJECTS)
def test_references_point_at_rows(store: Store, sobject: SObject) -> None:
    """Each reference holds the id of an existing row of an object it may point to."""
    targets = {t for f in sobject.fields for t in f.reference_to if t in OBJECTS}
    ids = {t: {i for (i,) in rows(store, f'SELECT Id FROM "{t}"')} for t in targets}
    for field in sobject.fields:
        if field.type != "reference":
            continue
        known = set().union(*(ids.get(name, set()) for name in field.reference_to))
        given = {v for v in column(store, sobject, field) if v is not None}
        assert given <= known, field.name


def test_children_are_spread_over_parents(store: Store) -> None:
    """Contacts belong to thousands of accounts, with some accounts left alone."""
    found = rows(
        store, "SELECT count(DISTINCT AccountId), count(AccountId) FROM Contact"
    )
    parents, children = found[0]
    assert children > MANY / 3
    assert MANY / 4 < parents < MANY


def test_hierarchies_have_no_circles(store: Store) -> None:
    """A parent of the same object is an older row."""
    found = rows(store, "SELECT count(*), count(*) FILTER (ParentId < Id) FROM Account "
                        "WHERE ParentId IS NOT NULL")  # fmt: skip
    assert found[0][0] == found[0][1] > 0


def test_record_types_belong_to_their_object(store: Store) -> None:
    """A record type is one of the record's own object."""
    found = rows(store, "SELECT DISTINCT t.SobjectType FROM Account a "
                        "JOIN RecordType t ON t.Id = a.RecordTypeId")  # fmt: skip
    assert found == [("Account",)]


@pytest.mark.parametrize("sobject", METADATA.sobjects, ids=OBJECTS)
def test_stamps_are_in_order_and_past(store: Store, sobject: SObject) -> None:
    """Created, modified, stamped: in this order, whole seconds, none in the future."""
    stamps = [
        f'"{name}"'
        for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")
        if name.lower() in sobject.by_name
    ]
    if not stamps:
        return
    now = store.clock.now().replace(tzinfo=None)
    ordered = " AND ".join(f"{a} <= {b}" for a, b in itertools.pairwise(stamps))
    sql = f'SELECT count(*), min({stamps[0]}), max({stamps[-1]}) FROM "{sobject.name}"'
    count, first, last = rows(store, f"{sql} WHERE {ordered or 'true'}")[0]
    assert count == rows(store, f'SELECT count(*) FROM "{sobject.name}"')[0][0]
    assert first < datetime(2017, 1, 1)
    assert last < now
    whole = " AND ".join(f"date_trunc('second', {s}) = {s}" for s in stamps)
    where = f'SELECT count(*) FROM "{sobject.name}" WHERE NOT ({whole})'
    assert rows(store, where) == [(0,)]


def test_stamps_stay_behind_an_early_clock() -> None:
    """In an org whose clock is set to the past, no row comes from the future."""
    clock = Clock(datetime.fromisoformat("2012-06-01T00:00:00+00:00"))
    org = Store(METADATA, clock)
    generate(org, {"Account": 100})
    latest = rows(org, "SELECT max(SystemModstamp) FROM Account")[0][0]
    assert latest < clock.now().replace(tzinfo=None)


@pytest.mark.parametrize("sobject", METADATA.sobjects, ids=OBJECTS)
def test_every_writeable_column_gets_all_nasty_values(
    store: Store, sobject: SObject
) -> None:
    """Nasty values come round in turn, so five thousand rows hold each of them."""
    derived = {"Opportunity.Probability", "OpportunityLineItem.TotalPrice"}
    for field in sobject.fields:
        nasty = nasty_values(field)
        writeable = field.createable or field.updateable
        if not nasty or not writeable or f"{sobject.name}.{field.name}" in derived:
            continue
        wanted = {v for (v,) in rows(store, f"SELECT unnest([{', '.join(nasty)}])")}
        if field.type == "currency":  # comes ten times as seldom
            assert wanted & set(column(store, sobject, field)), field.name
        else:
            assert wanted <= set(column(store, sobject, field)), field.name


def test_the_rate_of_nasty_values_is_the_documented_one(store: Store) -> None:
    """One row in NASTY_EVERY holds a nasty value, in each text column of its own."""
    quoted = ", ".join("'" + text.replace("'", "''") + "'" for text in NASTY_TEXTS)
    sql = f"SELECT count(*) FROM Everything__c WHERE Text__c IN ({quoted})"
    share = rows(store, sql)[0][0] / MANY * NASTY_EVERY
    assert 0.8 < share <= 1.05


def test_no_text_holds_nul_or_a_lone_surrogate(store: Store) -> None:
    """What Salesforce cannot store is not generated; other control characters are."""
    texts = [v for (v,) in rows(store, "SELECT Text__c FROM Everything__c") if v]
    assert not any("\0" in text for text in texts)
    assert any("\x01" in text for text in texts)
    assert all(text.encode() for text in texts)


def test_numbers_are_finite(store: Store) -> None:
    """No derived product runs over."""
    for sobject in METADATA.sobjects:
        for field in sobject.fields:
            if field.type in {"double", "currency", "percent"} and field.stored:
                sql = (
                    f'SELECT count(*) FROM "{sobject.name}" '
                    f'WHERE NOT isfinite("{field.name}")'
                )
                assert rows(store, sql) == [(0,)], field.name


def test_addresses_hang_together(store: Store) -> None:
    """A city lies in its country."""
    sql = "SELECT DISTINCT BillingCountry FROM Account WHERE BillingCity = 'Dresden'"
    countries = {c for (c,) in rows(store, sql)}
    assert "Germany" in countries
    assert "France" not in countries


def test_parents_come_first() -> None:
    """Objects are filled in an order in which parents exist."""
    order = parents_first(METADATA, dict.fromkeys(OBJECTS, 1))
    assert sorted(order) == sorted(OBJECTS)
    for parent, child in [
        ("Account", "Contact"),
        ("Product2", "PricebookEntry"),
        ("Opportunity", "OpportunityLineItem"),
        ("Campaign", "CampaignMember"),
        ("Invoice__c", "Invoice_Line__c"),
    ]:
        assert order.index(parent) < order.index(child)


def test_rollups_are_right_after_generating(store: Store) -> None:
    """Parents know the sums of their generated children."""
    sql = (
        "SELECT count(*) FROM Invoice__c i WHERE i.Line_Count__c <> "
        "(SELECT count(*) FROM Invoice_Line__c l WHERE l.Invoice__c = i.Id)"
    )
    assert rows(store, sql) == [(0,)]


def test_unknown_objects_and_missing_parents_are_refused() -> None:
    """The error names the object, or the parent it lacks."""
    org = empty_store()
    with pytest.raises(ValueError, match="no object is called 'Acount'"):
        generate(org, {"Acount": 1})
    with pytest.raises(ValueError, match="OrderItem needs rows of Order for OrderId"):
        generate(org, {"OrderItem": 1})
