from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

import sae
from sae.training import Trainer

CASES = {
    "standard": {"l1_coefficient": 0.5},
    "resampled": {"l1_coefficient": 20.0, "lr": 0.02, "resample_every": 10, "resample_dead_window": 5},
    "free": {"l1_coefficient": 0.5, "decoder_norm": "free"},
    "rare": {"l1_coefficient": 0.5, "frequency_coefficient": 0.1, "frequency_min": 0.02, "frequency_window": 7},
    "gated": {"architecture": "gated", "l1_coefficient": 0.5},
    "topk": {"architecture": "topk", "k": 3, "aux_k": 8, "resample_dead_window": 5},
    "batchtopk": {"architecture": "batchtopk", "k": 3},
    "jumprelu": {"architecture": "jumprelu", "penalty": "step", "l1_coefficient": 0.3},
}


def config(**changes):
    usual = {"n_tokens": 60 * 64, "d_sae": 32, "batch_size": 64, "lr": 5e-3, "lr_warmup_steps": 5, "n_init": 500}
    return sae.TrainConfig(**{**usual, "log_every": 7, **changes})


pytestmark = pytest.mark.usefixtures("one_thread")


class StopError(Exception):
    pass


def stopped_after(n, x):
    """A stream that breaks."""
    for start in range(0, len(x), 50):
        if start >= n:
            raise StopError
        yield x[start : start + 50]


def buffered(source):
    return sae.ActivationBuffer(source, capacity=700, batch_size=60, seed=3)  # neither divides the other sizes


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_training_goes_on_to_the_same_bits(dictionary_data, tmp_path, case):
    x, cfg = dictionary_data(5000)[1], config(**CASES[case])
    undisturbed = sae.train(buffered(x.split(50)), cfg)
    if case == "resampled":
        assert undisturbed.history[-1]["n_resampled"] > 0
    checkpoint = tmp_path / "new folder" / "checkpoint.pt"
    for n in (2000, 3500):
        with pytest.raises(StopError):
            sae.train(buffered(stopped_after(n, x)), cfg, checkpoint=checkpoint, checkpoint_every=11)
        assert checkpoint.exists()
    result = sae.train(buffered(x.split(50)), cfg, checkpoint=checkpoint, checkpoint_every=11)
    assert result.sae.fingerprint() == undisturbed.sae.fingerprint()
    assert result.history == undisturbed.history
    again = sae.train(buffered(x.split(50)), cfg, checkpoint=checkpoint)
    assert again.sae.fingerprint() == undisturbed.sae.fingerprint()


def test_a_source_that_opens_anywhere_is_not_read_again(dictionary_data, tmp_path):
    x, cfg = dictionary_data(5000)[1], config(**CASES["standard"])
    opened = []

    def source(skip):
        opened.append(skip)
        return x[skip:].split(50)

    undisturbed = sae.train(buffered(source), cfg)
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(StopError):
        sae.train(buffered(lambda skip: stopped_after(3000 - skip, x[skip:])), cfg, checkpoint=checkpoint)
    resumed = sae.train(buffered(source), cfg, checkpoint=checkpoint)
    assert resumed.sae.fingerprint() == undisturbed.sae.fingerprint()
    assert opened[0] == 0
    assert opened[1] > 2000


def test_any_stream_is_read_past_what_was_used(dictionary_data, tmp_path):
    x, cfg = dictionary_data(5000)[1], config(**CASES["topk"])
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(StopError):
        sae.train(stopped_after(3000, x), cfg, checkpoint=checkpoint)
    assert sae.train(x.split(77), cfg, checkpoint=checkpoint).sae.fingerprint() == sae.train([x], cfg).sae.fingerprint()


@pytest.mark.parametrize("case", ["resampled", "rare", "batchtopk"])
def test_a_trainers_state_is_all_there_is(dictionary_data, case):
    x = dictionary_data(4000)[1]
    first = Trainer(config(**CASES[case]), x[:500])
    batches = list(x[: 60 * 64].split(64))
    for batch in batches[:30]:
        first.step(batch)
    second = Trainer(config(**CASES[case]), torch.ones(3, 16))
    second.load_state_dict(first.state_dict())
    for batch in batches[30:]:
        assert first.step(batch) == second.step(batch)
    assert first.finish().fingerprint() == second.finish().fingerprint()


def test_checkpoints_that_do_not_belong_are_refused(dictionary_data, tmp_path):
    x, cfg = dictionary_data(5000)[1], config(**CASES["standard"])
    checkpoint = tmp_path / "checkpoint.pt"
    sae.train([x], cfg, checkpoint=checkpoint)
    with pytest.raises(sae.SAEError, match=r"with l1_coefficient=0.5, this one has l1_coefficient=0.7"):
        sae.train([x], config(l1_coefficient=0.7), checkpoint=checkpoint)
    with pytest.raises(sae.SAEError, match="on another stream, this one is given an ActivationBuffer"):
        sae.train(buffered([x]), cfg, checkpoint=checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(sae.SAEError, match="not a checkpoint of a training"):
        sae.train([x], cfg, checkpoint=checkpoint)
    torch.save({"weights": torch.ones(3)}, checkpoint)
    with pytest.raises(sae.SAEError, match="not a checkpoint of a training"):
        sae.train([x], cfg, checkpoint=checkpoint)
    with pytest.raises(sae.SAEError, match="checkpoint_every must be at least 1"):
        sae.train([x], cfg, checkpoint=tmp_path / "other.pt", checkpoint_every=-1)


def test_a_checkpoint_runs_nothing(tmp_path):
    evil = tmp_path / "evil.pt"
    torch.save({"version": 1, "config": os.system}, evil)
    with pytest.raises(sae.SAEError, match="not a checkpoint of a training"):
        sae.train([torch.ones(10, 2)], config(**CASES["standard"]), checkpoint=evil)


KILLED = """
import sys, time, torch, sae
torch.set_num_threads(1)

def source(skip):
    x = torch.randn(20_000, 16, generator=torch.Generator().manual_seed(0))
    for rows in x[skip:].split(100):
        if sys.argv[2] == "slow":
            time.sleep(0.01)
        yield rows

config = sae.TrainConfig(n_tokens=18_000, d_sae=64, batch_size=64, l1_coefficient=2.0, n_init=500,
                         resample_every=40, resample_dead_window=20)
buffer = sae.ActivationBuffer(source, capacity=2000, batch_size=64, seed=0)
result = sae.train(buffer, config, checkpoint=__import__("pathlib").Path(sys.argv[1]), checkpoint_every=5)
print(result.sae.fingerprint())
"""


@pytest.mark.slow
def test_kill_minus_nine_leaves_no_trace(tmp_path):
    def command(name, speed):
        return [sys.executable, "-c", KILLED, str(tmp_path / name), speed]

    undisturbed = subprocess.run(command("whole.pt", "fast"), capture_output=True, check=True).stdout
    checkpoint = tmp_path / "killed.pt"
    for _ in range(2):
        seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = subprocess.Popen(command("killed.pt", "slow"), stdout=subprocess.DEVNULL)
        while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == seen:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        time.sleep(0.2)  # somewhere between two checkpoints, or within one
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    resumed = subprocess.run(command("killed.pt", "fast"), capture_output=True, check=True).stdout
    assert resumed == undisturbed
    assert len(resumed.strip()) == 64
