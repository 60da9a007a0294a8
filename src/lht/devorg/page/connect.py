"""How to connect other clients with this org."""

from lht.devorg.clients import CLIENTS, VARIABLES, exports
from lht.devorg.http.service import Service
from lht.devorg.http.wire import Answer, Call
from lht.devorg.page.frame import page
from lht.devorg.page.markup import tag


def show_clients(service: Service, call: Call) -> Answer:
    """Answer ``GET /devorg/connect``."""
    logins = service.sessions.credentials
    values = (call.origin, logins.client_id, logins.client_secret)
    settings = exports(dict(zip(VARIABLES, values, strict=True)))
    return page(
        service,
        "Connect",
        tag("p", "Set these in a shell; the clients below find them there."),
        tag("pre", settings, tabindex=0),
        [
            [tag("h2", client.name), tag("pre", client.text, tabindex=0)]
            for client in CLIENTS
        ],
    )
