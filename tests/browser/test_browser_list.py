"""The list: what stands above it, search, order, filters, pages, and that the URL holds all of it."""

from __future__ import annotations

from browser_data import GROUPS, HOSTILE, N_DETAILED, N_FEATURES, WORDS
from browser_server import PageServer
from playwright.sync_api import Page, expect


def first_features(page: Page, n: int) -> list[int]:
    """The numbers of the first rows."""
    return [int(text) for text in page.locator("table.paged tbody th").all_inner_texts()[:n]]


def test_the_summary_shows_intervals_nulls_failures_and_what_is_missing(page: Page, base_url: str) -> None:
    page.goto(base_url)
    rates = page.get_by_role("group", name="Rates by group")
    expect(rates.get_by_role("row", name=GROUPS[0])).to_contain_text("12/20")
    expect(rates.get_by_role("img", name="0.6, interval 0.45 to 0.75").first).to_be_visible()
    expect(rates.get_by_role("row", name="null: shuffled")).to_contain_text("5 %")
    expect(page.get_by_role("region", name="What failed")).to_contain_text(f"refused · label, 1 feature · {HOSTILE[5]}")
    expect(page.get_by_role("region", name="Not in this run")).to_contain_text(HOSTILE[1])


def test_labelled_features_come_first(page: Page, base_url: str) -> None:
    page.goto(base_url)
    assert first_features(page, N_DETAILED) == list(range(N_DETAILED))
    expect(page.locator("p.count")).to_have_text(f"{N_FEATURES} features")


def test_search_finds_words_in_any_order_and_the_url_keeps_it(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.get_by_role("searchbox").fill(f"{WORDS[1]} word")
    expect(page.locator("p.count")).to_have_text(f"1 of {N_FEATURES} features")
    assert first_features(page, 2) == [len(HOSTILE) + 1]
    assert page.url.endswith(f"#/?q={WORDS[1]}+word")
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value(f"{WORDS[1]} word")
    expect(page.locator("p.count")).to_have_text(f"1 of {N_FEATURES} features")


def test_a_number_finds_its_feature(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/?q=%2337")
    expect(page.locator("p.count")).to_have_text(f"1 of {N_FEATURES} features")
    assert first_features(page, 2) == [37]


def test_sorting_by_a_column_starts_with_the_largest_and_leaves_the_unmeasured_last(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.get_by_role("button", name="Detection", exact=True).click()
    header = page.get_by_role("columnheader", name="Detection", exact=True)
    expect(header).to_have_attribute("aria-sort", "descending")
    assert first_features(page, 2) == [N_DETAILED - 2, N_DETAILED - 3]  # the last one has no score
    expect(page.get_by_role("button", name="Detection", exact=True)).to_be_focused()
    page.get_by_role("button", name="Detection", exact=True).click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert first_features(page, 2) == [0, 1]
    assert "sort=balanced_accuracy" in page.url


def test_each_filter_narrows_and_clearing_brings_all_back(page: Page, base_url: str) -> None:
    page.goto(base_url)
    count = page.locator("p.count")
    page.get_by_role("combobox", name="Group").select_option(GROUPS[1])
    expect(count).to_have_text(f"{N_DETAILED // 2} of {N_FEATURES} features")
    page.get_by_role("combobox", name="Verdict").select_option("POLYSEMANTIC")
    assert first_features(page, 9) == [
        9
    ]  # odd numbers are in the group; 4, 9, 14 and 19 are polysemantic, but 19 failed
    page.get_by_role("button", name="Clear filters").click()
    expect(count).to_have_text(f"{N_FEATURES} features")
    page.get_by_role("spinbutton", name="from").fill("0.9")
    expect(count).to_have_text(f"2 of {N_FEATURES} features")
    page.get_by_role("spinbutton", name="to").fill("0.92")
    expect(count).to_have_text(f"1 of {N_FEATURES} features")
    assert first_features(page, 2) == [17]


def test_top_tokens_and_duplicates_filter(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.get_by_role("textbox", name="Top token").fill("<svg")
    expect(page.locator("p.count")).to_have_text(f"2 of {N_FEATURES} features")
    page.goto(f"{base_url}#/")
    page.get_by_role("combobox", name="Duplicates").select_option("only")
    expect(page.locator("p.count")).to_have_text(f"2 of {N_FEATURES} features")
    assert first_features(page, 3) == [5, N_FEATURES - 2]


def test_columns_can_be_added(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.get_by_text("Columns").click()
    page.get_by_role("checkbox", name="Fuzzing ba").check()
    expect(page.get_by_role("columnheader", name="Fuzzing ba")).to_be_visible()
    assert "fuzzing_ba" in page.url
    page.keyboard.press("Escape")
    expect(page.get_by_role("checkbox", name="Fuzzing ba")).to_be_hidden()


def test_a_list_without_matches_says_so(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/?q=nosuchthing")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()


def test_25_000_features_are_a_small_page(page: Page, large: PageServer) -> None:
    page.goto(large.url)
    expect(page.locator("p.count")).to_have_text("25,000 features")
    page.get_by_role("button", name="Next page").first.click()
    assert first_features(page, 1) == [100]
    expect(page.locator("table.paged")).to_have_attribute("aria-rowcount", "25001")
    expect(page.locator("table.paged tbody tr").first).to_have_attribute("aria-rowindex", "102")
    assert page.locator("table.paged tbody tr").count() == 100
    assert page.evaluate("document.getElementsByTagName('*').length") < 5000
    page.get_by_role("searchbox").fill("self")
    expect(page.locator("p.count")).to_have_text("5,016 of 25,000 features")
    expect(page.locator("table.paged tbody tr").first).to_have_attribute("aria-rowindex", "2")


def test_the_pages_themselves_are_small(page: Page, large: PageServer) -> None:
    page.goto(large.url)
    expect(page.locator("p.count")).to_be_visible()
    data = page.evaluate("""
        performance.getEntriesByType('resource').filter((one) => one.name.includes('/data/'))
            .reduce((sum, one) => sum + one.encodedBodySize, 0)
    """)
    assert 0 < large.n_bytes - data < 120_000
