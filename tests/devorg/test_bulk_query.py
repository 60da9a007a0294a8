"""Bulk API 2.0 query jobs: refusals, states, pages, and what is on them."""

import csv
import gzip
import io
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.devorg.calling import Caller, calling

ROWS = 1_250
PAGE = 100
BRIEF = [
    "id",
    "operation",
    "object",
    "createdById",
    "createdDate",
    "systemModstamp",
    "state",
    "concurrencyMode",
    "contentType",
    "apiVersion",
    "lineEnding",
    "columnDelimiter",
]
LISTED = [*BRIEF[:-2], "jobType", *BRIEF[-2:]]


@pytest.fixture(scope="module")
def api() -> Iterator[Caller]:
    rows = {"Account": ROWS, "Everything__c": 300}
    with calling(rows=rows, bulk_page_rows=PAGE) as caller:
        yield caller


@pytest.fixture(scope="module")
def done(api: Caller) -> Any:
    """A finished job over all accounts."""
    return api.finished("SELECT Id, Name, Description FROM Account")


def results(api: Caller, job: Any, **params: Any) -> Any:
    found = api.get(f"/jobs/query/{job['id']}/results", **params)
    assert found.status_code == 200, found.text
    return found


def parsed(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def pages(api: Caller, job: Any, **params: Any) -> Iterator[list[list[str]]]:
    """Follow the locators; yield each page's rows without the header."""
    locator: dict[str, str] = {}
    while True:
        found = results(api, job, **locator, **params)
        header, *rows = parsed(found.text)
        assert header[0] == "Id"
        assert found.headers["sforce-numberofrecords"] == str(len(rows))
        yield rows
        if found.headers["sforce-locator"] == "null":
            return
        locator = {"locator": found.headers["sforce-locator"]}


def accounts(api: Caller) -> list[tuple[str, str, str]]:
    with closing(api.org.store.cursor()) as db:
        sql = (
            'SELECT "Id", "Name", coalesce("Description", \'\') FROM "Account" '
            'WHERE NOT "IsDeleted" ORDER BY "Id"'
        )
        return db.execute(sql).fetchall()


def test_a_job_from_its_creation_to_its_end(api: Caller, recorded: Path):
    """Keys and their order are those of the recorded lifecycle."""
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    created = api.post("/jobs/query", body)
    assert created.status_code == 200
    job = created.json()
    assert list(job) == BRIEF
    assert job["state"] == "UploadComplete"
    assert job["object"] == "Account"
    assert '"apiVersion":62.0' in created.text
    status = api.finished("SELECT Id FROM Account")
    assert status["state"] == "JobComplete"
    assert status["numberRecordsProcessed"] == ROWS
    path = recorded / "bulk2" / "console_query.jsonl"
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    known = [step["body"] for step in steps if step["kind"] == "json"]
    assert list(known[0]) == BRIEF
    assert list(status) == [*known[-1], "isPkChunkingSupported"]


def test_every_row_arrives_once(api: Caller, done: Any):
    found = list(pages(api, done))
    assert [len(page) for page in found] == [PAGE] * 12 + [50]
    rows = sorted(tuple(row) for page in found for row in page)
    assert rows == accounts(api)


@pytest.mark.parametrize("size", [1, 7, 99, 100, 101, 640, 5000])
def test_any_page_size_may_be_asked_for(api: Caller, size: int):
    """Pages may be shorter than asked, never longer, and nothing is lost or doubled."""
    job = api.finished("SELECT Id, Name, Description FROM Account LIMIT 250")
    found = list(pages(api, job, maxRecords=size))
    assert all(0 < len(page) <= size for page in found)
    ids = [row[0] for page in found for row in page]
    assert len(ids) == len(set(ids)) == 250
    plain = {row[0]: tuple(row) for page in pages(api, job) for row in page}
    assert {row[0]: tuple(row) for page in found for row in page} == plain


def test_a_locator_can_be_used_again(api: Caller, done: Any):
    locator = results(api, done).headers["sforce-locator"]
    assert locator == "MTAw"  # what an offset of 100 looks like
    bodies = {results(api, done, locator=locator).content for _ in range(3)}
    assert len(bodies) == 1


def test_pages_in_parallel(api: Caller, done: Any):
    """Five URLs at a time until done, each with a locator; together they are all."""
    listing = api.get(f"/jobs/query/{done['id']}/resultPages").json()
    urls = [page["resultUrl"] for page in listing["resultPages"]]
    assert list(listing) == ["resultPages", "nextRecordsUrl", "done"]
    while not listing["done"]:
        assert len(listing["resultPages"]) == 5
        assert "/resultpages?locator=" in listing["nextRecordsUrl"]
        listing = api.get(listing["nextRecordsUrl"]).json()
        urls += [page["resultUrl"] for page in listing["resultPages"]]
    assert list(listing) == ["resultPages", "done"]
    assert all("/results?locator=" in url for url in urls)
    assert len(urls) == 13
    rows = [tuple(row) for url in urls for row in parsed(api.get(url).text)[1:]]
    assert sorted(rows) == accounts(api)
    path = f"/services/data/v57.0/jobs/query/{done['id']}/resultPages"
    assert api.get(path).status_code == 404


def test_gzip_only_for_those_who_take_it(api: Caller, done: Any):
    url = f"/jobs/query/{done['id']}/results"
    with api.http.stream(
        "GET", f"/services/data/v62.0{url}", headers={"Accept-Encoding": "gzip"}
    ) as found:
        assert found.headers["content-encoding"] == "gzip"
        packed = b"".join(found.iter_raw())
    plain = api.call("GET", url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"] == "text/csv; charset=UTF-8"
    assert gzip.decompress(packed) == plain.content
    params = {"maxRecords": 3}
    parts = [
        api.call("GET", url, params=params, headers={"Accept-Encoding": encoding}).text
        for encoding in ("gzip", "identity")
    ]
    assert parts[0] == parts[1]


def test_no_rows_are_a_header(api: Caller):
    job = api.finished("SELECT Id, Owner.Name FROM Account WHERE Name = 'no such'")
    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 0)
    found = results(api, job)
    assert found.text == '"Id","Owner.Name"\n'
    assert found.headers["sforce-numberofrecords"] == "0"
    assert found.headers["sforce-locator"] == "null"
    listing = api.get(f"/jobs/query/{job['id']}/resultPages").json()
    assert (len(listing["resultPages"]), listing["done"]) == (1, True)


@pytest.mark.parametrize(
    ("name", "character"),
    [("TAB", "\t"), ("PIPE", "|"), ("SEMICOLON", ";"), ("CARET", "^"), ("COMMA", ",")],
)
@pytest.mark.parametrize(("ending", "newline"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_dialects(api: Caller, name: str, character: str, ending: str, newline: str):
    """Delimiter and line ending are as asked; line breaks in values are untouched."""
    soql = "SELECT Id, Text__c FROM Everything__c"
    job = api.finished(soql, columnDelimiter=name, lineEnding=ending)
    texts = [results(api, job, **at).text for at in ({}, {"locator": "MTAw"})]
    for text in texts:
        assert text.startswith(f'"Id"{character}"Text__c"{newline}"a0E')
        assert text.endswith(f'"{newline}')
    rows = [row for text in texts for row in parsed(text, character)[1:]]
    stored = {record["Id"]: record["Text__c"] or "" for record in api.records(soql)}
    assert rows == [[id_, stored[id_]] for id_, _ in rows]
    assert any("\n" in value for _, value in rows)


def test_all_types_say_the_same_as_rest(api: Caller):
    """Formulas, doubles, times: the CSV text is the JSON value's, but for its form."""
    sobject = api.org.store.metadata.by_name["everything__c"]
    names = [field.name for field in sobject.fields if field.bulk]
    soql = f"SELECT {', '.join(names)} FROM Everything__c"
    job = api.finished(soql)
    rows = {row[0]: row for page in pages(api, job) for row in page}
    records = api.records(soql)
    assert len(records) == len(rows) == 300
    for record in records:
        wanted = [as_csv(record[name]) for name in names]
        assert [as_csv(v) for v in map(number, rows[record["Id"]])] == [
            as_csv(v) for v in map(number, wanted)
        ]


def as_csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("+0000", "Z") if isinstance(value, str) else repr(value)


def number(text: str) -> Any:
    """Read what looks like a number as one; everything else stays text."""
    try:
        return float(text)
    except ValueError:
        return text


def test_deleted_records_come_with_query_all():
    with calling(rows={"Account": 5}) as api:
        id_ = api.records("SELECT Id FROM Account LIMIT 1")[0]["Id"]
        api.org.delete(id_)
        soql = "SELECT Id, IsDeleted FROM Account"
        live = next(pages(api, api.finished(soql)))
        everything = next(pages(api, api.finished(soql, operation="queryAll")))
        assert len(live) == 4
        assert [id_, "true"] in everything
        assert len(everything) == 5


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        (
            "SELECT Id, BillingAddress FROM Account",
            "API_ERROR",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content ",
        ),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY Name",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk Query",
        ),
        (
            "SELECT COUNT() FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk Query",
        ),
        (
            "SELECT Id FROM CaseStatus",
            "INVALIDENTITY",
            "Entity 'CaseStatus' is not supported by the Bulk API.",
        ),
        ("SELECT Id FROM Account OFFSET 3", "API_ERROR", "OFFSET is not supported"),
        ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("nonsense", "MALFORMED_QUERY", "unexpected token"),
        ("", "API_ERROR", "Query is required"),
    ],
)
def test_what_bulk_refuses_it_refuses_at_once(
    api: Caller, soql: str, code: str, message: str
):
    found = api.post("/jobs/query", {"operation": "query", "query": soql})
    assert list(found.json()[0]) == ["errorCode", "message"]
    status, found_code, text = api.error(found)
    assert (status, found_code) == (400, code)
    assert message in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "insert"},
        {"operation": None},
        {"contentType": "JSON"},
        {"columnDelimiter": "SPACE"},
        {"lineEnding": "CR"},
        {"query": 3},
    ],
)
def test_wrong_jobs_are_refused(api: Caller, wrong: dict[str, Any]):
    body = {"operation": "query", "query": "SELECT Id FROM Account"} | wrong
    assert api.post("/jobs/query", body).status_code == 400


def test_files_fail_the_job(api: Caller):
    job = api.finished("SELECT Id, Body FROM Attachment")
    assert job["state"] == "Failed"
    assert "Cannot serialize value for 'Body' in CSV format" in job["errorMessage"]
    found = api.get(f"/jobs/query/{job['id']}/results")
    assert api.error(found)[:2] == (400, "INVALIDJOBSTATE")


def test_another_version_conflicts(api: Caller, done: Any):
    """The job may be looked at, its results not read."""
    other = f"/services/data/v61.0/jobs/query/{done['id']}"
    assert api.get(other).status_code == 200
    assert api.get(f"{other}/results").status_code == 409
    assert api.get(f"{other}/resultPages").status_code == 409


@pytest.mark.parametrize(
    "params",
    [
        {"locator": "!!"},
        {"locator": "OTk5OTk5"},
        {"maxRecords": "0"},
        {"maxRecords": "many"},
    ],
)
def test_nonsense_about_pages_is_refused(
    api: Caller, done: Any, params: dict[str, str]
):
    found = api.get(f"/jobs/query/{done['id']}/results", **params)
    assert api.error(found)[:2] == (400, "API_ERROR")


def test_states_take_their_time():
    """A job is under way first; its results, its deletion and its end all wait."""
    with calling(rows={"Account": 3}, job_delay=0.3) as api:
        id_ = api.job("SELECT Id FROM Account")
        path = f"/jobs/query/{id_}"
        assert api.get(path).json()["state"] in {"UploadComplete", "InProgress"}
        assert api.get(path).json()["numberRecordsProcessed"] == 0
        early = api.get(f"{path}/results")
        assert api.error(early)[:2] == (400, "INVALIDJOBSTATE")
        assert api.error(api.call("DELETE", path)) == (
            400,
            "API_ERROR",
            "Error encountered when deleting the job because the job is not terminated",
        )
        while api.get(path).json()["state"] != "JobComplete":
            api.pause()
        assert api.get(f"{path}/results").status_code == 200


def test_a_job_can_be_aborted_while_it_runs():
    with calling(rows={"Account": 3}, job_delay=60) as api:
        path = f"/jobs/query/{api.job('SELECT Id FROM Account')}"
        aborted = api.call("PATCH", path, json={"state": "Aborted"})
        assert (aborted.status_code, aborted.json()["state"]) == (200, "Aborted")
        assert list(aborted.json()) == BRIEF
        again = api.call("PATCH", path, json={"state": "Aborted"})
        assert api.error(again)[1] == "INVALIDJOBSTATE"
        assert api.get(f"{path}/results").status_code == 400
        assert api.call("DELETE", path).status_code == 204


def test_a_finished_job_cannot_be_aborted(api: Caller, done: Any, recorded: Path):
    path = recorded / "errors" / "observed_errors.jsonl"
    errors = map(json.loads, path.read_text().splitlines())
    body = next(e["body"] for e in errors if "INVALIDJOBSTATE" in str(e["body"]))
    found = api.call("PATCH", f"/jobs/query/{done['id']}", json={"state": "Aborted"})
    assert (found.status_code, found.json()) == (400, body)
    wrong = api.call("PATCH", f"/jobs/query/{done['id']}", json={"state": "Open"})
    assert wrong.status_code == 400


def test_a_deleted_job_is_gone_with_its_pages(api: Caller):
    job = api.finished("SELECT Id FROM Account LIMIT 1")
    folder = api.org._service.jobs.find(job["id"]).folder
    assert folder.is_dir()
    assert api.call("DELETE", f"/jobs/query/{job['id']}").status_code == 204
    assert not folder.exists()
    assert api.error(api.get(f"/jobs/query/{job['id']}"))[:2] == (404, "NOT_FOUND")
    assert api.call("DELETE", f"/jobs/query/{job['id']}").status_code == 404


def test_jobs_are_kept_for_a_week():
    with calling() as api:
        job = api.finished("SELECT Id FROM Account")
        api.org.clock.advance(timedelta(days=7))
        api.login()
        assert api.get(f"/jobs/query/{job['id'][:15]}").status_code == 200
        api.org.clock.advance(timedelta(seconds=1))
        assert api.get(f"/jobs/query/{job['id']}").status_code == 404


def test_a_days_jobs_are_counted():
    with calling(bulk_query_jobs=2) as api:
        for _ in range(2):
            api.job("SELECT Id FROM Account")
        body = {"operation": "query", "query": "SELECT Id FROM Account"}
        assert api.error(api.post("/jobs/query", body)) == (
            400,
            "LIMIT_EXCEEDED",
            "Max bulk v2 query jobs (2) per 24 hrs has been reached",
        )
        limit = api.get("/limits").json()["DailyBulkV2QueryJobs"]
        assert limit == {"Max": 2, "Remaining": 0}


def test_jobs_are_listed(monkeypatch: pytest.MonkeyPatch):
    """A thousand at a time; here two, so that there is a second page."""
    monkeypatch.setattr("lht.devorg.http.bulk.JOBS_AT_ONCE", 2)
    with calling() as api:
        ids = [api.finished("SELECT Id FROM Account")["id"] for _ in range(3)]
        first = api.get("/jobs/query").json()
        assert list(first) == ["done", "records", "nextRecordsUrl"]
        assert [list(job) for job in first["records"]] == [LISTED, LISTED]
        second = api.get(first["nextRecordsUrl"]).json()
        assert (second["done"], second["nextRecordsUrl"]) == (True, None)
        found = [job["id"] for page in (first, second) for job in page["records"]]
        assert found == ids
        assert api.get("/jobs/query", jobType="Classic").json()["records"] == []


def test_many_jobs_at_once(api: Caller):
    """Jobs wait their turn and do not get in each other's way."""
    ids = [api.job(f"SELECT Id FROM Account LIMIT {n}") for n in range(1, 13)]
    for rows, id_ in enumerate(ids, 1):
        path = f"/jobs/query/{id_}"
        while (job := api.get(path).json())["state"] != "JobComplete":
            api.pause()
        assert job["numberRecordsProcessed"] == rows


def test_words_of_a_job_must_be_words(api: Caller):
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    found = api.post("/jobs/query", body | {"columnDelimiter": []})
    assert api.error(found) == (
        400,
        "API_ERROR",
        "Invalid value for columnDelimiter: []",
    )


@pytest.mark.parametrize("position", ["-1", "+1", "1_0", " 1"])
def test_positions_are_plain_digits(api: Caller, position: str):
    """A locator that this org never gave is refused wherever it is used."""
    locator = urlsafe_b64encode(position.encode()).decode()
    status = api.finished("SELECT Id FROM Account")
    path = f"/jobs/query/{status['id']}"
    for found in (
        api.get("/jobs/query", queryLocator=locator),
        api.get(f"{path}/resultPages", locator=locator),
        api.get(f"{path}/results", locator=locator),
    ):
        assert api.error(found) == (400, "API_ERROR", "Invalid locator")


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_page_comes_in_chunks(api: Caller, done: Any, encoding: str):
    """An org does not know the length of what it is about to send."""
    url = f"/jobs/query/{done['id']}/results"
    found = api.call("GET", url, headers={"Accept-Encoding": encoding})
    assert found.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in found.headers
    assert found.headers.get("Content-Encoding", "identity") == encoding
