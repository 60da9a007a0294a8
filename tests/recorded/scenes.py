"""The orgs in which recordings can happen again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scene:
    """An org in which the exchanges of a recording can happen again.

    Attributes:
        describes: Files below the data's folder that declare its objects, beside the
            describes in the recording itself and ``objects.txt``.
        masks: What to put in the place of what a recording has for versions and ids:
            masks, and versions that are not served any more, for which an old one is.
        settings: Of the org.
        in_order: Whether the order of keys is the one that the org answered.
    """

    describes: tuple[str, ...] = ()
    masks: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    in_order: bool = False


_STANDARD = "describe/soqlmeta-jawills/standard"
_ORGANIZATION = f"{_STANDARD}/Organization.json"
_OLD = {f"v{number}.0": "v37.0" for number in (20, 23, 24, 26)}

SCENES: Mapping[str, Scene] = {
    "airbyte": Scene(in_order=True),
    "amp-labs": Scene(in_order=True),
    "amp-labs describes": Scene(in_order=True),
    "bulk2": Scene(in_order=True),
    "ceelias-graph": Scene(in_order=True),
    "cumulusci": Scene(
        in_order=True,
        describes=(_ORGANIZATION,),
        masks={
            "vxx.0": "v62.0",
            "00D0xORGID00000000": "00D0xORGID00000E5A",
            "0010xACCOUNTID0000": "0010xACCOUNTID0A5P",
        },
    ),
    "errors": Scene(),
    "python-salesforce-api": Scene(settings={"plain_fault_codes": True}),
    "restforce": Scene(
        describes=(_ORGANIZATION,),
        masks={**_OLD, "00Dx0000000BV7z": "00Dx0000000BV7zEAG"},
        settings={"password_refusal": "authentication failure - Invalid Password"},
    ),
    "restforce describes": Scene(masks=_OLD),
    "restforce-db": Scene(in_order=True, masks={"<api_version>": "v31.0"}),
    "salesforcepy": Scene(),
    "snowfakery": Scene(
        in_order=True,
        describes=(f"{_STANDARD}/Contract.json",),
        masks={"vxx.0": "v50.0", "001ACCOUNTID": "001ACCOUNTID000Y5D"},
    ),
    "spring-social": Scene(),
}
