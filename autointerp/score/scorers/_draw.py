"""Which contexts a scorer takes, and its seeded choices."""

from __future__ import annotations

import numpy as np

from autointerp.harvest import DECILES, Context
from autointerp.score._question import Question
from autointerp.score._trial import Trial

_SALTS = {"fuzzing": 1, "intruder": 2, "simulation": 3}


def generator(question: Question) -> np.random.Generator:
    """Random numbers that depend on the run's seed, the feature and the scorer alone."""
    return np.random.default_rng([question.seed, question.trial.feature, _SALTS[question.scorer]])


def positives(trial: Trial) -> dict[str, list[Context]]:
    """Contexts that detection counts and the feature fires in, by decile, within one in the trial's order."""
    return {name: [trial.contexts[i] for i in trial.members(name) if trial.counted[i]] for name in DECILES}


def active(context: Context) -> list[int]:
    """Indices of the tokens that the feature fires on."""
    return [i for i, activation in enumerate(context.activations) if activation > 0]
