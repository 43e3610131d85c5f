"""A browser without a window, by WebDriver (W3C Recommendation), which chromedriver speaks: for tests of pages."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHROME = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
#: Keys, as WebDriver spells them.
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowDown": "\ue015",
    "ArrowUp": "\ue013",
    "End": "\ue010",
    "Home": "\ue011",
}
_ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]


class Browser:
    """A session. Leaving the context ends it."""

    def __init__(self) -> None:
        assert DRIVER is not None
        driver = [DRIVER, "--port=0"]
        self._process = subprocess.Popen(driver, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "on port" in line and "successfully" in line:
                port = line.split("on port")[1].strip(" .\n")
                break
        self._url = f"http://127.0.0.1:{port}"
        chrome = {"binary": CHROME, "args": _ARGUMENTS}
        wanted = {"goog:chromeOptions": chrome, "goog:loggingPrefs": {"browser": "ALL"}}
        self._session = ""
        self._session = f"/session/{self._call('/session', {'capabilities': {'alwaysMatch': wanted}})['sessionId']}"

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._call("", method="DELETE")
        finally:
            self._process.kill()
            self._process.communicate()

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page anew."""
        self._call("/url", {"url": "about:blank"})
        self._call("/url", {"url": page.as_uri() + fragment})

    def run(self, script: str, *arguments: object) -> Any:
        """What a function body in the page returns."""
        return self._call("/execute/sync", {"script": script, "args": arguments})

    def until(self, script: str, seconds: float = 10) -> Any:
        """The same, as soon as it is true."""
        end = time.monotonic() + seconds
        while not (found := self.run(script)):
            assert time.monotonic() < end, script
            time.sleep(0.02)
        return found

    def press(self, *keys: str) -> None:
        """Keys, one after the other, by name or letter."""
        strokes = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def point(self, selector: str) -> None:
        """The pointer to the middle of the first element that a selector finds."""
        element = self._call("/element", {"using": "css selector", "value": selector})
        move = {"type": "pointerMove", "duration": 0, "origin": element, "x": 0, "y": 0}
        self._call("/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [move]}]})

    def console(self) -> Sequence[str]:
        """What the page wrote to the console, or was refused, since the last call."""
        return [each["message"] for each in self._call("/se/log", {"type": "browser"})]

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self._call("/print", {}))

    def _call(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(self._url + self._session + path, data, method=method)
        asked.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return json.loads(answer.read())["value"]
