"""From the drafts of all files to the metadata of an org.

What one object's file says of another is settled here: roll-ups, what parents know of
their children, objects that are only referred to, prefixes that two of them claim.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lht.devorg.declare import prefixes
from lht.devorg.declare.attributes import complete, of_type, parts_of, sobject_named
from lht.devorg.declare.draft import DeclarationError, Draft, Drafts
from lht.devorg.declare.lines import LineReader
from lht.devorg.describe import render_describe, render_field
from lht.devorg.metadata import Declared, Field, Metadata, Rollup, SObject

Json = Mapping[str, Any]

_SETTLED = {"name", "fields", "childRelationships", "urls"}
"""Keys of a describe that are never taken as they came."""

_BRIEF = "declared in brief, as others refer to it and no file has it"


def finish(drafts: Drafts) -> Metadata:
    """Settle what the drafts say of each other, and build the metadata."""
    _link_children(drafts)
    _settle_rollups(drafts)
    chosen = prefixes.assign(drafts)
    built = tuple(_build(draft, chosen[draft.name]) for draft in drafts)
    others = [draft for draft in drafts if not draft.is_own]
    declared = Declared(
        objects=tuple(draft.name for draft in others),
        fields=sum(len(draft.fields.keys() - draft.own_fields) for draft in others),
        notes=tuple(drafts.notes()),
    )
    return Metadata(sobjects=built, declared=declared)


def declare_missing(drafts: Drafts, lines: LineReader) -> None:
    """See that every reference in files has an object that it can refer to.

    It is declared in brief: what every object has, and a name. Of the many objects that
    some fields may refer to, one is enough: ids of the others are taken as they come.
    """
    for draft in [draft for draft in drafts if not draft.is_own]:
        for field in list(draft.fields.values()):
            if field.name in draft.own_fields:
                continue
            if field.reference_to and not any(map(drafts.find, field.reference_to)):
                name = field.reference_to[0]
                _declare_briefly(drafts, lines, name)
                drafts.note(_BRIEF, f"{name} (for {draft.name}.{field.name})")


def _declare_briefly(drafts: Drafts, lines: LineReader, name: str) -> None:
    draft = Draft(sobject_named(name), name, is_partial=True)
    drafts.put(draft)
    lines.use(draft, "custom_detail")
    draft.fields["Name"] = complete(
        of_type("string") | {"name": "Name", "name_field": True, "id_lookup": True}
    )
    lines.use(draft, "audit")
    draft.own_fields = frozenset(draft.fields)


def _link_children(drafts: Drafts) -> None:
    """Tell reference fields what the describes of their parents say of them."""
    for parent in drafts:
        for entry in (parent.describe or {}).get("childRelationships") or ():
            child = drafts.find(entry["childSObject"])
            field = child.find(entry["field"]) if child else None
            if child is None or field is None or child.describe is None:
                continue
            child.fields[field.name] = dataclasses.replace(
                field,
                child_relationship_name=field.child_relationship_name
                or entry.get("relationshipName"),
                cascade_delete=field.cascade_delete or bool(entry.get("cascadeDelete")),
                restricted_delete=field.restricted_delete
                or bool(entry.get("restrictedDelete")),
            )


def _settle_rollups(drafts: Drafts) -> None:
    """Refuse roll-ups over what is not declared, or keep no more than their values.

    The files of an org may be a part of all it has; a declaration is written as one.
    """
    for draft in drafts:
        for field in list(draft.fields.values()):
            if field.rollup is None or _is_known(drafts, field.rollup):
                continue
            where = f"{draft.name}.{field.name}"
            if not draft.is_partial:
                text = f"{where}: its roll-up names an undeclared child field"
                raise DeclarationError(text)
            drafts.note("a roll-up over what no file declares is never summed", where)
            kept = dataclasses.replace(field, rollup=None, computed=True)
            draft.fields[field.name] = kept


def _is_known(drafts: Drafts, rollup: Rollup) -> bool:
    child = drafts.find(rollup.child)
    names = filter(None, (rollup.child_reference, rollup.child_field))
    return child is not None and all(child.find(name) for name in names)


def _build(draft: Draft, key_prefix: str) -> SObject:
    """Join an object and its fields; add what else its describe said of both."""
    fields = tuple(_build_fields(draft))
    sobject = dataclasses.replace(
        draft.sobject, fields=fields, rows=tuple(draft.rows), key_prefix=key_prefix
    )
    if draft.describe is None:
        return sobject
    listed = draft.describe.get("childRelationships")
    bare = dataclasses.replace(sobject, fields=())  # each field is compared by itself
    rendered = render_describe(bare, Metadata(), "62.0")
    return dataclasses.replace(
        sobject,
        described=_said_besides(draft.describe, rendered),
        children=None if listed is None else tuple(listed),
        links=_links(draft.describe.get("urls"), draft.name),
    )


def _links(urls: Any, name: str) -> dict[str, str] | None:
    """Take version and host out of the links of a describe; None if it has none."""
    if not isinstance(urls, dict) or not urls:
        return None
    own = re.compile(rf"/services/data/v[^/]+/sobjects/{name}(?![^/])")
    return {
        key: re.sub(r"^https?://[^/]+", "{origin}", own.sub("{path}", url))
        for key, url in urls.items()
        if isinstance(url, str)
    }


def _build_fields(draft: Draft) -> Iterator[Field]:
    for field in draft.fields.values():
        changes: dict[str, Any] = {}
        given = draft.field_describes.get(field.name)
        if given:
            changes["described"] = _said_besides(given, render_field(field))
        parts = tuple(parts_of(field, draft.fields.values()))
        if parts:
            changes["parts"] = parts
        yield dataclasses.replace(field, **changes) if changes else field


def _said_besides(given: Json, rendered: Json) -> Json:
    """Take what a describe says and ours would not."""
    return {
        key: value
        for key, value in given.items()
        if key not in _SETTLED and (key not in rendered or rendered[key] != value)
    }
