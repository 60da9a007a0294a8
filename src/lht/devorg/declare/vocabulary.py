"""The words of a declaration: types, and what each word on a line means."""

from typing import Any

Attributes = dict[str, Any]

_TEXT: Attributes = {"length": 255}
_NUMBER: Attributes = {"groupable": False, "soap_type": "xsd:double"}
_LONG: Attributes = {
    "filterable": False,
    "sortable": False,
    "groupable": False,
    "aggregatable": False,
}
_COMPOUND: Attributes = {
    "createable": False,
    "updateable": False,
    "sortable": False,
    "groupable": False,
    "aggregatable": False,
    "permissionable": True,
    "bulk": False,
}

TYPES: dict[str, Attributes] = {
    "id": {
        "length": 18,
        "soap_type": "tns:ID",
        "nillable": False,
        "createable": False,
        "updateable": False,
        "defaulted_on_create": True,
        "id_lookup": True,
    },
    "reference": {"length": 18, "soap_type": "tns:ID"},
    "string": _TEXT,
    "picklist": _TEXT,
    "combobox": _TEXT | {"groupable": False},
    "url": _TEXT,
    "email": {"length": 80},
    "phone": {"length": 40},
    "textarea": _TEXT | {"extra_type_info": "plaintextarea"},
    "multipicklist": {
        "length": 4099,
        "precision": 4,
        "sortable": False,
        "groupable": False,
        "aggregatable": False,
    },
    "encryptedstring": _LONG
    | {
        "length": 175,
        "encrypted": True,
        "mask": "********",
        "mask_type": "all",
    },
    "boolean": {
        "soap_type": "xsd:boolean",
        "nillable": False,
        "aggregatable": False,
        "defaulted_on_create": True,
        "default_value": False,
    },
    "int": {"soap_type": "xsd:int", "digits": 9},
    "double": _NUMBER | {"precision": 18},
    "currency": _NUMBER | {"precision": 18, "scale": 2},
    "percent": _NUMBER | {"precision": 18, "scale": 2},
    "date": {"soap_type": "xsd:date"},
    "datetime": {"soap_type": "xsd:dateTime", "groupable": False},
    "time": {"soap_type": "xsd:time", "aggregatable": False},
    "base64": _LONG | {"soap_type": "xsd:base64Binary", "bulk": False},
    "address": _COMPOUND | {"soap_type": "urn:address", "query_by_distance": True},
    "location": _COMPOUND | {"soap_type": "urn:location", "query_by_distance": True},
    "anyType": _TEXT
    | {"soap_type": "xsd:anyType", "groupable": False, "sortable": False},
    "datacategorygroupreference": {"length": 80},
}
"""What a field of each type is unless its line says otherwise."""

ODD_TYPES: dict[str, Attributes] = {
    "long": {"soap_type": "xsd:long"},
    "json": _LONG | {"length": 131072, "soap_type": "tns:json"},
    "complexvalue": _LONG
    | {"length": 131072, "createable": False, "updateable": False},
}
"""Types that only describes of real orgs have, on objects of the platform itself."""

WORDS: dict[str, Attributes] = {
    "required": {"nillable": False},
    "readonly": {"createable": False, "updateable": False},
    "create": {"createable": True},
    "update": {"updateable": True},
    "filter": {"filterable": True},
    "sort": {"sortable": True},
    "group": {"groupable": True},
    "aggregate": {"aggregatable": True},
    "permission": {"permissionable": True},
    "prefilter": {"search_prefilterable": True},
    "defaulted": {"defaulted_on_create": True},
    "name": {"name_field": True},
    "pointing": {"name_pointing": True},
    "unique": {"unique": True},
    "cased": {"case_sensitive": True},
    "external": {"external_id": True, "id_lookup": True},
    "lookup": {"id_lookup": True},
    "restricted": {"restricted_picklist": True},
    "long": _LONG,
    "rich": _LONG | {"html_formatted": True, "extra_type_info": "richtextarea"},
    "decimal": {"display_location_in_decimal": True},
    "cascade": {"cascade_delete": True},
    "restrict": {"restricted_delete": True},
    "detail": {
        "cascade_delete": True,
        "nillable": False,
        "updateable": False,
        "relationship_order": 0,
    },
    "zeronulls": {"formula_treats_null_as_zero": True},
    "bulk": {"bulk": True},
    "preference": {
        "sortable": False,
        "groupable": False,
        "permissionable": False,
        "defaulted_on_create": False,
        "default_value": None,
    },
}
"""Words on a field's line; ``!word`` sets the opposite of a word's booleans."""

KEYS: dict[str, str] = {
    "bytes": "byte_length",
    "in": "compound_name",
    "extra": "extra_type_info",
    "as": "relationship_name",
    "children": "child_relationship_name",
    "auto": "auto_number",
    "default": "default_value",
    "help": "help_text",
    "order": "relationship_order",
    "rollup": "rollup",
}
"""``key=value`` words on a field's line."""

WHOLE_KEYS = {"bytes", "order"}
"""The keys whose values are whole numbers."""

OBJECT_WORDS: dict[str, str] = {
    "activate": "activateable",
    "bulk": "bulk",
    "clone": "deep_cloneable",
    "compact": "compact_layoutable",
    "create": "createable",
    "delete": "deletable",
    "feed": "feed_enabled",
    "layout": "layoutable",
    "merge": "mergeable",
    "mru": "mru_enabled",
    "query": "queryable",
    "replicate": "replicateable",
    "retrieve": "retrieveable",
    "search": "searchable",
    "searchlayout": "search_layoutable",
    "setting": "custom_setting",
    "trigger": "triggerable",
    "undelete": "undeletable",
    "update": "updateable",
}
"""Words on an object's line and the attribute each of them sets."""
