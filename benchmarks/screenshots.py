"""Pictures of the viewer's pages for README: the list, and the feature whose label detects best.

    autointerp export runs/demo --format html --out runs/demo/pages
    python benchmarks/screenshots.py runs/demo/pages [--out results/view --browser chromium]

Takes a folder that ``export --format html`` wrote, or the address that ``view`` printed. Writes list.png and
feature.png, 1280 x 800 pixels each.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SIZE = {"width": 1280, "height": 800}
MAX_BYTES = 200_000
BEST_FIRST = "#/?sort=-balanced_accuracy"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """No line a request."""


@contextlib.contextmanager
def address(pages: str) -> Iterator[str]:
    """A URL as it is, a folder served on loopback."""
    if pages.startswith("http://127.0.0.1:"):
        yield pages
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=pages))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def picture(page: Page, file: Path) -> None:
    """Write what the window shows, and say how large that is."""
    page.screenshot(path=file)
    size = file.stat().st_size
    print(f"{file}: {size:,} bytes")
    if size > MAX_BYTES:
        sys.exit(f"{file} is larger than {MAX_BYTES:,} bytes")


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", help="a folder of exported pages, or a viewer's address")
    parser.add_argument("--out", type=Path, default=Path("results/view"))
    parser.add_argument("--browser", default="chromium", help="Chromium's command")
    options = parser.parse_args()
    binary = shutil.which(options.browser) or sys.exit(
        f"{options.browser}: not found; on Debian, apt-get install chromium"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    with address(options.pages) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        page.goto(url)
        page.wait_for_selector("table.paged")
        picture(page, options.out / "list.png")
        page.goto(f"{url}{BEST_FIRST}")
        page.locator("table.paged a.feature-link").first.click()
        page.wait_for_selector(".rows")
        page.mouse.move(0, 0)
        picture(page, options.out / "feature.png")
        browser.close()


if __name__ == "__main__":
    main()
