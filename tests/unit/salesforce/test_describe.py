"""Metadata: an object is found by its name, and read as Salesforce describes it."""

import gzip
import json

import pytest

from lht.exceptions import SalesforceAPIError, SalesforceUnavailableError
from lht.salesforce.describe import list_sobjects, parse_describe, read_sobject


def described(name="Account", **fields):
    wire = [{"name": n, "type": "string", **f} for n, f in fields.items()]
    return {"name": name, "label": name, "keyPrefix": "001", "fields": wire}


def listed(*names):
    return {"sobjects": [{"name": n, "label": n, "queryable": True} for n in names]}


def test_a_field_keeps_what_lht_acts_on():
    """Every attribute that a decision rests on is read from the describe."""
    amount = {
        "type": "currency",
        "scale": 2,
        "calculated": True,
        "filterable": False,
        "byteLength": 21,
    }
    schema = parse_describe(json.dumps(described(Amount=amount)).encode())
    field = schema.by_name["amount"]
    assert (field.name, field.type, field.scale) == ("Amount", "currency", 2)
    assert (field.calculated, field.filterable) == (True, False)
    assert (schema.name, schema.label) == ("Account", "Account")


def test_only_structures_are_compound():
    """Addresses and locations are left to their parts; composed names are text."""
    body = described(
        BillingAddress={"type": "address", "soapType": "urn:address"},
        Place__c={"type": "location", "soapType": "urn:location"},
        Junction={"type": "string", "soapType": "urn:JunctionIdListNames"},
        Name={"soapType": "xsd:string", "compoundFieldName": "Name"},
        Fiscal={"soapType": "xsd:string"},
        FiscalYear={"type": "int", "compoundFieldName": "Fiscal"},
    )
    schema = parse_describe(json.dumps(body).encode())
    compound = [f.name for f in schema.fields if f.compound]
    assert compound == ["BillingAddress", "Place__c", "Junction"]


def test_the_order_of_fields_is_salesforces():
    """Columns come in describe order."""
    schema = parse_describe(json.dumps(described(B={}, A={}, C={})).encode())
    assert [f.name for f in schema.fields] == ["B", "A", "C"]


def test_the_right_case_is_salesforces(org, client):
    """An object is found however its name is written; its own spelling is used."""
    org.on("GET", "sobjects/account/describe", described(Id={"type": "id"}))
    assert read_sobject(client, "account").name == "Account"


@pytest.mark.parametrize(
    ("wanted", "suggested"),
    [
        ("Acount", "Account"),
        ("ACCUONT", "Account"),
        ("Invoice", "Invoice__c"),
        ("Contcat", "Contact"),
    ],
)
def test_a_mistyped_object_is_guessed(org, client, wanted, suggested):
    """An unknown name is answered with the names that are nearly so."""
    org.on("GET", "sobjects", listed("Account", "Contact", "Invoice__c", "Case"))
    with pytest.raises(SalesforceAPIError) as caught:
        read_sobject(client, wanted)
    assert caught.value.hint == f"did you mean {suggested}?"
    assert wanted in str(caught.value)


def test_a_far_off_name_is_not_guessed(org, client):
    """Nothing is suggested that is not near; where to look is."""
    org.on("GET", "sobjects", listed("Account", "Case"))
    with pytest.raises(SalesforceAPIError) as caught:
        read_sobject(client, "../limits")
    assert "lht objects" in caught.value.hint
    assert org.calls()[0].path == org.api + "sobjects/..%2Flimits/describe"


def test_other_refusals_stay_what_they_are(org, client):
    """Only an unknown object is called unknown."""
    body = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "no"}]
    org.on("GET", "sobjects/Account/describe", org.Reply(body, 403))
    with pytest.raises(SalesforceAPIError) as caught:
        read_sobject(client, "Account")
    assert caught.value.error_code == "API_DISABLED_FOR_ORG"


def test_a_describe_of_something_else_is_an_outage():
    """A body without what a describe has is never half understood."""
    with pytest.raises(SalesforceUnavailableError):
        parse_describe(b'{"name": "Account"}')


def test_objects_are_listed_with_what_tells_them_apart(org, client):
    """The list says of each object whether it can be queried and replicated."""
    entry = {
        "name": "X__c",
        "label": "Ex",
        "keyPrefix": "a00",
        "queryable": True,
        "replicateable": True,
        "custom": True,
        "deprecatedAndHidden": False,
        "labelPlural": "Exes",
    }
    hidden = {"name": "Y", "label": "Y", "keyPrefix": None, "queryable": False}
    org.on("GET", "sobjects", {"encoding": "UTF-8", "sobjects": [entry, hidden]})
    first, second = list_sobjects(client)
    assert (first.name, first.label, first.key_prefix) == ("X__c", "Ex", "a00")
    assert (first.queryable, first.replicateable, first.custom) == (True, True, True)
    assert (second.queryable, second.replicateable, second.key_prefix) == (
        False,
        False,
        None,
    )


def test_every_standard_object_is_read(recorded):
    """Each of the 658 standard objects recorded from one org gives all its fields."""
    file = recorded / "describe" / "soqlmeta-jawills" / "all_objects.jsonl.gz"
    lines = gzip.decompress(file.read_bytes()).splitlines()
    assert len(lines) == 658
    for line in lines:
        names = [f["name"] for f in json.loads(line)["fields"]]
        assert [f.name for f in parse_describe(line).fields] == names


def test_recorded_describes_are_read_whole(recorded):
    """Every describe recorded from a real org gives all its fields."""
    files = sorted((recorded / "describe").glob("c*/*.json"))
    read = 0
    for file in files:
        wire = json.loads(file.read_bytes())
        if "fields" not in wire:
            continue
        schema = parse_describe(file.read_bytes())
        assert [f.name for f in schema.fields] == [f["name"] for f in wire["fields"]]
        assert {f.name for f in schema.fields if f.compound} == {
            f["name"] for f in wire["fields"] if f["type"] == "address"
        }
        read += 1
    assert read > 10
