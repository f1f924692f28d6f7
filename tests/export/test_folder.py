from __future__ import annotations

from pathlib import Path

import pytest

from autointerp.errors import UsageError
from autointerp.export import replace_folder


def fill(path: Path, *names: str, form: str = "hf") -> None:
    with replace_folder(path, form=form) as folder:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)


def seen(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.suffix == ".txt")


def test_a_new_and_an_empty_folder_are_filled_and_a_previous_export_is_replaced(tmp_path):
    out = tmp_path / "deep" / "out"
    fill(out, "a.txt", "sub/b.txt")
    assert seen(out) == ["a.txt", "sub/b.txt"]
    fill(out, "c.txt")
    assert seen(out) == ["c.txt"]
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", "a.txt")
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("form", ["hf", "delphi"])
@pytest.mark.parametrize("marker", [None, "{", "[]", '{"format": "hf"}'])
def test_what_is_not_a_previous_export_stays(tmp_path, form, marker):
    (tmp_path / "thesis.txt").write_text("years of work")
    if marker is not None:
        (tmp_path / ".autointerp-export.json").write_text(marker)
    with pytest.raises(UsageError, match="previous"):
        fill(tmp_path, "a.txt", form=form)
    assert seen(tmp_path) == ["thesis.txt"]


def test_a_file_that_was_added_or_an_export_of_another_format_stays(tmp_path):
    out = tmp_path / "out"
    fill(out, "a.txt")
    with pytest.raises(UsageError, match="previous neuronpedia export"):
        fill(out, "b.txt", form="neuronpedia")
    (out / "added.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds added\.txt"):
        fill(out, "b.txt")
    assert seen(out) == ["a.txt", "added.txt"]


def test_a_file_or_a_link_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(UsageError, match="is not a folder"):
            fill(tmp_path / name, "a.txt")


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    fill(out, "a.txt")

    def half() -> None:
        with replace_folder(out, form="hf") as folder:
            (folder / "half.txt").write_text("x")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        half()
    assert seen(tmp_path) == ["out/a.txt"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_leaves_the_old_folder(tmp_path, monkeypatch):
    out = tmp_path / "out"
    fill(out, "a.txt")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autointerp.run._atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        fill(out, "b.txt")
    assert seen(tmp_path) == ["out/a.txt"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_the_folder_one_stands_in_is_a_folder_like_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(Path(), "a.txt")
    assert seen(tmp_path) == ["a.txt"]


def test_a_move_that_fails_brings_the_old_folder_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    fill(out, "a.txt")
    move = Path.rename

    def refuse_the_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(13, "Permission denied")
        return move(self, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(OSError, match="Permission"):
        fill(out, "b.txt")
    assert seen(tmp_path) == ["out/a.txt"]
