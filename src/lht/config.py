"""Where settings come from: argument, then environment, then file; resolved once.

Salesforce: flags > ``LHT_SALESFORCE_*`` > ``lht.toml`` of the project > ``lht.toml``
of the user; what is found there decides how to log in. Warehouse: the same, then the
session that Snowflake itself has opened (see ``connect``), then
``duckdb:///lht.duckdb`` in the current folder. Never Snowflake's default connection
unasked.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from lht.exceptions import ConfigError
from lht.settings import (
    FILE_NAME,
    IN_MEMORY,
    KNOWN_SETTINGS,
    SALESFORCE_FLAGS,
    SALESFORCE_VARIABLES,
    SECRETS,
    WAREHOUSE_FLAG,
    WAREHOUSE_VARIABLE,
    Place,
    Setting,
    check_private,
    config_folder,
    exists,
    is_word,
    iter_places,
)
from lht.snowflake_url import is_url, parse_url, url_of

__all__ = [
    "DEFAULT_WAREHOUSE",
    "FILE_NAME",
    "IN_MEMORY",
    "KNOWN_SETTINGS",
    "SALESFORCE_FLAGS",
    "SALESFORCE_VARIABLES",
    "WAREHOUSE_FLAG",
    "WAREHOUSE_VARIABLE",
    "SalesforceConnection",
    "Setting",
    "config_folder",
    "named_warehouse",
    "resolve_salesforce",
    "resolve_warehouse",
]

DEFAULT_WAREHOUSE: Final = "duckdb:///lht.duckdb"
_TRY_WITHOUT: Final = "see it without an org of your own: lht demo"

# What a way to log in needs besides the setting that decides for it, and may have.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "access_token": (),
    "private_key": ("client_id", "username"),
    "private_key_file": ("client_id", "username"),
    "refresh_token": ("client_id",),
    "password": ("username",),
    "client_secret": ("client_id",),
}
_TAKEN: Final[Mapping[str, tuple[str, ...]]] = {
    "private_key": ("private_key_passphrase",),
    "private_key_file": ("private_key_passphrase",),
    "refresh_token": ("client_secret",),
    "password": ("security_token", "client_id", "client_secret"),
}

Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SalesforceConnection:
    """An org and the means to enter it.

    The first of these that is given decides how: a login of the Salesforce CLI, a ready
    token, a private key for a signed JWT, a refresh token, a password, and else client
    credentials.

    Attributes:
        url: The org's; only a login of the Salesforce CLI knows it by itself.
        client_id: Of the app in the org.
        client_secret: Of the same.
        token: An access token, or a session id.
        target_org: Alias or username of a login of the Salesforce CLI.
        username: Of the user, for a private key or a password.
        private_key: In PEM form; the path of a file with it as a ``Path``.
        private_key_passphrase: What the key is encrypted with, if it is.
        refresh_token: Of the user and the app.
        password: Of the user.
        security_token: Of the user, where the network is not a trusted one.
        sources: Where each was found.
    """

    url: str = ""
    client_id: str | None = None
    client_secret: str | None = None
    token: str | None = None
    target_org: str | None = None
    username: str | None = None
    private_key: str | Path | None = None
    private_key_passphrase: str | None = None
    refresh_token: str | None = None
    password: str | None = None
    security_token: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that are given, by name."""
        found = {name: getattr(self, name, None) for name in (*SECRETS, "token")}
        return {name: text for name, text in found.items() if isinstance(text, str)}

    def __repr__(self) -> str:
        open_ = ("url", "target_org", "client_id", "username")
        shown = [f"{n}={getattr(self, n)!r}" for n in open_ if getattr(self, n)]
        shown += [f"{name}='****'" for name in self.secrets]
        return f"SalesforceConnection({', '.join(shown)})"


def resolve_salesforce(
    *,
    url: str | None = None,
    domain: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    target_org: str | None = None,
    ask: Ask | None = None,
) -> SalesforceConnection:
    """Find the org and its credentials.

    Args:
        url: The org's URL; wins over every other place, as do the other names.
        domain: The subdomain of its My Domain, instead of *url*.
        client_id: Of the connected app.
        client_secret: Of the connected app; given here for loopback orgs only.
        target_org: A login of the Salesforce CLI, by alias or username, instead of all
            these.
        ask: Asks a human for a missing client secret, where there is one.

    Raises:
        ConfigError: Nothing names an org, or its credentials are not to be found;
            the message lists the places tried.
    """
    given = {
        "url": url,
        "domain": domain,
        "client_id": client_id,
        "client_secret": client_secret,
        "target_org": target_org,
    }
    places = list(iter_places(given))
    place, org = next(_orgs(places), (None, None))
    if place is None or org is None:
        raise _not_found("no Salesforce org is named", places, "an org")
    if place.names_login:
        return _connection({"target_org": org})
    if client_secret and not _on_this_machine(org.value):
        raise ConfigError(
            f"a secret on the command line can be read by others: not for {org.value}",
            hint=f"set {SALESFORCE_VARIABLES['client_secret']} instead",
        )
    return _connection({"url": org} | _credentials(org.value, places, ask))


def _credentials(org: str, places: list[Place], ask: Ask | None) -> dict[str, Setting]:
    """Find what logs in to an org: the way in, what it needs, and what it may have."""
    ours = [p for p in places if not (p.is_file and _other(p, org))]
    way = next(filter(None, (p.way_in() for p in ours)), None)
    decisive = way.value if way else "client_secret"
    found = {
        name: _credential(name, org, places, ask)
        for name in (*_NEEDED[decisive], decisive)
    }
    for name in _TAKEN.get(decisive, ()):
        given = next((p.salesforce[name] for p in ours if name in p.salesforce), None)
        if given:
            found[name] = given
    return found


def _orgs(places: list[Place]) -> Iterator[tuple[Place, Setting]]:
    """Yield the places that name an org, and which."""
    for place in places:
        org = place.org()
        if org:
            yield place, org


def _connection(found: Mapping[str, Setting]) -> SalesforceConnection:
    values: dict[str, Any] = {name: found[name].value for name in found}
    if "access_token" in values:
        values["token"] = values.pop("access_token")
    if "private_key_file" in values:
        path = Path(values.pop("private_key_file")).expanduser()
        check_private(path, "a private key")
        values["private_key"] = path
    sources = {name: setting.source for name, setting in found.items()}
    return SalesforceConnection(**values, sources=sources)


def _on_this_machine(url: str) -> bool:
    from lht.salesforce.auth import is_loopback

    return is_loopback(urlsplit(url).hostname or "")


def resolve_warehouse(warehouse: str | None = None) -> str:
    """Find the warehouse: a URL, or the path of a DuckDB file."""
    found = named_warehouse(warehouse)
    return found.value if found else DEFAULT_WAREHOUSE


def named_warehouse(
    warehouse: str | None = None,
    *,
    connections: Callable[[], Collection[str]] = tuple,
) -> Setting | None:
    """Find the warehouse that a flag, variable or file names, and that place.

    Args:
        warehouse: What a flag says.
        connections: Lists the connections of Snowflake, which a bare word may name.

    Raises:
        ConfigError: What is named is no URL, file or connection.
    """
    if warehouse:
        return _checked(Setting(warehouse, WAREHOUSE_FLAG), connections)
    named = (place.warehouse for place in iter_places({}))
    found = next(filter(None, named), None)
    return found and _checked(found, connections)


def _checked(found: Setting, connections: Callable[[], Collection[str]]) -> Setting:
    text, scheme = found.value, found.value.partition("://")[0]
    if is_url(text):
        parse_url(text)
    elif scheme not in {text, "duckdb"}:
        raise ConfigError(
            f"{scheme}:// ({found.source}) is no warehouse that this version knows",
            hint=f"write {DEFAULT_WAREHOUSE}",
        )
    elif scheme == text != IN_MEMORY and not Path(text).suffix and not exists(text):
        if is_word(text) and text in connections():
            return Setting(url_of(text), found.source)
        raise _no_warehouse(found)
    return found


def _no_warehouse(found: Setting) -> ConfigError:
    text = found.value
    if not is_word(text):
        return ConfigError(
            f"{text!r} ({found.source}) is neither a URL nor a DuckDB file",
            hint=f"write duckdb:///{text}.duckdb",
        )
    return ConfigError(
        f"`{text}` ({found.source}) looks like a Snowflake virtual warehouse",
        hint="name the connection with -c, its compute is set there; for a file write"
        f" duckdb:///{text}.duckdb",
    )


def _credential(name: str, org: str, places: list[Place], ask: Ask | None) -> Setting:
    for place in places:
        if name in place.salesforce and not (place.is_file and _other(place, org)):
            return place.salesforce[name]
    words = name.replace("_", " ")
    if ask and name == "client_secret":
        return Setting(ask(f"{words.capitalize()} of {org}: "), "the prompt")
    raise _not_found(f"no {words} for {org}", places, words, org)


def _other(place: Place, org: str) -> bool:
    named = place.org()
    return named is not None and named.value != org


def _not_found(
    message: str, places: list[Place], what: str, org: str | None = None
) -> ConfigError:
    tried = [
        f"{p.name} (for another org)"
        if org and p.is_file and _other(p, org)
        else p.name
        for p in places
    ]
    variable = SALESFORCE_VARIABLES["url" if org is None else what.replace(" ", "_")]
    return ConfigError(
        message,
        why="\n".join([f"looked for {what} in:", *tried]),
        hint=f"set {variable}, name a login of the Salesforce CLI with -o, or"
        f" {_TRY_WITHOUT}",
    )
