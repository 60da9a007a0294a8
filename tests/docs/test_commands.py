"""The page of commands is what the commands say of themselves."""

import os
from pathlib import Path

import pytest
from typer.main import get_command

from lht import cli
from lht.cli.run import app

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """\
# Commands

What `--help-all` of each command says. `lht --help` lists them, `lht sync --help` shows
the options of one. Settings that all commands share are explained in
[settings](settings.md), results and exit codes in [results](results.md).
"""


def paths(command, words=("lht",)):
    """Yield the words of every command, groups aside."""
    commands = getattr(command, "commands", None)
    if commands is None:
        yield words
    else:
        for name, inner in commands.items():
            yield from paths(inner, (*words, name))


ALL = list(paths(get_command(app())))


@pytest.fixture(autouse=True)
def as_wide_as_the_page(monkeypatch):
    monkeypatch.setenv("COLUMNS", "82")


def test_the_page_of_commands_is_up_to_date(capsys):
    """Every command is documented, with every option it has."""
    parts = [HEAD]
    for words in ALL:
        assert cli.main([*words[1:], "--help-all"]) == 0
        text = capsys.readouterr().out.rstrip()
        parts.append(f"## {' '.join(words)}\n\n```text\n{text}\n```\n")
    page = "\n".join(parts)
    if os.environ.get("LHT_TEST_GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_help_and_two_examples(words, capsys):
    """--help says what a command is for and shows two lines to copy."""
    assert cli.main([*words[1:], "--help"]) == 0
    text = capsys.readouterr().out
    examples = text.partition("Examples:\n")[2].strip().splitlines()
    assert len(examples) == 2
    assert all(line.strip().startswith(" ".join(words)) for line in examples)
