"""Ctrl-C and SIGTERM as a request to stop, not as an explosion."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from autointerp.errors import InterruptedRunError, TerminatedRunError


@contextlib.contextmanager
def on_interrupt(stop: Callable[[int], None]) -> Iterator[None]:
    """Call ``stop`` at each SIGINT or SIGTERM while inside; afterwards the old handlers are back.

    Outside the main thread, where Python has no signals, this does nothing.

    Args:
        stop: Told the signal's number; quick, and safe to call between any two steps of the program.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        number: signal.signal(number, lambda number, _: stop(number)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class Interrupts:
    """The signals one run was sent: noted at any moment, acted on in its event loop."""

    def __init__(self, *, first: Callable[[], object], second: Callable[[], object]) -> None:
        """Get ready.

        Args:
            first: Called in the event loop from the first signal on, perhaps more than once: ends things in good order.
            second: The same from the second on: ends them at once.
        """
        self._first, self._second = first, second
        self._numbers: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def __bool__(self) -> bool:
        """Whether there were any."""
        return bool(self._numbers)

    def note(self, number: int) -> None:
        """Take a signal. Callable from a signal handler.

        Args:
            number: The signal's.
        """
        self._numbers.append(number)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._act)

    def listen(self) -> None:
        """Act in the running event loop from now on, first on what came before."""
        self._loop = asyncio.get_running_loop()
        self._act()

    def check(self, message: str) -> None:
        """End here if there were any.

        Args:
            message: What is kept, and how to go on.

        Raises:
            InterruptedRunError: The first was SIGINT.
            TerminatedRunError: It was SIGTERM.
        """
        if self._numbers:
            error = TerminatedRunError if self._numbers[0] == signal.SIGTERM else InterruptedRunError
            raise error(f"stopped. {message}")

    def _act(self) -> None:
        if self._numbers:
            self._first()
        if len(self._numbers) > 1:
            self._second()


async def pause(seconds: float, halt: asyncio.Event) -> None:
    """Wait, but not past ``halt``."""
    try:
        async with asyncio.timeout(seconds):
            await halt.wait()
    except TimeoutError:
        return
