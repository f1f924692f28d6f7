from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.errors import UsageError
from autointerp.report import _page as page_module
from autointerp.report import write_report
from autointerp.report._tokens import visible_text, visible_token

VOID = {"meta", "br", "link", "img", "line", "rect"}
HOSTILE = [
    "</script><script>alert(1)</script>", "<!--<script>", '" onmouseover="alert(1)', "' style='x", "{{ 7 * 7 }}",
    "<img src=x onerror=alert(1)>", "javascript:alert(1)", "&lt;b&gt;", "</bdi></td></table>", "]]>", "{% raw %}",
]  # fmt: skip


class Reader(HTMLParser):
    """What a browser would see: text, tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self.attributes, self.open = "", [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(run) -> Reader:
    return Reader(write_report(run).read_text(encoding="utf-8"))


def test_the_page_says_what_the_run_found(make_run):
    run = make_run()
    page = read(run)
    assert not page.open
    assert run.report / "index.html" == write_report(run)
    rates = ["random:3", "1 of 2", "50.0 %", "9.5 % to 90.5 %", "33.3 % to 66.7 %"]
    features = ["token 'self'", "POLYSEMANTIC", "0.812", "0.48 / 0.79", "untestable", "no label: refused"]
    for words in (*rates, *features, "refused", "cyber", "rules@1"):
        assert words in page.text


def test_floors_and_nulls_stand_beside_the_rates(make_run):
    html = write_report(make_run()).read_text(encoding="utf-8")
    rows = [re.sub(r"(\s*<[^>]+>\s*)+", "|", line) for line in html.splitlines() if line.startswith("<tr><td><bdi>")]
    assert rows == [
        "|random:3|verified|1 of 2|50.0 %|9.5 % to 90.5 %|4.1 %|33.3 % to 66.7 %|",
        "|random:3|robust|0 of 0|n/a|0.0 % to 100.0 %|n/a|0.0 % to 100.0 %|",
        "|random:3|0.71|0.62 to 0.83|0.493|0.505|n/a|0.0 % to 100.0 %|",
        (
            "|shuffled labels|every label exchanged for another feature&#39;s|2|n/a|4.1 %|1 of 2, 9.5 % to 90.5 %|"
            "n/a|0.493|"
        ),
        (
            "|random directions|features are random directions|12|50.0 %|1 of 2, 9.5 % to 90.5 %|n/a|"
            "0 of 0, 0.0 % to 100.0 %|n/a|0.547|"
        ),
    ]


def test_three_top_contexts_and_two_of_the_lowest_tenth(make_run):
    html = write_report(make_run()).read_text(encoding="utf-8")
    assert html.count('<p class="context">') == 5
    assert html.count("lowest tenth") == 2
    assert "unseen" not in html


def test_activation_is_shown_three_ways(make_run):
    html = write_report(make_run()).read_text(encoding="utf-8")
    assert '<b class="a9 peak" title="2">·f</b>' in html
    assert '<b class="a5 peak" title="1">·f</b>' in html
    assert '<b class="a1 peak" title="0.1">·f</b>' in html
    assert re.search(r"\.a9 \{ background: rgba\(var\(--shade\), 0\.72\); text-decoration-thickness: 3\.6px", html)
    assert "(self↵⇥" in html


def test_it_needs_nothing_and_runs_nothing(make_run):
    page = read(make_run())
    assert {"script", "link", "img", "iframe", "object", "form", "base"}.isdisjoint(page.tags)
    assert not [
        one for one in page.attributes if one[1] in {"href", "src", "action", "srcset"} or one[1].startswith("on")
    ]
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    html = write_report(make_run()).read_text(encoding="utf-8")
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(make_run, text):
    plain = read(make_run())
    hostile = read(
        make_run(label=text, tokens=("a", text, text, "b"), top_tokens=[text], reason=text, name="hostile", group=text)
    )
    assert not hostile.open
    assert set(hostile.tags) == set(plain.tags)
    assert {(tag, name) for tag, name, _ in hostile.attributes} == {(tag, name) for tag, name, _ in plain.attributes}
    assert text in hostile.text
    assert visible_token(text) in hostile.text


def test_a_hostile_folder_name_is_only_text(make_run):
    page = read(make_run(name="<u>&amp;"))
    assert "u" not in page.tags
    assert page.text.count("<u>&amp;") == 2  # title and heading


def test_what_turns_or_hides_text_is_an_escape(make_run):
    text = "a\u202eb\u200bc\x00d\x1be\x85"
    html = write_report(make_run(label=text, tokens=("x", text, text), top_tokens=[text])).read_text(encoding="utf-8")
    assert not set("\u202e\u200b\x00\x1b\x85").intersection(html)
    assert html.count("a\\u202eb\\u200bc\\u0000d\\u001be\\u0085") >= 4


@given(st.text(st.characters(codec=None)))
def test_every_token_is_printable(text):
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", visible_text(text))
    assert " " not in visible_token(text)


def test_before_scoring_there_are_labels_only(make_run):
    page = read(make_run(is_scored=False))
    assert "Not scored yet" in page.text
    assert "token 'self'" in page.text


def test_a_large_run_leaves_contexts_out_and_says_so(make_run, monkeypatch):
    monkeypatch.setattr(page_module, "MAX_WITH_CONTEXTS", 0)
    page = read(make_run())
    assert "Contexts of the last 3 features are left out" in page.text
    assert "lowest tenth" not in page.text


def test_without_labels_there_is_no_page(make_run):
    run = make_run()
    run.labels.unlink()
    with pytest.raises(UsageError, match="no labels yet"):
        write_report(run)
    assert not run.report.exists()


@pytest.mark.parametrize("text", ["{", "\ufffe"])
def test_a_broken_summary_is_named(make_run, text):
    run = make_run()
    run.summary.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"summary\.json"):
        write_report(run)
