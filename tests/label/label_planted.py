"""Features with a known meaning, over text made of random tokens."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache

from autointerp.harvest import DECILES, Context

Fires = Callable[[Sequence[str], int], bool]

COMMON = [" self", "self", "(", ")", ",", ".", ":", " =", "\n", "\n    ", "\n        ", ' "', '"', " #", " the", " a"]
DIGITS = [" 1", "2", " 34", "7"]
STEMS = [" walking", " walked", " singing", " jumping", " Paris", " NASA", " MyClass", " my_name", "é", " x", " unfold"]
FILLER = [f" {first}{second}{last}" for first in "bdgk" for second in "aeou" for last in ("rt", "lm", "ns", "ck")]
VOCABULARY = COMMON * 3 + DIGITS + STEMS + FILLER
WINDOW, N_WINDOWS, BEFORE, AFTER = 64, 1500, 10, 6

SPLITS = {
    "explain": {"top": 10, "d": 2, "d0": 2, "d9": 4, "below_10pct_of_max": 4, "negative": 10},
    "score": {"top": 0, "d": 2, "d0": 6, "d9": 2, "below_10pct_of_max": 2, "negative": 8},
}


@cache
def windows() -> list[list[str]]:
    chooser = random.Random(0)
    return [chooser.choices(VOCABULARY, k=WINDOW) for _ in range(N_WINDOWS)]


def plant(feature: int, fires: Fires, *, seed: int = 0) -> list[Context]:
    """All contexts of a feature, even windows for one split and odd ones for the other."""
    chooser = random.Random(f"{seed}:{feature}")
    strengths = {
        (w, i): chooser.uniform(0.1, 10.0)
        for w, tokens in enumerate(windows())
        for i in range(WINDOW)
        if fires(tokens, i)
    }
    found: list[Context] = []
    for parity, (split, sizes) in enumerate(SPLITS.items()):
        places = sorted((place for place in strengths if place[0] % 2 == parity), key=strengths.__getitem__)
        assert len(places) >= 40, f"feature {feature} fires at {len(places)} places only"
        chosen = {"top": places[::-1][: sizes["top"]]}
        for number, name in enumerate(DECILES):
            decile = places[len(places) * number // 10 : len(places) * (number + 1) // 10]
            chosen[name] = chooser.sample(decile, min(len(decile), sizes.get(name, sizes["d"])))
        low = [place for place in places if strengths[place] < 1.0]
        chosen["below_10pct_of_max"] = chooser.sample(low, min(len(low), sizes["below_10pct_of_max"]))
        chosen |= _silent(chooser, parity, strengths, {windows()[w][i] for w, i in places}, sizes["negative"])
        for stratum, members in chosen.items():
            found += [
                _context(feature, split, stratum, rank, place, strength=strengths) for rank, place in enumerate(members)
            ]
    return found


def _silent(
    chooser: random.Random,
    parity: int,
    strengths: dict[tuple[int, int], float],
    peaks: set[str],
    size: int,
) -> dict[str, list[tuple[int, int]]]:
    everywhere = [(w, i) for w in range(parity, N_WINDOWS, 2) for i in range(1, WINDOW)]
    chooser.shuffle(everywhere)
    silent = [
        (w, i) for w, i in everywhere if not any((w, j) in strengths for j in range(max(0, i - BEFORE), i + AFTER + 1))
    ]
    hard = [(w, i) for w, i in silent[size:] if windows()[w][i] in peaks]
    return {"negative_random": silent[:size], "negative_hard": (hard + silent[size:])[:size]}


def _context(
    feature: int, split: str, stratum: str, rank: int, place: tuple[int, int], *, strength: dict[tuple[int, int], float]
) -> Context:
    window, position = place
    begin, end = max(0, position - BEFORE), min(WINDOW, position + AFTER + 1)
    return Context(
        feature=feature,
        split="explain" if split == "explain" else "score",
        stratum=stratum,
        rank=rank,
        window=window,
        position=position,
        token_ids=tuple(range(end - begin)),
        tokens=tuple(windows()[window][begin:end]),
        activations=tuple(strength.get((window, i), 0.0) for i in range(begin, end)),
        peak=position - begin,
        document=f"document {window}",
    )


def a_context(
    tokens: Sequence[str], peak: int = 0, *, stratum: str = "top", position: int = 30, split: str = "explain"
) -> Context:
    """One context by hand."""
    strength = 0.0 if stratum.startswith("negative") else 5.0
    return Context(
        feature=0,
        split="explain" if split == "explain" else "score",
        stratum=stratum,
        rank=0,
        window=0,
        position=position,
        token_ids=tuple(range(len(tokens))),
        tokens=tuple(tokens),
        activations=tuple(strength if i == peak else 0.0 for i in range(len(tokens))),
        peak=peak,
        document="document",
    )


def a_noise_feature(feature: int) -> list[Context]:
    """Fires at random places."""
    chooser = random.Random(feature)
    lucky = {(w, i) for w in range(N_WINDOWS) for i in range(WINDOW) if chooser.random() < 0.01}
    index = {id(tokens): w for w, tokens in enumerate(windows())}
    return plant(feature, lambda tokens, i: (index[id(tokens)], i) in lucky)
