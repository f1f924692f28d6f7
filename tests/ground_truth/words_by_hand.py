"""A tokenizer whose tokens are named in the test, with no model behind it."""

from __future__ import annotations

from collections.abc import Sequence

BOS, PAD = 0, 1


class WordsSubject:
    """As much of a subject as planting needs."""

    name = "by hand"
    bos_id, pad_id, max_context = BOS, PAD, 64

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = ["<bos>", "<pad>", *pieces]
        self.d_vocab = len(self._pieces)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return [self._pieces[i] for i in ids]
