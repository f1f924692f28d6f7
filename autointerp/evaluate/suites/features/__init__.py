"""What features are about: their tokens, their company, and which of them are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autointerp.evaluate._findings import Findings, Table
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.features._alike import add_alike
from autointerp.evaluate.suites.features._decoder_map import add_decoder_map
from autointerp.evaluate.suites.features._kinds import token_kinds
from autointerp.evaluate.suites.features._together import together
from autointerp.evaluate.suites.features._tokens import tokens_by_bin, tokens_picture, top_token_share

N_SAMPLE = 24
"""Features drawn at random, of those that fire."""
MAX_SELECTED = 200
"""Of the run's selection, so many at most."""
N_DRAWN = 6


def measure(setting: Setting) -> Findings:
    """Measure: on up to 50,000 tokens that count, but for the first positions' part in the similarities."""
    found, firings = Findings(), setting.firings.counted
    n_active = np.bincount(firings.values.indices, minlength=setting.model.cfg.d_sae)
    sample = sampled(n_active, setting.seed)
    if not len(sample):
        found.notes.append("No feature fires on the text: there are no tokens, no company and no similarities.")
        add_decoder_map(found, setting)
        return found
    chosen = np.unique([*sample, *setting.selected[:MAX_SELECTED]]).astype(np.int64)
    which = f"{len(sample)} features drawn at random from those that fire, and those that the run selected"
    pieces = setting.subject.pieces
    by_bin = tokens_by_bin(firings, chosen, pieces)
    found.number(
        "top_token_share", top_token_share(firings, sample, setting.seed),
        "Share of a feature's firings that are on its most frequent token, of the random features.",
    )  # fmt: skip
    found.tables["tokens_by_bin"] = Table(
        by_bin,
        f"The most frequent tokens in each tenth of a feature's range of activations, for {which}. A feature with one "
        "meaning keeps its tokens in the low bins; one whose tokens change there may have others.",
    )
    found.pictures["tokens_by_bin"] = tokens_picture(by_bin, sample[:N_DRAWN].tolist())
    found.tables["token_kinds"] = Table(
        token_kinds(firings, chosen, pieces),
        f"Kinds of token that features fire on, for {which}: ratio is their share among its firings over their share "
        "in the text.",
    )
    found.tables["together"] = Table(
        together(firings.active, chosen),
        f"The features that fire on the same tokens most, for {which}: correlation of the two firings, jaccard (both "
        "over either), and lift (both, over what independence gives).",
    )
    add_alike(found, setting)
    add_decoder_map(found, setting)
    return found


def sampled(n_active: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Features drawn at random from those that fire.

    Args:
        n_active: Tokens each fires on, [F].
        seed: Of the draw.

    Returns:
        At most 24, in random order.
    """
    alive = np.flatnonzero(n_active)
    drawn: NDArray[np.int64] = np.random.default_rng(seed).permutation(alive)[:N_SAMPLE]
    return drawn
