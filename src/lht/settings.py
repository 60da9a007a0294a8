"""The places in which settings may be: flags, variables, files.

A secret in a file belongs to the org named beside it: it is never sent elsewhere.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lht.exceptions import ConfigError

FILE_NAME: Final = "lht.toml"
IN_MEMORY: Final = ":memory:"
SALESFORCE_FLAGS: Final = {
    "url": "--salesforce-url",
    "domain": "--salesforce-domain",
    "target_org": "--target-org",
    "client_id": "--client-id",
    "client_secret": "--client-secret",
}
SECRETS: Final = (
    "client_secret",
    "password",
    "security_token",
    "private_key",
    "private_key_passphrase",
    "refresh_token",
    "access_token",
)
SALESFORCE_SETTINGS: Final = tuple(
    dict.fromkeys((*SALESFORCE_FLAGS, "username", "private_key_file", *SECRETS))
)
SALESFORCE_VARIABLES: Final = {
    name: f"LHT_SALESFORCE_{name.upper()}" for name in SALESFORCE_SETTINGS
}
WAREHOUSE_FLAG: Final = "--warehouse"
WAREHOUSE_VARIABLE: Final = "LHT_WAREHOUSE"
# What decides how to log in; with none of them it is client credentials.
WAYS: Final = (
    "access_token",
    "private_key",
    "private_key_file",
    "refresh_token",
    "password",
)
_ORGS: Final = ("url", "domain", "target_org")
_OTHERS: Final = 0o077  # what a file lets others do
KNOWN_SETTINGS: Final = {
    "salesforce": frozenset(SALESFORCE_SETTINGS),
    "warehouse": frozenset({"url"}),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and the place it was found in."""

    value: str = field(repr=False)  # it may be a secret
    source: str


@dataclass(frozen=True, slots=True)
class Place:
    """One place in which settings may be."""

    name: str
    salesforce: Mapping[str, Setting]
    warehouse: Setting | None
    is_file: bool = False

    def org(self) -> Setting | None:
        """Return the origin, or the alias, of the org this place names."""
        from lht.salesforce.auth import normalise_org_url

        named = [self.salesforce[n] for n in _ORGS if n in self.salesforce]
        if len(named) > 1:
            raise ConfigError(
                f"{named[0].source} and {named[1].source} both name an org",
                hint="name it once",
            )
        if not named or self.names_login:
            return next(iter(named), None)
        return Setting(normalise_org_url(named[0].value), named[0].source)

    @property
    def names_login(self) -> bool:
        """Whether the org is one that the Salesforce CLI is logged in to."""
        return "target_org" in self.salesforce

    def way_in(self) -> Setting | None:
        """Return the setting that decides how to log in, by its name.

        Raises:
            ConfigError: Several do.
        """
        found = [n for n in WAYS if n in self.salesforce]
        if len(found) > 1:
            raise ConfigError(
                f"{self.name}: {' and '.join(found)} are each a way to log in",
                hint="keep one of them",
            )
        return Setting(found[0], self.name) if found else None


def config_folder() -> Path:
    """Return the folder of the user's own ``lht.toml`` (``LHT_HOME`` moves it)."""
    if home := os.environ.get("LHT_HOME"):
        return Path(home)
    base = os.environ.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME")
    return Path(base or Path.home() / ".config") / "lht"


def iter_places(given: Mapping[str, str | None]) -> Iterator[Place]:
    """Yield the places in the order in which they count; flags are *given*."""
    yield Place(
        "flags",
        {n: Setting(v, SALESFORCE_FLAGS[n]) for n, v in given.items() if v},
        None,
    )
    yield _environment()
    yield _file(_project_file() or Path(FILE_NAME))
    yield _file(config_folder() / FILE_NAME)


def _environment() -> Place:
    salesforce = {
        name: Setting(os.environ[variable], variable)
        for name, variable in SALESFORCE_VARIABLES.items()
        if os.environ.get(variable)
    }
    warehouse = os.environ.get(WAREHOUSE_VARIABLE)
    return Place(
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


def _file(path: Path) -> Place:
    name = str(path)
    if not path.is_file():
        return Place(f"{name} (there is none)", {}, None, is_file=True)
    tables = _read(path)
    salesforce = {n: Setting(v, name) for n, v in tables["salesforce"].items()}
    secrets = [n for n in SECRETS if n in salesforce]
    if secrets:
        check_private(path, "a secret")
        if not salesforce.keys() & {"url", "domain"}:
            raise ConfigError(
                f"{path} holds a {secrets[0]} and names no org it belongs to",
                hint="write url or domain beside it",
            )
    if key := salesforce.get("private_key_file"):
        beside = path.parent / Path(key.value).expanduser()
        salesforce["private_key_file"] = Setting(str(beside), name)
    url = tables["warehouse"].get("url")
    warehouse = Setting(_beside(path, url), name) if url else None
    return Place(name, salesforce, warehouse, is_file=True)


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


def check_private(path: Path, what: str) -> None:
    """See that a file is for its owner only.

    Raises:
        ConfigError: Others can read it.
    """
    if os.name != "nt" and path.is_file() and path.stat().st_mode & _OTHERS:
        raise ConfigError(
            f"{path} holds {what} and can be read by others",
            hint=f"chmod 600 {path}",
        )


def _beside(path: Path, url: str) -> str:
    """Take a relative DuckDB path in a file as relative to that file."""
    scheme, slashes, name = url.rpartition("duckdb:///")
    if scheme or "://" in name or name == IN_MEMORY:
        return url
    beside = path.parent / name
    if not slashes and is_word(name) and not exists(str(beside)):
        return url  # the name of a connection, perhaps
    return f"{slashes}{beside}"


def is_word(text: str) -> bool:
    """Whether a text is neither a path nor the name of a file."""
    return Path(text).name == text and not Path(text).suffix


def exists(path: str) -> bool:
    """Whether there is a file of this name."""
    return os.path.exists(path)  # noqa: PTH110  unlike Path's, no error for any text
