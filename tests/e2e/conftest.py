"""Fixtures that start the dashboard, or any Streamlit script, and drive it in Chromium.

    def test_title(serve, page):
        page.goto(serve("app.py"))

Every test in this folder carries the marker `browser`. Where there is no Chromium, the tests are
skipped; with CI=true in the environment they fail.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Nothing outside this machine is looked up: the dashboard has to work without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class _Server:
    """A Streamlit server in a process of its own."""

    def __init__(self, script: Path, env: dict[str, str], log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = log
        options = {
            "server.port": self._port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", script]
                + [f"--{name}={value}" for name, value in options.items()],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> bool:
        """Whether the server became healthy; False if it ended or took too long."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._is_healthy():
                return True
            time.sleep(0.1)
        return False

    def _is_healthy(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/_stcore/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def log(self) -> str:
        return self._log.read_text("utf-8", errors="replace")[-4000:]

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """`serve(script_path, **env) -> url` of a Streamlit server on a free port of this machine.

    A relative path is taken from the root of the repository; `env` is added to the environment, so
    `STREAMLIT_THEME_BASE="dark"` sets an option. Calls with the same arguments share one server;
    all servers of a module stop with its last test.
    """
    servers: dict[tuple[object, ...], _Server] = {}
    logs = tmp_path_factory.mktemp("streamlit")

    def start(script_path: str | Path, **env: str) -> str:
        script = ROOT / script_path
        wanted = (script, *sorted(env.items()))
        if wanted in servers:
            return servers[wanted].url
        said = ""
        for attempt in range(3):  # somebody else may take the free port first
            server = _Server(script, env, logs / f"{script.stem}-{len(servers)}-{attempt}.log")
            if server.wait():
                servers[wanted] = server
                return server.url
            server.stop()
            said = server.log()
        pytest.fail(f"{script.name} does not start:\n{said}")

    yield start
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The one Chromium of the session, as Playwright's Browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed.")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        _missing("Chromium is not installed.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """`open_page(width=1400, height=900, **options) -> page` in a browser context of its own.

    `options` are those of Playwright's `new_context`, such as `device_scale_factor=2`. An exception
    that no script of the page caught fails the test.
    """
    contexts = []
    errors: list[str] = []

    def open_one(width: int = 1400, height: int = 900, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    """A page of 1400×900."""
    return open_page()
