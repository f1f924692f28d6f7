"""Many SAEs on one stream are what each is alone."""

from __future__ import annotations

import pytest
import torch

import sae


def configs() -> list[sae.TrainConfig]:
    shared = {"n_tokens": 1200, "batch_size": 60, "n_init": 100, "log_every": 5}
    return [
        sae.TrainConfig(d_sae=24, l1_coefficient=0.3, **shared),
        sae.TrainConfig(d_sae=48, l1_coefficient=0.1, resample_every=5, resample_dead_window=3, **shared),
        sae.TrainConfig(d_sae=32, architecture="topk", k=3, n_init=400, n_tokens=1200, batch_size=60),
    ]


def activations() -> torch.Tensor:
    return torch.randn(1200, 8, generator=torch.Generator().manual_seed(0)).relu()


def buffered(source) -> sae.ActivationBuffer:
    return sae.ActivationBuffer(source, capacity=300, batch_size=60, seed=1)


def test_each_becomes_what_it_would_have_become_alone() -> None:
    x, told = activations(), []
    together = sae.train_many(buffered(x.split(70)), configs(), progress=lambda number, step: told.append(number))
    alone = [sae.train(buffered(x.split(70)), config) for config in configs()]
    assert [one.sae.fingerprint() for one in together] == [one.sae.fingerprint() for one in alone]
    assert [one.history for one in together] == [one.history for one in alone]
    assert set(told) == {0, 1, 2}


def test_a_pass_that_was_stopped_goes_on_to_the_same_bits(tmp_path) -> None:
    x, checkpoint = activations(), tmp_path / "checkpoint.pt"
    whole = sae.train_many(buffered(x.split(70)), configs())

    def stopping(skip: int):
        yield x[skip:700]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sae.train_many(buffered(stopping), configs(), checkpoint=checkpoint, checkpoint_every=3)
    resumed = sae.train_many(buffered(lambda skip: [x[skip:]]), configs(), checkpoint=checkpoint)
    assert [one.sae.fingerprint() for one in resumed] == [one.sae.fingerprint() for one in whole]
    with pytest.raises(sae.SAEError, match="of 3 SAEs, these are 2"):
        sae.train_many(buffered([x]), configs()[:2], checkpoint=checkpoint)


def test_they_keep_one_pace() -> None:
    first, second, _ = configs()
    other = sae.TrainConfig(d_sae=24, l1_coefficient=0.3, n_tokens=1200, batch_size=100)
    with pytest.raises(sae.SAEError, match="one batch_size"):
        sae.train_many([activations()], [first, second, other])
