"""A process whose children sync into Snowflake and kill themselves where told to.

Beside the points of ``tests.emulator.dying``, a file that is put is one on either side.
"""

from collections.abc import Callable, Mapping
from typing import Any

from snowflake.snowpark import Session
from tests.emulator.dying import (
    Points,
    answer_requests,
    watch_answers,
    watch_statements,
)
from tests.emulator.guards import without

from lht.salesforce import bulk_query
from lht.salesforce.auth import ClientCredentials
from lht.salesforce.client import Client
from lht.sync import sync
from lht.sync.plan import Options
from lht.warehouse import snowflake  # noqa: F401  loaded for the children
from lht.warehouse.snowflake_stage import Stage
from lht.warehouse.snowflake_tables import SnowflakeTables


def watch(points: Points) -> None:
    """Let every statement, file and answer of this process be a point."""
    watch_statements(points, SnowflakeTables)
    watch_answers(points)
    put: Callable[..., Any] = getattr(Stage, "_put")  # noqa: B009

    def put_between(stage: Any, *rest: Any) -> Any:
        points.reach("before PUT")
        status = put(stage, *rest)
        points.reach("behind PUT")
        return status

    setattr(Stage, "_put", put_between)  # noqa: B010  mypy minds otherwise


def run(task: Mapping[str, Any]) -> None:
    """Sync as told, through a session of its own."""
    bulk_query._FIRST_WAIT_SECONDS = 0.005  # devorg is quick
    auth = ClientCredentials(task["url"], task["client_id"], task["client_secret"])
    options = Options(bulk_threshold=task["bulk_threshold"])
    session = Session.builder.configs(task["connect"]).create()
    with without(*task["without"]), Client(auth) as client:
        sync(task["object"], salesforce=client, warehouse=session, options=options)


if __name__ == "__main__":
    answer_requests(watch, run)
