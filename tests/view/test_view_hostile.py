"""Hostile text in every place that others fill (fault 23): it stays text, whole and visible."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autointerp.label import load_label_rows
from autointerp.label._row import write_labels
from autointerp.llm import Attempt, Journal, Outcome
from autointerp.run import INVISIBLE, RunDirectory
from autointerp.view import write_pages
from autointerp.view._pack import shown

HOSTILE = [
    "</script><script>alert(1)</script>", "<!--<script>", '" onmouseover="alert(1)', "' style='x", "{{ 7 * 7 }}",
    "<img src=x onerror=alert(1)>", "javascript:alert(1)", "&lt;b&gt;", "]]>", "${alert(1)}", "a\u2028b\u2029c",
    "\u202eabc\u2066", "nul\x00 bell\x07 escape\x1b[31m", "zero\u200bwidth\ufeff", "`+alert(1)+`",
    "\\u003cscript\\u003e", "=cmd|' /C calc'!A0", "🧨\U000e0041", "\r\n\t",
]  # fmt: skip


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> str:
    return request.param


def spoil(run: RunDirectory, text: str) -> None:
    """Put a text wherever a corpus, a model, a provider or a user can."""
    rows = load_label_rows(run)
    rows[0] = dataclasses.replace(rows[0], label=text, reasoning=text, rule=None, verdict="POLYSEMANTIC")
    rows[1] = dataclasses.replace(rows[1], outcome="refused", reason=text, label="", verdict=None)
    write_labels(run, rows)
    contexts = pq.read_table(run.contexts)
    tokens = [[text, *row[1:]] for row in contexts["tokens"].to_pylist()]
    place = contexts.schema.get_field_index("tokens")
    changed = contexts.set_column(place, "tokens", pa.array(tokens, pa.list_(pa.string())))
    pq.write_table(changed.set_column(10, "document", pa.array([text] * len(tokens))), run.contexts)
    features = pq.read_table(run.features)
    place = features.schema.get_field_index("top_tokens")
    pq.write_table(features.set_column(place, "top_tokens", pa.array([[text]] * len(features))), run.features)
    attempt = Attempt(
        key="k", tag=f"label {rows[0].feature}", provider="openai", endpoint="x", model=text, rung="prompt", ask=1,
        request=json.dumps({"messages": [{"role": "user", "content": text}]}), reply=text, outcome=Outcome.invalid,
        reason=text, usage=None, cost_usd=None, reserved_usd=None, started="", seconds=0.0, http_status=200,
        request_id=None,
    )  # fmt: skip
    with Journal(run.journal) as journal:
        journal.record(attempt)
    run.update(lambda manifest: manifest.config["groups"].update({text: [rows[0].feature]}))
    run.update(lambda manifest: setattr(manifest.sae, "path", text))
    run.update(lambda manifest: setattr(manifest.corpus, "name", text))


def test_documents_hold_it_as_visible_text(run: RunDirectory, make_site, hostile: str) -> None:
    spoil(run, hostile)
    site, seen = make_site(run), shown(hostile)
    texts = {name: site.document(name) for name in site.names}
    for text in texts.values():
        assert not re.search("[<>&]", text)
        assert not INVISIBLE.search(text.replace("\\n", "").replace("\\t", ""))
    page, listing = json.loads(texts["run"]), json.loads(texts["listing"])
    assert page["failures"][0]["reason"] == page["groups"][-1]["name"] == page["sae"]["path"] == page["corpus"] == seen
    assert listing["columns"]["top_token"]["values"] == [seen]
    feature = json.loads(texts["features/0"])["features"][str(page["detailed"][0])]
    assert feature["label"] == feature["reasoning"] == seen
    assert feature["contexts"][0]["tokens"][0] == seen
    (exchange,) = feature["exchanges"]
    assert exchange["reply"] == exchange["reason"] == exchange["request"][0]["content"] == seen


def test_pages_hold_no_markup_of_it(run: RunDirectory, make_site, tmp_path: Path, hostile: str) -> None:
    def tags(file: Path) -> list[str]:
        return re.findall(r"<[^>]*>", re.sub(r">[A-Za-z0-9+/=]{50,}<", "><", file.read_text(encoding="utf-8")))

    before = tags(write_pages(make_site(run), tmp_path / "before", one_file=True))
    spoil(run, hostile)
    site = make_site(run)
    one = write_pages(site, tmp_path / "one", one_file=True)
    assert tags(one) == before
    folder = write_pages(site, tmp_path / "folder")
    assert hostile not in folder.read_text(encoding="utf-8")


def test_a_folders_name_is_text_too(run: RunDirectory, make_site) -> None:
    moved = RunDirectory(run.path.rename(run.path.with_name("<u>&\u202e")))
    moved.update(lambda manifest: None)
    assert json.loads(make_site(moved).document("run"))["title"] == "<u>&\\u202e"
