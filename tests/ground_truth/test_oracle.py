"""A judge who knows where a label holds gets full marks for a right label, in every scorer's own words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from autointerp.harvest import DECILES, Context
from autointerp.score import make_trial
from benchmarks.ground_truth._scorers import SCORERS, Case
from benchmarks.ground_truth._text import Mask

LENGTH, PEAK = 17, 8
BY_NAME = {one.name: one for one in SCORERS}


def contexts() -> Iterator[Context]:
    """A window each: in both splits two of every decile, which fire at their middle, and 16 silent ones."""
    strata = [(name, rank) for name in DECILES for rank in range(2)]
    strata += [(name, rank) for name in ("negative_random", "negative_hard") for rank in range(8)]
    places = [(split, stratum, rank) for split in ("explain", "score") for stratum, rank in strata]
    for window, (split, stratum, rank) in enumerate(places):
        activations = [0.0] * LENGTH
        if stratum in DECILES:
            activations[PEAK] = 5.0 + DECILES.index(stratum)
        yield Context(
            feature=0, split=split, stratum=stratum, rank=rank, window=window, position=PEAK,
            token_ids=tuple(range(LENGTH)), tokens=tuple(f" w{i}" for i in range(LENGTH)),
            activations=tuple(activations), peak=PEAK, document="",
        )  # fmt: skip


EVERY = tuple(contexts())
TRUE: Mask = np.array([one.activations for one in EVERY]) > 0


def case(says: Mask, means: Mask = TRUE) -> Case:
    activation = np.array([one.activations for one in EVERY], np.float32)
    held_out = np.array([[one.split == "score"] * LENGTH for one in EVERY])
    return Case(make_trial(0, EVERY, seed=0), EVERY, 0, means, says, activation, held_out)


@pytest.mark.parametrize("name", [name for name in BY_NAME if "bottom" not in name and "position" not in name])
def test_a_right_label_gets_all_there_is(name: str) -> None:
    reached = BY_NAME[name].score(case(TRUE))
    # the strengths are not told by a label, and every window has the feature's token
    expected = {"detection: its lower bound": 0.87, "simulation: R2": 0.9, "token identity": 0.5}
    assert reached == pytest.approx(expected.get(name, 1), abs=0.06)


def test_a_label_for_other_tokens_gets_nothing() -> None:
    wrong = case(np.roll(TRUE, 3, axis=1))
    assert BY_NAME["fuzzing: balanced accuracy"].score(wrong) == pytest.approx(0.5, abs=0.15)
    assert (BY_NAME["simulation: Pearson"].score(wrong) or 0) < 0
    assert (BY_NAME["simulation: R2"].score(wrong) or 0) < 0
    assert BY_NAME["all tokens: F1"].score(wrong) == 0
    # the wrong tokens stand in the right contexts: detection alone can't tell
    assert BY_NAME["detection: balanced accuracy"].score(wrong) == 1


def test_scorers_without_a_label_do_not_look_at_it() -> None:
    for scorer in SCORERS:
        reached = [scorer.score(case(says)) for says in (TRUE, np.zeros_like(TRUE))]
        assert (reached[0] == reached[1]) == (not scorer.needs_label), scorer.name


def test_a_feature_without_a_meaning_has_no_intruder() -> None:
    reached = BY_NAME["intruder: accuracy"].score(case(TRUE, means=np.zeros_like(TRUE)))
    assert reached is not None
    assert reached < 0.7
