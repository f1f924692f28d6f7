"""A real browser, watched: what a page complains of, asks of another place or tries to run fails its test."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from browser_data import documents, large_documents, write_documents
from browser_server import PageServer

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

TELL_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) => {
  console.error(`violates ${event.violatedDirective}: ${event.blockedURI}`);
});
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder that take a page drive a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once a file: while Playwright runs, its event loop does, and no other test could have one."""
    binary = (
        os.environ.get("AUTOINTERP_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if binary is None:
        pytest.skip("no Chromium is installed: on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the pages of the small run are served."""
    folder = tmp_path_factory.mktemp("run")
    write_documents(documents(), folder)
    with PageServer(folder) as server:
        yield server.url


@pytest.fixture
def large(tmp_path: Path) -> Iterator[PageServer]:
    """The pages of a run of 25,000 features."""
    write_documents(large_documents(), tmp_path)
    with PageServer(tmp_path) as server:
        yield server


@pytest.fixture(params=["light"])
def scheme(request: pytest.FixtureRequest) -> str:
    """The colours that the system asks for."""
    return str(request.param)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of so far; a test that provokes a complaint takes it out."""
    return []


@pytest.fixture
def page(browser: Browser, scheme: str, tmp_path: Path, complaints: list[str]) -> Iterator[Page]:
    """A window of 1280 px whose every complaint fails the test; its last state is kept as a picture."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    context.add_init_script(TELL_VIOLATIONS)
    window = context.new_page()
    window.on(
        "console",
        lambda message: (
            complaints.append(f"{message.type}: {message.text}") if message.type in {"error", "warning"} else None
        ),
    )
    window.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
    window.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    window.on(
        "request",
        lambda request: (
            complaints.append(f"asked {request.url}")
            if not request.url.startswith(("http://127.0.0.1:", "data:", "file:"))
            else None
        ),
    )
    yield window
    window.screenshot(path=tmp_path / "page.png")
    executed = window.evaluate("window.executed")
    context.close()
    assert not complaints
    assert executed is None
