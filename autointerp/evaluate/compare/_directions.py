"""The decoder directions of two SAEs side by side, against chance and against other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from autointerp.evaluate._findings import Findings, Table
from autointerp.evaluate.compare._closeness import Closeness, look_both_ways
from autointerp.evaluate.compare._dictionary import Dictionary
from autointerp.evaluate.compare._picture import closeness_picture
from autointerp.evaluate.compare._stable import StableRule, add_stable
from autointerp.run import Progress
from sae.compare import N_CANDIDATES, directions_like, isotropic_directions

_READINGS = {
    "share_above_0_9": "Share of {of}'s features whose largest decoder cosine with any of {there}'s is above 0.9.",
    "share_above_0_8": "The same above 0.8.",
    "median": "Median over {of}'s features of the largest cosine with any of {there}'s.",
}


@dataclass(frozen=True)
class _Compared:
    """All pairs of dictionaries that were looked at, each both ways."""

    pair: tuple[Closeness, Closeness]
    """A in B, B in A."""
    nulls: list[tuple[Closeness, Closeness]]
    """What takes A's place in B, and what takes B's place in A, kind by kind."""
    seeds: list[tuple[Closeness, Closeness]]
    """A in each other seed, and the reverse."""


def measure_directions(
    a: Dictionary, b: Dictionary, seeds: Sequence[Dictionary], *, rule: StableRule, seed: int, progress: Progress
) -> Findings:
    """Compare two dictionaries.

    Args:
        a: The SAE under study.
        b: Another, with the same d_in.
        seeds: SAEs trained as A was, from other seeds: how far A agrees with these is what agreement with B can be
            expected to reach.
        rule: What counts as stable across seeds and as absent.
        seed: Of the random directions and of the bootstrap.
        progress: Listener.
    """
    compared = _compare(a, b, seeds, seed, progress)
    found = Findings(notes=[note for one in (a, b, *seeds) for note in one.notes])
    for closeness, prefix in zip(compared.pair, ("a_in_b", "b_in_a"), strict=True):
        for name, estimate in closeness.estimates(seed).items():
            reading = _READINGS[name].format(of=closeness.of, there=closeness.found_in)
            found.number(f"{prefix}_{name}", estimate, reading)
    matched = compared.pair[0].matched_mean(seed)
    assert matched is not None
    found.number("matched_mean", matched, "Mean cosine when each feature of the smaller SAE gets a partner of its own.")
    rows = [one.row(seed) for both in (compared.pair, *compared.nulls, *compared.seeds) for one in both]
    found.tables["comparisons"] = Table(
        pd.DataFrame(rows),
        "Each row looks for the features of one dictionary in another by largest decoder cosine. Read the first two "
        "rows against those of random directions (agreement by chance) and of other seeds of A (as good as it gets). "
        "_se columns are standard errors over features, the dictionaries as they are.",
    )
    _add_features(found, a, b, compared)
    if seeds:
        add_stable(found, a, b, to_b=compared.pair[0], to_seeds=[forward for forward, _ in compared.seeds], rule=rule)
    else:
        found.notes.append("No other seed of A was given (--seed-of-a), so there is no seed null and no stable set.")
    if not (compared.pair[0].matching and compared.pair[0].matching.exact):
        found.notes.append(
            f"The SAEs are too large to match exactly: each feature considered its {N_CANDIDATES} closest, so the "
            "matched mean is a lower bound of the best matching's."
        )
    found.pictures["cosines"] = closeness_picture(compared.pair, compared.nulls, compared.seeds)
    return found


def _compare(a: Dictionary, b: Dictionary, seeds: Sequence[Dictionary], seed: int, progress: Progress) -> _Compared:
    left, right = (a.name, a.directions), (b.name, b.directions)
    nulls = []
    for number, (kind, make) in enumerate(_NULLS.items()):
        drawn = [(f"random {kind} {one.name}", make(one, seed + 2 * number + side)) for side, one in enumerate((a, b))]
        in_b, _ = look_both_ways(drawn[0], right, progress, match=number == 0)
        in_a, _ = look_both_ways(drawn[1], left, progress, match=False)
        nulls.append((in_b, in_a))
    return _Compared(
        pair=look_both_ways(left, right, progress, match=True),
        nulls=nulls,
        seeds=[look_both_ways(left, (one.name, one.directions), progress, match=True) for one in seeds],
    )


def _spread_like(one: Dictionary, seed: int) -> Tensor:
    return directions_like(one.directions, seed=seed)


def _uniform(one: Dictionary, seed: int) -> Tensor:
    return isotropic_directions(len(one.directions), one.directions.shape[1], seed=seed)


_NULLS = {"spread like": _spread_like, "uniform, as many as": _uniform}


def _add_features(found: Findings, a: Dictionary, b: Dictionary, compared: _Compared) -> None:
    forward, backward = compared.pair
    matching = forward.matching
    assert matching is not None
    partner = {"left": np.full(len(a.features), -1), "right": np.full(len(b.features), -1)}
    partner["left"][matching.left] = b.features[matching.right]
    partner["right"][matching.right] = a.features[matching.left]
    for name, one, other, closeness, side in (("a", a, b, forward, "left"), ("b", b, a, backward, "right")):
        frame = pd.DataFrame({
            "feature": one.features,
            "nearest": other.features[closeness.index],
            "cosine": closeness.cosine,
            "matched": pd.array(partner[side], dtype="Int64"),
        })  # fmt: skip
        frame["matched"] = frame["matched"].mask(frame["matched"] < 0)
        if name == "a":
            for to_seed, _ in compared.seeds:
                frame[f"cosine {to_seed.found_in}"] = to_seed.cosine
        found.tables[f"features_{name}"] = Table(
            frame,
            f"Every feature of {one.name}: the feature of {other.name} with the nearest decoder direction and its "
            "cosine, and its partner in the one-to-one matching (none where it stayed alone).",
        )
