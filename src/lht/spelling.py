"""Arrow values as texts, one for each value, none of them altered."""

import pyarrow as pa
import pyarrow.compute as pc


def spelled(array: pa.Array, text: pa.DataType | None = None) -> pa.Array:
    """Return the texts of values, null for none.

    Numbers are written by their digits, which Arrow does not do with small decimals;
    bytes as hexadecimal digits.

    Args:
        array: The values.
        text: The type of the texts: ``large_string`` by default.
    """
    text = text or pa.large_string()
    if pa.types.is_large_binary(array.type):
        found = [None if v is None else v.hex() for v in array.to_pylist()]
        return pa.array(found, text)
    texts = pc.cast(array, text)
    if not (pa.types.is_decimal(array.type) and _has_exponents(texts)):
        return texts
    plain = [None if v is None else f"{v:f}" for v in array.to_pylist()]
    return pa.array(plain, text)


def _has_exponents(texts: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(texts, "E")).as_py())
