"""The benchmark is imported from the root of the checkout; windows are made by hand."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from collections.abc import Callable

import numpy as np
import pytest
from words_by_hand import BOS, PAD, WordsSubject

from benchmarks.ground_truth._known import vocabulary
from benchmarks.ground_truth._text import Text


@pytest.fixture
def a_text() -> Callable[..., Text]:
    """Windows given as lists of tokens; BOS in front, padding behind."""

    def make(*windows: list[str]) -> Text:
        pieces = sorted({piece for window in windows for piece in window})
        number = {piece: i + 2 for i, piece in enumerate(pieces)}
        ids = np.full((len(windows), max(map(len, windows)) + 1), PAD)
        for row, window in enumerate(windows):
            ids[row, : len(window) + 1] = [BOS, *(number[piece] for piece in window)]
        return Text(ids, vocabulary(WordsSubject(pieces)))

    return make


@pytest.fixture
def hundred_words() -> WordsSubject:
    """A hundred tokens, of which some are named in the tests."""
    return WordsSubject([" the", "(", ",", *(f" w{i:02d}" for i in range(97))])
