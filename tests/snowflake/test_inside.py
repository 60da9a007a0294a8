"""What ``lht snowflake deploy-sql`` prints is carried out, as far as that goes outside.

The handler of the printed procedure runs in this process, over a real Snowpark session
to the fake Snowflake; the procedure and its tasks themselves are only parsed.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from tests.snowflake.fake import Server

from lht import devorg
from lht.deploy.script import Account, Org
from lht.deploy.tasks import Deployment, deploy_steps
from lht.devorg import Org as LocalOrg
from lht.exceptions import SyncError


@pytest.fixture
def org(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An org whose credentials are in the secret that the procedure may read."""
    with devorg.start(rows={"Account": 1200, "Contact": 40}, seed=1) as started:
        secret = {
            "url": started.url,
            "client_id": started.client_id,
            "client_secret": started.client_secret,
        }
        module = SimpleNamespace(
            get_generic_secret_string=lambda _name: json.dumps(secret)
        )
        monkeypatch.setitem(sys.modules, "_snowflake", module)
        yield started


def handler() -> Any:
    """Return the Python function of the printed procedure."""
    deployment = Deployment(
        org=Org.of("acme"), account=Account(), objects=("Account", "Contact")
    )
    statements = [s for step in deploy_steps(deployment) for s in step.statements]
    (procedure,) = [s for s in statements if "LANGUAGE PYTHON" in s]
    names: dict[str, Any] = {}
    exec(procedure.split("$$")[1], names)  # noqa: S102  it is what we print
    return names["run"]


def test_the_procedure_syncs_what_its_tasks_name(
    snowflake_server: Server, database: str, org: LocalOrg
) -> None:
    """All objects arrive in the procedure's database, whichever the session uses."""
    session = snowflake_server.session(snowflake_server.database())
    run = handler()
    told = run(session, ["Account", "Contact"], "RAW", database, "auto")
    assert told["status"] == "succeeded"
    assert json.loads(json.dumps(told)) == told
    methods = {o["sobject"]: o["sync_method"] for o in told["result"]["objects"]}
    assert methods == {"Account": "bulk_api_full", "Contact": "regular_api_full"}
    cursor = snowflake_server.duck(database)
    for sobject, count in (("ACCOUNT", 1200), ("CONTACT", 40)):
        query = f'SELECT count(*) FROM "{database}"."RAW"."{sobject}"'
        assert cursor.execute(query).fetchone() == (count,)
    org.insert("Account", {"Name": "new"})
    again = run(session, ["Account"], "RAW", database, "auto")
    (account,) = again["result"]["objects"]
    assert account["sync_method"] == "regular_api_incremental"
    session.close()


@pytest.mark.usefixtures("org")
def test_a_task_fails_loudly(snowflake_server: Server, database: str) -> None:
    """What could not be synced is an error of the task, and names the object."""
    session = snowflake_server.session(database)
    with pytest.raises(SyncError, match="Nonsense__c"):
        handler()(session, ["Nonsense__c"], "RAW", database, "auto")
    session.close()
