"""What describes of earlier API versions do not have yet.

Most of it is known by recordings alone: a key counts from the first version on in which
one has been seen, if it is missing in an earlier one.

Source: describes recorded at v29, v37, v41, v48 and v50; SOAP API Developer Guide,
"DescribeSObjectResult", for ``actionOverrides`` and ``associate...``.
"""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

_LAST_CHANGE = 50

_SINCE = {
    "actionOverrides": 32,
    "mruEnabled": 37,
    "hasSubtypes": 41,
    "isSubtype": 41,
    "namedLayoutInfos": 41,
    "networkScopeFieldName": 41,
    "supportedScopes": 41,
    "deepCloneable": 48,
    "defaultImplementation": 48,
    "extendedBy": 48,
    "extendsInterfaces": 48,
    "implementedBy": 48,
    "implementsInterfaces": 48,
    "isInterface": 48,
    "associateEntityType": 50,
    "associateParentEntity": 50,
    "sobjectDescribeOption": 50,
}
_SINCE_WITHIN = {
    "fields": {
        "aggregatable": 41,
        "compoundFieldName": 41,
        "encrypted": 41,
        "extraTypeInfo": 41,
        "filteredLookupInfo": 41,
        "highScaleNumber": 41,
        "mask": 41,
        "maskType": 41,
        "polymorphicForeignKey": 41,
        "queryByDistance": 41,
        "referenceTargetField": 41,
        "searchPrefilterable": 41,
        "aiPredictionField": 48,
        "formulaTreatNullNumberAsZero": 48,
    },
    "childRelationships": {"junctionIdListNames": 41, "junctionReferenceTo": 41},
    "recordTypeInfos": {"active": 41, "master": 41, "developerName": 48},
}


def as_of(version: str, described: Json) -> dict[str, Any]:
    """Leave out of a describe, full or in brief, what a version does not have yet."""
    number = float(version)
    if number >= _LAST_CHANGE:
        return dict(described)
    kept = _known(described, _SINCE, number)
    for name, since in _SINCE_WITHIN.items():
        if name in kept:
            kept[name] = [_known(entry, since, number) for entry in kept[name]]
    return kept


def _known(entry: Json, since: Mapping[str, int], number: float) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if since.get(key, 0) <= number}
