"""The views of the page, and where they are."""

from lht.devorg.errors import not_found
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.page import clock, connect, faults, objects, requests, soql
from lht.devorg.page.frame import redirect
from lht.devorg.page.guard import guarded
from lht.devorg.page.markup import address


def show_the_way(_service: Service, call: Call) -> Answer:
    """Answer ``GET /``: a browser is sent to the page; there is nothing for others."""
    if "text/html" not in call.headers.get("accept", ""):
        raise not_found()
    return redirect(address())


_VIEWS = (
    ("GET", "", objects.list_objects),
    ("GET", "/objects/{sobject}", objects.list_records),
    ("GET", "/objects/{sobject}/{id}", objects.show_record),
    ("GET", "/soql", soql.ask),
    ("GET", "/requests", requests.list_requests),
    ("POST", "/requests", requests.clear_requests),
    ("GET", "/faults", faults.list_faults),
    ("POST", "/faults", faults.change_faults),
    ("GET", "/clock", clock.show_clock),
    ("POST", "/clock", clock.change_clock),
    ("GET", "/connect", connect.show_clients),
)

ROUTES = (
    ("GET", "", show_the_way),
    *((method, f"/devorg{path}", guarded(view)) for method, path, view in _VIEWS),
)
