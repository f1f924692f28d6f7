"""How long work tells its listener how far it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Tick(Protocol):
    """Told now and then how much of a stage is done."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report ``done`` of ``total`` units; ``note`` is a few words on what else is worth seeing.

        What stands in a note after a line feed is a sentence for the user, who must see it however soon the next tick
        comes.
        """


class Progress(Protocol):
    """A listener: a terminal, a log, or nobody."""

    def stage(self, name: str, unit: str) -> contextlib.AbstractContextManager[Tick]:
        """Open a stage of work counted in ``unit``."""

    def say(self, sentence: str) -> None:
        """Pass on something the user should read."""


class Silence:
    """The listener that does not listen: what notebooks get unless they pass another."""

    @contextlib.contextmanager
    def stage(self, name: str, unit: str) -> Iterator[Tick]:
        """Swallow the stage's ticks."""
        del name, unit
        yield _ignore

    def say(self, sentence: str) -> None:
        """Swallow the sentence."""


def _ignore(done: int, total: int, note: str = "") -> None:
    del done, total, note
