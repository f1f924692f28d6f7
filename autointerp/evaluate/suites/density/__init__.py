"""How often features fire: the histogram, its clusters, and what the densest features are."""

from __future__ import annotations

import numpy as np

from autointerp.evaluate._estimates import over_features
from autointerp.evaluate._findings import Findings, Table
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.density._classes import EVERYWHERE, EXPLAINED, classify
from autointerp.evaluate.suites.density._histogram import density_histogram, density_picture
from autointerp.evaluate.suites.density._ranges import RANGES, density_ranges

DENSE = 0.1
"""Features that fire on a larger share of the tokens are listed one by one."""
MAX_LISTED = 200
ENOUGH_FIRINGS = 10
"""A density is told from its neighbours once a feature of it fires so often."""


def measure(setting: Setting) -> Findings:
    """Measure."""
    found, sketch = Findings(), setting.sketch
    n_tokens, density = sketch.n_tokens, sketch.n_active / max(sketch.n_tokens, 1)
    for name, (meaning, holds) in RANGES.items():
        share = over_features(holds(density), n_tokens=n_tokens, seed=setting.seed)
        found.number(f"share_{name}", share, f"Share of features that {meaning}.")
    typical = over_features(density[density > 0], _log10_median, n_tokens=n_tokens, seed=setting.seed)
    found.number("median_log10_density", typical, "Median log10 share of tokens, of the features that fire at all.")
    found.tables["ranges"] = Table(
        density_ranges(density, setting.model.W_enc, n_tokens=n_tokens, seed=setting.seed),
        "Features in each range of density that the literature names. encoder_cosine is the mean cosine of their "
        "encoder directions: near 0 for features of their own, near 1 for a cluster that is one artefact many times.",
    )
    histogram = density_histogram(sketch.n_active, n_tokens)
    found.tables["histogram"] = Table(
        histogram, "Features by log10 of the share of tokens they fire on; those that never fire are the first row."
    )
    found.pictures["histogram"] = density_picture(histogram, n_tokens)
    if n_tokens * 1e-5 < ENOUGH_FIRINGS:
        found.notes.append(
            f"On {n_tokens:,} tokens a feature of density 1e-5 fires {n_tokens * 1e-5:.1f} times: ultralow features "
            "and dead ones can't be told apart well. Harvest more tokens for that."
        )
    _add_dense(found, setting, density)
    return found


def _add_dense(found: Findings, setting: Setting, density: np.ndarray) -> None:
    dense = np.flatnonzero(density > DENSE)
    if not len(dense):
        found.notes.append(
            f"No feature fires on more than {DENSE:.0%} of the tokens; the densest, feature {density.argmax()}, fires "
            f"on {density.max():.1%}."
        )
        return
    listed = dense[np.argsort(-density[dense], kind="stable")][:MAX_LISTED]
    if len(listed) < len(dense):
        found.notes.append(f"Of {len(dense)} features above {DENSE} the {MAX_LISTED} densest are listed.")
    table = classify(setting.firings, listed, bos_id=setting.subject.bos_id, pieces=setting.subject.pieces)
    table.insert(1, "density", density[listed])
    kinds = ", ".join(f"{n} {kind}" for kind, n in table["class"].value_counts().items())
    found.tables["dense"] = Table(
        table,
        f"Features that fire on more than {DENSE:.0%} of the tokens: {kinds}. A class is the first that fits: all but "
        f"BOS (on {EVERYWHERE:.0%} of the tokens, off at BOS), every token (not off there), positional, after X or "
        f"lexical (position, the token before or the token itself explains {EXPLAINED:.0%} of when it fires; the "
        "explained_ columns say how much, adjusted for the number of tokens), unexplained. tokens are the most "
        "frequent ones that it fires after, or on, more often than not.",
    )


def _log10_median(density: np.ndarray) -> float:
    return float(np.log10(np.median(density)))
