"""Messages that the pages explain are messages that lht has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["intelligent_sync_guide", "snowflake_stage_integration"]
ROW = re.compile(r"^\| `([^`]+)`", re.MULTILINE)
VARYING = re.compile(r"\.\.\.|\(\d+\)")


def texts() -> Iterator[str]:
    """Yield every text of the source, with a gap where something is put in."""
    for path in (ROOT / "src/lht").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", "") for part in node.values]
                yield "\0".join(p for p in parts if isinstance(p, str))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("name", PAGES)
def test_what_is_explained_is_said(name):
    """A message that was changed is changed where it is explained."""
    page = (ROOT / f"docs/{name}.md").read_text("utf-8")
    explained = ROW.findall(page.partition("## Troubleshooting\n")[2])
    assert len(explained) > 5
    said = list(texts())
    for message in explained:
        pieces = [p.strip() for p in VARYING.split(message) if p.strip()]
        assert any(all(p in text for p in pieces) for text in said), message
