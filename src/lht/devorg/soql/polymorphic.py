"""One table of all that a polymorphic reference may point to."""

from collections.abc import Mapping, Sequence

from lht.devorg.metadata import Field, SObject

TYPE = Field(name="Type", type="string", label="Type")
"""What a polymorphic parent's ``Type`` is: not stored, its id tells it."""

# What can be asked of a parent when it may be of several types.
_NAME_FIELDS = (
    "Id",
    "Name",
    "FirstName",
    "LastName",
    "Alias",
    "Email",
    "Phone",
    "Title",
    "Username",
    "IsActive",
    "ProfileId",
    "UserRoleId",
)


def any_of(targets: Sequence[SObject]) -> tuple[SObject, str]:
    """Make one table of all that a polymorphic reference may point to."""
    fields = _common_fields(targets)
    sobject = SObject(
        name="Name",
        label="Name",
        label_plural="Names",
        key_prefix=None,
        fields=(*fields.values(), TYPE),
    )
    selects = (_select_common(target, fields) for target in targets)
    return sobject, f"({' UNION ALL BY NAME '.join(selects)})"


def _common_fields(targets: Sequence[SObject]) -> Mapping[str, Field]:
    """Take the fields that one can ask of any of *targets*."""
    found = {}
    for name in _NAME_FIELDS:
        for target in targets:
            own = (
                _name_field(target)
                if name == "Name"
                else target.by_name.get(name.lower())
            )
            if own is not None and own.stored:
                found[name] = own
                break
    if "Name" in found:
        found["Name"] = Field(name="Name", type="string", label="Name", length=255)
    return found


def _name_field(sobject: SObject) -> Field | None:
    return next((f for f in sobject.fields if f.name_field), None)


def _select_common(target: SObject, fields: Mapping[str, Field]) -> str:
    columns = []
    for name in fields:
        own = (
            _name_field(target) if name == "Name" else target.by_name.get(name.lower())
        )
        if own is not None and own.stored:
            columns.append(f'"{own.name}" AS "{name}"')
    return f'SELECT {", ".join(columns)} FROM "{target.name}"'


def type_of(key: str, targets: Sequence[SObject]) -> str:
    """Return SQL for the name of the type that an id is of."""
    cases = " ".join(
        f"WHEN '{target.key_prefix}' THEN '{target.name}'"
        for target in targets
        if target.key_prefix
    )
    return f"CASE left({key}, 3) {cases} END" if cases else "CAST(NULL AS VARCHAR)"
