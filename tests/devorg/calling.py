"""A caller of an org over HTTP, who knows the protocol and nothing of lht."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2

from lht import devorg
from lht.devorg import Org
from lht.devorg.clock import Clock

NOW = datetime(2030, 3, 6, 12, 34, 56, tzinfo=UTC)
VERSION = "62.0"
BASE = f"/services/data/v{VERSION}"


class Caller:
    """A logged-in HTTP client beside the org that it calls."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.http = httpx2.Client(base_url=org.url, timeout=30)
        self.login()

    def login(self) -> None:
        """Log in anew."""
        self.http.headers["Authorization"] = f"Bearer {self.token()}"

    def token(self, **form: str) -> str:
        return str(self.ask_token(**form).json()["access_token"])

    def ask_token(self, **form: str) -> httpx2.Response:
        given = {
            "grant_type": "client_credentials",
            "client_id": self.org.client_id,
            "client_secret": self.org.client_secret,
        }
        return self.http.post("/services/oauth2/token", data=given | form)

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request; *path* is below the version unless it begins at /services."""
        url = path if path.startswith(("/services", "/devorg")) else BASE + path
        return self.http.request(method, url, **options)

    def get(self, path: str, **params: Any) -> httpx2.Response:
        return self.call("GET", path, params=params or None)

    def post(self, path: str, body: Any) -> httpx2.Response:
        return self.call("POST", path, json=body)

    def query(self, soql: str, resource: str = "query", **headers: str) -> Any:
        """Run a query and return its first page."""
        found = self.call("GET", f"/{resource}", params={"q": soql}, headers=headers)
        assert found.status_code == 200, found.text
        return found.json()

    def pages(self, page: Any) -> Iterator[Any]:
        """Yield a page and all that follow it."""
        yield page
        while not page["done"]:
            page = self.get(page["nextRecordsUrl"]).json()
            yield page

    def records(self, soql: str, resource: str = "query") -> list[Any]:
        """Return all records of a query."""
        pages = self.pages(self.query(soql, resource))
        return [record for page in pages for record in page["records"]]

    def job(self, soql: str, **options: Any) -> str:
        """Create a Bulk query job and return its id."""
        body = {"operation": "query", "query": soql} | options
        found = self.post("/jobs/query", body)
        assert found.status_code == 200, found.text
        return str(found.json()["id"])

    def finished(self, soql: str, **options: Any) -> Any:
        """Run a Bulk query job to its end and return its status."""
        id_ = self.job(soql, **options)
        for _ in range(1000):
            status = self.get(f"/jobs/query/{id_}").json()
            if status["state"] not in {"UploadComplete", "InProgress"}:
                return status
            self.pause()
        raise AssertionError(f"still not finished: {status}")

    @staticmethod
    def pause() -> None:
        time.sleep(0.01)  # noqa: TID251 -- a test's own poll of a worker thread

    def error(self, found: httpx2.Response) -> tuple[int, str, str]:
        """Return status, code and message of an answer that is one error."""
        (body,) = found.json()
        return found.status_code, body["errorCode"], body["message"]


@contextmanager
def calling(**options: Any) -> Iterator[Caller]:
    """Run an org whose clock stands still, and call it."""
    clock = Clock(NOW)
    clock.freeze()
    with devorg.start(**({"clock": clock} | options)) as org:
        caller = Caller(org)
        with closing(caller.http):
            yield caller
