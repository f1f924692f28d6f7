"""Progress on stderr: a bar on a terminal, else a line every ten seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from autointerp.run import Progress, Tick


def terminal_progress() -> Progress:
    """The listener that fits stderr."""
    return _Bars() if sys.stderr.isatty() else _Lines()


class _Sentences:
    """What ticks say beside the numbers: each sentence is passed on once, and not again in the next ticks."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._said = say, set[str]()

    def take(self, note: str) -> str:
        """The note without its sentence (see ``Tick``)."""
        numbers, _, sentence = note.partition("\n")
        if sentence and sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)
        return numbers


class _Lines:
    """For logs and pipes."""

    interval_s = 10.0

    def __init__(self) -> None:
        self._sentences = _Sentences(self.say)

    @contextlib.contextmanager
    def stage(self, name: str, unit: str) -> Iterator[Tick]:
        """One line at the end, and one every ten seconds before."""
        started = last = time.monotonic()
        latest = (0, 0, "")

        def tick(done: int, total: int, note: str = "") -> None:
            nonlocal last, latest
            latest = (done, total, self._sentences.take(note))
            if time.monotonic() - last >= self.interval_s:
                last = time.monotonic()
                self._print(name, unit, latest, last - started)

        yield tick
        if latest[1]:
            self._print(name, unit, latest, time.monotonic() - started)

    def say(self, sentence: str) -> None:
        """One line."""
        print(sentence, file=sys.stderr, flush=True)

    def _print(self, name: str, unit: str, state: tuple[int, int, str], seconds: float) -> None:
        done, total, note = state
        tail = f", {note}" if note else ""
        print(f"{name}: {done:,}/{total:,} {unit}, {seconds:.0f} s{tail}", file=sys.stderr, flush=True)


class _Bars:
    """For terminals."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._sentences = _Sentences(self.say)

    @contextlib.contextmanager
    def stage(self, name: str, unit: str) -> Iterator[Tick]:
        """One bar, which stays when it is full."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),  # it may hold names that others chose
        )
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(name, total=None, note="")

            def tick(done: int, total: int, note: str = "") -> None:
                bars.update(task, completed=done, total=total, note=self._sentences.take(note))

            yield tick

    def say(self, sentence: str) -> None:
        """One line above the bar."""
        self._console.print(sentence, markup=False, highlight=False)
