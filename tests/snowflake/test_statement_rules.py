"""The checker of statements finds each thing that it is there to find."""

import re
from collections.abc import Sequence

import pytest
from tests.snowflake.statement_rules import RULES, Judge, broken, problems
from tests.snowflake.statements import GAPS, Sent, parsed, without_gaps

JUDGE = Judge(tag="lht", secrets=("hunter2",))
T, U, V = '"DB"."RAW"."ACCOUNT"', '"DB"."LHT"."STAGING"', '"DB"."RAW"."OLD"'
CSV = (
    "FILE_FORMAT = (TYPE = CSV COMPRESSION = GZIP FIELD_OPTIONALLY_ENCLOSED_BY = '\"'"
    " ESCAPE_UNENCLOSED_FIELD = NONE NULL_IF = (''))"
)
TWO_HEADERS = CSV.replace("CSV", "CSV SKIP_HEADER = 1 PARSE_HEADER = TRUE")
BY_NAME = "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
ABORT = "ON_ERROR = ABORT_STATEMENT"
PUT = 'PUT \'file:///lht/p.csv.gz\' \'@"DB"."LHT"."S"/r/\''
GZIP = "SOURCE_COMPRESSION = GZIP AUTO_COMPRESS = FALSE OVERWRITE = TRUE"
STAGE = '\'@"DB"."LHT"."S"/r/\''
MERGE = (
    f'MERGE INTO {T} t USING (SELECT "ID" FROM {U}) s ON t."ID" = s."ID"'
    ' WHEN NOT MATCHED THEN INSERT ("ID") VALUES (s."ID")'
)
KEYS = f'SELECT COUNT("ID"), COUNT(DISTINCT "ID") FROM {U}'


def inside(text: str) -> Sent:
    return Sent(text, in_transaction=True)


# Of each rule: statements of which the last one breaks it.
BAD: dict[str, Sequence[str | Sent]] = {
    "it parses": [f"SELECT 1 FROM {T} ON CONFLICT DO NOTHING"],
    "its quotes are closed": ["SELECT 'it's'"],
    "backslashes in literals are escaped": [r"SELECT REGEXP_LIKE('1', '\d')"],
    "no secret is in it": ["SELECT 'my hunter2'"],
    "it bears our QUERY_TAG": [Sent("SELECT 1", query_tag="another")],
    "no DDL in a transaction, for it commits": [
        inside(f'CREATE TEMPORARY TABLE {T} ("A" VARCHAR)')
    ],
    "no BEGIN in a transaction, for it is ignored": [inside("BEGIN TRANSACTION")],
    "names of tables, stages and schemas are whole and quoted": [
        'SELECT 1 FROM "RAW"."ACCOUNT"'
    ],
    "quoted names are in upper case": [f'SELECT "Id" FROM {T}'],
    "no name is too long": [f'SELECT "{"A" * 256}" FROM {T}'],
    "a timestamp says which, for else a parameter decides": [
        f'CREATE TABLE {T} ("A" TIMESTAMP)'
    ],
    "a text may be as long as it says": [f'CREATE TABLE {T} ("A" VARCHAR(134217729))'],
    "a number may have as many digits as it says": [
        f'CREATE TABLE {T} ("A" NUMBER(39, 0))'
    ],
    "no ALTER changes a scale": [
        f'CREATE TABLE {T} ("A" NUMBER(38,2))',
        f'ALTER TABLE {T} ALTER COLUMN "A" SET DATA TYPE NUMBER(38,3)',
    ],
    "a column that is added has a constant default, if any": [
        f'ALTER TABLE {T} ADD COLUMN "A" DATE DEFAULT CURRENT_DATE()'
    ],
    "a file is put as it is, over one of its name": [f"{PUT} {GZIP[:-4]}FALSE"],
    "a path ends in a slash, for it is a mere prefix": ['REMOVE \'@"DB"."LHT"."S"/r\''],
    "COPY names its stage, for no value can": [f"COPY INTO {T} FROM ? {CSV} {ABORT}"],
    "COPY leaves no default in force that alters values": [
        f"COPY INTO {T} FROM {STAGE} FILE_FORMAT = (TYPE = CSV) {ABORT}"
    ],
    "COPY stops at the first error": [
        f"COPY INTO {T} FROM {STAGE} {CSV} ON_ERROR = CONTINUE"
    ],
    "no PURGE in a transaction, for no ROLLBACK brings a file back": [
        inside(f"COPY INTO {T} FROM {STAGE} {CSV} {ABORT} PURGE = TRUE")
    ],
    "SKIP_HEADER is not with PARSE_HEADER": [
        f"COPY INTO {T} FROM {STAGE} {TWO_HEADERS} {ABORT}"
    ],
    "MATCH_BY_COLUMN_NAME is not with SELECT": [
        f"COPY INTO {T} FROM (SELECT $1 FROM {STAGE}) {CSV} {BY_NAME} {ABORT}"
    ],
    "a SELECT in COPY converts, and picks no rows": [
        f"COPY INTO {T} FROM (SELECT $1 FROM {STAGE} WHERE $1 <> '') {CSV} {ABORT}"
    ],
    "INSERT names its columns": [f"INSERT INTO {T} VALUES (?)"],
    "what writes tries no cast, for it would write NULL": [
        f'INSERT INTO {T} ("A") SELECT TRY_CAST("A" AS DATE) FROM {U}'
    ],
    "MERGE has a source whose keys are unique, or were counted": [MERGE],
}
MORE_THAT_IS_BAD = [
    *(["its quotes are closed", text] for text in ("SELECT 'a\\'", 'SELECT "A')),
    *(
        ["names of tables, stages and schemas are whole and quoted", text]
        for text in (
            "SELECT 1 FROM DB.RAW.ACCOUNT",
            'DROP STAGE IF EXISTS "S"',
            'USE SCHEMA "RAW"',
            "REMOVE '@\"S\"/r/'",
            "REMOVE @~/r/",
        )
    ),
    *(
        ["a file is put as it is, over one of its name", text]
        for text in (
            f"{PUT} {GZIP}".replace("file://", ""),
            f"{PUT} {GZIP}".replace(".gz", ""),
            f"{PUT} {GZIP}".replace("FALSE", "TRUE"),
            f"{PUT} {GZIP}".replace("SOURCE_COMPRESSION = GZIP", ""),
        )
    ),
    ["quoted names are in upper case", 'REMOVE \'@"DB"."lht"."S"/r/\''],
    ["a number may have as many digits as it says", 'SELECT "A"::NUMBER(38, 38)'],
    [
        "no ALTER changes a scale",  # of a column whose scale nobody has told
        f'ALTER TABLE {T} ALTER COLUMN "A" SET DATA TYPE NUMBER(38,3)',
    ],
    [
        "no ALTER changes a scale",  # which came with another table
        f'CREATE TABLE {V} ("A" NUMBER(10,3))',
        f"CREATE TRANSIENT TABLE {U} LIKE {V} COPY GRANTS",
        f'CREATE TABLE {T} ("A" NUMBER(10,2))',
        f"ALTER TABLE {T} SWAP WITH {U}",
        f'ALTER TABLE {T} ALTER COLUMN "A" SET DATA TYPE NUMBER(38,2)',
    ],
    ["COPY stops at the first error", f"COPY INTO {T} FROM {STAGE} {CSV}"],
    ["COPY names its stage, for no value can", f"COPY INTO {T} FROM $stage {CSV}"],
    [
        "INSERT names its columns",
        f"INSERT OVERWRITE INTO {T} SELECT * FROM {U}",
    ],
    [
        "INSERT names its columns",
        MERGE.replace('INSERT ("ID")', "INSERT"),
    ],
    [
        "what writes tries no cast, for it would write NULL",
        f'INSERT INTO {T} ("A") SELECT TRY_TO_NUMBER("A", 38, 0) FROM {U}',
    ],
    [
        "MERGE has a source whose keys are unique, or were counted",
        KEYS,
        f'INSERT INTO {U} ("ID") VALUES (?)',
        MERGE,
    ],
]
GOOD = [
    f'CREATE TABLE {T} ("ID" VARCHAR(18), "A" NUMBER(12,2), "B" TIMESTAMP_NTZ)',
    f'ALTER TABLE {T} ALTER COLUMN "A" SET DATA TYPE NUMBER(38,2)',
    f'ALTER TABLE {T} ADD COLUMN "A" VARCHAR DEFAULT \'a\', "B" FLOAT DEFAULT -1',
    f'CREATE TABLE {V} ("A" DATE DEFAULT CURRENT_DATE())',
    'CREATE SCHEMA IF NOT EXISTS "DB"."LHT"',
    'SELECT 1 FROM "DB".INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = ?',
    f"WITH x AS (SELECT * FROM {U}) SELECT COUNT(*) FROM x",
    f"{PUT} {GZIP} PARALLEL = 1",
    f'COPY INTO {U} ("ID") FROM {STAGE} {CSV} {ABORT}',
    inside("SELECT REGEXP_LIKE('1', '\\\\d') AND 'it''s' = '?'"),
    KEYS,
    inside(MERGE),
    inside(
        f'INSERT OVERWRITE INTO {T} ("A")'
        f' SELECT RPAD("A", TRY_TO_NUMBER(SUBSTR("A", 2), 3, 0), \'0\') FROM {U}'
    ),
    inside("COMMIT"),
    f"REMOVE {STAGE}",
    f"DROP STAGE IF EXISTS {U}",
]


def found(statements: Sequence[str | Sent]) -> list[str]:
    """Return the rules that the last statement breaks."""
    sent = [s if isinstance(s, Sent) else Sent(s) for s in statements]
    tagged = [
        Sent(s.text, s.in_transaction, s.query_tag or JUDGE.tag, s.session)
        for s in sent
    ]
    return broken(tagged[-1], tagged[:-1], JUDGE)


@pytest.mark.parametrize("rule", RULES)
def test_what_breaks_a_rule_is_found(rule):
    """Of every rule there is a statement that breaks it, and is found."""
    assert rule in found(BAD[rule])


@pytest.mark.parametrize(("rule", "statements"), [(r, s) for r, *s in MORE_THAT_IS_BAD])
def test_what_breaks_a_rule_another_way_is_found(rule, statements):
    assert rule in found(statements)


def test_a_rule_is_broken_alone():
    """A statement that breaks one rule is not found by others."""
    alone = {rule: found(statements) for rule, statements in BAD.items()}
    several = {rule for rule, rules in alone.items() if rules != [rule]}
    assert several == {
        "its quotes are closed",  # does not parse
        "COPY names its stage, for no value can",  # likewise
    }


def test_sound_statements_pass():
    """Nothing is found in statements that Snowflake takes."""
    assert [found(GOOD[: end + 1]) for end in range(len(GOOD))] == [[]] * len(GOOD)


def test_names_of_users_stay_as_they_are():
    """A column that a user has quoted in lower case is quoted so by us."""
    judge = Judge(tag="lht", own=("Note",))
    sent = Sent(f'SELECT "Note" FROM {T}', query_tag="lht")
    assert broken(sent, [], judge) == []
    assert broken(sent, [], JUDGE) == ["quoted names are in upper case"]


def test_statements_of_others_are_read_but_not_judged():
    """A table of the user's is known, however it came into being."""
    theirs = Sent(f'CREATE TABLE {T} ("A" NUMBER(9,2), note text)', session="1")
    widened = f'ALTER TABLE {T} ALTER COLUMN "A" SET DATA TYPE NUMBER(38,2)'
    ours = Sent(widened, query_tag="lht", session="2")
    assert problems([theirs, ours], JUDGE, theirs={"1"}) == []
    assert {p.text for p in problems([theirs, ours], JUDGE)} == {theirs.text}


@pytest.mark.parametrize("gap", GAPS, ids=[g.reason for g in GAPS])
def test_a_gap_of_the_parser_that_closes_is_noticed(gap):
    """What is kept from sqlfluff is what it cannot read."""
    assert parsed(gap.example).violations
    assert not parsed(without_gaps(Sent(gap.example))).violations


def test_shapes_differ_where_grammar_does():
    """Names and numbers make no other shape; quotes and words do."""
    one, same, unquoted, other = (
        Sent(text).shape
        for text in (
            f"SELECT 'a' FROM {T} LIMIT 10",
            f"SELECT 'b' FROM {U} LIMIT 2",
            "SELECT 'a' FROM DB.RAW.ACCOUNT LIMIT 10",
            f"SELECT 'a' FROM {T} OFFSET 10",
        )
    )
    assert one == same
    assert len({one, unquoted, other}) == 3
    assert not re.search(r"ACCOUNT|10", one)
