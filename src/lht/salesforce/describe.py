"""Metadata: what objects an org has, and what an object looks like."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from lht.exceptions import SalesforceAPIError
from lht.salesforce._bodies import Wire, read_json
from lht.salesforce.client import Reader
from lht.schema import Field, SObjectSchema

_COMPOUND_TYPES = {"address", "location"}
_MAX_DISTANCE = 2  # edits between a mistyped name and one worth suggesting
_MAX_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SObjectSummary:
    """One object in the org's list."""

    name: str
    label: str
    key_prefix: str | None
    queryable: bool
    replicateable: bool
    custom: bool
    deprecated: bool


def list_sobjects(client: Reader) -> list[SObjectSummary]:
    """Return all objects of the org that the run-as user may see, as listed."""
    found = client.request("GET", "sobjects").decode(_Global)
    return [SObjectSummary(**msgspec.structs.asdict(s)) for s in found.sobjects]


def read_sobject(client: Reader, name: str) -> SObjectSchema:
    """Return the schema of an object, its name given in any case.

    Raises:
        SalesforceAPIError: There is no such object for the run-as user; the hint
            names those that are spelled nearly so.
    """
    try:
        return parse_describe(client.request("GET", path_of(name)).content)
    except SalesforceAPIError as exc:
        if exc.error_code != "NOT_FOUND":
            raise
        known = [s.name for s in list_sobjects(client)]
        raise SalesforceAPIError(
            f"the org has no object {name!r} that this user may see",
            status=exc.status,
            error_code=exc.error_code,
            hint=_suggestion(name, known),
            sobject=name,
        ) from exc


def path_of(name: str) -> str:
    """Return where an object's schema is read."""
    return f"sobjects/{quote(name, safe='')}/describe"


def parse_describe(body: bytes) -> SObjectSchema:
    """Return the schema that a describe answer holds."""
    found = read_json(body, _Describe)
    return SObjectSchema(
        name=found.name,
        label=found.label,
        fields=tuple(map(_field, found.fields)),
        queryable=found.queryable,
        replicateable=found.replicateable,
    )


class _Summary(Wire, frozen=True):
    name: str
    label: str = ""
    key_prefix: str | None = None
    queryable: bool = True
    replicateable: bool = False
    custom: bool = False
    deprecated: bool = msgspec.field(name="deprecatedAndHidden", default=False)


class _Global(Wire, frozen=True):
    sobjects: list[_Summary]


class _Field(Wire, frozen=True):
    name: str
    type: str
    scale: int = 0
    calculated: bool = False
    filterable: bool = True
    soap_type: str = ""


class _Describe(Wire, frozen=True):
    name: str
    fields: list[_Field]
    label: str = ""
    queryable: bool = True
    replicateable: bool = False


def _field(f: _Field) -> Field:
    return Field(
        name=f.name,
        type=f.type,
        scale=f.scale,
        calculated=f.calculated,
        filterable=f.filterable,
        compound=_is_compound(f),
    )


def _is_compound(f: _Field) -> bool:
    """Whether the value is a structure, whose parts are fields of their own.

    Names that are put together (``Contact.Name``, ``Opportunity.Fiscal``) are plain
    text to the API, and ``compoundFieldName`` marks parts as well as parents.
    """
    return f.type in _COMPOUND_TYPES or f.soap_type.startswith("urn:")


def _suggestion(name: str, known: Iterable[str]) -> str:
    wanted = _bare(name)
    ranked = sorted((_distance(wanted, _bare(k)), k) for k in known)
    near = [k for d, k in ranked if d <= _MAX_DISTANCE][:_MAX_SUGGESTIONS]
    return f"did you mean {', '.join(near)}?" if near else "see: lht objects"


def _bare(name: str) -> str:
    return name.lower().removesuffix("__c")


def _distance(a: str, b: str) -> int:
    """Return the Levenshtein distance of two names."""
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        current = [i]
        for j, y in enumerate(b, 1):
            change = previous[j - 1] + (x != y)
            current.append(min(previous[j] + 1, current[j - 1] + 1, change))
        previous = current
    return previous[-1]
