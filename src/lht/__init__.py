"""Salesforce into your warehouse, and back, with a receipt for every row."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lht.sync import plan_sync as plan
    from lht.sync import runs, sync

__version__ = "4.0.0"
__all__ = ["__version__", "plan", "runs", "sync"]
_NAMED = {"plan": "plan_sync"}


def __getattr__(name: str) -> Any:
    """Load the promised names when they are first used."""
    if name not in __all__:
        raise AttributeError(f"module 'lht' has no attribute {name!r}")
    line = import_module("lht.sync")  # callable itself
    return line if name == "sync" else getattr(line, _NAMED.get(name, name))
