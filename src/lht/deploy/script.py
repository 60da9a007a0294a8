"""What a script for Snowflake is made of: names, literals, steps.

Every name is folded and quoted here, and nowhere else.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from lht.exceptions import ConfigError
from lht.inside import PLACEHOLDER
from lht.salesforce.auth import normalise_org_url
from lht.warehouse.sql import OWN_SCHEMA, literal, quote

COMMENT: Final = "COMMENT = 'lht: Salesforce into Snowflake'"

_MAX_NAME: Final = 255
_MY_DOMAIN: Final = ".my.salesforce.com"
_SANDBOX: Final = ".sandbox"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What lht uses of a Snowflake account, by name."""

    database: str = "LHT_DB"
    schema: str = "RAW"
    warehouse: str = "LHT_WH"
    role: str = "LHT_ROLE"
    user: str = "LHT_USER"

    def __post_init__(self) -> None:
        for name in (folded(self.database), folded(self.schema)):
            if name != name.upper():
                raise ConfigError(
                    f"{name} has lower-case letters, and lht writes such names in"
                    " upper case",
                    hint="name another database or schema, without quotes",
                )
        if folded(self.schema) == OWN_SCHEMA:
            raise ConfigError(
                f"the schema {OWN_SCHEMA} is lht's own", hint="name another"
            )

    def own(self, name: str) -> str:
        """Return the full name of something of lht's own, called exactly *name*."""
        return f"{named(self.database, OWN_SCHEMA)}.{quote(name)}"


@dataclass(frozen=True, slots=True)
class Org:
    """A Salesforce org, as far as Snowflake has to know it."""

    host: str

    @classmethod
    def of(cls, domain: str) -> Self:
        """Return the org that a subdomain or address names.

        Raises:
            ConfigError: It is no My Domain of Salesforce's.
        """
        host = normalise_org_url(domain).removeprefix("https://")
        if not re.fullmatch(r"[a-z0-9.-]+", host) or not host.endswith(_MY_DOMAIN):
            raise ConfigError(
                "Snowflake can be let out to a My Domain only, and this is none",
                hint="name it as acme, or as acme--uat.sandbox for a sandbox",
            )
        return cls(host)

    def sandbox(self, name: str) -> Self:
        """Return the sandbox of this org that is called so."""
        return self.of(f"{self.subdomain}--{name}{_SANDBOX}")

    @property
    def subdomain(self) -> str:
        """What stands before ``.my.salesforce.com``."""
        return self.host.removesuffix(_MY_DOMAIN)

    @property
    def label(self) -> str:
        """The subdomain as a part of names."""
        return re.sub(r"[^A-Z0-9]", "_", self.subdomain.upper())

    @property
    def name(self) -> str:
        """What the rule and the secret of the org are called."""
        return f"SALESFORCE_{self.label}"

    @property
    def integration(self) -> str:
        """What the integration is called: it belongs to the whole account."""
        return f"LHT_{self.name}"

    @property
    def hosts(self) -> tuple[str, str]:
        """What code inside Snowflake may talk to for this org, and nothing else."""
        login = "test" if self.subdomain.endswith(_SANDBOX) else "login"
        return (f"{login}.salesforce.com", self.host)

    @property
    def placeholder(self) -> str:
        """The text of a secret whose values are still to be put in."""
        return json.dumps(
            {
                "url": f"https://{self.host}",
                "client_id": PLACEHOLDER,
                "client_secret": PLACEHOLDER,
            }
        )


@dataclass(frozen=True, slots=True)
class Step:
    """Statements that belong together, and what they are for.

    Those that are run ``by_hand`` wait for a value that only a person has.
    """

    why: str
    statements: tuple[str, ...]
    by_hand: bool = False


def render(steps: Iterable[Step]) -> str:
    """Return the script: SQL and comments."""
    return "\n\n".join(_rendered(step) for step in steps if step.statements)


def _rendered(step: Step) -> str:
    why = [f"-- {line}" for line in step.why.splitlines()]
    sql = "".join(f"{s};\n" for s in step.statements).splitlines()
    return "\n".join(why + ([f"-- {line}" for line in sql] if step.by_hand else sql))


def named(*names: str) -> str:
    """Return a name in statements: its parts folded and quoted."""
    return ".".join(quote(folded(n)) for n in names)


def folded(name: str) -> str:
    """Return a name as Snowflake keeps it: upper case, unless it needs quotes.

    Raises:
        ConfigError: It can be no name.
    """
    if _PLAIN_NAME.fullmatch(name):
        name = name.upper()
    elif len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].replace('""', '"')
    if not name.isprintable() or not 0 < len(name) <= _MAX_NAME:
        raise ConfigError(
            "a name for Snowflake is empty, too long or not of printable characters",
            hint="names like LHT_DB need no quotes anywhere",
        )
    return name


def literals(values: Iterable[str]) -> str:
    """Return literals with commas between them."""
    return ", ".join(map(literal, values))
