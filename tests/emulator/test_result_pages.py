"""Result pages in every form: what is in them arrives, or nothing moves."""

import gzip
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal, localcontext
from itertools import accumulate, count

import pytest
from tests.emulator.faults import page_from
from tests.emulator.letters import (
    LONGEST,
    PAGE_ROWS,
    Letters,
    an_org_of_letters,
    plain,
    read_cells,
    spelled,
    wire,
    written,
)
from tests.pieces import PIECE_BYTES

from lht.devorg.http.wire import Answer

Damage = Callable[[Answer], Answer]

LINE = 'a "quoted" text,\r\n'
PADDING = LINE * (2 * PIECE_BYTES // PAGE_ROWS // len(LINE) + 1)
"""A page of such texts is larger than two pieces in which it is read."""

SHARP = (
    *("\r\n", "\n", "\r", '"', '""', ",", '","', '"\n"', '"\r\n"', "\n\r\n\r", " "),
    *('\n"a5L","x","', '"Id","Name"\n', "é", "👩‍🚀", "\u2028", "NA", "abc", "\\", "'"),
)


@pytest.fixture(scope="module")
def written_since_loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Letters]:
    """Letters that a load would bring, if only it came through."""
    with an_org_of_letters(tmp_path_factory.mktemp("letters")) as letters:
        letters.write(["known"] * 3)
        letters.loaded()
        letters.write([PADDING] * 2 * PAGE_ROWS)
        yield letters


@pytest.fixture
def pending(written_since_loaded: Letters, piece_bytes: int) -> Iterator[Letters]:
    """Letters that no load has brought yet; what goes wrong ends with the test."""
    del piece_bytes  # which their pages are read in
    yield written_since_loaded
    written_since_loaded.org.faults.clear()


def drawn_text(chance: random.Random) -> str:
    """Draw a text, as often short as of any length."""
    length = chance.randint(0, chance.choice([2, 40, LONGEST, LONGEST]))
    return "".join(chance.choices(SHARP, k=length))[:length]


# -- texts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line_end", "gzipped"), [("\n", True), ("\r\n", False)], ids=["lf", "crlf plain"]
)
def test_texts_full_of_line_ends_arrive(
    letters: Letters, line_end: str, gzipped: bool, seed: int
) -> None:
    """Any texts, of any lengths, in pages of several pieces, arrive unchanged."""
    chance = random.Random(seed)
    letters.write([drawn_text(chance) for _ in range(2 * PAGE_ROWS + 1)])
    letters.respell(lambda b: written(read_cells(b), line_end), gzipped=gzipped)
    letters.loaded()


def test_a_line_end_stays_wherever_a_piece_ends(
    letters: Letters, piece_bytes: int
) -> None:
    """No byte of a text is lost or doubled that a piece ends before or behind."""
    critical = 'é\r\n"\r\n","\n'
    period = len(critical.replace('"', '""').encode())
    text = critical * (2 * piece_bytes // PAGE_ROWS // period)
    for shift in range(period):
        letters.write(["x" * shift + text, *[text] * (PAGE_ROWS - 1)])
    sizes: list[int] = []
    letters.respell(lambda body: sizes.append(len(body)) or body)
    letters.loaded()
    assert len(sizes) == period
    assert min(sizes) > 2 * piece_bytes


def test_the_longest_texts_arrive(letters: Letters, piece_bytes: int) -> None:
    """Texts of the greatest length there is, and longer ones, arrive whole."""
    long = ['"' * LONGEST, "\r\n" * (LONGEST // 2), "👩" * LONGEST, '",\r\n"' * 200_000]
    assert min(map(len, long)) > 3 * piece_bytes
    letters.write([part for text in long for part in ("before", text, "", text, '"')])
    letters.loaded()


# -- numbers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        ([1e17, 12345678.0, 9.9e35], "DECIMAL(38,2)"),
        ([0.125, 12345678.125, 1e17], "DECIMAL(38,3)"),
        ([0.30000000000000004], "DECIMAL(38,17)"),
        ([4.334492284391681e53, -4.5e-90], "DOUBLE"),
        ([3.4e38], "DOUBLE"),  # which Arrow's own parser turns negative
        ([-4.504188239319361e-90], "DOUBLE"),  # and of which it makes 0
    ],
)
@pytest.mark.usefixtures("piece_bytes")
def test_odd_numbers_at_the_very_end(
    letters: Letters, odd: list[float], kind: str
) -> None:
    """Numbers in the last page's last piece decide for all; none is changed."""
    amounts = [n + 0.25 for n in range(3 * PAGE_ROWS - len(odd))] + odd
    letters.write([""] * (2 * PAGE_ROWS) + [PADDING] * PAGE_ROWS, amounts)
    letters.loaded()
    assert_exact(letters, amounts, kind)


@pytest.mark.usefixtures("piece_bytes")
def test_numbers_widen_their_column_again_and_again(
    letters: Letters, seed: int
) -> None:
    """Piece by piece, page by page and load by load more decimals come, exactly."""
    chance = random.Random(seed)
    amounts: list[float] = []
    for load, text in enumerate(["", PADDING, ""]):
        decimals = [load + row // 20 for row in range(2 * PAGE_ROWS)]
        more = [round(chance.uniform(1, 1000), most) for most in decimals]
        more.append(round(1 / 3, load + 5))
        letters.write([text] * len(more), more)
        letters.loaded()
        amounts += more
        assert_exact(letters, amounts, f"DECIMAL(38,{load + 5})")


def assert_exact(letters: Letters, amounts: list[float], kind: str) -> None:
    """Fail unless the amounts have this type in the table, and add up exactly."""
    found, values = letters.amounts()
    assert found == kind
    if kind == "DOUBLE":
        assert sorted(values) == sorted(amounts)
        return
    with localcontext(prec=60):
        exact = sum(Decimal(repr(amount)) for amount in amounts)
        assert sum(values) == exact
    assert letters.scalar("SELECT sum(Amount__c) FROM RAW.Letter__c") == exact


# -- headers --------------------------------------------------------------------------


def test_columns_come_in_any_order_and_case(letters: Letters) -> None:
    """Each page may name its columns in an order and a case of its own."""
    letters.write([f"text {n}" for n in range(5 * PAGE_ROWS)], [1.5] * 5 * PAGE_ROWS)
    turn = count(1)
    headers = set()

    def reordered(body: bytes) -> bytes:
        at = next(turn)
        header, *rows = ([*row[at:], *row[:at]][::-1] for row in read_cells(body))
        header = [str.upper, str.lower, str.title][at % 3](",".join(header)).split(",")
        headers.add(tuple(header))
        return written([header, *rows])

    letters.respell(reordered)
    letters.loaded()
    assert len(headers) == 5


def less(row: list[str]) -> list[str]:
    return row[:-1]


def more(row: list[str]) -> list[str]:
    return [*row, "Other__c"]


def other(row: list[str]) -> list[str]:
    return ["Other__c" if cell == "Text__c" else cell for cell in row]


def doubled(row: list[str]) -> list[str]:
    return [*row, row[1]]


def doubled_in_another_case(row: list[str]) -> list[str]:
    return [*row, row[1].upper()]


@pytest.mark.parametrize(
    "columns", [less, more, other, doubled, doubled_in_another_case]
)
def test_other_columns_than_were_asked(
    pending: Letters, columns: Callable[[list[str]], list[str]]
) -> None:
    """A page that lacks a column, or has one more or one twice, is refused."""
    pending.respell(
        lambda body: written([columns(row) for row in read_cells(body)]),
        query=page_from(PAGE_ROWS),
    )
    assert pending.refused() == "data"


# -- pages that are cut ---------------------------------------------------------------


def cut_at(place: Callable[[bytes], int], *, gzipped: bool) -> Damage:
    """Return what cuts the CSV, and whoever does it packs what is left."""
    return lambda answer: spelled(
        answer, (body := plain(answer))[: place(body)], gzipped=gzipped
    )


def record_ends(body: bytes) -> list[int]:
    """Return where the header and the records of a page end."""
    return list(accumulate(len(written([row])) for row in read_cells(body)))


PLACES: dict[str, Callable[[bytes], int]] = {
    "before all": lambda _: 0,
    "in the header": lambda _: 9,
    "behind the header": lambda body: body.index(b"\n") + 1,
    "in a text": lambda body: body.rindex(b"\r\n") + 1,
    "at a line end in a text": lambda body: body.rindex(b"\r\n") + 2,
    "amid a doubled quote": lambda body: body.rindex(b'""quoted') + 1,
    "between records": lambda body: record_ends(body)[-2],
    "before the last line end": lambda body: len(body) - 1,
    "where a piece ends": lambda _: PIECE_BYTES,
    "at the record before": lambda body: max(
        end for end in record_ends(body) if end < PIECE_BYTES
    ),
    "at the record behind": lambda body: min(
        end for end in record_ends(body) if end > PIECE_BYTES
    ),
}
ON_THE_WIRE: dict[str, Callable[[bytes], bytes]] = {
    "gzip without anything": lambda _: b"",
    "gzip without all but its head": lambda wire: wire[:10],
    "half of the gzip": lambda wire: wire[: len(wire) // 2],
    "gzip without its trailer": lambda wire: wire[:-8],
    "gzip without its last byte": lambda wire: wire[:-1],
}


def changed_on_the_way(instead: bytes) -> Damage:
    """Return what changes bytes of a page, of which only the gzip trailer tells."""

    def change(answer: Answer) -> Answer:
        stored = gzip.compress(plain(answer), 0)
        assert b"quoted" in stored
        return replace(answer, body=stored.replace(b"quoted", instead, 1))

    return change


DAMAGES: dict[str, Damage] = {
    f"gzip cut {name}": cut_at(place, gzipped=True) for name, place in PLACES.items()
} | {
    **{
        f"plain cut {name}": cut_at(PLACES[name], gzipped=False)
        for name in ("before all", "in a text", "between records")
    },
    **{
        name: lambda answer, cut=cut: replace(answer, body=cut(wire(answer)))
        for name, cut in ON_THE_WIRE.items()
    },
    "gzip with another letter": changed_on_the_way(b"quotes"),
    "gzip with bytes that are no text": changed_on_the_way(b"quo\xff\xfed"),
    "gzip with a value more": changed_on_the_way(b'q","ed'),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_page_that_stays_damaged_moves_nothing(pending: Letters, name: str) -> None:
    """Wherever a page is cut: table and watermark are as before, and it is told."""
    pending.change(DAMAGES[name], query=page_from(PAGE_ROWS))
    assert pending.refused() in {"row_count_mismatch", "salesforce_unavailable"}


@pytest.mark.usefixtures("piece_bytes")
def test_a_page_that_was_damaged_once_is_fetched_again(letters: Letters) -> None:
    """All pages come damaged, each in its way, then whole; every cell is right."""
    letters.write([PADDING] * len(DAMAGES) * PAGE_ROWS)
    for page, damage in enumerate(DAMAGES.values()):
        where = page_from(page * PAGE_ROWS)
        letters.change(damage, query=where, times=1)
    letters.loaded()
    fetched = sum(path.endswith("/results") for _, path, _ in letters.org.requests)
    assert fetched == 2 * len(DAMAGES)


def test_an_empty_page_of_no_told_size_is_missed(pending: Letters) -> None:
    """A page that is empty and does not say of how many rows is found to be lacking."""
    pending.change(
        lambda answer: replace(answer, body=b"", headers={}), query=page_from(PAGE_ROWS)
    )
    assert pending.refused() == "row_count_mismatch"
