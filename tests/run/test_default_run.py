"""Where a run goes when nobody says: into a folder of its own under ``runs``, whatever the SAE is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.run import default_run


@pytest.mark.parametrize(
    ("given_as", "name"),
    [("saes/mine", "mine"), ("study.pth", "study"), ("org/repo/layer_3", "layer_3"), ("x/", "x"), ("..x", "..x"),
     ("...toml", "...toml"), ("/", "run"), ("../mine", "mine")],
)  # fmt: skip
def test_it_has_the_name_of_the_sae(given_as: str, name: str) -> None:
    assert default_run(given_as) == Path("runs", name)


def test_dots_are_folders_with_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    assert default_run(".") == Path("runs/inside")
    assert default_run("..") == default_run("../inside/..") == Path("runs", tmp_path.name)


@given(st.text(st.sampled_from("./ab")))
def test_it_is_never_outside(given_as: str) -> None:
    found = default_run(given_as)
    assert (found.parent, len(found.parts)) == (Path("runs"), 2)
    assert found.name not in ("", ".", "..")
