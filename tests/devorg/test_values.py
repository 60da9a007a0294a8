"""What fields accept: every type's good values, and Salesforce's words for bad ones."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest

from lht.devorg.errors import OrgError
from lht.devorg.metadata import Field, PicklistValue
from lht.devorg.store.values import coerce, find_faults


def field(kind: str, **attributes: Any) -> Field:
    return Field(name="F__c", type=kind, label="Eff", **attributes)


@pytest.mark.parametrize(
    ("kind", "given", "held"),
    [
        ("string", "NA", "NA"),
        ("string", " x ", " x "),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("string", "", None),
        ("boolean", "TRUE", True),
        ("boolean", 0, False),
        ("int", "42", 42),
        ("int", 7.0, 7),
        ("double", "1.2345678E7", 12345678.0),
        ("currency", 1e300, 1e300),
        ("percent", "", None),
        ("date", "1700-01-01", date(1700, 1, 1)),
        ("date", "2024-01-15T23:30:00-05:00", date(2024, 1, 16)),
        ("date", datetime(2024, 1, 15, 23, tzinfo=UTC), date(2024, 1, 15)),
        (
            "datetime",
            "2024-01-15T10:30:00.5+0200",
            datetime(2024, 1, 15, 8, 30, 0, 500000),
        ),
        ("datetime", "2024-01-15T10:30:00Z", datetime(2024, 1, 15, 10, 30)),
        (
            "datetime",
            datetime(2024, 1, 15, 10, tzinfo=timezone(timedelta(hours=1))),
            datetime(2024, 1, 15, 9),
        ),
        ("time", "10:15:00.250Z", time(10, 15, 0, 250000)),
        ("base64", "AAH/", b"\x00\x01\xff"),
        ("reference", "0019H00000H1RMD", "0019H00000H1RMDQA3"),
    ],
)  # fmt: skip
def test_values_become_what_the_column_holds(kind: str, given: Any, held: Any) -> None:
    """JSON values and Python values of a type end as the same column value."""
    assert coerce(field(kind), given) == held
    assert type(coerce(field(kind), given)) is type(held)


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("boolean", "yes", "instance of boolean from VALUE_STRING value yes"),
        ("int", 3.5, "instance of int from VALUE_NUMBER_FLOAT value 3.5"),
        ("int", 2**31, "instance of int from VALUE_NUMBER_INT value 2147483648"),
        ("int", True, "instance of int from VALUE_TRUE value true"),
        ("double", "abc", "instance of double from VALUE_STRING value abc"),
        ("double", "nan", "instance of double from VALUE_STRING value nan"),
        ("date", "15.1.2024", "instance of date from VALUE_STRING value 15.1.2024"),
        ("date", "2024-02-30", "instance of date from VALUE_STRING value 2024-02-30"),
        ("datetime", "20240115", "instance of datetime from VALUE_STRING"),
        ("time", "25:00:00", "instance of time from VALUE_STRING value 25:00:00"),
        ("string", {"a": 1}, "instance of string from START_OBJECT value {"),
        ("string", [1], "instance of string from START_ARRAY value ["),
        ("base64", "?", "instance of base64Binary from VALUE_STRING value ?"),
    ],
)
def test_what_cannot_be_read_is_refused_by_the_parser(
    kind: str, given: Any, words: str
) -> None:
    """A value of the wrong type is a JSON_PARSER_ERROR that quotes it."""
    with pytest.raises(OrgError) as caught:
        coerce(field(kind), given)
    assert caught.value.code == "JSON_PARSER_ERROR"
    assert words in caught.value.message


def test_a_checkbox_cannot_be_null() -> None:
    """Null for a boolean is refused by name."""
    with pytest.raises(OrgError, match="Eff: value not of required type: null"):
        coerce(field("boolean"), None)


PICKLIST = tuple(
    PicklistValue(value=v, label=v, active=v != "Old") for v in ("A", "B", "Old")
)


@pytest.mark.parametrize(
    ("checked", "value", "codes"),
    [
        (field("string", length=3), "abcd", ["STRING_TOO_LONG"]),
        (field("string", length=3), "日本語", []),
        (field("picklist", length=40, picklist=PICKLIST), "else", []),
        (
            field("picklist", length=40, picklist=PICKLIST, restricted_picklist=True),
            "Old",
            ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"],
        ),
        (
            field(
                "multipicklist", length=99, picklist=PICKLIST, restricted_picklist=True
            ),
            "A;X;B",
            ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"],
        ),
        (field("email", length=80), "a@b.example", []),
        (field("email", length=80), "a@b", ["INVALID_EMAIL_ADDRESS"]),
        (
            field("email", length=5),
            "no email",
            ["STRING_TOO_LONG", "INVALID_EMAIL_ADDRESS"],
        ),
        (field("int", digits=8), 99_999_999, []),
        (field("int", digits=8), -100_000_000, ["NUMBER_OUTSIDE_VALID_RANGE"]),
        (field("double", precision=3, scale=1), 237.631, []),
        (field("date"), date(1699, 12, 31), ["NUMBER_OUTSIDE_VALID_RANGE"]),
        (field("date"), date(4000, 12, 31), []),
        (field("datetime"), datetime(4001, 1, 1), ["NUMBER_OUTSIDE_VALID_RANGE"]),
    ],
)
def test_what_is_not_allowed_is_listed(
    checked: Field, value: Any, codes: list[str]
) -> None:
    """Every fault of a value is found; decimals are never one."""
    faults = find_faults(checked, value)
    assert [fault.code for fault in faults] == codes
    assert all(fault.fields == ("F__c",) for fault in faults)
