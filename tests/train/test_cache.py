"""Activations on a disk."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from autointerp.errors import MismatchError, UsageError
from autointerp.run import Silence, exclusive
from autointerp.train import cache_activations, stream_activations

N = 5000


class Heard(Silence):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


class PowerCut(BaseException):
    """Nothing catches it: the process is as good as killed."""


def read(stream) -> torch.Tensor:
    return torch.cat(list(stream))


def test_a_cache_gives_what_the_model_gives_in_the_same_order(windows, letters, tmp_path: Path) -> None:
    cache = cache_activations(letters.Subject(), windows, tmp_path / "cache")
    streamed = read(stream_activations(letters.Subject(), windows, n_vectors=N, seed=2))
    assert torch.equal(read(cache.stream(n_vectors=N, seed=2)), streamed)
    assert torch.equal(read(cache.stream(n_vectors=N, seed=2, skip=1234)), streamed[1234:])


def test_float16_takes_half_the_room_and_keeps_three_digits(windows, letters, tmp_path: Path) -> None:
    half = cache_activations(letters.Subject(), windows, tmp_path / "half", dtype="float16")
    full = cache_activations(letters.Subject(), windows, tmp_path / "full")
    sizes = [(tmp_path / name / "activations.bin").stat().st_size for name in ("half", "full")]
    assert 2 * sizes[0] == sizes[1] == 4 * full.vectors.size
    found = read(half.stream(n_vectors=N))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, read(full.stream(n_vectors=N)), rtol=1e-3, atol=1e-3)


def test_a_second_training_does_not_run_the_model(windows, letters, tmp_path: Path) -> None:
    cache_activations(letters.Subject(), windows, tmp_path)
    again = letters.Subject()
    heard = Heard()
    cache_activations(again, windows, tmp_path, progress=heard)
    assert again.n_calls == 0
    assert not heard.said


def test_the_size_is_said_before_anything_is_written(windows, letters, tmp_path: Path) -> None:
    subject, heard = letters.Subject(), Heard()
    heard.say = lambda sentence: heard.said.append((sentence, subject.n_calls))
    cache_activations(subject, windows, tmp_path / "cache", progress=heard)
    ((sentence, n_calls_before),) = heard.said
    assert n_calls_before == 0
    n_bytes = (tmp_path / "cache" / "activations.bin").stat().st_size
    assert f"{n_bytes / 2**20:.1f} MiB" in sentence


def test_a_disk_without_the_room_is_refused_before_anything_is_written(
    windows, letters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - what shutil gives
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 1000, 1000))
    with pytest.raises(UsageError, match=r"MiB.* only 0\.0 MiB are free.*float16"):
        cache_activations(letters.Subject(), windows, tmp_path)
    assert not (tmp_path / "activations.bin").exists()


@pytest.mark.parametrize(
    ("change", "both"),
    [
        ({"subject": "letters-2"}, ("letters-1", "letters-2")),
        ({"hook_point": "blocks.9.hook_resid_post"}, ("blocks.0.hook_resid_post", "blocks.9.hook_resid_post")),
        ({"weight_processing": "compatibility"}, ("raw", "compatibility")),
        ({"windows": True}, ("windows_fingerprint",)),
        ({"drop_bos": False}, ("True", "False")),
        ({"dtype": "float16"}, ("float32", "float16")),
    ],
)
def test_other_activations_are_refused_naming_both_values(change, both, windows, letters, tmp_path: Path) -> None:
    cache_activations(letters.Subject(), windows, tmp_path)
    other = letters.Subject(change.get("subject", "letters-1"))
    for name in ("hook_point", "weight_processing"):
        setattr(other, name, change.get(name, getattr(other, name)))
    asked = replace(windows, lengths=windows.lengths - 1) if "windows" in change else windows
    options = {name: change[name] for name in ("drop_bos", "dtype") if name in change}
    with pytest.raises(MismatchError) as refused:
        cache_activations(other, asked, tmp_path, **options)
    assert all(value in str(refused.value) for value in both)


@pytest.mark.parametrize("calls_before", [1, 3, 5])
def test_a_stopped_cache_goes_on_and_ends_with_the_same_bytes(
    calls_before: int, windows, letters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("autointerp.train._cache"), "SHARD_WINDOWS", 64)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    subject = letters.Subject()
    cache_activations(subject, windows, whole)
    dying = letters.Subject()
    compute = dying.residuals

    def residuals(tokens):
        if dying.n_calls == calls_before:
            raise PowerCut
        return compute(tokens)

    dying.residuals = residuals
    with pytest.raises(PowerCut):
        cache_activations(dying, windows, stopped)
    after = letters.Subject()
    cache_activations(after, windows, stopped)
    assert (stopped / "activations.bin").read_bytes() == (whole / "activations.bin").read_bytes()
    assert after.n_calls == subject.n_calls - calls_before // 2 * 2  # batches of 32 windows, recorded by the 64


def test_what_float16_cannot_hold_is_refused(windows, letters, tmp_path: Path) -> None:
    subject = letters.Subject()
    subject.embedding[100] = 1e6
    with pytest.raises(UsageError, match="float32"):
        cache_activations(subject, windows, tmp_path, dtype="float16")


def test_a_damaged_file_is_noticed(windows, letters, tmp_path: Path) -> None:
    cache_activations(letters.Subject(), windows, tmp_path)
    data = tmp_path / "activations.bin"
    data.write_bytes(data.read_bytes()[:-10])
    with pytest.raises(UsageError, match="damaged"):
        cache_activations(letters.Subject(), windows, tmp_path)
    (tmp_path / "meta.json").write_text("{}")
    with pytest.raises(UsageError, match=r"meta\.json"):
        cache_activations(letters.Subject(), windows, tmp_path)


def test_a_disk_that_fills_up_names_the_file_and_the_cache_goes_on(
    windows, letters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"No space left.*activations\.bin"):
            cache_activations(letters.Subject(), windows, tmp_path / "cache")
    cache = cache_activations(letters.Subject(), windows, tmp_path / "cache")
    torch.testing.assert_close(torch.from_numpy(cache.vectors.copy()), letters.dense(windows, 2))


def test_a_file_is_no_cache(windows, letters, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file: is a file"):
        cache_activations(letters.Subject(), windows, tmp_path / "file")


def test_two_writers_are_refused(windows, letters, tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(UsageError, match="in use by pid"):
        cache_activations(letters.Subject(), windows, tmp_path)
