"""Folders that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from autointerp.errors import UsageError
from autointerp.run import new_folder


@pytest.mark.parametrize("empty", [False, True])
def test_the_folder_appears_whole(tmp_path: Path, empty: bool) -> None:
    out = tmp_path / "there" / "out"
    if empty:
        out.mkdir(parents=True)
    with new_folder(out) as filled:
        (filled / "file").write_text("text")
        assert not (out / "file").exists()
    assert (out / "file").read_text() == "text"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), new_folder(tmp_path / "out") as filled:  # noqa: PT012
        (filled / "file").write_text("text")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    full, file, link = tmp_path / "full", tmp_path / "file", tmp_path / "link"
    full.mkdir()
    (full / "mine").write_text("mine")
    file.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")
    for path in (full, file, link):
        with pytest.raises(UsageError, match="already there"), new_folder(path):
            pass
    assert (full / "mine").read_text() == file.read_text() == "mine"


def test_a_folder_filled_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(OSError), new_folder(out) as filled:  # noqa: PT012
        (filled / "ours").write_text("ours")
        out.mkdir()
        (out / "mine").write_text("mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine"]
