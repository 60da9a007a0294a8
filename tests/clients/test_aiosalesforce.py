"""aiosalesforce believes that the local org is Salesforce."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from aiosalesforce import Salesforce
from aiosalesforce.auth import Auth, ClientCredentialsFlow, JwtBearerFlow, SoapLogin
from aiosalesforce.exceptions import (
    AuthenticationError,
    MoreThanOneRecordError,
    NotFoundError,
    RequestLimitExceededError,
    SalesforceError,
)
from aiosalesforce.utils import format_soql
from tests import keys
from tests.clients.conftest import ADA, HOST, Place

from lht.devorg.faults import ServerTooBusy

Steps = Callable[[Salesforce], Awaitable[None]]


@pytest.fixture
def run(place):
    """Takes steps with a client that the org has let in."""

    def run_steps(
        steps: Steps, at: Place = place, auth: Auth | None = None, **options
    ) -> None:
        async def take() -> None:
            async with httpx.AsyncClient(proxy=at.proxy, timeout=60) as http:
                known = auth or ClientCredentialsFlow(
                    at.org.client_id, at.org.client_secret
                )
                client = Salesforce(http, f"https://{HOST}", known, **options)
                await steps(client)

        asyncio.run(take())

    return run_steps


def by_soap(logins, _) -> Auth:
    return SoapLogin(ADA, logins.password, logins.security_token)


def by_assertion(logins, folder) -> Auth:
    path = folder / "key.pem"
    path.write_text(keys.private_pem(passphrase="secret"))
    return JwtBearerFlow(logins.client_id, ADA, path, "secret")


def by_credentials(logins, _) -> Auth:
    return ClientCredentialsFlow(logins.client_id, logins.client_secret)


@pytest.mark.parametrize(
    ("how", "alias"),
    [(by_soap, "ada"), (by_assertion, "ada"), (by_credentials, "integration")],
)
def test_a_user_logs_in(run, place, tmp_path, how, alias):
    """By whichever way, records are that user's from then on."""

    async def steps(client: Salesforce) -> None:
        id_ = await client.sobject.create("Account", {"Name": "Mine"})
        soql = f"SELECT Owner.Alias FROM Account WHERE Id = '{id_}'"
        (record,) = [each async for each in client.query(soql)]
        assert record["Owner"]["Alias"] == alias[:8]
        await client.sobject.delete("Account", id_)

    run(steps, auth=how(place.org.logins, tmp_path))


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        (SoapLogin(ADA, "no", "no"), "INVALID_LOGIN"),
        (ClientCredentialsFlow("no", "no"), "invalid_client_id"),
    ],
)
def test_a_login_that_is_refused_says_why(run, auth, code):
    """The org's own code arrives as the client's."""

    async def steps(client: Salesforce) -> None:
        with pytest.raises(AuthenticationError) as refused:
            await client.get_limits()
        assert refused.value.error_code == code

    # Else the client tries again: SOAP says what it refuses as it does failures.
    run(steps, auth=auth, retry_policy=None)


def test_a_session_that_has_ended_is_opened_anew(run, place):
    """The client logs in again and goes on."""

    async def steps(client: Salesforce) -> None:
        await client.get_limits()
        place.org.expire_sessions()
        assert "DailyApiRequests" in await client.get_limits()

    run(steps)


def test_queries_are_read_to_their_end(run, place):
    """Page after page, with what is in the recycle bin where that is asked for."""
    place.org.short_pages(200)

    async def steps(client: Salesforce) -> None:
        soql = "SELECT Id FROM Contact"
        ids = [each["Id"] async for each in client.query(soql)]
        assert len(ids) == len(set(ids)) == place.org.store.record_counts()["Contact"]
        await client.sobject.delete(
            "Contact", await client.sobject.create("Contact", {"LastName": "Gone"})
        )
        everything = [
            each async for each in client.query(soql, include_all_records=True)
        ]
        assert len(everything) > len(ids)

    try:
        run(steps)
    finally:
        place.org.short_pages(None)


def test_queries_reach_children_and_quote_values(run):
    """As the client quotes them."""

    async def steps(client: Salesforce) -> None:
        name = 'O\'Neill \\ "Sons" 100%'
        account = await client.sobject.create("Account", {"Name": name})
        values = {"LastName": "Child", "AccountId": account}
        await client.sobject.create("Contact", values)
        soql = "SELECT Id, (SELECT LastName FROM Contacts) FROM Account WHERE Name = {}"
        (found,) = [each async for each in client.query(format_soql(soql, name))]
        assert [c["LastName"] for c in found["Contacts"]["records"]] == ["Child"]
        await client.sobject.delete("Account", account)

    run(steps)


def test_a_record_lives_and_dies(run):
    """Created, read, changed and deleted."""

    async def steps(client: Salesforce) -> None:
        values = {"LastName": "Lovelace"}
        id_ = await client.sobject.create("Contact", values)
        await client.sobject.update("Contact", id_, {"FirstName": "Ada"})
        found = await client.sobject.get("Contact", id_, fields=["Name"])
        assert found["Name"] == "Ada Lovelace"
        assert (await client.sobject.get("Contact", id_))["FirstName"] == "Ada"
        await client.sobject.delete("Contact", id_)
        with pytest.raises(NotFoundError):
            await client.sobject.get("Contact", id_)

    run(steps)


def test_a_record_is_found_by_its_external_id(run):
    """The first time it is created, the next time changed, and deleted by it."""
    key = ("Everything__c", "A-1", "External_Key__c")

    async def steps(client: Salesforce) -> None:
        first = await client.sobject.upsert(*key, {"Name": "first"})
        second = await client.sobject.upsert(
            *key, {"Name": "second", "External_Key__c": "A-1"}
        )
        assert (first.created, second.created) == (True, False)
        assert first.id == second.id
        assert (await client.sobject.get(*key))["Name"] == "second"
        await client.sobject.delete(*key)
        with pytest.raises(NotFoundError):
            await client.sobject.get(*key)

    run(steps)


def test_what_the_org_refuses_is_an_error_of_its_kind(run):
    """With the org's code and words."""

    async def steps(client: Salesforce) -> None:
        with pytest.raises(SalesforceError) as refused:
            await client.sobject.create("Contact", {})
        assert refused.value.error_code == "REQUIRED_FIELD_MISSING"
        with pytest.raises(SalesforceError, match="No such column 'Nothing'"):
            _ = [each async for each in client.query("SELECT Nothing FROM Account")]
        for _ in range(2):
            await client.sobject.create("Everything__c", {"External_Number__c": 8})
        with pytest.raises(MoreThanOneRecordError):
            await client.sobject.get("Everything__c", "8", "External_Number__c")

    run(steps)


def test_a_limit_that_is_reached_is_told_as_such(run, opened):
    """And not as a fault of the request."""

    async def steps(client: Salesforce) -> None:
        await client.get_limits()
        with pytest.raises(RequestLimitExceededError):
            await client.get_limits()

    run(steps, at=opened(api_usage_limit=1), retry_policy=None)


def test_a_fault_of_the_org_is_tried_again(run, opened):
    """Until it goes away, or the client gives up."""
    place = opened()
    place.org.faults.add(ServerTooBusy(path="/limits", times=1))

    async def steps(client: Salesforce) -> None:
        assert "DailyApiRequests" in await client.get_limits()

    run(steps, at=place)
    asked = [(each.path[-7:], each.status) for each in place.org.requests.entries()]
    assert asked[1:] == [("/limits", 503), ("/limits", 200)]


def test_requests_are_composed(run):
    """One goes on with what another has made; all are undone where one fails."""

    async def steps(client: Salesforce) -> None:
        async with client.composite(all_or_none=True) as composed:
            account = composed.sobject.create("Account", {"Name": "Composed"})
            contact = composed.sobject.create(
                "Contact", {"LastName": "C", "AccountId": str(account.reference.id)}
            )
            read = composed.sobject.get("Contact", str(contact.reference.id))
            listed = composed.query("SELECT Id FROM Account LIMIT 3")
            changed = composed.sobject.upsert(
                "Everything__c", "C-1", "External_Key__c", {"Name": "C"}
            )
            gone = composed.sobject.delete("Contact", str(contact.reference.id))
        assert read.record["AccountId"] == account.id
        assert len(listed.records) == 3
        assert changed.created
        assert gone.status_code == 204
        async with client.composite(all_or_none=True) as undone:
            undone.sobject.create("Account", {"Name": "Undone"})
            undone.sobject.create("Contact", {})
        soql = "SELECT Id FROM Account WHERE Name = 'Undone'"
        assert not [each async for each in client.query(soql)]

    run(steps)


def test_requests_are_sent_in_a_batch(run):
    """Each has an answer of its own."""

    async def steps(client: Salesforce) -> None:
        async with client.composite.batch() as batch:
            listed = batch.query("SELECT Id FROM Account LIMIT 2")
            made = batch.sobject.create("Account", {"Name": "Batched"})
            refused = batch.sobject.create("Contact", {})
            changed = batch.sobject.upsert(
                "Everything__c", "B-1", "External_Key__c", {"Name": "B"}
            )
        assert len(listed.records) == 2
        found = await client.sobject.get("Account", made.id, fields=["Name"])
        assert found["Name"] == "Batched"
        assert changed.created
        with pytest.raises(SalesforceError, match="LastName"):
            _ = refused.id

    run(steps)
