"""Each promise has a guard; taken away, the test that is there to notice fails."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.emulator import (
    test_concurrency,
    test_failures,
    test_kills,
    test_memory,
    test_readers,
    test_result_pages,
    test_sync,
)
from tests.emulator.faults import BULK, faults
from tests.emulator.guards import GUARDS, without
from tests.proving import Proof, unlisted
from tests.unit import test_decode

from lht.report.values import SyncMode

FAULTS = {fault.name: fault for fault in faults()}


def fault(name: str) -> Mapping[str, Any]:
    return {"fault": FAULTS[name]}


PROOFS = (
    Proof(
        "complete",
        "counts reconcile",
        test_failures.test_a_row_that_is_lost_on_our_side_stops_the_run,
    ),
    Proof(
        "complete",
        "the recycle bin is read",
        test_sync.test_deletes_undeletes_and_merges,
    ),
    Proof(
        "complete",
        "a cut page is fetched again",
        test_result_pages.test_a_page_that_was_damaged_once_is_fetched_again,
    ),
    Proof(
        "unchanged",
        "numbers are cast only where they fit",
        test_decode.test_a_number_that_needs_more_widens_its_column,
        {"text": "1.0E-76", "kind": "double", "value": 1e-76},
    ),
    Proof(
        "unchanged",
        "a page is cut behind records only",
        test_decode.test_a_line_break_survives_wherever_a_block_would_end,
        {"offset": 0},
    ),
    Proof(
        "unchanged",
        "a page is cut behind records only",
        test_result_pages.test_a_line_end_stays_wherever_a_piece_ends,
    ),
    Proof(
        "unchanged",
        "numbers are cast only where they fit",
        test_result_pages.test_odd_numbers_at_the_very_end,
        {"odd": [-4.504188239319361e-90], "kind": "DOUBLE"},
    ),
    Proof(
        "unchanged",
        "what gzip tells of a page is compared",
        test_result_pages.test_a_page_that_was_damaged_once_is_fetched_again,
    ),
    Proof(
        "exactly once",
        "what failed is rolled back",
        test_failures.test_a_row_that_is_lost_on_our_side_stops_the_run,
    ),
    Proof(
        "exactly once",
        "a job is remembered",
        test_kills.test_a_finished_job_is_asked_once,
    ),
    Proof(
        "exactly once",
        "a lease keeps others out",
        test_concurrency.test_ten_syncs_of_one_object,
    ),
    Proof(
        "nothing late is lost",
        "the watermark is the signpost",
        test_sync.test_late_commits_arrive,
        {"options": BULK},
    ),
    Proof(
        "nothing late is lost",
        "a margin where Salesforce does not tell",
        test_sync.test_late_commits_of_what_cannot_be_replicated_arrive,
    ),
    Proof(
        "nothing late is lost",
        "the watermark itself is read again",
        test_sync.test_ties_at_the_watermark_arrive,
    ),
    Proof(
        "a reader never notices a refresh",
        "a load is one transaction",
        test_readers.test_a_reader_sees_old_or_new,
        {"mode": SyncMode.FULL, "force_bulk": False},
    ),
    Proof(
        "memory is flat",
        "few pages are on their way",
        test_memory.test_few_pages_are_on_their_way,
        {"options": BULK},
    ),
    Proof(
        "the org is a guest house",
        "calls are counted",
        test_sync.test_calls_are_counted,
    ),
    Proof(
        "the org is a guest house", "calls are capped", test_sync.test_calls_are_capped
    ),
    Proof(
        "the org is a guest house",
        "our jobs are deleted",
        test_sync.test_our_jobs_are_deleted_and_only_ours,
    ),
    Proof(
        "failure is loud and useful",
        "failures are written down",
        test_failures.test_a_table_is_as_it_was,
        fault("a job that fails"),
    ),
    Proof(
        "failure is loud and useful",
        "a quota has a class of its own",
        test_failures.test_a_table_is_as_it_was,
        fault("no calls left in the midst"),
    ),
    Proof(
        "secrets stay secret",
        "connections show no secret",
        test_failures.test_connections_do_not_show_their_secrets,
    ),
    Proof(
        "secrets stay secret",
        "addresses are logged without their query",
        test_failures.test_secrets_stay_secret,
        fault("another total"),
    ),
    Proof(
        "secrets stay secret",
        "refusals that quote values are not told",
        test_failures.test_a_constraint_of_the_users_tells_no_values,
    ),
)


@pytest.mark.parametrize(
    "proof", PROOFS, ids=lambda proof: f"{proof.promise}: {proof.guard}"
)
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
