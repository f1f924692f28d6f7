"""What is said of a pickle that torch did not open."""

from __future__ import annotations

import pickle
import re

_ASKED = re.compile(r"GLOBAL ([\w.]+)")


def describe_refusal(error: pickle.UnpicklingError) -> str:
    """Say why, in a line: torch's own words go on to advise opening the file all the same.

    Args:
        error: From ``torch.load(..., weights_only=True)``.
    """
    asked = _ASKED.search(str(error))
    why = f"it asks for {asked[1]}" if asked else "or is no torch file"
    return f"holds more than tensors ({why}), and was not opened"
