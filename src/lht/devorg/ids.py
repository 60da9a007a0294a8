"""Record ids: three characters of key prefix, twelve of body, three of checksum.

The same rule is here twice, as Python and as DuckDB SQL, so that one record and a
million get their ids alike.
"""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
POD = "D7"
"""The two characters that name the instance an id was born on."""

LIMIT = 62**5
"""How many ids of one sObject there can be."""

_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FILL = "00000"


def make_id(prefix: str, number: int) -> str:
    """Return the 18-character id of the *number*-th record (from 0) of an sObject."""
    if not 0 <= number < LIMIT:
        raise OverflowError(f"no id is left behind number {number}")
    digits = "".join(ALPHABET[number // 62**power % 62] for power in range(4, -1, -1))
    return to18(prefix + POD + _FILL + digits)


def number_of(record_id: str) -> int | None:
    """Return the number that :func:`make_id` made an id of; None for a foreign one."""
    if record_id[3:10] != POD + _FILL:
        return None
    number = 0
    for digit in record_id[10:15]:
        number = number * 62 + ALPHABET.index(digit)
    return number


def to18(id15: str) -> str:
    """Append the checksum, which tells ids apart where case is ignored."""
    return id15[:15] + "".join(_checksum(id15[at : at + 5]) for at in (0, 5, 10))


def _checksum(five: str) -> str:
    bits = sum(1 << at for at, char in enumerate(five) if "A" <= char <= "Z")
    return _CHECKSUM[bits]


def check(text: str) -> str | None:
    """Return the 18-character form of *text*, or None where it is no id."""
    if not text.isascii() or not text.isalnum():
        return None
    if len(text) == 15:
        return to18(text)
    if len(text) == 18 and to18(text) == text[:15] + text[15:].upper():
        return to18(text)
    return None


def sql_id(prefix: str, number: str) -> str:
    """Return a DuckDB expression equal to ``make_id(prefix, number)``.

    Args:
        prefix: The sObject's key prefix.
        number: A DuckDB expression of an integer type, from 0 and below ``LIMIT``.
    """
    start = prefix + POD + _FILL
    values = [f"(({number}) // {62**power} % 62)" for power in range(4, -1, -1)]
    digits = " || ".join(f"substr('{ALPHABET}', {value} + 1, 1)" for value in values)
    bits = " + ".join(
        f"(({value} BETWEEN 10 AND 35)::INTEGER * {1 << at})"
        for at, value in enumerate(values)
    )
    constant = _checksum(start[:5]) + _checksum(start[5:])
    last = f"substr('{_CHECKSUM}', ({bits}) + 1, 1)"
    return f"('{start}' || {digits} || '{constant}' || {last})"
