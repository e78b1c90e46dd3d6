"""A headless Chromium, driven through its DevTools protocol.

No other host than this one resolves in it.
"""

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from websocket import create_connection

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
OPTIONS = """--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run --no-default-browser-check
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions
    --disable-features=BackForwardCache --remote-debugging-port=0 --remote-allow-origins=*"""  # noqa: E501
ISOLATED = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
PATIENCE = (
    60  # seconds until a page or an answer counts as lost; a machine that does other work is slow
)


def find() -> str | None:
    """Find the program: the one that CHROMIUM names, or the first of the usual names."""
    return next(
        (
            path
            for name in (os.environ.get("CHROMIUM"), *NAMES)
            if name and (path := shutil.which(name))
        ),
        None,
    )


class Tab:
    """One tab: the protocol's commands, and the events that have come since the last visit."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.mkdtemp(prefix="check-site-")
        command = [
            program,
            *OPTIONS.split(),
            ISOLATED,
            f"--user-data-dir={self.profile}",
            "about:blank",
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.numbers, self.events = itertools.count(1), []
        self.socket = create_connection(self._address(), timeout=PATIENCE)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def _address(self) -> str:
        file, end = Path(self.profile, "DevToolsActivePort"), time.monotonic() + PATIENCE
        while not (file.is_file() and file.read_text().count("\n")):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(
                    f"{self.process.args[0]} did not start (exit status {self.process.returncode})"
                )
            time.sleep(0.05)
        port = file.read_text().split()[0]
        with urlopen(
            Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT"), timeout=PATIENCE
        ) as answer:
            return json.load(answer)["webSocketDebuggerUrl"]

    def send(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come before it are kept."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def visit(self, address: str) -> None:
        """Open a page, and wait for all that it loads and for MathJax."""
        self.events.clear()
        self.send(
            "Page.navigate", url="about:blank"
        )  # what the page before still asks for is not this one's
        self.wait("Page.loadEventFired")
        self.events.clear()
        self.send("Page.navigate", url=address)
        self.wait("Page.loadEventFired")
        self.run("window.MathJax?.startup?.promise?.then(() => true) ?? true")

    def wait(self, event: str) -> None:
        """Wait for an event of the protocol."""
        while not any(e["method"] == event for e in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def run(self, script: str) -> Any:
        """Evaluate an expression on the page, promises awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(
                answer["exceptionDetails"]
                .get("exception", answer["exceptionDetails"])
                .get("description")
            )
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until an expression is true on the page."""
        end = time.monotonic() + PATIENCE
        while not self._holds(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"never true on {self.run('location.href')}: {condition}")
            time.sleep(0.02)

    def _holds(self, condition: str) -> bool:
        """Whether an expression is true; not while the page gives way to another."""
        with suppress(RuntimeError):
            return bool(self.run(f"!!({condition})"))
        return False

    def press(self, key: str, code: str, number: int, **more: object) -> None:
        """Press and release a key, given by its name, its place and its number."""
        self.send(
            "Input.dispatchKeyEvent",
            type="keyDown",
            key=key,
            code=code,
            windowsVirtualKeyCode=number,
            **more,
        )
        self.send(
            "Input.dispatchKeyEvent", type="keyUp", key=key, code=code, windowsVirtualKeyCode=number
        )

    def size(self, width: int, height: int = 900) -> None:
        """Give the page the width of a device, in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def complaints(self) -> Iterator[str]:
        """Give what was thrown, and what the console shows as an error, since the last visit."""
        for event in self.events:
            match event:
                case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": what}}:
                    yield json.dumps(what)
                case {
                    "method": "Runtime.consoleAPICalled",
                    "params": {"type": "error", "args": what},
                }:
                    yield json.dumps(what)
                case {"method": "Log.entryAdded", "params": {"entry": {"level": "error"} as what}}:
                    yield json.dumps(what)

    def requests(self) -> list[str]:
        """Give the addresses that were asked for since the last visit."""
        return [
            e["params"]["request"]["url"]
            for e in self.events
            if e["method"] == "Network.requestWillBeSent"
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # the answer may not come any more
            self.send("Browser.close")
        self.socket.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.profile, ignore_errors=True)
