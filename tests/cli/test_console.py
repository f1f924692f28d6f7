"""Consoles that can't show every character."""

from __future__ import annotations

import importlib
import io
import sys

import pytest

from autointerp.cli import main


def test_what_a_console_can_not_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", console)
    app = importlib.import_module("autointerp.cli._app")
    monkeypatch.setattr(app, "app", lambda standalone_mode: print("runs/caf\xe9\udcff"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert console.buffer.getvalue() == b"runs/caf\\xe9\\udcff\n"
