"""What the generator fills fields with: SQL that draws a value for row ``n``.

Every value is a function of (seed, object, field, n) through DuckDB's ``hash``, so the
same seed gives the same bytes. Of every column of text, numbers, dates and times that a
user may write, one row in ``NASTY_EVERY`` (money: in ``NASTY_MONEY_EVERY``) holds the
next of the type's nasty values instead of an ordinary one; the rows are staggered from
column to column, and all nasty values of a type come round in turn.
"""

import re
from collections.abc import Callable, Sequence

from lht.devorg.metadata import Field, SObject
from lht.devorg.sampling.draws import Draw, list_of, text_literal
from lht.devorg.sampling.sample_values import (
    COMPANY_FORMS,
    COMPANY_HEADS,
    COMPANY_TAILS,
    DEPARTMENTS,
    FIRST_NAMES,
    LAST_NAMES,
    LONG,
    NASTY_COORDINATES,
    NASTY_DATES,
    NASTY_DATETIMES,
    NASTY_DOUBLES,
    NASTY_EMAILS,
    NASTY_LONG_TEXTS,
    NASTY_MONEY,
    NASTY_PHONES,
    NASTY_TEXTS,
    NASTY_TIMES,
    NASTY_URLS,
    PLACES,
    SENTENCES,
    STREETS,
    TITLES,
)

NASTY_EVERY = 61
NASTY_MONEY_EVERY = 997


Rule = Callable[[Field, Draw], str]


def value_sql(
    sobject: SObject, field: Field, seed: int, ordinary: str | None = None
) -> str:
    """Write the SQL that draws *field*'s value in row ``n``, null and nasty ones too.

    Args:
        sobject: The object the field belongs to.
        field: A stored field.
        seed: Makes other rows of the same object.
        ordinary: The usual value, where the caller knows it (a reference).
    """
    draw = Draw(f"{seed}/{sobject.name}/{field.name}")
    ordinary = ordinary or _ordinary(sobject, field, seed, draw)
    cases = [*_nasty_case(field, draw), *_null_case(field, draw)]
    return f"CASE {' '.join(cases)} ELSE {ordinary} END" if cases else ordinary


def _ordinary(sobject: SObject, field: Field, seed: int, draw: Draw) -> str:
    """Find the rule for a field: unique ones first, then by name, then by type."""
    if field.unique or field.external_id or field.name == "Username":
        return _distinct(sobject, field, seed)
    if field.compound_name and field.type != "reference":
        shared = Draw(f"{seed}/{sobject.name}/{field.compound_name}")
        for suffix, rule in _PLACE_RULES.items():
            is_number = "itude" in suffix
            fits = is_number == (field.type == "double")
            if fits and field.name.endswith(suffix) and not field.restricted_picklist:
                return rule(shared, draw)
    if field.length == 0 and field.type in _SIZED:
        return "NULL"  # it can hold no character
    if field.type in {"string", "textarea"}:
        for pattern, rule_by_name in _NAME_RULES:
            if re.search(pattern, field.name):
                return f"left({rule_by_name(field, draw)}, {field.length})"
    return _TYPE_RULES.get(field.type, _text)(field, draw)


def _distinct(sobject: SObject, field: Field, seed: int) -> str:
    """Number the values, with leading zeros where they are text."""
    if field.type in {"double", "int"}:
        return "n + 1"
    if field.type == "email" or field.name == "Username":
        return f"'user' || n || '.{seed}@{sobject.name.lower()}.example.com'"
    return f"right('{'0' * min(field.length, 12)}' || (n + 1), {min(field.length, 12)})"


def _null_case(field: Field, draw: Draw) -> list[str]:
    """Leave optional fields empty, some hardly ever, some mostly."""
    if not field.nillable or field.unique:
        return []
    share = (0.02, 0.1, 0.3, 0.6)[Draw(field.name).number % 4]
    return [f"WHEN {draw.of('null').happens(share)} THEN NULL"]


def _nasty_case(field: Field, draw: Draw) -> list[str]:
    """Put in the next nasty value once in a while, where users may write."""
    values = nasty_values(field)
    if not values or not (field.createable or field.updateable):
        return []
    every = NASTY_MONEY_EVERY if field.type == "currency" else NASTY_EVERY
    turn = f"(n + {draw.number % every})"
    next_one = f"({list_of(values)})[1 + {turn} // {every} % {len(values)}]"
    return [f"WHEN {turn} % {every} = 0 THEN {next_one}"]


def nasty_values(field: Field) -> list[str]:
    """List the nasty values that *field* can hold, as SQL."""
    if field.unique or field.external_id or field.name == "Username":
        return []
    if field.type == "double" and field.compound_name:
        return [f"({value})::DOUBLE" for value in NASTY_COORDINATES]
    typed = _NASTY_TYPED.get(field.type)
    if typed:
        return list(typed)
    if field.type == "int":
        most = 10 ** min(field.digits, 9) - 1
        return ["0", "1", "-1", f"{most}", f"-{most}"]
    if field.restricted_picklist:
        return []
    texts = _NASTY_TEXTS_BY_TYPE.get(field.type, ())
    return [
        _fitted(text, field) for text in texts if text is LONG or _fits(text, field)
    ]


def _fits(text: str, field: Field) -> bool:
    return len(text.encode("utf-16-le")) // 2 <= field.length


def _fitted(text: str, field: Field) -> str:
    """Write a nasty text as SQL; ``LONG`` fills the field to its last character."""
    if text is not LONG:
        return text_literal(text)
    tale = f"repeat('0123456789 äöü \"quoted\", ', {field.length // 20 + 1})"
    return f"left({tale}, {field.length - 1}) || '.'"


# ---------------------------------------------------------------- ordinary values


def _place(shared: Draw, column: int) -> str:
    """Pick a column of the place that an address's parts share; some have none."""
    values = [place[column] for place in PLACES]
    literals = [
        "NULL"
        if v is None
        else text_literal(v)
        if isinstance(v, str)
        else f"{v}::DOUBLE"
        for v in values
    ]
    return f"({list_of(literals)})[1 + {shared.whole(len(PLACES) + 3)}]"


def _near(shared: Draw, draw: Draw, column: int) -> str:
    return f"round({_place(shared, column)} + {draw.share()} / 10, 6)"


_PLACE_RULES: dict[str, Callable[[Draw, Draw], str]] = {
    "Street": lambda _, draw: (
        f"{draw.of('house').whole(300)} + 1 || ' ' || {draw.pick_text(STREETS)}"
        f" || CASE WHEN {draw.of('floor').happens(0.2)}"
        " THEN chr(10) || 'Floor 3' ELSE '' END"
    ),
    "City": lambda shared, _: _place(shared, 0),
    "State": lambda shared, _: _place(shared, 1),
    "PostalCode": lambda shared, _: _place(shared, 2),
    "Country": lambda shared, _: _place(shared, 3),
    "Latitude": lambda shared, draw: _near(shared, draw, 4),
    "Longitude": lambda shared, draw: _near(shared, draw, 5),
    "__Latitude__s": lambda shared, draw: _near(shared, draw, 4),
    "__Longitude__s": lambda shared, draw: _near(shared, draw, 5),
}


def _company(_: Field, draw: Draw) -> str:
    parts = (COMPANY_HEADS, COMPANY_TAILS, COMPANY_FORMS)
    picks = (draw.of(str(i)).pick_text(part) for i, part in enumerate(parts))
    return " || ' ' || ".join(picks)


def _sentences(field: Field, draw: Draw) -> str:
    """Write one to three sentences, in long fields once in a while a long tale."""
    picks = [draw.of(str(i)).pick_text(SENTENCES) for i in range(3)]
    maybe = [
        f"CASE WHEN {draw.of('more').happens(0.3)} THEN {p} END" for p in picks[1:]
    ]
    text = f"concat_ws(chr(10), {', '.join([picks[0], *maybe])})"
    if field.length > 4000:
        tale = f"repeat({picks[1]} || ' ', 1 + {draw.of('long').whole(30)})"
        rarely = draw.of("tale").happens(0.02)
        text = f"CASE WHEN {rarely} THEN {tale} || '.' ELSE {text} END"
    return f"left({text}, {field.length})"


def _rich(field: Field, draw: Draw) -> str:
    inner = f"left({draw.pick_text(SENTENCES)}, {field.length} - 7)"
    return f"'<p>' || replace({inner}, '\"', '&quot;') || '</p>'"


def _words(field: Field, draw: Draw) -> str:
    head, tail = draw.of("a"), draw.of("b")
    words = f"{head.pick_text(COMPANY_HEADS)} || ' ' || {tail.pick_text(COMPANY_TAILS)}"
    return f"left({words}, {field.length})"


def _digits(field: Field, draw: Draw) -> str:
    count = min(field.length, 9)
    return f"lpad(CAST({draw.whole(10**count)} AS VARCHAR), {count}, '0')"


_NAME_RULES: tuple[tuple[str, Rule], ...] = (
    (r"^FirstName$", lambda _, draw: draw.pick_text(FIRST_NAMES)),
    (r"^LastName$", lambda _, draw: draw.pick_text(LAST_NAMES)),
    (r"^Company|CompanyOrAccount|Tradestyle", _company),
    (r"^Title$|Title__c$", lambda _, draw: draw.pick_text(TITLES)),
    (r"^Department|^Division", lambda _, draw: draw.pick_text(DEPARTMENTS)),
    (r"Number$|^Sic$|Code$|^Jigsaw|ProductCode|^Alias$", _digits),
    (r"YearStarted", lambda _, draw: f"CAST(1900 + {draw.whole(120)} AS VARCHAR)"),
    (
        r"TickerSymbol",
        lambda _, draw: f"upper(left({draw.pick_text(COMPANY_HEADS)}, 4))",
    ),
    (r"^Name$", _company),
)


def _text(field: Field, draw: Draw) -> str:
    if field.html_formatted:
        return _rich(field, draw)
    return _sentences(field, draw) if field.length >= 200 else _words(field, draw)


def _picklist(field: Field, draw: Draw) -> str:
    """Pick a value in use; lists that were never set up take words."""
    active = _active(field)
    return draw.pick_text(active) if active else _words(field, draw)


def _active(field: Field) -> list[str]:
    """List the values in use; the empty text is none."""
    return [entry.value for entry in field.picklist if entry.active and entry.value]


def _multipicklist(field: Field, draw: Draw) -> str:
    """Take some values, in the order in which the list has them."""
    active = _active(field)
    if not active:
        return "NULL"
    some = (
        f"CASE WHEN {draw.of(str(i)).happens(0.4)} THEN {text_literal(value)} END"
        for i, value in enumerate(active)
    )
    return f"nullif(concat_ws(';', {', '.join(some)}), '')"


def _email(_: Field, draw: Draw) -> str:
    number = draw.of("number").whole(1000)
    return f"'person' || {draw.whole(10**8)} || '@mail' || {number} || '.example.com'"


def _phone(_: Field, draw: Draw) -> str:
    return (
        f"'(' || (200 + {draw.whole(700)}) || ') 555-' || "
        f"lpad(CAST({draw.of('line').whole(10000)} AS VARCHAR), 4, '0')"
    )


def _url(_: Field, draw: Draw) -> str:
    return f"'https://www.site' || {draw.whole(10**7)} || '.example.com/'"


def _amount(field: Field, draw: Draw) -> str:
    """Draw amounts of very different sizes, rounded to the field's scale."""
    room = min(field.precision - field.scale, 7)
    return f"round(pow(10, {draw.share()} * {room}), {min(field.scale, 6)})"


def _day(field: Field, draw: Draw) -> str:
    past = field.name.startswith(("Last", "Converted", "FirstResponded", "Birth"))
    years = (60, 20) if field.name.startswith("Birth") else (10, 0 if past else -3)
    span = (years[0] - years[1]) * 365
    return f"DATE '2025-06-30' - CAST({years[0] * 365} - {draw.whole(span)} AS INTEGER)"


def _moment(_: Field, draw: Draw) -> str:
    """Draw moments; one in three has milliseconds."""
    thousandths = (
        f"CASE WHEN {draw.of('ms').happens(0.33)}"
        f" THEN {draw.of('fraction').whole(1000)} ELSE 0 END"
    )
    return (
        "make_timestamp(1435622400000000 + "
        f"{draw.whole(315360000)} * 1000000 + {thousandths} * 1000)"
    )


_TYPE_RULES: dict[str, Rule] = {
    "string": _text,
    "textarea": _text,
    "encryptedstring": _digits,
    "picklist": _picklist,
    "combobox": _picklist,
    "multipicklist": _multipicklist,
    "email": _email,
    "phone": _phone,
    "url": _url,
    "boolean": lambda _, draw: draw.happens(0.3),
    "int": lambda _, draw: f"CAST(pow(10, {draw.share()} * 4) AS BIGINT)",
    "double": _amount,
    "currency": _amount,
    "percent": lambda _, draw: f"{draw.whole(101)}::DOUBLE",
    "date": _day,
    "datetime": _moment,
    "time": lambda _, draw: f"TIME '00:00:00' + to_seconds({draw.whole(86400)})",
    "base64": lambda _, draw: f"unhex(md5(CAST({draw.whole(2**40)} AS VARCHAR)))",
    "anyType": lambda _, draw: draw.pick(
        ["'Prospecting'", "'125000.5'", "'2024-02-29'"]
    ),
    "datacategorygroupreference": _words,
    "long": lambda _, draw: draw.whole(2**53),
    "json": lambda _, draw: f"'{{\"number\":' || {draw.whole(1000)} || '}}'",
    "complexvalue": lambda *_: "NULL",
    "address": lambda *_: "NULL",  # without parts here
    "location": lambda *_: "NULL",
}

_SIZED = {"string", "textarea", "picklist", "combobox", "email", "phone", "url"}
"""Types whose values are as long as their field allows."""

_NASTY_TEXTS_BY_TYPE: dict[str, Sequence[str]] = {
    "string": NASTY_LONG_TEXTS,
    "textarea": NASTY_LONG_TEXTS,
    "combobox": NASTY_LONG_TEXTS,
    "encryptedstring": NASTY_LONG_TEXTS,
    "picklist": NASTY_TEXTS,
    "anyType": NASTY_TEXTS,
    "email": NASTY_EMAILS,
    "phone": NASTY_PHONES,
    "url": NASTY_URLS,
}

_NASTY_TYPED: dict[str, Sequence[str]] = {
    "double": [f"({value})::DOUBLE" for value in NASTY_DOUBLES],
    "percent": [f"({value})::DOUBLE" for value in NASTY_DOUBLES],
    "currency": [f"({value})::DOUBLE" for value in NASTY_MONEY],
    "date": [f"DATE '{value}'" for value in NASTY_DATES],
    "datetime": [f"TIMESTAMP '{value}'" for value in NASTY_DATETIMES],
    "time": [f"TIME '{value}'" for value in NASTY_TIMES],
}
