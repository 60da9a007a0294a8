"""The page in the browser, as HTML over HTTP."""

from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from tests.devorg.calling import NOW, Caller, calling

from lht.devorg import faults

HOSTILE = "<script>alert(1)</script>'\"&<b onclick=x>"
VIEWS = ("", "/objects/Account", "/soql", "/requests", "/faults", "/clock", "/connect")
FORMS = ("/requests", "/faults", "/clock")


class Reading(HTMLParser):
    """What a browser would make of a page, in brief."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.inputs: dict[str, str] = {}
        self.links: list[str] = []
        self.cells: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.append(tag)
        self.attributes += known
        if tag == "input":
            self.inputs[known["name"]] = known.get("value", "")
        if tag == "a":
            self.links.append(known["href"])
        if tag in {"td", "pre"}:
            self.cells.append("")
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if {"td", "pre"} & set(self._open):
            self.cells[-1] += data


@pytest.fixture(scope="module")
def running():
    with calling(rows={"Account": 120}, seed=1) as caller:
        yield caller


@pytest.fixture
def caller(running):
    """An org of this module, as it was at first but for records that tests made."""
    running.org.clock.set(NOW)
    running.org.clock.freeze()
    running.org.faults.clear()
    running.org.requests.clear()
    return running


@pytest.fixture
def own():
    """An org of one test alone."""
    with calling(rows={"Account": 120}, seed=1) as caller:
        yield caller


def see(caller: Caller, path: str, status: int = 200) -> Reading:
    found = caller.http.get("/devorg" + path, headers={"Authorization": ""})
    assert found.status_code == status
    assert found.headers["content-type"] == "text/html;charset=UTF-8"
    return Reading(found.text)


def press(caller: Caller, path: str, form: dict[str, str] | None = None):
    """Send a form as a browser does that shows the page."""
    origin = {"Origin": caller.org.url}
    return caller.http.post("/devorg" + path, data=form or {}, headers=origin)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_does_without_scripts_and_fetches_nothing(caller, view):
    """What a page may do is said in its head: styles of its own, and no more."""
    found = caller.http.get("/devorg" + view)
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert not {"script", "iframe", "img"} & set(Reading(found.text).tags)


def test_a_browser_is_shown_the_way(caller):
    """The origin itself leads browsers to the page, and is nothing for clients."""
    found = caller.http.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (found.status_code, found.headers["location"]) == (303, "/devorg")
    assert caller.http.get("/").status_code == 404


def test_values_are_texts_wherever_they_are_shown(caller):
    """A value that looks like HTML is shown as it is, in every view."""
    id_ = caller.org.insert("Account", {"Name": HOSTILE})
    caller.org.faults.add(faults.Refused(message=HOSTILE, query="never"))
    caller.get("/query", q=f"SELECT {HOSTILE}")
    seen = {
        f"/objects/Account/{id_}": HOSTILE,
        "/objects/Account?order=latest": HOSTILE,
        "/faults": "<script>",
        "/requests": HOSTILE,
        "/soql?q=SELECT Name FROM Account ORDER BY CreatedDate DESC": HOSTILE,
    }
    for path, text in seen.items():
        page = see(caller, path)
        assert any(text in cell for cell in page.cells), path
        assert "script" not in page.tags
        assert "onclick" not in page.attributes
    name = quote(HOSTILE, safe="")
    for path in (f"/objects/{name}", f"/objects/Account/{name}"):
        assert "script" not in see(caller, path, 404).tags
    typed = see(caller, f"/soql?q=</textarea>{HOSTILE}", 400)
    assert "script" not in typed.tags


@pytest.mark.parametrize("view", VIEWS)
def test_only_this_machine_may_look(caller, view):
    """A name that leads here by somebody else's doing opens nothing."""
    host = {"Host": "org.example"}
    assert caller.http.get("/devorg" + view, headers=host).status_code == 403


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://org.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Referer": "https://org.example/http://127.0.0.1"},
        {"Origin": "http://org.example", "Host": "org.example"},
    ],
    ids=str,
)
def test_other_sites_press_no_buttons(caller, path, headers):
    """A form that does not say that it is from here changes nothing."""
    caller.org.faults.add(faults.Slow(path="results"))
    before = len(caller.org.requests)
    form = {"clear": "all", "advance": "60"}
    found = caller.http.post("/devorg" + path, data=form, headers=headers)
    assert found.status_code == 403
    assert caller.org.clock.now() == NOW
    assert len(list(caller.org.faults)) == 1
    assert len(caller.org.requests) > before


def test_a_form_says_in_one_of_two_ways_where_it_is_from(caller):
    headers = {"Referer": caller.org.url + "/devorg/clock"}
    caller.http.post("/devorg/clock", data={"advance": "60"}, headers=headers)
    assert caller.org.clock.now() == NOW + timedelta(minutes=1)


def test_what_is_no_form_is_refused(caller):
    headers = {"Origin": caller.org.url}
    found = caller.http.post("/devorg/clock", json={"advance": 60}, headers=headers)
    assert found.status_code == 415


def test_objects_are_listed_with_their_counts(own):
    """Objects with records come first; the others are there, too."""
    page = see(own, "")
    at = page.cells.index("Account")
    assert page.cells[at : at + 3] == ["Account", "Account", "120"]
    assert "/devorg/objects/Contact" in page.links


def test_records_come_in_pages_with_deleted_ones_marked(own):
    """Each record is on one page, whether it is in the recycle bin or not."""
    ids = [row["Id"] for row in own.records("SELECT Id FROM Account")]
    own.org.delete(ids[0])
    found: list[str] = []
    path = "/objects/Account"
    for more in (True, True, False):
        page = see(own, path)
        found += [link.split("/")[-1] for link in page.links if "/Account/" in link]
        following = [link for link in page.links if "first=" in link]
        assert any(len(found) == int(link.split("=")[-1]) for link in following) == more
        path = f"/objects/Account?first={len(found)}"
    assert found == sorted(ids)
    assert "deleted" in see(own, "/objects/Account").cells
    assert "deleted" in see(own, f"/objects/Account/{ids[0]}").cells


@pytest.mark.parametrize("first", ["-1", "x", "1e3", "9" * 30])
def test_a_list_begins_at_a_number(caller, first):
    see(caller, f"/objects/Account?first={first}", 400)


def test_every_object_can_be_looked_at(own):
    """Lists and records of all objects of a filled org are shown, every field."""
    names = ("Account", "Contact", "Opportunity", "Case", "Task", "Attachment")
    own.org.generate(dict.fromkeys(names, 2))
    listed = see(own, "").links
    for sobject in own.org.store.metadata.sobjects:
        assert (f"/devorg/objects/{sobject.name}" in listed) == sobject.queryable
        if not sobject.queryable:
            continue
        page = see(own, f"/objects/{sobject.name}")
        start = f"/devorg/objects/{sobject.name}/"
        ids = [link for link in page.links if link.startswith(start)]
        assert bool(ids) == bool(own.org.store.record_counts()[sobject.name])
        for link in ids[:1]:
            cells = see(own, link.removeprefix("/devorg")).cells
            assert cells[::3] == [field.name for field in sobject.fields]


@pytest.mark.parametrize(
    ("soql", "cells"),
    [
        ("SELECT Name, Owner.Name FROM Contact", ["Doe", "Integration User"]),
        ("SELECT Name, (SELECT LastName FROM Contacts) FROM Account LIMIT 1", ["Doe"]),
        ("SELECT LastName, COUNT(Id) n FROM Contact GROUP BY LastName", ["Doe", "1"]),
        ("SELECT Email FROM Contact", ["null"]),
    ],
)
def test_a_query_is_answered_with_a_table(caller, soql, cells):
    """Parents, children and groups have their places in it."""
    for one in caller.records("SELECT Id FROM Contact"):
        caller.org.hard_delete(one["Id"])
    parent = caller.records("SELECT Id FROM Account LIMIT 1")[0]["Id"]
    caller.org.insert("Contact", {"LastName": "Doe", "AccountId": parent})
    page = see(caller, f"/soql?q={soql}")
    assert set(cells) <= set(page.cells)


def test_a_query_that_only_counts_has_no_table(own):
    page = own.http.get("/devorg/soql", params={"q": "SELECT COUNT() FROM Account"})
    assert "120 rows" in page.text
    assert "td" not in Reading(page.text).tags


def test_the_recycle_bin_is_read_when_asked(own):
    own.org.delete(own.records("SELECT Id FROM Account LIMIT 1")[0]["Id"])
    query = {"q": "SELECT Id FROM Account"}
    assert "119 rows" in own.http.get("/devorg/soql", params=query).text
    query["all"] = "1"
    assert "120 rows" in own.http.get("/devorg/soql", params=query).text


@pytest.mark.parametrize(
    ("soql", "above", "code"),
    [
        ("SELECT Id,\r\n Nope FROM Account", "N", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE", "", "MALFORMED_QUERY"),
        ("SELECT Id\nFROM Account WHERE # = 1", "#", "MALFORMED_QUERY"),
    ],
)
def test_an_error_points_at_its_place(caller, soql, above, code):
    """A caret stands below the character at which the query goes wrong."""
    found = caller.http.get("/devorg/soql", params={"q": soql})
    assert found.status_code == 400
    (told,) = Reading(found.text).cells
    lines = told.split("\n")
    caret = next(at for at, line in enumerate(lines) if line.strip() == "^")
    assert lines[caret - 1][lines[caret].index("^") :][:1] == above
    assert code in found.text


def test_queries_by_hand_leave_no_cursor_behind(caller):
    """The box does not take the place of what clients have open."""
    caller.org.short_pages(50)
    page = caller.query("SELECT Id FROM Account")
    for _ in range(12):
        see(caller, "/soql?q=SELECT Id FROM Account")
    assert caller.get(page["nextRecordsUrl"]).status_code == 200


def test_requests_are_listed_newest_first_and_the_page_is_none_of_them(caller):
    """The log shows what clients ask, with what became of it."""
    busy = caller.org.faults.add(faults.ServerTooBusy(query="Busy", times=1))
    caller.get("/query", q="SELECT Busy FROM Account")
    caller.get("/sobjects/Account/describe")
    page = see(caller, "/requests")
    paths = [cell for cell in page.cells if cell.startswith("/")]
    assert [path.split("/")[4] for path in paths[:2]] == [
        "sobjects",
        "query?q=SELECT Busy FROM Account",
    ]
    see(caller, "/clock")
    assert [c for c in see(caller, "/requests").cells if c.startswith("/")] == paths
    met = see(caller, "/requests?show=met a fault").cells
    assert [cell for cell in met if cell.startswith("/")] == paths[1:2]
    assert str(busy) in met
    assert "503" in see(caller, "/requests?show=refused").cells


def test_the_log_renews_itself_until_it_is_paused(caller):
    assert "http-equiv" in see(caller, "/requests").attributes
    assert "http-equiv" not in see(caller, "/requests?paused=").attributes


def test_the_log_can_be_emptied(caller):
    assert press(caller, "/requests").status_code == 303
    assert see(caller, "/requests").cells == []


@pytest.mark.parametrize("kind", faults.KINDS, ids=lambda kind: kind.__name__)
def test_every_fault_can_be_set_as_its_form_comes(caller, kind):
    """The form of a kind has its usual values; what is typed is what is set."""
    name = str(kind.__struct_config__.tag)
    form = see(caller, f"/faults?kind={name}").inputs
    assert press(caller, "/faults", form).status_code == 303
    assert (
        press(caller, "/faults", form | {"skip": "3", "times": "2"}).status_code == 303
    )
    first, second = caller.org.faults
    assert first.fault == kind()
    assert (second.fault.skip, second.fault.times) == (3, 2)
    assert name in see(caller, "/faults").cells


def test_faults_are_told_in_plain_words(caller):
    """What is markup where they are written is none on a page."""
    assert "``" not in caller.http.get("/devorg/faults").text


def test_a_fault_that_makes_no_sense_is_refused_with_what_was_typed(caller):
    """Nothing is set; the form comes back as it was filled in."""
    form = see(caller, "/faults?kind=cut").inputs | {"afterBytes": "-5"}
    found = press(caller, "/faults", form)
    assert found.status_code == 400
    assert "afterBytes" in found.text
    assert Reading(found.text).inputs["afterBytes"] == "-5"
    assert press(caller, "/faults", {"kind": "nonsense"}).status_code == 400
    assert press(caller, "/faults", {"clear": "x"}).status_code == 400
    assert not list(caller.org.faults)


def test_faults_are_ended_one_by_one_or_all(caller):
    first, second, third = (
        caller.org.faults.add(faults.HungUp(path="results")) for _ in range(3)
    )
    press(caller, "/faults", {"clear": str(second.number)})
    assert list(caller.org.faults) == [first, third]
    press(caller, "/faults", {"clear": "all"})
    assert not list(caller.org.faults)


def test_no_fault_meets_the_page(caller):
    """What goes wrong with everything can still be ended."""
    caller.org.faults.add(faults.HungUp())
    see(caller, "")
    see(caller, "/faults")


def test_the_clock_is_moved_set_stopped_and_let_run(caller):
    clock = caller.org.clock
    press(caller, "/clock", {"advance": "86400"})
    assert clock.now() == NOW + timedelta(days=1)
    press(caller, "/clock", {"set": "2031-01-02 03:04:05"})
    assert clock.now().isoformat() == "2031-01-02T03:04:05+00:00"
    assert "run" in caller.http.get("/devorg/clock").text
    press(caller, "/clock", {"run": "1"})
    assert not clock.is_frozen
    press(caller, "/clock", {"freeze": "1"})
    assert clock.is_frozen
    assert clock.now().isoformat() >= "2031-01-02T03:04:05"


@pytest.mark.parametrize(
    "form",
    [{"set": "soon"}, {"advance": "x"}, {"advance": "inf"}, {"set": "0001-01-01"}],
)
def test_a_time_that_cannot_be_is_refused(caller, form):
    assert press(caller, "/clock", form).status_code == 400
    assert caller.org.clock.now() == NOW


def test_the_page_says_how_to_connect(caller):
    found = see(caller, "/connect").cells
    assert f"export LHT_SALESFORCE_URL={caller.org.url}\n" in found[0]
    assert caller.org.client_secret in found[0]
