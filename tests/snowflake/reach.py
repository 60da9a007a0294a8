"""Which of the statements that stand in our source were put together while it ran."""

import ast
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

SQL = re.compile(
    r"\(?(SELECT|INSERT|UPDATE|DELETE|MERGE|COPY|PUT|GET|REMOVE|LIST|TRUNCATE|CREATE"
    r"|ALTER|DROP|USE|SHOW|DESCRIBE|COMMENT|GRANT|WITH|BEGIN|COMMIT|ROLLBACK|CALL)\b"
)
OURS = "lht-"  # how the names of our threads begin


class Written(NamedTuple):
    """A statement, or the beginning of one, in a function of a source file."""

    path: str
    first: int
    last: int
    text: str

    def __str__(self) -> str:
        return f"{Path(self.path).name}:{self.first} {self.text}"


def written(paths: Iterable[Path]) -> list[Written]:
    """Return the statements in the functions of source files."""
    return [
        found
        for path in paths
        for found in _in_functions(path)
        if SQL.match(found.text)
    ]


def _in_functions(path: Path) -> Iterator[Written]:
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for text in _texts(function.body):
                end = text.end_lineno or text.lineno
                yield Written(str(path), text.lineno, end, _spelled(text))


def _texts(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Yield texts, each as a whole: those within others, and docstrings, are none."""
    for node in nodes:
        if isinstance(node, ast.JoinedStr | ast.Constant):
            if isinstance(getattr(node, "value", ""), str):
                yield node
        elif not isinstance(node, ast.FunctionDef | ast.ClassDef):
            docstring = isinstance(node, ast.Expr) and isinstance(
                node.value, ast.Constant
            )
            yield from () if docstring else _texts(ast.iter_child_nodes(node))


def _spelled(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts
    )


@contextmanager
def traced(paths: Iterable[Path]) -> Iterator[set[tuple[str, int]]]:
    """Give the set that fills with the lines of the files which run in the block."""
    files = {str(path) for path in paths}
    lines: set[tuple[str, int]] = set()

    def within(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return within

    here = threading.current_thread()

    def enter(frame: FrameType, _event: str, _: Any) -> Any:
        thread = threading.current_thread()
        if thread is not here and not thread.name.startswith(OURS):
            sys.settrace(None)  # of this thread, which serves
        return within if frame.f_code.co_filename in files else None

    before, before_threads = sys.gettrace(), threading.gettrace()
    threading.settrace(enter)
    sys.settrace(enter)
    try:
        yield lines
    finally:
        sys.settrace(before)
        threading.settrace(before_threads)


def missed(statements: Iterable[Written], lines: set[tuple[str, int]]) -> list[Written]:
    """Return the statements of which no line has run."""
    return [
        s
        for s in statements
        if not any((s.path, line) in lines for line in range(s.first, s.last + 1))
    ]
