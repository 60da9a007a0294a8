"""The page as a browser shows it."""

import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.devorg import chromium
from tests.devorg.calling import NOW, calling
from tests.devorg.chromium import Browser

from lht.devorg import faults

IS_CI = "CI" in os.environ  # as it was before tests hide it
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>'\"&"
VIEWS = (
    *("", "/objects/Account", "/soql?q=SELECT+Id,+Name+FROM+Account", "/soql?q=x"),
    *("/requests?paused=", "/faults?kind=refused", "/clock", "/connect"),
)
CONTRASTS = """
(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((n) => {
      const part = n / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    const clear = colour === "rgba(0, 0, 0, 0)";
    return clear ? behind(element.parentElement) : colour;
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const both = [light(getComputedStyle(e).color), light(behind(e))].sort();
      both.sort((a, b) => a - b);
      return [(both[1] + 0.05) / (both[0] + 0.05), e.outerHTML.slice(0, 80)];
    })
    .sort((a, b) => a[0] - b[0])[0];
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium for which a foreign name leads to this machine."""
    path = chromium.find()
    if path is None:
        lack = "no Chromium on this machine"
        if IS_CI:
            pytest.fail(lack)
        pytest.skip(lack)
    folder = tmp_path_factory.mktemp("chromium")
    foreign = "--host-resolver-rules=MAP rebound.example 127.0.0.1"
    with chromium.browsing(path, folder, foreign) as browser:
        yield browser


@pytest.fixture(scope="module")
def caller():
    with calling(rows={"Account": 120}, seed=1) as caller:
        caller.org.insert("Account", {"Name": HOSTILE})
        deleted = caller.org.insert("Account", {"Name": "Gone"})
        caller.org.delete(deleted)
        yield caller


@pytest.fixture
def page(browser, caller):
    """The address of the page, for a browser that runs no scripts of pages."""
    caller.org.clock.set(NOW)
    caller.org.faults.clear()
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    yield caller.org.url + "/devorg"
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def texts(browser: Browser, selector: str) -> list[str]:
    """Return the texts of all elements that a selector finds."""
    found = f"[...document.querySelectorAll({selector!r})].map((e) => e.textContent)"
    return list(browser.see(found))


def test_it_is_used_by_keyboard_without_scripts(browser, page, caller):
    """From the origin to a record, a query, a fault and the clock: Tab and Enter."""
    browser.go(caller.org.url)
    assert browser.see("location.pathname") == "/devorg"
    browser.tab_to("Account")
    browser.follow()
    assert texts(browser, "h1") == ["Account"]
    browser.tab_to("SOQL")
    browser.follow()
    browser.tab_to("q")
    browser.see("document.activeElement.select()")
    browser.call("Input.insertText", text="SELECT COUNT(Id) n FROM Account")
    browser.tab_to("Run")
    browser.follow()
    assert texts(browser, "td") == ["121"]
    browser.go(page + "/faults?kind=cut")
    browser.tab_to("path")
    browser.call("Input.insertText", text="results")
    browser.tab_to("Set")
    browser.follow()
    (fault,) = caller.org.faults
    assert (fault.fault.kind, fault.fault.path) == ("cut", "results")
    browser.tab_to("End")
    browser.follow()
    assert not list(caller.org.faults)
    browser.go(page + "/clock")
    browser.tab_to("On by a day")
    browser.follow()
    assert (caller.org.clock.now() - NOW).days == 1


def test_an_error_stands_below_the_query_with_a_caret(browser, page):
    browser.go(page + "/soql?q=SELECT%20Id,%20Nope%20FROM%20Account")
    (told,) = texts(browser, "pre")
    lines = told.split("\n")
    caret = lines.index(" " * 11 + "^")
    assert lines[caret - 1].startswith("SELECT Id, Nope")
    assert browser.see("document.querySelector('textarea').value").endswith("Account")


def test_values_do_nothing_in_a_browser_that_runs_scripts(browser, caller):
    """No value becomes an element, and none is run; nothing is even asked for."""
    caller.org.faults.add(faults.Refused(message=HOSTILE, query="never"))
    caller.get("/query", q=HOSTILE)
    latest = "SELECT Name FROM Account WHERE Name LIKE '%25script%25'"
    paths = ("/objects/Account?order=latest", f"/soql?q={latest}", "/faults")
    for path in (*paths, "/requests?paused="):
        browser.go(f"{caller.org.url}/devorg{path}")
        assert browser.see("document.querySelectorAll('img, script').length") == 0
        shown = browser.see("document.body.innerText")
        assert "alert(2)" in shown, path
        assert browser.complaints() == []
    caller.org.faults.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_it_can_be_read_in_the_light_and_in_the_dark(browser, page, view, scheme):
    """Each text stands out from what is behind it, as WCAG asks: by 4.5 to 1."""
    told = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", features=told)
    browser.go(page + view)
    contrast, where = browser.see(CONTRASTS)
    assert contrast >= 4.5, where
    background = browser.see("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("view", VIEWS)
def test_it_fits_narrow_screens(browser, page, view, width):
    """Only tables and code scroll sideways, in places of their own."""
    told = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **told)
    browser.go(page + view)
    assert browser.see("document.documentElement.scrollWidth") <= width
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_the_log_of_requests_renews_itself(browser, page, caller):
    """What is asked meanwhile appears without a touch."""
    browser.go(page + "/requests")
    caller.get("/sobjects/Contact/describe")
    assert not any("Contact" in text for text in texts(browser, "code"))
    browser.wait_for("Page.loadEventFired")
    assert "Contact" in texts(browser, "code")[0]


@contextmanager
def elsewhere(html: str):
    """Serve one page from another origin on this machine."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.daemon_threads = True
        server.block_on_close = False  # browsers keep connections that they do not use
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("path", "field", "status"),
    [
        ("/devorg/clock", "advance", 403),
        ("/devorg/admin/clock", '{"advance": 60, "x":"', 415),
    ],
)
def test_another_site_cannot_press_buttons(browser, caller, path, field, status):
    """A form that another site sends with the user's browser moves no clock."""
    caller.org.requests.clear()
    before = caller.org.clock.now()
    kind = "text/plain" if "admin" in path else "application/x-www-form-urlencoded"
    form = (
        f"<body onload='document.forms[0].submit()'><form method=post enctype='{kind}'"
        f" action='{caller.org.url}{path}'><input name='{field}' value='60'></form>"
    )
    with elsewhere(form) as url:
        browser.go(url)
        while not browser.frames()["frame"]["url"].endswith(path):
            browser.wait_for("Page.frameNavigated")
    asked = [r for r in caller.org.requests if r.method == "POST"]
    assert [(r.path, r.status) for r in asked] == [(path, status)]
    assert caller.org.clock.now() == before


def url_within(browser):
    """Return what the first frame within a page shows, "" as long as it has none."""
    frames = browser.frames().get("childFrames")
    return frames[0]["frame"]["url"] if frames else ""


def test_another_site_cannot_look(browser, caller):
    """Neither in a frame, nor by a name that is made to lead here."""
    with elsewhere(f"<iframe src='{caller.org.url}/devorg'></iframe>") as url:
        browser.go(url)
        while not (shown := url_within(browser)):
            browser.wait_for("Page.frameNavigated")
        assert shown.startswith("chrome-error:")
    browser.go(caller.org.url.replace("127.0.0.1", "rebound.example") + "/devorg")
    assert texts(browser, "h1") == ["Refused"]
