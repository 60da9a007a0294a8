"""Processes that stand beside the contenders, and are asked over their stdin."""

import json
import subprocess
import sys
from contextlib import suppress
from typing import Any, Self


class Aside:
    """A module of ours that runs in a process of its own while the block does.

    It is given a task in the first line of its stdin, and answers each line with a
    line, all of them JSON, until its stdin ends.

    Attributes:
        told: What it said first: it is ready then.
    """

    def __init__(self, module: str, task: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.told: Any = self._exchange(task)
        except (ValueError, BrokenPipeError):
            self.close()
            raise RuntimeError(f"{module} did not start; see above") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._process.communicate()

    def ask(self, *words: Any) -> Any:
        """Return what it answers."""
        return self._exchange(words)

    def _exchange(self, question: Any) -> Any:
        pipes = self._process.stdin, self._process.stdout
        assert pipes[0] is not None  # noqa: S101  opened as a pipe
        assert pipes[1] is not None  # noqa: S101  likewise
        pipes[0].write(json.dumps(question) + "\n")
        pipes[0].flush()
        return json.loads(pipes[1].readline())
