"""The command line. Every error ends here: one block, one exit code, no traceback."""

import sys
from collections.abc import Sequence

EXIT_CODES = """\
Exit codes: 0 done; 1 failed; 2 usage or settings; 3 some rows failed; 4 credentials
refused; 5 try again later; 6 it may have landed, look first; 130 interrupted."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if args is None else args)
    from lht.cli.run import run

    return run(words)
