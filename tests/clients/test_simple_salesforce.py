"""simple-salesforce believes that the local org is Salesforce."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from simple_salesforce import (
    Salesforce,
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
    format_external_id,
    format_soql,
)
from tests import keys
from tests.clients.conftest import ADA, DOMAIN, HOST, Place

VERSION = "62.0"


def connect(place: Place, **how) -> Salesforce:
    proxies = {"https": place.proxy}
    return Salesforce(**{"version": VERSION, "proxies": proxies} | how)


def by_credentials(place: Place, **changes) -> Salesforce:
    pair = {
        "consumer_key": place.org.client_id,
        "consumer_secret": place.org.client_secret,
        "domain": DOMAIN,
    }
    return connect(place, **pair | changes)


@pytest.fixture(scope="module")
def sf(place):
    client = by_credentials(place)
    yield client
    client.session.close()


def with_token(logins) -> dict[str, str]:
    return {"password": logins.password, "security_token": logins.security_token}


def with_application(logins) -> dict[str, str]:
    return {
        "password": logins.password + logins.security_token,
        "consumer_key": logins.client_id,
        "consumer_secret": logins.client_secret,
    }


def with_assertion(logins) -> dict[str, str]:
    return {"consumer_key": logins.client_id, "privatekey": keys.private_pem()}


def rows(text: str) -> int:
    return len(list(csv.reader(io.StringIO(text)))) - 1


@pytest.mark.parametrize("how", [with_token, with_application, with_assertion])
def test_a_user_logs_in(place, how):
    """By SOAP, by password over OAuth, by assertion: each is that user."""
    sf = connect(place, username=ADA, **how(place.org.logins))
    assert sf.sf_instance == HOST
    told = sf.oauth2("userinfo")
    assert told["preferred_username"] == ADA
    sf.session.close()


def test_a_user_of_a_trusted_network_logs_in_with_the_orgs_id(opened):
    """Where the address is enough, the password needs no token behind it."""
    place = opened(is_trusted_network=True)
    password, org_id = place.org.logins.password, place.org.store.org_id
    sf = connect(place, username=ADA, password=password, organizationId=org_id)
    assert sf.oauth2("userinfo")["preferred_username"] == ADA
    sf.session.close()


def test_a_token_is_enough(place, sf):
    """A session that came from elsewhere is used at the org's own address."""
    given = {"session_id": sf.session_id, "instance_url": place.org.url}
    direct = Salesforce(version=VERSION, **given)
    assert len(direct.query_all("SELECT Id FROM User")["records"]) == 5
    direct.session.close()


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (lambda _: {"password": "no", "security_token": "no"}, "INVALID_LOGIN"),
        (lambda x: with_application(x) | {"password": "no"}, "invalid_grant"),
        (
            lambda x: {
                "consumer_key": x.client_id,
                "privatekey": keys.private_pem("else"),
            },
            "invalid_grant",
        ),
    ],
)
def test_a_login_that_is_refused_says_why(place, how, code):
    """The org's own code arrives as the client's."""
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        connect(place, username=ADA, **how(place.org.logins))
    assert refused.value.code == code


def test_a_session_that_has_ended_is_opened_anew(place):
    """A client that knows how to log in goes on; one with a token only cannot."""
    sf = by_credentials(place)
    place.org.expire_sessions()
    assert sf.query("SELECT COUNT() FROM User")["totalSize"] == 5
    given = {"session_id": sf.session_id, "instance_url": place.org.url}
    direct = Salesforce(version=VERSION, **given)
    place.org.expire_sessions()
    with pytest.raises(SalesforceExpiredSession, match="INVALID_SESSION_ID"):
        direct.query("SELECT Id FROM User")
    for client in (sf, direct):
        client.session.close()


def test_an_org_says_whether_it_is_a_sandbox(sf, opened):
    """As the client asks for it."""
    assert sf.is_sandbox() is False
    sandbox = by_credentials(opened(is_sandbox=True))
    assert sandbox.is_sandbox() is True
    sandbox.session.close()


def test_objects_are_described(sf):
    """All of them together, and each by itself."""
    names = {each["name"] for each in sf.describe()["sobjects"]}
    assert {"Account", "Contact", "Everything__c"} <= names
    told = sf.Contact.describe()
    assert {"AccountId", "LastName"} <= {field["name"] for field in told["fields"]}
    assert sf.Contact.metadata()["objectDescribe"]["keyPrefix"] == "003"


def test_queries_are_read_to_their_end(place, sf):
    """Page after page, at once or one by one, by locator or by address."""
    place.org.short_pages(200)
    try:
        page = sf.query("SELECT Id FROM Contact")
        assert len(page["records"]) == 200
        assert page["totalSize"] == place.org.store.record_counts()["Contact"]
        path = page["nextRecordsUrl"]
        following = sf.query_more(path, identifier_is_url=True)
        assert sf.query_more(path.split("/")[-1]) == following
        found = sf.query_all("SELECT Id FROM Contact")
        lazily = [each["Id"] for each in sf.query_all_iter("SELECT Id FROM Contact")]
    finally:
        place.org.short_pages(None)
    ids = [each["Id"] for each in found["records"]]
    assert len(set(ids)) == len(ids) == page["totalSize"]
    assert sorted(lazily) == sorted(ids)


def test_queries_reach_parents_and_children(sf):
    """Records of a relationship come within their record."""
    soql = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account LIMIT 50"
    children = [
        child
        for account in sf.query(soql)["records"]
        if account["Contacts"]
        for child in account["Contacts"]["records"]
    ]
    assert children
    assert {child["attributes"]["type"] for child in children} == {"Contact"}
    soql = "SELECT Account.Name FROM Contact WHERE AccountId != null LIMIT 1"
    (contact,) = sf.query(soql)["records"]
    assert contact["Account"]["attributes"]["type"] == "Account"


def test_values_are_quoted_as_the_client_quotes_them(sf):
    """Whatever a text has in it, a query finds the record that has it."""
    name = 'O\'Neill \\ "Sons"\n100% _sure_'
    id_ = sf.Account.create({"Name": name.replace("\n", " ")})["id"]
    soql = "SELECT Id FROM Account WHERE Name = {} AND CreatedDate > {}"
    since = datetime.now(UTC) - timedelta(days=1)
    query = format_soql(soql, name.replace("\n", " "), since)
    assert [each["Id"] for each in sf.query(query)["records"]] == [id_]
    like = format_soql("SELECT Id FROM Account WHERE Name LIKE '%{:like}'", "% _sure_")
    assert [each["Id"] for each in sf.query(like)["records"]] == [id_]
    sf.Account.delete(id_)


def test_a_record_lives_and_dies(sf):
    """Created, read, changed, deleted, and still told of afterwards."""
    since = datetime.now(UTC) - timedelta(minutes=5)
    made = sf.Contact.create({"LastName": "Lovelace", "Email": "ada@example.com"})
    assert made["success"] is True
    id_ = made["id"]
    assert sf.Contact.get(id_)["Email"] == "ada@example.com"
    assert sf.Contact.update(id_, {"FirstName": "Ada"}) == 204
    assert sf.Contact.get(id_)["Name"] == "Ada Lovelace"
    until = datetime.now(UTC) + timedelta(minutes=5)
    assert id_ in sf.Contact.updated(since, until)["ids"]
    assert sf.Contact.delete(id_) == 204
    deleted = sf.Contact.deleted(since, until)["deletedRecords"]
    assert id_ in [each["id"] for each in deleted]
    soql = f"SELECT IsDeleted FROM Contact WHERE Id = '{id_}'"
    assert sf.query(soql)["totalSize"] == 0
    (record,) = sf.query(soql, include_deleted=True)["records"]
    assert record["IsDeleted"] is True


def test_a_record_is_found_by_its_external_id(sf):
    """Whatever is in it: the first time it is created, the next time changed."""
    place = format_external_id("External_Key__c", "K/1")
    assert sf.Everything__c.upsert(place, {"Name": "first"}) == 201
    again = sf.Everything__c.upsert(place, {"Name": "second"}, raw_response=True)
    assert again.status_code == 200
    found = sf.Everything__c.get_by_custom_id("External_Key__c", "K/1")
    assert found["Name"] == "second"
    assert found["Id"] == again.json()["id"]


def test_what_the_org_refuses_is_an_error_of_its_kind(sf):
    """By the answer's status, with the org's words within."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.query("SELECT Nothing FROM Account")
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD"
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.create({"FirstName": "Ada"})
    assert refused.value.content == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        }
    ]
    with pytest.raises(SalesforceResourceNotFound) as refused:
        sf.Contact.get("003000000000000AAA")
    assert refused.value.content[0]["errorCode"] == "NOT_FOUND"
    with pytest.raises(SalesforceResourceNotFound):
        sf.Nothing__c.describe()


def test_an_external_id_of_two_records_is_ambiguous(sf):
    """The client is told of both."""
    ids = [sf.Everything__c.create({"External_Number__c": 7})["id"] for _ in range(2)]
    with pytest.raises(SalesforceMoreThanOneRecord) as found:
        sf.Everything__c.get("External_Number__c/7")
    assert sorted(url[-18:] for url in found.value.content) == sorted(ids)


def test_limits_and_usage_are_told(sf):
    """The limits in an answer of their own, the usage beside every answer."""
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000
    usage = sf.api_usage["api-usage"]
    assert 0 < usage.used < usage.total == 100_000


def test_a_search_finds_records(sf):
    """Said in SOSL, or as a word alone."""
    id_ = sf.Account.create({"Name": "Zarquon Holdings"})["id"]
    sosl = "FIND {Zarquon} IN NAME FIELDS RETURNING Account(Id, Name)"
    (found,) = sf.search(sosl)["searchRecords"]
    assert (found["Id"], found["Name"]) == (id_, "Zarquon Holdings")
    assert id_ in [r["Id"] for r in sf.quick_search("Zarquon")["searchRecords"]]
    sf.Account.delete(id_)


def test_many_records_are_written_at_once(sf):
    """Collections over the client's general call, for good and for bad records."""
    records = [
        {"attributes": {"type": "Contact"}, "LastName": name} for name in ("A", "")
    ]
    made = sf.restful("composite/sobjects", method="POST", json={"records": records})
    assert [each["success"] for each in made] == [True, False]
    assert made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    params = {"ids": made[0]["id"], "allOrNone": "true"}
    (gone,) = sf.restful("composite/sobjects", params=params, method="DELETE")
    assert gone["success"] is True


def test_requests_are_composed(sf):
    """One request goes on with what another has made."""
    base = f"/services/data/v{VERSION}"
    steps = [
        {
            "method": "POST",
            "url": f"{base}/sobjects/Account",
            "referenceId": "account",
            "body": {"Name": "Composed"},
        },
        {
            "method": "GET",
            "url": f"{base}/sobjects/Account/@{{account.id}}?fields=Name",
            "referenceId": "read",
        },
    ]
    body = {"allOrNone": True, "compositeRequest": steps}
    told = sf.restful("composite", method="POST", json=body)["compositeResponse"]
    assert [each["httpStatusCode"] for each in told] == [201, 200]
    assert told[1]["body"]["Name"] == "Composed"
    viewed = sf.restful("recent", params={"limit": 1})
    assert viewed[0]["attributes"]["type"] == "Account"


def test_a_bulk_query_brings_every_record(sf, tmp_path):
    """In pages of a size of one's own, or into a file; deleted records too."""
    count = sf.query("SELECT COUNT() FROM Contact")["totalSize"]
    soql = "SELECT Id, LastName FROM Contact"
    bulk = sf.bulk2.Contact
    texts = list(bulk.query(soql, max_records=400, wait=0))
    assert [rows(text) for text in texts] == [400, 400, count - 800]
    files = bulk.download(soql, path=str(tmp_path), max_records=2000, wait=0)
    assert [each["number_of_records"] for each in files] == [count]
    sf.Contact.delete(sf.Contact.create({"LastName": "Gone"})["id"])
    assert sum(rows(text) for text in bulk.query_all(soql, wait=0)) > count
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_FIELD"):
        list(bulk.query("SELECT Nothing FROM Contact", wait=0))
