"""A headless Chromium that tests drive through two pipes.

Source: Chrome DevTools Protocol, over ``--remote-debugging-pipe``: JSON messages, each
ended by a zero byte.
"""

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 60
FLAGS = (
    "--headless",
    "--no-sandbox",  # tests may be run by root, who has none
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)
KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}


def find() -> str | None:
    """Return where a Chromium is, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One Chromium, with one tab."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._numbers = count(1)
        self._buffer = b""
        self._session: str | None = None
        self.events: list[Mapping[str, Any]] = []
        made = self.call("Target.createTarget", url="about:blank")
        found = self.call("Target.attachToTarget", **made, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Ask for something and return the answer; events meanwhile are kept."""
        number = next(self._numbers)
        told: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session and method != "Browser.close":
            told["sessionId"] = self._session
        os.write(self._writing, json.dumps(told).encode() + b"\0")
        while (found := self._receive()).get("id") != number:
            self.events.append(found)
        assert "error" not in found, found
        return found["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reading], [], [], SECONDS)
            assert ready, "Chromium says nothing"
            more = os.read(self._reading, 1 << 16)
            assert more, "Chromium has ended"
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def wait_for(self, event: str) -> None:
        """Wait for the next event of a name, be it here already or not."""
        while True:
            for at, found in enumerate(self.events):
                if found.get("method") == event:
                    del self.events[: at + 1]
                    return
            self.events.append(self._receive())

    def go(self, url: str) -> None:
        """Open an address, to the end of its loading."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def frames(self) -> Any:
        """Return the frame of the page, and those in it."""
        return self.call("Page.getFrameTree")["frameTree"]

    def see(self, expression: str) -> Any:
        """Return what a JavaScript expression yields in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        code, text = KEYS[key]
        known = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def tab_to(self, text: str) -> None:
        """Press Tab until what has the focus has this text or name."""
        for _ in range(60):
            self.press("Tab")
            focused = self.see(
                "(e => [e.textContent, e.name, e.value].includes("
                f"{json.dumps(text)}))(document.activeElement)"
            )
            if focused:
                return
        raise AssertionError(f"Tab does not lead to {text}")

    def follow(self, key: str = "Enter") -> None:
        """Press a key that leads to another page, and wait for it."""
        self.events.clear()
        self.press(key)
        self.wait_for("Page.loadEventFired")

    def complaints(self) -> list[str]:
        """Return what the browser has logged, and all that scripts have said."""
        kinds = {
            "Log.entryAdded",
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
        }
        kinds.add("Page.javascriptDialogOpening")
        return [str(e) for e in self.events if e.get("method") in kinds]


@contextmanager
def browsing(path: str, folder: Path, *flags: str) -> Iterator[Browser]:
    """Run a Chromium for the block."""
    its_reading, writing = os.pipe()
    reading, its_writing = os.pipe()
    shell = f'exec "$0" "$@" 3<&{its_reading} 4>&{its_writing}'
    known = (*FLAGS, f"--user-data-dir={folder}", *flags)
    process = subprocess.Popen(
        ["/bin/bash", "-c", shell, path, *known],
        pass_fds=(its_reading, its_writing),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_reading)
    os.close(its_writing)
    try:
        browser = Browser(reading, writing)
        yield browser
        browser.call("Browser.close")
        process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(reading)
        os.close(writing)
