"""What objects look like to people: ``/tabs``, ``/theme``, and what nobody has made.

This org has no list views, no quick actions and no approvals; it says so where it is
asked. Page layouts it does not know.
"""

from collections.abc import Iterator

from lht.devorg.http.lookup import find_sobject
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call, Json
from lht.devorg.metadata import SObject

_COLORS = ("1797C0", "4BC076", "F2CF5B", "7F8DE1", "EF7EAD", "FCB95B", "65CAE4")
_ICONS = ((16, "small"), (32, "large"))


def list_tabs(service: Service, call: Call) -> Answer:
    """Answer ``GET /tabs``: one for each object that people open."""
    tabs = [_tab(call, at, sobject) for at, sobject in enumerate(_shown(service))]
    return Answer(body=tabs)


def show_theme(service: Service, call: Call) -> Answer:
    """Answer ``GET /theme``: the colors and icons of these objects."""
    items = [
        {"colors": _colors(at), "icons": _icons(call, sobject), "name": sobject.name}
        for at, sobject in enumerate(_shown(service))
    ]
    return Answer(body={"themeItems": items})


def list_views(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/listviews``."""
    name = find_sobject(service, call).name
    nothing = {"done": True, "listviews": [], "nextRecordsUrl": None, "size": 0}
    return Answer(body=nothing | {"sobjectType": name})


def list_approvals(service: Service, call: Call) -> Answer:
    """Answer ``GET /sobjects/X/describe/approvalLayouts``."""
    find_sobject(service, call)
    return Answer(body={"approvalLayouts": []})


def list_actions(service: Service, call: Call) -> Answer:
    """Answer ``GET /quickActions``, and an object's."""
    if "sobject" in call.segments:
        find_sobject(service, call)
    return Answer(body=[])


def _shown(service: Service) -> Iterator[SObject]:
    sobjects = service.store.metadata.sobjects
    return (one for one in sobjects if one.layoutable and one.mru_enabled)


def _tab(call: Call, at: int, sobject: SObject) -> Json:
    icons = _icons(call, sobject)
    return {
        "colors": _colors(at),
        "custom": sobject.custom,
        "iconUrl": icons[1]["url"],
        "icons": icons,
        "label": sobject.label_plural,
        "miniIconUrl": icons[0]["url"],
        "name": f"standard-{sobject.name}" if not sobject.custom else sobject.name,
        "sobjectName": sobject.name,
        "url": f"{call.origin}/{sobject.key_prefix}/o",
    }


def _colors(at: int) -> list[Json]:
    color = _COLORS[at % len(_COLORS)]
    return [{"color": color, "context": "primary", "theme": "theme4"}]


def _icons(call: Call, sobject: SObject) -> list[Json]:
    name = "custom" if sobject.custom else sobject.name.lower()
    return [
        {
            "contentType": "image/png",
            "height": pixels,
            "theme": "theme3",
            "url": f"{call.origin}/img/icon/{size}/{name}{pixels}.png",
            "width": pixels,
        }
        for pixels, size in _ICONS
    ]


ROUTES = (
    ("GET", "/tabs", list_tabs),
    ("GET", "/theme", show_theme),
    ("GET", "/quickActions", list_actions),
    ("GET", "/sobjects/{sobject}/quickActions", list_actions),
    ("GET", "/sobjects/{sobject}/listviews", list_views),
    ("GET", "/sobjects/{sobject}/describe/approvalLayouts", list_approvals),
)
