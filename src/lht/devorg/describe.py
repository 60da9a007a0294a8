"""Describe answers, rendered from the declared metadata with the full recorded keys.

Pure functions: metadata in, JSON-ready dictionaries out, keys in the order in which
a real org sends them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lht.devorg.describe_versions import as_of
from lht.devorg.metadata import Field, Metadata, PicklistValue, SObject

Json = dict[str, Any]

MASTER_RECORD_TYPE_ID = "012000000000000AAA"


def render_global(metadata: Metadata, api_version: str) -> Json:
    """Render the answer of ``GET /sobjects``: every object in brief, by name."""
    sobjects = sorted(metadata.sobjects, key=lambda sobject: sobject.name)
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [_brief(sobject, api_version) for sobject in sobjects],
    }


def render_describe(
    sobject: SObject,
    metadata: Metadata,
    api_version: str,
    record_types: Iterable[Mapping[str, Any]] = (),
    *,
    origin: str = "",
) -> Json:
    """Render the answer of ``GET /sobjects/X/describe``.

    Args:
        sobject: The object described.
        metadata: All objects, for the child relationships.
        api_version: Such as ``62.0``.
        record_types: The org's RecordType rows (any object's), as stored.
        origin: The org's own URL, for the links to pages.
    """
    path = f"/services/data/v{api_version}/sobjects/{sobject.name}"
    flags = _flags(sobject)
    rendered = {
        "actionOverrides": [],
        "activateable": flags["activateable"],
        "associateEntityType": None,
        "associateParentEntity": None,
        "childRelationships": list(_child_relationships(sobject, metadata)),
        "compactLayoutable": sobject.compact_layoutable,
        **_between(flags, "createable", "deepCloneable"),
        "defaultImplementation": None,
        **_between(flags, "deletable", "deprecatedAndHidden"),
        "extendedBy": None,
        "extendsInterfaces": None,
        "feedEnabled": flags["feedEnabled"],
        "fields": [render_field(field) for field in sobject.fields],
        "hasSubtypes": flags["hasSubtypes"],
        "implementedBy": None,
        "implementsInterfaces": None,
        **_between(flags, "isInterface", "layoutable"),
        "listviewable": None,
        "lookupLayoutable": None,
        **_between(flags, "mergeable", "name"),
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "queryable": flags["queryable"],
        "recordTypeInfos": list(_record_type_infos(sobject, path, record_types)),
        **_between(flags, "replicateable", "retrieveable"),
        "searchLayoutable": sobject.search_layoutable,
        "searchable": flags["searchable"],
        "sobjectDescribeOption": "FULL",
        "supportedScopes": list(_scopes(sobject)),
        **_between(flags, "triggerable", "updateable"),
        "urls": _urls(sobject, path, origin),
    }
    return as_of(api_version, rendered | dict(sobject.described))


def _brief(sobject: SObject, api_version: str) -> Json:
    path = f"/services/data/v{api_version}/sobjects/{sobject.name}"
    pages = {"uiDetailTemplate", "uiEditTemplate", "uiNewRecord"}
    urls = _urls(sobject, path, "")
    flags = _flags(sobject)
    described = {k: value for k, value in sobject.described.items() if k in flags}
    links = {name: url for name, url in urls.items() if name not in pages}
    return as_of(api_version, {**flags, **described, "urls": links})


def _flags(sobject: SObject) -> Json:
    """Render what describe and describe global both say of an object."""
    return {
        "activateable": sobject.activateable,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.createable,
        "custom": sobject.custom,
        "customSetting": sobject.custom_setting,
        "deepCloneable": sobject.deep_cloneable,
        "deletable": sobject.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": sobject.feed_enabled,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": sobject.layoutable,
        "mergeable": sobject.mergeable,
        "mruEnabled": sobject.mru_enabled,
        "name": sobject.name,
        "queryable": sobject.queryable,
        "replicateable": sobject.replicateable,
        "retrieveable": sobject.retrieveable,
        "searchable": sobject.searchable,
        "triggerable": sobject.triggerable,
        "undeletable": sobject.undeletable,
        "updateable": sobject.updateable,
    }


def _between(flags: Json, first: str, last: str) -> Json:
    """Take the run of keys from *first* to *last*, both included."""
    keys = list(flags)
    return {key: flags[key] for key in keys[keys.index(first) : keys.index(last) + 1]}


def _urls(sobject: SObject, path: str, origin: str) -> dict[str, str]:
    """List an object's resources; objects without layouts have fewer."""
    if sobject.links is not None:
        return {
            name: link.replace("{path}", path).replace("{origin}", origin)
            for name, link in sobject.links.items()
        }
    pages = {
        "uiDetailTemplate": f"{origin}/{{ID}}",
        "uiEditTemplate": f"{origin}/{{ID}}/e",
        "uiNewRecord": f"{origin}/{sobject.key_prefix}/e",
    }
    urls = {
        "compactLayouts": f"{path}/describe/compactLayouts",
        "rowTemplate": f"{path}/{{ID}}",
        "approvalLayouts": f"{path}/describe/approvalLayouts",
        "uiDetailTemplate": pages["uiDetailTemplate"],
        "uiEditTemplate": pages["uiEditTemplate"],
        "listviews": f"{path}/listviews",
        "describe": f"{path}/describe",
        "uiNewRecord": pages["uiNewRecord"],
        "quickActions": f"{path}/quickActions",
        "layouts": f"{path}/describe/layouts",
        "sobject": path,
    }
    if sobject.layoutable:
        return urls
    return {name: urls[name] for name in ("rowTemplate", "describe", "sobject")}


def _child_relationships(sobject: SObject, metadata: Metadata) -> Iterator[Json]:
    """Find every reference field of any object that can point here.

    Where the object's own describe lists them, others are those of objects that it
    cannot know: such as have no describe themselves.
    """
    listed = {(c["childSObject"], c["field"]) for c in sobject.children or ()}
    yield from map(dict, sobject.children or ())
    for child in sorted(metadata.sobjects, key=lambda other: other.name):
        if sobject.children is not None and child.children is not None:
            continue
        for field in child.fields:
            known = (child.name, field.name) in listed
            if sobject.name in field.reference_to and not known:
                yield _child_relationship(child, field)


def _child_relationship(child: SObject, field: Field) -> Json:
    return {
        "cascadeDelete": field.cascade_delete,
        "childSObject": child.name,
        "deprecatedAndHidden": False,
        "field": field.name,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": field.child_relationship_name,
        "restrictedDelete": field.restricted_delete,
    }


def _record_type_infos(
    sobject: SObject, path: str, record_types: Iterable[Mapping[str, Any]]
) -> Iterator[Json]:
    """Render the object's own record types, then the master one all objects have."""
    if not sobject.layoutable or sobject.custom_setting:
        return
    own = [row for row in record_types if row["SobjectType"] == sobject.name]
    for position, row in enumerate(own):
        yield _record_type(
            path,
            row["Id"],
            name=row["Name"],
            developer_name=row["DeveloperName"],
            active=bool(row["IsActive"]),
            default=position == 0,
        )
    yield _record_type(
        path,
        MASTER_RECORD_TYPE_ID,
        name="Master",
        developer_name="Master",
        active=True,
        default=not own,
    )


def _record_type(
    path: str, id_: str, *, name: str, developer_name: str, active: bool, default: bool
) -> Json:
    return {
        "active": active,
        "available": active,
        "defaultRecordTypeMapping": default,
        "developerName": developer_name,
        "master": id_ == MASTER_RECORD_TYPE_ID,
        "name": name,
        "recordTypeId": id_,
        "urls": {"layout": f"{path}/describe/layouts/{id_}"},
    }


def _scopes(sobject: SObject) -> Iterator[Json]:
    """Offer all records, and where records have owners, one's own and the team's."""
    plural = sobject.label_plural.lower()
    if not sobject.custom_setting:
        yield {"label": f"All {plural}", "name": "everything"}
    if "ownerid" in sobject.by_name:
        yield {"label": f"My {plural}", "name": "mine"}
        yield {"label": f"My team's {plural}", "name": "team"}


def render_field(field: Field) -> Json:
    """Render one field of a describe.

    What a delete of the parent does is told on the field only where the field is
    custom; for standard fields only the parent's childRelationships tell.
    """
    rendered = {
        "aggregatable": field.aggregatable,
        "aiPredictionField": False,
        "autoNumber": field.auto_number is not None,
        "byteLength": field.byte_length,
        "calculated": field.calculated,
        "calculatedFormula": field.formula_source,
        "cascadeDelete": field.cascade_delete and field.custom,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound_name,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default_value,
        "defaultValueFormula": field.default_formula,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.digits,
        "displayLocationInDecimal": field.display_location_in_decimal,
        "encrypted": field.encrypted,
        "externalId": field.external_id,
        "extraTypeInfo": field.extra_type_info,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": field.formula_treats_null_as_zero,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": field.html_formatted,
        "idLookup": field.id_lookup,
        "inlineHelpText": field.help_text,
        "label": field.label,
        "length": field.length,
        "mask": field.mask,
        "maskType": field.mask_type,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.name_pointing,
        "nillable": field.nillable,
        "permissionable": field.permissionable,
        "picklistValues": [_picklist_value(value) for value in field.picklist],
        "polymorphicForeignKey": field.polymorphic,
        "precision": field.precision,
        "queryByDistance": field.query_by_distance,
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": field.relationship_order,
        "restrictedDelete": field.restricted_delete and field.custom,
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale,
        "searchPrefilterable": field.search_prefilterable,
        "soapType": field.soap_type,
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": field.write_requires_master_read,
    }
    return rendered | dict(field.described)


def _picklist_value(value: PicklistValue) -> Json:
    return {
        "active": value.active,
        "defaultValue": value.default,
        "label": value.label,
        "validFor": None,
        "value": value.value,
    }
