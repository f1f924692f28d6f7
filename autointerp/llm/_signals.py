"""Ctrl-C and SIGTERM as a request to stop, not as an explosion."""

from __future__ import annotations

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


def stopped(number: int, message: str) -> InterruptedRunError:
    """The error of a run that a signal ended.

    Args:
        number: The signal's.
        message: What is kept, and how to go on.
    """
    return (TerminatedRunError if number == signal.SIGTERM else InterruptedRunError)(f"stopped. {message}")
