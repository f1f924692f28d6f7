"""How errors of the system are said."""

from __future__ import annotations

import errno

import pytest

from autointerp.cli._app import _classify


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((errno.ENOSPC, "No space left on device"), "No space left on device"),
        (("19520 requested and 0 written",), "19520 requested and 0 written"),  # numpy's, which has no number
        ((), "OSError"),
    ],
)
def test_what_the_system_refused_is_one_line(
    arguments: tuple[object, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = OSError(*arguments)
    error.filename = "tokens.npy"
    assert _classify(error) == 1
    assert capsys.readouterr().err == f"autointerp: tokens.npy: {words}. Files written before are intact.\n"
