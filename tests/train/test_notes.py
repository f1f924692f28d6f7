"""Schedules longer than the training."""

from __future__ import annotations

import pytest

import sae
from autointerp.train._notes import schedule_notes

SHORT = {"n_tokens": 6400, "batch_size": 64, "expansion": 2, "l1_coefficient": 1.0}  # 100 steps


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, []),
        ({"lr_warmup_steps": 101}, ["lr_warmup_steps is 101"]),
        ({"lr_warmup_steps": 200, "l1_warmup_steps": 1000}, ["lr_warmup_steps is 200", "l1_warmup_steps is 1,000"]),
        ({"architecture": "topk", "k": 2, "l1_warmup_steps": 1000}, []),  # it has no penalty
        ({"resample_every": 80}, []),
        ({"resample_every": 81}, ["first resampled after step 81"]),  # the last fifth is for settling
        ({"resample_mode": "code"}, ["first resampled after step 25,000"]),
        ({"resample_mode": "bricken"}, ["first resampled after step 25,000"]),
        ({"resample_mode": "code", "resample_every": 100}, []),
    ],
)
def test_what_has_no_effect_is_said(settings: dict[str, object], said: list[str]) -> None:
    notes = schedule_notes(sae.TrainConfig(**{**SHORT, **settings}))  # type: ignore[arg-type]
    assert len(notes) == len(said)
    for note, words in zip(notes, said, strict=True):
        assert words in note
        assert "the training has 100 steps" in note
