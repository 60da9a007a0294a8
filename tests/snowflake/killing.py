"""Runs into Snowflake that are killed at points of our choice, and what comes after."""

import random
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tests.emulator import guards
from tests.emulator.killing import OBJECT, SIGKILLED, THRESHOLD, ask
from tests.snowflake.scene import SnowflakeScene

from lht.sync.plan import Options

ROWS, CHANGES = 150, 120  # several pages
SPARE = 3  # points by chance, besides those that are sure to matter
OPTIONS = Options(bulk_threshold=THRESHOLD)
# Behind these there is something else in the org or in Snowflake than before.
_DECISIVE = re.compile(
    r"behind (?!SELECT|USE |BEGIN|CREATE TABLE IF NOT EXISTS)|answer (POST|DELETE)"
)
_DATABASE = re.compile(r'"T\d+"\.')


@dataclass
class Victim:
    """Runs in another process that are killed, and what they leave behind."""

    scene: SnowflakeScene
    process: "subprocess.Popen[str]"
    start: str | None = None  # the database as it is before the run; None for none
    kills: int = 0

    def run(self, kill_at: int | None) -> list[str]:
        """Let a run begin in a database of its own, and die; return its points.

        The server ends the sessions of the dead, as it does in time.
        """
        server, org = self.scene.server, self.scene.org
        database = server.database(self.start)
        self.scene = replace(self.scene, database=database)
        org.requests.clear()
        living = set(server.sessions)
        answer = ask(
            self.process,
            {
                "url": org.url,
                "client_id": org.client_id,
                "client_secret": org.client_secret,
                "object": OBJECT,
                "connect": server.connect_options(database=database),
                "bulk_threshold": THRESHOLD,
                "kill_at": kill_at,
                "without": guards.taken_away(),
            },
        )
        for token in set(server.sessions) - living:
            server.log_out(token)
        assert answer["ended"] in ({0} if kill_at is None else {0, SIGKILLED})
        self.kills += answer["ended"] == SIGKILLED
        points: list[str] = answer["points"]
        return points

    def recover(self) -> None:
        """Run once more when its lease is over, and fail unless all is right."""
        scene = self.scene
        if scene.past.has_table("LEASES"):
            scene.expire_leases()
        with scene.other() as session:
            scene.sync(OBJECT, warehouse=session, options=OPTIONS)
            scene.check(OBJECT)

    def forget(self) -> None:
        """Let go of the database of the last run."""
        self.scene.server.drop_database(self.scene.database)


def decisive(
    points: Sequence[str], chance: random.Random, known: Iterable[str] = ()
) -> list[int]:
    """Choose the points where something has just changed, and some others.

    Args:
        points: Of a run.
        chance: Which chooses the others.
        known: Points of another run; of their kind none is chosen but by chance.
    """
    kinds = set(map(_kind, known))
    sure = [
        at
        for at, point in enumerate(points)
        if _DECISIVE.match(point) and _kind(point) not in kinds
    ]
    others = sorted(set(range(len(points))) - set(sure))
    return sorted([*sure, *chance.sample(others, min(SPARE, len(others)))])


def _kind(point: str) -> str:
    return _DATABASE.sub("", point)
