"""What an SAE's error becomes further along the model, and what several SAEs at once cost.

Protocol of Anders and Bloom (2024), with the control of Gurnee (2024).
"""

from __future__ import annotations

from autointerp.evaluate._findings import Findings
from autointerp.evaluate._places import depth
from autointerp.evaluate._setting import Setting, Site
from autointerp.evaluate._suite import NotMeasurable
from autointerp.evaluate.suites.propagation._pass import pass_over
from autointerp.evaluate.suites.propagation._tables import add_joint, add_later_saes, add_propagation
from autointerp.subject import same_hook_point

__all__ = ["measure"]

TOKENS = 15_000
"""Enough, since the runs are paired; each SAE costs two forward passes over them."""


def measure(setting: Setting) -> Findings:
    """Measure.

    Raises:
        NotMeasurable: The model is an encoder.
    """
    if setting.subject.kind == "encoder":
        raise NotMeasurable("Error propagation is measured with the loss, too, and an encoder has no next-token loss.")
    setting, found = setting.smaller(TOKENS), Findings()
    sites = _one_a_place(setting, found)
    spliced = pass_over(setting, sites)
    found.notes.append(f"The first {spliced.n_tokens:,} tokens that count of the evaluation's text were read.")
    add_propagation(found, spliced)
    add_joint(found, spliced)
    add_later_saes(found, spliced)
    return found


def _one_a_place(setting: Setting, found: Findings) -> list[Site]:
    """The sites in order, the first one given of each hook point."""
    chosen: list[Site] = []
    for site in setting.sites:
        here, n_layers = site.subject.hook_point, site.subject.n_layers
        if any(same_hook_point(here, other.subject.hook_point, n_layers) for other in chosen):
            found.notes.append(f"{site.name} was left out: it reads where an SAE that was named before it does.")
        else:
            chosen.append(site)
    return sorted(chosen, key=lambda site: depth(site.subject.hook_point))
