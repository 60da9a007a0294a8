"""Each promise of Snowflake has a guard; taken away, the named test fails."""

import pytest
from tests.emulator import test_sync
from tests.emulator.test_sync import BULK
from tests.proving import Proof, unlisted
from tests.snowflake import test_concurrency, test_failures, test_guest, test_rebuilds
from tests.snowflake.guards import GUARDS, without

PROOFS = (
    Proof(
        "complete",
        "file by file the rows are compared",
        test_failures.test_files_that_hold_each_others_rows,
    ),
    Proof(
        "complete",
        "a file that is not taken is noticed",
        test_failures.test_a_file_that_the_stage_does_not_take,
    ),
    Proof(
        "complete",
        "what is gone goes with a full load",
        test_sync.test_a_full_load_removes_what_is_gone,
    ),
    Proof(
        "complete",
        "a copy that is not the table is given up",
        test_rebuilds.test_what_others_write_meanwhile_stays,
    ),
    Proof(
        "unchanged",
        "texts are looked at before they are cast",
        test_failures.test_a_text_that_is_no_value,
        {
            "way": BULK,
            "wrong": test_failures.pages(test_failures.no_numbers),
        },
    ),
    Proof(
        "unchanged",
        "a page's columns are those that were asked",
        test_failures.test_pages_with_other_columns,
    ),
    Proof(
        "unchanged",
        "a load has a folder of its own",
        test_guest.test_a_stage_of_the_users_keeps_their_files,
    ),
    Proof(
        "exactly once",
        "keys are counted before rows are merged",
        test_failures.test_rows_that_come_twice_at_first,
    ),
    Proof(
        "exactly once",
        "rows and watermark are one transaction",
        test_failures.test_a_statement_that_is_refused,
    ),
    Proof(
        "exactly once",
        "a lost commit is not called a failure",
        test_failures.test_an_answer_to_a_commit_that_is_lost,
        {"when": "before"},
    ),
    Proof(
        "exactly once",
        "a lease is looked at before the commit",
        test_failures.test_a_lease_that_is_lost,
    ),
    Proof(
        "exactly once",
        "one transaction at a time on a connection",
        test_concurrency.test_objects_over_one_session_keep_apart,
    ),
    Proof(
        "exactly once",
        "leftovers are dropped",
        test_failures.test_what_dead_runs_left_is_dropped,
    ),
    Proof(
        "exactly once",
        "what living runs work with stays",
        test_rebuilds.test_what_a_living_run_works_with_stays,
    ),
    Proof(
        "exactly once",
        "without autocommit it is committed",
        test_guest.test_without_autocommit_all_is_committed,
        {"options": BULK},
    ),
    Proof(
        "a session is left as it was",
        "the current schema is put back",
        test_guest.test_a_session_is_left_as_it_was,
        {"options": BULK},
    ),
    Proof(
        "a session is left as it was",
        "our statements bear our tag",
        test_guest.test_a_session_is_left_as_it_was,
        {"options": BULK},
    ),
    Proof(
        "secrets stay secret",
        "refusals of values are not passed on",
        test_failures.test_a_refusal_that_quotes_a_value,
    ),
)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.guard)
def test_without_its_guard_a_promise_is_broken(
    proof: Proof, request: pytest.FixtureRequest
) -> None:
    """The named test notices that the guard is not there."""
    proof.hold(without, request)


def test_every_guard_is_proven() -> None:
    """No guard is listed that no test notices the lack of."""
    assert {proof.guard for proof in PROOFS} == set(GUARDS)


def test_contributing_lists_the_guards() -> None:
    """The table in CONTRIBUTING names every promise, guard and test."""
    assert unlisted(PROOFS) == []
