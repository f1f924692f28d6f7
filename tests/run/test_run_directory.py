"""The run directory: files appear whole, one process writes, the manifest is strict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autointerp.errors import UsageError
from autointerp.run import Manifest, RunDirectory, exclusive, read_table, replace_atomically, write_text


def test_an_error_while_writing_keeps_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    write_text(file, "old")

    def write_and_fail() -> None:
        with replace_atomically(file) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_and_fail()
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.csv"]


def test_text_that_utf8_cannot_hold_is_escaped(tmp_path: Path) -> None:
    write_text(tmp_path / "f", "a\ud800b\r\n")
    assert (tmp_path / "f").read_bytes() == b"a\\ud800b\r\n"


def test_a_manifest_round_trips_and_counts_seconds_over_parts(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.write_manifest(Manifest(seed=7, config={"features": "top25"}))
    write_text(run.contexts, "")
    assert not run.is_done("contexts")
    run.finish("contexts", 1.5)
    run.finish("contexts", 2.0)
    manifest = RunDirectory.open(run.path).read_manifest()
    assert manifest.seed == 7
    assert manifest.seconds == {"contexts": 3.5}
    assert run.is_done("contexts")


@pytest.mark.parametrize(
    ("stage", "files"),
    [
        ("windows", ["windows/meta.json", "windows/tokens.npy", "windows/index.parquet", "windows/documents.parquet"]),
        ("harvest", ["harvest/meta.json", "harvest/explain.npz", "harvest/score.npz", "features.parquet"]),
        ("contexts", ["contexts.parquet"]),
        ("labels", ["labels.parquet"]),
        ("scores", ["scores.parquet"]),
    ],
)
def test_a_stage_whose_files_are_gone_is_not_done(tmp_path: Path, stage: str, files: list[str]) -> None:
    run = RunDirectory(tmp_path)
    run.finish(stage, 1.0)
    for file in files:
        assert not run.is_done(stage)
        write_text(tmp_path / file, "")
    assert run.is_done(stage)


def test_a_folder_in_the_place_of_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(UsageError, match=r"labels\.csv: is a folder"):
        write_text(tmp_path / "labels.csv", "")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table at all", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_damaged_table_is_named_and_how_to_make_it_again(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "labels.parquet"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"labels\.parquet: damaged .* --resume"):
        read_table(file)


def test_an_sae_is_found_from_any_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDirectory(tmp_path / "project" / "runs" / "demo")
    run.path.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert run.find("models/sae") == "models/sae"  # perhaps a name on the hub
    (run.path / "sae").mkdir()
    assert run.find("/gone/sae") == str(run.path / "sae")
    (tmp_path / "project" / "models" / "sae").mkdir(parents=True)
    assert run.find("models/sae") == str(tmp_path / "project" / "models" / "sae")
    monkeypatch.chdir(tmp_path / "project")
    assert run.find("models/sae") == "models/sae"
    assert RunDirectory("runs/demo").find("models/sae") == "models/sae"


def test_the_manifest_names_what_made_it(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.write_manifest(Manifest())
    assert {"python", "torch", "numpy"} <= set(run.read_manifest().versions)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can't be read"),
        ('{"a":' * 100_000, "can't be read"),
        ("[]", "schema_version"),
        ('{"schema_version": 99}', "schema_version is 99"),
        ('{"schema_version": 1, "surprise": 1}', "surprise"),
    ],
)
def test_a_broken_manifest_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        RunDirectory.open(tmp_path)
    assert "run.json" in str(caught.value)


def test_no_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="autointerp label"):
        RunDirectory.open(tmp_path)


def test_a_second_writer_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from autointerp.run import exclusive\n"
        "with exclusive(Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"pid {child.pid} "), exclusive(tmp_path):
            pass
        child.kill()
    with exclusive(tmp_path):  # the lock went with its process
        assert "pid" in (tmp_path / ".lock").read_text()


def test_run_json_is_plain_json(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.write_manifest(Manifest(seed=3))
    assert json.loads(run.manifest_file.read_text())["seed"] == 3
