"""One table of types: every describe type has its place, and numbers only widen."""

import pytest

from lht.exceptions import UnknownFieldTypeError
from lht.schema import Field, SObjectSchema
from lht.typemap import (
    DUCKDB,
    MAX_SCALE,
    arrow_type_of,
    decimal,
    scale_of,
    sql_type,
    table_schema,
    wider,
)

PLAIN = {
    "boolean": "bool",
    "int": "int64",
    "long": "int64",
    "date": "date",
    "datetime": "timestamp",
    "time": "time",
}
TEXT = (
    *("id", "reference", "string", "picklist", "multipicklist", "combobox", "json"),
    *("textarea", "phone", "url", "email", "encryptedstring", "anyType", "textarray"),
    *("datacategorygroupreference", "complexvalue", "floatarray", "byte", "base64"),
)
NUMBERS = ("currency", "percent", "double")


@pytest.mark.parametrize("kind", [*PLAIN, *TEXT])
def test_each_type_has_its_place(kind):
    """Text stays text and the others get the type that holds all their values."""
    field = Field(name="F", type=kind)
    assert arrow_type_of(field) == PLAIN.get(kind, "string")
    assert arrow_type_of(field) in DUCKDB


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize(
    ("scale", "calculated", "expected"),
    [
        (0, False, "decimal(38,0)"),
        (2, False, "decimal(38,2)"),
        (18, False, "decimal(38,18)"),
        (MAX_SCALE + 5, False, f"decimal(38,{MAX_SCALE})"),
        (2, True, "double"),
    ],
)
def test_stored_numbers_are_decimals_and_formulas_doubles(
    kind, scale, calculated, expected
):
    """Money sums to the cent; what a formula computes is a double in Salesforce."""
    field = Field(name="F", type=kind, scale=scale, calculated=calculated)
    assert arrow_type_of(field) == expected


def test_an_unknown_type_is_refused_by_name():
    """A type that lht does not know is never guessed to be text."""
    with pytest.raises(UnknownFieldTypeError, match=r"F__c.*'quantum'") as caught:
        arrow_type_of(Field(name="F__c", type="quantum"))
    assert caught.value.hint
    assert caught.value.context["field"] == "F__c"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("string", "string", "string"),
        ("decimal(38,2)", "decimal(38,2)", "decimal(38,2)"),
        ("decimal(38,2)", "decimal(38,5)", "decimal(38,5)"),
        ("decimal(38,5)", "decimal(38,2)", "decimal(38,5)"),
        ("decimal(38,2)", "double", "double"),
        ("double", "decimal(38,2)", "double"),
    ],
)
def test_the_wider_of_two_types_holds_both(left, right, expected):
    """Decimals widen to the larger scale, and with a double to double."""
    assert wider(left, right) == expected


@pytest.mark.parametrize(
    "pair", [("string", "double"), ("decimal(38,2)", "date"), ("bool", "int64")]
)
def test_types_without_a_common_one_are_told(pair):
    """Nothing but numbers widens, and never silently to a number."""
    with pytest.raises(ValueError, match=pair[0].partition("(")[0]):
        wider(*pair)


def test_names_and_scales_go_together():
    """A decimal's name tells its scale; no other type has one."""
    assert scale_of(decimal(7)) == 7
    assert [scale_of(n) for n in DUCKDB] == [None] * len(DUCKDB)
    assert sql_type(decimal(7), DUCKDB) == "DECIMAL(38,7)"
    assert sql_type("timestamp", DUCKDB) == "TIMESTAMP"


FIELDS = (
    Field(name="Name", type="string"),
    Field(name="BillingAddress", type="address", compound=True),
    Field(name="BillingCity", type="string"),
    Field(name="Place__c", type="location"),
    Field(name="Body", type="base64"),
    Field(name="Id", type="id"),
)
SCHEMA = SObjectSchema(name="Account", label="Account", fields=FIELDS)


def test_the_table_has_the_key_first_and_no_compound_or_file():
    """Parts of a compound are columns; the compound and file bodies are not."""
    assert table_schema(SCHEMA, None).names == ("Id", "Name", "BillingCity")


def test_named_fields_are_taken_in_any_case():
    """Chosen fields come in describe order, the key first."""
    assert table_schema(SCHEMA, frozenset({"name", "id"})).names == ("Id", "Name")
