"""The procedure and the tasks that sync objects inside Snowflake.

Source:
    docs.snowflake.com, sql-reference/sql: create-procedure, create-task, alter-task;
    developer-guide/udf/python/udf-python-packages, read 2026-11-21.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lht import __version__
from lht.deploy.script import COMMENT, Account, Org, Step, folded, literals, named
from lht.exceptions import ConfigError
from lht.inside import SECRET
from lht.warehouse.sql import literal

PYTHON: Final = "3.12"
MAX_TASKS: Final = 8
"""Statements that a warehouse runs at once by default (MAX_CONCURRENCY_LEVEL)."""

# The arguments of the procedure are those of the handler, in the same order.
HANDLER: Final = f"""\
from lht.inside import sync_objects


def run(session, objects, schema, database, mode):
    return sync_objects(
        session, objects, secret="{SECRET}", schema=schema, database=database, mode=mode
    )
"""
_SIGNATURE: Final = "(ARRAY, VARCHAR, VARCHAR, VARCHAR)"

_TASK_HOURS: Final = 6  # a task is stopped after one hour unless told otherwise
_WORDS: Final = re.IGNORECASE | re.ASCII
_SOBJECT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_INTERVAL: Final = re.compile(r"([0-9]{1,7}) (SECOND|MINUTE|HOUR)S?", _WORDS)
_CRON: Final = re.compile(r"USING CRON ((?:[0-9A-Z*/,#-]+ ){5})([A-Z0-9_+/-]+)", _WORDS)
_SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600}
_SHORTEST_SECONDS: Final = 10
_LONGEST_SECONDS: Final = 8 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A procedure that syncs objects of an org, and the tasks that call it.

    The tasks share the *objects* among them and work at the same time. The procedure
    runs with the rights of whoever calls it, unless with its owner's.
    """

    org: Org
    account: Account
    objects: tuple[str, ...] = ()
    schedule: str = "60 MINUTE"
    tasks: int = 1
    owners_rights: bool = False
    name: str | None = None

    @property
    def root(self) -> str:
        """The full name that the procedure and the root task have."""
        return self.account.own(self._base)

    def child(self, number: int) -> str:
        """Return the full name of a task that syncs a share of the objects."""
        return self.account.own(f"{self._base}_{number}")

    @property
    def _base(self) -> str:
        return folded(self.name) if self.name else f"SYNC_{self.org.label}"


def deploy_steps(deployment: Deployment) -> list[Step]:
    """Return what creates the procedure and its tasks, and starts them.

    Raises:
        ConfigError: A name, an object, the schedule or the number of tasks cannot
            be used.
    """
    shares = _shares(deployment)
    children = [deployment.child(number) for number in range(1, len(shares) + 1)]
    return [
        _opening(deployment),
        Step(
            "The procedure. By hand, for a full load of an object:\n"
            f"CALL {deployment.root}(ARRAY_CONSTRUCT('{shares[0][0]}'),"
            " MODE => 'full');",
            (_procedure(deployment),),
        ),
        Step(
            "A root task that keeps the time; what comes after it syncs.",
            (
                _root_task(deployment),
                *(
                    _child_task(deployment, name, share)
                    for name, share in zip(children, shares, strict=True)
                ),
            ),
        ),
        Step(
            "Tasks of an earlier deployment that had more of them.",
            _drops(deployment, range(len(shares) + 1, MAX_TASKS + 1)),
        ),
        Step(
            "Tasks are born suspended. The root starts last.",
            tuple(f"ALTER TASK {t} RESUME" for t in (*children, deployment.root)),
        ),
    ]


def remove_steps(deployment: Deployment) -> list[Step]:
    """Return what takes a deployment away. Tables and what lht remembers stay.

    Raises:
        ConfigError: A name cannot be used.
    """
    return [
        _opening(deployment),
        Step(
            "Tables, secrets and what lht remembers of its runs stay as they are.",
            (
                *_drops(deployment, range(1, MAX_TASKS + 1)),
                f"DROP TASK IF EXISTS {deployment.root}",
                f"DROP PROCEDURE IF EXISTS {deployment.root}{_SIGNATURE}",
            ),
        ),
    ]


def checked_schedule(schedule: str) -> str:
    """Return a schedule as Snowflake writes it.

    Raises:
        ConfigError: It is neither an interval nor a cron expression with a time zone.
    """
    words = " ".join(schedule.split())
    interval, cron = _INTERVAL.fullmatch(words), _CRON.fullmatch(words)
    if cron:
        return f"USING CRON {cron[1].upper()}{cron[2]}"
    if interval:
        count, unit = int(interval[1]), interval[2].upper()
        if _SHORTEST_SECONDS <= count * _SECONDS[unit] <= _LONGEST_SECONDS:
            return f"{count} {unit}"
    raise ConfigError(
        "that is not a schedule of Snowflake's",
        hint="write '60 MINUTE', or 'USING CRON 0 6 * * * Europe/Berlin'",
    )


def _opening(deployment: Deployment) -> Step:
    return Step(
        "A run that is under way comes to its end; no other starts meanwhile.",
        (
            f"USE ROLE {named(deployment.account.role)}",
            f"USE WAREHOUSE {named(deployment.account.warehouse)}",
            f"ALTER TASK IF EXISTS {deployment.root} SUSPEND",
        ),
    )


def _procedure(deployment: Deployment) -> str:
    account, org = deployment.account, deployment.org
    rights = "OWNER" if deployment.owners_rights else "CALLER"
    return f"""\
CREATE OR REPLACE PROCEDURE {deployment.root}(
  "OBJECTS" ARRAY,
  "SCHEMA" VARCHAR DEFAULT {literal(folded(account.schema))},
  "DATABASE" VARCHAR DEFAULT {literal(folded(account.database))},
  "MODE" VARCHAR DEFAULT 'auto')
  COPY GRANTS
  RETURNS VARIANT
  LANGUAGE PYTHON
  RUNTIME_VERSION = '{PYTHON}'
  ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
  PACKAGES = ('snowflake-snowpark-python', 'lht=={__version__}')
  HANDLER = 'run'
  EXTERNAL_ACCESS_INTEGRATIONS = ({named(org.integration)})
  SECRETS = ('{SECRET}' = {account.own(org.name)})
  {COMMENT}
  EXECUTE AS {rights}
AS $$
{HANDLER}$$"""


def _root_task(deployment: Deployment) -> str:
    return f"""\
CREATE OR REPLACE TASK {deployment.root}
  WAREHOUSE = {named(deployment.account.warehouse)}
  SCHEDULE = {literal(checked_schedule(deployment.schedule))}
  SUSPEND_TASK_AFTER_NUM_FAILURES = 5
  {COMMENT}
  TASK_AUTO_RETRY_ATTEMPTS = 1
AS SELECT 1"""


def _child_task(deployment: Deployment, name: str, objects: Sequence[str]) -> str:
    return f"""\
CREATE OR REPLACE TASK {name}
  WAREHOUSE = {named(deployment.account.warehouse)}
  QUERY_TAG = 'lht'
  USER_TASK_TIMEOUT_MS = {_TASK_HOURS * 3_600_000}
  {COMMENT}
  AFTER {deployment.root}
AS CALL {deployment.root}(ARRAY_CONSTRUCT({literals(objects)}))"""


def _drops(deployment: Deployment, numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"DROP TASK IF EXISTS {deployment.child(n)}" for n in numbers)


def _shares(deployment: Deployment) -> list[list[str]]:
    """Return the objects of each task: every object once, as evenly as can be."""
    if not 1 <= deployment.tasks <= MAX_TASKS:
        raise ConfigError(
            f"there can be 1 to {MAX_TASKS} tasks, not {deployment.tasks}",
            hint="each syncs several objects at the same time",
        )
    objects = list({o.lower(): o for o in deployment.objects}.values())
    if not objects:
        raise ConfigError("no object is named", hint="for example: Account Contact")
    for name in objects:
        if not _SOBJECT.fullmatch(name):
            raise ConfigError(
                "an object has a name that Salesforce does not give",
                hint="lht objects lists what there is",
            )
    tasks = min(deployment.tasks, len(objects))
    return [objects[n::tasks] for n in range(tasks)]
