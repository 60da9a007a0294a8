"""A local Salesforce org in a process of its own, and what it costs."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from lht import devorg

_SESSION_SECONDS = 86_400


class OrgProcess:
    """An org that runs while the block does.

    Attributes:
        connection: Its ``url``, ``client_id`` and ``client_secret``.
    """

    def __init__(self, rows: Mapping[str, int]) -> None:
        command = [sys.executable, "-m", "benchmarks.org"]
        self._process = subprocess.Popen(
            [*command, *(f"{name}={count}" for name, count in rows.items())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.connection: dict[str, str] = self._read()
        except ValueError:
            self.close()
            raise RuntimeError("the org did not start; see above") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._process.communicate()

    def cpu_seconds(self) -> float:
        """Return the CPU time that the org has used so far, in all its threads."""
        assert self._process.stdin is not None  # noqa: S101  opened as a pipe
        self._process.stdin.write("cpu?\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101  opened as a pipe
        return json.loads(self._process.stdout.readline())


def main() -> None:
    """Serve ``OBJECT=ROWS ...`` until stdin ends; each line asks for the CPU time."""
    words = [word.partition("=") for word in sys.argv[1:]]
    rows = {name: int(count) for name, _, count in words}
    with devorg.start(rows=rows, session_seconds=_SESSION_SECONDS) as org:
        connection = {
            "url": org.url,
            "client_id": org.client_id,
            "client_secret": org.client_secret,
        }
        print(json.dumps(connection), flush=True)
        for _ in sys.stdin:
            print(time.process_time(), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
