"""SAEs along the model: what each layer's reconstruction is worth, and which tokens pay for it."""

from __future__ import annotations

from autointerp.evaluate._findings import Findings
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.layers._pass import pass_over
from autointerp.evaluate.suites.layers._separability import add_separability
from autointerp.evaluate.suites.layers._table import add_norms, add_sites
from autointerp.evaluate.suites.layers._token_losses import add_token_losses

__all__ = ["measure"]

TOKENS = 30_000
"""Enough for differences between layers; each SAE costs a forward pass over them."""


def measure(setting: Setting) -> Findings:
    """Measure."""
    setting, found = setting.smaller(TOKENS), Findings()
    measured = pass_over(setting)
    found.notes.append(f"The first {measured.n_tokens:,} tokens that count of the evaluation's text were read.")
    add_norms(found, measured)
    add_sites(found, measured)
    if setting.subject.kind == "encoder":
        found.notes.append("An encoder has no next-token loss: CE differences are left out.")
        return found
    add_token_losses(found, measured.losses)
    add_separability(found, measured.losses, setting)
    return found
