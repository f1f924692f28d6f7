"""A subject that is only a tokenizer: one id a word, white space kept apart."""

from __future__ import annotations

import re

import pytest


class WordSubject:
    """Ids by order of first sight; 0 is BOS, 1 is padding."""

    name = "words"
    bos_id: int | None = 0
    pad_id = 1
    max_context = 64

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.calls = 0

    def encode(self, text: str) -> list[int]:
        self.calls += 1
        return [self.ids.setdefault(word, len(self.ids) + 2) for word in re.findall(r"\S+", text)]


@pytest.fixture(scope="session")
def new_subject() -> type[WordSubject]:
    """Makes subjects, for tests that need more than one."""
    return WordSubject


@pytest.fixture
def subject() -> WordSubject:
    return WordSubject()
