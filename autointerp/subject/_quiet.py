"""Keeps loading quiet, and leaves the process's logging and warnings as it found them."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, log records and progress bars of the model libraries, for a block of code."""
    from transformers.utils import logging as transformers_logging

    root = logging.getLogger()
    disabled, handlers = root.manager.disable, root.handlers[:]
    bars = transformers_logging.is_progress_bar_enabled()
    logging.disable(logging.WARNING)
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        # logging.warning() installs a handler on the root logger when there is none.
        root.handlers[:] = handlers
        if bars:
            transformers_logging.enable_progress_bar()
