"""What axe finds on the pages, in both colours: nothing."""

from __future__ import annotations

import pytest
from browser_axe import violations
from playwright.sync_api import Page, expect

PAGES = {
    "list": "#/",
    "filtered list": "#/?q=word&sort=-balanced_accuracy&cols=verdict+rank+duplicate_of",
    "feature": "#/feature/14",
    "failed feature": "#/feature/19",
    "feature without details": "#/feature/50",
    "compare": "#/compare?show=all",
    "text": "#/text?text=one++three",
    "nowhere": "#/nowhere",
}


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(page: Page, base_url: str, name: str) -> None:
    page.goto(f"{base_url}{PAGES[name]}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
    assert violations(page) == []


def test_axe_finds_nothing_in_the_help(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.get_by_role("button", name="Keyboard help").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
