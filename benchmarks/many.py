"""Twenty objects in one run, beside the slowest of them alone."""

from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Final

from benchmarks.figures import TWENTY, Section, org_cpu, wall
from benchmarks.org import OrgProcess
from benchmarks.runs import Measured, all_typical, in_turn, measure
from benchmarks.task import Task

# How large the others are where the largest has a million: a few that every org has
# many of, and many that are small.
SHARES: Final = {
    "Account": 1_000_000,
    "Contact": 100_000,
    "Opportunity": 40_000,
    "Case": 30_000,
    "Lead": 20_000,
    "Task": 5_000,
    "Event": 5_000,
    "CampaignMember": 5_000,
    "OpportunityLineItem": 5_000,
    "Invoice_Line__c": 4_000,
    "OpportunityContactRole": 3_000,
    "OrderItem": 3_000,
    "Invoice__c": 2_000,
    "Order": 1_500,
    "PricebookEntry": 1_000,
    "Everything__c": 1_000,
    "Product2": 500,
    "Location": 300,
    "Campaign": 200,
    "Group": 100,
}
LARGEST: Final = "Account"


def sizes(rows: int) -> dict[str, int]:
    """Return how many records there are of each object, of the largest *rows*."""
    return {
        name: max(1, share * rows // SHARES[LARGEST]) for name, share in SHARES.items()
    }


def many(
    org: OrgProcess,
    connection: dict[str, str],
    folder: Path,
    repeats: int,
    *,
    over: str = "",
) -> Section:
    """Measure it; *over* names the network, if it is another than loopback."""
    contenders = {"all of them": tuple(SHARES), f"{LARGEST} alone": (LARGEST,)}
    runs: dict[str, list[Measured]] = defaultdict(list)
    for name in in_turn(contenders, repeats):
        database = folder / "many.duckdb"
        task = Task(
            connection=connection,
            database=str(database),
            sobjects=contenders[name],
        )
        runs[name].append(measure("run", task, org, label=name)[0])
        with suppress(FileNotFoundError):
            database.unlink()
    found = all_typical(runs)
    every, alone = found.values()
    name = f"{len(SHARES)} objects in one run{over}"
    return Section(
        phase="many",
        title=f"{name}: {every.rows:,} rows, {alone.rows:,} of them of {LARGEST}",
        figures=(
            wall(name, every, f"{LARGEST} alone", alone.wall_seconds, TWENTY),
            org_cpu(name, every),
        ),
        measured=(every, alone),
    )
