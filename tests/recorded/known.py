"""The differences that there are, each with its reason.

Each of them must be found: one that is gone has to leave the list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from tests.recorded.comparing import Difference


@dataclass(frozen=True, kw_only=True)
class Known:
    """A difference that is there, and why.

    Attributes:
        recording: Where it is found.
        kind: What the exchange does in which it is found.
        what: The kind of difference: ``more`` is what only we answer.
        at: Where in the answer, as a pattern.
        why: The reason.
    """

    recording: str
    kind: str
    what: str
    at: str
    why: str

    def covers(self, recording: str, kind: str, found: Difference) -> bool:
        """Whether a difference is this one."""
        where = (recording, kind, found.what) == (self.recording, self.kind, self.what)
        return where and fnmatchcase(found.at, self.at)


def known_differences(
    recording: str, kind: str, found: Sequence[Difference]
) -> tuple[list[Difference], set[Known]]:
    """Tell the differences that have no reason, and the known ones that were met."""
    unknown, met = [], set()
    for difference in found:
        reasons = {one for one in KNOWN if one.covers(recording, kind, difference)}
        met |= reasons
        if not reasons:
            unknown.append(difference)
    return unknown, met


def _each(
    why: str, recordings: str, kinds: str, what: str, *places: str
) -> Iterator[Known]:
    for recording, kind, at in product(
        recordings.split(", "), kinds.split(", "), places
    ):
        yield Known(recording=recording, kind=kind, what=what, at=at, why=why)


_RELEASE = "the org is of a later release"
_WITHOUT_CHATTER = "there is no Chatter"
_BY_HAND = "made or changed by hand"
_LINKS = "which links an object has, only a full describe of it tells"
_FLAGS = "flags of objects are not the same in all orgs and releases"
_OTHER_ORG = "declared by the describe of another org"
_NOT_SERVED = "a resource that is not served"
_USER = "the user has other settings"
_PART = "compositeResponse.*"
_USER_INFO = "soap:Envelope.soap:Body.c:loginResponse.c:result.c:userInfo"

KNOWN: tuple[Known, ...] = (
    # ------------------------------------------------------------------------- logins
    *_each(
        "logins did not tell their scope before 2016",
        "python-salesforce-api, restforce, restforce-db, salesforcepy, spring-social",
        "login",
        "more",
        "scope",
    ),
    *_each(
        "logins did not tell the type of their token in 2010",
        "restforce, spring-social",
        "login",
        "more",
        "token_type",
    ),
    *_each(_RELEASE, "restforce-db", "login, resources", "order", ""),
    *_each(_BY_HAND, "restforce", "login", "form", "access_token"),
    *_each(
        _RELEASE,
        "salesforcepy",
        "soap login",
        "more",
        f"{_USER_INFO}.c:chatterExternal",
        f"{_USER_INFO}.c:orgDefaultCurrencyLocale",
    ),
    *_each(
        "the org is one of several currencies, the user has a role",
        "python-salesforce-api",
        "soap login",
        "type",
        f"{_USER_INFO}.c:currencySymbol",
        f"{_USER_INFO}.c:orgDefaultCurrencyIsoCode",
        f"{_USER_INFO}.c:orgDefaultCurrencyLocale",
        f"{_USER_INFO}.c:roleId",
        f"{_USER_INFO}.c:userDefaultCurrencyIsoCode",
    ),
    # ------------------------------------------------------------------------ identity
    *_each(_USER, "restforce-db", "identity", "type", "addr_country", "addr_zip"),
    *_each(
        "the application is not a package that is installed",
        "restforce-db",
        "identity",
        "missing",
        "is_app_installed",
    ),
    *_each(
        _RELEASE,
        "restforce-db",
        "identity",
        "more",
        "is_lightning_login_user",
        "urls.tooling_rest",
    ),
    *_each(
        _WITHOUT_CHATTER,
        "restforce-db",
        "identity",
        "missing",
        *(f"urls.{name}" for name in ("feeds", "groups", "users", "feed_items")),
    ),
    *_each(
        _WITHOUT_CHATTER,
        "spring-social",
        "userinfo",
        "missing",
        *(f"urls.{name}" for name in ("feeds", "groups", "users", "feed_items")),
    ),
    *_each(_USER, "spring-social", "userinfo", "missing", "address.country"),
    *_each(_BY_HAND, "spring-social", "userinfo", "form", "user_id", "organization_id"),
    *_each(
        _RELEASE,
        "spring-social",
        "userinfo",
        "more",
        "is_salesforce_integration_user",
        "urls.metadata",
        "urls.tooling_rest",
    ),
    # ----------------------------------------------------------------- what there is
    *_each(_RELEASE, "restforce, salesforcepy, spring-social", "versions", "more", "*"),
    *_each(
        _NOT_SERVED,
        "restforce-db",
        "resources",
        "missing",
        *("analytics", "appMenu", "chatter", "commerce", "connect", "flexiPage"),
        *("licensing", "tooling", "wave"),
    ),
    *_each(_NOT_SERVED, "spring-social", "resources", "missing", "chatter"),
    *_each(_RELEASE, "restforce-db", "resources", "more", "tabs"),
    *_each(
        "the recording lists less than an org of that version has",
        "spring-social",
        "resources",
        "more",
        *("limits", "parameterizedSearch", "queryAll", "quickActions", "tabs", "theme"),
    ),
    *_each(
        "limits of applications that the org does not have",
        "python-salesforce-api",
        "limits",
        "missing",
        "DailyApiRequests.*",
        "DailyBulkApiRequests.*",
        "DailyGenericStreamingApiEvents.*",
        "DailyStreamingApiEvents.*",
    ),
    *_each(
        "another edition has other limits",
        "python-salesforce-api",
        "limits",
        "missing",
        "MonthlyPlatformEvents",
    ),
    *_each(_RELEASE, "python-salesforce-api", "limits", "more", "*"),
    # -------------------------------------------------------------------- all objects
    *_each(
        "the org has objects of its own",
        "cumulusci, restforce, salesforcepy",
        "global",
        "more",
        "sobjects.[*]",
    ),
    *_each(
        "of these objects nothing but the name is recorded",
        "cumulusci, salesforcepy",
        "global",
        "missing",
        "sobjects.[*]",
    ),
    *_each(
        _LINKS, "cumulusci, salesforcepy", "global", "missing", "sobjects.[*].urls.*"
    ),
    *_each(
        _LINKS,
        "cumulusci, restforce, salesforcepy",
        "global",
        "more",
        "sobjects.[*].urls.*",
    ),
    *_each(_RELEASE, "restforce", "global", "more", "sobjects.[*].mruEnabled"),
    *_each(
        _BY_HAND,
        "cumulusci",
        "global",
        "value",
        "sobjects.[*].feedEnabled",
        "sobjects.[*].mergeable",
    ),
    *_each(_BY_HAND, "cumulusci", "global", "type", "sobjects.[*].keyPrefix"),
    *_each(
        _FLAGS,
        "salesforcepy",
        "global",
        "value",
        *(
            f"sobjects.[*].{flag}able"
            for flag in ("create", "delet", "layout", "replicate", "retrieve", "search")
        ),
        *(f"sobjects.[*].{flag}able" for flag in ("trigger", "undelet", "update")),
        "sobjects.[*].activateable",
        "sobjects.[*].label",
        "sobjects.[*].labelPlural",
        "sobjects.[*].mruEnabled",
    ),
    *_each(
        "an object whose ids have no prefix of their own gets one",
        "salesforcepy",
        "global",
        "value",
        "sobjects.[*].keyPrefix",
    ),
    *_each(
        "prefixes of records are told, too, where they are known",
        "salesforcepy",
        "global",
        "type",
        "sobjects.[*].keyPrefix",
    ),
    *_each(_LINKS, "spring-social", "brief", "more", "objectDescribe.urls.*"),
    *_each(_BY_HAND, "spring-social", "brief", "more", "objectDescribe.mruEnabled"),
    # ---------------------------------------------------------------------- describes
    *_each(
        "objects of the org's own refer to it",
        "ceelias-graph, cumulusci",
        "describe",
        "more",
        "childRelationships.[*]",
    ),
    *_each(
        "objects of the org's own refer to it",
        "amp-labs describes",
        "composite",
        "more",
        f"{_PART}.body.childRelationships.[*]",
    ),
    *_each(_BY_HAND, "amp-labs describes", "composite", "type", f"{_PART}.body.urls"),
    *_each(
        _BY_HAND,
        "amp-labs describes",
        "composite",
        "more",
        f"{_PART}.body.urls.*",
        f"{_PART}.httpHeaders",
        f"{_PART}.httpStatusCode",
        f"{_PART}.referenceId",
    ),
    *_each(
        "the beginning of the tag is lost in the recording",
        "restforce-db",
        "describe",
        "form",
        "headers.etag",
    ),
    *_each(
        "recorded at v23.0, which is not served any more",
        "restforce describes",
        "describe",
        "more",
        *("actionOverrides", "compactLayoutable", "mruEnabled"),
        "fields.[*].cascadeDelete",
        "fields.[*].displayLocationInDecimal",
        "fields.[*].permissionable",
        "fields.[*].restrictedDelete",
    ),
    *_each(
        _BY_HAND,
        "restforce describes",
        "describe",
        "more",
        *(f"fields.[*].{name}" for name in ("byteLength", "length", "precision")),
        *(f"fields.[*].{name}" for name in ("caseSensitive", "scale")),
    ),
    # ------------------------------------------------------------------------ records
    *_each(
        "no text is null everywhere; the platform has a few fields that are empty",
        "ceelias-graph",
        "query",
        "type",
        "records.[*].BadgeText",
        "records.[*].OutOfOfficeMessage",
    ),
    *_each(
        "amounts are doubles; that one has its decimals is seen nowhere else",
        "amp-labs",
        "query",
        "form",
        "records.[*].Amount",
    ),
    *_each(
        _BY_HAND + ": a whole answer has no next page",
        "amp-labs, spring-social",
        "query",
        "missing",
        "nextRecordsUrl",
    ),
    *_each(
        _BY_HAND + ": records stand for others",
        "cumulusci",
        "query",
        "value",
        "records.[*].Id",
    ),
    *_each(
        _BY_HAND + ": records are left out",
        "salesforcepy",
        "query",
        "value",
        "totalSize",
    ),
    *_each(_BY_HAND, "restforce", "query", "type", "records.[*].expr0"),
    *_each(_BY_HAND, "restforce", "query", "value", "[*].message"),
    *_each(
        "of v29, or quoted without the line that it is about",
        "errors",
        "query",
        "value",
        "[*].message",
    ),
    *_each(
        "a note of those who keep the recording",
        "spring-social",
        "query",
        "missing",
        "debug",
        "query",
    ),
    *_each(
        _OTHER_ORG,
        "cumulusci",
        "read",
        "missing",
        "PreferencesTerminateOldestSession",
        "DelegatedAuthenticationServiceUrl",
    ),
    *_each(_OTHER_ORG, "cumulusci", "read", "more", "PreferencesEmailSenderId*"),
    *_each(
        "counts are kept for a while; an object without records is listed or not",
        "cumulusci",
        "counts",
        "missing",
        "sObjects.[*]",
    ),
    # --------------------------------------------------------------------------- bulk
    *_each(
        "printed by JavaScript, which has no 51.0",
        "bulk2",
        "job create, job",
        "type",
        "apiVersion",
    ),
    *_each(_RELEASE, "bulk2", "job", "more", "isPkChunkingSupported"),
)
