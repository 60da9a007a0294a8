"""The Salesforce client: auth, one request path, describe, SOQL, REST and Bulk."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lht.util.data_writer import (
        write_batch_to_main_table,
        write_batch_to_temp_table,
        write_dataframe_to_table,
    )

__all__ = [
    "write_batch_to_main_table",
    "write_batch_to_temp_table",
    "write_dataframe_to_table",
]


def __getattr__(name: str) -> Any:
    """Load a documented name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("lht.util"), name)
