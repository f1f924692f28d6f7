"""Planted features fire where and as strongly as the plan says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from words_by_hand import WordsSubject

from benchmarks.ground_truth._known import vocabulary
from benchmarks.ground_truth._predicates import predicates, token
from benchmarks.ground_truth._subject import FALSE_SCALE, PlantedSubject, planted_sae
from benchmarks.ground_truth._text import Text
from benchmarks.ground_truth._truth import Part, Planted

KNOWN = {one.name: one for one in [*predicates(), *(token(f" w{i:02d}") for i in range(10))]}
THE, COMMA = "the token ' the'", "two tokens before a comma"


def planted(feature: int = 0, **fields: object) -> Planted:
    return Planted.model_validate({"feature": feature, "sort": "single", "mix": "", "noise": "", **fields})


def parts(*names: str) -> tuple[Part, ...]:
    return tuple(Part(name=name, share=1 / len(names)) for name in names)


@pytest.fixture
def ids() -> np.ndarray:
    found = np.random.default_rng(0).integers(2, 102, size=(400, 64))
    found[:, 0] = 0
    return found


def activations(feature: Planted, ids: np.ndarray, tokenizer: WordsSubject) -> np.ndarray:
    subject = PlantedSubject([feature], KNOWN, vocabulary(tokenizer), tokenizer, seed=0)
    return subject.activations(ids)[..., 0]


def holds(name: str, ids: np.ndarray, tokenizer: WordsSubject) -> np.ndarray:
    return KNOWN[name].fires(Text(ids, vocabulary(tokenizer)))


def test_without_noise_it_fires_where_its_meaning_holds(ids: np.ndarray, hundred_words: WordsSubject) -> None:
    found = activations(planted(parts=parts(THE)), ids, hundred_words)
    assert ((found > 0) == holds(THE, ids, hundred_words)).all()
    assert found.std() > 0


def test_a_union_fires_where_any_meaning_holds(ids: np.ndarray, hundred_words: WordsSubject) -> None:
    found = activations(planted(sort="union", parts=parts(THE, "the token ' w05'")), ids, hundred_words)
    either = holds(THE, ids, hundred_words) | holds("the token ' w05'", ids, hundred_words)
    assert ((found > 0) == either).all()


def test_noise_is_as_frequent_and_as_weak_as_planned(ids: np.ndarray, hundred_words: WordsSubject) -> None:
    found = activations(planted(parts=parts(THE), missed=0.2, false_rate=0.05), ids, hundred_words)
    here = holds(THE, ids, hundred_words)
    real = ids > 1
    assert (found[here] == 0).mean() == pytest.approx(0.2, abs=0.06)
    assert (found[real & ~here] > 0).mean() == pytest.approx(0.05, abs=0.01)
    false, true = found[real & ~here & (found > 0)], found[here & (found > 0)]
    assert np.median(false) / np.median(true) == pytest.approx(FALSE_SCALE, rel=0.3)
    assert (found[~real] == 0).all()


def test_a_bottom_meaning_is_weaker_than_all_of_the_first(ids: np.ndarray, hundred_words: WordsSubject) -> None:
    second = "the token ' w05'"
    found = activations(planted(sort="bottom", parts=parts(THE, second)), ids, hundred_words)
    first_only = found[holds(THE, ids, hundred_words)]
    second_only = found[holds(second, ids, hundred_words)]
    assert 0 < second_only.max() < first_only.min()


def test_an_activation_depends_on_its_window_alone(ids: np.ndarray, hundred_words: WordsSubject) -> None:
    feature = planted(parts=parts(COMMA), missed=0.1, false_rate=0.02)
    whole = activations(feature, ids, hundred_words)
    assert (activations(feature, ids[300:310], hundred_words) == whole[300:310]).all()
    assert (activations(planted(1, parts=parts(COMMA)), ids, hundred_words) != whole).any()


def test_position_features_fire_at_the_beginning_and_twins_alike(ids: np.ndarray, hundred_words: WordsSubject) -> None:
    first = activations(planted(sort="position 0"), ids, hundred_words)
    assert (np.flatnonzero((first > 0).all(axis=0)) == [1]).all()
    assert (first[:, 2:] == 0).all()
    twins = [activations(planted(i, sort="position twin"), ids, hundred_words) for i in (3, 4)]
    assert (twins[0] == twins[1]).all()
    assert (np.flatnonzero(twins[0].any(axis=0)) == [1, 2, 3]).all()


def test_the_sae_hands_activations_through_unchanged(ids: np.ndarray, hundred_words: WordsSubject) -> None:
    features = [planted(parts=parts(THE)), planted(1, sort="noise", false_rate=0.1)]
    subject = PlantedSubject(features, KNOWN, vocabulary(hundred_words), hundred_words, seed=0)
    x = subject.residuals(torch.from_numpy(ids))
    assert torch.equal(planted_sae(2).encode(x), x)
