"""The pages as files: a folder for any web server, or one page with everything in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import autointerp
from autointerp.errors import UsageError
from autointerp.run import RunDirectory
from autointerp.view import _write as write_module
from autointerp.view import write_pages

BASE64 = re.compile(r"[A-Za-z0-9+/=]*")


class Page(HTMLParser):
    """A page's scripts, styles and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]
        self._open = (tag, dict(attrs))

    def handle_data(self, data):
        if self._open and self._open[0] in ("script", "style"):
            self.texts.append((*self._open, data))

    def handle_endtag(self, tag):
        self._open = None

    @property
    def policy(self) -> dict[str, str]:
        content = next(value for tag, name, value in self.attributes if name == "content" and "default-src" in value)
        return dict(part.strip().split(" ", 1) for part in content.split(";"))


def read(file: Path) -> Page:
    return Page(file.read_text(encoding="utf-8"))


def test_a_folder_holds_the_page_its_files_and_all_documents(run: RunDirectory, make_site, tmp_path: Path) -> None:
    site = make_site(run)
    page = write_pages(site, tmp_path / "out")
    assert page == tmp_path / "out" / "index.html"
    for name in site.names:
        packed = (tmp_path / "out" / "data" / f"{name}.json.gz").read_bytes()
        assert gzip.decompress(packed).decode() == site.document(name)
    names = {file.name for file in page.parent.iterdir()}
    assert {"index.html", "app.js", "app.css", "data"} <= names
    found = read(page)
    assert ("html", "data-mode", "folder") in found.attributes
    assert found.policy["default-src"] == "'none'"
    assert found.policy["script-src"] == found.policy["style-src"] == found.policy["connect-src"] == "'self'"
    for _, name, value in found.attributes:
        if name in ("src", "href") and not value.startswith("data:"):
            assert value in names


def test_it_may_be_written_again_but_over_nothing_else(run: RunDirectory, make_site, tmp_path: Path) -> None:
    site = make_site(run)
    write_pages(site, tmp_path / "out")
    write_pages(site, tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("my own page")
    with pytest.raises(UsageError, match=r"holds index\.html"):
        write_pages(site, tmp_path / "mine")
    with pytest.raises(UsageError, match="is not a folder"):
        write_pages(site, tmp_path / "mine" / "index.html")
    assert (tmp_path / "mine" / "index.html").read_text() == "my own page"


def test_one_file_holds_everything(run: RunDirectory, make_site, tmp_path: Path) -> None:
    site = make_site(run)
    file = write_pages(site, tmp_path / "one", one_file=True)
    assert sorted(entry.name for entry in file.parent.iterdir()) == [".autointerp-export.json", "index.html"]
    page = read(file)
    assert ("html", "data-mode", "file") in page.attributes
    packed = {attributes["id"]: text for tag, attributes, text in page.texts if "id" in attributes}
    assert list(packed) == [f"data/{name}" for name in site.names]
    for name in site.names:
        text = packed[f"data/{name}"]
        assert BASE64.fullmatch(text)
        assert gzip.decompress(base64.b64decode(text)).decode("utf-8") == site.document(name)


def test_one_file_needs_nothing_and_runs_nothing_but_its_own(run: RunDirectory, make_site, tmp_path: Path) -> None:
    page = read(write_pages(make_site(run), tmp_path / "one", one_file=True))
    assert page.policy["default-src"] == page.policy["connect-src"] == "'none'"
    inline = [(tag, text) for tag, attributes, text in page.texts if "id" not in attributes]
    assert sorted(tag for tag, _ in inline) == ["script", "style"]
    for tag, text in inline:
        digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()
        assert page.policy[f"{tag}-src"] == f"'sha256-{digest}'"
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        assert name != "style"
        assert not (name in ("src", "href") and not value.startswith("data:")), (tag, value)


def test_too_many_features_for_one_file_are_refused(
    run: RunDirectory, make_site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_module, "MAX_IN_ONE_FILE", 3)
    with pytest.raises(UsageError, match="one file holds up to 3"):
        write_pages(make_site(run), tmp_path / "one", one_file=True)
    assert not (tmp_path / "one").exists()


def test_the_verb_writes_them_too(run: RunDirectory, tmp_path: Path) -> None:
    assert autointerp.export(run.path, "html") == run.path / "html" / "index.html"
    one = autointerp.export(run.path, "html", out=tmp_path / "one", one_file=True)
    packed = (run.path / "html" / "data" / "run.json.gz").read_bytes()
    assert json.loads(gzip.decompress(packed))["title"] == "run"
    assert one.stat().st_size > 10_000
