"""SOQL as users write it."""

_ESCAPES = str.maketrans(
    {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
)


def quoted(text: str) -> str:
    """Return a text as a SOQL string literal, quotes included."""
    return f"'{text.translate(_ESCAPES)}'"
