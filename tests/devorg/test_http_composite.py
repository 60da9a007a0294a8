"""Several requests in one: composite, graphs, batches and trees of records."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from tests.devorg.calling import BASE, Caller, calling

ROLLED_BACK = (
    "The transaction was rolled back since another operation in the same transaction"
    " failed."
)


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


def sub(method: str, url: str, name: str, body: Any = None, **more: Any) -> Any:
    """Return a sub-request; *url* is below the version, or begins at /services."""
    url = url if url.startswith("/services") else BASE + url
    given = {"method": method, "url": url, "referenceId": name, **more}
    return given if body is None else given | {"body": body}


def make(name: str, reference: str, **values: Any) -> Any:
    return sub("POST", "/sobjects/Account", reference, {"Name": name, **values})


def composite(api: Caller, *requests: Any, base: str = BASE, **more: Any) -> list[Any]:
    body = {"compositeRequest": list(requests)} | more
    found = api.post(f"{base}/composite", body)
    assert found.status_code == 200, found.text
    answers: list[Any] = found.json()["compositeResponse"]
    assert [a["referenceId"] for a in answers] == [r["referenceId"] for r in requests]
    return answers


def statuses(answers: list[Any]) -> list[int]:
    return [answer["httpStatusCode"] for answer in answers]


def named(api: Caller, name: str) -> int:
    found = api.query(f"SELECT COUNT() FROM Account WHERE Name = '{name}'")
    return int(found["totalSize"])


@pytest.mark.parametrize("whole", [False, True])
def test_later_requests_refer_to_earlier_answers(api: Caller, whole: bool):
    """In paths, queries and bodies; values keep their types; what is made is seen."""
    account, contact, seen, queried, changed, again, gone = composite(
        api,
        make("Chain", "one", NumberOfEmployees=7, BillingCity="São Paulo & more"),
        sub("POST", "/sobjects/Contact", "two",
            {"LastName": "Of @{one.id}", "AccountId": "@{one.id}"}),
        sub("GET", "/sobjects/Account/@{one.id}", "row"),
        sub("GET", "/query?q=SELECT Id, Account.Name FROM Contact"
            " WHERE AccountId = '@{one.id}'", "found"),
        sub("PATCH", "/sobjects/Contact/@{found.records[0].Id}", "change",
            {"Title": "@{row.NumberOfEmployees}", "FirstName":
             "@{row.BillingAddress.city}", "Email": "@{row.Phone}"}),
        sub("GET", "/sobjects/Contact/@{two.id}?fields=FirstName,Title,Email", "again"),
        sub("DELETE", "/sobjects/Account/@{one.id}", "gone"),
        allOrNone=whole,
    )  # fmt: skip
    id_ = account["body"]["id"]
    assert account == {
        "body": {"id": id_, "success": True, "errors": []},
        "httpHeaders": {"Location": f"{BASE}/sobjects/Account/{id_}"},
        "httpStatusCode": 201,
        "referenceId": "one",
    }
    assert contact["httpStatusCode"] == 201
    assert seen["body"]["Id"] == id_
    assert queried["body"]["records"][0]["Account"]["Name"] == "Chain"
    assert (changed["httpStatusCode"], changed["body"]) == (204, None)
    assert again["body"]["FirstName"] == "São Paulo & more"
    assert (again["body"]["Title"], again["body"]["Email"]) == ("7", None)
    assert gone["httpStatusCode"] == 204
    assert api.get(f"/sobjects/Account/{id_}").status_code == 404


def test_references_may_be_encoded(api: Caller):
    """With all the rest of an address."""
    account, found = composite(
        api,
        make("Encoded", "a"),
        sub("GET", "/query?" + urlencode(
            {"q": "SELECT Name FROM Account WHERE Id = '@{a.id}'"}), "q"),
    )  # fmt: skip
    assert account["httpStatusCode"] == 201
    assert found["body"]["records"][0]["Name"] == "Encoded"


def test_what_depends_on_a_failure_is_not_done(api: Caller):
    """The rest is; the message says which value is missing."""
    answers = composite(
        api,
        sub("POST", "/sobjects/Account", "bad", {}),
        sub("POST", "/sobjects/Contact", "child",
            {"LastName": "x", "AccountId": "@{bad.id}"}),
        make("Independent", "good"),
        sub("GET", "/sobjects/Account/@{good.Id}", "case"),
    )  # fmt: skip
    assert statuses(answers) == [400, 400, 201, 400]
    assert answers[0]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert answers[1]["body"] == [
        {
            "message": "Invalid reference specified. No value for bad.id found in bad.",
            "errorCode": "PROCESSING_HALTED",
        }
    ]
    assert "No value for good.Id" in answers[3]["body"][0]["message"]


def test_all_or_none_takes_everything_back(api: Caller):
    """The guilty one says why; all others, before and after it, were rolled back."""
    answers = composite(
        api,
        make("Gone again", "a"),
        sub("GET", "/query?q=SELECT Id FROM Account WHERE Name = 'Gone again'", "q"),
        sub("POST", "/sobjects/Account", "b", {"Name": "x", "Nope__c": 1}),
        make("Gone again", "c"),
        allOrNone=True,
    )
    assert statuses(answers) == [400] * 4
    assert answers[2]["body"][0]["errorCode"] == "INVALID_FIELD"
    for at in (0, 1, 3):
        assert answers[at]["body"] == [
            {"errorCode": "PROCESSING_HALTED", "message": ROLLED_BACK}
        ]
    assert named(api, "Gone again") == 0


@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("inner", [False, True])
def test_all_or_none_of_a_collection_inside(api: Caller, outer: bool, inner: bool):
    """The composite's word counts more; without it the collection has its own."""
    name = f"Inside {outer} {inner}"
    rows = [{"attributes": {"type": "Account"}, "Name": name}, {"Name": "untyped"}]
    answers = composite(
        api,
        make(name, "before"),
        sub("POST", "/composite/sobjects", "rows",
            {"records": rows, "allOrNone": inner}),
        allOrNone=outer,
    )  # fmt: skip
    done, failed = answers[1]["body"]
    assert failed["success"] is False
    assert done["success"] is not (outer or inner)
    assert statuses(answers) == [400 if outer else 201, 200]
    assert named(api, name) == {(False, False): 2, (False, True): 1}.get(
        (outer, inner), 0
    )


def test_a_null_is_a_value_from_v52_on(api: Caller):
    """Earlier versions say that there is no value."""
    id_ = api.org.insert("Account", {"Name": "No phone"})
    for version, status in (("51.0", 400), ("52.0", 204)):
        base = f"/services/data/v{version}"
        url = f"{base}/sobjects/Account/{id_}"
        requests = (
            sub("GET", f"{url}?fields=Phone", "a"),
            sub("PATCH", url, "b", {"Fax": "@{a.Phone}"}),
        )
        assert statuses(composite(api, *requests, base=base)) == [200, status]


def test_reference_ids_are_words_from_v52_on(api: Caller):
    request = make("Strange id", "a[1]")
    old = composite(api, request, base="/services/data/v51.0")
    assert statuses(old) == [201]
    found = api.post("/composite", {"compositeRequest": [request]})
    text = (
        "Provided referenceId ('a[1]') must start with a letter or a number, and it can"
        " contain only letters, numbers and underscores ('_')."
    )
    assert api.error(found) == (400, "JSON_PARSER_ERROR", text)


def test_headers_go_with_a_subrequest(api: Caller):
    """An unchanged describe is 304 with its validators, as in the recording."""
    first = api.get("/sobjects").headers["last-modified"]
    (answer,) = composite(
        api,
        sub("GET", "/sobjects", "x", httpHeaders={"If-Modified-Since": first}),
    )
    assert (answer["httpStatusCode"], answer["body"]) == (304, None)
    assert list(answer["httpHeaders"]) == ["ETag", "Last-Modified"]
    wrong = sub("GET", "/sobjects", "x", httpHeaders={"accept": "application/xml"})
    assert api.post("/composite", {"compositeRequest": [wrong]}).status_code == 400


@pytest.mark.parametrize(
    "url", ["/limits", "/jobs/query", "/composite", "/services/oauth2/userinfo",
            "/services/data", "/devorg/admin/clock", "/sobjectsX"]
)  # fmt: skip
def test_only_records_and_queries_can_be_composed(api: Caller, url: str):
    (answer,) = composite(api, sub("GET", url, "x"))
    assert answer["httpStatusCode"] == 404


def test_files_cannot_be_composed(api: Caller):
    account = api.org.insert("Account", {"Name": "With file"})
    values = {"Name": "a", "ParentId": account, "Body": b"\x00"}
    id_ = api.org.insert("Attachment", values)
    (answer,) = composite(api, sub("GET", f"/sobjects/Attachment/{id_}/Body", "x"))
    assert answer["httpStatusCode"] == 404


def test_a_composite_has_five_queries_at_most(api: Caller):
    request = sub("GET", "/query?q=SELECT Id FROM User", "x")
    for count, status in ((5, 200), (6, 400)):
        found = api.post("/composite", {"compositeRequest": [request] * count})
        assert found.status_code == status


def test_the_composite_resources_are_listed(api: Caller):
    assert api.get("/composite/").json() == {
        name: f"{BASE}/composite/{name}"
        for name in ("tree", "batch", "sobjects", "graph")
    }


def test_one_composite_is_one_call(api: Caller):
    def used() -> int:
        usage = api.get("/limits").headers["sforce-limit-info"]
        return int(usage.partition("=")[2].partition("/")[0])

    before = used()
    composite(api, *(make("Counted", f"r{at}") for at in range(4)))
    assert used() == before + 2
    body = {"batchRequests": [{"method": "GET", "url": "v62.0/limits"}] * 4}
    api.post("/composite/batch", body)
    assert used() == before + 2 + 4 + 1


def graph(name: str, *requests: Any) -> Any:
    return {"graphId": name, "compositeRequest": list(requests)}


def test_each_graph_is_done_whole_or_not_at_all(api: Caller):
    found = api.post(
        "/composite/graph",
        {
            "graphs": [
                graph("1", make("Graph one", "a"),
                      sub("POST", "/sobjects/Contact", "b",
                          {"LastName": "x", "AccountId": "@{a.id}"})),
                graph("2", make("Graph two", "a"), sub("POST", "/sobjects/Account",
                                                       "b", {})),
            ]
        },
    )  # fmt: skip
    one, two = found.json()["graphs"]
    assert list(one) == ["graphId", "graphResponse", "isSuccessful"]
    assert (one["graphId"], one["isSuccessful"]) == ("1", True)
    assert statuses(one["graphResponse"]["compositeResponse"]) == [201, 201]
    assert (two["graphId"], two["isSuccessful"]) == ("2", False)
    assert (named(api, "Graph one"), named(api, "Graph two")) == (1, 0)
    many = {"graphs": [graph(str(n), make("x", "a")) for n in range(76)]}
    assert api.post("/composite/graph", many).status_code == 400


def test_after_fourteen_failed_graphs_the_rest_is_halted(api: Caller):
    bad = sub("POST", "/sobjects/Account", "a", {})
    graphs = [graph(str(n), bad) for n in range(14)]
    body = {"graphs": [*graphs, graph("last", make("Never", "a"))]}
    results = api.post("/composite/graph", body).json()["graphs"]
    (answer,) = results[-1]["graphResponse"]["compositeResponse"]
    assert answer["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert named(api, "Never") == 0


def batch(api: Caller, *requests: tuple[str, str, Any], **more: Any) -> Any:
    given = [
        {"method": method, "url": url} | ({"richInput": body} if body else {})
        for method, url, body in requests
    ]
    found = api.post("/composite/batch", {"batchRequests": given, **more})
    assert found.status_code == 200, found.text
    return found.json()


def test_a_batch_is_one_request_after_the_other(api: Caller):
    """Each sees what those before it did, and none is undone."""
    id_ = api.org.insert("Account", {"Name": "Old"})
    path = f"v62.0/sobjects/account/{id_}"
    found = batch(
        api, ("PATCH", path, {"Name": "New"}), ("GET", f"{path}?fields=Name", None)
    )
    assert found == {
        "hasErrors": False,
        "results": [
            {"statusCode": 204, "result": None},
            {
                "statusCode": 200,
                "result": {
                    "attributes": {
                        "type": "Account",
                        "url": f"{BASE}/sobjects/Account/{id_}",
                    },
                    "Name": "New",
                    "Id": id_,
                },
            },
        ],
    }


@pytest.mark.parametrize(("halt", "last"), [(False, 201), (True, 412)])
def test_a_batch_can_halt_on_errors(api: Caller, halt: bool, last: int):
    make_one = ("POST", "v62.0/sobjects/Account", {"Name": f"Halt {halt}"})
    bad = ("GET", "/services/data/v61.0/query?q=nonsense", None)
    found = batch(api, make_one, bad, make_one, haltOnError=halt)
    assert found["hasErrors"] is True
    assert [r["statusCode"] for r in found["results"]] == [201, 400, last]
    assert named(api, f"Halt {halt}") == (1 if halt else 2)
    if halt:
        assert (
            found["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
        )


@pytest.mark.parametrize(
    "url", ["v63.0/limits", "limits", "/services/oauth2/token", "/devorg/admin/clock"]
)
def test_a_batch_refuses_other_urls(api: Caller, url: str):
    """Also those of a later version than its own."""
    body = {"batchRequests": [{"method": "GET", "url": url}]}
    assert api.post("/composite/batch", body).status_code == 400


def test_a_batch_has_twenty_five_requests_at_most(api: Caller):
    body = {"batchRequests": [{"method": "GET", "url": "v62.0/limits"}] * 26}
    assert api.error(api.post("/composite/batch", body))[:2] == (400, "LIMIT_EXCEEDED")


def row(kind: str, reference: str, /, **values: Any) -> Any:
    return {"attributes": {"type": kind, "referenceId": reference}, **values}


def test_a_tree_is_created_level_by_level(api: Caller):
    """Roots first; every record is told by its reference id."""
    contact = row("Contact", "c", lastname="Smith", email="smith@example.com")
    case = row("Case", "d", Subject="Deep")
    contact["Cases"] = {"records": [case]}
    account = row("Account", "a", name="Tree", Contacts={"records": [contact]})
    body = {"records": [account, row("Account", "b", Name="Other")]}
    found = api.post("/composite/tree/Account", body)
    assert found.status_code == 201, found.text
    results = found.json()
    assert results["hasErrors"] is False
    assert [r["referenceId"] for r in results["results"]] == ["a", "b", "c", "d"]
    ids = {r["referenceId"]: r["id"] for r in results["results"]}
    (child,) = api.records("SELECT Id, ContactId FROM Case WHERE Subject = 'Deep'")
    assert (child["Id"], child["ContactId"]) == (ids["d"], ids["c"])
    (middle,) = api.records(f"SELECT AccountId FROM Contact WHERE Id = '{ids['c']}'")
    assert middle["AccountId"] == ids["a"]


def test_a_tree_with_a_mistake_is_not_created(api: Caller):
    """The answer holds the wrong record only, with what is wrong."""
    contact = row("Contact", "ref2", LastName="x", Email="123")
    account = row("Account", "ref1", Name="Felled", Contacts={"records": [contact]})
    found = api.post("/composite/tree/Account", {"records": [account]})
    assert found.status_code == 400
    assert found.json() == {
        "hasErrors": True,
        "results": [
            {
                "referenceId": "ref2",
                "errors": [
                    {
                        "statusCode": "INVALID_EMAIL_ADDRESS",
                        "message": "Email: invalid email address: 123",
                        "fields": ["Email"],
                    }
                ],
            }
        ],
    }
    assert named(api, "Felled") == 0


def nested(levels: int) -> Any:
    """Return a chain of accounts, each the parent of the next."""
    account = row("Account", f"r{levels}", Name="Chain of accounts")
    if levels > 1:
        account["ChildAccounts"] = {"records": [nested(levels - 1)]}
    return account


@pytest.mark.parametrize(
    ("records", "status"),
    [
        ([nested(5)], 201),
        ([nested(6)], 400),
        ([row("Account", f"r{n}", Name="x") for n in range(201)], 400),
        ([row("Account", "a", Name="x")] * 2, 400),
        ([row("Contact", "a", LastName="x")], 400),
        ([{"Name": "x"}], 403),
        ([row("Account", "a", Name="x", Contacts={"records": 3})], 400),
        ([row("Account", "a", Name="x", Contacts={"records": [3]})], 400),
        ([row("Account", "a", Name="x", Nobody={"records": []})], 400),
    ],
)  # fmt: skip
def test_trees_have_limits(api: Caller, records: Any, status: int):
    found = api.post("/composite/tree/Account", {"records": records})
    assert found.status_code == status, found.text


def test_reference_ids_of_a_tree_are_unique(api: Caller):
    records = [row("Account", "same", Name="x")] * 2
    found = api.post("/composite/tree/Account", {"records": records}).json()
    (error,) = found["results"][1]["errors"]
    assert len(found["results"]) == 2
    assert error == {
        "statusCode": "INVALID_INPUT",
        "message": "Duplicate ReferenceId provided in the request.",
        "fields": [],
    }


def exchanges(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the bodies of requests and answers of recorded composites."""
    for interaction in yaml.safe_load(path.read_text())["interactions"]:
        request = interaction["request"]
        if request["uri"].endswith("/composite"):
            answer = interaction["response"]["body"]["string"]
            yield json.loads(request["body"]), json.loads(answer)


@pytest.mark.parametrize(
    "name",
    [
        "ManualEditTestCompositeParallelSalesforce.test_http_headers",
        "TestCompositeParallelSalesforce.test_composite_parallel_salesforce",
        "TestCompositeParallelSalesforce.test_reference_ids",
        "TestCountSObjects.test_count_sobjects_simple",
    ],
)
def test_recorded_composites_get_answers_of_the_recorded_form(
    api: Caller, recorded: Path, name: str
):
    """The same keys in the same order, also in the headers and bodies inside."""
    for body, expected in exchanges(recorded / "http" / "cumulusci" / f"{name}.yaml"):
        text = json.dumps(body).replace("vxx.0", "v62.0").replace("2020", "2040")
        found = api.post("/composite", json.loads(text)).json()
        pairs = zip(
            found["compositeResponse"], expected["compositeResponse"], strict=True
        )
        for answer, known in pairs:
            assert list(answer) == list(known)
            assert answer["httpStatusCode"] == known["httpStatusCode"]
            assert set(answer["httpHeaders"]) == set(known["httpHeaders"])
            assert list(answer["body"] or ()) == list(known["body"] or ())


def test_composites_at_once_do_not_meet(api: Caller):
    """Each is a transaction of its own: what one does, no other one sees or undoes."""

    def run(number: int) -> list[int]:
        fails = number % 2 == 1
        url = f"/query?q=SELECT Id FROM Account WHERE Name LIKE 'At once {number}.%25'"
        first, second = (make(f"At once {number}.{at}", f"r{at}") for at in (0, 1))
        last = sub("POST", "/sobjects/Account", "end", {} if fails else {"Name": "x"})
        answers = composite(api, first, second, sub("GET", url, "seen"), last,
                            allOrNone=True)  # fmt: skip
        if not fails:
            assert answers[2]["body"]["totalSize"] == 2
        return statuses(answers)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, range(12)))
    assert found == [[201, 201, 200, 201], [400] * 4] * 6
    count = api.query("SELECT COUNT() FROM Account WHERE Name LIKE 'At once%'")
    assert count["totalSize"] == 12


def test_sums_inside_a_composite_are_those_of_its_own_records(api: Caller):
    """A parent read before the end has the sums of children made before."""
    answers = composite(
        api,
        sub("POST", "/sobjects/Invoice__c", "invoice", {}),
        sub("POST", "/sobjects/Invoice_Line__c", "line",
            {"Invoice__c": "@{invoice.id}", "Amount__c": 12.5}),
        sub("GET", "/sobjects/Invoice__c/@{invoice.id}?fields=Total__c", "read"),
        sub("DELETE", "/sobjects/Invoice_Line__c/@{line.id}", "gone"),
        sub("GET", "/sobjects/Invoice__c/@{invoice.id}?fields=Total__c", "again"),
        allOrNone=True,
    )  # fmt: skip
    assert statuses(answers) == [201, 201, 200, 204, 200]
    assert answers[2]["body"]["Total__c"] == 12.5
    assert answers[4]["body"]["Total__c"] == 0.0


def test_a_composite_becomes_visible_late_as_a_whole():
    with calling(visible_delay=0.3) as api:
        answers = composite(api, make("Late", "a"), make("Late", "b"), allOrNone=True)
        assert statuses(answers) == [201, 201]
        counts = {named(api, "Late")}
        while 2 not in counts:
            api.pause()
            counts.add(named(api, "Late"))
        assert counts <= {0, 2}
