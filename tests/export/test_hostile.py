r"""Every format gives back what was put in, whatever it is, but for what its documentation says.

CSV: a ``'`` before formulas, controls as escapes. Neuronpedia and delphi: NUL as ``\x00``. JUnit and Markdown: what
nobody sees, and what XML can't hold, as escapes; in Markdown also no blanks around a text. The rest: nothing.
"""

from __future__ import annotations

import gzip
import json
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autointerp.export import Parts, Request, _delphi, read_labels_csv, write_export
from autointerp.export._csv import safe_text
from autointerp.export._hf_card import card
from autointerp.export._neuronpedia import wire
from autointerp.export._neuronpedia_upload import UploadExplanation
from autointerp.export._text import storable
from autointerp.harvest import Firings
from autointerp.run import Manifest, markdown, visible

HOSTILE = (
    '=HYPERLINK("http://x")', "+1", "@SUM(A1)", "-", "\t=1", "\r=1", "a\x00b", "\\u0000", "\\\\u0000", "a\r\nb\rc",
    "\u202eevil", "a\u2028b\u2029c", "\x85\x1b[31m\x07", "x" * 70_000, "\U0001f469\u200d\U0001f4bb\ufe0f",
    "<script>alert(1)</script>", "]]>", "<![CDATA[", "<!--", "&lt;&amp;", "| a | b |", "\\|", "`code", "[a](http://x)",
    "<http://x>", "www.x.org", "@me #1", "# title", "- item", "1. item", "***", "---", "~~~", "\ufeff", "\ufffe\uffff",
    "NA", "null", "nan", "'", '"', "   ", "\\", "\\n", "{% raw %}", "a: b", "- !!python/object:x", "x\ty", "&#0;",
    "  two  blanks  ", "\ufe64", "\u00a0",
)  # fmt: skip
CHARACTERS = st.characters(codec="utf-8") | st.sampled_from("=+-@'\"\t\r\n\x00\x07,;\u202e\u2028 \\|`*_[]()<>&#!~u0x")
TEXT = st.text(CHARACTERS, min_size=1, max_size=40) | st.sampled_from(HOSTILE)
ROUND_TRIP = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


def all_hostile(test):
    """The test with lists of texts that are found, and with every hostile one."""
    for at in range(0, len(HOSTILE), 16):
        test = example(list(HOSTILE[at : at + 16]))(test)
    return ROUND_TRIP(given(st.lists(TEXT, min_size=1, max_size=16))(test))


@pytest.fixture(scope="module")
def export(build_whole_run, label_row, tmp_path_factory):
    """Exports a run where text i is the label and reasoning of feature i + 1, and the texts are its tokens."""

    def run(texts: list[str], form: str, request: Request | None = None):
        labels = [label_row(i + 1, text, reasoning=text) for i, text in enumerate(texts)]
        made = build_whole_run(tmp_path_factory.mktemp("run") / "run", labels, tokens=texts)
        return write_export(made, form, request=request)

    return run


def without_nul(texts: list[str]) -> list[str]:
    return [text.replace("\x00", "\\x00") for text in texts]


@all_hostile
def test_csv_gives_it_back_without_the_guard(export, texts):
    rows = read_labels_csv(export(texts, "csv"))
    shown = [safe_text("x" + text)[1:] for text in texts]
    assert list(rows["label"]) == list(rows["reasoning"]) == shown


@all_hostile
def test_jsonl_gives_it_back(export, texts):
    lines = [json.loads(line) for line in export(texts, "jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["label"] for line in lines] == [line["reasoning"] for line in lines] == texts


@all_hostile
def test_neuronpedia_gives_it_back_through_its_importer(export, texts):
    source = next(export(texts, "neuronpedia").glob("pythia-70m/*"))

    def imported(name: str):
        raw = gzip.decompress((source / name / "batch-0.jsonl.gz").read_bytes()).decode()
        return [json.loads(line) for line in raw.replace("\\u0000", " ").strip().split("\n")]

    labels = without_nul(texts)
    assert [line["description"] for line in imported("explanations")] == labels
    assert all(label in line["notes"] for label, line in zip(labels, imported("explanations"), strict=True))
    assert all(line["tokens"] == labels for line in imported("activations"))
    body = json.loads((source.parents[1] / "upload" / "batch-0.json").read_text())
    assert [feature["explanations"][0]["text"] for feature in body["features"]] == [label[:512] for label in labels]


@all_hostile
def test_hf_gives_it_back(export, texts):
    data = export(texts, "hf") / "data"
    assert pq.read_table(data / "labels.parquet")["label"].to_pylist() == texts
    assert all(tokens == texts for tokens in pq.read_table(data / "contexts.parquet")["tokens"].to_pylist())


@all_hostile
def test_the_card_stays_yaml_and_text_whatever_the_run_is_called(cells, texts):
    rate = {"k": 1, "n": 1, "rate": 1.0, "low": 0.2, "high": 1.0}
    summary = {"groups": {text: {"rates": {"label": rate}} for text in texts}}
    written = card(texts[0], Manifest(), summary, {"labels": "data/labels.parquet"})
    head, body = written.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(head)["pretty_name"] == visible(texts[0])
    assert yaml.safe_load(head)["configs"] == [
        {"config_name": "labels", "data_files": "data/labels.parquet", "default": True}
    ]
    assert [row[0] for row in cells(body)[1:]] == [visible(text).strip() for text in dict.fromkeys(texts)]


@all_hostile
def test_junit_gives_it_back_with_the_invisible_as_escapes(export, texts):
    said = [case.findtext("system-out").split("\n") for case in ET.parse(export(texts, "junit")).iter("testcase")]
    assert [line[0] for line in said] == [f"label: {visible(text)}" for text in texts]
    assert [line[2] for line in said] == [f"reasoning: {visible(text)}" for text in texts]


@all_hostile
def test_markdown_shows_it_with_the_invisible_as_escapes(export, cells, texts):
    rows = cells(export(texts, "markdown").read_text(encoding="utf-8"))
    assert [row[1] for row in rows if row[0].isdigit()] == [visible(text).strip() for text in texts]


@pytest.fixture(scope="module")
def nothing_fires():
    """A request whose model, with one window, fires nowhere."""
    windows = SimpleNamespace(tokens=np.zeros((1, 4), np.int32), lengths=np.array([4]), context_length=4, n_windows=1)
    opened = Parts(SimpleNamespace(cfg=SimpleNamespace(d_sae=20)), SimpleNamespace(), windows)
    nowhere = np.empty(0, np.int64)
    found = Firings(nowhere, nowhere, nowhere, np.empty(0, np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_delphi, "find_firings", lambda *_, **__: found)
        yield Request(parts=lambda: opened)


@all_hostile
def test_delphi_gives_it_back(export, nothing_fires, texts):
    folder = export(texts, "delphi", nothing_fires) / "explanations"
    files = [folder / f"blocks.3.hook_resid_post_latent{i + 1}.txt" for i in range(len(texts))]
    assert [json.loads(file.read_bytes()) for file in files] == without_nul(texts)


@given(st.text(st.characters(codec=None) | st.sampled_from("\x00\ud800\\u")))
def test_what_no_database_holds_is_an_escape_and_nothing_else_changes(text):
    stored = storable(text)
    stored.encode("utf-8")
    assert "\x00" not in stored
    if not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text):
        assert stored == text
    line = wire(UploadExplanation(text="x" + stored))
    assert line.isascii()
    assert "\\u0000" not in line
    assert json.loads(line)["text"] == "x" + stored


@given(st.text(st.characters(codec=None)))
def test_lone_surrogates_break_no_markdown_and_no_xml(text):
    markdown(text).encode("utf-8")
    assert ET.fromstring(f"<a>{visible(text).replace('&', '&amp;').replace('<', '&lt;')}</a>").text in (
        visible(text),
        None,
    )
