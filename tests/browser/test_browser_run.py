"""A real run, labelled and scored with the rules, in the viewer that the command starts."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "view"))

from view_run import D_SAE, DEAD, TWIN, WORDS, make_run

from autointerp.run import RunDirectory
from autointerp.view import Viewer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def viewer_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that the viewer prints, the run compared with itself."""
    folder = tmp_path_factory.mktemp("viewed")
    make_run(folder)
    run = RunDirectory(folder / "run")
    with Viewer(run, compare=run, sae_path=folder / "sae") as viewer:
        serving = threading.Thread(target=viewer.serve)
        serving.start()
        yield viewer.url
        viewer.stop()
        serving.join()


def test_its_list_has_every_feature(page: Page, viewer_url: str) -> None:
    page.goto(viewer_url)
    expect(page.locator("p.count")).to_have_text(f"{D_SAE} features")
    expect(page.get_by_role("region", name="Rates").get_by_role("row", name="null: shuffled")).to_be_visible()
    page.get_by_role("searchbox").fill("return")
    expect(page.locator("table.paged tbody tr")).to_have_count(1)


def test_a_feature_fires_on_its_word(page: Page, viewer_url: str) -> None:
    page.goto(f"{viewer_url}#/feature/{WORDS.index(' return')}")
    expect(page.get_by_role("heading", level=1)).to_have_text("token ' return'")
    expect(page.locator(".row mark.peak").first).to_have_text(" return")
    for region in ("Scores", "Found by decile", "Activations", "Tokens it promotes and suppresses", "Nearest features"):
        expect(page.get_by_role("region", name=region, exact=True)).to_be_visible()


def test_a_twin_names_its_original(page: Page, viewer_url: str) -> None:
    page.goto(f"{viewer_url}#/feature/{TWIN}")
    expect(page.get_by_role("region", name="Statistics").get_by_role("link", name="feature 0")).to_be_visible()


def test_a_dead_feature_has_a_page(page: Page, viewer_url: str) -> None:
    page.goto(f"{viewer_url}#/feature/{DEAD}")
    expect(page.get_by_role("heading", level=1)).to_have_text("not labelled")


def test_the_run_is_equal_to_itself(page: Page, viewer_url: str) -> None:
    page.goto(f"{viewer_url}#/compare")
    expect(page.get_by_text("same SAE ✓ yes")).to_be_visible()
    expect(page.get_by_text("Nothing matches.")).to_be_visible()


def test_any_text_is_run_through_the_model(page: Page, viewer_url: str) -> None:
    page.goto(f"{viewer_url}#/text")
    page.get_by_role("textbox", name="Text").fill("if not self")
    page.get_by_role("button", name="See what fires").click()
    labels = page.locator("table.paged td.c-label")
    expect(labels.filter(has_text="' self'").first).to_be_visible()
    page.get_by_role("button", name="self", exact=True).click()
    expect(page.locator("table.paged mark.peak").first).to_have_text(" self")
