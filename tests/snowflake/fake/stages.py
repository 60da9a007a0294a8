"""Internal stages: their files, in memory, and the statements that move them."""

import datetime as dt
import hashlib
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from tests.snowflake.fake.catalog import Name
from tests.snowflake.fake.errors import GapError, RefusedError, exists, missing
from tests.snowflake.fake.options import flag, only, read_options
from tests.snowflake.fake.session import (
    CONTROL,
    FULL_NAME,
    Answer,
    Session,
    command,
    status,
)

STAGE = rf"(?:'@({FULL_NAME})((?:/[^']*)?)'|@({FULL_NAME})((?:/[^\s';()]*)?))"
_REFUSED_STAGES = re.compile(r".*?\s'?@[~%]", re.DOTALL)
_COMPRESSED = (".gz", ".bz2", ".zst", ".br", ".deflate")


@dataclass
class File:
    """One staged file."""

    content: bytes
    at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest()


@dataclass
class Stage:
    """A named stage, of one session if it is temporary, external if it has a URL."""

    name: Name
    owner: str | None
    comment: str = ""
    url: str = ""
    files: dict[str, File] = field(default_factory=dict)
    created: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def under(self, prefix: str) -> dict[str, File]:
        """Say the files whose path begins so, as Snowflake does: no folder is meant."""
        return {p: f for p, f in sorted(self.files.items()) if p.startswith(prefix)}

    def shown(self, path: str) -> str:
        return f"{self.name.name.lower()}/{path}"


class Stages:
    """All stages of a server, and what tables have loaded from them."""

    def __init__(self) -> None:
        self._stages: dict[tuple[str | None, Name], Stage] = {}
        self._urls: dict[str, tuple[Stage, str]] = {}
        self.loads: dict[Name, set[tuple[str, str]]] = {}

    def find(self, session: str, name: Name) -> Stage | None:
        return self._stages.get((session, name)) or self._stages.get((None, name))

    def add(self, stage: Stage) -> None:
        self._stages[stage.owner, stage.name] = stage

    def drop(self, stage: Stage) -> None:
        del self._stages[stage.owner, stage.name]

    def forget(self, session: str) -> None:
        """Drop a session's temporary stages, and with them their files."""
        gone = [key for key in self._stages if key[0] == session]
        for key in gone:
            del self._stages[key]

    def shown(self, session: str, database: str) -> list[dict[str, Any]]:
        return [
            {
                "created_on": stage.created,
                "name": stage.name.name,
                "database_name": database,
                "schema_name": stage.name.schema,
                "url": stage.url,
                "owner": "SYSADMIN",
                "comment": stage.comment,
                "type": ("EXTERNAL" if stage.url else "INTERNAL")
                + (" TEMPORARY" if stage.owner else ""),
            }
            for stage in self._stages.values()
            if stage.owner in {None, session} and stage.name.database == database
        ]

    # -- files over HTTP ---------------------------------------------------------------

    def url(self, stage: Stage, path: str) -> str:
        """Make an address that stands for one file."""
        key = uuid.uuid4().hex
        self._urls[key] = (stage, path)
        return f"files/{key}"

    def store(self, key: str, content: bytes) -> None:
        stage, path = self._urls[key]
        stage.files[path] = File(content)

    def fetch(self, key: str) -> bytes:
        stage, path = self._urls[key]
        return stage.files[path].content

    # -- what was loaded ---------------------------------------------------------------

    def forget_loads(self, table: Name) -> None:
        self.loads.pop(table, None)

    def rename_loads(self, old: Name, new: Name) -> None:
        if old in self.loads:
            self.loads[new] = self.loads.pop(old)


def staged(session: Session, match: re.Match[str], first: int) -> tuple[Stage, str]:
    """Find the stage that a statement names, and the path in it."""
    name = match[first] or match[first + 2]
    path = match[first + 1] if match[first] else match[first + 3]
    whole = session.written_name(name)
    stage = session.server.stages.find(session.id, whole)
    if stage is None:
        raise missing(f"Stage '{whole}'")
    if stage.url:
        raise GapError("files of an external stage")
    return stage, (path or "").removeprefix("/")


@command(rf"(?:PUT|GET|LIST|LS|REMOVE|RM|COPY) {_REFUSED_STAGES.pattern}")
def _refuse_unnamed(_session: Session, _text: str, _match: re.Match[str]) -> Answer:
    raise GapError("the stages of users and tables")


@command(
    r"CREATE (OR REPLACE )?(TEMP |TEMPORARY )?STAGE (IF NOT EXISTS )?"
    rf"({FULL_NAME})\s*(.*)$"
)
def _create(session: Session, _text: str, match: re.Match[str]) -> Answer:
    if match[2]:
        session.forbid("CREATE TEMPORARY STAGE")
    name = session.written_name(match[4])
    options = read_options(match[5])
    only(options, "ENCRYPTION", "COMMENT", "URL")
    kind = options.get("ENCRYPTION", {"TYPE": "SNOWFLAKE_FULL"}).get("TYPE")
    if kind not in {"SNOWFLAKE_SSE", "SNOWFLAKE_FULL"}:
        raise RefusedError(f"invalid value [{kind}] for parameter 'ENCRYPTION'", 1008)
    if not session.catalog.has_schema(name.database, name.schema):
        raise missing(f"Schema '{name.database}.{name.schema}'")
    session.end("COMMIT")
    owner = session.id if match[2] else None
    known = session.server.stages.find(session.id, name)
    there = known is not None and known.owner == owner
    if there and match[3]:
        return status(f"{name.name} already exists, statement succeeded.")
    if there and not match[1]:
        raise exists(str(name))
    about = (options.get("COMMENT", ""), options.get("URL", ""))
    session.server.stages.add(Stage(name, owner, *about))
    return status(f"Stage area {name.name} successfully created.")


@command(rf"DROP STAGE (IF EXISTS )?({FULL_NAME})\s*$")
def _drop(session: Session, _text: str, match: re.Match[str]) -> Answer:
    name = session.written_name(match[2])
    session.end("COMMIT")
    stage = session.server.stages.find(session.id, name)
    if stage is None and not match[1]:
        raise missing(f"Stage '{name}'")
    if stage:
        session.server.stages.drop(stage)
    return status(f"{name.name} successfully dropped.")


@command(rf"(?:LIST|LS) {STAGE}\s*$")
def _list(session: Session, _text: str, match: re.Match[str]) -> Answer:
    stage, prefix = staged(session, match, 1)
    files = stage.under(prefix)
    return Answer(
        CONTROL,
        pa.table(
            {
                "name": pa.array(map(stage.shown, files), pa.string()),
                "size": pa.array([len(f.content) for f in files.values()], pa.int64()),
                "md5": pa.array([f.md5 for f in files.values()], pa.string()),
                "last_modified": pa.array(
                    [f"{f.at:%a, %d %b %Y %H:%M:%S GMT}" for f in files.values()],
                    pa.string(),
                ),
            }
        ),
    )


@command(rf"(?:REMOVE|RM) {STAGE}\s*$")
def _remove(session: Session, _text: str, match: re.Match[str]) -> Answer:
    stage, prefix = staged(session, match, 1)
    gone = list(stage.under(prefix))
    for path in gone:
        del stage.files[path]
    names = pa.array(map(stage.shown, gone), pa.string())
    removed = pa.array(["removed"] * len(gone), pa.string())
    return Answer(CONTROL, pa.table({"name": names, "result": removed}))


@command(rf"PUT ('file://(?:[^']*)'|file://\S+) {STAGE}\s*(.*)$")
def _put(session: Session, _text: str, match: re.Match[str]) -> Answer:
    """Tell the connector where a file goes; the bytes come by HTTP.

    The connector asks twice for a stage of the kind the fake is, the second time with
    no folder before the name: that is the name under which the bytes are kept.
    """
    stage, prefix = staged(session, match, 2)
    options = read_options(match[6])
    only(options, "PARALLEL", "AUTO_COMPRESS", "SOURCE_COMPRESSION", "OVERWRITE")
    source = match[1].strip("'").removeprefix("file://")
    compress = flag(options, "AUTO_COMPRESS", default=True)
    name = source.rsplit("/", 1)[-1]
    if compress and "/" in source and not name.endswith(_COMPRESSED):
        name += ".gz"
    path = f"{prefix.rstrip('/')}/{name}".lstrip("/")
    overwrite = flag(options, "OVERWRITE")
    if path in stage.files and not overwrite and "*" not in name:
        return skipped(source.rsplit("/", 1)[-1], name)
    compression = str(options.get("SOURCE_COMPRESSION", "AUTO_DETECT")).lower()
    return Answer(
        CONTROL,
        transfer={
            "command": "UPLOAD",
            "src_locations": [source],
            "autoCompress": compress,
            "sourceCompression": compression,
            "overwrite": overwrite,
            "parallel": int(options.get("PARALLEL", 4)),
            "stageInfo": _stage_info(session, stage, path),
        },
    )


def _stage_info(session: Session, stage: Stage, path: str) -> dict[str, Any]:
    """Describe the stage as one on GCS, to which the connector goes by plain HTTP."""
    url = f"{session.server.address}/{session.server.stages.url(stage, path)}"
    return {
        "locationType": "GCS",
        "location": f"{stage.name.name.lower()}/",
        "creds": {},
        "presignedUrl": url,
    }


def skipped(source: str, target: str) -> Answer:
    """Tell that a file of this name is there already, and stays."""
    text = {"source": source, "target": target}
    sizes = {"source_size": [0], "target_size": [0]}
    rest = {"source_compression": "NONE", "target_compression": "NONE"}
    last = {"status": "SKIPPED", "message": ""}
    columns = {name: [value] for name, value in text.items()} | sizes
    columns |= {name: [value] for name, value in (rest | last).items()}
    return Answer(CONTROL, pa.table(columns))


@command(rf"GET {STAGE} ('file://(?:[^']*)'|file://\S+)\s*(.*)$")
def _get(session: Session, _text: str, match: re.Match[str]) -> Answer:
    stage, prefix = staged(session, match, 1)
    options = read_options(match[6])
    only(options, "PARALLEL", "PATTERN")
    pattern = re.compile(str(options.get("PATTERN", ".*")))
    paths = [p for p in stage.under(prefix) if pattern.fullmatch(stage.shown(p))]
    urls = [session.server.stages.url(stage, path) for path in paths]
    info = _stage_info(session, stage, "")
    return Answer(
        CONTROL,
        transfer={
            "command": "DOWNLOAD",
            "src_locations": [stage.shown(path) for path in paths],
            "presignedUrls": [f"{session.server.address}/{url}" for url in urls],
            "localLocation": match[5].strip("'").removeprefix("file://"),
            "encryptionMaterial": [None] * len(paths),
            "parallel": int(options.get("PARALLEL", 10)),
            "stageInfo": info | {"presignedUrl": None},
        },
    )
