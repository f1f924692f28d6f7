"""``autointerp convert``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import autointerp
import sae
from autointerp.errors import UsageError


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """A small tied SAE as the study saved them."""
    random = torch.Generator().manual_seed(0)
    shapes = {"W_enc": (6, 24), "b_enc": (24,), "b_dec": (6,)}
    torch.save({name: torch.randn(shape, generator=random) for name, shape in shapes.items()}, tmp_path / "tied.pth")
    return tmp_path / "tied.pth"


def test_convert_writes_a_folder_that_computes_the_same(command, study_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "sae"
    ended = command("convert", study_file, out)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(out)
    assert "d_in 6, d_sae 24, unknown hook point of unknown model" in ended.err
    x = torch.randn(9, 6)
    before, after = sae.load(study_file), sae.load(out)
    assert torch.equal(before.encode(x), after.encode(x))
    assert torch.equal(before(x), after(x))


def test_convert_is_a_function(study_file: Path, tmp_path: Path) -> None:
    converted = autointerp.convert(study_file, tmp_path / "sae")  # type: ignore[attr-defined]
    assert converted.fingerprint() == sae.load(tmp_path / "sae").fingerprint()


def test_convert_replaces_nothing(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    for out in (study_file, tmp_path / "full"):
        with pytest.raises(UsageError, match="already there"):
            autointerp.convert(study_file, out)  # type: ignore[attr-defined]
    (tmp_path / "empty").mkdir()
    autointerp.convert(study_file, tmp_path / "empty")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "message"),
    [("no/such/sae", "no such file or folder"), ("release:id", "release:id"), ("{tmp}/none.pth", "none.pth")],
)
def test_convert_says_what_it_can_not_read(command, tmp_path: Path, source: str, message: str) -> None:
    ended = command("convert", source.format(tmp=tmp_path), tmp_path / "out")
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()
