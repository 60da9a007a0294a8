"""Hypothesis looks for a text that Snowflake's SQL and the decoder read differently.

What is shown rests on the fake: the SQL is Snowflake's, but DuckDB computes it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.properties.test_decode_properties import FINITE, MONEY, TEXT, iso, java

from lht.decode import decode_csv, type_name
from lht.exceptions import UnencodableValueError
from lht.schema import Column, TableSchema
from lht.typemap import decimal, needed_type, scale_of
from lht.warehouse.snowflake_values import (
    converted,
    decimals_of,
    misread,
    read_survey,
    survey,
    whole_digits_of,
)

Ask = Callable[..., list[tuple[Any, ...]]]

MILLISECONDS = st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31)).map(
    lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)
)
MOMENTS = {
    "date": MILLISECONDS.map(lambda d: d.date().isoformat()),
    "time": MILLISECONDS.map(lambda d: d.time().isoformat("milliseconds") + "Z"),
    "timestamp": st.builds(iso, MILLISECONDS, st.sampled_from(["Z", "+0000"])),
}
SPELLED = st.from_regex(
    r"-?([0-9]{1,18}(\.[0-9]{0,19})?|[1-9](\.[0-9]{1,17})?E([+]?[0-9]{1,2}|-[1-9]0?))",
    fullmatch=True,
)
NUMBERS = (FINITE | MONEY).map(java) | SPELLED
ODD = [
    *("0", "-0", "0.0", "0E0", "-0.0E0", "0E-90", "0.00000000000000000000", "007.50"),
    *("1E17", "1E+17", "1.0E36", "1E37", "4.334492284391681E+53", "-4.5E-90", "6E1"),
    *("9" * 18, "-" + "9" * 18 + ".5", "9" * 38, "9" * 39, "1E-20", "1E-21", "1.5E-1"),
    *("0." + "1" * 20, "0." + "1" * 21, "1.", ".5", "-.5", "60.0", "1.7E308", "1E07"),
    *(str(2**63 - 1), str(-(2**63)), "9.223372036854775807E18", "1E-05", "-1.25E-3"),
    "0" * 20 + "1.5",
]
NO_NUMBERS = [
    *("+-5", "1E", "E5", ".", "-", "--5", "1,000", "1 ", " 1", "1.2.3", "1_000", "1\n"),
    *("1E999999999", "1.5E3.2", "1E-9x", "true", "E", "-E-", "0x1g", "1.5.E3", "\\"),
]
NO_INTEGERS = ["60.5", "1E-1", str(2**63), str(-(2**63) - 1), "1E19", "1E300", "9" * 50]
VALID = {
    "bool": ["true", "false", "TRUE", "0", "1"],
    "date": ["2024-02-29", "1700-01-01", "3999-12-31"],
    "time": ["10:30:00.000Z", "23:59:59.999Z", "00:00:00.000"],
    "timestamp": ["2024-02-29T10:30:00.001Z", "3999-12-31T23:59:59.999+0000"],
    "int64": ["12", "-7.0", "6E1", "1.5E+3", "9" * 18],
    "double": ["1.25", "4.33E+5", "-4.5E-9"],
    decimal(2): ["1.25", "1.2345678E7", "-4.5E-9", "-0.50"],
}
MANY = 80  # Snowflake takes all that a statement holds; DuckDB needs its time for it
# One statement costs more than many texts: few examples, each of many texts.
held = settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def ask(snowpark: Any) -> Ask:
    """Run a statement in a session and return its rows."""
    cursor = snowpark.connection.cursor()
    return lambda statement, *binds: cursor.execute(statement, binds or None).fetchall()


def one_column(kind: str) -> TableSchema:
    return TableSchema(columns=(Column(name="F", field_type="any", arrow_type=kind),))


def decoded(kind: str, texts: Sequence[str]) -> pa.Array:
    lines = ['"' + text.replace('"', '""') + '"' for text in texts]
    body = "\n".join(["F", *lines, ""]).encode()
    return decode_csv(body, one_column(kind), rows=len(texts)).column(0)


def decodes(kind: str, text: str) -> bool:
    try:
        decoded(kind, [text])
    except UnencodableValueError:
        return False
    return True


def read(ask: Ask, texts: Sequence[str], *expressions: str) -> list[tuple[Any, ...]]:
    """Return what the expressions make of each text, which is named T."""
    rows = ", ".join(f"({at}, ?)" for at in range(len(texts)))
    return ask(
        f"SELECT {', '.join(expressions)} FROM"
        f" (SELECT COLUMN1 AS N, COLUMN2 AS T FROM VALUES {rows}) ORDER BY N",
        *texts,
    )


def values(ask: Ask, texts: Sequence[str], kind: str) -> list[Any]:
    return [value for (value,) in read(ask, texts, converted("T", kind))]


class Verdict(NamedTuple):
    """What the SQL says of one text."""

    wrong: bool
    decimals: int = 0
    whole: int = 0


def judged(ask: Ask, texts: Sequence[str], kind: str) -> list[Verdict]:
    digits = [decimals_of("T"), whole_digits_of("T")] if is_decimal(kind) else []
    rows = read(ask, texts, misread("T", kind) or "", *digits)
    return [Verdict(*row) for row in rows]


def is_decimal(kind: str) -> bool:
    return scale_of(kind) is not None


def needed(kind: str, verdicts: Sequence[Verdict]) -> str:
    """Return the type of a column of such texts."""
    if not is_decimal(kind):
        return kind
    most = max(v.decimals for v in verdicts), max(v.whole for v in verdicts)
    return needed_type(kind, *most)


def check_alike(ask: Ask, texts: Sequence[str], kind: str) -> None:
    """Hold the SQL's type and values of a column against the decoder's."""
    array, verdicts = decoded(kind, texts), judged(ask, texts, kind)
    assert not any(v.wrong for v in verdicts)
    assert needed(kind, verdicts) == type_name(array.type)
    assert values(ask, texts, type_name(array.type)) == array.to_pylist()


@held
@given(
    texts=st.lists(NUMBERS | st.just(""), min_size=5, max_size=40),
    scale=st.integers(0, 20),
)
def test_a_decimal_is_exact_and_as_wide_as_the_decoder_s(ask, texts, scale):
    """The same column type comes out, and in it every digit that was spelled."""
    check_alike(ask, texts, decimal(scale))


@pytest.mark.parametrize("kind", [decimal(0), decimal(2), decimal(20), "double"])
def test_an_odd_spelling_is_the_number_that_the_decoder_reads(ask, kind):
    """Zeros, leading and trailing ones, all exponents, the longest digits."""
    verdicts = judged(ask, ODD, kind)
    arrays = [decoded(kind, [text]) for text in ODD]
    types = [type_name(array.type) for array in arrays]
    assert [needed(kind, [v]) for v in verdicts] == types
    assert not any(v.wrong for v in verdicts)
    for each in set(types):
        group = [at for at, found in enumerate(types) if found == each]
        found = values(ask, [ODD[at] for at in group], each)
        assert found == [arrays[at][0].as_py() for at in group]


def test_whole_numbers_are_told_from_the_others(ask):
    """An int has no fraction, in any spelling, and 64 bits."""
    texts = [*ODD, *NO_INTEGERS]
    verdicts = judged(ask, texts, "int64")
    assert [v.wrong for v in verdicts] == [not decodes("int64", t) for t in texts]
    check_alike(ask, [t for t in texts if decodes("int64", t)], "int64")


@held
@given(
    texts=st.lists(FINITE.map(java) | SPELLED | st.just(""), min_size=5, max_size=40)
)
def test_a_double_is_the_nearest_one(ask, texts):
    """A formula's number is the very double that the decoder makes."""
    check_alike(ask, texts, "double")


@held
@given(
    numbers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=5, max_size=40),
    data=st.data(),
)
def test_a_whole_number_is_read_in_every_spelling(ask, numbers, data):
    """An int comes with all its digits, also as ``60.0`` and ``6E1``."""
    spellings = [str, lambda n: f"{n}.0", lambda n: java(float(n % 10**15))]
    texts = [data.draw(st.sampled_from(spellings))(n) for n in numbers]
    check_alike(ask, texts, "int64")


@pytest.mark.parametrize("kind", MOMENTS)
@held
@given(data=st.data())
def test_a_moment_keeps_its_millisecond(ask, kind, data):
    """Days, times and instants come in UTC as they were, from both APIs' spellings."""
    texts = data.draw(st.lists(MOMENTS[kind] | st.just(""), min_size=5, max_size=40))
    check_alike(ask, texts, kind)


@held
@given(texts=st.lists(TEXT.filter(lambda t: "\0" not in t), min_size=5, max_size=40))
def test_a_text_stays_as_it_is(ask, texts):
    """No text is altered; the empty one is NULL."""
    assert values(ask, texts, "string") == [text or None for text in texts]


def test_booleans_are_read_in_any_case(ask):
    """Booleans are true, false or NULL."""
    texts = [*VALID["bool"], "False", ""]
    check_alike(ask, texts, "bool")


@pytest.mark.parametrize("kind", VALID)
@held
@given(data=st.data())
def test_what_the_decoder_refuses_is_refused(ask, kind, data):
    """A damaged text is refused, or is still a value and the decoder's own."""
    texts = data.draw(st.lists(damaged(VALID[kind]), min_size=5, max_size=25))
    verdicts = judged(ask, texts, kind)
    good = [text for text, v in zip(texts, verdicts, strict=True) if not v.wrong]
    assert all(decodes(kind, text) for text in good)
    if good:
        check_alike(ask, good, kind)


def damaged(texts: Sequence[str]) -> st.SearchStrategy[str]:
    """Texts of which one or no character is taken away and one or none put in."""

    def damage(text: str, at: int, cut: int, put: str) -> str:
        at = min(at, len(text))
        return text[:at] + put + text[at + cut :]

    inserted = st.sampled_from(["", *"0159+-.:,TZEeN /xt\\'é"])
    return st.builds(
        damage, st.sampled_from(texts), st.integers(0, 30), st.integers(0, 1), inserted
    )


@pytest.mark.parametrize("kind", ["int64", "double", decimal(2)])
def test_what_is_no_number_is_refused_without_an_error(ask, kind):
    """The survey does not stumble over what it looks for."""
    verdicts = judged(ask, NO_NUMBERS, kind)
    assert [t for t, v in zip(NO_NUMBERS, verdicts, strict=True) if not v.wrong] == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("timestamp", "1705314600"),
        ("timestamp", "2024-01-15T10:30:00.000+0200"),
        ("timestamp", "2024-01-15T10:30:00.000"),
        ("timestamp", "2024-02-30T10:30:00.000Z"),
        ("timestamp", "2024-01-15T24:00:00.000Z"),
        ("date", "20240115"),
        ("date", "2023-02-29"),
        ("time", "37800000"),
        ("time", "10:30:60.000Z"),
        ("bool", "yes"),
        ("double", "1E-0"),
        (decimal(2), "12.5E1"),
        (decimal(2), "1E-00"),
    ],
)
def test_what_snowflake_would_guess_at_is_refused(ask, kind, text):
    """No epoch, no other offset, no day or spelling that is none: the load stops."""
    assert judged(ask, [text], kind)[0].wrong


SCHEMA = TableSchema(
    columns=tuple(
        Column(name=name, field_type="any", arrow_type=kind)
        for name, kind in {
            "Id": "string",
            "Sum__c": decimal(2),
            "Ratio__c": decimal(0),
            "Seats__c": "int64",
            "Score__c": "double",
            "Open__c": "bool",
            "Day__c": "date",
            "At__c": "timestamp",
        }.items()
    )
)
ROWS = [
    ("a", "1.25", "0.5", "7", "1.5", "true", "2024-02-29", "2024-01-15T10:30:00.000Z"),
    ("b", "1.2345678912E7", "1E30", "6E1", "4.33E+53", "", "", ""),
    ("b", "", "", "", "", "", "", ""),
    ("", None, None, None, None, None, None, None),
]


@pytest.fixture
def staged(ask):
    """A staging table of texts, and its name."""
    names = ", ".join(f'"{name.upper()}" VARCHAR' for name in SCHEMA.names)
    ask(f'CREATE TABLE "STAGED" ({names})')
    marks = ", ".join("?" for _ in SCHEMA.names)
    for row in ROWS:
        ask(f'INSERT INTO "STAGED" VALUES ({marks})', *row)
    return '"STAGED"'


def test_one_row_tells_all_of_a_staging_table(ask, staged):
    """Rows, keys and the widths that columns need come from one statement."""
    (row,) = ask(survey(SCHEMA, staged, "Id"))
    found = read_survey(SCHEMA, row)
    assert (found.rows, found.keyed, found.keys) == (4, 3, 2)
    assert found.schema == SCHEMA.widened(
        {"Sum__c": decimal(3), "Ratio__c": decimal(1)}
    )


@pytest.mark.parametrize("name", SCHEMA.names[1:])
def test_one_misread_text_is_found_in_its_field(ask, staged, name):
    """A single text that is no value stops the load by the field's name."""
    ask(f"""UPDATE {staged} SET "{name.upper()}" = 'x' WHERE "ID" = 'a'""")
    (row,) = ask(survey(SCHEMA, staged, "Id"))
    with pytest.raises(UnencodableValueError, match=name):
        read_survey(SCHEMA, row)


def test_an_empty_staging_table_is_surveyed(ask, staged):
    """No rows need no width."""
    ask(f"DELETE FROM {staged}")
    (row,) = ask(survey(SCHEMA, staged, "Id"))
    found = read_survey(SCHEMA, row)
    assert (found.rows, found.keyed, found.keys, found.schema) == (0, 0, 0, SCHEMA)


def test_an_object_of_many_number_fields_is_surveyed_at_once(ask):
    """The widest objects need no more than one statement."""
    wide = TableSchema(
        columns=tuple(
            Column(name=f"Number_{n}__c", field_type="double", arrow_type=decimal(2))
            for n in range(MANY)
        )
    )
    names = ", ".join(f'"{name.upper()}" VARCHAR' for name in wide.names)
    ask(f'CREATE TABLE "WIDE" ({names})')
    ask(f"""INSERT INTO "WIDE" VALUES ({", ".join(["'1.2345678912E7'"] * MANY)})""")
    (row,) = ask(survey(wide, '"WIDE"', wide.names[0]))
    found = read_survey(wide, row).schema
    assert {column.arrow_type for column in found.columns} == {decimal(3)}
