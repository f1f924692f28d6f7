"""Activations on text that has nothing to do with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autointerp.corpus import Windows


def shuffle_activations(windows: Windows, *, seed: int) -> Windows:
    """Give every window the activations of another one, drawn at random among those of its length.

    Each feature keeps how often, how strongly, at which positions and with which others it fires; only the text under
    it is another. So a label can't be right but by chance, unless it speaks of positions alone.

    Args:
        windows: The text.
        seed: Of the exchange.

    Returns:
        The same windows, but for the few that are the only one of their length, which are left out.
    """
    lengths = np.asarray(windows.lengths)
    order = np.random.default_rng(seed).permutation(len(lengths))
    donors = np.arange(len(lengths))
    for length in np.unique(lengths):
        group = order[lengths[order] == length]
        donors[group] = np.roll(group, 1)
    kept = np.flatnonzero(donors != np.arange(len(lengths)))
    tokens = np.asarray(windows.tokens)
    return replace(
        windows,
        tokens=tokens[kept],
        lengths=lengths[kept],
        split=windows.split[kept],
        document=windows.document[kept],
        start=windows.start[kept],
        n_tokens=int(lengths[kept].sum()) - len(kept) * int(windows.prepend_bos),
        model_reads=tokens[donors[kept]],
    )
