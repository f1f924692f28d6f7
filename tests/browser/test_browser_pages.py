"""Comparing two runs, any text, colours, the phone, and URLs that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_data import HOSTILE, N_FEATURES, bare_documents, write_documents
from browser_server import PageServer
from playwright.sync_api import Page, expect


def test_two_runs_beside_each_other(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Two runs")
    expect(page.get_by_role("region", name="The gate")).to_contain_text("✗ fail The rate fell by 8 points.")
    expect(page.get_by_role("region", name="Rates", exact=True)).to_contain_text("−10.0 points")
    rows = page.locator("table.paged tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("Show").select_option("verified")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("✓ yes → became ✗ no")
    page.get_by_label("Show").select_option("all")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("0.750 → 0.700")
    expect(page.get_by_role("region", name="Features")).to_contain_text("Labelled in this run alone: 7")
    page.get_by_role("searchbox").fill("polysemantic")
    expect(rows).to_have_count(1)
    assert page.url.endswith("#/compare?show=all&q=polysemantic")


def test_any_text_shows_which_features_fire_where(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/text")
    page.get_by_label("Text", exact=True).fill("one two <b>three</b>")
    page.get_by_role("button", name="See what fires").click()
    rows = page.locator("table.paged tbody tr")
    expect(rows).to_have_count(3)
    assert page.locator("table.paged tbody th").all_inner_texts() == ["0", "1", "2"]
    page.get_by_role("button", name="two").click()
    expect(page.get_by_role("button", name="two")).to_have_attribute("aria-pressed", "true")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(HOSTILE[1])
    page.reload()
    expect(rows).to_have_count(3)


def test_a_servers_refusal_is_text(page: Page, base_url: str, complaints: list[str]) -> None:
    page.goto(f"{base_url}#/text?text=break")
    expect(page.get_by_role("alert")).to_have_text("<b>no model</b>")
    assert "400" in complaints.pop()  # the browser's own note of the answer


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
def test_colours_follow_the_system_until_the_reader_chooses(page: Page, base_url: str, scheme: str) -> None:
    page.goto(base_url)
    expect(page.locator("main")).to_be_visible()
    background = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(255, 255, 255)", "rgb(16, 19, 23)"
    assert page.evaluate(background) == (light if scheme == "light" else dark)
    page.get_by_role("button", name="Colours: auto").click()
    assert page.evaluate(background) == (dark if scheme == "light" else light)
    page.reload()
    expect(page.locator("main")).to_be_visible()
    assert page.evaluate(background) == (dark if scheme == "light" else light)


@pytest.mark.parametrize("path", ["#/", "#/feature/14", "#/compare?show=all", "#/text?text=one+two"])
def test_a_phone_shows_every_page_without_sideways_scrolling(page: Page, base_url: str, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{base_url}{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_unknown_place_leads_back(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/nowhere")
    expect(page.get_by_role("alert")).to_have_text("There is no such page.")
    page.get_by_role("link", name="All features").click()
    expect(page.locator("p.count")).to_be_visible()


def test_the_tab_key_reaches_the_content_first(page: Page, base_url: str) -> None:
    page.goto(base_url)
    expect(page.locator("p.count")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_run_without_labels_is_a_list_of_statistics(page: Page, tmp_path: Path) -> None:
    write_documents(bare_documents(), tmp_path)
    with PageServer(tmp_path) as server:
        page.goto(server.url)
        expect(page.locator("p.count")).to_have_text(f"{N_FEATURES} features")
        expect(page.get_by_text("No features are labelled yet.")).to_be_visible()
        expect(page.get_by_role("region", name="Rates")).to_have_count(0)
        expect(page.get_by_role("columnheader")).to_have_count(5)  # no verdicts, no scores; the rank is in the menu
        page.get_by_role("link", name="7", exact=True).click()
        expect(page.get_by_role("region", name="Statistics")).to_contain_text("32")


def test_what_is_not_there_is_named(page: Page, tmp_path: Path, complaints: list[str]) -> None:
    write_documents({"run": bare_documents()["run"]}, tmp_path)
    with PageServer(tmp_path) as server:
        page.goto(server.url)
        expect(page.get_by_role("status")).to_have_text(
            "The run could not be shown: data/listing.json: the server answered 404"
        )
    assert "404" in complaints.pop()  # the browser's own note


def test_a_text_no_model_can_take_keeps_the_page(page: Page, base_url: str, complaints: list[str]) -> None:
    page.goto(f"{base_url}#/text?text=break")
    expect(page.get_by_role("alert")).to_be_visible()
    complaints.clear()
    page.get_by_role("textbox", name="Text").fill("one two")
    page.keyboard.press("Control+Enter")
    expect(page.locator("table.paged tbody tr")).to_have_count(2)
