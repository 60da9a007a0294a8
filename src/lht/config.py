"""Where settings come from: argument, then environment, then file; resolved once.

Salesforce: flags > ``LHT_SALESFORCE_*`` > ``lht.toml`` of the project > ``lht.toml``
of the user. Warehouse: the same, then the session that Snowflake itself has opened (see
``connect``), then ``duckdb:///lht.duckdb`` in the current folder. Never Snowflake's
default connection unasked.

A secret in a file belongs to the org named beside it: it is never sent elsewhere.
"""

import os
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from lht.exceptions import ConfigError
from lht.snowflake_url import is_url, parse_url, url_of

FILE_NAME: Final = "lht.toml"
DEFAULT_WAREHOUSE: Final = "duckdb:///lht.duckdb"
IN_MEMORY: Final = ":memory:"
SALESFORCE_FLAGS: Final = {
    "url": "--salesforce-url",
    "domain": "--salesforce-domain",
    "client_id": "--client-id",
    "client_secret": "--client-secret",
}
SALESFORCE_VARIABLES: Final = {
    name: f"LHT_SALESFORCE_{name.upper()}" for name in SALESFORCE_FLAGS
}
WAREHOUSE_FLAG: Final = "--warehouse"
WAREHOUSE_VARIABLE: Final = "LHT_WAREHOUSE"
KNOWN_SETTINGS: Final = {
    "salesforce": frozenset(SALESFORCE_FLAGS),
    "warehouse": frozenset({"url"}),
}
_TRY_WITHOUT: Final = "see it without an org of your own: lht demo"

Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and the place it was found in."""

    value: str = field(repr=False)  # it may be a secret
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SalesforceConnection:
    """An org and the means to enter it: client credentials, or a ready token."""

    url: str
    client_id: str | None = None
    client_secret: str | None = None
    token: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        shown = [f"url={self.url!r}"]
        if self.client_id:
            shown.append(f"client_id={self.client_id!r}")
        shown += [f"{n}='****'" for n in ("client_secret", "token") if getattr(self, n)]
        return f"SalesforceConnection({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class _Place:
    """One place in which settings may be."""

    name: str
    salesforce: Mapping[str, Setting]
    warehouse: Setting | None
    is_file: bool = False

    def org(self) -> Setting | None:
        """Return the origin of the org this place names, if it names one."""
        from lht.salesforce.auth import normalise_org_url

        url, domain = self.salesforce.get("url"), self.salesforce.get("domain")
        if url and domain:
            raise ConfigError(
                f"{url.source} and {domain.source} both name an org",
                hint="name it once",
            )
        named = url or domain
        return named and Setting(normalise_org_url(named.value), named.source)


def resolve_salesforce(
    *,
    url: str | None = None,
    domain: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    ask: Ask | None = None,
) -> SalesforceConnection:
    """Find the org and its credentials.

    Args:
        url: The org's URL; wins over every other place, as do the next three.
        domain: The subdomain of its My Domain, instead of *url*.
        client_id: Of the connected app.
        client_secret: Of the connected app; given here for loopback orgs only.
        ask: Asks a human for a missing secret, where there is one.

    Raises:
        ConfigError: Nothing names an org, or its credentials are not to be found;
            the message lists the places tried.
    """
    given = {
        "url": url,
        "domain": domain,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    places = list(_places(given))
    org = next(filter(None, (place.org() for place in places)), None)
    if org is None:
        raise _not_found("no Salesforce org is named", places, "an org")
    if client_secret and not _on_this_machine(org.value):
        raise ConfigError(
            f"a secret on the command line can be read by others: not for {org.value}",
            hint=f"set {SALESFORCE_VARIABLES['client_secret']} instead",
        )
    found = {"url": org}
    for name in ("client_id", "client_secret"):
        found[name] = _credential(name, org.value, places, ask)
    return SalesforceConnection(
        **{name: setting.value for name, setting in found.items()},
        sources={name: setting.source for name, setting in found.items()},
    )


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
    named = (place.warehouse for place in _places({}))
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
    elif scheme == text != IN_MEMORY and not Path(text).suffix and not _exists(text):
        if _is_word(text) and text in connections():
            return Setting(url_of(text), found.source)
        raise _no_warehouse(found)
    return found


def _no_warehouse(found: Setting) -> ConfigError:
    text = found.value
    if not _is_word(text):
        return ConfigError(
            f"{text!r} ({found.source}) is neither a URL nor a DuckDB file",
            hint=f"write duckdb:///{text}.duckdb",
        )
    return ConfigError(
        f"`{text}` ({found.source}) looks like a Snowflake virtual warehouse",
        hint="name the connection with -c, its compute is set there; for a file write"
        f" duckdb:///{text}.duckdb",
    )


def _is_word(text: str) -> bool:
    return Path(text).name == text and not Path(text).suffix


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110  unlike Path's, no error for any text


def config_folder() -> Path:
    """Return the folder of the user's own ``lht.toml`` (``LHT_HOME`` moves it)."""
    if home := os.environ.get("LHT_HOME"):
        return Path(home)
    base = os.environ.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME")
    return Path(base or Path.home() / ".config") / "lht"


def _places(given: Mapping[str, str | None]) -> Iterator[_Place]:
    yield _Place(
        "flags",
        {n: Setting(v, SALESFORCE_FLAGS[n]) for n, v in given.items() if v},
        None,
    )
    yield _environment()
    yield _file(_project_file() or Path(FILE_NAME))
    yield _file(config_folder() / FILE_NAME)


def _environment() -> _Place:
    salesforce = {
        name: Setting(os.environ[variable], variable)
        for name, variable in SALESFORCE_VARIABLES.items()
        if os.environ.get(variable)
    }
    warehouse = os.environ.get(WAREHOUSE_VARIABLE)
    return _Place(
        "variables LHT_*",
        salesforce,
        Setting(warehouse, WAREHOUSE_VARIABLE) if warehouse else None,
    )


def _project_file() -> Path | None:
    """Find the nearest file, upwards as far as the root of the repository."""
    here = Path.cwd()
    folders = [here, *here.parents]
    root = next((i for i, f in enumerate(folders) if (f / ".git").exists()), 0)
    return next(
        (f / FILE_NAME for f in folders[: root + 1] if (f / FILE_NAME).is_file()), None
    )


def _file(path: Path) -> _Place:
    name = str(path)
    if not path.is_file():
        return _Place(f"{name} (there is none)", {}, None, is_file=True)
    tables = _read(path)
    salesforce = {n: Setting(v, name) for n, v in tables["salesforce"].items()}
    if "client_secret" in salesforce:
        _check_secret_file(path, salesforce)
    url = tables["warehouse"].get("url")
    warehouse = Setting(_beside(path, url), name) if url else None
    return _Place(name, salesforce, warehouse, is_file=True)


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read", why=str(exc)) from exc
    for table in content:
        if table not in KNOWN_SETTINGS:
            raise _unknown(path, f"[{table}]", [f"[{t}]" for t in KNOWN_SETTINGS])
    return {t: _table(path, t, content.get(t, {})) for t in KNOWN_SETTINGS}


def _table(path: Path, name: str, content: Any) -> dict[str, str]:
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: {name} is not a table", hint=f"write [{name}]")
    for key, value in content.items():
        if key not in KNOWN_SETTINGS[name]:
            raise _unknown(path, f"{name}.{key}", sorted(KNOWN_SETTINGS[name]))
        if not isinstance(value, str):
            raise ConfigError(f"{path}: {name}.{key} is not a text")
    return content


def _unknown(path: Path, what: str, known: list[str]) -> ConfigError:
    return ConfigError(f"{path}: {what} is unknown", hint=f"known: {', '.join(known)}")


def _check_secret_file(path: Path, salesforce: Mapping[str, Setting]) -> None:
    others = 0o077
    if os.name != "nt" and path.stat().st_mode & others:
        raise ConfigError(
            f"{path} holds a secret and can be read by others",
            hint=f"chmod 600 {path}",
        )
    if not salesforce.keys() & {"url", "domain"}:
        raise ConfigError(
            f"{path} holds a client_secret and names no org it belongs to",
            hint="write url or domain beside it",
        )


def _beside(path: Path, url: str) -> str:
    """Take a relative DuckDB path in a file as relative to that file."""
    scheme, slashes, name = url.rpartition("duckdb:///")
    if scheme or "://" in name or name == IN_MEMORY:
        return url
    beside = path.parent / name
    if not slashes and _is_word(name) and not _exists(str(beside)):
        return url  # the name of a connection, perhaps
    return f"{slashes}{beside}"


def _credential(name: str, org: str, places: list[_Place], ask: Ask | None) -> Setting:
    for place in places:
        if name in place.salesforce and not (place.is_file and _other(place, org)):
            return place.salesforce[name]
    words = name.replace("_", " ")
    if ask and name == "client_secret":
        return Setting(ask(f"{words.capitalize()} of {org}: "), "the prompt")
    raise _not_found(f"no {words} for {org}", places, words, org)


def _other(place: _Place, org: str) -> bool:
    named = place.org()
    return named is not None and named.value != org


def _not_found(
    message: str, places: list[_Place], what: str, org: str | None = None
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
        hint=f"set {variable}, or {_TRY_WITHOUT}",
    )
