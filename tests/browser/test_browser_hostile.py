"""Strings that would like to be more than text: on every page they are text, and nothing of them runs.

The fixture ``page`` fails a test whose page opened a dialog, asked another place, broke its policy or set ``executed``.
"""

from __future__ import annotations

import pytest
from browser_data import HOSTILE
from playwright.sync_api import Page, expect


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=lambda number: ascii(HOSTILE[number]))
def test_a_feature_of_that_name_is_shown_as_text(page: Page, base_url: str, number: int) -> None:
    page.goto(f"{base_url}#/feature/{number}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_visible()
    shown = heading.evaluate("(one) => [...one.textContent].map((character) => character.codePointAt(0))")
    assert shown == [ord(character) for character in HOSTILE[number]]
    assert page.locator("main :is(script, img, iframe, object, b, i), main svg[onload]").count() == 0
    names = "[...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames())"
    assert [name for name in page.evaluate(names) if name.startswith("on")] == []
    for mark in page.locator("mark").all()[:3]:
        mark.hover()


def test_invisible_characters_are_shown_by_their_code_and_turn_nothing_around(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/feature/10")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    codes = page.locator("h1 .hidden-character").evaluate_all("(all) => all.map((one) => one.dataset.code)")
    assert codes == ["U+202E", "U+202C", "U+2066"]
    places = page.locator("h1 bdi").evaluate("""(bdi) => {
        const texts = [...bdi.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
        return texts.map((node) => {
            const range = document.createRange();
            range.selectNode(node);
            return range.getBoundingClientRect().left;
        });
    }""")
    assert places == sorted(places)


@pytest.mark.parametrize(
    "path",
    [
        "#/",
        "#/compare?show=all",
        "#/text?text=%3Cimg+src%3Dx+onerror%3Dwindow.executed%3D1%3E",
        "#/?q=%3Cscript%3E&group=__proto__&sort=constructor",
    ],
)
def test_other_pages_show_them_as_text(page: Page, base_url: str, path: str) -> None:
    page.goto(f"{base_url}{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("main :is(script, img, iframe, object, b, i)").count() == 0


def test_every_hostile_label_stands_in_the_list(page: Page, base_url: str) -> None:
    page.goto(base_url)
    expect(page.locator("p.count")).to_be_visible()
    shown = page.locator("table.paged td.c-label").evaluate_all(
        "(cells) => cells.map((cell) => [...cell.textContent].map((character) => character.codePointAt(0)))"
    )
    assert shown[: len(HOSTILE)] == [[ord(character) for character in text] for text in HOSTILE]
