"""Measuring what is not measured yet."""

from __future__ import annotations

import time
from collections.abc import Callable

from autointerp.evaluate._findings import Findings
from autointerp.evaluate._store import Store, Stored
from autointerp.evaluate._suite import NotMeasurable
from autointerp.run import Progress


def keep(store: Store, stored: Stored, measure: Callable[[], Findings], progress: Progress) -> Stored:
    """What was found before with the same key, or else is measured and kept now.

    Args:
        store: Where findings lie.
        stored: Name, title and key of these.
        measure: Makes them.
        progress: Told when nothing can be measured.
    """
    before = store.read(stored.suite)
    if before is not None and before.key == stored.key:
        return before
    started, found = time.monotonic(), None
    try:
        found = measure()
    except NotMeasurable as reason:
        stored.not_measurable = str(reason)
        progress.say(f"{stored.suite}: not measured. {reason}")
    stored.seconds = round(time.monotonic() - started, 3)
    return store.write(stored, found)
