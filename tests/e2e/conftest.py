"""Fixtures that start the dashboard, or any Streamlit script, and drive it in Chromium.

    def test_title(serve, page):
        page.goto(serve("app.py"))

Every test in this folder carries the marker `browser`. Where there is no Chromium, the tests are
skipped; with CI=true in the environment they fail.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.server import Server, start

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


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """`serve(script_path, **env) -> url` of a Streamlit server on a free port of this machine.

    A relative path is taken from the root of the repository; `env` is added to the environment, so
    `STREAMLIT_THEME_BASE="dark"` sets an option. Calls with the same arguments share one server;
    all servers of a module stop with its last test.
    """
    servers: dict[tuple[object, ...], Server] = {}
    logs = tmp_path_factory.mktemp("streamlit")

    def started(script_path: str | Path, **env: str) -> str:
        wanted = (Path(script_path), *sorted(env.items()))
        if wanted not in servers:
            servers[wanted] = start(script_path, logs, **env)
        return servers[wanted].url

    yield started
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
