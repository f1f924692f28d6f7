"""A feature's page: everything of its document, by pointer, keyboard and screen reader."""

from __future__ import annotations

import pytest
from browser_data import GROUPS, HOSTILE, N_DETAILED, N_FEATURES
from playwright.sync_api import Page, Route, expect

WORD = len(HOSTILE)  # the first feature with an ordinary label, "word def"


@pytest.fixture
def feature(page: Page, base_url: str) -> Page:
    page.goto(f"{base_url}#/feature/{WORD}")
    expect(page.get_by_role("heading", level=1)).to_have_text("word def")
    return page


def test_a_feature_opens_from_the_list(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.get_by_role("link", name=str(WORD), exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page).to_have_title("word def · run <img src=x onerror=window.executed=1>")
    expect(page.get_by_text(f"Feature {WORD} · {GROUPS[0]}")).to_be_visible()


@pytest.mark.parametrize(
    ("region", "text"),
    [
        ("Why this label", "Fires on word def\nand hardly elsewhere."),
        ("Scores", "0.61 to 0.85"),
        ("Scores", "token identity"),
        ("Scores", "skipped budget"),
        ("Found by decile", "hard negatives: 2 of 8"),
        ("Statistics", "480"),
        ("Statistics", "topk"),
        ("Tokens it promotes and suppresses", "3.25"),
        ("Tokens it fires on", "90 %"),
        ("Position", "position in the window"),
        ("Nearest features", "0.91"),
        ("Prompts and replies", "$0.00012 · 1.5 s"),
    ],
)
def test_every_section_shows_what_is_known(feature: Page, region: str, text: str) -> None:
    expect(feature.get_by_role("region", name=region, exact=True)).to_contain_text(text)


def test_the_drawings_say_in_words_what_they_show(feature: Page) -> None:
    expect(feature.get_by_role("img", name="Histogram of 480 activations from 0.1 to 10")).to_be_visible()
    expect(feature.get_by_role("img", name="decile 0: 1 of 6")).to_be_visible()
    expect(feature.locator("svg .cut")).to_have_count(9)


def test_contexts_stand_by_stratum_with_the_judges_answers(feature: Page) -> None:
    titles = feature.locator(".stratum h3").all_inner_texts()
    assert titles == ["Strongest", "Deciles", "Below 10 % of the maximum", "Hard negatives", "Random negatives"]
    deciles = feature.locator(".stratum", has_text="Deciles")
    assert [text.split()[0] for text in deciles.locator(".place").all_inner_texts()] == ["d9", "d0", "d0"]
    expect(deciles.locator(".judged").last).to_have_text("✗ wrong said no")
    expect(feature.locator(".stratum", has_text="Hard negatives").locator("summary")).to_contain_text(
        "judge right on 0 of 1"
    )


def test_only_held_out_contexts_when_asked_for_and_the_url_keeps_it(feature: Page) -> None:
    feature.get_by_role("combobox", name="Show").select_option("score")
    expect(feature.locator(".row")).to_have_count(5)
    feature.reload()
    expect(feature.locator(".row")).to_have_count(5)


def test_a_tokens_value_is_there_for_pointer_keyboard_and_screen_reader(feature: Page) -> None:
    peak = feature.locator("mark.peak").first
    note = feature.get_by_role("tooltip")
    peak.hover()
    expect(note).to_have_text("10 · 100 % of the maximum")
    feature.mouse.move(0, 0)
    expect(note).to_be_hidden()
    peak.focus()
    feature.keyboard.press("ArrowLeft")
    expect(note).to_have_text("5 · 50 % of the maximum")
    expect(feature.locator("mark:focus")).to_have_attribute("aria-describedby", "note")
    expect(feature.locator(".tokens .sr").first).to_have_text(" Activations: word def 10, blank 5. ")
    expect(feature.get_by_role("heading", level=1)).to_have_text("word def")  # the arrow went no further


def test_shade_and_underline_grow_with_activation(feature: Page) -> None:
    shown = (
        feature.locator(".stratum")
        .nth(1)
        .locator("mark.peak")
        .evaluate_all(
            "(marks) => marks.map((mark) => [getComputedStyle(mark).backgroundColor, getComputedStyle(mark).boxShadow])"
        )
    )
    assert shown[0][0] != shown[-1][0]
    assert shown[0][1] != shown[-1][1]


def test_blanks_are_visible_but_copied_as_they_are(feature: Page) -> None:
    assert feature.locator(".feed").first.evaluate("(one) => getComputedStyle(one, '::before').content") == '"↵" / ""'
    copied = feature.evaluate("""() => {
        const range = document.createRange();
        range.selectNodeContents(document.querySelector('.tokens'));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        const clipboard = new DataTransfer();
        const copying = new ClipboardEvent('copy', {clipboardData: clipboard, bubbles: true, cancelable: true});
        document.querySelector('.tokens').dispatchEvent(copying);
        return clipboard.getData('text/plain');
    }""")
    assert copied == " a\n\tword def end"


def test_more_context_on_demand(feature: Page) -> None:
    row = feature.locator(".row").first
    expect(row).not_to_contain_text("later")
    row.get_by_role("button", name="More context").click()
    expect(row).to_contain_text(" earlier")
    expect(row).to_contain_text(f"document {HOSTILE[3][:12]} · window 7 · token 21")
    row.get_by_role("button", name="More context").click()
    expect(row).not_to_contain_text("later")


def test_evidence_leads_to_its_context(feature: Page) -> None:
    feature.get_by_role("link", name="#3", exact=True).click()
    expect(feature.locator("#context-3")).to_be_focused()
    expect(feature.locator("#context-3")).to_be_in_viewport()
    feature.reload()
    expect(feature.locator("#context-3")).to_be_focused()


def test_the_prompt_and_the_reply_open(feature: Page) -> None:
    exchange = feature.get_by_role("region", name="Prompts and replies")
    expect(exchange.locator("pre").first).to_be_hidden()
    exchange.locator("summary").click()
    assert exchange.locator("pre").all_inner_texts() == ["word def", HOSTILE[0], '{"label": "word def"}']


def test_the_keyboard_walks_through_the_filtered_list_in_its_order(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/?q=word&sort=-balanced_accuracy")
    expect(page.locator("p.count")).to_have_text(f"5 of {N_FEATURES} features")
    heading = page.get_by_role("heading", level=1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(heading).to_have_text("word value")
    for key, label in (
        ("j", "word self"),
        ("ArrowRight", "word return"),
        ("k", "word self"),
        ("ArrowLeft", "word value"),
        ("k", "word value"),
    ):
        page.keyboard.press(key)
        expect(heading).to_have_text(label)
    expect(page.get_by_text("1 of 5")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("p.count")).to_have_text(f"5 of {N_FEATURES} features")
    expect(page).to_have_url(f"{base_url}#/?q=word&sort=-balanced_accuracy")


def test_slash_searches_and_typing_is_left_alone(feature: Page) -> None:
    feature.keyboard.press("/")
    search = feature.get_by_role("searchbox")
    expect(search).to_be_focused()
    feature.keyboard.type("jk?/")
    expect(search).to_have_value("jk?/")
    feature.keyboard.press("Escape")
    expect(search).not_to_be_focused()


def test_help_opens_and_can_turn_single_keys_off(feature: Page) -> None:
    feature.keyboard.press("?")
    dialog = feature.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    dialog.get_by_role("checkbox", name="single keys act").uncheck()
    feature.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    feature.keyboard.press("j")
    feature.keyboard.press("?")
    expect(dialog).to_be_hidden()
    expect(feature.get_by_role("heading", level=1)).to_have_text("word def")


def test_a_feature_that_failed_says_why(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/feature/{N_DETAILED - 1}")
    expect(page.get_by_role("heading", level=1)).to_have_text("not labelled")
    expect(page.get_by_role("region", name="Why this label")).to_contain_text(HOSTILE[4])
    expect(page.get_by_text("outcome ! refused")).to_be_visible()


def test_a_feature_nobody_asked_about_shows_its_statistics_then_what_the_model_says(page: Page, base_url: str) -> None:
    held: list[Route] = []
    page.route("**/api/feature?*", lambda route: held.append(route))  # noqa: PLW0108  # playwright looks at its signature
    page.goto(f"{base_url}#/feature/{N_FEATURES - 2}")
    expect(page.get_by_text("Running the model for its contexts")).to_be_visible()
    expect(page.get_by_role("region", name="Statistics")).to_contain_text("feature 1")
    expect(page.locator(".row")).to_have_count(0)
    held[0].continue_()
    expect(page.locator(".row")).to_have_count(9)
    expect(page.get_by_text("Nobody asked about this feature")).to_be_visible()


def test_who_walks_on_runs_no_model(page: Page, base_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "api/feature" in request.url else None)
    page.goto(f"{base_url}#/feature/{N_DETAILED - 1}")
    expect(page.get_by_role("region", name="Why this label")).to_be_visible()
    page.evaluate(f"""() => {{ for (const feature of [{N_DETAILED}, {N_DETAILED + 1}, {N_DETAILED + 2}])
        setTimeout(() => {{ location.hash = `#/feature/${{feature}}`; }}, 0); }}""")
    expect(page.get_by_text(f"Feature {N_DETAILED + 2}")).to_be_visible()
    expect(page.locator(".row")).to_have_count(9)
    assert [url.rpartition("=")[2] for url in asked] == [str(N_DETAILED + 2)]


def test_a_feature_that_does_not_exist_is_not_shown(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}#/feature/{N_FEATURES}")
    expect(page.get_by_role("alert")).to_have_text(f"This run has no feature {N_FEATURES}.")
