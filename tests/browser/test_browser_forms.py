"""The other forms of the pages: a folder on any web server, and one file opened from disk."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator

import pytest
from browser_data import ASSETS, HOSTILE, N_FEATURES, documents
from playwright.sync_api import Page, expect

from autointerp.view._assets import assets, packed, single_page, static_page


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Python's own web server, which sends no policy: the page brings it."""
    folder = tmp_path_factory.mktemp("static") / "pages"
    shutil.copytree(ASSETS, folder)
    (folder / "index.html").write_text(static_page(assets()), encoding="utf-8")
    (folder / "data").mkdir()
    for name, document in _without_server().items():
        file = folder / "data" / f"{name}.json.gz"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(packed(json.dumps(document)))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def file_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with everything in it."""
    file = tmp_path_factory.mktemp("file") / "index.html"
    texts = {name: json.dumps(document) for name, document in _without_server().items()}
    file.write_text(single_page(assets(), texts), encoding="utf-8")
    return file.as_uri()


def _without_server() -> dict[str, object]:
    found = documents()
    return {**found, "run": {**found["run"], "can_fire": False}}


@pytest.fixture(params=["folder_url", "file_url"])
def url(request: pytest.FixtureRequest) -> str:
    """Each form in turn."""
    return str(request.getfixturevalue(request.param))


def test_search_open_walk_and_return(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("searchbox").fill("word")
    expect(page.locator("p.count")).to_have_text(f"5 of {N_FEATURES} features")
    page.get_by_role("link", name="15", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("word import")
    expect(page.locator(".row").first).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("word return")
    page.keyboard.press("Escape")
    expect(page.locator("p.count")).to_have_text(f"5 of {N_FEATURES} features")
    assert page.url == f"{url}#/?q=word"


def test_a_features_address_opens_it(page: Page, url: str) -> None:
    page.goto(f"{url}#/feature/16?context=3")
    expect(page.locator("#context-3")).to_be_focused()


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=lambda number: ascii(HOSTILE[number]))
def test_hostile_names_are_text(page: Page, url: str, number: int) -> None:
    page.goto(f"{url}#/feature/{number}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_visible()
    shown = heading.evaluate("(one) => [...one.textContent].map((character) => character.codePointAt(0))")
    assert shown == [ord(character) for character in HOSTILE[number]]


def test_two_runs_are_compared(page: Page, url: str) -> None:
    page.goto(f"{url}#/compare")
    expect(page.locator("table.paged tbody tr")).to_have_count(3)


def test_text_needs_the_server_and_says_so(page: Page, url: str) -> None:
    page.goto(f"{url}#/text")
    expect(page.get_by_text("This page has no model at hand.")).to_be_visible()
    expect(page.get_by_role("link", name="Text")).to_have_count(0)


def test_colours_can_be_chosen(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Colours: auto").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
