"""What is seen while a command works."""

from __future__ import annotations

import io

import pytest

from autointerp.cli import _progress

WARNING = "http://10.0.0.9: the key and all text cross the network unencrypted"


def test_a_sentence_is_printed_once_however_soon_the_next_tick_comes(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress._Lines().stage("labels", "features") as tick:
        tick(0, 2, f"$0.00, 0 tokens\n{WARNING}")
        tick(1, 2, f"$0.01, 9 tokens\n{WARNING}")
        tick(2, 2, "$0.02, 18 tokens")
    assert capsys.readouterr().err.splitlines() == [WARNING, "labels: 2/2 features, 0 s, $0.02, 18 tokens"]


def test_a_bar_shows_what_looks_like_markup_as_it_is() -> None:
    from rich.console import Console

    bars = _progress._Bars()
    bars._console = Console(file=io.StringIO(), force_terminal=True, width=200)
    with bars.stage("labels", "features") as tick:
        tick(1, 2, "openai:my[/b]model 38 % invalid\nsaid [/b] once")
    shown = bars._console.file.getvalue()
    assert "my[/b]model" in shown
    assert "said [/b] once" in shown
