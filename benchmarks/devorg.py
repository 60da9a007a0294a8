"""How fast the local org is: generating, rendering results, answering queries.

``python -m benchmarks.devorg`` prints times, and their ratios to what DuckDB alone
takes for the same rows in the same process.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from benchmarks.machine import machine
from lht import devorg
from lht.devorg import Org

_BASE: Final = "/services/data/v62.0"
_COLUMNS: Final = 62  # of Account, in the bulk result
_REPEATS: Final = 5  # of each query
_QUERIES: Final = {  # of the narrow object: what SOQL asks for, and what SQL does
    "SELECT COUNT() FROM Reading__c": "SELECT count(*) FROM Reading__c",
    "SELECT COUNT() FROM Reading__c WHERE Value__c > 990": (
        "SELECT count(*) FROM Reading__c WHERE Value__c > 990"
    ),
    "SELECT Id FROM Reading__c WHERE Name = 'R-0004242'": (
        "SELECT Id FROM Reading__c WHERE lower(Name) = 'r-0004242'"
    ),
    "SELECT Id, Name, Value__c FROM Reading__c WHERE SystemModstamp > TODAY LIMIT 9": (
        "SELECT Id, Name, Value__c FROM Reading__c"
        " WHERE SystemModstamp > today() LIMIT 9"
    ),
}


class Caller:
    """Someone who is logged in to an org, over one connection."""

    def __init__(self, org: Org) -> None:
        self._http = HTTPConnection(urlsplit(org.url).netloc)
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form = {
            "grant_type": "client_credentials",
            "client_id": org.client_id,
            "client_secret": org.client_secret,
        }
        token = self.json("POST", "/services/oauth2/token", urlencode(form))
        self._headers = {
            "Authorization": f"Bearer {token['access_token']}",
            "Content-Type": "application/json",
        }

    def json(self, method: str, path: str, body: str | None = None) -> Any:
        """Return what a request is answered with."""
        self._http.request(method, path, body, self._headers)
        answer = self._http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text)

    def query(self, soql: str) -> Any:
        """Return a query's first page."""
        return self.json("GET", f"{_BASE}/query?{urlencode({'q': soql})}")

    def finished_job(self, soql: str) -> str:
        """Let a query job run to its end; return the path of its results."""
        body = json.dumps({"operation": "query", "query": soql})
        job = self.json("POST", f"{_BASE}/jobs/query", body)
        path = f"{_BASE}/jobs/query/{job['id']}"
        while (state := self.json("GET", path)["state"]) != "JobComplete":
            if state in {"Failed", "Aborted"}:
                raise RuntimeError(f"the job is {state}")
            time.sleep(0.05)  # noqa: TID251  a poller of its own
        return f"{path}/results"

    def drain(self, results: str) -> int:
        """Fetch all pages and throw them away; return the bytes of their plain text."""
        headers = self._headers | {"Accept-Encoding": "gzip"}
        plain, locator = 0, ""
        while locator != "null":
            at = f"?locator={quote(locator)}" if locator else ""
            self._http.request("GET", results + at, headers=headers)
            answer = self._http.getresponse()
            end = b""
            while piece := answer.read(256 * 1024):
                end = (end + piece)[-4:]
            plain += int.from_bytes(end, "little")  # gzip's trailer tells
            locator = answer.headers["Sforce-Locator"]
        return plain


def took(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def grown(work: Callable[[], object]) -> int:
    """Return by how many bytes this process grows at most meanwhile (Linux only)."""
    Path("/proc/self/clear_refs").write_text("5")  # the most is counted anew
    before = _memory("VmRSS")
    work()
    return _memory("VmHWM") - before


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(s.split()[1]) for s in lines if s.startswith(name))


def wide(rows: int) -> Iterator[str]:
    """Generate Accounts; render them as a bulk result, and serve it."""
    with devorg.start() as org:
        made = took(lambda: org.generate({"Account": rows}))
        copied, exported = _by_duckdb(org)
        yield _line(f"generating {rows:,} Accounts", made, copied, "copying them")
        caller = Caller(org)
        described = caller.json("GET", f"{_BASE}/sobjects/Account/describe")
        simple = [f["name"] for f in described["fields"] if f["type"] != "address"]
        soql = f"SELECT {', '.join(simple[:_COLUMNS])} FROM Account"
        for some in (rows // 4, rows):
            results: list[str] = []
            query = f"{soql} LIMIT {some}"
            job = grown(lambda q=query, r=results: r.append(caller.finished_job(q)))
            sent = grown(lambda r=results: caller.drain(r[0]))
            what = f"memory for {some:,}: rendered, sent"
            yield f"{what:60}{job / 1e6:6,.0f} MB{sent / 1e6:6,.0f} MB"
        begun = time.perf_counter()
        path = caller.finished_job(soql)
        rendered = time.perf_counter() - begun
        begun = time.perf_counter()
        plain = caller.drain(path)
        sent_in = time.perf_counter() - begun
        yield _line(f"rendering {plain / 1e6:,.0f} MB", rendered, exported, "COPY TO")
        yield f"{'that is':60}{plain / 1e6 / rendered:6.0f} MB/s"
        yield f"{'sending it':60}{sent_in:6.2f} s"


def _by_duckdb(org: Org) -> tuple[float, float]:
    """Return the seconds to copy the Accounts, and to write them as gzipped CSV."""
    with org.store.cursor() as db, TemporaryDirectory() as folder:
        copied = took(lambda: db.execute("CREATE TEMP TABLE copied AS FROM Account"))
        db.execute("DROP TABLE copied")
        file = Path(folder, "account.csv.gz")
        sql = f"COPY Account TO '{file}' (FORMAT csv, HEADER, FORCE_QUOTE *)"
        return copied, took(lambda: db.execute(sql))


def narrow(rows: int) -> Iterator[str]:
    """Ask questions about many small records."""
    with devorg.start(rows={"Reading__c": rows}) as org:
        caller = Caller(org)
        with org.store.cursor() as db:
            for soql, sql in _QUERIES.items():
                asked = median(took(lambda q=soql: caller.query(q)) for _ in _times())
                alone = median(
                    took(lambda q=sql: db.execute(q).fetchall()) for _ in _times()
                )
                yield _line(soql, asked, alone, "DuckDB")


def _times() -> range:
    return range(_REPEATS)


def _line(title: str, seconds: float, yardstick: float, words: str) -> str:
    return f"{title:80}{seconds:8.3f} s{seconds / yardstick:8.1f} x {words}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark as the arguments ask."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.devorg")
    parser.add_argument("--rows", type=int, default=1_000_000, help="wide records")
    parser.add_argument("--narrow-rows", type=int, default=5_000_000)
    options = parser.parse_args(arguments)
    for name, fact in machine().items():
        print(f"{name}: {fact}")
    print()
    for line in (*wide(options.rows), *narrow(options.narrow_rows)):
        print(line)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
