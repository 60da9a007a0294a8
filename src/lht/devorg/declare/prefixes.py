"""Key prefixes: the three characters that tell of any id which object it is of.

Here every object has one of its own. An org has objects without one and objects that
share one; of these the first keeps it, and the others' new ids begin with a prefix that
is made up. What a describe shows as ``keyPrefix`` is what its file says.
"""

from collections.abc import Iterable, Iterator, Mapping
from zlib import crc32

from lht.devorg.declare.draft import Draft
from lht.devorg.ids import ALPHABET

USER = "005"
"""Of users; the first of them is who does everything, so no other object takes it."""

_STANDARD = """
Account=001 Asset=02i AssetRelationship=1AR AsyncApexJob=707 Attachment=00P
ApexClass=01p ApexComponent=099 ApexLog=07L ApexPage=066 ApexTrigger=01q
AuthSession=0Ak BrandTemplate=016 BusinessHours=01m BusinessProcess=019
CallCenter=04v Campaign=701 CampaignMember=00v CampaignMemberStatus=01Y Case=500
CaseComment=00a CaseContactRole=03j CollaborationGroup=0F9 Contact=003
ContentDocument=069 ContentVersion=068 ContentDocumentLink=06A ContentWorkspace=058
Contract=800 CronTrigger=08e Dashboard=01Z Document=015 DuplicateRule=0Bm
EmailMessage=02s EmailTemplate=00X Entitlement=550 Event=00U EventRelation=0RE
FeedComment=0D7 FeedItem=0D5 Folder=00l Group=00G GroupMember=011 Holiday=0C0
Idea=087 Individual=0PK Lead=00Q ListView=00B Location=131 LoginHistory=0Ya
NamedCredential=0XA Network=0DB Note=002 Opportunity=006 OpportunityContactRole=00K
OpportunityLineItem=00k OpportunityShare=00t Order=801 OrderItem=802
OrgWideEmailAddress=0D2 Organization=00D Partner=00I Period=026 PermissionSet=0PS
PermissionSetAssignment=0Pa PermissionSetLicense=0PL Pricebook2=01s
PricebookEntry=01u ProcessDefinition=04a ProcessInstance=04g ProcessInstanceStep=04h
ProcessInstanceWorkitem=04i Product2=01t Profile=00e QueueSobject=03g Quote=0Q0
QuoteLineItem=0QL RecordType=012 Report=00O ServiceAppointment=08p
ServiceResource=0Hn ServiceTerritory=0Hh Site=0DM Solution=501 StaticResource=081
Task=00T Territory2=0MI Topic=0TO User=005 UserLicense=100 UserRole=00E WebLink=00b
WorkOrder=0WO WorkOrderLineItem=1WL WorkType=08q
"""
STANDARD: Mapping[str, str] = dict(pair.split("=") for pair in _STANDARD.split())
"""Of standard objects that a file may name without telling theirs; only for looks."""

_FIRST = {"__c": "a", "__mdt": "m", "__e": "e", "__x": "x", "__b": "b", "__kav": "k"}


def assign(drafts: Iterable[Draft]) -> dict[str, str]:
    """Return each object's prefix by its name.

    Prefixes that files declare come before those of devorg's own objects. Made up
    ones follow from the object's name, so that an org kept in a file keeps them.
    """
    by_claim = sorted(drafts, key=_rank)
    given: dict[str, str] = {}  # name by prefix
    for draft in by_claim:
        prefix = draft.sobject.key_prefix or STANDARD.get(draft.name)
        if prefix and (prefix != USER or draft.name == "User"):
            given.setdefault(prefix, draft.name)
    chosen = {name: prefix for prefix, name in given.items()}
    for draft in by_claim:
        if draft.name not in chosen:
            free = (p for p in _made_up(draft.name) if p not in given)
            chosen[draft.name] = next(free)
            given[chosen[draft.name]] = draft.name
    return chosen


def _rank(draft: Draft) -> tuple[bool, bool, bool]:
    """Put objects first whose prefix was said, in other files than devorg's own."""
    unsaid = draft.sobject.key_prefix is None
    return draft.name != "User", unsaid, draft.is_own


def _made_up(name: str) -> Iterator[str]:
    """Yield prefixes for an object in the order in which it would like them."""
    suffix = next((s for s in _FIRST if name.endswith(s)), None)
    count = len(ALPHABET) ** 2
    start = crc32(name.encode())
    # Standard prefixes that are really in use stay free as long as any other is.
    for first in (_FIRST[suffix], *ALPHABET) if suffix else ("Z", *ALPHABET):
        for step in range(count):
            high, low = divmod((start + step) % count, len(ALPHABET))
            yield first + ALPHABET[high] + ALPHABET[low]
