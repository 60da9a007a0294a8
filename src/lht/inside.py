"""Running where the data is: in a stored procedure, a task or a notebook of Snowflake.

The org and its credentials come from a secret of Snowflake's. It holds, as JSON, what
``[salesforce]`` in ``lht.toml`` holds: url or domain, client_id and client_secret.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, Final

import msgspec

from lht.config import SalesforceConnection
from lht.connect import in_database
from lht.exceptions import ConfigError, SyncError
from lht.report.values import SyncReport
from lht.salesforce.auth import normalise_org_url
from lht.sync import sync

SECRET: Final = "salesforce"  # noqa: S105  the name under which one is attached
PLACEHOLDER: Final = "REPLACE_ME"

# Newer Snowpark has a reader of its own; before, there is the one below it.
_READERS: Final = ("snowflake.snowpark.secrets", "_snowflake")


def sync_objects(
    session: Any,
    objects: str | Iterable[str],
    *,
    secret: str = SECRET,
    schema: str | None = None,
    database: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Sync objects through a session of Snowflake, with credentials from a secret.

    Args:
        session: The Snowpark session that the procedure or notebook was given; it stays
            open. Anything else that ``lht.sync`` takes as a warehouse works too.
        objects: API names of sObjects.
        secret: The name under which the secret is attached: of ``SECRETS`` in a
            procedure, ``database/schema/secret`` in a notebook.
        schema: Of the target tables; ``RAW`` by default.
        database: Of the target tables; by default the session's current one.
        options: More arguments of ``lht.sync``.

    Returns:
        The JSON document ``lht.sync/1``, which a procedure can return as it is.

    Raises:
        ConfigError: The secret cannot be read or is incomplete. Nothing was started.
        SyncError: Objects failed; the message names each, so that the history of the
            task tells. The others are complete.
    """
    org = read_org(secret)
    with in_database(session, database) as place:
        try:
            report = sync(
                objects, salesforce=org, warehouse=place, schema=schema, **options
            )
        except SyncError as error:
            raise SyncError(
                _failures(error.report),
                report=error.report,
                why=error.why,
                hint=error.hint,
            ) from error
    return report.to_dict()


def read_org(secret: str = SECRET) -> SalesforceConnection:
    """Return the org that a secret of Snowflake's names, with its credentials.

    Raises:
        ConfigError: There is no such secret here, or it is incomplete.
    """
    try:
        found = msgspec.json.decode(_read_secret(secret), type=_Secret)
    except msgspec.DecodeError as error:
        raise _incomplete(secret, str(error)) from None
    if PLACEHOLDER in {found.client_id, found.client_secret}:
        raise _incomplete(secret, f"{PLACEHOLDER} still stands for a value")
    if bool(found.url) == bool(found.domain):
        raise _incomplete(secret, "it has to name one org, by url or by domain")
    return SalesforceConnection(
        url=normalise_org_url(found.url or found.domain),
        client_id=found.client_id,
        client_secret=found.client_secret,
    )


class _Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    client_id: str
    client_secret: str
    url: str = ""
    domain: str = ""


def _incomplete(secret: str, why: str) -> ConfigError:
    return ConfigError(
        f"the secret {secret} is not what it should be",
        why=why,
        hint="ALTER SECRET ... SET SECRET_STRING ="
        """ '{"url": "https://...", "client_id": "...", "client_secret": "..."}'""",
    )


def _read_secret(name: str) -> str:
    read = _reader()
    try:
        return read(name)
    except NotImplementedError:  # Snowpark's reader, where it knows no secrets
        raise _outside() from None
    except (KeyError, OSError, RuntimeError, ValueError):
        raise ConfigError(
            f"no secret is attached as {name}, or this role may not read it",
            hint=f"attach it: SECRETS = ('{name}' = ...), and GRANT READ ON SECRET",
        ) from None


def _reader() -> Callable[[str], str]:
    """Return what reads a generic secret in this part of Snowflake."""
    for module in _READERS:
        try:
            found: Callable[[str], str] = import_module(
                module
            ).get_generic_secret_string
        except (ImportError, AttributeError):
            continue
        return found
    raise _outside()


def _outside() -> ConfigError:
    return ConfigError(
        "secrets of Snowflake can be read inside Snowflake only",
        hint="elsewhere lht.sync takes credentials from LHT_SALESFORCE_* or lht.toml",
    )


def _failures(report: SyncReport) -> str:
    failed = [f"{o.sobject}: {o.error.message}" for o in report.objects if o.error]
    return f"{len(failed)} of {len(report.objects)} objects failed; " + "; ".join(
        failed
    )
