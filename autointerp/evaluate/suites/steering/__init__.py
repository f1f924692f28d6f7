"""Steering with features and taking them away: what that does to the loss and to the predictions."""

from __future__ import annotations

from autointerp.evaluate._findings import Findings
from autointerp.evaluate._setting import Setting
from autointerp.evaluate._suite import NotMeasurable
from autointerp.evaluate.suites.steering._effects import run_interventions
from autointerp.evaluate.suites.steering._sample import draw_sample
from autointerp.evaluate.suites.steering._tables import add_effects, add_features, add_held_out

__all__ = ["measure"]

SEARCHED_TOKENS = 20_000
"""In which live features are looked for."""
N_FEATURES = 64
"""Steered with; each costs a forward pass a strength, and two without it, over the windows of both halves."""
N_RANDOM = 16
"""Random directions beside them."""
N_WINDOWS = 6
"""Of each half."""
ALPHAS = (0.03, 0.1, 0.3)
"""Strengths, in units of the mean length of an activation."""


def measure(setting: Setting) -> Findings:
    """Measure.

    Raises:
        NotMeasurable: The model is an encoder, or no feature fires in both halves of the text.
    """
    if setting.subject.kind == "encoder":
        raise NotMeasurable("Steering is measured by the next-token loss, which an encoder does not have.")
    setting, found = setting.smaller(SEARCHED_TOKENS), Findings()
    sample = draw_sample(setting, n_features=N_FEATURES, n_windows=N_WINDOWS)
    found.notes.append(
        f"{len(sample.features)} features were drawn from the {sample.n_live:,} that fire in both halves of "
        f"{sample.n_searched:,} tokens; rarer features are not in the sample. The unit of strength is the mean length "
        f"of an activation, {sample.mean_norm:.4g}."
    )
    effects = run_interventions(setting, sample, alphas=ALPHAS, n_random=N_RANDOM)
    add_effects(found, effects.effects)
    add_held_out(found, effects.effects)
    add_features(found, setting, sample, effects)
    return found
