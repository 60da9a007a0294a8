"""What README and docs show is run, and shows what they say.

A ``python`` block runs in the state that the blocks above it have left. In a
``console`` block each line that begins with ``$`` runs, and what is printed must have
the form of what follows it: the same words; numbers, stamps and run ids may differ.
An ``sql`` block runs in Snowflake. The org ``acme`` of the pages is a local org with a
few thousand records, the Snowflake connection ``lht`` leads to a fake one (see
``tests.snowflake.fake``).
"""

import contextlib
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from snowflake.snowpark import Session

from lht import config, devorg
from lht.cli import EXIT_CODES
from lht.exceptions import LHTError

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "examples/README.md",
        *ROOT.glob("docs/*.md"),
    ]
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = {"text", "sh"}  # shown output of other places; installing
STANDS_FOR_LOCAL = ("--salesforce-domain", "acme")
SECONDS = 60
VARYING = (
    # How DuckDB and lht are called depends on where they are installed.
    (
        r"\S*python -c \"import duckdb; \S+'(\S+)'\).sql\('(.*)'\).show\(\)\"",
        r'duckdb \1 "\2"',
    ),
    (r"\S+/lht ", "lht "),
    (r" --salesforce-domain acme\b", ""),
    (r"(https?://)?(127\.0\.0\.1:\d+|acme\.my\.salesforce\.com)", "ORG"),
    (r"\b00D\w{15}\b", "ORG_ID"),
    (r"\b(?=\w*\d)[0-9A-HJKMNP-TV-Z]{14}\b", "RUN"),
    (r"\d[\d,.:-]*( [\d:.]+Z)?", "N"),
)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text[: m.start()].count("\n") + 1, m[1], m[2])
        for m in BLOCK.finditer(text)
    ]


def form(text: str) -> list[str]:
    """Return the words of *text*, with what differs from run to run taken out."""
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text.split()


@pytest.fixture(scope="module")
def org():
    """The local org that stands for the reader's own."""
    with devorg.start(rows={"Account": 3000, "Contact": 500}, seed=7) as running:
        yield running


@pytest.fixture
def desk(org, account, tmp_path, monkeypatch):
    """An empty folder, and the settings that a reader would have made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LHT_SALESFORCE_URL", org.url)
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_ID", org.client_id)
    monkeypatch.setenv("LHT_SALESFORCE_CLIENT_SECRET", org.client_secret)
    return account


def run_console(text: str) -> None:
    steps = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    for step in steps:
        command, _, expected = step.partition("\n")
        words = shlex.split(command)
        if words[:2] == ["pip", "install"]:
            continue
        assert words[0] == "lht", command
        for word in STANDS_FOR_LOCAL:
            words = [w for w in words if w != word]
        words[0] = str(Path(sys.executable).with_name("lht"))
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=SECONDS
        )
        assert done.returncode == 0, done.stderr
        if expected.strip():
            assert form(done.stdout) == form(expected), done.stdout


@pytest.fixture
def names():
    """What the blocks of a page have named; the sessions among it are closed."""
    found: dict[str, object] = {}
    yield found
    for value in found.values():
        if isinstance(value, Session):
            value.close()


def run_sql(account, text: str) -> None:
    with contextlib.closing(account.connection("LHT_DB")) as connection:
        for cursor in connection.execute_string(text):
            cursor.fetchall()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_page_shows_is_true(page, desk, names):
    """Every block of a page runs, in order, and prints what the page says."""
    for block in blocks(page):
        where = f"{block.page.name}:{block.line}"
        if block.language == "python":
            code = compile("\n" * block.line + block.text, where, "exec")
            exec(code, names)  # noqa: S102  running the docs is the point
        elif block.language == "console":
            run_console(block.text)
        elif block.language == "sql":
            run_sql(desk, block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)
        else:
            assert block.language in NOT_RUN, f"{where}: what is {block.language!r}?"


def test_every_link_between_pages_leads_somewhere():
    """A link to a file of this repository points to one."""
    for page in PAGES:
        links = re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", page.read_text("utf-8"))
        for link in links:
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_settings_that_the_docs_name_exist():
    """The file that the settings page shows is one that lht reads."""
    (shown,) = (
        b.text for b in blocks(ROOT / "docs/settings.md") if b.language == "toml"
    )
    for table, keys in tomllib.loads(shown).items():
        assert keys.keys() <= config.KNOWN_SETTINGS[table]
    documented = (ROOT / "docs/settings.md").read_text("utf-8")
    for name in (*config.SALESFORCE_VARIABLES.values(), config.WAREHOUSE_VARIABLE):
        assert name in documented


def test_every_exit_code_is_documented():
    """Each code that an error can end in is explained in the docs and in the help."""

    def codes(kind: type[LHTError]) -> set[int]:
        return {kind.exit_code}.union(*map(codes, kind.__subclasses__()))

    page = (ROOT / "docs/results.md").read_text("utf-8")
    table = page.partition("## Exit codes")[2].partition("## ")[0]
    documented = {
        int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)
    }
    assert codes(LHTError) | {0, 3, 130} == documented
    assert {int(code) for code in re.findall(r"\b\d+\b", EXIT_CODES)} == documented


def test_every_document_is_documented():
    """Each JSON document that has a schema is named on the page of results."""
    page = (ROOT / "docs/results.md").read_text("utf-8")
    schemas = [p.name for p in (ROOT / "src/lht/report/schemas").iterdir()]
    assert schemas
    for name in schemas:
        assert f"`{name.removesuffix('.1.json')}/1`" in page


def test_every_error_has_a_code_of_its_own():
    """A script can tell errors apart by the code in brackets."""

    def kinds(kind: type[LHTError]) -> set[type[LHTError]]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    found = [k.code for k in kinds(LHTError) if k.__module__ == "lht.exceptions"]
    assert len(found) == len(set(found))
