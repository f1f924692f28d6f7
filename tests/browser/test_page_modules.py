"""The pages' source: small modules that can be bundled, and no way from text to markup. Needs no browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser_data import ASSETS

MODULES = sorted(ASSETS.glob("*.js"))
IMPORT = re.compile(r"^import \{([^}]+)\} from '\./([a-z]+\.js)';$", re.MULTILINE)
EXPORT = re.compile(r"^export (?:async function|function|const|let|class) (\w+)", re.MULTILINE)


@pytest.mark.parametrize("module", MODULES, ids=lambda file: file.name)
def test_imports_are_of_one_form_and_name_what_is_exported(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    imports = IMPORT.findall(text)
    assert len(imports) == len(re.findall(r"\bimport\b\s*[{(*'\"]", text))
    assert len(EXPORT.findall(text)) == len(re.findall(r"^export ", text, re.MULTILINE))
    for names, source in imports:
        exported = EXPORT.findall((ASSETS / source).read_text(encoding="utf-8"))
        imported = [name.strip() for name in names.split(",")]
        assert [name for name in imported if name not in exported] == []
        assert [name for name in imported if len(re.findall(rf"(?<![\w.'-]){name}\b", text)) < 2] == []  # used, too


def test_no_module_imports_itself_by_a_detour() -> None:
    needs = {
        module.name: {source for _, source in IMPORT.findall(module.read_text(encoding="utf-8"))} for module in MODULES
    }
    done: set[str] = set()
    while ready := {name for name in needs if name not in done and needs[name] <= done}:
        done |= ready
    assert done == set(needs)


def test_every_export_is_imported_somewhere() -> None:
    imported = {
        name.strip()
        for module in MODULES
        for names, _ in IMPORT.findall(module.read_text(encoding="utf-8"))
        for name in names.split(",")
    }
    exported = {name for module in MODULES for name in EXPORT.findall(module.read_text(encoding="utf-8"))}
    assert exported == imported


@pytest.mark.parametrize(
    "way",
    [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "eval(",
        "new Function",
        "http://",
        "https://",
    ],
)
def test_text_has_no_way_to_become_markup_and_nothing_is_fetched_from_elsewhere(way: str) -> None:
    allowed = {"https://": [], "http://": ["dom.js"]}.get(way, [])  # the name of the SVG namespace is a URL
    assert [file.name for file in sorted(ASSETS.iterdir()) if way in file.read_text(encoding="utf-8")] == allowed


def test_files_are_small_and_the_page_carries_no_script_or_style_of_its_own() -> None:
    assert [file.name for file in ASSETS.iterdir() if len(file.read_text(encoding="utf-8").splitlines()) > 250] == []
    page = (ASSETS / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="app.js">']
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
