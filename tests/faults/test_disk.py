"""A disk that is full, or takes no files: one clean sentence, exit code 1, the old file as it was, nothing half."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from faults_disk import files_up_to, locked
from llm_scripted_server import GOOD, Answer, Asker, ScriptedServer, question

import sae
from autointerp.cli import main
from autointerp.errors import AutointerpError, UsageError
from autointerp.export import write_labels_csv
from autointerp.llm import Limits, Outcome, ask
from autointerp.run import Manifest, RunDirectory, write_rows, write_text
from sae.training._checkpoint import write_checkpoint

Command = Callable[..., tuple[int, str]]
LIST = pa.list_(pa.string())
FEATURES = {
    "feature": 1, "n_active": 9, "density": 0.1, "mean_activation": 0.5, "max_activation": 2.0, "selectivity": 0.2,
    "rank": 1, "duplicate_of": None, "top_tokens": ["the"],
}  # fmt: skip
LABEL = {
    "feature": 1, "label": "after 'the'", "verdict": "MONOSEMANTIC", "outcome": "ok", "confidence": 4,
    "reasoning": "all the same " * 9_000, "llm": "rules", "prompt": "rules@1", "cost_usd": 0.0,
}  # fmt: skip


def schema_of(row: dict[str, object]) -> pa.Schema:
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string(), list: LIST, type(None): pa.int64()}
    return pa.schema([(name, kinds[type(value)]) for name, value in row.items()])


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A labelled run, as an export needs it, with an export."""
    run = RunDirectory(tmp_path / "run")
    run.write_manifest(Manifest(config={"groups": {"ids": [1]}}))
    write_rows(run.features, [FEATURES], schema_of(FEATURES))
    write_rows(run.labels, [LABEL], schema_of(LABEL))
    write_labels_csv(run)
    return run


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """``command("export", run)``: the exit code, and what was told on stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autointerp", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err

    return call


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_an_export_that_does_not_fit_leaves_the_old_one(command: Command, run: RunDirectory, name: str) -> None:
    assert command("export", run.path, "--format", name)[0] == 0
    before = contents(run.path)
    with files_up_to(50_000):
        code, told = command("export", run.path, "--format", name)
    assert (code, contents(run.path)) == (1, before)
    assert told.startswith(f"autointerp: {run.path}/labels.{name}: File too large")
    assert "Traceback" not in told


def test_an_export_into_a_folder_that_takes_no_files(command: Command, run: RunDirectory) -> None:
    before = contents(run.path)
    with locked(run.path):
        code, told = command("export", run.path)
    assert (code, contents(run.path)) == (1, before)
    assert told.startswith(f"autointerp: {run.labels_csv}: Permission denied")


def test_a_full_device_stays_a_device(command: Command, run: RunDirectory, tmp_path: Path) -> None:
    device = tmp_path / "full"
    device.symlink_to("/dev/full")
    code, told = command("export", run.path, "--out", device)
    assert code == 1
    assert told.startswith(f"autointerp: {device}: No space left on device")
    assert stat.S_ISCHR(device.stat().st_mode)


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    device = tmp_path / "null"
    device.symlink_to("/dev/null")
    write_text(device, "x")
    assert stat.S_ISCHR(device.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["null"]


def test_a_table_that_does_not_fit_leaves_the_old_one(run: RunDirectory) -> None:
    before = contents(run.path)
    with files_up_to(64), pytest.raises(OSError, match="too large"):
        write_rows(run.labels, [LABEL] * 2, schema_of(LABEL))
    assert contents(run.path) == before


def test_a_manifest_that_does_not_fit_leaves_the_old_one(run: RunDirectory) -> None:
    before = contents(run.path)
    with files_up_to(64), pytest.raises(OSError, match="too large"):
        run.finish("labels", 1.0)
    assert contents(run.path) == before


def test_a_journal_that_does_not_fit_ends_the_run_and_keeps_what_was_acknowledged(
    openai_asker: Asker, server: ScriptedServer
) -> None:
    told = list[object]()
    openai_asker._progress = lambda done, *_: told.append(done)  # type: ignore[method-assign]
    with (
        files_up_to(150_000),
        pytest.raises(AutointerpError, match=r"journal can't be used \(.*\). Check the disk") as caught,
    ):
        openai_asker(*map(question, range(200)), max_concurrency=4)
    assert caught.value.exit_code == 1
    n_acknowledged, n_sent = len(told), len(server.calls)
    assert 2 < n_acknowledged <= n_sent < 200
    replies = openai_asker(*map(question, range(200)))
    assert {reply.outcome for reply in replies} == {Outcome.ok}
    assert sum(reply.from_journal for reply in replies) >= n_acknowledged
    assert len(server.calls) <= 200 + n_sent - n_acknowledged


def test_a_journal_in_a_folder_that_takes_no_files(openai_asker: Asker, server: ScriptedServer) -> None:
    folder = openai_asker.journal.parent
    with locked(folder), pytest.raises(AutointerpError, match="journal can't be") as caught:
        openai_asker(question(1))
    assert (caught.value.exit_code, server.calls, list(folder.iterdir())) == (1, [], [])
    openai_asker(question(1))
    before = contents(folder)
    with locked(folder), pytest.raises(AutointerpError, match="journal can't be") as caught:
        openai_asker(question(2))
    assert not isinstance(caught.value, UsageError)
    assert (len(server.calls), contents(folder)) == (1, before)


@pytest.mark.parametrize("disk", ["full", "locked"])
def test_a_cache_on_such_a_disk_costs_the_sharing_and_nothing_else(
    openai_asker: Asker, server: ScriptedServer, tmp_path: Path, disk: str
) -> None:
    server.otherwise = lambda _: Answer(text=GOOD + " " * 100_000)
    openai_asker(question(1))  # the journal has it; only the cache is written below
    cache = tmp_path / "cache"
    cache.mkdir()
    with files_up_to(60_000) if disk == "full" else locked(cache):
        (reply,) = ask(
            [question(1)], provider=openai_asker.spec, journal=openai_asker.journal, cache=cache, limits=Limits(),
            progress=openai_asker._progress,
        )  # fmt: skip
    assert (reply.outcome, len(server.calls), contents(cache)) == (Outcome.ok, 1, {})
    assert sum("answers stay in this run alone" in note for note in openai_asker.notes) == 1


def an_sae(d_sae: int) -> sae.SAE:
    weights = torch.ones(4, d_sae)
    config = sae.SAEConfig("standard", 4, d_sae)
    return sae.SAE(config, W_enc=weights, b_enc=torch.zeros(d_sae), W_dec=weights.T.clone(), b_dec=torch.zeros(4))


def test_an_sae_that_does_not_fit_is_no_sae(tmp_path: Path) -> None:
    sae.save(an_sae(8), tmp_path)
    with files_up_to(2000), pytest.raises(OSError, match="can't be written") as caught:
        sae.save(an_sae(2048), tmp_path)
    assert caught.value.filename == str(tmp_path / "sae_weights.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["sae_weights.safetensors"]  # the old weights, no config
    with pytest.raises(sae.SAEError):
        sae.load(tmp_path)


def test_a_checkpoint_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    write_checkpoint(file, [], {"weights": torch.zeros(8)})
    before = contents(tmp_path)
    with files_up_to(2000), pytest.raises(OSError, match="can't be written"):
        write_checkpoint(file, [], {"weights": torch.zeros(4096)})
    assert contents(tmp_path) == before
