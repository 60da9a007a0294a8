"""A recorded exchange, whatever form its recording has."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = Any


class Number(str):
    """A number with a fraction, as it was written."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer.

    Attributes:
        recording: The folder that it is from.
        file: The file, below the folder of recordings.
        position: Which exchange of the file, from 0.
        method: GET, POST, ...
        target: Path and query of the request.
        headers: The request's headers by lower-case name, if they are recorded.
        body: The request's body.
        status: The answer's status.
        answer_headers: The answer's headers, or None if they are not recorded.
        answer: The answer's body.
        before: What must have happened, in words that ``replay`` knows.
    """

    recording: str
    file: str
    position: int = 0
    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    status: int
    answer_headers: Mapping[str, str] | None = None
    answer: str = ""
    before: str = ""

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the query string."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def sent(self) -> Json:
        """The request's body as JSON, or None."""
        return read_json(self.body)

    @property
    def told(self) -> Json:
        """The answer's body as JSON, or None."""
        return read_json(self.answer)

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return f"{self.file}#{self.position}"

    def mapped(self, texts: Mapping[str, str]) -> "Exchange":
        """Put other texts in the place of those that a recording has masked."""
        headers = self.answer_headers
        return replace(
            self,
            target=put_words(self.target, texts),
            body=put_words(self.body, texts),
            answer=put_words(self.answer, texts),
            answer_headers=headers
            and {name: put_words(text, texts) for name, text in headers.items()},
        )


def put_words(text: str, words: Mapping[str, str]) -> str:
    """Put what is meant in the place of words that stand for it."""
    for word, meant in words.items():
        text = text.replace(word, meant)
    return text


def read_json(text: str) -> Json:
    """Read JSON, numbers with fractions as they are written; None if it is none."""
    try:
        return json.loads(text, parse_float=Number)
    except json.JSONDecodeError:
        return None


def below_host(url: str) -> str:
    """Take scheme and host off a URL."""
    return re.sub(r"^https?://[^/]+", "", url)
