"""What a terminal shows, at every width, with and without colour."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lht.report import terminal
from lht.report.look import Column, Look, Sign, cells, duration, plain, render_table
from lht.report.values import Change, Status

LOOKS = {
    "80": Look(80),
    "120": Look(120),
    "piped": Look(None),
    "narrow": Look(40),
    "ascii": Look(80, unicode=False),
    "color": Look(120, color=True),
}
each_look = pytest.mark.parametrize("name", LOOKS)


@pytest.fixture(autouse=True)
def no_duckdb_command(monkeypatch):
    monkeypatch.setattr(terminal, "duckdb_command", lambda path, sql: f"{path}: {sql}")


@each_look
def test_a_plan_looks_as_agreed(name, plan, golden):
    """A plan keeps its form at every width."""
    text = terminal.render_plan(plan, LOOKS[name], command="lht sync Account")
    golden(f"plan-{name}.txt", text)


@each_look
def test_a_success_looks_as_agreed(name, report, golden):
    """The final table and the sentence with the four counts keep their form."""
    golden(f"report-{name}.txt", terminal.render_report(report, LOOKS[name]))


@each_look
def test_a_failure_looks_as_agreed(name, partial, golden):
    """Each cause has one block, headed by the objects that share it."""
    golden(f"partial-{name}.txt", terminal.render_report(partial, LOOKS[name]))


@each_look
def test_a_history_looks_as_agreed(name, report, partial, golden):
    """The history keeps its form at every width."""
    died = replace(report, status=Status.DIED, exit_code=1, objects=(), place=None)
    runs = [report, partial, died]
    golden(f"runs-{name}.txt", terminal.render_runs(runs, LOOKS[name]))


def test_print_shows_the_80_column_text(plan, report):
    """print() of a value needs no terminal and no options."""
    assert str(report) == terminal.render_report(report, Look(80))
    assert str(plan) == terminal.render_plan(plan, Look(80))
    assert repr(report) == "<SyncReport 01JD3W8K succeeded: Account, Contact, Case>"
    assert repr(plan) == "<SyncPlan of Account, Contact, Task, Case>"


@each_look
def test_no_value_is_shortened(name, report, partial):
    """Ids, names and counts stay whole at any width; no table is wider than it."""
    look = LOOKS[name]
    text = terminal.render_receipts(report, look)
    for o in report.objects:
        assert o.sobject in text
        assert f"{o.read:,}" in text
    bare = re.sub(r"\x1b\[\d*m", "", text)
    if look.width and "  object" in bare:
        assert max(map(cells, bare.splitlines())) <= look.width
    assert "7505g0000002Contact" in terminal.render_failures(partial, look)


def test_without_colour_there_is_no_escape_at_all(plan, report, partial):
    """Colour off means no bold and no dim either, whatever foreign texts hold."""
    shown = [
        terminal.render_plan(plan, Look(80)),
        terminal.render_report(report, Look(80)),
        terminal.render_report(partial, Look(80)),
    ]
    assert "\x1b" not in "".join(shown)
    assert r"\x1b[31m" in shown[-1]


def test_colour_only_repeats_what_words_say(report):
    """Taking the colour away leaves the same text."""
    colored = terminal.render_report(report, Look(120, color=True))
    assert "\x1b[32m" in colored
    bare = re.sub(r"\x1b\[\d*m", "", colored)
    assert bare == terminal.render_report(report, Look(120))


def test_ascii_terminals_get_ascii(plan, report, partial):
    """A terminal that cannot show signs gets words."""
    look = Look(80, unicode=False)
    for text in (
        terminal.render_plan(plan, look),
        terminal.render_report(report, look),
        terminal.render_report(partial, look),
    ):
        assert text.isascii()


def test_counts_that_disagree_are_not_called_equal(report):
    """The sentence is computed: it cannot claim what is not so."""
    lost = replace(report.objects[0], staged=report.objects[0].staged - 1)
    wrong = replace(report, objects=(lost, *report.objects[1:]))
    assert " = " in terminal.four_counts(report)
    assert " = " not in terminal.four_counts(wrong)
    assert "49,629 staged" in terminal.four_counts(wrong)


def test_nothing_to_do_is_a_sentence(plan):
    """A plan without work says so, and up to when the tables are complete."""
    idle = tuple(replace(o, change=Change.NOTHING) for o in plan.objects)
    text = terminal.render_plan(replace(plan, objects=idle), Look(80))
    assert "Nothing to do: 4 tables are complete up to 2026-11-20 09:14:03.000Z" in text


def test_an_object_that_cannot_be_planned_has_its_error_below(plan, partial):
    """One object's long error leaves the table of the others as it is."""
    error = partial.objects[1].error
    objects = (*plan.objects[:3], replace(plan.objects[3], error=error))
    text = terminal.render_plan(replace(plan, objects=objects), Look(80))
    assert "✗ Case" in text
    assert "see below" in text
    assert "error[bulk_job_failed]: Salesforce ended the query job as Failed" in text
    assert "1 of 4 cannot be done." in text
    assert "+ Account  full" in text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0"),
        (12.44, "12.4"),
        (99.94, "99.9"),
        (99.96, "1m 40s"),
        (724, "12m 04s"),
        (3599.6, "1h 00m"),
        (7500, "2h 05m"),
    ],
)
def test_durations_read_well(seconds, shown):
    """One decimal under a hundred seconds, then minutes, then hours."""
    assert duration(seconds) == shown


def test_a_success_in_snowflake_ends_with_a_query_to_look_at_it(report):
    """What was loaded is one query away, in the database that it is in."""
    place = replace(
        report.place,
        warehouse_kind="snowflake",
        warehouse="snowflake://ACME-PROD/CRM",
    )
    text = terminal.render_report(replace(report, place=place), Look(None))
    assert text.endswith("Look: SELECT * FROM CRM.RAW.ACCOUNT LIMIT 5")


@given(st.text())
def test_foreign_text_cannot_steer_a_terminal(text):
    """No control character of a record or an error reaches the terminal."""
    assert all(c == "\n" or c.isprintable() or c > "\x9f" for c in plain(text))


@given(
    st.lists(
        st.tuples(st.text("aé漢🙂́", max_size=9), st.integers(0, 10**12)),
        min_size=1,
        max_size=5,
    )
)
def test_columns_line_up(rows):
    """Numbers end in one column, whatever is beside them."""
    columns = [
        Column("name", [r[0] for r in rows]),
        Column("count", [str(r[1]) for r in rows], right=True),
    ]
    lines = render_table([Sign.DONE] * len(rows), columns, Look(None))
    assert len({cells(line) for line in lines}) == 1
