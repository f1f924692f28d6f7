"""What a training is asked for and can't have, because it is too short."""

from __future__ import annotations

import sae


def schedule_notes(config: sae.TrainConfig) -> list[str]:
    """Look for schedules that are longer than the training.

    Args:
        config: With the number of activations that are really there.

    Returns:
        A sentence each, for people; none where all is well.
    """
    length = f"the training has {config.n_steps:,} steps"
    warm_ups = ("lr_warmup_steps",) if config.selects else ("lr_warmup_steps", "l1_warmup_steps")
    notes = [
        f"{name} is {getattr(config, name):,}, but {length}: the full value is never reached."
        for name in warm_ups
        if getattr(config, name) > config.n_steps
    ]
    if config.resamples:
        schedule, until = config.resampling.schedule, config.resampling.until
        first = min(schedule) if isinstance(schedule, tuple) else schedule
        if first > until * config.n_steps:
            share = "" if until == 1 else f", of which the last {1 - until:.0%} are left to settle"
            notes.append(
                f"dead features are first resampled after step {first:,}, but {length}{share}: they never will be. "
                "Lower resample_every, or train longer."
            )
    return notes
