"""A running org: its records behind its HTTP server, in this process."""

import asyncio
import errno
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import uvicorn

from lht.devorg.clock import Clock
from lht.devorg.declare.declaration import load_metadata
from lht.devorg.http.app import make_app
from lht.devorg.http.jobs import Jobs
from lht.devorg.http.line import Line
from lht.devorg.http.locators import Cursors
from lht.devorg.http.login.admin import new_refresh_token
from lht.devorg.http.login.sessions import Sessions
from lht.devorg.http.meter import Meter
from lht.devorg.http.service import Service, Settings
from lht.devorg.loading.load import LoadSummary, load
from lht.devorg.metadata import Metadata
from lht.devorg.sampling.generate import generate
from lht.devorg.store.store import Store, Transaction

HOST = "127.0.0.1"

Pem = tuple[str | Path, str | Path]
"""The files of a certificate with all that leads to it, and of its key."""

_IDLE_SECONDS = 60  # how long an unused connection is kept
_PATIENCE_SECONDS = 5  # how long a closing org lets requests under way go on
_HEAD_BYTES = 1024 * 1024  # request heads up to here get an answer, if a refusal


class PortError(OSError):
    """A port that cannot be listened on."""

    hint = "take another port; 0 is any that is free"


class Org:
    """A Salesforce org on this machine, running until it is closed.

    Attributes:
        url: Its origin, which is also its instance URL.
        client_id: Of the one application that may log in.
        client_secret: Of the same.
        logins: All that opens it: the application, the users' password, keys.
        store: Its records.
        clock: What time it is there; may be set, moved and stopped.
        requests: What it was asked, as (method, path, status), and in full.
        faults: What goes wrong on purpose; see :mod:`lht.devorg.faults`.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        listener: socket.socket,
        *,
        tls: Pem | None = None,
    ) -> None:
        """Serve the records of *store*; the org owns it, and the listener, from now."""
        store.mark_sandbox(is_sandbox=settings.is_sandbox)
        self._folder = TemporaryDirectory(prefix="devorg-", ignore_cleanup_errors=True)
        self._service = make_service(store, settings, Path(self._folder.name))
        try:
            self._server = _Server(self._service, listener, tls)
        except BaseException:  # Ctrl-C, too, must leave no thread and no folder
            self._service.jobs.close()
            self._folder.cleanup()
            raise
        self.url = self._server.url
        self.logins = self._service.sessions.credentials
        self.client_id = self.logins.client_id
        self.client_secret = self.logins.client_secret
        self.store = store
        self.clock = store.clock
        self.requests = self._service.requests
        self.faults = self._service.faults

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server and forget what is not kept in a file."""
        self._server.stop()
        self._service.jobs.close()
        self.store.close()
        self._folder.cleanup()

    def expire_sessions(self) -> None:
        """End all sessions; the next request of each gets a 401."""
        self._service.sessions.expire()

    def refresh_token(self) -> str:
        """Return a new refresh token, as if a user had let the application in."""
        return new_refresh_token(self._service)

    def short_pages(self, rows: int | None) -> None:
        """Let pages of REST queries hold at most *rows* records; None: as usual."""
        self._service.cursors.shorten(rows)

    def insert(self, sobject: str, values: Mapping[str, Any]) -> str:
        """Create a record; return its id."""
        return self.store.insert(sobject, values)

    def update(self, sobject: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Change some fields of a record."""
        self.store.update(sobject, record_id, values)

    def delete(self, record_id: str) -> None:
        """Put a record into the recycle bin."""
        self.store.delete(record_id)

    def undelete(self, record_id: str) -> None:
        """Bring a record back from the recycle bin."""
        self.store.undelete(record_id)

    def hard_delete(self, record_id: str) -> None:
        """Delete a record for good."""
        self.store.hard_delete(record_id)

    def merge(self, sobject: str, master_id: str, loser_ids: Sequence[str]) -> None:
        """Merge one or two records into a master."""
        self.store.merge(sobject, master_id, loser_ids)

    def transaction(self) -> Transaction:
        """Begin writes that become visible together, when they commit."""
        return self.store.transaction()

    def generate(self, rows: Mapping[str, int], *, seed: int = 0) -> dict[str, int]:
        """Add generated records; return how many of which object."""
        return generate(self.store, rows, seed=seed)

    def load(
        self,
        paths: Iterable[Path | str],
        *,
        ignore_unknown: bool = False,
        add: bool = True,
    ) -> LoadSummary:
        """Load exports of another org; see :func:`lht.devorg.loading.load.load`."""
        return load(self.store, paths, ignore_unknown=ignore_unknown, add=add)


def make_service(store: Store, settings: Settings, spool: Path) -> Service:
    """Put together what the handlers share."""
    clock = store.clock
    sessions = Sessions(clock, settings, org_id=store.org_id, user_id=store.user_id)
    return Service(
        store=store,
        settings=settings,
        sessions=sessions,
        cursors=Cursors(
            clock,
            spool,
            prefix=settings.locator_prefix,
            idle=settings.locator_seconds,
        ),
        jobs=Jobs(
            store,
            spool,
            daily_limit=settings.bulk_query_jobs,
            delay=settings.job_delay,
            page_rows=settings.bulk_page_rows,
        ),
        api_usage=Meter(clock, settings.api_usage_limit),
        metadata_changed_at=clock.now(),
    )


class _Server:
    """uvicorn in a thread of its own."""

    def __init__(
        self, service: Service, listener: socket.socket, tls: Pem | None
    ) -> None:
        certificate, key = tls or (None, None)
        config = uvicorn.Config(
            make_app(service),
            ssl_certfile=certificate,
            ssl_keyfile=key,
            http=Line,
            log_config=None,  # logging is the business of whoever runs this process
            access_log=False,
            lifespan="off",
            date_header=False,
            server_header=False,
            h11_max_incomplete_event_size=_HEAD_BYTES,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_PATIENCE_SECONDS,
        )
        config.load()  # here, where who starts the org hears of a bad certificate
        self._socket = listener
        # asyncio sets it only where a socket says that it is TCP, which these do not;
        # without it each answer waits 40 ms for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = self._socket.getsockname()
        self.url = f"http{'s' if tls else ''}://{address[0]}:{address[1]}"
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="devorg", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.run(self._uvicorn.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """End the server; requests under way are answered first."""
        self._uvicorn.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"port {port} is in use") from error
        if error.errno == errno.EACCES:
            raise PortError(f"port {port} is not for everybody") from error
        raise


def _lacking(store: Store, rows: Mapping[str, int]) -> dict[str, int]:
    """Count what a file lacks of the records that an org shall start with.

    What is in the recycle bin is there, too.
    """
    return {
        name: count - there
        for name, count in rows.items()
        for there in [0 if store.tables.is_new else store.tables.count(name)]
        if not there or there < count
    }


def _declared(
    metadata: Metadata | None, objects: Path | str | Iterable[Path | str]
) -> Metadata:
    """Return the objects that an org shall have."""
    paths = [objects] if isinstance(objects, Path | str) else list(objects)
    if metadata is not None and paths:
        raise ValueError("give either metadata or objects, not both")
    return metadata or load_metadata(*paths)


def start(
    rows: Mapping[str, int] | None = None,
    *,
    seed: int = 0,
    host: str = HOST,
    port: int = 0,
    clock: Clock | datetime | None = None,
    metadata: Metadata | None = None,
    objects: Path | str | Iterable[Path | str] = (),
    path: str | Path | None = None,
    tls: Pem | None = None,
    **settings: Any,
) -> Org:
    """Start an org in this process and return it, ready for requests.

    Args:
        rows: How many generated records of which object it starts with.
        seed: The same seed gives the same records.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        clock: The org's clock, or the time it shall start from (aware).
        metadata: Its objects, if not the ones that come with devorg.
        objects: Files and folders that declare further objects, or others in their
            place: describes and object XML of a real org; see
            :func:`~lht.devorg.declare.declaration.load_metadata`. Not beside
            *metadata*.
        path: A file to keep the records in, if not in memory. Records already in it
            stay, and count: only what is lacking of *rows* is generated.
        tls: The PEM files of a certificate and of its key, for an org that is reached
            over https, and only so.
        **settings: Any attribute of :class:`~lht.devorg.http.service.Settings`.
    """
    chosen = Settings(**settings)
    with ExitStack() as undo:  # Ctrl-C, too, closes what nobody else knows of yet
        listener = undo.enter_context(_listen(host, port))
        store = Store(
            _declared(metadata, objects),
            clock if isinstance(clock, Clock) else Clock(clock),
            path=path or ":memory:",
        )
        undo.callback(store.close)
        generate(store, _lacking(store, rows or {}), seed=seed)
        org = Org(store, chosen, listener, tls=tls)
        undo.pop_all()
    return org
