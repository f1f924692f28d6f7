"""Which features of a baseline are found again in a run."""

from __future__ import annotations

from dataclasses import dataclass

from autointerp.gate._baseline import Baseline
from autointerp.gate._direction import cosine, decode_direction

MIN_COSINE = 0.9
"""Two decoder rows at least this close are the same feature."""
MIN_CORRESPONDING = 0.8
"""Below this share of the baseline's group, pairs no longer speak for the group."""


@dataclass(frozen=True)
class Pairing:
    """The features that can be compared one by one."""

    features: tuple[int, ...]
    """In the baseline's order; the same ids on both sides."""
    share: float
    """Of the baseline's group."""
    obstacle: str
    """Why the groups must be compared as wholes instead; empty when they need not."""


def pair(old: Baseline, new: Baseline, group: str) -> Pairing:
    """Find a group's features again.

    A feature corresponds when its id is in both groups and its decoder directions agree (or the SAE is the same).

    Args:
        old: The baseline.
        new: The run, as a baseline; with decoder directions unless its SAE or its text settles the question.
        group: A group both have.
    """
    wanted = old.groups[group].features
    if old.corpus.fingerprint != new.corpus.fingerprint:
        return Pairing((), 0.0, "the text windows differ")
    in_both = set(wanted).intersection(new.groups[group].features)
    found = tuple(i for i in wanted if i in in_both and _same_feature(old, new, i))
    share = len(found) / len(wanted) if wanted else 0.0
    if share >= MIN_CORRESPONDING:
        return Pairing(found, share, "")
    return Pairing(
        found,
        share,
        f"only {len(found)} of {len(wanted)} features are found again (same id, decoder cosine at least {MIN_COSINE})",
    )


def _same_feature(old: Baseline, new: Baseline, feature: int) -> bool:
    if old.sae.sha256 == new.sae.sha256:
        return True
    one, other = old.features[feature].decoder, new.features[feature].decoder
    if one is None or other is None:
        return False
    return cosine(decode_direction(one), decode_direction(other)) >= MIN_COSINE
