"""The evaluation's page in a real browser: every figure drawn, nothing asked for, nothing run, light and dark."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser_axe import violations
from PIL import Image
from playwright.sync_api import Locator, Page

from autointerp.evaluate import Estimate, Findings, Picture, Store, Stored, Table, new_figure, series
from autointerp.report import write_evaluation
from autointerp.run import CorpusInput, Manifest, ModelInput, RunDirectory, SAEInput

HOSTILE = "<img src=x onerror=window.executed=1>\u202e${7*7}</svg><script>window.executed=1</script>"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A page with curves, a heat map, a histogram and a figure with nothing in it."""
    run = RunDirectory(tmp_path / "run")
    run.write_manifest(
        Manifest(
            sae=SAEInput(path=HOSTILE, sha256="0" * 64, architecture="standard", d_in=4, d_sae=8),
            model=ModelInput(name="toy", fingerprint="f", hook_point="h", weight_processing="raw"),
            corpus=CorpusInput(
                name="text", n_tokens=10, n_windows=1, context_length=8, prepend_bos=True, fingerprint="c"
            ),
        )
    )
    curves, axes = new_figure(1, 2)
    for number, look in zip(range(3), series(), strict=False):
        axes[0, 0].plot([1, 2, 3], [number, 2, 3 * number], label=f"curve {number}", **look)
    axes[0, 0].legend()
    axes[0, 1].imshow(np.arange(16).reshape(4, 4), cmap="viridis")
    bars, bar_axes = new_figure()
    bar_axes[0, 0].bar(range(5), [3, 1, 4, 1, 5])
    found = Findings(notes=[HOSTILE])
    found.number("l0", Estimate(4.7, 0.04, 1000), HOSTILE)
    found.tables["tokens"] = Table(pd.DataFrame({"token": [HOSTILE] * 60}), "Tokens.")
    found.pictures["curves"] = Picture(curves, "Curves", HOSTILE)
    found.pictures["bars"] = Picture(bars, "Bars", "Bars.")
    found.pictures["empty"] = Picture(new_figure()[0], "Empty", "Nothing in it but axes.")
    Store.of(run).write(Stored(suite="core", title="Reconstruction", key={"n_tokens": 1000}), found)
    return write_evaluation(run)


def ink(figure: Locator) -> float:
    """The share of a figure's pixels that are not its most frequent colour."""
    pixels = np.asarray(Image.open(io.BytesIO(figure.screenshot())).convert("RGB")).reshape(-1, 3)
    _, counts = np.unique(pixels, axis=0, return_counts=True)
    return 1 - float(counts.max()) / len(pixels)


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
def test_every_figure_is_drawn_and_nothing_runs(page: Page, report: Path, scheme: str, tmp_path: Path) -> None:
    page.goto(report.as_uri())
    drawn = {
        str(figure.get_attribute("aria-label")): ink(figure.locator("svg")) for figure in page.locator("figure").all()
    }
    page.screenshot(path=tmp_path / f"evaluation-{scheme}.png", full_page=True)
    assert drawn["Curves"] > 2 * drawn["Empty"]
    assert drawn["Bars"] > 2 * drawn["Empty"]
    assert page.evaluate("window.executed") is None
    assert page.locator("script, img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
def test_text_of_a_figure_has_the_colour_of_the_page(page: Page, report: Path, scheme: str) -> None:
    page.goto(report.as_uri())
    colours = page.evaluate(
        "[getComputedStyle(document.querySelector('figure svg text')).fill, getComputedStyle(document.body).color]"
    )
    assert colours[0] == colours[1]


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
def test_axe_finds_nothing_on_the_page(page: Page, report: Path, scheme: str) -> None:
    page.goto(report.as_uri())
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert violations(page) == []


def test_the_page_fits_a_phone(page: Page, report: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
