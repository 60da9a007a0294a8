"""A Salesforce org on your own machine.

``start`` runs one inside this process::

    with devorg.start(rows={"Account": 1000}) as org:
        print(org.url, org.client_id, org.client_secret)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lht.devorg.server import Org, start

__all__ = ["Org", "start"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from lht.devorg import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
