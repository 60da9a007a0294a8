"""What a sync decides: which load, which method, and what it says of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lht.exceptions import ConfigError
from lht.report.values import Change, SyncMode
from lht.schema import (
    Field,
    SchemaChange,
    SObjectSchema,
    TableColumn,
    TableInfo,
    TableRef,
)
from lht.sync.plan import (
    ADOPTION_LOOKBACK,
    Facts,
    Options,
    Planned,
    decide_load,
    plan_object,
    worth_counting,
)
from lht.sync.values import Job, State, job_identity
from lht.typemap import table_schema

ORG = "00D000000000001AAA"
REF = TableRef("RAW", "ACCOUNT")
WATERMARK = datetime(2024, 1, 15, 10, 30)
HIGH = datetime(2024, 1, 15, 10, 29)
NOW = datetime(2024, 1, 15, 12)
BY_FIELD = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
AUTO, FULL, INCREMENTAL = SyncMode.AUTO, SyncMode.FULL, SyncMode.INCREMENTAL


def sobject(*stamps: str, filterable: bool = True) -> SObjectSchema:
    fields = [Field(name="Id", type="id"), Field(name="Name", type="string")]
    fields += [Field(name=s, type="datetime", filterable=filterable) for s in stamps]
    return SObjectSchema(name="Account", label="Account", fields=tuple(fields))


def table(rows: int = 10) -> TableInfo:
    columns = [TableColumn(name=n, sql_type="VARCHAR") for n in ("ID", "NAME")]
    return TableInfo(ref=REF, columns=tuple(columns), rows=rows)


STATE = State(
    target_table=str(REF),
    run_id="run",
    org_id=ORG,
    sobject="Account",
    where=None,
    fields=None,
    cursor_field="SystemModstamp",
    watermark=WATERMARK,
    high_water=HIGH,
    rows=10,
    columns={"Id": "string", "Name": "string"},
)


def first_time(**rest: object) -> Facts:
    """An object without a table."""
    schema = sobject(*BY_FIELD)
    known = {
        "org_id": ORG,
        "schema": schema,
        "columns": table_schema(schema, None),
        "ref": REF,
        "stages": False,
        "now": NOW,
        "record_count": 10,
    }
    return Facts(**(known | rest))


def synced(**rest: object) -> Facts:
    """An object that was synced before."""
    known = {"table": table(), "state": STATE, "high_water": HIGH}
    return first_time(**(known | {"last_modified_at": HIGH} | rest))


def adopted(**rest: object) -> Facts:
    """An object whose table lht did not make."""
    return synced(**({"state": None} | rest))


def plan(facts: Facts, counted: int | None = None, **options: object) -> Planned:
    asked = Options(**options)
    return plan_object(facts, asked, decide_load(facts, asked), counted)


# -- the documented matrix ------------------------------------------------------------

SIZES = [
    (0, "regular_api"),
    (1, "regular_api"),
    (999, "regular_api"),
    (1_000, "bulk_api"),
    (49_999, "bulk_api"),
    (50_000, "bulk_api_stage"),
    (5_000_000, "bulk_api_stage"),
]
VIA = {"regular_api": "rest", "bulk_api": "bulk", "bulk_api_stage": "stage"}


@pytest.mark.parametrize("facts", [first_time, synced], ids=["full", "incremental"])
@pytest.mark.parametrize("stages", [True, False])
@pytest.mark.parametrize(("rows", "method"), SIZES)
def test_the_method_follows_the_matrix(facts, stages, rows, method):
    """REST below 1,000 rows, then Bulk, and a stage from 50,000 where there is one."""
    shown = plan(facts(stages=stages, record_count=rows), counted=rows).shown
    if not stages:
        method = method.removesuffix("_stage")
    kind = "full" if facts is first_time else "incremental"
    assert shown.sync_method == f"{method}_{kind}"
    assert shown.via == VIA[method]
    assert shown.mode is SyncMode(kind)
    assert shown.estimated_rows == rows
    told = "by Bulk without a stage: this warehouse has none"
    assert (told in shown.notes) == (not stages and rows >= 50_000)


@pytest.mark.parametrize(
    ("rows", "method"),
    [(4_999, "regular_api"), (5_000, "bulk_api"), (25_000, "bulk_api_stage")],
)
def test_thresholds_can_be_set(rows, method):
    """The documented attributes move the borders of the matrix."""
    limits = {"bulk_threshold": 5_000, "stage_threshold": 25_000}
    shown = plan(first_time(stages=True), counted=rows, **limits).shown
    assert shown.sync_method == f"{method}_full"


def test_bulk_can_be_forced_and_a_stage_cannot():
    """``force_bulk_api`` raises REST to Bulk, whatever the size, and no further."""
    shown = plan(synced(stages=True), counted=3, force_bulk=True).shown
    assert shown.sync_method == "bulk_api_incremental"
    shown = plan(synced(stages=True), counted=3, existing_job_id="750").shown
    assert shown.via == "bulk"


def test_an_unknown_size_means_bulk():
    """A count that timed out says that there are many."""
    shown = plan(first_time(record_count=None), counted=None).shown
    assert (shown.sync_method, shown.estimated_rows) == ("bulk_api_full", None)


@pytest.mark.parametrize("rows", [10, 60_000, None])
def test_what_bulk_refuses_goes_by_rest(rows):
    """A remembered refusal wins over every size, and is told; an explicit wish wins."""
    facts = first_time(bulk_refusal="not supported", record_count=rows, stages=True)
    shown = plan(facts).shown
    assert shown.sync_method == "regular_api_full"
    assert shown.notes == ("by REST, because Bulk refuses it: not supported",)
    assert plan(facts, force_bulk=True).shown.via != "rest"
    assert plan(facts, existing_job_id="750").shown.via != "rest"


# -- full or incremental --------------------------------------------------------------


def test_a_sync_goes_on_from_its_watermark():
    """What changed since is read, the bound included; there is no upper bound."""
    planned = plan(synced())
    assert planned.load.since == planned.shown.since == WATERMARK
    assert "2024-01-15 10:30:00Z" in planned.load.why
    assert planned.soql.endswith(" WHERE SystemModstamp >= 2024-01-15T10:30:00Z")


@pytest.mark.parametrize(
    ("facts", "options", "why"),
    [
        (first_time(), {}, "no table yet"),
        (first_time(state=STATE), {}, "no table yet"),
        (synced(table=table(0)), {}, "the table is empty"),
        (adopted(table=table(0)), {}, "the table is empty"),
        (synced(), {"where": "Name != null"}, "--where differs"),
        (synced(state=replace(STATE, where="A = 1")), {}, "--where differs"),
        (synced(), {"fields": ("Name",)}, "--fields differs"),
        (synced(state=replace(STATE, fields=("Name",))), {}, "--fields differs"),
        (synced(state=replace(STATE, watermark=None)), {}, "no watermark"),
        (synced(state=replace(STATE, cursor_field="CreatedDate")), {}, "no watermark"),
        (synced(high_water=HIGH - timedelta(seconds=1)), {}, "older than the last run"),
        (synced(high_water=None), {}, "older than the last run"),
        (synced(state=replace(STATE, columns={"Id": "string"})), {}, "Name could not"),
    ],
)
def test_where_only_a_full_load_will_do(facts, options, why):
    """The reason is told; a demanded incremental is refused with the same reason."""
    load = decide_load(facts, Options(**options))
    assert (load.mode, load.since) == (FULL, None)
    assert why in load.why
    with pytest.raises(ConfigError, match=why) as caught:
        decide_load(facts, Options(mode=INCREMENTAL, **options))
    assert caught.value.hint == "run it once with --full"


@pytest.mark.parametrize(
    ("facts", "options", "why"),
    [
        (adopted(last_modified_at=None), {}, "no LastModifiedDate"),
        (adopted(), {"where": "Name != null"}, "--where needs a table"),
        (adopted(columns=table_schema(sobject(), None)), {}, "nothing tells"),
    ],
)
@pytest.mark.parametrize("mode", [AUTO, INCREMENTAL])
def test_rows_of_others_are_not_replaced_unasked(facts, options, why, mode):
    """What lht did not load and cannot go on from stays, unless --full is given."""
    with pytest.raises(ConfigError, match=why) as caught:
        decide_load(facts, Options(mode=mode, **options))
    assert "--full" in caught.value.hint
    assert decide_load(facts, Options(mode=FULL, **options)).mode is FULL


def test_stamps_of_local_time_do_not_reach_into_the_future():
    """A table whose stamps are ahead of Salesforce's time is read from before now."""
    facts = adopted(last_modified_at=NOW + timedelta(hours=5))
    assert decide_load(facts, Options()).since == NOW - ADOPTION_LOOKBACK


def test_columns_that_are_no_longer_read_are_named():
    """Fewer fields than last time: their columns stay, and the plan says so."""
    shown = plan(synced(state=replace(STATE, columns={"Gone__c": "string"}))).shown
    assert any("Gone__c" in note for note in shown.notes)


def test_an_old_job_is_not_resumed():
    """A result that was prepared days ago is not what was asked for today."""
    fresh = plan(first_time())
    job = Job(
        job_id="750",
        run_id="dead",
        org_id=ORG,
        identity=fresh.identity,
        api_version="62.0",
        signpost=NOW - timedelta(hours=1),
    )
    assert plan(first_time(open_jobs=(job,))).resumed == job
    old = replace(job, signpost=NOW - timedelta(days=6))
    assert plan(first_time(open_jobs=(old,))).resumed is None


def test_an_empty_object_stays_incremental():
    """A table that is empty because the object is needs no full load each time."""
    facts = synced(table=table(0), state=replace(STATE, rows=0, high_water=None))
    assert decide_load(replace(facts, high_water=None), Options()).since == WATERMARK


@pytest.mark.parametrize("mode", [AUTO, INCREMENTAL])
def test_the_same_filter_and_fields_go_on(mode):
    """Fields are a set in any case; the filter is compared as text."""
    state = replace(STATE, where="Name != null", fields=("Name", "ID"))
    options = {"where": "Name != null", "fields": ("id", "name")}
    load = decide_load(synced(state=state), Options(mode=mode, **options))
    assert (load.mode, load.since) == (INCREMENTAL, WATERMARK)


def test_a_filter_and_the_watermark_both_hold():
    """The filter is parenthesised, so that no OR gets around the watermark."""
    where = "Name = 'a' OR Name = 'b'"
    planned = plan(synced(state=replace(STATE, where=where)), where=where)
    assert f" WHERE ({where}) AND SystemModstamp >= " in planned.soql


def test_full_is_full_whatever_is_known():
    """``--full`` reads everything, over another org's table too."""
    other = replace(STATE, org_id="00D000000000002AAA")
    planned = plan(synced(state=other), mode=FULL)
    assert (planned.shown.mode, planned.load.why) == (FULL, "asked for with --full")
    assert " WHERE " not in planned.soql
    assert planned.shown.change is Change.REBUILD


@pytest.mark.parametrize("mode", [AUTO, INCREMENTAL])
@pytest.mark.parametrize(
    "change", [{"org_id": "00D000000000002AAA"}, {"sobject": "Lead"}]
)
def test_a_table_of_another_org_or_object_is_not_mixed(mode, change):
    """Rows of two orgs or objects never end in one table unasked."""
    with pytest.raises(ConfigError, match=next(iter(change.values()))) as caught:
        decide_load(synced(state=replace(STATE, **change)), Options(mode=mode))
    assert "--full" in caught.value.hint


@pytest.mark.parametrize("mode", [AUTO, INCREMENTAL])
def test_a_foreign_table_is_adopted_with_a_lookback(mode):
    """It goes on from its newest row less an hour, and a full load is recommended."""
    planned = plan(adopted(), mode=mode)
    assert planned.load.adopting
    assert planned.load.since == HIGH - ADOPTION_LOOKBACK
    assert any("--full" in note for note in planned.shown.notes)


@pytest.mark.parametrize(
    ("stamps", "filterable", "cursor"),
    [
        (BY_FIELD, True, "SystemModstamp"),
        (BY_FIELD[1:], True, "LastModifiedDate"),
        (BY_FIELD[2:], True, "CreatedDate"),
        ((), True, None),
        (BY_FIELD, False, None),
    ],
)
def test_the_cursor_is_the_best_there_is(stamps, filterable, cursor):
    """SystemModstamp, LastModifiedDate, CreatedDate; without one, always full."""
    schema = sobject(*stamps, filterable=filterable)
    facts = synced(
        schema=schema,
        columns=table_schema(schema, None),
        state=replace(STATE, cursor_field=cursor),
    )
    assert facts.cursor_field == cursor
    load = decide_load(facts, Options())
    assert load.mode is (INCREMENTAL if cursor else FULL)


# -- counting -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "known", "options", "worth"),
    [
        (first_time, None, {}, True),
        (first_time, 0, {}, False),
        (first_time, 499, {}, False),
        (first_time, 500, {}, True),
        (first_time, 1_999, {}, True),
        (first_time, 2_000, {}, False),
        (first_time, 100_000_000, {}, False),
        (first_time, 100_000_000, {"where": "Name != null"}, True),
        (synced, 499, {}, False),
        (synced, 100_000_000, {}, True),
        (synced, None, {"force_bulk": True}, False),
    ],
)
def test_counting_only_where_it_could_change_the_method(facts, known, options, worth):
    """The approximate count decides where it is clear; else the rows are counted."""
    known_facts = facts(record_count=known)
    asked = Options(**options)
    load = decide_load(known_facts, Options())
    assert worth_counting(load, known_facts, asked) is worth
    refused = replace(known_facts, bulk_refusal="not supported")
    assert worth_counting(load, refused, asked) is (worth and known is None)


# -- jobs, changes, and what is shown -------------------------------------------------


def job(soql: str, org: str = ORG) -> Job:
    return Job(
        job_id="750",
        run_id="earlier",
        org_id=org,
        identity=job_identity(org, soql),
        api_version="65.0",
        signpost=WATERMARK,
    )


def test_the_job_of_an_earlier_run_is_used_again():
    """Same org, same query: what Salesforce has prepared is read, at any size."""
    soql = plan(first_time()).soql
    planned = plan(first_time(open_jobs=(job("SELECT Id FROM Lead"), job(soql))))
    assert planned.resumed == job(soql)
    assert planned.resumed.identity == planned.identity
    assert planned.shown.via == "bulk"
    assert planned.shown.why == "resumes job 750"


def test_a_job_of_another_query_or_org_is_not():
    """A job that read something else is of no use."""
    soql = plan(first_time()).soql
    others = (job(soql + " WHERE Name = 'a'"), job(soql, org="00D000000000002AAA"))
    planned = plan(first_time(open_jobs=others))
    assert (planned.resumed, planned.shown.via) == (None, "rest")


@pytest.mark.parametrize(
    ("facts", "counted", "mode", "change"),
    [
        (first_time(), 5, AUTO, Change.CREATE),
        (synced(), 5, AUTO, Change.UPDATE),
        (synced(), 0, AUTO, Change.NOTHING),
        (synced(), 5, FULL, Change.REBUILD),
        (synced(), 0, FULL, Change.REBUILD),
    ],
)
def test_the_sign_of_a_plan(facts, counted, mode, change):
    """Create, update, rebuild or nothing."""
    assert plan(facts, counted=counted, mode=mode).shown.change is change


NEW_FIELD = SchemaChange(column="Born__c", old_type=None, new_type="DATE")
OTHER_TYPE = SchemaChange(column="Name", old_type="INTEGER", new_type="VARCHAR")


def test_changes_of_the_table_are_told_before():
    """New columns and other types are notes of the plan, and are work to do."""
    facts = synced(misfits=(NEW_FIELD, OTHER_TYPE))
    shown = plan(facts, counted=0).shown
    assert shown.change is Change.UPDATE
    assert shown.notes == (
        "new field Born__c -> DATE, filled by a full load",
        "column Name changes from INTEGER to VARCHAR",
    )
    assert plan(facts, mode=FULL).shown.notes[0] == "new field Born__c -> DATE"


@pytest.mark.parametrize(("rows", "more"), [(0, 0), (2_000, 0), (2_001, 1), (4_001, 2)])
def test_the_calls_of_a_rest_plan_grow_with_its_pages(rows, more):
    """One call more for each page of 2,000 rows."""
    facts = first_time(bulk_refusal="not supported")
    least = plan(replace(facts, record_count=0)).shown.estimated_calls
    shown = plan(replace(facts, record_count=rows)).shown
    assert shown.estimated_calls == least + more


def test_a_plan_is_made_of_its_facts_alone():
    """The same facts give the same plan, to the letter."""
    assert plan(synced(), counted=7) == plan(synced(), counted=7)
    assert WATERMARK.replace(tzinfo=UTC).isoformat()[:19] in plan(synced()).soql


def test_a_mode_may_be_given_as_its_text():
    """A text is the mode that it names, and nothing else."""
    assert Options(mode="full").mode is SyncMode.FULL
    with pytest.raises(ValueError, match="fast"):
        Options(mode="fast")
