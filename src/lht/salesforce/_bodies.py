"""The one place where a body that should be JSON of some shape is taken for it."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from lht.exceptions import SalesforceUnavailableError

T = TypeVar("T")

_NOT_IT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the shapes: only the keys we act on, others are passed over."""


def read_json(
    body: bytes, shape: type[T], *, float_hook: Callable[[str], Any] | None = None
) -> T:
    """Return what a body holds.

    Args:
        body: Plain, as it came.
        shape: The type it must have.
        float_hook: Makes something else of numbers with a point or an exponent where
            the shape leaves their type open.

    Raises:
        SalesforceUnavailableError: It is not JSON, or JSON of another shape.
    """
    try:
        return msgspec.json.Decoder(shape, float_hook=float_hook).decode(body)
    except _NOT_IT as exc:
        raise SalesforceUnavailableError(
            "Salesforce answered with something else than what was asked for",
            why=str(exc),
            hint="run it again; if it happens again, please report it",
        ) from exc
